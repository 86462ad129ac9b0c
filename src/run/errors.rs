//! What can go wrong with files and while a program runs.

use std::io;
use std::path::Path;

use super::memory::OutOfMemory;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// Every code of this stage.
pub const CODES: &[&Code] = &[
    &MISSING_FILE,
    &UNREADABLE_FILE,
    &UNWRITABLE_FILE,
    &EMPTY_FILE,
    &RAGGED_ROW,
    &BAD_CELL,
    &NOT_FINITE_DATA,
    &DUPLICATE_COLUMN,
    &UNKNOWN_COLUMN,
    &UNSEEN_CLASS,
    &BAD_IDX,
    &BAD_NPY,
    &NOT_UTF8,
    &SHORT_TEXT,
    &TOO_LARGE,
    &TRAINING_FAILED,
    &ASSERTION_FAILED,
    &UNKNOWN_HYPERPARAMETER,
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
A cell of a csv file does not fit its column. The first row decides: a column that starts with a
number holds numbers only; any other column holds words, which become class numbers in sorted order.
Empty cells are not allowed.",
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

/// A NumPy file that cannot be used.
pub static BAD_NPY: Code = Code {
    name: "bad-npy",
    explain: "\
A file is no NumPy array (`.npy`) or archive of arrays (`.npz`), or its arrays are no columns. Arrays hold
floats, integers or `bool`, little-endian; their first axis is the rows, as many in each of them. Numbers
are finite, and integers fit into 32 bits.

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

/// A program that needs more memory than there is.
pub static TOO_LARGE: Code = Code {
    name: "too-large",
    explain: "\
The program needs more memory than this machine has available. Nothing has been allocated yet. A
smaller batch, fewer or smaller layers, or an optimizer with less state need less.",
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

/// A file that could not be opened or read, by the system's reason.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let found = Diagnostic::error(&MISSING_FILE, format!("there is no file `{shown}`"));
            let script = path.ancestors().skip(1).take(2).map(|folder| folder.join("fetch.py"));
            found.help(match script.into_iter().find(|script| script.is_file()) {
                Some(script) => format!("`python3 {}` fetches the data of its folder", script.display()),
                None => "paths of data are relative to the script's folder; check the spelling".to_string(),
            })
        }
        _ => Diagnostic::error(&UNREADABLE_FILE, format!("cannot read `{shown}`: {error}"))
            .help("check that it is a file and that you may read it"),
    }
}

/// A file that could not be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(&UNWRITABLE_FILE, format!("cannot write `{}`: {error}", path.display()))
        .help("check that the folder exists and that you may write to it")
}

/// A data file with fewer rows than a window has.
pub(crate) fn few_rows(path: &Path, rows: usize, windows: usize) -> Diagnostic {
    let shown = path.display();
    let message = format!("`{shown}` has {rows} rows, too few for windows of {windows} and the row after");
    let most = rows.saturating_sub(1);
    Diagnostic::error(&EMPTY_FILE, message).help(format!("take windows of {most} rows at most"))
}

/// A data file without rows.
pub(crate) fn empty(path: &Path, what: &str) -> Diagnostic {
    let help = match what {
        "characters" => "is it the right file? a text is needed",
        _ => "a csv file needs a header line and at least one row",
    };
    Diagnostic::error(&EMPTY_FILE, format!("`{}` has no {what}", path.display())).help(help)
}

/// A row with `found` cells under a header of `expected`.
pub(crate) fn ragged(path: &Path, line: u64, expected: usize, found: usize) -> Diagnostic {
    let message = format!(
        "`{}`, line {line}: expected {expected} cells as in the header, found {found}",
        path.display()
    );
    Diagnostic::error(&RAGGED_ROW, message).help("put a cell that holds a comma in double quotes")
}

