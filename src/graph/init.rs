//! The program that makes initial parameters and states, of the optimizer and of the model.

use std::collections::BTreeMap;

use super::build::{Arena, Evaluator, Frame};
use super::layout::{self, ArenaExtents, ModelTensor, arena_order, model_states};
use super::stage::{self, StageInputs};
use super::{Graph, Layout, Output, Role};
use crate::algebra::concat::Concat;
use crate::algebra::op::{Build, Op, Val};
use crate::typed::{Optimizer, Program, Train};

/// `NAME.init`: all parameters in one flat tensor, then each state of the optimizer and of the model.
pub(super) fn init(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    layout: &Layout,
    train: &Train,
) -> Graph {
    let mut evaluator = Evaluator::new(program, layouts);
    let (optimizer, batch) = (&train.optimizer, layout::batch(train, train.batch));
    let params = initial_params(&mut evaluator, arena_order(program, optimizer, &batch), optimizer);
    let mut outputs = vec![Output::result("params", params).giving(Role::Params)];
    outputs.extend(initial_states(&mut evaluator, program, layout, optimizer, params));
    for (k, found) in model_states(program, optimizer, &batch).into_iter().enumerate() {
        let (name, value) = initial(&mut evaluator, found);
        outputs.push(Output::result(name, value).giving(Role::ModelState(k)));
    }
    evaluator.builder.finish(format!("{}.init", optimizer.name), outputs)
}

/// `NAME.init` where another program brings the parameters: each state.
pub(super) fn given(
    program: &Program,
    layouts: &BTreeMap<usize, Layout>,
    layout: &Layout,
    index: usize,
    optimizer: &Optimizer,
) -> Graph {
    let mut evaluator = Evaluator::new(program, layouts);
    let params = evaluator.arena(&Arena { run: index, role: Role::Params });
    let outputs = initial_states(&mut evaluator, program, layout, optimizer, params);
    evaluator.builder.finish(format!("{}.init", optimizer.name), outputs)
}

fn initial_states<'a>(
    evaluator: &mut Evaluator<'a>,
    program: &'a Program,
    layout: &Layout,
    optimizer: &'a Optimizer,
    params: Val,
) -> Vec<Output> {
    let mut outputs = Vec::new();
    let mut slots = layout.states.iter().enumerate();
    for group in &layout.groups {
        evaluator.extents = ArenaExtents::of(layout, group);
        let params = evaluator.part_of(params, &group.coordinates);
        for used in &optimizer.uses[group.stages.clone()] {
            let scope = StageInputs::before(params);
            let mut frame = stage::frame(evaluator, program, layout, (&optimizer.cells, used), &scope);
            for state in &program.stages[used.stage.0].states {
                let Some((k, slot)) = slots.next() else { break };
                let value = evaluator.eval(&state.init, &mut frame);
                let value = evaluator.broadcast_to(value, &slot.ty);
                outputs.push(Output::result(&slot.name, value).giving(Role::State(k)));
            }
        }
    }
    outputs
}

fn initial_params<'a>(
    evaluator: &mut Evaluator<'a>,
    order: Vec<ModelTensor<'a>>,
    optimizer: &Optimizer,
) -> Val {
    let mut values = Vec::new();
    for found in order {
        values.push(initial(evaluator, found).1);
    }
    evaluator.builder.at(Some(optimizer.span));
    evaluator.builder.emit(Op::Concat(Concat), &values)
}

/// The path of a parameter or state, and its value before training.
fn initial<'a>(evaluator: &mut Evaluator<'a>, found: ModelTensor<'a>) -> (String, Val) {
    evaluator.label(&found.path);
    let names = &found.function.locals;
    let mut frame = Frame { names, sizes: found.sizes, ..Frame::default() };
    let value = evaluator.eval(found.init, &mut frame);
    let value = evaluator.broadcast_to(value, &found.ty);
    evaluator.builder.name(value, &found.path);
    (found.path, value)
}
