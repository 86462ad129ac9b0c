//! Optimizer stages.

use super::expr::{Expr, Local};
use super::extent::Extent;
use super::ids::LocalId;
use crate::algebra::types::SizeVar;
use crate::source::Span;

/// A stage with its words resolved.
///
/// In its expressions a number per coordinate has type `real[coordinates]`, a number per row, column or
/// tensor `f64[rows]`, `f64[columns]` or `f64[tensors]`, a number per model `f64[]`, and a vector of six
/// `f64[6]`, where `coordinates`, `rows`, `columns` and `tensors` are the stage's own size variables.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name: `eg_scale`.
    pub name: String,
    /// Its words as chosen, for printing: `over = model`.
    pub words: Vec<(String, String)>,
    /// The size variable for the number of coordinates.
    pub coordinates: SizeVar,
    /// The size variable for the number of rows of all parameters.
    pub rows: SizeVar,
    /// The size variable for the number of columns of all parameters.
    pub columns: SizeVar,
    /// The size variable for the number of parameter tensors.
    pub tensors: SizeVar,
    /// Names: the fixed ones of [`StageScope`] first, then hyperparameters, states, `let`s.
    pub locals: Vec<Local>,
    /// Its numeric hyperparameters in order.
    pub hypers: Vec<LocalId>,
    /// Its states in order.
    pub states: Vec<State>,
    /// Assignments and `let`s in order. Evaluation is sequential: a state's local is its value before
    /// the step until the line that assigns it, and the new value after that line. A state without a
    /// line stays as it is.
    pub lines: Vec<(LocalId, Expr)>,
    /// In a `wrap stage`: how it runs the pipeline before it.
    pub inner: Option<Inner>,
    /// `eval w = ...`: the parameters to evaluate with. It is computed after a step, when it is needed:
    /// over the states and `w` as the step leaves them, `w0`, hyperparameters, `t` and `T`; not over
    /// gradients, updates and `let`s, which belong to the step.
    pub eval: Option<Expr>,
    /// The outgoing update; in a `wrap stage` the next parameters.
    pub result: Expr,
    /// Where it is declared.
    pub span: Span,
}

/// How a `wrap stage` runs the pipeline before it, which it sees as a function from parameters to an
/// update: `inner(z)` is what that pipeline gives where its `w` is `z`. The gradient is the one of the
/// step. It runs once in each step, and what it gives is the value of [`StageScope::Update`], which has
/// no name of its own in a `wrap stage`.
#[derive(Clone, Debug)]
pub struct Inner {
    /// It runs before this line of [`Stage::lines`], or before the result.
    pub line: usize,
    /// The parameters that it is given; names of lines before that one only.
    pub point: Expr,
}

/// The names every stage has, in the order of its first locals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StageScope {
    /// `g`: the raw gradient.
    Gradient,
    /// `u`: the incoming update; in a `wrap stage` what [`Inner`] gave, without a name.
    Update,
    /// `w`: the parameters.
    Weights,
    /// `w0`: the parameters before the first step.
    Initial,
    /// `t`: the step, from 1.
    Step,
    /// `T`: the number of steps.
    Total,
    /// `loss`: the loss of this step.
    Loss,
    /// `trained`: whether a parameter gets a gradient, by how the model is written.
    Trained,
}

impl StageScope {
    /// All of them with their names, in order.
    pub const ALL: [(StageScope, &'static str); 8] = [
        (StageScope::Gradient, "g"),
        (StageScope::Update, "u"),
        (StageScope::Weights, "w"),
        (StageScope::Initial, "w0"),
        (StageScope::Step, "t"),
        (StageScope::Total, "T"),
        (StageScope::Loss, "loss"),
        (StageScope::Trained, "trained"),
    ];
}

/// A state of a stage.
#[derive(Clone, Debug)]
pub struct State {
    /// Its name.
    pub name: String,
    /// Its local.
    pub local: LocalId,
    /// How many numbers it is.
    pub extent: Extent,
    /// Its value before the first step; over hyperparameters and `w0`.
    pub init: Expr,
}
