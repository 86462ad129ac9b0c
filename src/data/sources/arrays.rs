//! Columns that are arrays of files, whose first axis is the rows.

use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use crate::algebra::types::{DType, Type};
use crate::data::errors;
use crate::data::formats::array::{Array, Numbers, with};
use crate::data::values::{Unfit, put};
use crate::data::{Elements, Schema, Values, WantedColumn};
use crate::diag::Diagnostic;

/// A column, its array, and the file that it comes from.
pub(super) struct FoundArray {
    pub(super) column: String,
    pub(super) array: Rc<Array>,
    pub(super) path: PathBuf,
}

/// What some arrays of NumPy are as columns.
pub(super) fn schema(found: Vec<FoundArray>, real: DType) -> Result<Schema, Diagnostic> {
    let mut schema = Schema::default();
    for FoundArray { column, array, path } in found {
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

/// A column of one array, or of some whose rows follow each other. Elements stay as the file holds them, unless
/// they are standardized.
pub(super) fn column(
    wanted: &WantedColumn<'_>,
    parts: Vec<(PathBuf, Rc<Array>)>,
) -> Result<Values, Diagnostic> {
    let (dtype, width) = (wanted.ty.dtype, wanted.ty.count());
    let widest = if wanted.standardized { DType::F64 } else { dtype };
    for (path, array) in &parts {
        if let Some((row, number)) = array.unfit(widest) {
            return Err(errors::bad_element(path, wanted.name, row, &number, widest));
        }
    }
    let first = parts[0].0.clone();
    let arrays: Vec<Rc<Array>> = parts.into_iter().map(|(_, array)| array).collect();
    if !wanted.standardized {
        return Ok(Values::rows(width, Box::new(StoredArrays(arrays))));
    }
    let before = arrays[0].sizes[0];
    let number = |row: usize, k: usize| match row.checked_sub(before) {
        Some(row) => arrays[1].elements.get(row * width + k),
        None => arrays[0].elements.get(row * width + k),
    };
    let scales = wanted.scales(width, wanted.train, number);
    let rows = arrays.iter().map(|array| array.sizes[0]).sum();
    Values::scaled((rows, width), dtype, scales, number).map_err(|failure| match failure {
        Unfit::Memory(bytes) => errors::no_memory(&first, bytes),
        Unfit::Number { row, number, .. } => {
            errors::bad_element(&first, wanted.name, row, &number.to_string(), dtype)
        }
    })
}

/// Numbers that fit the column's type, as files hold them: one file, and perhaps another behind it.
#[derive(Debug)]
struct StoredArrays(Vec<Rc<Array>>);

impl Elements for StoredArrays {
    fn copy(&self, range: Range<usize>, dtype: DType, out: &mut [u8]) {
        let before = self.0[0].elements.len();
        match self.0.as_slice() {
            [_, rest] if range.start >= before => {
                copy(&rest.elements, range.start - before..range.end - before, dtype, out);
            }
            parts => copy(&parts[0].elements, range, dtype, out),
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "one text for all types of elements")]
fn copy(numbers: &Numbers, range: Range<usize>, dtype: DType, out: &mut [u8]) {
    with!(numbers, all => match dtype {
        DType::F32 => put(&all[range], out, |value| (value as f32).to_ne_bytes()),
        DType::F64 => put(&all[range], out, |value| (value as f64).to_ne_bytes()),
        _ => put(&all[range], out, |value| (value as i32).to_ne_bytes()),
    });
}
