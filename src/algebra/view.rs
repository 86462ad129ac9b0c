//! Views: the same elements, arranged otherwise.

use std::collections::BTreeMap;

use super::build::{constant, pad, reshape, slice, sum, transpose};
use super::fold::Fold;
use super::form::{Form, Index, Read, strides};
use super::op::{Build, Mismatch, Op, Rules, Sample, Val, axes_text, expect_axis, expect_count};
use super::term::x;
use super::types::{Dim, Shape, SizeVar, Type, product};
use crate::ice;
use crate::print::number;

/// A rearrangement of one tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum View {
    /// Axis `k` of the argument becomes axis `axes[k]` of the result; it has that size or size 1.
    /// The other axes of the result repeat the argument.
    Broadcast {
        /// The result's shape.
        to: Shape,
        /// Where each axis of the argument goes, ascending.
        axes: Vec<usize>,
    },
    /// The same elements in row-major order under another shape.
    Reshape {
        /// The result's shape.
        to: Shape,
    },
    /// Axis `k` of the result is axis `axes[k]` of the argument.
    Transpose {
        /// A permutation.
        axes: Vec<usize>,
    },
    /// Every `step`-th position along one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// First position.
        start: Dim,
        /// Positions from one to the next; not zero; negative runs backwards.
        step: i64,
        /// How many.
        count: Dim,
    },
    /// More positions along one axis, filled with a number. Negative amounts are not allowed.
    Pad {
        /// The axis.
        axis: usize,
        /// New positions before the first.
        before: Dim,
        /// New positions after the last.
        after: Dim,
        /// What they hold.
        value: f64,
    },
    /// Windows along one axis, which becomes two: that of the windows, which start `stride` apart,
    /// and that of the `taps` in each, which lie `dilation` apart. As many windows as fit.
    Unfold {
        /// The axis.
        axis: usize,
        /// Positions in a window.
        taps: Dim,
        /// From one window to the next.
        stride: Dim,
        /// From one position in a window to the next.
        dilation: Dim,
    },
    /// Consecutive elements of a flat tensor under a shape: a parameter in its arena.
    Window {
        /// First element.
        start: usize,
        /// The result's shape.
        to: Shape,
    },
}

impl View {
    /// The result's shape.
    fn shape(&self, arg: &Type) -> Result<Shape, Mismatch> {
        match self {
            View::Broadcast { to, axes } => broadcast(arg, to, axes),
            View::Reshape { to } => match product(to) == product(&arg.shape) {
                true => Ok(to.clone()),
                false => Err(Mismatch::new(0, format!("a tensor of {} elements", product(to)))),
            },
            View::Transpose { axes } => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                match sorted.into_iter().eq(0..arg.rank()) {
                    true => Ok(axes.iter().map(|axis| arg.shape[*axis].clone()).collect()),
                    false => Err(Mismatch::new(0, format!("a permutation of its {} axes", arg.rank()))),
                }
            }
            View::Slice { axis, start, step, count } => {
                expect_axis(arg, *axis)?;
                slice_fits(&arg.shape[*axis], start, *step, count)?;
                Ok(with_axis(&arg.shape, *axis, count.clone()))
            }
            View::Pad { axis, before, after, .. } => {
                expect_axis(arg, *axis)?;
                if [before, after].into_iter().any(|amount| amount.as_constant().is_some_and(|n| n < 0)) {
                    return Err(Mismatch::new(0, "amounts of padding that are not negative"));
                }
                Ok(with_axis(&arg.shape, *axis, arg.shape[*axis].add(before).add(after)))
            }
            View::Unfold { axis, taps, stride, dilation } => {
                expect_axis(arg, *axis)?;
                let count = windows(&arg.shape[*axis], taps, stride, dilation)?;
                let mut shape = with_axis(&arg.shape, *axis, count);
                shape.insert(axis + 1, taps.clone());
                Ok(shape)
            }
            View::Window { start, to } => {
                let end = product(to).add(&Dim::from(*start));
                let spare = arg.shape.first().and_then(|have| have.sub(&end).as_constant());
                match arg.rank() == 1 && spare.is_none_or(|n| n >= 0) {
                    true => Ok(to.clone()),
                    false => Err(Mismatch::new(0, format!("a flat tensor of {end} or more elements"))),
                }
            }
        }
    }
}

