//! One training step as one graph: loss, gradient and the whole optimizer. Where a step takes several
//! batches, the gradient of one is a graph of its own, which adds to what the step then takes.

use std::collections::BTreeMap;

use super::build::{Arena, Batch, Evaluator};
use super::errors;
use super::forward::{DataScope, columns, evaluate};
use super::grad::grad;
use super::layout::{self, ArenaExtents, arena_order};
use super::stage::{PipelineStep, StageInputs, Stepped, evaluated};
use super::{Graph, Layout, Output, OutputTarget, Param, ParamGroup, Phase, Purpose, Role};
use crate::algebra::concat::Concat;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar;
use crate::algebra::types::{DType, Type};
use crate::diag::Diagnostic;
use crate::typed::{Optimizer, Program, StageUse, Train};

/// `NAME.step`, and before it `NAME.accumulate` if a step takes several batches.
pub(super) fn steps(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    (index, train): (usize, &Train),
    warnings: &mut Vec<Diagnostic>,
) -> Vec<(Purpose, Graph)> {
    let mut evaluator = Evaluator::new(program, layouts);
    let arena = Arena { run: index, role: Role::Params };
    evaluator.root = Some(arena.clone());
    evaluator.training = true;
    let params = evaluator.arena(&arena);
    let (outputs, gradients) = batch(&mut evaluator, program, (&layouts[&index], train), &arena, warnings);
    if train.accumulate == 1 {
        let step = step(evaluator, program, (&layouts[&index], train), params, &gradients, outputs);
        return vec![(Purpose::Step(index), step)];
    }
    let trained = trained(&evaluator, &gradients);
    let given = given(program, layouts, index, &train.optimizer, &trained);
    let accumulate = accumulate(evaluator, train, &gradients, outputs);
    vec![(Purpose::Accumulate(index), accumulate), (Purpose::Step(index), given)]
}

/// Results are the loss and, without validation rows, the metrics; parameters and states change in
/// place.
fn step<'a>(
    mut evaluator: Evaluator<'a>,
    program: &'a Program,
    (layout, train): (&Layout, &'a Train),
    params: Val,
    gradients: &[Val],
    mut outputs: Vec<Output>,
) -> Graph {
    let loss = outputs[0].value;
    let trained = trained(&evaluator, gradients);
    let flat = |group: &ParamGroup| flat(&mut evaluator, &gradients[group.params.clone()]);
    let flat = layout.groups.iter().map(flat).collect();
    outputs.extend(update(
        &mut evaluator,
        program,
        (layout, &train.optimizer),
        params,
        (flat, &trained),
        loss,
    ));
    evaluator.builder.finish(format!("{}.step", train.optimizer.name), outputs)
}

/// Adds the share of one batch to the gradient that the step takes. Results are those of a step.
fn accumulate(mut evaluator: Evaluator, train: &Train, gradients: &[Val], mut outputs: Vec<Output>) -> Graph {
    let gradient = flat(&mut evaluator, gradients);
    let builder = &mut evaluator.builder;
    let ty = builder.ty(gradient).clone();
    let sum = builder.input("sum", Role::Gradient, ty.clone());
    let count = builder.constant(train.accumulate as f64, &ty);
    let share = builder.map(&scalar::DIV, &[gradient, count]);
    let more = builder.map(&scalar::ADD, &[sum, share]);
    outputs.push(in_place(&evaluator, "sum", sum, more));
    evaluator.builder.finish(format!("{}.accumulate", train.optimizer.name), outputs)
}

/// The loss of a batch and, without validation rows, the metrics; and the gradient by each parameter.
fn batch<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    (layout, train): (&Layout, &'a Train),
    arena: &Arena,
    warnings: &mut Vec<Diagnostic>,
) -> (Vec<Output>, Vec<Val>) {
    let data = DataScope { data: train.data, locals: &train.locals, var: &train.rows, rows: train.batch };
    evaluator.builder.phase(Phase::Loss);
    let mut frame = columns(evaluator, program, &data);
    let mut outputs = evaluate(evaluator, &mut frame, [("loss", &train.loss)]);
    let loss = outputs[0].value;
    warnings.append(&mut evaluator.found);
    let assigned = std::mem::take(&mut evaluator.assigned);
    evaluator.batch = Some(Batch { loss: &train.loss, frame: frame.clone(), arena: arena.clone() });
    if train.validate.is_none() {
        evaluator.builder.phase(Phase::Metrics);
        let metrics = train.metrics.iter().map(|(name, expr)| (name.as_str(), expr));
        outputs.extend(evaluate(evaluator, &mut frame, metrics));
    }
    for (path, value) in assigned {
        let before = evaluator.memory(arena, &path);
        outputs.push(in_place(evaluator, &path, before, value));
    }
    evaluator.builder.phase(Phase::Gradient);
    let gradients = gradients(evaluator, layout, arena, loss);
    warnings.extend(without_gradient(evaluator, program, train, &gradients));
    (outputs, gradients)
}

