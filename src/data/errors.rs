//! What can be wrong with data files.

mod csv;
mod files;
mod missing;

use crate::diag::Code;

pub(crate) use csv::*;
pub(crate) use files::*;
pub(crate) use missing::*;

/// Every code of data files.
pub const CODES: &[&Code] = &[
    &MISSING_FILE,
    &UNREADABLE_FILE,
    &EMPTY_FILE,
    &CSV_SEPARATOR,
    &RAGGED_ROW,
    &BAD_CELL,
    &MISSING_CELL,
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
    &TOO_LARGE,
];

/// A file that cannot be read.
pub static UNREADABLE_FILE: Code = Code {
    name: "unreadable-file",
    explain: "\
A file exists but cannot be read: it is a folder, its permissions forbid it, or its bytes are not
text in UTF-8 where text is expected. The message carries the system's own reason.",
};

/// A file that is not there.
pub static MISSING_FILE: Code = Code {
    name: "missing-file",
    explain: "\
A data file named in the script does not exist. Paths are relative to the folder of the script, not
to the folder you run `egret` in.

    data iris = csv(\"data/iris.csv\", target = \"species\")   // next to the script: data/iris.csv",
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

/// A text file in another encoding.
pub static NOT_UTF8: Code = Code {
    name: "not-utf8",
    explain: "\
A text file holds bytes that are no characters in UTF-8. Text in another encoding has to be converted
first: `iconv -f latin1 -t utf-8 old.txt > new.txt`.",
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

/// A column that may be the target, and may not.
pub static NO_TARGET: Code = Code {
    name: "no-target",
    explain: "\
Without `target`, the `x` of a csv file is all of its columns. One of them is called `x` or `y` itself: a
model of `x` would be given what it is to learn. Name the target, which is then `y` and no part of `x`:

    data d = csv(\"d.csv\", target = \"y\")

or give the column another name in the file.",
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

/// A class that training never sees.
pub static UNSEEN_CLASS: Code = Code {
    name: "unseen-class",
    explain: "\
A word of the target column occurs in the test split only, so no training row can teach it. Use a
smaller test share, or give the rare class more rows.",
};

/// A column that is not in the file.
pub static UNKNOWN_COLUMN: Code = Code {
    name: "unknown-column",
    explain: "\
The script names a column that the header of the csv file does not have. Names are compared exactly,
including upper and lower case.

    data wine = csv(\"wine.csv\", target = \"cultivar\")   // the header must have `cultivar`",
};

/// Two columns of one name.
pub static DUPLICATE_COLUMN: Code = Code {
    name: "duplicate-column",
    explain: "Two columns in the header of a csv file have the same name. Rename one of them.",
};

/// NaN or infinity in data.
pub static NOT_FINITE_DATA: Code = Code {
    name: "not-finite-data",
    explain: "\
A number in a data file is NaN or infinite. One such number makes every later loss NaN, so it is
refused at the door. Remove the row or write a number that means what you want.",
};

/// A missing cell for which nothing fits.
pub static MISSING_CELL: Code = Code {
    name: "missing-cell",
    explain: "\
A cell is missing, and what `fill` says of it cannot be. A cell is missing if it is empty or one of the
texts of `missing`. `drop` leaves its row out, which windows of rows do not allow. `mean` and `median`, of
the training rows, and numbers are for columns of numbers, a word in quotes for columns of words.
`indicator` gives words a class of their own, and numbers the mean and one column more, of zeros and ones.
Columns may differ; a target is filled only if it is named.

    data homes = csv(\"homes.csv\", target = \"price\", missing = [\"?\", \"NA\"],
      fill = { \"price\": drop, \"garage\": \"none\", else: median })",
};

/// A cell that does not fit its column.
pub static BAD_CELL: Code = Code {
    name: "bad-cell",
    explain: "\
A cell of a csv file does not fit its column. A column holds numbers, or it holds words, which become
class numbers in sorted order. The message names the cell that is not like the others. An empty cell is
missing: write it, or say what becomes of it, such as `fill = median` or `fill = drop`. Codes that look like numbers, such as those of regions, are words if the script says so:

    data homes = csv(\"homes.csv\", target = \"price\", words = [\"zip\"])",
};

/// A row with too few or too many cells.
pub static RAGGED_ROW: Code = Code {
    name: "ragged-row",
    explain: "\
A row of a csv file has another number of cells than the header. Often a comma inside a cell is the
cause: put such a cell in double quotes.",
};

/// Cells that another character separates.
pub static CSV_SEPARATOR: Code = Code {
    name: "csv-separator",
    explain: "\
The cells of a csv file are separated by commas, and numbers have a decimal point, unless the script says
otherwise. This file separates them by semicolons, tabs or bars.

    width;kind      // as some spreadsheets export it
    1,5;setosa

    data d = csv(\"d.csv\", separator = \";\", decimal = \",\")",
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

/// A broken idx file.
pub static BAD_IDX: Code = Code {
    name: "bad-idx",
    explain: "\
A file is not a complete idx file: two zero bytes, a type byte, the number of axes, one big-endian
32-bit size per axis, then the elements. A truncated download is the usual cause: fetch it again.",
};

/// More memory than there is.
pub static TOO_LARGE: Code = Code {
    name: "too-large",
    explain: "\
The program needs more memory than this machine has available. Nothing has been allocated yet. A
smaller batch, fewer or smaller layers, or an optimizer with less state need less.",
};

/// The beginning of a text from a file, for a message.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
