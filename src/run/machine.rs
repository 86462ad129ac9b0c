//! One program with its memory, ready to run.
//!
//! A machine allocates its arena, its results and the inputs that only it reads. Parameters and
//! states are bound: several machines share their [`Memory`]. It runs native code or, in tests, the
//! loop interpreter on the same memory.

use std::rc::Rc;

use super::memory::{AlignedBytes, BindingKey};
pub use super::memory::{Borrowed, Element, Memory, OutOfMemory};
use crate::algebra::tensor::Tensor;
use crate::algebra::types::DType;
use crate::graph::{Graph, Input, OutputTarget, ProgramId, Role};
use crate::ice;
use crate::loops::{self, BufferLocation, Loops, Program};
use crate::native::{BoundProgram, CallRange, Native};

/// One program with its memory.
#[derive(Debug)]
pub struct Machine {
    id: ProgramId,
    program: Program,
    arena: AlignedBytes,
    /// By input: memory of this machine's own or bound to it.
    inputs: Vec<Option<Memory>>,
    /// By output: results.
    outputs: Vec<Option<Memory>>,
    engine: Engine,
    /// What memory was lent last, and the pointers with it.
    kept: Option<(Vec<(Role, BindingKey)>, BoundProgram)>,
}

/// What computes.
#[derive(Debug)]
enum Engine {
    /// Native code, with its pointers once all memory is there.
    Native { native: Native, bound: Option<BoundProgram> },
    /// The loop interpreter, with its own copy of the memory.
    Interpreter { loops: Rc<Loops>, memory: Box<loops::eval::ProgramMemory> },
}

