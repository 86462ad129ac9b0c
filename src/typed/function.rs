//! Functions and models.

use std::collections::BTreeMap;

use super::expr::{Expr, Local};
use super::ids::{FunctionId, LocalId};
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::source::Span;

/// A function or a model, checked with symbolic sizes.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, with resolved static arguments: `twice[tanh]`.
    pub name: String,
    /// Size variables, in the order in which a call gives them.
    pub sizes: Vec<SizeVar>,
    /// How many of `locals` are its arguments (they come first).
    pub n_args: usize,
    /// Its arguments, then its `let`s.
    pub locals: Vec<Local>,
    /// What it owns; empty for a `fn`.
    pub members: Vec<Member>,
    /// Its value.
    pub body: Expr,
    /// Types of its results, of which there is at least one: that of `body` comes first.
    pub results: Vec<Type>,
    /// Its derivative, if it says it itself.
    pub rule: Option<Rule>,
    /// Where it is declared.
    pub span: Span,
}

/// The derivative of a function, as the function says it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The function's value.
    pub result: LocalId,
    /// The gradient by that value.
    pub seed: LocalId,
    /// The gradient by each argument, of its type; `None` for integers.
    pub gradients: Vec<Option<Expr>>,
}

impl Member {
    /// Its name in the model.
    pub fn name(&self) -> &str {
        match self {
            Member::Param { name, .. } | Member::State { name, .. } | Member::Layer { name, .. } => name,
        }
    }
}

/// A `param`, a `state` or a `layer` of a model.
#[derive(Clone, Debug)]
pub enum Member {
    /// A trained tensor.
    Param {
        /// Its name in the model.
        name: String,
        /// Its type.
        ty: Type,
        /// Its value before training; refers to sizes, not to arguments.
        init: Expr,
        /// Where it is declared.
        span: Span,
    },
    /// A tensor that training steps assign, and no optimizer changes.
    State {
        /// Its name in the model.
        name: String,
        /// Its type.
        ty: Type,
        /// Its value before training; refers to sizes, not to arguments.
        init: Expr,
    },
    /// An instance of another model.
    Layer {
        /// Its name in the model.
        name: String,
        /// The model. Calls of the layer may name another instance of the same model, checked for
        /// another number of leading `..` axes; its members are the same ones in the same order.
        function: FunctionId,
        /// A size for each variable of `function` that is fixed where the layer is declared or that
        /// its parameters' shapes need, over the enclosing model's variables.
        sizes: BTreeMap<SizeVar, Dim>,
    },
}
