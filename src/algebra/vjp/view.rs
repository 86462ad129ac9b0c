//! Derivatives of rearrangements, and what puts elements back where they came from.

use crate::algebra::build::{constant, pad, reshape, slice, sum, transpose};
use crate::algebra::col2im::Col2Im;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::{Dim, Type, product};
use crate::algebra::view::{View, inverse, with_axis};

pub(super) fn vjp(op: &View, cx: &mut dyn Build, arg: Val, grad: Val) -> Val {
    let from = cx.ty(arg).shape.clone();
    match op {
        View::Broadcast { to, axes } => {
            let repeats = |axis: &usize| match axes.iter().position(|to| to == axis) {
                Some(k) => from[k] != to[*axis],
                None => true,
            };
            let repeated: Vec<usize> = (0..to.len()).filter(repeats).collect();
            let summed = sum(cx, grad, &repeated);
            reshape(cx, summed, &from)
        }
        View::Reshape { .. } => reshape(cx, grad, &from),
        View::Transpose { axes } => transpose(cx, grad, &inverse(axes)),
        View::Slice { axis, start, step, .. } => scatter_slice(cx, grad, *axis, start, *step, &from[*axis]),
        View::Pad { axis, before, .. } => slice(cx, grad, *axis, before, &from[*axis]),
        View::Unfold { axis, stride, dilation, .. } => {
            transpose_unfold(cx, grad, *axis, stride, dilation, &from[*axis])
        }
        View::Window { start, to } => {
            let (start, count) = (Dim::from(*start), product(to));
            let flat = reshape(cx, grad, std::slice::from_ref(&count));
            pad(cx, flat, 0, &start, &from[0].sub(&start).sub(&count))
        }
    }
}

/// Adds up at each of `size` positions what windows have there. Windows more than 1 apart are taken in
/// groups of `stride` taps, which do not overlap: position `stride * q + r` is tap `r` of group `t` in
/// window `q - t`.
fn transpose_unfold(
    cx: &mut dyn Build,
    grad: Val,
    axis: usize,
    stride: &Dim,
    dilation: &Dim,
    size: &Dim,
) -> Val {
    let one = Dim::constant(1);
    let (grad, dilation) = match *stride != one && *dilation != one {
        true => (dilate(cx, grad, axis + 1, dilation), one.clone()),
        false => (grad, dilation.clone()),
    };
    let (grouped, groups) = group_taps(cx, grad, axis + 1, stride);
    let mut value = grouped;
    if groups == 1 {
        let mut shape = cx.ty(value).shape.clone();
        shape.remove(axis + 1);
        value = reshape(cx, value, &shape);
    } else {
        value = cx.emit(Op::Col2Im(Col2Im { axis, dilation }), &[value]);
    }
    ungroup(cx, value, axis, stride, size)
}

/// The positions of an axis with zeros between them, `by` from one to the next.
pub(super) fn dilate(cx: &mut dyn Build, value: Val, axis: usize, by: &Dim) -> Val {
    let (zero, one) = (Dim::default(), Dim::constant(1));
    let size = cx.ty(value).shape[axis].sub(&one).mul(by).add(&one);
    scatter_slice(cx, value, axis, &zero, by.size() as i64, &size)
}

/// The taps of an axis in groups of `stride`, with zeros after the last: the axis becomes that of
/// the groups and, if groups have more than one, that of the taps in each. Also how many groups.
pub(super) fn group_taps(cx: &mut dyn Build, value: Val, axis: usize, stride: &Dim) -> (Val, usize) {
    let mut shape = cx.ty(value).shape.clone();
    let (taps, by) = (shape[axis].size(), stride.size());
    let groups = taps.div_ceil(by);
    let padded = pad(cx, value, axis, &Dim::default(), &Dim::from(groups * by - taps));
    shape[axis] = Dim::from(groups);
    if by > 1 {
        shape.insert(axis + 1, Dim::from(by));
    }
    (reshape(cx, padded, &shape), groups)
}

/// Joins the axes of groups and of taps in each, and cuts or pads to a size.
pub(super) fn ungroup(cx: &mut dyn Build, value: Val, axis: usize, stride: &Dim, size: &Dim) -> Val {
    let mut shape = cx.ty(value).shape.clone();
    if stride.size() > 1 {
        let by = shape.remove(axis + 1);
        shape[axis] = shape[axis].mul(&by);
    }
    let joined = reshape(cx, value, &shape);
    match size.size().checked_sub(shape[axis].size()) {
        Some(more) => pad(cx, joined, axis, &Dim::default(), &Dim::from(more)),
        None => slice(cx, joined, axis, &Dim::default(), size),
    }
}

/// Puts the elements of a slice back where they came from, with zeros elsewhere. Zeros between them
/// are padding along an axis of their own.
fn scatter_slice(cx: &mut dyn Build, grad: Val, axis: usize, start: &Dim, step: i64, size: &Dim) -> Val {
    let ty = cx.ty(grad).clone();
    let (count, zero, one) = (ty.shape[axis].clone(), Dim::default(), Dim::constant(1));
    if count == zero {
        return constant(cx, 0.0, &Type::new(ty.dtype, with_axis(&ty.shape, axis, size.clone())));
    }
    let span = count.sub(&one).mul(&Dim::constant(step.abs()));
    let (mut value, mut first) = (grad, start.clone());
    if step < 0 {
        let flip = View::Slice { axis, start: count.sub(&one), step: -1, count: count.clone() };
        value = cx.emit(Op::View(flip), &[value]);
        first = start.sub(&span);
    }
    if step.abs() > 1 && count != one {
        let by = Dim::constant(step.abs());
        let mut apart = ty.shape.clone();
        apart.insert(axis + 1, one.clone());
        value = reshape(cx, value, &apart);
        value = pad(cx, value, axis + 1, &zero, &by.sub(&one));
        value = reshape(cx, value, &with_axis(&ty.shape, axis, count.mul(&by)));
        value = slice(cx, value, axis, &zero, &span.add(&one));
    }
    let after = size.sub(&first).sub(&span).sub(&one);
    pad(cx, value, axis, &first, &after)
}
