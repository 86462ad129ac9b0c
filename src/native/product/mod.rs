//! Matrix products by precompiled loops with the widest registers of the machine.
//!
//! `c[i, j] = fma(a[i, k-1], b[k-1, j], ... fma(a[i, 0], b[0, j], 0))`: one chain of fused multiply-adds
//! for each result, in the order of the summed axis. So results have the same bits on every machine, at
//! any width of its registers, and however the rows and columns are shared out among threads.
//!
//! Columns are done in panels of two vectors. Of each, a run of [`DEPTH`] summed rows is laid out side by
//! side on the stack, where it stays in the first cache while the tiles of all rows use it; sums go on
//! from the results of the run before (Goto and van de Geijn 2008, without a copy of the first operand).

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

/// A matrix product: sizes, and the distances in elements of neighbours along each axis.
#[derive(Clone, Copy, Debug)]
struct Shape {
    m: usize,
    n: usize,
    k: usize,
    a: [isize; 2],
    b: [isize; 2],
    c: [isize; 2],
}

#[repr(C, align(64))]
struct Scratch([u8; BYTES]);

/// The entry of native code for an element type.
macro_rules! entry {
    ($name:ident, $element:ty, $avx512:ident, $avx2:ident) => {
        /// Computes a product with the widest registers of this machine: pointers, sizes, strides.
        ///
        /// # Safety
        /// The factors and the result must be there, and the result must overlap neither factor.
        pub(super) unsafe extern "C" fn $name(
            a: *const $element,
            b: *const $element,
            c: *mut $element,
            m: usize,
            n: usize,
            k: usize,
            a_row: isize,
            a_column: isize,
            b_row: isize,
            b_column: isize,
            c_row: isize,
            c_column: isize,
        ) {
            let (a_by, b_by, c_by) = ([a_row, a_column], [b_row, b_column], [c_row, c_column]);
            let shape = Shape { m, n, k, a: a_by, b: b_by, c: c_by };
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

/// Panel by panel.
///
/// # Safety
/// As [`product_f32`], and the machine must have the registers of `L`.
unsafe fn product<L: Lanes>(shape: &Shape, a: *const L::E, b: *const L::E, c: *mut L::E) {
    if shape.c[1] != 1 {
        // The columns of the transposed results lie side by side.
        let [m, n] = [shape.n, shape.m];
        let turn = |[x, y]: [isize; 2]| [y, x];
        let turned = Shape { m, n, k: shape.k, a: turn(shape.b), b: turn(shape.a), c: turn(shape.c) };
        // SAFETY: the same memory.
        return unsafe { panels::<L>(&turned, b, a, c) };
    }
    // SAFETY: the caller vouches for it.
    unsafe { panels::<L>(shape, a, b, c) }
}

/// Rows of the first operand by blocks that stay in the second cache, the summed axis by runs, then
/// columns by panels.
///
/// # Safety
/// As [`product`], and columns of the results lie side by side.
unsafe fn panels<L: Lanes>(shape: &Shape, a: *const L::E, b: *const L::E, c: *mut L::E) {
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
    /// As [`panels`]; `laid` has room for the second operand.
    unsafe fn compute<L: Lanes>(
        &self,
        shape: &Shape,
        a: *const L::E,
        b: *const L::E,
        c: *mut L::E,
        laid: *mut L::E,
    ) {
        let k = DEPTH.min(shape.k - self.start);
        let at = |x: usize, y: usize, [dx, dy]: [isize; 2]| x as isize * dx + y as isize * dy;
        // SAFETY: the caller vouches for the operands.
        unsafe {
            let (b, b_next) =
                second::<L>(self, shape, k, b.offset(at(self.start, self.column, shape.b)), laid);
            let tile = Tile {
                k,
                a: a.offset(at(self.row, self.start, shape.a)),
                a_row: shape.a[0],
                a_next: shape.a[1],
                b,
                b_next,
                c: c.offset(at(self.row, self.column, shape.c)),
                c_row: shape.c[0],
                first: self.start == 0,
                last: (self.columns - 1) % L::N + 1,
            };
            if self.columns > L::N { rows::<L, 2>(tile, self.m) } else { rows::<L, 1>(tile, self.m) }
        }
    }
}

/// The second operand with its columns side by side, and the distance of its rows: as it is where that
/// costs less than laying it out.
unsafe fn second<L: Lanes>(
    panel: &Panel,
    shape: &Shape,
    k: usize,
    from: *const L::E,
    laid: *mut L::E,
) -> (*const L::E, isize) {
    if shape.b[1] == 1 && panel.columns.is_multiple_of(L::N) && panel.m <= 2 * L::ROWS {
        return (from, shape.b[0]);
    }
    let width = panel.columns.next_multiple_of(L::N);
    // SAFETY: the caller vouches for the operand and the room.
    unsafe { lay_out::<L>(k, panel.columns, from, shape.b, laid, width) }
    (laid.cast_const(), width as isize)
}

/// Lays out `k` rows of `columns` columns side by side, `width` elements a row, zeros at the end.
unsafe fn lay_out<L: Lanes>(
    k: usize,
    columns: usize,
    from: *const L::E,
    [next, column]: [isize; 2],
    to: *mut L::E,
    width: usize,
) {
    // SAFETY: the caller vouches for `k` rows on both sides.
    unsafe {
        if column == 1 && columns == width {
            for row in 0..k {
                from.offset(row as isize * next).copy_to_nonoverlapping(to.add(row * width), width);
            }
        } else if next == 1 && columns == width {
            for first in (0..width).step_by(L::N) {
                L::transpose(k, from.offset(first as isize * column), column, to.add(first), width);
            }
        } else {
            for row in 0..k {
                for lane in 0..width {
                    let at = row as isize * next + lane as isize * column;
                    *to.add(row * width + lane) = if lane < columns { *from.offset(at) } else { L::E::ZERO };
                }
            }
        }
    }
}

/// All rows, tile by tile.
unsafe fn rows<L: Lanes, const V: usize>(mut tile: Tile<L::E>, m: usize) {
    let mut left = m;
    while left > 0 {
        // Nearly equal tiles: 32 rows are 11, 11 and 10, not 12, 12 and 8.
        let rows = left.div_ceil(left.div_ceil(L::ROWS));
        // SAFETY: the caller vouches for `m` rows.
        unsafe { one::<L, V>(rows, &tile) }
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
