//! What can be wrong with a csv file.

use std::path::Path;

use super::{
    BAD_CELL, CSV_SEPARATOR, DUPLICATE_COLUMN, EMPTY_FILE, NO_TARGET, NOT_FINITE_DATA, RAGGED_ROW, TOO_LARGE,
    UNKNOWN_COLUMN, UNREADABLE_FILE, UNSEEN_WORD, excerpt, utf16,
};
use crate::algebra::types::DType;

use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::print::bytes;

/// Where a cell stands.
pub(crate) struct CellPlace<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    /// The line on which its row begins, from 1.
    pub(crate) line: u64,
    /// The name of its column.
    pub(crate) column: &'a str,
}

impl CellPlace<'_> {
    fn place(&self) -> String {
        place(self.path, self.line, self.column)
    }
}

/// What to do about files that do not fit each other.
pub(crate) const TOGETHER: &str = "name files that were written together";

/// The beginning of a message about a cell.
pub(super) fn place(path: &Path, line: u64, column: &str) -> String {
    let column = if column.is_empty() { "the column without a name" } else { &format!("column `{column}`") };
    format!("`{}`, line {line}, {column}", path.display())
}

/// A file that is not what is expected, by its first bytes.
pub(crate) fn other_format(path: &Path, start: &[u8], expected: &str) -> Option<Diagnostic> {
    let shown = path.display();
    let (what, help) = match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some(utf16(path)),
        [0x1f, 0x8b, ..] => ("compressed with gzip", "unpack it: `gunzip`"),
        [b'P', b'K', 3, 4, ..] => ("a zip archive or a spreadsheet", "unpack it, or export it as plain text"),
        _ if start.contains(&0) => ("binary: it holds zero bytes", "name a file of plain text"),
        _ => return None,
    };
    Some(Diagnostic::error(&UNREADABLE_FILE, format!("`{shown}` is no {expected}, but {what}")).help(help))
}

/// A file whose cells another character separates.
pub(crate) fn other_separator(path: &Path, other: char, separator: u8) -> Diagnostic {
    let shown = |separator: char| match separator {
        '\t' => "tabs".to_owned(),
        ',' => "commas".to_owned(),
        other => format!("`{other}`"),
    };
    let (found, expected) = (shown(other), shown(char::from(separator)));
    let message = format!("the cells of `{}` are separated by {found}, not by {expected}", path.display());
    let help = format!("write `separator = \"{}\"`", other.escape_default());
    Diagnostic::error(&CSV_SEPARATOR, message)
        .help(help)
        .note("if numbers are written `1,5`, write `decimal = \",\"` too")
}

/// A row with another number of cells than the header.
pub(crate) fn ragged(
    path: &Path,
    line: u64,
    header: &[String],
    row: &csv::StringRecord,
    separator: u8,
) -> Diagnostic {
    let (expected, found) = (header.len(), row.len());
    let message = format!(
        "`{}`, line {line}: expected {expected} cells as in the header, found {found}",
        path.display()
    );
    let separator = match separator {
        b',' => "comma".to_owned(),
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    };
    let blank = |cell: Option<&str>| cell.is_some_and(str::is_empty);
    let help = match found {
        _ if expected == 1 => "the first line names the columns: remove what stands above it",
        1 => &format!("write every cell of the row, with a {separator} between two of them"),
        _ if found == expected + 1 && blank(row.iter().next_back()) => {
            &format!("leave out the {separator} at the end of the line")
        }
        _ if found > expected => &format!("put a cell that holds a {separator} in double quotes"),
        _ => "write every cell of the row; a line of text above or below the table has to go",
    };
    Diagnostic::error(&RAGGED_ROW, message).help(help)
}

/// A double quote that is never closed, in the row that begins on this line.
pub(crate) fn open_quote(path: &Path, line: u64) -> Diagnostic {
    let message = format!("`{}`, line {line}: a double quote is never closed", path.display());
    Diagnostic::error(&RAGGED_ROW, message).help("close it, or write `\"\"` for a quote within a quoted cell")
}

