//! What can be wrong with missing cells.

use std::path::Path;

use super::csv::place;
use super::{BAD_CELL, EMPTY_FILE, MISSING_CELL, excerpt};
use crate::diag::Diagnostic;

/// What a missing cell looks like.
fn shown(cell: &str) -> String {
    if cell.is_empty() { "an empty cell".to_owned() } else { format!("the missing cell `{}`", excerpt(cell)) }
}

/// A missing cell of a column for which nothing is said.
pub(crate) fn missing_cell(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let message =
        format!("{}: expected a number or a word, found {}", place(path, line, column), shown(cell));
    Diagnostic::error(&BAD_CELL, message)
        .help("fill it in, or say what becomes of missing cells: `fill = drop` leaves their rows out")
        .note("a cell is missing if it is empty or one of the texts of `missing = [\"?\", \"NA\"]`")
}

/// A missing cell in a row to predict for, of a column that has no missing cells in what was trained on.
pub(crate) fn missing_feature(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let message =
        format!("{}: expected a number or a word, found {}", place(path, line, column), shown(cell));
    Diagnostic::error(&BAD_CELL, message)
        .help("fill it in, or remove the row")
        .note("the model was trained on rows that have this cell")
}

/// A target that is missing, where only a rule for all columns says how it is filled.
pub(crate) fn missing_target(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let message = format!("{}: expected the target, found {}", place(path, line, column), shown(cell));
    Diagnostic::error(&MISSING_CELL, message)
        .help(format!("leave such rows out: `fill = {{ {column:?}: drop, else: .. }}`"))
        .note("a target is filled only if it is named: a model would learn what nobody measured")
}

/// A cell that is missing where rows are told into training and test by it.
pub(crate) fn missing_key(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let found = shown(cell);
    let message = format!("{}: found {found}, and rows are split by this column", place(path, line, column));
    Diagnostic::error(&MISSING_CELL, message).help("fill it in, or remove the row")
}

/// A cell that cannot be put in order with the others of its column.
pub(crate) fn no_order(path: &Path, (line, column): (u64, &str), cell: &str) -> Diagnostic {
    let place = place(path, line, column);
    let message =
        format!("{place}: expected a number or a date, and one kind for all rows, found `{}`", excerpt(cell));
    Diagnostic::error(&BAD_CELL, message)
        .help("write all as numbers, or all as dates: `2014-12-31`, `2014-12-31 23:00`")
        .note("the rows are put in order by this column")
}

/// A column that tells more classes than there are rows to take of them.
pub(crate) fn many_classes(path: &Path, column: &str, classes: usize, rows: usize) -> Diagnostic {
    let message = format!(
        "`{}`: column `{column}` has {classes} classes, and the test split only {rows} rows",
        path.display()
    );
    Diagnostic::error(&BAD_CELL, message).help("stratify by a column of few classes, or take a larger share")
}

/// A row that is to be left out of windows of rows.
pub(crate) fn gap(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let found = shown(cell);
    let message =
        format!("{}: expected a row of a window, found {found} and `drop`", place(path, line, column));
    Diagnostic::error(&MISSING_CELL, message)
        .help(format!("fill it: `fill = {{ {column:?}: median, else: .. }}`"))
        .note("a window would join rows that do not follow each other")
}

/// Numbers for a column of words.
pub(crate) fn number_for_words(path: &Path, column: &str, (line, cell): (u64, &str)) -> Diagnostic {
    of_other_kind(path, column, (line, cell), ("words", "a number"))
        .help(format!("make them a class of their own: `fill = {{ {column:?}: indicator, else: .. }}`"))
}

/// A word for a column of numbers.
pub(crate) fn word_for_numbers(path: &Path, column: &str, (line, cell): (u64, &str)) -> Diagnostic {
    of_other_kind(path, column, (line, cell), ("numbers", "a word"))
        .help(format!("fill by a number: `fill = {{ {column:?}: median, else: .. }}`"))
}

fn of_other_kind(
    path: &Path,
    column: &str,
    (line, cell): (u64, &str),
    (holds, by): (&str, &str),
) -> Diagnostic {
    let message = match line {
        0 => format!("column `{column}` of `{}` holds {holds}, and `fill` gives it {by}", path.display()),
        _ => format!("{}: {} of {holds} is filled by {by}", place(path, line, column), shown(cell)),
    };
    Diagnostic::error(&MISSING_CELL, message)
}

/// A target whose missing numbers would be told by a feature.
pub(crate) fn indicated_target(path: &Path, column: &str) -> Diagnostic {
    let message = format!("the target `{column}` of `{}` cannot have an indicator column", path.display());
    Diagnostic::error(&MISSING_CELL, message)
        .help(format!("leave such rows out: `fill = {{ {column:?}: drop, else: .. }}`"))
}

/// A column that is missing altogether.
pub(crate) fn all_missing(path: &Path, column: &str, (line, cell): (u64, &str)) -> Diagnostic {
    let message = format!("{}: found {}, as in all other rows", place(path, line, column), shown(cell));
    Diagnostic::error(&MISSING_CELL, message).help(format!("leave it out: `drop = [{column:?}]`"))
}

/// A statistic of no numbers.
pub(crate) fn no_statistic(path: &Path, column: &str) -> Diagnostic {
    let message = format!("no training row of `{}` has a number in column `{column}`", path.display());
    Diagnostic::error(&MISSING_CELL, message)
        .help(format!("leave it out, `drop = [{column:?}]`, or fill it by a number of your own"))
}

/// A file of which no row is left; the first was on this line.
pub(crate) fn all_dropped(path: &Path, line: u64) -> Diagnostic {
    let message =
        format!("each row of `{}`, the first in line {line}, lacks a cell, and none is left", path.display());
    Diagnostic::error(&EMPTY_FILE, message)
        .help("leave out the column that is missing, `drop = [..]`, or fill it, such as `fill = median`")
}
