//! Programs without a gradient: losses and metrics on rows, and expressions of statements.

use std::collections::BTreeMap;

use super::build::{Arena, Evaluator, Frame};
use super::{Graph, Layout, Output, Role, chunks};
use crate::algebra::types::{Dim, SizeVar};
use crate::typed::{
    Data, DataId, DataSource, Eval, Expr, Local, Predict, Program, Rows, Split, Statement, StatementKind,
    Train,
};

/// Rows of a data set whose columns are in scope.
pub(super) struct DataScope<'a> {
    /// The data set.
    pub data: DataId,
    /// Names; those of the columns come first.
    pub locals: &'a [Local],
    /// The size variable for the number of rows.
    pub var: &'a SizeVar,
    /// The number of rows.
    pub rows: usize,
}

/// A frame in which the columns have values.
pub(super) fn columns<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    columns: &DataScope<'a>,
) -> Frame<'a> {
    let sizes = BTreeMap::from([(columns.var.clone(), Dim::from(columns.rows))]);
    let count = program.data[columns.data.0].columns.len();
    let column = |(k, local): (usize, &Local)| {
        evaluator.builder.input(local.name.clone(), Role::Column(k), local.ty.substitute(&sizes))
    };
    let values = columns.locals.iter().take(count).enumerate().map(column).map(Some).collect();
    Frame { locals: values, names: columns.locals, sizes, owner: None }
}

/// Expressions as results with these names. Each starts over with its random numbers.
pub(super) fn evaluate<'a>(
    evaluator: &mut Evaluator<'a>,
    frame: &mut Frame<'a>,
    exprs: impl IntoIterator<Item = (&'a str, &'a Expr)>,
) -> Vec<Output> {
    let mut outputs = Vec::new();
    for (name, expr) in exprs {
        evaluator.label("");
        let value = evaluator.eval(expr, frame);
        evaluator.builder.name(value, name);
        outputs.push(Output::result(name, value));
    }
    outputs
}

/// How many rows a split has.
fn row_count(data: &Data, split: Split) -> usize {
    let Rows { all, train, test } = data.rows;
    match split {
        Split::All => all,
        Split::Train => train,
        Split::Test => test,
    }
}

fn metrics(metrics: &[(String, Expr)]) -> impl Iterator<Item = (&str, &Expr)> {
    metrics.iter().map(|(name, expr)| (name.as_str(), expr))
}

/// The forms of a run without gradient.
pub(super) struct Runs<'a> {
    /// The script.
    pub program: &'a Program,
    /// Layouts of its training runs.
    pub layouts: &'a BTreeMap<usize, Layout>,
}

impl<'a> Runs<'a> {
    /// `NAME.forward`: the loss on a batch.
    pub(super) fn forward(&self, index: usize, train: &'a Train) -> Graph {
        let mut evaluator = Evaluator::new(self.program, self.layouts);
        evaluator.training = true;
        self.on_rows(evaluator, (index, train), train.batch, "forward", [("loss", &train.loss)])
    }

    /// `NAME.validate`: the loss and the metrics on all validation rows, and how many those are.
    pub(super) fn validate(&self, index: usize, train: &'a Train) -> Option<(Graph, usize)> {
        let (data, split) = train.validate?;
        let rows = row_count(&self.program.data[data.0], split);
        let exprs = [("loss", &train.loss)].into_iter().chain(metrics(&train.metrics));
        let evaluator = Evaluator::new(self.program, self.layouts);
        Some((self.on_rows(evaluator, (index, train), rows, "validate", exprs), rows))
    }

