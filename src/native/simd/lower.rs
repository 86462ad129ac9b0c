//! From the statements of a loop to operations on virtual registers, which the instruction set selects
//! instructions for.

use super::body::{Id, Origin, VectorBody, VirtualRegister};
use super::isa::{Isa, Operation};
use super::plan::{ByValue, Plan, ValueFacts};
use crate::algebra::scalar::{MachineOp, encode};
use crate::algebra::types::DType;
use crate::loops::{Expr, Stmt, Value};

/// Lanes of the widest type that there is in a register of so many bytes.
pub(super) fn most_lanes(facts: &ValueFacts, plan: &Plan, bytes: usize) -> usize {
    let mut widest = 4;
    let mut see = |value: Value| {
        if facts.ty(value).lanes > 1 {
            widest = widest.max(facts.ty(value).dtype.bytes());
        }
    };
    plan.carried.iter().for_each(|carry| see(carry.init));
    for stmt in plan.body {
        match stmt {
            Stmt::Let(value, expr) => {
                see(*value);
                expr.operands(&mut see);
            }
            Stmt::Store { value, .. } => see(*value),
            Stmt::For { .. } | Stmt::Product(_) | Stmt::Ranks(_) => {}
        }
    }
    bytes / widest
}

/// A body with `per` lanes in a register; none if the instruction set lacks an operation.
pub(super) fn lower<'a, 'b>(
    facts: &'b ValueFacts<'a, 'b>,
    plan: &'b mut Plan<'a>,
    isa: &'b dyn Isa,
    per: usize,
) -> Option<VectorBody> {
    let body = VectorBody { per, ..VectorBody::default() };
    let mut lower = Lower { facts, plan, isa, body, known: ByValue::new(), lane: 0 };
    let parts = if lower.plan.free { 1 } else { lower.plan.lanes / per };
    for part in 0..parts {
        lower.known.clear();
        lower.lane = part * per;
        lower.part()?;
    }
    lower.body.drop_dead();
    Some(lower.body)
}

struct Lower<'a, 'b> {
    facts: &'b ValueFacts<'a, 'b>,
    plan: &'b mut Plan<'a>,
    isa: &'b dyn Isa,
    body: VectorBody,
    /// The registers of values, in this part.
    known: ByValue<Id>,
    /// The first lane of this part.
    lane: usize,
}

impl Lower<'_, '_> {
    fn part(&mut self) -> Option<()> {
        let mut currents = Vec::new();
        for carry in self.plan.carried {
            let size = self.facts.ty(carry.init).dtype.bytes();
            let current =
                self.body.fresh(VirtualRegister { source: Origin::Body, size, mask: false, lane: 0 });
            self.known.insert(carry.current, current);
            currents.push(current);
            let init = self.live_in(carry.init)?;
            self.body.inits.push(init);
        }
        for stmt in self.plan.body {
            self.stmt(stmt)?;
        }
        for (carry, current) in self.plan.carried.iter().zip(currents) {
            let next = self.value(carry.next)?;
            self.body.carried.push((current, next));
        }
        Some(())
    }

