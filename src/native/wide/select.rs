//! From the loop's operations to those of the machine, on virtual registers.

use super::encode::*;
use super::plan::{Access, Facts, Known, Plan};
use crate::algebra::scalar::{Machine, encode};
use crate::algebra::types::DType;
use crate::loops::{Expr, Stmt, Value};

/// A virtual register.
pub(super) type Id = usize;

/// Where a virtual register's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// An operation of the body, or the turn before.
    Body,
    /// The bits of a number, in each lane.
    Number(u64),
    /// The numbers of the lanes.
    Count,
    /// What comes from outside, by its place.
    Passed(usize),
}

/// A virtual register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Info {
    pub(super) source: Source,
    /// Bytes of a lane.
    pub(super) size: usize,
    /// Whether it is a mask register.
    pub(super) mask: bool,
    /// The first of its lanes among those that came from outside.
    pub(super) lane: usize,
}

/// What an operation takes beside registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    None,
    /// Memory behind one of the pointers, from a lane on.
    Access(Access, usize),
    /// The position of the turn.
    Position,
}

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) row: &'static Row,
    /// Bytes of the longest vector that it speaks of.
    pub(super) bytes: usize,
    /// Whether lanes have 64 bits.
    pub(super) wide: bool,
    pub(super) to: Option<Id>,
    pub(super) from: Vec<Id>,
    pub(super) place: Place,
    pub(super) immediate: Option<u8>,
}

/// A body for so many lanes in a register.
pub(super) struct Body {
    pub(super) level: Level,
    pub(super) per: usize,
    pub(super) ops: Vec<Op>,
    pub(super) infos: Vec<Info>,
    /// Those that no turn changes.
    pub(super) shared: Vec<Id>,
    /// For each register of a carried value: inside the loop, and at the end of a turn.
    pub(super) carried: Vec<(Id, Id)>,
    /// The initial value of each of them.
    pub(super) inits: Vec<Id>,
}

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
            Stmt::For { .. } | Stmt::Product(_) => {}
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

impl Body {
    /// A new virtual register.
    fn fresh(&mut self, info: Info) -> Id {
        self.infos.push(info);
        self.infos.len() - 1
    }

