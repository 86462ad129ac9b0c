//! A whole checked script.

use super::data::Data;
use super::expr::{Expr, ExprKind};
use super::function::Function;
use super::script::Statement;
use super::stage::Stage;
use crate::algebra::types::{DType, Type};

/// A whole checked script.
#[derive(Clone, Debug)]
pub struct Program {
    /// What `real` means.
    pub real: DType,
    /// Data sets.
    pub data: Vec<Data>,
    /// Functions and models in use.
    pub functions: Vec<Function>,
    /// Stages in use.
    pub stages: Vec<Stage>,
    /// Statements in order.
    pub statements: Vec<Statement>,
    /// The most operations that one program of it may have before it is simplified.
    pub limit: usize,
    /// Loops of at most so many iterations are written out.
    pub unroll: usize,
}

/// The limit where none is given: what compiles in half a minute.
pub const LIMIT: usize = 200_000;

/// So many iterations are written out where nothing else is said: a loop would save nothing.
pub const UNROLL: usize = 4;

impl Program {
    /// The types of the values of an expression: of several if it has several.
    pub fn types(&self, expr: &Expr) -> Vec<Type> {
        match &expr.kind {
            ExprKind::Tuple(items) => items.iter().map(|item| item.ty.clone()).collect(),
            ExprKind::Let { body, .. } | ExprKind::Unpack { body, .. } => self.types(body),
            ExprKind::Loop(parts) => parts.types(),
            ExprKind::Call { function, sizes, .. } => {
                let function = &self.functions[function.0];
                let sizes = function.sizes.iter().cloned().zip(sizes.iter().cloned()).collect();
                function.results.iter().map(|ty| ty.substitute(&sizes)).collect()
            }
            _ => vec![expr.ty.clone()],
        }
    }
}
