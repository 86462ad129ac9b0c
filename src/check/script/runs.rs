//! What training runs and evaluations share: the columns in scope, metrics, fits by name.

use crate::algebra::types::{Dim, SizeVar, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Callee, Checked, Env, Global, Poison, Scope, ScopeKind};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::convert;
use crate::check::expr::lets::{self, LetLine};
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::diag::Code;
use crate::typed::{DataId, Expr, LocalId, StatementId};

/// Columns of data as locals, with the number of rows as their first size.
pub(super) fn run_scope(env: &mut Env<'_>, data: DataId, index: usize) -> (Scope, SizeVar) {
    let rows = env.fresh("rows");
    let mut scope = Scope::new(ScopeKind::Run(index), false, env.real);
    let span = env.data[data.0].span;
    for column in env.data[data.0].columns.clone() {
        let mut shape = vec![Dim::var(rows.clone())];
        shape.extend(column.ty.shape);
        scope.bind_local(&column.name, Type::new(column.ty.dtype, shape), span);
    }
    (scope, rows)
}

/// The names that the `let` lines of a run bind, with their values.
pub(super) type RunLets = Vec<(Vec<LocalId>, Expr)>;

/// `let` lines, which the loss and all metrics see.
pub(super) fn run_lets<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    lines: &'a [ast::Let],
) -> Checked<RunLets> {
    let made: Vec<_> = lines.iter().map(|line| lets::let_line(cx, scope, line, 0)).collect();
    made.into_iter().collect()
}

/// A value inside of those lines that it needs.
pub(super) fn inside(lets: &RunLets, value: Expr) -> Expr {
    let mut needed = Vec::new();
    value.locals(&mut needed);
    let mut lines = Vec::new();
    for (locals, line) in lets.iter().rev().cloned() {
        if locals.iter().any(|local| needed.contains(local)) {
            line.locals(&mut needed);
            lines.push((LetLine::Let(locals), line));
        }
    }
    lines.reverse();
    lets::with_lines(lines, value)
}

/// Metrics, whose names may not be among `reserved`.
pub(super) fn metrics<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    metrics: &'a [ast::Let],
    reserved: &[&str],
    lets: &Checked<RunLets>,
) -> Checked<Vec<(String, Expr)>> {
    let mut made = Vec::new();
    for (k, metric) in metrics.iter().enumerate() {
        let name = metric.name();
        let taken = metrics[..k].iter().find(|before| before.name().name == name.name);
        if taken.is_some() || reserved.contains(&name.name.as_str()) {
            let before = taken.map(|before| before.name().span);
            let found = errors::duplicate(&name.name, name.span, before);
            cx.env.report(match before {
                Some(_) => found,
                None => found.help("a fit records its own series of this name: choose another one"),
            });
        }
        let what = format!("metric `{}`", name.name);
        let value = scalar(cx, scope, &metric.value, &errors::METRIC_NOT_SCALAR, &what);
        let value = value.and_then(|value| Ok(inside(lets.as_ref().map_err(|poison| *poison)?, value)));
        made.push(value.map(|value| (name.name.clone(), value)));
    }
    made.into_iter().collect()
}

/// One real number.
pub(super) fn scalar<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
    code: &'static Code,
    what: &str,
) -> Checked<Expr> {
    let value = cx.expr(scope, expr, None)?;
    if value.expr.ty.rank() > 0 {
        let shown = text::show(&value.expr.ty, cx.env.real);
        return Err(cx.env.report(errors::not_scalar(
            code,
            what,
            &shown,
            expr.span,
            &cx.env.quote(expr.span),
        )));
    }
    let dtype = cx.env.real;
    convert::converted(cx.env, scope, value, dtype, &format!("a {what}"))
}

/// A name that `train` has given a fit.
pub(super) fn fit(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<(StatementId, Callee, DataId)> {
    let name = env.quote(expr.span);
    match name_of(expr).and_then(|name| env.globals.values.get(name)) {
        Some(Global::Fit { id, callee, data, .. }) => return Ok((*id, callee.clone(), *data)),
        Some(Global::Error) => return Err(Poison),
        _ => {}
    }
    if matches!(expr.kind, Ast::Error) {
        return Err(Poison);
    }
    let fits = env.globals.values.iter().filter(|(_, global)| matches!(global, Global::Fit { .. }));
    let near = nearest(&name, fits.map(|(name, _)| *name));
    let found = at(&errors::NOT_A_FIT, format!("`{name}` is not a fit"), expr.span, "a fit is needed");
    let found = match near {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found.help("name what `let fit = train ...` binds"),
    };
    Err(env.report(found))
}

/// The name by which the loss calls the model: `mlp` of `mlp[64]`.
pub(super) fn subject_name(subject: &ast::Expr) -> Option<&str> {
    match &subject.kind {
        Ast::Bracket(of, _) => name_of(of),
        _ => name_of(subject),
    }
}

/// An expression that is a name.
pub(super) fn name_of(expr: &ast::Expr) -> Option<&str> {
    match &expr.kind {
        Ast::Name(name) => Some(name),
        _ => None,
    }
}
