//! What is said about a column when it is asked for.

use super::FileSource;
use super::scale::Scales;
use crate::algebra::types::Type;

/// A column that is to be read.
pub(crate) struct WantedColumn<'a> {
    /// Its name in scripts.
    pub(crate) name: &'a str,
    /// The type of a row of it.
    pub(crate) ty: Type,
    /// The training rows of the data set, ascending.
    pub(crate) train: &'a [u32],
    /// Whether it is standardized.
    pub(crate) standardized: bool,
    /// The data whose words, characters and statistics it goes by, if not by its own: those that the model
    /// was trained on.
    pub(crate) trained: Option<Trained<'a>>,
}

/// Data that a model was trained on.
#[derive(Clone, Copy)]
pub(crate) struct Trained<'a> {
    /// Where they are read; `None`: they are computed.
    pub(crate) source: Option<&'a FileSource>,
    /// Their training rows, ascending.
    pub(crate) train: &'a [u32],
    /// Of a text, its characters.
    pub(crate) characters: &'a [char],
    /// What their column of that name was standardized by, if it was.
    pub(crate) scales: Option<&'a Scales>,
}

impl WantedColumn<'_> {
    /// What the column is standardized by, if it is: the statistics of these rows, or those of the data
    /// trained on.
    pub(super) fn scales(
        &self,
        width: usize,
        rows: &[u32],
        number: impl Fn(usize, usize) -> f64,
    ) -> Option<Scales> {
        let known = self.trained.and_then(|trained| trained.scales.cloned());
        self.standardized.then(|| known.unwrap_or_else(|| Scales::of(width, rows, number)))
    }
}
