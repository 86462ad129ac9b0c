//! Optimizer stages on flat tensors: one number per coordinate of the whole arena, one per parameter
//! tensor, or one per model.

use std::collections::BTreeMap;

use super::build::{Evaluator, Frame};
use super::layout::cell_name;
use super::{Layout, Role};
use crate::algebra::op::Val;
use crate::algebra::types::{DType, Dim, Type};
use crate::check::typed::{Program, Stage, StageScope, StageUse, State};

/// What the fixed names of a stage mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// `g`.
    pub gradient: Option<Val>,
    /// `u`.
    pub update: Option<Val>,
    /// `w`.
    pub weights: Option<Val>,
    /// `w0`.
    pub initial: Option<Val>,
    /// `loss`, `f64[]`.
    pub loss: Option<Val>,
}

impl Scope {
    /// Before the first step there is only `w0`.
    pub(super) fn before(initial: Val) -> Scope {
        Scope { initial: Some(initial), ..Scope::default() }
    }

    fn value(&self, name: StageScope, step: Val, total: Val) -> Option<Val> {
        match name {
            StageScope::Gradient => self.gradient,
            StageScope::Update => self.update,
            StageScope::Weights => self.weights,
            StageScope::Initial => self.initial,
            StageScope::Step => Some(step),
            StageScope::Total => Some(total),
            StageScope::Loss => self.loss,
        }
    }
}

/// The names of a stage but for its states and `let`s.
pub(super) fn frame<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    used: &'a StageUse,
    scope: &Scope,
) -> Frame<'a> {
    let stage = &program.stages[used.stage.0];
    let step = evaluator.builder.input("t", Role::Step, Type::scalar(DType::F64));
    let total = evaluator.builder.input("T", Role::Total, Type::scalar(DType::F64));
    let mut frame = Frame { names: &stage.locals, sizes: sizes(stage, layout), ..Frame::default() };
    frame.locals = StageScope::ALL.iter().map(|(name, _)| scope.value(*name, step, total)).collect();
    for (k, local) in stage.hypers.iter().enumerate() {
        let value = hyper(evaluator, program, layout, used, k, [step, total]);
        frame.bind(*local, value);
    }
    frame
}

fn sizes(stage: &Stage, layout: &Layout) -> BTreeMap<crate::algebra::types::SizeVar, Dim> {
    BTreeMap::from([
        (stage.coordinates.clone(), Dim::from(layout.segments.total())),
        (stage.tensors.clone(), Dim::from(layout.segments.count())),
    ])
}

/// Hyperparameter `k`: a cell, or what its expression gives in this step.
fn hyper<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    used: &'a StageUse,
    k: usize,
    [step, total]: [Val; 2],
) -> Val {
    let name = cell_name(program, used, k);
    if let Some(cell) = layout.cells.iter().position(|(have, _)| *have == name) {
        return evaluator.builder.input(name, Role::Cell(cell), Type::scalar(DType::F64));
    }
    let mut frame = Frame { locals: vec![Some(step), Some(total)], ..Frame::default() };
    let value = evaluator.eval(&used.hypers[k], &mut frame);
    evaluator.builder.name(value, &name);
    value
}

/// A stage of the pipeline: its outgoing update, and the value of each of its states after the step.
pub(super) fn apply<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    used: &'a StageUse,
    scope: &Scope,
    states: &[Val],
) -> (Val, Vec<Val>) {
    let stage = &program.stages[used.stage.0];
    let mut frame = frame(evaluator, program, layout, used, scope);
    for (state, value) in stage.states.iter().zip(states) {
        frame.bind(state.local, *value);
    }
    for (local, expr) in &stage.lines {
        let value = evaluator.eval(expr, &mut frame);
        let name = format!("{}.{}", used.name, stage.locals[local.0].name);
        let value = match stage.states.iter().position(|state| state.local == *local) {
            Some(k) => {
                let value = evaluator.spread_to(value, &slot_type(evaluator, states[k]));
                evaluator.builder.name(value, &format!("{name}'"));
                value
            }
            None => {
                evaluator.builder.name(value, &name);
                value
            }
        };
        frame.bind(*local, value);
    }
    let update = evaluator.eval(&stage.result, &mut frame);
    let after = |state: &State| frame.locals[state.local.0];
    (update, stage.states.iter().filter_map(after).collect())
}

fn slot_type(evaluator: &Evaluator, state: Val) -> Type {
    evaluator.builder.node(state).ty.clone()
}
