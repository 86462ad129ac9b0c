//! What the statements so far have bound at the top level.

use std::collections::{BTreeMap, BTreeSet};

use super::binding::Callee;
use crate::algebra::types::{Dim, Type};
use crate::ast;
use crate::source::Span;
use crate::typed::{DataId, Extent, FunctionId, GlobalId, StatementId, Swept};

/// What a top-level `let` (or a bare run) gives.
#[derive(Clone, Debug)]
pub(crate) enum Global {
    /// A tensor.
    Value(GlobalId, Type),
    /// A fit: the metrics, stages with their scalar states, and other fields that it has; and all states of
    /// its optimizer.
    Fit {
        id: StatementId,
        callee: Callee,
        data: DataId,
        series: Vec<(String, bool)>,
        states: Vec<(String, Extent)>,
    },
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
    /// The statements that are evaluations.
    pub evaluations: BTreeSet<usize>,
    /// The model of each training run with its sizes, as the loss calls it first.
    pub roots: BTreeMap<StatementId, (FunctionId, Vec<Dim>)>,
    /// Whether something asked for parts of a model that no call has been found of yet.
    pub awaited: bool,
    /// States of optimizers that are asked for by parameter, with the place of its path.
    pub states_asked: Vec<(StatementId, String, String, Span)>,
    /// The variables of the sweep whose run is checked.
    pub swept: Vec<Variable<'a>>,
}
