//! The sources: what each takes, what its files hold, and how its columns are read.

mod arrays;
pub(crate) mod csv;
mod idx;
mod npy;
mod npz;
mod table;
mod text;

use super::SourceKind;

/// Every source of files. Computed data, `synthetic(..)`, are programs and not read.
pub static SOURCES: &[&SourceKind] = &[&csv::CSV, &idx::IDX, &npz::NPZ, &npy::NPY, &text::TEXT];
