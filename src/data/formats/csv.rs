//! Comma-separated files with a header.

use std::collections::{BTreeMap, BTreeSet, TryReserveError};
use std::io::{BufRead, Read};
use std::path::Path;

use super::column::{Cells, ColumnDraft, Declared};
use super::lines::Lines;
use crate::data::errors;
use crate::data::fill::{CellFill, CellFills, FillRule};
use crate::data::summary::{ColumnSummary, Summary};
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::system;

/// How a file is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What separates cells.
    pub(crate) separator: u8,
    /// What stands before the fraction of a number.
    pub(crate) decimal: char,
    /// The columns to read, in this order; none: all of them.
    pub(crate) columns: Vec<String>,
    /// Columns to leave out.
    pub(crate) drop: Vec<String>,
    /// Columns that hold words, whatever their cells look like.
    pub(crate) words: Vec<String>,
    /// Columns that hold dates, which become numbers.
    pub(crate) dates: Vec<String>,
    /// What a missing cell may hold, if it is not empty.
    pub(crate) missing: Vec<String>,
    /// What becomes of missing cells.
    pub(crate) fills: CellFills,
    /// The column that is the target.
    pub(crate) target: Option<String>,
    /// The column by whose cells rows are told into training and test.
    pub(crate) key: Option<String>,
    /// Whether rows are only good side by side, so that none may be left out.
    pub(crate) consecutive: bool,
    /// Whether there is to be a prediction for each row, so that none may be left out.
    pub(crate) predicting: bool,
}

impl Default for Reading {
    fn default() -> Reading {
        let (columns, drop, words, dates, missing) = Default::default();
        let (fills, target) = Default::default();
        Reading {
            separator: b',',
            decimal: '.',
            columns,
            drop,
            words,
            dates,
            missing,
            fills,
            target,
            key: None,
            consecutive: false,
            predicting: false,
        }
    }
}

/// A file's columns.
#[derive(Debug)]
pub(crate) struct Csv {
    /// Names as in the header.
    pub(crate) header: Vec<String>,
    /// One for each name.
    pub(crate) columns: Vec<Cells>,
    /// What becomes of missing cells, for each name.
    pub(crate) rules: Vec<FillRule>,
    /// Number of rows.
    pub(crate) rows: usize,
    /// The line on which each row begins, from 1.
    pub(crate) lines: Vec<u64>,
    /// Of each row the cell by which it is told into training and test, if there is such a column.
    pub(crate) keys: Vec<String>,
    /// Where each name stands in the header.
    places: BTreeMap<String, usize>,
}

impl Csv {
    fn new(lines: Vec<u64>) -> Csv {
        let (header, columns, rules, places) = Default::default();
        Csv { header, columns, rules, rows: lines.len(), lines, keys: Vec::new(), places }
    }

    /// A table of these columns.
    pub(crate) fn of(lines: Vec<u64>, columns: impl IntoIterator<Item = (String, Cells, FillRule)>) -> Csv {
        let mut csv = Csv::new(lines);
        columns.into_iter().for_each(|(name, cells, rule)| csv.push(name, cells, rule));
        csv
    }

    /// Where a column stands in the header.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    fn push(&mut self, name: String, cells: Cells, rule: FillRule) {
        self.places.insert(name.clone(), self.header.len());
        self.header.push(name);
        self.columns.push(cells);
        self.rules.push(rule);
    }

    /// Where the column stands that the script asks for.
    ///
    /// # Errors
    /// None of that name.
    pub(crate) fn find(&self, path: &Path, name: &str) -> Result<usize, Diagnostic> {
        place(path, name, &self.header)
    }

    /// Adds a column of zeros and ones for each of numbers whose missing ones are to be seen.
    fn add_indicators(&mut self, path: &Path) -> Result<(), Diagnostic> {
        for place in 0..self.header.len() {
            let FillRule { fill: Some(CellFill::Indicator), named, .. } = &self.rules[place] else {
                continue;
            };
            let Cells::Numbers(numbers) = &self.columns[place] else { continue };
            if !named && !numbers.iter().any(|number| number.is_nan()) {
                continue;
            }
            let name = format!("{}_missing", self.header[place]);
            if self.position(&name).is_some() {
                return Err(errors::duplicate_column(path, &name));
            }
            let is_missing = numbers.iter().map(|number| f64::from(u8::from(number.is_nan())));
            let is_missing = Cells::Numbers(is_missing.collect());
            self.push(name, is_missing, FillRule::default());
        }
        Ok(())
    }
}

fn place(path: &Path, name: &str, header: &[String]) -> Result<usize, Diagnostic> {
    let found = header.iter().position(|have| have == name);
    found.ok_or_else(|| {
        errors::unknown_column(path, name, nearest(name, header.iter().map(String::as_str)), header)
    })
}

/// Reads a whole file.
pub(crate) fn read(path: &Path, input: impl BufRead, reading: &Reading) -> Result<Csv, Diagnostic> {
    table(path, input, reading)?.finish()
}

