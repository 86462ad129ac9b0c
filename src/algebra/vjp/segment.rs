//! Derivatives of reductions over the pieces of a flat tensor.

use std::rc::Rc;

use super::reduce::{self, by_extreme};
use crate::algebra::concat::Concat;
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::segment::Segment;
use crate::algebra::types::Dim;
use crate::algebra::view::View;

/// As those of reductions over axes, piece by piece.
pub(super) fn vjp(op: &Segment, cx: &mut dyn Build, arg: Val, out: Val, grad: Val) -> Val {
    match op {
        Segment::Broadcast { segments } => reduced(cx, Reducer::Sum, grad, segments),
        Segment::Reduce { combine: Reducer::Sum, segments } => broadcast_segments(cx, grad, segments),
        Segment::Reduce { combine: Reducer::Prod, segments } => by_products(cx, arg, grad, segments),
        Segment::Reduce { combine: Reducer::Max | Reducer::Min, segments } => {
            let sum = |cx: &mut dyn Build, ones| reduced(cx, Reducer::Sum, ones, segments);
            by_extreme(cx, arg, (out, grad), sum, |cx, value| broadcast_segments(cx, value, segments))
        }
    }
}

fn reduced(cx: &mut dyn Build, combine: Reducer, value: Val, segments: &Rc<Segments>) -> Val {
    cx.emit(Op::Segment(Segment::Reduce { combine, segments: segments.clone() }), &[value])
}

fn broadcast_segments(cx: &mut dyn Build, value: Val, segments: &Rc<Segments>) -> Val {
    cx.emit(Op::Segment(Segment::Broadcast { segments: segments.clone() }), &[value])
}

/// The gradient by the elements of the product of each piece.
fn by_products(cx: &mut dyn Build, arg: Val, grad: Val, segments: &Segments) -> Val {
    let product = Reduce { combine: Reducer::Prod, axes: vec![0] };
    let mut parts = Vec::with_capacity(segments.count());
    for (k, (start, length)) in segments.starts().into_iter().zip(&segments.lengths).enumerate() {
        let piece = View::Window { start, to: vec![Dim::from(*length)] };
        let piece = cx.emit(Op::View(piece), &[arg]);
        let out = cx.emit(Op::Reduce(product.clone()), &[piece]);
        let by_out = cx.emit(Op::View(View::Window { start: k, to: Vec::new() }), &[grad]);
        parts.push(reduce::vjp(&product, cx, piece, out, by_out));
    }
    match parts.is_empty() {
        true => arg,
        false => cx.emit(Op::Concat(Concat), &parts),
    }
}
