//! Columns of cells: numbers or words, which the whole column decides.

use std::collections::{BTreeMap, TryReserveError};
use std::path::Path;

use super::date;
use crate::data::errors;
use crate::data::fill::{CellFill, FillRule};
use crate::data::summary::Holds;
use crate::diag::Diagnostic;

/// The cells of one column.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Finite numbers; NaN where one is missing and its column's rule says by which statistic it is filled.
    Numbers(Vec<f64>),
    /// Class numbers into the sorted words.
    Words {
        /// Distinct words, sorted; the empty one is that of missing cells.
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

/// What a script says that a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Declared {
    /// Nothing: its cells say it.
    Nothing,
    /// Words, whatever they look like.
    Words,
    /// Dates, which are numbers of days.
    Dates,
}

/// What a cell is by itself.
enum CellKind {
    Number(f64),
    /// `nan`, `inf`, `1e999`: a number that no column of numbers holds, or a word in a column of words.
    NotFinite,
    Word,
}

impl CellKind {
    /// By what the script says that the column holds.
    fn declared(cell: &str, decimal: char, declared: Declared) -> CellKind {
        match declared {
            Declared::Nothing => CellKind::of(cell, decimal),
            Declared::Words => CellKind::Word,
            Declared::Dates => date::days(cell).map_or(CellKind::Word, CellKind::Number),
        }
    }

    /// A number has a comma before its fraction where that is the rule, and then no point.
    fn of(cell: &str, decimal: char) -> CellKind {
        let parsed = match decimal {
            '.' => cell.parse::<f64>(),
            _ if cell.contains('.') => return CellKind::Word,
            _ => cell.replacen(decimal, ".", 1).parse::<f64>(),
        };
        match parsed {
            Ok(number) if number.is_finite() => CellKind::Number(number),
            Ok(_) => CellKind::NotFinite,
            Err(_) => CellKind::Word,
        }
    }
}

/// The number that a cell is by itself.
pub(in crate::data) fn number(cell: &str, decimal: char) -> Option<f64> {
    match CellKind::of(cell, decimal) {
        CellKind::Number(number) => Some(number),
        CellKind::NotFinite | CellKind::Word => None,
    }
}

/// How many cells of a kind a column has, and the first of them.
#[derive(Default)]
struct CellCount {
    count: usize,
    first: Option<(u64, String)>,
}

impl CellCount {
    fn note(&mut self, line: u64, cell: &str) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((line, cell.to_owned()));
        }
    }

    /// The line and the text of the first cell.
    fn first(&self) -> (u64, &str) {
        self.first.as_ref().map_or((0, ""), |(line, cell)| (*line, cell))
    }
}

/// A column that is being read. A column that turns out to be neither is only counted on.
pub(super) struct ColumnDraft {
    /// What the script says that it holds.
    declared: Declared,
    /// What stands before the fraction of a number.
    decimal: char,
    numbers: Vec<f64>,
    words: WordNumbers,
    missing: CellCount,
    number: CellCount,
    not_finite: CellCount,
    word: CellCount,
}

/// Words numbered in the order of their first use.
#[derive(Default)]
struct WordNumbers {
    numbers: BTreeMap<String, i32>,
    codes: Vec<i32>,
}

impl WordNumbers {
    fn push(&mut self, word: &str) -> Result<(), TryReserveError> {
        self.codes.try_reserve(1)?;
        let code = self.numbers.get(word).copied().unwrap_or_else(|| {
            let next = self.numbers.len() as i32;
            self.numbers.insert(word.to_owned(), next);
            next
        });
        self.codes.push(code);
        Ok(())
    }

    /// Numbers them in sorted order.
    fn sorted(self) -> Cells {
        let mut places = vec![0; self.numbers.len()];
        self.numbers.values().zip(0..).for_each(|(code, place)| places[*code as usize] = place);
        let codes = self.codes.iter().map(|code| places[*code as usize]).collect();
        Cells::Words { classes: self.numbers.into_keys().collect(), codes }
    }
}

impl ColumnDraft {
    /// An empty column.
    pub(super) fn new(declared: Declared, decimal: char) -> ColumnDraft {
        let (numbers, words, missing) = Default::default();
        let (number, not_finite, word) = Default::default();
        ColumnDraft { declared, decimal, numbers, words, missing, number, not_finite, word }
    }

    /// Takes in a missing cell: a word, if the column turns out to hold words.
    ///
    /// # Errors
    /// No memory for it.
    pub(super) fn push_missing(
        &mut self,
        cell: &str,
        line: u64,
        fill: Option<&CellFill>,
    ) -> Result<(), TryReserveError> {
        self.missing.note(line, cell);
        if self.number.count == 0 {
            self.words.push(if let Some(CellFill::Word(word)) = fill { word } else { "" })?;
        }
        if self.word.count + self.not_finite.count == 0 {
            self.numbers.try_reserve(1)?;
            self.numbers.push(f64::NAN);
        }
        Ok(())
    }

