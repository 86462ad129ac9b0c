//! Numbers that fits and evaluations have recorded: `fit.accuracy`.

use super::parts;
use super::typer::{Typer, WrittenCall};
use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Global, Poison, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::foreign;
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Part, Series, StatementId, Statistic};

/// Functions that make one number of many.
const REDUCTIONS: [&str; 12] =
    ["min", "max", "mean", "sum", "prod", "var", "std", "argmin", "argmax", "cumsum", "sort", "argsort"];

/// `fit.accuracy` as a number: the last value recorded.
pub(super) fn field<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    of: &'a ast::Expr,
    field: &ast::Ident,
    span: Span,
) -> Checked<Value> {
    let whole =
        ast::Expr { kind: Ast::Field(Box::new(of.clone()), field.clone()), span, depth: of.depth + 1 };
    let inside = scope.is_closed();
    if !is_recorded(env, &whole)
        && let Some(part) = parts::value(env, scope, &whole)
    {
        return part;
    }
    match series(env, &whole) {
        Some(_) if inside => {
            let help = "numbers of a fit are known when the script runs; pass them as arguments";
            Err(env.report(errors::not_a_value(&format!("`{}`", env.quote(whole.span)), span, help)))
        }
        Some(found) => {
            let (series, state) = found?;
            let dtype = if state { DType::F64 } else { env.real };
            Ok(Value::strong(Expr { kind: ExprKind::Recorded(series), ty: Type::scalar(dtype), span }))
        }
        None if parts::names_model(env, scope, &whole) => Err(parts::whose(env, &whole)),
        None => {
            let found = at(
                &errors::UNKNOWN_FIELD,
                format!("`{}` has no fields", env.quote(of.span)),
                field.span,
                "no such field",
            );
            let help = foreign::field(env, of, &field.name);
            let help = help.unwrap_or_else(|| "fits and evaluations have fields: `fit.loss`".to_string());
            Err(env.report(found.help(help)))
        }
    }
}

/// Whether this is a recorded curve, or a state of an optimizer that might be.
fn is_recorded(env: &Env<'_>, expr: &ast::Expr) -> bool {
    let Some((root, key, _)) = path(expr) else { return false };
    let Some(Global::Fit { id, series, .. }) = env.globals.values.get(root) else { return false };
    series.iter().any(|(name, _)| *name == key)
        || key.starts_with("opt.") && !parts::has(env, &Part::fit(*id), "opt")
}

/// A recorded curve, and whether it is a state of an optimizer. `None`: not of a fit or evaluation.
pub(crate) fn series(env: &mut Env<'_>, expr: &ast::Expr) -> Option<Checked<(Series, bool)>> {
    let (root, key, span) = path(expr)?;
    let (of, known): (StatementId, Vec<(String, bool)>) = match env.globals.values.get(root)? {
        Global::Fit { id, series, .. } => (*id, series.clone()),
        Global::Eval { id, series } => (*id, series.iter().map(|name| (name.clone(), false)).collect()),
        Global::Sweep { series, by, .. } => {
            let help = table_help(root, series, by);
            let what = format!("`{}` of a sweep", env.quote(expr.span));
            return Some(Err(env.report(errors::not_a_value(&what, expr.span, &help))));
        }
        Global::Error => return Some(Err(Poison)),
        Global::Value(..) => return None,
    };
    if let Some((_, state)) = known.iter().find(|(name, _)| *name == key) {
        return Some(Ok((Series { of, key, statistic: Statistic::Last }, *state)));
    }
    let names: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
    let found = errors::none_of(&errors::UNKNOWN_FIELD, "field", &key, span, &names);
    let found = if key.starts_with("opt.") {
        let note = "of an optimizer, states with one number per tensor or model are recorded";
        found.note(format!("{note}; others are named by parameter: `{root}.opt.adam.m[\"hidden.w\"]`"))
    } else {
        found
    };
    Some(Err(env.report(found)))
}

/// A function of numbers of a tensor, where its only argument is a recorded series: of all its values.
/// `None`: it is none.
pub(super) fn of_series<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &str,
    call: &WrittenCall<'a, '_>,
) -> Option<Checked<Value>> {
    let [only] = &call.args[..] else { return None };
    let (root, ..) = path(only.value).filter(|_| REDUCTIONS.contains(&name))?;
    let Some(Global::Fit { .. }) = cx.env.globals.values.get(root) else { return None };
    if !matches!(only.value.kind, Ast::Field(..)) || !is_recorded(cx.env, only.value) {
        return None;
    }
    let value = cx.expr(scope, only.value, None);
    let known = Statistic::NAMED.iter().find(|(have, _)| *have == name);
    Some(value.and_then(|mut value| match (known, &mut value.expr.kind) {
        (Some((_, statistic)), ExprKind::Recorded(series)) => {
            series.statistic = *statistic;
            value.expr.span = call.span;
            Ok(value)
        }
        _ => {
            let what = format!("`{name}` of a recorded series");
            Err(cx.env.report(errors::not_a_value(
                &what,
                call.span,
                "there are `min`, `max` and `mean` of one",
            )))
        }
    }))
}

/// `fit.opt.eg_scale.s` as `fit`, `opt.eg_scale.s` and the place of the fields.
pub(crate) fn path(expr: &ast::Expr) -> Option<(&str, String, Span)> {
    let mut fields = Vec::new();
    let mut at = expr;
    while let Ast::Field(of, field) = &at.kind {
        fields.push(field);
        at = of;
    }
    let Ast::Name(root) = &at.kind else { return None };
    let (last, first) = (fields.first()?, fields.last()?);
    let key: Vec<&str> = fields.iter().rev().map(|field| field.name.as_str()).collect();
    Some((root, key.join("."), first.span.to(last.span)))
}

/// How to show numbers of a sweep.
pub(super) fn table_help(name: &str, series: &[String], by: &[String]) -> String {
    let shown = series.last().map_or("loss", String::as_str);
    let by = by.first().map_or("lr", String::as_str);
    format!("it has one for each run; print them as a table: `print {name}.{shown} by {by}`")
}
