//! Comma-separated files with a header.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};
use std::path::Path;

use super::column::{Cells, ColumnDraft};
use crate::data::errors;
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::system;

/// A file's columns.
#[derive(Debug)]
pub(crate) struct Csv {
    /// Names as in the header.
    pub(crate) header: Vec<String>,
    /// One for each name.
    pub(crate) columns: Vec<Cells>,
    /// Number of rows.
    pub(crate) rows: usize,
    /// The line on which each row begins, from 1.
    pub(crate) lines: Vec<u64>,
    /// Where each name stands in the header.
    places: BTreeMap<String, usize>,
}

impl Csv {
    /// Where a column stands in the header.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Where the column stands that the script asks for.
    ///
    /// # Errors
    /// None of that name.
    pub(crate) fn find(&self, path: &Path, name: &str) -> Result<usize, Diagnostic> {
        place(path, name, &self.header, &self.places)
    }
}

fn place(
    path: &Path,
    name: &str,
    header: &[String],
    places: &BTreeMap<String, usize>,
) -> Result<usize, Diagnostic> {
    places.get(name).copied().ok_or_else(|| {
        errors::unknown_column(path, name, nearest(name, header.iter().map(String::as_str)), header)
    })
}

/// Reads a whole file. The columns named in `words` hold words, whatever their cells look like.
pub(crate) fn read(path: &Path, mut input: impl BufRead, words: &[String]) -> Result<Csv, Diagnostic> {
    let start = input.fill_buf().map_err(|error| errors::unreadable(path, &error))?;
    if let Some(other) = errors::other_format(path, start, "csv file") {
        return Err(other);
    }
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .has_headers(true)
        .from_reader(Quotes { input, count: 0 });
    let header: Vec<String> =
        reader.headers().map_err(|error| failure(path, error))?.iter().map(str::to_owned).collect();
    let places = places(path, &header)?;
    let mut drafts: Vec<ColumnDraft> = header.iter().map(|_| ColumnDraft::new(false)).collect();
    for name in words {
        drafts[place(path, name, &header, &places)?] = ColumnDraft::new(true);
    }
    let lines = rows(path, &mut reader, &header, &mut drafts)?;
    if lines.is_empty() {
        return Err(errors::empty(path, "rows"));
    }
    let columns = drafts.into_iter().zip(&header).map(|(draft, name)| draft.finish(path, name));
    Ok(Csv { columns: columns.collect::<Result<_, _>>()?, rows: lines.len(), header, lines, places })
}

/// Takes all rows in; gives the line of each.
fn rows(
    path: &Path,
    reader: &mut csv::Reader<Quotes<impl Read>>,
    header: &[String],
    drafts: &mut [ColumnDraft],
) -> Result<Vec<u64>, Diagnostic> {
    let most = system::available_memory().unwrap_or(u64::MAX);
    let mut record = csv::StringRecord::new();
    let mut lines = Vec::new();
    while reader.read_record(&mut record).map_err(|error| failure(path, error))? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(errors::ragged(path, line, header, &record));
        }
        if let Some(column) = record.iter().position(str::is_empty) {
            return Err(errors::empty_cell(path, line, &header[column]));
        }
        let held = ((lines.len() + 1) * header.len() * size_of::<f64>()) as u64;
        if held > most {
            return Err(errors::file_too_large(path, held, most));
        }
        let mut cells = record.iter().zip(drafts.iter_mut());
        let kept = cells.try_for_each(|(cell, draft)| draft.push(cell, line));
        kept.and_then(|()| lines.try_reserve(1)).map_err(|_| errors::no_memory(path, held))?;
        lines.push(line);
    }
    match lines.last() {
        Some(last) if reader.get_ref().count % 2 == 1 && reader.position().line() > last + 1 => {
            Err(errors::open_quote(path, *last))
        }
        _ => Ok(lines),
    }
}

/// Counts double quotes: an odd number of them leaves one open, which takes in all lines to the end.
struct Quotes<R> {
    input: R,
    count: usize,
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let found = self.input.read(buffer)?;
        self.count += buffer[..found].iter().filter(|byte| **byte == b'"').count();
        Ok(found)
    }
}

/// Where each name stands in the header.
fn places(path: &Path, header: &[String]) -> Result<BTreeMap<String, usize>, Diagnostic> {
    if header.is_empty() {
        return Err(errors::empty(path, "header"));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(errors::duplicate_column(path, twice));
    }
    if let [only] = header
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|separator| only.contains(*separator))
    {
        return Err(errors::other_separator(path, separator));
    }
    if is_row_of_numbers(header) {
        return Err(errors::no_header(path, &header[0]));
    }
    Ok(header.iter().cloned().zip(0..).collect())
}

/// Years and counts name columns too; numbers with a fraction do not.
fn is_row_of_numbers(header: &[String]) -> bool {
    let mut numbers = header.iter().map(|name| name.parse::<f64>());
    let fraction = |name: &String| name.parse::<f64>().is_ok_and(|number| number.fract() != 0.0);
    numbers.all(|number| number.is_ok_and(f64::is_finite)) && header.iter().any(fraction)
}

fn failure(path: &Path, error: csv::Error) -> Diagnostic {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => errors::unreadable(path, &error),
        csv::ErrorKind::Utf8 { .. } => errors::not_utf8(path, line as usize),
        other => errors::unreadable(path, &std::io::Error::other(format!("{other:?}"))),
    }
}
