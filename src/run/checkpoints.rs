//! Checkpoint files in their folder: one for each number of steps, `fit-00001500.safetensors`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::errors;
use crate::data::errors::unreadable;
use crate::diag::Diagnostic;
use crate::typed::{Checkpoints, Program, Statement, StatementKind, Train};

/// The checkpoints of one run.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// What their names begin with: the name of the run, and of which choice of a sweep.
    name: String,
}

/// What a checkpoint's name ends with.
const END: &str = ".safetensors";

impl Folder {
    pub(super) fn new(path: &str, name: String) -> Folder {
        Folder { path: PathBuf::from(path), name }
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file for the state after so many steps.
    pub(super) fn file(&self, step: usize) -> PathBuf {
        self.path.join(format!("{}-{step:08}{END}", self.name))
    }

    /// The files that are there with their steps, newest first.
    pub(super) fn files(&self) -> io::Result<Vec<(usize, PathBuf)>> {
        let own = listed(&self.path)?.into_iter().filter(|(name, ..)| *name == self.name);
        let mut found: Vec<(usize, PathBuf)> = own.map(|(_, step, path)| (step, path)).collect();
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// Removes all but the newest.
    pub(super) fn prune(&self, keep: usize) -> io::Result<()> {
        self.files()?.into_iter().skip(keep).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// All checkpoints in a folder: the names of their runs, their steps and paths. A folder that is not there has none.
fn listed(folder: &Path) -> io::Result<Vec<(String, usize, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(END));
        let parts = name.and_then(|name| name.rsplit_once('-'));
        let Some((name, step)) = parts else { continue };
        // Drafts and files of others are none.
        let Some(step) = step.parse().ok().filter(|_| step.bytes().all(|byte| byte.is_ascii_digit())) else {
            continue;
        };
        found.push((name.to_owned(), step, path));
    }
    Ok(found)
}

/// Before anything is computed: the folders of a run's checkpoints can be written to, and hold none that a run
/// which begins anew would mix with its own.
pub(super) fn check(statement: &Statement, resume: bool) -> Result<(), Diagnostic> {
    let Some((train, checkpoints)) = settings(statement) else { return Ok(()) };
    let folder = Path::new(&checkpoints.folder);
    let at = |error: Diagnostic| error.label(statement.span, "in this run");
    fs::create_dir_all(folder).map_err(|error| at(errors::unwritable(folder, &error)))?;
    let there = listed(folder).map_err(|error| at(unreadable(folder, &error)))?;
    let name = &train.optimizer.name;
    // Choices of a sweep are numbered behind a dot.
    let own = |file: &&(String, usize, PathBuf)| file.0.split('.').next() == Some(name);
    match there.iter().filter(own).max_by_key(|(_, step, _)| *step) {
        Some((_, _, newest)) if !resume && !checkpoints.resume => {
            Err(at(errors::checkpoints_there(name, newest)))
        }
        _ => Ok(()),
    }
}

/// Somebody who wants to go on has something to go on from.
pub(super) fn check_resume(program: &Program, resume: bool) -> Result<(), Diagnostic> {
    match resume && program.statements.iter().all(|statement| settings(statement).is_none()) {
        true => Err(errors::nothing_to_resume()),
        false => Ok(()),
    }
}

fn settings(statement: &Statement) -> Option<(&Train, &Checkpoints)> {
    match &statement.kind {
        StatementKind::Train(train) => Some((train, train.checkpoints.as_ref()?)),
        _ => None,
    }
}
