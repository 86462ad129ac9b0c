//! Drops values and inputs that no output needs. Equal values are one value already: the builder sees
//! to that.

use super::positions::Position;
use super::{Def, Graph, Input, Node, Output, OutputTarget, Role};
use crate::algebra::op::Val;

/// The graph without what no output needs; inputs come first, in the order in which they are printed.
/// An input that is replaced is needed.
pub fn prune(graph: Graph) -> Graph {
    let live = live(&graph);
    let order = kept_inputs(&graph, &live);
    let ops = (0..graph.nodes.len()).filter(|k| live[*k] && matches!(graph.nodes[*k].def, Def::Op(..)));
    let kept: Vec<usize> = order.iter().map(|k| graph.inputs[*k].value.0 as usize).chain(ops).collect();
    let mut values = vec![Val(u32::MAX); graph.nodes.len()];
    for (new, old) in kept.iter().enumerate() {
        values[*old] = Val(new as u32);
    }
    let mut inputs = vec![usize::MAX; graph.inputs.len()];
    for (new, old) in order.iter().enumerate() {
        inputs[*old] = new;
    }
    let renumbered = Renumbered { values, inputs };
    Graph {
        nodes: kept.iter().map(|old| renumbered.node(&graph.nodes[*old])).collect(),
        inputs: order.iter().map(|old| renumbered.input(&graph.inputs[*old])).collect(),
        outputs: graph.outputs.iter().map(|output| renumbered.output(output)).collect(),
        positions: graph.positions.iter().map(|position| position.renumbered(&renumbered.values)).collect(),
        name: graph.name,
    }
}

/// Which values some output needs.
fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    for output in &graph.outputs {
        live[output.value.0 as usize] = true;
        if let OutputTarget::InPlace(k) = output.target {
            live[graph.inputs[k].value.0 as usize] = true;
        }
    }
    graph.positions.iter().filter_map(Position::value).for_each(|value| live[value.0 as usize] = true);
    for value in (0..graph.nodes.len()).rev() {
        if let (true, Def::Op(_, args)) = (live[value], &graph.nodes[value].def) {
            args.iter().for_each(|arg| live[arg.0 as usize] = true);
        }
    }
    live
}

/// The inputs that stay, as the reader expects them: parameters, data, states, cells, the rest.
fn kept_inputs(graph: &Graph, live: &[bool]) -> Vec<usize> {
    let mut kept: Vec<usize> =
        (0..graph.inputs.len()).filter(|k| live[graph.inputs[*k].value.0 as usize]).collect();
    kept.sort_by_key(|k| (rank(&graph.inputs[*k].role), &graph.inputs[*k].role));
    kept
}

fn rank(role: &Role) -> usize {
    match role {
        Role::Params
        | Role::FitParams(_)
        | Role::ModelState(_)
        | Role::FitModelState(..)
        | Role::FitState(..) => 0,
        Role::Initial => 1,
        Role::Column(_) | Role::Chunks(..) | Role::Gradient | Role::Loss => 2,
        Role::State(_) => 3,
        Role::Cell(_) => 4,
        Role::Step | Role::Total => 5,
        Role::Key => 6,
        Role::Global(_) | Role::Recorded(..) => 7,
    }
}

/// New numbers by old ones.
struct Renumbered {
    values: Vec<Val>,
    inputs: Vec<usize>,
}

impl Renumbered {
    fn value(&self, old: Val) -> Val {
        self.values[old.0 as usize]
    }

    fn node(&self, node: &Node) -> Node {
        let def = match &node.def {
            Def::Input(k) => Def::Input(self.inputs[*k]),
            Def::Op(op, args) => Def::Op(op.clone(), args.iter().map(|arg| self.value(*arg)).collect()),
        };
        Node { def, ..node.clone() }
    }

    fn input(&self, input: &Input) -> Input {
        Input { value: self.value(input.value), ..input.clone() }
    }

    fn output(&self, output: &Output) -> Output {
        let target = match output.target {
            OutputTarget::Result | OutputTarget::Positions => output.target,
            OutputTarget::InPlace(k) => OutputTarget::InPlace(self.inputs[k]),
        };
        Output { value: self.value(output.value), target, ..output.clone() }
    }
}