impl Machine {
    /// Native code with fresh memory.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn new(native: &Native, loops: &Loops, program: ProgramId) -> Result<Machine, OutOfMemory> {
        let engine = Engine::Native { native: native.clone(), bound: None };
        Machine::with_engine(engine, loops, program)
    }

    /// The loop interpreter with fresh memory.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn interpreter(loops: &Rc<Loops>, program: ProgramId) -> Result<Machine, OutOfMemory> {
        let memory = Box::new(loops::eval::ProgramMemory::new(loops.program(program)));
        Machine::with_engine(Engine::Interpreter { loops: Rc::clone(loops), memory }, loops, program)
    }

    /// Lets other threads run the same code.
    pub fn run_by(&mut self, threads: &Native) {
        if let Engine::Native { native, bound } = &mut self.engine {
            (*native, *bound) = (threads.clone(), None);
        }
        self.kept = None;
    }

    fn with_engine(engine: Engine, loops: &Loops, id: ProgramId) -> Result<Machine, OutOfMemory> {
        let program = loops.program(id).clone();
        let arena = AlignedBytes::new(program.arena_bytes)?;
        let mut machine = Machine {
            id,
            inputs: vec![None; program.inputs.len()],
            outputs: vec![None; program.outputs.len()],
            arena,
            engine,
            kept: None,
            program,
        };
        machine.allocate()?;
        Ok(machine)
    }

    /// Memory for the results, and for the inputs that are not shared.
    fn allocate(&mut self) -> Result<(), OutOfMemory> {
        for (input, (buffer, role)) in self.program.inputs.iter().enumerate() {
            if !is_shared(role) {
                let buffer = &self.program.buffers[*buffer];
                self.inputs[input] = Some(Memory::new(buffer.dtype, buffer.len)?);
            }
        }
        for buffer in &self.program.buffers {
            if let BufferLocation::Output(output) = buffer.location {
                self.outputs[output] = Some(Memory::new(buffer.dtype, buffer.len)?);
            }
        }
        Ok(())
    }

    /// Bytes that a machine for this program allocates. Parameters and states are another's.
    pub fn bytes(program: &Program) -> u64 {
        let bytes = |buffer: usize| {
            let buffer = &program.buffers[buffer];
            (buffer.len as u64).saturating_mul(buffer.dtype.bytes() as u64)
        };
        let inputs =
            program.inputs.iter().filter(|(_, role)| !is_shared(role)).map(|(buffer, _)| bytes(*buffer));
        let outputs = program.buffers.iter().enumerate();
        let outputs = outputs.filter(|(_, buffer)| matches!(buffer.location, BufferLocation::Output(_)));
        let outputs = outputs.map(|(index, _)| bytes(index));
        inputs.chain(outputs).fold(program.arena_bytes as u64, u64::saturating_add)
    }

    /// Its program.
    pub fn program(&self) -> ProgramId {
        self.id
    }

    /// The inputs with their roles.
    pub fn roles(&self) -> Vec<(usize, Role)> {
        self.program.inputs.iter().map(|(_, role)| role.clone()).enumerate().collect()
    }

    /// How many inputs there are.
    pub fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The role of an input.
    pub fn role(&self, input: usize) -> &Role {
        &self.program.inputs[input].1
    }

    /// The element type of an input.
    pub fn dtype(&self, input: usize) -> DType {
        self.program.buffers[self.program.inputs[input].0].dtype
    }

    /// Gives input `input` this memory from now on.
    ///
    /// # Panics
    /// If it has another type or length.
    pub fn bind(&mut self, input: usize, memory: &Memory) {
        let buffer = &self.program.buffers[self.program.inputs[input].0];
        if (buffer.dtype, buffer.len) != (memory.dtype(), memory.len()) {
            let (want, have) = ((buffer.len, buffer.dtype), (memory.len(), memory.dtype()));
            ice!("run", "input {input} of `{}` is {want:?}, not {have:?}", self.program.name);
        }
        self.inputs[input] = Some(memory.clone());
        self.kept = None;
        if let Engine::Native { bound, .. } = &mut self.engine {
            *bound = None;
        }
    }

    /// Sets the elements of every input of this role, if there is one.
    ///
    /// # Panics
    /// If their number is not that of the input.
    pub fn set(&mut self, role: &Role, values: &[f64]) {
        for (input, (_, have)) in self.program.inputs.iter().enumerate() {
            if have == role {
                self.memory(input).set_f64(values);
            }
        }
    }

    /// The bytes of an input, to be written.
    ///
    /// # Panics
    /// If the input is shared.
    pub fn input_bytes(&mut self, input: usize) -> &mut [u8] {
        let memory = self.inputs[input].as_mut().and_then(Memory::bytes_mut);
        memory.unwrap_or_else(|| ice!("run", "input {input} is written while others may read it"))
    }

    /// The memory of an input.
    ///
    /// # Panics
    /// If nothing is bound to it.
    pub fn memory(&self, input: usize) -> &Memory {
        let memory = self.inputs[input].as_ref();
        memory.unwrap_or_else(|| ice!("run", "input {input} of `{}` is not bound", self.program.name))
    }

    /// The inputs as values for the reference evaluator, with the types that the program's graph says.
    pub fn tensors(&self, graph: &Graph) -> Vec<Tensor> {
        let inputs = graph.inputs.iter().enumerate();
        let tensor = |(k, input): (usize, &Input)| {
            Tensor::new(graph.nodes[input.value.0 as usize].ty.clone(), self.memory(k).to_f64())
        };
        inputs.map(tensor).collect()
    }

    /// The outputs that replace no input, with their names.
    pub fn results(&self) -> Vec<(usize, String)> {
        let outputs = self.program.outputs.iter().enumerate();
        let results = outputs.filter(|(_, output)| output.target == OutputTarget::Result);
        results.map(|(index, output)| (index, output.name.clone())).collect()
    }

    /// The memory that an output is left in: its own, or that of the input that it replaces.
    ///
    /// # Panics
    /// If the program leaves it elsewhere.
    pub fn output(&self, output: usize) -> Memory {
        match self.program.buffers[self.program.outputs[output].buffer].location {
            BufferLocation::Input(input) => self.memory(input).clone(),
            BufferLocation::Output(index) => self.own(index).clone(),
            place => ice!("run", "output {output} of `{}` lies in {place:?}", self.program.name),
        }
    }

    /// What the program gives to those after it as this.
    ///
    /// # Panics
    /// If it gives no such thing.
    pub fn given(&self, role: &Role) -> Memory {
        let output = self.program.outputs.iter().position(|output| output.gives.as_ref() == Some(role));
        self.output(output.unwrap_or_else(|| ice!("run", "`{}` gives no {role:?}", self.program.name)))
    }

    /// The elements of an output.
    pub fn read(&self, output: usize) -> Vec<f64> {
        self.output(output).to_f64()
    }

    fn own(&self, output: usize) -> &Memory {
        self.outputs[output].as_ref().unwrap_or_else(|| ice!("run", "output {output} has no memory"))
    }

    /// Makes calls of the program.
    ///
    /// # Panics
    /// If an input is not bound, or memory is bound to two inputs of which one is written.
    pub fn run(&mut self, phase: CallRange) {
        match &self.engine {
            Engine::Native { bound: None, .. } => {
                self.check();
                self.resolve();
                self.run(phase);
            }
            // SAFETY: the pointers are those of live memory of the right lengths, aligned to cache
            // lines, which `self` shares only with machines that do not run meanwhile; `check` has
            // seen that nothing written is bound twice, and no reference into shared memory exists.
            Engine::Native { bound: Some(bound), .. } => unsafe { bound.run(phase) },
            Engine::Interpreter { .. } => self.interpret(phase),
        }
    }

    /// Makes calls of the program on memory of a caller in place of the inputs with these roles.
    ///
    /// # Panics
    /// If that memory has another type or length than the input, or is written and lent for reading.
    pub fn run_with<R: Element>(&mut self, lent: &mut [(Role, Borrowed<'_, R>)], phase: CallRange) {
        let leases: Vec<(Role, BindingKey)> =
            lent.iter_mut().map(|(role, lent)| (role.clone(), lent.lease())).collect();
        match &self.kept {
            // SAFETY: the pointers are those of the same memory as then, which is borrowed again, and of
            // memory of this machine or bound to it, which has not changed since; as for `run`.
            Some((last, bound)) if *last == leases => unsafe { bound.run(phase) },
            _ => self.run_first(lent, leases, phase),
        }
    }

    /// As [`Machine::run_with`], where other memory was lent before.
    fn run_first<R: Element>(
        &mut self,
        lent: &mut [(Role, Borrowed<'_, R>)],
        leases: Vec<(Role, BindingKey)>,
        phase: CallRange,
    ) {
        let written = |input: usize| {
            self.program.outputs.iter().any(|output| output.target == OutputTarget::InPlace(input))
        };
        let mut bound = Vec::new();
        for (input, role) in self.roles() {
            if let Some((_, lent)) = lent.iter_mut().find(|(have, _)| *have == role) {
                if written(input) && matches!(lent, Borrowed::Read(_)) {
                    ice!("run", "input {input} of `{}` is written but lent for reading", self.program.name);
                }
                bound.push((input, lent.memory()));
            }
        }
        for (input, memory) in &bound {
            self.bind(*input, memory);
        }
        self.run(phase);
        for (input, _) in &bound {
            self.inputs[*input] = None;
        }
        if let Engine::Native { bound, .. } = &mut self.engine {
            self.kept = bound.take().map(|bound| (leases, bound));
        }
    }

    /// What an output replaces must not be another input too.
    fn check(&self) {
        for output in &self.program.outputs {
            let OutputTarget::InPlace(written) = output.target else { continue };
            let memory = self.memory(written);
            let twice =
                (0..self.inputs.len()).find(|&input| input != written && self.memory(input).is(memory));
            if let Some(input) = twice {
                ice!(
                    "run",
                    "inputs {written} and {input} of `{}` share memory that is written",
                    self.program.name
                );
            }
        }
    }

    /// Finds the pointer of each buffer.
    fn resolve(&mut self) {
        let pointers: Vec<*mut u8> =
            (0..self.program.buffers.len()).map(|buffer| self.pointer(buffer)).collect();
        if let Engine::Native { native, bound } = &mut self.engine {
            *bound = Some(native.bind(self.id.0, &pointers));
        }
    }

    fn pointer(&self, buffer: usize) -> *mut u8 {
        let Program { buffers, arena_bytes, .. } = &self.program;
        let bytes = buffers[buffer].len * buffers[buffer].dtype.bytes();
        match buffers[buffer].location {
            BufferLocation::Input(input) => self.memory(input).start(),
            BufferLocation::Output(output) => self.own(output).start(),
            BufferLocation::Arena(at) if at + bytes <= *arena_bytes => self.arena.start().wrapping_add(at),
            BufferLocation::Part { of, start } if start + buffers[buffer].len <= buffers[of].len => {
                self.pointer(of).wrapping_add(start * buffers[of].dtype.bytes())
            }
            BufferLocation::Moving(moving)
                if moving.places * buffers[buffer].len <= buffers[moving.of.0].len =>
            {
                self.pointer(moving.of.0).wrapping_add(moving.first * bytes)
            }
            place => ice!("run", "buffer {buffer} of `{}` does not fit {place:?}", self.program.name),
        }
    }

    /// Runs the interpreter on a copy of the inputs and copies back what it left.
    fn interpret(&mut self, phase: CallRange) {
        let places: Vec<(usize, Memory)> = self.outside();
        let Engine::Interpreter { loops, memory } = &mut self.engine else { return };
        let calls = match phase {
            CallRange::Whole => 0..self.program.calls.len(),
            CallRange::Compute => 0..self.program.commit,
            CallRange::Commit => self.program.commit..self.program.calls.len(),
        };
        for (buffer, outside) in &places {
            memory.bytes_mut(*buffer).copy_from_slice(&outside.to_bytes());
        }
        loops::eval::run(loops, self.id.0, calls, memory);
        for (buffer, outside) in &places {
            outside.set_bytes(memory.bytes(*buffer));
        }
    }

    /// Buffers that lie in memory of inputs and outputs.
    fn outside(&self) -> Vec<(usize, Memory)> {
        let buffers = self.program.buffers.iter().enumerate();
        let outside = buffers.filter_map(|(index, buffer)| match buffer.location {
            BufferLocation::Input(input) => Some((index, self.memory(input).clone())),
            BufferLocation::Output(output) => Some((index, self.own(output).clone())),
            BufferLocation::Arena(_) | BufferLocation::Part { .. } | BufferLocation::Moving(_) => None,
        });
        outside.collect()
    }
}

/// Whether memory of this role is bound, never allocated.
fn is_shared(role: &Role) -> bool {
    match role {
        Role::Params
        | Role::Initial
        | Role::Gradient
        | Role::State(_)
        | Role::ModelState(_)
        | Role::FitParams(_)
        | Role::FitModelState(..)
        | Role::FitState(..)
        | Role::Global(_) => true,
        Role::Cell(_)
        | Role::Column(_)
        | Role::Chunks(..)
        | Role::Loss
        | Role::Step
        | Role::Total
        | Role::Key
        | Role::Feed(_)
        | Role::Recorded(..) => false,
    }
}

#[cfg(test)]
mod tests;
