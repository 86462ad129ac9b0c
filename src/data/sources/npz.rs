//! `npz("d.npz", x = "images", y = "labels")`: an archive of NumPy's arrays.

use std::rc::Rc;

use super::arrays::{self, FoundArray};
use crate::algebra::types::DType;
use crate::data::arguments::{Arguments, SourceArgument, TEST, Takes};
use crate::data::formats::array::Array;
use crate::data::formats::npy;
use crate::data::{Columns, Files, Reader, Schema, SourceKind, Values, WantedColumn, errors};
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;

pub(super) static NPZ: SourceKind = SourceKind {
    name: "npz",
    doc: "NumPy arrays of one archive, whose first axis is the rows; all of them if none are named.",
    example: "npz(\"d.npz\", x = \"images\", y = \"labels\")",
    arguments: &[&PATH, &TEST],
    exclusive: &[],
    needed: 1,
    columns: Columns::Named,
    reader: |given| Rc::new(Npz::of(given)),
};

static PATH: SourceArgument =
    SourceArgument { name: "path", takes: Takes::Path, doc: "the path of the file" };

#[derive(Debug)]
struct Npz {
    path: String,
    /// Columns with their names in the archive. None: all of the archive.
    columns: Vec<(String, String)>,
}

impl Npz {
    fn of(given: &Arguments) -> Npz {
        Npz { path: given.text(&PATH).unwrap_or_default().to_owned(), columns: given.columns() }
    }

    fn array(&self, files: &Files, name: &str) -> Result<Rc<Array>, Diagnostic> {
        let key = (self.path.clone(), name.to_owned());
        files.once(key, &self.path, |path| npy::read_named(path, name))
    }

    /// A column that the script names, among those that there are.
    fn named(
        &self,
        files: &Files,
        column: &str,
        name: &str,
        names: &[String],
    ) -> Result<FoundArray, Diagnostic> {
        let path = files.path(&self.path);
        if !names.iter().any(|have| have == name) {
            let near = nearest(name, names.iter().map(String::as_str));
            return Err(errors::unknown_column(&path, name, near, names));
        }
        Ok(FoundArray { column: column.to_owned(), array: self.array(files, name)?, path })
    }

    /// All arrays as columns of their own names.
    fn all(&self, files: &Files, mut names: Vec<String>) -> Result<Vec<FoundArray>, Diagnostic> {
        names.sort_by_key(|name| (name != "x", name != "y"));
        let found = names.into_iter().map(|column| {
            let array = self.array(files, &column).map_err(errors::name_arrays)?;
            Ok(FoundArray { column, array, path: files.path(&self.path) })
        });
        found.collect()
    }
}

impl Reader for Npz {
    /// Of arrays that are not columns nothing is read.
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic> {
        let names = npy::names(&files.path(&self.path))?;
        let found = match self.columns.is_empty() {
            true => self.all(files, names)?,
            false => {
                let named = self.columns.iter().map(|(column, of)| self.named(files, column, of, &names));
                named.collect::<Result<_, _>>()?
            }
        };
        arrays::schema(found, real)
    }

    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic> {
        let of = self.columns.iter().find(|(have, _)| have == wanted.name);
        let of = of.map_or(wanted.name, |(_, of)| of);
        arrays::column(wanted, vec![(files.path(&self.path), self.array(files, of)?)])
    }
}