/// How many windows of `taps` positions fit into a size, and whether one does.
pub(super) fn windows(size: &Dim, taps: &Dim, stride: &Dim, dilation: &Dim) -> Result<Dim, Mismatch> {
    let one = Dim::constant(1);
    if [taps, stride, dilation].into_iter().any(|dim| dim.as_constant().is_some_and(|n| n < 1)) {
        return Err(Mismatch::new(0, "taps, stride and dilation of at least 1"));
    }
    let span = taps.sub(&one).mul(dilation).add(&one);
    let spare = size.sub(&span);
    match spare.as_constant() {
        Some(n) if n < 0 => Err(Mismatch::new(0, format!("a size of at least {span} where it is {size}"))),
        _ => Ok(spare.div_floor(stride).add(&one)),
    }
}

/// The shape with another size along one axis.
fn with_axis(shape: &Shape, axis: usize, size: Dim) -> Shape {
    let mut shape = shape.clone();
    shape[axis] = size;
    shape
}

fn broadcast(arg: &Type, to: &Shape, axes: &[usize]) -> Result<Shape, Mismatch> {
    if axes.len() != arg.rank() || axes.iter().any(|axis| *axis >= to.len()) {
        return Err(Mismatch::new(0, format!("a tensor with {} axes", axes.len())));
    }
    let one = Dim::constant(1);
    for (have, axis) in arg.shape.iter().zip(axes) {
        if *have != one && *have != to[*axis] {
            return Err(Mismatch::new(0, format!("size {} or 1 where it has size {have}", to[*axis])));
        }
    }
    Ok(to.clone())
}

/// Whether the positions are inside, as far as that can be told while sizes are symbolic.
fn slice_fits(size: &Dim, start: &Dim, step: i64, count: &Dim) -> Result<(), Mismatch> {
    if step == 0 {
        return Err(Mismatch::new(0, "a step that is not zero"));
    }
    if count.as_constant() == Some(0) {
        return Ok(());
    }
    let negative = |dim: Dim| dim.as_constant().is_some_and(|n| n < 0);
    let last = start.add(&count.sub(&Dim::constant(1)).mul(&Dim::constant(step)));
    let outside = |at: &Dim| negative(at.clone()) || negative(size.sub(at).sub(&Dim::constant(1)));
    match negative(count.clone()) || outside(start) || outside(&last) {
        true => Err(Mismatch::new(0, format!("positions {start} to {last} inside of size {size}"))),
        false => Ok(()),
    }
}

impl View {
    /// The same view with size variables replaced.
    pub fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> View {
        let shape = |to: &Shape| to.iter().map(|dim| dim.substitute(sizes)).collect();
        match self {
            View::Broadcast { to, axes } => View::Broadcast { to: shape(to), axes: axes.clone() },
            View::Reshape { to } => View::Reshape { to: shape(to) },
            View::Transpose { axes } => View::Transpose { axes: axes.clone() },
            View::Slice { axis, start, step, count } => View::Slice {
                axis: *axis,
                start: start.substitute(sizes),
                step: *step,
                count: count.substitute(sizes),
            },
            View::Pad { axis, before, after, value } => View::Pad {
                axis: *axis,
                before: before.substitute(sizes),
                after: after.substitute(sizes),
                value: *value,
            },
            View::Unfold { axis, taps, stride, dilation } => View::Unfold {
                axis: *axis,
                taps: taps.substitute(sizes),
                stride: stride.substitute(sizes),
                dilation: dilation.substitute(sizes),
            },
            View::Window { start, to } => View::Window { start: *start, to: shape(to) },
        }
    }
}

