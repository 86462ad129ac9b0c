//! `train`.

use super::agree::{self, columns_read};
use super::runs::{self, subject_name};
use super::settings::{self, SETTINGS, Settings};
use super::{known, rows};
use crate::algebra::types::Dim;
use crate::ast;
use crate::check::env::{Binding, CallSite, Checked, Env, Global, Place, Poison, Scope, Variable};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::functions::models;
use crate::check::optim::stages::Stages;
use crate::check::optim::{pipelines, points};
use crate::source::Span;
use crate::typed::{Expr, Extent, FunctionId, GlobalId, Instance, StageUse, Train};

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
    let mut outside = Scope::new(Place::Statement, false, cx.env.real);
    let callee = models::model_value(cx, &mut outside, &run.subject);
    let rows_of = rows::data_rows(cx.env, &run.data);
    let settings = Settings(&run.settings);
    let optimizer = match settings.get("optimizer") {
        Some(setting) => pipelines::optimizer(cx, stages, &setting.value),
        None => Err(settings::missing(cx.env, "optimizer", "optimizer = adam", run)),
    };
    let length = settings::length(cx, &settings, run);
    let (callee, (data, split)) = (callee?, rows_of?);
    let batch = settings::batch(cx, &settings, data, split, &run.data);
    let accumulate = settings::accumulate(cx, &settings, batch.as_ref().ok(), (data, split), &run.data);
    let shuffle = settings::shuffle(cx.env, &settings);
    let every = settings.get("every").map(|every| known::whole(cx, &every.value, "every", 1)).transpose();
    let seed = settings.get("seed").map_or(Ok((0, None)), |seed| settings::seed(cx, &seed.value));
    let validate = settings::validate(cx.env, &settings, data);
    let (mut scope, rows) = runs::run_scope(cx.env, data, index);
    let subject = subject_name(&run.subject);
    scope.bind(&subject, Binding::Model(callee.clone(), Instance::Root), run.subject.span);
    let loss = match settings.get("loss") {
        Some(loss) => runs::scalar(cx, &mut scope, &loss.value, &errors::LOSS_NOT_SCALAR, "loss"),
        None => Err(settings::missing(cx.env, "loss", "loss = mean(...)", run)),
    };
    let root = root_call(cx.env, index);
    let metrics = runs::metrics(cx, &mut scope, &run.metrics, &RECORDED);
    if let (None, Ok(_), Some(line)) = (&root, &loss, settings.get("loss")) {
        let message = format!("the loss never calls `{subject}`");
        let found = at(&errors::LOSS_WITHOUT_MODEL, message, line.value.span, "nothing to learn from");
        let found = found.label(run.subject.span, "this model is trained");
        return Err(cx.env.report(found.help(format!("call it: `{subject}(x)`"))));
    }
    let (optimizer, metrics, loss) = (optimizer?, metrics?, loss?);
    known?;
    let read = columns_read([&loss].into_iter().chain(metrics.iter().map(|(_, metric)| metric)));
    agree::target_among_features(cx.env, data, &read, run.data.span);
    if let (Some(setting), Ok(Some((seen, _)))) = (settings.get("validate"), &validate) {
        agree::same_units(cx.env, data, *seen, &read, setting.value.span)?;
    }
    if accumulate.as_ref().is_ok_and(|batches| *batches > 1) {
        let help = "leave out `accumulate`, or take larger batches";
        points::uses_no_loss(
            cx.env,
            stages,
            &optimizer.uses,
            "a step that accumulates gradients has no batch of its own",
            help,
        )?;
    }
    let (model, sizes) = root.ok_or(Poison)?;
    let series = series_of(stages, &optimizer.uses, &metrics, validate.as_ref().is_ok_and(Option::is_some));
    let spread = spread_of(stages, &optimizer.uses);
    let global = match &cx.env.globals.swept[..] {
        [] => Global::Fit { id: GlobalId(index), callee, data, series, spread },
        swept => Global::Sweep {
            id: GlobalId(index),
            series: series.into_iter().map(|(name, _)| name).collect(),
            by: swept.iter().map(|swept| swept.name.name.clone()).collect(),
        },
    };
    let (batch, accumulate, length, shuffle) = (batch?, accumulate?, length?, shuffle?);
    let shuffle = shuffle.unwrap_or(!batch.1);
    let seed = seed?;
    let train = Train {
        optimizer: optimizer.of(name, model, sizes, span),
        data,
        split,
        rows,
        locals: scope.locals,
        loss,
        metrics,
        batch: batch.0,
        accumulate,
        length,
        every: every?,
        shuffle,
        seed: seed.0,
        sweep: cx.env.globals.swept.iter().map(Variable::typed).collect(),
        swept_seed: seed.1,
        validate: validate?,
    };
    Ok((train, global))
}

/// The first call of the model that run `index` is about.
fn root_call(env: &Env<'_>, index: usize) -> Option<(FunctionId, Vec<Dim>)> {
    let root = |call: &&CallSite| call.caller == Place::Run(index) && call.instance == Instance::Root;
    env.instances.calls.iter().find(root).map(|call| (call.callee, call.sizes.clone()))
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

/// States that have a distribution, or numbers of their own for each parameter.
fn spread_of(stages: &Stages, pipeline: &[StageUse]) -> Vec<String> {
    let mut names = Vec::new();
    for stage in pipeline {
        let states = stages.made[stage.stage.0].states.iter();
        let states = states.filter(|state| matches!(state.extent, Extent::Coordinate | Extent::Tensor));
        names.extend(states.map(|state| format!("opt.{}.{}", stage.name, state.name)));
    }
    names
}
