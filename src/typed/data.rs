//! Data sets: where they come from and what their columns are.

use super::expr::{Expr, Local};
use super::ids::LocalId;
use crate::algebra::types::Type;
use crate::source::Span;

/// Where a data set comes from and what its columns are. The file's schema has been read; its rows
/// are read again, and checked, when the program runs.
#[derive(Clone, Debug)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// How to read it.
    pub source: DataSource,
    /// Share of the rows that is the test split, taken by a seeded shuffle; `None`: no split.
    pub test: Option<f64>,
    /// Columns in scope, `x` and `y` first.
    pub columns: Vec<Column>,
    /// Columns that are standardized with the training split's mean and standard deviation.
    pub standardize: Vec<String>,
    /// Of a text, the characters that its numbers stand for.
    pub characters: Vec<char>,
    /// Number of rows of the whole set, of the training split and of the test split.
    pub rows: Rows,
    /// Where it is declared.
    pub span: Span,
}

/// Row counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rows {
    /// All rows.
    pub all: usize,
    /// Rows of the training split (all, without a split).
    pub train: usize,
    /// Rows of the test split.
    pub test: usize,
}

/// How to read a data set.
#[derive(Clone, Debug)]
pub enum DataSource {
    /// A comma-separated file with a header.
    Csv(Table),
    /// Images and labels in idx form, gzipped or not.
    Idx {
        /// The file that is `x`.
        x: String,
        /// The file that is `y`.
        y: Option<String>,
        /// The test split's files, if it has its own.
        test_x: Option<String>,
        /// As above.
        test_y: Option<String>,
    },
    /// Computed: program `data.NAME` makes all rows of all columns.
    Synthetic {
        /// Seeds `random`.
        seed: u64,
        /// The columns, and names bound inside their expressions.
        locals: Vec<Local>,
        /// Each column with all of its rows, and its name for those after it.
        columns: Vec<(LocalId, Expr)>,
    },
    /// NumPy arrays, whose first axis is the rows.
    Arrays {
        /// The `.npz` file; `None`: each column is a `.npy` file.
        archive: Option<String>,
        /// Columns with their names in the archive, or with their files. None: all of the archive.
        columns: Vec<(String, String)>,
    },
    /// Windows of a text as numbers of characters: `x`, and `y` one character later.
    Text {
        /// Path, relative to the script's folder.
        path: String,
        /// Characters of a window.
        context: usize,
        /// The share of the characters, from the end, that is the test split.
        test: Option<f64>,
    },
}

/// How to read a comma-separated file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Path, relative to the script's folder.
    pub path: String,
    /// The column that is `y`; all others are `x`.
    pub target: Option<String>,
    /// Each row is as many consecutive rows of the file, and the `y` of the row after them.
    pub windows: Option<usize>,
    /// Columns whose cells are words, whatever they look like.
    pub words: Vec<String>,
}

/// A column of a data set.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in scripts.
    pub name: String,
    /// Its type without the row axis.
    pub ty: Type,
}

/// Which rows of a data set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// All.
    All,
    /// The training split.
    Train,
    /// The test split.
    Test,
}
