//! What names stand for.

use crate::algebra::types::{Dim, Type};
use crate::source::Span;
use crate::typed::{DeriveKind, FunctionId, LocalId, Part};

/// What may be called, or given as a static function argument.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Callee {
    /// A builtin or a scalar row.
    Builtin(String),
    /// A function or model (index into the checker's definitions), perhaps with its statics given.
    Def(usize, Vec<StaticArg>),
    /// A model with its statics and its parameters: those of a run, or of a layer in it.
    Model(usize, Vec<StaticArg>, Part),
    /// A function made of a function: `grad(f)`.
    Derived(Box<Derived>),
}

/// Who is called.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum CallTarget {
    /// Someone who owns nothing.
    Callee(Callee),
    /// A layer of the enclosing model, and the names of its arguments.
    Layer { index: usize, arguments: Vec<String> },
    /// Layers that are applied in turn: the first, how many, and the names of their arguments.
    Layers { first: usize, count: usize, arguments: Vec<String> },
    /// One of repeated layers.
    LayerAt { first: usize, count: usize, position: Dim, arguments: Vec<String> },
    /// In a `wrap stage`, the pipeline before it.
    Inner,
    /// In a stage, the loss of the step as a function of the parameters.
    Loss,
}

/// A static argument.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum StaticArg {
    /// A size.
    Size(Dim),
    /// A size that follows from the arguments.
    Inferred,
    /// A real number, by its bits.
    Number(u64),
    /// An axis, from the end where negative.
    Axis(i64),
    /// A function.
    Function(Callee),
    /// A word.
    Word(String),
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Binding {
    /// An argument, a `let`, a column, a state, ...
    Local(LocalId),
    /// A parameter of the enclosing model.
    Param(usize, Type),
    /// A state of the enclosing model.
    State(usize, Type),
    /// A layer of the enclosing model.
    Layer(usize),
    /// Layers that are applied in turn: the first, and how many.
    Layers(usize, usize),
    /// A size.
    Size(Dim),
    /// A number known at compile time; whether it was written as an integer.
    Number(f64, bool),
    /// A static function, the model that is trained, or a fit that is evaluated.
    Function(Callee),
    /// A word, and those it was chosen from.
    Word(String, Vec<String>),
    /// In a `wrap stage`, the pipeline before it.
    Inner,
    /// Something whose declaration is in error.
    Error,
}

/// `grad(f, wrt = x)`: a function made of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Derived {
    pub kind: DeriveKind,
    /// The function.
    pub of: CallTarget,
    /// Its text.
    pub name: String,
    /// The arguments by which it is differentiated.
    pub wrt: Vec<usize>,
}

impl Derived {
    /// Its own text: `grad(f)`.
    pub(crate) fn text(&self) -> String {
        format!("{}({})", self.kind.name(), self.name)
    }

    /// Names of the arguments that it takes after those of its function.
    pub(crate) fn seeds(&self, names: &[String]) -> Vec<String> {
        let of = |prefix: &str| self.wrt.iter().map(|k| format!("{prefix}{}", names[*k])).collect();
        match (self.kind, &self.wrt[..]) {
            (DeriveKind::Vjp, _) => vec!["dy".to_string()],
            (DeriveKind::Jvp, _) => of("d"),
            (DeriveKind::Hvp, [_]) => vec!["v".to_string()],
            (DeriveKind::Hvp, _) => of("v_"),
            _ => Vec::new(),
        }
    }
}

/// A layer as declared.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub name: String,
    pub callee: Callee,
    pub span: Span,
    /// The instance that its first call made.
    pub function: Option<FunctionId>,
}