/// What a whole file holds, whose columns need not be right.
pub(crate) fn summarize(path: &Path, input: impl BufRead, reading: &Reading) -> Result<Summary, Diagnostic> {
    let TableDraft { header, kept, lines, incomplete, .. } = table(path, input, reading)?;
    let columns = kept.into_iter().map(|Kept { place, draft, .. }| {
        let (missing, holds) = draft.summary();
        ColumnSummary { name: header[place].clone(), missing, holds }
    });
    Ok(Summary { rows: lines.len(), incomplete, columns: columns.collect() })
}

fn table<'a>(
    path: &'a Path,
    mut input: impl BufRead,
    reading: &'a Reading,
) -> Result<TableDraft<'a>, Diagnostic> {
    let start = input.fill_buf().map_err(|error| errors::unreadable(path, &error))?;
    if let Some(other) = errors::other_format(path, start, "csv file") {
        return Err(other);
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(reading.separator)
        .flexible(true)
        .trim(csv::Trim::All)
        .has_headers(true)
        .from_reader(Lines::new(input));
    let header: Vec<String> =
        reader.headers().map_err(|error| failure(path, error, 1))?.iter().map(str::to_owned).collect();
    check_header(path, &header, reading.separator)?;
    let mut table = TableDraft::new(path, header, reading)?;
    table.rows(&mut reader)?;
    Ok(table)
}

/// A column that is kept.
struct Kept {
    /// Where it stands in the file.
    place: usize,
    rule: FillRule,
    draft: ColumnDraft,
}

/// A table that is being read.
struct TableDraft<'a> {
    path: &'a Path,
    reading: &'a Reading,
    header: Vec<String>,
    kept: Vec<Kept>,
    /// The line of each row that is kept.
    lines: Vec<u64>,
    /// Where the column stands by which rows are told into training and test, and its cells.
    key: Option<(usize, Vec<String>)>,
    /// How many of them lack a cell.
    incomplete: usize,
    /// The line of the first row that is left out.
    dropped: Option<u64>,
}

impl<'a> TableDraft<'a> {
    fn new(path: &'a Path, header: Vec<String>, reading: &'a Reading) -> Result<TableDraft<'a>, Diagnostic> {
        let named = reading.fills.named.iter().map(|(name, _)| name);
        for name in reading.words.iter().chain(&reading.dates).chain(named) {
            place(path, name, &header)?;
        }
        let kept = kept(path, &header, reading)?.into_iter().map(|place| {
            let name = &header[place];
            let rule = reading.fills.rule(name, reading.target.as_ref() == Some(name));
            let declared = match reading.words.contains(name) {
                true => Declared::Words,
                false if reading.dates.contains(name) => Declared::Dates,
                false => Declared::Nothing,
            };
            Kept { place, rule, draft: ColumnDraft::new(declared, reading.decimal) }
        });
        let kept = kept.collect();
        let key =
            reading.key.as_ref().map(|name| Ok((place(path, name, &header)?, Vec::new()))).transpose()?;
        Ok(TableDraft { path, reading, header, kept, lines: Vec::new(), key, incomplete: 0, dropped: None })
    }

    /// Takes all rows in.
    fn rows(&mut self, reader: &mut csv::Reader<Lines<impl Read>>) -> Result<(), Diagnostic> {
        let path = self.path;
        let most = system::available_memory().unwrap_or(u64::MAX);
        let mut record = csv::StringRecord::new();
        let mut long = None;
        while let Some(line) = next(path, reader, &mut record)? {
            long = takes_more_lines(reader, &record).then_some(line);
            if record.len() != self.header.len() {
                return Err(errors::ragged(path, line, &self.header, &record, self.reading.separator));
            }
            if self.is_dropped(&record, line)? {
                self.dropped.get_or_insert(line);
                continue;
            }
            let held = ((self.lines.len() + 1) * self.kept.len() * size_of::<f64>()) as u64;
            if held > most {
                return Err(errors::file_too_large(path, held, most));
            }
            self.row(&record, line)?.map_err(|_| errors::no_memory(path, held))?;
        }
        match long.filter(|_| reader.get_ref().quotes % 2 == 1) {
            Some(line) => Err(errors::open_quote(path, line)),
            None => Ok(()),
        }
    }

    fn is_missing(&self, cell: &str) -> bool {
        cell.is_empty() || self.reading.missing.iter().any(|text| text == cell)
    }

    /// Whether a row lacks a cell without which it is left out.
    fn is_dropped(&self, record: &csv::StringRecord, line: u64) -> Result<bool, Diagnostic> {
        let lacks = |kept: &&Kept| kept.rule.drops() && self.is_missing(&record[kept.place]);
        match self.kept.iter().find(lacks) {
            Some(kept) if self.reading.consecutive => {
                Err(errors::gap(self.path, line, &self.header[kept.place], &record[kept.place]))
            }
            found => Ok(found.is_some()),
        }
    }

    /// Takes in a row.
    fn row(
        &mut self,
        record: &csv::StringRecord,
        line: u64,
    ) -> Result<Result<(), TryReserveError>, Diagnostic> {
        for k in 0..self.kept.len() {
            let cell = &record[self.kept[k].place];
            let missing = self.is_missing(cell);
            let Kept { place, rule, draft } = &mut self.kept[k];
            let pushed = match rule {
                _ if !missing => draft.push(cell, line),
                FillRule { fill: None, .. } => {
                    let missing = match self.reading.predicting {
                        true => errors::missing_feature,
                        false => errors::missing_cell,
                    };
                    return Err(missing(self.path, line, &self.header[*place], cell));
                }
                FillRule { target: true, named: false, .. } => {
                    return Err(errors::missing_target(self.path, line, &self.header[*place], cell));
                }
                FillRule { fill, .. } => draft.push_missing(cell, line, fill.as_ref()),
            };
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        if let Some((place, keys)) = &mut self.key {
            keys.push(record[*place].to_owned());
        }
        if let Some((place, _)) = self.key.as_ref().filter(|(place, _)| self.is_missing(&record[*place])) {
            return Err(errors::missing_key(self.path, line, &self.header[*place], &record[*place]));
        }
        let lacks = self.kept.iter().any(|kept| self.is_missing(&record[kept.place]));
        self.incomplete += usize::from(lacks);
        Ok(self.lines.try_reserve(1).map(|()| self.lines.push(line)))
    }

    fn finish(self) -> Result<Csv, Diagnostic> {
        let path = self.path;
        if self.lines.is_empty() {
            return Err(match self.dropped {
                Some(line) => errors::all_dropped(path, line),
                None => errors::empty(path, "rows"),
            });
        }
        let mut csv = Csv::new(self.lines);
        csv.keys = self.key.map(|(_, keys)| keys).unwrap_or_default();
        for Kept { place, rule, draft } in self.kept {
            let name = &self.header[place];
            let cells = draft.finish(path, name, &rule)?;
            csv.push(name.clone(), cells, rule);
        }
        csv.add_indicators(path)?;
        Ok(csv)
    }
}

