//! Element types and shapes made to fit: casts and repetition are written out.

use super::extents::{self, broadcast_to, extent, extent_shape};
use super::{columns, fixes, origin};
use crate::algebra::op::Op;
use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::check::env::{Checked, Env, Extents, Poison, Scope, Value, Weak};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Extent, LocalId, build};

/// A definite type for an expression whose context says nothing.
pub(crate) fn settle(env: &mut Env<'_>, value: Value) -> Checked<Expr> {
    match value.weak {
        Weak::Ratio(span) => Err(env.report(int_division(env, span))),
        Weak::Int => fits(env, value.expr, DType::I32),
        _ => Ok(value.expr),
    }
}

/// An integer literal, if `i32` can hold it where that is what it becomes.
fn fits(env: &mut Env<'_>, expr: Expr, dtype: DType) -> Checked<Expr> {
    match expr.kind {
        ExprKind::Const(n) if dtype == DType::I32 && !(-2147483648.0..=2147483647.0).contains(&n) => {
            let shown = crate::print::number(n);
            let message = match n.is_finite() {
                true => format!("{shown} is too large for `i32`"),
                false => "this number is too large for any integer".to_owned(),
            };
            let found = at(&errors::TYPE_MISMATCH, message, expr.span, "at most 2147483647");
            Err(env.report(found.help("write a point, as in `3000000000.0`, or `i64(...)` around it")))
        }
        _ => Ok(expr),
    }
}

/// What to say about a quotient of integers.
pub(super) fn int_division(env: &Env<'_>, span: Span) -> Diagnostic {
    let written = env.quotients.get(&span).cloned();
    errors::int_division(span, written.unwrap_or_else(|| ("a div b".into(), "real(a) / b".into())))
}

/// `value` with element type `dtype`, if it may become that silently.
pub(crate) fn converted(
    env: &mut Env<'_>,
    scope: &Scope,
    value: Value,
    dtype: DType,
    why: &str,
) -> Checked<Expr> {
    let have = value.expr.ty.dtype;
    match value.weak {
        Weak::Int if dtype != DType::Bool => return fits(env, build::retype(value.expr, dtype), dtype),
        Weak::Real | Weak::Ratio(_) if dtype.is_float() => return Ok(build::retype(value.expr, dtype)),
        Weak::Ratio(span) => return Err(env.report(int_division(env, span))),
        _ => {}
    }
    let widens = have.is_int() && dtype.is_float() || have == DType::I32 && dtype == DType::I64;
    let in_stage = scope.in_stage() && have.is_float() && dtype.is_float();
    if have == dtype || widens || in_stage {
        return Ok(build::cast(value.expr, dtype));
    }
    let (found, wanted) = (text::dtype(have, env.real), text::dtype(dtype, env.real));
    let message = match why {
        "what is expected" => format!("expected `{wanted}`, found `{found}`"),
        why => format!("{why} is `{wanted}`, and this is `{found}`"),
    };
    let found = at(&errors::TYPE_MISMATCH, message, value.expr.span, format!("this is `{found}`"));
    let found = origin::label_origin(env, scope, &value.expr, found);
    let help = columns::help_for_labels(env, scope, &value.expr, dtype);
    Err(env.report(found.help(help.unwrap_or_else(|| format!("convert it: `{wanted}(...)`")))))
}

/// `value` as exactly `ty`: weak and integer elements become its element type, and a number alone is
/// repeated to its shape.
pub(crate) fn coerce(
    env: &mut Env<'_>,
    scope: &Scope,
    value: Value,
    ty: &Type,
    expected: (Span, String),
) -> Checked<Expr> {
    let expr = converted(env, scope, value, ty.dtype, "what is expected")?;
    if expr.ty.shape == ty.shape {
        return Ok(expr);
    }
    let literal = matches!(expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) && expr.ty.rank() == 0;
    if literal || scope.in_stage() && extent(scope, &expr.ty) >= extent(scope, ty) {
        return Ok(if literal {
            build::broadcast(expr, &ty.shape)
        } else {
            broadcast_to(scope, expr, &ty.shape)
        });
    }
    let (have, want) = (text::show(&expr.ty, env.real), text::show(ty, env.real));
    let found = errors::shapes(
        format!("expected `{want}`, found `{have}`"),
        (expr.span, have),
        (expected.0, expected.1),
    );
    let found = origin::label_origin(env, scope, &expr, found);
    let mended = fixes::mend(scope, &expr, |shape| *shape == ty.shape);
    let help = mended.unwrap_or_else(|| "make the value fit, or change what is declared".to_string());
    Err(env.report(found.help(help)))
}

