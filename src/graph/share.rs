//! Drops values and inputs that no output needs. Equal values are one value already: the builder sees
//! to that.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::positions::Position;
use super::{Def, Feed, Graph, Input, Loop, Node, Output, OutputTarget, Role};
use crate::algebra::op::Val;
use crate::ice;

/// The graph without what no output needs; inputs come first, in the order in which they are printed.
/// An input that is replaced is needed.
pub fn prune(graph: Graph) -> Graph {
    let live = live(&graph);
    let order = kept_inputs(&graph, &live);
    let ops = (0..graph.nodes.len()).filter(|k| live[*k] && graph.nodes[*k].def.is_made());
    let nodes: Vec<usize> = order.iter().map(|k| graph.inputs[*k].value.0 as usize).chain(ops).collect();
    let mut values = vec![Val(u32::MAX); graph.nodes.len()];
    for (new, old) in nodes.iter().enumerate() {
        values[*old] = Val(new as u32);
    }
    let mut inputs = vec![usize::MAX; graph.inputs.len()];
    for (new, old) in order.iter().enumerate() {
        inputs[*old] = new;
    }
    let kept = (0..graph.nodes.len()).filter(|k| live[*k]).filter_map(|k| match &graph.nodes[k].def {
        Def::Loop(repeated, _) => Some((k, needed(repeated, &results(&graph, k, &live)))),
        _ => None,
    });
    let renumbered = Renumbered { values, inputs, kept: kept.collect() };
    Graph {
        nodes: nodes.iter().map(|old| renumbered.node(*old, &graph.nodes[*old])).collect(),
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
    spread(graph, live)
}

/// With what live values are made from.
fn spread(graph: &Graph, mut live: Vec<bool>) -> Vec<bool> {
    for value in (0..graph.nodes.len()).rev().filter(|value| graph.nodes[*value].def.is_made()) {
        if !live[value] {
            continue;
        }
        match &graph.nodes[value].def {
            Def::Loop(repeated, args) => {
                let (_, inputs) = needed(repeated, &results(graph, value, &live));
                inputs.into_iter().for_each(|k| live[args[k].0 as usize] = true);
            }
            def => def.args().iter().for_each(|arg| live[arg.0 as usize] = true),
        }
    }
    live
}

/// The results of a loop that are live.
fn results(graph: &Graph, of: usize, live: &[bool]) -> Vec<usize> {
    let after = (of..graph.nodes.len()).filter(|value| live[*value]);
    let result = |value: usize| match graph.nodes[value].def {
        Def::Result(from, k) if from.0 as usize == of => Some(k),
        _ => None,
    };
    let found: BTreeSet<usize> = after.filter_map(result).collect();
    found.into_iter().collect()
}

/// The outputs of a loop's body that some results need, and its inputs.
fn needed(repeated: &Loop, results: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let body = &repeated.body;
    let mut outputs: BTreeSet<usize> = results.iter().copied().collect();
    loop {
        let mut live = vec![false; body.nodes.len()];
        outputs.iter().for_each(|k| live[body.outputs[*k].value.0 as usize] = true);
        let live = spread(body, live);
        let inputs = (0..body.inputs.len()).filter(|k| live[body.inputs[*k].value.0 as usize]);
        let inputs: Vec<usize> = inputs.collect();
        let before = outputs.len();
        outputs.extend(inputs.iter().filter_map(|k| match repeated.feeds[*k] {
            Feed::Carried(next) => Some(next),
            Feed::Whole | Feed::Slice => None,
        }));
        if outputs.len() == before {
            return (outputs.into_iter().collect(), inputs);
        }
    }
}

/// A loop with some outputs and inputs only.
fn trimmed(repeated: &Loop, outputs: &[usize], inputs: &[usize]) -> Loop {
    let mut body = repeated.body.clone();
    body.outputs = outputs.iter().map(|k| body.outputs[*k].clone()).collect();
    let mut body = prune(body);
    body.inputs.iter_mut().enumerate().for_each(|(k, input)| input.role = Role::Feed(k));
    let feed = |k: &usize| match repeated.feeds[*k] {
        Feed::Carried(next) => Feed::Carried(place(outputs, next)),
        feed => feed,
    };
    Loop {
        feeds: inputs.iter().map(feed).collect(),
        leaves: outputs.iter().map(|k| repeated.leaves[*k]).collect(),
        body,
        ..*repeated
    }
}

fn place(among: &[usize], k: usize) -> usize {
    among.iter().position(|have| *have == k).unwrap_or_else(|| ice!("prune", "{k} is needed"))
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
        Role::Feed(_) => 8,
    }
}

/// New numbers by old ones.
struct Renumbered {
    values: Vec<Val>,
    inputs: Vec<usize>,
    /// By loop: the outputs of its body that are needed, and the inputs.
    kept: BTreeMap<usize, (Vec<usize>, Vec<usize>)>,
}

impl Renumbered {
    fn value(&self, old: Val) -> Val {
        self.values[old.0 as usize]
    }

    fn node(&self, old: usize, node: &Node) -> Node {
        let def = match &node.def {
            Def::Input(k) => Def::Input(self.inputs[*k]),
            Def::Loop(repeated, args) => {
                let (outputs, inputs) = &self.kept[&old];
                let args = inputs.iter().map(|k| self.value(args[*k])).collect();
                Def::Loop(Rc::new(trimmed(repeated, outputs, inputs)), args)
            }
            Def::Result(of, k) => Def::Result(self.value(*of), place(&self.kept[&(of.0 as usize)].0, *k)),
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
