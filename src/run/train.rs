//! Training: batches, steps, validation, and what is recorded of them.

use super::errors;
use super::evaluation::Evaluation;
use super::execute::{Interpreter, TrainedOn};
use super::fit::{Fit, History};
use super::machine::{Machine, Memory};
use super::positions::GivenRows;
use super::record::{self, QuantileRecorder};
use super::rng::{self, Stream};
use super::sweep::Choice;
use super::{Events, Progress};
use crate::diag::Diagnostic;
use crate::graph::{self, CellId, Layout, ProgramId, Purpose, Role};
use crate::native::CallRange;
use crate::source::Span;
use crate::typed::Train;

use best::Best;
use checkpoint::Keeper;
use identity::Identity;
use prepare::{Initial, Programs};

/// How often distributions are recorded in a run that does not say it.
const SPREADS: usize = 100;

mod best;
mod checkpoint;
mod identity;
mod prepare;
mod state;

/// A training run under way.
pub(super) struct TrainingRun<'a> {
    train: &'a Train,
    layout: &'a Layout,
    label: String,
    /// What its checkpoints are called.
    file: String,
    cells: Vec<(String, f64)>,
    seed: u64,
    epochs: usize,
    steps: usize,
    /// Steps done.
    done: usize,
    per_epoch: usize,
    /// How many steps lie between two values of a metric.
    every: usize,
    /// Rows to train on, ascending.
    rows: Vec<u32>,
    /// The same in the order of the epoch under way.
    order: Vec<u32>,
    /// Adds up the gradients of the batches of a step, where those are several.
    accumulate: Option<Accumulate>,
    step: Machine,
    /// Makes the parameters to evaluate with, where they are not those that are trained.
    weights: Option<Machine>,
    validate: Option<Evaluation>,
    params: Memory,
    states: Vec<Memory>,
    /// States of the model.
    memory: Vec<Memory>,
    /// What each step records: the loss of its batches first.
    tracks: Vec<Track>,
    /// States whose distributions are recorded.
    spreads: Vec<QuantileRecorder>,
    /// What each epoch records.
    history: History,
    /// Loss and metrics with their newest values.
    measures: Vec<(String, f64)>,
    /// The best of what was measured, where the run leaves that.
    best: Option<Best>,
    /// What writes checkpoints.
    keeper: Option<Keeper<'a>>,
    /// Whether the step has been given its rows, where those are always the same.
    given: bool,
}

/// What adds up the gradients of several batches.
struct Accumulate {
    machine: Machine,
    /// Their mean, once it has run for each batch of a step.
    gradient: Memory,
}

/// A series with a value for each step.
struct Track {
    name: String,
    /// Where the value lies after a step. Of a state with a number for each tensor it is the mean.
    value: Memory,
    /// Of what each batch gives, the mean over the batches of the step so far.
    mean: Option<f64>,
    points: Vec<(f64, f64)>,
}

/// Trains a model.
///
/// # Errors
/// Data that cannot be read, more memory than there is, or a loss that is not finite.
pub(super) fn train<'a>(
    script: &mut Interpreter<'a>,
    index: usize,
    train: &'a Train,
    span: Span,
    events: &mut dyn Events,
) -> Result<Fit, Diagnostic> {
    let mut run = TrainingRun::new(script, index, train).map_err(|error| at_run(error, span))?;
    run.all(script, index, events).map_err(|error| at_run(error, span))?;
    Ok(run.finish())
}

/// The programs of the run of a statement that read its training rows.
pub(super) fn programs(script: &Interpreter<'_>, index: usize) -> Vec<ProgramId> {
    let both = [Purpose::Step(index), Purpose::Accumulate(index)];
    both.into_iter().filter_map(|purpose| script.find_program(purpose)).collect()
}

/// Gives an error a place if it has none.
pub(super) fn at_run(error: Diagnostic, span: Span) -> Diagnostic {
    if error.labels.is_empty() { error.label(span, "in this run") } else { error }
}