/// `value` as numbers of the extent of `ty`, which must not be narrower.
pub(crate) fn extended(
    env: &mut Env<'_>,
    scope: &Scope,
    value: Value,
    ty: &Type,
    name: &str,
    declared: Span,
) -> Checked<Expr> {
    let (have, want) = (extents::extent(scope, &value.expr.ty), extents::extent(scope, ty));
    if !have.spreads_to(want) {
        let message =
            format!("`{name}` holds one number per {}, this is one per {}", want.name(), have.name());
        let found = at(&errors::STAGE_EXTENT, message, value.expr.span, format!("one per {}", have.name()));
        let found = origin::label_origin(env, scope, &value.expr, found)
            .label(declared, format!("`{name}` is declared here"));
        return Err(env.report(found.help(match have {
            Extent::Vector(_) => "make one number of it: `sum(...)`".to_string(),
            _ => format!("reduce it: `norm[{0}](...)`, `sum[{0}](...)`", want.name()),
        })));
    }
    let expr = converted(env, scope, value, ty.dtype, &format!("`{name}`"))?;
    Ok(extents::broadcast_to(scope, expr, &ty.shape))
}

/// A number, not a boolean.
pub(crate) fn expect_number(env: &mut Env<'_>, scope: &Scope, value: &Value, what: &str) -> Checked<()> {
    if value.expr.ty.dtype != DType::Bool {
        return Ok(());
    }
    let found = at(
        &errors::TYPE_MISMATCH,
        format!("{what} takes numbers, not `bool`"),
        value.expr.span,
        "this is `bool`",
    );
    let found = origin::label_origin(env, scope, &value.expr, found);
    Err(env.report(found.help("convert it: `real(...)` is 0 or 1")))
}

/// A boolean.
pub(crate) fn expect_bool(env: &mut Env<'_>, scope: &Scope, value: Value, what: &str) -> Checked<Expr> {
    if value.expr.ty.dtype == DType::Bool {
        return Ok(value.expr);
    }
    let shown = text::show(&value.expr.ty, env.real);
    let message = format!("{what} takes `bool`, not `{shown}`");
    let found = at(&errors::TYPE_MISMATCH, message, value.expr.span, format!("this is `{shown}`"));
    let found = origin::label_origin(env, scope, &value.expr, found);
    Err(env.report(found.help("compare it: `x != 0`")))
}

/// The operand of a numeric reduction, with booleans as reals.
pub(crate) fn counted(value: Value, scope: &Scope) -> Value {
    match value.expr.ty.dtype {
        DType::Bool => Value::strong(build::cast(value.expr, scope.float)),
        _ => value,
    }
}

/// The element type two operands of `what` share.
pub(crate) fn joint_dtype(env: &mut Env<'_>, scope: &Scope, a: &Value, b: &Value) -> Checked<DType> {
    let (x, y) = (a.expr.ty.dtype, b.expr.ty.dtype);
    let real = scope.float;
    Ok(match (a.weak, b.weak) {
        (Weak::No, Weak::No) if x == y => x,
        (Weak::No, Weak::No) if x.is_int() && y.is_int() => DType::I64,
        (Weak::No, Weak::No) if x.is_float() && y.is_int() => x,
        (Weak::No, Weak::No) if y.is_float() && x.is_int() => y,
        (Weak::No, Weak::No) if scope.in_stage() && x.is_float() && y.is_float() => {
            stage_dtype(env, scope, a, b)
        }
        (Weak::No, Weak::No) => {
            let (x, y) = (text::dtype(x, env.real), text::dtype(y, env.real));
            let message = format!("`{x}` and `{y}` do not mix");
            let found = at(&errors::TYPE_MISMATCH, message, a.expr.span, format!("this is `{x}`"))
                .label(b.expr.span, format!("and this is `{y}`"));
            let found = origin::label_origin(env, scope, &a.expr, found);
            let found = origin::label_origin(env, scope, &b.expr, found);
            return Err(env.report(found.help(format!("convert one of them: `{x}(...)`"))));
        }
        (Weak::No, weak) => weak_join(x, weak, real),
        (weak, Weak::No) => weak_join(y, weak, real),
        (Weak::Int, Weak::Int) => DType::I32,
        _ => real,
    })
}

/// In a stage: `real` where one of the operands is per coordinate, else `f64`.
fn stage_dtype(env: &Env<'_>, scope: &Scope, a: &Value, b: &Value) -> DType {
    let Some(Extents { coordinates, .. }) = scope.extents() else { return env.real };
    let wide = |v: &Value| v.expr.ty.shape.first() == Some(coordinates);
    if wide(a) || wide(b) { env.real } else { DType::F64 }
}

/// The element type of a firm operand with a weak one.
fn weak_join(firm: DType, weak: Weak, real: DType) -> DType {
    match weak {
        Weak::Real if firm.is_int() => real,
        _ => firm,
    }
}

/// The two operands with one element type and one shape.
pub(crate) fn join(env: &mut Env<'_>, scope: &Scope, a: Value, b: Value) -> Checked<(Expr, Expr)> {
    let dtype = joint_dtype(env, scope, &a, &b)?;
    let wide = extent(scope, &a.expr.ty).join(extent(scope, &b.expr.ty)) == Some(Extent::Coordinate);
    let dtype = if scope.in_stage() && dtype == DType::F64 && wide { env.real } else { dtype };
    let a = converted(env, scope, a, dtype, "the other operand")?;
    let b = converted(env, scope, b, dtype, "the other operand")?;
    join_shapes(env, scope, a, b)
}

