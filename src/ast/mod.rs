//! The tree: what was written, with the place of everything.
//!
//! Comes in: the text of one file. Goes out: a [`Script`] and all diagnostics; there is always a
//! tree, with [`ExprKind::Error`] where the text made no sense, so that later stages can go on.
//! Invariant: no tree is deeper than [`MAX_DEPTH`], so recursive walks cannot exhaust the stack.

mod blocks;
mod build;
pub mod errors;
mod fmt;
mod lines;
mod operators;
mod parse;
mod print;
mod statics;
mod string;
#[cfg(test)]
mod tests;
pub mod token;
mod walk;

use crate::print::NumberFormat;
use crate::source::Span;

pub use fmt::format;
pub use operators::{BinaryOp, Level, UnaryOp};
pub use parse::{MAX_SOURCE, parse};

/// Deepest allowed nesting of expressions and blocks.
pub const MAX_DEPTH: u32 = 256;

/// A name with its place.
#[derive(Clone, Debug)]
pub struct Ident {
    /// The name as written.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// One file: its items in order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Declarations and statements in the order written.
    pub items: Vec<Item>,
}

/// A declaration or a statement at the top level.
#[derive(Clone, Debug)]
pub struct Item {
    /// `///` lines before it, joined by newlines, without the slashes; empty if none.
    pub doc: String,
    /// What it is.
    pub kind: ItemKind,
    /// The whole item.
    pub span: Span,
}

/// What an item is.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// `real f64`
    Real(Ident),
    /// `use "layers.eg"`
    Use(Expr),
    /// `data digits = csv("digits.csv", target = "digit") { x = standardize(x) }`
    Data(Data),
    /// `fn f[n](x: real[n]) -> real[n] = ...`
    Fn(Function),
    /// `model m(x: real[B, 4]) -> real[B, 3] { ... }`
    Model(Function),
    /// `stage adam(lr = 1e-3) { ... }`, `wrap stage lookahead(k = 5)(inner) { ... }`
    Stage(Stage),
    /// `pipeline egdd(lr, mu = 0.9) = eg_gain |> sgd(lr = lr) |> momentum(mu = mu)`
    Pipeline(Pipeline),
    /// `let a = ...`
    Let(Let),
    /// `print "text {expr:.3}"`, `plot fit.loss, fit.accuracy to "x.svg"`
    Act(Act),
    /// An expression by itself: `train m on d { ... }` whose result is unused.
    Expr(Expr),
    /// What could not be read, and the names that it declares; a diagnostic has been given.
    Broken(Vec<Ident>),
}

/// A statement that does something with values: `WORD EXPR, EXPR by NAME` or `WORD EXPR to PATH`. Which words
/// there are and what they take is known to `check`.
#[derive(Clone, Debug)]
pub struct Act {
    /// What is done: `print`.
    pub word: Ident,
    /// With what; at least one.
    pub on: Vec<Expr>,
    /// The file that it writes.
    pub to: Option<Expr>,
}

/// `data NAME = SOURCE { column = transform }`
#[derive(Clone, Debug)]
pub struct Data {
    /// Its name.
    pub name: Ident,
    /// The call that reads it, such as `csv("a.csv", target = "y")`.
    pub source: Expr,
    /// Columns made from columns.
    pub transforms: Vec<Let>,
}

/// `let NAME: TYPE = VALUE`, `let (NAME, NAME) = VALUE`, and every other `NAME = VALUE` in a block.
#[derive(Clone, Debug)]
pub struct Let {
    /// The names bound, of which there is at least one: a `let` destructures several values.
    pub names: Vec<Ident>,
    /// Its type, if written.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: Expr,
}

impl Let {
    /// The only name of a line that binds one, the first of a `let` that binds several.
    pub fn name(&self) -> &Ident {
        &self.names[0]
    }
}

/// A function or a model.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: Ident,
    /// What is fixed at compile time: `[I, O]`.
    pub statics: Vec<Static>,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The types of its results, of which there is at least one.
    pub results: Vec<TypeExpr>,
    /// `param`, `layer` and `let` lines, in order (a `fn` has `let` only).
    pub members: Vec<Member>,
    /// The value.
    pub body: Expr,
    /// Its derivative, if it says it itself.
    pub rule: Option<Rule>,
}

/// `vjp dy => dy * x`, `vjp y, dy => dy * y`: the derivative of a function.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it calls the function's value.
    pub result: Option<Ident>,
    /// What it calls the gradient by that value.
    pub seed: Ident,
    /// The gradients by the arguments that are not integers, in order.
    pub gradients: Vec<Expr>,
}

