//! `for` and `scan`: a block repeated over carried values. An iteration's number is a size inside of the
//! block, so it may stand where sizes stand: `x[i]`, `blocks[i]`, `reshape[i + 1](..)`.

use super::lets::{self, with_lets};
use super::several::{self, ExpectedType};
use super::typer::Typer;
use super::{convert, dims, origin};
use crate::algebra::op::Op;
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Checked, Env, Poison, Scope, Value, Weak};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, ExprKind, LocalId, Loop, build};

/// A sequence that a `scan` goes along, with the axis first: its name, and where an iteration's part is named.
struct Sequence<'a> {
    whole: LocalId,
    value: Expr,
    name: &'a ast::Ident,
}

/// `for i in 0..n, h = start { next }`, `scan xt in x, h = start { (next, y) }`
pub(super) fn repeat<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    parts: &'a ast::Loop,
    span: Span,
) -> Checked<Value> {
    loop_head(cx.env, parts, span)?;
    let carried = starts(cx, scope, parts);
    let range = match parts.ranges.first() {
        Some((_, range)) => iterations(cx.env, scope, range).map(|(from, to)| (from, to, Vec::new(), 0)),
        None => sequences(cx, scope, parts),
    };
    let (carried, (from, to, sequences, axis)) = (carried?, range?);
    let names = scope.names.len();
    let iteration = cx.env.fresh(parts.ranges.first().map_or("iteration", |(name, _)| &name.name));
    if let Some((name, _)) = parts.ranges.first() {
        scope.bind(&name.name, Binding::Size(Dim::var(iteration.clone())), name.span);
    }
    let wanted = bind_carried(cx.env, scope, parts, &carried);
    let lets = sequences.iter().map(|sequence| part_of_iteration(scope, sequence, &iteration)).collect();
    let body = turn_body(cx, scope, parts, &wanted);
    scope.names.truncate(names);
    let body = with_lets(lets, Value::strong(body?)).expr;
    let locals = wanted.into_iter().map(|(local, _)| local);
    let collected = collected(cx.env, &body, carried.len(), axis, &to, &iteration)?;
    let carried: Vec<(LocalId, Expr)> = locals.zip(carried).collect();
    let made = Loop { iteration, from, to, carried, body, axis, collected };
    let ty = made.types().first().cloned().ok_or(Poison)?;
    let value = Expr { kind: ExprKind::Loop(Box::new(made)), ty, span };
    let whole = sequences.into_iter().map(|sequence| (vec![sequence.whole], sequence.value)).collect();
    Ok(with_lets(whole, Value::strong(value)))
}

/// Whether what stands before the block makes sense.
fn loop_head(env: &mut Env<'_>, parts: &ast::Loop, span: Span) -> Checked<()> {
    let second = parts.ranges.get(1).map(|(name, _)| name.span);
    let found = match (parts.scan, parts.ranges.len(), parts.sequences.first()) {
        (false, _, Some((name, over))) => {
            let source = env.quote(over.span);
            let help = format!("along a sequence: `scan {} in {source}`; a range is `0..n`", name.name);
            at(&errors::LOOP_FORM, "a `for` goes through a range", over.span, "not a range").help(help)
        }
        (false, 0, None) => at(&errors::LOOP_FORM, "a `for` goes through a range", span, "no range")
            .help("say what it goes through: `for i in 0..n, h = start { ... }`"),
        (false, 1, None) if parts.carried.is_empty() => at(
            &errors::LOOP_FORM,
            "nothing is carried from one iteration to the next",
            span,
            "no carried value",
        )
        .help("name what each iteration changes, with its start: `for i in 0..n, h = start { ... }`"),
        (true, 0, None) => at(&errors::LOOP_FORM, "a `scan` goes along a sequence", span, "no sequence")
            .help("say which: `scan xt in x, h = start { ... }`"),
        (true, 1.., _) => at(
            &errors::LOOP_FORM,
            "a `scan` goes along sequences, not through a range",
            parts.ranges[0].0.span,
            "a range",
        )
        .help("through a range goes `for`"),
        (false, 2.., None) => {
            at(&errors::LOOP_FORM, "a `for` goes through one range", second.unwrap_or(span), "a second one")
                .help("put a `for` into the block of another")
        }
        _ => return Ok(()),
    };
    Err(env.report(found))
}

