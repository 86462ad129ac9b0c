//! Why kernels are apart: asks of groups that stayed two what would keep them from being one.
//!
//! The questions are those that fusion itself asks (`merge`), put to the groups that are left. A
//! reader that comes after a reduction, or at other points than those where the value is made, has its
//! own loop; so has one that another kernel has to come before.

use std::collections::{BTreeMap, BTreeSet};

use super::access::Edge;
use super::affine::points;
use super::fuse::may_join;
use super::group::{GroupMember, Groups};
use super::plan::Class;
use super::{Affine, Blocker, NotFused};
use crate::algebra::form::{AxisSize, Reducer};

/// How many earlier readers of the same value are asked about.
const WINDOW: usize = 8;

/// How often two kernels are asked about at most, so that large ones take no time.
const QUESTIONS: usize = 16;

/// What keeps each of the groups from being part of earlier ones; `order` has each with the number of its kernel.
/// Loops have none.
pub(super) fn blockers(groups: &Groups, order: &[(usize, Option<usize>)]) -> Vec<Vec<NotFused>> {
    let mut kernel_of = vec![None; groups.groups.len()];
    for (group, kernel) in order {
        kernel_of[*group] = *kernel;
    }
    let asker = Asker { groups, kernel_of };
    order.iter().map(|(group, _)| asker.reasons(*group)).collect()
}

struct Asker<'a> {
    groups: &'a Groups,
    /// By group.
    kernel_of: Vec<Option<usize>>,
}

impl Asker<'_> {
    /// One reason for each kernel that a group reads from; then kernels that read the same, if only
    /// the order keeps them apart.
    fn reasons(&self, group: usize) -> Vec<NotFused> {
        let mut reasons: BTreeMap<Vec<usize>, Blocker> = BTreeMap::new();
        let mut note = |from: Vec<usize>, why: Blocker| {
            let have = reasons.entry(from).or_insert(why);
            *have = why.min(*have);
        };
        let mut asked: BTreeMap<usize, usize> = BTreeMap::new();
        let mut may_ask = |kernel: usize| {
            let times = asked.entry(kernel).or_insert(0);
            *times += 1;
            *times <= QUESTIONS
        };
        let members = &self.groups.groups[group].members;
        let edges =
            || members.iter().flat_map(|id| self.groups.member(*id).edges.iter().map(move |e| (*id, e)));
        for (id, edge) in edges() {
            if self.groups.plan.items[edge.base].class == Class::Concat {
                let from: BTreeSet<usize> = self.fillers(edge.base);
                note(from.into_iter().collect(), Blocker::Concatenation);
            } else if let Some(from) = self.groups.maker[edge.base].filter(|from| *from != group)
                && let Some(kernel) = self.kernel_of[from]
                && may_ask(kernel)
                && let Some(why) = self.why(id, edge)
            {
                note(vec![kernel], why);
            }
        }
        for (id, edge) in edges() {
            self.readers_alike(id, edge, &mut may_ask)
                .into_iter()
                .for_each(|(from, why)| note(vec![from], why));
        }
        let found = reasons.into_iter().filter(|(from, _)| !from.is_empty());
        found.map(|(from, why)| NotFused { from, why }).collect()
    }

    /// The kernels that fill a pack.
    fn fillers(&self, pack: usize) -> BTreeSet<usize> {
        let mut kernels = BTreeSet::new();
        for arg in &self.groups.plan.items[pack].args {
            match self.groups.plan.items[*arg].class {
                Class::Concat => kernels.extend(self.fillers(*arg)),
                _ => kernels.extend(self.groups.maker[*arg].and_then(|group| self.kernel_of[group])),
            }
        }
        kernels
    }

    /// What keeps a value from being computed where `id` reads it.
    fn why(&self, id: usize, edge: &Edge) -> Option<Blocker> {
        let made = self.groups.member(edge.base);
        if edge.guarded {
            return Some(Blocker::Padding);
        }
        if self.groups.fit((edge.base, &made.at), (id, &edge.at)) {
            return self.between(made.group, self.groups.member(id).group);
        }
        if made.gives_outside() && self.groups.groups[made.group].reduces() {
            return Some(Blocker::Reduction(self.reduction(edge.base)));
        }
        Some(match self.repeats(self.groups.member(id), &edge.at) {
            1 => Blocker::IndexMismatch,
            times => Blocker::Recomputation(times),
        })
    }

    /// The reduction that a value of a group waits for.
    fn reduction(&self, id: usize) -> Reducer {
        let member = self.groups.member(id);
        if member.reduces {
            return self.groups.plan.items[id].form.combine;
        }
        let own = |edge: &&Edge| self.groups.maker[edge.base] == Some(member.group);
        let waits = |edge: &Edge| self.groups.member(edge.base).gives_outside();
        let next = member.edges.iter().filter(own).find(|edge| waits(edge));
        next.map_or(Reducer::Sum, |edge| self.reduction(edge.base))
    }

    /// How often a group's loops come by the same element.
    fn repeats(&self, by: &GroupMember, at: &Affine) -> usize {
        let axes = &self.groups.groups[by.group].axes;
        let along = |(axis, extent): (usize, &AxisSize)| match at.depends_on(axis) {
            true => extent.clone(),
            false => AxisSize::Fixed(1),
        };
        let touched: Vec<AxisSize> = axes.iter().enumerate().map(along).collect();
        points(axes) / points(&touched).max(1)
    }

    /// Earlier readers of the same elements at the same points.
    fn readers_alike(
        &self,
        id: usize,
        edge: &Edge,
        may_ask: &mut dyn FnMut(usize) -> bool,
    ) -> Vec<(usize, Blocker)> {
        let group = self.groups.member(id).group;
        let mut found = Vec::new();
        if edge.guarded || edge.at.terms.is_empty() {
            return found;
        }
        let earlier = self.groups.users[edge.base].iter().rev().skip_while(|user| **user >= id);
        for other in earlier.take(WINDOW) {
            let member = self.groups.member(*other);
            let same = |e: &&Edge| e.base == edge.base && !e.guarded && !e.at.terms.is_empty();
            let reads = member.edges.iter().find(same);
            if member.group != group
                && let (Some(kernel), Some(reads)) = (self.kernel_of[member.group], reads)
                && Some(kernel) < self.kernel_of[group]
                && may_ask(kernel)
                && self.groups.fit((*other, &reads.at), (id, &edge.at))
            {
                found.extend(self.between(member.group, group).map(|why| (kernel, why)));
            }
        }
        found
    }

    /// Blocker two groups that fit are not one, if that is not for want of trying.
    fn between(&self, a: usize, b: usize) -> Option<Blocker> {
        let third = self.groups.order.between(a, b);
        let kernels = third.iter().filter_map(|group| self.kernel_of[*group]);
        match kernels.min() {
            Some(kernel) => Some(Blocker::Dependence(kernel)),
            None if !may_join(self.groups, a, b) => Some(Blocker::Commits),
            None => self.groups.too_large(a, b).then_some(Blocker::Size),
        }
    }
}
