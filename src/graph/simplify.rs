//! Runs the rewrites: the graph is built anew, and each operator is simplified as it is added.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::rules::{IDENTITIES, LAST, REWRITES, Rewrite, Rewriter};
use super::signs::Signs;
use super::{Def, Feed, Graph, Leave, Loop, Output};
use crate::algebra::map::Map;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::term::{Node as TermNode, Term};
use crate::algebra::types::Type;
use crate::ice;

/// The graph with every rewrite done that can be done, but for those of convolutions.
pub(crate) fn simplify(graph: Graph) -> Graph {
    pass(graph, &[])
}

/// The graph with the rewrites of convolutions done as well: they look at how often a value is used, so what
/// nobody uses goes first.
pub(super) fn convolutions(graph: Graph) -> Graph {
    if convolves(&graph) { pass(super::share::prune(graph), LAST) } else { graph }
}

fn convolves(graph: &Graph) -> bool {
    graph.nodes.iter().any(|node| matches!(node.def, Def::Op(Op::Convolve(_), _)))
        || graph.loops().any(|repeated| convolves(&repeated.body))
}

fn pass(graph: Graph, last: &'static [Rewrite]) -> Graph {
    let mut simplifier = Simplifier::new(last);
    let values = simplifier.graph(&graph, &[]);
    for position in graph.positions {
        simplifier.builder.position(position.renumbered(&values));
    }
    let output = |output: Output| Output { value: values[output.value.0 as usize], ..output };
    let outputs = graph.outputs.into_iter().map(output).collect();
    simplifier.builder.finish(graph.name, outputs)
}

/// A builder that simplifies.
#[derive(Debug)]
pub(super) struct Simplifier {
    /// The new graph.
    pub builder: Builder,
    /// Values that depend on signs.
    pub signs: Signs,
    /// Pairs of terms by the name of the row at the top of the first.
    rules: BTreeMap<&'static str, Vec<(Term, Term)>>,
    /// Rewrites that are tried after all others.
    last: &'static [Rewrite],
}

impl Simplifier {
    fn new(last: &'static [Rewrite]) -> Simplifier {
        let mut rules: BTreeMap<&'static str, Vec<(Term, Term)>> = BTreeMap::new();
        for rule in IDENTITIES {
            let from = (rule.from)();
            if let TermNode::Call(row, _) = &*from.0 {
                rules.entry(row.name).or_default().push((from, (rule.to)()));
            }
        }
        Simplifier { builder: Builder::default(), signs: Signs::default(), rules, last }
    }