/// The values before the first iteration. A number alone is real.
pub(crate) fn starts<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    parts: &'a ast::Loop,
) -> Checked<Vec<Expr>> {
    let mut starts = Vec::new();
    for line in &parts.carried {
        starts.push(match line.ty {
            Some(_) => lets::let_value(cx, scope, line),
            None => cx.expr(scope, &line.value, None).and_then(|value| match value.weak {
                Weak::Int => {
                    let real = build::retype(value.expr, scope.float);
                    convert::settle(cx.env, Value { expr: real, weak: Weak::Real })
                }
                _ => convert::settle(cx.env, value),
            }),
        });
    }
    starts.into_iter().collect()
}

fn iterations<'a>(env: &mut Env<'a>, scope: &mut Scope, range: &'a ast::Range) -> Checked<(Dim, Dim)> {
    let high = range.high.as_ref().ok_or(Poison)?;
    let (from, to) = (dims::dim(env, scope, &range.low, false), dims::dim(env, scope, high, false));
    let (from, to) = (from?, to?);
    match to.sub(&from).as_constant() {
        Some(n) if n < 0 => {
            let message = format!("the range {from}..{to} runs backwards");
            let found = at(&errors::LOOP_FORM, message, range.low.span.to(high.span), "no iterations");
            Err(env.report(found.help("count upwards, and take `n - 1 - i` in the block")))
        }
        _ => Ok((from, to)),
    }
}

/// The sequences, which have one length along the axis, with the axis first.
fn sequences<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    parts: &'a ast::Loop,
) -> Checked<(Dim, Dim, Vec<Sequence<'a>>, usize)> {
    let values: Vec<_> = parts.sequences.iter().map(|(_, over)| cx.definite(scope, over)).collect();
    let values = values.into_iter().collect::<Checked<Vec<Expr>>>()?;
    let (axis, length) = scan_axis(cx.env, scope, parts.axis.as_ref(), &values[0])?;
    let mut sequences = Vec::new();
    for (value, (name, _)) in values.into_iter().zip(&parts.sequences) {
        if value.ty.shape.get(axis) != Some(&length) {
            let shown = text::show(&value.ty, cx.env.real);
            let message = format!("axis {axis} of a sequence has size {length}, and this is `{shown}`");
            let found = at(&errors::SHAPE_MISMATCH, message, value.span, format!("this is `{shown}`"));
            let found = origin::label_origin(cx.env, scope, &value, found);
            return Err(cx.env.report(found.help("sequences of one `scan` have one length")));
        }
        let axes: Vec<usize> =
            [axis].into_iter().chain((0..value.ty.rank()).filter(|k| *k != axis)).collect();
        let span = value.span;
        let value = match axis {
            0 => value,
            _ => build::op(Op::View(View::Transpose { axes }), vec![value], span),
        };
        let whole = scope.local(&format!("{}s", name.name), value.ty.clone(), span);
        sequences.push(Sequence { whole, value, name });
    }
    Ok((Dim::default(), length, sequences, axis))
}

/// The axis by its number or its size, 0 if nothing is said; and its size.
fn scan_axis<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    axis: Option<&'a ast::Expr>,
    of: &Expr,
) -> Checked<(usize, Dim)> {
    let rank = of.ty.rank();
    let shown = text::show(&of.ty, env.real);
    let place = axis.map_or(of.span, |axis| axis.span);
    let dim = match axis {
        None => Dim::default(),
        Some(axis) => dims::dim(env, scope, axis, false)?,
    };
    let named = axis.is_some_and(|axis| matches!(axis.kind, Ast::Name(_)));
    let found: Vec<usize> = match dim.as_constant() {
        Some(n) if !named => {
            let n = if n < 0 { n + rank as i64 } else { n };
            usize::try_from(n).ok().filter(|n| *n < rank).into_iter().collect()
        }
        _ => (0..rank).filter(|k| of.ty.shape[*k] == dim).collect(),
    };
    if let [axis] = found.as_slice() {
        return Ok((*axis, of.ty.shape[*axis].clone()));
    }
    let (message, help) = match (rank, found.is_empty()) {
        (0, _) => ("a number is no sequence".to_string(), "scan along an axis of a tensor"),
        (_, true) => (format!("`{shown}` has no such axis"), "name a size of it, or count axes from 0"),
        _ => (format!("`{shown}` has several axes of size `{dim}`"), "say which by its number: `axis = 0`"),
    };
    let found = at(&errors::SHAPE_MISMATCH, message, place, format!("`{shown}` goes in here"));
    let found = origin::label_origin(env, scope, of, found);
    Err(env.report(found.help(help)))
}

