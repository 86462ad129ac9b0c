//! Decides which values share a loop nest.
//!
//! Values are taken in order. A value joins the group of what it reads when both are computed at the
//! same points. A producer that would be computed several times, such as an operand of a matrix product,
//! is stored instead: the positions at which it is read do not run over the product's axes one to
//! one. Then it joins an earlier reader of the same elements at the same points; what a reduction does not
//! need may leave it again for the loop that waits for it. At last groups of
//! single numbers are merged, which cost a kernel each otherwise. If cheap values are stored then only
//! for other kernels, all is grouped again with these computed where they are read.

use std::time::Duration;

use super::Affine;
use super::Kernels;
use super::assign::BufferAssignment;
use super::emit::emit;
use super::fission::fission;
use super::group::Groups;
use super::plan::{Items, plan};
use super::rematerialise::cheap;
use super::verify::verify;
use crate::graph::{Graph, Graphs, OutputTarget};
use crate::pass::{Ir, Pass, PassInfo, Point};

/// How many earlier readers a value is compared with for each value that it reads.
const WINDOW: usize = 8;

/// Programs whose values are being grouped.
struct Fusion<'a>(Vec<(Groups, &'a Graph)>);

impl<'a> Fusion<'a> {
    /// Every value by itself.
    fn new(graphs: &'a Graphs) -> Fusion<'a> {
        Fusion(graphs.programs.iter().map(|graph| (alone(plan(graph), graph), graph)).collect())
    }

    fn each(&mut self, pass: impl Fn(&mut Groups)) {
        self.0.iter_mut().for_each(|(groups, _)| groups.each(&pass));
    }

    /// The kernels of the groups as they are.
    fn kernels(&self) -> Kernels {
        let program =
            |(groups, graph): &(Groups, &Graph)| emit(groups, BufferAssignment::place(groups, graph), graph);
        Kernels { programs: self.0.iter().map(program).collect() }
    }
}

impl Ir for Fusion<'_> {
    fn verify(&self, pass: &str) {
        verify(&self.kernels(), pass);
    }
}

/// In order.
fn passes<'a>() -> [Pass<Fusion<'a>>; 4] {
    [
        Pass {
            name: "fuse",
            doc: "values computed at the same points become one loop nest, with what they read or beside it",
            run: |fusion| fusion.each(merge_all),
        },
        Pass {
            name: "fission",
            doc: "what a reduction does not need moves to the loop that waits for it",
            run: |fusion| fusion.each(fission),
        },
        Pass {
            name: "scalars",
            doc: "kernels of single numbers become one",
            run: |fusion| fusion.each(numbers),
        },
        Pass {
            name: "rematerialise",
            doc: "cheap values stored only for other kernels are computed there, and all is fused again",
            run: |fusion| fusion.0.iter_mut().for_each(|(groups, graph)| rematerialise_all(groups, graph)),
        },
    ]
}

/// The passes with what they do.
pub fn rows() -> impl Iterator<Item = PassInfo> {
    passes().into_iter().map(|pass| pass.row())
}

/// Fuses every program.
pub fn fuse(graphs: &Graphs) -> Kernels {
    fuse_until(graphs, None).0
}

/// Fuses every program, as far as `until`; says how long each pass took.
pub fn fuse_until(graphs: &Graphs, until: Option<Point<'_>>) -> (Kernels, Vec<(&'static str, Duration)>) {
    let mut fusion = Fusion::new(graphs);
    let took = Pass::all(&passes(), &mut fusion, until);
    let kernels = fusion.kernels();
    verify(&kernels, took.last().map_or("plan", |(pass, _)| pass));
    (kernels, took)
}

/// Programs in which every value has a kernel of its own: what fused ones must agree with.
pub fn unfused(graphs: &Graphs) -> Kernels {
    let kernels = Fusion::new(graphs).kernels();
    verify(&kernels, "plan");
    kernels
}

/// The groups of a plan in which every value is alone.
pub(super) fn alone(plan: Items, graph: &Graph) -> Groups {
    let mut groups = Groups::new(plan);
    mark(&mut groups, graph);
    constrain(&mut groups, graph);
    groups
}

/// The same in a program and in the bodies of its loops.
fn rematerialise_all(groups: &mut Groups, graph: &Graph) {
    for inner in &mut groups.plan.loops {
        rematerialise_all(&mut inner.body, &inner.repeated.body);
    }
    rematerialise(groups, graph);
}

/// Groups anew with cheap values computed where they are read, if there are such.
fn rematerialise(groups: &mut Groups, graph: &Graph) {
    let inlined = cheap(groups, graph);
    if inlined.is_empty() {
        return;
    }
    let plan = std::mem::take(&mut groups.plan);
    *groups = alone(plan.inlining(&inlined), graph);
    merge_all(groups);
    fission(groups);
    numbers(groups);
}

/// Marks groups that write inputs, and groups that results need.
fn mark(groups: &mut Groups, graph: &Graph) {
    let mut early = vec![false; groups.plan.items.len()];
    for (output, item) in graph.outputs.iter().zip(&groups.plan.outputs) {
        match output.target {
            OutputTarget::Result | OutputTarget::Positions => early[*item] = true,
            OutputTarget::InPlace(_) => {
                for (part, _) in groups.plan.parts(*item) {
                    if let Some(group) = groups.maker[part] {
                        groups.groups[group].commits = true;
                    }
                }
            }
        }
    }
    mark_late(groups);
    // Copies for packs come before them but views that are computed may lie anywhere below: follow
    // arguments until nothing changes.
    let mut todo: Vec<usize> = (0..early.len()).filter(|item| early[*item]).collect();
    while let Some(item) = todo.pop() {
        if let Some(group) = groups.maker[item] {
            groups.groups[group].early = true;
        }
        for arg in groups.plan.items[item].args.clone() {
            if !std::mem::replace(&mut early[arg], true) {
                todo.push(arg);
            }
        }
    }
}