    /// Takes in the next cell, which is not missing.
    ///
    /// # Errors
    /// No memory for it.
    pub(super) fn push(&mut self, cell: &str, line: u64) -> Result<(), TryReserveError> {
        match CellKind::declared(cell, self.decimal, self.declared) {
            CellKind::Number(number) => {
                self.number.note(line, cell);
                if self.word.count + self.not_finite.count == 0 {
                    self.numbers.try_reserve(1)?;
                    self.numbers.push(number);
                }
                return Ok(());
            }
            CellKind::NotFinite => self.not_finite.note(line, cell),
            CellKind::Word => self.word.note(line, cell),
        }
        if self.number.count == 0 {
            self.words.push(cell)?;
        }
        Ok(())
    }

    /// The column, if all of its cells are numbers or none is.
    pub(super) fn finish(self, path: &Path, column: &str, rule: &FillRule) -> Result<Cells, Diagnostic> {
        if self.declared == Declared::Dates && self.word.count > 0 {
            let (line, cell) = self.word.first();
            return Err(errors::no_date(path, line, column, cell));
        }
        match (self.number.count, self.word.count, self.not_finite.count) {
            // Of a column without cells the rule says what they would be.
            (0, 0, 0) => match rule.fill {
                Some(CellFill::Mean | CellFill::Median | CellFill::Number(_)) => {
                    self.finish_numbers(path, column, rule)
                }
                Some(CellFill::Word(_)) => Ok(self.words.sorted()),
                Some(CellFill::Indicator) if rule.named && self.declared == Declared::Words => {
                    Ok(self.words.sorted())
                }
                Some(CellFill::Indicator) if rule.named => self.finish_numbers(path, column, rule),
                _ => Err(errors::all_missing(path, column, self.missing.first())),
            },
            (_, 0, 0) => self.finish_numbers(path, column, rule),
            (0, 1.., _) => match rule.fill {
                Some(CellFill::Mean | CellFill::Median | CellFill::Number(_)) if self.is_filled(rule) => {
                    Err(errors::number_for_words(path, column, self.missing.first()))
                }
                _ => Ok(self.words.sorted()),
            },
            (_, 0, _) => {
                let (line, cell) = self.not_finite.first();
                Err(errors::not_finite(path, line, column, cell))
            }
            _ => Err(self.mixed(path, column)),
        }
    }

    /// Whether the rule has to fit: it fills something, or is meant for this column.
    fn is_filled(&self, rule: &FillRule) -> bool {
        self.missing.count > 0 || rule.named
    }

    fn finish_numbers(mut self, path: &Path, column: &str, rule: &FillRule) -> Result<Cells, Diagnostic> {
        match rule.fill {
            Some(CellFill::Word(_)) if self.is_filled(rule) => {
                return Err(errors::word_for_numbers(path, column, self.missing.first()));
            }
            Some(CellFill::Indicator) if rule.target => {
                return Err(errors::indicated_target(path, column));
            }
            Some(CellFill::Number(by)) => {
                self.numbers.iter_mut().filter(|number| number.is_nan()).for_each(|number| *number = by);
            }
            _ => {}
        }
        Ok(Cells::Numbers(self.numbers))
    }

    /// How many cells are missing, and what the others are.
    pub(super) fn summary(self) -> (usize, Holds) {
        let missing = self.missing.count;
        let holds = match (self.number.count, self.word.count + self.not_finite.count) {
            (0, 0) => Holds::Nothing,
            (_, 0) => {
                let numbers = self.numbers.iter().copied().filter(|number| !number.is_nan());
                Holds::Numbers {
                    whole: numbers.clone().all(|number| number.fract() == 0.0),
                    least: numbers.clone().fold(f64::INFINITY, f64::min),
                    most: numbers.fold(f64::NEG_INFINITY, f64::max),
                }
            }
            (0, _) if self.word.count > 0 => {
                Holds::Words(self.words.numbers.into_keys().filter(|word| !word.is_empty()).collect())
            }
            (numbers, others) => {
                let (line, cell) = self.odd().first();
                Holds::Mixed { numbers, others, odd: (line, cell.to_owned()) }
            }
        };
        (missing, holds)
    }

    /// Of numbers and words in one column, the fewer: they are the ones to look at.
    fn odd(&self) -> &CellCount {
        let earlier =
            |a: &CellCount, b: &CellCount| b.count == 0 || (a.count > 0 && a.first().0 < b.first().0);
        match self.number.count {
            some if (1..self.word.count + self.not_finite.count).contains(&some) => &self.number,
            _ if earlier(&self.not_finite, &self.word) => &self.not_finite,
            _ => &self.word,
        }
    }

    /// What is wrong with numbers and words in one column.
    fn mixed(&self, path: &Path, column: &str) -> Diagnostic {
        let others = self.word.count + self.not_finite.count;
        let (line, cell) = self.odd().first();
        match self.number.count < others {
            true => errors::number_among_words(path, line, column, cell, self.number.count),
            false => errors::word_among_numbers((path, line, column), cell, others, self.decimal),
        }
    }
}
