//! What can go wrong with files and while a program runs.

use std::io;
use std::path::Path;

use super::memory::OutOfMemory;
use crate::check::errors::TOO_LARGE;
use crate::diag::{Code, Diagnostic};
use crate::print::bytes;
use crate::source::Span;

mod checkpoints;
mod data;
mod files;

pub(crate) use checkpoints::*;
pub(crate) use data::*;
pub(crate) use files::*;

/// Every code of this stage.
pub const CODES: &[&Code] = &[
    &MISSING_FILE,
    &UNREADABLE_FILE,
    &UNWRITABLE_FILE,
    &EMPTY_FILE,
    &CSV_SEPARATOR,
    &RAGGED_ROW,
    &BAD_CELL,
    &NOT_FINITE_DATA,
    &DUPLICATE_COLUMN,
    &UNKNOWN_COLUMN,
    &UNSEEN_CLASS,
    &UNSEEN_WORD,
    &NO_TARGET,
    &BAD_IDX,
    &BAD_NPY,
    &NOT_UTF8,
    &SHORT_TEXT,
    &TRAINING_FAILED,
    &ASSERTION_FAILED,
    &UNKNOWN_HYPERPARAMETER,
    &INTERRUPTED,
    &OTHER_RUN,
    &NO_WHOLE_CHECKPOINT,
    &CHECKPOINTS_THERE,
    &NOTHING_TO_RESUME,
];

/// A file that is not there.
pub static MISSING_FILE: Code = Code {
    name: "missing-file",
    explain: "\
A data file named in the script does not exist. Paths are relative to the folder of the script, not
to the folder you run `egret` in.

    data iris = csv(\"data/iris.csv\", target = \"species\")   // next to the script: data/iris.csv",
};

/// A file that cannot be read.
pub static UNREADABLE_FILE: Code = Code {
    name: "unreadable-file",
    explain: "\
A file exists but cannot be read: it is a folder, its permissions forbid it, or its bytes are not
text in UTF-8 where text is expected. The message carries the system's own reason.",
};

/// A file that cannot be written.
pub static UNWRITABLE_FILE: Code = Code {
    name: "unwritable-file",
    explain: "\
`save` or `plot` could not write its file: the folder does not exist, or may not be written to.
Files are written under another name first and renamed when complete, so an older file of that name
is still whole. Paths of outputs are relative to the folder you run `egret` in.",
};

/// A data file without rows.
pub static EMPTY_FILE: Code = Code {
    name: "empty-file",
    explain: "\
A data file holds no rows, or too few for windows of them. A csv file starts with a header line that
names its columns and needs at least one row below it.

    sepal_length,species
    5.1,setosa",
};

/// Cells that something else than a comma separates.
pub static CSV_SEPARATOR: Code = Code {
    name: "csv-separator",
    explain: "\
The cells of a csv file are separated by commas, and numbers have a decimal point. This file separates
them by semicolons, tabs or bars.

    width;kind      // as some spreadsheets export it
    1,5;setosa

Export it with commas:

    width,kind
    1.5,setosa",
};

/// A row with too few or too many cells.
pub static RAGGED_ROW: Code = Code {
    name: "ragged-row",
    explain: "\
A row of a csv file has another number of cells than the header. Often a comma inside a cell is the
cause: put such a cell in double quotes.",
};

/// A cell that does not fit its column.
pub static BAD_CELL: Code = Code {
    name: "bad-cell",
    explain: "\
A cell of a csv file does not fit its column. A column holds numbers, or it holds words, which become
class numbers in sorted order; empty cells are not allowed. The message names the cell that is not like
the others. Codes that look like numbers, such as those of regions, are words if the script says so:

    data homes = csv(\"homes.csv\", target = \"price\", words = [\"zip\"])",
};

/// NaN or infinity in data.
pub static NOT_FINITE_DATA: Code = Code {
    name: "not-finite-data",
    explain: "\
A number in a data file is NaN or infinite. One such number makes every later loss NaN, so it is
refused at the door. Remove the row or write a number that means what you want.",
};

/// Two columns of one name.
pub static DUPLICATE_COLUMN: Code = Code {
    name: "duplicate-column",
    explain: "Two columns in the header of a csv file have the same name. Rename one of them.",
};

/// A column that is not in the file.
pub static UNKNOWN_COLUMN: Code = Code {
    name: "unknown-column",
    explain: "\
The script names a column that the header of the csv file does not have. Names are compared exactly,
including upper and lower case.

    data wine = csv(\"wine.csv\", target = \"cultivar\")   // the header must have `cultivar`",
};

/// A class that training never sees.
pub static UNSEEN_CLASS: Code = Code {
    name: "unseen-class",
    explain: "\
A word of the target column occurs in the test split only, so no training row can teach it. Use a
smaller test share, or give the rare class more rows.",
};

/// A word that a model has never seen.
pub static UNSEEN_WORD: Code = Code {
    name: "unseen-word",
    explain: "\
A model is evaluated on data with a word, or a text with a character, that the data it was trained on do
not have. A word has the same number in all data that a model sees, so a new one has none: remove its
row, or train on data that have it.

    let fit = train mlp on a { .. validate = b }     // b.csv has a word that a.csv does not have",
};

/// A column that may be the target, and may not.
pub static NO_TARGET: Code = Code {
    name: "no-target",
    explain: "\
Without `target`, the `x` of a csv file is all of its columns. One of them is called `x` or `y` itself: a
model of `x` would be given what it is to learn. Name the target, which is then `y` and no part of `x`:

    data d = csv(\"d.csv\", target = \"y\")

or give the column another name in the file.",
};

/// A NumPy file that cannot be used.
pub static BAD_NPY: Code = Code {
    name: "bad-npy",
    explain: "\
A file is no NumPy array (`.npy`) or archive of arrays (`.npz`), or its arrays are no columns. Arrays hold
floats, integers or `bool`; their first axis is the rows, as many in each of them. Arrays of an archive
that the script does not name may be anything.

    data d = npz(\"d.npz\", x = \"images\", y = \"labels\", test = 0.2)",
};

/// A text file in another encoding.
pub static NOT_UTF8: Code = Code {
    name: "not-utf8",
    explain: "\
A text file holds bytes that are no characters in UTF-8. Text in another encoding has to be converted
first: `iconv -f latin1 -t utf-8 old.txt > new.txt`.",
};

/// A text without a single window.
pub static SHORT_TEXT: Code = Code {
    name: "short-text",
    explain: "\
A row of `text(...)` is a window of `context` characters and the one after each. A text, and its test share
if there is one, must be longer than that.

    data poem = text(\"poem.txt\", context = 64, test = 0.1)

Take a smaller `context`, or a longer text.",
};

/// A broken idx file.
pub static BAD_IDX: Code = Code {
    name: "bad-idx",
    explain: "\
A file is not a complete idx file: two zero bytes, a type byte, the number of axes, one big-endian
32-bit size per axis, then the elements. A truncated download is the usual cause: fetch it again.",
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

/// An assertion that does not hold.
pub static ASSERTION_FAILED: Code = Code {
    name: "assertion-failed",
    explain: "An `assert` of the script does not hold. Statements before it have run.",
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

/// An assertion that does not hold.
pub(crate) fn assertion_failed(text: &str, at: Span) -> Diagnostic {
    Diagnostic::error(&ASSERTION_FAILED, format!("assertion failed: `{text}`"))
        .label(at, "this is false")
        .help("print the values in it to see why")
}

/// The beginning of a text from a file, for a message.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
