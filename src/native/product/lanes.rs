//! Vectors of the machines that products run on.
//!
//! Every machine computes the same bits: a vector only says how many columns are done at once, and each
//! of them is its own chain of fused multiply-adds.

use std::fmt::Debug;

/// An element type of products.
pub(super) trait Element: Copy + Debug {
    /// Zero.
    const ZERO: Self;
    /// `a * b + self`, rounded once.
    fn fused(self, a: Self, b: Self) -> Self;
}

impl Element for f32 {
    const ZERO: f32 = 0.0;
    #[inline(always)]
    fn fused(self, a: f32, b: f32) -> f32 {
        a.mul_add(b, self)
    }
}

impl Element for f64 {
    const ZERO: f64 = 0.0;
    #[inline(always)]
    fn fused(self, a: f64, b: f64) -> f64 {
        a.mul_add(b, self)
    }
}

/// A vector register, and the tile that fits the machine's registers.
///
/// # Safety
/// The methods may only be called where the machine has the registers; pointers must be valid for as many
/// elements as a method says.
pub(super) trait Lanes: Copy {
    /// What is in each lane.
    type E: Element;
    /// How many lanes.
    const N: usize;
    /// Rows of a tile; it is two vectors wide.
    const ROWS: usize;
    /// One number in every lane.
    unsafe fn splat(value: Self::E) -> Self;
    /// `N` elements.
    unsafe fn load(from: *const Self::E) -> Self;
    /// Writes `N` elements.
    unsafe fn store(self, to: *mut Self::E);
    /// The first `n < N` elements, and zeros.
    unsafe fn load_first(from: *const Self::E, n: usize) -> Self;
    /// Writes the first `n < N` elements.
    unsafe fn store_first(self, to: *mut Self::E, n: usize);
    /// `a * b + self`, rounded once.
    unsafe fn fused(self, a: Self, b: Self) -> Self;
    /// Computes a tile.
    unsafe fn tile<const M: usize, const V: usize>(tile: &super::tile::Tile<Self::E>);
    /// Lays out `N` columns of `k` rows from columns that lie one after another: `to[r * width + c] = from[c * stride + r]`.
    unsafe fn transpose(k: usize, from: *const Self::E, stride: isize, to: *mut Self::E, width: usize);
}

/// Four lanes on any machine.
#[derive(Clone, Copy)]
pub(super) struct Portable<E>([E; 4]);

impl<E: Element> Lanes for Portable<E> {
    type E = E;
    const N: usize = 4;
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: E) -> Self {
        Portable([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const E) -> Self {
        // SAFETY: the caller vouches for four elements.
        unsafe { Portable(from.cast::<[E; 4]>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut E) {
        // SAFETY: as above.
        unsafe { to.cast::<[E; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const E, n: usize) -> Self {
        // SAFETY: the caller vouches for `n` elements.
        Portable(std::array::from_fn(|lane| if lane < n { unsafe { *from.add(lane) } } else { E::ZERO }))
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut E, n: usize) {
        for (lane, value) in self.0.into_iter().enumerate().take(n) {
            // SAFETY: the caller vouches for `n` elements.
            unsafe { *to.add(lane) = value }
        }
    }

    #[inline(always)]
    unsafe fn fused(self, a: Self, b: Self) -> Self {
        Portable(std::array::from_fn(|lane| self.0[lane].fused(a.0[lane], b.0[lane])))
    }

    unsafe fn tile<const M: usize, const V: usize>(tile: &super::tile::Tile<E>) {
        // SAFETY: the caller vouches for the tile; there is nothing that the machine may lack.
        unsafe { tile.compute::<Self, M, V>() }
    }

    unsafe fn transpose(k: usize, from: *const E, stride: isize, to: *mut E, width: usize) {
        for row in 0..k {
            for lane in 0..4 {
                // SAFETY: the caller vouches for `k` rows of `N` columns on both sides.
                unsafe { *to.add(row * width + lane) = *from.offset(lane as isize * stride + row as isize) }
            }
        }
    }
}
