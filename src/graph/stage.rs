//! Optimizer stages on flat tensors: one number per coordinate of the whole arena, one per parameter
//! tensor, or one per model.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::build::{Evaluator, Frame};
use super::layout::{ArenaExtents, cell_name};
use super::{Layout, Phase, Role};
use crate::algebra::op::{Build, Val};
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Type};
use crate::ice;
use crate::typed::{Cell, Expr, LocalId, Program, Stage, StageScope, StageUse, State};

/// What the fixed names of a stage mean.
#[derive(Clone, Debug, Default)]
pub(super) struct StageInputs {
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
    /// `trained`.
    pub trained: Option<Val>,
}

impl StageInputs {
    /// Before the first step there is only `w0`.
    pub(super) fn before(initial: Val) -> StageInputs {
        StageInputs { initial: Some(initial), ..StageInputs::default() }
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
            StageScope::Trained => self.trained,
        }
    }
}

/// The names of a stage but for its states and `let`s.
pub(super) fn frame<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    (cells, used): (&'a [Cell], &'a StageUse),
    scope: &StageInputs,
) -> Frame<'a> {
    let stage = &program.stages[used.stage.0];
    let step = evaluator.builder.input("t", Role::Step, Type::scalar(DType::F64));
    let total = evaluator.builder.input("T", Role::Total, Type::scalar(DType::F64));
    let mut frame =
        Frame { names: &stage.locals, sizes: sizes(stage, &evaluator.extents), ..Frame::default() };
    frame.locals = StageScope::ALL.iter().map(|(name, _)| scope.value(*name, step, total)).collect();
    for (k, local) in stage.hypers.iter().enumerate() {
        let value = hyper(evaluator, program, layout, (cells, used), k, [step, total]);
        frame.bind(*local, value);
    }
    frame
}

fn sizes(stage: &Stage, pieces: &ArenaExtents) -> BTreeMap<crate::algebra::types::SizeVar, Dim> {
    BTreeMap::from([
        (stage.coordinates.clone(), Dim::from(pieces.tensors.total())),
        (stage.rows.clone(), Dim::from(pieces.tensor_rows.total())),
        (stage.columns.clone(), Dim::from(pieces.tensor_columns.total())),
        (stage.tensors.clone(), Dim::from(pieces.tensors.count())),
    ])
}

/// Hyperparameter `k`: a cell, or what its expression gives in this step.
fn hyper<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    (cells, used): (&'a [Cell], &'a StageUse),
    k: usize,
    steps: [Val; 2],
) -> Val {
    let value = number(evaluator, layout, cells, &used.hypers[k], steps);
    evaluator.builder.name(value, &cell_name(program, used, k));
    value
}

/// An expression of `t`, `T` and cells.
fn number<'a>(
    evaluator: &mut Evaluator<'a>,
    layout: &Layout,
    cells: &'a [Cell],
    expr: &'a Expr,
    steps: [Val; 2],
) -> Val {
    let mut frame = Frame { locals: steps.map(Some).to_vec(), ..Frame::default() };
    let mut used = Vec::new();
    expr.locals(&mut used);
    for cell in cells.iter().filter(|cell| used.contains(&cell.local)) {
        let value = match layout.cell(cell.local) {
            Some(k) => evaluator.builder.input(&cell.name, Role::Cell(k), Type::scalar(DType::F64)),
            None => number(evaluator, layout, cells, &cell.value, steps),
        };
        frame.bind(cell.local, value);
    }
    evaluator.eval(expr, &mut frame)
}

/// A pipeline in one step.
pub(super) struct PipelineStep<'p, 'a> {
    /// The script.
    pub program: &'a Program,
    /// Its layout.
    pub layout: &'p Layout,
    /// Its stages in order.
    pub stages: &'a [StageUse],
    /// The numbers that their hyperparameters are made of.
    pub cells: &'a [Cell],
    /// The states of each stage before the step.
    pub states: Vec<Vec<Val>>,
}

/// What a pipeline does in one step.
pub(super) struct Stepped {
    /// The outgoing update.
    pub update: Val,
    /// The next parameters, where the last stage says them itself.
    pub next: Option<Val>,
    /// The states of each stage after the step.
    pub states: Vec<Vec<Val>>,
}

