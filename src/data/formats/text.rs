//! Text as numbers: each character is its place among all characters of the file in sorted order.

use std::collections::BTreeSet;
use std::path::Path;

use crate::data::errors;
use crate::diag::Diagnostic;
use crate::input;
use crate::system;

/// A text in numbers.
#[derive(Debug)]
pub(crate) struct Text {
    /// The different characters, sorted.
    pub(crate) characters: Vec<char>,
    /// The number of each character of the text.
    pub(crate) codes: Vec<i32>,
}

/// Windows of a text: its training rows and its test rows.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// Where each begins; those of the test split come last.
    pub(crate) starts: Vec<usize>,
    /// How many belong to the test split.
    pub(crate) test: usize,
}

/// Reads a whole text.
pub(crate) fn read(path: &Path) -> Result<Text, Diagnostic> {
    // A number of four bytes for each character is kept.
    let most = system::available_memory().map_or(u64::MAX, |bytes| bytes / 5);
    let bytes = input::bytes(path, most).map_err(|error| errors::unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        errors::other_format(path, error.as_bytes(), "text").unwrap_or_else(|| errors::not_utf8(path, line))
    })?;
    // Some programs mark text in UTF-8 by a character that is none of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.is_empty() {
        return Err(errors::empty(path, "characters"));
    }
    let characters: Vec<char> = text.chars().collect::<BTreeSet<char>>().into_iter().collect();
    let code = |c: char| characters.binary_search(&c).unwrap_or_default() as i32;
    let codes = text.chars().map(code).collect();
    Ok(Text { characters, codes })
}

impl Text {
    /// The same text in the numbers that these characters have, which are sorted.
    ///
    /// # Errors
    /// A character that is not among them.
    pub(crate) fn renumbered(&self, path: &Path, known: &[char]) -> Result<Text, Diagnostic> {
        let numbers: Vec<Result<usize, usize>> =
            self.characters.iter().map(|character| known.binary_search(character)).collect();
        let code = |code: &i32| numbers[*code as usize].map(|number| number as i32);
        let codes = self.codes.iter().map(code).collect::<Result<_, _>>();
        let Ok(codes) = codes else { return Err(self.unseen(path, &numbers)) };
        Ok(Text { characters: known.to_vec(), codes })
    }

    /// The first character without a number.
    fn unseen(&self, path: &Path, numbers: &[Result<usize, usize>]) -> Diagnostic {
        let unseen = |code: &i32| numbers[*code as usize].is_err();
        let at = self.codes.iter().position(unseen).unwrap_or(0);
        let character = |code: i32| self.characters[code as usize];
        let before = || self.codes[..at].iter().map(|code| character(*code));
        let column = before().rev().take_while(|c| *c != '\n').count() + 1;
        let line = before().filter(|c| *c == '\n').count() + 1;
        errors::unseen_character(path, line, column, character(self.codes[at]))
    }

    /// Consecutive windows of `context` characters and the one after. The `test` share of the
    /// characters, from the end, has windows of its own.
    pub(crate) fn windows(
        &self,
        path: &Path,
        context: usize,
        test: Option<f64>,
    ) -> Result<Windows, Diagnostic> {
        let count = self.codes.len();
        let first = count - (count as f64 * test.unwrap_or(0.0)).round() as usize;
        let starts = |from: usize, to: usize| (from..to.saturating_sub(context)).step_by(context);
        let train: Vec<usize> = starts(0, first).collect();
        let tests: Vec<usize> = starts(first, count).collect();
        let needed = context + 1;
        if train.is_empty() {
            return Err(errors::short_text(path, "the text", first, needed));
        }
        if tests.is_empty() && test.is_some() {
            return Err(errors::short_text(path, "its test share", count - first, needed));
        }
        Ok(Windows { test: tests.len(), starts: [train, tests].concat() })
    }
}
