//! Checks of loops: what every later stage relies on.
//!
//! Types and lanes of operands fit, each value is defined once and before its uses, carried values
//! have one type throughout, calls bind buffers of the right types, and where the positions of an
//! access can be bounded, they lie inside its buffer.

use std::fmt;

use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;

use super::{
    Address, BufferLocation, Call, Carried, Expr, Function, LoopBound, Loops, Moving, Product, Program,
    Ranks, Stmt, Stride, Ty, Value,
};

/// Least and greatest value of a position, where that is known.
type Interval = Option<(i64, i64)>;

/// Checks all programs and functions.
///
/// # Panics
/// If one is malformed: that is an error of the compiler.
pub fn verify(loops: &Loops) {
    for (k, function) in loops.functions.iter().enumerate() {
        let mut check = FunctionVerifier::new(function, None);
        check.function();
        let missing = check.defined.iter().position(|defined| !defined);
        check.ensure(missing.is_none(), format_args!("f{k} never defines value {missing:?}"));
    }
    for program in &loops.programs {
        places(program);
        for call in &program.calls {
            verify_call(loops, program, call);
        }
    }
}

fn fail(what: impl fmt::Display, where_: impl fmt::Display) -> ! {
    panic!("egret internal error in loops: {what}\n{where_}")
}

fn places(program: &Program) {
    for (k, buffer) in program.buffers.iter().enumerate() {
        let inside = match buffer.location {
            BufferLocation::Arena(offset) => {
                offset % super::ALIGN == 0
                    && offset + buffer.len * buffer.dtype.bytes() <= program.arena_bytes
            }
            BufferLocation::Part { of, start } => {
                let whole = &program.buffers[of];
                let nested = matches!(whole.location, BufferLocation::Part { .. });
                !nested && whole.dtype == buffer.dtype && start + buffer.len <= whole.len
            }
            BufferLocation::Moving(Moving { of, region, first, places, .. }) => {
                let whole = &program.buffers[of.0];
                let fits = whole.dtype == buffer.dtype && places * buffer.len <= whole.len;
                fits && first < places && region < program.regions.len()
            }
            BufferLocation::Input(_) | BufferLocation::Output(_) => true,
        };
        if !inside {
            fail(format_args!("b{k} has no proper place"), program);
        }
    }
}

fn verify_call(loops: &Loops, program: &Program, call: &Call) {
    let function = &loops.functions[call.function];
    let types: Vec<DType> = call.buffers.iter().map(|buffer| program.buffers[*buffer].dtype).collect();
    if types != function.pointers {
        fail(format_args!("a call of f{} binds other types", call.function), program);
    }
    if call.immediates.len() != function.immediates {
        fail(format_args!("a call of f{} gives too few or too many numbers", call.function), program);
    }
    let lens: Vec<i64> = call.buffers.iter().map(|buffer| program.buffers[*buffer].len as i64).collect();
    // Where positions are clamped, which those are is known only for each part.
    let parts = if clamps(&function.body) { function.parts() } else { 1 };
    for part in 0..parts {
        let part = (parts > 1).then_some(part as i64);
        FunctionVerifier { part, ..FunctionVerifier::new(function, Some(lens.clone())) }.function();
    }
}

/// Whether some positions are clamped.
fn clamps(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Let(_, expr) => matches!(expr, Expr::Clamp(..)),
        Stmt::For { body, .. } => clamps(body),
        Stmt::Store { .. } | Stmt::Product(_) | Stmt::Ranks(_) => false,
    })
}

/// A function while it is checked.
struct FunctionVerifier<'a> {
    function: &'a Function,
    /// The part that is checked; all of them if none is said.
    part: Option<i64>,
    /// Elements behind each pointer, if a call says so.
    lens: Option<Vec<i64>>,
    defined: Vec<bool>,
    /// Whether the block that defines a value is still open.
    visible: Vec<bool>,
    spans: Vec<Interval>,
}

