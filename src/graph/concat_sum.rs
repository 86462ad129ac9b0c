//! Sums of tensors that do not meet: each is 0 where the others are not, as the derivatives of slices
//! are. Laid end to end they cost as much as the whole tensor; added one by one, that many times over.

use std::collections::BTreeSet;

use super::builder::{Builder, add};
use super::rules::Rewriter;
use crate::algebra::build::transpose;
use crate::algebra::concat::Concat;
use crate::algebra::number::Number;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar;
use crate::algebra::types::{Dim, Type};
use crate::algebra::view::{View, inverse};

/// From how many pieces on they are laid end to end: a few are cheaper where they are read.
const FEWEST: usize = 4;

/// The same for pieces along an inner axis, which is moved to the front and back.
const FEWEST_INNER: usize = 16;

/// Part of a flat tensor in which the axis that pieces lie along comes first.
struct Block {
    start: usize,
    count: usize,
    value: Val,
    /// Whether the axis comes first in the value too: it was laid end to end before.
    laid: bool,
}

/// The terms of a sum.
#[derive(Default)]
struct Terms {
    /// The axis that pieces lie along, once there is one.
    axis: Option<usize>,
    pieces: Vec<Block>,
    others: Vec<Val>,
    /// Sums that were met: one that is met again is one term, for its pieces would meet.
    seen: BTreeSet<Val>,
}

/// The sum of values of which many are pieces of one tensor.
pub(super) fn concat_sum(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if !matches!(op, Op::Map(map) if std::ptr::eq(map.0, &scalar::ADD)) {
        return None;
    }
    let ty = cx.ty(args[0]).clone();
    let mut terms = Terms::default();
    args.iter().for_each(|arg| terms.gather(cx.graph(), *arg));
    let Terms { axis, mut pieces, others, .. } = terms;
    pieces.sort_by_key(|piece| piece.start);
    let apart = pieces.windows(2).all(|pair| pair[0].start + pair[0].count <= pair[1].start);
    let axis = axis.unwrap_or(0);
    let fewest = if axis == 0 { FEWEST } else { FEWEST_INNER };
    if pieces.len() < fewest || !apart {
        return None;
    }
    let packed = end_to_end(cx.graph(), &pieces, &ty, axis);
    Some(others.into_iter().fold(packed, |sum, other| add(cx.graph(), other, sum)))
}

impl Terms {
    fn gather(&mut self, graph: &Builder, value: Val) {
        let Some((op, args)) = graph.op(value) else { return self.others.push(value) };
        match op {
            Op::Map(map) if std::ptr::eq(map.0, &scalar::ADD) && self.seen.insert(value) => {
                args.iter().for_each(|arg| self.gather(graph, *arg));
            }
            Op::View(View::Pad { axis, before, value: zero, .. })
                if *zero == Number(0.0) && self.lies_along(*axis) =>
            {
                let count = graph.ty(args[0]).count();
                let along = graph.ty(args[0]).shape[*axis].size();
                let start = before.size() * (count / along.max(1));
                self.pieces.push(Block { start, count, value: args[0], laid: *axis == 0 });
            }
            Op::View(View::Transpose { axes }) => match first_axis(axes) {
                Some(axis) if packed(graph, args[0]).is_some() && self.lies_along(axis) => {
                    self.take_apart(graph, args[0]);
                }
                _ => self.others.push(value),
            },
            Op::View(View::Reshape { .. }) | Op::Concat(_)
                if packed(graph, value).is_some() && self.lies_along(0) =>
            {
                self.take_apart(graph, value);
            }
            _ => self.others.push(value),
        }
    }

    /// Whether pieces lie along this axis: the first one decides.
    fn lies_along(&mut self, axis: usize) -> bool {
        *self.axis.get_or_insert(axis) == axis
    }

    /// The pieces of what was laid end to end before.
    fn take_apart(&mut self, graph: &Builder, laid: Val) {
        let mut start = 0;
        for arg in packed(graph, laid).unwrap_or_default() {
            let count = graph.ty(*arg).count();
            if graph.as_constant(*arg).is_none_or(|value| value.to_bits() != 0) {
                self.pieces.push(Block { start, count, value: *arg, laid: true });
            }
            start += count;
        }
    }
}

/// What is laid end to end in a value, under whatever shape.
fn packed(graph: &Builder, value: Val) -> Option<&[Val]> {
    match graph.op(value)? {
        (Op::Concat(_), args) => Some(args),
        (Op::View(View::Reshape { .. }), args) => match graph.op(args[0])? {
            (Op::Concat(_), args) => Some(args),
            _ => None,
        },
        _ => None,
    }
}

/// The place that a permutation moves the first axis to, if it does nothing else.
fn first_axis(axes: &[usize]) -> Option<usize> {
    let place = axes.iter().position(|axis| *axis == 0)?;
    (*axes == inverse(&to_front(place, axes.len()))).then_some(place)
}

/// The permutation that moves an axis to the front.
fn to_front(axis: usize, rank: usize) -> Vec<usize> {
    std::iter::once(axis).chain((0..rank).filter(|other| *other != axis)).collect()
}

/// The pieces along an axis with zeros between them.
fn end_to_end(graph: &mut Builder, pieces: &[Block], ty: &Type, axis: usize) -> Val {
    let front = to_front(axis, ty.rank());
    let mut parts = Vec::new();
    let mut end = 0;
    for Block { start, count, value, laid } in pieces {
        zeros(graph, start - end, ty, &mut parts);
        parts.push(if *laid { *value } else { transpose(graph, *value, &front) });
        end = start + count;
    }
    zeros(graph, ty.count() - end, ty, &mut parts);
    let packed = graph.emit(Op::Concat(Concat), &parts);
    let to = front.iter().map(|axis| ty.shape[*axis].clone()).collect();
    let whole = graph.emit(Op::View(View::Reshape { to }), &[packed]);
    if axis == 0 { whole } else { transpose(graph, whole, &inverse(&front)) }
}

fn zeros(graph: &mut Builder, count: usize, ty: &Type, parts: &mut Vec<Val>) {
    if count > 0 {
        parts.push(graph.constant(0.0, &Type::new(ty.dtype, vec![Dim::from(count)])));
    }
}
