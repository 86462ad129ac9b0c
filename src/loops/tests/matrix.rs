use super::*;
use crate::algebra::scalar;

const F32: DType = DType::F32;

/// How the operands of a product lie in memory.
#[derive(Clone, Copy, Debug)]
struct Layout {
    left_transposed: bool,
    right_transposed: bool,
}

/// `out[i, j] = relu(sum over k of x[i, k] * w[k, j] + b[j])`.
fn product(rows: usize, n: usize, depth: usize, layout: Layout) -> (Make, [BufferId; 4]) {
    let mut make = Make::new(&[rows, n, depth], 2);
    let buffers = [
        make.input(F32, rows * depth),
        make.input(F32, depth * n),
        make.input(F32, n),
        make.input(F32, rows * n),
    ];
    let [x, w, b, out] = buffers;
    let left = if layout.left_transposed {
        at(&[(0, 1), (2, rows as i64)])
    } else {
        at(&[(0, depth as i64), (2, 1)])
    };
    let right =
        if layout.right_transposed { at(&[(1, depth as i64), (2, 1)]) } else { at(&[(1, 1), (2, n as i64)]) };
    let (x, w) = (make.load(x, left), make.load(w, right));
    let term = make.map(&scalar::MUL, &[x, w], F32);
    let sum = make.combine(Reducer::Sum, term, F32);
    let bias = make.load(b, at(&[(1, 1)]));
    let raw = make.map(&scalar::ADD, &[sum, bias], F32);
    let zero = make.number(0.0, F32);
    let done = make.map(&scalar::MAX, &[raw, zero], F32);
    make.store(out, at(&[(0, n as i64), (1, 1)]), done);
    (make, buffers)
}

fn check(rows: usize, n: usize, depth: usize, layout: Layout) {
    let (make, [x, w, b, out]) = product(rows, n, depth, layout);
    let (u, v, c) = (numbers(rows * depth, 1), numbers(depth * n, 2), numbers(n, 3));
    let left = |i: usize, k: usize| if layout.left_transposed { u[k * rows + i] } else { u[i * depth + k] };
    let right = |k: usize, j: usize| if layout.right_transposed { v[j * depth + k] } else { v[k * n + j] };
    let element = |i: usize, j: usize| (0..depth).map(|k| left(i, k) * right(k, j)).sum::<f64>() + c[j];
    let want: Vec<f64> = (0..rows * n).map(|p| element(p / n, p % n).max(0.0)).collect();
    close(&make.run(&[(x, &u), (w, &v), (b, &c)])[out.0], &want, 2e-6);
}

#[test]
fn products_of_all_shapes_and_layouts() {
    for left_transposed in [false, true] {
        for right_transposed in [false, true] {
            let layout = Layout { left_transposed, right_transposed };
            for (rows, n, depth) in [(32, 10, 64), (4, 8, 3), (1, 16, 5), (7, 33, 9), (2, 3, 20), (6, 4, 1)] {
                check(rows, n, depth, layout);
            }
        }
    }
}

#[test]
fn products_are_contracted_in_rows() {
    let (make, _) = product(8, 16, 3, Layout { left_transposed: false, right_transposed: false });
    let text = make.lower().to_string();
    assert_eq!(text.matches("= fma ").count(), 4, "{text}");
    assert_eq!(text.matches("for ").count(), 3, "{text}");
    assert_eq!(text.matches(": f32x8\n").count(), 19, "{text}");
}
