//! Settings of training runs.

use super::{checkpoints, known, rows, start};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Variable};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::source::Span;
use crate::typed::{Checkpoints, Column, DataId, Length, Split, Start};

/// Settings of `train`.
pub(super) const SETTINGS: [&str; 17] = [
    "loss",
    "optimizer",
    "batch",
    "accumulate",
    "epochs",
    "steps",
    "every",
    "shuffle",
    "seed",
    "validate",
    "from",
    "checkpoint",
    "checkpoints",
    "checkpoint_errors",
    "resume",
    "keep",
    "stop_when",
];

/// Settings of `train` by name.
pub(super) struct RunSettings<'a>(pub &'a [ast::Let]);

impl<'a> RunSettings<'a> {
    /// The setting of this name.
    pub(super) fn get(&self, name: &str) -> Option<&'a ast::Let> {
        self.0.iter().find(|setting| setting.name().name == name)
    }
}

/// How a run goes through its data, as its settings say: each may be in error.
pub(super) struct Course {
    /// How long it goes.
    pub length: Checked<Length>,
    /// Rows of a batch, and whether that is all of them.
    pub batch: Checked<(usize, bool)>,
    /// Batches of a step.
    pub accumulate: Checked<usize>,
    /// Whether rows are shuffled, if it says.
    pub shuffle: Checked<Option<bool>>,
    /// Steps between two values of a metric, if it says.
    pub every: Checked<Option<usize>>,
    /// The seed, and the variable of the sweep that it is.
    pub seed: Checked<(u64, Option<usize>)>,
    /// What it starts from.
    pub start: Checked<Option<(Start, Span)>>,
    /// When it writes checkpoints.
    pub checkpoints: Checked<Option<Checkpoints>>,
    /// Rows to validate on.
    pub validate: Checked<Option<(DataId, Split)>>,
}

/// How a run goes through these rows.
pub(super) fn course<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    length: Checked<Length>,
    run: &'a ast::Run,
    (data, split): (DataId, Split),
) -> Course {
    let batch = batch(cx, settings, data, split, &run.data);
    let accumulate = accumulate(cx, settings, batch.as_ref().ok(), (data, split), &run.data);
    let shuffle = flag(cx.env, settings, "shuffle");
    let every = settings.get("every").map(|every| known::whole(cx, &every.value, "every", 1)).transpose();
    let seed = settings.get("seed").map_or(Ok((0, None)), |written| seed(cx, &written.value));
    let start = settings.get("from").map(|from| start::start(cx.env, &from.value)).transpose();
    let checkpoints = checkpoints::checkpoints(cx, settings);
    let validate = validate(cx.env, settings, data);
    Course { length, batch, accumulate, shuffle, every, seed, start, checkpoints, validate }
}

/// Each setting is a known one, and written once.
pub(super) fn known_settings(env: &mut Env<'_>, settings: &[ast::Let], known: &[&str]) -> Checked<()> {
    let mut result = Ok(());
    for (k, setting) in settings.iter().enumerate() {
        let name = setting.name();
        if let Some(before) = settings[..k].iter().find(|before| before.name().name == name.name) {
            result = Err(env.report(errors::duplicate(&name.name, name.span, Some(before.name().span))));
        }
        if !known.contains(&name.name.as_str()) {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            let found = errors::none_of(&errors::UNKNOWN_SETTING, "setting", &name.name, name.span, &names);
            let found = match found.help {
                None => found.help("metrics are written `metric name = ...`"),
                Some(_) => found,
            };
            result = Err(env.report(found));
        }
    }
    result
}

/// Whether all lines of a run could be read.
pub(super) fn complete(run: &ast::Run) -> Checked<()> {
    if run.broken { Err(Poison) } else { Ok(()) }
}

/// A setting that must be there; nothing more is said if it seems to be misspelt.
pub(super) fn missing(env: &mut Env<'_>, name: &str, example: &str, run: &ast::Run) -> Poison {
    if run.broken {
        return Poison;
    }
    let names: Vec<&str> = name.split("` or `").collect();
    let known = |setting: &str| SETTINGS.contains(&setting);
    let misspelt =
        |setting: &&str| nearest(setting, SETTINGS).is_some_and(|near| names.contains(&near.as_str()));
    let mut written = run.settings.iter().map(|setting| setting.name().name.as_str());
    if written.by_ref().filter(|setting| !known(setting)).any(|setting| misspelt(&setting)) {
        return Poison;
    }
    let message = format!("`train` needs `{name}`");
    let found = at(&errors::MISSING_SETTING, message, run.subject.span, "in this training run");
    env.report(found.help(format!("add `{example}`")))
}

/// How long a run goes.
pub(super) fn length<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    run: &ast::Run,
) -> Checked<Length> {
    match (settings.get("epochs"), settings.get("steps")) {
        (Some(epochs), None) => Ok(Length::Epochs(known::whole(cx, &epochs.value, "epochs", 1)?)),
        (None, Some(steps)) => Ok(Length::Steps(known::whole(cx, &steps.value, "steps", 1)?)),
        (None, None) => Err(missing(cx.env, "epochs` or `steps", "epochs = 20", run)),
        (Some(epochs), Some(steps)) => {
            let message = "`epochs` and `steps` both say how long to train";
            let found = at(&errors::WRONG_SETTING, message, steps.name().span, "steps are given here");
            Err(cx
                .env
                .report(found.label(epochs.name().span, "epochs are given here").help("keep one of them")))
        }
    }
}

