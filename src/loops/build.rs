//! Building a function: blocks that are open, values that are shared, and the level each lives at.
//!
//! A value goes into the outermost open block in which its operands are defined, so whatever does not
//! change in a loop is computed before it. Equal expressions in one block are one value.

use std::hash::{BuildHasher, Hash};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;

use super::{Address, Carried, Chunking, Expr, Function, LoopBound, Number, Product, Stmt, Ty, Value};

/// The hash of one value.
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(value)
}

/// Statements under construction, with the values they define by expression.
#[derive(Default)]
struct OpenBlock {
    stmts: Vec<Stmt>,
    seen: FxHashMap<(Expr, Ty), Value>,
}

/// What is kept about each value.
struct ValueInfo {
    ty: Ty,
    /// The depth of the block that defines it.
    level: usize,
    /// The number it is, if it is one.
    constant: Option<f64>,
}

/// A loop that is open.
pub(super) struct OpenLoop {
    var: Value,
    start: LoopBound,
    stop: LoopBound,
    step: i64,
    carried: Vec<(Value, Value)>,
}

/// A function under construction.
pub(super) struct LoopBuilder {
    blocks: Vec<OpenBlock>,
    values: Vec<ValueInfo>,
    tables: Vec<Vec<i64>>,
    parts: Option<Chunking>,
}

/// The type of positions.
pub(super) const POSITION: Ty = Ty { dtype: DType::I64, lanes: 1 };

impl LoopBuilder {
    pub(super) fn new() -> LoopBuilder {
        LoopBuilder {
            blocks: vec![OpenBlock::default()],
            values: Vec::new(),
            tables: Vec::new(),
            parts: None,
        }
    }

    /// Cuts the function into parts; gives the number of the part being done.
    pub(super) fn parts(&mut self, count: usize) -> Value {
        let index = self.fresh(POSITION, 0);
        self.parts = Some(Chunking { index, count });
        index
    }

    /// The type of a value.
    pub(super) fn ty(&self, value: Value) -> Ty {
        self.info(value).ty
    }

    /// The number that a value is, if it is a constant.
    pub(super) fn constant(&self, value: Value) -> Option<f64> {
        self.info(value).constant
    }

    fn info(&self, value: Value) -> &ValueInfo {
        &self.values[value.0 as usize]
    }

    fn fresh(&mut self, ty: Ty, level: usize) -> Value {
        self.values.push(ValueInfo { ty, level, constant: None });
        Value(self.values.len() as u32 - 1)
    }

