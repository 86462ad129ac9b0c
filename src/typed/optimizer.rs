//! Optimizers: stages with their hyperparameters, and which parameters they train.

use super::expr::Expr;
use super::ids::{FunctionId, LocalId, StageId};
use crate::algebra::types::Dim;
use crate::source::Span;

/// A pipeline of stages with the model whose parameters it trains.
#[derive(Clone, Debug)]
pub struct Optimizer {
    /// What the names of its programs begin with: the name of its training run.
    pub name: String,
    /// The model.
    pub model: FunctionId,
    /// The model's sizes, one for each of [`Function::sizes`](super::Function::sizes); in a training run
    /// over the number of rows of a batch.
    pub sizes: Vec<Dim>,
    /// Its stages in order.
    pub uses: Vec<StageUse>,
    /// The numbers that its hyperparameters are made of.
    pub cells: Vec<Cell>,
    /// Which stages act on which parameters; empty if all stages act on all parameters.
    pub groups: Vec<Group>,
    /// Where the training run, or the pipeline alone, is written.
    pub span: Span,
}

/// A stage in a pipeline.
#[derive(Clone, Debug)]
pub struct StageUse {
    /// The stage.
    pub stage: StageId,
    /// Its name in this pipeline, unique: `adam`, `adam_2`.
    pub name: String,
    /// A value for each of [`Stage::hypers`](super::Stage::hypers), `f64[]`: an expression in which `Local(0)` is `t`,
    /// `Local(1)` is `T`, and others are the optimizer's [`Cell`]s.
    pub hypers: Vec<Expr>,
    /// Where it is written.
    pub span: Span,
}

/// Parameters with an optimizer of their own.
#[derive(Clone, Debug)]
pub struct Group {
    /// The pattern over parameter paths: `**.b`. `None`: `else`.
    pub pattern: Option<String>,
    /// Where the pattern is written.
    pub span: Span,
    /// How many stages of [`Optimizer::uses`] are its own, after those of the groups before it.
    pub stages: usize,
    /// The paths of its parameters, in the order of their declarations. There is at least one.
    pub params: Vec<String>,
}

impl Group {
    /// Its pattern as written.
    pub fn text(&self) -> String {
        self.pattern.as_ref().map_or("else".to_string(), |pattern| format!("\"{pattern}\""))
    }
}

/// A named number of an optimizer: a run-time cell if it is the same in every step.
#[derive(Clone, Debug)]
pub struct Cell {
    /// `opt.adam.lr`, `opt.adam.lr.peak`, `opt.egdd.mu`.
    pub name: String,
    /// What it is called in hyperparameters and in later cells.
    pub local: LocalId,
    /// Its value, `f64[]`: over `t`, `T` and earlier cells.
    pub value: Expr,
    /// Where it must lie.
    pub range: Option<Range>,
    /// The variable of the sweep that it is, if it is one.
    pub swept: Option<usize>,
}

/// Numbers from `low` up to and without `high`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// What all are below; perhaps infinite.
    pub high: f64,
}

impl Range {
    /// Whether a number lies in it.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value < self.high
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bound = |bound: f64| if bound.is_finite() { crate::print::number(bound) } else { String::new() };
        write!(f, "{}..{}", bound(self.low), bound(self.high))
    }
}
