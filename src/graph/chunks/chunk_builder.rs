//! A program for some of the rows: the same operators, where sizes along the rows are others.

use std::collections::BTreeMap;

use super::super::Def;
use super::super::builder::Builder;
use super::super::rows::{Dependence, RowFacts};
use super::ChunkPlan;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::Dim;
use crate::algebra::view::View;

/// The program for some rows under construction.
pub(super) struct ChunkBuilder<'a> {
    plan: &'a ChunkPlan<'a>,
    rows: usize,
    /// What is built so far.
    pub(super) builder: Builder,
    /// Values by those over all rows.
    pub(super) values: BTreeMap<Val, Val>,
}

impl<'a> ChunkBuilder<'a> {
    /// An empty program for so many rows.
    pub(super) fn new(plan: &'a ChunkPlan<'a>, rows: usize) -> ChunkBuilder<'a> {
        ChunkBuilder { plan, rows, builder: Builder::default(), values: BTreeMap::new() }
    }

    /// Adds what a value is for these rows; those that it is made from are there.
    pub(super) fn add(&mut self, value: Val) {
        let node = &self.plan.graph.nodes[value.0 as usize];
        let known = self.plan.known(value);
        self.builder.at(node.span);
        let new = match &node.def {
            Def::Input(k) => {
                let (input, mut ty) = (&self.plan.graph.inputs[*k], node.ty.clone());
                if let Some(along) = known.walk {
                    ty.shape[along.axis] = Dim::from(along.size(self.rows));
                }
                self.builder.input(input.name.clone(), input.role.clone(), ty)
            }
            Def::Op(op, args) => {
                let args: Vec<Val> = args.iter().map(|arg| self.values[arg]).collect();
                self.operator(op, args, known)
            }
        };
        self.builder.name(new, node.name.as_deref().unwrap_or_default());
        self.values.insert(value, new);
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
