//! The typed program: what `check` gives to `graph`.
//!
//! Function bodies are generic in their sizes: types hold polynomials over [`SizeVar`]s, and a call
//! gives each variable of the callee a polynomial over the caller's. Everything else that is static
//! (function arguments, words, the number of leading `..` axes) is resolved: one source function may
//! give several [`Function`]s.

use std::collections::BTreeMap;

use crate::algebra::form::Combine;
use crate::algebra::op::Op;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::source::Span;

/// A whole checked script.
#[derive(Clone, Debug)]
pub struct Program {
    /// What `real` means.
    pub real: DType,
    /// Data sets.
    pub data: Vec<Data>,
    /// Functions and models in use.
    pub functions: Vec<Function>,
    /// Stages in use.
    pub stages: Vec<Stage>,
    /// Statements in order.
    pub statements: Vec<Statement>,
    /// The most operations that one program of it may have before it is simplified.
    pub limit: usize,
}

/// The limit where none is given: what compiles in half a minute.
pub const LIMIT: usize = 200_000;

/// Index into [`Program::data`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DataId(pub usize);

/// Index into [`Program::functions`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FunctionId(pub usize);

/// Index into [`Program::stages`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StageId(pub usize);

/// Index into [`Program::statements`] of the `let` that binds the name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GlobalId(pub usize);

/// A name inside one function, stage or run: index into its `locals`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalId(pub usize);

/// Where a data set comes from and what its columns are. The file's schema has been read; its rows
/// are read again, and checked, when the program runs.
#[derive(Clone, Debug)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// How to read it.
    pub source: DataSource,
    /// Share of the rows that is the test split, taken by a seeded shuffle; `None`: no split.
    pub test: Option<f64>,
    /// Columns in scope, `x` and `y` first.
    pub columns: Vec<Column>,
    /// Columns that are standardized with the training split's mean and standard deviation.
    pub standardize: Vec<String>,
    /// Of a text, the characters that its numbers stand for.
    pub characters: Vec<char>,
    /// Number of rows of the whole set, of the training split and of the test split.
    pub rows: Rows,
    /// Where it is declared.
    pub span: Span,
}

/// Row counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rows {
    /// All rows.
    pub all: usize,
    /// Rows of the training split (all, without a split).
    pub train: usize,
    /// Rows of the test split.
    pub test: usize,
}

/// How to read a data set.
#[derive(Clone, Debug)]
pub enum DataSource {
    /// A comma-separated file with a header.
    Csv(Table),
    /// Images and labels in idx form, gzipped or not.
    Idx {
        /// The file that is `x`.
        x: String,
        /// The file that is `y`.
        y: Option<String>,
        /// The test split's files, if it has its own.
        test_x: Option<String>,
        /// As above.
        test_y: Option<String>,
    },
    /// Computed: program `data.NAME` makes all rows of all columns.
    Synthetic {
        /// Seeds `random`.
        seed: u64,
        /// The columns, and names bound inside their expressions.
        locals: Vec<Local>,
        /// Each column with all of its rows, and its name for those after it.
        columns: Vec<(LocalId, Expr)>,
    },
    /// NumPy arrays, whose first axis is the rows.
    Arrays {
        /// The `.npz` file; `None`: each column is a `.npy` file.
        archive: Option<String>,
        /// Columns with their names in the archive, or with their files. None: all of the archive.
        columns: Vec<(String, String)>,
    },
    /// Windows of a text as numbers of characters: `x`, and `y` one character later.
    Text {
        /// Path, relative to the script's folder.
        path: String,
        /// Characters of a window.
        context: usize,
        /// The share of the characters, from the end, that is the test split.
        test: Option<f64>,
    },
}

/// How to read a comma-separated file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Path, relative to the script's folder.
    pub path: String,
    /// The column that is `y`; all others are `x`.
    pub target: Option<String>,
    /// Each row is as many consecutive rows of the file, and the `y` of the row after them.
    pub windows: Option<usize>,
    /// Columns whose cells are words, whatever they look like.
    pub words: Vec<String>,
}

/// A column of a data set.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in scripts.
    pub name: String,
    /// Its type without the row axis.
    pub ty: Type,
}

/// Which rows of a data set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// All.
    All,
    /// The training split.
    Train,
    /// The test split.
    Test,
}