    /// Adds the values of a graph, whose first inputs are these values.
    fn graph(&mut self, graph: &Graph, inputs: &[Val]) -> Vec<Val> {
        let mut values: Vec<Val> = Vec::with_capacity(graph.nodes.len());
        let mut results: BTreeMap<Val, Vec<Val>> = BTreeMap::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            self.builder.at(node.span);
            if let Some(part) = &node.phase {
                self.builder.phase(part.clone());
            }
            let args: Vec<Val> = node.def.args().iter().map(|arg| values[arg.0 as usize]).collect();
            let value = match &node.def {
                Def::Input(k) => inputs.get(*k).copied().unwrap_or_else(|| {
                    let input = &graph.inputs[*k];
                    self.builder.input(input.name.clone(), input.role.clone(), node.ty.clone())
                }),
                Def::Op(op, _) => self.emit(op.clone(), &args),
                Def::Loop(repeated, _) => {
                    let (made, left) = self.repeated(repeated, &args);
                    results.insert(Val(index as u32), left);
                    made
                }
                Def::Result(of, k) => results[of][*k],
            };
            if let Some(name) = &node.name {
                self.builder.name(value, name);
            }
            values.push(value);
        }
        values
    }

    /// Adds a loop. What can be computed before it leaves its body. Gives its results too.
    fn repeated(&mut self, repeated: &Loop, args: &[Val]) -> (Val, Vec<Val>) {
        let last: Vec<usize> =
            (0..repeated.leaves.len()).filter(|k| repeated.leaves[*k] == Leave::Last).collect();
        let place = |k: usize| last.iter().position(|have| *have == k).unwrap_or(0);
        let signs = std::mem::take(&mut self.signs);
        self.builder.open(repeated.count, repeated.reversed);
        let input = |(feed, arg): (&Feed, &Val)| match feed {
            Feed::Whole => self.builder.import(*arg),
            Feed::Slice => self.builder.slice(*arg),
            Feed::Carried(next) => self.builder.carry(place(*next), *arg),
        };
        let inputs: Vec<Val> = repeated.feeds.iter().zip(args).map(input).collect();
        let values = self.graph(&repeated.body, &inputs);
        let output = |k: usize| values[repeated.body.outputs[k].value.0 as usize];
        let carried: Vec<Val> = last.iter().map(|k| output(*k)).collect();
        let made = self.builder.close(&carried);
        self.signs = signs;
        let left = (0..repeated.leaves.len()).map(|k| match repeated.leaves[k] {
            Leave::Last => self.builder.result(made, place(k)),
            Leave::Stacked => self.builder.in_all(made, output(k)),
        });
        (made, left.collect())
    }

    fn rewritten(&mut self, op: &Op, args: &[Val]) -> Option<Val> {
        if let Op::Map(map) = op
            && let Some(value) = self.by_terms(map, args)
        {
            return Some(value);
        }
        REWRITES.iter().chain(self.last).find_map(|rewrite| (rewrite.apply)(self, op, args))
    }

    fn by_terms(&mut self, map: &Map, args: &[Val]) -> Option<Val> {
        let (holes, to) = self.rules.get(map.0.name)?.iter().find_map(|(from, to)| {
            let TermNode::Call(_, patterns) = &*from.0 else { return None };
            let mut holes = BTreeMap::new();
            let fits =
                patterns.iter().zip(args).all(|(pattern, arg)| self.matches(pattern, *arg, &mut holes));
            fits.then(|| (holes, to.clone()))
        })?;
        let ty = self.builder.ty(*holes.values().next()?).clone();
        Some(self.instantiate(&to, &holes, &ty))
    }

    /// Whether a value is what a pattern says; notes the values of holes.
    fn matches(&self, pattern: &Term, value: Val, holes: &mut BTreeMap<usize, Val>) -> bool {
        match &*pattern.0 {
            TermNode::X(k) => *holes.entry(*k).or_insert(value) == value,
            TermNode::Const(number) => self.builder.as_constant(value) == Some(*number),
            TermNode::Call(row, patterns) => match self.builder.call(value, row) {
                Some(args) => {
                    patterns.iter().zip(args).all(|(pattern, arg)| self.matches(pattern, *arg, holes))
                }
                None => false,
            },
            TermNode::G | TermNode::Y | TermNode::Axis(_) => false,
        }
    }

    fn instantiate(&mut self, term: &Term, holes: &BTreeMap<usize, Val>, ty: &Type) -> Val {
        match &*term.0 {
            TermNode::X(k) => holes[k],
            TermNode::Const(number) => self.builder.constant(*number, ty),
            TermNode::Call(row, args) => {
                let args: Vec<Val> = args.iter().map(|arg| self.instantiate(arg, holes, ty)).collect();
                self.emit(Op::Map(Map(row)), &args)
            }
            TermNode::G | TermNode::Y | TermNode::Axis(_) => {
                ice!("simplify", "a rule with {term} on its right side")
            }
        }
    }
}

impl Build for Simplifier {
    fn emit(&mut self, op: Op, args: &[Val]) -> Val {
        if let Some(value) = self.rewritten(&op, args) {
            return value;
        }
        let value = self.builder.emit(op.clone(), args);
        match op {
            Op::Map(map) => self.by_signs(map.0, args, value),
            _ => value,
        }
    }

    fn ty(&self, value: Val) -> &Type {
        self.builder.ty(value)
    }
}

impl Rewriter for Simplifier {
    fn graph(&mut self) -> &mut Builder {
        &mut self.builder
    }
}
