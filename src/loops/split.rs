//! Parts: a kernel with enough to do is cut along one axis, so that several threads can do it.
//!
//! The rule:
//! 1. A part has as many instructions as pay for a thread, or more, and there are [`MOST`] at most: a
//!    kernel below two grains is done by one thread, to which waking another would be a loss.
//! 2. A result axis is cut if that gives enough parts: each part computes other elements.
//! 3. Else a reduced axis is cut: each part leaves its own sum in memory, and a second function, which
//!    is what was after the reduction, first puts these together in order.
//!
//! All of it depends on the kernel alone. So results have the same bits with any number of threads.

use std::ops::Range;

use crate::algebra::form::AxisSize;
use crate::algebra::types::DType;
use crate::hardware::HARDWARE;
use crate::kernel::{Affine, Buffer, BufferId, Inst, InstId, Kernel, Program, Storage, Strategy};

use super::Function;
use super::cost::work;
use super::facts::{KernelFacts, root};
use super::lower::lower;
use super::prefix_sum;
use super::product;
use super::ranks;
use super::scatter;
use super::schedule::Schedule;

/// Most parts.
const MOST: u64 = 64;

/// From so many parts on it does not matter that there could be more.
const ENOUGH: usize = 8;

/// A kernel's cut.
#[derive(Clone, Debug)]
pub(super) struct ParallelSplit {
    /// The axis that is cut.
    pub(super) axis: usize,
    /// Where each part starts, and where the last one ends.
    pub(super) starts: Vec<usize>,
    /// Buffers with one piece of this many elements for each part.
    pub(super) partial: Vec<(BufferId, usize)>,
}

impl ParallelSplit {
    /// How many parts.
    pub(super) fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// For each part where it and `range` begin to overlap, and where they end to.
    pub(super) fn overlaps(&self, range: Range<usize>) -> (Vec<i64>, Vec<i64>) {
        let parts = self.starts.windows(2).map(|part| {
            let (start, stop) = (part[0].max(range.start), part[1].min(range.end));
            let (start, stop) = if start < stop { (start, stop) } else { (range.start, range.start) };
            (start as i64, stop as i64)
        });
        parts.unzip()
    }
}

/// A kernel as one function or several (a sum of parts and what comes after it, or a matrix product or sums
/// by an index and what is done with them), with the buffers behind their pointers. Sums of parts are new
/// buffers of the program.
pub(super) fn functions(program: &mut Program, kernel: &Kernel) -> Vec<(Function, Vec<BufferId>)> {
    match &kernel.strategy {
        Strategy::Nest => nest(program, kernel),
        Strategy::Product(product) => product::functions(program, kernel, product),
        Strategy::Scatter(scatter) => scatter::functions(program, kernel, scatter),
        Strategy::Ranks(ranks) => ranks::functions(program, kernel, ranks),
        Strategy::PrefixSum(prefix) => prefix_sum::functions(program, kernel, prefix),
    }
}

/// A kernel in loops over its axes, in parts if there is enough to do.
pub(super) fn nest(program: &mut Program, kernel: &Kernel) -> Vec<(Function, Vec<BufferId>)> {
    let whole = lower(program, kernel, None);
    let parts = parts(&whole.0);
    let Some(cut) = (parts > 1).then(|| AxisCut::find(program, kernel, parts)).flatten() else {
        return vec![whole];
    };
    if cut.axis < kernel.n_out {
        let split = ParallelSplit { axis: cut.axis, starts: cut.starts, partial: Vec::new() };
        return vec![lower(program, kernel, Some(&split))];
    }
    let (first, second, partial) = two_levels(program, kernel, &cut);
    let split = ParallelSplit { axis: cut.axis, starts: cut.starts, partial };
    let first = lower(program, &first, Some(&split));
    let mut both = vec![first];
    both.extend(nest(program, &second));
    both
}

/// How many parts a function is worth.
pub(super) fn parts(function: &Function) -> usize {
    (work(function) / HARDWARE.grain).min(MOST) as usize
}

/// An axis and its parts.
struct AxisCut {
    axis: usize,
    starts: Vec<usize>,
}

