//! The best of what a run has measured, and whether it ends before its last step.

use super::TrainingRun;
use crate::diag::Diagnostic;
use crate::print::number;
use crate::run::machine::Memory;
use crate::run::save::{self, SavedTensor};
use crate::run::saved::Saved;
use crate::run::{Events, errors};

/// What the names of its tensors in a checkpoint begin with.
pub(super) const BEST: &str = "/best/";

/// Parameters to evaluate with and states of the model, when the series was least.
pub(super) struct Best {
    /// The value of the series as it is meant: the least is the best.
    pub(super) value: f64,
    pub(super) step: usize,
    pub(super) params: Memory,
    pub(super) memory: Vec<Memory>,
}

impl TrainingRun<'_> {
    /// Keeps what there is after it has been measured, if it is better than all before. What is no number is not.
    pub(super) fn keep_best(&mut self) -> Result<(), Diagnostic> {
        let Some(kept) = &self.train.keep else { return Ok(()) };
        let newest = self.measures.iter().find(|(name, _)| *name == kept.series);
        let value = newest.map_or(f64::NAN, |(_, value)| kept.of(*value));
        if value.is_nan() || self.best.as_ref().is_some_and(|best| best.value <= value) {
            return Ok(());
        }
        let params = self.evaluated().unwrap_or_else(|| self.params.clone());
        let copy = |memory: &Memory| memory.copy().map_err(errors::out_of_memory);
        let memory = self.memory.iter().map(copy).collect::<Result<_, _>>()?;
        self.best = Some(Best { value, step: self.done, params: copy(&params)?, memory });
        Ok(())
    }

    /// Whether the run ends before its last step.
    pub(super) fn is_over(&self) -> bool {
        let Some(stop) = self.train.stop.as_ref().filter(|_| self.done > 0) else { return false };
        let measured = self.done.is_multiple_of(self.every);
        measured && stop.holds(&|series| self.values(series))
    }

    /// The measured values of a series, in order.
    fn values(&self, series: &str) -> Vec<f64> {
        let recorded = self.history.get(series);
        let track = || self.tracks.iter().find(|track| track.name == series).map(|track| &track.points);
        recorded.or_else(track).into_iter().flatten().map(|(_, value)| *value).collect()
    }

    /// Says what a run leaves that is not what its last step made.
    pub(super) fn say_end(&self, events: &mut dyn Events) {
        if self.done < self.steps {
            events.note(&format!("{}: stopped after step {} of {}", self.label, self.done, self.steps));
        }
        if let (Some(Best { value, step, .. }), Some(kept)) = (&self.best, &self.train.keep) {
            let value = number(kept.of(*value));
            events.note(&format!("{}: kept step {step}, where {} is {value}", self.label, kept.series));
        }
    }

    /// The best so far as tensors of a checkpoint.
    pub(super) fn best_tensors(&self) -> Vec<SavedTensor> {
        let Some(Best { value, step, params, memory }) = &self.best else { return Vec::new() };
        let named = save::named(&save::trained(self.layout, params, None, memory, &[]));
        let mut tensors: Vec<SavedTensor> = named
            .into_iter()
            .map(|tensor| SavedTensor { name: format!("{BEST}{}", tensor.name), ..tensor })
            .collect();
        tensors.push(super::state::rows(BEST.to_owned(), &[[*value, *step as f64]]));
        tensors
    }

    /// The same back, if the checkpoint has it.
    pub(super) fn best_of(&self, saved: &Saved) -> Option<Best> {
        let row = saved.rows(BEST, 2)?.into_iter().next()?;
        let params = self.params.copy().ok()?;
        let memory: Vec<Memory> =
            self.memory.iter().map(|memory| memory.copy().ok()).collect::<Option<_>>()?;
        for mut flat in save::trained(self.layout, &params, None, &memory, &[]) {
            flat.tensors.iter_mut().for_each(|(name, _)| name.insert_str(0, BEST));
            flat.memory.set_bytes(&saved.flat(&flat).ok()?);
        }
        Some(Best { value: row[0], step: row[1] as usize, params, memory })
    }
}
