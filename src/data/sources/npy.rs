//! `npy(x = "x.npy", y = "y.npy")`: a file of NumPy's for each column.

use std::rc::Rc;

use super::arrays::{self, FoundArray};
use crate::algebra::types::DType;
use crate::data::arguments::{Arguments, TEST};
use crate::data::formats::array::Array;
use crate::data::formats::npy;
use crate::data::{Columns, Files, Reader, Schema, SourceKind, Values, WantedColumn};
use crate::diag::Diagnostic;
use crate::ice;

pub(super) static NPY: SourceKind = SourceKind {
    name: "npy",
    doc: "A NumPy array for each column, whose first axis is the rows.",
    example: "npy(x = \"x.npy\", y = \"y.npy\")",
    arguments: &[&TEST],
    exclusive: &[],
    needed: 0,
    columns: Columns::Needed,
    reader: |given| Rc::new(Npy::of(given)),
};

/// Columns with their files.
#[derive(Debug)]
struct Npy(Vec<(String, String)>);

impl Npy {
    fn of(given: &Arguments) -> Npy {
        Npy(given.columns())
    }
}

impl Reader for Npy {
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic> {
        let found = self.0.iter().map(|(column, file)| {
            Ok(FoundArray { column: column.clone(), array: array(files, file)?, path: files.path(file) })
        });
        arrays::schema(found.collect::<Result<_, Diagnostic>>()?, real)
    }

    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic> {
        let file = self.0.iter().find(|(name, _)| name == wanted.name).map(|(_, file)| file);
        let file = file.unwrap_or_else(|| ice!("data", "no file is column `{}`", wanted.name));
        arrays::column(wanted, vec![(files.path(file), array(files, file)?)])
    }
}

fn array(files: &Files, name: &str) -> Result<Rc<Array>, Diagnostic> {
    // Files of another format are kept by their names alone.
    files.once((NPY.name, name.to_owned()), name, npy::read)
}
