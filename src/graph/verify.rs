//! What must hold for a graph after every pass.

use std::collections::BTreeSet;

use super::positions::IndexSource;
use super::{Def, Graph, Graphs, OutputTarget};
use crate::algebra::op::Val;
use crate::algebra::types::{Dim, Type};
use crate::ice;

/// Checks every graph.
///
/// # Panics
/// With the name of the pass, what is wrong and the graph, if an invariant is broken.
pub fn verify(graphs: &Graphs, pass: &str) {
    for graph in graphs.programs.iter().chain(&graphs.forward) {
        if let Err(problem) = check(graph) {
            ice!(pass, "{problem}\n{graph}");
        }
    }
}

/// What is wrong with a graph, if anything is.
pub fn check(graph: &Graph) -> Result<(), String> {
    let problems =
        (0..graph.nodes.len()).map(|value| node(graph, value)).chain([inputs(graph), outputs(graph)]);
    problems.collect()
}

fn node(graph: &Graph, value: usize) -> Result<(), String> {
    let node = &graph.nodes[value];
    if node.ty.shape.iter().any(|dim: &Dim| dim.as_constant().is_none_or(|n| n < 0)) {
        return Err(format!("%{value} has the type {}, whose sizes are not known", node.ty));
    }
    match &node.def {
        Def::Input(k) => match graph.inputs.get(*k) {
            Some(input) if input.value.0 as usize == value => Ok(()),
            _ => Err(format!("%{value} is not the value of input {k}")),
        },
        Def::Loop(repeated, args) => {
            before(args, value)?;
            let types: Vec<&Type> = args.iter().map(|arg| &graph.nodes[arg.0 as usize].ty).collect();
            repeated.check(&types).map_err(|problem| format!("%{value}: {problem}"))
        }
        Def::Result(of, k) => {
            before(&[*of], value)?;
            let repeated = match &graph.nodes[of.0 as usize].def {
                Def::Loop(repeated, _) if *k < repeated.leaves.len() => repeated,
                _ => return Err(format!("%{value} is no result of a loop")),
            };
            match repeated.result(*k) {
                ty if ty == node.ty => Ok(()),
                ty => Err(format!("%{value} has the type {} and not {ty}", node.ty)),
            }
        }
        Def::Op(op, args) => {
            before(args, value)?;
            let types: Vec<&Type> = args.iter().map(|arg| &graph.nodes[arg.0 as usize].ty).collect();
            match op.rules().infer(&types) {
                Ok(ty) if ty == node.ty => Ok(()),
                Ok(ty) => Err(format!("%{value} has the type {} and not {ty}", node.ty)),
                Err(mismatch) => Err(format!(
                    "argument {} of %{value} = {} is not {}",
                    mismatch.arg,
                    op.rules().name(),
                    mismatch.expected
                )),
            }
        }
    }
}

/// Whether arguments come before a value.
fn before(args: &[Val], value: usize) -> Result<(), String> {
    match args.iter().find(|arg| arg.0 as usize >= value) {
        Some(arg) => Err(format!("%{value} uses %{}, which does not come before it", arg.0)),
        None => Ok(()),
    }
}

fn ty(graph: &Graph, value: Val) -> Result<&Type, String> {
    let node = graph.nodes.get(value.0 as usize);
    node.map(|node| &node.ty).ok_or_else(|| format!("there is no %{}", value.0))
}

fn inputs(graph: &Graph) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for input in &graph.inputs {
        ty(graph, input.value)?;
        if !names.insert(&input.name) || !roles.insert(&input.role) {
            return Err(format!("there are two inputs {} or two of its role", input.name));
        }
    }
    Ok(())
}

fn outputs(graph: &Graph) -> Result<(), String> {
    for position in &graph.positions {
        if let IndexSource::Output(k) = position.source
            && graph.outputs.get(k).is_none_or(|output| output.target != OutputTarget::Positions)
        {
            return Err(format!("output {k} holds no positions"));
        }
    }
    let mut replaced = BTreeSet::new();
    for output in &graph.outputs {
        let new = ty(graph, output.value)?;
        let OutputTarget::InPlace(k) = output.target else { continue };
        let input = graph.inputs.get(k).ok_or_else(|| format!("there is no input {k}"))?;
        let old = ty(graph, input.value)?;
        if old != new || !replaced.insert(k) {
            return Err(format!("{} of type {new} may not replace {}: {old}", output.name, input.name));
        }
    }
    Ok(())
}
