//! `eval`.

use super::agree::{self, columns_read};
use super::rows;
use super::runs::{self, subject_name};
use super::settings::{self, complete};
use crate::ast;
use crate::check::env::{Binding, Callee, Checked, Global, Poison};
use crate::check::expr::typer::Typer;
use crate::typed::{Eval, Part, StatementId};

/// An evaluation that becomes statement `index` under `name`, and what it gives.
pub(super) fn eval<'a>(
    cx: &mut Typer<'_, 'a>,
    run: &'a ast::Run,
    name: &str,
    index: usize,
) -> Checked<(Eval, Global)> {
    let known = settings::known_settings(cx.env, &run.settings, &[]);
    let fit = runs::fit(cx.env, &run.subject);
    let rows_of = rows::data_rows(cx.env, &run.data);
    let ((fit, callee, trained), (data, split)) = (fit?, rows_of?);
    cx.env.globals.evaluations.insert(index);
    let (mut scope, rows) = runs::run_scope(cx.env, data, index);
    let Callee::Def(def, given) = callee else { return Err(Poison) };
    let model = &cx.env.decls.functions[def].ast.name.name;
    for subject in subject_name(&run.subject).into_iter().chain([model.as_str()]) {
        let callee = Callee::Model(def, given.clone(), Part::fit(fit));
        scope.bind(subject, Binding::Function(callee), run.subject.span);
    }
    let lets = runs::run_lets(cx, &mut scope, &run.lets);
    let metrics = runs::metrics(cx, &mut scope, &run.metrics, &[], &lets)?;
    known?;
    complete(run)?;
    let read = columns_read(metrics.iter().map(|(_, metric)| metric));
    agree::target_among_features(cx.env, data, &read, run.data.span);
    agree::same_units(cx.env, trained, data, &read, run.data.span)?;
    let series = metrics.iter().map(|(name, _)| name.clone()).collect();
    let global = Global::Eval { id: StatementId(index), series };
    let eval = Eval { name: name.to_string(), fit, data, split, rows, locals: scope.locals, metrics };
    Ok((eval, global))
}
