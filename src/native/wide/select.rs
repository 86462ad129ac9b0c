//! From the loop's operations to those of the machine, on virtual registers.

mod operations;

use super::body::{Body, Id, Info, Op, Place, Source};
use super::encode::*;
use super::plan::{Access, Facts, Known, Plan};
use crate::algebra::scalar::{Machine, encode};
use crate::algebra::types::DType;
use crate::loops::{Expr, Stmt, Value};

/// Lanes of the widest type that there is in a register.
pub(super) fn most_lanes(facts: &Facts, plan: &Plan, level: Level) -> usize {
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
    level.bytes() / widest
}

/// A body with `per` lanes in a register; none if there is something that has no such operation.
pub(super) fn select<'a, 'b>(
    facts: &'b Facts<'a, 'b>,
    plan: &'b mut Plan<'a>,
    level: Level,
    per: usize,
) -> Option<Body> {
    let body = Body {
        level,
        per,
        ops: Vec::new(),
        infos: Vec::new(),
        shared: Vec::new(),
        carried: Vec::new(),
        inits: Vec::new(),
    };
    let mut select = Select { facts, plan, body, known: Known::new(), lane: 0 };
    let parts = if select.plan.free { 1 } else { select.plan.lanes / per };
    for part in 0..parts {
        select.known.clear();
        select.lane = part * per;
        select.part()?;
    }
    select.body.drop_dead();
    Some(select.body)
}

struct Select<'a, 'b> {
    facts: &'b Facts<'a, 'b>,
    plan: &'b mut Plan<'a>,
    body: Body,
    /// The registers of values, in this part.
    known: Known<Id>,
    /// The first lane of this part.
    lane: usize,
}

