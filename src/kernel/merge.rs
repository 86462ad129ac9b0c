//! When two groups may become one, and how.
//!
//! Two groups are merged by an element that both have to do with at the same point. It tells which
//! axes run along with each other; then every read between the groups must be of a value made at the
//! same point, and no third group may lie between them.

use std::rc::Rc;

use super::Affine;
use super::access::Edge;
use super::group::{FusionGroup, GroupMember, Groups};
use super::plan::{split, uses_axis};
use crate::algebra::form::{AxisSize, Segments};

/// Most operations at each point of a kernel: beyond, values do not stay in registers anyway, and the code
/// generator's time grows faster than the kernel does.
const MOST_WORK: usize = 1024;

impl Groups {
    /// Whether two groups together have too much to do at each point.
    pub(super) fn too_large(&self, a: usize, b: usize) -> bool {
        self.groups[a].work + self.groups[b].work > MOST_WORK
    }

    /// Merges the groups of two values whose positions `a` and `b` are to be the same element of one
    /// tensor. Says whether it did.
    pub(super) fn merge(&mut self, a: (usize, &Affine), b: (usize, &Affine)) -> bool {
        let group = |id: usize| self.member(id).group;
        let (mut host, mut guest) = ((group(a.0), a.1.clone()), (group(b.0), b.1.clone()));
        if host.0 == guest.0 {
            return false;
        }
        let weight = |id: usize| (self.groups[id].reduces(), self.groups[id].members.len());
        if weight(host.0) < weight(guest.0) {
            std::mem::swap(&mut host, &mut guest);
        }
        match (host.1.piece.clone(), guest.1.piece.clone()) {
            (Some((pieces, _)), None) => self.merge_split(guest, host, &pieces, false),
            (None, Some((pieces, _))) => self.merge_split(host, guest, &pieces, true),
            _ => self.merge_alike(host, guest),
        }
    }

    /// Whether the groups of two values could be one if nothing had to come between them.
    pub(super) fn fit(&self, a: (usize, &Affine), b: (usize, &Affine)) -> bool {
        let group = |id: usize| self.member(id).group;
        let (a, b) = ((group(a.0), a.1.clone()), (group(b.0), b.1.clone()));
        let weight = |id: usize| (self.groups[id].reduces(), self.groups[id].members.len());
        let (host, guest) = if weight(a.0) < weight(b.0) { (b, a) } else { (a, b) };
        let Some((names, guessed)) = self.align(&host, &guest) else { return false };
        let Some(sinks) = self.fits(host.0, guest.0, &names) else { return false };
        self.shares_guesses(host.0, guest.0, &names, &guessed) && self.agree(host.0, guest.0, &names, sinks)
    }

    /// Merges after splitting the first group's axis into pieces; takes that back if it is in vain.
    fn merge_split(
        &mut self,
        whole: (usize, Affine),
        other: (usize, Affine),
        pieces: &Rc<Segments>,
        whole_is_host: bool,
    ) -> bool {
        let Some(members) = self.split(whole.0, pieces) else { return false };
        let Some(at) = whole.1.at(&[Affine::in_piece(pieces, 0)]) else { return false };
        let group = &self.groups[whole.0];
        let kept: Vec<_> = group.members.iter().map(|id| (*id, self.member(*id).clone())).collect();
        let old = FusionGroup { members: Vec::new(), ..group.clone() };
        self.groups[whole.0].axes = split(pieces);
        self.groups[whole.0].reduced = vec![old.reduced[0]; 2];
        for (id, member) in members {
            self.members[id] = Some(member);
        }
        let whole = (whole.0, at);
        let merged = if whole_is_host {
            self.merge_alike(whole.clone(), other)
        } else {
            self.merge_alike(other, whole.clone())
        };
        if !merged {
            for (id, member) in kept {
                self.members[id] = Some(member);
            }
            self.groups[whole.0].axes = old.axes;
            self.groups[whole.0].reduced = old.reduced;
        }
        merged
    }

    /// The members of a group whose only axis runs over a flat tensor, by piece.
    fn split(&self, group: usize, pieces: &Rc<Segments>) -> Option<Vec<(usize, GroupMember)>> {
        let FusionGroup { axes, members, .. } = &self.groups[group];
        if *axes != [AxisSize::Fixed(pieces.total())] {
            return None;
        }
        let axes = split(pieces);
        let by_piece = |id: &usize| {
            let member = self.member(*id);
            let to = [Affine::in_piece(pieces, 0)];
            let positions =
                member.positions.iter().map(|position| position.at(&to)).collect::<Option<Vec<_>>>()?;
            let item = &self.plan.items[*id];
            let moves = member.positions.iter().any(|position| position.depends_on(0));
            if moves && uses_axis(&item.form.body) {
                return None;
            }
            let edges = self.plan.edges(*id, &axes, &positions).ok()?;
            Some((*id, GroupMember { at: member.at.at(&to)?, positions, edges, ..member.clone() }))
        };
        members.iter().map(by_piece).collect()
    }

    fn merge_alike(&mut self, host: (usize, Affine), guest: (usize, Affine)) -> bool {
        let Some((names, guessed)) = self.align(&host, &guest) else { return false };
        let (host, guest) = (host.0, guest.0);
        let Some(sinks) = self.fits(host, guest, &names) else { return false };
        if self.too_large(host, guest)
            || !self.shares_guesses(host, guest, &names, &guessed)
            || !self.agree(host, guest, &names, sinks)
            || !self.order.merge(host, guest)
        {
            return false;
        }
        let FusionGroup { reduced, members, work, commits, early, late, .. } =
            std::mem::take(&mut self.groups[guest]);
        self.groups[host].work += work;
        self.groups[host].commits |= commits;
        self.groups[host].early |= early;
        self.groups[host].late |= late;
        for (axis, reduced) in reduced.into_iter().enumerate() {
            self.groups[host].reduced[names[axis]] |= reduced;
        }
        for id in members {
            self.move_member(id, host, &names, sinks);
        }
        self.groups[host].members.sort_unstable();
        true
    }

