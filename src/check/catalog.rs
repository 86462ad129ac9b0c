//! What the checker asks about data files.

use crate::algebra::types::{DType, Type};
use crate::diag::Diagnostic;
use crate::typed::DataSource;

/// What a data file holds, as far as types and shapes go.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Columns in scope with their types without the row axis, `x` and `y` first.
    pub columns: Vec<(String, Type)>,
    /// Number of rows, without those of the file's own test split.
    pub rows: usize,
    /// Rows of the file's own test split, if it has one.
    pub test_rows: Option<usize>,
    /// Of a text, its different characters, sorted.
    pub characters: Vec<char>,
}

/// What `check` asks about data files. Diagnostics come without labels; `check` adds the place.
pub trait Catalog {
    /// The schema of a source, or why it cannot be read.
    fn schema(&self, source: &DataSource, real: DType) -> Result<Schema, Diagnostic>;
}
