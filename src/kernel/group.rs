//! Groups of values that share one loop nest.
//!
//! All members of a group are computed at the same points. A member is deep when it has a value at
//! every point, and outside_reduction when it has one at every point of the result axes only: a reduction's
//! result or what is computed from it.

use super::Affine;
use super::access::Edge;
use super::order::GroupOrder;
use super::plan::{Class, Items};
use crate::algebra::form::AxisSize;
use crate::algebra::scalar::Implementation;
use crate::algebra::term::{Node, Term};

/// A computed value's place in its group.
#[derive(Clone, Debug)]
pub(super) struct GroupMember {
    pub(super) group: usize,
    /// Where each axis of its form is, over the group's axes.
    pub(super) positions: Vec<Affine>,
    /// The row-major position of its result.
    pub(super) at: Affine,
    pub(super) edges: Vec<Edge>,
    /// Whether it puts values along the reduced axes together.
    pub(super) reduces: bool,
    /// Whether it reads once per point of the result axes.
    pub(super) outside_reduction: bool,
}

impl GroupMember {
    /// Whether its result exists once per point of the result axes.
    pub(super) fn gives_outside(&self) -> bool {
        self.outside_reduction || self.reduces
    }

    /// The same place with the group's axes renamed.
    pub(super) fn renamed(&self, names: &[usize]) -> GroupMember {
        let mut member = self.clone();
        member.positions.iter_mut().for_each(|position| *position = position.rename(names));
        member.edges.iter_mut().for_each(|edge| edge.at = edge.at.rename(names));
        member.at = member.at.rename(names);
        member
    }
}

/// Values with one loop nest.
#[derive(Clone, Debug, Default)]
pub(super) struct FusionGroup {
    pub(super) axes: Vec<AxisSize>,
    pub(super) reduced: Vec<bool>,
    pub(super) members: Vec<usize>,
    /// Operations at each point, roughly.
    pub(super) work: usize,
    /// Whether it makes the new value of an input.
    pub(super) commits: bool,
    /// Whether it makes what a result of the program needs, which must not wait for commits.
    pub(super) early: bool,
    /// Whether it commits, or reads what a group makes that does.
    pub(super) late: bool,
    /// The loop that it is, if it is one: it has no members.
    pub(super) repeats: Option<usize>,
}

impl FusionGroup {
    pub(super) fn reduces(&self) -> bool {
        self.reduced.contains(&true)
    }
}

/// All groups of a program.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) plan: Items,
    /// By item; `None` for what is not computed.
    pub(super) members: Vec<Option<GroupMember>>,
    /// By number; a merged group is empty.
    pub(super) groups: Vec<FusionGroup>,
    /// By item: the group that makes it, packs included.
    pub(super) maker: Vec<Option<usize>>,
    /// By item: computed values that read it.
    pub(super) users: Vec<Vec<usize>>,
    /// By item: packs that it is part of. Who reads one of them reads it too.
    pub(super) packs: Vec<Vec<usize>>,
    /// By item: whether a loop reads it.
    pub(super) looped: Vec<bool>,
    pub(super) order: GroupOrder,
}

impl Groups {
    /// Every computed value in a group of its own. Packs get a group without members.
    pub(super) fn new(plan: Items) -> Groups {
        let n = plan.items.len();
        let mut groups = Groups { maker: vec![None; n], ..Groups::default() };
        groups.members = vec![None; n];
        groups.users = vec![Vec::new(); n];
        groups.packs = vec![Vec::new(); n];
        groups.looped = vec![false; n];
        groups.plan = plan;
        for id in 0..n {
            match groups.plan.items[id].class {
                Class::Compute => groups.add(id),
                Class::Concat => groups.add_pack(id),
                Class::Loop(_) => groups.add_loop(id),
                Class::Result => groups.maker[id] = groups.maker[groups.plan.items[id].args[0]],
                Class::Input(_) | Class::View | Class::Inline => {}
            }
        }
        groups
    }

    fn add(&mut self, id: usize) {
        let item = &self.plan.items[id];
        let (axes, positions) = item.axes();
        let edges = self.edges(id, &axes, &positions);
        let reduced = item.reduced(axes.len(), &positions);
        let at = item.result_at(&positions);
        for edge in &edges {
            if !self.users[edge.base].contains(&id) {
                self.users[edge.base].push(id);
            }
        }
        let makers = edges.iter().filter_map(|edge| self.maker[edge.base]);
        let group = self.order.add(makers.collect::<Vec<_>>());
        let reduces = reduced.contains(&true);
        self.members[id] =
            Some(GroupMember { group, positions, at, edges, reduces, outside_reduction: false });
        self.maker[id] = Some(group);
        let work = 1 + work(&self.plan.items[id].form.body);
        self.groups.push(FusionGroup { axes, reduced, members: vec![id], work, ..FusionGroup::default() });
    }

    fn add_pack(&mut self, id: usize) {
        let args = &self.plan.items[id].args;
        args.iter().for_each(|arg| self.packs[*arg].push(id));
        let makers = args.iter().filter_map(|arg| self.maker[*arg]);
        self.maker[id] = Some(self.order.add(makers.collect::<Vec<_>>()));
        self.groups.push(FusionGroup::default());
    }

    /// A loop is a group without members, which comes after what it reads.
    fn add_loop(&mut self, id: usize) {
        let args = &self.plan.items[id].args;
        args.iter().for_each(|arg| self.looped[*arg] = true);
        let makers = args.iter().filter_map(|arg| self.maker[*arg]);
        self.maker[id] = Some(self.order.add(makers.collect::<Vec<_>>()));
        self.groups.push(FusionGroup { repeats: Some(id), ..FusionGroup::default() });
    }

    fn edges(&self, id: usize, axes: &[AxisSize], positions: &[Affine]) -> Vec<Edge> {
        let edges = self.plan.edges(id, axes, positions);
        edges.unwrap_or_else(|stuck| panic!("egret internal error in fuse: value {stuck} does not fold"))
    }

    /// The reads by which a value may see some of `len` elements of another from `start` on.
    pub(super) fn reads_of(&self, user: usize, base: usize, start: usize, len: usize) -> Vec<&Edge> {
        let member = self.member(user);
        let axes = &self.groups[member.group].axes;
        let meets = |edge: &&Edge| match edge.at.range(axes) {
            Some((low, high)) => low < (start + len) as i64 && high >= start as i64,
            None => true,
        };
        member.edges.iter().filter(|edge| edge.base == base).filter(meets).collect()
    }

    /// The place of a computed value.
    pub(super) fn member(&self, id: usize) -> &GroupMember {
        match &self.members[id] {
            Some(member) => member,
            None => panic!("egret internal error in fuse: value {id} is in no group"),
        }
    }
}

/// Machine operations that an elementary function takes, roughly.
const FUNCTION: usize = 12;

/// Operations of a body.
fn work(body: &Term) -> usize {
    match &*body.0 {
        Node::X(_) | Node::G | Node::Y | Node::Axis(_) | Node::Const(_) => 0,
        Node::Call(f, args) => {
            let own = if matches!(f.native, Implementation::Machine(_)) { 1 } else { FUNCTION };
            own + args.iter().map(work).sum::<usize>()
        }
    }
}