/// `NAME.weights`: the parameters to evaluate with, where a stage says them.
pub(super) fn weights(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    index: usize,
    optimizer: &Optimizer,
) -> Option<Graph> {
    let layout = &layouts[&index];
    let mut evaluator = Evaluator::new(program, layouts);
    let params = evaluator.arena(&Arena { run: index, role: Role::Params });
    let ty = evaluator.builder.ty(params).clone();
    let initial = evaluator.builder.input("w0", Role::Initial, ty.clone());
    let mut said = false;
    let mut parts = Vec::new();
    for (k, group) in layout.groups.iter().enumerate() {
        evaluator.extents = ArenaExtents::of(layout, group);
        let part = |evaluator: &mut Evaluator, flat| evaluator.part_of(flat, &group.coordinates);
        let [weights, initial] = [part(&mut evaluator, params), part(&mut evaluator, initial)];
        let scope = StageInputs { weights: Some(weights), ..StageInputs::before(initial) };
        let pipeline = (&optimizer.cells[..], &optimizer.uses[group.stages.clone()]);
        let slots = layout.states.iter().take_while(|slot| slot.group < k).count();
        let value = evaluated(&mut evaluator, program, layout, pipeline, &scope, slots);
        said |= value.is_some();
        let ty = evaluator.builder.ty(weights).clone();
        parts.push(evaluator.broadcast_to(value.unwrap_or(weights), &ty));
    }
    if !said {
        return None;
    }
    let value = joined(&mut evaluator, parts);
    let output = Output::result("weights", value).giving(Role::Params);
    Some(evaluator.builder.finish(format!("{}.weights", optimizer.name), vec![output]))
}

/// `NAME.step` where another program brings gradient and loss, and says which parameters get a gradient.
/// There are no results.
pub(super) fn given(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    index: usize,
    optimizer: &Optimizer,
    trained: &[bool],
) -> Graph {
    let layout = &layouts[&index];
    let mut evaluator = Evaluator::new(program, layouts);
    // Not the random numbers that the loss draws elsewhere.
    evaluator.label("optimizer");
    evaluator.training = true;
    let params = evaluator.arena(&Arena { run: index, role: Role::Params });
    let flat = evaluator.builder.ty(params).clone();
    let gradient = evaluator.builder.input("g", Role::Gradient, flat);
    let loss = evaluator.builder.input("loss", Role::Loss, Type::scalar(DType::F64));
    let part = |group: &ParamGroup| evaluator.part_of(gradient, &group.coordinates);
    let gradients = layout.groups.iter().map(part).collect();
    let outputs = update(&mut evaluator, program, (layout, optimizer), params, (gradients, trained), loss);
    evaluator.builder.finish(format!("{}.step", optimizer.name), outputs)
}

/// The gradient by each parameter.
fn gradients(evaluator: &mut Evaluator, layout: &Layout, arena: &Arena, loss: Val) -> Vec<Val> {
    let windows: Vec<Val> = layout.params.iter().map(|param| evaluator.window(arena, &param.name)).collect();
    grad(&mut evaluator.builder, loss, &windows)
}

/// Which parameters get a gradient: not those whose gradient is known to be zero.
fn trained(evaluator: &Evaluator, gradients: &[Val]) -> Vec<bool> {
    gradients.iter().map(|gradient| evaluator.builder.as_constant(*gradient) != Some(0.0)).collect()
}

/// Which coordinates belong to parameters that get a gradient.
fn mask(evaluator: &mut Evaluator, params: &[Param], trained: &[bool]) -> Val {
    let builder = &mut evaluator.builder;
    let count: usize = params.iter().map(|param| param.ty.count()).sum();
    if trained.iter().all(|trained| *trained) {
        return builder.constant(1.0, &Type::of(DType::Bool, &[count]));
    }
    let part = |(param, trained): (&Param, &bool)| {
        let ty = Type::of(param.ty.dtype, &[param.ty.count()]);
        builder.constant(f64::from(u8::from(*trained)), &ty)
    };
    let parts: Vec<Val> = params.iter().zip(trained).map(part).collect();
    let numbers = builder.emit(Op::Concat(Concat), &parts);
    let zero = builder.constant(0.0, &builder.ty(numbers).clone());
    builder.map(&scalar::NE, &[numbers, zero])
}

