//! Vectors of the machines that products run on.
//!
//! Every machine computes the same bits: a vector only says how many columns are done at once, and each
//! of them is its own chain of fused multiply-adds.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::tile::Tile;

/// An element type of products.
pub(super) trait ProductElement: Copy + Debug {
    /// Zero.
    const ZERO: Self;
    /// `a * b + self`, rounded once.
    fn fused(self, a: Self, b: Self) -> Self;
    /// `self + other`.
    fn plus(self, other: Self) -> Self;
}

impl ProductElement for f32 {
    const ZERO: f32 = 0.0;
    #[inline(always)]
    fn fused(self, a: f32, b: f32) -> f32 {
        a.mul_add(b, self)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

impl ProductElement for f64 {
    const ZERO: f64 = 0.0;
    #[inline(always)]
    fn fused(self, a: f64, b: f64) -> f64 {
        a.mul_add(b, self)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

/// What a machine computes with its registers.
///
/// # Safety
/// The methods may only be called where the machine has the registers; pointers must be valid for as many
/// elements as a method says.
pub(super) trait Lanes: Copy {
    /// What is in each lane.
    type E: ProductElement;
    /// How many lanes.
    const N: usize;
    /// Rows of a tile that is one vector wide, and of one that is two wide.
    const ROWS: [usize; 2];
    /// Computes a tile of `M` rows and `V` vectors.
    unsafe fn tile<const M: usize, const V: usize>(tile: &Tile<Self::E>);
    /// Lays out `k` rows of up to `N` columns that lie one after another: `to[r * width + c] = from[c * stride + r]`.
    /// All `N` are written, the last in place of any that there are not.
    unsafe fn transpose(
        size: [usize; 2],
        from: *const Self::E,
        stride: isize,
        to: *mut Self::E,
        width: usize,
    );
}

/// Four lanes on any machine.
#[derive(Clone, Copy)]
pub(super) struct Portable<E>(PhantomData<E>);

impl<E: ProductElement> Lanes for Portable<E> {
    type E = E;
    const N: usize = 4;
    const ROWS: [usize; 2] = [4, 4];

    unsafe fn tile<const M: usize, const V: usize>(tile: &Tile<E>) {
        // SAFETY: the caller vouches for the tile; there is nothing that the machine may lack.
        unsafe { tile.compute::<4, M, V>() }
    }

    unsafe fn transpose(size: [usize; 2], from: *const E, stride: isize, to: *mut E, width: usize) {
        // SAFETY: the caller vouches for the columns and the room.
        unsafe { transposed::<E, 4>(size, from, stride, to, width) }
    }
}

/// [`Lanes::transpose`] element by element.
///
/// # Safety
/// As there.
pub(super) unsafe fn transposed<E: Copy, const N: usize>(
    [k, columns]: [usize; 2],
    from: *const E,
    stride: isize,
    to: *mut E,
    width: usize,
) {
    for (row, lane) in (0..k).flat_map(|row| (0..N).map(move |lane| (row, lane))) {
        let column = lane.min(columns - 1) as isize;
        // SAFETY: the caller vouches for the columns and the room.
        unsafe { *to.add(row * width + lane) = *from.offset(column * stride + row as isize) }
    }
}
