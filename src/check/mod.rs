//! Names, shapes, types and pipelines: the last place where a user can be wrong.
//!
//! Comes in: the trees of the script and of the library. Goes out: a typed program and all
//! diagnostics. If none of them is an error, every later stage is total.

pub mod typed;

use crate::algebra::types::{DType, Type};
use crate::ast::Script;
use crate::diag::Diagnostic;

/// What a data file holds, as far as types and shapes go.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Columns in scope with their types without the row axis, `x` and `y` first.
    pub columns: Vec<(String, Type)>,
    /// Number of rows.
    pub rows: usize,
    /// Rows of the file's own test split, if it has one.
    pub test_rows: Option<usize>,
}

/// What `check` asks about data files. Diagnostics come without labels; `check` adds the place.
pub trait Catalog {
    /// The schema of a source, or why it cannot be read.
    fn schema(&self, source: &typed::DataSource, real: DType) -> Result<Schema, Diagnostic>;
}

/// Checks a script against the library. The program may be run only if no diagnostic is an error.
pub fn check(
    script: &Script,
    library: &[Script],
    catalog: &dyn Catalog,
    real: DType,
) -> (typed::Program, Vec<Diagnostic>) {
    let _ = (script, library, catalog, real);
    todo!()
}
