//! Scopes: the names of one function, stage, run or statement.

use super::binding::{Binding, Layer};
use super::value::Value;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::ice;
use crate::source::Span;
use crate::typed::{Cell, Expr, ExprKind, FunctionId, Inner, Local, LocalId, Range, build};

/// What a call in a hyperparameter may leave out: the step, and the number of steps.
pub(crate) const STEPS: [&str; 2] = ["t", "T"];

/// The name of a value that is discarded.
pub(crate) const WILDCARD: &str = "_";

/// What a scope is that of.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A function or a model.
    Function(FunctionScope),
    /// An optimizer stage.
    Stage(StageScope),
    /// The hyperparameters of an optimizer.
    Hypers(Extents, Cells),
    /// The default of an argument, where floats of both precisions meet as in stages.
    Default(Extents),
    /// A `train` or an `eval`, which will be the statement with this index.
    Run(usize),
    /// Another statement, or a setting.
    Statement,
}

/// What a function's scope has besides names.
#[derive(Clone, Debug)]
pub(crate) struct FunctionScope {
    /// The function.
    pub id: FunctionId,
    /// What `..` stands for.
    pub rest: Option<Vec<Dim>>,
    /// Size variables met in the signature, in order.
    pub sizes: Vec<SizeVar>,
    /// Layers, by their member index.
    pub layers: Vec<(usize, Layer)>,
    /// In the initial value of a parameter or state: locals before this one, all parameters, states and
    /// layers are out of reach.
    pub hidden: Option<usize>,
}

/// What a stage's scope has besides names.
#[derive(Clone, Debug)]
pub(crate) struct StageScope {
    extents: Extents,
    /// The line under way, and how many locals there were when it began.
    pub line: (usize, usize),
    /// In a `wrap stage`: where the pipeline before it runs, once that is known.
    pub inner: Option<Inner>,
}

/// How many there are of what a stage's numbers are one of.
#[derive(Clone, Debug)]
pub(crate) struct Extents {
    pub coordinates: Dim,
    pub rows: Dim,
    pub columns: Dim,
    pub tensors: Dim,
}

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In the function with this id.
    Function(FunctionId),
    /// In a `train` or `eval`, which will be the statement with this index.
    Run(usize),
    /// Somewhere else.
    Elsewhere,
}

