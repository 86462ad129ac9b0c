//! The reference run of a graph: each operator by its meaning, one after the other. Slow; what all
//! faster ways are compared with.

use std::collections::BTreeMap;

use super::{Def, Feed, Graph, Leave, Loop, Node};
use crate::algebra::eval::eval;
use crate::algebra::op::{Op, Val};
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
    let mut results: BTreeMap<Val, Vec<Tensor>> = BTreeMap::new();
    for node in &graph.nodes {
        let value = match &node.def {
            Def::Input(k) => inputs[*k].clone(),
            Def::Loop(repeated, args) => {
                let args = args.iter().map(|arg| values[arg.0 as usize].clone()).collect();
                results.insert(Val(values.len() as u32), iterate(repeated, args));
                Tensor { ty: node.ty.clone(), data: Vec::new() }
            }
            Def::Result(of, k) => results[of][*k].clone(),
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

/// The results of a loop.
fn iterate(repeated: &Loop, args: Vec<Tensor>) -> Vec<Tensor> {
    let Loop { count, reversed, feeds, leaves, body } = repeated;
    let result = |k: usize| Tensor { ty: repeated.result(k), data: Vec::new() };
    let mut results: Vec<Tensor> = (0..leaves.len()).map(result).collect();
    let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); leaves.len()];
    for turn in 0..*count {
        let at = if *reversed { count - 1 - turn } else { turn };
        let input = |(k, feed): (usize, &Feed)| match feed {
            Feed::Carried(next) if turn > 0 => results[*next].clone(),
            Feed::Whole | Feed::Carried(_) => args[k].clone(),
            Feed::Slice => {
                let ty = repeated.ty(body.inputs[k].value).clone();
                let n = ty.count();
                Tensor { ty, data: args[k].data[at * n..(at + 1) * n].to_vec() }
            }
        };
        let inputs: Vec<Tensor> = feeds.iter().enumerate().map(input).collect();
        for (k, value) in run(body, &inputs).into_iter().enumerate() {
            match leaves[k] {
                Leave::Last => results[k] = value,
                Leave::Stacked => parts[k].push(value),
            }
        }
    }
    for (k, mut parts) in parts.into_iter().enumerate().filter(|(_, parts)| !parts.is_empty()) {
        if *reversed {
            parts.reverse();
        }
        results[k].data = parts.into_iter().flat_map(|part| part.data).collect();
    }
    results
}

/// End to end, rather than by the form: that asks every argument for every element.
pub(super) fn concat(node: &Node, args: &[&Tensor]) -> Tensor {
    Tensor { ty: node.ty.clone(), data: args.iter().flat_map(|arg| &arg.data).copied().collect() }
}

fn describe(graph: &Graph, node: &Node) -> String {
    match (&node.def, &node.name) {
        (Def::Input(k), _) => graph.inputs[*k].name.clone(),
        (_, Some(name)) => name.to_string(),
        (Def::Op(op, _), None) => op.rules().name().to_owned(),
        (Def::Loop(..) | Def::Result(..), None) => "loop".to_owned(),
    }
}