/// Parameters on which the loss does not depend.
fn without_gradient(
    evaluator: &Evaluator,
    program: &Program,
    train: &Train,
    gradients: &[Val],
) -> Vec<Diagnostic> {
    let params = arena_order(program, &train.optimizer, &layout::batch(train, train.batch));
    let zero = |gradient: &Val| evaluator.builder.as_constant(*gradient) == Some(0.0);
    let found = params.iter().zip(gradients).filter(|(_, gradient)| zero(gradient));
    found.filter_map(|(param, _)| Some(errors::without_gradient(&param.path, param.span?))).collect()
}

/// Gradients, consecutive as the parameters are.
fn flat(evaluator: &mut Evaluator, gradients: &[Val]) -> Val {
    let flat = evaluator.builder.emit(Op::Concat(Concat), gradients);
    evaluator.builder.name(flat, "g");
    flat
}

/// Runs the pipeline of each group on its gradient; leaves the new parameters and the states that
/// change.
fn update<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    (layout, optimizer): (&Layout, &'a Optimizer),
    params: Val,
    (gradients, trained): (Vec<Val>, &[bool]),
    loss: Val,
) -> Vec<Output> {
    let states = state_inputs(evaluator, layout);
    let ty = evaluator.builder.ty(params).clone();
    let initial = evaluator.builder.input("w0", Role::Initial, ty);
    let loss = evaluator.builder.cast(loss, DType::F64);
    let mut left = states.iter().copied();
    let (mut moved, mut after) = (Vec::new(), Vec::new());
    for (group, gradient) in layout.groups.iter().zip(gradients) {
        evaluator.extents = ArenaExtents::of(layout, group);
        let stages = &optimizer.uses[group.stages.clone()];
        let mut own =
            |used: &StageUse| left.by_ref().take(program.stages[used.stage.0].states.len()).collect();
        let own = stages.iter().map(&mut own).collect();
        let weights = evaluator.part_of(params, &group.coordinates);
        let scope = StageInputs {
            gradient: Some(gradient),
            update: Some(gradient),
            weights: Some(weights),
            initial: Some(evaluator.part_of(initial, &group.coordinates)),
            loss: Some(loss),
            trained: Some(mask(
                evaluator,
                &layout.params[group.params.clone()],
                &trained[group.params.clone()],
            )),
        };
        let pipeline = PipelineStep { program, layout, stages, cells: &optimizer.cells, states: own };
        let done = pipeline.run(evaluator, stages.len(), &scope);
        moved.push(next(evaluator, optimizer, weights, &done));
        after.extend(done.states.concat());
    }
    let moved = joined(evaluator, moved);
    let mut outputs = vec![in_place(evaluator, "params", params, moved)];
    for ((slot, old), new) in layout.states.iter().zip(states).zip(after) {
        if old != new {
            outputs.push(in_place(evaluator, &slot.name, old, new));
        }
    }
    outputs
}

/// The next parameters of a group.
fn next(evaluator: &mut Evaluator, optimizer: &Optimizer, weights: Val, done: &Stepped) -> Val {
    evaluator.builder.at(Some(optimizer.span));
    evaluator.builder.phase(Phase::Update);
    let ty = evaluator.builder.ty(weights).clone();
    match done.next {
        Some(next) => evaluator.broadcast_to(next, &ty),
        None => {
            let update = evaluator.broadcast_to(done.update, &ty);
            evaluator.builder.map(&scalar::SUB, &[weights, update])
        }
    }
}

/// What the groups have, consecutive.
fn joined(evaluator: &mut Evaluator, parts: Vec<Val>) -> Val {
    match parts[..] {
        [only] => only,
        _ => evaluator.builder.emit(Op::Concat(Concat), &parts),
    }
}

fn state_inputs(evaluator: &mut Evaluator, layout: &Layout) -> Vec<Val> {
    let slots = layout.states.iter().enumerate();
    slots.map(|(k, slot)| state_input(evaluator, k, &slot.name, &slot.ty)).collect()
}

fn state_input(evaluator: &mut Evaluator, k: usize, name: &str, ty: &Type) -> Val {
    evaluator.builder.input(name, Role::State(k), ty.clone())
}

/// An output that takes the place of an input.
fn in_place(evaluator: &Evaluator, name: &str, old: Val, new: Val) -> Output {
    let target = OutputTarget::InPlace(evaluator.builder.input_index(old));
    Output { target, ..Output::result(name, new) }
}