impl<'a> TrainingRun<'a> {
    /// A run before its first step: initial values, all memory, the rows of the data.
    pub(super) fn new(
        script: &mut Interpreter<'a>,
        index: usize,
        train: &'a Train,
    ) -> Result<TrainingRun<'a>, Diagnostic> {
        TrainingRun::chosen(script, index, train, Choice::only(train))
    }

    /// The same with what a sweep chooses.
    pub(super) fn chosen(
        script: &mut Interpreter<'a>,
        index: usize,
        train: &'a Train,
        choice: Choice,
    ) -> Result<TrainingRun<'a>, Diagnostic> {
        let layout = &script.stages.graphs.layouts[&index];
        let cells = choice.cells_of(layout, script.cells(layout));
        let seed = choice.seed.or(script.settings.seed).unwrap_or(train.seed);
        for program in programs(script, index) {
            script.dataset(TrainedOn::own(train.data), program)?;
        }
        let rows = script.opened(TrainedOn::own(train.data))?.rows(train.split);
        let per_epoch = rows.len() / train.batch / train.accumulate;
        let steps = train.length.steps(per_epoch);
        let mut programs = Programs::new(script, index, train)?;
        programs.machines().for_each(|machine| fill(machine, &cells, seed, steps));
        let Initial { params, states, memory } = Initial::new(script, train, layout, &mut programs.init)?;
        let Programs { accumulate, step, weights, validate, .. } = programs;
        let accumulate = accumulate.map(|machine| Accumulate::new(machine, &params)).transpose()?;
        let mut run = TrainingRun {
            train,
            layout,
            label: choice.label,
            file: choice.file,
            cells,
            seed,
            epochs: steps.div_ceil(per_epoch),
            steps,
            done: 0,
            per_epoch,
            every: train.every.unwrap_or(per_epoch),
            order: rows.clone(),
            rows,
            accumulate,
            step,
            weights,
            validate,
            params,
            states,
            memory,
            tracks: Vec::new(),
            spreads: Vec::new(),
            history: History::new(),
            measures: Vec::new(),
            best: None,
            keeper: None,
            given: false,
        };
        run.connect()?;
        run.check_columns(script)?;
        run.tracks = run.tracks();
        let wanted = record::wanted(script.stages.typed, index, layout, script.settings.record);
        run.spreads = record::spreads(&wanted, layout, &run.states);
        Ok(run)
    }

    /// Lets the programs share parameters and states.
    fn connect(&mut self) -> Result<(), Diagnostic> {
        let initial = self.params.copy().map_err(errors::out_of_memory)?;
        let evaluated = self.weights.as_ref().map(|machine| machine.given(&Role::Params));
        let gradient = self.accumulate.as_ref().map(|accumulate| accumulate.gradient.clone());
        let accumulate = self.accumulate.as_mut().map(|accumulate| &mut accumulate.machine);
        let validate = self.validate.iter_mut().flat_map(Evaluation::machines);
        let others = accumulate.into_iter().chain(&mut self.weights).chain(validate);
        for machine in [&mut self.step].into_iter().chain(others) {
            for (k, role) in machine.roles() {
                match role {
                    Role::Params => machine.bind(k, &self.params),
                    Role::Initial => machine.bind(k, &initial),
                    Role::Gradient => gradient.iter().for_each(|gradient| machine.bind(k, gradient)),
                    Role::State(slot) => machine.bind(k, &self.states[slot]),
                    Role::ModelState(state) => machine.bind(k, &self.memory[state]),
                    _ => {}
                }
            }
        }
        let Some(evaluated) = evaluated else { return Ok(()) };
        for machine in self.validate.iter_mut().flat_map(Evaluation::machines) {
            for (k, _) in machine.roles().into_iter().filter(|(_, role)| *role == Role::Params) {
                machine.bind(k, &evaluated);
            }
        }
        Ok(())
    }

    /// Takes all steps, or those that are left after a checkpoint.
    pub(super) fn all(
        &mut self,
        script: &mut Interpreter<'_>,
        index: usize,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        if let Some(settings) = &self.train.checkpoints {
            let identity = Identity::of(self, script, index)?;
            self.keeper = Some(Keeper::new(settings, self.file.clone(), identity));
        }
        self.resume(script, events)?;
        events.begin(self.done);
        let done = self.take_all(script, events);
        events.end();
        done
    }

    fn take_all(&mut self, script: &mut Interpreter<'_>, events: &mut dyn Events) -> Result<(), Diagnostic> {
        if self.done > 0 {
            // A checkpoint is of a step before anything is measured: more steps may follow than did then.
            self.note(script, events)?;
        }
        while self.done < self.steps && !self.is_over() {
            self.advance(script)?;
            self.checkpoint(events)?;
            self.interrupted(script, events)?;
            self.note(script, events)?;
        }
        self.say_end(events);
        Ok(())
    }

    /// Measures and records after a step what is due.
    fn note(&mut self, script: &mut Interpreter<'_>, events: &mut dyn Events) -> Result<(), Diagnostic> {
        let t = self.done;
        let recorded = t.is_multiple_of(self.every) || t == self.steps;
        let ends_epoch = self.ends_epoch(t);
        if recorded {
            self.measure(script, t)?;
            self.keep_best()?;
        } else if ends_epoch {
            self.measures[0].1 = recent(&self.tracks[0].points, (t - 1) % self.per_epoch + 1);
        }
        if t.is_multiple_of(self.spread_every()) || t == self.steps {
            self.spreads.iter_mut().for_each(|spread| spread.record(t));
        }
        match recorded || ends_epoch {
            true => events.measured(&self.progress(t)),
            false => events.step(&self.progress(t)),
        }
        Ok(())
    }

    /// How many steps lie between two records of distributions.
    fn spread_every(&self) -> usize {
        self.train.every.unwrap_or(self.steps.div_ceil(SPREADS))
    }

    fn ends_epoch(&self, t: usize) -> bool {
        t.is_multiple_of(self.per_epoch) || t == self.steps
    }

    /// Takes the next step, in the next epoch if this one is over.
    pub(super) fn advance(&mut self, script: &mut Interpreter<'_>) -> Result<(), Diagnostic> {
        if self.done.is_multiple_of(self.per_epoch) && self.train.shuffle {
            self.shuffle(self.done / self.per_epoch);
        }
        self.one(script, self.done + 1)
    }

    /// How many of its steps are still to be taken.
    pub(super) fn left(&self) -> usize {
        self.steps.saturating_sub(self.done)
    }

    /// The loss of the last step, before its update.
    pub(super) fn loss(&self) -> f64 {
        recent(&self.tracks[0].points, 1)
    }

    /// The run's name, the number of its parameters, and the rows of a batch.
    pub(super) fn size(&self) -> (String, usize, usize) {
        (self.train.optimizer.name.clone(), self.params.len(), self.train.batch)
    }

    /// What it leaves behind.
    pub(super) fn finish(mut self) -> Fit {
        let last = self.evaluated();
        let (evaluated, memory) = match self.best.take() {
            Some(Best { params, memory, .. }) => (Some(params), memory),
            None => (last, self.memory),
        };
        let trained = evaluated.is_some().then(|| self.params.clone());
        self.history.extend(self.tracks.into_iter().map(|track| (track.name, track.points)));
        Fit {
            layout: self.layout.clone(),
            params: evaluated.unwrap_or(self.params),
            trained,
            states: self.states,
            memory,
            history: self.history,
            spreads: self.spreads.into_iter().map(|spread| (spread.key, spread.points)).collect(),
            cells: self.cells,
            steps: self.done,
            seed: self.seed,
        }
    }

    fn shuffle(&mut self, epoch: usize) {
        let order = rng::permutation(self.rows.len(), self.seed, Stream::Epoch(epoch as u32));
        self.order = order.into_iter().map(|position| self.rows[position as usize]).collect();
    }

    /// The series of the steps to come: loss, metrics, and states that are numbers per tensor or model.
    fn tracks(&self) -> Vec<Track> {
        let most = self.steps.min(1 << 16);
        let track = |name, value, mean| Track { name, value, mean, points: Vec::with_capacity(most) };
        let batch = self.batch();
        let name = |name: String| if name == "loss" { "batch_loss".to_owned() } else { name };
        let results = batch.results().into_iter();
        let results = results.map(|(k, result)| track(name(result), batch.output(k), Some(0.0)));
        let states = self.layout.states.iter().zip(&self.states);
        let states = states.filter(|(slot, _)| slot.extent.is_recorded());
        let states = states.map(|(slot, memory)| track(format!("opt.{}", slot.name), memory.clone(), None));
        results.chain(states).collect()
    }

    /// What computes the loss of a batch.
    fn batch(&self) -> &Machine {
        self.accumulate.as_ref().map_or(&self.step, |accumulate| &accumulate.machine)
    }

    fn batch_mut(&mut self) -> &mut Machine {
        self.accumulate.as_mut().map_or(&mut self.step, |accumulate| &mut accumulate.machine)
    }

    /// One step: the loss of each batch is looked at before anything that outlives the step is written.
    fn one(&mut self, script: &mut Interpreter<'_>, t: usize) -> Result<(), Diagnostic> {
        let batches = self.train.accumulate;
        if let Some(accumulate) = &self.accumulate {
            accumulate.gradient.clear();
        }
        self.step.set(&Role::Step, &[t as f64]);
        self.batch_mut().set(&Role::Step, &[t as f64]);
        for number in (t - 1) * batches..t * batches {
            self.give(script, number)?;
            self.batch_mut().run(CallRange::Compute);
            self.check_positions(script, t, number)?;
            let loss = self.tracks[0].value.get(0);
            if !loss.is_finite() {
                return Err(self.failure(script, t, loss));
            }
            self.batch_mut().run(CallRange::Commit);
            for Track { value, mean, .. } in &mut self.tracks {
                *mean = mean.map(|mean| mean + value.get(0) / batches as f64);
            }
        }
        if self.accumulate.is_some() {
            self.step.set(&Role::Key, &step_key(self.seed, t * batches));
            self.step.set(&Role::Loss, &[self.tracks[0].mean.unwrap_or(f64::NAN)]);
            self.step.run(CallRange::Compute);
            script.check_positions(&self.step, format_args!("step {t}, "), None)?;
            self.step.run(CallRange::Commit);
        }
        self.record(t);
        Ok(())
    }

    /// Hands on each program of the first step with its inputs bound, in order, to be run, and the states.
    pub(super) fn first(
        &mut self,
        script: &mut Interpreter<'_>,
        mut take: impl FnMut(&mut Machine, &[Memory]),
    ) -> Result<(), Diagnostic> {
        self.step.set(&Role::Step, &[1.0]);
        self.batch_mut().set(&Role::Step, &[1.0]);
        self.give(script, 0)?;
        if let Some(accumulate) = &mut self.accumulate {
            accumulate.gradient.clear();
            take(&mut accumulate.machine, &self.states);
            self.step.set(&Role::Key, &step_key(self.seed, self.train.accumulate));
            self.step.set(&Role::Loss, &[self.tracks[0].value.get(0)]);
        }
        take(&mut self.step, &self.states);
        Ok(())
    }

    /// Gives batch `number` of all batches its rows and its random numbers.
    fn give(&mut self, script: &mut Interpreter<'_>, number: usize) -> Result<(), Diagnostic> {
        let Train { batch, accumulate, data, shuffle, .. } = *self.train;
        let whole = batch == self.rows.len() && !shuffle;
        let machine = self.accumulate.as_mut().map_or(&mut self.step, |accumulate| &mut accumulate.machine);
        if !self.given || !whole {
            let within = number % (self.per_epoch * accumulate);
            script.opened(TrainedOn::own(data))?.give(machine, &self.order[within * batch..][..batch]);
            self.given = true;
        }
        machine.set(&Role::Key, &step_key(self.seed, number + 1));
        Ok(())
    }

    /// Checks labels and positions in columns of the data, which do not change while it trains.
    fn check_columns(&self, script: &mut Interpreter<'_>) -> Result<(), Diagnostic> {
        let given = GivenRows::all(TrainedOn::own(self.train.data), &self.rows);
        script.check_columns(self.batch().program(), given)?;
        self.validate.as_ref().map_or(Ok(()), |validate| validate.check_columns(script))
    }

    /// Checks those that batch `number` has computed in step `t`.
    fn check_positions(&self, script: &Interpreter<'_>, t: usize, number: usize) -> Result<(), Diagnostic> {
        let Train { batch, accumulate, data, .. } = *self.train;
        let within = number % (self.per_epoch * accumulate);
        let given = GivenRows::all(TrainedOn::own(data), &self.order[within * batch..][..batch]);
        script.check_positions(self.batch(), format_args!("step {t}, "), Some(given))
    }

    /// Notes what step `t` gave.
    fn record(&mut self, t: usize) {
        self.done = t;
        for Track { value, mean, points, .. } in &mut self.tracks {
            points.push((t as f64, mean.unwrap_or_else(|| value.mean())));
            *mean = mean.map(|_| 0.0);
        }
        let loss = recent(&self.tracks[0].points, 1);
        match self.measures.first_mut() {
            Some(measure) => measure.1 = loss,
            None => self.measures.push(("loss".to_owned(), loss)),
        }
    }

    /// Notes loss and metrics after step `t`: the means of the steps since the last time, and what there is
    /// on the validation rows.
    fn measure(&mut self, script: &mut Interpreter<'_>, t: usize) -> Result<(), Diagnostic> {
        let steps = (t - 1) % self.every + 1;
        let loss = recent(&self.tracks[0].points, steps);
        self.history.entry("loss".to_owned()).or_default().push((t as f64, loss));
        self.measures[0].1 = loss;
        self.measures.truncate(1);
        let metrics = self.train.metrics.iter().map(|(name, _)| name.clone());
        if self.validate.is_some() {
            self.evaluated();
        }
        let Some(validate) = &mut self.validate else {
            for name in metrics {
                // What these steps recorded becomes one value.
                let Some(track) = self.tracks.iter_mut().find(|track| track.name == name) else { continue };
                let mean = recent(&track.points, steps);
                track.points.truncate(track.points.len() - steps.min(track.points.len()));
                track.points.push((t as f64, mean));
                self.measures.push((name, mean));
            }
            return Ok(());
        };
        validate.machines().for_each(|machine| machine.set(&Role::Step, &[t as f64]));
        validate.run(script, format_args!("after step {t}, "))?;
        let names = std::iter::once("val_loss".to_owned()).chain(metrics);
        for (k, name) in names.enumerate() {
            let value = validate.number(k);
            self.history.entry(name.clone()).or_default().push((t as f64, value));
            self.measures.push((name, value));
        }
        Ok(())
    }

    /// Makes the parameters to evaluate with, if they are not those that are trained.
    fn evaluated(&mut self) -> Option<Memory> {
        let machine = self.weights.as_mut()?;
        machine.set(&Role::Step, &[self.done as f64]);
        machine.run(CallRange::Whole);
        Some(machine.given(&Role::Params))
    }

    fn progress(&self, t: usize) -> Progress<'_> {
        Progress {
            name: &self.label,
            step: t,
            total: self.steps,
            epoch: (t - 1) / self.per_epoch + 1,
            epochs: self.epochs,
            ends_epoch: self.ends_epoch(t),
            measures: &self.measures,
        }
    }

    /// Says where the loss stopped being finite: the reference run of the same graph on the same
    /// inputs, none of which the step has overwritten.
    fn failure(&self, script: &Interpreter<'_>, t: usize, loss: f64) -> Diagnostic {
        if !self.train.sweep.is_empty() {
            // The sweep goes on, and nobody reads where.
            return errors::training_failed(
                t,
                loss,
                "loss",
                Some(self.train.optimizer.span),
                self.train.loss.span,
            );
        }
        let batch = self.batch();
        let graph = script.stages.graphs.graph(batch.program());
        let (name, span) = graph::eval::first_not_finite(graph, &batch.tensors(graph))
            .unwrap_or_else(|| ("loss".to_owned(), Some(self.train.optimizer.span)));
        errors::training_failed(t, loss, &name, span, self.train.loss.span)
    }
}

impl Accumulate {
    fn new(machine: Machine, params: &Memory) -> Result<Accumulate, Diagnostic> {
        let gradient = Memory::new(params.dtype(), params.len()).map_err(errors::out_of_memory)?;
        Ok(Accumulate { machine, gradient })
    }
}

/// The mean of the newest points of a series.
fn recent(points: &[(f64, f64)], most: usize) -> f64 {
    let last = &points[points.len() - most.min(points.len())..];
    last.iter().map(|point| point.1).sum::<f64>() / last.len() as f64
}

/// Gives a program what does not change while it trains.
fn fill(machine: &mut Machine, cells: &[(String, f64)], seed: u64, steps: usize) {
    machine.set(&Role::Key, &step_key(seed, 0));
    machine.set(&Role::Total, &[steps as f64]);
    for (k, (_, value)) in cells.iter().enumerate() {
        machine.set(&Role::Cell(CellId(k)), &[*value]);
    }
}

/// The key of the random numbers of one step; step 0 is the initial values.
pub(crate) fn step_key(seed: u64, t: usize) -> [f64; 2] {
    let [low, high] = rng::key(seed);
    [f64::from(low), f64::from(high ^ t as i32)]
}
