//! What fusion knows about each value of a graph before it groups anything.
//!
//! A value is given, folded into the reads that use it (views, constants, casts of scalars), packed
//! from others, or computed. What must lie in memory of its own but is not computed, such as an
//! output that is a view, gets a copy here: an operator like any other from then on.

use std::rc::Rc;

use super::Affine;
use super::access::{Access, Edge, follow};
use super::affine::{flatten, points};
use super::region::PlannedLoop;
use crate::algebra::form::{AxisSize, Form, Read, Segments};
use crate::algebra::op::{Op, Val};
use crate::algebra::term::{Node as TermNode, Term, x};
use crate::algebra::types::Type;
use crate::algebra::view::View;
use crate::graph::{Def, Graph, OutputTarget, Phase};

/// How many times padding is read at each of its elements before it is worth its memory.
const OFTEN: usize = 4;

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// Input `k`.
    Input(usize),
    /// Folded into the reads that use it.
    View,
    /// Computed again wherever it is used, at no cost: constants, positions, casts of scalars.
    Inline,
    /// Computed in a kernel.
    Compute,
    /// Laid together from other values.
    Concat,
    /// A loop, by its number; it has no value.
    Loop(usize),
    /// A result of a loop.
    Result,
}

/// A value that the program needs.
#[derive(Clone, Debug)]
pub(super) struct PlanItem {
    pub(super) class: Class,
    pub(super) ty: Type,
    pub(super) shape: Vec<usize>,
    pub(super) args: Vec<usize>,
    /// How it is computed; meaningless for inputs and packs.
    pub(super) form: Form,
    pub(super) name: Option<Rc<str>>,
    /// The part of a training step that it belongs to.
    pub(super) phase: Option<Phase>,
    /// The segments that its single axis is split into, when it reads by segment.
    pub(super) segments: Option<Rc<Segments>>,
}

/// All values that a program needs, arguments first.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) items: Vec<PlanItem>,
    /// Its loops, in order.
    pub(super) loops: Vec<PlannedLoop>,
    /// The value of each output: computed, packed, or the very input that it replaces.
    pub(super) outputs: Vec<usize>,
}

impl PlanItem {
    /// The loop axes it needs for itself: those longer than 1, and the position of each axis of its
    /// form among them.
    pub(super) fn axes(&self) -> (Vec<AxisSize>, Vec<Affine>) {
        if let Some(segments) = &self.segments {
            return (split(segments), vec![Affine::in_segment(segments, 0)]);
        }
        let extents = &self.form.axes;
        let ragged = |k: usize| matches!(extents.get(k), Some(AxisSize::Ragged(_)));
        let (mut axes, mut positions) = (Vec::new(), Vec::new());
        for (k, extent) in extents.iter().enumerate() {
            if *extent == AxisSize::Fixed(1) && !ragged(k + 1) {
                positions.push(Affine::default());
            } else {
                positions.push(Affine::axis(axes.len()));
                axes.push(extent.clone());
            }
        }
        (axes, positions)
    }

    /// The row-major position of its result when its form's axes are at `positions`.
    pub(super) fn result_at(&self, positions: &[Affine]) -> Affine {
        let flat = match self.form.axes.get(1) {
            Some(AxisSize::Ragged(segments)) if self.form.n_out == 2 => {
                let axis = positions[0].as_axis().unwrap_or_default();
                Some(Affine::in_segment(segments, axis))
            }
            _ => flatten(&positions[..self.form.n_out], &self.shape),
        };
        flat.unwrap_or_else(|| panic!("egret internal error in fuse: no position for {}", self.ty))
    }

    /// Which of its own loop axes are reduced.
    pub(super) fn reduced(&self, n_axes: usize, positions: &[Affine]) -> Vec<bool> {
        let mut reduced = vec![false; n_axes];
        for position in &positions[self.form.n_out..] {
            (0..n_axes).filter(|axis| position.depends_on(*axis)).for_each(|axis| reduced[axis] = true);
        }
        reduced
    }

    /// Whether it is a whole flat tensor's loop that can be run segment by segment.
    pub(super) fn splits_into(&self, segments: &Segments) -> bool {
        self.form.axes == [AxisSize::Fixed(segments.total())]
            && self.segments.is_none()
            && !uses_axis(&self.form.body)
    }
}

/// The axes of a flat tensor's segments.
pub(super) fn split(segments: &Rc<Segments>) -> Vec<AxisSize> {
    vec![AxisSize::Fixed(segments.count()), AxisSize::Ragged(segments.clone())]
}

/// Whether a body uses positions.
pub(super) fn uses_axis(body: &Term) -> bool {
    match &*body.0 {
        TermNode::Axis(_) => true,
        TermNode::Call(_, args) => args.iter().any(uses_axis),
        TermNode::X(_) | TermNode::G | TermNode::Y | TermNode::Const(_) => false,
    }
}

