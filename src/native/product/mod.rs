//! Matrix products by precompiled loops with the widest registers of the machine.
//!
//! `c[i, j] = fma(a[i, k-1], b[k-1, j], ... fma(a[i, 0], b[0, j], 0))`: one chain of fused multiply-adds
//! for each result, in the order of the summed axis. So results have the same bits on every machine, at
//! any width of its registers, and however the rows and columns are shared out among threads.
//!
//! Columns are done in panels of two vectors. Of each, a run of [`DEPTH`] summed rows is laid out side by
//! side on the stack, where it stays in the first cache while the tiles of all rows use it; sums go on
//! from the results of the run before (Goto and van de Geijn 2008; the first operand is copied only where
//! its rows would share few lines of the first cache).

mod lanes;
#[cfg(test)]
mod tests;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

use lanes::{Element, Lanes, Portable};
use tile::Tile;

/// Rows of the second operand that are laid out at once: with 32 columns of 4 bytes 32 KiB.
const DEPTH: usize = 256;

/// Rows of the first operand of which a run is used again for every panel of columns: 192 KiB.
const ROWS: usize = 192;

/// Bytes of the laid out rows.
const BYTES: usize = DEPTH * 128;

/// Where elements along an axis lie, in elements: at multiples of a distance, or as a table says.
#[derive(Clone, Copy, Debug)]
struct Steps {
    by: isize,
    /// Null without one.
    table: *const i64,
}

impl Steps {
    fn has_table(self) -> bool {
        !self.table.is_null()
    }

    /// Where element `k` lies.
    ///
    /// # Safety
    /// The table has more than `k` entries, if there is one.
    unsafe fn at(self, k: usize) -> isize {
        // SAFETY: the caller vouches for it.
        if self.has_table() { unsafe { *self.table.add(k) as isize } } else { k as isize * self.by }
    }
}

/// A matrix product: sizes, and where elements along each axis lie. Columns of the results lie side by side.
#[derive(Clone, Copy, Debug)]
struct Shape {
    m: usize,
    n: usize,
    k: usize,
    a_row: isize,
    a_next: Steps,
    b_next: Steps,
    b_column: Steps,
    c_row: isize,
}

#[repr(C, align(64))]
struct Scratch([u8; BYTES]);

/// The entry of native code for an element type.
macro_rules! entry {
    ($name:ident, $element:ty, $avx512:ident, $avx2:ident) => {
        /// Computes a product with the widest registers of this machine: pointers, sizes, and where elements
        /// along each axis lie.
        ///
        /// # Safety
        /// The factors, the tables and the result must be there, and the result must overlap neither factor.
        #[allow(clippy::too_many_arguments, reason = "native code passes them one by one")]
        pub(super) unsafe extern "C" fn $name(
            a: *const $element,
            b: *const $element,
            c: *mut $element,
            m: usize,
            n: usize,
            k: usize,
            a_row: isize,
            a_by: isize,
            a_table: *const i64,
            b_by: isize,
            b_table: *const i64,
            column_by: isize,
            column_table: *const i64,
            c_row: isize,
        ) {
            let a_next = Steps { by: a_by, table: a_table };
            let b_next = Steps { by: b_by, table: b_table };
            let b_column = Steps { by: column_by, table: column_table };
            let shape = Shape { m, n, k, a_row, a_next, b_next, b_column, c_row };
            // SAFETY: the machine has the features that it is asked for; the caller vouches for the memory.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    return match is_x86_feature_detected!("avx512f") {
                        true => product::<x86::$avx512>(&shape, a, b, c),
                        false => product::<x86::$avx2>(&shape, a, b, c),
                    };
                }
                product::<Portable<$element>>(&shape, a, b, c)
            }
        }
    };
}

entry!(product_f32, f32, Avx512F32, Avx2F32);
entry!(product_f64, f64, Avx512F64, Avx2F64);

/// Rows of the first operand by blocks that stay in the second cache, the summed axis by runs, then
/// columns by panels.
///
/// # Safety
/// As [`product_f32`], and the machine must have the registers of `L`.
unsafe fn product<L: Lanes>(shape: &Shape, a: *const L::E, b: *const L::E, c: *mut L::E) {
    let mut scratch = std::mem::MaybeUninit::<Scratch>::uninit();
    let laid = scratch.as_mut_ptr().cast::<L::E>();
    let width = 2 * L::N;
    for row in (0..shape.m).step_by(ROWS) {
        let m = ROWS.min(shape.m - row);
        for start in (0..shape.k.max(1)).step_by(DEPTH) {
            for column in (0..shape.n).step_by(width) {
                let panel = Panel { row, m, start, column, columns: width.min(shape.n - column) };
                // SAFETY: inside the operands and the results; the scratch holds `DEPTH` rows of a panel.
                unsafe { panel.compute::<L>(shape, a, b, c, laid) }
            }
        }
    }
}

/// Some rows, some columns, and a run of the summed axis.
struct Panel {
    row: usize,
    m: usize,
    start: usize,
    column: usize,
    columns: usize,
}

impl Panel {
    /// # Safety
    /// As [`product`]; `laid` has room for the second operand.
    unsafe fn compute<L: Lanes>(
        &self,
        shape: &Shape,
        a: *const L::E,
        b: *const L::E,
        c: *mut L::E,
        laid: *mut L::E,
    ) {
        let k = DEPTH.min(shape.k - self.start);
        let table = shape.a_next.has_table();
        // SAFETY: the caller vouches for the operands and the tables.
        unsafe {
            let first = if table { 0 } else { shape.a_next.at(self.start) };
            let (b, b_next, lay) = second::<L>(self, shape, k, b, laid);
            let tile = Tile {
                k,
                a: a.offset(self.row as isize * shape.a_row + first),
                a_row: shape.a_row,
                a_next: shape.a_next.by,
                a_table: if table { shape.a_next.table.add(self.start) } else { std::ptr::null() },
                b,
                b_next,
                c: c.offset(self.row as isize * shape.c_row).add(self.column),
                c_row: shape.c_row,
                laid: if lay { laid } else { std::ptr::null_mut() },
                first: self.start == 0,
                last: (self.columns - 1) % L::N + 1,
            };
            if self.columns > L::N { rows::<L, 2>(tile, self.m) } else { rows::<L, 1>(tile, self.m) }
        }
    }
}

