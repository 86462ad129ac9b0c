//! Where values are stored, and in which order the kernels run.
//!
//! The new value of an input is written straight into the input's memory when every reader of the
//! old value runs earlier, or reads it in the same kernel at the same point. Otherwise it goes to
//! memory of its own and a copy is the last thing that happens. So it is for each part of a value that is
//! laid together from several.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::rc::Rc;

use super::group::{FusionGroup, Groups};
use super::plan::Class;
use super::{Affine, Buffer, BufferId, Output, Storage};
use crate::graph::{self, Graph, OutputTarget};

/// Memory of one program.
#[derive(Debug, Default)]
pub(super) struct BufferAssignment {
    pub(super) buffers: Vec<Buffer>,
    /// By item: where it is read from.
    pub(super) main: Vec<Option<BufferId>>,
    /// By item: everywhere it is written to, each with its first element there.
    pub(super) stores: Vec<Vec<(BufferId, usize)>>,
    pub(super) outputs: Vec<Output>,
    /// Groups in the order in which their kernels run.
    pub(super) order: Vec<usize>,
    /// Groups that write inputs.
    pub(super) commits: Vec<bool>,
    /// Copies at the end: from where, to where.
    pub(super) late: Vec<(BufferId, BufferId)>,
    /// By loop and result: the memory that its iterations write.
    pub(super) left: Vec<Vec<BufferId>>,
}

/// What has to be known to place buffers.
struct Placer<'a> {
    groups: &'a Groups,
    graph: &'a Graph,
    /// By output: whether it is written straight into its input.
    direct: Vec<bool>,
    /// By item: the outputs that it is.
    outputs_of: Vec<Vec<usize>>,
    /// By item: the pack and the first element there, for each pack that it is part of.
    parts_of: Vec<Vec<(usize, usize)>>,
    /// Writers that have to wait for readers of the old value.
    waits: Vec<BTreeSet<usize>>,
    memory: BufferAssignment,
}

impl BufferAssignment {
    /// Places every value that is stored.
    pub(super) fn place(groups: &Groups, graph: &Graph) -> BufferAssignment {
        let mut placer = Placer::new(groups, graph);
        placer.place_inputs();
        for output in 0..graph.outputs.len() {
            placer.direct[output] = placer.try_direct(output);
        }
        placer.sort();
        for group in placer.memory.order.clone() {
            for id in &groups.groups[group].members {
                placer.place_item(*id);
            }
            if let Some(id) = groups.groups[group].repeats {
                placer.place_loop(id);
            }
        }
        placer.place_outputs();
        placer.memory
    }
}