impl<'a> FunctionVerifier<'a> {
    fn new(function: &'a Function, lens: Option<Vec<i64>>) -> FunctionVerifier<'a> {
        let n = function.values.len();
        let (defined, visible) = (vec![false; n], vec![false; n]);
        FunctionVerifier { function, part: None, lens, defined, visible, spans: vec![None; n] }
    }

    fn function(&mut self) {
        if let Some(parts) = &self.function.parts {
            self.ensure(parts.count > 0, "no parts");
            let all = (0, parts.count as i64 - 1);
            self.define(parts.index, Some(self.part.map_or(all, |part| (part, part))));
        }
        self.block(&self.function.body);
    }

    fn ensure(&self, holds: bool, what: impl fmt::Display) {
        if !holds {
            fail(what, format_args!("function{}", self.function));
        }
    }

    fn ty(&self, value: Value) -> Ty {
        self.ensure((value.0 as usize) < self.function.values.len(), format_args!("{value} has no type"));
        self.function.values[value.0 as usize]
    }

    fn used(&self, value: Value) -> Ty {
        let ty = self.ty(value);
        self.ensure(self.visible[value.0 as usize], format_args!("{value} is used where it is not defined"));
        ty
    }

    fn define(&mut self, value: Value, span: Interval) {
        self.ty(value);
        self.ensure(!self.defined[value.0 as usize], format_args!("{value} is defined twice"));
        self.defined[value.0 as usize] = true;
        self.visible[value.0 as usize] = true;
        self.spans[value.0 as usize] = span;
    }

    fn position(&self, value: Value) -> Interval {
        let ty = self.used(value);
        self.ensure(ty == Ty { dtype: DType::I64, lanes: 1 }, format_args!("position {value} is {ty}"));
        self.spans[value.0 as usize]
    }

    fn address(&self, at: &Address) -> Interval {
        let mut span = Some((at.offset, at.offset));
        for (value, coefficient) in &at.terms {
            let term = self.position(*value).map(|(a, b)| (a * coefficient, b * coefficient));
            span = span.zip(term).map(|((low, high), (a, b))| (low + a.min(b), high + a.max(b)));
        }
        span
    }

    fn access(&self, pointer: usize, at: &Address, ty: Ty, step: i64) {
        self.ensure(
            self.function.pointers.get(pointer) == Some(&ty.dtype),
            format_args!("p{pointer} holds no {ty}"),
        );
        let known = step == 1 || step == 2 && ty.lanes > 1 && matches!(ty.dtype, DType::F32 | DType::I32);
        self.ensure(known, format_args!("{ty} in steps of {step}"));
        let span = self.address(at);
        if let (Some(lens), Some((low, high))) = (&self.lens, span) {
            let inside = low >= 0 && high + (i64::from(ty.lanes) - 1) * step < lens[pointer];
            self.ensure(
                inside,
                format_args!("p{pointer}[{at}] x {} leaves {} elements", ty.lanes, lens[pointer]),
            );
        }
    }

    /// Its corners lie inside.
    fn product(&self, product: &Product) {
        let types = product.matrices().map(|(matrix, _)| self.function.pointers.get(matrix.pointer));
        let float = types[0].is_some_and(|dtype| dtype.is_float());
        self.ensure(float && types.iter().all(|dtype| *dtype == types[0]), "a product of other types");
        for (matrix, sizes) in product.matrices() {
            let reach = [0, 1].map(|axis| self.reach(&matrix.steps[axis], sizes[axis]));
            let (low, high) = (reach[0].0 + reach[1].0, reach[0].1 + reach[1].1);
            let span = self.address(&matrix.at).map(|(from, to)| (from + low, to + high));
            if let (Some(lens), Some((low, high))) = (&self.lens, span) {
                let len = lens[matrix.pointer];
                self.ensure(low >= 0 && high < len, format_args!("a matrix leaves p{}", matrix.pointer));
            }
        }
    }

    fn ranks(&self, ranks: &Ranks) {
        let ty = |pointer: usize| self.function.pointers.get(pointer).copied();
        let keys = ty(ranks.keys).is_some_and(|dtype| dtype != DType::Bool);
        self.ensure(keys && ty(ranks.out) == Some(DType::I32), "ranks of other types");
        let count = (ranks.rows * ranks.n) as i64;
        if let Some(lens) = &self.lens {
            let inside = [ranks.keys, ranks.out].iter().all(|pointer| count <= lens[*pointer]);
            self.ensure(inside && ranks.n > 0, "ranks leave their memory");
        }
    }

    /// How far elements along an axis lie at least and at most from the first.
    fn reach(&self, step: &Stride, size: usize) -> (i64, i64) {
        match step {
            Stride::By(by) => {
                let far = by * (size as i64 - 1);
                (far.min(0), far.max(0))
            }
            Stride::Table(table, at) => {
                let entries = self.function.tables.get(*table).map_or(&[][..], Vec::as_slice);
                let span = self.address(at).unwrap_or((0, 0));
                let inside = span.0 >= 0 && span.1 + size as i64 <= entries.len() as i64;
                self.ensure(inside, format_args!("t{table} has no {size} entries there"));
                let used = &entries[span.0.max(0) as usize..(span.1 as usize + size).min(entries.len())];
                (used.iter().copied().min().unwrap_or(0), used.iter().copied().max().unwrap_or(0))
            }
        }
    }

    fn block(&mut self, stmts: &[Stmt]) {
        let mut own = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Let(value, expr) => {
                    let span = self.expr(self.ty(*value), expr);
                    self.define(*value, span);
                    own.push(*value);
                }
                Stmt::Store { pointer, at, step, value } => {
                    let ty = self.used(*value);
                    self.access(*pointer, at, ty, *step);
                }
                Stmt::Product(product) => self.product(product),
                Stmt::Ranks(ranks) => self.ranks(ranks),
                Stmt::For { .. } => self.iteration(stmt, &mut own),
            }
        }
        own.into_iter().for_each(|value| self.visible[value.0 as usize] = false);
    }

    fn iteration(&mut self, stmt: &Stmt, own: &mut Vec<Value>) {
        let Stmt::For { var, start, stop, step, carried, body } = stmt else { return };
        self.ensure(*step > 0, "a loop that does not move");
        let (start, stop) = (self.bound(*start), self.bound(*stop));
        let span = start.zip(stop).map(|((low, first), (_, stop))| {
            let iterations = (stop - first - 1).div_euclid(*step);
            (low, if low == first { first + iterations * step } else { stop - 1 })
        });
        if span.is_some_and(|(low, high)| high < low) {
            return self.skip(stmt, own);
        }
        self.define(*var, span);
        for value in carried {
            self.used(value.init);
            self.define(value.current, None);
        }
        self.body(body, carried);
        self.visible[var.0 as usize] = false;
        for value in carried {
            self.visible[value.current.0 as usize] = false;
            let types = [value.init, value.current, value.next, value.last].map(|value| self.ty(value));
            self.ensure(
                types.iter().all(|ty| *ty == types[0]),
                format_args!("types of carried {}", value.current),
            );
            self.define(value.last, None);
            own.push(value.last);
        }
    }

    /// The body of a loop, whose values are seen by what it hands on.
    fn body(&mut self, body: &[Stmt], carried: &[Carried]) {
        let before = self.visible.clone();
        self.block(body);
        for value in carried {
            let next = value.next.0 as usize;
            let here = before[next]
                || body.iter().any(|stmt| match stmt {
                    Stmt::Let(defined, _) => *defined == value.next,
                    Stmt::For { carried, .. } => carried.iter().any(|inner| inner.last == value.next),
                    Stmt::Store { .. } | Stmt::Product(_) | Stmt::Ranks(_) => false,
                });
            self.ensure(here, format_args!("{} is not defined in the loop that hands it on", value.next));
        }
    }

    /// A loop that never runs: its values only have to exist.
    fn skip(&mut self, stmt: &Stmt, own: &mut Vec<Value>) {
        let Stmt::For { var, carried, body, .. } = stmt else { return };
        self.defined[var.0 as usize] = true;
        for stmt in body {
            match stmt {
                Stmt::Let(value, _) => self.defined[value.0 as usize] = true,
                Stmt::For { .. } => self.skip(stmt, &mut Vec::new()),
                Stmt::Store { .. } | Stmt::Product(_) | Stmt::Ranks(_) => {}
            }
        }
        for value in carried {
            self.defined[value.current.0 as usize] = true;
            self.define(value.last, None);
            own.push(value.last);
        }
    }

    fn bound(&self, bound: LoopBound) -> Interval {
        match bound {
            LoopBound::Const(n) => Some((n, n)),
            LoopBound::Value(value) => self.position(value),
        }
    }

    /// Checks an expression of type `ty`; gives its span if it is a position.
    fn expr(&self, ty: Ty, expr: &Expr) -> Interval {
        let position = ty == Ty { dtype: DType::I64, lanes: 1 };
        match expr {
            Expr::Const(_) => {}
            Expr::Immediate(k) => {
                self.ensure(
                    ty.dtype == DType::I32 && *k < self.function.immediates,
                    format_args!("immediates {k} is {ty}"),
                );
            }
            Expr::Int(n) => {
                self.ensure(position, format_args!("{n} is {ty}"));
                return Some((*n, *n));
            }
            Expr::Load { pointer, at, step } => self.access(*pointer, at, ty, *step),
            Expr::Splat(value) => {
                let from = self.used(*value);
                self.ensure(
                    from == Ty { lanes: 1, ..ty } && ty.lanes > 1,
                    format_args!("splat of {from} to {ty}"),
                );
            }
            Expr::Iota(value) => {
                self.position(*value);
            }
            Expr::Machine(op, args) => self.machine(*op, args, ty),
            Expr::Cast(value) => {
                let from = self.used(*value);
                self.ensure(from.lanes == ty.lanes, format_args!("cast of {from} to {ty}"));
            }
            Expr::Horizontal(_, value) => {
                let from = self.used(*value);
                let vector = from.lanes.is_power_of_two() && from.lanes > 1;
                self.ensure(
                    Ty { lanes: 1, ..from } == ty && vector,
                    format_args!("reduce of {from} to {ty}"),
                );
            }
            Expr::Table(table, value) => return self.table(*table, *value, position),
            Expr::Position(at) => {
                self.ensure(position, format_args!("a position is {ty}"));
                return self.address(at);
            }
            Expr::InRange(value, _) => {
                self.position(*value);
                self.ensure(ty == Ty { dtype: DType::Bool, lanes: 1 }, format_args!("in_range is {ty}"));
            }
            Expr::Clamp(value, n) => {
                let (low, high) = self.position(*value).unwrap_or((0, n - 1));
                self.ensure(position && *n > 0, format_args!("clamp_to {n} of type {ty}"));
                return Some((low.clamp(0, n - 1), high.clamp(0, n - 1)));
            }
        }
        None
    }

    /// An entry of a table. Its span is followed only for one part: the length of a piece goes with its start.
    fn table(&self, table: usize, at: Value, position: bool) -> Interval {
        let len = self.function.tables.get(table).map_or(0, Vec::len) as i64;
        let span = self.position(at);
        let inside = span.is_none_or(|(low, high)| low >= 0 && high < len);
        self.ensure(position && inside, format_args!("t{table}[{at}] leaves {len} entries"));
        let is_part = self.function.parts.is_some_and(|parts| parts.index == at);
        let (part, entries) = (self.part.filter(|_| is_part)?, self.function.tables.get(table)?);
        entries.get(part as usize).map(|entry| (*entry, *entry))
    }

    fn machine(&self, op: MachineOp, args: &[Value], ty: Ty) {
        let types: Vec<Ty> = args.iter().map(|arg| self.used(*arg)).collect();
        let boolean = Ty { dtype: DType::Bool, ..ty };
        let fits = match op {
            MachineOp::Select => types == [boolean, ty, ty],
            MachineOp::Lt | MachineOp::Le | MachineOp::Eq | MachineOp::Ne => {
                types.len() == 2 && types[0] == types[1] && types[0].lanes == ty.lanes && ty == boolean
            }
            MachineOp::And | MachineOp::Or | MachineOp::Not => {
                types.iter().all(|of| *of == boolean) && ty == boolean
            }
            MachineOp::IntToFloat => types == [Ty { dtype: DType::I32, ..ty }] && ty.dtype.is_float(),
            MachineOp::Fma => types == [ty, ty, ty] && ty.dtype.is_float(),
            _ => !types.is_empty() && types.iter().all(|of| *of == ty),
        };
        let types: Vec<String> = types.iter().map(Ty::to_string).collect();
        self.ensure(fits, format_args!("{op:?} of ({}) is {ty}", types.join(", ")));
    }
}
