//! What can be wrong with checkpoints, and a run that is ended by a signal.

use std::io;
use std::path::Path;

use crate::diag::{Code, Diagnostic};

/// Training that a signal ended.
pub(crate) static INTERRUPTED: Code = Code {
    name: "interrupted",
    explain: "\
Training was ended by Ctrl-C or by another process (SIGTERM). The step under way was finished, and a
checkpoint written if the run writes any. A second Ctrl-C ends at once.

    let fit = train net on d.train {
      ...
      checkpoint = every 500 to \"checkpoints\"
    }

`egret run --resume FILE` then goes on with the same bits as if nothing had happened.",
};

/// A checkpoint of another run.
pub(crate) static OTHER_RUN: Code = Code {
    name: "other-run",
    explain: "\
A run goes on from a checkpoint only if it is the same run: the same model, loss, metrics and
optimizer, hyperparameters, data, batches and seed, by the same version of egret. The message says what
differs. More epochs or steps are no difference, unless the loss or the optimizer reads `T`.

Put back what was changed, or give the new run another folder.",
};

/// Checkpoints, all of them damaged.
pub(crate) static NO_WHOLE_CHECKPOINT: Code = Code {
    name: "no-whole-checkpoint",
    explain: "\
The folder holds checkpoints of the run, and each of them is damaged: cut off, or with other bytes than
were written. Nothing is trained, so that nothing is overwritten by mistake. Move them away to begin anew.",
};

/// Checkpoints of an earlier run where a new one begins.
pub(crate) static CHECKPOINTS_THERE: Code = Code {
    name: "checkpoints-there",
    explain: "\
A run that begins anew would mix its checkpoints with those of an earlier one, and remove them as older
ones. So it is not begun.

    egret run --resume FILE      // goes on from the newest

In a script `resume = true` does the same: the run goes on if there is a checkpoint, and else begins.
To begin anew, move the old ones away or give another folder.",
};

/// Nothing to go on from.
pub(crate) static NOTHING_TO_RESUME: Code = Code {
    name: "nothing-to-resume",
    explain: "\
`--resume` lets training runs go on from their checkpoints, and no run of the script writes any.

    checkpoint = every 500 to \"checkpoints\"",
};

/// A run that a signal ended.
pub(crate) fn interrupted(run: &str, step: usize, steps: usize, kept: Option<&Path>) -> Diagnostic {
    let message = format!("`{run}` was interrupted after step {step} of {steps}");
    let found = Diagnostic::error(&INTERRUPTED, message);
    match kept {
        Some(path) => {
            let found = found.note(format!("all of it is in `{}`", path.display()));
            found.help("`egret run --resume` goes on from there")
        }
        None => found.help("with `checkpoint = every 500 to \"checkpoints\"` in `train` it could go on"),
    }
}

/// A checkpoint of another run.
pub(crate) fn other_run(path: &Path, differences: &[String]) -> Diagnostic {
    let message = format!("the checkpoint `{}` is of another run", path.display());
    let found = Diagnostic::error(&OTHER_RUN, message);
    let found = differences.iter().take(5).fold(found, |found, difference| found.note(difference.clone()));
    found.help("put back what was changed, or give another folder")
}

/// Checkpoints, all of them damaged.
pub(crate) fn no_whole_checkpoint(newest: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("no checkpoint is whole; the newest, `{}`: {error}", newest.display());
    Diagnostic::error(&NO_WHOLE_CHECKPOINT, message).help("move them away to begin anew")
}

/// Checkpoints of an earlier run.
pub(crate) fn checkpoints_there(run: &str, newest: &Path) -> Diagnostic {
    let message = format!("there are checkpoints of an earlier `{run}`, up to `{}`", newest.display());
    let help = "go on from it with `egret run --resume`, or move them away, or give another folder";
    Diagnostic::error(&CHECKPOINTS_THERE, message).help(help)
}

/// Nothing to go on from.
pub(crate) fn nothing_to_resume() -> Diagnostic {
    Diagnostic::error(&NOTHING_TO_RESUME, "no training run of the script writes checkpoints")
        .help("add `checkpoint = every 500 to \"checkpoints\"` to `train`")
}
