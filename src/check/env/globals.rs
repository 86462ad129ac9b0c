//! What the statements so far have bound at the top level.

use std::collections::BTreeMap;

use super::binding::Callee;
use crate::algebra::types::Type;
use crate::ast;
use crate::source::Span;
use crate::typed::{DataId, GlobalId, StatementId, Swept};

/// What a top-level `let` (or a bare run) gives.
#[derive(Clone, Debug)]
pub(crate) enum Global {
    /// A tensor.
    Value(GlobalId, Type),
    /// A fit: the metrics, stages with their scalar states, and other fields that it has; and the states
    /// with numbers per coordinate or tensor, whose distribution it can record.
    Fit { id: StatementId, callee: Callee, data: DataId, series: Vec<(String, bool)>, spread: Vec<String> },
    /// The fits of a sweep: what each records, and the names of its variables.
    Sweep { id: StatementId, series: Vec<String>, by: Vec<String> },
    /// The numbers of an evaluation.
    Eval { id: StatementId, series: Vec<String> },
    /// Something in error.
    Error,
}

/// A variable of a sweep while its run is checked.
#[derive(Clone, Debug)]
pub(crate) struct Variable<'a> {
    pub name: &'a ast::Ident,
    pub values: Vec<f64>,
    /// Where they are written.
    pub span: Span,
    /// Whether the run depends on it.
    pub used: bool,
}

impl Variable<'_> {
    /// What the program says of it.
    pub(crate) fn typed(&self) -> Swept {
        Swept { name: self.name.name.clone(), values: self.values.clone() }
    }
}

/// The names that statements have bound.
#[derive(Debug, Default)]
pub(crate) struct Globals<'a> {
    /// What each stands for.
    pub values: BTreeMap<&'a str, Global>,
    /// The fit that each evaluation is about, by statements.
    pub evaluated: BTreeMap<usize, usize>,
    /// The variables of the sweep whose run is checked.
    pub swept: Vec<Variable<'a>>,
}
