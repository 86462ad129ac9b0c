//! Functions that are in use: one instance for each combination of what is static but no size.

use std::collections::{BTreeMap, VecDeque};

use super::binding::{Layer, StaticArg};
use super::scope::{Caller, Scope};
use super::value::Checked;
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Function, FunctionId, Instance};

/// Sizes of a callee by its variables.
pub(crate) type Sizes = BTreeMap<SizeVar, Dim>;

/// What tells instances of one function apart. Sizes do not: instances are generic in them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    pub def: usize,
    pub statics: Vec<Option<StaticArg>>,
    pub rank: usize,
}

/// Types of a function in its own size variables.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// Its size variables, in the order in which calls give them.
    pub sizes: Vec<SizeVar>,
    /// The size variable of each static argument that is a size.
    pub statics: Vec<Option<SizeVar>>,
    /// Types of its arguments, their names, and how and where they are written.
    pub args: Vec<Type>,
    pub names: Vec<String>,
    pub written: Vec<String>,
    pub spans: Vec<Span>,
    /// Types of its results, of which there is at least one.
    pub results: Vec<Type>,
}

impl Signature {
    /// The sizes that static arguments give.
    pub(crate) fn static_sizes(&self, statics: &[StaticArg]) -> Sizes {
        let pairs = self.statics.iter().zip(statics);
        pairs
            .filter_map(|(var, value)| match (var, value) {
                (Some(var), StaticArg::Size(dim)) => Some((var.clone(), dim.clone())),
                _ => None,
            })
            .collect()
    }
}

/// A function that is in use.
#[derive(Clone, Debug)]
pub(crate) struct InstanceOf {
    pub def: usize,
    pub name: String,
    pub signature: Signature,
    /// Its scope with everything that the signature declares, until its body is checked.
    pub scope: Option<Scope>,
    /// The function itself, once its body is checked and in order.
    pub function: Option<Function>,
    /// The layers of a model with their member index, once its body is checked.
    pub layers: Vec<(usize, Layer)>,
    /// Who asked for it first.
    pub parent: Option<usize>,
}

/// A call of a function or model, for what can be said only when all bodies are known.
#[derive(Clone, Debug)]
pub(crate) struct CallSite {
    pub caller: Caller,
    pub callee: FunctionId,
    pub sizes: Vec<Dim>,
    pub instance: Instance,
    pub span: Span,
}

/// Functions in use.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    /// All of them.
    pub made: Vec<InstanceOf>,
    /// By what tells them apart.
    pub memo: BTreeMap<Key, Checked<FunctionId>>,
    /// Those whose bodies are still to be checked.
    pub pending: VecDeque<FunctionId>,
    /// Those whose bodies ask for parts of a model that no call has been found of yet.
    pub waiting: Vec<FunctionId>,
    /// All calls of functions.
    pub calls: Vec<CallSite>,
}

impl Instances {
    /// The types of the values of an expression.
    pub(crate) fn results(&self, expr: &Expr) -> Vec<Type> {
        match &expr.kind {
            ExprKind::Tuple(items) => items.iter().map(|item| item.ty.clone()).collect(),
            ExprKind::Let { body, .. } | ExprKind::Unpack { body, .. } => self.results(body),
            ExprKind::Loop(parts) => parts.types(),
            ExprKind::Derive(derive) => derive.results(),
            ExprKind::Call { function, sizes, .. } => {
                let signature = &self.made[function.0].signature;
                let sizes = signature.sizes.iter().cloned().zip(sizes.iter().cloned()).collect();
                signature.results.iter().map(|ty| ty.substitute(&sizes)).collect()
            }
            _ => vec![expr.ty.clone()],
        }
    }
}
