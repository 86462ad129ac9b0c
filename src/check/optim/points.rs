//! Parameters to evaluate with, and whether there is a loss where a stage asks for one.

use super::stages::Stages;
use crate::ast;
use crate::check::env::{Checked, Env, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::expr::{convert, extents};
use crate::diag::Diagnostic;
use crate::typed::{Expr, Extent, LocalId, StageScope, StageUse, State, free_locals};

/// Whether there is a loss of the step where an expression asks for it.
pub(super) fn no_loss(env: &mut Env<'_>, expr: Option<&Expr>, when: &str) -> Checked<()> {
    let Some(span) = expr.and_then(Expr::asks_for_loss) else { return Ok(()) };
    let found = at(&errors::STAGE_LOSS, format!("there is no loss {when}"), span, "asks for the loss");
    Err(env.report(found.help("keep it as a `state` in the step")))
}

/// Whether stages ask for the loss of the step where `why` there is none.
pub(crate) fn uses_no_loss(
    env: &mut Env<'_>,
    stages: &Stages,
    uses: &[StageUse],
    why: &str,
    help: &str,
) -> Checked<()> {
    let asks = |used: &&StageUse| stages.made[used.stage.0].asks_for_loss().is_some();
    let Some(used) = uses.iter().find(asks) else { return Ok(()) };
    let message = format!("`{}` asks for the loss at other parameters, and {why}", used.name);
    let found = at(&errors::STAGE_LOSS, message, used.span, "needs the loss of the batch");
    Err(env.report(found.help(help)))
}

/// A `wrap stage` without its pipeline would be a stage.
pub(super) fn inner_once(env: &mut Env<'_>, scope: &Scope, ast: &ast::Stage) -> Checked<()> {
    let Some(inner) = &ast.inner else { return Ok(()) };
    if scope.inner.is_some() {
        return Ok(());
    }
    let message = format!("`{}` never runs", inner.name);
    let found = at(&errors::INNER_ONCE, message, inner.span, "the pipeline before this stage");
    let help = format!("its update is `{0}(w)`: the next parameters may be `w - {0}(w)`", inner.name);
    Err(env.report(found.help(help)))
}

/// `eval w = ...`
pub(super) fn eval_point<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &ast::Ident,
    value: &'a ast::Expr,
    eval: &mut Option<Expr>,
) -> Checked<()> {
    let made = cx.expr(scope, value, None)?;
    let ty = extents::extent_type(cx.env, scope, Extent::Coordinate);
    let made = convert::extended(cx.env, scope, made, &ty, "`w`", name.span)?;
    if let Some(before) = eval {
        let found = at(&errors::EVAL_TWICE, "`eval w` is said twice", name.span, "said again");
        return Err(cx.env.report(found.label(before.span, "said here already").help("keep one of them")));
    }
    *eval = Some(Expr { span: value.span, ..made });
    Ok(())
}

/// What `eval w` reads must still be there after the step.
pub(super) fn eval_scope(
    env: &mut Env<'_>,
    scope: &Scope,
    eval: Option<&Expr>,
    states: &[State],
    lines: &[(LocalId, Expr)],
) -> Checked<()> {
    no_loss(env, eval, "after the step, when `eval w` is computed")?;
    let gone = |local: &LocalId| {
        let fixed = [StageScope::Gradient, StageScope::Update, StageScope::Loss, StageScope::Trained];
        let fixed = fixed.iter().any(|name| *name as usize == local.0);
        let line = lines.iter().any(|(assigned, _)| assigned == local);
        fixed || line && !states.iter().any(|state| state.local == *local)
    };
    let found = eval.map(free_locals).unwrap_or_default();
    let Some((local, span)) = found.into_iter().find(|(local, _)| gone(local)) else { return Ok(()) };
    let name = match StageScope::Update as usize == local.0 {
        true => "an update".to_string(),
        false => format!("`{}`", scope.locals[local.0].name),
    };
    let message = format!("{name} belongs to the step, and `eval w` is computed after it");
    let found = at(&errors::EVAL_POINT, message, span, "gone after the step");
    Err(env.report(found.help("keep what it needs as a `state`")))
}

/// At most one stage of a pipeline says what to evaluate with.
pub(super) fn one_eval(env: &mut Env<'_>, stages: &Stages, uses: &[StageUse]) -> Checked<()> {
    let mut sets = uses.iter().filter(|of| stages.made[of.stage.0].eval.is_some());
    let (Some(first), Some(second)) = (sets.next(), sets.next()) else { return Ok(()) };
    let message = format!("`{}` and `{}` both say what to evaluate with", first.name, second.name);
    let found: Diagnostic = at(&errors::EVAL_TWICE, message, second.span, "has `eval w`");
    let found = found.label(first.span, "and so has this");
    Err(env.report(found.help("keep one of them")))
}
