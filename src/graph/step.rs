//! One training step as one graph: loss, gradient and the whole optimizer.

use std::collections::BTreeMap;

use super::build::{Arena, Evaluator};
use super::errors;
use super::forward::{Columns, columns, evaluate};
use super::grad::grad;
use super::layout::{Pieces, model_sizes, parameters};
use super::stage::{Pipeline, Scope, evaluated};
use super::{Graph, Layout, Output, Part, Role, Target};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::pack::Pack;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Type};
use crate::check::typed::{Program, StageUse, Train};
use crate::diag::Diagnostic;

/// `NAME.step`. Results are the loss and, without validation rows, the metrics; parameters and states
/// change in place.
pub(super) fn step(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    (index, train): (usize, &Train),
    warnings: &mut Vec<Diagnostic>,
) -> Graph {
    let layout = &layouts[&index];
    let mut evaluator = Evaluator::new(program, layouts);
    let arena = Arena { run: index, role: Role::Params };
    evaluator.root = Some(arena.clone());
    let params = evaluator.arena(&arena);
    let data = Columns { data: train.data, locals: &train.locals, var: &train.rows, rows: train.batch };
    evaluator.builder.part(Part::Loss);
    let mut frame = columns(&mut evaluator, program, &data);
    let mut outputs = evaluate(&mut evaluator, &mut frame, [("loss", &train.loss)]);
    let loss = outputs[0].value;
    if train.validate.is_none() {
        evaluator.builder.part(Part::Metrics);
        let metrics = train.metrics.iter().map(|(name, expr)| (name.as_str(), expr));
        outputs.extend(evaluate(&mut evaluator, &mut frame, metrics));
    }
    evaluator.builder.part(Part::Gradient);
    let gradients = gradients(&mut evaluator, layout, &arena, loss);
    warnings.extend(without_gradient(&evaluator, program, train, &gradients));
    let gradient = flat(&mut evaluator, &gradients);
    evaluator.pieces = Pieces::of(layout);
    outputs.extend(update(&mut evaluator, program, layout, train, [params, gradient, loss]));
    evaluator.builder.finish(format!("{}.step", train.name), outputs)
}

/// `NAME.weights`: the parameters to evaluate with, where a stage says them.
pub(super) fn weights(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    index: usize,
    train: &Train,
) -> Option<Graph> {
    let layout = &layouts[&index];
    let mut evaluator = Evaluator::new(program, layouts);
    evaluator.pieces = Pieces::of(layout);
    let params = evaluator.arena(&Arena { run: index, role: Role::Params });
    let ty = evaluator.builder.ty(params).clone();
    let initial = evaluator.builder.input("w0", Role::Initial, ty.clone());
    let scope = Scope { weights: Some(params), ..Scope::before(initial) };
    let value = evaluated(&mut evaluator, program, layout, (&train.cells, &train.pipeline), &scope)?;
    let value = evaluator.spread_to(value, &ty);
    let output = Output { name: "weights".to_owned(), value, target: Target::Result };
    Some(evaluator.builder.finish(format!("{}.weights", train.name), vec![output]))
}

/// `NAME.step` where another program brings gradient and loss. There are no results.
pub(super) fn given(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    index: usize,
    train: &Train,
) -> Graph {
    let layout = &layouts[&index];
    let mut evaluator = Evaluator::new(program, layouts);
    let params = evaluator.arena(&Arena { run: index, role: Role::Params });
    let flat = evaluator.builder.ty(params).clone();
    let gradient = evaluator.builder.input("g", Role::Gradient, flat);
    let loss = evaluator.builder.input("loss", Role::Loss, Type::scalar(DType::F64));
    evaluator.pieces = Pieces::of(layout);
    let outputs = update(&mut evaluator, program, layout, train, [params, gradient, loss]);
    evaluator.builder.finish(format!("{}.step", train.name), outputs)
}

/// The gradient by each parameter.
fn gradients(evaluator: &mut Evaluator, layout: &Layout, arena: &Arena, loss: Val) -> Vec<Val> {
    let windows: Vec<Val> = layout.params.iter().map(|param| evaluator.window(arena, &param.name)).collect();
    grad(&mut evaluator.builder, loss, &windows)
}

/// Parameters on which the loss does not depend.
fn without_gradient(
    evaluator: &Evaluator,
    program: &Program,
    train: &Train,
    gradients: &[Val],
) -> Vec<Diagnostic> {
    let params = parameters(program, train.model, model_sizes(program, train, train.batch));
    let zero = |gradient: &Val| evaluator.builder.as_constant(*gradient) == Some(0.0);
    let found = params.iter().zip(gradients).filter(|(_, gradient)| zero(gradient));
    found.map(|(param, _)| errors::without_gradient(&param.path, param.span)).collect()
}

/// Gradients one behind the other, as the parameters are.
fn flat(evaluator: &mut Evaluator, gradients: &[Val]) -> Val {
    let flat = evaluator.builder.emit(Op::Pack(Pack), gradients);
    evaluator.builder.name(flat, "g");
    flat
}

/// Runs the pipeline; leaves the new parameters and the states that change.
fn update<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    train: &'a Train,
    [params, gradient, loss]: [Val; 3],
) -> Vec<Output> {
    let states = state_inputs(evaluator, layout);
    let initial = evaluator.builder.ty(params).clone();
    let scope = Scope {
        gradient: Some(gradient),
        update: Some(gradient),
        weights: Some(params),
        initial: Some(evaluator.builder.input("w0", Role::Initial, initial)),
        loss: Some(evaluator.builder.cast(loss, DType::F64)),
    };
    let mut left = states.iter().copied();
    let mut own = |used: &StageUse| left.by_ref().take(program.stages[used.stage.0].states.len()).collect();
    let own = train.pipeline.iter().map(&mut own).collect();
    let pipeline = Pipeline { program, layout, stages: &train.pipeline, cells: &train.cells, states: own };
    let done = pipeline.run(evaluator, train.pipeline.len(), &scope);
    evaluator.builder.at(Some(train.span));
    evaluator.builder.part(Part::Update);
    let ty = evaluator.builder.ty(params).clone();
    let moved = match done.next {
        Some(next) => evaluator.spread_to(next, &ty),
        None => {
            let update = evaluator.spread_to(done.update, &ty);
            evaluator.builder.map(&scalar::SUB, &[params, update])
        }
    };
    let mut outputs = vec![in_place(evaluator, "params", params, moved)];
    for ((slot, old), new) in layout.states.iter().zip(states).zip(done.states.concat()) {
        if old != new {
            outputs.push(in_place(evaluator, &slot.name, old, new));
        }
    }
    outputs
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
    let target = Target::InPlace(evaluator.builder.input_index(old));
    Output { name: name.to_owned(), value: new, target }
}
