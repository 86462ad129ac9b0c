//! An optimizer while it is checked.

use super::stages::Stages;
use crate::algebra::types::{DType, Type};
use crate::ast;
use crate::check::env::{Cells, Env, STEPS, Scope, unique};
use crate::source::Span;
use crate::typed::{StageUse, build, swept_cell};

/// A stage as written in a pipeline.
pub(super) struct Written<'a> {
    pub name: &'a str,
    pub name_span: Span,
    pub args: &'a [ast::Argument],
    pub span: Span,
}

/// An optimizer while it is checked.
pub(super) struct Draft<'d, 'a> {
    /// Stages in use.
    pub stages: &'d mut Stages,
    /// Names in hyperparameters: `t`, `T`, and those of the pipeline whose stages are looked at.
    pub scope: Scope,
    pub uses: Vec<StageUse>,
    /// Names of stages and pipelines so far.
    pub taken: Vec<String>,
    /// Pipelines whose stages are looked at, outermost first.
    pub inside: Vec<&'a str>,
    /// Whether there were too many stages.
    pub refused: bool,
}

impl Draft<'_, '_> {
    pub(super) fn name(&mut self, name: &str) -> String {
        let name = unique(name, |name| self.taken.iter().any(|taken| taken == name));
        self.taken.push(name.clone());
        name
    }
}

pub(super) fn draft<'d, 'a>(env: &mut Env<'a>, stages: &'d mut Stages, span: Span) -> Draft<'d, 'a> {
    let place = env.stage_place();
    let mut scope = Scope::new(place, false, DType::F64);
    scope.cells = Some(Cells::default());
    for fixed in STEPS {
        scope.bind_local(fixed, Type::scalar(DType::F64), span);
    }
    swept_cells(env, &mut scope);
    Draft { stages, scope, uses: Vec::new(), taken: Vec::new(), inside: Vec::new(), refused: false }
}

/// Cells for the variables of the sweep, before those of the optimizer.
fn swept_cells(env: &mut Env<'_>, scope: &mut Scope) {
    for variable in &env.globals.swept {
        let ty = Type::scalar(DType::F64);
        let first = build::constant(variable.values[0], ty, variable.span);
        scope.cell(&swept_cell(&variable.name.name), first, None);
    }
}
