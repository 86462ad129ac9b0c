//! `sweep`: a training run for each choice of values; and what plots and tables show of fits and sweeps.

use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::errors::{self, at};
use super::scope::{Checked, Global, Place, Poison, Scope, Value, nearest};
use super::statements::path;
use super::text;
use crate::typed::{
    self, Curve, Expr, ExprKind, GlobalId, Local, LocalId, StatementKind, Swept, Train, swept_cell,
};

/// Most runs of a sweep.
const MOST_RUNS: usize = 10_000;

/// A variable of a sweep while its run is checked.
#[derive(Clone, Debug)]
pub(super) struct Variable<'a> {
    pub name: &'a ast::Ident,
    pub values: Vec<f64>,
    /// Where they are written.
    pub span: Span,
    /// Whether the run depends on it.
    pub used: bool,
}

impl Variable<'_> {
    pub(super) fn typed(&self) -> Swept {
        Swept { name: self.name.name.clone(), values: self.values.clone() }
    }
}

/// How to show numbers of a sweep.
pub(super) fn table_help(name: &str, series: &[String], by: &[String]) -> String {
    let shown = series.last().map_or("loss", String::as_str);
    let by = by.first().map_or("lr", String::as_str);
    format!("it has one for each run; print them as a table: `print {name}.{shown} by {by}`")
}