/// Marks groups that commit, and those that read what they make.
fn mark_late(groups: &mut Groups) {
    let mut users = vec![Vec::new(); groups.plan.items.len()];
    for (item, made) in groups.plan.items.iter().enumerate() {
        made.args.iter().for_each(|arg| users[*arg].push(item));
    }
    let commits = |item: &usize| groups.maker[*item].is_some_and(|group| groups.groups[group].commits);
    let mut todo: Vec<usize> = (0..users.len()).filter(commits).collect();
    let mut late = vec![false; users.len()];
    while let Some(item) = todo.pop() {
        if let Some(group) = groups.maker[item] {
            groups.groups[group].late = true;
        }
        for user in &users[item] {
            if !std::mem::replace(&mut late[*user], true) {
                todo.push(*user);
            }
        }
    }
}

/// Readers of an input's old value come before its new value is written, where they can.
fn constrain(groups: &mut Groups, graph: &Graph) {
    for (output, item) in graph.outputs.iter().zip(groups.plan.outputs.clone()) {
        let OutputTarget::InPlace(k) = output.target else { continue };
        let Some(input) = groups.plan.input(k) else { continue };
        for (part, start) in groups.plan.parts(item) {
            let Some(writer) = groups.maker[part] else { continue };
            let len = groups.plan.items[part].ty.count();
            for user in groups.users[input].clone() {
                let reads = !groups.reads_of(user, input, start, len).is_empty();
                if let Some(reader) = groups.maker[user].filter(|reader| reads && *reader != writer) {
                    groups.order.constrain(reader, writer);
                }
            }
        }
    }
}

/// Merges each value with the values that it reads, then with others that read the same.
fn merge_all(groups: &mut Groups) {
    for id in 0..groups.members.len() {
        let n_edges = groups.members[id].as_ref().map_or(0, |member| member.edges.len());
        for k in 0..n_edges {
            along(groups, id, k);
        }
        for k in 0..n_edges {
            let base = groups.member(id).edges[k].base;
            across(groups, base, id);
        }
    }
}

/// Merges a value with what it reads by edge `k`.
fn along(groups: &mut Groups, id: usize, k: usize) {
    let edge = groups.member(id).edges[k].clone();
    let joins = |base: &super::group::GroupMember| may_join(groups, base.group, groups.member(id).group);
    if groups.members[edge.base].as_ref().is_some_and(joins) && !edge.guarded {
        let at = groups.member(edge.base).at.clone();
        groups.merge((edge.base, &at), (id, &edge.at));
    }
}

/// Merges a value with an earlier reader of the same elements.
fn across(groups: &mut Groups, base: usize, id: usize) {
    let earlier = groups.users[base].iter().rev().skip_while(|user| **user >= id).take(8 * WINDOW);
    let mut near: Vec<usize> = earlier.copied().collect();
    near.dedup_by_key(|user| groups.member(*user).group);
    for other in near.into_iter().take(WINDOW).rev() {
        if merge_readers(groups, base, other, id) {
            return;
        }
    }
}

/// Merges the groups of two values by their reads of a third.
fn merge_readers(groups: &mut Groups, base: usize, a: usize, b: usize) -> bool {
    let reads = |id: usize| {
        let edges = groups.member(id).edges.iter();
        let moving = edges.filter(|edge| edge.base == base && !edge.guarded && !edge.at.terms.is_empty());
        moving.map(|edge| edge.at.clone()).next()
    };
    match (reads(a), reads(b)) {
        (Some(at_a), Some(at_b)) => {
            may_join(groups, groups.member(a).group, groups.member(b).group)
                && groups.merge((a, &at_a), (b, &at_b))
        }
        _ => false,
    }
}

/// Whether merging groups leaves results free of commits: a step whose loss is not finite
/// is stopped before anything is written.
pub(super) fn may_join(groups: &Groups, a: usize, b: usize) -> bool {
    let (a, b) = (&groups.groups[a], &groups.groups[b]);
    !(a.late && b.early || b.late && a.early)
}

/// Merges groups of single numbers.
fn numbers(groups: &mut Groups) {
    let is_number = |group: usize| {
        let group = &groups.groups[group];
        group.axes.is_empty() && !group.members.is_empty()
    };
    let firsts = (0..groups.groups.len()).filter(|group| is_number(*group));
    let mut todo: Vec<usize> = firsts.map(|group| groups.groups[group].members[0]).collect();
    todo.sort_unstable();
    let mut seen: Vec<usize> = Vec::new();
    let nowhere = Affine::default();
    for id in todo {
        let near: Vec<usize> = seen.iter().rev().take(WINDOW).copied().collect();
        let joined = near.into_iter().any(|other| {
            may_join(groups, groups.member(other).group, groups.member(id).group)
                && groups.merge((other, &nowhere), (id, &nowhere))
        });
        if !joined {
            seen.push(id);
        }
    }
}
