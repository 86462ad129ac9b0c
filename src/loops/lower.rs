//! Lowering: one kernel as a function.
//!
//! Loops over result axes stand outside. At each of their points come the instructions that the
//! reduction needs but that depend on no reduced axis, then the loops over reduced axes with their
//! accumulators, then everything else.

use crate::algebra::form::Reducer;
use crate::algebra::types::DType;
use crate::kernel::{Axes, BufferId, Inst, InstId, Kernel, Program};

use super::build::{LoopBuilder, POSITION};
use super::facts::{KernelFacts, extent};
use super::peel::Section;
use super::schedule::Schedule;
use super::split::ParallelSplit;
use super::{Address, Expr, Function, Ty, Value};
use super::{expand, reduce};

/// Where an axis is at: a loop's variable, if it has a loop, plus a number.
#[derive(Clone, Copy, Default)]
pub(super) struct AxisIndex {
    pub(super) var: Option<Value>,
    pub(super) offset: i64,
}

/// A kernel being lowered.
pub(super) struct KernelLowering<'a> {
    pub(super) program: &'a Program,
    pub(super) kernel: &'a Kernel,
    pub(super) facts: KernelFacts,
    pub(super) schedule: Schedule,
    pub(super) to: LoopBuilder,
    /// The buffers behind the function's pointers.
    pub(super) pointers: Vec<BufferId>,
    /// By axis.
    pub(super) at: Vec<AxisIndex>,
    /// By axis: the first and the last position of the loop that is open.
    pub(super) range: Vec<(i64, i64)>,
    /// Lanes of the current section of the vector axis.
    pub(super) lanes: u16,
    /// Rows of the current section of the jammed axis.
    pub(super) rows: usize,
    /// Lanes at the front of the current section that do not count.
    pub(super) skip: usize,
    /// How the kernel is cut, with the number of the part being done.
    pub(super) split: Option<(&'a ParallelSplit, Value)>,
    /// The value of each instruction in each row.
    memo: Vec<Vec<Option<Value>>>,
}

/// A kernel as a function, cut or whole, with the buffers behind its pointers.
pub(super) fn lower(
    program: &Program,
    kernel: &Kernel,
    split: Option<&ParallelSplit>,
) -> (Function, Vec<BufferId>) {
    let facts = KernelFacts::of(program, kernel);
    let schedule = Schedule::of(kernel, &facts);
    let memo = vec![vec![None; kernel.insts.len()]; schedule.rows];
    let at = vec![AxisIndex::default(); kernel.axes.len()];
    let range = (0..kernel.axes.len()).map(|axis| (0, extent(kernel, axis) as i64 - 1)).collect();
    let (mut to, pointers) = (LoopBuilder::new(), Vec::new());
    let split = split.map(|split| (split, to.parts(split.count())));
    let mut lowering = KernelLowering {
        program,
        kernel,
        facts,
        schedule,
        to,
        pointers,
        at,
        range,
        lanes: 1,
        rows: 1,
        skip: 0,
        split,
        memo,
    };
    lowering.outer(0);
    let types = lowering.pointers.iter().map(|buffer| program.buffers[buffer.0].dtype).collect();
    (lowering.to.finish(types), lowering.pointers)
}

