//! Runs the statements of a script in order.

use std::collections::BTreeMap;

use super::acts::Doing;
use super::dataset::Dataset;
use super::evaluation::Evaluation;
use super::fit::Fit;
use super::machine::Machine;
use super::sweep::{self, Sweep};
use super::value::Held;
use super::{CompiledScript, Events, Settings, checkpoints, errors, predict, start, train};
use crate::algebra::types::Type;
use crate::check;
use crate::data::{Trained, Values, WantedColumn};
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::graph::{Layout, OutputTarget, ProgramId, Purpose, Role};
use crate::ice;
use crate::native::CallRange;
use crate::source::Span;
use crate::typed::{
    Column, DataId, DataSource, Eval, GlobalId, Statement, StatementId, StatementKind, Statistic,
};

/// What a script left behind, by the names of its `let`s.
#[derive(Debug, Default)]
pub struct Outcome {
    names: BTreeMap<String, GlobalId>,
    values: Vec<StatementValue>,
}

/// What a statement left behind.
#[derive(Debug)]
pub(super) enum StatementValue {
    Nothing,
    Tensors(Vec<Held>),
    Fit(Fit),
    Sweep(Sweep),
    Numbers(BTreeMap<String, f64>),
}

/// What a `train`, a `sweep` or an `eval` left behind.
pub(crate) enum ResultRef<'a> {
    /// A fit and the index of its statement.
    Fit(usize, &'a Fit),
    /// The fits of a sweep.
    Sweep(&'a Sweep),
    /// The numbers of an evaluation.
    Numbers(&'a BTreeMap<String, f64>),
}

impl Outcome {
    fn get(&self, name: &str) -> Option<&StatementValue> {
        self.names.get(name).map(|id| &self.values[id.statement.0])
    }

    /// The training run of this name.
    pub fn fit(&self, name: &str) -> Option<&Fit> {
        match self.get(name) {
            Some(StatementValue::Fit(fit)) => Some(fit),
            _ => None,
        }
    }

    /// What the script's `let`s left behind, in their order.
    pub(crate) fn left(&self) -> impl Iterator<Item = (&str, ResultRef<'_>)> {
        let mut names: Vec<(&String, &GlobalId)> = self.names.iter().collect();
        names.sort_by_key(|(_, id)| **id);
        names.into_iter().filter_map(|(name, GlobalId { statement, .. })| match &self.values[statement.0] {
            StatementValue::Fit(fit) => Some((name.as_str(), ResultRef::Fit(statement.0, fit))),
            StatementValue::Sweep(sweep) => Some((name.as_str(), ResultRef::Sweep(sweep))),
            StatementValue::Numbers(numbers) => Some((name.as_str(), ResultRef::Numbers(numbers))),
            StatementValue::Nothing | StatementValue::Tensors(_) => None,
        })
    }

    /// The sweep of this name.
    pub fn sweep(&self, name: &str) -> Option<&Sweep> {
        match self.get(name) {
            Some(StatementValue::Sweep(sweep)) => Some(sweep),
            _ => None,
        }
    }

    /// A number of the evaluation of this name.
    pub fn number(&self, name: &str, metric: &str) -> Option<f64> {
        match self.get(name) {
            Some(StatementValue::Numbers(numbers)) => numbers.get(metric).copied(),
            _ => None,
        }
    }

    /// The elements of the expression of this name, row-major; booleans are 0 and 1.
    pub fn tensor(&self, name: &str) -> Option<Vec<f64>> {
        let id = self.names.get(name)?;
        match &self.values[id.statement.0] {
            StatementValue::Tensors(tensors) => tensors.get(id.value).map(|tensor| tensor.elements.to_f64()),
            _ => None,
        }
    }
}

/// Data, and the data that the model was trained on which is to see them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct TrainedOn {
    /// The data.
    pub(super) data: DataId,
    /// The data trained on.
    pub(super) trained: DataId,
}

impl TrainedOn {
    /// Data to train on.
    pub(super) fn own(data: DataId) -> TrainedOn {
        TrainedOn { data, trained: data }
    }
}

/// A script being run.
pub(super) struct Interpreter<'a> {
    pub(super) stages: &'a CompiledScript<'a>,
    pub(super) settings: &'a Settings,
    pub(super) datasets: BTreeMap<TrainedOn, Dataset>,
    values: Vec<StatementValue>,
}

