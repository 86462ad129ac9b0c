//! Infix operators.

use super::typer::Typer;
use super::{convert, fixes, origin};
use crate::algebra::op::Op;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::types::{Dim, Shape, Type};
use crate::ast::{self, BinaryOp, UnaryOp};
use crate::check::env::{Checked, Env, Poison, Scope, Value, Weak, value};
use crate::check::{errors, text};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, build};

/// Largest constant power that becomes multiplications.
const UNROLLED: i64 = 4;

/// An infix operator.
pub(super) fn binary<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    op: BinaryOp,
    a: &'a ast::Expr,
    b: &'a ast::Expr,
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    if op == BinaryOp::Div {
        cx.env.quotients.insert(span, text::quotients(cx.env, a, b));
    }
    let a = cx.expr(scope, a, expected);
    let b = cx.expr(scope, b, expected);
    binary_values(cx.env, scope, op, a?, b?, span)
}

/// An infix operator on checked operands.
fn binary_values(
    env: &mut Env<'_>,
    scope: &mut Scope,
    op: BinaryOp,
    a: Value,
    b: Value,
    span: Span,
) -> Checked<Value> {
    use BinaryOp::*;
    let what = format!("`{op}`");
    match op {
        And | Or => {
            let (a, b) =
                (convert::expect_bool(env, scope, a, &what), convert::expect_bool(env, scope, b, &what));
            let (a, b) = convert::join_shapes(env, scope, a?, b?)?;
            Ok(Value::strong(build::map(
                if op == And { &scalar::AND } else { &scalar::OR },
                vec![a, b],
                span,
            )))
        }
        Eq | Ne | Lt | Le | Gt | Ge => compare(env, scope, op, a, b, span),
        _ => {
            let (x, y) = (
                convert::expect_number(env, scope, &a, &what),
                convert::expect_number(env, scope, &b, &what),
            );
            x.and(y)?;
            if matches!(op, FloorDiv | Rem) {
                whole_by_zero(env, &a, &b)?;
            }
            match op {
                Div => divide(env, scope, a, b, span),
                FloorDiv => floor_div(env, scope, a, b, span),
                Rem => remainder(env, scope, a, b, span),
                Pow => power(env, scope, a, b, span),
                MatMul => matmul(env, scope, a, b, span),
                Add => arithmetic(env, scope, &scalar::ADD, a, b, span),
                Sub => arithmetic(env, scope, &scalar::SUB, a, b, span),
                _ => arithmetic(env, scope, &scalar::MUL, a, b, span),
            }
        }
    }
}

/// A prefix operator.
pub(super) fn unary<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    op: UnaryOp,
    x: &'a ast::Expr,
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    let value = cx.expr(scope, x, expected)?;
    match op {
        UnaryOp::Not => {
            let expr = convert::expect_bool(cx.env, scope, value, "`not`")?;
            Ok(Value::strong(build::map(&scalar::NOT, vec![expr], span)))
        }
        UnaryOp::Neg => negate(cx.env, scope, value, span),
    }
}

fn negate(env: &mut Env<'_>, scope: &Scope, value: Value, span: Span) -> Checked<Value> {
    if let (ExprKind::Const(number), true) = (&value.expr.kind, value.weak != Weak::No) {
        return Ok(Value { expr: build::constant(-number, value.expr.ty, span), weak: value.weak });
    }
    if let (ExprKind::Size(dim), Weak::Int) = (&value.expr.kind, value.weak) {
        return Ok(value::size(&Dim::default().sub(dim), span));
    }
    convert::expect_number(env, scope, &value, "`-`")?;
    Ok(Value { expr: build::map(&scalar::NEG, vec![value.expr], span), weak: value.weak })
}

fn compare(env: &mut Env<'_>, scope: &Scope, op: BinaryOp, a: Value, b: Value, span: Span) -> Checked<Value> {
    use BinaryOp::*;
    let equality = matches!(op, Eq | Ne);
    if !equality {
        let what = format!("`{op}`");
        let (x, y) =
            (convert::expect_number(env, scope, &a, &what), convert::expect_number(env, scope, &b, &what));
        x.and(y)?;
    }
    let (a, b) = convert::join(env, scope, a, b)?;
    let (row, args) = match op {
        Eq => (&scalar::EQ, vec![a, b]),
        Ne => (&scalar::NE, vec![a, b]),
        Lt => (&scalar::LT, vec![a, b]),
        Le => (&scalar::LE, vec![a, b]),
        Gt => (&scalar::LT, vec![b, a]),
        _ => (&scalar::LE, vec![b, a]),
    };
    Ok(Value::strong(build::map(row, args, span)))
}

