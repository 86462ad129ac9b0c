//! Data sets: where they come from and what their columns are.

use super::expr::{Expr, Local};
use super::ids::LocalId;
use crate::algebra::types::Type;
use crate::data::FileSource;
use crate::source::Span;

/// Where a data set comes from and what its columns are. The file's schema has been read; its rows
/// are read again, and checked, when the program runs.
#[derive(Clone, Debug)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// Where its rows come from.
    pub source: DataSource,
    /// Columns in scope, `x` and `y` first.
    pub columns: Vec<Column>,
    /// Columns that are standardized with the training split's mean and standard deviation.
    pub standardize: Vec<String>,
    /// How many words there are in columns that hold words.
    pub words: Vec<(String, usize)>,
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

/// Where the rows of a data set come from.
#[derive(Clone, Debug)]
pub enum DataSource {
    /// Files.
    Files(FileSource),
    /// Computed: program `data.NAME` makes all rows of all columns.
    Synthetic {
        /// Seeds `random`.
        seed: u64,
        /// The columns, and names bound inside their expressions.
        locals: Vec<Local>,
        /// Each column with all of its rows, and its name for those after it.
        columns: Vec<(LocalId, Expr)>,
    },
}

impl DataSource {
    /// The files, if it has some.
    pub fn files(&self) -> Option<&FileSource> {
        match self {
            DataSource::Files(source) => Some(source),
            DataSource::Synthetic { .. } => None,
        }
    }
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