/// Runs everything.
///
/// # Errors
/// The first thing that goes wrong ends the run; what was printed and written before stays.
pub fn execute(
    stages: &CompiledScript<'_>,
    settings: &Settings,
    events: &mut dyn Events,
) -> Result<Outcome, Diagnostic> {
    let mut script = Interpreter::new(stages, settings)?;
    checkpoints::check_resume(stages.typed, settings.resume)?;
    for (index, statement) in stages.typed.statements.iter().enumerate() {
        // What comes after hours of training is refused before them.
        script.check_memory(index, statement)?;
        checkpoints::check(statement, settings.resume)?;
        script.check_start(index, statement, events)?;
    }
    script.read_files()?;
    let mut names = BTreeMap::new();
    for (index, statement) in stages.typed.statements.iter().enumerate() {
        script.next(index, statement, events)?;
        for (value, name) in statement.kind.names().iter().enumerate() {
            names.insert(name.clone(), GlobalId { statement: StatementId(index), value });
        }
    }
    Ok(Outcome { names, values: script.values })
}

/// Every name that `--set` gives must be a cell of some optimizer, and every value in its range.
fn check_settings(stages: &CompiledScript<'_>, settings: &Settings) -> Result<(), Diagnostic> {
    let cells = || stages.graphs.layouts.values().flat_map(|layout| &layout.cells);
    // What a sweep changes is not to be set.
    let cells = || cells().filter(|cell| cell.swept.is_none()).map(|cell| cell.name.as_str());
    if let Some((name, _)) = settings.set.iter().find(|(name, _)| !cells().any(|cell| cell == name)) {
        return Err(errors::unknown_hyperparameter(name, nearest(name, cells()), cells()));
    }
    for layout in stages.graphs.layouts.values() {
        for (name, value) in &settings.set {
            if let Some(range) = layout.ranges.get(name).filter(|range| !range.contains(*value)) {
                return Err(check::errors::out_of_range(name, *value, *range));
            }
        }
    }
    Ok(())
}

/// From so many machine instructions on it is said beforehand: some seconds.
const LONG: u64 = 1 << 34;

