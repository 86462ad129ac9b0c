//! Predictions for rows of data, written as a table.

use std::path::Path;

use super::dataset::Dataset;
use super::execute::{Interpreter, StatementValue, TrainedOn};
use super::fit::Fit;
use super::machine::{Machine, Memory};
use super::made::{self, Made};
use super::positions::GivenRows;
use super::save::write_atomically;
use super::saved::Saved;
use super::value::Held;
use super::{CompiledScript, Settings, errors};
use crate::algebra::types::{DType, Type};
use crate::data::{Scales, Values};
use crate::diag::Diagnostic;
use crate::graph::{ProgramId, Purpose, Role};
use crate::ice;
use crate::native::CallRange;
use crate::print;
use crate::typed::{GlobalId, Predict, Predicted, PredictedForm, StatementId, StatementKind};

/// Predicts and writes the file.
///
/// # Errors
/// Data that cannot be read, logits that are no numbers, a file that cannot be written.
pub(super) fn predict(
    script: &mut Interpreter<'_>,
    index: usize,
    predict: &Predict,
) -> Result<(), Diagnostic> {
    let seen = script.seen(predict.fit, predict.data);
    let program = script.program(Purpose::Predict(index));
    let rows = script.dataset(seen, program)?.rows(predict.split);
    script.check_columns(program, GivenRows::all(seen, &rows))?;
    let mut table = Table::new(script, predict, (seen, program))?;
    let mut whole = machine(script, program, predict)?;
    let rest = script.find_program(Purpose::PredictRest(index));
    let mut rest = rest.map(|rest| machine(script, rest, predict)).transpose()?;
    for rows in rows.chunks(table.rows) {
        let machine = rest.as_mut().filter(|_| rows.len() < table.rows).unwrap_or(&mut whole);
        script.opened(seen)?.give(machine, rows);
        machine.run(CallRange::Whole);
        script.check_positions(machine, format_args!(""), Some(GivenRows::chunk(seen, rows)))?;
        table.add(machine, rows)?;
    }
    let path = Path::new(&predict.path);
    let written = table.bytes().and_then(|bytes| write_atomically(path, &bytes));
    written.map_err(|error| errors::unwritable(path, &error))
}

/// Predicts with a fit that lies in a file. Of the script nothing runs but the statement of this index, which is
/// about data that a model sees which was trained on others; what is known of those is in the file.
///
/// # Errors
/// A file that lacks what the statement needs; and as [`predict`].
pub(crate) fn predict_saved(
    stages: &CompiledScript<'_>,
    settings: &Settings,
    (index, run): (usize, &Predict),
    (path, saved, made): (&Path, &Saved, &Made),
) -> Result<(), Diagnostic> {
    let fit = Fit::of_file(&stages.graphs.layouts[&run.fit.0], saved, path)?;
    let mut values: Vec<StatementValue> = (0..index).map(|_| StatementValue::Nothing).collect();
    values[run.fit.0] = StatementValue::Fit(fit);
    for (id, ty) in needed(stages, path, run.fit, index)? {
        recall(&mut values, id, ty, saved).map_err(|why| errors::incomplete_fit(path, &why))?;
    }
    let mut script = Interpreter::after(stages, settings, values)?;
    let StatementKind::Train(train) = &stages.typed.statements[run.fit.0].kind else {
        ice!("run", "predictions of no training run");
    };
    let data = &stages.typed.data[train.data.0];
    let mut dataset = Dataset::new(data, true, None);
    for (k, column) in data.columns.iter().enumerate() {
        dataset.set(k, Values::of_scales(made.scales.get(&column.name).cloned()));
    }
    script.datasets.insert(TrainedOn::own(train.data), dataset);
    predict(&mut script, index, run)
}

/// The values of `let`s that predictions are computed from, with their types.
fn needed(
    stages: &CompiledScript<'_>,
    path: &Path,
    fit: StatementId,
    index: usize,
) -> Result<Vec<(GlobalId, Type)>, Diagnostic> {
    let purposes = [Purpose::Predict(index), Purpose::PredictRest(index)];
    let programs = purposes.into_iter().filter_map(|purpose| stages.graphs.program(purpose));
    let mut ids = Vec::new();
    for program in programs {
        let graph = stages.graphs.graph(program);
        for input in &graph.inputs {
            match &input.role {
                Role::Global(id) => ids.push((*id, graph.nodes[input.value.0 as usize].ty.clone())),
                Role::FitParams(of) | Role::FitModelState(of, _) if *of == fit.0 => {}
                Role::Recorded(of, ..) | Role::FitParams(of) | Role::FitModelState(of, _) => {
                    let name = stages.typed.statements[*of].kind.names().first().cloned();
                    return Err(errors::needs_other_run(path, &name.unwrap_or_default()));
                }
                _ => {}
            }
        }
    }
    Ok(ids)
}

