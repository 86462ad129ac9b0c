//! Matrix products by precompiled loops with the widest registers of the machine.
//!
//! `c[i, j] = fma(a[i, k-1], b[k-1, j], ... fma(a[i, 0], b[0, j], 0))`: one chain of fused multiply-adds
//! for each result and each run of the summed axis, in its order, as [`Product`] says. So results have the
//! same bits on every machine, at any width of its registers, and however the rows and columns are shared
//! out among threads.
//!
//! Columns are done in panels of two vectors. Of each, a run of summed rows is packed out side by side on the
//! stack, where it stays in the first cache while the tiles of all rows use it: by the first tile on its
//! way, where columns lie side by side. What it gives is added to the results of the runs before (Goto and
//! van de Geijn 2008). The first operand is copied only where what a tile reads lies far apart.

/// What to do with a constant number of rows, from 1 to 12.
macro_rules! by_rows {
    ($rows:expr, $m:ident => $do:expr) => {
        by_rows!($rows, $m => $do; 1 2 3 4 5 6 7 8 9 10 11; 12)
    };
    ($rows:expr, $m:ident => $do:expr; $($n:literal)*; $last:literal) => {
        match $rows {
            $($n => { const $m: usize = $n; $do })*
            _ => { const $m: usize = $last; $do }
        }
    };
}

mod lanes;
mod pack_a;
mod pack_b;
mod runs;
#[cfg(test)]
mod tests;
mod tile;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

use lanes::{Lanes, Portable};
use tile::Tile;

use crate::hardware::HARDWARE;
use crate::loops::Product;

/// Rows of the second operand that are packed out at once: with 32 columns of 4 bytes.
const DEPTH: usize = Product::RUN;

/// Rows of the first operand of which a run is used again for every panel of columns: they stay in the second cache.
const ROWS: usize = HARDWARE.caches[1] / (DEPTH * size_of::<f32>());

/// Bytes of the packed out rows.
const BYTES: usize = DEPTH * 128;

const _: () = assert!(BYTES <= HARDWARE.caches[0], "packed out rows stay in the first cache");

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
struct ProductShape {
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
            let shape = ProductShape { m, n, k, a_row, a_next, b_next, b_column, c_row };
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
unsafe fn product<L: Lanes>(shape: &ProductShape, a: *const L::E, b: *const L::E, c: *mut L::E) {
    let mut scratch = std::mem::MaybeUninit::<Scratch>::uninit();
    let packed = scratch.as_mut_ptr().cast::<L::E>();
    let width = 2 * L::N;
    let [rows, depth] = [equal(shape.m, ROWS, L::ROWS[1]), Product::run(shape.k)];
    let copies = pack_a::copies::<L>(shape);
    for row in (0..shape.m).step_by(rows) {
        let m = rows.min(shape.m - row);
        for start in (0..shape.k.max(1)).step_by(depth) {
            let k = depth.min(shape.k - start);
            for column in (0..shape.n).step_by(width) {
                let panel = Panel { row, m, start, k, column, columns: width.min(shape.n - column) };
                // SAFETY: inside the operands and the results; the scratch holds `DEPTH` rows of a panel.
                unsafe { panel.compute::<L>(shape, [a, b], c, packed, copies) }
            }
        }
    }
}

/// `n` in as few parts of at most `most` as can be, all nearly equal, and whole multiples of `step`.
fn equal(n: usize, most: usize, step: usize) -> usize {
    n.div_ceil(n.div_ceil(most).max(1)).next_multiple_of(step).max(1)
}

/// Some rows, some columns, and a run of the summed axis.
#[derive(Clone, Copy)]
struct Panel {
    row: usize,
    m: usize,
    start: usize,
    k: usize,
    column: usize,
    columns: usize,
}

impl Panel {
    /// # Safety
    /// As [`product`]; `packed` has room for the second operand, and `copies` for the first, unless it is null.
    unsafe fn compute<L: Lanes>(
        &self,
        shape: &ProductShape,
        [a, b]: [*const L::E; 2],
        c: *mut L::E,
        packed: *mut L::E,
        copies: *mut L::E,
    ) {
        let table = shape.a_next.has_table();
        // SAFETY: the caller vouches for the operands and the tables.
        unsafe {
            let first = if table { 0 } else { shape.a_next.at(self.start) };
            let tile = Tile {
                k: self.k,
                a: a.offset(self.row as isize * shape.a_row + first),
                a_row: shape.a_row,
                a_next: shape.a_next.by,
                a_table: if table { shape.a_next.table.add(self.start) } else { std::ptr::null() },
                b: packed.cast_const(),
                b_next: self.columns.next_multiple_of(L::N) as isize,
                c: c.offset(self.row as isize * shape.c_row).add(self.column),
                c_row: shape.c_row,
                packed: std::ptr::null_mut(),
                first: self.start == 0,
                last: (self.columns - 1) % L::N + 1,
            };
            let tile = pack_b::packed::<L>(self, shape, b, packed, tile);
            match self.columns > L::N {
                true => self.rows::<L, 2>(tile, copies),
                false => self.rows::<L, 1>(tile, copies),
            }
        }
    }

    /// All rows, tile by tile.
    unsafe fn rows<L: Lanes, const V: usize>(&self, mut tile: Tile<L::E>, copies: *mut L::E) {
        let most = if copies.is_null() { L::ROWS[V - 1] } else { L::ROWS[1] };
        let mut done = 0;
        while done < self.m {
            // Nearly equal tiles: 32 rows are 11, 11 and 10, not 12, 12 and 8.
            let left = self.m - done;
            let rows = left.div_ceil(left.div_ceil(most));
            let copy = copies.wrapping_add(done * pack_a::PITCH);
            // SAFETY: the caller vouches for `m` rows, and for room for as many.
            unsafe {
                match (copies.is_null(), self.column) {
                    (true, _) => one::<L, V>(rows, &tile),
                    (false, 0) => one::<L, V>(rows, &pack_a::copied(rows, &tile, copy)),
                    (false, _) => one::<L, V>(rows, &pack_a::copy(rows, &tile, copy)),
                }
            }
            if !tile.packed.is_null() {
                (tile.b, tile.b_next) = (tile.packed.cast_const(), (V * L::N) as isize);
                tile.packed = std::ptr::null_mut();
            }
            tile.a = tile.a.wrapping_offset(rows as isize * tile.a_row);
            tile.c = tile.c.wrapping_offset(rows as isize * tile.c_row);
            done += rows;
        }
    }
}

/// One tile of up to 12 rows.
unsafe fn one<L: Lanes, const V: usize>(rows: usize, tile: &Tile<L::E>) {
    // SAFETY: the caller vouches for the rows.
    unsafe { by_rows!(rows, M => L::tile::<M, V>(tile)) }
}
