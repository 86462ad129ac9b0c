//! Builtins that arrange elements along axes: turned, joined, padded, with axes added and taken away.

use crate::algebra::concat::Concat;
use crate::algebra::number::Number;
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Shape};
use crate::algebra::view::View;
use crate::ast;
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::args::{self, axes_help, no_statics};
use crate::check::expr::typer::{Arg, Call, Typer};
use crate::check::expr::{arith, convert, dims, elementwise, origin};
use crate::check::text;
use crate::typed::{Expr, build};

/// `x` and an axis of it.
fn with_axis<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    default: Option<f64>,
) -> Checked<(Expr, usize)> {
    no_statics(cx.env, call)?;
    let needed = if default.is_some() { 1 } else { 2 };
    let mut given = args::given(cx, scope, call, &["x", "axis"], needed)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let axis = given.next().flatten();
    let axis = axis.or_else(|| default.map(|n| value::literal(n, true, scope.float, call.span)));
    let axis = args::axis(cx.env, &axis.ok_or(Poison)?, &x.expr.ty)?;
    Ok((convert::settle(cx.env, x)?, axis))
}

/// An axis turned around.
fn turned(x: Expr, axis: usize, span: crate::source::Span) -> Expr {
    let count = x.ty.shape[axis].clone();
    let start = count.sub(&Dim::constant(1));
    build::op(Op::View(View::Slice { axis, start, step: -1, count }), vec![x], span)
}

pub(super) fn flip<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axis) = with_axis(cx, scope, call, None)?;
    Ok(Value::strong(turned(x, axis, call.span)))
}

pub(super) fn squeeze<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axis) = with_axis(cx, scope, call, None)?;
    let mut to = x.ty.shape.clone();
    let size = to.remove(axis);
    if size == Dim::constant(1) {
        return Ok(Value::strong(build::reshape(x, to, call.span)));
    }
    let shown = text::show(&x.ty, cx.env.real);
    let message =
        format!("`squeeze` takes away axes of size 1, and axis {axis} of `{shown}` has size {size}");
    let found = at(&errors::SHAPE_MISMATCH, message, x.span, format!("this is `{shown}`"));
    let found = origin::label_origin(cx.env, scope, &x, found);
    Err(cx.env.report(found.help("pick one position instead: `x[0]`")))
}

/// The axis comes before the one that has this number now; -1 makes it the last.
pub(super) fn expand<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let mut given = args::given(cx, scope, call, &["x", "axis"], 2)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let axis = given.next().flatten().ok_or(Poison)?;
    let x = convert::settle(cx.env, x)?;
    let axis = new_axis(cx, &axis, x.ty.rank())?;
    let mut to = x.ty.shape.clone();
    to.insert(axis, Dim::constant(1));
    Ok(Value::strong(build::reshape(x, to, call.span)))
}

/// Where an axis is added to `rank` axes.
fn new_axis(cx: &mut Typer<'_, '_>, value: &Value, rank: usize) -> Checked<usize> {
    let n = args::known_int(cx.env, value, "axis")?;
    let count = rank as i64 + 1;
    let axis = if n < 0 { n + count } else { n };
    if (0..count).contains(&axis) {
        return Ok(axis as usize);
    }
    let message = format!("a new axis {n} of a tensor that has {}", errors::axes(rank));
    let found = at(&errors::SHAPE_MISMATCH, message, value.expr.span, "no such axis");
    Err(cx.env.report(found.help(axes_help(count))))
}

/// `pad(x, axis, before = 0, after = 0, value = 0)`
pub(super) fn pad<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let names = ["x", "axis", "before", "after", "value"];
    let written = args::match_args(cx.env, call, &names, 2, None);
    let Ok(written) = written else {
        return args::values(cx, scope, call, Err(Poison)).map(|_| unreachable!("arguments in error"));
    };
    let part = |k: usize| written.get(k).copied().flatten();
    let x = cx.expr(scope, part(0).ok_or(Poison)?, None)?;
    let axis = cx.expr(scope, part(1).ok_or(Poison)?, None)?;
    let axis = args::axis(cx.env, &axis, &x.expr.ty)?;
    let before = amount(cx, scope, part(2))?;
    let after = amount(cx, scope, part(3))?;
    let value = match part(4) {
        None => 0.0,
        Some(value) => {
            let value = cx.expr(scope, value, None)?;
            match arith::number(&value) {
                Some(number) => number,
                None => {
                    let message = "`value` must be a number known at compile time";
                    let found = at(&errors::NOT_CONSTANT, message, value.expr.span, "not a number");
                    return Err(cx.env.report(found.help("pad with 0 and add what depends on values")));
                }
            }
        }
    };
    let x = convert::settle(cx.env, x)?;
    let pad = View::Pad { axis, before, after, value: Number(value) };
    Ok(Value::strong(build::op(Op::View(pad), vec![x], call.span)))
}

