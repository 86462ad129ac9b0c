//! Operators on the pieces of a flat tensor: what `tensor` means as an extent in optimizer stages.

use std::rc::Rc;

use super::build::{cast, constant, div, map};
use super::form::{Combine, Extent, Form, Index, Read, Segments};
use super::op::{Build, Mismatch, Op, Rules, Sample, Val, expect_count};
use super::pack::Pack;
use super::reduce::{Reduce, expect_combinable};
use super::scalar;
use super::term::x;
use super::types::{Dim, Type};
use super::view::View;

/// An operator that knows the pieces of a flat tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum Segment {
    /// `[N]` to `[count]`: puts the elements of each piece together.
    Reduce {
        /// How.
        combine: Combine,
        /// The pieces.
        segments: Rc<Segments>,
    },
    /// `[count]` to `[N]`: every element of a piece gets the piece's value.
    Spread {
        /// The pieces.
        segments: Rc<Segments>,
    },
}

impl Rules for Segment {
    fn samples() -> Vec<Sample> {
        let mut samples = Vec::new();
        for lengths in [vec![2, 3, 1], vec![4], vec![1], vec![2, 0, 1]] {
            let segments = Rc::new(Segments { lengths });
            let (count, total) = (segments.count(), segments.total());
            // An empty piece's greatest is infinite, which no difference can be taken of.
            let combines = match segments.lengths.contains(&0) {
                true => vec![Combine::Sum, Combine::Prod],
                false => vec![Combine::Sum, Combine::Prod, Combine::Max, Combine::Min],
            };
            for combine in combines {
                let segments = segments.clone();
                samples.push(Sample::of(Op::Segment(Segment::Reduce { combine, segments }), &[&[total]]));
            }
            samples.push(Sample::of(Op::Segment(Segment::Spread { segments }), &[&[count]]));
        }
        samples
    }

    fn name(&self) -> &'static str {
        match self {
            Segment::Reduce { .. } => "segment_reduce",
            Segment::Spread { .. } => "segment_spread",
        }
    }

    fn attributes(&self) -> String {
        match self {
            Segment::Reduce { combine, .. } => combine.name().to_owned(),
            Segment::Spread { .. } => String::new(),
        }
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        let (from, to) = match self {
            Segment::Reduce { segments, combine } => {
                expect_combinable(*combine, args[0].dtype)?;
                (segments.total(), segments.count())
            }
            Segment::Spread { segments } => (segments.count(), segments.total()),
        };
        if args[0].shape != [Dim::from(from)] {
            return Err(Mismatch::new(0, format!("a flat tensor of {from} elements")));
        }
        Ok(Type::of(args[0].dtype, &[to]))
    }

    /// Axis 0 is the piece, axis 1 the element in it.
    fn form(&self, _args: &[&Type]) -> Form {
        let (Segment::Reduce { segments, .. } | Segment::Spread { segments }) = self;
        let axes = vec![Extent::Fixed(segments.count()), Extent::Ragged(segments.clone())];
        let (n_out, combine, index) = match self {
            Segment::Reduce { combine, segments } => {
                let piece = Some((segments.clone(), 0));
                (1, *combine, Index { piece, ..Index::axis(1) })
            }
            Segment::Spread { .. } => (2, Combine::Sum, Index::axis(0)),
        };
        Form { axes, n_out, reads: vec![Read::flat(0, index)], body: x(0), combine }
    }

    /// As for reductions over axes, piece by piece.
    fn vjp(&self, cx: &mut dyn Build, args: &[Val], out: Val, grad: Val) -> Vec<Option<Val>> {
        let arg = args[0];
        let ty = cx.ty(arg).clone();
        vec![Some(match self {
            Segment::Spread { segments } => reduced(cx, Combine::Sum, grad, segments),
            Segment::Reduce { combine: Combine::Sum, segments } => spread(cx, grad, segments),
            Segment::Reduce { combine: Combine::Prod, segments } => by_products(cx, arg, grad, segments),
            Segment::Reduce { combine: Combine::Max | Combine::Min, segments } => {
                let top = spread(cx, out, segments);
                let ties = map(cx, &scalar::EQ, &[arg, top]);
                let ones = cast(cx, ties, ty.dtype);
                let count = reduced(cx, Combine::Sum, ones, segments);
                let count = spread(cx, count, segments);
                let grad = spread(cx, grad, segments);
                let share = div(cx, grad, count);
                let zero = constant(cx, 0.0, &ty);
                map(cx, &scalar::SELECT, &[ties, share, zero])
            }
        })]
    }
}

fn reduced(cx: &mut dyn Build, combine: Combine, value: Val, segments: &Rc<Segments>) -> Val {
    cx.emit(Op::Segment(Segment::Reduce { combine, segments: segments.clone() }), &[value])
}

fn spread(cx: &mut dyn Build, value: Val, segments: &Rc<Segments>) -> Val {
    cx.emit(Op::Segment(Segment::Spread { segments: segments.clone() }), &[value])
}

/// The gradient by the elements of the product of each piece.
fn by_products(cx: &mut dyn Build, arg: Val, grad: Val, segments: &Segments) -> Val {
    let product = Reduce { combine: Combine::Prod, axes: vec![0] };
    let mut parts = Vec::with_capacity(segments.count());
    for (k, (start, length)) in segments.starts().into_iter().zip(&segments.lengths).enumerate() {
        let piece = View::Window { start, to: vec![Dim::from(*length)] };
        let piece = cx.emit(Op::View(piece), &[arg]);
        let out = cx.emit(Op::Reduce(product.clone()), &[piece]);
        let by_out = cx.emit(Op::View(View::Window { start: k, to: Vec::new() }), &[grad]);
        parts.extend(product.vjp(cx, &[piece], out, by_out).into_iter().flatten());
    }
    match parts.is_empty() {
        true => arg,
        false => cx.emit(Op::Pack(Pack), &parts),
    }
}
