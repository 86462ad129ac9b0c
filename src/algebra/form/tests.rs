//! Forms carry: one loop form says what tensor programs are made of.

use super::{AxisSize, Form, Index, Read, Reducer, Segments};
use crate::algebra::eval::eval_form;
use crate::algebra::scalar::{self, Native, Scalar, Typing};
use crate::algebra::tensor::Tensor;
use crate::algebra::term::{Term, axis, c, call, x};
use crate::algebra::types::{DType, Type};

/// The form's value on double precision arguments of these sizes.
fn run(form: &Form, args: &[(&[usize], &[f64])], to: &[usize]) -> Vec<f64> {
    let tensor = |(sizes, data): &(&[usize], &[f64])| Tensor::new(Type::of(DType::F64, sizes), data.to_vec());
    let args: Vec<Tensor> = args.iter().map(tensor).collect();
    eval_form(form, &args.iter().collect::<Vec<_>>(), &Type::of(DType::F64, to)).data
}

fn reduction(axes: &[usize], n_out: usize, reads: Vec<Read>, body: Term, combine: Reducer) -> Form {
    Form { axes: axes.iter().map(|n| AxisSize::Fixed(*n)).collect(), n_out, reads, body, combine }
}

/// `offset + sum(coefficient * axis)`.
fn at(offset: i64, terms: &[(usize, i64)]) -> Index {
    Index::affine(offset, terms.iter().copied())
}

fn guarded(arg: usize, index: Vec<Index>) -> Read {
    Read { arg, index, outside: Some(0.0) }
}

#[test]
fn elementwise_with_broadcast() {
    let column = Read { arg: 0, index: vec![Index::axis(0), Index::constant(0)], outside: None };
    let form = Form::pointwise(&[2, 3], vec![column, Read::at(1, &[1])], x(0) + x(1));
    let sum = run(&form, &[(&[2, 1], &[10.0, 20.0]), (&[3], &[1.0, 2.0, 3.0])], &[2, 3]);
    assert_eq!(sum, [11.0, 12.0, 13.0, 21.0, 22.0, 23.0]);
}

#[test]
fn reductions() {
    let data = [1.0, 5.0, 2.0, -4.0, -3.0, -6.0];
    let along = |combine| {
        let form = reduction(&[2, 3], 1, vec![Read::at(0, &[0, 1])], x(0), combine);
        run(&form, &[(&[2, 3], &data)], &[2])
    };
    assert_eq!(along(Reducer::Sum), [8.0, -13.0]);
    assert_eq!(along(Reducer::Prod), [10.0, -72.0]);
    assert_eq!(along(Reducer::Max), [5.0, -3.0]);
    assert_eq!(along(Reducer::Min), [1.0, -6.0]);
}

#[test]
fn an_empty_reduction_gives_its_start() {
    let along = |combine: Reducer| {
        let form = reduction(&[2, 0], 1, vec![Read::at(0, &[0, 1])], x(0), combine);
        run(&form, &[(&[2, 0], &[])], &[2])
    };
    assert_eq!(along(Reducer::Sum), [0.0, 0.0]);
    assert_eq!(along(Reducer::Prod), [1.0, 1.0]);
    assert_eq!(along(Reducer::Max), [f64::NEG_INFINITY; 2]);
    assert_eq!(along(Reducer::Min), [f64::INFINITY; 2]);
}

#[test]
fn matrix_product_with_a_transposed_operand() {
    let reads = vec![Read::at(0, &[0, 2]), Read::at(1, &[1, 2])];
    let form = reduction(&[2, 2, 3], 2, reads, x(0) * x(1), Reducer::Sum);
    let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let b = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    assert_eq!(run(&form, &[(&[2, 3], &a), (&[2, 3], &b)], &[2, 2]), [4.0, 2.0, 10.0, 5.0]);
}

#[test]
fn convolution_with_padding_and_stride() {
    // Image [4, 4, channels], kernel [3, 3, channels, features]; stride 2, padding 1: axes are row,
    // column and feature of the result, then row, column and channel of the kernel.
    let image = guarded(0, vec![at(-1, &[(0, 2), (3, 1)]), at(-1, &[(1, 2), (4, 1)]), Index::axis(5)]);
    let reads = vec![image, Read::at(1, &[3, 4, 5, 2])];
    let form = reduction(&[2, 2, 1, 3, 3, 2], 3, reads, x(0) * x(1), Reducer::Sum);
    let image: Vec<f64> = (0..32).map(f64::from).collect();
    let kernel: Vec<f64> = (0..18).map(|k| f64::from(k % 2)).collect();
    // Only the second channel counts: 2 * (4 * row + column) + 1, over the window inside the image.
    let window = |rows: std::ops::Range<i32>, columns: std::ops::Range<i32>| -> f64 {
        let cells = rows.flat_map(|row| columns.clone().map(move |column| 2 * (4 * row + column) + 1));
        cells.map(f64::from).sum()
    };
    let expected = [window(0..2, 0..2), window(0..2, 1..4), window(1..4, 0..2), window(1..4, 1..4)];
    assert_eq!(run(&form, &[(&[4, 4, 2], &image), (&[3, 3, 2, 1], &kernel)], &[2, 2, 1]), expected);
}