impl Select<'_, '_> {
    fn part(&mut self) -> Option<()> {
        let mut currents = Vec::new();
        for carry in self.plan.carried {
            let size = self.facts.ty(carry.init).dtype.bytes();
            let current = self.body.fresh(Info { source: Source::Body, size, mask: false, lane: 0 });
            self.known.insert(carry.current, current);
            currents.push(current);
            let init = self.outside(carry.init)?;
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
                self.store(access, value)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// The register of a value.
    fn value(&mut self, value: Value) -> Option<Id> {
        match self.known.get(&value) {
            Some(id) => Some(*id),
            None => self.outside(value),
        }
    }

    /// The register of a value from outside.
    fn outside(&mut self, value: Value) -> Option<Id> {
        let dtype = self.facts.ty(value).dtype;
        match dtype {
            DType::F32 | DType::F64 | DType::I32 => {}
            DType::Bool => return self.again(value),
            DType::I64 => return None,
        }
        let size = dtype.bytes();
        if let Some(Expr::Const(number)) = self.facts.definition(value) {
            return Some(self.number(encode(number.0, dtype), size));
        }
        let source = Source::Passed(self.plan.pass(self.facts, value)?);
        Some(self.shared(Info { source, size, mask: false, lane: self.lane }))
    }

    /// A boolean from outside, computed again in each iteration: masks do not come through memory, and what they
    /// are made of is mostly there.
    fn again(&mut self, value: Value) -> Option<Id> {
        let Some(Expr::Machine(machine, args)) = self.facts.definition(value) else { return None };
        let fits = |arg: &Value| self.facts.ty(*arg).dtype.bytes() * self.body.per <= self.body.level.bytes();
        if !args.iter().all(fits) {
            return None;
        }
        let id = self.machine(*machine, DType::Bool, args)?;
        self.known.insert(value, id);
        Some(id)
    }

    /// A register that does not change.
    fn shared(&mut self, info: Info) -> Id {
        let known = self.body.shared.iter().find(|id| self.body.infos[**id] == info).copied();
        known.unwrap_or_else(|| {
            let id = self.body.fresh(info);
            self.body.shared.push(id);
            id
        })
    }

    fn number(&mut self, bits: u64, size: usize) -> Id {
        self.shared(Info { source: Source::Number(bits), size, mask: false, lane: 0 })
    }

    fn float(&mut self, number: f64, size: usize) -> Id {
        self.number(encode(number, if size == 4 { DType::F32 } else { DType::F64 }), size)
    }

    fn size(&self, id: Id) -> usize {
        self.body.infos[id].size
    }

    fn op(&mut self, row: &'static Row, size: usize, from: &[Id], immediate: Option<u8>) -> Id {
        self.emit(row, size, from, Place::None, immediate)
    }

    fn emit(
        &mut self,
        row: &'static Row,
        size: usize,
        from: &[Id],
        place: Place,
        immediate: Option<u8>,
    ) -> Id {
        let to = self.body.fresh(Info { source: Source::Body, size, mask: false, lane: 0 });
        let bytes = size * self.body.per;
        let op = Op { row, bytes, wide: size == 8, to: Some(to), from: from.to_vec(), place, immediate };
        self.body.ops.push(op);
        to
    }

    /// An operation whose result is a mask register.
    fn mask(&mut self, row: &'static Row, size: usize, from: &[Id], immediate: Option<u8>) -> Id {
        let id = self.op(row, size, from, immediate);
        self.body.infos[id].mask = true;
        id
    }

    fn expr(&mut self, value: Value, expr: &Expr) -> Option<Id> {
        let ty = self.facts.ty(value);
        match expr {
            Expr::Const(_) | Expr::Immediate(_) => self.outside(value),
            Expr::Load { pointer, at, .. } => {
                let access = self.plan.access(self.facts, *pointer, at)?;
                self.load(access, ty.dtype)
            }
            Expr::Splat(scalar) => self.splat(*scalar),
            Expr::Iota(start) if ty.dtype == DType::I32 && self.plan.free => self.positions(*start),
            Expr::Machine(Machine::IntToFloat, args) => self.cast(args[0], ty.dtype),
            Expr::Machine(machine, args) => self.machine(*machine, ty.dtype, args),
            Expr::Cast(arg) => self.cast(*arg, ty.dtype),
            _ => None,
        }
    }

    fn load(&mut self, access: Access, dtype: DType) -> Option<Id> {
        let place = Place::Access(access, self.lane);
        match dtype {
            DType::I64 => None,
            DType::Bool => {
                let whole = self.emit(&BYTES_TO_INTS, 4, &[], place, None);
                if self.body.level == Level::Avx512 {
                    return Some(self.mask(&TEST, 4, &[whole, whole], None));
                }
                let zero = self.number(0, 4);
                Some(self.op(&INT_GREATER, 4, &[whole, zero], None))
            }
            _ => Some(self.emit(&LOAD, dtype.bytes(), &[], place, None)),
        }
    }

    fn store(&mut self, access: Access, value: Id) -> Option<()> {
        let (mut row, mut value, size) = (&STORE, value, access.size);
        if size == 1 {
            if self.body.level == Level::Avx2 {
                return None;
            }
            value = self.op(&MASK_TO_BYTES, 16 / self.body.per, &[value], None);
            value = self.op(&BYTE_ABS, 16 / self.body.per, &[value], None);
            row = [&STORE_4, &STORE_8, &STORE][(self.body.per / 8).min(2)];
        }
        let place = Place::Access(access, self.lane);
        let (bytes, wide) =
            if size == 1 { (16, row.code == STORE_8.code) } else { (size * self.body.per, false) };
        self.body.ops.push(Op { row, bytes, wide, to: None, from: vec![value], place, immediate: None });
        Some(())
    }

    /// A scalar in each lane: one from outside, or one that each iteration loads.
    fn splat(&mut self, scalar: Value) -> Option<Id> {
        if !self.plan.defines(scalar) {
            return self.outside(scalar);
        }
        let Some(Expr::Load { pointer, at, .. }) = self.facts.definition(scalar) else { return None };
        let access = self.plan.access(self.facts, *pointer, at)?;
        let row = match self.facts.ty(scalar).dtype {
            DType::F32 | DType::I32 => &SPREAD_SINGLE,
            DType::F64 => &SPREAD_DOUBLE,
            _ => return None,
        };
        Some(self.emit(row, access.size, &[], Place::Access(access, 0), None))
    }

    fn positions(&mut self, start: Value) -> Option<Id> {
        let offset = self.plan.position(self.facts, start)?;
        let first = match self.body.level {
            Level::Avx512 => self.emit(&SPREAD_GENERAL, 4, &[], Place::Position, None),
            Level::Avx2 => {
                let first = self.emit(&FROM_GENERAL, 4, &[], Place::Position, None);
                self.body.ops.last_mut()?.bytes = 16;
                self.op(&SPREAD_INT, 4, &[first], None)
            }
        };
        let count = self.shared(Info { source: Source::Count, size: 4, mask: false, lane: 0 });
        let sum = self.op(&INT_ADD, 4, &[first, count], None);
        if offset == 0 {
            return Some(sum);
        }
        let offset = self.number(u64::from(offset as u32), 4);
        Some(self.op(&INT_ADD, 4, &[sum, offset], None))
    }

    fn cast(&mut self, arg: Value, to: DType) -> Option<Id> {
        let from = self.facts.ty(arg).dtype;
        let x = self.value(arg)?;
        let row = match (from, to) {
            _ if from == to => return Some(x),
            (DType::I32, DType::F32) => return Some(self.op(&INT_TO_SINGLE, 4, &[x], None)),
            (DType::I32, DType::F64) => &INT_TO_DOUBLE,
            (DType::F32, DType::F64) => &SINGLE_TO_DOUBLE,
            (DType::F64, DType::F32) => {
                let id = self.op(&DOUBLE_TO_SINGLE, 4, &[x], None);
                let last = self.body.ops.last_mut()?;
                (last.bytes, last.wide) = (8 * self.body.per, true);
                return Some(id);
            }
            (DType::Bool, DType::F32 | DType::F64) => {
                let (one, zero) = (self.float(1.0, to.bytes()), self.float(0.0, to.bytes()));
                return self.blend(x, one, zero);
            }
            (DType::Bool, DType::I32) => {
                let (one, zero) = (self.number(1, 4), self.number(0, 4));
                return self.blend(x, one, zero);
            }
            (_, DType::Bool) => {
                let zero = self.number(0, self.size(x));
                return self.compare(Machine::Ne, from, x, zero);
            }
            _ => return None,
        };
        let id = self.op(row, 8, &[x], None);
        self.body.ops.last_mut()?.wide = false;
        Some(id)
    }
}