/// So few rows of results do not make it worthwhile to lay out the second operand.
const FEW: usize = 24;

/// The second operand with its columns side by side, and the distance of its rows: as it is where that
/// costs less than laying it out.
unsafe fn second<L: Lanes>(
    panel: &Panel,
    shape: &Shape,
    k: usize,
    b: *const L::E,
    laid: *mut L::E,
) -> (*const L::E, isize, bool) {
    let Shape { b_next, b_column, .. } = *shape;
    let (strided, adjacent) = (!b_next.has_table(), !b_column.has_table() && b_column.by == 1);
    let whole = panel.columns.is_multiple_of(L::N);
    let width = panel.columns.next_multiple_of(L::N);
    // SAFETY: the caller vouches for the operand, the tables and the room.
    unsafe {
        let at =
            |row: usize, column: usize| b_next.at(panel.start + row) + b_column.at(panel.column + column);
        if strided && adjacent && !(shape.a_next.has_table() && panel.m > FEW) {
            return (b.offset(at(0, 0)), b_next.by, panel.m > FEW);
        }
        if strided && !b_column.has_table() && b_next.by == 1 && whole {
            for first in (0..width).step_by(L::N) {
                L::transpose(k, b.offset(at(0, first)), b_column.by, laid.add(first), width);
            }
        } else if strided && b_next.by == 1 {
            // A column at a time: many, far apart, would push each other out of the first cache.
            for lane in 0..width {
                for row in 0..k {
                    let inside = lane < panel.columns;
                    *laid.add(row * width + lane) =
                        if inside { *b.offset(at(row, lane)) } else { L::E::ZERO };
                }
            }
        } else if adjacent && whole {
            for row in 0..k {
                b.offset(at(row, 0)).copy_to_nonoverlapping(laid.add(row * width), width);
            }
        } else {
            for (row, lane) in (0..k).flat_map(|row| (0..width).map(move |lane| (row, lane))) {
                let inside = lane < panel.columns;
                *laid.add(row * width + lane) = if inside { *b.offset(at(row, lane)) } else { L::E::ZERO };
            }
        }
    }
    (laid.cast_const(), width as isize, false)
}

/// Rows at multiples of so many bytes share the same few lines of the first cache: its ways lie so far apart.
const WAY: usize = 4096;

/// Distance of copied rows, in elements: a run, and some lines that keep rows apart.
const COPIED: usize = DEPTH + 16;

/// Whether rows of a tile are better copied: each of them would be loaded anew for each of its elements.
fn collides<L: Lanes>(tile: &Tile<L::E>, m: usize) -> bool {
    let distance = tile.a_row.unsigned_abs() * size_of::<L::E>();
    let in_place = tile.a_table.is_null() && tile.a_next == 1;
    in_place && m > 4 && distance > 0 && distance.is_multiple_of(WAY)
}

/// All rows, tile by tile.
unsafe fn rows<L: Lanes, const V: usize>(mut tile: Tile<L::E>, m: usize) {
    let mut scratch = std::mem::MaybeUninit::<[L::E; COPIED * 12]>::uninit();
    let collides = collides::<L>(&tile, m);
    let mut left = m;
    while left > 0 {
        // Nearly equal tiles: 32 rows are 11, 11 and 10, not 12, 12 and 8.
        let rows = left.div_ceil(left.div_ceil(L::ROWS[V - 1]));
        // SAFETY: the caller vouches for `m` rows; the scratch holds those of a tile.
        unsafe {
            if collides {
                let copy = scratch.as_mut_ptr().cast::<L::E>();
                for row in 0..rows {
                    let from = tile.a.offset(row as isize * tile.a_row);
                    from.copy_to_nonoverlapping(copy.add(row * COPIED), tile.k);
                }
                one::<L, V>(rows, &Tile { a: copy.cast_const(), a_row: COPIED as isize, ..tile });
            } else {
                one::<L, V>(rows, &tile);
            }
        }
        if !tile.laid.is_null() {
            (tile.b, tile.b_next) = (tile.laid.cast_const(), (V * L::N) as isize);
            tile.laid = std::ptr::null_mut();
        }
        let step = rows as isize;
        tile.a = tile.a.wrapping_offset(step * tile.a_row);
        tile.c = tile.c.wrapping_offset(step * tile.c_row);
        left -= rows;
    }
}

/// One tile of up to 12 rows.
unsafe fn one<L: Lanes, const V: usize>(rows: usize, tile: &Tile<L::E>) {
    // SAFETY: the caller vouches for the rows.
    unsafe {
        match rows {
            1 => L::tile::<1, V>(tile),
            2 => L::tile::<2, V>(tile),
            3 => L::tile::<3, V>(tile),
            4 => L::tile::<4, V>(tile),
            5 => L::tile::<5, V>(tile),
            6 => L::tile::<6, V>(tile),
            7 => L::tile::<7, V>(tile),
            8 => L::tile::<8, V>(tile),
            9 => L::tile::<9, V>(tile),
            10 => L::tile::<10, V>(tile),
            11 => L::tile::<11, V>(tile),
            _ => L::tile::<12, V>(tile),
        }
    }
}
