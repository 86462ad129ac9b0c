//! What a training run has before its first step: its programs, and the values that it begins with.

use super::super::evaluation::Evaluation;
use super::super::execute::{Interpreter, TrainedOn};
use super::super::machine::{Machine, Memory};
use super::super::start;
use crate::diag::Diagnostic;
use crate::graph::{Layout, Purpose, Role, StateSlot};
use crate::native::CallRange;
use crate::typed::Train;

/// The programs of a run, each with its memory.
pub(super) struct Programs {
    pub(super) init: Machine,
    pub(super) accumulate: Option<Machine>,
    pub(super) step: Machine,
    pub(super) weights: Option<Machine>,
    pub(super) validate: Option<Evaluation>,
}

impl Programs {
    /// Those of the run of a statement.
    pub(super) fn new(
        script: &mut Interpreter<'_>,
        index: usize,
        train: &Train,
    ) -> Result<Programs, Diagnostic> {
        let [init, step] = [Purpose::Init(index), Purpose::Step(index)].map(|of| script.program(of));
        let accumulate = script.find_program(Purpose::Accumulate(index));
        let weights = script.find_program(Purpose::Weights(index));
        let validate = train.validate.map(|rows| (rows, script.program(Purpose::Validate(index))));
        let init = script.machine(init)?;
        let accumulate = accumulate.map(|program| script.machine(program)).transpose()?;
        let step = script.machine(step)?;
        let weights = weights.map(|program| script.machine(program)).transpose()?;
        let validate = validate.map(|((data, split), program)| {
            Evaluation::new(script, program, TrainedOn { data, trained: train.data }, split)
        });
        Ok(Programs { init, accumulate, step, weights, validate: validate.transpose()? })
    }

    /// All of them.
    pub(super) fn machines(&mut self) -> impl Iterator<Item = &mut Machine> {
        let validating = self.validate.iter_mut().flat_map(Evaluation::machines);
        let others = self.accumulate.iter_mut().chain(&mut self.weights).chain(validating);
        [&mut self.init, &mut self.step].into_iter().chain(others)
    }
}

/// The values that a run begins with.
pub(super) struct Initial {
    pub(super) params: Memory,
    pub(super) states: Vec<Memory>,
    /// States of the model.
    pub(super) memory: Vec<Memory>,
}

impl Initial {
    /// What `init` computes, with what the run starts from in its place.
    pub(super) fn new(
        script: &mut Interpreter<'_>,
        train: &Train,
        layout: &Layout,
        init: &mut Machine,
    ) -> Result<Initial, Diagnostic> {
        init.run(CallRange::Whole);
        script.check_positions(init, format_args!("initial values, "), None)?;
        let params = init.given(&Role::Params);
        let own = |(k, slot): (usize, &StateSlot)| init.given(&Role::State(slot.congruent_to.unwrap_or(k)));
        let states = layout.states.iter().enumerate().map(own).collect();
        let memory: Vec<Memory> =
            (0..layout.model_states.len()).map(|k| init.given(&Role::ModelState(k))).collect();
        if let Some(from) = &train.start {
            let (loaded, _) = start::load(script, from, layout)?;
            start::put(&loaded, layout, &params, &memory);
        }
        Ok(Initial { params, states, memory })
    }
}
