//! Optimizer pipelines for programs that bring their own parameters and gradients.
//!
//! Comes in: a pipeline as text, perhaps after own stages, and the shapes of the parameters. Goes out: an
//! [`Optimizer`], which is the optimizer's half of a training step: the same graph, the same kernels,
//! the same machine code, with the gradient as an input. It works on the caller's memory in place.
//!
//! ```
//! use egret::optimizer::{Optimizer, Options};
//!
//! let shapes: [(&str, &[usize]); 2] = [("w", &[2, 2]), ("b", &[2])];
//! let mut optimizer =
//!     Optimizer::compile("sgd(lr = 0.1) |> momentum", &shapes, Options::default()).expect("it is right");
//! let (mut params, gradient) = ([1.0_f32; 6], [1.0_f32; 6]);
//! optimizer.step(&mut params, &gradient, None)?;
//! optimizer.set("sgd.lr", 0.5)?;
//! optimizer.step(&mut params, &gradient, None)?;
//! assert_eq!(optimizer.state("momentum.v")?, [0.59_f32 as f64; 6]);
//! # Ok::<(), egret::optimizer::Error>(())
//! ```
//!
//! Parameters and gradients are flat: the tensors in the order of the shapes, row-major, one behind the
//! other. Tensors that lie elsewhere cost more: see [`Optimizer::step_tensors`].

pub mod bf16;
mod error;
mod file;
#[cfg(test)]
mod tests;

use std::any::Any;

pub use crate::run::machine::Element;
pub use error::Error;

use crate::algebra::types::DType;
use crate::check::optim::external::NO_TOTAL;
use crate::diag::{Diagnostic, suggest};
use crate::graph::positions::{IndexSource, Position};
use crate::graph::{CellId, CellSlot, Graph, Layout, ProgramId, Purpose, Role};
use crate::ice;
use crate::native::Phase;
use crate::pipeline::{self, Program, Report};
use crate::run::machine::{Borrowed, Machine, Memory};
use crate::run::memory::{joined, joined_read};
use crate::run::step_key;
use crate::typed::{self, StageUse, StatementKind};

/// How to compile.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The element type of parameters and gradients: `f32` or `f64`.
    pub real: DType,
    /// The number of steps in all, `T`. Only pipelines with schedules over `T` need it.
    pub total: Option<u64>,
}

impl Default for Options {
    /// `f32`, and an unknown number of steps.
    fn default() -> Options {
        Options { real: DType::F32, total: None }
    }
}

/// A state of the optimizer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StateInfo {
    /// Stage and state: `adam.m`.
    pub name: String,
    /// `f32` or `f64` per coordinate, `f64` per tensor or for the whole.
    pub dtype: DType,
    /// One number per coordinate, flat; one per tensor; or one, which has no sizes.
    pub sizes: Vec<usize>,
}

/// A compiled pipeline with its states. Use it from one thread at a time.
#[derive(Debug)]
pub struct Optimizer {
    program: Program,
    layout: Layout,
    real: DType,
    /// Its stages with their words: what a file of states must agree with.
    pipeline: String,
    /// Hyperparameters, `adam.lr`: numbers, or `None` for what is computed in each step.
    hypers: Vec<(String, Option<f64>)>,
    init: Machine,
    step: Machine,
    /// Makes the parameters to evaluate with, if they are not those that are trained.
    weights: Option<Machine>,
    states: Vec<Memory>,
    /// The parameters before the first step, if a stage looks at them.
    initial: Option<Memory>,
    /// Outputs of a step that hold positions, with the sizes of their axes.
    positions: Vec<(usize, usize)>,
    /// Steps taken.
    t: u64,
    ready: bool,
    /// Parameters and gradients that do not lie in one piece, as `[Vec<R>; 2]`.
    scratch: Option<Box<dyn Any>>,
}