impl AxisCut {
    /// The best way to get about so many parts, if there is one.
    fn find(program: &Program, kernel: &Kernel, parts: usize) -> Option<AxisCut> {
        let facts = KernelFacts::of(program, kernel);
        let schedule = Schedule::of(kernel, &facts);
        if !stays_in_place(program, kernel, &facts) {
            return None;
        }
        let cut = |axis: usize| AxisCut { axis, starts: starts(kernel, &schedule, axis, parts) };
        let best = |axes: Range<usize>| {
            let cuts = axes.filter(|axis| is_apart(kernel, &facts, *axis)).map(cut);
            cuts.reduce(|best, cut| if cut.is_finer(&best) { cut } else { best })
        };
        let results = best(0..kernel.n_out).filter(|cut| cut.count() > 1);
        if results.as_ref().is_some_and(|cut| cut.count() >= parts.min(ENOUGH)) {
            return results;
        }
        let sums = best(kernel.n_out..kernel.axes.len());
        let sums = sums
            .filter(|cut| cut.count() > 1 && cut.pays(kernel, parts) && can_resume(program, kernel, &facts));
        match (results, sums) {
            (Some(results), Some(sums)) if sums.count() <= 2 * results.count() => Some(results),
            (results, sums) => sums.or(results),
        }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether it has more parts, as far as that matters.
    fn is_finer(&self, other: &AxisCut) -> bool {
        other.count() < ENOUGH && self.count() > other.count()
    }

    /// Whether putting the parts' sums together is little work beside making them.
    fn pays(&self, kernel: &Kernel, parts: usize) -> bool {
        results(kernel).is_some_and(|n| (n * self.count()) as u64 <= parts as u64 * HARDWARE.grain / 16)
    }
}

/// Elements of a result, if its axes have fixed lengths.
fn results(kernel: &Kernel) -> Option<usize> {
    let extent = |extent: &AxisSize| match extent {
        AxisSize::Fixed(n) => Some(*n),
        AxisSize::Ragged(_) => None,
    };
    kernel.axes[..kernel.n_out].iter().map(extent).product()
}

/// Where parts of an axis start: at whole iterations of its loop, what is left over in the last part.
pub(super) fn starts(kernel: &Kernel, schedule: &Schedule, axis: usize, parts: usize) -> Vec<usize> {
    let AxisSize::Fixed(n) = kernel.axes[axis] else { return vec![0, 0] };
    if schedule.is_cut(axis) {
        let iterations = schedule.iterations(axis, n).into_iter();
        let firsts = iterations.flat_map(|(start, stop, width)| {
            (0..((stop - start) / width)).map(move |iteration| start + iteration * width)
        });
        let firsts: Vec<usize> = firsts.collect();
        let count = parts.min(firsts.len()).max(1);
        return (0..count).map(|part| firsts[part * firsts.len() / count]).chain([n]).collect();
    }
    let step = match axis {
        axis if schedule.vector == Some(axis) => usize::from(schedule.lanes),
        axis if schedule.jam == Some(axis) => schedule.rows,
        _ => 1,
    };
    let iterations = n / step;
    let count = parts.min(iterations).max(1);
    (0..count).map(|part| part * iterations / count * step).chain([n]).collect()
}

/// Whether an axis can be cut: parts must write different elements, but for sums.
fn is_apart(kernel: &Kernel, facts: &KernelFacts, axis: usize) -> bool {
    let inside = |k: usize| axis >= kernel.n_out && !facts.inside[k];
    let apart = |(k, inst): (usize, &Inst)| match inst {
        Inst::Store { at, .. } => inside(k) || at.depends_on(axis) && at.gather.is_none(),
        _ => true,
    };
    matches!(kernel.axes[axis], AxisSize::Fixed(_)) && kernel.insts.iter().enumerate().all(apart)
}

/// Whether what is both read and written is so at the same elements only.
fn stays_in_place(program: &Program, kernel: &Kernel, facts: &KernelFacts) -> bool {
    let accesses = kernel.insts.iter().enumerate().filter(|(k, _)| facts.live[*k]);
    let accesses: Vec<_> = accesses.filter_map(|(_, inst)| access(inst)).collect();
    let place = |(buffer, at, _): &(BufferId, &Affine, bool)| (*buffer, (*at).clone());
    let meets = |a: &BufferId, b: &BufferId| root(program, a.0) == root(program, b.0);
    let stored = |access: &(BufferId, &Affine, bool)| {
        let mut stores = accesses.iter().filter(|(buffer, _, store)| *store && meets(buffer, &access.0));
        stores.all(|store| place(store) == place(access) && store.1.gather.is_none())
    };
    accesses.iter().all(stored)
}

/// Whether what comes after a reduction does not read what is written inside it.
fn can_resume(program: &Program, kernel: &Kernel, facts: &KernelFacts) -> bool {
    let stores = |(inst, inside): (&Inst, &bool)| match inst {
        Inst::Store { buffer, .. } if *inside => Some(root(program, buffer.0)),
        _ => None,
    };
    let written: Vec<usize> = kernel.insts.iter().zip(&facts.inside).filter_map(stores).collect();
    let mut after: Vec<bool> = vec![false; kernel.insts.len()];
    for (k, inst) in kernel.insts.iter().enumerate().rev() {
        after[k] |= matches!(inst, Inst::Store { .. }) && !facts.inside[k];
        if after[k] && !matches!(inst, Inst::Reduce(..)) {
            inst.operands(&mut |arg| after[arg.0] = true);
        }
    }
    let mut reads = kernel.insts.iter().zip(after).filter(|(_, after)| *after).map(|(inst, _)| inst);
    reads.all(|inst| !matches!(inst, Inst::Load { buffer, .. } if written.contains(&root(program, buffer.0))))
}

/// The buffer and the position of a load or a store, and whether it is a store.
fn access(inst: &Inst) -> Option<(BufferId, &Affine, bool)> {
    match inst {
        Inst::Load { buffer, at, .. } => Some((*buffer, at, false)),
        Inst::Store { buffer, at, .. } => Some((*buffer, at, true)),
        Inst::Const(..) | Inst::Axis(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => None,
    }
}

/// What is left of an instruction that is not needed.
fn nothing() -> Inst {
    Inst::Const(0.0, DType::F32)
}

/// A kernel that leaves the sum of each part, one that puts them together and goes on, and the buffers
/// between them with the elements of a part.
fn two_levels(
    program: &mut Program,
    kernel: &Kernel,
    cut: &AxisCut,
) -> (Kernel, Kernel, Vec<(BufferId, usize)>) {
    let facts = KernelFacts::of(program, kernel);
    let len = results(kernel).unwrap_or(1);
    let (mut first, mut second) = (kernel.clone(), kernel.clone());
    for (k, inst) in kernel.insts.iter().enumerate() {
        if matches!(inst, Inst::Store { .. }) {
            let dropped = if facts.inside[k] { &mut second } else { &mut first };
            dropped.insts[k] = nothing();
        }
    }
    let mut partial = Vec::new();
    let mut loads = Vec::new();
    for id in &facts.combines {
        let Inst::Reduce(_, _, dtype) = kernel.insts[id.0] else { continue };
        program.buffers.push(Buffer {
            dtype,
            len: len * cut.count(),
            name: None,
            storage: Storage::Temporary,
        });
        let buffer = BufferId(program.buffers.len() - 1);
        let at = row_major(kernel);
        first.insts.push(Inst::Store { buffer, at: at.clone(), value: *id });
        let mut at = at;
        at.terms.push((kernel.n_out, len as i64));
        loads.push(Inst::Load { buffer, at, guards: Vec::new(), outside: 0.0, dtype });
        partial.push((buffer, len));
    }
    second.axes.truncate(kernel.n_out);
    second.axes.push(AxisSize::Fixed(cut.count()));
    resume(&mut second, &facts.combines, loads);
    (first, second, partial)
}

/// Lets reductions take what `loads` read.
fn resume(kernel: &mut Kernel, combines: &[InstId], loads: Vec<Inst>) {
    let by = loads.len();
    for inst in &mut kernel.insts {
        shift(inst, by);
    }
    for (k, combine) in combines.iter().enumerate() {
        if let Inst::Reduce(_, arg, _) = &mut kernel.insts[combine.0] {
            *arg = InstId(k);
        }
    }
    kernel.insts.splice(0..0, loads);
    drop_dead(kernel);
}

/// Replaces what no store needs: it may speak of axes that are gone.
fn drop_dead(kernel: &mut Kernel) {
    let mut live = vec![false; kernel.insts.len()];
    for (k, inst) in kernel.insts.iter_mut().enumerate().rev() {
        live[k] |= matches!(inst, Inst::Store { .. });
        match live[k] {
            true => inst.operands(&mut |arg| live[arg.0] = true),
            false => *inst = nothing(),
        }
    }
}

/// Elements of a result in the order of its axes.
fn row_major(kernel: &Kernel) -> Affine {
    let mut at = Affine::default();
    let mut stride = 1;
    for axis in (0..kernel.n_out).rev() {
        at.terms.insert(0, (axis, stride));
        if let AxisSize::Fixed(n) = kernel.axes[axis] {
            stride *= n as i64;
        }
    }
    at
}

/// Names operands by numbers that are greater by `by`.
fn shift(inst: &mut Inst, by: usize) {
    let gather = |at: &mut Affine| {
        if let Some((index, _)) = &mut at.gather {
            index.0 += by;
        }
    };
    match inst {
        Inst::Const(..) | Inst::Axis(..) => {}
        Inst::Load { at, guards, .. } => {
            gather(at);
            guards.iter_mut().for_each(|guard| gather(&mut guard.position));
        }
        Inst::Map(_, args, _) => args.iter_mut().for_each(|arg| arg.0 += by),
        Inst::Cast(arg, _) | Inst::Reduce(_, arg, _) => arg.0 += by,
        Inst::Store { at, value, .. } => {
            gather(at);
            value.0 += by;
        }
    }
}
