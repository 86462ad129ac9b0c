//! Expressions.

use super::extent::Extent;
use super::ids::{FunctionId, GlobalId, LocalId, StatementId};
use super::series::Series;
use crate::algebra::form::Reducer;
use crate::algebra::op::Op;
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::source::Span;

/// A name in a scope.
#[derive(Clone, Debug)]
pub struct Local {
    /// As written.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A typed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Type,
    /// Where it is written.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number (or boolean, as 0 and 1), the same at every position of its type's shape.
    Const(f64),
    /// An argument, a `let`, a column, a state or a hyperparameter.
    Local(LocalId),
    /// The value of a top-level `let`.
    Global(GlobalId),
    /// Parameter `member` of the enclosing model.
    Param(usize),
    /// State `member` of the enclosing model: as it was before the step, or as it was assigned since.
    State(usize),
    /// A parameter or a state of the model of a run: `fit.hidden.w`.
    Part(Part),
    /// A state of the optimizer of a fit, `adam.m`: of one parameter by its path, or whole.
    FitState {
        /// The fit.
        fit: StatementId,
        /// Stage and state.
        state: String,
        /// The parameter.
        param: Option<String>,
    },
    /// `body`, for which state `member` of the enclosing model has been assigned in a training step.
    /// Elsewhere nothing is assigned. No derivative is taken through the state.
    Assign {
        /// The state.
        member: usize,
        /// Its new value, of its type.
        value: Box<Expr>,
        /// What comes after.
        body: Box<Expr>,
    },
    /// An operator. All broadcasting and casting is explicit.
    Op(Op, Vec<Expr>),
    /// A call with a polynomial for each of the callee's size variables.
    Call {
        /// Who is called.
        function: FunctionId,
        /// The callee's sizes, one for each of [`Function::sizes`](super::Function::sizes).
        sizes: Vec<Dim>,
        /// The arguments.
        args: Vec<Expr>,
        /// Whose parameters the callee uses.
        instance: Instance,
    },
    /// `value` under a name inside `body`.
    Let {
        /// The name.
        local: LocalId,
        /// Its value.
        value: Box<Expr>,
        /// Where it is known.
        body: Box<Expr>,
    },
    /// Several values. It stands where they are destructured or passed on: as the value of an
    /// [`ExprKind::Unpack`], as the body of a function or of a loop. An expression of several values has
    /// the type of the first.
    Tuple(Vec<Expr>),
    /// Several values under names inside `body`.
    Unpack {
        /// The names, one for each value.
        locals: Vec<LocalId>,
        /// The values.
        value: Box<Expr>,
        /// Where they are known.
        body: Box<Expr>,
    },
    /// A block that is repeated over carried values.
    Loop(Box<Loop>),
    /// A derivative, of one or several values.
    Derive(Box<Derive>),
    /// In stages: the loss of this step, `f64[]`, where the parameters of the group are others.
    StageLoss(Box<Expr>),
    /// In stages: a number (f64) over all coordinates of an extent.
    StageReduce {
        /// How.
        combine: Reducer,
        /// Over what.
        extent: Extent,
        /// Its operand, one number per coordinate.
        value: Box<Expr>,
    },
    /// In stages: a number per extent, repeated for each of its coordinates, in the operand's type.
    StageBroadcast {
        /// The extent of the operand.
        extent: Extent,
        /// The extent of the result.
        to: Extent,
        /// The operand.
        value: Box<Expr>,
    },
    /// The last value of a recorded series: `fit.accuracy` where a number is meant.
    Recorded(Series),
    /// In stages: the derivative is not taken through it. Elsewhere as well.
    StopGradient(Box<Expr>),
    /// Integers that must be from 0 to below a size, or the script is stopped.
    Position {
        /// The integers, `i32`.
        value: Box<Expr>,
        /// The size.
        below: Dim,
        /// What they are.
        what: Numbered,
    },
    /// The number that a size is, the same at every position of its type's shape: a constant as soon
    /// as sizes are known. A mean is a sum divided by one.
    Size(Dim),
    /// The key of random numbers, `i32[2]`; the argument of every `Fill::Random`. `site` of such a fill
    /// numbers its occurrence in this program only. Inlining must keep apart what one occurrence
    /// becomes in several places, so the site in a graph is a stable hash of the path (of the
    /// parameter that is initialised, or of the layer), of this number unless a parameter is
    /// initialised, and of how often the occurrence has been inlined under that path before.
    Key,
    /// `training`, `bool[]`: whether a training step is computed. A constant of each graph.
    Training,
    /// In the loss and the metrics of a training run: a number of the run, `f64[]`.
    Counter(Counter),
    /// In the loss and the metrics of a training run: variable `k` of its sweep, `f64[]`.
    Swept(usize),
}

/// What integers count that must be below a size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Numbered {
    /// Positions of an axis.
    Positions,
    /// Classes.
    Classes,
}

