//! Builtins that make random numbers.
//!
//! In a stage an extent may stand in place of sizes: `random.normal[tensor]()` is one number per tensor,
//! and without brackets there is one per coordinate.

use super::shapes::no_args;
use super::stage;
use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::ranks::Ranks;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Type};
use crate::ast::ExprKind as Ast;
use crate::check::env::{Checked, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{args, arith, convert, extents};
use crate::typed::{Expr, ExprKind, Extent, build};

/// The type of random numbers: the sizes in square brackets, or the shape expected.
fn drawn<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) -> Checked<Type> {
    if let Some(ty) = drawn_in_stage(cx, scope, call) {
        return ty;
    }
    let to = match (call.statics.is_empty(), call.expected) {
        (true, Some(expected)) => expected.shape.clone(),
        _ => args::sizes(cx.env, scope, call)?,
    };
    Ok(Type::new(scope.float, to))
}

/// The same where an extent says how many there are.
fn drawn_in_stage<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &Scope,
    call: &WrittenCall<'a, '_>,
) -> Option<Checked<Type>> {
    if !scope.in_stage() {
        return None;
    }
    let extent = match call.statics {
        [] => Ok(Extent::Coordinate),
        [one] => match &one.kind {
            Ast::Name(word) if stage::is_extent(scope, word) => {
                stage::extent_word(cx.env, scope, word, one.span)
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(extent.map(|extent| extents::extent_type(cx.env, scope, extent)))
}

/// Uniform numbers in `[0, 1)`.
fn unit<'a>(cx: &mut Typer<'_, 'a>, ty: &Type, call: &WrittenCall<'a, '_>) -> Expr {
    let key = Type::new(DType::I32, vec![Dim::constant(2)]);
    let key = Expr { kind: ExprKind::Key, ty: key, span: call.span };
    let fill = Fill::Random { site: cx.env.site(), dtype: ty.dtype, to: ty.shape.clone() };
    build::op(Op::Fill(fill), vec![key], call.span)
}

/// `start + u * scale`, leaving out what changes nothing.
fn affine<'a>(cx: &mut Typer<'_, 'a>, scope: &Scope, u: Expr, start: Value, scale: Value) -> Checked<Value> {
    let span = u.span;
    let mut value = Value::strong(u);
    if arith::number(&scale) != Some(1.0) {
        value = arith::arithmetic(cx.env, scope, &scalar::MUL, value, scale, span)?;
    }
    if arith::number(&start) != Some(0.0) {
        value = arith::arithmetic(cx.env, scope, &scalar::ADD, value, start, span)?;
    }
    Ok(value)
}

pub(super) fn uniform<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let ty = drawn(cx, scope, call)?;
    let unit = unit(cx, &ty, call);
    let mut given = args::given(cx, scope, call, &["low", "high"], 0)?.into_iter();
    let number = |n: f64| value::literal(n, false, scope.float, call.span);
    let low = given.next().flatten().unwrap_or(number(0.0));
    let high = given.next().flatten().unwrap_or(number(1.0));
    let width = arith::arithmetic(cx.env, scope, &scalar::SUB, high, low.clone(), call.span)?;
    affine(cx, scope, unit, low, width)
}

/// Box-Muller: the radius from one uniform number, the angle from another.
pub(super) fn normal<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let span = call.span;
    let ty = drawn(cx, scope, call)?;
    let (first, second) = (unit(cx, &ty, call), unit(cx, &ty, call));
    let mut given = args::given(cx, scope, call, &["mean", "std"], 0)?.into_iter();
    let number = |n: f64| build::constant(n, ty.clone(), span);
    let above_zero = build::map(&scalar::SUB, vec![number(1.0), first], span);
    let square =
        build::map(&scalar::MUL, vec![number(-2.0), build::map(&scalar::LOG, vec![above_zero], span)], span);
    let radius = build::map(&scalar::SQRT, vec![square], span);
    let angle = build::map(&scalar::MUL, vec![number(std::f64::consts::TAU), second], span);
    let normal = build::map(&scalar::MUL, vec![radius, build::map(&scalar::COS, vec![angle], span)], span);
    let default = |n: f64| value::literal(n, false, scope.float, span);
    let mean = given.next().flatten().unwrap_or(default(0.0));
    let std = given.next().flatten().unwrap_or(default(1.0));
    affine(cx, scope, normal, mean, std)
}

/// True with a probability that may differ from position to position: as many as sizes say, or as
/// there are probabilities.
pub(super) fn bernoulli<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let p = args::given(cx, scope, call, &["p"], 0)?.into_iter().next().flatten();
    let p = p.unwrap_or(value::literal(0.5, false, scope.float, call.span));
    probability(cx, &p)?;
    let mut ty = match call.statics.is_empty() && p.expr.ty.rank() > 0 {
        true => Type::new(scope.float, p.expr.ty.shape.clone()),
        false => drawn(cx, scope, call)?,
    };
    // Numbers of stages that are no tensor's are f64; a choice does not need to be.
    ty.dtype = cx.env.real;
    // What never happens draws no number.
    if arith::number(&p) == Some(0.0) {
        return Ok(Value::strong(build::constant(0.0, ty.with_dtype(DType::Bool), call.span)));
    }
    let unit = Value::strong(unit(cx, &ty, call));
    let p = Value::strong(convert::converted(cx.env, scope, p, ty.dtype, "a probability")?);
    let (unit, p) = convert::join(cx.env, scope, unit, p)?;
    Ok(Value::strong(build::map(&scalar::LT, vec![unit, p], call.span)))
}

/// A probability that is known lies from 0 to 1.
fn probability(cx: &mut Typer<'_, '_>, p: &Value) -> Checked<()> {
    match arith::number(p) {
        Some(n) if !(0.0..=1.0).contains(&n) => {
            let shown = crate::print::number(n);
            let message = format!("a probability is from 0 to 1, not {shown}");
            let found = at(&errors::WRONG_ARGUMENT, message, p.expr.span, format!("this is {shown}"));
            Err(cx.env.report(found.help("write how often: a number such as `0.1`")))
        }
        _ => Ok(()),
    }
}

/// The numbers from 0 in random order: the ranks of as many uniform numbers.
pub(super) fn permutation<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let sizes = args::sizes(cx.env, scope, call)?;
    no_args(cx, call)?;
    let [n] = sizes.as_slice() else {
        let message = "`random.permutation[N]` takes one size: how many numbers";
        let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
        return Err(cx.env.report(found.help("write `random.permutation[N]()`")));
    };
    let numbers = unit(cx, &Type::new(cx.env.real, vec![n.clone()]), call);
    let ranks = Op::Ranks(Ranks { axis: 0, descending: false });
    Ok(Value::strong(build::op(ranks, vec![numbers], call.span)))
}