impl Optimizer {
    /// Compiles a pipeline such as `adam(lr = 1e-3) |> eg_gain`, which may follow declarations of stages
    /// and functions, for tensors with these names and sizes.
    ///
    /// # Errors
    /// What is wrong with the text or with the shapes, as a person reads it: [`Report::render`].
    pub fn compile(
        pipeline: &str,
        shapes: &[(&str, &[usize])],
        options: Options,
    ) -> Result<Optimizer, Report> {
        let given = shapes.iter().map(|(name, sizes)| ((*name).to_owned(), sizes.to_vec())).collect();
        let compile = pipeline::Options { real: Some(options.real), ..pipeline::Options::default() };
        let program = Program::optimizer("optimizer.eg", pipeline, given, compile);
        let (loops, native) = (program.loops()?, program.native()?);
        let (layout, typed) = (program.graphs()?.layouts[&0].clone(), optimizer(&program)?);
        let graphs = program.graphs()?;
        let id = |purpose: Purpose| {
            graphs.program(purpose).unwrap_or_else(|| ice!("optimizer", "no program for {purpose:?}"))
        };
        let positions = positions(graphs.graph(id(Purpose::Step(0))));
        let machine = |of: ProgramId| {
            Machine::new(native, loops, of).map_err(|error| {
                let found = crate::run::errors::out_of_memory(error);
                program.failed(found.label(typed.span, "for the states of this pipeline"))
            })
        };
        let (mut init, mut step) = (machine(id(Purpose::Init(0)))?, machine(id(Purpose::Step(0)))?);
        let mut weights = graphs.program(Purpose::Weights(0)).map(machine).transpose()?;
        if uses(&step, &Role::Total) && options.total.is_none() {
            let message = "the pipeline depends on `T`, the number of steps, which is not given";
            let found = Diagnostic::error(&NO_TOTAL, message).label(typed.span, "looks at `T`");
            return Err(
                program.failed(found.help("give the number of steps, or use a schedule of `t` alone"))
            );
        }
        for machine in [&mut init, &mut step].into_iter().chain(&mut weights) {
            machine.set(&Role::Total, &[options.total.unwrap_or(0) as f64]);
            machine.set(&Role::Key, &step_key(0, 0));
        }
        let states: Vec<Memory> = (0..layout.states.len()).map(|k| init.given(&Role::State(k))).collect();
        for machine in [&mut step].into_iter().chain(&mut weights) {
            for (input, role) in machine.roles() {
                if let Role::State(k) = role {
                    machine.bind(input, &states[k]);
                }
            }
        }
        let mut optimizer = Optimizer {
            real: options.real,
            pipeline: stages(&program, &typed.uses),
            hypers: hypers(&program, &layout, &typed.uses),
            layout,
            init,
            step,
            weights,
            states,
            initial: None,
            positions,
            t: 0,
            ready: false,
            scratch: None,
            program,
        };
        optimizer.give_cells();
        Ok(optimizer)
    }

    /// A printed form of the compiled program: `step`, `kernel`, `loops`, `clif` and the other
    /// [`STAGES`](crate::pipeline::STAGES); `None` if there is no such form.
    pub fn emit(&self, form: &str) -> Option<String> {
        self.program.emit_named(form).ok().flatten()
    }

    /// Warnings about the pipeline.
    pub fn warnings(&self) -> Report {
        self.program.warnings()
    }

    /// Lets steps be taken by so many threads, the caller's among them; at first it is that one alone.
    /// Large steps are shared by all, and have the same bits with any number. The threads sleep between
    /// steps.
    pub fn set_threads(&mut self, threads: usize) {
        let Ok(native) = self.program.native() else { ice!("optimizer", "no machine code") };
        let native = native.with_threads(threads);
        for machine in [&mut self.init, &mut self.step].into_iter().chain(&mut self.weights) {
            machine.run_by(&native);
        }
    }

    /// The number of elements of all parameters.
    pub fn len(&self) -> usize {
        self.layout.segments.total()
    }

    /// Whether there are no parameters: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of elements of each tensor.
    pub fn lengths(&self) -> &[usize] {
        &self.layout.segments.lengths
    }

    /// How many steps have been taken.
    pub fn steps(&self) -> u64 {
        self.t
    }

    /// Whether `step` needs the loss.
    pub fn needs_loss(&self) -> bool {
        uses(&self.step, &Role::Loss)
    }

    /// Starts (again) from these parameters: makes the initial states. The first step does so itself.
    ///
    /// # Errors
    /// If the parameters are not those the pipeline was compiled for, or memory is short.
    pub fn init<R: Element>(&mut self, params: &[R]) -> Result<(), Error> {
        self.fits::<R>("parameters", params.len())?;
        self.init.run_with(&mut [(Role::Params, Borrowed::Read(params))], Phase::Whole);
        self.keep_initial()?;
        if let Some(initial) = &self.initial {
            initial.set_from(params);
        }
        (self.t, self.ready) = (0, true);
        Ok(())
    }

    /// Memory for the parameters before the first step, if a stage looks at them.
    fn keep_initial(&mut self) -> Result<(), Error> {
        if self.initial.is_some() || !self.looks_back() {
            return Ok(());
        }
        let initial = Memory::new(self.real, self.len()).map_err(Error::Memory)?;
        for machine in [&mut self.step].into_iter().chain(&mut self.weights) {
            for (input, role) in machine.roles() {
                if role == Role::Initial {
                    machine.bind(input, &initial);
                }
            }
        }
        self.initial = Some(initial);
        Ok(())
    }