/// A cell that is no number in a column of numbers; `count` cells are none.
pub(crate) fn word_among_numbers(
    (path, line, column): (&Path, u64, &str),
    cell: &str,
    count: usize,
    decimal: char,
) -> Diagnostic {
    let shown = excerpt(cell);
    let message = format!("{}: expected a number, found `{shown}`", place(path, line, column));
    let help = match plain_number(cell, decimal) {
        Some(number) => format!("write `{number}`"),
        None if looks_missing(cell) => {
            format!("if such a cell is missing, write `missing = {cell:?}` and, for one, `fill = drop`")
        }
        None => format!("mend or remove the row; if the column holds words, write `words = [\"{column}\"]`"),
    };
    of_cells(Diagnostic::error(&BAD_CELL, message).help(help), count, "are no numbers")
}

/// A cell that is no date in a column of dates.
pub(crate) fn no_date(path: &Path, line: u64, column: &str, cell: &str) -> Diagnostic {
    let message = format!("{}: expected a date, found `{}`", place(path, line, column), excerpt(cell));
    Diagnostic::error(&BAD_CELL, message)
        .help("write dates as `2014-12-31`, `2014-12-31 23:00` or `2014-12-31T23:00:05`")
}

/// What one of `count` cells of a column is, with what they all are.
fn of_cells(found: Diagnostic, count: usize, what: &str) -> Diagnostic {
    if count > 1 { found.note(format!("{count} cells of this column {what}")) } else { found }
}

/// A cell that looks like a number in a column of words; `count` cells do.
pub(crate) fn number_among_words(
    path: &Path,
    line: u64,
    column: &str,
    cell: &str,
    count: usize,
) -> Diagnostic {
    let message = format!("{}: expected a word, found `{}`", place(path, line, column), excerpt(cell));
    let found = Diagnostic::error(&BAD_CELL, message)
        .help(format!("if it is a word like the others, write `words = [\"{column}\"]` in `csv(...)`"));
    of_cells(found, count, "look like numbers")
}

/// What many programs write where there is nothing.
fn looks_missing(cell: &str) -> bool {
    let known = ["?", "-", "--", ".", "na", "n/a", "nan", "#n/a", "null", "nil", "none", "missing"];
    known.contains(&cell.to_lowercase().as_str())
}

/// A number without its currency, percent sign, or what stands between its thousands.
fn plain_number(cell: &str, decimal: char) -> Option<String> {
    let between = if decimal == '.' { ',' } else { '.' };
    let bare = cell.trim_matches(['$', '€', '£', '¥', '%', ' ']).replace([between, ' ', '_', '\''], "");
    let number = bare.replace(decimal, ".").parse::<f64>();
    number.ok().filter(|number| number.is_finite()).map(|_| bare)
}

/// NaN or infinity in data.
pub(crate) fn not_finite(path: &Path, line: u64, column: &str, found: &str) -> Diagnostic {
    let message =
        format!("{}: expected a finite number, found `{}`", place(path, line, column), excerpt(found));
    Diagnostic::error(&NOT_FINITE_DATA, message).help("mend or remove the row")
}

/// A number that its element type does not have.
pub(crate) fn too_large_for(cell: &CellPlace<'_>, number: f64, dtype: DType) -> Diagnostic {
    let message = format!("{}: {number:e} is too large for `{dtype}`", cell.place());
    Diagnostic::error(&NOT_FINITE_DATA, message).help("write `real f64` in the script, or mend the cell")
}

/// A word that the data trained on do not have; `known` are those that they have.
pub(crate) fn unseen_word(cell: &CellPlace<'_>, word: &str, trained: &Path, known: &[String]) -> Diagnostic {
    let shown =
        if word.is_empty() { "a missing cell".to_owned() } else { format!("the word `{}`", excerpt(word)) };
    let message = format!("{}: {shown} does not occur in `{}`", cell.place(), trained.display());
    let found = Diagnostic::error(&UNSEEN_WORD, message);
    match nearest(word, known.iter().map(String::as_str)) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => {
            let shown: Vec<String> =
                known.iter().take(8).map(|word| format!("`{}`", excerpt(word))).collect();
            let more = if known.len() > 8 { format!(" and {} more", known.len() - 8) } else { String::new() };
            found.help(format!("the model was trained on {}{more}: remove the row", shown.join(", ")))
        }
    }
}

