//! Sums of tensors that do not meet: each is 0 where the others are not, as the derivatives of slices
//! are. Laid end to end they cost as much as the whole tensor; added one by one, that many times over.

use std::collections::BTreeSet;

use super::builder::{Builder, add};
use super::rules::Rewriter;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::pack::Pack;
use crate::algebra::scalar;
use crate::algebra::types::{Dim, Type};
use crate::algebra::view::View;

/// From how many pieces on they are laid end to end: a few are cheaper where they are read.
const FEWEST: usize = 4;

/// Part of a flat tensor.
struct Piece {
    start: usize,
    count: usize,
    value: Val,
}

/// The sum of values of which at least [`FEWEST`] are pieces of one tensor.
pub(super) fn sum_of_pieces(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if !matches!(op, Op::Map(map) if std::ptr::eq(map.0, &scalar::ADD)) {
        return None;
    }
    let ty = cx.ty(args[0]).clone();
    let (mut pieces, mut others) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for arg in args {
        gather(cx.graph(), *arg, &mut seen, &mut pieces, &mut others);
    }
    pieces.sort_by_key(|piece| piece.start);
    let apart = pieces.windows(2).all(|pair| pair[0].start + pair[0].count <= pair[1].start);
    if pieces.len() < FEWEST || !apart {
        return None;
    }
    let packed = end_to_end(cx.graph(), &pieces, &ty);
    Some(others.into_iter().fold(packed, |sum, other| add(cx.graph(), other, sum)))
}

/// The terms of a sum: pieces, and others. A sum that is met again is one term: its pieces would meet.
fn gather(
    graph: &mut Builder,
    value: Val,
    seen: &mut BTreeSet<Val>,
    pieces: &mut Vec<Piece>,
    others: &mut Vec<Val>,
) {
    let inner = graph.ty(value).shape.iter().skip(1).map(|dim| dim.size()).product::<usize>();
    let Some((op, args)) = graph.op(value) else { return others.push(value) };
    let args = args.to_vec();
    match op {
        Op::Map(map) if std::ptr::eq(map.0, &scalar::ADD) && seen.insert(value) => {
            args.iter().for_each(|arg| gather(graph, *arg, seen, pieces, others));
        }
        Op::View(View::Pad { axis: 0, before, value: zero, .. }) if zero.to_bits() == 0 => {
            let (start, count) = (before.size() * inner, graph.ty(args[0]).count());
            pieces.push(Piece { start, count, value: args[0] });
        }
        Op::View(View::Reshape { .. }) => packed(graph, args[0], value, pieces, others),
        Op::Pack(_) => packed(graph, value, value, pieces, others),
        _ => others.push(value),
    }
}

/// The pieces of what was laid end to end before.
fn packed(graph: &Builder, packed: Val, whole: Val, pieces: &mut Vec<Piece>, others: &mut Vec<Val>) {
    let Some((Op::Pack(_), args)) = graph.op(packed) else { return others.push(whole) };
    let mut start = 0;
    for arg in args {
        let count = graph.ty(*arg).count();
        if graph.as_constant(*arg).is_none_or(|value| value.to_bits() != 0) {
            pieces.push(Piece { start, count, value: *arg });
        }
        start += count;
    }
}

/// The pieces with zeros between them.
fn end_to_end(graph: &mut Builder, pieces: &[Piece], ty: &Type) -> Val {
    let mut parts = Vec::new();
    let mut end = 0;
    for Piece { start, count, value } in pieces {
        zeros(graph, start - end, ty, &mut parts);
        parts.push(*value);
        end = start + count;
    }
    zeros(graph, ty.count() - end, ty, &mut parts);
    let packed = graph.emit(Op::Pack(Pack), &parts);
    graph.emit(Op::View(View::Reshape { to: ty.shape.clone() }), &[packed])
}

fn zeros(graph: &mut Builder, count: usize, ty: &Type, parts: &mut Vec<Val>) {
    if count > 0 {
        parts.push(graph.constant(0.0, &Type::new(ty.dtype, vec![Dim::from(count)])));
    }
}
