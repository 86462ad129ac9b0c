//! Vectors of x86-64: 256 bits with AVX2 and FMA, 512 bits with AVX-512.

use std::arch::x86_64::*;

use super::lanes::Lanes;
use super::tile::Tile;

/// One vector type of a machine with these features.
macro_rules! lanes {
    (
        $name:ident($register:ty) of $e:ty, $n:literal lanes, $rows:literal rows, $features:literal;
        $splat:ident $load:ident $store:ident $fused:ident;
        first $load_first:expr, $store_first:expr;
        transpose $transpose:ident of $by:literal
    ) => {
        #[derive(Clone, Copy)]
        pub(super) struct $name($register);

        #[expect(
            clippy::undocumented_unsafe_blocks,
            reason = "SAFETY of all of them: callers have the features and vouch for the pointers"
        )]
        impl Lanes for $name {
            type E = $e;
            const N: usize = $n;
            const ROWS: usize = $rows;

            #[inline(always)]
            unsafe fn splat(value: $e) -> Self {
                unsafe { $name($splat(value)) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $e) -> Self {
                unsafe { $name($load(from)) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $e) {
                unsafe { $store(to, self.0) }
            }

            #[inline(always)]
            unsafe fn load_first(from: *const $e, n: usize) -> Self {
                unsafe { $name($load_first(from, n)) }
            }

            #[inline(always)]
            unsafe fn store_first(self, to: *mut $e, n: usize) {
                unsafe { $store_first(to, n, self.0) }
            }

            #[inline(always)]
            unsafe fn fused(self, a: Self, b: Self) -> Self {
                unsafe { $name($fused(a.0, b.0, self.0)) }
            }

            #[target_feature(enable = $features)]
            unsafe fn tile<const M: usize, const V: usize>(tile: &Tile<$e>) {
                unsafe { tile.compute::<Self, M, V>() }
            }

            #[target_feature(enable = $features)]
            unsafe fn transpose(k: usize, from: *const $e, stride: isize, to: *mut $e, width: usize) {
                for column in (0..$n).step_by($by) {
                    let (from, to) =
                        unsafe { (from.offset(column as isize * stride), to.add(column)) };
                    let mut row = 0;
                    while row + $by <= k {
                        unsafe { $transpose(from.add(row), stride, to.add(row * width), width) }
                        row += $by;
                    }
                    for row in row..k {
                        for lane in 0..$by {
                            unsafe {
                                *to.add(row * width + lane) = *from.offset(lane as isize * stride).add(row);
                            }
                        }
                    }
                }
            }
        }
    };
}

lanes!(
    Avx2F32(__m256) of f32, 8 lanes, 6 rows, "avx2,fma";
    _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps;
    first |from, n| _mm256_maskload_ps(from, mask32(n)), |to, n, value| _mm256_maskstore_ps(to, mask32(n), value);
    transpose transpose_8x8 of 8
);
lanes!(
    Avx2F64(__m256d) of f64, 4 lanes, 6 rows, "avx2,fma";
    _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd;
    first |from, n| _mm256_maskload_pd(from, mask64(n)), |to, n, value| _mm256_maskstore_pd(to, mask64(n), value);
    transpose transpose_4x4 of 4
);
lanes!(
    Avx512F32(__m512) of f32, 16 lanes, 12 rows, "avx512f,avx2,fma";
    _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps;
    first |from, n| _mm512_maskz_loadu_ps((1u16 << n) - 1, from), |to, n, value| _mm512_mask_storeu_ps(to, (1u16 << n) - 1, value);
    transpose transpose_8x8 of 8
);
lanes!(
    Avx512F64(__m512d) of f64, 8 lanes, 12 rows, "avx512f,avx2,fma";
    _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd;
    first |from, n| _mm512_maskz_loadu_pd((1u8 << n) - 1, from), |to, n, value| _mm512_mask_storeu_pd(to, (1u8 << n) - 1, value);
    transpose transpose_4x4 of 4
);

/// All bits of the first `n` of 8 lanes.
#[inline(always)]
fn mask32(n: usize) -> __m256i {
    let lanes: [i32; 8] = std::array::from_fn(|lane| if lane < n { -1 } else { 0 });
    // SAFETY: eight integers are a vector.
    unsafe { std::mem::transmute(lanes) }
}

/// All bits of the first `n` of 4 lanes.
#[inline(always)]
fn mask64(n: usize) -> __m256i {
    let lanes: [i64; 4] = std::array::from_fn(|lane| if lane < n { -1 } else { 0 });
    // SAFETY: four integers are a vector.
    unsafe { std::mem::transmute(lanes) }
}

/// `to[r * width + c] = from[c * stride + r]` for 8 rows and columns.
///
/// # Safety
/// Both must be there.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_8x8(from: *const f32, stride: isize, to: *mut f32, width: usize) {
    // SAFETY: the caller vouches for both.
    let pair = |column: isize| unsafe {
        let low = _mm256_castps128_ps256(_mm_loadu_ps(from.offset(column * stride)));
        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(from.offset((column + 4) * stride)))
    };
    // SAFETY: as above.
    let high = |column: isize| unsafe {
        let low = _mm256_castps128_ps256(_mm_loadu_ps(from.offset(column * stride + 4)));
        _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(from.offset((column + 4) * stride + 4)))
    };
    let upper = four([pair(0), pair(1), pair(2), pair(3)]);
    let lower = four([high(0), high(1), high(2), high(3)]);
    for (row, vector) in upper.into_iter().chain(lower).enumerate() {
        // SAFETY: as above.
        unsafe { _mm256_storeu_ps(to.add(row * width), vector) }
    }
}

/// Transposes 4 x 4 in each half.
#[target_feature(enable = "avx2")]
#[inline]
fn four(x: [__m256; 4]) -> [__m256; 4] {
    let (a, b) = (_mm256_unpacklo_ps(x[0], x[1]), _mm256_unpackhi_ps(x[0], x[1]));
    let (c, d) = (_mm256_unpacklo_ps(x[2], x[3]), _mm256_unpackhi_ps(x[2], x[3]));
    [
        _mm256_shuffle_ps::<0x44>(a, c),
        _mm256_shuffle_ps::<0xee>(a, c),
        _mm256_shuffle_ps::<0x44>(b, d),
        _mm256_shuffle_ps::<0xee>(b, d),
    ]
}

/// `to[r * width + c] = from[c * stride + r]` for 4 rows and columns.
///
/// # Safety
/// Both must be there.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_4x4(from: *const f64, stride: isize, to: *mut f64, width: usize) {
    // SAFETY: the caller vouches for both.
    let pair = |column: isize, row: isize| unsafe {
        let low = _mm256_castpd128_pd256(_mm_loadu_pd(from.offset(column * stride + row)));
        _mm256_insertf128_pd::<1>(low, _mm_loadu_pd(from.offset((column + 2) * stride + row)))
    };
    for row in [0, 2] {
        let (a, b) = (pair(0, row), pair(1, row));
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_pd(to.add(row as usize * width), _mm256_unpacklo_pd(a, b));
            _mm256_storeu_pd(to.add((row as usize + 1) * width), _mm256_unpackhi_pd(a, b));
        }
    }
}
