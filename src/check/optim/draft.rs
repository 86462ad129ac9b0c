//! An optimizer while it is checked.

use super::stages::Stages;
use crate::algebra::types::{DType, Type};
use crate::ast;
use crate::check::env::{Cells, Env, Kind, STEPS, Scope, unique};
use crate::source::Span;
use crate::typed::{StageUse, build, swept_cell};

/// An optimizer while it is checked.
pub(super) struct Draft<'d, 'a> {
    /// Stages in use.
    pub stages: &'d mut Stages,
    pub uses: Vec<StageUse>,
    /// Names of stages and pipelines so far.
    pub taken: Vec<String>,
    /// Pipelines whose stages are looked at, outermost first.
    pub inside: Vec<&'a str>,
    /// Whether there were too many stages.
    pub refused: bool,
}

impl Draft<'_, '_> {
    /// A name of its own for a stage or a pipeline.
    pub(super) fn name(&mut self, name: &str) -> String {
        let name = unique(name, |name| self.taken.iter().any(|taken| taken == name));
        self.taken.push(name.clone());
        name
    }
}

/// Nothing has been looked at yet.
pub(super) fn draft<'d, 'a>(stages: &'d mut Stages) -> Draft<'d, 'a> {
    Draft { stages, uses: Vec::new(), taken: Vec::new(), inside: Vec::new(), refused: false }
}

/// A stage as written in a pipeline.
pub(super) struct Written<'a> {
    pub name: &'a str,
    pub name_span: Span,
    pub args: &'a [ast::Argument],
    pub span: Span,
}

/// The names in hyperparameters: `t` and `T`, and variables of the sweep.
pub(super) fn hypers(env: &mut Env<'_>, span: Span) -> Scope {
    let kind = Kind::Hypers(env.extents(), Cells::default());
    let mut scope = Scope::new(kind, false, DType::F64);
    for fixed in STEPS {
        scope.bind_local(fixed, Type::scalar(DType::F64), span);
    }
    swept_cells(env, &mut scope);
    scope
}

/// Cells for the variables of the sweep, before those of the optimizer.
fn swept_cells(env: &mut Env<'_>, scope: &mut Scope) {
    for (k, variable) in env.globals.swept.iter().enumerate() {
        let ty = Type::scalar(DType::F64);
        let first = build::constant(variable.values[0], ty, variable.span);
        scope.add_swept(k, &swept_cell(&variable.name.name), first);
    }
}
