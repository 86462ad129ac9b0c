//! What might mend a shape that does not fit: a transpose, an axis more or less, another axis of a
//! reduction. Only what does fit then is suggested.

use crate::algebra::op::Op;
use crate::algebra::types::{Dim, Shape};
use crate::check::env::{Binding, Scope};
use crate::typed::{Expr, ExprKind};

/// A shape, and what gives it.
type Candidate = (Shape, String);

/// The first small change of an expression whose shape fits.
pub(super) fn mend(scope: &Scope, expr: &Expr, fits: impl Fn(&Shape) -> bool) -> Option<String> {
    let name = name_of(scope, expr);
    let all = other_axis(expr).into_iter().chain(candidates(&expr.ty.shape, &name));
    let mut all = all.chain(averaged(&expr.ty.shape, &name));
    all.find(|(shape, _)| fits(shape)).map(|(_, how)| how)
}

/// The first small change of an operand whose shape fits the other one.
pub(super) fn mend_operand(scope: &Scope, expr: &Expr, fits: impl Fn(&Shape) -> bool) -> Option<String> {
    let mut all = candidates(&expr.ty.shape, &name_of(scope, expr)).into_iter();
    let (shape, how) = all.find(|(shape, _)| fits(shape))?;
    let reduced = shape.len() > expr.ty.rank() && !other_axis(expr).is_empty();
    Some(if reduced { "keep the axis that is reduced: `keep = true`".to_string() } else { how })
}

/// How to multiply two tensors whose shapes do not fit.
pub(super) fn mend_product(
    scope: &Scope,
    (a, b): (&Expr, &Expr),
    fits: impl Fn(&Shape, &Shape) -> bool,
) -> Option<String> {
    let (x, y) = (name_of(scope, a), name_of(scope, b));
    let (left, right) = (&a.ty.shape, &b.ty.shape);
    if swapped(right).is_some_and(|right| fits(left, &right)) {
        return Some(format!("transpose the right one: `{x} @ transpose({y})`"));
    }
    if swapped(left).is_some_and(|left| fits(&left, right)) {
        return Some(format!("transpose the left one: `transpose({x}) @ {y}`"));
    }
    fits(right, left).then(|| format!("they fit the other way round: `{y} @ {x}`"))
}

/// What an expression is called, if it is a name.
fn name_of(scope: &Scope, expr: &Expr) -> String {
    let param = |k: usize| {
        let mut names = scope.names.iter().rev();
        let found = names.find(|(_, binding, _)| matches!(binding, Binding::Param(have, _) if *have == k));
        found.map(|(name, ..)| name.clone())
    };
    let name = match &expr.kind {
        ExprKind::Local(id) => Some(scope.locals[id.0].name.clone()),
        ExprKind::Param(k) => param(*k),
        _ => None,
    };
    name.unwrap_or_else(|| "...".to_string())
}

/// The shape with its last two axes swapped.
fn swapped(shape: &Shape) -> Option<Shape> {
    let mut shape = shape.clone();
    let rank = shape.len();
    (rank >= 2).then(|| {
        shape.swap(rank - 1, rank - 2);
        shape
    })
}

fn candidates(shape: &Shape, name: &str) -> Vec<Candidate> {
    let one = Dim::constant(1);
    let mut all: Vec<Candidate> = Vec::new();
    all.extend(swapped(shape).map(|shape| (shape, format!("transpose it: `transpose({name})`"))));
    for axis in (0..shape.len()).filter(|axis| shape[*axis] == one) {
        let how = format!("leave out the axis of size 1: `squeeze({name}, axis = {axis})`");
        all.push((without(shape, axis), how));
    }
    for axis in 0..=shape.len() {
        let mut more = shape.clone();
        more.insert(axis, one.clone());
        all.push((more, format!("give it one more axis: `expand({name}, axis = {axis})`")));
    }
    all
}

/// What is left of a shape without each of its axes.
fn averaged(shape: &Shape, name: &str) -> Vec<Candidate> {
    let how =
        |axis| format!("axis {axis} is left over; if it should be averaged: `mean({name}, axis = {axis})`");
    (0..shape.len()).map(|axis| (without(shape, axis), how(axis))).collect()
}

fn without(shape: &Shape, axis: usize) -> Shape {
    let mut shape = shape.clone();
    shape.remove(axis);
    shape
}

/// The shapes that a reduction along one axis has along the others.
fn other_axis(expr: &Expr) -> Vec<Candidate> {
    let (axis, of) = match &expr.kind {
        ExprKind::Op(Op::Reduce(reduce), args) => match reduce.axes.as_slice() {
            [axis] => (*axis, &args[0].ty.shape),
            _ => return Vec::new(),
        },
        // A mean is a sum divided by a number.
        ExprKind::Op(Op::Map(map), args) if map.0.name == "div" => return other_axis(&args[0]),
        _ => return Vec::new(),
    };
    let along = |other: usize| {
        let how = format!("this reduces along axis {axis}; along axis {other} it fits: `axis = {other}`");
        (without(of, other), how)
    };
    (0..of.len()).filter(|other| *other != axis).map(along).collect()
}
