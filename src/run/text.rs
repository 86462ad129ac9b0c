//! Text as numbers: each character is its place among all characters of the file in sorted order.

use std::path::Path;

use super::errors;
use crate::diag::Diagnostic;

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
pub(crate) fn read(path: &Path, bytes: Vec<u8>) -> Result<Text, Diagnostic> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good =
            String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        errors::not_utf8(path, good.lines().count().max(1))
    })?;
    if text.is_empty() {
        return Err(errors::empty(path, "characters"));
    }
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    let code = |c: char| characters.binary_search(&c).unwrap_or_default() as i32;
    let codes = text.chars().map(code).collect();
    Ok(Text { characters, codes })
}

impl Text {
    /// Windows of `context` characters and the one after, one behind the other. The `test` share of the
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
