//! Statements: what happens, in order.

use std::rc::Rc;

use super::act::Act;
use super::data::Split;
use super::expr::{Expr, Local};
use super::ids::{DataId, LocalId, StatementId};
use super::optimizer::Optimizer;
use super::stop::{Measured, Stop};
use crate::algebra::types::SizeVar;
use crate::source::Span;

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What.
    pub kind: StatementKind,
    /// Names bound by [`ExprKind::Let`](super::ExprKind::Let) inside its expressions (`train` and `eval` have their own).
    pub locals: Vec<Local>,
    /// Where it is written.
    pub span: Span,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `let name = expr`, `let (a, b) = expr`
    Let {
        /// The names, one for each value.
        names: Vec<String>,
        /// The value or values.
        value: Expr,
    },
    /// `let name = train ...`
    Train(Train),
    /// A pipeline for parameters that another program brings: the only statement of its program.
    Optimizer(Optimizer),
    /// `let name = eval ...`
    Eval(Eval),
    /// `predict fit on d.test to "path"`
    Predict(Predict),
    /// `print "..."`, `plot ... to "path"`
    Act(Rc<dyn Act>),
}

impl StatementKind {
    /// The names that it binds, one for each of its values.
    pub fn names(&self) -> &[String] {
        match self {
            StatementKind::Let { names, .. } => names,
            StatementKind::Train(train) => std::slice::from_ref(&train.optimizer.name),
            StatementKind::Eval(eval) => std::slice::from_ref(&eval.name),
            StatementKind::Optimizer(_) | StatementKind::Predict(_) | StatementKind::Act(_) => &[],
        }
    }
}

/// A text that a fit continues: each next character is drawn with the probabilities that the fit gives
/// after those before it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The fit.
    pub fit: StatementId,
    /// The data that it was trained on, which says what numbers stand for.
    pub data: DataId,
    /// The name for the last characters, `i32[1, T]`: as many as a window has.
    pub window: LocalId,
    /// `real[1, T, V]`: logits of the character after each.
    pub logits: Expr,
    /// Characters to begin with, as numbers.
    pub prompt: Vec<i32>,
    /// How many characters to add.
    pub count: usize,
    /// What logits are divided by; 0: the likeliest character each time.
    pub temperature: f64,
}

/// What a plot or a table shows of a fit or of a sweep.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Whose.
    pub of: StatementId,
    /// Which: `loss`, `opt.eg_gain.p`.
    pub key: String,
    /// Of a state of the optimizer: that of this parameter alone, by its path.
    pub param: Option<String>,
    /// The variable of a sweep whose values it is drawn over; `None`: training steps.
    pub by: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// A variable that a training run is repeated over.
#[derive(Clone, PartialEq, Debug)]
pub struct Swept {
    /// Its name.
    pub name: String,
    /// Its values in order.
    pub values: Vec<f64>,
}

impl Swept {
    /// The name of its cell: no hyperparameter has one like it.
    pub fn cell(&self) -> String {
        swept_cell(&self.name)
    }
}

/// The name of the cell of a variable of a sweep.
pub fn swept_cell(name: &str) -> String {
    format!("sweep.{name}")
}

/// A training run.
#[derive(Clone, Debug)]
pub struct Train {
    /// The optimizer, and what it trains. Its name is the one that the run is bound to, or `fit` with a
    /// number.
    pub optimizer: Optimizer,
    /// The data.
    pub data: DataId,
    /// Which rows.
    pub split: Split,
    /// The size variable for the number of rows of a batch.
    pub rows: SizeVar,
    /// Columns in scope: `Local(k)` is column `k` of the data, with `rows` as its first axis. Names
    /// bound inside the expressions come after them.
    pub locals: Vec<Local>,
    /// The loss, `real[]`.
    pub loss: Expr,
    /// Metrics with their names, `real[]`.
    pub metrics: Vec<(String, Expr)>,
    /// Rows of a batch.
    pub batch: usize,
    /// Batches of a step, which takes the mean of their losses and gradients.
    pub accumulate: usize,
    /// How long.
    pub length: Length,
    /// How many steps lie between two values of a metric and of the validation; `None`: an epoch.
    pub every: Option<usize>,
    /// Whether rows are shuffled anew in each epoch.
    pub shuffle: bool,
    /// Seeds initial values, shuffling and `random`.
    pub seed: u64,
    /// What it starts from, instead of initial values of its own.
    pub start: Option<(Start, Span)>,
    /// When it writes checkpoints, and where.
    pub checkpoints: Option<Checkpoints>,
    /// The series whose least value says which parameters the run leaves; `None`: the last ones.
    pub keep: Option<Measured>,
    /// What ends it before its last step.
    pub stop: Option<Stop>,
    /// The variables of the sweep that it is repeated in, the slowest first; empty if it runs once.
    pub sweep: Vec<Swept>,
    /// The variable among them that is the seed.
    pub swept_seed: Option<usize>,
    /// Rows to evaluate the loss and the metrics on after each epoch, or as `every` says.
    /// Columns of the validation data that the loss and the metrics use are those of `locals`.
    pub validate: Option<(DataId, Split)>,
}

