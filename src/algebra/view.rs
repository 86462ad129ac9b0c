//! Views: the same elements, arranged otherwise.

use std::collections::BTreeMap;

use super::form::{Form, Index, Read, strides};
use super::number::Number;
use super::rules::{LawSample, Mismatch, Rules, axes_text, expect_axis, expect_count};
use super::term::x;
use super::types::{Dim, Shape, SizeVar, Type, product};
use crate::ice;
use crate::print::number;

/// A rearrangement of one tensor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
        value: Number,
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
pub(super) fn with_axis(shape: &Shape, axis: usize, size: Dim) -> Shape {
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

impl Rules for View {
    fn samples() -> Vec<LawSample<Self>> {
        let sizes = |sizes: &[usize]| sizes.iter().map(|n| Dim::from(*n)).collect::<Shape>();
        let broadcast = |to: &[usize], axes: &[usize], from: &[usize]| {
            LawSample::of(View::Broadcast { to: sizes(to), axes: axes.to_vec() }, &[from])
        };
        let reshape = |to: &[usize], from: &[usize]| LawSample::of(View::Reshape { to: sizes(to) }, &[from]);
        let transpose =
            |axes: &[usize], from: &[usize]| LawSample::of(View::Transpose { axes: axes.to_vec() }, &[from]);
        let slice = |axis, start, step, count: usize, from: &[usize]| {
            let view = View::Slice { axis, start: Dim::constant(start), step, count: Dim::from(count) };
            LawSample::of(view, &[from])
        };
        let pad = |axis, before: usize, after: usize, value, from: &[usize]| {
            let (before, after, value) = (Dim::from(before), Dim::from(after), Number(value));
            let view = View::Pad { axis, before, after, value };
            LawSample::of(view, &[from])
        };
        let unfold = |axis, [taps, stride, dilation]: [usize; 3], from: &[usize]| {
            let [taps, stride, dilation] = [taps, stride, dilation].map(Dim::from);
            LawSample::of(View::Unfold { axis, taps, stride, dilation }, &[from])
        };
        let window =
            |start, to: &[usize], from| LawSample::of(View::Window { start, to: sizes(to) }, &[&[from]]);
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

    fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> View {
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
                format!("axis = {axis}, before = {before}, after = {after}, value = {}", number(value.0))
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

    fn fold(&self, numbers: &[f64], _args: &[&Type]) -> Option<f64> {
        match self {
            View::Pad { value, .. } if *value != Number(numbers[0]) => None,
            _ => Some(numbers[0]),
        }
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
                read.outside = Some(value.0);
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
}

/// The row-major position in a result of these sizes, from `start`.
fn flat(start: usize, sizes: &[usize]) -> Index {
    Index::affine(start as i64, strides(sizes).into_iter().enumerate())
}

/// The permutation that undoes this one.
pub(crate) fn inverse(axes: &[usize]) -> Vec<usize> {
    (0..axes.len()).map(|axis| axes.iter().position(|from| *from == axis).unwrap_or(0)).collect()
}
