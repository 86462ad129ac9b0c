//! Derivatives of reductions over whole axes.

use crate::algebra::build::{
    add, cast, constant, div, map, mul, pad, reshape, slice, sum, transpose, unreduce,
};
use crate::algebra::form::Reducer;
use crate::algebra::number::Number;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar;
use crate::algebra::types::{Dim, product};
use crate::algebra::view::{View, inverse};

/// A sum repeats its gradient. Greatest and least give theirs to the elements they equal. A product's is
/// by products of the others, right where elements are zero as well.
pub(super) fn vjp(op: &Reduce, cx: &mut dyn Build, arg: Val, out: Val, grad: Val) -> Val {
    let axes = &op.axes;
    let shape = cx.ty(arg).shape.clone();
    match op.combine {
        Reducer::Sum => unreduce(cx, grad, &shape, axes),
        Reducer::Prod => by_product(cx, arg, axes, grad),
        Reducer::Max | Reducer::Min => {
            let repeat = |cx: &mut dyn Build, value| unreduce(cx, value, &shape, axes);
            by_extreme(cx, arg, (out, grad), |cx, ones| sum(cx, ones, axes), repeat)
        }
    }
}

/// The gradient by elements of their greatest or least: to those that equal it, in equal shares. `sum`
/// adds up what `repeat` repeats a result for.
pub(super) fn by_extreme(
    cx: &mut dyn Build,
    arg: Val,
    (out, grad): (Val, Val),
    sum: impl Fn(&mut dyn Build, Val) -> Val,
    repeat: impl Fn(&mut dyn Build, Val) -> Val,
) -> Val {
    let ty = cx.ty(arg).clone();
    let top = repeat(cx, out);
    let ties = map(cx, &scalar::EQ, &[arg, top]);
    let ones = cast(cx, ties, ty.dtype);
    let count = sum(cx, ones);
    let count = repeat(cx, count);
    let grad = repeat(cx, grad);
    let share = div(cx, grad, count);
    let zero = constant(cx, 0.0, &ty);
    map(cx, &scalar::SELECT, &[ties, share, zero])
}

/// The gradient by the elements of a product along `axes`: multiplies halves until one element is
/// left and walks back with the other half at each level, so nothing is divided by.
fn by_product(cx: &mut dyn Build, arg: Val, axes: &[usize], grad: Val) -> Val {
    let shape = cx.ty(arg).shape.clone();
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let order = [kept.clone(), axes.to_vec()].concat();
    let moved = transpose(cx, arg, &order);
    let moved_shape = cx.ty(moved).shape.clone();
    let mut flat = moved_shape[..kept.len()].to_vec();
    flat.push(product(&moved_shape[kept.len()..]));
    let last = kept.len();
    let level = reshape(cx, moved, &flat);
    let by_flat = by_halves(cx, level, last, grad);
    let by_moved = reshape(cx, by_flat, &moved_shape);
    transpose(cx, by_moved, &inverse(&order))
}

/// The gradient by `level` of its product along the last axis.
fn by_halves(cx: &mut dyn Build, level: Val, axis: usize, grad: Val) -> Val {
    let shape = cx.ty(level).shape.clone();
    let n = shape[axis].size();
    if n <= 1 {
        return unreduce(cx, grad, &shape, &[axis]);
    }
    // Of an odd number, the middle one is in the first half and has no partner.
    let (zero, half, rest) = (Dim::default(), Dim::from(n / 2), Dim::from(n - n / 2));
    let first = slice(cx, level, axis, &zero, &rest);
    let second = slice(cx, level, axis, &rest, &half);
    let partner = match n % 2 {
        0 => second,
        _ => {
            let view = View::Pad { axis, before: zero.clone(), after: Dim::from(1), value: Number(1.0) };
            cx.emit(Op::View(view), &[second])
        }
    };
    let next = mul(cx, first, partner);
    let by_next = by_halves(cx, next, axis, grad);
    let by_first = mul(cx, by_next, partner);
    let by_partner = mul(cx, by_next, first);
    let by_second = slice(cx, by_partner, axis, &zero, &half);
    let low = pad(cx, by_first, axis, &zero, &half);
    let high = pad(cx, by_second, axis, &rest, &zero);
    add(cx, low, high)
}
