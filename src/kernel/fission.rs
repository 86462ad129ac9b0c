//! Deferring: what a reduction's loop computes beside its sums goes to the loop that waits for them.
//!
//! Values that read the same share a loop, so `dot(g, h)` lies with the moments that `g` moves. Where the
//! loop after the reduction takes up what was computed there, and no other does, both meet there as well:
//! the reduction keeps only what it reads itself. That is done where it moves no more memory, and leaves
//! two loops that each fit into registers.

use std::collections::BTreeSet;

use super::fuse::may_join;
use super::group::{GroupMember, Groups};
use super::plan::Class;

/// Moves values out of every reduction that they are not needed for.
pub(super) fn fission(groups: &mut Groups) {
    for from in 0..groups.groups.len() {
        if groups.groups[from].reduces()
            && let Some(moving) = Moving::find(groups, from)
            && moving.pays(groups, from)
        {
            moving.apply(groups, from);
        }
    }
}

/// Values that leave their group for another.
struct Moving {
    values: Vec<usize>,
    to: usize,
    /// By axis of the group that they leave: the axis of the other.
    names: Vec<usize>,
}

impl Moving {
    /// What a group computes at every point but not for its reductions, and the one group that uses it.
    fn find(groups: &Groups, from: usize) -> Option<Moving> {
        let members = &groups.groups[from].members;
        let kept = needed(groups, from);
        let values: Vec<usize> = members.iter().copied().filter(|id| !kept.contains(id)).collect();
        let computed_here = |id: &usize| groups.maker[*id] == Some(from);
        let reads = values.iter().flat_map(|id| &groups.member(*id).edges).map(|edge| edge.base);
        let apart = reads.filter(computed_here).all(|base| !kept.contains(&base));
        let users = || values.iter().flat_map(|id| groups.users[*id].iter().map(move |user| (*id, *user)));
        let outside = |(_, user): &(usize, usize)| groups.member(*user).group != from;
        let (made, user) = users().find(outside)?;
        let to = groups.member(user).group;
        let alone = users().all(|(_, user)| [from, to].contains(&groups.member(user).group));
        let laid_before = packs(groups, &values).iter().any(|pack| groups.order.precedes(*pack, to));
        let looped = values.iter().any(|id| groups.looped[*id]);
        if !apart
            || !alone
            || looped
            || laid_before
            || groups.groups[to].reduces()
            || !may_join(groups, from, to)
        {
            return None;
        }
        let at = |user: usize, base: usize| {
            let edges = groups.member(user).edges.iter();
            edges.filter(|edge| edge.base == base).map(|edge| edge.at.clone()).next()
        };
        let (host, guest) = ((to, at(user, made)?), (from, groups.member(made).at.clone()));
        let (names, guessed) = groups.align(&host, &guest)?;
        let moving = Moving { values, to, names };
        (guessed.is_empty() && moving.agree(groups)).then_some(moving)
    }

    /// Whether every read from the other group is at the point where the value is made.
    fn agree(&self, groups: &Groups) -> bool {
        let n = groups.groups[self.to].axes.len();
        self.names.len() == n
            && self.values.iter().all(|id| {
                let made = groups.member(*id).renamed(&self.names);
                let users = groups.users[*id].iter().map(|user| groups.member(*user));
                let mut edges = users.filter(|user| user.group == self.to).flat_map(|user| &user.edges);
                edges.all(|edge| edge.base != *id || !edge.guarded && edge.at == made.at)
            })
    }

    /// Whether it does not take more memory traffic.
    fn pays(&self, groups: &Groups, from: usize) -> bool {
        let stay = |id: &usize| !self.values.contains(id);
        let rest: Vec<usize> = groups.groups[from].members.iter().copied().filter(stay).collect();
        let joined = [&groups.groups[self.to].members[..], &self.values].concat();
        let before =
            reads(groups, &groups.groups[from].members) + reads(groups, &groups.groups[self.to].members);
        reads(groups, &rest) + reads(groups, &joined) <= before
    }

    fn apply(self, groups: &mut Groups, from: usize) {
        for pack in packs(groups, &self.values) {
            groups.order.constrain(self.to, pack);
        }
        groups.groups[from].members.retain(|id| !self.values.contains(id));
        for id in self.values {
            let member = groups.member(id).renamed(&self.names);
            groups.members[id] = Some(GroupMember { group: self.to, ..member });
            groups.maker[id] = Some(self.to);
            groups.groups[self.to].members.push(id);
        }
        groups.groups[self.to].members.sort_unstable();
        groups.groups[self.to].commits |= groups.groups[from].commits;
        groups.groups[self.to].late |= groups.groups[from].late;
    }
}

/// The groups of packs that some values are part of: what reads these comes after all their parts.
fn packs(groups: &Groups, values: &[usize]) -> BTreeSet<usize> {
    values.iter().flat_map(|id| &groups.packs[*id]).filter_map(|pack| groups.maker[*pack]).collect()
}

/// A group's reductions, what follows from them, and what they are made from.
fn needed(groups: &Groups, group: usize) -> BTreeSet<usize> {
    let outside_reduction = |id: &usize| groups.member(*id).gives_outside();
    let mut todo: Vec<usize> =
        groups.groups[group].members.iter().copied().filter(outside_reduction).collect();
    let mut needed: BTreeSet<usize> = todo.iter().copied().collect();
    while let Some(id) = todo.pop() {
        for edge in &groups.member(id).edges {
            if groups.maker[edge.base] == Some(group) && needed.insert(edge.base) {
                todo.push(edge.base);
            }
        }
    }
    needed
}

/// Bytes that a loop over these values reads.
fn reads(groups: &Groups, members: &[usize]) -> usize {
    let edges = members.iter().flat_map(|id| &groups.member(*id).edges).map(|edge| edge.base);
    let bases: BTreeSet<usize> = edges.filter(|base| !members.contains(base)).collect();
    let items = bases.iter().map(|base| &groups.plan.items[*base]);
    items.filter(|item| item.class != Class::Inline).map(|item| item.ty.count() * item.ty.dtype.bytes()).sum()
}