impl<'a> Placer<'a> {
    fn new(groups: &'a Groups, graph: &'a Graph) -> Placer<'a> {
        let n = groups.plan.items.len();
        let mut outputs_of = vec![Vec::new(); n];
        for (output, item) in groups.plan.outputs.iter().enumerate() {
            outputs_of[*item].push(output);
        }
        let mut parts_of = vec![Vec::new(); n];
        for (id, item) in groups.plan.items.iter().enumerate().filter(|(_, item)| item.class == Class::Concat)
        {
            let mut start = 0;
            for arg in &item.args {
                parts_of[*arg].push((id, start));
                start += groups.plan.items[*arg].ty.count();
            }
        }
        let memory = BufferAssignment {
            main: vec![None; n],
            stores: vec![Vec::new(); n],
            left: vec![Vec::new(); groups.plan.loops.len()],
            commits: vec![false; groups.groups.len()],
            ..BufferAssignment::default()
        };
        let direct = vec![false; graph.outputs.len()];
        let waits = vec![BTreeSet::new(); groups.groups.len()];
        Placer { groups, graph, direct, outputs_of, parts_of, waits, memory }
    }

    fn place_inputs(&mut self) {
        for (k, input) in self.graph.inputs.iter().enumerate() {
            let Some(id) = self.groups.plan.input(k) else {
                panic!("egret internal error in fuse: input {} is missing", input.name)
            };
            let buffer = self.buffer(id, Some(Rc::from(input.name.as_str())), Storage::Input(k));
            self.memory.main[id] = Some(buffer);
        }
    }

    fn buffer(&mut self, id: usize, name: Option<Rc<str>>, storage: Storage) -> BufferId {
        let ty = &self.groups.plan.items[id].ty;
        self.memory.buffers.push(Buffer { dtype: ty.dtype, len: ty.count(), name, storage });
        BufferId(self.memory.buffers.len() - 1)
    }

    /// Whether an output can be written straight into the input that it replaces; if so, the kernels of its
    /// parts wait for all that read the old value there.
    fn try_direct(&mut self, output: usize) -> bool {
        let OutputTarget::InPlace(k) = self.graph.outputs[output].target else { return false };
        let Some(input) = self.groups.plan.input(k) else { return false };
        let parts = self.groups.plan.parts(self.groups.plan.outputs[output]);
        let before = self.waits.clone();
        for part in &parts {
            let Some((group, readers)) = self.readers(input, *part) else {
                self.waits = before;
                return false;
            };
            if self.wait_for(&readers, group) {
                self.waits = before;
                return false;
            }
            self.waits[group].extend(readers);
        }
        for (part, _) in parts {
            self.memory.commits[self.groups.member(part).group] = true;
        }
        true
    }

    /// The group that makes a part of an input's new value, and the others that read the old value there;
    /// `None` if its own does at another point.
    fn readers(&self, input: usize, (id, start): (usize, usize)) -> Option<(usize, BTreeSet<usize>)> {
        let made = self.groups.members[id].as_ref()?;
        let len = self.groups.plan.items[id].ty.count();
        let at = made.at.plus(&Affine::constant(start as i64))?;
        let mut readers = BTreeSet::new();
        for user in &self.groups.users[input] {
            let reads = self.groups.reads_of(*user, input, start, len);
            let group = self.groups.member(*user).group;
            if group != made.group {
                readers.extend(reads.first().map(|_| group));
            } else if reads.iter().any(|edge| edge.guarded || edge.at != at) {
                return None;
            }
        }
        Some((made.group, readers))
    }

    /// Everything that a group has to wait for directly.
    fn before(&self, group: usize) -> BTreeSet<usize> {
        let mut before = self.groups.order.reads(group);
        before.extend(&self.waits[group]);
        before
    }

    /// Whether one of some groups has to wait for another, over any number of steps.
    fn wait_for(&self, groups: &BTreeSet<usize>, other: usize) -> bool {
        let mut seen = groups.clone();
        let mut todo: Vec<usize> = groups.iter().copied().collect();
        while let Some(group) = todo.pop() {
            for before in self.before(group) {
                if before == other {
                    return true;
                }
                if seen.insert(before) {
                    todo.push(before);
                }
            }
        }
        false
    }

    /// Orders the kernels: what writes inputs comes as late as it can, otherwise as in the graph.
    fn sort(&mut self) {
        let n = self.groups.groups.len();
        let is_group = |group: &usize| self.groups.order.find(*group) == *group;
        let mut waiting = vec![0; n];
        let mut after = vec![Vec::new(); n];
        for group in (0..n).filter(is_group) {
            let before = self.before(group);
            waiting[group] = before.len();
            before.into_iter().for_each(|other| after[other].push(group));
        }
        let key = |group: usize| {
            let FusionGroup { members, repeats, .. } = &self.groups.groups[group];
            let first = members.first().or(repeats.as_ref());
            Reverse((self.memory.commits[group], first.copied().unwrap_or(0), group))
        };
        let mut ready: BinaryHeap<_> =
            (0..n).filter(is_group).filter(|group| waiting[*group] == 0).map(key).collect();
        let mut order = Vec::new();
        while let Some(Reverse((_, _, group))) = ready.pop() {
            order.push(group);
            for other in &after[group] {
                waiting[*other] -= 1;
                if waiting[*other] == 0 {
                    ready.push(key(*other));
                }
            }
        }
        let runs = |group: &FusionGroup| !group.members.is_empty() || group.repeats.is_some();
        order.retain(|group| runs(&self.groups.groups[*group]));
        self.memory.order = order;
    }

    /// Gives a computed value its memory, unless only its own kernel uses it.
    fn place_item(&mut self, id: usize) {
        let group = self.groups.member(id).group;
        let name = self.groups.plan.items[id].name.clone();
        let mut users = self.groups.users[id].iter().map(|user| self.groups.member(*user).group);
        let elsewhere = self.groups.looped[id] || users.any(|user| user != group);
        let mut stores = Vec::new();
        for output in self.outputs_of[id].clone() {
            stores.push((self.output_buffer(id, output), 0));
        }
        for (pack, start) in self.parts_of[id].clone() {
            let (of, base) = self.pack_buffer(pack);
            let start = base + start;
            // What replaces an input is stored there as it is read there.
            let replaces = matches!(self.memory.buffers[of.0].storage, Storage::Input(_));
            stores.push(match replaces && !elsewhere {
                true => (of, start),
                false => (self.buffer(id, name.clone(), Storage::Part { of, start }), 0),
            });
        }
        if stores.is_empty() && elsewhere {
            stores.push((self.buffer(id, name, Storage::Temporary), 0));
        }
        self.memory.main[id] = stores.first().map(|(buffer, _)| *buffer);
        self.memory.stores[id] = stores;
    }

    /// Gives the results of a loop their memory. What is carried lies in one of two places, in turn.
    fn place_loop(&mut self, id: usize) {
        let Class::Loop(number) = self.groups.plan.items[id].class else { return };
        let planned = &self.groups.plan.loops[number];
        for (k, result) in planned.results.iter().enumerate() {
            let ty = planned.repeated.result(k);
            let name = result.and_then(|id| self.groups.plan.items[id].name.clone());
            let places = planned.places(k);
            let whole = Buffer {
                dtype: ty.dtype,
                len: places.saturating_mul(ty.count()),
                name,
                storage: Storage::Temporary,
            };
            self.memory.buffers.push(whole);
            let of = BufferId(self.memory.buffers.len() - 1);
            self.memory.left[number].push(of);
            let Some(id) = result else { continue };
            self.memory.main[*id] = Some(match places {
                1 => of,
                _ => {
                    let [before, _] = planned.turns(k);
                    let start = before.place(planned.repeated.count) * ty.count();
                    self.buffer(*id, None, Storage::Part { of, start })
                }
            });
        }
        for (id, history) in &planned.histories {
            let (of, start) = (self.memory.left[number][history.of], planned.begin(*history));
            let part = self.buffer(*id, None, Storage::Part { of, start });
            self.memory.main[*id] = Some(part);
        }
    }

    fn output_buffer(&mut self, id: usize, output: usize) -> BufferId {
        let name = Some(Rc::from(self.graph.outputs[output].name.as_str()));
        match self.graph.outputs[output].target {
            OutputTarget::Result | OutputTarget::Positions => self.buffer(id, name, Storage::Output(output)),
            OutputTarget::InPlace(k) if self.direct[output] => BufferId(k),
            OutputTarget::InPlace(k) => {
                let buffer = self.buffer(id, name, Storage::Temporary);
                self.memory.late.push((buffer, BufferId(k)));
                buffer
            }
        }
    }

    /// The memory of a pack: the whole buffer and the pack's first element there.
    fn pack_buffer(&mut self, pack: usize) -> (BufferId, usize) {
        if let Some(buffer) = self.memory.main[pack] {
            return match self.memory.buffers[buffer.0].storage {
                Storage::Part { of, start } => (of, start),
                Storage::Input(_) | Storage::Output(_) | Storage::Temporary | Storage::Moving(_) => {
                    (buffer, 0)
                }
            };
        }
        let name = self.groups.plan.items[pack].name.clone();
        let (buffer, root) =
            match (self.parts_of[pack].first().copied(), self.outputs_of[pack].first().copied()) {
                (Some((outer, start)), _) => {
                    let (of, base) = self.pack_buffer(outer);
                    let start = base + start;
                    (self.buffer(pack, name, Storage::Part { of, start }), (of, start))
                }
                (None, Some(output)) => {
                    let buffer = self.output_buffer(pack, output);
                    (buffer, (buffer, 0))
                }
                (None, None) => {
                    let buffer = self.buffer(pack, name, Storage::Temporary);
                    (buffer, (buffer, 0))
                }
            };
        self.memory.main[pack] = Some(buffer);
        root
    }

    fn place_outputs(&mut self) {
        for (k, output) in self.graph.outputs.iter().enumerate() {
            let id = self.groups.plan.outputs[k];
            let nth = self.outputs_of[id].iter().position(|have| *have == k).unwrap_or(0);
            let buffer = match output.target {
                OutputTarget::InPlace(input) => BufferId(input),
                _ if self.groups.plan.items[id].class == Class::Concat => self.pack_buffer(id).0,
                OutputTarget::Result | OutputTarget::Positions => self.memory.stores[id][nth].0,
            };
            let graph::Output { name, target, gives, .. } = output.clone();
            self.memory.outputs.push(Output { name, buffer, target, gives });
        }
    }
}