/// A function or a model, checked with symbolic sizes.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, with resolved static arguments: `twice[tanh]`.
    pub name: String,
    /// Size variables, in the order in which a call gives them.
    pub sizes: Vec<SizeVar>,
    /// How many of `locals` are its arguments (they come first).
    pub n_args: usize,
    /// Its arguments, then its `let`s.
    pub locals: Vec<Local>,
    /// What it owns; empty for a `fn`.
    pub members: Vec<Member>,
    /// Its value.
    pub body: Expr,
    /// Types of its results after the first.
    pub more: Vec<Type>,
    /// Its derivative, if it says it itself.
    pub rule: Option<Rule>,
    /// Where it is declared.
    pub span: Span,
}

/// The derivative of a function, as the function says it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The function's value.
    pub result: LocalId,
    /// The gradient by that value.
    pub seed: LocalId,
    /// The gradient by each argument, of its type; `None` for integers.
    pub gradients: Vec<Option<Expr>>,
}

/// A name in a scope.
#[derive(Clone, Debug)]
pub struct Local {
    /// As written.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A `param`, a `state` or a `layer` of a model.
#[derive(Clone, Debug)]
pub enum Member {
    /// A trained tensor.
    Param {
        /// Its name in the model.
        name: String,
        /// Its type.
        ty: Type,
        /// Its value before training; refers to sizes, not to arguments.
        init: Expr,
        /// Where it is declared.
        span: Span,
    },
    /// A tensor that training steps assign, and no optimizer changes.
    State {
        /// Its name in the model.
        name: String,
        /// Its type.
        ty: Type,
        /// Its value before training; refers to sizes, not to arguments.
        init: Expr,
    },
    /// An instance of another model.
    Layer {
        /// Its name in the model.
        name: String,
        /// The model. Calls of the layer may name another instance of the same model, checked for
        /// another number of leading `..` axes; its members are the same ones in the same order.
        function: FunctionId,
        /// A size for each variable of `function` that is fixed where the layer is declared or that
        /// its parameters' shapes need, over the enclosing model's variables.
        sizes: BTreeMap<SizeVar, Dim>,
    },
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
        /// The callee's sizes, one for each of [`Function::sizes`].
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
    /// Several values. It stands where they are taken apart or handed on: as the value of an
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
        combine: Combine,
        /// Over what.
        extent: Extent,
        /// Its operand, one number per coordinate.
        value: Box<Expr>,
    },
    /// In stages: a number per extent, repeated for each of its coordinates, in the operand's type.
    StageSpread {
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

/// A block that is repeated: its values are the carried ones after the last turn, then each collected
/// one along an axis.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The number of the turn: a size inside of the body.
    pub turn: SizeVar,
    /// The first turn.
    pub from: Dim,
    /// One past the last turn.
    pub to: Dim,
    /// What is carried from turn to turn: its name, and its value before the first one.
    pub carried: Vec<(LocalId, Expr)>,
    /// The next carried values, then those that are collected.
    pub body: Expr,
    /// Along which axis values are collected.
    pub axis: usize,
    /// Types of what is collected, with that axis.
    pub collected: Vec<Type>,
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
    /// The model that the enclosing `train` or `eval` is about.
    Root,
    /// A finished fit's: `fit(x)`.
    Fit(GlobalId),
}

/// What a scalar of a stage ranges over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Extent {
    /// One number per coordinate.
    Coordinate,
    /// One per row: a row of a parameter is all coordinates that differ in its last index only. A
    /// vector is one row; a number is one row of one column.
    Row,
    /// One per column: all coordinates of a parameter with the same last index.
    Column,
    /// One per parameter tensor.
    Tensor,
    /// One per parameter group: an arm of an optimizer with groups, otherwise the whole model.
    Group,
    /// As many as written, the same ones for the whole model.
    Vector(usize),
    /// One for the whole model; in a group of parameters, for the group.
    Model,
}

impl Extent {
    /// Whether a number of this extent can be repeated for each of `to`.
    pub fn spreads_to(self, to: Extent) -> bool {
        use Extent::{Column, Coordinate, Group, Model, Row, Tensor, Vector};
        self == to
            || match self {
                Model => true,
                Vector(_) | Coordinate => false,
                Row | Column => to == Coordinate,
                Tensor => matches!(to, Coordinate | Row | Column),
                Group => matches!(to, Coordinate | Row | Column | Tensor),
            }
    }

    /// What two numbers of these extents together have one for; `None`: they do not meet.
    pub fn join(self, other: Extent) -> Option<Extent> {
        [self, other, Extent::Coordinate].into_iter().find(|to| self.spreads_to(*to) && other.spreads_to(*to))
    }

    /// Whether a training run records states of this extent: not where there are many of them.
    pub fn is_recorded(self) -> bool {
        !matches!(self, Extent::Coordinate | Extent::Row | Extent::Column)
    }

