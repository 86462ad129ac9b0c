//! Names: what they stand for inside one function, stage, run or statement.

use super::value::Value;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::source::Span;
use crate::typed::{
    Cell, DeriveKind, Expr, ExprKind, FunctionId, Inner, Instance, Local, LocalId, Range, build,
};

/// What a call in a hyperparameter may leave out: the step, and the number of steps.
pub(crate) const STEPS: [&str; 2] = ["t", "T"];

/// `grad(f, wrt = x)`: a function made of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Derived {
    pub kind: DeriveKind,
    /// The function.
    pub of: Target,
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

/// The name of a value that nobody needs.
pub(crate) const NOBODY: &str = "_";

/// `name`, or with a number behind it if that is taken.
pub(crate) fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_string();
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}

/// What may be called, or given as a static function argument.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Callee {
    /// A builtin or a scalar row.
    Builtin(String),
    /// A function or model (index into the checker's definitions), perhaps with its statics given.
    Def(usize, Vec<Static>),
    /// A function made of a function: `grad(f)`.
    Derived(Box<Derived>),
}

/// Who is called.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Target {
    /// Someone who owns nothing.
    Callee(Callee),
    /// A layer of the enclosing model, and the names of its arguments.
    Layer { index: usize, arguments: Vec<String> },
    /// Layers that are applied in turn: the first, how many, and the names of their arguments.
    Layers { first: usize, count: usize, arguments: Vec<String> },
    /// One of repeated layers.
    LayerAt { first: usize, count: usize, position: Dim, arguments: Vec<String> },
    /// A model that is trained or was.
    Model(Callee, Instance),
    /// In a `wrap stage`, the pipeline before it.
    Inner,
    /// In a stage, the loss of the step as a function of the parameters.
    Loss,
}

/// A static argument.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Static {
    /// A size.
    Size(Dim),
    /// A real number, by its bits.
    Number(u64),
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
    /// A static function.
    Function(Callee),
    /// A word, and those it was chosen from.
    Word(String, Vec<String>),
    /// The model that is trained, or a fit that is evaluated.
    Model(Callee, Instance),
    /// In a `wrap stage`, the pipeline before it.
    Inner,
    /// Something whose declaration is in error.
    Error,
}

/// Where an expression stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Place {
    /// In the function with this id.
    Function(FunctionId),
    /// In a stage, with its size variables.
    Stage { coordinates: Dim, rows: Dim, columns: Dim, tensors: Dim },
    /// In a `train` or `eval`, which will be the statement with this index.
    Run(usize),
    /// In another statement or a hyperparameter.
    Statement,
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

/// The names of one function, stage, run or statement.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Where this is.
    pub place: Place,
    /// Whether it is part of the library, whose own names come first then.
    pub library: bool,
    /// Names with their meaning and place of declaration, innermost last.
    pub names: Vec<(String, Binding, Span)>,
    /// Everything that has a `LocalId`.
    pub locals: Vec<Local>,
    /// Where each local is declared.
    pub origins: Vec<Span>,
    /// What `..` stands for.
    pub rest: Option<Vec<Dim>>,
    /// Size variables met in the signature, in order.
    pub sizes: Vec<SizeVar>,
    /// In the initial value of a parameter or state: locals before this one, all parameters, states and
    /// layers are out of reach.
    pub hidden: Option<usize>,
    /// Layers, by their member index.
    pub layers: Vec<(usize, Layer)>,
    /// What a number is when nothing says otherwise.
    pub float: DType,
    /// Arguments, by their place, that have been given a name to be differentiated by.
    pub known: Vec<(Span, Value)>,
    /// In a `wrap stage`: the line under way, and how many locals there were when it began.
    pub line: (usize, usize),
    /// In a `wrap stage`: where the pipeline before it runs, once that is known.
    pub inner: Option<Inner>,
    /// In hyperparameters: the cells so far.
    pub cells: Option<Cells>,
}

/// The numbers of an optimizer that are run-time cells, while its hyperparameters are checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells {
    /// What names of new cells begin with: `opt.adam.lr`.
    pub prefix: String,
    /// Those so far.
    pub made: Vec<Cell>,
}

impl Scope {
    /// An empty scope.
    pub(crate) fn new(place: Place, library: bool, float: DType) -> Scope {
        Scope {
            place,
            library,
            names: Vec::new(),
            locals: Vec::new(),
            origins: Vec::new(),
            rest: None,
            sizes: Vec::new(),
            hidden: None,
            layers: Vec::new(),
            float,
            known: Vec::new(),
            line: (0, 0),
            inner: None,
            cells: None,
        }
    }

    /// What `name` stands for here.
    pub(crate) fn get(&self, name: &str) -> Option<&Binding> {
        self.names.iter().rev().find(|(have, ..)| have == name).map(|(_, binding, _)| binding)
    }

    /// Where `name` is declared here.
    pub(crate) fn declared(&self, name: &str) -> Option<Span> {
        self.names.iter().rev().find(|(have, ..)| have == name).map(|(.., span)| *span)
    }

    /// Gives a name a meaning.
    pub(crate) fn bind(&mut self, name: &str, binding: Binding, span: Span) {
        self.names.push((name.to_string(), binding, span));
    }

    /// A new local, not yet reachable by name.
    pub(crate) fn local(&mut self, name: &str, ty: Type, span: Span) -> LocalId {
        self.locals.push(Local { name: name.to_string(), ty });
        self.origins.push(span);
        LocalId(self.locals.len() - 1)
    }

    /// A new local with its name.
    pub(crate) fn bind_local(&mut self, name: &str, ty: Type, span: Span) -> LocalId {
        let id = self.local(name, ty, span);
        self.bind(name, Binding::Local(id), span);
        id
    }

    /// A cell of this name (or with a number behind it) with this value, `f64[]`; in hyperparameters.
    pub(crate) fn cell(&mut self, name: &str, value: Expr, range: Option<Range>) -> Expr {
        let (ty, span) = (value.ty.clone(), value.span);
        let local = self.local(name, ty.clone(), span);
        if let Some(cells) = &mut self.cells {
            let name = unique(name, |name| cells.made.iter().any(|cell| cell.name == name));
            cells.made.push(Cell { name, local, value, range });
        }
        Expr { kind: ExprKind::Local(local), ty, span }
    }

    /// Whether expressions here belong to an optimizer stage.
    pub(crate) fn in_stage(&self) -> bool {
        matches!(self.place, Place::Stage { .. })
    }
    /// Names `expr`, if using it twice would compute it twice, for use inside of `body`.
    pub(crate) fn share(
        &mut self,
        name: &str,
        expr: Expr,
        body: impl FnOnce(&mut Scope, Expr) -> Expr,
    ) -> Expr {
        use ExprKind::{Const, Global, Local, Param, Size};
        if matches!(expr.kind, Const(_) | Size(_) | Local(_) | Param(_) | Global(_)) {
            return body(self, expr);
        }
        let (ty, span) = (expr.ty.clone(), expr.span);
        let local = self.local(name, ty.clone(), span);
        let body = body(self, build::local(local, ty, span));
        let (ty, span) = (body.ty.clone(), body.span);
        Expr { kind: ExprKind::Let { local, value: Box::new(expr), body: Box::new(body) }, ty, span }
    }
}
