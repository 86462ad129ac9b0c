//! `sweep`: a training run for each choice of values.

use super::{known, train};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Global, Poison, Variable};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::optim::stages::Stages;
use crate::source::Span;
use crate::typed::{self, Train};

/// Most runs of a sweep.
const MOST_RUNS: usize = 10_000;

/// A sweep that becomes statement `index` under `name`.
pub(super) fn sweep<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    parts: &'a ast::Loop,
    name: &str,
    index: usize,
    span: Span,
) -> Checked<(Train, Global)> {
    let Ast::Block(lets, body) = &parts.body.kind else { return Err(Poison) };
    let Ast::Train(run) = &body.kind else {
        if matches!(body.kind, Ast::Error) {
            return Err(Poison);
        }
        let found = at(&errors::WRONG_SWEEP, "a sweep repeats a training run", body.span, "this is none");
        return Err(cx.env.report(found.help("write `sweep lr in [1e-3, 1e-2] { train m on d { ... } }`")));
    };
    if let Some(line) = lets.first() {
        let found = at(
            &errors::WRONG_SWEEP,
            "a sweep holds a training run and nothing else",
            line.name().span,
            "not here",
        );
        return Err(cx.env.report(found.help("write it before the sweep, or in the run")));
    }
    cx.env.globals.swept = variables(cx, parts)?;
    let made = train::train(cx, stages, run, name, index, span);
    let swept = std::mem::take(&mut cx.env.globals.swept);
    let (train, global) = made?;
    in_range(cx.env, &train, &swept)?;
    match swept.iter().find(|variable| !variable.used) {
        None => Ok((train, global)),
        Some(Variable { name, .. }) => {
            let message = format!("the run does not depend on `{}`", name.name);
            let found = at(&errors::WRONG_SWEEP, message, name.span, "all its runs are the same");
            Err(cx.env.report(found.help("name it in a hyperparameter, the seed, the loss or a metric")))
        }
    }
}

/// The variables in the order in which they are written.
fn variables<'a>(cx: &mut Typer<'_, 'a>, parts: &'a ast::Loop) -> Checked<Vec<Variable<'a>>> {
    if let Some(line) = parts.carried.first() {
        let found = at(
            &errors::WRONG_SWEEP,
            "a variable of a sweep is `in` a list or a range",
            line.name().span,
            "written with `=`",
        );
        return Err(cx.env.report(found.help(format!(
            "write `{0} in [{1}]`",
            line.name().name,
            cx.env.quote(line.value.span)
        ))));
    }
    let mut made = Vec::new();
    for (name, range) in &parts.ranges {
        made.push(steps_of(cx, name, range)?);
    }
    for (name, list) in &parts.sequences {
        made.push(list_of(cx, name, list)?);
    }
    made.sort_by_key(|variable| variable.name.span.start);
    for k in 1..made.len() {
        if let Some(before) = made[..k].iter().find(|before| before.name.name == made[k].name.name) {
            let found = errors::duplicate(&made[k].name.name, made[k].name.span, Some(before.name.span));
            return Err(cx.env.report(found));
        }
    }
    let runs = made.iter().try_fold(1usize, |runs, variable| runs.checked_mul(variable.values.len()));
    if runs.is_none_or(|runs| runs > MOST_RUNS) {
        let message = format!("a sweep of more than {MOST_RUNS} runs");
        let found = at(&errors::WRONG_SWEEP, message, parts.body.span, "repeated too often");
        return Err(cx.env.report(found.help("take fewer values")));
    }
    Ok(made)
}

/// `seed in 0..5`
fn steps_of<'a>(
    cx: &mut Typer<'_, 'a>,
    name: &'a ast::Ident,
    range: &'a ast::Range,
) -> Checked<Variable<'a>> {
    let Some(high) = &range.high else { return Err(Poison) };
    let (low_at, high_at) = (range.low.span, high.span);
    let (low, high) =
        (known::known_number(cx, &range.low, "a bound")?, known::known_number(cx, high, "a bound")?);
    let span = low_at.to(high_at);
    let whole = low.fract() == 0.0 && high.fract() == 0.0;
    if !whole || high <= low || high - low > MOST_RUNS as f64 {
        let message = format!("`{}` has no whole numbers to be", name.name);
        let found = at(&errors::WRONG_SWEEP, message, span, "an empty range, or none of whole numbers");
        return Err(cx.env.report(found.help("write `0..5` for 0, 1, 2, 3 and 4, or a list: `[0.1, 0.2]`")));
    }
    let values = (0..(high - low) as usize).map(|k| low + k as f64).collect();
    Ok(Variable { name, values, span, used: false })
}

/// `lr in [1e-3, 1e-2]`
fn list_of<'a>(cx: &mut Typer<'_, 'a>, name: &'a ast::Ident, list: &'a ast::Expr) -> Checked<Variable<'a>> {
    let items = match &list.kind {
        Ast::List(items) if !items.is_empty() => items,
        Ast::Error => return Err(Poison),
        _ => {
            let message = format!("`{}` needs a list of numbers or a range", name.name);
            let found = at(&errors::WRONG_SWEEP, message, list.span, "neither");
            return Err(cx.env.report(found.help(format!("write `{} in [1e-3, 1e-2]`", name.name))));
        }
    };
    let mut values = Vec::new();
    for item in items {
        let value = known::known_number(cx, item, &name.name)?;
        if values.contains(&value) {
            let found = at(&errors::WRONG_SWEEP, "duplicate value", item.span, "given again");
            return Err(cx.env.report(found.help("remove it: both runs would be the same")));
        }
        values.push(value);
    }
    Ok(Variable { name, values, span: list.span, used: false })
}

/// Every value must lie in the range of the hyperparameter that it becomes.
fn in_range<'a>(env: &mut Env<'a>, train: &Train, swept: &[Variable<'a>]) -> Checked<()> {
    for (k, variable) in swept.iter().enumerate() {
        let range =
            train.optimizer.cells.iter().find(|cell| cell.swept == Some(k)).and_then(|cell| cell.range);
        let out =
            |range: &typed::Range| variable.values.iter().copied().find(|value| !range.contains(*value));
        if let Some((range, value)) = range.and_then(|range| Some((range, out(&range)?))) {
            let found = errors::out_of_range(&variable.name.name, value, range);
            return Err(env.report(found.label(variable.span, format!("not all in {range}"))));
        }
    }
    Ok(())
}