    /// Its name in printed programs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Extent::Coordinate => "coordinate",
            Extent::Row => "row",
            Extent::Column => "col",
            Extent::Tensor => "tensor",
            Extent::Group => "group",
            Extent::Vector(_) => "vector element",
            Extent::Model => "model",
        }
    }
}

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

impl Program {
    /// The types of the values of an expression: of several if it has several.
    pub fn types(&self, expr: &Expr) -> Vec<Type> {
        match &expr.kind {
            ExprKind::Tuple(items) => items.iter().map(|item| item.ty.clone()).collect(),
            ExprKind::Let { body, .. } | ExprKind::Unpack { body, .. } => self.types(body),
            ExprKind::Loop(parts) => parts.types(),
            ExprKind::Call { function, sizes, .. } => {
                let function = &self.functions[function.0];
                let sizes = function.sizes.iter().cloned().zip(sizes.iter().cloned()).collect();
                let more = function.more.iter().map(|ty| ty.substitute(&sizes));
                std::iter::once(expr.ty.clone()).chain(more).collect()
            }
            _ => vec![expr.ty.clone()],
        }
    }
}

impl Loop {
    /// The types of its values.
    pub fn types(&self) -> Vec<Type> {
        self.carried.iter().map(|(_, start)| start.ty.clone()).chain(self.collected.iter().cloned()).collect()
    }
}

impl Expr {
    /// The expressions in it, in the order in which they are evaluated. Walks that treat most kinds
    /// alike go through here.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Op(_, args) | ExprKind::Call { args, .. } | ExprKind::Tuple(args) => {
                args.iter().collect()
            }
            ExprKind::Let { value, body, .. }
            | ExprKind::Unpack { value, body, .. }
            | ExprKind::Assign { value, body, .. } => vec![value, body],
            ExprKind::Derive(derive) => {
                let wrt = derive.wrt.iter().map(|(_, value)| value);
                wrt.chain(&derive.seeds).chain([&derive.body]).collect()
            }
            ExprKind::Loop(parts) => {
                parts.carried.iter().map(|(_, start)| start).chain([&parts.body]).collect()
            }
            ExprKind::StageReduce { value, .. }
            | ExprKind::StageSpread { value, .. }
            | ExprKind::StageLoss(value)
            | ExprKind::StopGradient(value)
            | ExprKind::Position { value, .. } => vec![value],
            ExprKind::Const(_)
            | ExprKind::Local(_)
            | ExprKind::Global(_)
            | ExprKind::Param(_)
            | ExprKind::State(_)
            | ExprKind::Recorded(_)
            | ExprKind::Size(_)
            | ExprKind::Key
            | ExprKind::Training
            | ExprKind::Counter(_)
            | ExprKind::Swept(_) => Vec::new(),
        }
    }

    /// Where it asks for the loss of the step at other parameters, if it does.
    pub fn asks_for_loss(&self) -> Option<Span> {
        match self.kind {
            ExprKind::StageLoss(_) => Some(self.span),
            _ => self.children().into_iter().find_map(Expr::asks_for_loss),
        }
    }

    /// Adds the locals that it mentions.
    pub fn locals(&self, found: &mut Vec<LocalId>) {
        if let ExprKind::Local(local) = &self.kind {
            found.push(*local);
        }
        self.children().into_iter().for_each(|child| child.locals(found));
    }
}

