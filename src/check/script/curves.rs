//! What plots and tables show of fits and sweeps.

use super::known;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Global, Poison};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::recorded::{self, path};
use crate::check::optim::groups;
use crate::typed::{Curve, Extent, Statement, StatementId, StatementKind};

/// Curves as they are written.
pub(super) fn curves<'a>(env: &mut Env<'a>, written: &'a [ast::Expr]) -> Checked<Vec<Curve>> {
    let curves: Vec<Checked<Curve>> = written.iter().map(|expr| curve(env, expr)).collect();
    curves.into_iter().collect()
}

/// What is drawn or tabulated.
fn curve<'a>(env: &mut Env<'a>, expr: &'a ast::Expr) -> Checked<Curve> {
    let (of, by) = match &expr.kind {
        Ast::By(of, by) => (&**of, Some(by)),
        _ => (expr, None),
    };
    let (whole, param) = match &of.kind {
        Ast::Bracket(whole, items) if items.len() == 1 => (&**whole, Some(&items[0])),
        _ => (of, None),
    };
    let Some((root, key, at_key)) = path(whole) else { return Err(no_curve(env, of)) };
    let curve = |of: StatementId, param| Curve { of, key: key.clone(), param, by: None, span: expr.span };
    match (env.globals.values.get(root).cloned(), by) {
        (Some(Global::Error), _) => Err(Poison),
        (Some(Global::Fit { id, series, states, .. }), None)
            if is_spread(&states, &key)
                && (param.is_some() || !series.iter().any(|(name, _)| *name == key)) =>
        {
            let param = param.map(|param| known::plain_text(env, param)).transpose()?;
            Ok(curve(id, param))
        }
        (Some(Global::Fit { .. }), None) if param.is_none() => match recorded::series(env, whole) {
            Some(found) => found.map(|(series, _)| curve(series.of, None)),
            None => Err(no_curve(env, of)),
        },
        (Some(Global::Sweep { id, series, by: known }), by) if param.is_none() => {
            if !series.contains(&key) {
                let found = errors::none_of(&errors::UNKNOWN_FIELD, "field", &key, at_key, &series);
                return Err(env.report(found));
            }
            let Some(by) = by else { return Ok(curve(id, None)) };
            if !known.contains(&by.name) {
                let near = nearest(&by.name, known.iter().map(String::as_str));
                let message = format!("`{root}` is no sweep over `{}`", by.name);
                let found = at(&errors::WRONG_SWEEP, message, by.span, "no such variable");
                let help = || format!("write `by {}`", known.join("` or `by "));
                let help = near.map_or_else(help, |near| format!("did you mean `{near}`?"));
                return Err(env.report(found.help(help)));
            }
            Ok(Curve { by: Some(by.name.clone()), ..curve(id, None) })
        }
        (Some(Global::Fit { .. }), Some(by)) => {
            let message = format!("`{root}` is one run, and `by` is about a sweep");
            let found = at(&errors::WRONG_SWEEP, message, by.span, "nothing varies here");
            Err(env.report(found.help("write `let runs = sweep lr in [1e-3, 1e-2] { train ... }`")))
        }
        _ => Err(no_curve(env, of)),
    }
}

/// Whether a state of an optimizer has a distribution, or numbers of its own for each parameter.
fn is_spread(states: &[(String, Extent)], key: &str) -> bool {
    let spreads = |extent: &Extent| matches!(extent, Extent::Coordinate | Extent::Tensor);
    states.iter().any(|(name, extent)| spreads(extent) && key.strip_prefix("opt.") == Some(name))
}

fn no_curve(env: &mut Env<'_>, expr: &ast::Expr) -> Poison {
    if matches!(expr.kind, Ast::Error) {
        return Poison;
    }
    let message = format!("`{}` is not a recorded curve", env.quote(expr.span));
    let found = at(&errors::NOT_A_FIT, message, expr.span, "a curve of a fit is needed");
    env.report(found.help("plot what a fit records: `fit.loss`"))
}

/// The parameters that curves name must be there; what they are is known once bodies are checked.
pub(crate) fn check_curves(env: &mut Env<'_>, statements: &[Statement]) {
    let mut wrong = Vec::new();
    for statement in statements {
        let StatementKind::Act(act) = &statement.kind else { continue };
        for curve in act.curves() {
            let Some(param) = &curve.param else { continue };
            let StatementKind::Train(train) = &statements[curve.of.0].kind else { continue };
            let Some(paths) = groups::param_paths(env, train.optimizer.model) else { continue };
            if !paths.contains(param) {
                wrong.push(errors::none_of(&errors::UNKNOWN_FIELD, "parameter", param, curve.span, &paths));
            }
        }
    }
    wrong.into_iter().for_each(|found| {
        env.report(found);
    });
}
