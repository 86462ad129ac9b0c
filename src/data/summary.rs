//! What a table holds, column by column.

use std::io::BufReader;
use std::path::Path;

use super::errors;
use super::fill::{CellFill, CellFills};
use super::formats::csv::{self, Reading};
use crate::diag::Diagnostic;
use crate::input;

/// What a table holds.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Summary {
    /// Number of rows.
    pub(crate) rows: usize,
    /// Rows with a missing cell.
    pub(crate) incomplete: usize,
    /// Its columns.
    pub(crate) columns: Vec<ColumnSummary>,
}

/// A column of a table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ColumnSummary {
    /// Its name.
    pub(crate) name: String,
    /// Missing cells.
    pub(crate) missing: usize,
    /// What the others are.
    pub(crate) holds: Holds,
}

/// What the cells of a column are.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Holds {
    /// All of them are missing.
    Nothing,
    /// Finite numbers.
    Numbers {
        /// Whether all of them are.
        whole: bool,
        /// The least.
        least: f64,
        /// The largest.
        most: f64,
    },
    /// Words: those that there are, sorted.
    Words(Vec<String>),
    /// Numbers and others, which no column may hold.
    Mixed {
        /// How many finite numbers.
        numbers: usize,
        /// How many others.
        others: usize,
        /// The line and the text of the first of the fewer ones.
        odd: (u64, String),
    },
}

/// What a comma-separated file holds.
///
/// # Errors
/// A file that cannot be read, or is no table.
pub(crate) fn csv(
    path: &Path,
    separator: char,
    decimal: char,
    missing: Vec<String>,
) -> Result<Summary, Diagnostic> {
    let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
    // Missing cells are only counted.
    let fills = CellFills { named: Vec::new(), others: Some(CellFill::Indicator) };
    let separator = separator as u8;
    let reading = Reading { separator, decimal, missing, fills, ..Reading::default() };
    csv::summarize(path, BufReader::new(file), &reading)
}