/// How much to pad: a size, or 0.
fn amount<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, written: Option<&'a ast::Expr>) -> Checked<Dim> {
    let Some(written) = written else { return Ok(Dim::default()) };
    let dim = dims::dim(cx.env, scope, written, false)?;
    match dim.as_constant() {
        Some(n) if n < 0 => {
            let found =
                at(&errors::NOT_A_SIZE, format!("an amount of padding is {n}"), written.span, "negative");
            Err(cx.env.report(found.help("to take positions away, slice: `x[1:]`")))
        }
        _ => Ok(dim),
    }
}

/// Operands given by position, of one element type, and the axis given by name.
fn joined<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<(Vec<Expr>, Value)> {
    no_statics(cx.env, call)?;
    let (named, parts): (Vec<Arg>, Vec<Arg>) = call.args.iter().partition(|arg| arg.name.is_some());
    let rest = Call { args: named, ..call.clone() };
    let axis = args::given(cx, scope, &rest, &["axis"], 0);
    let values: Vec<_> = parts.iter().map(|arg| cx.expr(scope, arg.value, None)).collect();
    let values = values.into_iter().collect::<Checked<Vec<Value>>>()?;
    let axis = axis?.into_iter().next().flatten();
    let axis = axis.unwrap_or(value::literal(0.0, true, scope.float, call.span));
    let Some(first) = values.first() else {
        return Err(args::missing_argument(cx.env, call, "a", &["a", "b", "...", "axis"], None));
    };
    if let [Arg { value: list, .. }] = parts[..]
        && matches!(list.kind, ast::ExprKind::List(_))
    {
        let message = format!("`{}` joins its arguments, and a list is one tensor", call.name);
        let found = at(&errors::WRONG_ARGUMENT, message, list.span, "one tensor");
        return Err(cx.env.report(found.help(format!("write them as arguments: `{}(a, b)`", call.name))));
    }
    let mut dtype = first.expr.ty.dtype;
    let mut widest = first.clone();
    for value in &values[1..] {
        dtype = convert::joint_dtype(cx.env, scope, &widest, value)?;
        let weak = elementwise::weakest(&[widest.clone(), value.clone()]);
        let expr = Expr { ty: value.expr.ty.with_dtype(dtype), ..value.expr.clone() };
        widest = Value { expr, weak };
    }
    let parts: Vec<_> = values
        .into_iter()
        .map(|value| convert::converted(cx.env, scope, value, dtype, "the other operand"))
        .collect();
    Ok((parts.into_iter().collect::<Checked<Vec<Expr>>>()?, axis))
}

/// Whether all operands have the shape of the first, apart from `free`.
fn expect_alike<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &Scope,
    call: &Call<'a, '_>,
    parts: &[Expr],
    free: Option<usize>,
) -> Checked<()> {
    let fits = |part: &Expr| {
        part.ty.rank() == parts[0].ty.rank()
            && (0..part.ty.rank()).all(|k| Some(k) == free || part.ty.shape[k] == parts[0].ty.shape[k])
    };
    let Some(odd) = parts.iter().find(|part| !fits(part)) else { return Ok(()) };
    let (first, other) = (text::show(&parts[0].ty, cx.env.real), text::show(&odd.ty, cx.env.real));
    let along = match free {
        Some(axis) => format!(" along axis {axis}"),
        None => String::new(),
    };
    let message = format!("`{}` cannot join `{first}` and `{other}`{along}", call.name);
    let found = origin::two_shapes(cx.env, scope, message, &parts[0], odd);
    let help = match free {
        Some(_) => "all other sizes must be equal",
        None => "all sizes must be equal",
    };
    Err(cx.env.report(found.help(help)))
}