impl<'a> Checker<'a> {
    /// A sweep that becomes statement `index` under `name`.
    pub(super) fn sweep(
        &mut self,
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
            return Err(self.report(found.help("write `sweep lr in [1e-3, 1e-2] { train m on d { ... } }`")));
        };
        if let Some(line) = lets.first() {
            let found = at(
                &errors::WRONG_SWEEP,
                "a sweep holds a training run and nothing else",
                line.name.span,
                "not here",
            );
            return Err(self.report(found.help("write it before the sweep, or in the run")));
        }
        self.swept = self.variables(parts)?;
        let made = self.train(run, name, index, span);
        let swept = std::mem::take(&mut self.swept);
        let (train, global) = made?;
        self.in_range(&train, &swept)?;
        match swept.iter().find(|variable| !variable.used) {
            None => Ok((train, global)),
            Some(Variable { name, .. }) => {
                let message = format!("the run does not depend on `{}`", name.name);
                let found = at(&errors::WRONG_SWEEP, message, name.span, "all its runs are the same");
                Err(self.report(found.help("name it in a hyperparameter, the seed, the loss or a metric")))
            }
        }
    }

    /// The variables in the order in which they are written.
    fn variables(&mut self, parts: &'a ast::Loop) -> Checked<Vec<Variable<'a>>> {
        if let Some(line) = parts.carried.first() {
            let found = at(
                &errors::WRONG_SWEEP,
                "a variable of a sweep is `in` a list or a range",
                line.name.span,
                "written with `=`",
            );
            return Err(self.report(found.help(format!(
                "write `{0} in [{1}]`",
                line.name.name,
                text::source(&line.value)
            ))));
        }
        let mut made = Vec::new();
        for (name, range) in &parts.ranges {
            made.push(self.steps_of(name, range)?);
        }
        for (name, list) in &parts.sequences {
            made.push(self.list_of(name, list)?);
        }
        made.sort_by_key(|variable| variable.name.span.start);
        for k in 1..made.len() {
            if let Some(before) = made[..k].iter().find(|before| before.name.name == made[k].name.name) {
                let found = errors::duplicate(&made[k].name.name, made[k].name.span, Some(before.name.span));
                return Err(self.report(found));
            }
        }
        let runs = made.iter().try_fold(1usize, |runs, variable| runs.checked_mul(variable.values.len()));
        if runs.is_none_or(|runs| runs > MOST_RUNS) {
            let message = format!("a sweep of more than {MOST_RUNS} runs");
            let found = at(&errors::WRONG_SWEEP, message, parts.body.span, "repeated too often");
            return Err(self.report(found.help("take fewer values")));
        }
        Ok(made)
    }

    /// `seed in 0..5`
    fn steps_of(&mut self, name: &'a ast::Ident, range: &'a ast::Range) -> Checked<Variable<'a>> {
        let Some(high) = &range.high else { return Err(Poison) };
        let (low_at, high_at) = (range.low.span, high.span);
        let (low, high) = (self.known_number(&range.low, "a bound")?, self.known_number(high, "a bound")?);
        let span = low_at.to(high_at);
        let whole = low.fract() == 0.0 && high.fract() == 0.0;
        if !whole || high <= low || high - low > MOST_RUNS as f64 {
            let message = format!("`{}` has no whole numbers to be", name.name);
            let found = at(&errors::WRONG_SWEEP, message, span, "an empty range, or none of whole numbers");
            return Err(self.report(found.help("write `0..5` for 0, 1, 2, 3 and 4, or a list: `[0.1, 0.2]`")));
        }
        let values = (0..(high - low) as usize).map(|k| low + k as f64).collect();
        Ok(Variable { name, values, span, used: false })
    }

    /// `lr in [1e-3, 1e-2]`
    fn list_of(&mut self, name: &'a ast::Ident, list: &'a ast::Expr) -> Checked<Variable<'a>> {
        let items = match &list.kind {
            Ast::List(items) if !items.is_empty() => items,
            Ast::Error => return Err(Poison),
            _ => {
                let message = format!("`{}` needs a list of numbers or a range", name.name);
                let found = at(&errors::WRONG_SWEEP, message, list.span, "neither");
                return Err(self.report(found.help(format!("write `{} in [1e-3, 1e-2]`", name.name))));
            }
        };
        let mut values = Vec::new();
        for item in items {
            let value = self.known_number(item, &name.name)?;
            if values.contains(&value) {
                let found = at(&errors::WRONG_SWEEP, "a value stands twice", item.span, "given again");
                return Err(self.report(found.help("remove it: both runs would be the same")));
            }
            values.push(value);
        }
        Ok(Variable { name, values, span: list.span, used: false })
    }

    /// Every value must lie in the range of the hyperparameter that it becomes.
    fn in_range(&mut self, train: &Train, swept: &[Variable<'a>]) -> Checked<()> {
        for variable in swept {
            let name = swept_cell(&variable.name.name);
            let range =
                train.optimizer.cells.iter().find(|cell| cell.name == name).and_then(|cell| cell.range);
            let out =
                |range: &typed::Range| variable.values.iter().copied().find(|value| !range.contains(*value));
            if let Some((range, value)) = range.and_then(|range| Some((range, out(&range)?))) {
                let found = errors::out_of_range(&variable.name.name, value, range);
                return Err(self.report(found.label(variable.span, format!("not all in {range}"))));
            }
        }
        Ok(())
    }

    /// Cells for the variables of the sweep, before those of the optimizer.
    pub(super) fn swept_cells(&mut self, scope: &mut Scope) {
        for variable in &self.swept {
            let ty = Type::scalar(DType::F64);
            let first = build::constant(variable.values[0], ty, variable.span);
            scope.cell(&swept_cell(&variable.name.name), first, None);
        }
    }

    /// A variable of the sweep: a cell in hyperparameters, a `real` in the loss and the metrics.
    pub(super) fn swept_value(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
        let k = self.swept.iter().position(|variable| variable.name.name == name).ok_or(Poison)?;
        let ty = Type::scalar(DType::F64);
        let own = swept_cell(name);
        let cells = scope.cells.iter().flat_map(|cells| &cells.made);
        let cell: Option<LocalId> = cells.into_iter().find(|cell| cell.name == own).map(|cell| cell.local);
        let kind = match (cell, &scope.place) {
            (Some(local), _) => ExprKind::Local(local),
            (None, Place::Run(_)) => ExprKind::Swept(k),
            _ => {
                let message = format!("`{name}` is another number in each run of the sweep");
                let found = at(&errors::WRONG_SWEEP, message, span, "this is the same in all of them");
                let found = found.label(self.swept[k].name.span, "declared here");
                let help = "runs of a sweep differ in hyperparameters, the seed, and numbers in the loss and metrics";
                return Err(self.report(found.help(help)));
            }
        };
        self.swept[k].used = true;
        Ok(Value::strong(build::cast(Expr { kind, ty, span }, scope.float)))
    }

    /// The seed, or the variable of the sweep that it is.
    pub(super) fn seed(&mut self, expr: &'a ast::Expr) -> Checked<(u64, Option<usize>)> {
        let named =
            |variable: &Variable| matches!(&expr.kind, Ast::Name(name) if *name == variable.name.name);
        let Some(k) = self.swept.iter().position(named) else {
            return self.whole(expr, "seed", 0).map(|seed| (seed as u64, None));
        };
        let Variable { values, span, used, .. } = &mut self.swept[k];
        *used = true;
        if values.iter().all(|value| value.fract() == 0.0 && (0.0..=9e15).contains(value)) {
            return Ok((values[0] as u64, Some(k)));
        }
        let found = at(&errors::WRONG_SWEEP, "seeds are whole numbers from 0", *span, "not all are");
        Err(self.report(found.help("write a range: `seed in 0..5`")))
    }

    /// `print a.loss by lr, b.loss by lr`
    pub(super) fn table(&mut self, columns: &'a [ast::Expr]) -> Checked<(StatementKind, Vec<Local>)> {
        let curves: Vec<Checked<Curve>> = columns.iter().map(|column| self.curve(column)).collect();
        let curves = curves.into_iter().collect::<Checked<Vec<Curve>>>()?;
        let other = curves.iter().find(|curve| curve.by != curves[0].by);
        if let Some(Curve { span, .. }) = other {
            let found = at(
                &errors::WRONG_SWEEP,
                "the columns of a table share their rows",
                *span,
                "by another variable",
            );
            return Err(self.report(found.help("print two tables")));
        }
        Ok((StatementKind::Table(curves), Vec::new()))
    }

    /// `plot fit.loss, runs.accuracy by lr to "a.svg"`
    pub(super) fn plot(
        &mut self,
        series: &'a [ast::Expr],
        path: &ast::Expr,
    ) -> Checked<(StatementKind, Vec<Local>)> {
        let curves: Vec<Checked<Curve>> = series.iter().map(|expr| self.curve(expr)).collect();
        let path = self.plain_text(path);
        let curves = curves.into_iter().collect::<Checked<Vec<Curve>>>()?;
        Ok((StatementKind::Plot { curves, path: path? }, Vec::new()))
    }

    /// What is drawn or tabulated.
    fn curve(&mut self, expr: &'a ast::Expr) -> Checked<Curve> {
        let (of, by) = match &expr.kind {
            Ast::By(of, by) => (&**of, Some(by)),
            _ => (expr, None),
        };
        let (whole, param) = match &of.kind {
            Ast::Bracket(whole, items) if items.len() == 1 => (&**whole, Some(&items[0])),
            _ => (of, None),
        };
        let Some((root, key, at_key)) = path(whole) else { return Err(self.no_curve(of)) };
        let curve = |of: GlobalId, param| Curve { of, key: key.clone(), param, by: None, span: expr.span };
        match (self.globals.get(root).cloned(), by) {
            (Some(Global::Error), _) => Err(Poison),
            (Some(Global::Fit { id, series, spread, .. }), None)
                if spread.contains(&key)
                    && (param.is_some() || !series.iter().any(|(name, _)| *name == key)) =>
            {
                let param = param.map(|param| self.plain_text(param)).transpose()?;
                Ok(curve(id, param))
            }
            (Some(Global::Fit { .. }), None) if param.is_none() => match self.series(whole) {
                Some(found) => found.map(|(series, _)| curve(series.of, None)),
                None => Err(self.no_curve(of)),
            },
            (Some(Global::Sweep { id, series, by: known }), by) if param.is_none() => {
                if !series.contains(&key) {
                    let found = errors::none_of(&errors::UNKNOWN_FIELD, "field", &key, at_key, &series);
                    return Err(self.report(found));
                }
                let Some(by) = by else { return Ok(curve(id, None)) };
                if !known.contains(&by.name) {
                    let near = nearest(&by.name, known.iter().map(String::as_str));
                    let message = format!("`{root}` is no sweep over `{}`", by.name);
                    let found = at(&errors::WRONG_SWEEP, message, by.span, "no such variable");
                    let help = || format!("write `by {}`", known.join("` or `by "));
                    let help = near.map_or_else(help, |near| format!("did you mean `{near}`?"));
                    return Err(self.report(found.help(help)));
                }
                Ok(Curve { by: Some(by.name.clone()), ..curve(id, None) })
            }
            (Some(Global::Fit { .. }), Some(by)) => {
                let message = format!("`{root}` is one run, and `by` is about a sweep");
                let found = at(&errors::WRONG_SWEEP, message, by.span, "nothing varies here");
                Err(self.report(found.help("write `let runs = sweep lr in [1e-3, 1e-2] { train ... }`")))
            }
            _ => Err(self.no_curve(of)),
        }
    }

    fn no_curve(&mut self, expr: &ast::Expr) -> Poison {
        if matches!(expr.kind, Ast::Error) {
            return Poison;
        }
        let message = format!("`{}` is not a recorded curve", text::source(expr));
        let found = at(&errors::NOT_A_FIT, message, expr.span, "a curve of a fit is needed");
        self.report(found.help("plot what a fit records: `fit.loss`"))
    }

    /// The parameters that curves name must be there; what they are is known once bodies are checked.
    pub(super) fn check_curves(&mut self) {
        let mut wrong = Vec::new();
        for statement in &self.statements {
            let StatementKind::Plot { curves, .. } = &statement.kind else { continue };
            for curve in curves {
                let Some(param) = &curve.param else { continue };
                let StatementKind::Train(train) = &self.statements[curve.of.0].kind else { continue };
                let Some(paths) = self.param_paths(train.optimizer.model) else { continue };
                if !paths.contains(param) {
                    wrong.push(errors::none_of(
                        &errors::UNKNOWN_FIELD,
                        "parameter",
                        param,
                        curve.span,
                        &paths,
                    ));
                }
            }
        }
        wrong.into_iter().for_each(|found| {
            self.report(found);
        });
    }
}
