//! Builds a graph value by value: infers types, shares equal values and folds constants.

mod batch;
mod enclosing;
mod looped;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::rc::Rc;

use rustc_hash::FxBuildHasher;

use self::enclosing::Enclosing;
pub(super) use self::enclosing::may_be_kept;
use super::positions::Position;
use super::{Def, Graph, Input, Node, Output, Phase, Role};
use crate::algebra::barrier::Barrier;
use crate::algebra::fill::Fill;
use crate::algebra::map::{Cast, Map};
use crate::algebra::number::Number;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::tensor::round;
use crate::algebra::types::{DType, Shape, Type};
use crate::algebra::view::View;
use crate::ice;
use crate::source::Span;

/// How a derivative passes a value that says so itself.
#[derive(Clone, Debug)]
pub enum Derivative {
    /// By gradients that are written down already.
    Custom(CustomVjp),
    /// Through the values it was computed from, which are computed again.
    Rematerialise(Rematerialised),
}

/// Gradients as the user wrote them.
#[derive(Clone, Debug)]
pub struct CustomVjp {
    /// What the value was computed from.
    pub args: Vec<Val>,
    /// The gradient by each, over `seed`; `None` for integers.
    pub gradients: Vec<Option<Val>>,
    /// What stands for the gradient by the value.
    pub seed: Val,
}

/// What is computed again.
#[derive(Clone, Debug)]
pub struct Rematerialised {
    /// Copies of the arguments, from which it is computed.
    pub args: Vec<Val>,
    /// The first value that may belong to it.
    pub from: usize,
    /// Its value.
    pub value: Val,
}

/// How derivatives pass the values of a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    /// Values whose derivative is not taken.
    pub(super) stops: BTreeSet<Val>,
    /// Values that say themselves how a derivative passes them.
    pub(super) derivatives: BTreeMap<Val, Derivative>,
    /// The same for the bodies of loops.
    pub(super) bodies: BTreeMap<Val, Rc<Ways>>,
}

/// A graph under construction. Values that are made alike are one value, so common subexpressions
/// are shared without a pass of their own.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: Vec<Node>,
    inputs: Vec<Input>,
    roles: BTreeMap<Role, Val>,
    input_names: BTreeSet<String>,
    /// Values by fingerprint; looked up, never listed.
    seen: BTreeMap<u64, Vec<Val>>,
    /// How derivatives pass values.
    ways: Ways,
    /// Results of loops by loop and number.
    results: BTreeMap<(Val, usize), Val>,
    /// What is around the loop whose body this is.
    outer: Option<Box<Enclosing>>,
    /// The place that values made now come from.
    span: Option<Span>,
    /// The part of a training step that values made now belong to.
    phase: Option<Phase>,
    /// Integers that must be below a size.
    positions: Vec<Position>,
}

impl Builder {
    /// Number of values so far.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no values yet.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of a value.
    pub fn node(&self, value: Val) -> &Node {
        &self.nodes[value.0 as usize]
    }

    /// The operator and arguments of a value that is no input.
    pub fn op(&self, value: Val) -> Option<(&Op, &[Val])> {
        match &self.node(value).def {
            Def::Op(op, args) => Some((op, args)),
            Def::Input(_) | Def::Loop(..) | Def::Result(..) => None,
        }
    }

    /// The arguments of a value if it is `f` of something.
    pub fn call(&self, value: Val, f: &'static Scalar) -> Option<&[Val]> {
        match self.op(value) {
            Some((Op::Map(map), args)) if std::ptr::eq(map.0, f) => Some(args),
            _ => None,
        }
    }

    /// The number that a value is at every position, if that is known.
    pub fn as_constant(&self, value: Val) -> Option<f64> {
        match self.op(value) {
            Some((Op::Fill(Fill::Const { value, .. }), _)) => Some(value.0),
            _ => None,
        }
    }

    /// From now on values come from this place. Returns the place until now.
    pub fn at(&mut self, span: Option<Span>) -> Option<Span> {
        std::mem::replace(&mut self.span, span)
    }

    /// From now on values belong to this part of a training step.
    pub fn phase(&mut self, part: Phase) {
        self.phase = Some(part);
    }

    /// The input with this role; there is one for each role.
    pub fn input(&mut self, name: impl Into<String>, role: Role, ty: Type) -> Val {
        if let Some(value) = self.roles.get(&role) {
            return *value;
        }
        let name = name.into();
        if let Some(outer) = self.outer.as_mut().filter(|_| !matches!(role, Role::Feed(_))) {
            let value = outer.builder.input(name, role, ty);
            return self.import(value);
        }
        let value = self.push(Def::Input(self.inputs.len()), ty);
        self.roles.insert(role.clone(), value);
        let name = self.free_name(name);
        self.inputs.push(Input { name, value, role });
        value
    }

