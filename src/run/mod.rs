//! Machine code to numbers: reads data, runs the statements of a script in order, trains, evaluates,
//! prints, plots and saves.
//!
//! Comes in: the products of all stages. Goes out: what the script prints and writes. This is the one
//! stage after `check` that may fail: on files, on data, on a loss that is not finite.

mod acts;
mod bench;
mod checkpoints;
mod dataset;
pub mod errors;
mod evaluation;
mod execute;
mod first_step;
mod fit;
pub mod machine;
pub(crate) mod made;
pub mod memory;
mod npy;
pub(crate) mod plot;
mod positions;
mod predict;
mod record;
mod rng;
mod room;
mod sample;
pub(crate) mod save;
pub(crate) mod saved;
mod start;
pub(crate) mod sweep;
mod train;
mod value;

use std::io;
use std::sync::atomic::AtomicI32;

pub use bench::{Measured, Timing, bench};
pub(crate) use execute::ResultRef;
pub use execute::{Outcome, execute};
pub use first_step::{RecordedCall, first_step};
pub use fit::Fit;
pub(crate) use predict::predict_saved;
pub use sweep::Sweep;
pub(crate) use train::step_key;

use crate::data::Files;
use crate::graph::Graphs;
use crate::loops::Loops;
use crate::native::Native;
use crate::source::Source;
use crate::typed;

/// What the stages before made of a script.
#[derive(Clone, Copy, Debug)]
pub struct CompiledScript<'a> {
    /// The script as written, and after it the files that it uses.
    pub texts: &'a [Source],
    /// The statements.
    pub typed: &'a typed::Program,
    /// Layouts of parameters, and graphs for finding where a number stopped being finite.
    pub graphs: &'a Graphs,
    /// Memory plans.
    pub loops: &'a Loops,
    /// Machine code.
    pub native: &'a Native,
    /// Data files.
    pub files: &'a Files,
}

/// What the command line may change. Nothing of it recompiles a program, unless it shares states that a
/// changed hyperparameter makes different.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Hyperparameters with their values: `opt.adam.lr`.
    pub set: Vec<(String, f64)>,
    /// A seed in place of the script's.
    pub seed: Option<u64>,
    /// Whether to record how the states of optimizers are distributed, for a report.
    pub record: bool,
    /// Most threads to compute with; 0 is one too. Results do not depend on it.
    pub threads: usize,
    /// Whether training runs go on from their newest checkpoints.
    pub resume: bool,
    /// Becomes another number than 0 when training is to end after the step under way.
    pub stop: Option<&'static AtomicI32>,
}

/// How far a training run is.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The name of the fit.
    pub name: &'a str,
    /// Steps done.
    pub step: usize,
    /// Steps in all.
    pub total: usize,
    /// The epoch under way or just ended, from 1.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Whether the step is the last one of its epoch.
    pub ends_epoch: bool,
    /// The loss and the metrics with their newest values.
    pub measures: &'a [(String, f64)],
}

/// Who listens to a running script.
pub trait Events {
    /// A line that the script prints.
    ///
    /// # Errors
    /// When it cannot be written; the run then ends.
    fn print(&mut self, text: &str) -> io::Result<()>;
    /// What will take seconds begins: the value of a statement, of so many machine instructions, roughly.
    fn long(&mut self, _what: &str, _instructions: u64) {}
    /// Something that a reader of the log may want to know.
    fn note(&mut self, _text: &str) {}
    /// Something that went wrong, and does not end the run.
    fn warn(&mut self, _text: &str) {}
    /// Training starts, after so many steps that an earlier process has taken.
    fn begin(&mut self, _done: usize) {}
    /// A step is done.
    fn step(&mut self, _progress: &Progress<'_>) {}
    /// A step is done, and with it an epoch, or as many steps as `every` says.
    fn measured(&mut self, _progress: &Progress<'_>) {}
    /// Training ends.
    fn end(&mut self) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Events for Silent {
    fn print(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }
}
