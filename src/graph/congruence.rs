//! States that are equal in every step are one state.
//!
//! Adam's `m` and the average that a gain follows are the same recurrence when `b1` and `beta` are
//! equal: both start at 0 and average the same gradients. Hyperparameters are cells that are read when
//! a step runs, so whether they are equal is known only for the values that a run starts with. Sharing
//! is decided from those, and the pairs of cells that it rests on are its [guards](Layout::guards): a program with
//! guards is right only while the cells of each have equal values. Who wants to change one of them builds the graphs
//! without sharing, or shares anew for the new values.
//!
//! Two states are equal when they start equal and their new values are made alike, once one state is
//! read in place of the other, and one guarded cell in place of the other. The shared program then does
//! the same operations on the same numbers, so it keeps every bit.

use std::collections::{BTreeMap, BTreeSet};

use super::positions::IndexSource;
use super::share::prune;
use super::simplify::{convolutions, simplify};
use super::{CellId, Def, Graph, Graphs, Layout, OutputTarget, Purpose, Role};
use crate::algebra::op::Val;

impl Layout {
    /// The value of each cell when some are set.
    fn values(&self, set: &[(String, f64)]) -> Vec<f64> {
        let given = |name: &str| set.iter().rev().find(|(have, _)| have == name).map(|(_, value)| *value);
        self.cells.iter().map(|cell| given(&cell.name).unwrap_or(cell.value)).collect()
    }

    /// Whether the cells of each guard have equal values when some cells are set.
    pub fn guards_hold(&self, set: &[(String, f64)]) -> bool {
        let values = self.values(set);
        self.guards.iter().all(|(a, b)| values[a.0].to_bits() == values[b.0].to_bits())
    }
}

/// Lets equal states share memory, given the cells that a run sets.
pub(super) fn share_states(graphs: &mut Graphs, set: &[(String, f64)]) {
    let Graphs { programs, purposes, layouts, .. } = graphs;
    for (index, layout) in layouts {
        let [Some(init), Some(step)] =
            [Purpose::Init(*index), Purpose::Step(*index)].map(|of| purposes.get(&of))
        else {
            continue;
        };
        let (init, step) = (init.0, step.0);
        let values = layout.values(set);
        let mut left = MOST;
        while let Some(congruence) = find(&programs[init], &programs[step], layout, &values, &mut left) {
            programs[step] = prune(convolutions(simplify(congruence.share(&programs[step]))));
            layout.states[congruence.other].congruent_to = Some(congruence.state);
            for guard in congruence.guards {
                if !layout.guards.contains(&guard) {
                    layout.guards.push(guard);
                }
            }
        }
    }
}

/// Two equal states.
struct Congruence {
    /// The one that stays.
    state: usize,
    /// A later one that is left out.
    other: usize,
    /// Whether each cell is one that a sweep changes.
    swept: Vec<bool>,
    /// Cells whose values have to be equal for that.
    guards: BTreeSet<(CellId, CellId)>,
}

/// Values that are compared at most in search of equal states: pipelines of hundreds of stages keep theirs.
const MOST: usize = 1 << 20;