/// The names of one function, stage, run or statement.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// What it is the scope of.
    pub kind: Kind,
    /// Whether it is part of the library, whose own names come first then.
    pub library: bool,
    /// What a number is when nothing says otherwise.
    pub float: DType,
    /// Names with their meaning and place of declaration, innermost last.
    pub names: Vec<(String, Binding, Span)>,
    /// Everything that has a `LocalId`.
    pub locals: Vec<Local>,
    /// Where each local is declared.
    pub origins: Vec<Span>,
    /// Arguments, by their place, that have been given a name to be differentiated by.
    pub known: Vec<(Span, Value)>,
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
    pub(crate) fn new(kind: Kind, library: bool, float: DType) -> Scope {
        let (names, locals, origins, known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Scope { kind, library, float, names, locals, origins, known }
    }

    /// That of a statement of the script, or of a setting.
    pub(crate) fn statement(real: DType) -> Scope {
        Scope::new(Kind::Statement, false, real)
    }

    /// That of a function.
    pub(crate) fn function(id: FunctionId, library: bool, real: DType) -> Scope {
        let (rest, sizes, layers, hidden) = (None, Vec::new(), Vec::new(), None);
        Scope::new(Kind::Function(FunctionScope { id, rest, sizes, layers, hidden }), library, real)
    }

    /// That of a stage.
    pub(crate) fn stage(extents: Extents, library: bool) -> Scope {
        let stage = StageScope { extents, line: (0, 0), inner: None };
        Scope::new(Kind::Stage(stage), library, DType::F64)
    }

    /// That of the hyperparameters of a pipeline used by name: it knows the step only, and goes on with
    /// the same locals and cells, which [`Scope::take_back`] returns.
    pub(crate) fn inner(&mut self, library: bool) -> Scope {
        Scope {
            kind: std::mem::replace(&mut self.kind, Kind::Statement),
            library,
            float: self.float,
            names: self.names[..STEPS.len()].to_vec(),
            locals: std::mem::take(&mut self.locals),
            origins: std::mem::take(&mut self.origins),
            known: Vec::new(),
        }
    }

    /// Goes on after an [`Scope::inner`] one.
    pub(crate) fn take_back(&mut self, inner: Scope) {
        let Scope { kind, locals, origins, .. } = inner;
        (self.kind, self.locals, self.origins) = (kind, locals, origins);
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

    /// Where calls here stand.
    pub(crate) fn place(&self) -> Place {
        match &self.kind {
            Kind::Function(function) => Place::Function(function.id),
            Kind::Run(statement) => Place::Run(*statement),
            _ => Place::Elsewhere,
        }
    }

    /// Whether the script's own values are out of reach: those that are computed when it runs.
    pub(crate) fn is_closed(&self) -> bool {
        !matches!(self.kind, Kind::Run(_) | Kind::Statement)
    }

    /// Whether expressions here are about the numbers of an optimizer's step.
    pub(crate) fn in_stage(&self) -> bool {
        self.extents().is_some()
    }

    /// In a stage and its like: how many there are of what numbers are one of.
    pub(crate) fn extents(&self) -> Option<&Extents> {
        match &self.kind {
            Kind::Stage(StageScope { extents, .. }) | Kind::Hypers(extents, _) | Kind::Default(extents) => {
                Some(extents)
            }
            _ => None,
        }
    }

    /// What `..` stands for, if it stands for something.
    pub(crate) fn rest(&self) -> Option<&[Dim]> {
        match &self.kind {
            Kind::Function(function) => function.rest.as_deref(),
            _ => None,
        }
    }

    /// In the initial value of a parameter or state: the first local that is in reach.
    pub(crate) fn hidden(&self) -> Option<usize> {
        match &self.kind {
            Kind::Function(function) => function.hidden,
            _ => None,
        }
    }

    /// The layers of the model.
    pub(crate) fn layers(&self) -> &[(usize, Layer)] {
        match &self.kind {
            Kind::Function(function) => &function.layers,
            _ => &[],
        }
    }

    /// What a function has besides names.
    pub(crate) fn of_function(&mut self) -> &mut FunctionScope {
        match &mut self.kind {
            Kind::Function(function) => function,
            other => ice!("check", "a function's own in {other:?}"),
        }
    }

    /// What a stage has besides names.
    pub(crate) fn of_stage(&mut self) -> &mut StageScope {
        match &mut self.kind {
            Kind::Stage(stage) => stage,
            other => ice!("check", "a stage's own in {other:?}"),
        }
    }

    /// In hyperparameters: the cells so far.
    pub(crate) fn cells(&mut self) -> Option<&mut Cells> {
        match &mut self.kind {
            Kind::Hypers(_, cells) => Some(cells),
            _ => None,
        }
    }

    /// In hyperparameters: the cell of a variable of the sweep.
    pub(crate) fn swept_cell(&self, variable: usize) -> Option<&Cell> {
        match &self.kind {
            Kind::Hypers(_, cells) => cells.made.iter().find(|cell| cell.swept == Some(variable)),
            _ => None,
        }
    }

    /// A cell for a variable of the sweep, whose first value is `value`.
    pub(crate) fn add_swept(&mut self, variable: usize, name: &str, value: Expr) {
        self.cell(name, value, None);
        if let Some(cell) = self.cells().and_then(|cells| cells.made.last_mut()) {
            cell.swept = Some(variable);
        }
    }

    /// A cell of this name (or with a number behind it) with this value, `f64[]`; in hyperparameters.
    pub(crate) fn cell(&mut self, name: &str, value: Expr, range: Option<Range>) -> Expr {
        let (ty, span) = (value.ty.clone(), value.span);
        let local = self.local(name, ty.clone(), span);
        if let Some(cells) = self.cells() {
            let name = unique(name, |name| cells.made.iter().any(|cell| cell.name == name));
            cells.made.push(Cell { name, local, value, range, swept: None });
        }
        build::local(local, ty, span)
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

/// `name`, or with a number behind it if that is taken.
pub(crate) fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_string();
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}
