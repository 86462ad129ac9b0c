//! Sharing: equal functions are one, across programs too, so compile time does not grow with depth.
//!
//! What tells the random numbers of one tensor from those of another is a large whole number. Such numbers
//! are given by calls, so that the initial values of equal layers are one function as well.

use rustc_hash::FxHashMap;

use super::build::hash_of;
use super::{Expr, Function, Number, Stmt};
use crate::algebra::types::DType;

/// From here on whole numbers are given by calls.
const LARGE: f64 = 1_048_576.0;

/// Functions, each once.
#[derive(Default)]
pub(super) struct Deduplicated {
    functions: Vec<Function>,
    by_hash: FxHashMap<u64, Vec<usize>>,
}

impl Deduplicated {
    /// The index of this function or of one equal to it, and the numbers that a call gives it.
    pub(super) fn add(&mut self, mut function: Function) -> (usize, Vec<i32>) {
        let mut given = Vec::new();
        let mut body = std::mem::take(&mut function.body);
        give(&mut body, &function, &mut given);
        (function.body, function.immediates) = (body, given.len());
        (self.find(function), given)
    }

    fn find(&mut self, function: Function) -> usize {
        let same = self.by_hash.entry(hash_of(&function)).or_default();
        if let Some(known) = same.iter().find(|k| self.functions[**k] == function) {
            return *known;
        }
        same.push(self.functions.len());
        self.functions.push(function);
        self.functions.len() - 1
    }

    /// All functions by index.
    pub(super) fn finish(self) -> Vec<Function> {
        self.functions
    }
}

/// Takes large whole numbers out of statements.
fn give(stmts: &mut [Stmt], function: &Function, given: &mut Vec<i32>) {
    for stmt in stmts {
        match stmt {
            Stmt::Let(value, expr) => {
                if let Expr::Const(Number(number)) = *expr
                    && function.values[value.0 as usize].dtype == DType::I32
                    && number.abs() >= LARGE
                {
                    *expr = Expr::Immediate(given.len());
                    given.push(number as i32);
                }
            }
            Stmt::For { body, .. } => give(body, function, given),
            _ => {}
        }
    }
}