#[test]
fn gather_of_rows() {
    let row = Index { gather: Some(0), ..Index::default() };
    let table = Read { arg: 1, index: vec![row, Index::axis(1)], outside: None };
    let form = Form::pointwise(&[3, 2], vec![Read::at(0, &[0]), table], x(1));
    let table = [0.0, 1.0, 10.0, 11.0, 20.0, 21.0];
    let rows = run(&form, &[(&[3], &[2.0, 0.0, 2.0]), (&[3, 2], &table)], &[3, 2]);
    assert_eq!(rows, [20.0, 21.0, 0.0, 1.0, 20.0, 21.0]);
}

#[test]
fn softmax_as_three_forms() {
    static EXP: Scalar = Scalar {
        name: "exp",
        args: &["x"],
        typing: Typing::Float,
        doc: "The exponential, for this test.",
        eval: |x| x[0].exp(),
        vjp: Vec::new,
        native: Native::Body(|_| c(0.0)),
        ulp: 0,
        samples: &[],
    };
    let data = [1.0, 2.0, 3.0, 1000.0, 1000.0, 1000.0];
    let whole = || Read::at(0, &[0, 1]);
    let shifted = || call(&EXP, [x(0) - x(1)]);
    let top = reduction(&[2, 3], 1, vec![whole()], x(0), Reducer::Max);
    let top = run(&top, &[(&[2, 3], &data)], &[2]);
    let total = reduction(&[2, 3], 1, vec![whole(), Read::at(1, &[0])], shifted(), Reducer::Sum);
    let total = run(&total, &[(&[2, 3], &data), (&[2], &top)], &[2]);
    let reads = vec![whole(), Read::at(1, &[0]), Read::at(2, &[0])];
    let share = Form::pointwise(&[2, 3], reads, shifted() / x(2));
    let share = run(&share, &[(&[2, 3], &data), (&[2], &top), (&[2], &total)], &[2, 3]);
    let weights = [1f64, 2.0, 3.0].map(f64::exp);
    for (found, weight) in share.iter().zip(weights) {
        assert!((found - weight / weights.iter().sum::<f64>()).abs() < 1e-15);
    }
    assert_eq!(share[3..], [1.0 / 3.0; 3]);
}

#[test]
fn cumulative_sum_by_a_guarded_read() {
    let earlier = guarded(0, vec![at(0, &[(0, 1), (1, -1)])]);
    let form = reduction(&[4, 4], 1, vec![earlier], x(0), Reducer::Sum);
    assert_eq!(run(&form, &[(&[4], &[1.0, 2.0, 3.0, 4.0])], &[4]), [1.0, 3.0, 6.0, 10.0]);
}

#[test]
fn strided_slice_flip_and_pad() {
    let data: [f64; 5] = [0.0, 1.0, 2.0, 3.0, 4.0];
    let read = |n: usize, index, outside| {
        let form = Form::pointwise(&[n], vec![Read { arg: 0, index: vec![index], outside }], x(0));
        run(&form, &[(&[5], &data)], &[n])
    };
    assert_eq!(read(2, at(1, &[(0, 2)]), None), [1.0, 3.0]);
    assert_eq!(read(5, at(4, &[(0, -1)]), None), [4.0, 3.0, 2.0, 1.0, 0.0]);
    assert_eq!(read(8, at(-1, &[(0, 1)]), Some(9.0)), [9.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0, 9.0]);
}

#[test]
fn concatenation_by_two_guarded_reads() {
    let reads = vec![guarded(0, vec![Index::axis(0)]), guarded(1, vec![at(-2, &[(0, 1)])])];
    let added = Form::pointwise(&[5], reads.clone(), x(0) + x(1));
    let in_first = (0..2).map(|k| call(&scalar::EQ, [axis(0), c(f64::from(k))]));
    let first = in_first.fold(x(1), |rest, here| call(&scalar::SELECT, [here, x(0), rest]));
    let chosen = Form::pointwise(&[5], reads, first);
    for form in [added, chosen] {
        let args: [(&[usize], &[f64]); 2] = [(&[2], &[1.0, 2.0]), (&[3], &[3.0, 4.0, 5.0])];
        assert_eq!(run(&form, &args, &[5]), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}

#[test]
fn pieces_of_different_lengths() {
    let segments = std::rc::Rc::new(Segments { lengths: vec![2, 0, 3] });
    let axes = vec![AxisSize::Fixed(3), AxisSize::Ragged(segments.clone())];
    let inside = Index { piece: Some((segments, 0)), ..Index::axis(1) };
    let data = [1.0, 2.0, 3.0, 4.0, 5.0];
    let reads = vec![Read::flat(0, inside)];
    let sums = Form { axes: axes.clone(), n_out: 1, reads, body: x(0), combine: Reducer::Sum };
    assert_eq!(run(&sums, &[(&[5], &data)], &[3]), [3.0, 0.0, 12.0]);
    let reads = vec![Read::flat(0, Index::axis(0))];
    let broadcast = Form { axes, n_out: 2, reads, body: x(0), combine: Reducer::Sum };
    assert_eq!(run(&broadcast, &[(&[3], &[7.0, 8.0, 9.0])], &[5]), [7.0, 7.0, 9.0, 9.0, 9.0]);
}

#[test]
fn positions_in_the_body() {
    let form = Form::pointwise(&[2, 3], vec![Read::at(0, &[])], axis(0) * x(0) + axis(1));
    assert_eq!(run(&form, &[(&[], &[10.0])], &[2, 3]), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
}
