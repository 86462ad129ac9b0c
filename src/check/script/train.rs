//! `train`.

use super::agree::{self, columns_read};
use super::rows;
use super::runs::{self, subject_name};
use super::settings::{self, Course, RunSettings, SETTINGS};
use super::stop;
use crate::algebra::types::{Dim, SizeVar};
use crate::ast;
use crate::check::env::{Binding, Callee, Checked, Env, Global, Poison, Scope, Variable};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::functions::{self, models, sizes};
use crate::check::optim::stages::Stages;
use crate::check::optim::{pipelines, points};
use crate::source::Span;
use crate::typed::{DataId, Expr, Extent, FunctionId, Part, StageUse, State, StatementId, Train};

/// Names of what every training run records itself.
const RECORDED: [&str; 4] = ["loss", "batch_loss", "val_loss", "opt"];

/// A training run that becomes statement `index` under `name`, and what it gives.
pub(super) fn train<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    run: &'a ast::Run,
    name: &str,
    index: usize,
    span: Span,
) -> Checked<(Train, Global)> {
    let known = settings::known_settings(cx.env, &run.settings, &SETTINGS);
    let mut outside = Scope::statement(cx.env.real);
    let callee = models::model_value(cx, &mut outside, &run.subject);
    let rows_of = rows::data_rows(cx.env, &run.data);
    let settings = RunSettings(&run.settings);
    let pipeline = match settings.get("optimizer") {
        Some(setting) => pipelines::optimizer(cx, stages, &setting.value),
        None => Err(settings::missing(cx.env, "optimizer", "optimizer = adam", run)),
    };
    let length = settings::length(cx, &settings, run);
    let (callee, (data, split)) = (callee?, rows_of?);
    let course = settings::course(cx, &settings, length, run, (data, split));
    let goal = goal(cx, &settings, run, &callee, (data, index));
    let (pipeline, goal) = (pipeline?, goal?);
    known?;
    settings::complete(run)?;
    fits_data(cx.env, &settings, run, data, &goal, &course)?;
    if course.accumulate.as_ref().is_ok_and(|batches| *batches > 1) {
        let why = "a step that accumulates gradients has no batch of its own";
        let help = "leave out `accumulate`, or take larger batches";
        points::uses_no_loss(cx.env, stages, &pipeline.uses, why, help)?;
    }
    let validated = course.validate.as_ref().is_ok_and(Option::is_some);
    let series = series_of(stages, &pipeline.uses, &goal.metrics, validated);
    let states = states_of(stages, &pipeline.uses);
    let measured: Vec<String> = series
        .iter()
        .filter(|(name, of_optimizer)| !of_optimizer && name != "batch_loss")
        .map(|(name, _)| name.clone())
        .collect();
    let (keep, stop) = (stop::keep(cx.env, &settings, &measured), stop::stop(cx, &settings, &measured));
    let global = global(cx.env, StatementId(index), (callee, data), series, states);
    let (model, sizes) = goal.root;
    let (batch, all) = course.batch?;
    let (seed, swept_seed) = course.seed?;
    let train = Train {
        optimizer: pipeline.of(name, model, sizes, span),
        data,
        split,
        rows: goal.rows,
        locals: goal.scope.locals,
        loss: goal.loss,
        metrics: goal.metrics,
        batch,
        accumulate: course.accumulate?,
        length: course.length?,
        every: course.every?,
        shuffle: course.shuffle?.unwrap_or(!all),
        seed,
        start: course.start?,
        checkpoints: course.checkpoints?,
        keep: keep?,
        stop: stop?,
        sweep: cx.env.globals.swept.iter().map(Variable::typed).collect(),
        swept_seed,
        validate: course.validate?,
    };
    Ok((train, global))
}

/// What a run minimises and measures.
struct Goal {
    scope: Scope,
    /// The number of rows of a batch.
    rows: SizeVar,
    loss: Expr,
    metrics: Vec<(String, Expr)>,
    /// The model and its sizes, as the loss calls it first.
    root: (FunctionId, Vec<Dim>),
}

/// The loss and the metrics of the run that becomes statement `index`.
fn goal<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    run: &'a ast::Run,
    callee: &Callee,
    (data, index): (DataId, usize),
) -> Checked<Goal> {
    let (mut scope, rows) = runs::run_scope(cx.env, data, index);
    let (subject, run_id) = (subject_name(&run.subject).unwrap_or_default(), StatementId(index));
    if let Callee::Def(def, given) = callee {
        let callee = Callee::Model(*def, given.clone(), Part::training(run_id));
        scope.bind(subject, Binding::Function(callee), run.subject.span);
    }
    cx.env.globals.roots.remove(&run_id);
    let (loss, metrics) = lines(cx, settings, &mut scope, run, run_id);
    let root = cx.env.globals.roots.get(&run_id).cloned();
    let awaited = std::mem::take(&mut cx.env.globals.awaited);
    let whole = (loss.is_ok() || awaited) && !run.broken;
    if let (None, true, Some(line)) = (&root, whole, settings.get("loss")) {
        let message = format!("the loss never calls `{subject}`");
        let found = at(&errors::LOSS_WITHOUT_MODEL, message, line.value.span, "nothing to learn from");
        let found = found.label(run.subject.span, "this model is trained");
        return Err(cx.env.report(found.help(format!("call it: `{subject}(x)`"))));
    }
    Ok(Goal { scope, rows, loss: loss?, metrics: metrics?, root: root.ok_or(Poison)? })
}