    /// Whether a stage looks at the parameters before the first step.
    fn looks_back(&self) -> bool {
        [&self.step].into_iter().chain(&self.weights).any(|machine| uses(machine, &Role::Initial))
    }

    /// The parameters to evaluate with: those of a stage that says so (`schedule_free`, `weight_ema`),
    /// else the given ones.
    ///
    /// # Errors
    /// If the buffers are not those the pipeline was compiled for, or nothing has started yet.
    pub fn weights<R: Element>(&mut self, params: &[R], weights: &mut [R]) -> Result<(), Error> {
        self.fits::<R>("parameters", params.len())?;
        self.fits::<R>("weights", weights.len())?;
        if !self.ready {
            return Err(Error::NotStarted);
        }
        let Some(machine) = &mut self.weights else {
            weights.copy_from_slice(params);
            return Ok(());
        };
        machine.set(&Role::Step, &[self.t as f64]);
        machine.run_with(&mut [(Role::Params, Borrowed::Read(params))], Phase::Whole);
        machine.given(&Role::Params).copy_to(weights);
        Ok(())
    }

    /// Takes a step in place: `params <- params - update`.
    ///
    /// # Errors
    /// If the buffers are not those the pipeline was compiled for, the loss is needed and missing or not
    /// finite, or a stage takes a position outside of an axis. Nothing has changed then.
    pub fn step<R: Element>(
        &mut self,
        params: &mut [R],
        gradient: &[R],
        loss: Option<f64>,
    ) -> Result<(), Error> {
        self.fits::<R>("parameters", params.len())?;
        self.fits::<R>("gradient", gradient.len())?;
        self.check_loss(loss)?;
        if !self.ready {
            self.init(params)?;
        }
        self.t += 1;
        self.step.set(&Role::Step, &[self.t as f64]);
        self.step.set(&Role::Key, &step_key(0, self.t as usize));
        self.step.set(&Role::Loss, &[loss.unwrap_or(0.0)]);
        let lent = &mut [(Role::Params, Borrowed::Write(params)), (Role::Gradient, Borrowed::Read(gradient))];
        if self.positions.is_empty() {
            self.step.run_with(lent, Phase::Whole);
            return Ok(());
        }
        self.step.run_with(lent, Phase::Compute);
        if let Err(error) = self.check_positions() {
            self.t -= 1;
            return Err(error);
        }
        self.step.run_with(lent, Phase::Commit);
        Ok(())
    }

    /// Checks the positions that a step has computed.
    fn check_positions(&self) -> Result<(), Error> {
        for (output, below) in &self.positions {
            if let Some((_, found)) = self.step.output(*output).first_outside(*below) {
                return Err(Error::Position { found, below: *below });
            }
        }
        Ok(())
    }

    /// As [`Optimizer::step`], on one slice for each tensor. Slices that are consecutive in
    /// memory are used in place. Others are copied: the parameters into one piece and back, the
    /// gradients into one piece, which costs up to 24 bytes of memory traffic per `f32` parameter beside
    /// the 28 of Adam itself, and as much memory as parameters and gradients take.
    ///
    /// # Errors
    /// As [`Optimizer::step`].
    pub fn step_tensors<R: Element>(
        &mut self,
        params: &mut [&mut [R]],
        gradients: &[&[R]],
        loss: Option<f64>,
    ) -> Result<(), Error> {
        self.fit::<R>("parameter", params.iter().map(|part| part.len()))?;
        self.fit::<R>("gradient", gradients.iter().map(|part| part.len()))?;
        self.check_loss(loss)?;
        let [mut flat, mut flat_gradient] = self.scratch::<R>();
        let gradient = match joined_read(gradients) {
            Some(gradient) => gradient,
            None => {
                gather(&mut flat_gradient, gradients.iter().copied());
                &flat_gradient
            }
        };
        let done = match joined(params) {
            Some(params) => self.step(params, gradient, loss),
            None => {
                gather(&mut flat, params.iter().map(|part| &**part));
                let done = self.step(&mut flat, gradient, loss);
                scatter(&flat, params);
                done
            }
        };
        self.scratch = Some(Box::new([flat, flat_gradient]));
        done
    }