/// Plans a graph.
pub(super) fn plan(graph: &Graph) -> Items {
    let mut builder = Planner::new(graph);
    let live = live(graph);
    for (val, node) in graph.nodes.iter().enumerate() {
        if live[val] {
            let item = builder.item(node);
            builder.item_of[val] = builder.plan.items.len();
            builder.plan.items.push(item);
        }
    }
    for output in &graph.outputs {
        let value = builder.output(output.value, output.target);
        builder.plan.outputs.push(value);
    }
    let mut plan = builder.plan;
    for id in 0..plan.items.len() {
        plan.settle(id);
    }
    plan
}

/// Which values the outputs need. Inputs are always needed: the runner binds them.
fn live(graph: &Graph) -> Vec<bool> {
    let mut live: Vec<bool> = graph.nodes.iter().map(|node| matches!(node.def, Def::Input(_))).collect();
    for output in &graph.outputs {
        live[output.value.0 as usize] = true;
    }
    for (val, node) in graph.nodes.iter().enumerate().rev() {
        if live[val] {
            node.def.args().iter().for_each(|arg| live[arg.0 as usize] = true);
        }
    }
    live
}

struct Planner<'a> {
    graph: &'a Graph,
    plan: Items,
    item_of: Vec<usize>,
    /// Packs that already have their memory.
    placed: Vec<usize>,
}

impl<'a> Planner<'a> {
    fn new(graph: &'a Graph) -> Planner<'a> {
        let item_of = vec![usize::MAX; graph.nodes.len()];
        Planner { graph, plan: Items::default(), item_of, placed: Vec::new() }
    }

    fn item(&mut self, node: &crate::graph::Node) -> PlanItem {
        let none = || Form::pointwise(&[], Vec::new(), x(0));
        let (class, args, form) = match &node.def {
            Def::Input(k) => (Class::Input(*k), Vec::new(), none()),
            Def::Op(Op::Concat(_), args) => {
                (Class::Concat, args.iter().map(|arg| self.placeable(*arg)).collect(), none())
            }
            Def::Loop(repeated, args) => {
                let args = args.iter().map(|arg| self.in_memory(*arg)).collect();
                self.plan.loops.push(PlannedLoop::new(repeated));
                (Class::Loop(self.plan.loops.len() - 1), args, none())
            }
            Def::Result(of, k) => {
                let made = self.item_of[of.0 as usize];
                if let Class::Loop(number) = self.plan.items[made].class {
                    let item = self.plan.items.len();
                    self.plan.loops[number].is(*k, item);
                }
                (Class::Result, vec![made], none())
            }
            Def::Op(op, args) => {
                let types: Vec<&Type> = args.iter().map(|arg| self.ty(*arg)).collect();
                let form = op.rules().form(&types);
                let args = args.iter().map(|arg| self.item_of[arg.0 as usize]).collect();
                (classify(op, &node.ty), args, form)
            }
        };
        let shape = node.ty.sizes();
        let (ty, name, part) = (node.ty.clone(), node.name.clone(), node.phase.clone());
        PlanItem { class, ty, shape, args, form, name, phase: part, segments: None }
    }

    fn ty(&self, val: Val) -> &'a Type {
        &self.graph.nodes[val.0 as usize].ty
    }

    fn output(&mut self, val: Val, target: OutputTarget) -> usize {
        let base = self.unshaped(val);
        match self.plan.items[base].class {
            Class::Input(k) if target == OutputTarget::InPlace(k) => base,
            _ => self.placeable(val),
        }
    }

    /// The value below changes of shape that keep the order of elements.
    fn unshaped(&self, mut val: Val) -> usize {
        while let Def::Op(Op::View(View::Reshape { .. }), args) = &self.graph.nodes[val.0 as usize].def {
            val = args[0];
        }
        self.item_of[val.0 as usize]
    }

    /// A value with the same elements that lies in memory of its own while a loop reads it: itself or a copy.
    fn in_memory(&mut self, val: Val) -> usize {
        let base = self.unshaped(val);
        let replaced =
            |k: usize| self.graph.outputs.iter().any(|output| output.target == OutputTarget::InPlace(k));
        match self.plan.items[base].class {
            Class::Compute | Class::Concat | Class::Result => base,
            Class::Input(k) if !replaced(k) => base,
            _ => self.copy(self.item_of[val.0 as usize]),
        }
    }

    /// A value with the same elements that can be computed into any place: itself or a copy.
    fn placeable(&mut self, val: Val) -> usize {
        let base = self.unshaped(val);
        match self.plan.items[base].class {
            Class::Compute => base,
            Class::Concat if !self.placed.contains(&base) => {
                self.placed.push(base);
                base
            }
            Class::Concat | Class::Result | Class::Input(_) | Class::View | Class::Inline => {
                self.copy(self.item_of[val.0 as usize])
            }
            Class::Loop(_) => panic!("egret internal error in fuse: a loop has no value"),
        }
    }

