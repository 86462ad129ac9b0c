//! When a run writes checkpoints, and how it goes on from one.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::TrainingRun;
use super::identity::Identity;
use crate::data::errors::unreadable;
use crate::diag::Diagnostic;
use crate::run::checkpoints::Folder;
use crate::run::execute::Interpreter;
use crate::run::saved::Saved;
use crate::run::{Events, errors, fit, save};
use crate::typed::Checkpoints;

/// The checkpoints of a run.
pub(super) struct Keeper<'a> {
    settings: &'a Checkpoints,
    folder: Folder,
    identity: Identity,
    /// The step of the newest one that this run has written or read.
    newest: Option<usize>,
}

impl<'a> Keeper<'a> {
    /// Of the run that is called `name` in its folder.
    pub(super) fn new(settings: &'a Checkpoints, name: String, identity: Identity) -> Keeper<'a> {
        Keeper { settings, folder: Folder::new(&settings.folder, name), identity, newest: None }
    }
}

impl TrainingRun<'_> {
    /// Goes on from the newest whole checkpoint, if that is asked for and there is one.
    pub(super) fn resume(
        &mut self,
        script: &Interpreter<'_>,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        if !script.settings.resume && !keeper.settings.resume {
            return Ok(());
        }
        let folder = keeper.folder.path();
        let files = keeper.folder.files().map_err(|error| unreadable(folder, &error))?;
        let mut newest = None;
        for (step, path) in files {
            match Saved::read(&path) {
                Ok(saved) => return self.go_on(&saved, step, &path, events),
                Err(error) => {
                    events.warn(&format!("the checkpoint `{}` is passed over: {error}", path.display()));
                    newest.get_or_insert((path, error));
                }
            }
        }
        if let Some((path, damage)) = newest {
            return Err(errors::no_whole_checkpoint(&path, &damage));
        }
        let folder = folder.display();
        events.note(&format!("{}: no checkpoint in `{folder}`, it begins at step 1", self.label));
        Ok(())
    }

    /// Takes over a checkpoint, if it is one of this run.
    fn go_on(
        &mut self,
        saved: &Saved,
        step: usize,
        path: &Path,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        let mut differences = keeper.identity.differences(&saved.metadata);
        if step > self.steps {
            differences.push(format!("it is at step {step} of a run that now has {}", self.steps));
        }
        if !differences.is_empty() {
            return Err(errors::other_run(path, &differences));
        }
        let missing = self.restore(saved, step).map_err(|why| errors::other_run(path, &[why]))?;
        for key in missing {
            events.warn(&format!("{}: `{key}` is recorded only from step {} on", self.label, step + 1));
        }
        if !step.is_multiple_of(self.per_epoch) && self.train.shuffle {
            self.shuffle(step / self.per_epoch);
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.newest = Some(step);
        }
        events.note(&format!("{}: goes on after step {step} from `{}`", self.label, path.display()));
        Ok(())
    }

    /// Writes a checkpoint after a step if it is time for one.
    pub(super) fn checkpoint(&mut self, events: &mut dyn Events) -> Result<(), Diagnostic> {
        let t = self.done;
        let due = |keeper: &Keeper<'_>| t.is_multiple_of(keeper.settings.every) || t == self.steps;
        match self.keeper.as_ref().is_some_and(due) {
            true => self.keep(events).map(|_| ()),
            false => Ok(()),
        }
    }

    /// Writes a checkpoint of the steps so far, if the run writes any; says where it is. One that cannot be written
    /// ends the run where that is asked for, and else leaves those that there are.
    fn keep(&mut self, events: &mut dyn Events) -> Result<Option<PathBuf>, Diagnostic> {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        let (path, settings) = (keeper.folder.file(self.done), keeper.settings);
        if keeper.newest == Some(self.done) {
            return Ok(Some(path));
        }
        let entries: Vec<(String, String)> = keeper.identity.entries().collect();
        let (tensors, measured) = self.tensors();
        let about =
            fit::about(self.layout, self.done, self.seed, &self.cells).chain(entries).chain([measured]);
        let written = save::write(&tensors, &about.collect::<Vec<_>>(), &path);
        let Some(keeper) = &mut self.keeper else { return Ok(None) };
        match written {
            Ok(()) => {
                keeper.newest = Some(self.done);
                if let Err(error) = keeper.folder.prune(settings.keep) {
                    events.warn(&format!("an old checkpoint cannot be removed: {error}"));
                }
                Ok(Some(path))
            }
            Err(error) if settings.strict => Err(error),
            Err(error) => {
                events.warn(&format!(
                    "{}; training goes on, older checkpoints are as they were",
                    error.message
                ));
                Ok(None)
            }
        }
    }

    /// Ends the run after a step if somebody asks for it, with a checkpoint.
    pub(super) fn interrupted(
        &mut self,
        script: &Interpreter<'_>,
        events: &mut dyn Events,
    ) -> Result<(), Diagnostic> {
        let stop = script.settings.stop.is_some_and(|stop| stop.load(Ordering::Relaxed) != 0);
        if !stop {
            return Ok(());
        }
        let kept = self.keep(events)?;
        Err(errors::interrupted(&self.label, self.done, self.steps, kept.as_deref()))
    }
}
