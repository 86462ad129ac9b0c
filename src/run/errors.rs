//! What can go wrong while a program runs, and with the files that it writes.

use std::io;
use std::path::Path;

use super::memory::OutOfMemory;
use crate::check::errors::TOO_LARGE;
use crate::diag::{Code, Diagnostic};
use crate::print::bytes;
use crate::source::Span;

mod checkpoints;
mod predictions;
mod tensors;

pub(crate) use checkpoints::*;
pub(crate) use predictions::*;
pub(crate) use tensors::*;

/// Every code of this stage.
pub const CODES: &[&Code] = &[
    &UNWRITABLE_FILE,
    &TRAINING_FAILED,
    &UNKNOWN_HYPERPARAMETER,
    &INTERRUPTED,
    &OTHER_RUN,
    &NO_WHOLE_CHECKPOINT,
    &CHECKPOINTS_THERE,
    &NOTHING_TO_RESUME,
    &OTHER_TENSORS,
    &NO_PREDICTION,
    &INCOMPLETE_FIT,
    &OTHER_FEATURES,
];

/// A file that cannot be written.
pub static UNWRITABLE_FILE: Code = Code {
    name: "unwritable-file",
    explain: "\
`save` or `plot` could not write its file: the folder does not exist, or may not be written to.
Files are written under another name first and renamed when complete, so an older file of that name
is still whole. Paths of outputs are relative to the folder you run `egret` in.",
};

/// A loss that is not finite.
pub static TRAINING_FAILED: Code = Code {
    name: "training-failed",
    explain: "\
The loss became NaN or infinite. The message names the step and the first tensor, in the order of
computation, that held such a value. The parameters from before that step are kept and nothing
was overwritten. A smaller learning rate, `clip_norm` at the front of the optimizer, or a loss that
takes logits (such as `cross_entropy`) instead of logarithms of probabilities are the usual cures.",
};

/// `--set` of something that is not there.
pub static UNKNOWN_HYPERPARAMETER: Code = Code {
    name: "unknown-hyperparameter",
    explain: "\
`--set` names a hyperparameter that no optimizer of the script has. Names are
`opt.STAGE.HYPERPARAMETER`, such as `opt.adam.lr`; `egret emit step FILE` lists them as inputs.
Only hyperparameters that are numbers can be set: words such as `over = model` are fixed when the
program is compiled.",
};

/// A file that could not be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(&UNWRITABLE_FILE, format!("cannot write `{}`: {error}", path.display()))
        .help("check that the folder exists and that you may write to it")
}

/// `--set` of something that is not there.
pub(crate) fn unknown_hyperparameter<'a>(
    name: &str,
    nearest: Option<&str>,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(&UNKNOWN_HYPERPARAMETER, format!("no optimizer has a hyperparameter `{name}`"));
    match nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
        None => {
            let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!("there are {}", known.join(", ")))
        }
    }
}

/// A program that needs more memory than there is.
pub(crate) fn too_large(needed: u64, available: u64, help: &str) -> Diagnostic {
    let message = format!("this needs {} of memory, and {} are available", bytes(needed), bytes(available));
    Diagnostic::error(&TOO_LARGE, message).help(help)
}

/// Memory that the system did not give.
pub(crate) fn out_of_memory(error: OutOfMemory) -> Diagnostic {
    Diagnostic::error(&TOO_LARGE, format!("the system does not give {} of memory", bytes(error.bytes)))
        .help("use a smaller batch or smaller layers")
}

/// A loss that is not finite.
pub(crate) fn training_failed(
    step: usize,
    loss: f64,
    tensor: &str,
    made: Option<Span>,
    at: Span,
) -> Diagnostic {
    let message =
        format!("the loss is {loss} at step {step}; the first tensor that is not finite is `{tensor}`");
    let diagnostic = Diagnostic::error(&TRAINING_FAILED, message).label(at, "this loss");
    let diagnostic = match made {
        Some(span) if span.file == at.file && span != at => {
            diagnostic.label(span, format!("`{tensor}` is made here"))
        }
        _ => diagnostic,
    };
    diagnostic.help("try a smaller learning rate, or `clip_norm` at the front of the optimizer")
}