/// Puts a value of a `let` among those that statements have left.
fn recall(values: &mut [StatementValue], id: GlobalId, ty: Type, saved: &Saved) -> Result<(), String> {
    let bytes = saved.tensor(&made::let_name(id), &ty).map_err(|misfit| misfit.to_string())?;
    let elements = Memory::new(ty.dtype, ty.count()).map_err(|error| error.to_string())?;
    elements.set_bytes(bytes);
    if !matches!(values[id.statement.0], StatementValue::Tensors(_)) {
        values[id.statement.0] = StatementValue::Tensors(Vec::new());
    }
    if let StatementValue::Tensors(tensors) = &mut values[id.statement.0] {
        let held = Held { ty, elements };
        tensors.resize(tensors.len().max(id.value + 1), held.clone());
        tensors[id.value] = held;
    }
    Ok(())
}

/// A program with its memory, after the last step of the fit.
fn machine(
    script: &mut Interpreter<'_>,
    program: ProgramId,
    predict: &Predict,
) -> Result<Machine, Diagnostic> {
    let mut machine = script.machine(program)?;
    let steps = script.fit(predict.fit).steps as f64;
    [Role::Step, Role::Total].iter().for_each(|role| machine.set(role, &[steps]));
    Ok(machine)
}

/// A table under way.
struct Table {
    /// Rows that are predicted at a time.
    rows: usize,
    columns: Vec<Column>,
    /// The line of the file for each row of the data, where there are such.
    lines: Option<Vec<u64>>,
    /// What messages call the data.
    data: String,
    writer: csv::Writer<Vec<u8>>,
}

/// Something that is predicted, and how it is written.
struct Column {
    name: String,
    form: PredictedForm,
    /// What names of probabilities begin with.
    prefix: String,
    /// What classes are called, if they have names.
    words: Vec<String>,
    scales: Option<Scales>,
    dtype: DType,
    /// The sizes of a row.
    sizes: Vec<usize>,
}

impl Table {
    fn new(
        script: &mut Interpreter<'_>,
        predict: &Predict,
        (seen, program): (TrainedOn, ProgramId),
    ) -> Result<Table, Diagnostic> {
        let graph = script.stages.graphs.graph(program);
        let types = graph.outputs.iter().map(|output| &graph.nodes[output.value.0 as usize].ty);
        let types: Vec<&Type> = types.take(predict.columns.len()).collect();
        let several = predict.columns.len() > 1;
        let columns = predict.columns.iter().zip(&types);
        let columns = columns.map(|(predicted, ty)| Column::new(script, predicted, ty, seen, several));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let data = &script.stages.typed.data[seen.data.0];
        let source = data.source.files();
        let lines = source.map(|source| source.reader().lines(script.stages.files)).transpose()?.flatten();
        let rows = types.first().map_or(1, |ty| ty.sizes()[0]);
        let writer = csv::Writer::from_writer(Vec::new());
        let mut table = Table { rows, columns, lines, data: data.name.clone(), writer };
        let first = if table.lines.is_some() { "line" } else { "row" };
        let heads: Vec<String> = table.columns.iter().flat_map(Column::heads).collect();
        table.record([first.to_owned()].into_iter().chain(heads));
        Ok(table)
    }

    /// Adds the predictions for these rows.
    fn add(&mut self, machine: &Machine, rows: &[u32]) -> Result<(), Diagnostic> {
        let outputs: Vec<Memory> = (0..self.columns.len()).map(|k| machine.output(k)).collect();
        for (at, row) in rows.iter().enumerate() {
            let first = match &self.lines {
                Some(lines) => lines.get(*row as usize).map(u64::to_string).unwrap_or_default(),
                None => (row + 1).to_string(),
            };
            let mut cells = vec![first];
            for (column, output) in self.columns.iter().zip(&outputs) {
                let width: usize = column.sizes.iter().product();
                let values: Vec<f64> = (at * width..(at + 1) * width).map(|k| output.get(k)).collect();
                if column.form != PredictedForm::Numbers && values.iter().any(|value| !value.is_finite()) {
                    return Err(errors::no_prediction(&self.data, *row as usize + 1, &column.name));
                }
                cells.extend(column.cells(&values));
            }
            self.record(cells);
        }
        Ok(())
    }

