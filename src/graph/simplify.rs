//! Runs the rewrites: the graph is built anew, and each operator is simplified as it is added.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::rules::{IDENTITIES, LAST, REWRITES, Rewrite, Rewriter};
use super::signs::Signs;
use super::{Def, Graph, Output};
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
    let convolves = graph.nodes.iter().any(|node| matches!(node.def, Def::Op(Op::Convolve(_), _)));
    if convolves { pass(super::share::prune(graph), LAST) } else { graph }
}

fn pass(graph: Graph, last: &'static [Rewrite]) -> Graph {
    let mut simplifier = Simplifier::new(last);
    let mut values: Vec<Val> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let value = match &node.def {
            Def::Input(k) => {
                let input = &graph.inputs[*k];
                simplifier.builder.input(input.name.clone(), input.role.clone(), node.ty.clone())
            }
            Def::Op(op, args) => {
                simplifier.builder.at(node.span);
                if let Some(part) = &node.phase {
                    simplifier.builder.phase(part.clone());
                }
                let args: Vec<Val> = args.iter().map(|arg| values[arg.0 as usize]).collect();
                simplifier.emit(op.clone(), &args)
            }
        };
        if let Some(name) = &node.name {
            simplifier.builder.name(value, name);
        }
        values.push(value);
    }
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
