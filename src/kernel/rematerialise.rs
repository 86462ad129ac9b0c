//! Cheap: a cheap value that only other kernels read is computed again there, not stored.
//!
//! It must be pointwise, cost at most [`CHEAP`] operations on what is in memory anyway, and be read
//! at as many points as it has elements, so that nothing is computed twice at a point. Its readers
//! then read at most one more tensor in its place.

use std::collections::BTreeSet;

use super::affine::points;
use super::group::Groups;
use super::plan::{Class, Items};
use crate::algebra::scalar::{Implementation, MachineOp};
use crate::algebra::term::{Node, Term};
use crate::graph::{Graph, OutputTarget};

/// Most operations that are done again to save a store and a load.
const CHEAP: usize = 4;

/// The values that sink.
pub(super) fn cheap(groups: &Groups, graph: &Graph) -> BTreeSet<usize> {
    let mut cheap = Cheap::new(groups, graph);
    for id in 0..groups.members.len() {
        let mut way = Recomputation::default();
        let stored = groups.members[id].is_some() && cheap.stored[id];
        if stored && cheap.again(id, &mut way) && cheap.saves(id, &way.bases) {
            cheap.inlined.extend(way.values);
        }
    }
    cheap.inlined
}

impl Items {
    /// The same plan where these values are computed wherever they are used.
    pub(super) fn inlining(mut self, inlined: &BTreeSet<usize>) -> Items {
        for id in inlined {
            self.items[*id].class = Class::Inline;
        }
        for id in 0..self.items.len() {
            self.settle(id);
        }
        self
    }
}

/// How a value is computed again.
#[derive(Default)]
struct Recomputation {
    /// Values that are not in memory, itself included.
    values: BTreeSet<usize>,
    /// Values in memory.
    bases: BTreeSet<usize>,
    cost: usize,
}

struct Cheap<'a> {
    groups: &'a Groups,
    /// By item: whether it has its memory whatever sinks: an output or a part of a pack.
    fixed: Vec<bool>,
    /// By item: whether another kernel reads it.
    stored: Vec<bool>,
    /// By item: whether it is an input that is written.
    written: Vec<bool>,
    /// Those that sink: they are in memory no longer, so what is computed from them costs theirs as well.
    inlined: BTreeSet<usize>,
}

impl<'a> Cheap<'a> {
    fn new(groups: &'a Groups, graph: &Graph) -> Cheap<'a> {
        let Groups { plan, users, members, .. } = groups;
        let n = plan.items.len();
        let (mut fixed, mut written) = (vec![false; n], vec![false; n]);
        plan.outputs.iter().for_each(|id| fixed[*id] = true);
        groups.looped.iter().enumerate().for_each(|(id, looped)| fixed[id] |= looped);
        for pack in plan.items.iter().filter(|item| item.class == Class::Concat) {
            pack.args.iter().for_each(|id| fixed[*id] = true);
        }
        for output in &graph.outputs {
            if let OutputTarget::InPlace(k) = output.target
                && let Some(id) = plan.input(k)
            {
                written[id] = true;
            }
        }
        let group = |id: usize| members[id].as_ref().map(|member| member.group);
        let elsewhere = |id: usize| users[id].iter().any(|user| group(*user) != group(id));
        let stored = (0..n).map(|id| fixed[id] || elsewhere(id)).collect();
        Cheap { groups, fixed, stored, written, inlined: BTreeSet::new() }
    }

    /// Whether a value can be computed again from memory at little cost; adds how to `way`.
    fn again(&self, id: usize, way: &mut Recomputation) -> bool {
        let item = &self.groups.plan.items[id];
        let Some(member) = &self.groups.members[id] else { return false };
        let pointwise = item.form.n_out == item.form.axes.len() && item.segments.is_none();
        if self.fixed[id] || !pointwise || !self.read_once(id) {
            return false;
        }
        if way.values.insert(id) {
            way.cost += cost(&item.form.body);
        }
        way.cost <= CHEAP
            && member.edges.iter().all(|edge| {
                let plain = !edge.guarded && edge.at.gather.is_none();
                plain && (self.is_base(edge.base, way) || self.again(edge.base, way))
            })
    }

    /// Whether a value is in memory for as long as it is needed.
    fn is_base(&self, id: usize, way: &mut Recomputation) -> bool {
        let base = match self.groups.plan.items[id].class {
            Class::Input(_) => !self.written[id],
            Class::Compute => self.stored[id] && !self.inlined.contains(&id),
            Class::Concat | Class::Result => true,
            Class::View | Class::Inline | Class::Loop(_) => false,
        };
        if base {
            way.bases.insert(id);
        }
        base
    }

    /// Whether every reader reads at as many points as there are elements.
    fn read_once(&self, id: usize) -> bool {
        let items = &self.groups.plan.items;
        let count = items[id].ty.count();
        self.groups.users[id].iter().all(|user| points(&items[*user].form.axes) == count)
    }

    /// Whether each kernel that reads a value reads at most one large tensor more in its place.
    fn saves(&self, id: usize, bases: &BTreeSet<usize>) -> bool {
        let Groups { plan, users, groups, .. } = self.groups;
        let count = |id: usize| plan.items[id].ty.count();
        let large = |base: &&usize| count(**base) >= count(id);
        users[id].iter().map(|user| self.groups.member(*user).group).all(|group| {
            let members = groups[group].members.iter().filter(|member| **member != id);
            let edges = members.flat_map(|member| &self.groups.member(*member).edges);
            let reads: BTreeSet<usize> = edges.map(|edge| edge.base).collect();
            bases.iter().filter(large).filter(|base| !reads.contains(base)).count() <= 1
        })
    }
}

/// Operations of a body; those that are no machine operation are too many.
fn cost(body: &Term) -> usize {
    match &*body.0 {
        Node::X(_) | Node::G | Node::Y | Node::Axis(_) | Node::Const(_) => 0,
        Node::Call(f, args) => {
            let own = match f.native {
                Implementation::Machine(MachineOp::Div | MachineOp::Sqrt) | Implementation::Body(_) => {
                    CHEAP + 1
                }
                Implementation::Machine(_) => 1,
            };
            args.iter().map(cost).sum::<usize>().saturating_add(own)
        }
    }
}