/// The places of the columns that a script asks for; the target is always one.
fn kept(path: &Path, header: &[String], reading: &Reading) -> Result<Vec<usize>, Diagnostic> {
    let places = |names: &[String]| -> Result<Vec<usize>, Diagnostic> {
        names.iter().map(|name| place(path, name, header)).collect()
    };
    let (mut chosen, dropped) = (places(&reading.columns)?, places(&reading.drop)?);
    if let Some(k) = (1..chosen.len()).find(|k| chosen[..*k].contains(&chosen[*k])) {
        return Err(errors::chosen_twice(path, &header[chosen[k]]));
    }
    let target = reading.target.as_ref().map(|target| place(path, target, header)).transpose()?;
    if let Some(target) = target.filter(|target| dropped.contains(target)) {
        return Err(errors::dropped_target(path, &header[target]));
    }
    match chosen.is_empty() {
        true => chosen = (0..header.len()).collect(),
        false => chosen.extend(target.filter(|target| !chosen.contains(target))),
    }
    chosen.retain(|place| !dropped.contains(place));
    match chosen.is_empty() {
        true => Err(errors::no_columns(path)),
        false => Ok(chosen),
    }
}

/// Reads the next record, and says on which line it begins; none at the end.
fn next(
    path: &Path,
    reader: &mut csv::Reader<Lines<impl Read>>,
    record: &mut csv::StringRecord,
) -> Result<Option<u64>, Diagnostic> {
    let begin = reader.position().byte();
    let found = reader.read_record(record);
    let line = reader.get_mut().line_at(begin);
    Ok(found.map_err(|error| failure(path, error, line))?.then_some(line))
}

/// Whether the last record that was read goes on for lines.
fn takes_more_lines<R: Read>(reader: &csv::Reader<R>, record: &csv::StringRecord) -> bool {
    record.position().is_some_and(|begin| reader.position().line() > begin.line() + 1)
}

/// Whether the first line is names of columns.
fn check_header(path: &Path, header: &[String], separator: u8) -> Result<(), Diagnostic> {
    if header.is_empty() {
        return Err(errors::empty(path, "header"));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(errors::duplicate_column(path, twice));
    }
    if let [only] = header
        && let Some(other) = SEPARATORS.into_iter().find(|other| only.contains(*other))
    {
        return Err(errors::other_separator(path, other, separator));
    }
    if is_row_of_numbers(header) {
        return Err(errors::no_header(path, &header[0]));
    }
    Ok(())
}

/// What is taken for a separator in a header that has no other; a comma may stand in a name.
const SEPARATORS: [char; 3] = [';', '\t', '|'];

/// Years and counts name columns too; numbers with a fraction do not.
fn is_row_of_numbers(header: &[String]) -> bool {
    let mut numbers = header.iter().map(|name| name.parse::<f64>());
    let fraction = |name: &String| name.parse::<f64>().is_ok_and(|number| number.fract() != 0.0);
    numbers.all(|number| number.is_ok_and(f64::is_finite)) && header.iter().any(fraction)
}

fn failure(path: &Path, error: csv::Error, line: u64) -> Diagnostic {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => errors::unreadable(path, &error),
        csv::ErrorKind::Utf8 { .. } => errors::not_utf8(path, line as usize),
        other => errors::unreadable(path, &std::io::Error::other(format!("{other:?}"))),
    }
}
