//! Every machine's vectors against the chain of multiply-adds, to the bit.

use super::*;

/// Numbers of both signs whose sums round.
fn number(k: usize) -> f64 {
    ((k * 7919) % 1009) as f64 / 1009.0 - 0.5
}

/// Shapes: smaller than a tile, rests of rows and columns, several runs of the summed axis.
const SIZES: &[[usize; 3]] = &[
    [1, 1, 1],
    [4, 4, 3],
    [5, 10, 64],
    [13, 33, 7],
    [64, 16, 32],
    [12, 47, 300],
    [25, 64, 513],
    // Rows of the first operand whole ways of a cache apart.
    [13, 9, 1022],
    // Summed elements far apart, and many panels of columns.
    [253, 130, 133],
    [200, 8, 2],
    [3, 5, 0],
];

/// Sizes, and how the operands lie. All small sizes as well: every tile, with every number of columns.
fn cases() -> impl Iterator<Item = ([usize; 3], usize)> {
    let small = (1..28).flat_map(|m| (1..35).map(move |n| ([m, n, 1 + (m * 7 + n) % 11], m * 5 + n)));
    let small = small.flat_map(|(sizes, by)| (0..3).map(move |way| (sizes, (way * 11 + by) % 32)));
    SIZES.iter().flat_map(|sizes| (0..32).map(move |way| (*sizes, way))).chain(small)
}

/// Row-major, or column-major, with room between the rows.
fn strides([rows, columns]: [usize; 2], turned: bool) -> [isize; 2] {
    if turned { [1, rows as isize + 3] } else { [columns as isize + 2, 1] }
}

/// The same steps by a table.
fn table(steps: isize, n: usize) -> Vec<i64> {
    (0..n as i64).map(|k| k * steps as i64).collect()
}

macro_rules! agrees {
    ($name:ident, $element:ty, $lanes:ty, $here:expr) => {
        #[test]
        fn $name() {
            if !$here {
                return;
            }
            for ([m, n, k], way) in cases() {
                let on = |bit: usize| way >> bit & 1 != 0;
                let (a, b) = (strides([m, k], on(0)), strides([k, n], on(1)));
                let c_row = n as isize + 2;
                let tables = [table(a[1], k), table(b[0], k), table(b[1], n)];
                let steps = |which: usize, by: isize| Steps {
                    by,
                    table: if on(2 + which) { tables[which].as_ptr() } else { std::ptr::null() },
                };
                let (a_next, b_next, b_column) = (steps(0, a[1]), steps(1, b[0]), steps(2, b[1]));
                let shape = ProductShape { m, n, k, a_row: a[0], a_next, b_next, b_column, c_row };
                let room = |[x, y]: [isize; 2], [rows, columns]: [usize; 2]| {
                    (x as usize * rows.max(1)).max(y as usize * columns.max(1)) + rows + columns
                };
                let fill =
                    |n: usize, from: usize| (0..n).map(|k| number(k + from) as $element).collect::<Vec<_>>();
                let (left, right) = (fill(room(a, [m, k]), 0), fill(room(b, [k, n]), 77));
                let mut out = vec![9.0; room([c_row, 1], [m, n])];
                let mut want = out.clone();
                let at =
                    |[x, y]: [isize; 2], row: usize, column: usize| row * x as usize + column * y as usize;
                for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                    let run = Product::run(k);
                    let chain = |start: usize| {
                        (start..k.min(start + run))
                            .fold(0.0, |sum: $element, l| left[at(a, i, l)].mul_add(right[at(b, l, j)], sum))
                    };
                    want[i * c_row as usize + j] =
                        (run..k).step_by(run).fold(chain(0), |sum, start| chain(start) + sum);
                }
                // SAFETY: the machine has the registers, and there is room.
                unsafe { product::<$lanes>(&shape, left.as_ptr(), right.as_ptr(), out.as_mut_ptr()) }
                assert_eq!(out, want, "{shape:?}");
            }
        }
    };
}

agrees!(portable_f32, f32, Portable<f32>, true);
agrees!(portable_f64, f64, Portable<f64>, true);

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::super::x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
    use super::*;

    agrees!(avx2_f32, f32, Avx2F32, is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
    agrees!(avx2_f64, f64, Avx2F64, is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
    agrees!(avx512_f32, f32, Avx512F32, is_x86_feature_detected!("avx512f"));
    agrees!(avx512_f64, f64, Avx512F64, is_x86_feature_detected!("avx512f"));
}