    /// A name that no other input has: a column may be called as the step is. Inputs are told apart by their
    /// roles, and by names only where they are printed.
    fn free_name(&mut self, name: String) -> String {
        let numbered = (2..).map(|k| format!("{name}.{k}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|name| self.input_names.insert(name.clone())).unwrap_or(name)
    }

    /// The number of an input.
    pub fn input_index(&self, value: Val) -> usize {
        match self.node(value).def {
            Def::Input(index) => index,
            _ => ice!("build", "%{} is no input", value.0),
        }
    }

    /// Gives a value a name unless it has one, is an input or is a constant. What has no name in the
    /// script has the empty one.
    pub fn name(&mut self, value: Val, name: &str) {
        if name.is_empty() || self.as_constant(value).is_some() {
            return;
        }
        match self.node(value).def {
            Def::Op(..) | Def::Result(..) => {
                self.nodes[value.0 as usize].name.get_or_insert_with(|| Rc::from(name));
            }
            Def::Input(_) => self.name_outside(value, name),
            Def::Loop(..) => {}
        }
    }

    /// One number at every position of a type.
    pub fn constant(&mut self, value: f64, ty: &Type) -> Val {
        let value = Number(canonical(value, ty.dtype));
        self.emit(Op::Fill(Fill::Const { value, dtype: ty.dtype, to: ty.shape.clone() }), &[])
    }

    /// A scalar function of values of one shape.
    pub fn map(&mut self, f: &'static Scalar, args: &[Val]) -> Val {
        self.emit(Op::Map(Map(f)), args)
    }

    /// The value in another element type; itself if it has that type.
    pub fn cast(&mut self, value: Val, dtype: DType) -> Val {
        if self.ty(value).dtype == dtype { value } else { self.emit(Op::Cast(Cast(dtype)), &[value]) }
    }

    /// A scalar at every position of a shape.
    pub fn broadcast(&mut self, scalar: Val, to: &Shape) -> Val {
        if to.is_empty() {
            return scalar;
        }
        self.emit(Op::View(View::Broadcast { to: to.clone(), axes: Vec::new() }), &[scalar])
    }

    /// The same value, but no derivative is taken through it.
    pub fn stop_gradient(&mut self, value: Val) -> Val {
        let ty = self.ty(value).clone();
        let op = Op::View(View::Reshape { to: ty.shape.clone() });
        let stopped = self.push(Def::Op(op, vec![value]), ty);
        self.ways.stops.insert(stopped);
        stopped
    }

    /// The same value as one of its own: nothing that is computed from it is shared with what is
    /// computed from the other. A derivative by it counts its own uses only.
    pub fn copy(&mut self, value: Val) -> Val {
        let ty = self.ty(value).clone();
        let op = Op::View(View::Reshape { to: ty.shape.clone() });
        self.push(Def::Op(op, vec![value]), ty)
    }

    /// The same value, but not before another is known.
    pub fn barrier(&mut self, value: Val, after: Val) -> Val {
        self.emit(Op::Barrier(Barrier), &[value, after])
    }

    /// Says how derivatives pass a value.
    pub fn passed(&mut self, value: Val, way: Derivative) {
        self.ways.derivatives.insert(value, way);
    }

    /// How derivatives pass a value, if it says so itself.
    pub fn way(&self, value: Val) -> Option<&Derivative> {
        self.ways.derivatives.get(&value)
    }

    /// Writes again what was built in a range and depends on the keys of `map`, with the values there in
    /// their place; adds to `map` what became of each.
    pub fn replay(&mut self, range: std::ops::Range<usize>, map: &mut BTreeMap<Val, Val>) {
        let from = self.len();
        let mut ways = Vec::new();
        for index in range {
            let old = Val(index as u32);
            let def = self.node(old).def.clone();
            if map.contains_key(&old) || !def.args().iter().any(|arg| map.contains_key(arg)) {
                continue;
            }
            let args: Vec<Val> = def.args().iter().map(|arg| *map.get(arg).unwrap_or(arg)).collect();
            self.at(self.node(old).span);
            let new = if self.is_stopped(old) {
                self.stop_gradient(args[0])
            } else if self.ways.derivatives.contains_key(&old) {
                ways.push(old);
                self.copy(args[0])
            } else {
                let body = self.ways.bodies.get(&old).cloned().unwrap_or_default();
                self.again(def, &args, body)
            };
            map.insert(old, new);
        }
        for old in ways {
            let now = |value: &Val| *map.get(value).unwrap_or(value);
            let way = match &self.ways.derivatives[&old] {
                Derivative::Custom(rule) => Derivative::Custom(CustomVjp {
                    args: rule.args.iter().map(now).collect(),
                    gradients: rule.gradients.iter().map(|gradient| gradient.as_ref().map(now)).collect(),
                    seed: rule.seed,
                }),
                Derivative::Rematerialise(again) => {
                    let args = again.args.iter().map(now).collect();
                    Derivative::Rematerialise(Rematerialised { args, from, value: now(&again.value) })
                }
            };
            self.ways.derivatives.insert(map[&old], way);
        }
    }

    /// Whether no derivative is taken through a value.
    pub fn is_stopped(&self, value: Val) -> bool {
        self.ways.stops.contains(&value)
    }

    /// Notes integers that must be below a size, once.
    pub fn position(&mut self, position: Position) {
        let like = |have: &Position| have.source == position.source && have.below <= position.below;
        if !self.positions.iter().any(like) {
            self.positions.push(position);
        }
    }

    /// The finished graph, with everything that was built in it.
    pub fn finish(self, name: impl Into<String>, outputs: Vec<Output>) -> Graph {
        let Builder { nodes, inputs, positions, .. } = self;
        Graph { name: name.into(), nodes, inputs, outputs, positions }
    }

    fn push(&mut self, def: Def, ty: Type) -> Val {
        self.nodes.push(Node { def, ty, name: None, span: self.span, phase: self.phase.clone() });
        Val((self.nodes.len() - 1) as u32)
    }

    fn infer(&self, op: &Op, args: &[Val]) -> Type {
        let types: Vec<&Type> = args.iter().map(|arg| self.ty(*arg)).collect();
        op.rules().infer(&types).unwrap_or_else(|mismatch| {
            let types: Vec<String> = types.iter().map(|ty| ty.to_string()).collect();
            ice!(
                "build",
                "{} [{}] of {}: argument {} is not {}",
                op.rules().name(),
                op.rules().attributes(),
                types.join(", "),
                mismatch.arg,
                mismatch.expected
            )
        })
    }

    /// The constant that an operator on constants gives.
    fn fold(&self, op: &Op, args: &[Val], ty: &Type) -> Option<f64> {
        if args.is_empty() {
            return None;
        }
        let rounded = |arg: &Val| Some(round(self.ty(*arg).dtype, self.as_constant(*arg)?));
        let numbers = args.iter().map(rounded).collect::<Option<Vec<f64>>>()?;
        let types: Vec<&Type> = args.iter().map(|arg| self.ty(*arg)).collect();
        op.rules().fold(&numbers, &types).filter(|folded| representable(*folded, ty.dtype))
    }

    /// An earlier value made alike.
    fn find(&self, fingerprint: u64, op: &Op, args: &[Val]) -> Option<Val> {
        let same = |value: &&Val| match self.op(**value) {
            Some((have, have_args)) => have_args == args && have == op,
            None => false,
        };
        self.seen.get(&fingerprint)?.iter().find(same).copied()
    }
}

impl Build for Builder {
    fn emit(&mut self, op: Op, args: &[Val]) -> Val {
        let fingerprint = FxBuildHasher.hash_one((&op, args));
        if let Some(value) = self.find(fingerprint, &op, args) {
            return value;
        }
        if let Some(value) = self.hoisted(&op, args) {
            return value;
        }
        let ty = self.infer(&op, args);
        if let Some(value) = self.fold(&op, args, &ty) {
            return self.constant(value, &ty);
        }
        let value = self.push(Def::Op(op, args.to_vec()), ty);
        self.seen.entry(fingerprint).or_default().push(value);
        value
    }

    fn ty(&self, value: Val) -> &Type {
        &self.node(value).ty
    }
}

/// Whether folding may give this number: NaN and infinity are left to run time, which names the
/// operator that made them.
fn representable(value: f64, dtype: DType) -> bool {
    let bound = match dtype {
        DType::Bool => 1.0,
        DType::I32 => f64::from(i32::MAX),
        DType::I64 => (1u64 << 53) as f64,
        DType::F32 => f64::from(f32::MAX),
        DType::F64 => f64::MAX,
    };
    value.abs() <= bound
}

/// The number that stands for all that round alike in an element type: the shortest decimal.
fn canonical(value: f64, dtype: DType) -> f64 {
    let rounded = round(dtype, value);
    if dtype != DType::F32 {
        return rounded;
    }
    match (rounded as f32).to_string().parse::<f64>() {
        Ok(short) if f64::from(short as f32) == rounded => short,
        _ => rounded,
    }
}

/// The sum of two values of one type.
pub(super) fn add(builder: &mut Builder, a: Val, b: Val) -> Val {
    builder.map(&scalar::ADD, &[a, b])
}
