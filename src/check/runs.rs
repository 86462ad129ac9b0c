//! `train` and `eval`.

use crate::algebra::types::{Dim, SizeVar, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Code;
use crate::source::Span;

use super::Checker;
use super::agree::columns_read;
use super::errors::{self, at};
use super::scope::{Binding, Callee, Checked, Global, Place, Poison, Scope, nearest};
use super::sweeps;
use super::text;
use crate::typed::{
    Column, DataId, Eval, Expr, Extent, GlobalId, Instance, Length, Split, StageUse, StatementKind, Train,
};

/// Names of what every training run records itself.
const RECORDED: [&str; 4] = ["loss", "batch_loss", "val_loss", "opt"];
/// Settings of `train`.
const SETTINGS: [&str; 10] =
    ["loss", "optimizer", "batch", "accumulate", "epochs", "steps", "every", "shuffle", "seed", "validate"];

/// Settings of `train` by name.
struct Settings<'a>(&'a [ast::Let]);

impl<'a> Settings<'a> {
    fn get(&self, name: &str) -> Option<&'a ast::Let> {
        self.0.iter().find(|setting| setting.name.name == name)
    }
}

impl<'a> Checker<'a> {
    /// A training run that becomes statement `index` under `name`, and what it gives.
    pub(super) fn train(
        &mut self,
        run: &'a ast::Run,
        name: &str,
        index: usize,
        span: Span,
    ) -> Checked<(Train, Global)> {
        let known = self.known_settings(&run.settings, &SETTINGS);
        let mut outside = Scope::new(Place::Statement, false, self.real);
        let callee = self.model_value(&mut outside, &run.subject);
        let rows_of = self.data_rows(&run.data);
        let settings = Settings(&run.settings);
        let optimizer = match settings.get("optimizer") {
            Some(setting) => self.optimizer(&setting.value),
            None => Err(self.missing("optimizer", "optimizer = adam", run)),
        };
        let length = self.length(&settings, run);
        let (callee, (data, split)) = (callee?, rows_of?);
        let batch = self.batch(&settings, data, split, &run.data);
        let accumulate = self.accumulate(&settings, batch.as_ref().ok(), (data, split), &run.data);
        let shuffle = self.shuffle(&settings);
        let every = settings.get("every").map(|every| self.whole(&every.value, "every", 1)).transpose();
        let seed = settings.get("seed").map_or(Ok((0, None)), |seed| self.seed(&seed.value));
        let validate = self.validate(&settings, data);
        let (mut scope, rows) = self.run_scope(data, index);
        let subject = subject_name(&run.subject);
        scope.bind(&subject, Binding::Model(callee.clone(), Instance::Root), run.subject.span);
        let loss = match settings.get("loss") {
            Some(loss) => self.scalar(&mut scope, &loss.value, &errors::LOSS_NOT_SCALAR, "loss"),
            None => Err(self.missing("loss", "loss = mean(...)", run)),
        };
        let root = self.root_call(index);
        let metrics = self.metrics(&mut scope, &run.metrics, &RECORDED);
        if let (None, Ok(_), Some(line)) = (&root, &loss, settings.get("loss")) {
            let message = format!("the loss never calls `{subject}`");
            let found = at(&errors::LOSS_WITHOUT_MODEL, message, line.value.span, "nothing to learn from");
            let found = found.label(run.subject.span, "this model is trained");
            return Err(self.report(found.help(format!("call it: `{subject}(x)`"))));
        }
        let (optimizer, metrics, loss) = (optimizer?, metrics?, loss?);
        known?;
        let read = columns_read([&loss].into_iter().chain(metrics.iter().map(|(_, metric)| metric)));
        self.target_among_features(data, &read, run.data.span);
        if let (Some(setting), Ok(Some((seen, _)))) = (settings.get("validate"), &validate) {
            self.same_units(data, *seen, &read, setting.value.span)?;
        }
        if accumulate.as_ref().is_ok_and(|batches| *batches > 1) {
            let help = "leave out `accumulate`, or take larger batches";
            self.uses_no_loss(
                &optimizer.uses,
                "a step that accumulates gradients has no batch of its own",
                help,
            )?;
        }
        let (model, sizes) = root.ok_or(Poison)?;
        let series = self.series_of(&optimizer.uses, &metrics, validate.as_ref().is_ok_and(Option::is_some));
        let spread = self.spread_of(&optimizer.uses);
        let global = match &self.swept[..] {
            [] => Global::Fit { id: GlobalId(index), callee, series, spread },
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
            sweep: self.swept.iter().map(sweeps::Variable::typed).collect(),
            swept_seed: seed.1,
            validate: validate?,
        };
        Ok((train, global))
    }

