//! Builtins on elements: choices, bounds, casts; and names that are builtins somewhere else only.

use crate::algebra::scalar;
use crate::algebra::types::DType;
use crate::check::env::{Checked, Poison, Scope, Value, Weak};
use crate::check::errors;
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::elementwise::{self, weakest};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{convert, extents};
use crate::typed::{Expr, ExprKind, build};

pub(super) fn sample_elsewhere<'a>(
    cx: &mut Typer<'_, 'a>,
    _: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    Err(cx.env.report(errors::not_a_value("a sampled text", call.span, "print it: `print sample(...)`")))
}

pub(super) fn select<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let written = args::match_args(cx.env, call, &["c", "a", "b"], 3, None);
    let mut values = args::values(cx, scope, call, written)?.into_iter();
    let (Some(c), Some(a), Some(b)) = (values.next(), values.next(), values.next()) else {
        return Err(Poison);
    };
    let c = convert::expect_bool(cx.env, scope, c, "the condition of `where`")?;
    let weak = weakest(&[a.clone(), b.clone()]);
    let (a, b) = convert::join(cx.env, scope, a, b)?;
    let scalar = c.ty.rank() == 0;
    let (c, a) = convert::join_shapes(cx.env, scope, c, a)?;
    let b = extents::broadcast_to(scope, b, &a.ty.shape.clone());
    let weak = if scalar { weak } else { Weak::No };
    Ok(Value {
        expr: build::map(&scalar::SELECT, vec![c, a, b], call.span),
        weak: if weak == Weak::No { weak } else { Weak::No },
    })
}

pub(super) fn clamp<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let written = args::match_args(cx.env, call, &["x", "lo", "hi"], 3, None);
    let mut values = args::values(cx, scope, call, written)?.into_iter();
    let (Some(x), Some(lo), Some(hi)) = (values.next(), values.next(), values.next()) else {
        return Err(Poison);
    };
    let raised = elementwise::elementwise(cx.env, scope, &scalar::MAX, vec![x, lo], call.span)?;
    elementwise::elementwise(cx.env, scope, &scalar::MIN, vec![raised, hi], call.span)
}

/// `grad(f)` where a value is needed.
pub(super) fn function_maker<'a>(
    cx: &mut Typer<'_, 'a>,
    _: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let of = call.args.first().map_or("f".into(), |arg| cx.env.quote(arg.value.span));
    let help = format!("call it: `{}({of})(x)`", call.name);
    Err(cx.env.report(errors::not_a_value(&format!("`{}({of})`, a function,", call.name), call.span, &help)))
}

/// The one argument, `x`.
fn operand<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let written = args::match_args(cx.env, call, &["x"], 1, None);
    args::values(cx, scope, call, written)?.into_iter().next().ok_or(Poison)
}

pub(super) fn stop_gradient<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let x = operand(cx, scope, call)?;
    let x = convert::settle(cx.env, x)?;
    let ty = x.ty.clone();
    Ok(Value::strong(Expr { kind: ExprKind::StopGradient(Box::new(x)), ty, span: call.span }))
}

fn cast<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
    dtype: DType,
) -> Checked<Value> {
    let x = operand(cx, scope, call)?;
    let weak = x.weak != Weak::No && dtype.is_float() || x.weak == Weak::Int && dtype.is_int();
    let expr =
        if weak { build::retype(x.expr, dtype) } else { build::cast(convert::settle(cx.env, x)?, dtype) };
    Ok(Value::strong(Expr { span: call.span, ..expr }))
}

pub(super) fn cast_real<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let dtype = cx.env.real;
    cast(cx, scope, call, dtype)
}

pub(super) fn cast_f32<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    cast(cx, scope, call, DType::F32)
}

pub(super) fn cast_f64<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    cast(cx, scope, call, DType::F64)
}

pub(super) fn cast_i32<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    cast(cx, scope, call, DType::I32)
}

pub(super) fn cast_i64<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    cast(cx, scope, call, DType::I64)
}

/// `bool(x)` is `x != 0`, not a cast: a fraction is true.
pub(super) fn cast_bool<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let x = operand(cx, scope, call)?;
    let x = convert::settle(cx.env, x)?;
    let zero = build::constant(0.0, x.ty.clone(), call.span);
    Ok(Value::strong(build::map(&scalar::NE, vec![x, zero], call.span)))
}