/// `I`, `stride = 1`, `p: number = 0.5`: a static parameter.
#[derive(Clone, Debug)]
pub struct Static {
    /// Its name.
    pub name: Ident,
    /// What it takes.
    pub kind: StaticKind,
    /// Its value where square brackets leave it out.
    pub default: Option<Expr>,
}

/// What a static parameter takes.
#[derive(Clone, Debug)]
pub enum StaticKind {
    /// A size, which is what a name alone is.
    Size,
    /// `number`
    Number,
    /// `axis`: an axis of an argument, from the end where negative.
    Axis,
    /// `fn`
    Fn,
    /// `model`
    Model,
    /// `first | second`: one of several words, the first if no default says otherwise.
    Words(Vec<Ident>),
    /// A kind that there is not; a diagnostic has been given.
    Error,
}

/// `x: real[B, 4]`, `warmup: f64 = 0`
#[derive(Clone, Debug)]
pub struct Arg {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: TypeExpr,
    /// Its value where a call leaves it out.
    pub default: Option<Expr>,
}

/// A line of a function's block before its value.
#[derive(Clone, Debug)]
pub enum Member {
    /// `param w: real[I, O] = glorot_uniform()`
    Param(Let),
    /// `layer hidden = dense[64, 32]`
    Layer(Let),
    /// `let y = x + 1`
    Let(Let),
    /// `state mean: real[C] = 0`
    State(Let),
    /// `mean <- 0.9 * mean + 0.1 * m`
    Assign {
        /// The state.
        name: Ident,
        /// Its next value.
        value: Expr,
    },
}

impl Member {
    /// The expression of the line.
    pub fn value(&self) -> &Expr {
        match self {
            Member::Param(line) | Member::Layer(line) | Member::Let(line) | Member::State(line) => {
                &line.value
            }
            Member::Assign { value, .. } => value,
        }
    }
}

/// `real[B, 3 * D]`; no brackets for a scalar.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// `real f32 f64 bf16 i32 i64 bool`
    pub dtype: Ident,
    /// Sizes, outermost first. `..` (any leading sizes) is [`ExprKind::Rest`] and only comes first;
    /// `axis = N`, the size of an axis wherever it is among the others, is [`ExprKind::Named`].
    pub shape: Vec<Expr>,
    /// The whole type.
    pub span: Span,
}

/// `stage adam(lr = 1e-3, signal = sign | product) { ... }`
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: Ident,
    /// Its hyperparameters.
    pub hypers: Vec<Hyper>,
    /// In a `wrap stage`: what it calls the pipeline before it.
    pub inner: Option<Ident>,
    /// The lines before the value.
    pub body: Vec<StageLine>,
    /// The outgoing update.
    pub result: Expr,
}

/// `pipeline egdd(lr, mu = 0.9) = eg_gain |> sgd(lr = lr) |> momentum(mu = mu)`
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its name.
    pub name: Ident,
    /// Its hyperparameters.
    pub hypers: Vec<Hyper>,
    /// The stages.
    pub body: Expr,
}

/// A hyperparameter of a stage or a pipeline.
#[derive(Clone, Debug)]
pub struct Hyper {
    /// Its name.
    pub name: Ident,
    /// Its default, or the words it chooses from.
    pub kind: HyperKind,
    /// `in 0..1`: where a number must lie.
    pub range: Option<Range>,
}

/// `0..1`: from the first number, up to and without the second.
#[derive(Clone, Debug)]
pub struct Range {
    /// The least value.
    pub low: Expr,
    /// What all values are below; `None`: there is no bound.
    pub high: Option<Expr>,
}

/// What a hyperparameter takes.
#[derive(Clone, Debug)]
pub enum HyperKind {
    /// A number, changed without recompiling. `None`: it must be given.
    Number(Option<Expr>),
    /// One of several words, fixed at compile time; the first is the default.
    Words(Vec<Ident>),
}

/// How many numbers a state is.
#[derive(Clone, Debug)]
pub enum StateExtent {
    /// `scalar[over]`: one for each of an extent.
    Scalar(Ident),
    /// `vector[6]`: as many as written.
    Vector(usize, Span),
}

impl StateExtent {
    /// As written.
    pub fn text(&self) -> String {
        match self {
            StateExtent::Scalar(over) => format!("scalar[{}]", over.name),
            StateExtent::Vector(n, _) => format!("vector[{n}]"),
        }
    }
}