/// A column of words where the data trained on have numbers, or the other way round.
pub(crate) fn other_cells(
    cell: &CellPlace<'_>,
    expected: &str,
    found: &str,
    trained: Option<&Path>,
) -> Diagnostic {
    let as_in = match trained {
        Some(path) => format!("as in `{}`", path.display()),
        None => "as in the data that the model was trained on".to_owned(),
    };
    let message = format!("{}: expected {expected} {as_in}, found `{}`", cell.place(), excerpt(found));
    let help = match expected {
        "a word" => format!("if these are words, write `words = [\"{}\"]` for both files", cell.column),
        _ => "evaluate on data of the same kind".to_owned(),
    };
    Diagnostic::error(&BAD_CELL, message).help(help)
}

/// A column of the data trained on that these data do not have.
pub(crate) fn lacks_column(path: &Path, trained: &Path, column: &str) -> Diagnostic {
    let message = format!("`{}` has no column `{column}`, and `{}` has", path.display(), trained.display());
    Diagnostic::error(&UNKNOWN_COLUMN, message).help("evaluate on data with the columns that were trained on")
}

/// A group of columns whose name is taken, or without columns.
pub(crate) fn wrong_group(path: &Path, name: &str, is_empty: bool) -> Diagnostic {
    let why = if is_empty { "has no columns" } else { "is called as a column is" };
    let message = format!("the group `{name}` of `{}` {why}", path.display());
    Diagnostic::error(&DUPLICATE_COLUMN, message)
        .help("write a name of its own and its columns: `groups = { \"sizes\": [\"width\", \"height\"] }`")
}

/// A column called like what a script calls the features or the target, where no target is named.
pub(crate) fn no_target(path: &Path, column: &str) -> Diagnostic {
    let message =
        format!("`{}` has a column `{column}`, but which one is the target is not said", path.display());
    let found = Diagnostic::error(&NO_TARGET, message).note("without a target, `x` is all columns");
    found.help(match column {
        "y" => "write `target = \"y\"`",
        _ => "write `target = ...`, or give the column another name",
    })
}

/// A column that a script chooses twice.
pub(crate) fn chosen_twice(path: &Path, column: &str) -> Diagnostic {
    let message = format!("`columns` names `{column}` of `{}` twice", path.display());
    Diagnostic::error(&DUPLICATE_COLUMN, message).help("name it once")
}

/// A target that is to be left out.
pub(crate) fn dropped_target(path: &Path, column: &str) -> Diagnostic {
    let message = format!("`drop` leaves out the target of `{}`, which is `{column}`", path.display());
    Diagnostic::error(&UNKNOWN_COLUMN, message).help("remove it from `drop`: the target is no part of `x`")
}

/// A choice of no columns.
pub(crate) fn no_columns(path: &Path) -> Diagnostic {
    let message = format!("`drop` leaves out all columns of `{}`", path.display());
    Diagnostic::error(&UNKNOWN_COLUMN, message).help("leave some of them in")
}

/// Two columns of one name.
pub(crate) fn duplicate_column(path: &Path, column: &str) -> Diagnostic {
    let message = match column {
        "" => format!("two columns of `{}` have no name", path.display()),
        _ => format!("two columns of `{}` are named `{}`", path.display(), excerpt(column)),
    };
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

/// A first line that is a row of numbers.
pub(crate) fn no_header(path: &Path, first: &str) -> Diagnostic {
    let message = format!("the first line of `{}` is a row of numbers, not a header", path.display());
    Diagnostic::error(&EMPTY_FILE, message)
        .note(format!("the first column would be called `{}`", excerpt(first)))
        .help("begin with a line that names the columns")
}

/// Data that need more memory than there is.
pub(crate) fn file_too_large(path: &Path, needed: u64, available: u64) -> Diagnostic {
    let message = format!(
        "`{}` needs {} of memory, and {} are available",
        path.display(),
        bytes(needed),
        bytes(available)
    );
    Diagnostic::error(&TOO_LARGE, message).help("take fewer rows, or a machine with more memory")
}

/// Memory for data that the system did not give.
pub(crate) fn no_memory(path: &Path, needed: u64) -> Diagnostic {
    let message = format!("the system does not give {} of memory for `{}`", bytes(needed), path.display());
    Diagnostic::error(&TOO_LARGE, message).help("take fewer rows, or a machine with more memory")
}
