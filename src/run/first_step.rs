//! The first step of training runs as their compiled programs take it: what those read and what they left.
//! Something else can then compute the same from the same and be compared.

use super::execute::Interpreter;
use super::machine::Machine;
use super::memory::Memory;
use super::train::TrainingRun;
use super::{CompiledScript, Settings, Silent};
use crate::algebra::tensor::Tensor;
use crate::algebra::types::Type;
use crate::diag::Diagnostic;
use crate::graph::{Graph, OutputTarget, ProgramId, Role};
use crate::native::CallRange;
use crate::typed::StatementKind;

/// One call of a compiled program.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// Its program.
    pub program: ProgramId,
    /// What it read. States of the optimizer are all there, also those that share another's memory.
    pub inputs: Vec<(Role, Tensor)>,
    /// What it left, with names.
    pub outputs: Vec<(String, Vec<f64>)>,
}

/// The calls of the first step of the training run of this name. Runs and values before it are computed;
/// nothing is printed, written or asserted. Nothing if there is no such run.
///
/// # Errors
/// As [`super::execute()`].
pub fn first_step(
    stages: &CompiledScript<'_>,
    settings: &Settings,
    name: &str,
) -> Result<Vec<RecordedCall>, Diagnostic> {
    let mut script = Interpreter::new(stages, settings)?;
    for (index, statement) in stages.typed.statements.iter().enumerate() {
        match &statement.kind {
            StatementKind::Train(train) if train.optimizer.name == name => {
                script.check_memory(index, statement)?;
                let mut run = TrainingRun::new(&mut script, index, train)?;
                let mut calls = Vec::new();
                let take = |machine: &mut Machine, states: &[Memory]| {
                    let graph = stages.graphs.graph(machine.program());
                    calls.push(call(machine, graph, states));
                };
                run.first(&mut script, take)?;
                return Ok(calls);
            }
            StatementKind::Train(_) | StatementKind::Let { .. } | StatementKind::Eval(_) => {
                script.next(index, statement, &mut Silent)?
            }
            StatementKind::Predict(_) | StatementKind::Act(_) | StatementKind::Optimizer(_) => script.skip(),
        }
    }
    Ok(Vec::new())
}

/// Runs a program whose inputs are bound.
fn call(machine: &mut Machine, graph: &Graph, states: &[Memory]) -> RecordedCall {
    let roles = machine.roles().into_iter().map(|(_, role)| role);
    let mut inputs: Vec<(Role, Tensor)> = roles.zip(machine.tensors(graph)).collect();
    for (slot, memory) in states.iter().enumerate() {
        if !inputs.iter().any(|(role, _)| *role == Role::State(slot)) {
            let ty = Type::of(memory.dtype(), &[memory.len()]);
            inputs.push((Role::State(slot), Tensor::new(ty, memory.to_f64())));
        }
    }
    machine.run(CallRange::Whole);
    let outputs =
        graph.outputs.iter().enumerate().filter(|(_, output)| output.target != OutputTarget::Positions);
    let outputs = outputs.map(|(k, output)| (output.name.clone(), machine.read(k))).collect();
    RecordedCall { program: machine.program(), inputs, outputs }
}