/// Rows of a batch, and whether that is all of them. Without the setting: 32, or all if fewer.
pub(super) fn batch<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    data: DataId,
    split: Split,
    at_data: &ast::Expr,
) -> Checked<(usize, bool)> {
    let rows = rows::row_count(cx.env, data, split);
    let Some(setting) = settings.get("batch") else { return Ok((rows.min(32), rows <= 32)) };
    if matches!(&setting.value.kind, Ast::Name(word) if word == "full") {
        return Ok((rows, true));
    }
    let batch = known::whole(cx, &setting.value, "batch", 1)?;
    if batch <= rows {
        return Ok((batch, false));
    }
    let message = format!("a batch of {batch} rows from data with {rows}");
    let found = at(&errors::BATCH_TOO_LARGE, message, setting.value.span, "more than there are");
    let found = found.label(at_data.span, format!("{rows} rows"));
    Err(cx.env.report(found.help("write `batch = full` for all rows")))
}

/// Batches of a step. Together they are no more rows than there are.
pub(super) fn accumulate<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    batch: Option<&(usize, bool)>,
    (data, split): (DataId, Split),
    at_data: &ast::Expr,
) -> Checked<usize> {
    let Some(setting) = settings.get("accumulate") else { return Ok(1) };
    let count = known::whole(cx, &setting.value, "accumulate", 1)?;
    let rows = rows::row_count(cx.env, data, split);
    let batch = batch.map_or(1, |(batch, _)| *batch);
    if batch.checked_mul(count).is_some_and(|taken| taken <= rows) {
        return Ok(count);
    }
    let message = format!("{count} batches of {batch} rows from data with {rows}");
    let found = at(&errors::BATCH_TOO_LARGE, message, setting.value.span, "more rows than there are");
    let found = found.label(at_data.span, format!("{rows} rows"));
    let help = match rows / batch.max(1) {
        0 | 1 => "take smaller batches".to_string(),
        most => format!("take smaller batches, or write `accumulate = {most}` at most"),
    };
    Err(cx.env.report(found.help(help)))
}

/// A setting that is `true` or `false`, if it is there.
pub(super) fn flag<'a>(env: &mut Env<'a>, settings: &RunSettings<'a>, name: &str) -> Checked<Option<bool>> {
    match settings.get(name).map(|setting| &setting.value) {
        None => Ok(None),
        Some(ast::Expr { kind: Ast::Bool(value), .. }) => Ok(Some(*value)),
        Some(other) => {
            let message = format!("`{name}` is `true` or `false`");
            let found = at(&errors::WRONG_SETTING, message, other.span, "neither");
            let meant = matches!(&other.kind, Ast::Name(word) if word == "True");
            Err(env.report(found.help(format!("write `{name} = {meant}`"))))
        }
    }
}

/// The seed, or the variable of the sweep that it is.
pub(super) fn seed<'a>(cx: &mut Typer<'_, 'a>, expr: &'a ast::Expr) -> Checked<(u64, Option<usize>)> {
    let named = |variable: &Variable| matches!(&expr.kind, Ast::Name(name) if *name == variable.name.name);
    let Some(k) = cx.env.globals.swept.iter().position(named) else {
        return known::whole(cx, expr, "seed", 0).map(|seed| (seed as u64, None));
    };
    let Variable { values, span, used, .. } = &mut cx.env.globals.swept[k];
    *used = true;
    if values.iter().all(|value| value.fract() == 0.0 && (0.0..=9e15).contains(value)) {
        return Ok((values[0] as u64, Some(k)));
    }
    let found = at(&errors::WRONG_SWEEP, "seeds are whole numbers from 0", *span, "not all are");
    Err(cx.env.report(found.help("write a range: `seed in 0..5`")))
}

/// Rows to validate on: of data with the same columns.
pub(super) fn validate<'a>(
    env: &mut Env<'a>,
    settings: &RunSettings<'a>,
    trained: DataId,
) -> Checked<Option<(DataId, Split)>> {
    let Some(setting) = settings.get("validate") else { return Ok(None) };
    let (data, split) = rows::data_rows(env, &setting.value)?;
    let columns =
        |id: DataId| env.data[id.0].columns.iter().map(|column| (column.name.clone(), column.ty.clone()));
    if data == trained || columns(data).eq(columns(trained)) {
        return Ok(Some((data, split)));
    }
    let (a, b) = (env.data[data.0].name.clone(), env.data[trained.0].name.clone());
    let message = format!("`{a}` and `{b}` do not have the same columns");
    let found =
        at(&errors::WRONG_SETTING, message, setting.value.span, "other columns than the training data");
    let found = found.label(env.data[trained.0].span, "the training data is declared here");
    let found = match other_column(env, trained, data) {
        Some(other) => found.note(other),
        None => found,
    };
    Err(env.report(found.help("validate on a split of the same data")))
}

/// The first column by which two data sets differ.
fn other_column(env: &Env<'_>, a: DataId, b: DataId) -> Option<String> {
    let columns = |id: DataId| {
        let shown = |column: &Column| format!("`{}: {}`", column.name, text::show(&column.ty, env.real));
        env.data[id.0].columns.iter().map(shown).map(Some).chain(std::iter::repeat(None))
    };
    let mut pairs = columns(a).zip(columns(b)).take_while(|pair| *pair != (None, None));
    let (first, second) = pairs.find(|(first, second)| first != second)?;
    let (first, second) = (first.as_deref().unwrap_or("nothing"), second.as_deref().unwrap_or("nothing"));
    Some(format!("the training data have {first} where these have {second}"))
}