impl Rules for View {
    fn samples() -> Vec<Sample> {
        let sizes = |sizes: &[usize]| sizes.iter().map(|n| Dim::from(*n)).collect::<Shape>();
        let broadcast = |to: &[usize], axes: &[usize], from: &[usize]| {
            Sample::of(Op::View(View::Broadcast { to: sizes(to), axes: axes.to_vec() }), &[from])
        };
        let reshape =
            |to: &[usize], from: &[usize]| Sample::of(Op::View(View::Reshape { to: sizes(to) }), &[from]);
        let transpose = |axes: &[usize], from: &[usize]| {
            Sample::of(Op::View(View::Transpose { axes: axes.to_vec() }), &[from])
        };
        let slice = |axis, start, step, count: usize, from: &[usize]| {
            let view = View::Slice { axis, start: Dim::constant(start), step, count: Dim::from(count) };
            Sample::of(Op::View(view), &[from])
        };
        let pad = |axis, before: usize, after: usize, value, from: &[usize]| {
            let view = View::Pad { axis, before: Dim::from(before), after: Dim::from(after), value };
            Sample::of(Op::View(view), &[from])
        };
        let unfold = |axis, [taps, stride, dilation]: [usize; 3], from: &[usize]| {
            let [taps, stride, dilation] = [taps, stride, dilation].map(Dim::from);
            Sample::of(Op::View(View::Unfold { axis, taps, stride, dilation }), &[from])
        };
        let window = |start, to: &[usize], from| {
            Sample::of(Op::View(View::Window { start, to: sizes(to) }), &[&[from]])
        };
        vec![
            broadcast(&[2, 3], &[1], &[3]),
            broadcast(&[2, 3], &[0, 1], &[2, 1]),
            broadcast(&[2, 3], &[], &[]),
            broadcast(&[2, 1, 3], &[0, 1], &[1, 1]),
            broadcast(&[0, 3], &[1], &[3]),
            reshape(&[3, 2], &[2, 3]),
            reshape(&[1, 1], &[]),
            reshape(&[], &[1]),
            reshape(&[0, 2], &[3, 0]),
            transpose(&[1, 2, 0], &[2, 3, 4]),
            transpose(&[1, 0], &[1, 3]),
            transpose(&[1, 0], &[0, 3]),
            transpose(&[], &[]),
            slice(0, 1, 1, 2, &[4]),
            slice(1, 0, 2, 3, &[2, 6, 2]),
            slice(0, 3, -1, 4, &[4, 2]),
            slice(1, 6, -3, 2, &[1, 7]),
            slice(0, 2, 5, 1, &[3]),
            slice(0, 0, 1, 0, &[3]),
            pad(0, 1, 2, 0.5, &[2]),
            pad(1, 0, 1, 0.0, &[2, 1, 2]),
            pad(0, 1, 1, -1.0, &[0]),
            unfold(0, [3, 1, 1], &[5, 2]),
            unfold(1, [2, 2, 1], &[2, 5]),
            unfold(0, [3, 2, 1], &[6]),
            unfold(0, [2, 1, 2], &[5]),
            unfold(0, [2, 3, 2], &[7, 2]),
            unfold(0, [1, 2, 1], &[4]),
            unfold(0, [2, 1, 1], &[2]),
            unfold(0, [2, 1, 1], &[3, 0]),
            window(2, &[2, 2], 8),
            window(3, &[], 4),
            window(0, &[0], 3),
        ]
    }