/// Binds the carried names; what the block must give for each.
fn bind_carried<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    parts: &'a ast::Loop,
    starts: &[Expr],
) -> Vec<(LocalId, ExpectedType)> {
    let mut bound = Vec::new();
    for (line, start) in parts.carried.iter().zip(starts) {
        let name = &line.name().name;
        let local = scope.bind_local(name, start.ty.clone(), line.name().span);
        let place = (line.name().span, format!("`{name}` starts as `{}`", text::show(&start.ty, env.real)));
        bound.push((local, ExpectedType { ty: start.ty.clone(), place }));
    }
    bound
}

/// The values of one iteration: as many as are carried, and in a `scan` perhaps more.
fn turn_body<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    parts: &'a ast::Loop,
    bound: &[(LocalId, ExpectedType)],
) -> Checked<Expr> {
    let wanted: Vec<ExpectedType> = bound.iter().map(|(_, wanted)| wanted.clone()).collect();
    if !parts.scan {
        return several::several(cx, scope, &parts.body, &wanted, "this `for`");
    }
    let body = several::next_values(cx, scope, &parts.body, &wanted)?;
    let have = cx.env.instances.results(&body).len();
    if have < wanted.len() {
        let message = format!("{} carried, and the block gives {}", are(wanted.len()), errors::values(have));
        let found = at(&errors::SEVERAL_VALUES, message, body.span, errors::values(have));
        let found = found.label(wanted[0].place.0, wanted[0].place.1.clone());
        return Err(cx.env.report(found.help("give all next values: `(next, ...)`")));
    }
    Ok(body)
}

/// The types that are collected, one more axis in each.
fn collected(
    env: &mut Env<'_>,
    body: &Expr,
    carried: usize,
    axis: usize,
    length: &Dim,
    iteration: &SizeVar,
) -> Checked<Vec<Type>> {
    let mut types = Vec::new();
    for ty in env.instances.results(body).into_iter().skip(carried) {
        let shown = text::show(&ty, env.real);
        if ty.shape.iter().any(|dim| dim.vars().any(|var| var == iteration)) {
            let message = format!("what is collected is `{shown}`, which is not the same in each iteration");
            let found = at(&errors::SHAPE_MISMATCH, message, body.span, "its sizes change");
            return Err(env.report(found.help("collect what has the same sizes in each iteration")));
        }
        if ty.rank() < axis {
            let message = format!("what is collected is `{shown}`, which can have no axis {axis}");
            let found = at(&errors::SHAPE_MISMATCH, message, body.span, format!("a value is `{shown}`"));
            return Err(env.report(found.help("collect tensors with the axes before the one of the `scan`")));
        }
        let mut whole = ty;
        whole.shape.insert(axis, length.clone());
        types.push(whole);
    }
    Ok(types)
}

/// The part of a sequence that an iteration is about, under its name.
fn part_of_iteration(
    scope: &mut Scope,
    sequence: &Sequence<'_>,
    iteration: &SizeVar,
) -> (Vec<LocalId>, Expr) {
    let (ty, span) = (sequence.value.ty.clone(), sequence.name.span);
    let (start, count) = (Dim::var(iteration.clone()), Dim::constant(1));
    let slice = View::Slice { axis: 0, start, step: 1, count };
    let to = ty.shape[1..].to_vec();
    let whole = Expr { kind: ExprKind::Local(sequence.whole), ty, span };
    let part = build::reshape(build::op(Op::View(slice), vec![whole], span), to, span);
    (vec![scope.bind_local(&sequence.name.name, part.ty.clone(), span)], part)
}

fn are(n: usize) -> String {
    if n == 1 { "1 value is".to_string() } else { format!("{n} values are") }
}
