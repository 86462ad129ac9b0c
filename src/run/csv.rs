//! Comma-separated files with a header.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use super::errors;
use crate::diag::Diagnostic;

/// A file's columns.
#[derive(Debug)]
pub(crate) struct Csv {
    /// Names as in the header.
    pub(crate) header: Vec<String>,
    /// One for each name.
    pub(crate) columns: Vec<Cells>,
    /// Number of rows.
    pub(crate) rows: usize,
}

/// The cells of one column.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Finite numbers.
    Numbers(Vec<f64>),
    /// Class numbers into the sorted words.
    Words {
        /// Distinct words, sorted.
        classes: Vec<String>,
        /// One for each row.
        codes: Vec<i32>,
    },
}

impl Cells {
    /// Whether all cells are whole numbers or words: what a class label can be.
    pub(crate) fn is_label(&self) -> bool {
        match self {
            Cells::Numbers(numbers) => numbers.iter().all(|n| n.fract() == 0.0 && n.abs() < 2f64.powi(31)),
            Cells::Words { .. } => true,
        }
    }

    /// The cell of a row as a number.
    pub(crate) fn number(&self, row: usize) -> f64 {
        match self {
            Cells::Numbers(numbers) => numbers[row],
            Cells::Words { codes, .. } => f64::from(codes[row]),
        }
    }
}

/// A column being read: the first cell decides what it holds.
enum Draft {
    Numbers(Vec<f64>),
    Words(Vec<String>),
}

impl Draft {
    fn for_cell(cell: &str) -> Draft {
        if cell.parse::<f64>().is_ok() { Draft::Numbers(Vec::new()) } else { Draft::Words(Vec::new()) }
    }

    fn push(&mut self, cell: &str, place: &Place<'_>) -> Result<(), Diagnostic> {
        match self {
            Draft::Numbers(numbers) => numbers.push(place.number(cell)?),
            Draft::Words(_) if cell.is_empty() => return Err(place.bad("a word", cell)),
            Draft::Words(words) => words.push(cell.to_owned()),
        }
        Ok(())
    }

    fn finish(self) -> Cells {
        let words = match self {
            Draft::Numbers(numbers) => return Cells::Numbers(numbers),
            Draft::Words(words) => words,
        };
        let classes: BTreeSet<&String> = words.iter().collect();
        let classes: Vec<String> = classes.into_iter().cloned().collect();
        let number: BTreeMap<&String, i32> = classes.iter().zip(0..).collect();
        let codes = words.iter().map(|word| number[word]).collect();
        Cells::Words { classes, codes }
    }
}

/// Where a cell stands, for messages.
struct Place<'a> {
    path: &'a Path,
    line: u64,
    column: &'a str,
}

impl Place<'_> {
    fn bad(&self, expected: &str, found: &str) -> Diagnostic {
        errors::bad_cell(self.path, self.line, self.column, expected, found)
    }

    fn number(&self, cell: &str) -> Result<f64, Diagnostic> {
        let number: f64 = cell.parse().map_err(|_| self.bad("a number", cell))?;
        if number.is_finite() {
            return Ok(number);
        }
        Err(errors::not_finite(self.path, self.line, self.column, cell))
    }
}

/// Reads a whole file.
pub(crate) fn read(path: &Path, input: impl Read) -> Result<Csv, Diagnostic> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).has_headers(true).from_reader(input);
    let header: Vec<String> =
        reader.headers().map_err(|error| failure(path, error))?.iter().map(str::to_owned).collect();
    check_header(path, &header)?;
    let mut drafts: Vec<Draft> = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record).map_err(|error| failure(path, error))? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(errors::ragged(path, line, header.len(), record.len()));
        }
        if rows == 0 {
            drafts = record.iter().map(Draft::for_cell).collect();
        }
        for ((cell, column), draft) in record.iter().zip(&header).zip(&mut drafts) {
            draft.push(cell, &Place { path, line, column })?;
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(errors::empty(path, "rows"));
    }
    Ok(Csv { header, columns: drafts.into_iter().map(Draft::finish).collect(), rows })
}

fn check_header(path: &Path, header: &[String]) -> Result<(), Diagnostic> {
    if header.is_empty() {
        return Err(errors::empty(path, "header"));
    }
    let mut seen = BTreeSet::new();
    match header.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(errors::duplicate_column(path, twice)),
        None => Ok(()),
    }
}

fn failure(path: &Path, error: csv::Error) -> Diagnostic {
    let reason = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        csv::ErrorKind::Utf8 { err, .. } => std::io::Error::other(err.to_string()),
        other => std::io::Error::other(format!("{other:?}")),
    };
    errors::unreadable(path, &reason)
}