impl Stage {
    /// Where it asks for the loss of the step at other parameters, if it does.
    pub fn asks_for_loss(&self) -> Option<Span> {
        let lines = self.lines.iter().map(|(_, line)| line);
        let inner = self.inner.iter().map(|inner| &inner.point);
        lines.chain(inner).chain([&self.result]).find_map(Expr::asks_for_loss)
    }
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

/// A stage in a pipeline.
#[derive(Clone, Debug)]
pub struct StageUse {
    /// The stage.
    pub stage: StageId,
    /// Its name in this pipeline, unique: `adam`, `adam_2`.
    pub name: String,
    /// A value for each of [`Stage::hypers`], `f64[]`: an expression in which `Local(0)` is `t`,
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
    /// How many stages of [`Train::pipeline`] are its own, after those of the groups before it.
    pub stages: usize,
    /// The paths of its parameters, in the order of their declarations. There is at least one.
    pub params: Vec<String>,
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

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What.
    pub kind: StatementKind,
    /// Names bound by [`ExprKind::Let`] inside its expressions (`train` and `eval` have their own).
    pub locals: Vec<Local>,
    /// Where it is written.
    pub span: Span,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `let name = expr`
    Let {
        /// The name.
        name: String,
        /// The value; if it has several, those after the first are the [`StatementKind::Also`]s that follow.
        value: Expr,
    },
    /// The next value of the `let` before it: `b` of `let (a, b) = expr`.
    Also {
        /// The name.
        name: String,
    },
    /// `let name = train ...`
    Train(Train),
    /// `let name = eval ...`
    Eval(Eval),
    /// `print "..."`
    Print(Vec<Part>),
    /// `plot ... to "path"`
    Plot {
        /// The curves.
        curves: Vec<Curve>,
        /// The file, relative to the working directory.
        path: String,
    },
    /// `print a.loss by lr, b.loss by lr`
    Table(Vec<Curve>),
    /// `save fit to "path"`
    Save {
        /// The fit or the sweep.
        fit: GlobalId,
        /// The file, relative to the working directory.
        path: String,
    },
    /// `assert expr`
    Assert {
        /// The condition, `bool[]`.
        condition: Expr,
        /// Its text, for the message.
        text: String,
    },
}

/// A piece of printed text.
#[derive(Clone, Debug)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// A value, with digits after the point, or the shortest text that reads back.
    Value(Expr, Option<u32>),
    /// Text that a fit writes, one character after the other.
    Sample(Sample),
}

impl Part {
    /// The expression in it.
    pub fn value(&self) -> Option<&Expr> {
        match self {
            Part::Value(expr, _) => Some(expr),
            Part::Sample(sample) => Some(&sample.logits),
            Part::Text(_) => None,
        }
    }
}

/// A text that a fit continues: each next character is drawn with the probabilities that the fit gives
/// after those before it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The fit.
    pub fit: GlobalId,
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

/// A recorded curve of a fit, or a number of an evaluation.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// Whose.
    pub of: GlobalId,
    /// Which: `loss`, `accuracy`, `val_loss`, `opt.eg_scale.s`.
    pub key: String,
    /// Which number it is.
    pub statistic: Statistic,
}

/// The number that a recorded series is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Statistic {
    /// Its last value.
    Last,
    /// `min(fit.loss)`: the least of all its values.
    Min,
    /// `max(fit.loss)`: the greatest.
    Max,
    /// `mean(fit.loss)`: the mean.
    Mean,
}

impl Statistic {
    /// Those that a function asks for, with its name.
    pub const NAMED: [(&str, Statistic); 3] =
        [("min", Statistic::Min), ("max", Statistic::Max), ("mean", Statistic::Mean)];

    /// Of some values; NaN of none.
    pub fn of(self, mut values: impl DoubleEndedIterator<Item = f64> + Clone) -> f64 {
        // NaN stays NaN, as in the functions on tensors.
        let most = |a: f64, b: f64| if a.is_nan() || a > b { a } else { b };
        let count = values.clone().count() as f64;
        match self {
            Statistic::Last => values.next_back().unwrap_or(f64::NAN),
            Statistic::Min => values.map(|x| -x).reduce(most).map_or(f64::NAN, |x| -x),
            Statistic::Max => values.reduce(most).unwrap_or(f64::NAN),
            Statistic::Mean => values.sum::<f64>() / count,
        }
    }
}

/// What a plot or a table shows of a fit or of a sweep.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// Whose.
    pub of: GlobalId,
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
    /// The name it is bound to, or `fit` with a number.
    pub name: String,
    /// The model.
    pub model: FunctionId,
    /// The model's sizes, one for each of its [`Function::sizes`], over `rows`.
    pub sizes: Vec<Dim>,
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
    /// The optimizer's stages in order.
    pub pipeline: Vec<StageUse>,
    /// The numbers that its hyperparameters are made of.
    pub cells: Vec<Cell>,
    /// Which stages act on which parameters; empty if all stages act on all parameters.
    pub groups: Vec<Group>,
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
    /// The variables of the sweep that it is repeated in, the slowest first; empty if it runs once.
    pub sweep: Vec<Swept>,
    /// The variable among them that is the seed.
    pub swept_seed: Option<usize>,
    /// Rows to evaluate the loss and the metrics on after each epoch, or as `every` says.
    pub validate: Option<(DataId, Split)>,
    /// Columns of the validation data that the loss and the metrics use are those of `locals`.
    pub span: Span,
}

/// How long a training run goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// As many passes over the data.
    Epochs(usize),
    /// As many steps.
    Steps(usize),
}

/// An evaluation of a fit.
#[derive(Clone, Debug)]
pub struct Eval {
    /// The name it is bound to, or `eval` with a number.
    pub name: String,
    /// The fit.
    pub fit: GlobalId,
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