impl KernelLowering<'_> {
    /// Loops over result axes from the `k`-th on.
    fn outer(&mut self, k: usize) {
        let Some(axis) = self.schedule.outer.get(k).copied() else { return self.point() };
        for section in self.sections(axis) {
            self.iteration(axis, section, &[], &mut |this, _| {
                this.outer(k + 1);
                Vec::new()
            });
        }
    }

    /// What happens at one point of the result axes.
    fn point(&mut self) {
        let reduced = self.facts.reduced;
        self.insts(|facts, id| facts.inside[id.0] && facts.deps[id.0] & reduced == 0);
        let inside = (0..self.kernel.insts.len()).any(|k| self.facts.live[k] && self.facts.inside[k]);
        if inside || !self.facts.combines.is_empty() {
            let init = self.identities();
            let sums = self.inner(0, init);
            self.fold_all(&sums);
        }
        self.insts(|facts, id| !facts.inside[id.0]);
    }

    /// Loops over reduced axes from the `k`-th on; hands on one set of accumulators for each width of
    /// the vector axis' sections.
    fn inner(&mut self, k: usize, sums: Vec<Value>) -> Vec<Value> {
        let Some(axis) = self.schedule.inner.get(k).copied() else { return self.accumulate(sums) };
        let sections = self.sections(axis);
        if self.schedule.vector != Some(axis) {
            let mut sums = sums;
            for section in sections {
                sums = self.iteration(axis, section, &sums, &mut |this, sums| this.inner(k + 1, sums));
            }
            return sums;
        }
        let per = self.facts.combines.len() * self.rows;
        let mut sums = sums;
        let mut set = 0;
        for (s, section) in sections.iter().enumerate() {
            set += usize::from(s > 0 && sections[s - 1].step != section.step);
            let own = set * per..(set + 1) * per;
            let next =
                self.iteration(axis, *section, &sums[own.clone()], &mut |this, sums| this.accumulate(sums));
            sums.splice(own, next);
        }
        sums
    }

    /// One loop along an axis, or its only iteration. Gives the carried values after it.
    fn iteration(
        &mut self,
        axis: usize,
        section: Section,
        init: &[Value],
        body: &mut dyn FnMut(&mut Self, Vec<Value>) -> Vec<Value>,
    ) -> Vec<Value> {
        let was = (self.lanes, self.rows, self.skip, self.range[axis]);
        self.enter(axis, section);
        let last = if let Some(position) = section.once {
            self.at[axis] = AxisIndex { var: None, offset: position };
            body(self, init.to_vec())
        } else {
            let (open, current) = self.to.open(section.start, section.stop, section.step as i64, init);
            let var = match section.clamp {
                Some(n) => self.to.emit(Expr::Clamp(open.var(), n), POSITION),
                None => open.var(),
            };
            self.at[axis] = AxisIndex { var: Some(var), offset: 0 };
            let next = body(self, current);
            self.to.close(open, &next)
        };
        self.forget(1 << axis);
        (self.lanes, self.rows, self.skip, self.range[axis]) = was;
        last
    }

    fn enter(&mut self, axis: usize, section: Section) {
        let once = section.once.map(|at| (at, at + section.step as i64 - 1));
        self.range[axis] = once.unwrap_or(section.range);
        if self.schedule.vector == Some(axis) {
            self.lanes = section.step as u16;
            self.skip = section.skip;
        }
        if self.schedule.jam == Some(axis) {
            self.rows = section.step;
        }
    }

    /// Forgets values that depend on one of these axes, and those of loops that are closed: a sum is made
    /// in the loop that is open, whether it depends on that or not.
    fn forget(&mut self, axes: Axes) {
        for row in &mut self.memo {
            for (value, deps) in row.iter_mut().zip(&self.facts.deps) {
                if deps & axes != 0 || value.is_some_and(|value| !self.to.in_scope(value)) {
                    *value = None;
                }
            }
        }
    }

    /// Whether an instruction has a value in each lane.
    pub(super) fn varies(&self, id: InstId) -> bool {
        self.schedule.vector.is_some_and(|axis| self.facts.on(id, axis))
    }

    /// Lanes of an instruction's value.
    pub(super) fn lanes_of(&self, id: InstId) -> u16 {
        if self.varies(id) { self.lanes } else { 1 }
    }

    fn slot(&self, id: InstId, row: usize) -> usize {
        if self.schedule.jam.is_some_and(|axis| self.facts.on(id, axis)) { row } else { 0 }
    }

    /// An instruction's value in a row.
    pub(super) fn value(&self, id: InstId, row: usize) -> Value {
        let value = self.memo[self.slot(id, row)][id.0];
        value.unwrap_or_else(|| panic!("egret internal error in loops: %{} is not computed yet", id.0))
    }

    /// An instruction's value in a row, in `lanes` lanes.
    pub(super) fn wide(&mut self, id: InstId, row: usize, lanes: u16) -> Value {
        let value = self.value(id, row);
        self.to.widen(value, lanes)
    }

    /// Says what an instruction's value in a row is.
    pub(super) fn define(&mut self, id: InstId, row: usize, value: Value) {
        let slot = self.slot(id, row);
        self.memo[slot][id.0] = Some(value);
    }

    /// Computes live instructions that are asked for, in order, in each row.
    pub(super) fn insts(&mut self, wanted: impl Fn(&KernelFacts, InstId) -> bool) {
        for k in 0..self.kernel.insts.len() {
            let id = InstId(k);
            let skip = !self.facts.live[k] || self.facts.contracted[k] || !wanted(&self.facts, id);
            if skip || matches!(self.kernel.insts[k], Inst::Reduce(..)) {
                continue;
            }
            for row in 0..self.rows {
                if self.memo[self.slot(id, row)][k].is_none() {
                    self.inst(id, row);
                }
            }
        }
    }

    fn inst(&mut self, id: InstId, row: usize) {
        let kernel = self.kernel;
        let lanes = self.lanes_of(id);
        let value = match &kernel.insts[id.0] {
            Inst::Const(number, dtype) => self.to.number(*number, Ty { dtype: *dtype, lanes: 1 }),
            Inst::Axis(axis, dtype) => self.axis(*axis, row, Ty { dtype: *dtype, lanes }),
            Inst::Load { .. } => self.load(id, row, lanes),
            Inst::Map(row_of, args, dtype) => {
                let args: Vec<Value> = args.iter().map(|arg| self.wide(*arg, row, lanes)).collect();
                expand::apply(&mut self.to, row_of, &args, *dtype)
            }
            Inst::Cast(arg, dtype) => {
                let arg = self.value(*arg, row);
                self.to.cast(arg, *dtype)
            }
            Inst::Store { buffer, at, value } => {
                let dtype = self.program.buffers[buffer.0].dtype;
                let value = self.wide(*value, row, lanes);
                let value = self.to.cast(value, dtype);
                let pointer = self.pointer(*buffer);
                let step = self.step(at, lanes);
                let at = self.safe_address(*buffer, at, row, lanes, false);
                return self.to.store(pointer, at, step, value);
            }
            Inst::Reduce(..) => unreachable!("reductions are computed by their loops"),
        };
        self.define(id, row, value);
    }

    /// The pointer of a buffer.
    pub(super) fn pointer(&mut self, buffer: BufferId) -> usize {
        let known = self.pointers.iter().position(|have| *have == buffer);
        known.unwrap_or_else(|| {
            self.pointers.push(buffer);
            self.pointers.len() - 1
        })
    }

    /// Where an axis is at, in a row.
    pub(super) fn at(&self, axis: usize, row: usize) -> AxisIndex {
        let row = if self.schedule.jam == Some(axis) { row as i64 } else { 0 };
        AxisIndex { offset: self.at[axis].offset + row, ..self.at[axis] }
    }

    fn axis(&mut self, axis: usize, row: usize, ty: Ty) -> Value {
        let AxisIndex { var, offset } = self.at(axis, row);
        if var.is_none() && ty.lanes == 1 {
            return self.to.number(offset as f64, ty);
        }
        let at = Address { offset, terms: var.into_iter().map(|var| (var, 1)).collect() };
        let position = self.to.position(at);
        if ty.lanes == 1 { self.to.cast(position, ty.dtype) } else { self.to.emit(Expr::Iota(position), ty) }
    }

    /// The entry of a table at an axis' position.
    pub(super) fn entry(&mut self, axis: usize, table: Vec<i64>) -> Value {
        let AxisIndex { var, offset } = self.at(axis, 0);
        match var {
            None => self.to.int(table[offset as usize]),
            Some(var) => {
                let table = self.to.table(table);
                let at = self.to.position(Address { offset, terms: vec![(var, 1)] });
                self.to.emit(Expr::Table(table, at), POSITION)
            }
        }
    }

    /// One accumulator for each width of the vector axis' sections (if that is reduced), reduction and row.
    fn identities(&mut self) -> Vec<Value> {
        let reduced = self.schedule.vector.filter(|axis| *axis >= self.kernel.n_out);
        let mut widths: Vec<u16> = match reduced {
            Some(axis) => self.sections(axis).iter().map(|section| section.step as u16).collect(),
            None => vec![self.lanes],
        };
        widths.dedup();
        let mut init = Vec::new();
        for width in widths {
            for (combine, arg, dtype) in self.sums() {
                let lanes = if reduced.is_some() || self.varies(arg) { width } else { 1 };
                let start = self.to.number(reduce::start(combine, dtype), Ty { dtype, lanes });
                init.extend(std::iter::repeat_n(start, self.rows));
            }
        }
        init
    }

    /// The reductions: how, of what, in which type.
    pub(super) fn sums(&self) -> Vec<(Reducer, InstId, DType)> {
        let sums = self.facts.combines.iter().map(|id| match &self.kernel.insts[id.0] {
            Inst::Reduce(combine, arg, dtype) => (*combine, *arg, *dtype),
            _ => unreachable!("facts list reductions only"),
        });
        sums.collect()
    }
}