/// A line of a stage.
#[derive(Clone, Debug)]
pub enum StageLine {
    /// `state m = 0`, `state s: scalar[over] = 1`, `state r: vector[6] = 0`
    State {
        /// Its name.
        name: Ident,
        /// `scalar[over]` or `vector[6]`; `None` for one number per coordinate.
        extent: Option<StateExtent>,
        /// Its value before the first step.
        init: Expr,
    },
    /// `m <- b1 * m + (1 - b1) * u`
    Assign {
        /// The state.
        name: Ident,
        /// Its new value.
        value: Expr,
    },
    /// `eval w = ema`: the parameters to evaluate with.
    Eval {
        /// `w`.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// `let d = ...`
    Let(Let),
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    /// Nesting depth: 1 for a leaf, else one more than the deepest child.
    pub depth: u32,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Text that could not be read; a diagnostic has been given.
    Error,
    /// `1`, `2.5`, `1e-3`; `integer` when written without dot and exponent.
    Number {
        /// Its value.
        value: f64,
        /// Whether it was written as an integer.
        integer: bool,
    },
    /// `true`, `false`
    Bool(bool),
    /// `"text {expr:.3}"`
    Str(Vec<StrPart>),
    /// A name.
    Name(String),
    /// `a.b`
    Field(Box<Expr>, Ident),
    /// `f(x, axis = 1)`
    Call(Box<Expr>, Vec<Argument>),
    /// `dense[64, 32]` (what is static) or `x[0]` (an element): the meaning depends on `f`.
    Bracket(Box<Expr>, Vec<Expr>),
    /// `stride = 2`: what is static, by its name; in a type the size of an axis. Inside of brackets only.
    Named(Ident, Box<Expr>),
    /// `1:5`, `::2`, `:`: positions along an axis, inside of brackets only: the first, the one they
    /// end before, the step.
    Slice(Box<[Option<Expr>; 3]>),
    /// `[a, b, c]`
    List(Vec<Expr>),
    /// `(a, b)`: several values, at least two.
    Tuple(Vec<Expr>),
    /// `for i in 0..n, h = start { next }`, `scan xt in x, h = start { (next, y) }`
    Loop(Box<Loop>),
    /// `-x`, `not x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `x |> f`
    Pipe(Box<Expr>, Box<Expr>),
    /// `match word { a => x, b => y }`: a choice among words, made at compile time.
    Match(Box<Expr>, Vec<(Ident, Expr)>),
    /// `{ "**.b": sgd(lr = 0.1), else: adam }`: an optimizer for each group of parameters. A group is
    /// told by a pattern over paths, or by the name `else`.
    Groups(Vec<(Expr, Expr)>),
    /// `{ let a = 1; a + 1 }`
    Block(Vec<Let>, Box<Expr>),
    /// `sweep lr in [1e-3, 1e-2], seed in 0..5 { train m on d { ... } }`: a run for each choice of values.
    Sweep(Box<Loop>),
    /// `runs.loss by lr`
    By(Box<Expr>, Ident),
    /// `every 500 to "folder"`: how many steps lie between files, and where those are written. The word is any name.
    Every(Ident, Box<[Expr; 2]>),
    /// `train m on d { ... }`
    Train(Box<Run>),
    /// `eval fit on d { ... }`
    Eval(Box<Run>),
    /// `..`: any leading sizes in a type, all other axes in the positions of a tensor.
    Rest,
}

/// A block that is repeated over carried values.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Whether it is a `scan`, which goes along sequences and collects what its block gives.
    pub scan: bool,
    /// `axis = 1` of `scan[axis = 1]`.
    pub axis: Option<Expr>,
    /// `i in 0..n`
    pub ranges: Vec<(Ident, Range)>,
    /// `xt in x`
    pub sequences: Vec<(Ident, Expr)>,
    /// `h = start`
    pub carried: Vec<Let>,
    /// The next carried values; in a `scan` after them what is collected.
    pub body: Expr,
}

/// A piece of a string.
#[derive(Clone, Debug)]
pub enum StrPart {
    /// Plain text, escapes resolved.
    Text(String),
    /// `{expr}` or `{expr:>8.3}`
    Expr {
        /// The value to print.
        expr: Expr,
        /// How, if it is said.
        format: Option<NumberFormat>,
    },
}

/// An argument of a call, named or not.
#[derive(Clone, Debug)]
pub struct Argument {
    /// `axis` of `axis = 1`.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// `train MODEL on DATA { KEY = VALUE ... }`, and the same for `eval`.
#[derive(Clone, Debug)]
pub struct Run {
    /// The model (or the fit) to run.
    pub subject: Expr,
    /// The rows to run it on.
    pub data: Expr,
    /// `loss = ...`, `optimizer = ...`, ... in order.
    pub settings: Vec<Let>,
    /// `metric accuracy = ...` in order.
    pub metrics: Vec<Let>,
    /// `let p = ...` in order: names for the loss and the metrics.
    pub lets: Vec<Let>,
    /// Whether it has a line that could not be read.
    pub broken: bool,
}