/// The first two states that are equal for these values of cells and not shared yet, found before `left`
/// values are compared.
fn find(init: &Graph, step: &Graph, layout: &Layout, values: &[f64], left: &mut usize) -> Option<Congruence> {
    let slots = &layout.states;
    let alike = |a: usize, b: usize| slots[a].ty == slots[b].ty && slots[a].extent == slots[b].extent;
    let open = |k: &usize| slots[*k].congruent_to.is_none();
    let pairs = (0..slots.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    pairs.filter(|(a, b)| open(a) && open(b) && alike(*a, *b)).find_map(|(state, other)| {
        let swept = layout.cells.iter().map(|cell| cell.swept.is_some()).collect();
        let mut congruence = Congruence { state, other, swept, guards: BTreeSet::new() };
        let initial = |k: usize| init.outputs.iter().find(|output| output.gives == Some(Role::State(k)));
        let start = |k: usize| initial(k).map(|output| output.value);
        let pairs = [(init, start(state)?, start(other)?), (step, next(step, state)?, next(step, other)?)];
        pairs
            .into_iter()
            .all(|(graph, a, b)| congruence.equal(graph, a, b, values, left))
            .then_some(congruence)
    })
}

/// The new value of a state that changes.
fn next(step: &Graph, state: usize) -> Option<Val> {
    let is_new = |target: OutputTarget| match target {
        OutputTarget::InPlace(k) => step.inputs[k].role == Role::State(state),
        OutputTarget::Result | OutputTarget::Positions => false,
    };
    step.outputs.iter().find(|output| is_new(output.target)).map(|output| output.value)
}

impl Congruence {
    /// Whether two values are equal if the states are, for these values of cells; notes the guards that
    /// this needs. No after `left` comparisons.
    fn equal(&mut self, graph: &Graph, a: Val, b: Val, values: &[f64], left: &mut usize) -> bool {
        let (mut todo, mut seen) = (vec![(a, b)], BTreeSet::new());
        while let Some((a, b)) = todo.pop() {
            if a == b || !seen.insert((a, b)) {
                continue;
            }
            *left = left.saturating_sub(1);
            if *left == 0 {
                return false;
            }
            match (&graph.nodes[a.0 as usize].def, &graph.nodes[b.0 as usize].def) {
                (Def::Input(a), Def::Input(b)) => {
                    if !self.inputs(&graph.inputs[*a].role, &graph.inputs[*b].role, values) {
                        return false;
                    }
                }
                (Def::Op(op, args), Def::Op(like, others)) => {
                    if op != like || args.len() != others.len() {
                        return false;
                    }
                    todo.extend(args.iter().copied().zip(others.iter().copied()));
                }
                _ => return false,
            }
        }
        true
    }

    fn inputs(&mut self, a: &Role, b: &Role, values: &[f64]) -> bool {
        match (a, b) {
            (Role::State(a), Role::State(b)) => {
                [(self.state, self.other), (self.other, self.state)].contains(&(*a, *b))
            }
            // What a sweep changes is not equal to anything else for long.
            (Role::Cell(a), Role::Cell(b)) if a != b && (self.swept[a.0] || self.swept[b.0]) => false,
            (Role::Cell(a), Role::Cell(b)) if values[a.0].to_bits() == values[b.0].to_bits() => {
                self.guards.insert((*a.min(b), *a.max(b)));
                true
            }
            _ => false,
        }
    }

    /// The step without the other state and without cells that are guarded to equal earlier ones.
    fn share(&self, step: &Graph) -> Graph {
        let by_role: BTreeMap<&Role, Val> =
            step.inputs.iter().map(|input| (&input.role, input.value)).collect();
        let mut instead: BTreeMap<Val, Val> = BTreeMap::new();
        let pairs = self.guards.iter().rev().map(|(a, b)| (Role::Cell(*a), Role::Cell(*b)));
        for (kept, other) in pairs.chain([(Role::State(self.state), Role::State(self.other))]) {
            if let (Some(kept), Some(other)) = (by_role.get(&kept), by_role.get(&other)) {
                instead.insert(*other, *kept);
            }
        }
        let mut shared = step.clone();
        for node in &mut shared.nodes {
            node.def.args_mut().iter_mut().for_each(|arg| *arg = *instead.get(arg).unwrap_or(arg));
        }
        let other = Role::State(self.other);
        let is_other =
            |target: OutputTarget| matches!(target, OutputTarget::InPlace(k) if step.inputs[k].role == other);
        let gone = step.outputs.iter().map(|output| is_other(output.target)).collect::<Vec<_>>();
        shared.outputs.retain(|output| !is_other(output.target));
        for position in &mut shared.positions {
            if let IndexSource::Output(output) = &mut position.source {
                *output -= gone[..*output].iter().filter(|gone| **gone).count();
            }
        }
        for output in &mut shared.outputs {
            output.value = *instead.get(&output.value).unwrap_or(&output.value);
        }
        shared
    }
}