    fn on_rows(
        &self,
        mut evaluator: Evaluator<'a>,
        (index, train): (usize, &'a Train),
        rows: usize,
        kind: &str,
        exprs: impl IntoIterator<Item = (&'a str, &'a Expr)>,
    ) -> Graph {
        evaluator.root = Some(Arena { run: index, role: Role::Params });
        let data = DataScope { data: train.data, locals: &train.locals, var: &train.rows, rows };
        let mut frame = columns(&mut evaluator, self.program, &data);
        let outputs = evaluate(&mut evaluator, &mut frame, exprs);
        evaluator.builder.finish(format!("{}.{kind}", train.optimizer.name), outputs)
    }

    /// `NAME.eval`: the metrics of an evaluation on all its rows, and how many those are.
    pub(super) fn eval(&self, eval: &'a Eval) -> (Graph, usize) {
        let mut evaluator = Evaluator::new(self.program, self.layouts);
        let rows = row_count(&self.program.data[eval.data.0], eval.split);
        let data = DataScope { data: eval.data, locals: &eval.locals, var: &eval.rows, rows };
        let mut frame = columns(&mut evaluator, self.program, &data);
        let outputs = evaluate(&mut evaluator, &mut frame, metrics(&eval.metrics));
        (evaluator.builder.finish(format!("{}.eval", eval.name), outputs), rows)
    }

    /// `predict.4`: what is predicted for as many rows as are taken at a time, and `predict.4.rest` for those after
    /// the last so many.
    pub(super) fn predict(&self, index: usize, predict: &'a Predict) -> (Graph, Option<Graph>) {
        let rows = row_count(&self.program.data[predict.data.0], predict.split);
        let all = self.predict_rows(format!("predict.{index}"), predict, rows);
        match chunks::rows_at_a_time(&all, rows) {
            most if most == rows => (all, None),
            most => {
                let some = self.predict_rows(format!("predict.{index}"), predict, most);
                let left = Some(rows % most).filter(|left| *left > 0);
                let rest = |left| self.predict_rows(format!("predict.{index}.rest"), predict, left);
                (some, left.map(rest))
            }
        }
    }

    fn predict_rows(&self, name: String, predict: &'a Predict, rows: usize) -> Graph {
        let mut evaluator = Evaluator::new(self.program, self.layouts);
        evaluator.root = Some(Arena { run: predict.fit.0, role: Role::FitParams(predict.fit.0) });
        let sizes = BTreeMap::from([(predict.rows.clone(), Dim::from(rows))]);
        let mut frame = Frame { names: &predict.locals, sizes, ..Frame::default() };
        for (local, column) in &predict.reads {
            let Local { name, ty } = &predict.locals[local.0];
            let ty = ty.substitute(&frame.sizes);
            let value = evaluator.builder.input(name.clone(), Role::Column(*column), ty);
            frame.bind(*local, value);
        }
        let columns = predict.columns.iter().map(|column| (column.name.as_str(), &column.value));
        let outputs = evaluate(&mut evaluator, &mut frame, columns);
        evaluator.builder.finish(name, outputs)
    }

    /// `data.NAME`: all rows of each column of computed data.
    pub(super) fn data(&self, data: &'a Data) -> Option<Graph> {
        let DataSource::Synthetic { locals, columns, .. } = &data.source else { return None };
        let name = format!("data.{}", data.name);
        let mut evaluator = Evaluator::new(self.program, self.layouts);
        let mut frame = Frame { names: locals, ..Frame::default() };
        let mut outputs = Vec::new();
        evaluator.label(&name);
        for (column, (local, expr)) in data.columns.iter().zip(columns) {
            let value = evaluator.eval(expr, &mut frame);
            evaluator.builder.name(value, &column.name);
            frame.bind(*local, value);
            outputs.push(Output::result(&column.name, value));
        }
        Some(evaluator.builder.finish(name, outputs))
    }

    /// `let.NAME`, `print.3`, `assert.4`: the values that a statement needs, if it needs any.
    pub(super) fn statement(&self, index: usize, statement: &'a Statement) -> Option<Graph> {
        let (program, exprs) = expressions(index, &statement.kind)?;
        let mut evaluator = Evaluator::new(self.program, self.layouts);
        let mut frame = Frame { names: &statement.locals, ..Frame::default() };
        windows(&mut evaluator, &mut frame, &statement.kind);
        // Every statement draws random numbers of its own, however often it calls one function.
        evaluator.label(&program);
        let mut values = Vec::new();
        for expr in exprs {
            values.extend(evaluator.values(expr, &mut frame));
        }
        let several = values.len() > 1;
        let name = |k: usize| if several { format!("value.{k}") } else { "value".to_owned() };
        let output = |(k, value)| Output::result(name(k), value);
        let outputs = values.into_iter().enumerate().map(output).collect();
        Some(evaluator.builder.finish(program, outputs))
    }
}

/// Gives values to the windows of texts that are sampled: columns, in the order of the samples.
fn windows(evaluator: &mut Evaluator, frame: &mut Frame, kind: &StatementKind) {
    let StatementKind::Act(act) = kind else { return };
    for (k, local) in act.windows().into_iter().enumerate() {
        let ty = frame.names[local.0].ty.clone();
        let value = evaluator.builder.input("window", Role::Column(k), ty);
        frame.bind(local, value);
    }
}

/// The name of the program of a `let`. Discarded values have no name of their own.
fn let_program(name: &str, index: usize) -> String {
    if name == "_" { format!("let.{index}") } else { format!("let.{name}") }
}

/// The name of a statement's program and the expressions in it; nothing if there are none.
fn expressions(index: usize, kind: &StatementKind) -> Option<(String, Vec<&Expr>)> {
    match kind {
        StatementKind::Let { names, value } => Some((let_program(&names[0], index), vec![value])),
        StatementKind::Act(act) => {
            let values = act.values();
            (!values.is_empty()).then(|| (format!("{}.{index}", act.word()), values))
        }
        StatementKind::Train(_)
        | StatementKind::Optimizer(_)
        | StatementKind::Eval(_)
        | StatementKind::Predict(_) => None,
    }
}
