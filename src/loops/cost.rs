//! How much a function has to do, counted in machine instructions on one register.

use crate::algebra::scalar::MachineOp;
use crate::hardware::HARDWARE;

use super::{Expr, Function, LoopBound, Stmt, Ty, Value};

/// Instructions that a call executes, roughly. A limit that is not a number counts as the mean of the
/// table that it comes from.
pub(super) fn work(function: &Function) -> u64 {
    let mut count = Count { function, limits: vec![None; function.values.len()] };
    count.block(&function.body)
}

struct Count<'a> {
    function: &'a Function,
    /// What positions are, where that is known on average.
    limits: Vec<Option<u64>>,
}

impl Count<'_> {
    fn block(&mut self, stmts: &[Stmt]) -> u64 {
        let mut sum: u64 = 0;
        for stmt in stmts {
            let here = match stmt {
                Stmt::Let(value, expr) => self.expr(*value, expr),
                Stmt::Store { step: 1, value, .. } => registers(self.ty(*value)),
                Stmt::Store { value, .. } => u64::from(self.ty(*value).lanes),
                Stmt::Product(product) => {
                    product.sizes.iter().fold(1u64, |n, size| n.saturating_mul(*size as u64))
                        / HARDWARE.products
                }
                Stmt::Ranks(ranks) => (ranks.rows * ranks.n) as u64 * u64::from(ranks.n.ilog2() + 1),
                Stmt::For { start, stop, step, body, .. } => {
                    let span = self.bound(*stop).saturating_sub(self.bound(*start));
                    span.div_ceil(*step as u64).saturating_mul(self.block(body))
                }
            };
            sum = sum.saturating_add(here);
        }
        sum
    }

    fn ty(&self, value: Value) -> Ty {
        self.function.values[value.0 as usize]
    }

    fn bound(&self, bound: LoopBound) -> u64 {
        match bound {
            LoopBound::Const(n) => n.max(0) as u64,
            LoopBound::Value(value) => self.limits[value.0 as usize].unwrap_or(1),
        }
    }

    fn expr(&mut self, value: Value, expr: &Expr) -> u64 {
        if let Expr::Table(table, _) = expr {
            let table = &self.function.tables[*table];
            let sum: i64 = table.iter().sum();
            self.limits[value.0 as usize] = Some(sum.max(0) as u64 / table.len().max(1) as u64);
        }
        let weight = match expr {
            Expr::Machine(MachineOp::Div | MachineOp::Sqrt, _) => HARDWARE.division,
            _ => 1,
        };
        weight * registers(self.ty(value))
    }
}

/// Registers that a value takes.
fn registers(ty: Ty) -> u64 {
    (u64::from(ty.lanes) * ty.dtype.bytes() as u64).div_ceil(HARDWARE.register as u64)
}