    /// As [`Optimizer::step`], with gradients in [`bf16`], and if asked for, a copy of the new
    /// parameters in `bf16`, rounded to the nearest. The gradients are widened into a buffer of the
    /// optimizer's own first, which costs 10 bytes of memory traffic per parameter.
    ///
    /// # Errors
    /// As [`Optimizer::step`].
    pub fn step_bf16(
        &mut self,
        params: &mut [f32],
        gradient: &[u16],
        copy: Option<&mut [u16]>,
        loss: Option<f64>,
    ) -> Result<(), Error> {
        self.fits::<f32>("gradient", gradient.len())?;
        if let Some(copy) = &copy {
            self.fits::<f32>("bf16 copy", copy.len())?;
        }
        let [flat, mut wide] = self.scratch::<f32>();
        wide.clear();
        wide.extend(gradient.iter().copied().map(bf16::widen));
        let done = self.step(params, &wide, loss);
        self.scratch = Some(Box::new([flat, wide]));
        done?;
        for (narrow, value) in copy.into_iter().flatten().zip(params) {
            *narrow = bf16::round(*value);
        }
        Ok(())
    }

    /// The buffers of the last call that needed some.
    fn scratch<R: Element>(&mut self) -> [Vec<R>; 2] {
        let kept = self.scratch.take().and_then(|kept| kept.downcast().ok());
        kept.map_or_else(Default::default, |kept| *kept)
    }

    fn fits<R: Element>(&self, what: &'static str, len: usize) -> Result<(), Error> {
        if R::DTYPE != self.real {
            return Err(Error::Type { what, have: R::DTYPE, want: self.real });
        }
        self.fit_length(what.to_owned(), len, self.len())
    }

    /// Whether slices are those of the tensors.
    fn fit<R: Element>(
        &self,
        what: &'static str,
        lens: impl ExactSizeIterator<Item = usize>,
    ) -> Result<(), Error> {
        self.fit_length(format!("{what} tensors"), lens.len(), self.lengths().len())?;
        for (len, param) in lens.zip(&self.layout.params) {
            self.fit_length(format!("{what} of `{}`", param.name), len, param.ty.count())?;
        }
        self.fits::<R>(what, self.len())
    }

    fn fit_length(&self, what: String, have: usize, want: usize) -> Result<(), Error> {
        if have == want { Ok(()) } else { Err(Error::Length { what, have, want }) }
    }

    fn check_loss(&self, loss: Option<f64>) -> Result<(), Error> {
        match loss {
            Some(loss) if !loss.is_finite() => Err(Error::Loss(Some(loss))),
            None if self.needs_loss() => Err(Error::Loss(None)),
            _ => Ok(()),
        }
    }

    /// All states with their names, in the order of the pipeline.
    pub fn states(&self) -> Vec<StateInfo> {
        let slots = self.layout.states.iter();
        let info = slots.map(|slot| StateInfo {
            name: slot.name.clone(),
            dtype: slot.ty.dtype,
            sizes: slot.ty.sizes(),
        });
        info.collect()
    }

    /// The numbers of a state, `adam.m`.
    ///
    /// # Errors
    /// If there is no such state, or nothing has started yet.
    pub fn state(&self, name: &str) -> Result<Vec<f64>, Error> {
        Ok(self.started_state(name)?.to_f64())
    }

    /// Replaces the numbers of a state, rounded to its type.
    ///
    /// # Errors
    /// If there is no such state, it has another length, or nothing has started yet.
    pub fn set_state(&mut self, name: &str, values: &[f64]) -> Result<(), Error> {
        let memory = self.started_state(name)?;
        self.fit_length(format!("state `{name}`"), values.len(), memory.len())?;
        memory.set_f64(values);
        Ok(())
    }

    fn started_state(&self, name: &str) -> Result<&Memory, Error> {
        let slot = self.layout.states.iter().position(|slot| slot.name == name);
        let names = || self.layout.states.iter().map(|slot| slot.name.as_str());
        let slot = slot.ok_or_else(|| unknown("state", name, names()))?;
        if self.ready { Ok(&self.states[slot]) } else { Err(Error::NotStarted) }
    }

    /// Hyperparameters, `adam.lr`, with their values; `None` for what is computed in each step.
    pub fn hypers(&self) -> &[(String, Option<f64>)] {
        &self.hypers
    }

    /// A hyperparameter, `adam.lr`.
    ///
    /// # Errors
    /// If there is no such hyperparameter, or it is computed in each step.
    pub fn get(&self, name: &str) -> Result<f64, Error> {
        let (name, value) = &self.hypers[self.hyper(name)?];
        value.ok_or_else(|| Error::Computed { name: name.clone() })
    }