pub(super) fn concat<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (parts, axis) = joined(cx, scope, call)?;
    let axis = args::axis(cx.env, &axis, &parts[0].ty)?;
    expect_alike(cx, scope, call, &parts, Some(axis))?;
    Ok(Value::strong(end_to_end(parts, axis, call.span)))
}

pub(super) fn stack<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (parts, axis) = joined(cx, scope, call)?;
    expect_alike(cx, scope, call, &parts, None)?;
    let axis = new_axis(cx, &axis, parts[0].ty.rank())?;
    let mut to = parts[0].ty.shape.clone();
    to.insert(axis, Dim::constant(1));
    let parts = parts.into_iter().map(|part| build::reshape(part, to.clone(), call.span)).collect();
    Ok(Value::strong(end_to_end(parts, axis, call.span)))
}

/// Tensors end to end along an axis. Along the first they are packed; along another one they are
/// padded to the whole size and added, which is exact: all but one are -0 at each position, and anything
/// plus that is itself.
fn end_to_end(parts: Vec<Expr>, axis: usize, span: crate::source::Span) -> Expr {
    if parts.len() == 1 {
        return parts.into_iter().next().unwrap_or_else(|| unreachable!("one part"));
    }
    if parts[0].ty.dtype == DType::Bool {
        let numbers = parts.into_iter().map(|part| build::cast(part, DType::I32)).collect();
        let joined = end_to_end(numbers, axis, span);
        let zero = build::constant(0.0, joined.ty.clone(), span);
        return build::map(&scalar::NE, vec![joined, zero], span);
    }
    let total = parts.iter().fold(Dim::default(), |sum, part| sum.add(&part.ty.shape[axis]));
    if axis == 0 {
        let mut to: Shape = parts[0].ty.shape.clone();
        to[0] = total;
        let packed = build::op(Op::Concat(Concat), parts, span);
        return build::reshape(packed, to, span);
    }
    let nothing = if parts[0].ty.dtype.is_float() { -0.0 } else { 0.0 };
    let mut before = Dim::default();
    let mut padded = Vec::new();
    for part in parts {
        let size = part.ty.shape[axis].clone();
        let after = total.sub(&before).sub(&size);
        let pad = View::Pad { axis, before: before.clone(), after, value: Number(nothing) };
        padded.push(build::op(Op::View(pad), vec![part], span));
        before = before.add(&size);
    }
    let sum = padded.into_iter().reduce(|sum, part| build::map(&scalar::ADD, vec![sum, part], span));
    sum.unwrap_or_else(|| unreachable!("parts"))
}

/// `permute[1, 0, 2](x)`: axis `k` of the result is axis `axes[k]` of `x`.
pub(super) fn permute<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let axes: Vec<_> = call.statics.iter().map(|axis| dims::dim(cx.env, scope, axis, false)).collect();
    let written = args::match_args(cx.env, call, &["x"], 1, None);
    let x = args::values(cx, scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let x = convert::settle(cx.env, x)?;
    let axes = axes.into_iter().collect::<Checked<Vec<Dim>>>()?;
    let rank = x.ty.rank() as i64;
    let known = axes.iter().map(|axis| axis.as_constant().map(|n| if n < 0 { n + rank } else { n }));
    let axes: Option<Vec<usize>> = known.map(|n| usize::try_from(n?).ok()).collect();
    let permutes = |axes: &Vec<usize>| {
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..x.ty.rank())
    };
    match axes.filter(permutes) {
        Some(axes) => Ok(Value::strong(build::op(Op::View(View::Transpose { axes }), vec![x], call.span))),
        None => {
            let shown = text::show(&x.ty, cx.env.real);
            let message = format!("`permute` names every axis of `{shown}` once, in a new order");
            let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
            let found = origin::label_origin(cx.env, scope, &x, found);
            let order: Vec<String> = (0..rank).rev().map(|axis| axis.to_string()).collect();
            Err(cx.env.report(found.help(format!("for example `permute[{}](x)`", order.join(", ")))))
        }
    }
}
