//! Writes the instructions of each kernel.

use super::access::{Access, follow};
use super::assign::BufferAssignment;
use super::blockers::blockers;
use super::group::{FusionGroup, GroupMember, Groups};
use super::lower::TermLowering;
use super::plan::Class;
use super::region::{copied, splice};
use super::{Affine, BufferId, Inst, InstId, Kernel, Program, Strategy};
use crate::algebra::form::AxisSize;
use crate::graph::{Graph, Phase};

/// The program of a graph whose values are grouped and placed.
pub(super) fn emit(groups: &Groups, memory: BufferAssignment, graph: &Graph) -> Program {
    let inputs = graph.inputs.iter().enumerate();
    let mut program = Program {
        name: graph.name.clone(),
        inputs: inputs.map(|(k, input)| (BufferId(k), input.role.clone())).collect(),
        buffers: memory.buffers.clone(),
        kernels: Vec::new(),
        regions: Vec::new(),
        outputs: memory.outputs.clone(),
    };
    let mut order = Vec::new();
    for group in &memory.order {
        match groups.groups[*group].repeats {
            Some(id) => {
                splice(&mut program, groups, &memory, id);
                order.push((*group, None));
            }
            None => {
                order.push((*group, Some(program.kernels.len())));
                program.kernels.push(KernelBuilder::kernel(groups, &memory, *group));
            }
        }
    }
    for ((_, kernel), reasons) in order.iter().zip(blockers(groups, &order)) {
        if let Some(kernel) = kernel {
            program.kernels[*kernel].not_fused = reasons;
        }
    }
    for (from, to) in &memory.late {
        let (copy, phases) = (copied(&program.buffers, *from, *to), vec![Phase::Update]);
        program.kernels.push(Kernel { commits: true, phases, ..copy });
    }
    for kernel in &mut program.kernels {
        kernel.strategy = Strategy::of(&program.buffers, kernel);
    }
    program
}

/// A kernel under construction.
pub(super) struct KernelBuilder<'a> {
    groups: &'a Groups,
    memory: &'a BufferAssignment,
    group: usize,
    /// Axes with the result axes first.
    axes: Vec<AxisSize>,
    /// By axis of the group: its place among `axes`.
    names: Vec<usize>,
    pub(super) insts: Vec<Inst>,
    /// By item: its value at this point.
    values: Vec<(usize, InstId)>,
}

impl<'a> KernelBuilder<'a> {
    fn kernel(groups: &'a Groups, memory: &'a BufferAssignment, group: usize) -> Kernel {
        let shape = &groups.groups[group];
        let (axes, names, n_out) = result_axes_first(shape);
        let commits = memory.commits[group];
        let mut emitter =
            KernelBuilder { groups, memory, group, axes, names, insts: Vec::new(), values: Vec::new() };
        emitter.deep(shape);
        emitter.outside_reduction(shape);
        let KernelBuilder { axes, insts, .. } = emitter;
        let (strategy, parts) = (Strategy::Nest, parts(groups, shape));
        Kernel { axes, n_out, insts, strategy, commits, phases: parts, not_fused: Vec::new() }
    }

    /// What happens at every point; stores come after all loads.
    fn deep(&mut self, group: &FusionGroup) {
        let in_reduction = |id: &&usize| !self.groups.member(**id).outside_reduction;
        let deep: Vec<usize> = group.members.iter().filter(in_reduction).copied().collect();
        for id in &deep {
            self.compute(*id);
        }
        let (reductions, plain): (Vec<usize>, Vec<usize>) =
            deep.into_iter().partition(|id| self.groups.member(*id).reduces);
        plain.into_iter().for_each(|id| self.store(id));
        for id in reductions {
            let item = &self.groups.plan.items[id];
            let inst = Inst::Reduce(item.form.combine, self.value(id), item.ty.dtype);
            let combined = self.push(inst);
            self.values.push((id, combined));
        }
    }

    /// What happens once per point of the result axes.
    fn outside_reduction(&mut self, group: &FusionGroup) {
        let outside_reduction: Vec<usize> =
            group.members.iter().filter(|id| self.groups.member(**id).outside_reduction).copied().collect();
        outside_reduction.iter().for_each(|id| self.compute(*id));
        for id in &group.members {
            let member = self.groups.member(*id);
            if member.outside_reduction || member.reduces {
                self.store(*id);
            }
        }
    }

