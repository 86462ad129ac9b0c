//! Builtins that put elements together.

use crate::algebra::fill::Fill;
use crate::algebra::form::Reducer;
use crate::algebra::op::Op;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::types::{DType, Shape};
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::convert::{self, counted};
use crate::check::expr::typer::{Call, Typer};
use crate::check::expr::{arith, elementwise, extents};
use crate::typed::{Expr, ExprKind, Extent, build};

/// A reduction call: its operand, its axes, whether they are kept.
fn reduction<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
) -> Checked<(Value, Vec<usize>, bool)> {
    no_statics(cx.env, call)?;
    let mut given = args::given(cx, scope, call, &["x", "axis", "keep"], 1)?.into_iter();
    let (x, axis, keep) = (given.next().flatten(), given.next().flatten(), given.next().flatten());
    let x = x.ok_or(Poison)?;
    if scope.in_stage() && !matches!(extents::extent(scope, &x.expr.ty), Extent::Vector(_)) {
        return Err(say_extent(cx, call));
    }
    let axes = match axis {
        Some(axis) => several(cx, &axis, &x)?,
        None => (0..x.expr.ty.rank()).collect(),
    };
    let keep = match keep {
        None => false,
        Some(Value { expr: Expr { kind: ExprKind::Const(value), ty, .. }, .. })
            if ty.dtype == DType::Bool =>
        {
            value != 0.0
        }
        Some(other) => {
            let found = at(&errors::NOT_CONSTANT, "`keep` is `true` or `false`", other.expr.span, "neither");
            return Err(cx.env.report(found.help("write `keep = true`")));
        }
    };
    Ok((x, axes, keep))
}

/// The axes that a number or a list of numbers names, ascending, each once.
fn several(cx: &mut Typer<'_, '_>, axes: &Value, of: &Value) -> Checked<Vec<usize>> {
    let items = match &axes.expr.kind {
        ExprKind::Op(Op::Concat(_), items) => items.iter().map(listed).collect(),
        _ => vec![&axes.expr],
    };
    let mut found = Vec::new();
    for item in items {
        found.push(args::axis(cx.env, &Value { expr: item.clone(), weak: axes.weak }, &of.expr.ty)?);
    }
    found.sort_unstable();
    match found.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(found),
        Some(pair) => {
            let message = format!("axis {} is named twice", pair[0]);
            let found = at(&errors::WRONG_ARGUMENT, message, axes.expr.span, "axes of one tensor");
            Err(cx.env.report(found.help("name each axis once")))
        }
    }
}

/// An element of a list as it is written.
fn listed(item: &Expr) -> &Expr {
    match &item.kind {
        ExprKind::Op(Op::View(_) | Op::Cast(_), args) => args.first().map_or(item, listed),
        _ => item,
    }
}

fn say_extent<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Poison {
    let message = format!("in a stage, `{}` says over what: a tensor or the whole model", call.name);
    let found = at(&errors::WRONG_STATIC, message, call.span, "no extent");
    cx.env.report(found.help(format!("write `{}[model](...)` or `{}[tensor](...)`", call.name, call.name)))
}

pub(super) fn extent_only<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
) -> Checked<Value> {
    if scope.in_stage() {
        return Err(say_extent(cx, call));
    }
    let message = format!("`{}` is for optimizer stages", call.name);
    Err(cx.env.report(
        at(&errors::NOT_A_FUNCTION, message, call.span, "not in a stage")
            .help("write it with `sum`: `sum(a * b)`"),
    ))
}

pub(super) fn sum<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = convert::settle(cx.env, counted(x, scope))?;
    Ok(Value::strong(build::reduce(Reducer::Sum, x, &axes, keep, call.span)))
}

pub(super) fn mean<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = convert::settle(cx.env, arith::real(counted(x, scope), scope))?;
    let sizes: Shape = axes.iter().map(|axis| x.ty.shape[*axis].clone()).collect();
    let total = build::reduce(Reducer::Sum, x, &axes, keep, call.span);
    let count = build::broadcast(build::count(&sizes, total.ty.dtype, call.span), &total.ty.shape);
    Ok(Value::strong(build::map(&scalar::DIV, vec![total, count], call.span)))
}