/// The two operands with one shape.
pub(crate) fn join_shapes(env: &mut Env<'_>, scope: &Scope, a: Expr, b: Expr) -> Checked<(Expr, Expr)> {
    if scope.in_stage() {
        let (x, y) = (extent(scope, &a.ty), extent(scope, &b.ty));
        let Some(wide) = x.join(y) else { return Err(extents_differ(env, &a, x, &b, y)) };
        let wide = extent_shape(scope, wide);
        return Ok((broadcast_to(scope, a, &wide), broadcast_to(scope, b, &wide)));
    }
    match build::joint_shape(&a.ty.shape, &b.ty.shape) {
        Some(shape) => {
            warn_of_rows(env, scope, &a, &b);
            Ok((build::broadcast(a, &shape), build::broadcast(b, &shape)))
        }
        None => Err(operands_differ(env, scope, &a, &b)),
    }
}

/// Warns where a column of data meets a value with a last axis of size 1: every row meets every other row then.
fn warn_of_rows(env: &mut Env<'_>, scope: &Scope, a: &Expr, b: &Expr) {
    let (flat, wide) = if a.ty.rank() < b.ty.rank() { (a, b) } else { (b, a) };
    let ([rows], [same, one]) = (&flat.ty.shape[..], &wide.ty.shape[..]) else { return };
    let meant = matches!(wide.kind, ExprKind::Op(Op::View(_), _));
    let alike = rows == same && rows.as_constant().is_none() && *one == Dim::constant(1);
    let Some(name) = column(env, scope, flat).filter(|_| alike && !meant) else { return };
    let shown = text::show(&wide.ty, env.real);
    let message = format!("each row of `{name}` meets every row of the other operand, not its own");
    let found = Diagnostic::warning(&errors::ROWS_AGAINST_ROWS, message)
        .label(wide.span, format!("this is `{shown}`"))
        .label(flat.span, format!("and this is `{}`", text::show(&flat.ty, env.real)));
    let help =
        format!("take the last axis away, `(...)[:, 0]`, or give `{name}` one: `expand({name}, axis = 1)`");
    env.report(found.help(help));
}

/// The column of data that an expression is, perhaps as other numbers.
fn column(env: &Env<'_>, scope: &Scope, expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Local(LocalId(local)) => {
            let of_data = env.data.iter().any(|data| data.span == scope.origins[*local]);
            of_data.then(|| scope.locals[*local].name.clone())
        }
        ExprKind::Op(Op::Cast(_), args) => column(env, scope, &args[0]),
        _ => None,
    }
}

/// What to write for an error between class numbers and a number for each class.
fn loss_of_classes(env: &Env<'_>, scope: &Scope, a: &Expr, b: &Expr) -> Option<String> {
    let (labels, each) = if a.ty.rank() < b.ty.rank() { (a, b) } else { (b, a) };
    let ExprKind::Op(Op::Cast(_), args) = &labels.kind else { return None };
    let name = column(env, scope, labels).filter(|_| args[0].ty.dtype.is_int())?;
    let (_, rows) = each.ty.shape.split_last()?;
    (labels.ty.shape == rows)
        .then(|| format!("`{name}` is class numbers: write `cross_entropy(logits, {name})`"))
}

fn extents_differ(env: &mut Env<'_>, a: &Expr, x: Extent, b: &Expr, y: Extent) -> Poison {
    let shown = |extent: Extent| match extent {
        Extent::Vector(n) => format!("a vector of {n}"),
        _ => format!("one number per {}", extent.name()),
    };
    let message = format!("{} and {} do not fit together", shown(x), shown(y));
    let found = at(&errors::STAGE_EXTENT, message, b.span, format!("this is {}", shown(y)));
    let found = found.label(a.span, format!("this is {}", shown(x)));
    env.report(found.help("make one number of a vector: `sum(...)`"))
}

fn operands_differ(env: &mut Env<'_>, scope: &Scope, a: &Expr, b: &Expr) -> Poison {
    let (x, y) = (text::show(&a.ty, env.real), text::show(&b.ty, env.real));
    let found = origin::two_shapes(env, scope, format!("shapes `{x}` and `{y}` do not fit together"), a, b);
    let rank = a.ty.rank().max(b.ty.rank());
    let joins = |a: &Shape, b: &Shape| build::joint_shape(a, b).is_some_and(|shape| shape.len() == rank);
    let rule = "sizes match from the right; make them equal, or one of them 1";
    if let Some(loss) = loss_of_classes(env, scope, a, b) {
        return env.report(found.note(rule).help(loss));
    }
    let mended = fixes::mend_operand(scope, b, |shape| joins(&a.ty.shape, shape));
    env.report(match mended.or_else(|| fixes::mend_operand(scope, a, |shape| joins(shape, &b.ty.shape))) {
        Some(mended) => found.note(rule).help(mended),
        None => found.help(rule),
    })
}