/// A sum, difference or product.
pub(crate) fn arithmetic(
    env: &mut Env<'_>,
    scope: &Scope,
    row: &'static Scalar,
    a: Value,
    b: Value,
    span: Span,
) -> Checked<Value> {
    if let Some(folded) = fold(scope, row, &a, &b, span) {
        return Ok(folded);
    }
    let weak = joint_weak(&a, &b);
    let (a, b) = convert::join(env, scope, a, b)?;
    Ok(Value { expr: build::map(row, vec![a, b], span), weak })
}

fn divide(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    if !(is_int(&a) && is_int(&b)) {
        return quotient(env, scope, a, b, span);
    }
    if a.weak == Weak::No || b.weak == Weak::No {
        let found = convert::int_division(env, span);
        let found = origin::label_origin(env, scope, &a.expr, found);
        let found = origin::label_origin(env, scope, &b.expr, found);
        return Err(env.report(found));
    }
    let quotient = quotient(env, scope, real(a, scope), real(b, scope), span)?;
    Ok(Value { weak: Weak::Ratio(span), ..quotient })
}

/// A quotient of reals.
fn quotient(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    if let (Some(x), Some(y), true) = (number(&a), number(&b), a.weak != Weak::No && b.weak != Weak::No) {
        let weak = joint_weak(&a, &b);
        return Ok(Value { weak, ..value::literal(x / y, false, scope.float, span) });
    }
    let weak = joint_weak(&a, &b);
    let (a, b) = convert::join(env, scope, a, b)?;
    Ok(Value { expr: build::map(&scalar::DIV, vec![a, b], span), weak })
}

/// Whole numbers have no quotient and no remainder by 0.
fn whole_by_zero(env: &mut Env<'_>, a: &Value, b: &Value) -> Checked<()> {
    if is_int(a) && is_int(b) && number(b) == Some(0.0) {
        return Err(env.report(errors::by_zero(b.expr.span)));
    }
    Ok(())
}

fn is_int(value: &Value) -> bool {
    value.weak == Weak::Int || value.weak == Weak::No && value.expr.ty.dtype.is_int()
}

/// The quotient rounded down.
fn floor_div(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    if a.weak == Weak::Int && b.weak == Weak::Int {
        if let (ExprKind::Size(x), Some(y)) = (&a.expr.kind, number(&b))
            && y != 0.0
            && let Some(dim) = x.div_exact(&crate::algebra::types::Dim::constant(y as i64))
        {
            return Ok(value::size(&dim, span));
        }
        if let (Some(x), Some(y)) = (number(&a), number(&b))
            && y != 0.0
        {
            return Ok(value::literal((x / y).floor(), true, scope.float, span));
        }
    }
    let (a, b) = convert::join(env, scope, a, b)?;
    Ok(Value::strong(build::map(&scalar::FLOOR_DIV, vec![a, b], span)))
}

/// What `div` leaves: it has the sign of `b`.
fn remainder(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    let (a, b) = convert::join(env, scope, a, b)?;
    Ok(Value::strong(build::map(&scalar::REM, vec![a, b], span)))
}

fn power(env: &mut Env<'_>, scope: &mut Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    let exponent = number(&b).filter(|n| b.weak != Weak::No && n.fract() == 0.0);
    if let (Some(x), Some(n), true) = (number(&a), exponent, a.weak != Weak::No) {
        let whole = a.weak == Weak::Int && n >= 0.0;
        return Ok(value::literal(x.powf(n), whole, scope.float, span));
    }
    if let Some(n) = exponent
        && n.abs() <= UNROLLED as f64
        && (n >= 0.0 || !a.expr.ty.dtype.is_int())
    {
        let weak = a.weak;
        let expr = scope.share("base", a.expr, |_, base| unrolled(base, n as i64, span));
        return Ok(Value { expr, weak });
    }
    let (a, b) = (real(a, scope), real(b, scope));
    let (a, b) = convert::join(env, scope, a, b)?;
    Ok(Value::strong(build::map(&scalar::POW, vec![a, b], span)))
}