/// A cell that does not fit its column.
pub(crate) fn bad_cell(path: &Path, line: u64, column: &str, expected: &str, found: &str) -> Diagnostic {
    let found = if found.is_empty() { "an empty cell".to_owned() } else { format!("`{}`", excerpt(found)) };
    let message =
        format!("`{}`, line {line}, column `{column}`: expected {expected}, found {found}", path.display());
    Diagnostic::error(&BAD_CELL, message).help("mend or remove the row")
}

/// NaN or infinity in data.
pub(crate) fn not_finite(path: &Path, line: u64, column: &str, found: &str) -> Diagnostic {
    let message = format!(
        "`{}`, line {line}, column `{column}`: expected a finite number, found `{found}`",
        path.display()
    );
    Diagnostic::error(&NOT_FINITE_DATA, message).help("mend or remove the row")
}

/// Two columns of one name.
pub(crate) fn duplicate_column(path: &Path, column: &str) -> Diagnostic {
    let message = format!("two columns of `{}` are named `{}`", path.display(), excerpt(column));
    Diagnostic::error(&DUPLICATE_COLUMN, message).help("rename one of them in the header")
}

/// A column that is not in the file.
pub(crate) fn unknown_column(
    path: &Path,
    column: &str,
    nearest: Option<&str>,
    header: &[String],
) -> Diagnostic {
    let message = format!("`{}` has no column `{column}`", path.display());
    let shown: Vec<String> = header.iter().take(12).map(|name| format!("`{}`", excerpt(name))).collect();
    let more = if header.len() > 12 { format!(" and {} more", header.len() - 12) } else { String::new() };
    let diagnostic = Diagnostic::error(&UNKNOWN_COLUMN, message);
    match nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
        None => diagnostic.help(format!("its columns are {}{more}", shown.join(", "))),
    }
}

/// A class that training never sees.
pub(crate) fn unseen_class(path: &Path, column: &str, class: &str) -> Diagnostic {
    let message = format!(
        "class `{}` of column `{column}` in `{}` occurs in the test split only",
        excerpt(class),
        path.display()
    );
    Diagnostic::error(&UNSEEN_CLASS, message).help("use a smaller `test` share")
}

/// A NumPy file that cannot be used.
pub(crate) fn bad_npy(path: &Path, reason: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(&BAD_NPY, format!("`{}`: {reason}", path.display()))
        .help("write arrays of numbers with one row each: `numpy.savez(path, x = x, y = y)`")
}

/// A text file in another encoding.
pub(crate) fn not_utf8(path: &Path, line: usize) -> Diagnostic {
    let message =
        format!("`{}` is not text in UTF-8: line {line} holds bytes that are no character", path.display());
    Diagnostic::error(&NOT_UTF8, message).help("convert it: `iconv -f latin1 -t utf-8`")
}

/// A text without a single window.
pub(crate) fn short_text(path: &Path, what: &str, found: usize, needed: usize) -> Diagnostic {
    let message = format!("`{}`: {what} has {found} characters, and a window needs {needed}", path.display());
    Diagnostic::error(&SHORT_TEXT, message).help("take a smaller `context`, or a longer text")
}

/// A broken idx file.
pub(crate) fn bad_idx(path: &Path, reason: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(&BAD_IDX, format!("`{}` is not a complete idx file: {reason}", path.display()))
        .help("fetch the file again")
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
pub(crate) fn too_large(needed: u64, available: u64) -> Diagnostic {
    let message = format!("this needs {} of memory, and {} are available", bytes(needed), bytes(available));
    Diagnostic::error(&TOO_LARGE, message).help("use a smaller batch or smaller layers")
}

/// A tensor that no machine could hold, found before anything is compiled.
pub(crate) fn oversized((at, needed): (Span, f64)) -> Diagnostic {
    let shown = if needed < u64::MAX as f64 { bytes(needed as u64) } else { "more than 16 EiB".to_string() };
    Diagnostic::error(&TOO_LARGE, format!("this needs {shown} of memory, more than any machine has"))
        .label(at, "for one tensor, or for the parameters of its model")
        .help("use smaller sizes")
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

/// A number of bytes as people read it.
fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// The beginning of a text from a file, for a message.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