    fn move_member(&mut self, id: usize, host: usize, names: &[usize], sinks: bool) {
        let member = self.member(id).renamed(names);
        self.members[id] =
            Some(GroupMember { group: host, outside_reduction: member.outside_reduction || sinks, ..member });
        self.maker[id] = Some(host);
        self.groups[host].members.push(id);
    }

    /// For each axis of the guest the axis of the host that runs along with it, and those of the host
    /// that were guessed: reduced axes that the common element does not tell apart.
    pub(super) fn align(
        &self,
        host: &(usize, Affine),
        guest: &(usize, Affine),
    ) -> Option<(Vec<usize>, Vec<usize>)> {
        let (axes, guest_axes) = (&self.groups[host.0].axes, &self.groups[guest.0].axes);
        let mut names = vec![usize::MAX; guest_axes.len()];
        if host.1.offset != guest.1.offset || host.1.terms.len() != guest.1.terms.len() {
            return None;
        }
        for (axis, coefficient) in &guest.1.terms {
            let mut same = host.1.terms.iter().filter(|term| term.1 == *coefficient);
            names[*axis] = same.next()?.0;
        }
        match (&host.1.piece, &guest.1.piece) {
            (Some(a), Some(b)) if a.0 == b.0 => names[b.1] = a.1,
            (None, None) => {}
            _ => return None,
        }
        let mut guessed = Vec::new();
        for axis in 0..names.len() {
            if names[axis] == usize::MAX {
                let fits = |other: &usize| {
                    !names.contains(other)
                        && axes[*other] == guest_axes[axis]
                        && self.groups[host.0].reduced[*other]
                };
                let other = (0..axes.len()).find(fits);
                names[axis] = other.filter(|_| self.groups[guest.0].reduced[axis])?;
                guessed.push(names[axis]);
            }
        }
        let same = |(axis, name): (usize, &usize)| axes[*name] == guest_axes[axis];
        let distinct = (1..names.len()).all(|axis| !names[..axis].contains(&names[axis]));
        (distinct && names.iter().enumerate().all(same)).then_some((names, guessed))
    }

    /// Whether guessed axes make both groups read the same elements at the same time. Otherwise two
    /// reductions have no reason to share a loop.
    fn shares_guesses(&self, host: usize, guest: usize, names: &[usize], guessed: &[usize]) -> bool {
        let edges = |group: usize| self.groups[group].members.iter().flat_map(|id| &self.member(*id).edges);
        let shared = |edge: &Edge| {
            let at = edge.at.rename(names);
            guessed.iter().all(|axis| at.depends_on(*axis))
                && edges(host).any(|other| other.base == edge.base && other.at == at)
        };
        guessed.is_empty() || edges(guest).any(shared)
    }

    /// Whether a guest fits a host's loop nest, and if so, whether it sinks to its result axes.
    fn fits(&self, host: usize, guest: usize, names: &[usize]) -> Option<bool> {
        let (host, guest) = (&self.groups[host], &self.groups[guest]);
        if names.len() == host.axes.len() {
            let same = |(axis, name): (usize, &usize)| guest.reduced[axis] == host.reduced[*name];
            return (!guest.reduces() || names.iter().enumerate().all(same)).then_some(false);
        }
        let is_result_axes = host.reduces()
            && names.iter().all(|name| !host.reduced[*name])
            && names.len() == host.reduced.iter().filter(|reduced| !**reduced).count();
        (is_result_axes && !guest.reduces()).then_some(true)
    }

    /// Whether every read between the two groups is at the point where the value is made.
    fn agree(&self, host: usize, guest: usize, names: &[usize], sinks: bool) -> bool {
        let mut feeds_host = false;
        for id in &self.groups[guest].members {
            let member = self.member(*id).renamed(names);
            let member = GroupMember { outside_reduction: member.outside_reduction || sinks, ..member };
            let inward = member.edges.iter().filter(|edge| self.maker[edge.base] == Some(host));
            for edge in inward {
                if !agrees(edge, self.member(edge.base), &member) {
                    return false;
                }
            }
            for user in self.users[*id].iter().map(|user| self.member(*user)) {
                let outward = user.edges.iter().filter(|edge| user.group == host && edge.base == *id);
                for edge in outward {
                    feeds_host = true;
                    if !agrees(edge, &member, user) {
                        return false;
                    }
                }
            }
        }
        !(sinks && feeds_host) || self.is_used_only_by(guest, host)
    }

    /// Whether nothing but `other` uses what a group makes. A group that is needed elsewhere does not
    /// wait for another's reductions.
    fn is_used_only_by(&self, group: usize, other: usize) -> bool {
        let users = self.groups[group].members.iter().flat_map(|id| &self.users[*id]);
        users.map(|user| self.member(*user).group).all(|user| user == group || user == other)
    }
}

/// Whether a member reads another where that is made.
fn agrees(edge: &Edge, made: &GroupMember, by: &GroupMember) -> bool {
    !edge.guarded && edge.at == made.at && made.gives_outside() == by.outside_reduction
}