    /// The first call of the model that run `index` is about.
    fn root_call(&self, index: usize) -> Option<(crate::typed::FunctionId, Vec<Dim>)> {
        let root = |call: &&super::functions::CallSite| {
            call.caller == Place::Run(index) && call.instance == Instance::Root
        };
        self.calls.iter().find(root).map(|call| (call.callee, call.sizes.clone()))
    }

    fn known_settings(&mut self, settings: &[ast::Let], known: &[&str]) -> Checked<()> {
        let mut result = Ok(());
        for (k, setting) in settings.iter().enumerate() {
            let name = &setting.name;
            if let Some(before) = settings[..k].iter().find(|before| before.name.name == name.name) {
                result = Err(self.report(errors::duplicate(&name.name, name.span, Some(before.name.span))));
            }
            if !known.contains(&name.name.as_str()) {
                let names: Vec<String> = known.iter().map(ToString::to_string).collect();
                let found =
                    errors::none_of(&errors::UNKNOWN_SETTING, "setting", &name.name, name.span, &names);
                let found = match found.help {
                    None => found.help("metrics are written `metric name = ...`"),
                    Some(_) => found,
                };
                result = Err(self.report(found));
            }
        }
        result
    }

    fn missing(&mut self, name: &str, example: &str, run: &ast::Run) -> Poison {
        let names: Vec<&str> = name.split("` or `").collect();
        let known = |setting: &str| SETTINGS.contains(&setting);
        let misspelt =
            |setting: &&str| nearest(setting, SETTINGS).is_some_and(|near| names.contains(&near.as_str()));
        let mut written = run.settings.iter().map(|setting| setting.name.name.as_str());
        if written.by_ref().filter(|setting| !known(setting)).any(|setting| misspelt(&setting)) {
            return Poison;
        }
        let message = format!("`train` needs `{name}`");
        let found = at(&errors::MISSING_SETTING, message, run.subject.span, "in this training run");
        self.report(found.help(format!("add `{example}`")))
    }

    /// Columns of data as locals, with the number of rows as their first size.
    fn run_scope(&mut self, data: DataId, index: usize) -> (Scope, SizeVar) {
        let rows = self.fresh("rows");
        let mut scope = Scope::new(Place::Run(index), false, self.real);
        let span = self.data[data.0].span;
        for column in self.data[data.0].columns.clone() {
            let mut shape = vec![Dim::var(rows.clone())];
            shape.extend(column.ty.shape);
            scope.bind_local(&column.name, Type::new(column.ty.dtype, shape), span);
        }
        (scope, rows)
    }

    /// One real number.
    fn scalar(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        code: &'static Code,
        what: &str,
    ) -> Checked<Expr> {
        let value = self.expr(scope, expr, None)?;
        if value.expr.ty.rank() > 0 {
            let shown = text::show(&value.expr.ty, self.real);
            return Err(self.report(errors::not_scalar(code, what, &shown, expr.span, &text::source(expr))));
        }
        let dtype = self.real;
        self.converted(scope, value, dtype, &format!("a {what}"))
    }

    /// Metrics, whose names may not be among `reserved`.
    fn metrics(
        &mut self,
        scope: &mut Scope,
        metrics: &'a [ast::Let],
        reserved: &[&str],
    ) -> Checked<Vec<(String, Expr)>> {
        let mut made = Vec::new();
        for (k, metric) in metrics.iter().enumerate() {
            let name = &metric.name;
            let taken = metrics[..k].iter().find(|before| before.name.name == name.name);
            if taken.is_some() || reserved.contains(&name.name.as_str()) {
                let before = taken.map(|before| before.name.span);
                let found = errors::duplicate(&name.name, name.span, before);
                self.report(match before {
                    Some(_) => found,
                    None => found.help("a fit records its own series of this name: choose another one"),
                });
            }
            let what = format!("metric `{}`", name.name);
            let value = self.scalar(scope, &metric.value, &errors::METRIC_NOT_SCALAR, &what);
            made.push(value.map(|value| (name.name.clone(), value)));
        }
        made.into_iter().collect()
    }