fn matmul(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value, span: Span) -> Checked<Value> {
    let dtype = convert::joint_dtype(env, scope, &a, &b)?;
    let a = convert::converted(env, scope, a, dtype, "the other operand")?;
    let b = convert::converted(env, scope, b, dtype, "the other operand")?;
    let contract = build::matmul_labels(a.ty.rank(), b.ty.rank()).map(Op::Contract);
    let fits = |op: &Op| op.rules().infer(&[&a.ty, &b.ty]).is_ok();
    if let Some(op) = contract.filter(fits) {
        return Ok(Value::strong(build::op(op, vec![a, b], span)));
    }
    match build::batched_product(&a, &b, span) {
        Some(product) => Ok(Value::strong(product)),
        None => Err(no_product(env, scope, &a, &b)),
    }
}

fn no_product(env: &mut Env<'_>, scope: &Scope, a: &Expr, b: &Expr) -> Poison {
    let (x, y) = (text::show(&a.ty, env.real), text::show(&b.ty, env.real));
    let found = origin::two_shapes(env, scope, format!("`@` cannot multiply `{x}` by `{y}`"), a, b);
    let fits = |left: &Shape, right: &Shape| {
        let (a, b) = (Type::new(a.ty.dtype, left.clone()), Type::new(b.ty.dtype, right.clone()));
        let labels = build::matmul_labels(a.rank(), b.rank()).map(Op::Contract);
        labels.is_some_and(|op| op.rules().infer(&[&a, &b]).is_ok())
    };
    let rule = "the last size of the left must be the one before the last of the right, as in `[.., n, k] @ [.., k, m]`";
    env.report(match fixes::mend_product(scope, (a, b), fits) {
        Some(mended) => found.note(rule).help(mended),
        None => found.help(rule),
    })
}

/// The number, if it is one already.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value.expr.kind {
        ExprKind::Const(number) if value.expr.ty.rank() == 0 => Some(number),
        _ => None,
    }
}

/// Arithmetic among literals and sizes, done now.
fn fold(scope: &Scope, row: &'static Scalar, a: &Value, b: &Value, span: Span) -> Option<Value> {
    if a.weak == Weak::No || b.weak == Weak::No {
        return None;
    }
    if let (Some(x), Some(y)) = (number(a), number(b)) {
        let weak = joint_weak(a, b);
        return Some(Value {
            weak,
            ..value::literal((row.eval)(&[x, y]), weak == Weak::Int, scope.float, span)
        });
    }
    let (x, y) = (dim(a)?, dim(b)?);
    let is = |other: &'static Scalar| std::ptr::eq(row, other);
    let size = match () {
        () if is(&scalar::ADD) => x.add(&y),
        () if is(&scalar::SUB) => x.sub(&y),
        () => x.mul(&y),
    };
    Some(value::size(&size, span))
}

/// A size, or an integer as one.
fn dim(value: &Value) -> Option<crate::algebra::types::Dim> {
    match &value.expr.kind {
        ExprKind::Size(dim) => Some(dim.clone()),
        ExprKind::Const(n) if value.weak == Weak::Int => {
            Some(crate::algebra::types::Dim::constant(*n as i64))
        }
        _ => None,
    }
}

/// How firm the result of two operands is.
fn joint_weak(a: &Value, b: &Value) -> Weak {
    match (a.weak, b.weak) {
        (Weak::No, _) | (_, Weak::No) => Weak::No,
        (Weak::Ratio(span), _) | (_, Weak::Ratio(span)) => Weak::Ratio(span),
        (Weak::Int, Weak::Int) => Weak::Int,
        _ => Weak::Real,
    }
}

/// A weak integer as a weak real, an integer as a real; others as they are.
pub(crate) fn real(value: Value, scope: &Scope) -> Value {
    match value.weak {
        Weak::Int => Value { expr: build::retype(value.expr, scope.float), weak: Weak::Real },
        Weak::No if value.expr.ty.dtype.is_int() => Value::strong(build::cast(value.expr, scope.float)),
        _ => value,
    }
}

/// `base^n` by multiplications.
fn unrolled(base: Expr, n: i64, span: Span) -> Expr {
    let one = || build::constant(1.0, base.ty.clone(), span);
    if n < 0 {
        let top = one();
        return build::map(&scalar::DIV, vec![top, unrolled(base, -n, span)], span);
    }
    if n == 0 {
        return one();
    }
    (1..n).fold(base.clone(), |product, _| build::map(&scalar::MUL, vec![product, base.clone()], span))
}
