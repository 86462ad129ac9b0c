//! Columns of cells: numbers or words, which the whole column decides.

use std::collections::{BTreeMap, TryReserveError};
use std::path::Path;

use crate::data::errors;
use crate::diag::Diagnostic;

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

/// What a cell is by itself.
enum CellKind {
    Number(f64),
    /// `nan`, `inf`, `1e999`: a number that no column of numbers holds, or a word in a column of words.
    NotFinite,
    Word,
}

impl CellKind {
    fn of(cell: &str) -> CellKind {
        match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => CellKind::Number(number),
            Ok(_) => CellKind::NotFinite,
            Err(_) => CellKind::Word,
        }
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
#[derive(Default)]
pub(super) struct ColumnDraft {
    /// Whether the script says that it holds words.
    declared: bool,
    numbers: Vec<f64>,
    words: WordNumbers,
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
    /// An empty column; `declared`: its cells are words, whatever they look like.
    pub(super) fn new(declared: bool) -> ColumnDraft {
        ColumnDraft { declared, ..ColumnDraft::default() }
    }

    /// Takes in the next cell, which is not empty.
    ///
    /// # Errors
    /// No memory for it.
    pub(super) fn push(&mut self, cell: &str, line: u64) -> Result<(), TryReserveError> {
        match if self.declared { CellKind::Word } else { CellKind::of(cell) } {
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
    pub(super) fn finish(self, path: &Path, column: &str) -> Result<Cells, Diagnostic> {
        match (self.number.count, self.word.count, self.not_finite.count) {
            (_, 0, 0) => Ok(Cells::Numbers(self.numbers)),
            (0, 1.., _) => Ok(self.words.sorted()),
            (_, 0, _) => {
                let (line, cell) = self.not_finite.first();
                Err(errors::not_finite(path, line, column, cell))
            }
            _ => Err(self.mixed(path, column)),
        }
    }

    /// Numbers and words in one column: the fewer are the ones to look at.
    fn mixed(&self, path: &Path, column: &str) -> Diagnostic {
        let others = self.word.count + self.not_finite.count;
        if self.number.count < others {
            let (line, cell) = self.number.first();
            return errors::number_among_words(path, line, column, cell, self.number.count);
        }
        let earlier =
            |a: &CellCount, b: &CellCount| b.count == 0 || (a.count > 0 && a.first().0 < b.first().0);
        let odd = if earlier(&self.not_finite, &self.word) { &self.not_finite } else { &self.word };
        let (line, cell) = odd.first();
        errors::word_among_numbers(path, line, column, cell, others)
    }
}
