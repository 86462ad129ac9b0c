//! The text of graphs.

use std::collections::BTreeMap;
use std::fmt;

use super::{Def, Feed, Graph, Graphs, Loop, Node, Output, OutputTarget, Phase, ProgramId};
use crate::algebra::fill::Fill;
use crate::algebra::op::{Op, Val};
use crate::print::number;

/// Lines longer than this do not push the types of all others to the right.
const WIDEST: usize = 64;

/// Lists of inputs and outputs are broken into lines of about this length.
const LONGEST: usize = 110;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = names(self);
        writeln!(f, "{}", wrapped(&format!("graph {}(", self.name), &inputs(self), ")"))?;
        let lines: Vec<(String, &Node)> = listed(self)
            .map(|(value, node)| (format!("{} = {}", names[value], operation(&names, &node.def)), node))
            .collect();
        let width = lines.iter().map(|(text, _)| text.chars().count()).filter(|n| *n <= WIDEST).max();
        let mut part = None;
        for (text, node) in &lines {
            if let Some(new) = node.phase.as_ref().filter(|new| part != Some(*new)) {
                writeln!(f, "  // {new}")?;
                part = Some(new);
            }
            match &node.def {
                Def::Loop(repeated, args) => block(f, &names, text, repeated, args)?,
                _ => writeln!(f, "  {text:<width$} : {}", node.ty, width = width.unwrap_or(0))?,
            }
        }
        let outputs: Vec<String> = self.outputs.iter().map(|output| returned(&names, output)).collect();
        write!(f, "{}", wrapped("  return ", &outputs, ""))
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Loss => "loss",
            Phase::Metrics => "metrics",
            Phase::Gradient => "gradient",
            Phase::Stage(name) => name,
            Phase::Update => "update",
        })
    }
}

impl fmt::Display for Graphs {
    /// Every program that is run, in order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.programs.iter()))
    }
}

impl Graphs {
    /// The programs without a gradient: losses, evaluations, expressions.
    pub fn print_forward(&self) -> String {
        let training = self.training();
        let others = (0..self.programs.len()).map(ProgramId).filter(|id| !training.contains(id));
        joined(self.forward.iter().chain(others.map(|id| self.graph(id))))
    }

    /// The programs that training runs: initial values and steps.
    pub fn print_step(&self) -> String {
        joined(self.training().into_iter().map(|id| self.graph(id)))
    }
}

fn joined<'a>(graphs: impl Iterator<Item = &'a Graph>) -> String {
    let texts: Vec<String> = graphs.map(|graph| format!("{graph}\n")).collect();
    texts.join("\n")
}

/// A loop: what its inputs are bound to, and its body.
fn block(f: &mut fmt::Formatter<'_>, names: &[String], text: &str, of: &Loop, args: &[Val]) -> fmt::Result {
    let input = |(k, arg): (usize, &Val)| {
        let (own, arg) = (&of.body.inputs[k].name, &names[arg.0 as usize]);
        match of.feeds[k] {
            Feed::Whole => format!("{own} = {arg}"),
            Feed::Slice => format!("{own} in {arg}"),
            Feed::Carried(next) => format!("{own} = {arg} then {}", of.body.outputs[next].name),
        }
    };
    let inputs: Vec<String> = args.iter().enumerate().map(input).collect();
    writeln!(f, "{}", wrapped(&format!("  {text}("), &inputs, ") {"))?;
    let body = of.body.to_string();
    let body = body.split_once(")\n").map_or(body.as_str(), |(_, lines)| lines);
    body.lines().try_for_each(|line| writeln!(f, "  {line}"))?;
    writeln!(f, "  }}")
}

/// A list on one line, or on as many as keep lines short.
fn wrapped(before: &str, parts: &[String], after: &str) -> String {
    let mut lines = vec![before.to_owned()];
    for (k, part) in parts.iter().enumerate() {
        let comma = if k + 1 < parts.len() { ", " } else { "" };
        match lines.last_mut() {
            Some(line) if k == 0 || line.len() + part.len() <= LONGEST => *line += &format!("{part}{comma}"),
            _ => lines.push(format!("    {part}{comma}")),
        }
    }
    let text: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    text.join("\n") + after
}

fn inputs(graph: &Graph) -> Vec<String> {
    let input = |input: &super::Input| format!("{}: {}", input.name, graph.nodes[input.value.0 as usize].ty);
    graph.inputs.iter().map(input).collect()
}

/// The values that get a line: all but inputs and constants.
fn listed(graph: &Graph) -> impl Iterator<Item = (usize, &Node)> {
    let nodes = graph.nodes.iter().enumerate();
    nodes.filter(|(_, node)| !matches!(node.def, Def::Input(_) | Def::Op(Op::Fill(Fill::Const { .. }), _)))
}

/// How each value is written where it is used.
fn names(graph: &Graph) -> Vec<String> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    let inputs = graph.inputs.iter().map(|input| input.name.as_str());
    let given = listed(graph).filter_map(|(_, node)| node.name.as_deref());
    for name in inputs.chain(given) {
        *uses.entry(name).or_default() += 1;
    }
    let mut next = 0;
    let name = |node: &Node| match (&node.def, node.name.as_deref()) {
        (Def::Input(k), _) => graph.inputs[*k].name.clone(),
        (Def::Op(Op::Fill(Fill::Const { value, .. }), _), _) => number(value.0),
        (_, Some(name)) if uses[name] == 1 => name.to_owned(),
        _ => {
            next += 1;
            format!("%{}", next - 1)
        }
    };
    graph.nodes.iter().map(name).collect()
}

fn operation(names: &[String], def: &Def) -> String {
    let (op, args) = match def {
        Def::Input(k) => return format!("input {k}"),
        Def::Loop(repeated, _) => {
            let order = if repeated.reversed { " reversed" } else { "" };
            return format!("loop {}{order}", repeated.count);
        }
        Def::Result(of, k) => return format!("result {}.{k}", names[of.0 as usize]),
        Def::Op(op, args) => (op, args),
    };
    let args: Vec<&str> = args.iter().map(|arg| names[arg.0 as usize].as_str()).collect();
    let mut text = op.rules().name().to_owned();
    if !args.is_empty() {
        text += " ";
        text += &args.join(", ");
    }
    match op.rules().attributes() {
        attributes if attributes.is_empty() => text,
        attributes => format!("{text} [{attributes}]"),
    }
}

fn returned(names: &[String], output: &Output) -> String {
    let value = &names[output.value.0 as usize];
    match output.target {
        OutputTarget::Result if *value == output.name => value.clone(),
        OutputTarget::Result => format!("{} = {value}", output.name),
        OutputTarget::Positions => format!("{} checked", value),
        OutputTarget::InPlace(_) => format!("{} <- {value}", output.name),
    }
}