/// A loss and metrics with their names.
type Lines = (Checked<Expr>, Checked<Vec<(String, Expr)>>);

/// The loss and the metrics of a run. What they, or functions that they call, ask of parts of the model is known
/// once a call of the model has been found: they are then checked again.
fn lines<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    scope: &mut Scope,
    run: &'a ast::Run,
    id: StatementId,
) -> Lines {
    let (before, locals, names) = (cx.env.found.len(), scope.locals.len(), scope.names.len());
    let lines = lines_once(cx, settings, scope, run);
    let after = cx.env.found.len();
    let mut root = sizes::root(cx.env, id);
    if root.is_none() || cx.env.globals.awaited {
        functions::settle(cx);
        root = sizes::root(cx.env, id);
    }
    let Some(root) = root else { return lines };
    cx.env.globals.roots.insert(id, root);
    if !std::mem::take(&mut cx.env.globals.awaited) {
        return lines;
    }
    cx.env.found.drain(before..after);
    scope.names.truncate(names);
    scope.locals.truncate(locals);
    scope.origins.truncate(locals);
    cx.env.instances.pending.extend(std::mem::take(&mut cx.env.instances.waiting));
    lines_once(cx, settings, scope, run)
}

fn lines_once<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    scope: &mut Scope,
    run: &'a ast::Run,
) -> Lines {
    let lets = runs::run_lets(cx, scope, &run.lets);
    let loss = match settings.get("loss") {
        Some(loss) => runs::scalar(cx, scope, &loss.value, &errors::LOSS_NOT_SCALAR, "loss"),
        None => Err(settings::missing(cx.env, "loss", "loss = mean(...)", run)),
    };
    let metrics = runs::metrics(cx, scope, &run.metrics, &RECORDED, &lets);
    (lets.and_then(|lets| Ok(runs::inside(&lets, loss?))), metrics)
}

/// What a run reads fits its data, and those that it is validated on.
fn fits_data(
    env: &mut Env<'_>,
    settings: &RunSettings<'_>,
    run: &ast::Run,
    data: DataId,
    goal: &Goal,
    course: &Course,
) -> Checked<()> {
    let metrics = goal.metrics.iter().map(|(_, metric)| metric);
    let read = columns_read([&goal.loss].into_iter().chain(metrics));
    agree::target_among_features(env, data, &read, run.data.span);
    match (settings.get("validate"), &course.validate) {
        (Some(setting), Ok(Some((seen, _)))) => {
            agree::same_units(env, data, *seen, &read, setting.value.span)
        }
        _ => Ok(()),
    }
}

/// What the name of a run stands for: a fit, or the fits of a sweep.
fn global(
    env: &Env<'_>,
    id: StatementId,
    (callee, data): (Callee, DataId),
    series: Vec<(String, bool)>,
    states: Vec<(String, Extent)>,
) -> Global {
    match &env.globals.swept[..] {
        [] => Global::Fit { id, callee, data, series, states },
        swept => Global::Sweep {
            id,
            series: series.into_iter().map(|(name, _)| name).collect(),
            by: swept.iter().map(|swept| swept.name.name.clone()).collect(),
        },
    }
}

/// Everything a fit records, and whether it is a state of its optimizer.
fn series_of(
    stages: &Stages,
    pipeline: &[StageUse],
    metrics: &[(String, Expr)],
    validated: bool,
) -> Vec<(String, bool)> {
    let mut series = vec![("batch_loss".to_string(), false), ("loss".to_string(), false)];
    if validated {
        series.push(("val_loss".to_string(), false));
    }
    series.extend(metrics.iter().map(|(name, _)| (name.clone(), false)));
    for stage in pipeline {
        let states = stages.made[stage.stage.0].states.iter();
        let scalar = states.filter(|state| state.extent.is_recorded());
        series.extend(scalar.map(|state| (format!("opt.{}.{}", stage.name, state.name), true)));
    }
    series
}

/// All states of an optimizer, with what each has a number for.
fn states_of(stages: &Stages, pipeline: &[StageUse]) -> Vec<(String, Extent)> {
    let of = |stage: &StageUse| {
        let named = |state: &State| (format!("{}.{}", stage.name, state.name), state.extent);
        stages.made[stage.stage.0].states.iter().map(named).collect::<Vec<_>>()
    };
    pipeline.iter().flat_map(of).collect()
}