    /// The depth of the innermost open block.
    fn depth(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Whether the block that defines a value is still open.
    pub(super) fn in_scope(&self, value: Value) -> bool {
        self.info(value).level <= self.depth()
    }

    /// The value of an expression, as far out as its operands allow.
    pub(super) fn emit(&mut self, expr: Expr, ty: Ty) -> Value {
        let mut level = 0;
        expr.operands(&mut |value| level = level.max(self.info(value).level));
        self.emit_at(level, expr, ty)
    }

    /// The value of an expression, here.
    pub(super) fn emit_here(&mut self, expr: Expr, ty: Ty) -> Value {
        self.emit_at(self.depth(), expr, ty)
    }

    fn emit_at(&mut self, level: usize, expr: Expr, ty: Ty) -> Value {
        if let Some(value) = self.blocks[level].seen.get(&(expr.clone(), ty)) {
            return *value;
        }
        let value = self.fresh(ty, level);
        match expr {
            Expr::Const(number) => self.values[value.0 as usize].constant = Some(number.0),
            Expr::Int(number) => self.values[value.0 as usize].constant = Some(number as f64),
            _ => {}
        }
        let block = &mut self.blocks[level];
        block.stmts.push(Stmt::Let(value, expr.clone()));
        block.seen.insert((expr, ty), value);
        value
    }

    /// A load that must not be merged with another of the same element: memory changed in between.
    pub(super) fn emit_new(&mut self, expr: Expr, ty: Ty) -> Value {
        let level = self.depth();
        let value = self.fresh(ty, level);
        self.blocks[level].stmts.push(Stmt::Let(value, expr));
        value
    }

    /// A number.
    pub(super) fn number(&mut self, number: f64, ty: Ty) -> Value {
        self.emit(Expr::Const(Number(number)), ty)
    }

    /// A whole number as a position.
    pub(super) fn int(&mut self, number: i64) -> Value {
        self.emit(Expr::Int(number), POSITION)
    }

    /// A machine operation on values of equal lanes.
    pub(super) fn machine(&mut self, op: MachineOp, args: Vec<Value>, dtype: DType) -> Value {
        let lanes = self.ty(args[0]).lanes;
        self.emit(Expr::Machine(op, args), Ty { dtype, lanes })
    }

    /// The same value in `lanes` lanes.
    pub(super) fn widen(&mut self, value: Value, lanes: u16) -> Value {
        let ty = Ty { lanes, ..self.ty(value) };
        match self.constant(value) {
            _ if self.ty(value) == ty => value,
            Some(number) => self.number(number, ty),
            None => self.emit(Expr::Splat(value), ty),
        }
    }

    /// The same value in another element type.
    pub(super) fn cast(&mut self, value: Value, dtype: DType) -> Value {
        let ty = Ty { dtype, ..self.ty(value) };
        if self.ty(value) == ty { value } else { self.emit(Expr::Cast(value), ty) }
    }

    /// An address as one position.
    pub(super) fn position(&mut self, at: Address) -> Value {
        match at.terms.as_slice() {
            [] => self.int(at.offset),
            [(value, 1)] if at.offset == 0 => *value,
            _ => self.emit(Expr::Position(at), POSITION),
        }
    }

    /// A constant table, each once.
    pub(super) fn table(&mut self, table: Vec<i64>) -> usize {
        let known = self.tables.iter().position(|have| *have == table);
        known.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        })
    }

    /// Writes a value.
    pub(super) fn store(&mut self, pointer: usize, at: Address, step: i64, value: Value) {
        let level = self.depth();
        self.blocks[level].stmts.push(Stmt::Store { pointer, at, step, value });
    }

    /// Computes a matrix product.
    pub(super) fn product(&mut self, product: Product) {
        let level = self.depth();
        self.blocks[level].stmts.push(Stmt::Product(product));
    }

    /// Opens a loop; gives its variable and what the carried values are inside it.
    pub(super) fn open(
        &mut self,
        start: LoopBound,
        stop: LoopBound,
        step: i64,
        init: &[Value],
    ) -> (OpenLoop, Vec<Value>) {
        self.blocks.push(OpenBlock::default());
        let level = self.depth();
        let var = self.fresh(POSITION, level);
        let current: Vec<Value> = init.iter().map(|value| self.fresh(self.ty(*value), level)).collect();
        let carried = init.iter().copied().zip(current.iter().copied()).collect();
        (OpenLoop { var, start, stop, step, carried }, current)
    }

    /// Closes a loop; gives the carried values after it.
    pub(super) fn close(&mut self, open: OpenLoop, next: &[Value]) -> Vec<Value> {
        let Some(block) = self.blocks.pop() else { panic!("egret internal error in loops: no open loop") };
        let level = self.depth();
        let mut carried = Vec::with_capacity(next.len());
        for ((init, current), next) in open.carried.into_iter().zip(next) {
            let last = self.fresh(self.ty(init), level);
            carried.push(Carried { init, current, next: *next, last });
        }
        let last = carried.iter().map(|value| value.last).collect();
        let (var, start, stop, step) = (open.var, open.start, open.stop, open.step);
        if !block.stmts.is_empty() {
            self.blocks[level].stmts.push(Stmt::For { var, start, stop, step, carried, body: block.stmts });
        }
        last
    }

    /// The function, with values numbered in the order of its text, and without those never used.
    pub(super) fn finish(mut self, pointers: Vec<DType>) -> Function {
        let Some(block) = self.blocks.pop() else { panic!("egret internal error in loops: no block") };
        let types: Vec<Ty> = self.values.iter().map(|info| info.ty).collect();
        super::renumber::number(pointers, self.tables, self.parts, block.stmts, &types)
    }
}

impl OpenLoop {
    /// The loop's position.
    pub(super) fn var(&self) -> Value {
        self.var
    }
}
