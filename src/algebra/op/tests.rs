//! What operators say of themselves, of operands that do not fit, and of symbolic sizes.

use std::rc::Rc;

use super::*;
use crate::algebra::dim::{Dim, SizeVar};
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::number::Number;
use crate::algebra::scalar;
use crate::algebra::types::DType;

fn n() -> Dim {
    Dim::var(SizeVar { id: 0, name: Rc::from("n") })
}

fn k(value: i64) -> Dim {
    Dim::constant(value)
}

fn floats(shape: &[Dim]) -> Type {
    Type::new(DType::F32, shape.to_vec())
}

fn shape_of(op: impl Into<Op>, args: &[Type]) -> String {
    match op.into().rules().infer(&args.iter().collect::<Vec<_>>()) {
        Ok(ty) => ty.to_string(),
        Err(mismatch) => format!("operand {}: {}", mismatch.arg, mismatch.expected),
    }
}

fn matrix_product() -> Contract {
    Contract { left: vec![0, 1], right: vec![1, 2], out: vec![0, 2] }
}

#[test]
fn sizes_may_be_symbolic() {
    let x = floats(&[n(), k(64)]);
    assert_eq!(shape_of(Map(&scalar::ADD), &[x.clone(), x.clone()]), "f32[n, 64]");
    assert_eq!(shape_of(matrix_product(), &[x.clone(), floats(&[k(64), k(32)])]), "f32[n, 32]");
    assert_eq!(
        shape_of(View::Reshape { to: vec![k(8), n(), k(8)] }, std::slice::from_ref(&x)),
        "f32[8, n, 8]"
    );
    let slice = View::Slice { axis: 0, start: k(1), step: 1, count: n().sub(&k(1)) };
    assert_eq!(shape_of(slice, std::slice::from_ref(&x)), "f32[n - 1, 64]");
    let pad = View::Pad { axis: 0, before: k(1), after: n(), value: Number(0.0) };
    assert_eq!(shape_of(pad, std::slice::from_ref(&x)), "f32[2 * n + 1, 64]");
    assert_eq!(shape_of(Concat, &[x, floats(&[n()])]), "f32[65 * n]");
    let (one_more, more_one) = (n().add(&k(1)), k(1).add(&n()));
    assert_eq!(shape_of(Map(&scalar::ADD), &[floats(&[one_more]), floats(&[more_one])]), "f32[n + 1]");
}

#[test]
fn mismatches_are_said_in_words() {
    let (x, y) = (floats(&[k(2), k(3)]), floats(&[n(), k(3)]));
    let ints = Type::of(DType::I32, &[2, 3]);
    let one = std::slice::from_ref(&x);
    let cases = [
        (shape_of(Map(&scalar::ADD), one), "operand 1: 2 operands"),
        (
            shape_of(Map(&scalar::ADD), &[x.clone(), y]),
            "operand 1: tensors of one shape, as the first is f32[2, 3]",
        ),
        (
            shape_of(Map(&scalar::ADD), &[x.clone(), ints.clone()]),
            "operand 1: numbers of one type, as another is f32",
        ),
        (shape_of(Map(&scalar::DIV), &[ints.clone(), ints.clone()]), "operand 0: floats"),
        (
            shape_of(Map(&scalar::SELECT), &[x.clone(), x.clone(), x.clone()]),
            "operand 0: a boolean to choose by",
        ),
        (
            shape_of(Reduce { combine: Reducer::Sum, axes: vec![2] }, one),
            "operand 0: a tensor with an axis 2",
        ),
        (
            shape_of(matrix_product(), &[x.clone(), x.clone()]),
            "operand 1: size 3 along axis 0, as in the first operand",
        ),
        (shape_of(View::Reshape { to: vec![k(4)] }, one), "operand 0: a tensor of 4 elements"),
        (
            shape_of(View::Broadcast { to: vec![k(4), k(3)], axes: vec![0, 1] }, one),
            "operand 0: size 4 or 1 where it has size 2",
        ),
        (
            shape_of(View::Slice { axis: 1, start: k(1), step: 2, count: k(2) }, one),
            "operand 0: positions 1 to 3 inside of size 3",
        ),
        (shape_of(View::Transpose { axes: vec![0, 0] }, one), "operand 0: a permutation of its 2 axes"),
        (shape_of(Concat, &[x.clone(), ints]), "operand 1: numbers of one type, as the first are f32"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn operators_print_their_attributes() {
    let segments = Rc::new(Segments { lengths: vec![2, 3] });
    let ops: [(Op, &str); 8] = [
        (Map(&scalar::ADD).into(), "add []"),
        (Reduce { combine: Reducer::Max, axes: vec![0, 2] }.into(), "reduce [max, axes = (0, 2)]"),
        (matrix_product().into(), "contract [ij, jk -> ik]"),
        (View::Transpose { axes: vec![1, 0] }.into(), "transpose [axes = (1, 0)]"),
        (
            View::Slice { axis: 0, start: k(1), step: -2, count: n() }.into(),
            "slice [axis = 0, start = 1, step = -2, count = n]",
        ),
        (Fill::Const { value: Number(1e-8), dtype: DType::F64, to: vec![] }.into(), "const [1e-8]"),
        (Segment::Reduce { combine: Reducer::Sum, segments }.into(), "segment_reduce [sum]"),
        (Concat.into(), "concat []"),
    ];
    for (op, expected) in ops {
        assert_eq!(format!("{} [{}]", op.rules().name(), op.rules().attributes()), expected);
    }
}
