//! `idx(..)`, `npz(..)` and `npy(..)`: arrays whose first axis is the rows.

use std::path::PathBuf;
use std::rc::Rc;

use super::{Files, Wanted};
use crate::algebra::types::{DType, Type};
use crate::check::Schema;
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::run::array::Array;
use crate::run::dataset::{Elements, Unfit, Values};
use crate::run::{errors, idx, npy};

/// A column, its array, and the file that it comes from.
struct Found {
    column: String,
    array: Rc<Array>,
    path: PathBuf,
}

impl Files {
    fn image(&self, name: &str) -> Result<Rc<Array>, Diagnostic> {
        self.once(&self.images, name.to_owned(), name, idx::read)
    }

    pub(super) fn image_schema(
        &self,
        (x, y): (&str, Option<&str>),
        own_test: Option<(&str, Option<&str>)>,
        real: DType,
    ) -> Result<Schema, Diagnostic> {
        let (rows, columns) = self.image_columns(x, y, real)?;
        let mut test_rows = None;
        if let Some((test_x, test_y)) = own_test {
            let (more, test_columns) = self.image_columns(test_x, test_y, real)?;
            if columns != test_columns {
                let path = self.folder.join(test_x);
                let reason = "its rows have other sizes than the training file's";
                return Err(errors::bad_idx(&path, reason, errors::TOGETHER));
            }
            test_rows = Some(more);
        }
        Ok(Schema { columns, rows, test_rows, ..Schema::default() })
    }

    fn image_columns(
        &self,
        x: &str,
        y: Option<&str>,
        real: DType,
    ) -> Result<(usize, Vec<(String, Type)>), Diagnostic> {
        let images = self.image(x)?;
        let mut columns = vec![("x".to_owned(), Type::of(real, &images.sizes[1..]))];
        if let Some(y) = y {
            let labels = self.image(y)?;
            if labels.sizes[0] != images.sizes[0] {
                let reason = format!("it has {} rows, but `{x}` has {}", labels.sizes[0], images.sizes[0]);
                return Err(errors::bad_idx(&self.folder.join(y), reason, errors::TOGETHER));
            }
            columns.push(("y".to_owned(), Type::of(labels.dtype(real), &labels.sizes[1..])));
        }
        Ok((images.sizes[0], columns))
    }

    /// A column of images or labels: a file, and that of the test split behind it.
    pub(super) fn image_column(
        &self,
        wanted: &Wanted<'_>,
        files: [Option<&str>; 2],
    ) -> Result<Values, Diagnostic> {
        let arrays = files.into_iter().flatten();
        let parts = arrays.map(|name| Ok((self.folder.join(name), self.image(name)?)));
        stored(wanted, parts.collect::<Result<_, Diagnostic>>()?)
    }

    fn array(&self, path: &str, name: Option<&str>) -> Result<Rc<Array>, Diagnostic> {
        let key = (path.to_owned(), name.map(str::to_owned));
        self.once(&self.arrays, key, path, |path| match name {
            Some(name) => npy::read_named(path, name),
            None => npy::read(path),
        })
    }

    /// Columns with their arrays. All arrays of an archive are columns if none are named; of the others
    /// nothing is read.
    fn found(&self, archive: Option<&str>, columns: &[(String, String)]) -> Result<Vec<Found>, Diagnostic> {
        let Some(archive) = archive else {
            let alone = |(column, path): &(String, String)| {
                Ok(Found {
                    column: column.clone(),
                    array: self.array(path, None)?,
                    path: self.folder.join(path),
                })
            };
            return columns.iter().map(alone).collect();
        };
        let path = self.folder.join(archive);
        let mut names = npy::names(&path)?;
        let all: Vec<(String, String)>;
        let named_by_none = columns.is_empty();
        let columns = if named_by_none {
            names.sort_by_key(|name| (*name != "x", *name != "y"));
            all = names.iter().map(|name| (name.clone(), name.clone())).collect();
            &all
        } else {
            columns
        };
        let named = |(column, name): &(String, String)| {
            if !names.contains(name) {
                let near = nearest(name, names.iter().map(String::as_str));
                return Err(errors::unknown_column(&path, name, near, &names));
            }
            let array = self.array(archive, Some(name));
            let array =
                array.map_err(|found| if named_by_none { errors::name_arrays(found) } else { found })?;
            Ok(Found { column: column.clone(), array, path: path.clone() })
        };
        columns.iter().map(named).collect()
    }

    pub(super) fn array_schema(
        &self,
        archive: Option<&str>,
        columns: &[(String, String)],
        real: DType,
    ) -> Result<Schema, Diagnostic> {
        let mut schema = Schema::default();
        for Found { column, array, path } in self.found(archive, columns)? {
            let [rows, sizes @ ..] = array.sizes.as_slice() else {
                return Err(errors::bad_npy(&path, format!("`{column}` is one number and has no rows")));
            };
            if array.elements.len() == 0 {
                let what = if *rows == 0 { "no rows" } else { "rows without elements" };
                return Err(errors::no_elements(&path, &format!("`{column}` has {what}")));
            }
            if !schema.columns.is_empty() && schema.rows != *rows {
                let first = &schema.columns[0].0;
                let reason = format!("`{column}` has {rows} rows, and `{first}` has {}", schema.rows);
                return Err(errors::bad_npy(&path, reason));
            }
            schema.rows = *rows;
            schema.columns.push((column, Type::of(array.dtype(real), sizes)));
        }
        Ok(schema)
    }

    pub(super) fn array_column(
        &self,
        wanted: &Wanted<'_>,
        archive: Option<&str>,
        columns: &[(String, String)],
    ) -> Result<Values, Diagnostic> {
        let name = &wanted.declared().name;
        let of = columns.iter().find(|(have, _)| have == name).map_or(name, |(_, of)| of);
        let (path, member) = archive.map_or((of.as_str(), None), |archive| (archive, Some(of.as_str())));
        stored(wanted, vec![(self.folder.join(path), self.array(path, member)?)])
    }
}

/// A column whose elements stay as the file holds them, unless they are standardized.
fn stored(wanted: &Wanted<'_>, parts: Vec<(PathBuf, Rc<Array>)>) -> Result<Values, Diagnostic> {
    let (of, dtype, width) = (wanted.declared(), wanted.dtype(), wanted.declared().ty.count());
    let widest = if wanted.is_standardized() { DType::F64 } else { dtype };
    for (path, array) in &parts {
        if let Some((row, number)) = array.unfit(widest) {
            return Err(errors::bad_element(path, &of.name, row, &number, widest));
        }
    }
    let first = parts[0].0.clone();
    let arrays: Vec<Rc<Array>> = parts.into_iter().map(|(_, array)| array).collect();
    if !wanted.is_standardized() {
        return Ok(Values::rows(width, Elements::Stored(arrays)));
    }
    let before = arrays[0].sizes[0];
    let number = |row: usize, k: usize| match row.checked_sub(before) {
        Some(row) => arrays[1].elements.get(row * width + k),
        None => arrays[0].elements.get(row * width + k),
    };
    let scales = wanted.scales(width, &wanted.rows.train, number);
    let rows = arrays.iter().map(|array| array.sizes[0]).sum();
    Values::scaled((rows, width), dtype, scales, number).map_err(|failure| match failure {
        Unfit::Memory(bytes) => errors::no_memory(&first, bytes),
        Unfit::Number { row, number, .. } => {
            errors::bad_element(&first, &of.name, row, &number.to_string(), dtype)
        }
    })
}