    /// Drops operations whose results nobody uses.
    fn drop_dead(&mut self) {
        let mut live = vec![false; self.infos.len()];
        self.carried.iter().for_each(|(_, next)| live[*next] = true);
        let mut keep = vec![false; self.ops.len()];
        for (k, op) in self.ops.iter().enumerate().rev() {
            keep[k] = op.to.is_none_or(|to| live[to]);
            if keep[k] {
                op.from.iter().for_each(|from| live[*from] = true);
            }
        }
        let mut keep = keep.into_iter();
        self.ops.retain(|_| keep.next() == Some(true));
    }
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

/// How floats of a size keep their exponent: bits of the fraction, and what is added.
fn layout(size: usize) -> (u32, f64) {
    if size == 4 { (23, 127.0) } else { (52, 1023.0) }
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
            Stmt::Let(_, Expr::Position(_) | Expr::ClampTo(..) | Expr::Load { .. }) => {}
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

    /// A boolean from outside, computed again in each turn: masks do not come through memory, and what they
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

    fn expr(&mut self, value: Value, expr: &Expr) -> Option<Id> {
        let ty = self.facts.ty(value);
        match expr {
            Expr::Const(_) | Expr::Given(_) => self.outside(value),
            Expr::Load { pointer, at, .. } => {
                let access = self.plan.access(self.facts, *pointer, at)?;
                self.load(access, ty.dtype)
            }
            Expr::Splat(scalar) => self.splat(*scalar),
            Expr::Positions(start) if ty.dtype == DType::I32 && self.plan.free => self.positions(*start),
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

    /// A scalar in each lane: one from outside, or one that each turn loads.
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

    fn machine(&mut self, machine: Machine, result: DType, args: &[Value]) -> Option<Id> {
        let dtype = if machine == Machine::Select { result } else { self.facts.ty(args[0]).dtype };
        if machine == Machine::Fma {
            return self.fused(args);
        }
        if matches!(machine, Machine::IntShl | Machine::IntShr) {
            return self.shift(machine, args);
        }
        let x: Option<Vec<Id>> = args.iter().map(|arg| self.value(*arg)).collect();
        let x = x?;
        match (machine, dtype) {
            (Machine::Select, DType::Bool) => None,
            (Machine::Select, _) => self.blend(x[0], x[1], x[2]),
            (_, DType::Bool) => self.logic(machine, &x),
            (Machine::Lt | Machine::Le | Machine::Eq | Machine::Ne, _) => {
                self.compare(machine, dtype, x[0], x[1])
            }
            (Machine::Sign, _) => self.sign(dtype, x[0]),
            (_, DType::F32 | DType::F64) => self.float_op(machine, dtype.bytes(), &x),
            (_, DType::I32) => self.int_op(machine, &x),
            _ => None,
        }
    }

    fn float_op(&mut self, machine: Machine, size: usize, x: &[Id]) -> Option<Id> {
        let round = if size == 4 { &ROUND_SINGLE } else { &ROUND_DOUBLE };
        let (row, immediate) = match machine {
            Machine::Add => (&ADD, None),
            Machine::Sub => (&SUB, None),
            Machine::Mul => (&MUL, None),
            Machine::Div => (&DIV, None),
            Machine::Min => (&MIN, None),
            Machine::Max => (&MAX, None),
            Machine::Sqrt => (&SQRT, None),
            // Rounding modes; the eights keep inexactness quiet.
            Machine::Nearest => (round, Some(8)),
            Machine::Floor => (round, Some(9)),
            Machine::Ceil => (round, Some(10)),
            _ => return self.bits_op(machine, size, x),
        };
        Some(self.op(row, size, x, immediate))
    }

    /// Operations on the bits of floats.
    fn bits_op(&mut self, machine: Machine, size: usize, x: &[Id]) -> Option<Id> {
        let (fraction, bias) = layout(size);
        let unit = f64::from(fraction).exp2();
        let (left, right) =
            if size == 4 { (&SHIFT_LEFT, &SHIFT_RIGHT) } else { (&SHIFT_LEFT_64, &SHIFT_RIGHT_64) };
        let sign = self.float(-0.0, size);
        Some(match machine {
            Machine::Neg => self.op(&XOR, size, &[x[0], sign], None),
            Machine::Abs => self.op(&AND_NOT, size, &[sign, x[0]], None),
            Machine::CopySign => {
                let (rest, sign) =
                    (self.op(&AND_NOT, size, &[sign, x[0]], None), self.op(&AND, size, &[x[1], sign], None));
                self.op(&OR, size, &[rest, sign], None)
            }
            // As Cranelift's code does them: see `ops`.
            Machine::Exp2Int => {
                let magic = self.float(1.5 * unit + bias, size);
                let sum = self.op(&ADD, size, &[x[0], magic], None);
                self.op(left, size, &[sum], Some(fraction as u8))
            }
            Machine::Exponent => {
                let (unit, off) = (self.float(unit, size), self.float(unit + bias, size));
                let low = self.op(right, size, &[x[0]], Some(fraction as u8));
                let sum = self.op(&OR, size, &[low, unit], None);
                self.op(&SUB, size, &[sum, off], None)
            }
            Machine::Fraction => {
                let (low, one) = (self.number((1 << fraction) - 1, size), self.float(1.0, size));
                let low = self.op(&AND, size, &[x[0], low], None);
                self.op(&OR, size, &[low, one], None)
            }
            _ => return None,
        })
    }

    fn int_op(&mut self, machine: Machine, x: &[Id]) -> Option<Id> {
        let row = match machine {
            Machine::Add => &INT_ADD,
            Machine::Sub => &INT_SUB,
            Machine::Mul => &INT_MUL,
            Machine::Min => &INT_MIN,
            Machine::Max => &INT_MAX,
            Machine::Abs => &INT_ABS,
            Machine::IntXor => &XOR,
            Machine::Floor | Machine::Ceil | Machine::Nearest => return Some(x[0]),
            Machine::Neg => {
                let zero = self.number(0, 4);
                return Some(self.op(&INT_SUB, 4, &[zero, x[0]], None));
            }
            _ => return None,
        };
        Some(self.op(row, 4, x, None))
    }

    /// A shift by a number of bits that is known.
    fn shift(&mut self, machine: Machine, args: &[Value]) -> Option<Id> {
        let Some(Expr::Const(by)) = self.facts.definition(args[1]) else { return None };
        let row = if machine == Machine::IntShl { &SHIFT_LEFT } else { &SHIFT_RIGHT };
        let x = self.value(args[0])?;
        Some(self.op(row, 4, &[x], Some(by.0 as u8)))
    }

    /// `a * b + c`; negated operands are part of the operation.
    fn fused(&mut self, args: &[Value]) -> Option<Id> {
        let mut negated = [false; 3];
        let mut x = Vec::new();
        for (arg, negated) in args.iter().zip(&mut negated) {
            let mut arg = *arg;
            if let Some(Expr::Machine(Machine::Neg, inner)) = self.facts.definition(arg)
                && self.plan.defines(arg)
            {
                (arg, *negated) = (inner[0], true);
            }
            x.push(self.value(arg)?);
        }
        let row = match (negated[0] != negated[1], negated[2]) {
            (false, false) => &FUSED,
            (false, true) => &FUSED_SUB,
            (true, false) => &FUSED_NEGATED,
            (true, true) => &FUSED_NEGATED_SUB,
        };
        Some(self.op(row, self.size(x[0]), &x, None))
    }

    /// An operation whose result is a mask register.
    fn mask(&mut self, row: &'static Row, size: usize, from: &[Id], immediate: Option<u8>) -> Id {
        let id = self.op(row, size, from, immediate);
        self.body.infos[id].mask = true;
        id
    }

    fn compare(&mut self, machine: Machine, dtype: DType, x: Id, y: Id) -> Option<Id> {
        let masks = self.body.level == Level::Avx512;
        let size = self.size(x);
        // The quiet forms; not equal is also true where there is no order.
        let (floats, ints) = match machine {
            Machine::Lt => (0x11, 1),
            Machine::Le => (0x12, 2),
            Machine::Eq => (0x00, 0),
            _ => (0x04, 4),
        };
        Some(match (dtype, masks) {
            (DType::F32 | DType::F64, true) => self.mask(&COMPARE, size, &[x, y], Some(floats)),
            (DType::F32 | DType::F64, false) => self.op(&COMPARE, size, &[x, y], Some(floats)),
            (DType::I32, true) => self.mask(&INT_COMPARE, 4, &[x, y], Some(ints)),
            (DType::I32, false) => match machine {
                Machine::Lt => self.op(&INT_GREATER, 4, &[y, x], None),
                Machine::Eq => self.op(&INT_EQUAL, 4, &[x, y], None),
                Machine::Le => {
                    let above = self.op(&INT_GREATER, 4, &[x, y], None);
                    self.not(above)
                }
                _ => {
                    let equal = self.op(&INT_EQUAL, 4, &[x, y], None);
                    self.not(equal)
                }
            },
            _ => return None,
        })
    }

    fn not(&mut self, mask: Id) -> Id {
        let size = self.size(mask);
        if self.body.infos[mask].mask {
            return self.mask(&MASK_NOT, size, &[mask], None);
        }
        let ones = self.number(if size == 4 { u64::from(u32::MAX) } else { u64::MAX }, size);
        self.op(&XOR, size, &[mask, ones], None)
    }

    /// Operations on masks. Of two lanes, the less is the one that is not set.
    fn logic(&mut self, machine: Machine, x: &[Id]) -> Option<Id> {
        let size = self.size(x[0]);
        let masks = self.body.infos[x[0]].mask;
        if !masks && x.iter().any(|id| self.size(*id) != size) {
            return None;
        }
        let [and, or, xor, and_not] = match masks {
            true => [&MASK_AND, &MASK_OR, &MASK_XOR, &MASK_AND_NOT],
            false => [&AND, &OR, &XOR, &AND_NOT],
        };
        let mut make =
            |row, x: &[Id]| if masks { self.mask(row, size, x, None) } else { self.op(row, size, x, None) };
        Some(match machine {
            Machine::And => make(and, x),
            Machine::Or => make(or, x),
            Machine::Ne => make(xor, x),
            Machine::Lt => make(and_not, x),
            Machine::Not => self.not(x[0]),
            Machine::Eq => {
                let other = make(xor, x);
                self.not(other)
            }
            Machine::Le => {
                let above = make(and_not, &[x[1], x[0]]);
                self.not(above)
            }
            _ => return None,
        })
    }

    fn blend(&mut self, mask: Id, then: Id, other: Id) -> Option<Id> {
        let size = self.size(then);
        let row = match self.body.level {
            Level::Avx512 => &BLEND_MASK,
            Level::Avx2 if self.size(mask) != size => return None,
            Level::Avx2 if size == 4 => &BLEND_SINGLE,
            Level::Avx2 => &BLEND_DOUBLE,
        };
        Some(self.op(row, size, &[mask, then, other], None))
    }

    fn sign(&mut self, dtype: DType, x: Id) -> Option<Id> {
        let size = self.size(x);
        let zero = self.number(0, size);
        let [one, minus] = [1.0, -1.0].map(|number| self.number(encode(number, dtype), size));
        let above = self.compare(Machine::Lt, dtype, zero, x)?;
        let below = self.compare(Machine::Lt, dtype, x, zero)?;
        let rest = self.blend(below, minus, zero)?;
        self.blend(above, one, rest)
    }
}
