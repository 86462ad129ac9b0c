//! What can be wrong with data files of any kind.

use std::io;
use std::path::Path;

use super::{
    BAD_IDX, BAD_NPY, EMPTY_FILE, MISSING_FILE, NOT_FINITE_DATA, NOT_UTF8, SHORT_TEXT, UNREADABLE_FILE,
    UNSEEN_CLASS, UNSEEN_WORD, excerpt,
};
use crate::algebra::types::DType;
use crate::diag::Diagnostic;

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

/// A data file with fewer rows than a window has.
pub(crate) fn few_rows(path: &Path, rows: usize, windows: usize) -> Diagnostic {
    let shown = path.display();
    let message = format!("`{shown}` has {rows} rows, too few for windows of {windows} and the row after");
    let most = rows.saturating_sub(1);
    Diagnostic::error(&EMPTY_FILE, message).help(format!("take windows of {most} rows at most"))
}

/// A file to predict for with fewer rows than a window.
pub(crate) fn no_window(path: &Path, rows: usize, window: usize) -> Diagnostic {
    let message = format!("`{}` has {rows} rows, too few for a window of {window}", path.display());
    Diagnostic::error(&EMPTY_FILE, message).help("put the rows before them into the file")
}

/// A data file without rows.
pub(crate) fn empty(path: &Path, what: &str) -> Diagnostic {
    let help = match what {
        "characters" => "is it the right file? a text is needed",
        _ => "a csv file needs a header line and at least one row",
    };
    Diagnostic::error(&EMPTY_FILE, format!("`{}` has no {what}", path.display())).help(help)
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

/// What to do about a file that is not what was once written.
const DAMAGED: &str = "the file is damaged or not whole: write or fetch it again";

/// A NumPy file that is not what was once written.
pub(crate) fn damaged_npy(path: &Path, reason: impl std::fmt::Display) -> Diagnostic {
    bad_npy(path, reason).help(DAMAGED)
}

/// What is wrong with an array that the script takes only because it names none.
pub(crate) fn name_arrays(found: Diagnostic) -> Diagnostic {
    if found.help.as_deref() == Some(DAMAGED) {
        return found;
    }
    found.help(
        "all arrays of the archive are columns if none are named: name those you need, `x = \"images\"`",
    )
}

/// A text file in another encoding.
pub(crate) fn not_utf8(path: &Path, line: usize) -> Diagnostic {
    let message =
        format!("`{}` is not text in UTF-8: line {line} holds bytes that are no character", path.display());
    Diagnostic::error(&NOT_UTF8, message).help("convert it: `iconv -f latin1 -t utf-8`")
}

/// A file in UTF-16.
pub(crate) fn utf16(path: &Path) -> Diagnostic {
    Diagnostic::error(&NOT_UTF8, format!("`{}` is text in UTF-16, not in UTF-8", path.display()))
        .help("convert it: `iconv -f utf-16 -t utf-8 old > new`")
}

/// A text without a single window.
pub(crate) fn short_text(path: &Path, what: &str, found: usize, needed: usize) -> Diagnostic {
    let message = format!("`{}`: {what} has {found} characters, and a window needs {needed}", path.display());
    Diagnostic::error(&SHORT_TEXT, message).help("take a smaller `context`, or a longer text")
}

/// A broken idx file, and what to try.
pub(crate) fn bad_idx(path: &Path, reason: impl std::fmt::Display, help: &str) -> Diagnostic {
    Diagnostic::error(&BAD_IDX, format!("`{}` is not a complete idx file: {reason}", path.display()))
        .help(help)
}

/// A number of an array, in row `row` from 0, that its column cannot hold.
pub(crate) fn bad_element(path: &Path, column: &str, row: usize, number: &str, dtype: DType) -> Diagnostic {
    let message =
        format!("`{}`, row {} of `{column}`: {number} is no number of `{dtype}`", path.display(), row + 1);
    Diagnostic::error(&NOT_FINITE_DATA, message).help(match (dtype, number) {
        (DType::I32, _) => {
            "integers of data fit into 32 bits: save the array as floats, or subtract an offset"
        }
        (_, "NaN" | "inf" | "-inf") => "mend or remove the row",
        _ => "write `real f64` in the script",
    })
}

/// An array without elements.
pub(crate) fn no_elements(path: &Path, reason: &str) -> Diagnostic {
    let message = format!("`{}`: {reason}", path.display());
    Diagnostic::error(&EMPTY_FILE, message)
        .help("save an array whose first size is the number of rows, at least 1")
}

/// A character that the text trained on does not have.
pub(crate) fn unseen_character(path: &Path, line: usize, column: usize, found: char) -> Diagnostic {
    let message = format!(
        "`{}`, line {line}, column {column}: the character {found:?} does not occur in the text trained on",
        path.display()
    );
    Diagnostic::error(&UNSEEN_WORD, message).help("replace it by one that occurs there")
}
