//! Expressions of several values: `(a, b)`, loops, calls of functions with several results. There are no
//! tensors of tuples: several values are destructured at the call, `let (a, b) = f(x)`.

use super::lets::{self, with_lets};
use super::typer::Typer;
use super::{convert, matches};
use crate::algebra::types::Type;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, ExprKind};

/// The type that a value must have, and the place that says so.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The type.
    pub ty: Type,
    /// Where it is written, and in what words.
    pub place: (Span, String),
}

/// An expression of one or several values, each as what is wanted of it. If anything is wanted, it
/// is wanted of all of them: `owner` says for messages whose values they are.
pub(crate) fn several<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
    wanted: &[Wanted],
    owner: &str,
) -> Checked<Expr> {
    let expr = next_values(cx, scope, expr, wanted)?;
    let have = cx.env.instances.results(&expr).len();
    if wanted.is_empty() || have == wanted.len() {
        return Ok(expr);
    }
    let message =
        format!("{owner} gives {}, and this is {}", errors::values(wanted.len()), errors::values(have));
    let found = at(&errors::SEVERAL_VALUES, message, expr.span, errors::values(have));
    let found = found.label(wanted[0].place.0, wanted[0].place.1.clone());
    Err(cx.env.report(found.help("write as many values as are declared: `(a, b)`")))
}

/// An expression of one or several values; the first ones as what is wanted of them.
pub(super) fn next_values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
    wanted: &[Wanted],
) -> Checked<Expr> {
    match &expr.kind {
        Ast::Block(lets, body) => {
            let before = scope.names.len();
            let values: Vec<_> = lets.iter().map(|line| lets::let_line(cx, scope, line, before)).collect();
            let body = next_values(cx, scope, body, wanted);
            scope.names.truncate(before);
            let values = values.into_iter().collect::<Checked<Vec<_>>>()?;
            Ok(with_lets(values, Value::strong(body?)).expr)
        }
        Ast::Match(word, arms) => {
            let arm = matches::match_arm(cx.env, scope, word, arms, expr.span)?;
            next_values(cx, scope, arm, wanted)
        }
        Ast::Tuple(items) => tuple(cx, scope, items, wanted, expr.span),
        _ => {
            let value = cx.any_expr(scope, expr, wanted.first().map(|wanted| &wanted.ty))?;
            match (cx.env.instances.results(&value.expr).as_slice(), wanted) {
                ([_], []) => convert::settle(cx.env, value),
                ([_], [wanted, ..]) => {
                    convert::coerce(cx.env, scope, value, &wanted.ty, wanted.place.clone())
                }
                (types, wanted) => all_fit(cx.env, types, wanted, value.expr),
            }
        }
    }
}

fn tuple<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    items: &'a [ast::Expr],
    wanted: &[Wanted],
    span: Span,
) -> Checked<Expr> {
    let mut values = Vec::new();
    let mut failed = Ok(());
    for (k, item) in items.iter().enumerate() {
        let value = cx.expr(scope, item, wanted.get(k).map(|wanted| &wanted.ty));
        let value = value.and_then(|value| match wanted.get(k) {
            Some(wanted) => convert::coerce(cx.env, scope, value, &wanted.ty, wanted.place.clone()),
            None => convert::settle(cx.env, value),
        });
        match value {
            Ok(value) => values.push(value),
            Err(poison) => failed = Err(poison),
        }
    }
    failed?;
    let ty = values[0].ty.clone();
    Ok(Expr { kind: ExprKind::Tuple(values), ty, span })
}

/// Several values that are made elsewhere.
fn all_fit(env: &mut Env<'_>, types: &[Type], wanted: &[Wanted], expr: Expr) -> Checked<Expr> {
    for (k, (have, want)) in types.iter().zip(wanted).enumerate() {
        if *have != want.ty {
            let (have, want_ty) = (text::show(have, env.real), text::show(&want.ty, env.real));
            let message = format!("expected `{want_ty}` as value {}, found `{have}`", k + 1);
            let found = errors::shapes(message, (expr.span, have), want.place.clone());
            return Err(env.report(found.help("make the value fit, or change what is declared")));
        }
    }
    Ok(expr)
}
