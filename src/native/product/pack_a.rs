//! Copies of the first operand, where its rows or summed elements lie so far apart that they share few lines
//! of the first cache, or each is in a page of its own.

use std::cell::RefCell;
use std::ptr;

use super::lanes::Lanes;
use super::tile::Tile;
use super::{DEPTH, ProductShape, ROWS};

/// Rows at multiples of so many bytes share the same few lines of the first cache: its ways lie so far apart.
const WAY: usize = 4096;

/// Summed elements so many bytes apart soon fill the first cache with lines of which a tile uses little.
const FAR: usize = 1024;

/// So many of them, and so many panels of columns, make a copy worthwhile that the first panel makes.
const LONG: usize = 128;
const PANELS: usize = 4;

/// Elements that a row of a copy may take: a run, and some lines that keep rows apart.
pub(super) const PITCH: usize = DEPTH + 16;

/// Room that begins with a line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct CacheLine(#[expect(dead_code, reason = "only pointers lead there")] [u8; 64]);

thread_local! {
    static COPIES: RefCell<Vec<CacheLine>> = const { RefCell::new(Vec::new()) };
}

/// Room for copies of the rows of a block, or null where they are better read where they are.
pub(super) fn copies<L: Lanes>(shape: &ProductShape) -> *mut L::E {
    let bytes = |distance: isize| distance.unsigned_abs() * size_of::<L::E>();
    let (row, next) = (bytes(shape.a_row), bytes(shape.a_next.by));
    let collide = shape.a_next.by == 1 && shape.m > 4 && row > 0 && row.is_multiple_of(WAY);
    let far = shape.a_row == 1 && next >= FAR && shape.k >= LONG && shape.n > (PANELS - 1) * 2 * L::N;
    if shape.a_next.has_table() || !(collide || far) {
        return ptr::null_mut();
    }
    COPIES.with_borrow_mut(|lines| {
        let room = ROWS * PITCH * size_of::<L::E>() / size_of::<CacheLine>();
        lines.resize(room.max(lines.len()), CacheLine([0; 64]));
        lines.as_mut_ptr().cast()
    })
}

/// The tile with its rows copied.
pub(super) fn copy<E: Copy>(rows: usize, tile: &Tile<E>, copy: *mut E) -> Tile<E> {
    let (a_row, a_next) = if tile.a_row == 1 { (1, rows as isize) } else { (PITCH as isize, 1) };
    Tile { a: copy.cast_const(), a_row, a_next, ..*tile }
}

/// Copies the rows of a tile.
///
/// # Safety
/// They must be there, and room for as many rows of [`PITCH`].
pub(super) unsafe fn copied<E: Copy>(rows: usize, tile: &Tile<E>, to: *mut E) -> Tile<E> {
    // SAFETY: the caller vouches for the rows and the room.
    unsafe {
        if tile.a_row != 1 {
            for row in 0..rows {
                let from = tile.a.offset(row as isize * tile.a_row);
                from.copy_to_nonoverlapping(to.add(row * PITCH), tile.k);
            }
        } else {
            by_rows!(rows, M => narrow::<E, M>(tile, to));
        }
    }
    copy(rows, tile, to)
}

/// Copies rows whose elements lie side by side.
unsafe fn narrow<E: Copy, const M: usize>(tile: &Tile<E>, to: *mut E) {
    for k in 0..tile.k {
        // SAFETY: as in `copied`.
        unsafe {
            let rows = tile.a.offset(k as isize * tile.a_next).cast::<[E; M]>().read_unaligned();
            to.add(k * M).cast::<[E; M]>().write_unaligned(rows);
        }
    }
}