impl<'a> Interpreter<'a> {
    /// A script of which nothing has run.
    pub(super) fn new(
        stages: &'a CompiledScript<'a>,
        settings: &'a Settings,
    ) -> Result<Interpreter<'a>, Diagnostic> {
        check_settings(stages, settings)?;
        Ok(Interpreter { stages, settings, datasets: BTreeMap::new(), values: Vec::new() })
    }

    /// A script whose first statements have left these values.
    pub(super) fn after(
        stages: &'a CompiledScript<'a>,
        settings: &'a Settings,
        values: Vec<StatementValue>,
    ) -> Result<Interpreter<'a>, Diagnostic> {
        Ok(Interpreter { values, ..Interpreter::new(stages, settings)? })
    }

    /// Runs the next statement.
    pub(super) fn next(
        &mut self,
        index: usize,
        statement: &'a Statement,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        self.check_memory(index, statement)?;
        let value = self.run(index, &statement.kind, statement.span, events)?;
        self.values.push(value);
        Ok(())
    }

    /// Takes the next statement as run, with this fit.
    pub(super) fn push(&mut self, fit: Fit) {
        self.values.push(StatementValue::Fit(fit));
    }

    /// Leaves the next statement out.
    pub(super) fn skip(&mut self) {
        self.values.push(StatementValue::Nothing);
    }

    fn run(
        &mut self,
        index: usize,
        kind: &'a StatementKind,
        span: Span,
        events: &mut dyn Events,
    ) -> Result<StatementValue, Diagnostic> {
        match kind {
            StatementKind::Let { .. } => return self.tensors(index, events).map(StatementValue::Tensors),
            StatementKind::Train(train) if !train.sweep.is_empty() => {
                return sweep::sweep(self, index, train, span, events).map(StatementValue::Sweep);
            }
            StatementKind::Train(train) => {
                return train::train(self, index, train, span, events).map(StatementValue::Fit);
            }
            StatementKind::Optimizer(_) => ice!("run", "an optimizer alone has no data"),
            StatementKind::Eval(eval) => return self.eval(index, eval).map(StatementValue::Numbers),
            StatementKind::Predict(run) => predict::predict(self, index, run)?,
            StatementKind::Act(act) => act.run(&mut Doing { script: self, index, events }, span)?,
        }
        Ok(StatementValue::Nothing)
    }

    fn eval(&mut self, index: usize, eval: &Eval) -> Result<BTreeMap<String, f64>, Diagnostic> {
        let program = self.program(Purpose::Eval(index));
        let mut evaluation = Evaluation::new(self, program, self.seen(eval.fit, eval.data), eval.split)?;
        evaluation.check_columns(self)?;
        evaluation.run(self, format_args!(""))?;
        let names = eval.metrics.iter().map(|(name, _)| name.clone());
        Ok(names.enumerate().map(|(k, name)| (name, evaluation.number(k))).collect())
    }

    /// The values of the expressions of a statement.
    pub(super) fn tensors(&mut self, index: usize, events: &mut dyn Events) -> Result<Vec<Held>, Diagnostic> {
        let program = self.program(Purpose::Values(index));
        let graph = self.stages.graphs.graph(program);
        let work = self.stages.loops.work(self.stages.loops.program(program));
        if work > LONG {
            let name = self.stages.typed.statements[index].kind.names().first();
            events.long(name.unwrap_or(&graph.name), work);
        }
        let mut machine = self.machine(program)?;
        machine.run(CallRange::Whole);
        self.check_positions(&machine, format_args!(""), None)?;
        let tensor = |(k, output): (usize, &crate::graph::Output)| Held {
            ty: graph.nodes[output.value.0 as usize].ty.clone(),
            elements: machine.output(k),
        };
        let results =
            graph.outputs.iter().enumerate().filter(|(_, output)| output.target == OutputTarget::Result);
        Ok(results.map(tensor).collect())
    }

    /// The program for this.
    pub(super) fn program(&self, purpose: Purpose) -> ProgramId {
        self.find_program(purpose).unwrap_or_else(|| ice!("run", "no program for {purpose:?}"))
    }

    /// The program for this, if there is one.
    pub(super) fn find_program(&self, purpose: Purpose) -> Option<ProgramId> {
        self.stages.graphs.program(purpose)
    }

    /// A machine for a program, with the values of earlier statements bound.
    pub(super) fn machine(&mut self, program: ProgramId) -> Result<Machine, Diagnostic> {
        let mut machine =
            Machine::new(self.stages.native, self.stages.loops, program).map_err(errors::out_of_memory)?;
        machine.set(&Role::Key, &train::step_key(self.settings.seed.unwrap_or(0), 0));
        for (k, role) in machine.roles() {
            match &role {
                Role::Global(id) => machine.bind(k, &self.tensor(*id).elements),
                Role::Recorded(index, key, statistic) => {
                    machine.set(&role, &[self.recorded(*index, key, *statistic)]);
                }
                Role::FitParams(index) => machine.bind(k, &self.fit(StatementId(*index)).params),
                Role::FitModelState(index, state) => {
                    machine.bind(k, &self.fit(StatementId(*index)).memory[*state]);
                }
                Role::FitState(index, state) => {
                    machine.bind(k, &self.fit(StatementId(*index)).states[*state]);
                }
                _ => {}
            }
        }
        Ok(machine)
    }

    /// Before anything is computed: what a run starts from is there and fits; what it leaves out is said.
    fn check_start(
        &self,
        index: usize,
        statement: &Statement,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        let StatementKind::Train(train) = &statement.kind else { return Ok(()) };
        let said = start::check(self, train.start.as_ref(), &self.stages.graphs.layouts[&index])?;
        said.iter().for_each(|said| events.warn(&format!("{}: {said}", train.optimizer.name)));
        Ok(())
    }

    /// A number of a recorded series, or one of an evaluation.
    fn recorded(&self, index: usize, key: &str, statistic: Statistic) -> f64 {
        let found = match &self.values[index] {
            StatementValue::Fit(fit) => Some(statistic.of(fit.series(key).iter().map(|point| point.1))),
            StatementValue::Numbers(numbers) => numbers.get(key).copied(),
            StatementValue::Nothing | StatementValue::Tensors(_) | StatementValue::Sweep(_) => None,
        };
        found.unwrap_or(f64::NAN)
    }

    /// What a statement left.
    pub(super) fn value(&self, id: StatementId) -> &StatementValue {
        &self.values[id.0]
    }

    /// Whether a statement has run.
    pub(super) fn is_there(&self, id: StatementId) -> bool {
        id.0 < self.values.len()
    }

    /// A value of a `let`.
    pub(super) fn tensor(&self, id: GlobalId) -> &Held {
        match self.value(id.statement) {
            StatementValue::Tensors(tensors) => &tensors[id.value],
            other => ice!("run", "{id:?} is no tensor but {other:?}"),
        }
    }

    /// The fit that a statement made.
    pub(super) fn fit(&self, id: StatementId) -> &Fit {
        match self.value(id) {
            StatementValue::Fit(fit) => fit,
            StatementValue::Nothing
            | StatementValue::Tensors(_)
            | StatementValue::Sweep(_)
            | StatementValue::Numbers(_) => {
                ice!("run", "statement {} is no fit", id.0)
            }
        }
    }

    /// Hyperparameter cells with the values that the command line gives, or else the script.
    pub(super) fn cells(&self, layout: &Layout) -> Vec<(String, f64)> {
        let set = |name: &str| {
            self.settings.set.iter().rev().find(|(have, _)| have == name).map(|(_, value)| *value)
        };
        layout.cells.iter().map(|cell| (cell.name.clone(), set(&cell.name).unwrap_or(cell.value))).collect()
    }

    /// A data set that is computed.
    fn computed(&mut self, id: DataId, seed: u64) -> Result<Dataset, Diagnostic> {
        let data = &self.stages.typed.data[id.0];
        let program = self.program(Purpose::Data(id));
        let mut machine = self.machine(program)?;
        machine.set(&Role::Key, &train::step_key(seed, 0));
        machine.run(CallRange::Whole);
        self.check_positions(&machine, format_args!(""), None)?;
        Ok(Dataset::computed(data, (0..data.columns.len()).map(|column| machine.output(column))))
    }

    /// A data set with the columns that a program and those of its chunks read, as the model sees it that
    /// was trained on other data: in their numbers of words, and with their statistics.
    pub(super) fn dataset(&mut self, rows: TrainedOn, program: ProgramId) -> Result<&Dataset, Diagnostic> {
        let (graphs, loops) = (self.stages.graphs, self.stages.loops);
        for (_, role) in graphs.parts(program).iter().flat_map(|part| &loops.program(*part).inputs) {
            if let Role::Column(column) = role {
                self.column(rows, *column)?;
            }
        }
        self.opened(rows)
    }

    /// A data set whose columns have been read as far as they are needed.
    pub(super) fn opened(&mut self, rows: TrainedOn) -> Result<&Dataset, Diagnostic> {
        if !self.datasets.contains_key(&rows) {
            let data = &self.stages.typed.data[rows.data.0];
            let opened = match &data.source {
                DataSource::Synthetic { seed, .. } => {
                    self.computed(rows.data, *seed).map_err(|error| error.label(data.span, "this data"))?
                }
                DataSource::Files(source) => {
                    let test = source.reader().test(self.stages.files);
                    let test = test.map_err(|error| error.label(data.span, "this data"))?;
                    Dataset::new(data, source.reader().test_is_last(), test)
                }
            };
            self.datasets.insert(rows, opened);
        }
        Ok(&self.datasets[&rows])
    }

    /// Reads a column, and first what it goes by: the column of that name of the data trained on.
    pub(super) fn column(&mut self, rows: TrainedOn, column: usize) -> Result<(), Diagnostic> {
        if self.opened(rows)?.column(column).is_some() {
            return Ok(());
        }
        let data = &self.stages.typed.data[rows.data.0];
        let first = TrainedOn::own(rows.trained);
        if first != rows {
            let columns = &self.stages.typed.data[rows.trained.0].columns;
            let same = columns.iter().position(|known| known.name == data.columns[column].name);
            same.map_or(Ok(()), |same| self.column(first, same))?;
            self.opened(first)?;
        }
        let values = self.values(rows, column).map_err(|error| error.label(data.span, "this data"))?;
        if let Some(dataset) = self.datasets.get_mut(&rows) {
            dataset.set(column, values);
        }
        Ok(())
    }

    /// A column of files, which goes by the data trained on if those are others.
    fn values(&self, rows: TrainedOn, column: usize) -> Result<Values, Diagnostic> {
        let data = &self.stages.typed.data[rows.data.0];
        let Some(source) = data.source.files() else { ice!("run", "`{}` is computed, not read", data.name) };
        let Column { name, ty } = &data.columns[column];
        let dtype = if ty.dtype.is_float() { self.stages.typed.real } else { ty.dtype };
        let wanted = WantedColumn {
            name,
            ty: Type::new(dtype, ty.shape.clone()),
            train: &self.datasets[&rows].train,
            standardized: data.standardize.contains(name),
            trained: (rows.data != rows.trained).then(|| self.trained(rows.trained, name)),
        };
        source.reader().column(self.stages.files, &wanted)
    }

    /// What data trained on say of the column of this name.
    fn trained(&self, id: DataId, name: &str) -> Trained<'_> {
        let data = &self.stages.typed.data[id.0];
        let column = data.columns.iter().position(|column| column.name == name);
        let dataset = &self.datasets[&TrainedOn::own(id)];
        let known = column.and_then(|column| dataset.column(column));
        Trained {
            source: data.source.files(),
            train: &dataset.train,
            characters: &data.characters,
            scales: known.and_then(|values| values.scales.as_ref()),
        }
    }

    /// Reads all files before anything is computed: what is wrong with them is said before hours of
    /// training, not after.
    fn read_files(&mut self) -> Result<(), Diagnostic> {
        let is_file = |data: DataId| self.stages.typed.data[data.0].source.files().is_some();
        let mut all = Vec::new();
        for (index, statement) in self.stages.typed.statements.iter().enumerate() {
            match &statement.kind {
                StatementKind::Train(train) => {
                    all.extend(
                        train::programs(self, index)
                            .into_iter()
                            .map(|program| (TrainedOn::own(train.data), program)),
                    );
                    let validate = self.find_program(Purpose::Validate(index));
                    all.extend(
                        train
                            .validate
                            .zip(validate)
                            .map(|((data, _), program)| (TrainedOn { data, trained: train.data }, program)),
                    );
                }
                StatementKind::Eval(eval) => {
                    let program = self.program(Purpose::Eval(index));
                    all.push((self.seen(eval.fit, eval.data), program));
                }
                StatementKind::Predict(run) => {
                    let program = self.program(Purpose::Predict(index));
                    all.push((self.seen(run.fit, run.data), program));
                }
                _ => {}
            }
        }
        all.retain(|(rows, _)| is_file(rows.data) && is_file(rows.trained));
        all.into_iter().try_for_each(|(rows, program)| self.dataset(rows, program).map(|_| ()))
    }

    /// Data as a fit sees them.
    pub(super) fn seen(&self, fit: StatementId, data: DataId) -> TrainedOn {
        let trained = match &self.stages.typed.statements[fit.0].kind {
            StatementKind::Train(train) => train.data,
            other => ice!("run", "an evaluation of {other:?}"),
        };
        TrainedOn { data, trained }
    }
}