impl<'a> PipelineStep<'_, 'a> {
    /// The first `count` stages.
    pub(super) fn run(&self, evaluator: &mut Evaluator<'a>, count: usize, scope: &StageInputs) -> Stepped {
        let Some(last) = count.checked_sub(1) else {
            let update = scope.gradient.unwrap_or_else(|| ice!("stage", "no gradient in a step"));
            return Stepped { update, next: None, states: Vec::new() };
        };
        let (used, states) = (&self.stages[last], &self.states[last]);
        let stage = &self.program.stages[used.stage.0];
        if stage.inner.is_some() {
            let mut before = None;
            let run = |evaluator: &mut Evaluator<'a>, point| {
                let scope = StageInputs { weights: Some(point), ..scope.clone() };
                let done = self.run(evaluator, last, &scope);
                let update = done.update;
                before = Some(done);
                update
            };
            let (next, own) =
                apply(evaluator, self.program, self.layout, (self.cells, used), scope, states, run);
            let states = before.into_iter().flat_map(|done| done.states).chain([own]).collect();
            let update = step_to(evaluator, scope, next);
            return Stepped { update, next: Some(next), states };
        }
        let before = self.run(evaluator, last, scope);
        let scope = StageInputs { update: Some(before.update), ..scope.clone() };
        let none = |_: &mut Evaluator<'a>, _| ice!("stage", "{} wraps nothing", stage.name);
        let (update, own) =
            apply(evaluator, self.program, self.layout, (self.cells, used), &scope, states, none);
        Stepped { update, next: None, states: before.states.into_iter().chain([own]).collect() }
    }
}

/// The update that leads to these parameters.
fn step_to(evaluator: &mut Evaluator, scope: &StageInputs, next: Val) -> Val {
    let weights = scope.weights.unwrap_or_else(|| ice!("stage", "no parameters in a step"));
    let ty = evaluator.builder.ty(weights).clone();
    let next = evaluator.broadcast_to(next, &ty);
    evaluator.builder.map(&scalar::SUB, &[weights, next])
}

/// A stage of the pipeline: its result, and the value of each of its states after the step. `inner`
/// runs the pipeline before it.
fn apply<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    (cells, used): (&'a [Cell], &'a StageUse),
    scope: &StageInputs,
    states: &[Val],
    mut inner: impl FnMut(&mut Evaluator<'a>, Val) -> Val,
) -> (Val, Vec<Val>) {
    let stage = &program.stages[used.stage.0];
    let part = Phase::Stage(Rc::from(used.name.as_str()));
    evaluator.builder.phase(part.clone());
    let mut frame = frame(evaluator, program, layout, (cells, used), scope);
    for (state, value) in stage.states.iter().zip(states) {
        frame.bind(state.local, *value);
    }
    let mut run = |evaluator: &mut Evaluator<'a>, frame: &mut Frame<'a>, line: usize| {
        let Some(call) = stage.inner.as_ref().filter(|call| call.line == line) else { return };
        let point = evaluator.eval(&call.point, frame);
        let ty = call.point.ty.substitute(&frame.sizes);
        let point = evaluator.broadcast_to(point, &ty);
        let update = inner(evaluator, point);
        evaluator.builder.phase(part.clone());
        frame.bind(LocalId(StageScope::Update as usize), update);
    };
    for (k, (local, expr)) in stage.lines.iter().enumerate() {
        run(evaluator, &mut frame, k);
        let value = evaluator.eval(expr, &mut frame);
        let name = format!("{}.{}", used.name, stage.locals[local.0].name);
        let value = match stage.states.iter().position(|state| state.local == *local) {
            Some(k) => {
                let value = evaluator.broadcast_to(value, &slot_type(evaluator, states[k]));
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
    run(evaluator, &mut frame, stage.lines.len());
    let result = evaluator.eval(&stage.result, &mut frame);
    let after = |state: &State| frame.locals[state.local.0];
    (result, stage.states.iter().filter_map(after).collect())
}

/// The parameters of a group to evaluate with, from the states after a step, of which its first is
/// number `slots`; `None` if no stage says them.
pub(super) fn evaluated<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    (cells, pipeline): (&'a [Cell], &'a [StageUse]),
    scope: &StageInputs,
    mut slots: usize,
) -> Option<Val> {
    for used in pipeline {
        let stage = &program.stages[used.stage.0];
        if let Some(eval) = &stage.eval {
            let mut frame = frame(evaluator, program, layout, (cells, used), scope);
            for (k, state) in stage.states.iter().enumerate() {
                let slot = &layout.states[slots + k];
                let role = Role::State(slots + k);
                let value = evaluator.builder.input(slot.name.clone(), role, slot.ty.clone());
                frame.bind(state.local, value);
            }
            return Some(evaluator.eval(eval, &mut frame));
        }
        slots += stage.states.len();
    }
    None
}

fn slot_type(evaluator: &Evaluator, state: Val) -> Type {
    evaluator.builder.node(state).ty.clone()
}