    /// Everything a fit records, and whether it is a state of its optimizer.
    fn series_of(
        &self,
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
            let states = self.stages[stage.stage.0].states.iter();
            let scalar = states.filter(|state| state.extent.is_recorded());
            series.extend(scalar.map(|state| (format!("opt.{}.{}", stage.name, state.name), true)));
        }
        series
    }

    /// States that have a distribution, or numbers of their own for each parameter.
    fn spread_of(&self, pipeline: &[StageUse]) -> Vec<String> {
        let mut names = Vec::new();
        for stage in pipeline {
            let states = self.stages[stage.stage.0].states.iter();
            let states = states.filter(|state| matches!(state.extent, Extent::Coordinate | Extent::Tensor));
            names.extend(states.map(|state| format!("opt.{}.{}", stage.name, state.name)));
        }
        names
    }

    /// A whole number that is known now and not below `least`.
    pub(super) fn whole(&mut self, expr: &'a ast::Expr, what: &str, least: i64) -> Checked<usize> {
        let number = self.known_number(expr, what)?;
        if number.fract() == 0.0 && number >= least as f64 {
            return Ok(number as usize);
        }
        let message =
            format!("`{what}` is a whole number from {least}, not {}", crate::print::number(number));
        let found = at(&errors::WRONG_SETTING, message, expr.span, "not such a number");
        Err(self.report(found.help(format!("write `{what} = {}`", number.ceil().max(least as f64)))))
    }

    fn length(&mut self, settings: &Settings<'a>, run: &ast::Run) -> Checked<Length> {
        match (settings.get("epochs"), settings.get("steps")) {
            (Some(epochs), None) => Ok(Length::Epochs(self.whole(&epochs.value, "epochs", 1)?)),
            (None, Some(steps)) => Ok(Length::Steps(self.whole(&steps.value, "steps", 1)?)),
            (None, None) => Err(self.missing("epochs` or `steps", "epochs = 20", run)),
            (Some(epochs), Some(steps)) => {
                let message = "`epochs` and `steps` both say how long to train";
                let found = at(&errors::WRONG_SETTING, message, steps.name.span, "steps are given here");
                Err(self
                    .report(found.label(epochs.name.span, "epochs are given here").help("keep one of them")))
            }
        }
    }

    /// Rows of a batch, and whether that is all of them. Without the setting: 32, or all if fewer.
    fn batch(
        &mut self,
        settings: &Settings<'a>,
        data: DataId,
        split: Split,
        at_data: &ast::Expr,
    ) -> Checked<(usize, bool)> {
        let rows = self.row_count(data, split);
        let Some(setting) = settings.get("batch") else { return Ok((rows.min(32), rows <= 32)) };
        if matches!(&setting.value.kind, Ast::Name(word) if word == "full") {
            return Ok((rows, true));
        }
        let batch = self.whole(&setting.value, "batch", 1)?;
        if batch <= rows {
            return Ok((batch, false));
        }
        let message = format!("a batch of {batch} rows from data with {rows}");
        let found = at(&errors::BATCH_TOO_LARGE, message, setting.value.span, "more than there are");
        let found = found.label(at_data.span, format!("{rows} rows"));
        Err(self.report(found.help("write `batch = full` for all rows")))
    }

    /// Batches of a step. Together they are no more rows than there are.
    fn accumulate(
        &mut self,
        settings: &Settings<'a>,
        batch: Option<&(usize, bool)>,
        (data, split): (DataId, Split),
        at_data: &ast::Expr,
    ) -> Checked<usize> {
        let Some(setting) = settings.get("accumulate") else { return Ok(1) };
        let count = self.whole(&setting.value, "accumulate", 1)?;
        let rows = self.row_count(data, split);
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
        Err(self.report(found.help(help)))
    }

    fn shuffle(&mut self, settings: &Settings<'a>) -> Checked<Option<bool>> {
        match settings.get("shuffle").map(|setting| &setting.value) {
            None => Ok(None),
            Some(ast::Expr { kind: Ast::Bool(value), .. }) => Ok(Some(*value)),
            Some(other) => {
                let found =
                    at(&errors::WRONG_SETTING, "`shuffle` is `true` or `false`", other.span, "neither");
                Err(self.report(found.help("write `shuffle = false`")))
            }
        }
    }

    /// Rows to validate on: of data with the same columns.
    fn validate(&mut self, settings: &Settings<'a>, trained: DataId) -> Checked<Option<(DataId, Split)>> {
        let Some(setting) = settings.get("validate") else { return Ok(None) };
        let (data, split) = self.data_rows(&setting.value)?;
        let columns = |id: DataId| {
            self.data[id.0].columns.iter().map(|column| (column.name.clone(), column.ty.clone()))
        };
        if data == trained || columns(data).eq(columns(trained)) {
            return Ok(Some((data, split)));
        }
        let (a, b) = (self.data[data.0].name.clone(), self.data[trained.0].name.clone());
        let message = format!("`{a}` and `{b}` do not have the same columns");
        let found =
            at(&errors::WRONG_SETTING, message, setting.value.span, "other columns than the training data");
        let found = found.label(self.data[trained.0].span, "the training data is declared here");
        let found = match self.other_column(trained, data) {
            Some(other) => found.note(other),
            None => found,
        };
        Err(self.report(found.help("validate on a split of the same data")))
    }

    /// The first column by which two data sets differ.
    fn other_column(&self, a: DataId, b: DataId) -> Option<String> {
        let columns = |id: DataId| {
            let shown = |column: &Column| format!("`{}: {}`", column.name, text::show(&column.ty, self.real));
            self.data[id.0].columns.iter().map(shown).map(Some).chain(std::iter::repeat(None))
        };
        let mut pairs = columns(a).zip(columns(b)).take_while(|pair| *pair != (None, None));
        let (first, second) = pairs.find(|(first, second)| first != second)?;
        let (first, second) = (first.as_deref().unwrap_or("nothing"), second.as_deref().unwrap_or("nothing"));
        Some(format!("the training data have {first} where these have {second}"))
    }

    /// An evaluation that becomes statement `index` under `name`, and what it gives.
    pub(super) fn eval(&mut self, run: &'a ast::Run, name: &str, index: usize) -> Checked<(Eval, Global)> {
        let known = self.known_settings(&run.settings, &[]);
        let fit = self.fit(&run.subject);
        let rows_of = self.data_rows(&run.data);
        let ((fit, callee), (data, split)) = (fit?, rows_of?);
        self.evaluated.insert(index, fit.0);
        let (mut scope, rows) = self.run_scope(data, index);
        let Callee::Def(def, _) = &callee else { return Err(Poison) };
        let model = self.defs[*def].ast.name.name.clone();
        for subject in [subject_name(&run.subject), model] {
            scope.bind(&subject, Binding::Model(callee.clone(), Instance::Root), run.subject.span);
        }
        let metrics = self.metrics(&mut scope, &run.metrics, &[])?;
        known?;
        let read = columns_read(metrics.iter().map(|(_, metric)| metric));
        self.target_among_features(data, &read, run.data.span);
        if let Some(trained) = self.data_of(fit) {
            self.same_units(trained, data, &read, run.data.span)?;
        }
        let series = metrics.iter().map(|(name, _)| name.clone()).collect();
        let global = Global::Eval { id: GlobalId(index), series };
        let eval = Eval { name: name.to_string(), fit, data, split, rows, locals: scope.locals, metrics };
        Ok((eval, global))
    }

    /// The data that a fit was trained on.
    fn data_of(&self, fit: GlobalId) -> Option<DataId> {
        match &self.statements.get(fit.0)?.kind {
            StatementKind::Train(train) => Some(train.data),
            _ => None,
        }
    }

    /// A name that `train` has given a fit.
    pub(super) fn fit(&mut self, expr: &ast::Expr) -> Checked<(GlobalId, Callee)> {
        let name = text::source(expr);
        match self.globals.get(name.as_str()) {
            Some(Global::Fit { id, callee, .. }) => return Ok((*id, callee.clone())),
            Some(Global::Error) => return Err(Poison),
            _ => {}
        }
        if matches!(expr.kind, Ast::Error) {
            return Err(Poison);
        }
        let fits = self.globals.iter().filter(|(_, global)| matches!(global, Global::Fit { .. }));
        let near = nearest(&name, fits.map(|(name, _)| *name));
        let found = at(&errors::NOT_A_FIT, format!("`{name}` is not a fit"), expr.span, "a fit is needed");
        let found = match near {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help("name what `let fit = train ...` binds"),
        };
        Err(self.report(found))
    }
}

/// The name by which the loss calls the model: `mlp` of `mlp[64]`.
fn subject_name(subject: &ast::Expr) -> String {
    match &subject.kind {
        Ast::Bracket(of, _) => text::source(of),
        _ => text::source(subject),
    }
}
