//! Rows of columns that lie one after another, four at a time, for x86-64.

use std::arch::x86_64::*;

/// Writes four rows of vectors that hold, in each 128 bits, four elements of a column.
macro_rules! write_rows {
    ($x:ident to $to:ident by $width:ident: $low:ident $high:ident $shuffle:ident $store:ident) => {
        let (a, b) = ($low($x[0], $x[1]), $high($x[0], $x[1]));
        let (c, d) = ($low($x[2], $x[3]), $high($x[2], $x[3]));
        $store($to, $shuffle::<0x44>(a, c));
        $store($to.add($width), $shuffle::<0xee>(a, c));
        $store($to.add(2 * $width), $shuffle::<0x44>(b, d));
        $store($to.add(3 * $width), $shuffle::<0xee>(b, d));
    };
}

/// Four rows of 8 columns: `to[r * width + c] = from[c][row + r]`.
///
/// # Safety
/// They must be there.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) unsafe fn rows_of_8(from: &[*const f32; 8], row: usize, to: *mut f32, width: usize) {
    // SAFETY: the caller vouches for them.
    unsafe {
        let part = |column: usize| _mm_loadu_ps(from[column].add(row));
        let x: [__m256; 4] = std::array::from_fn(|column| {
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(part(column)), part(column + 4))
        });
        write_rows!(x to to by width: _mm256_unpacklo_ps _mm256_unpackhi_ps _mm256_shuffle_ps _mm256_storeu_ps);
    }
}

/// Four rows of 16 columns.
///
/// # Safety
/// As [`rows_of_8`].
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn rows_of_16(from: &[*const f32; 16], row: usize, to: *mut f32, width: usize) {
    // SAFETY: the caller vouches for them.
    unsafe {
        let part = |column: usize| _mm_loadu_ps(from[column].add(row));
        let x: [__m512; 4] = std::array::from_fn(|column| {
            let x = _mm512_castps128_ps512(part(column));
            let x = _mm512_insertf32x4::<1>(x, part(column + 4));
            _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(x, part(column + 8)), part(column + 12))
        });
        write_rows!(x to to by width: _mm512_unpacklo_ps _mm512_unpackhi_ps _mm512_shuffle_ps _mm512_storeu_ps);
    }
}

/// Four rows of as many columns as a vector has.
///
/// # Safety
/// As [`rows_of_8`].
#[target_feature(enable = "avx2")]
#[inline]
pub(super) unsafe fn rows_of_f64<const N: usize>(
    from: &[*const f64; N],
    row: usize,
    to: *mut f64,
    width: usize,
) {
    for (column, second) in (0..N).step_by(4).flat_map(|column| [(column, 0), (column, 2)]) {
        // SAFETY: the caller vouches for them.
        unsafe {
            let part = |column: usize| _mm_loadu_pd(from[column].add(row + second));
            let [x, y] = [0, 1].map(|k| {
                let low = _mm256_castpd128_pd256(part(column + k));
                _mm256_insertf128_pd::<1>(low, part(column + k + 2))
            });
            let to = to.add(second * width + column);
            _mm256_storeu_pd(to, _mm256_unpacklo_pd(x, y));
            _mm256_storeu_pd(to.add(width), _mm256_unpackhi_pd(x, y));
        }
    }
}