    fn member(&self, id: usize) -> &'a GroupMember {
        self.groups.member(id)
    }

    /// Adds the value of a form's body.
    fn compute(&mut self, id: usize) {
        let positions: Vec<Affine> =
            self.member(id).positions.iter().map(|position| position.rename(&self.names)).collect();
        let value = self.body(id, &positions);
        self.values.push((id, value));
    }

    /// The value of an item's body when its form's axes are at `positions`.
    fn body(&mut self, id: usize, positions: &[Affine]) -> InstId {
        let groups = self.groups;
        let item = &groups.plan.items[id];
        let mut reads: Vec<InstId> = Vec::new();
        for read in &item.form.reads {
            let arg = item.args[read.arg];
            let gathered = |k: usize| reads.get(k).copied();
            let below = (arg, &groups.plan.items[arg]);
            let spot = follow(read, below, positions, &Access::default(), &self.axes, &gathered);
            let spot = spot.and_then(|spot| groups.plan.trace(spot, &self.axes).ok());
            let value = spot.and_then(|spot| self.read(&spot));
            reads.push(value.unwrap_or_else(|| panic!("egret internal error in fuse: a read does not fold")));
        }
        TermLowering { emitter: self, reads, positions }.lower(&item.form.body, item.ty.dtype)
    }

    /// The value at a spot that views have been taken off.
    fn read(&mut self, spot: &Access) -> Option<InstId> {
        let item = &self.groups.plan.items[spot.item];
        if item.class == Class::Inline {
            let positions = match self.groups.plan.positions(spot, &self.axes) {
                None if item.form.reads.is_empty() => Vec::new(),
                positions => positions?,
            };
            return Some(self.body(spot.item, &positions));
        }
        if self.groups.members[spot.item].as_ref().is_some_and(|member| member.group == self.group) {
            return Some(self.value(spot.item));
        }
        let buffer = self.memory.main[spot.item]?;
        let (guards, outside, dtype) = (spot.guards.clone(), spot.outside, item.ty.dtype);
        let at = self.groups.plan.flat(spot)?;
        Some(self.push(Inst::Load { buffer, at, guards, outside, dtype }))
    }

    /// The latest value of a member.
    fn value(&self, id: usize) -> InstId {
        match self.values.iter().rev().find(|(item, _)| *item == id) {
            Some((_, value)) => *value,
            None => panic!("egret internal error in fuse: value {id} is used before it is made"),
        }
    }

    fn store(&mut self, id: usize) {
        let at = self.member(id).at.rename(&self.names);
        for (buffer, start) in &self.memory.stores[id] {
            let (value, mut at) = (self.value(id), at.clone());
            at.offset += *start as i64;
            self.insts.push(Inst::Store { buffer: *buffer, at, value });
        }
    }

    /// Adds an instruction, or finds it if it is there.
    pub(super) fn push(&mut self, inst: Inst) -> InstId {
        if let Some(have) = self.insts.iter().position(|have| have.is_like(&inst)) {
            return InstId(have);
        }
        self.insts.push(inst);
        InstId(self.insts.len() - 1)
    }
}

/// The parts of a step that a group's members belong to.
fn parts(groups: &Groups, group: &FusionGroup) -> Vec<Phase> {
    let mut parts: Vec<Phase> = Vec::new();
    for part in group.members.iter().filter_map(|id| groups.plan.items[*id].phase.as_ref()) {
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

/// A group's axes with the result axes first, the place of each, and how many are result axes.
fn result_axes_first(group: &FusionGroup) -> (Vec<AxisSize>, Vec<usize>, usize) {
    let n = group.axes.len();
    let (reduced, results): (Vec<usize>, Vec<usize>) = (0..n).partition(|axis| group.reduced[*axis]);
    let order = [results.clone(), reduced].concat();
    let mut names = vec![0; n];
    for (place, axis) in order.iter().enumerate() {
        names[*axis] = place;
    }
    (order.iter().map(|axis| group.axes[*axis].clone()).collect(), names, results.len())
}

impl Inst {
    /// Whether it gives the same value.
    pub(super) fn is_like(&self, other: &Inst) -> bool {
        match (self, other) {
            (Inst::Const(a, s), Inst::Const(b, t)) => a.to_bits() == b.to_bits() && s == t,
            (Inst::Axis(a, s), Inst::Axis(b, t)) => a == b && s == t,
            (Inst::Cast(a, s), Inst::Cast(b, t)) => a == b && s == t,
            (Inst::Map(f, a, s), Inst::Map(g, b, t)) => std::ptr::eq(*f, *g) && a == b && s == t,
            (Inst::Reduce(f, a, s), Inst::Reduce(g, b, t)) => f == g && a == b && s == t,
            (
                Inst::Load { buffer: a, at: i, guards: g, outside: o, .. },
                Inst::Load { buffer: b, at: j, guards: h, outside: p, .. },
            ) => a == b && i == j && g == h && o.to_bits() == p.to_bits(),
            _ => false,
        }
    }
}