    fn stmt(&mut self, stmt: &Stmt) -> Option<()> {
        match stmt {
            Stmt::Let(value, expr) if self.facts.ty(*value).lanes > 1 => {
                let id = self.expr(*value, expr)?;
                self.known.insert(*value, id);
            }
            // Where they are needed.
            Stmt::Let(_, Expr::Position(_) | Expr::Clamp(..) | Expr::Load { .. }) => {}
            Stmt::Store { pointer, at, value, .. } => {
                let access = self.plan.access(self.facts, *pointer, at)?;
                let value = self.value(*value)?;
                self.isa.store(access, self.lane, value, &mut self.body)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// The register of a value.
    fn value(&mut self, value: Value) -> Option<Id> {
        match self.known.get(&value) {
            Some(id) => Some(*id),
            None => self.live_in(value),
        }
    }

    /// The register of a value from before the loop.
    fn live_in(&mut self, value: Value) -> Option<Id> {
        let dtype = self.facts.ty(value).dtype;
        match dtype {
            DType::F32 | DType::F64 | DType::I32 => {}
            DType::Bool => return self.rematerialise(value),
            DType::I64 => return None,
        }
        let size = dtype.bytes();
        if let Some(Expr::Const(number)) = self.facts.definition(value) {
            return Some(self.body.number(encode(number.0, dtype), size));
        }
        let source = Origin::LiveIn(self.plan.live_in(self.facts, value)?);
        Some(self.body.shared(VirtualRegister { source, size, mask: false, lane: self.lane }))
    }

    /// A boolean from before the loop, computed again in each iteration: masks do not come through memory, and what
    /// they are made of is mostly there.
    fn rematerialise(&mut self, value: Value) -> Option<Id> {
        let Some(Expr::Machine(machine, args)) = self.facts.definition(value) else { return None };
        let bytes = self.isa.registers().bytes;
        let fits = |arg: &Value| self.facts.ty(*arg).dtype.bytes() * self.body.per <= bytes;
        if !args.iter().all(fits) {
            return None;
        }
        let id = self.machine(*machine, DType::Bool, args)?;
        self.known.insert(value, id);
        Some(id)
    }

    fn select(&mut self, operation: Operation, args: &[Id]) -> Option<Id> {
        self.isa.select(operation, args, &mut self.body)
    }

    fn expr(&mut self, value: Value, expr: &Expr) -> Option<Id> {
        let ty = self.facts.ty(value);
        match expr {
            Expr::Const(_) | Expr::Immediate(_) => self.live_in(value),
            Expr::Load { pointer, at, .. } => {
                let access = self.plan.access(self.facts, *pointer, at)?;
                self.select(Operation::Load(access, self.lane, ty.dtype), &[])
            }
            Expr::Splat(scalar) => self.splat(*scalar),
            Expr::Iota(start) if ty.dtype == DType::I32 && self.plan.free => {
                let offset = self.plan.position(self.facts, *start)?;
                self.select(Operation::Iota(offset), &[])
            }
            Expr::Machine(MachineOp::IntToFloat, args) => self.cast(args[0], ty.dtype),
            Expr::Machine(machine, args) => self.machine(*machine, ty.dtype, args),
            Expr::Cast(arg) => self.cast(*arg, ty.dtype),
            _ => None,
        }
    }

    /// A scalar in each lane: a live-in, or one that each iteration loads.
    fn splat(&mut self, scalar: Value) -> Option<Id> {
        if !self.plan.defines(scalar) {
            return self.live_in(scalar);
        }
        let Some(Expr::Load { pointer, at, .. }) = self.facts.definition(scalar) else { return None };
        let access = self.plan.access(self.facts, *pointer, at)?;
        self.select(Operation::Splat(access, self.facts.ty(scalar).dtype), &[])
    }

    fn cast(&mut self, arg: Value, to: DType) -> Option<Id> {
        let from = self.facts.ty(arg).dtype;
        let x = self.value(arg)?;
        if from == to { Some(x) } else { self.select(Operation::Cast(from, to), &[x]) }
    }

    fn machine(&mut self, machine: MachineOp, result: DType, args: &[Value]) -> Option<Id> {
        let dtype = if machine == MachineOp::Select { result } else { self.facts.ty(args[0]).dtype };
        match machine {
            MachineOp::Fma => self.fused(args),
            MachineOp::IntShl | MachineOp::IntShr => self.shift(machine, args),
            _ => {
                let args: Option<Vec<Id>> = args.iter().map(|arg| self.value(*arg)).collect();
                self.select(Operation::Machine(machine, dtype), &args?)
            }
        }
    }

    /// A shift by a number of bits that is known.
    fn shift(&mut self, machine: MachineOp, args: &[Value]) -> Option<Id> {
        let Some(Expr::Const(by)) = self.facts.definition(args[1]) else { return None };
        let x = self.value(args[0])?;
        self.select(Operation::Shift(machine, by.0 as u8), &[x])
    }

    /// `a * b + c`; negated operands are part of the operation.
    fn fused(&mut self, args: &[Value]) -> Option<Id> {
        let mut negated = [false; 3];
        let mut x = Vec::new();
        for (arg, negated) in args.iter().zip(&mut negated) {
            let mut arg = *arg;
            if let Some(Expr::Machine(MachineOp::Neg, inner)) = self.facts.definition(arg)
                && self.plan.defines(arg)
            {
                (arg, *negated) = (inner[0], true);
            }
            x.push(self.value(arg)?);
        }
        self.select(Operation::Fused { product: negated[0] != negated[1], sum: negated[2] }, &x)
    }
}
