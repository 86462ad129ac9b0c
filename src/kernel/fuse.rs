//! Decides which values share a loop nest.
//!
//! First along edges: a value joins the group of what it reads when both are computed at the same
//! points. A producer that would be computed several times, such as an operand of a matrix product,
//! is stored instead: the positions at which it is read do not run over the product's axes one to
//! one. Then across: groups that read the same elements at the same points. At last groups of single
//! numbers, which cost a kernel each otherwise.

use super::Kernels;
use super::emit::emit;
use super::group::Groups;
use super::place::Memory;
use super::plan::plan;
use super::verify::verify;
use super::{Linear, Program};
use crate::graph::{Graph, Graphs, Target};

/// How many earlier groups a group is compared with for each value that it reads.
const WINDOW: usize = 8;

/// Fuses every program.
pub fn fuse(graphs: &Graphs) -> Kernels {
    let programs = graphs.programs.iter().map(fuse_graph).collect();
    let kernels = Kernels { programs };
    verify(&kernels);
    kernels
}

/// Fuses one program.
fn fuse_graph(graph: &Graph) -> Program {
    let mut groups = Groups::new(plan(graph));
    mark(&mut groups, graph);
    along(&mut groups);
    across(&mut groups);
    numbers(&mut groups);
    let memory = Memory::place(&groups, graph);
    emit(&groups, memory, graph)
}

/// Marks groups that write inputs, and groups that results need.
fn mark(groups: &mut Groups, graph: &Graph) {
    let mut early = vec![false; groups.plan.items.len()];
    for (output, item) in graph.outputs.iter().zip(&groups.plan.outputs) {
        match output.target {
            Target::Result => early[*item] = true,
            Target::InPlace(_) => {
                if let Some(group) = groups.maker[*item] {
                    groups.groups[group].commits = true;
                }
            }
        }
    }
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

/// Merges values with the values that they read.
fn along(groups: &mut Groups) {
    for id in 0..groups.members.len() {
        let n_edges = groups.members[id].as_ref().map_or(0, |member| member.edges.len());
        for k in 0..n_edges {
            let edge = groups.member(id).edges[k].clone();
            if groups.members[edge.base].is_some() && !edge.guarded {
                let at = groups.member(edge.base).at.clone();
                groups.merge((edge.base, &at), (id, &edge.at));
            }
        }
    }
}

/// Merges groups that read the same elements at the same points.
fn across(groups: &mut Groups) {
    for base in 0..groups.users.len() {
        let mut seen: Vec<usize> = Vec::new();
        for user in groups.users[base].clone() {
            let group = groups.member(user).group;
            if seen.iter().any(|other| groups.member(*other).group == group) {
                continue;
            }
            let near = seen.iter().rev().take(WINDOW).rev();
            if !near.copied().any(|other| merge_readers(groups, base, other, user)) {
                seen.push(user);
            }
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
        (Some(at_a), Some(at_b)) => may_join(groups, a, b) && groups.merge((a, &at_a), (b, &at_b)),
        _ => false,
    }
}

/// Whether merging unrelated groups leaves results free of commits: a step whose loss is not finite
/// is stopped before anything is written.
fn may_join(groups: &Groups, a: usize, b: usize) -> bool {
    let group = |id: usize| &groups.groups[groups.member(id).group];
    let (a, b) = (group(a), group(b));
    !(a.commits && b.early) && !(b.commits && a.early)
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
    let nowhere = Linear::default();
    for id in todo {
        let near: Vec<usize> = seen.iter().rev().take(WINDOW).copied().collect();
        let joined = near
            .into_iter()
            .any(|other| may_join(groups, other, id) && groups.merge((other, &nowhere), (id, &nowhere)));
        if !joined {
            seen.push(id);
        }
    }
}