    fn name(&self) -> &'static str {
        match self {
            View::Broadcast { .. } => "broadcast",
            View::Reshape { .. } => "reshape",
            View::Transpose { .. } => "transpose",
            View::Slice { .. } => "slice",
            View::Pad { .. } => "pad",
            View::Unfold { .. } => "unfold",
            View::Window { .. } => "window",
        }
    }

    fn attributes(&self) -> String {
        match self {
            View::Broadcast { axes, .. } | View::Transpose { axes } => format!("axes = {}", axes_text(axes)),
            View::Reshape { .. } => String::new(),
            View::Slice { axis, start, step, count } => {
                format!("axis = {axis}, start = {start}, step = {step}, count = {count}")
            }
            View::Pad { axis, before, after, value } => {
                format!("axis = {axis}, before = {before}, after = {after}, value = {}", number(*value))
            }
            View::Unfold { axis, taps, stride, dilation } => {
                format!("axis = {axis}, taps = {taps}, stride = {stride}, dilation = {dilation}")
            }
            View::Window { start, .. } => format!("start = {start}"),
        }
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        Ok(Type::new(args[0].dtype, self.shape(args[0])?))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let arg = args[0];
        let rank = arg.rank();
        let to = self.shape(arg).unwrap_or_else(|e| ice!("view", "expected {}", e.expected));
        let to: Vec<usize> = to.iter().map(Dim::size).collect();
        let mut read = Read::at(0, &(0..rank).collect::<Vec<_>>());
        match self {
            View::Broadcast { axes, .. } => {
                for ((index, axis), size) in read.index.iter_mut().zip(axes).zip(arg.sizes()) {
                    *index = if size == 1 { Index::constant(0) } else { Index::axis(*axis) };
                }
            }
            View::Transpose { axes } => {
                for (loop_axis, axis) in axes.iter().enumerate() {
                    read.index[*axis] = Index::axis(loop_axis);
                }
            }
            View::Slice { axis, start, step, .. } => {
                read.index[*axis] = Index::affine(start.size() as i64, [(*axis, *step)]);
            }
            View::Pad { axis, before, value, .. } => {
                read.index[*axis] = Index::affine(-(before.size() as i64), [(*axis, 1)]);
                read.outside = Some(*value);
            }
            View::Unfold { axis, stride, dilation, .. } => {
                let (stride, dilation) = (stride.size() as i64, dilation.size() as i64);
                for (k, index) in read.index.iter_mut().enumerate().skip(axis + 1) {
                    *index = Index::axis(k + 1);
                }
                read.index[*axis] = Index::affine(0, [(*axis, stride), (axis + 1, dilation)]);
            }
            View::Reshape { .. } => read.index = vec![flat(0, &to)],
            View::Window { start, .. } => read.index = vec![flat(*start, &to)],
        }
        Form::pointwise(&to, vec![read], x(0))
    }

    fn vjp(&self, cx: &mut dyn Build, args: &[Val], _out: Val, grad: Val) -> Vec<Option<Val>> {
        let from = cx.ty(args[0]).shape.clone();
        vec![Some(match self {
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
            View::Slice { axis, start, step, .. } => unslice(cx, grad, *axis, start, *step, &from[*axis]),
            View::Pad { axis, before, .. } => slice(cx, grad, *axis, before, &from[*axis]),
            View::Unfold { axis, stride, dilation, .. } => {
                refold(cx, grad, *axis, stride, dilation, &from[*axis])
            }
            View::Window { start, to } => {
                let (start, count) = (Dim::from(*start), product(to));
                let flat = reshape(cx, grad, std::slice::from_ref(&count));
                pad(cx, flat, 0, &start, &from[0].sub(&start).sub(&count))
            }
        })]
    }
}

/// The row-major position in a result of these sizes, from `start`.
fn flat(start: usize, sizes: &[usize]) -> Index {
    Index::affine(start as i64, strides(sizes).into_iter().enumerate())
}

/// The permutation that undoes this one.
pub(crate) fn inverse(axes: &[usize]) -> Vec<usize> {
    (0..axes.len()).map(|axis| axes.iter().position(|from| *from == axis).unwrap_or(0)).collect()
}

/// Adds up at each of `size` positions what windows have there. Windows more than 1 apart are taken in
/// groups of `stride` taps, which do not overlap: position `stride * q + r` is tap `r` of group `t` in
/// window `q - t`.
fn refold(cx: &mut dyn Build, grad: Val, axis: usize, stride: &Dim, dilation: &Dim, size: &Dim) -> Val {
    let one = Dim::constant(1);
    let (grad, dilation) = match *stride != one && *dilation != one {
        true => (apart(cx, grad, axis + 1, dilation), one.clone()),
        false => (grad, dilation.clone()),
    };
    let (grouped, groups) = group_taps(cx, grad, axis + 1, stride);
    let mut value = grouped;
    if groups == 1 {
        let mut shape = cx.ty(value).shape.clone();
        shape.remove(axis + 1);
        value = reshape(cx, value, &shape);
    } else {
        value = cx.emit(Op::Fold(Fold { axis, dilation }), &[value]);
    }
    ungroup(cx, value, axis, stride, size)
}

/// The positions of an axis with zeros between them, `by` from one to the next.
pub(super) fn apart(cx: &mut dyn Build, value: Val, axis: usize, by: &Dim) -> Val {
    let (zero, one) = (Dim::default(), Dim::constant(1));
    let size = cx.ty(value).shape[axis].sub(&one).mul(by).add(&one);
    unslice(cx, value, axis, &zero, by.size() as i64, &size)
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
fn unslice(cx: &mut dyn Build, grad: Val, axis: usize, start: &Dim, step: i64, size: &Dim) -> Val {
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