    fn record(&mut self, cells: impl IntoIterator<Item = String>) {
        if let Err(error) = self.writer.write_record(cells) {
            ice!("run", "a table in memory: {error}");
        }
    }

    fn bytes(self) -> std::io::Result<Vec<u8>> {
        self.writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
    }
}

impl Column {
    fn new(
        script: &mut Interpreter<'_>,
        predicted: &Predicted,
        ty: &Type,
        seen: TrainedOn,
        several: bool,
    ) -> Result<Column, Diagnostic> {
        let Predicted { name, form, target, .. } = predicted;
        let (mut words, mut scales) = (Vec::new(), None);
        if let Some(target) = target {
            let data = &script.stages.typed.data[seen.trained.0];
            let known = &data.columns[*target].name;
            if let Some(source) = data.source.files() {
                words = source.reader().words(script.stages.files, known)?.unwrap_or_default();
            }
            if data.standardize.contains(known) && *form == PredictedForm::Numbers {
                let trained = TrainedOn::own(seen.trained);
                script.column(trained, *target)?;
                scales = script.opened(trained)?.read(*target).scales.clone();
            }
        }
        let prefix = if several { format!("p.{name}.") } else { "p.".to_owned() };
        let (dtype, sizes) = (ty.dtype, ty.sizes()[1..].to_vec());
        Ok(Column { name: name.clone(), form: *form, prefix, words, scales, dtype, sizes })
    }

    /// The names of its columns of the table.
    fn heads(&self) -> Vec<String> {
        let probability = |class: usize| format!("{}{}", self.prefix, self.class(class));
        match (self.form, &self.sizes[..]) {
            (PredictedForm::Logits, [classes]) => {
                [self.name.clone()].into_iter().chain((0..*classes).map(probability)).collect()
            }
            (PredictedForm::Logit, _) => vec![self.name.clone(), probability(1)],
            (_, sizes) => places(&self.name, sizes),
        }
    }

    /// What a class is called.
    fn class(&self, class: usize) -> String {
        self.words.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    fn cells(&self, values: &[f64]) -> Vec<String> {
        match self.form {
            PredictedForm::Numbers => values.iter().enumerate().map(|(k, x)| self.number(k, *x)).collect(),
            PredictedForm::Logits => {
                let likeliest =
                    (0..values.len()).fold(0, |best, k| if values[k] > values[best] { k } else { best });
                let probabilities = softmax(values).into_iter().map(|p| self.rounded(p));
                [self.class(likeliest)].into_iter().chain(probabilities).collect()
            }
            PredictedForm::Logit => {
                vec![self.class(usize::from(values[0] > 0.0)), self.rounded(1.0 / (1.0 + (-values[0]).exp()))]
            }
        }
    }

    /// A number in the units of its column, or its word.
    fn number(&self, k: usize, value: f64) -> String {
        match (&self.scales, self.dtype) {
            (Some(scales), _) => self.rounded(scales.undo(k, value)),
            (None, DType::Bool) => (value != 0.0).to_string(),
            (None, DType::I32 | DType::I64) => {
                match self.words.get(value as usize).filter(|_| value >= 0.0) {
                    Some(word) => word.clone(),
                    None => format!("{value:.0}"),
                }
            }
            (None, _) => self.rounded(value),
        }
    }

    /// As many digits as the type of the prediction has.
    fn rounded(&self, value: f64) -> String {
        match self.dtype {
            DType::F32 => print::single(value as f32),
            _ => print::number(value),
        }
    }
}

/// The probabilities of classes with these logits.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// A name for each element of a row: `y`, `y.0`, `y.1.2`. A size of 1 tells nothing apart.
fn places(name: &str, sizes: &[usize]) -> Vec<String> {
    let start = vec![name.to_owned()];
    sizes.iter().filter(|size| **size != 1).fold(start, |names, size| {
        names.iter().flat_map(|name| (0..*size).map(move |k| format!("{name}.{k}"))).collect()
    })
}
