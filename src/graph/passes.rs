//! The passes over graphs.

use std::time::Duration;

use super::{Graphs, congruence, errors, positions, share, simplify, verify};
use crate::pass::{Ir, Pass, PassInfo, Point};

/// Graphs on their way through the passes.
struct Passing {
    graphs: Graphs,
    /// The hyperparameters that a run sets, if equal states may share memory on the ground of their values.
    set: Option<Vec<(String, f64)>>,
}

impl Ir for Passing {
    fn verify(&self, pass: &str) {
        verify::verify(&self.graphs, pass);
    }
}

/// In order.
const PASSES: &[Pass<Passing>] = &[
    Pass {
        name: "simplify",
        doc: "rewrites, constants, equal values (IDENTITIES and REWRITES of graph/rules.rs)",
        run: |passing| passing.graphs.each(simplify::simplify),
    },
    Pass {
        name: "convolutions",
        doc: "gradients of convolutions as the convolutions or products that suit their sizes",
        run: |passing| passing.graphs.each(simplify::convolutions),
    },
    Pass {
        name: "positions",
        doc: "indices and labels: checked now, or left to be checked in a step",
        run: |passing| {
            let graphs = &mut passing.graphs;
            graphs.warnings.extend(positions::settle(&mut graphs.programs));
            graphs.forward.iter_mut().for_each(|graph| graph.positions.clear());
        },
    },
    Pass {
        name: "prune",
        doc: "dead-code elimination: values and inputs that no output needs",
        run: |passing| passing.graphs.each(share::prune),
    },
    Pass {
        name: "share-states",
        doc: "optimizer states that are equal in every step become one",
        run: |passing| {
            if let Some(set) = &passing.set {
                congruence::share_states(&mut passing.graphs, set);
            }
        },
    },
];

/// The passes with what they do.
pub fn rows() -> impl Iterator<Item = PassInfo> {
    PASSES.iter().map(Pass::row)
}

/// Runs the passes, as far as `until`; says how long each took. Programs of more than `limit` operations are
/// refused before.
pub fn run(
    graphs: Graphs,
    limit: usize,
    set: Option<&[(String, f64)]>,
    until: Option<Point<'_>>,
) -> (Graphs, Vec<(&'static str, Duration)>) {
    if let Some(large) = graphs.programs.iter().find(|graph| graph.size() > limit) {
        let place = large.nodes.iter().rev().find_map(|node| node.span);
        let refused = errors::too_large(&large.name, place.unwrap_or_default(), limit);
        return (Graphs { warnings: vec![refused], ..Graphs::default() }, Vec::new());
    }
    verify::verify(&graphs, "build");
    let mut passing = Passing { graphs, set: set.map(<[_]>::to_vec) };
    let took = Pass::all(PASSES, &mut passing, until);
    passing.verify(took.last().map_or("build", |(pass, _)| pass));
    (passing.graphs, took)
}