    fn copy(&mut self, of: usize) -> usize {
        let source = &self.plan.items[of];
        let axes: Vec<usize> = (0..source.shape.len()).collect();
        let form = Form::pointwise(&source.shape, vec![Read::at(0, &axes)], x(0));
        let copy = PlanItem { class: Class::Compute, args: vec![of], form, ..source.clone() };
        self.plan.items.push(copy);
        self.plan.items.len() - 1
    }
}

/// What becomes of an operator: its form is computed, if nothing else is said.
fn classify(op: &Op, ty: &Type) -> Class {
    use crate::algebra::fill::Fill;
    use crate::algebra::segment::Segment;
    match op {
        Op::View(_) | Op::Segment(Segment::Broadcast { .. }) => Class::View,
        Op::Fill(Fill::Const { .. } | Fill::Iota { .. }) => Class::Inline,
        Op::Cast(_) if ty.rank() == 0 => Class::Inline,
        Op::Concat(_) => Class::Concat,
        _ => Class::Compute,
    }
}

impl Items {
    /// The item of an input.
    pub(super) fn input(&self, k: usize) -> Option<usize> {
        self.items.iter().position(|item| item.class == Class::Input(k))
    }

    /// What a value is laid together from, each with its first element there: itself, if it is no pack.
    pub(super) fn parts(&self, id: usize) -> Vec<(usize, usize)> {
        if self.items[id].class != Class::Concat {
            return vec![(id, 0)];
        }
        let (mut parts, mut start) = (Vec::new(), 0);
        for arg in &self.items[id].args {
            parts.extend(self.parts(*arg).into_iter().map(|(part, at)| (part, start + at)));
            start += self.items[*arg].ty.count();
        }
        parts
    }

    /// Makes sure that every read of a computed value reaches memory or a computed value. A view that
    /// does not fold into a read is computed itself, and so is padding that is read often; a read by segment
    /// splits the reader's axis.
    pub(super) fn settle(&mut self, id: usize) {
        while self.items[id].class == Class::Compute {
            let (axes, positions) = self.items[id].axes();
            let Err(stuck) = self.edges(id, &axes, &positions) else {
                let Some(padded) = self.padded(id) else { return };
                self.items[padded].class = Class::Compute;
                self.settle(padded);
                continue;
            };
            if !self.read_by_segment(id, stuck) {
                let folds = matches!(self.items[stuck].class, Class::View | Class::Inline);
                assert!(folds, "egret internal error in fuse: {} cannot be read", self.items[stuck].ty);
                self.items[stuck].class = Class::Compute;
                self.settle(stuck);
            }
        }
    }

    /// A view with padding that is read often at each of its elements: stored once, it needs no conditions
    /// in the innermost loops.
    fn padded(&self, id: usize) -> Option<usize> {
        let item = &self.items[id];
        let often = points(&item.form.axes) / OFTEN;
        item.form.reads.iter().find_map(|read| {
            let mut below = item.args[read.arg];
            while self.items[below].class == Class::View {
                let view = &self.items[below];
                if view.form.reads[0].outside.is_some() && view.ty.count() <= often {
                    return Some(below);
                }
                below = view.args[0];
            }
            None
        })
    }

    /// Splits the axis of a reader into the segments by which the value that it is stuck at is spread,
    /// if both are over the same flat tensor.
    fn read_by_segment(&mut self, id: usize, stuck: usize) -> bool {
        let Some(AxisSize::Ragged(segments)) = self.items[stuck].form.axes.get(1).cloned() else {
            return false;
        };
        if !self.items[id].splits_into(&segments) {
            return false;
        }
        self.items[id].segments = Some(segments);
        let (axes, positions) = self.items[id].axes();
        let in_vain = matches!(self.edges(id, &axes, &positions), Err(stuck) if stuck == id);
        if in_vain {
            self.items[id].segments = None;
        }
        !in_vain
    }

    /// The values in memory or computed that a computed value reads when its form's axes are at
    /// `positions`, or a folded value that does not fold.
    pub(super) fn edges(
        &self,
        id: usize,
        axes: &[AxisSize],
        positions: &[Affine],
    ) -> Result<Vec<Edge>, usize> {
        let item = &self.items[id];
        let mut edges = Vec::new();
        for read in &item.form.reads {
            let arg = item.args[read.arg];
            let spot = follow(read, (arg, &self.items[arg]), positions, &Access::default(), axes, &|_| None);
            let spot = self.trace(spot.ok_or(id)?, axes)?;
            match self.items[spot.item].class {
                Class::Inline if self.items[spot.item].form.reads.is_empty() => {}
                Class::Inline => {
                    let inner = self.positions(&spot, axes).ok_or(spot.item)?;
                    edges.extend(self.edges(spot.item, axes, &inner)?);
                }
                _ => edges.push(self.edge(&spot).ok_or(spot.item)?),
            }
        }
        Ok(edges)
    }
}
