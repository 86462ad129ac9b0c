//! A program for some of the rows: the same operators, where sizes along the rows are others.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::builder::Builder;
use super::super::rows::{Dependence, LoopFacts, RowAxis, RowFacts};
use super::super::{Def, Feed, Graph, Leave, Loop};
use super::ChunkPlan;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::Dim;
use crate::algebra::view::View;

/// The program for some rows under construction.
pub(super) struct ChunkBuilder<'a> {
    graph: &'a Graph,
    known: &'a [RowFacts],
    rows: usize,
    /// What is built so far.
    pub(super) builder: Builder,
    /// Values by those over all rows.
    pub(super) values: BTreeMap<Val, Val>,
    /// Results of loops, by loop.
    results: BTreeMap<Val, Vec<Val>>,
}

impl<'a> ChunkBuilder<'a> {
    /// An empty program for so many rows.
    pub(super) fn new(plan: &'a ChunkPlan<'a>, rows: usize) -> ChunkBuilder<'a> {
        ChunkBuilder::of(plan.graph, &plan.known, rows, Builder::default())
    }

    fn of(graph: &'a Graph, known: &'a [RowFacts], rows: usize, builder: Builder) -> ChunkBuilder<'a> {
        ChunkBuilder { graph, known, rows, builder, values: BTreeMap::new(), results: BTreeMap::new() }
    }

    /// Adds what a value is for these rows; those that it is made from are there.
    pub(super) fn add(&mut self, value: Val) {
        let node = &self.graph.nodes[value.0 as usize];
        let known = &self.known[value.0 as usize];
        self.builder.at(node.span);
        let args: Vec<Val> = node.def.args().iter().map(|arg| self.values[arg]).collect();
        let new = match &node.def {
            Def::Input(k) => {
                let (input, mut ty) = (&self.graph.inputs[*k], node.ty.clone());
                if let Some(along) = known.walk {
                    ty.shape[along.axis] = Dim::from(along.size(self.rows));
                }
                self.builder.input(input.name.clone(), input.role.clone(), ty)
            }
            Def::Op(op, _) => self.operator(op, args, known),
            Def::Loop(repeated, _) => match &known.of_loop {
                Some(facts) => self.repeated(value, repeated, args, facts),
                None => {
                    let made = self.builder.repeated(Rc::clone(repeated), args, Rc::default());
                    let results = (0..repeated.leaves.len()).map(|k| self.builder.result(made, k)).collect();
                    self.results.insert(value, results);
                    made
                }
            },
            Def::Result(of, k) => self.results[of][*k],
        };
        self.builder.name(new, node.name.as_deref().unwrap_or_default());
        self.values.insert(value, new);
    }

    /// A loop whose iterations have rows.
    fn repeated(&mut self, value: Val, repeated: &Loop, args: Vec<Val>, facts: &LoopFacts) -> Val {
        let last: Vec<usize> =
            (0..repeated.leaves.len()).filter(|k| repeated.leaves[*k] == Leave::Last).collect();
        let place = |k: usize| last.iter().position(|have| *have == k).unwrap_or(0);
        let mut builder = std::mem::take(&mut self.builder);
        let narrow = |(arg, along): (&Val, &Option<_>)| match along {
            Some(along) => narrow_rows(&mut builder, *arg, along, self.rows),
            None => *arg,
        };
        let args: Vec<Val> = args.iter().zip(&facts.starts).map(narrow).collect();
        builder.open(repeated.count, repeated.reversed);
        let mut inner = ChunkBuilder::of(&repeated.body, &facts.body, self.rows, Builder::default());
        for (input, (feed, arg)) in repeated.body.inputs.iter().zip(repeated.feeds.iter().zip(args)) {
            let bound = match feed {
                Feed::Whole => builder.import(arg),
                Feed::Slice => builder.slice(arg),
                Feed::Carried(next) => builder.carry(place(*next), arg),
            };
            inner.values.insert(input.value, bound);
        }
        inner.builder = builder;
        for index in 0..repeated.body.nodes.len() {
            if repeated.body.nodes[index].def.is_made() {
                inner.add(Val(index as u32));
            }
        }
        let ChunkBuilder { mut builder, values, .. } = inner;
        let output = |k: usize| values[&repeated.body.outputs[k].value];
        let carried: Vec<Val> = last.iter().map(|k| output(*k)).collect();
        let made = builder.close(&carried);
        let results = (0..repeated.leaves.len()).map(|k| match repeated.leaves[k] {
            Leave::Last => builder.result(made, place(k)),
            Leave::Stacked => builder.in_all(made, output(k)),
        });
        let results = results.collect();
        self.results.insert(value, results);
        self.builder = builder;
        made
    }

    fn operator(&mut self, op: &Op, mut args: Vec<Val>, known: &RowFacts) -> Val {
        let Some(walk) = known.walk else { return self.builder.emit(op.clone(), &args) };
        let size = Dim::from(walk.size(self.rows));
        for (arg, walked) in args.iter_mut().zip(&known.walked) {
            for axis in walked {
                *arg = narrowed(&mut self.builder, *arg, *axis, &size);
            }
        }
        let is_kept = matches!(known.dependence, Dependence::Rows(_));
        let op = if is_kept { sized(op, walk.axis, size) } else { op.clone() };
        self.builder.emit(op, &args)
    }
}

/// A value that is the same for all rows, for so many of them.
fn narrow_rows(builder: &mut Builder, value: Val, along: &RowAxis, rows: usize) -> Val {
    narrowed(builder, value, along.axis, &Dim::from(along.size(rows)))
}

/// The operator whose result has another size along an axis; most take it from their arguments.
fn sized(op: &Op, axis: usize, size: Dim) -> Op {
    let mut op = op.clone();
    match &mut op {
        Op::View(View::Broadcast { to, .. } | View::Reshape { to } | View::Window { to, .. }) => {
            to[axis] = size
        }
        Op::View(View::Slice { axis: cut, count, .. }) if *cut == axis => *count = size,
        _ => {}
    }
    op
}

/// A value that is the same all along an axis where that has another size.
fn narrowed(builder: &mut Builder, value: Val, axis: usize, size: &Dim) -> Val {
    let mut to = builder.ty(value).clone();
    to.shape[axis] = size.clone();
    let view = match (builder.as_constant(value), builder.op(value)) {
        (Some(number), _) => return builder.constant(number, &to),
        (_, Some((Op::View(View::Broadcast { axes, .. }), args))) if !axes.contains(&axis) => {
            let (axes, arg) = (axes.clone(), args[0]);
            return builder.emit(Op::View(View::Broadcast { to: to.shape, axes }), &[arg]);
        }
        _ => View::Slice { axis, start: Dim::default(), step: 1, count: size.clone() },
    };
    builder.emit(Op::View(view), &[value])
}
