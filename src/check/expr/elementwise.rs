//! Scalar functions at every position.

use super::{arith, convert, extents};
use crate::algebra::map::Map;
use crate::algebra::op::Op;
use crate::algebra::scalar::{Scalar, Typing};
use crate::check::env::{Checked, Env, Scope, Value, Weak};
use crate::source::Span;
use crate::typed::{Expr, build};

/// A scalar function at every position.
pub(crate) fn elementwise(
    env: &mut Env<'_>,
    scope: &Scope,
    row: &'static Scalar,
    mut values: Vec<Value>,
    span: Span,
) -> Checked<Value> {
    let what = format!("`{}`", row.name);
    let numeric = matches!(row.typing, Typing::Number | Typing::Float | Typing::Integer);
    for value in &mut values {
        if numeric {
            convert::expect_number(env, scope, value, &what)?;
        }
        if row.typing == Typing::Float {
            *value = arith::real(value.clone(), scope);
        }
    }
    let weak = if row.typing == Typing::Number { weakest(&values) } else { Weak::No };
    let args = join_all(env, scope, values)?;
    Ok(Value { expr: build::op(Op::Map(Map(row)), args, span), weak })
}

/// All operands with one element type and one shape.
fn join_all(env: &mut Env<'_>, scope: &Scope, values: Vec<Value>) -> Checked<Vec<Expr>> {
    let Some(mut widest) = values.first().cloned() else { return Ok(Vec::new()) };
    for value in &values[1..] {
        let weak = weakest(&[widest.clone(), value.clone()]);
        let (a, _) = convert::join(env, scope, widest, value.clone())?;
        widest = Value { expr: a, weak };
    }
    let shape = widest.expr.ty.shape.clone();
    let dtype = widest.expr.ty.dtype;
    let exprs: Vec<_> = values
        .into_iter()
        .map(|value| {
            let expr = convert::converted(env, scope, value, dtype, "the other operand")?;
            Ok(extents::broadcast_to(scope, expr, &shape))
        })
        .collect();
    exprs.into_iter().collect()
}

/// How firm the result of several operands is.
pub(crate) fn weakest(values: &[Value]) -> Weak {
    let mut weak = Weak::Int;
    for value in values {
        weak = match (weak, value.weak) {
            (_, Weak::No) | (Weak::No, _) => Weak::No,
            (_, Weak::Ratio(span)) | (Weak::Ratio(span), _) => Weak::Ratio(span),
            (Weak::Int, Weak::Int) => Weak::Int,
            _ => Weak::Real,
        };
    }
    weak
}
