//! Reductions: how accumulators start, take in a value, and are put together at the end.

use crate::algebra::form::Reducer;
use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;
use crate::kernel::{Inst, InstId};

use super::build::LoopBuilder;
use super::lower::KernelLowering;
use super::{Expr, Ty, Value};

/// The operation that puts two values together.
fn op(combine: Reducer, dtype: DType) -> MachineOp {
    match (combine, dtype) {
        (Reducer::Max, DType::Bool) => MachineOp::Or,
        (Reducer::Min, DType::Bool) => MachineOp::And,
        (Reducer::Sum, _) => MachineOp::Add,
        (Reducer::Prod, _) => MachineOp::Mul,
        (Reducer::Max, _) => MachineOp::Max,
        (Reducer::Min, _) => MachineOp::Min,
    }
}

/// What an accumulator starts from.
pub(super) fn start(combine: Reducer, dtype: DType) -> f64 {
    match (combine, dtype) {
        (Reducer::Max, DType::Bool) => 0.0,
        (Reducer::Min, DType::Bool) => 1.0,
        (Reducer::Max, DType::I32) => f64::from(i32::MIN),
        (Reducer::Min, DType::I32) => f64::from(i32::MAX),
        _ => combine.start(),
    }
}

/// Whether NaN must be kept by hand: the machine's `max` and `min` lose it.
fn loses_nan(combine: Reducer, dtype: DType) -> bool {
    matches!(combine, Reducer::Max | Reducer::Min) && dtype.is_float()
}

/// Two values put together; NaN if either is.
fn merge(to: &mut LoopBuilder, combine: Reducer, dtype: DType, a: Value, b: Value) -> Value {
    let merged = to.machine(op(combine, dtype), vec![a, b], dtype);
    if !loses_nan(combine, dtype) {
        return merged;
    }
    let nan = to.machine(MachineOp::Ne, vec![a, a], DType::Bool);
    to.machine(MachineOp::Select, vec![nan, a, merged], dtype)
}

/// All lanes put together.
fn fold(to: &mut LoopBuilder, combine: Reducer, dtype: DType, value: Value) -> Value {
    if to.ty(value).lanes == 1 {
        return value;
    }
    let scalar = |dtype| Ty { dtype, lanes: 1 };
    let folded = to.emit(Expr::Horizontal(op(combine, dtype), value), scalar(dtype));
    if !loses_nan(combine, dtype) {
        return folded;
    }
    let nan = to.machine(MachineOp::Ne, vec![value, value], DType::Bool);
    let any = to.emit(Expr::Horizontal(MachineOp::Or, nan), scalar(DType::Bool));
    let number = to.number(f64::NAN, scalar(dtype));
    to.machine(MachineOp::Select, vec![any, number, folded], dtype)
}

impl KernelLowering<'_> {
    /// One iteration of the innermost loop: takes one more value (in each lane, in each row) into each
    /// accumulator. Also does the stores that stand inside the reduction.
    pub(super) fn accumulate(&mut self, sums: Vec<Value>) -> Vec<Value> {
        let reduced = self.facts.reduced;
        self.insts(|facts, id| facts.inside[id.0] && facts.deps[id.0] & reduced != 0);
        let mut next = Vec::with_capacity(sums.len());
        for (c, (combine, arg, dtype)) in self.sums().into_iter().enumerate() {
            for row in 0..self.rows {
                let sum = sums[c * self.rows + row];
                let taken = self.take_in(combine, arg, dtype, row, sum);
                next.push(self.count(taken, sum));
            }
        }
        next
    }

    /// The accumulator with one more value. One that is still what it starts from gives the value itself,
    /// and no loop is carried.
    fn take_in(&mut self, combine: Reducer, arg: InstId, dtype: DType, row: usize, sum: Value) -> Value {
        let lanes = self.to.ty(sum).lanes;
        // A number known when compiling may as well be a value that was taken in before.
        let first = self.to.constant(sum) == Some(start(combine, dtype));
        if self.facts.contracted[arg.0] {
            let Inst::Map(_, factors, _) = &self.kernel.insts[arg.0] else {
                unreachable!("only products are contracted")
            };
            let (a, b) = (self.wide(factors[0], row, lanes), self.wide(factors[1], row, lanes));
            return match first {
                true => self.to.machine(MachineOp::Mul, vec![a, b], dtype),
                false => self.to.machine(MachineOp::Fma, vec![a, b, sum], dtype),
            };
        }
        let value = self.wide(arg, row, lanes);
        let value = self.to.cast(value, dtype);
        if first { value } else { merge(&mut self.to, combine, dtype, sum, value) }
    }

    /// The accumulator with a value taken in, but in lanes that do not count.
    fn count(&mut self, taken: Value, sum: Value) -> Value {
        if self.skip == 0 {
            return taken;
        }
        let ty = self.to.ty(taken);
        let whole = Ty { dtype: DType::I32, ..ty };
        let zero = self.to.int(0);
        let place = self.to.emit(Expr::Iota(zero), whole);
        let first = self.to.number(self.skip as f64, whole);
        let counts = self.to.machine(MachineOp::Le, vec![first, place], DType::Bool);
        self.to.machine(MachineOp::Select, vec![counts, taken, sum], ty.dtype)
    }

    /// After the loops: one value for each reduction and row, sections put together in order.
    pub(super) fn fold_all(&mut self, sums: &[Value]) {
        let whole = self.schedule.vector.is_some_and(|axis| axis >= self.kernel.n_out);
        let per = self.facts.combines.len() * self.rows;
        for (c, (combine, _, dtype)) in self.sums().into_iter().enumerate() {
            for row in 0..self.rows {
                let parts: Vec<Value> = sums.iter().skip(c * self.rows + row).step_by(per).copied().collect();
                let mut parts = parts.into_iter().map(|part| match whole {
                    true => fold(&mut self.to, combine, dtype, part),
                    false => part,
                });
                let first = parts.next();
                let rest: Vec<Value> = parts.collect();
                let Some(mut sum) = first else { continue };
                for part in rest {
                    sum = merge(&mut self.to, combine, dtype, sum, part);
                }
                let id = self.facts.combines[c];
                self.define(id, row, sum);
            }
        }
    }
}
