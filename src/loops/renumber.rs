//! Numbering: drops values that nobody uses and numbers the others in the order of the text, so that
//! equal functions are equal data.

use crate::algebra::types::DType;

use super::{Address, Chunking, Expr, Function, LoopBound, Stmt, Ty, Value};

const NONE: Value = Value(u32::MAX);

/// A function of these statements.
pub(super) fn number(
    pointers: Vec<DType>,
    tables: Vec<Vec<i64>>,
    mut parts: Option<Chunking>,
    mut body: Vec<Stmt>,
    types: &[Ty],
) -> Function {
    let mut used = vec![false; types.len()];
    sweep(&mut body, &mut used);
    let mut names = Renumbering { new: vec![NONE; types.len()], types, values: Vec::new() };
    if let Some(parts) = &mut parts {
        names.define(&mut parts.index);
    }
    names.block(&mut body);
    Function { pointers, tables, parts, immediates: 0, body, values: names.values }
}

/// Drops unused definitions, last statement first; marks what the others use.
fn sweep(stmts: &mut Vec<Stmt>, used: &mut [bool]) {
    let mut keep = vec![true; stmts.len()];
    for (stmt, keep) in stmts.iter_mut().zip(&mut keep).rev() {
        match stmt {
            Stmt::Let(value, expr) => {
                *keep = used[value.0 as usize];
                if *keep {
                    expr.operands(&mut |operand| used[operand.0 as usize] = true);
                }
            }
            Stmt::Store { at, value, .. } => {
                used[value.0 as usize] = true;
                at.terms.iter().for_each(|(operand, _)| used[operand.0 as usize] = true);
            }
            Stmt::Product(product) => {
                let terms = product.addresses().into_iter().flat_map(|at| &at.terms);
                terms.for_each(|(operand, _)| used[operand.0 as usize] = true);
            }
            Stmt::Ranks(_) => {}
            Stmt::For { start, stop, carried, body, .. } => {
                for value in carried.iter() {
                    used[value.init.0 as usize] = true;
                    used[value.next.0 as usize] = true;
                }
                for bound in [start, stop] {
                    if let LoopBound::Value(value) = bound {
                        used[value.0 as usize] = true;
                    }
                }
                sweep(body, used);
            }
        }
    }
    let mut keep = keep.into_iter();
    stmts.retain(|_| keep.next() == Some(true));
}

struct Renumbering<'a> {
    new: Vec<Value>,
    types: &'a [Ty],
    values: Vec<Ty>,
}

impl Renumbering<'_> {
    fn define(&mut self, value: &mut Value) {
        let old = value.0 as usize;
        *value = Value(self.values.len() as u32);
        self.new[old] = *value;
        self.values.push(self.types[old]);
    }

    fn rename(&self, value: &mut Value) {
        *value = self.new[value.0 as usize];
        assert!(*value != NONE, "egret internal error in loops: a value is used before it is defined");
    }

    fn address(&self, at: &mut Address) {
        at.terms.iter_mut().for_each(|(value, _)| self.rename(value));
        at.terms.sort_unstable();
    }

    fn bound(&self, bound: &mut LoopBound) {
        if let LoopBound::Value(value) = bound {
            self.rename(value);
        }
    }

    fn block(&mut self, stmts: &mut [Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Let(value, expr) => {
                    self.expr(expr);
                    self.define(value);
                }
                Stmt::Store { at, value, .. } => {
                    self.address(at);
                    self.rename(value);
                }
                Stmt::Product(product) => product.addresses().into_iter().for_each(|at| self.address(at)),
                Stmt::Ranks(_) => {}
                Stmt::For { var, start, stop, carried, body, .. } => {
                    self.bound(start);
                    self.bound(stop);
                    self.define(var);
                    for value in carried.iter_mut() {
                        self.rename(&mut value.init);
                        self.define(&mut value.current);
                    }
                    self.block(body);
                    for value in carried {
                        self.rename(&mut value.next);
                        self.define(&mut value.last);
                    }
                }
            }
        }
    }

    fn expr(&self, expr: &mut Expr) {
        match expr {
            Expr::Const(_) | Expr::Int(_) | Expr::Immediate(_) => {}
            Expr::Load { at, .. } | Expr::Position(at) => self.address(at),
            Expr::Machine(_, args) => args.iter_mut().for_each(|value| self.rename(value)),
            Expr::Splat(value)
            | Expr::Iota(value)
            | Expr::Cast(value)
            | Expr::Horizontal(_, value)
            | Expr::Table(_, value)
            | Expr::InRange(value, _)
            | Expr::Clamp(value, _) => self.rename(value),
        }
    }
}
