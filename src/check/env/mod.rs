//! What every part of the checker needs: declarations, findings, and the functions in use.
//!
//! Data, and questions about it; nothing here types an expression.

mod binding;
mod decls;
mod globals;
mod instances;
mod scope;
pub(crate) mod value;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::text;
use crate::algebra::types::{DType, Dim, SizeVar};
use crate::diag::Diagnostic;
use crate::source::{Sources, Span};
use crate::typed::Data;

pub(crate) use binding::{Binding, CallTarget, Callee, Derived, Layer, StaticArg};
pub(crate) use decls::{Declaration, Decls, PipelineDef, StageDef};
pub(crate) use globals::{Global, Globals, Variable};
pub(crate) use instances::{CallSite, InstanceOf, Instances, Key, Signature, Sizes};
pub(crate) use scope::{Caller, CellScope, Extents, STEPS, Scope, ScopeKind, WILDCARD, unique};
pub(crate) use value::{Checked, Poison, Value, Weak};

/// What is known while a script is checked.
pub(crate) struct Env<'a> {
    /// The texts that messages quote.
    sources: &'a Sources,
    /// What `real` means.
    pub real: DType,
    /// The findings so far.
    pub found: Vec<Diagnostic>,
    /// What is declared.
    pub decls: Decls<'a>,
    /// Data sets.
    pub data: Vec<Data>,
    /// What the statements so far have bound.
    pub globals: Globals<'a>,
    /// Functions in use.
    pub instances: Instances,
    /// What is written for quotients rounded down and of reals, by their place.
    pub quotients: BTreeMap<Span, (String, String)>,
    n_sizes: u32,
    n_sites: u32,
}

impl<'a> Env<'a> {
    /// Nothing is declared yet.
    pub(crate) fn new(real: DType, sources: &'a Sources) -> Env<'a> {
        Env {
            sources,
            real,
            found: Vec::new(),
            decls: Decls::default(),
            data: Vec::new(),
            globals: Globals::default(),
            instances: Instances::default(),
            quotients: BTreeMap::new(),
            n_sizes: 0,
            n_sites: 0,
        }
    }

    /// Adds a finding.
    pub(crate) fn report(&mut self, found: Diagnostic) -> Poison {
        self.found.push(found);
        Poison
    }

    /// What is written in a place, on one line.
    pub(crate) fn quote(&self, span: Span) -> String {
        text::quoted(self.sources.slice(span))
    }

    /// Whether there are errors.
    pub(crate) fn failed(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// A size variable that no other is equal to.
    pub(crate) fn fresh(&mut self, name: &str) -> SizeVar {
        self.n_sizes += 1;
        SizeVar { id: self.n_sizes, name: Rc::from(name) }
    }

    /// The number of another occurrence of random numbers.
    pub(crate) fn site(&mut self) -> u32 {
        self.n_sites += 1;
        self.n_sites - 1
    }

    /// Size variables for what numbers of a step are one of.
    pub(crate) fn extents(&mut self) -> Extents {
        let [coordinates, rows, columns, tensors] =
            ["coordinates", "rows", "columns", "tensors"].map(|name| Dim::var(self.fresh(name)));
        Extents { coordinates, rows, columns, tensors }
    }
}
