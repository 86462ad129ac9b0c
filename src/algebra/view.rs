//! Views: the same elements, arranged otherwise.

use super::form::{Form, Index, Read, strides};
use super::op::{Build, Mismatch, Rules, Val, axes_text, expect_axis, expect_count};
use super::term::x;
use super::types::{Dim, Shape, Type, product};
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
                    false => Err(Mismatch::new(0, format!("a tensor with {} axes", axes.len()))),
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

impl Rules for View {
    fn name(&self) -> &'static str {
        match self {
            View::Broadcast { .. } => "broadcast",
            View::Reshape { .. } => "reshape",
            View::Transpose { .. } => "transpose",
            View::Slice { .. } => "slice",
            View::Pad { .. } => "pad",
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
        let to = self.shape(arg).unwrap_or_else(|e| panic!("egret internal error in view: {}", e.expected));
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
            View::Reshape { .. } => read.index = vec![flat(0, &to)],
            View::Window { start, .. } => read.index = vec![flat(*start, &to)],
        }
        Form::pointwise(&to, vec![read], x(0))
    }

    fn vjp(&self, _cx: &mut dyn Build, _args: &[Val], _out: Val, _grad: Val) -> Vec<Option<Val>> {
        todo!()
    }
}

/// The row-major position in a result of these sizes, from `start`.
fn flat(start: usize, sizes: &[usize]) -> Index {
    Index::affine(start as i64, strides(sizes).into_iter().enumerate())
}