/// Parameters and states of the model that a training run starts from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Start {
    /// Those of a fit, and how they become others; the path is empty.
    Fit(StatementId, Load),
    /// Those of a file.
    File(Load),
}

/// How tensors of a safetensors file become parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Load {
    /// The file, relative to the script's folder.
    pub path: String,
    /// Whether every parameter must be in the file, and every tensor of the file be wanted.
    pub strict: bool,
    /// Patterns over names in the file, with the paths that they stand for; the first that matches counts.
    pub rename: Vec<(String, String)>,
    /// Patterns over paths of matrices that lie transposed in the file.
    pub transpose: Vec<String>,
}

/// When a training run writes checkpoints, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoints {
    /// How many steps lie between two of them.
    pub every: usize,
    /// Their folder, relative to the working directory.
    pub folder: String,
    /// How many are kept, the newest ones.
    pub keep: usize,
    /// Whether the run goes on from the newest one, if there is any.
    pub resume: bool,
    /// Whether the run ends where one cannot be written, instead of saying so and going on.
    pub strict: bool,
}

/// How long a training run goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// As many passes over the data.
    Epochs(usize),
    /// As many steps.
    Steps(usize),
}

impl Length {
    /// Its steps, where a pass over the data has so many.
    pub fn steps(self, per_epoch: usize) -> usize {
        match self {
            Length::Epochs(epochs) => epochs * per_epoch,
            Length::Steps(steps) => steps,
        }
    }
}

/// An evaluation of a fit.
#[derive(Clone, Debug)]
pub struct Eval {
    /// The name it is bound to, or `eval` with a number.
    pub name: String,
    /// The fit.
    pub fit: StatementId,
    /// The data.
    pub data: DataId,
    /// Which rows.
    pub split: Split,
    /// The size variable for the number of rows.
    pub rows: SizeVar,
    /// Columns in scope: `Local(k)` is column `k` of the data, with `rows` as its first axis. Names
    /// bound inside the expressions come after them.
    pub locals: Vec<Local>,
    /// What is evaluated, with names, `real[]`.
    pub metrics: Vec<(String, Expr)>,
}

/// Predictions of a fit, which are written to a file with a line for each row.
#[derive(Clone, Debug)]
pub struct Predict {
    /// The fit.
    pub fit: StatementId,
    /// The data.
    pub data: DataId,
    /// Which rows.
    pub split: Split,
    /// The size variable for the number of rows.
    pub rows: SizeVar,
    /// Names of columns, and those bound inside the expressions.
    pub locals: Vec<Local>,
    /// The names of columns that the expressions read, each with the column of the data that it stands for.
    pub reads: Vec<(LocalId, usize)>,
    /// What is predicted.
    pub columns: Vec<Predicted>,
    /// The file, relative to the working directory.
    pub path: String,
}

/// Something that is predicted for each row.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// What its column of the file is called.
    pub name: String,
    /// Its values; the first axis is the rows.
    pub value: Expr,
    /// What they are.
    pub form: PredictedForm,
    /// The column of the data trained on whose words, and units of numbers, they are in.
    pub target: Option<usize>,
}

/// What predicted values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PredictedForm {
    /// Numbers to be written as they are, or in the units of a column before it was standardized.
    Numbers,
    /// Logits of classes, of which a class and the probability of each are written.
    Logits,
    /// A logit of class 1 against class 0.
    Logit,
}