/// The mean of the squares of what is left without the mean.
fn variance<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Expr> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = convert::settle(cx.env, arith::real(counted(x, scope), scope))?;
    let span = call.span;
    let sizes: Shape = axes.iter().map(|axis| x.ty.shape[*axis].clone()).collect();
    let mean = |x: Expr, keep: bool| {
        let total = build::reduce(Reducer::Sum, x, &axes, keep, span);
        let count = build::broadcast(build::count(&sizes, total.ty.dtype, span), &total.ty.shape);
        build::map(&scalar::DIV, vec![total, count], span)
    };
    Ok(scope.share("x", x, |scope, x| {
        let middle = build::broadcast(mean(x.clone(), true), &x.ty.shape);
        let apart = build::map(&scalar::SUB, vec![x, middle], span);
        scope.share("apart", apart, |_, apart| {
            mean(build::map(&scalar::MUL, vec![apart.clone(), apart], span), keep)
        })
    }))
}

pub(super) fn var<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    Ok(Value::strong(variance(cx, scope, call)?))
}

pub(super) fn std<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let variance = variance(cx, scope, call)?;
    Ok(Value::strong(build::map(&scalar::SQRT, vec![variance], call.span)))
}

pub(super) fn prod<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    convert::expect_number(cx.env, scope, &x, "`prod`")?;
    let x = convert::settle(cx.env, x)?;
    Ok(Value::strong(build::reduce(Reducer::Prod, x, &axes, keep, call.span)))
}

/// `max(a, b)` is elementwise, `max(x)` and `max(x, axis = k)` reduce.
fn extreme<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    row: &'static Scalar,
    combine: Reducer,
) -> Checked<Value> {
    let positional = call.args.iter().filter(|arg| arg.name.is_none()).count();
    if positional >= 2 {
        no_statics(cx.env, call)?;
        let written = args::match_args(cx.env, call, &["a", "b"], 2, None);
        let values = args::values(cx, scope, call, written)?;
        return elementwise::elementwise(cx.env, scope, row, values, call.span);
    }
    let (x, axes, keep) = reduction(cx, scope, call)?;
    convert::expect_number(cx.env, scope, &x, &format!("`{}`", row.name))?;
    let x = convert::settle(cx.env, x)?;
    Ok(Value::strong(build::reduce(combine, x, &axes, keep, call.span)))
}

pub(super) fn max<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    extreme(cx, scope, call, &scalar::MAX, Reducer::Max)
}

pub(super) fn min<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    extreme(cx, scope, call, &scalar::MIN, Reducer::Min)
}

fn logical<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    combine: Reducer,
) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = convert::expect_bool(cx.env, scope, x, &format!("`{}`", call.name))?;
    Ok(Value::strong(build::reduce(combine, x, &axes, keep, call.span)))
}

pub(super) fn any<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    logical(cx, scope, call, Reducer::Max)
}

pub(super) fn all<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    logical(cx, scope, call, Reducer::Min)
}

/// The least position at which the extreme is taken.
fn arg_extreme<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    combine: Reducer,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let span = call.span;
    let mut given = args::given(cx, scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = value::literal(-1.0, true, scope.float, span);
    let axis = args::axis(cx.env, &given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    convert::expect_number(cx.env, scope, &x, &format!("`{}`", call.name))?;
    let x = convert::settle(cx.env, x)?;
    Ok(Value::strong(scope.share("x", x, |_, x| {
        let (shape, size) = (x.ty.shape.clone(), x.ty.shape[axis].clone());
        let best = build::broadcast(build::reduce(combine, x.clone(), &[axis], true, span), &shape);
        let at_best = build::map(&scalar::EQ, vec![x.clone(), best], span);
        // As in NumPy, a NaN is the greatest and the least: nothing equals it.
        let at_best = match x.ty.dtype.is_float() {
            true => build::map(
                &scalar::OR,
                vec![at_best, build::map(&scalar::NE, vec![x.clone(), x], span)],
                span,
            ),
            false => at_best,
        };
        let positions = Op::Fill(Fill::Iota { dtype: DType::I32, to: vec![size.clone()] });
        let positions = build::repeat(build::op(positions, Vec::new(), span), &shape, vec![axis]);
        let outside = build::broadcast(build::count(&[size], DType::I32, span), &shape);
        let candidates = build::map(&scalar::SELECT, vec![at_best, positions, outside], span);
        build::reduce(Reducer::Min, candidates, &[axis], false, span)
    })))
}

pub(super) fn argmax<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    arg_extreme(cx, scope, call, Reducer::Max)
}

pub(super) fn argmin<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    arg_extreme(cx, scope, call, Reducer::Min)
}
