//! Elements and slices: `x[0]`, `x[1:5]`, `x[.., ::2]`.

use super::dims;
use crate::algebra::op::Op;
use crate::algebra::types::{Dim, Shape};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, build};

/// Which positions of an axis are taken.
struct Taken {
    start: Dim,
    step: i64,
    count: Dim,
    /// A single position, whose axis the result lacks.
    single: bool,
}

/// The part of a tensor at these positions, axis by axis; the axes that none is given for, or that
/// `..` stands for, stay whole.
pub(super) fn part_of<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    mut value: Expr,
    positions: &'a [ast::Expr],
    span: Span,
) -> Checked<Value> {
    let rank = value.ty.rank();
    let rest = positions.iter().position(|position| matches!(position.kind, Ast::Rest));
    let given = positions.len() - usize::from(rest.is_some());
    if given > rank {
        let shown = text::show(&value.ty, env.real);
        return Err(env.report(errors::too_many_positions(given, &shown, rank, span)));
    }
    let mut to: Shape = Vec::new();
    let mut axis = 0;
    for (k, position) in positions.iter().enumerate() {
        if rest == Some(k) {
            to.extend(value.ty.shape[axis..axis + rank - given].iter().cloned());
            axis += rank - given;
            continue;
        }
        let size = value.ty.shape[axis].clone();
        let taken = taken(env, scope, position, &size)?;
        if !taken.single {
            to.push(taken.count.clone());
        }
        value = slice(env, value, axis, &taken, position.span, span)?;
        axis += 1;
    }
    to.extend(value.ty.shape[axis..].iter().cloned());
    Ok(Value::strong(build::reshape(value, to, span)))
}

/// The slice, if its positions are inside.
fn slice(
    env: &mut Env<'_>,
    value: Expr,
    axis: usize,
    taken: &Taken,
    place: Span,
    span: Span,
) -> Checked<Expr> {
    let Taken { start, step, count, .. } = taken;
    let size = &value.ty.shape[axis];
    if start.as_constant() == Some(0) && *step == 1 && count == size {
        return Ok(value);
    }
    let slice = View::Slice { axis, start: start.clone(), step: *step, count: count.clone() };
    if Op::View(slice.clone()).rules().infer(&[&value.ty]).is_ok() {
        return Ok(build::op(Op::View(slice), vec![value], span));
    }
    let last = start.add(&count.sub(&Dim::constant(1)).mul(&Dim::constant(*step)));
    let inside = |at: &Dim| {
        let known = |dim: Dim| dim.as_constant().is_none_or(|n| n >= 0);
        known(at.clone()) && known(size.sub(at).sub(&Dim::constant(1)))
    };
    let first = if inside(start) { &last } else { start };
    // As it is written: what is before the first position was counted from the end.
    let from_end = first.as_constant().is_some_and(|n| n < 0) && !inside(start);
    let shown = if from_end { first.sub(size) } else { first.clone() };
    let most = size.as_constant().map(|n| n - 1);
    Err(env.report(errors::outside(&shown.to_string(), &size.to_string(), most, place)))
}

fn taken<'a>(env: &mut Env<'a>, scope: &mut Scope, position: &'a ast::Expr, size: &Dim) -> Checked<Taken> {
    let Ast::Slice(parts) = &position.kind else {
        let start = dims::dim(env, scope, position, false)?;
        return Ok(Taken { start: from_end(start, size), step: 1, count: Dim::constant(1), single: true });
    };
    let [first, last, step] = parts.as_ref();
    let step = match step {
        None => 1,
        Some(written) => self::step(env, scope, written)?,
    };
    let place = |env: &mut Env<'a>, scope: &mut Scope, part: &Option<ast::Expr>, default: Dim| match part {
        None => Ok(default),
        Some(part) => dims::dim(env, scope, part, false).map(|dim| from_end(dim, size)),
    };
    let one = Dim::constant(1);
    let (start, end) = match step > 0 {
        true => (Dim::default(), size.clone()),
        false => (size.sub(&one), Dim::default().sub(&one)),
    };
    let (start, end) = (place(env, scope, first, start), place(env, scope, last, end));
    let (start, end) = (start?, end?);
    let distance = if step > 0 { end.sub(&start) } else { start.sub(&end) };
    let count = steps(env, &distance, step.abs(), position.span)?;
    Ok(Taken { start, step, count, single: false })
}

/// A step: a whole number, not 0.
fn step<'a>(env: &mut Env<'a>, scope: &mut Scope, step: &'a ast::Expr) -> Checked<i64> {
    match dims::dim(env, scope, step, false)?.as_constant() {
        Some(n) if n != 0 => Ok(n),
        _ => {
            let found = at(
                &errors::NOT_CONSTANT,
                "a step is a number, not 0, known at compile time",
                step.span,
                "no step",
            );
            Err(env.report(found.help("write a number: `x[::2]`, or `x[::-1]` for backwards")))
        }
    }
}

/// How many steps fit into a distance, the last one perhaps cut short.
fn steps(env: &mut Env<'_>, distance: &Dim, step: i64, span: Span) -> Checked<Dim> {
    let by = Dim::constant(step);
    let count = match distance.as_constant() {
        Some(n) => Some(Dim::constant((n + step - 1).div_euclid(step))),
        None => distance.div_exact(&by).or_else(|| distance.add(&by).sub(&Dim::constant(1)).div_exact(&by)),
    };
    match count.as_ref().map(Dim::as_constant) {
        Some(Some(n)) if n < 1 => {
            let found = at(&errors::NOT_A_SIZE, "this slice is empty", span, "no positions");
            Err(env.report(found.help("sizes are at least 1; `x[a:b]` takes `a` and ends before `b`")))
        }
        Some(_) => Ok(count.unwrap_or_default()),
        None => Err(open_count(env, distance, step, span)),
    }
}

fn open_count(env: &mut Env<'_>, distance: &Dim, step: i64, span: Span) -> Poison {
    let message = format!("how many steps of {step} fit into `{distance}` is not a whole polynomial");
    let found = at(&errors::NOT_A_SIZE, message, span, "the size of this slice is not known");
    env.report(found.help(format!("write the size as a multiple: `real[{step} * n]`")))
}

/// Negative numbers count from the end.
fn from_end(position: Dim, size: &Dim) -> Dim {
    match position.as_constant() {
        Some(n) if n < 0 => size.add(&position),
        _ => position,
    }
}
