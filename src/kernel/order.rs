//! An order of groups in which each comes after those it reads, kept while groups are merged.
//!
//! Merging two groups is safe when neither reaches the other through a third. Every group has a
//! rank, and edges go up in rank, so only groups with ranks between the two can lie on such a path:
//! the search is bounded by them, and so is the renumbering afterwards (Pearce and Kelly's dynamic
//! topological order). Neighbours in the graph are close in rank, which makes fusing deep networks
//! near linear in practice.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Groups by number, with their ranks. Merged groups answer to one number.
#[derive(Debug, Default)]
pub(super) struct GroupOrder {
    rank: Vec<usize>,
    /// Groups it reads and groups that read it, by any number they answer to.
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    merged_into: Vec<usize>,
    marks: RefCell<Marks>,
}

/// Which groups a search has seen: the last two searches that saw each, so that nothing is cleared.
#[derive(Debug, Default)]
struct Marks {
    search: usize,
    seen: Vec<[usize; 2]>,
}

impl Marks {
    /// Begins another search among so many groups.
    fn begin(&mut self, groups: usize) {
        self.search += 1;
        self.seen.resize(groups, [0; 2]);
    }

    /// Marks a group; whether it was not.
    fn set(&mut self, group: usize) -> bool {
        let [last, _] = self.seen[group];
        if last != self.search {
            self.seen[group] = [self.search, last];
        }
        last != self.search
    }

    /// Whether the search before the last one saw some of what the last one saw.
    fn meet(&self, last: &[usize]) -> bool {
        last.iter().any(|group| self.seen[*group][1] + 1 == self.search)
    }
}

impl GroupOrder {
    /// Adds a group that reads earlier groups.
    pub(super) fn add(&mut self, reads: impl IntoIterator<Item = usize>) -> usize {
        let group = self.rank.len();
        self.rank.push(group);
        self.merged_into.push(group);
        self.after.push(Vec::new());
        let before: BTreeSet<usize> = reads.into_iter().collect();
        before.iter().for_each(|read| self.after[*read].push(group));
        self.before.push(before.into_iter().collect());
        group
    }

    /// The number that a group answers to.
    pub(super) fn find(&self, mut group: usize) -> usize {
        while self.merged_into[group] != group {
            group = self.merged_into[group];
        }
        group
    }

    /// Its place in the order.
    #[cfg(test)]
    fn rank(&self, group: usize) -> usize {
        self.rank[self.find(group)]
    }

    /// The groups that a group reads.
    pub(super) fn reads(&self, group: usize) -> BTreeSet<usize> {
        let group = self.find(group);
        self.before[group].iter().map(|read| self.find(*read)).filter(|read| *read != group).collect()
    }

    /// Whether one group has to come before another.
    pub(super) fn precedes(&self, first: usize, then: usize) -> bool {
        let (first, then) = (self.find(first), self.find(then));
        let reached = || self.reach(first, usize::MAX, &self.after, (first, then));
        self.rank[first] < self.rank[then] && reached().contains(&then)
    }

    /// Makes one group come before another, unless it has to come after it.
    pub(super) fn constrain(&mut self, first: usize, then: usize) -> bool {
        let (first, then) = (self.find(first), self.find(then));
        if first == then {
            return false;
        }
        if self.rank[first] > self.rank[then] {
            let above = self.reach(then, usize::MAX, &self.after, (then, first));
            if above.contains(&first) {
                return false;
            }
            let below = self.reach(first, usize::MAX, &self.before, (then, first));
            self.renumber(below, first, then, above);
        }
        self.before[then].push(first);
        self.after[first].push(then);
        true
    }

    /// Makes `guest` answer to `host`'s number, unless a third group lies between them.
    pub(super) fn merge(&mut self, host: usize, guest: usize) -> bool {
        let (low, high) = if self.rank[host] < self.rank[guest] { (host, guest) } else { (guest, host) };
        let above = self.reach(low, high, &self.after, (low, high));
        let below = self.reach(high, low, &self.before, (low, high));
        if self.marks.borrow().meet(&below) {
            return false;
        }
        self.renumber(below, host, guest, above);
        self.merged_into[guest] = host;
        for lists in [&mut self.before, &mut self.after] {
            let moved = std::mem::take(&mut lists[guest]);
            lists[host].extend(moved);
        }
        self.tidy(host);
        true
    }

