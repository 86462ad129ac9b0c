//! The reference run of a graph: each operator by its meaning, one after the other. Slow; what all
//! faster ways are compared with.

use super::{Def, Graph, Node};
use crate::algebra::eval::eval;
use crate::algebra::op::Op;
use crate::algebra::tensor::Tensor;
use crate::source::Span;

/// The outputs for these inputs, in order.
pub fn run(graph: &Graph, inputs: &[Tensor]) -> Vec<Tensor> {
    let values = values(graph, inputs, |_, _| true);
    graph.outputs.iter().map(|output| values[output.value.0 as usize].clone()).collect()
}

/// The first value, in order, that holds NaN or infinity where nothing it is made from does: what to
/// call it, and the place in the script that made it.
pub fn first_not_finite(graph: &Graph, inputs: &[Tensor]) -> Option<(String, Option<Span>)> {
    let values = values(graph, inputs, |_, value| value.data.iter().all(|x| x.is_finite()));
    let node = &graph.nodes[values.len().checked_sub(1)?];
    let last = values.last()?;
    let fault = last.data.iter().any(|x| !x.is_finite());
    fault.then(|| (describe(graph, node), node.span))
}

/// Values up to the first that `go_on` does not want to go on from.
fn values(graph: &Graph, inputs: &[Tensor], go_on: impl Fn(&Node, &Tensor) -> bool) -> Vec<Tensor> {
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let value = match &node.def {
            Def::Input(k) => inputs[*k].clone(),
            Def::Op(op, args) => {
                let args: Vec<&Tensor> = args.iter().map(|arg| &values[arg.0 as usize]).collect();
                match op {
                    Op::Concat(_) => concat(node, &args),
                    _ => eval(op, &args),
                }
            }
        };
        let stop = !go_on(node, &value);
        values.push(value);
        if stop {
            break;
        }
    }
    values
}

/// End to end, rather than by the form: that asks every argument for every element.
pub(super) fn concat(node: &Node, args: &[&Tensor]) -> Tensor {
    Tensor { ty: node.ty.clone(), data: args.iter().flat_map(|arg| &arg.data).copied().collect() }
}

fn describe(graph: &Graph, node: &Node) -> String {
    match (&node.def, &node.name) {
        (Def::Input(k), _) => graph.inputs[*k].name.clone(),
        (Def::Op(..), Some(name)) => name.to_string(),
        (Def::Op(op, _), None) => op.rules().name().to_owned(),
    }
}