    /// Sets a hyperparameter from the next step on. Nothing is compiled again.
    ///
    /// # Errors
    /// If there is no such hyperparameter, it is computed in each step, or the value is not finite or
    /// not in its range.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), Error> {
        let k = self.hyper(name)?;
        self.get(name)?;
        let range = self.layout.ranges.get(&format!("opt.{}", self.hypers[k].0));
        if !value.is_finite() || range.is_some_and(|range| !range.contains(value)) {
            return Err(Error::Value { name: name.to_owned(), value });
        }
        self.hypers[k].1 = Some(value);
        self.give_cells();
        Ok(())
    }

    fn hyper(&self, name: &str) -> Result<usize, Error> {
        let short = name.strip_prefix("opt.").unwrap_or(name);
        let found = self.hypers.iter().position(|(have, _)| have == short);
        let names = || self.hypers.iter().map(|(name, _)| name.as_str());
        found.ok_or_else(|| unknown("hyperparameter", short, names()))
    }

    fn give_cells(&mut self) {
        for (k, CellSlot { name, .. }) in self.layout.cells.iter().enumerate() {
            if let Some((_, Some(value))) = self.hypers.iter().find(|(have, _)| Some(&**have) == short(name))
            {
                for machine in [&mut self.init, &mut self.step].into_iter().chain(&mut self.weights) {
                    machine.set(&Role::Cell(CellId(k)), &[*value]);
                }
            }
        }
    }
}

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let near = suggest::nearest(name, known.clone()).map(str::to_owned);
    Error::UnknownName { kind, name: name.to_owned(), near, known: known.map(str::to_owned).collect() }
}

/// The outputs of a program that hold positions, with the sizes of their axes.
fn positions(graph: &Graph) -> Vec<(usize, usize)> {
    let output = |position: &Position| match position.source {
        IndexSource::Output(output) => Some((output, position.below)),
        IndexSource::Value(_) | IndexSource::Column(_) => None,
    };
    graph.positions.iter().filter_map(output).collect()
}

fn uses(machine: &Machine, role: &Role) -> bool {
    machine.roles().iter().any(|(_, have)| have == role)
}

/// The one statement.
fn optimizer(program: &Program) -> Result<&typed::Optimizer, Report> {
    match &program.typed()?.statements[0].kind {
        StatementKind::Optimizer(only) => Ok(only),
        other => ice!("optimizer", "{other:?} is no optimizer"),
    }
}

/// Names of cells without what they begin with.
fn short(cell: &str) -> Option<&str> {
    cell.strip_prefix("opt.")
}

/// `adam |> eg_scale(signal = cosine, over = model)`
fn stages(program: &Program, pipeline: &[StageUse]) -> String {
    let Ok(typed) = program.typed() else { return String::new() };
    let stage = |used: &StageUse| {
        let stage = &typed.stages[used.stage.0];
        let words: Vec<String> = stage.words.iter().map(|(name, word)| format!("{name} = {word}")).collect();
        if words.is_empty() { stage.name.clone() } else { format!("{}({})", stage.name, words.join(", ")) }
    };
    pipeline.iter().map(stage).collect::<Vec<_>>().join(" |> ")
}

fn hypers(program: &Program, layout: &Layout, pipeline: &[StageUse]) -> Vec<(String, Option<f64>)> {
    let Ok(typed) = program.typed() else { return Vec::new() };
    let mut hypers = Vec::new();
    for used in pipeline {
        let stage = &typed.stages[used.stage.0];
        for local in &stage.hypers {
            let name = format!("{}.{}", used.name, stage.locals[local.0].name);
            let cell = layout.cells.iter().find(|cell| short(&cell.name) == Some(&name));
            hypers.push((name, cell.map(|cell| cell.value)));
        }
    }
    // Numbers that hyperparameters are made of: `adam.lr.peak`, `egdd.mu`.
    for (name, value) in layout.cells.iter().filter_map(|cell| Some((short(&cell.name)?, cell.value))) {
        if !hypers.iter().any(|(have, _)| have == name) {
            hypers.push((name.to_owned(), Some(value)));
        }
    }
    hypers
}

fn gather<'a, R: Element>(flat: &mut Vec<R>, parts: impl Iterator<Item = &'a [R]>) {
    flat.clear();
    parts.for_each(|part| flat.extend_from_slice(part));
}

fn scatter<R: Element>(flat: &[R], parts: &mut [&mut [R]]) {
    let mut rest = flat;
    for part in parts {
        let (own, after) = rest.split_at(part.len());
        part.copy_from_slice(own);
        rest = after;
    }
}