    /// Groups that have to come between two groups.
    pub(super) fn between(&self, a: usize, b: usize) -> BTreeSet<usize> {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = if self.rank[a] < self.rank[b] { (a, b) } else { (b, a) };
        let above = self.reach(low, high, &self.after, (low, high));
        let below: BTreeSet<usize> = self.reach(high, low, &self.before, (low, high)).into_iter().collect();
        above.into_iter().filter(|group| below.contains(group)).collect()
    }

    /// Groups reached from one group without passing another, while their ranks are between those of two.
    fn reach(&self, from: usize, not: usize, next: &[Vec<usize>], ends: (usize, usize)) -> Vec<usize> {
        let near: RangeInclusive<usize> = self.rank[ends.0]..=self.rank[ends.1];
        let mut marks = self.marks.borrow_mut();
        marks.begin(self.rank.len());
        let (mut reached, mut done) = (vec![from], 0);
        while let Some(group) = reached.get(done).copied() {
            done += 1;
            for other in &next[group] {
                let other = self.find(*other);
                let fits = other != not && other != from && near.contains(&self.rank[other]);
                if fits && marks.set(other) {
                    reached.push(other);
                }
            }
        }
        reached.swap_remove(0);
        reached
    }

    /// Hands the ranks of all these groups out again: first those below, then the two, then those
    /// above.
    fn renumber(&mut self, below: Vec<usize>, host: usize, guest: usize, above: Vec<usize>) {
        let by_rank = |mut groups: Vec<usize>| {
            groups.sort_unstable_by_key(|group| self.rank[*group]);
            groups
        };
        let order = [by_rank(below), vec![host, guest], by_rank(above)].concat();
        let mut ranks: Vec<usize> = order.iter().map(|group| self.rank[*group]).collect();
        ranks.sort_unstable();
        for (group, rank) in order.into_iter().zip(ranks) {
            self.rank[group] = rank;
        }
    }

    /// Forgets edges that a merge made double or inner.
    fn tidy(&mut self, group: usize) {
        let find = |other: &usize| self.find(*other);
        let keep = |list: &Vec<usize>| {
            let others: BTreeSet<usize> = list.iter().map(find).filter(|other| *other != group).collect();
            others.into_iter().collect()
        };
        let (before, after) = (keep(&self.before[group]), keep(&self.after[group]));
        self.before[group] = before;
        self.after[group] = after;
    }
}

#[cfg(test)]
mod tests {
    use super::GroupOrder;

    #[test]
    fn refuses_to_merge_around_a_third_group() {
        let mut order = GroupOrder::default();
        let a = order.add([]);
        let b = order.add([a]);
        let c = order.add([a, b]);
        assert!(!order.merge(a, c));
        assert!(order.merge(b, c));
        assert!(order.merge(a, b));
        assert_eq!(order.find(c), a);
    }

    #[test]
    fn constraints_count_as_edges() {
        let mut order = GroupOrder::default();
        let a = order.add([]);
        let b = order.add([a]);
        let c = order.add([a]);
        assert!(order.constrain(c, b));
        assert!(order.rank(a) < order.rank(c) && order.rank(c) < order.rank(b));
        assert!(!order.constrain(b, c), "it comes after");
        assert!(!order.merge(a, b), "c lies between");
        assert!(order.precedes(a, b) && !order.precedes(b, a) && !order.precedes(b, c));
    }

    #[test]
    fn ranks_follow_edges_after_merging_distant_groups() {
        let mut order = GroupOrder::default();
        let a = order.add([]);
        let b = order.add([a]);
        let c = order.add([]);
        let d = order.add([c]);
        assert!(order.merge(b, c));
        assert!(order.rank(a) < order.rank(b) && order.rank(b) < order.rank(d));
        assert!(!order.merge(a, d));
    }
}
