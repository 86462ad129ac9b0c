//! Reductions over whole axes.

use super::build::{add, cast, constant, div, map, mul, pad, reshape, slice, spread, sum, transpose};
use super::form::{Combine, Extent, Form, Read};
use super::op::{Build, Mismatch, Op, Rules, Sample, Val, axes_text, expect_axis, expect_count};
use super::scalar;
use super::term::x;
use super::types::{DType, Dim, Type, product};
use super::view::{View, inverse};

/// Puts all elements along `axes` together; the result lacks these axes.
#[derive(Clone, PartialEq, Debug)]
pub struct Reduce {
    /// How.
    pub combine: Combine,
    /// Which axes, ascending.
    pub axes: Vec<usize>,
}

impl Reduce {
    /// The axes of an argument of this rank that stay.
    fn kept(&self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|axis| !self.axes.contains(axis)).collect()
    }
}

/// Whether elements of this type can be put together so.
pub(super) fn expect_combinable(combine: Combine, dtype: DType) -> Result<(), Mismatch> {
    match (combine, dtype) {
        (Combine::Sum | Combine::Prod, DType::Bool) => Err(Mismatch::new(0, "numbers")),
        _ => Ok(()),
    }
}

impl Rules for Reduce {
    fn samples() -> Vec<Sample> {
        let shapes: [(&[usize], &[usize]); 8] = [
            (&[], &[]),
            (&[1, 1], &[0, 1]),
            (&[4], &[0]),
            (&[2, 3, 2], &[0, 2]),
            (&[2, 5], &[1]),
            (&[1, 3], &[0]),
            (&[3, 0], &[0]),
            (&[2], &[]),
        ];
        let combines = [Combine::Sum, Combine::Prod, Combine::Max, Combine::Min];
        let mut samples = Vec::new();
        for combine in combines {
            for (sizes, axes) in shapes {
                samples.push(Sample::of(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), &[sizes]));
            }
        }
        let nothing = Op::Reduce(Reduce { combine: Combine::Sum, axes: vec![1] });
        samples.push(Sample::of(nothing, &[&[3, 0]]));
        samples
    }

    fn name(&self) -> &'static str {
        "reduce"
    }

    fn attributes(&self) -> String {
        format!("{}, axes = {}", self.combine.name(), axes_text(&self.axes))
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        expect_combinable(self.combine, args[0].dtype)?;
        for axis in &self.axes {
            expect_axis(args[0], *axis)?;
        }
        let kept = self.kept(args[0].rank());
        Ok(Type::new(args[0].dtype, kept.iter().map(|axis| args[0].shape[*axis].clone()).collect()))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let sizes = args[0].sizes();
        let order = [self.kept(sizes.len()), self.axes.clone()].concat();
        let mut at = vec![0; sizes.len()];
        for (loop_axis, axis) in order.iter().enumerate() {
            at[*axis] = loop_axis;
        }
        Form {
            axes: order.iter().map(|axis| Extent::Fixed(sizes[*axis])).collect(),
            n_out: sizes.len() - self.axes.len(),
            reads: vec![Read::at(0, &at)],
            body: x(0),
            combine: self.combine,
        }
    }

    /// A sum repeats its gradient. Greatest and least give theirs to the elements they equal, in equal
    /// shares. A product's is by products of the others, right where elements are zero as well.
    fn vjp(&self, cx: &mut dyn Build, args: &[Val], out: Val, grad: Val) -> Vec<Option<Val>> {
        let (arg, axes) = (args[0], &self.axes);
        let ty = cx.ty(arg).clone();
        vec![Some(match self.combine {
            Combine::Sum => spread(cx, grad, &ty.shape, axes),
            Combine::Prod => by_product(cx, arg, axes, grad),
            Combine::Max | Combine::Min => {
                let top = spread(cx, out, &ty.shape, axes);
                let ties = map(cx, &scalar::EQ, &[arg, top]);
                let ones = cast(cx, ties, ty.dtype);
                let count = sum(cx, ones, axes);
                let count = spread(cx, count, &ty.shape, axes);
                let grad = spread(cx, grad, &ty.shape, axes);
                let share = div(cx, grad, count);
                let zero = constant(cx, 0.0, &ty);
                map(cx, &scalar::SELECT, &[ties, share, zero])
            }
        })]
    }
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
        return spread(cx, grad, &shape, &[axis]);
    }
    // Of an odd number, the middle one is in the first half and has no partner.
    let (zero, half, rest) = (Dim::default(), Dim::from(n / 2), Dim::from(n - n / 2));
    let first = slice(cx, level, axis, &zero, &rest);
    let second = slice(cx, level, axis, &rest, &half);
    let partner = match n % 2 {
        0 => second,
        _ => {
            let view = View::Pad { axis, before: zero.clone(), after: Dim::from(1), value: 1.0 };
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