impl Numbered {
    /// One of them, in messages.
    pub fn name(self) -> &'static str {
        match self {
            Numbered::Positions => "position",
            Numbered::Classes => "class",
        }
    }
}

/// A number that a training run has while it goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counter {
    /// `t`: the step, from 1; in validation the one that is done.
    Step,
    /// `T`: the number of steps.
    Total,
}

impl Counter {
    /// Both with their names.
    pub const ALL: [(Counter, &'static str); 2] = [(Counter::Step, "t"), (Counter::Total, "T")];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Counter::Step => "t",
            Counter::Total => "T",
        }
    }
}

/// A block that is repeated: its values are the carried ones after the last iteration, then each collected
/// one along an axis.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The number of the iteration: a size inside of the body.
    pub iteration: SizeVar,
    /// The first iteration.
    pub from: Dim,
    /// One past the last iteration.
    pub to: Dim,
    /// What is carried from iteration to iteration: its name, and its value before the first one.
    pub carried: Vec<(LocalId, Expr)>,
    /// The next carried values, then those that are collected.
    pub body: Expr,
    /// Along which axis values are collected.
    pub axis: usize,
    /// Types of what is collected, with that axis.
    pub collected: Vec<Type>,
}

impl Loop {
    /// The types of its values.
    pub fn types(&self) -> Vec<Type> {
        self.carried.iter().map(|(_, start)| start.ty.clone()).chain(self.collected.iter().cloned()).collect()
    }
}

/// A derivative of an expression by names that only it knows.
#[derive(Clone, Debug)]
pub struct Derive {
    /// Which.
    pub kind: DeriveKind,
    /// The names by which `body` is differentiated, and their values.
    pub wrt: Vec<(LocalId, Expr)>,
    /// What is differentiated.
    pub body: Expr,
    /// The gradient by the body's value (`vjp`); a direction for each of `wrt` (`jvp`, `hvp`).
    pub seeds: Vec<Expr>,
}

/// What is asked of a derivative. `x` stands for each of the values differentiated by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeriveKind {
    /// The gradient of a number, of the type of `x`.
    Grad,
    /// The number, and its gradient.
    ValueAndGrad,
    /// The gradient by `x` of the dot product of the value with a tensor of its type.
    Vjp,
    /// How fast the value changes where `x` moves in a direction: of the type of the value.
    Jvp,
    /// The same for the gradient of a number: its matrix of second derivatives times the direction.
    Hvp,
    /// The value. What its derivative needs is computed again instead of kept.
    Checkpoint,
}

impl DeriveKind {
    /// All of them, with the functions of the language that ask for them.
    pub const ALL: [(&str, DeriveKind); 6] = [
        ("grad", DeriveKind::Grad),
        ("value_and_grad", DeriveKind::ValueAndGrad),
        ("vjp", DeriveKind::Vjp),
        ("jvp", DeriveKind::Jvp),
        ("hvp", DeriveKind::Hvp),
        ("checkpoint", DeriveKind::Checkpoint),
    ];

    /// Its function in the language.
    pub fn name(self) -> &'static str {
        DeriveKind::ALL[self as usize].0
    }
}

impl Derive {
    /// The types of its results.
    pub fn results(&self) -> Vec<Type> {
        let by = || self.wrt.iter().map(|(_, value)| value.ty.clone());
        match self.kind {
            DeriveKind::Grad | DeriveKind::Vjp | DeriveKind::Hvp => by().collect(),
            DeriveKind::ValueAndGrad => std::iter::once(self.body.ty.clone()).chain(by()).collect(),
            DeriveKind::Jvp | DeriveKind::Checkpoint => vec![self.body.ty.clone()],
        }
    }
}

/// Whose parameters a call uses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Instance {
    /// A `fn`: it has none.
    None,
    /// The layer that is member `k` of the enclosing model.
    Layer(usize),
    /// One of repeated layers.
    LayerAt {
        /// The first of them is this member of the enclosing model.
        first: usize,
        /// How many there are.
        count: usize,
        /// Which one, from 0.
        position: Dim,
    },
    /// A training run's, or those of a layer of its model: `fit(x)`, `fit.decoder(z)`.
    Part(Part),
}

/// The model of a training run, or what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Part {
    /// The training run.
    pub run: StatementId,
    /// Whether the run is over. Until then its loss and its metrics alone know it.
    pub finished: bool,
    /// The path in the model: `blocks[2].attn`; empty for the model itself.
    pub path: String,
}

impl Part {
    /// The model that the loss of a run calls.
    pub fn training(run: StatementId) -> Part {
        Part { run, finished: false, path: String::new() }
    }

    /// The model of a fit.
    pub fn fit(run: StatementId) -> Part {
        Part { run, finished: true, path: String::new() }
    }

    /// What it has of this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Part {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        Part { path, ..self.clone() }
    }
}
