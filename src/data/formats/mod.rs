//! How bytes become numbers, words and characters.

pub(super) mod array;
mod column;
pub(super) mod csv;
pub(super) mod date;
pub(super) mod idx;
mod lines;
pub(super) mod npy;
pub(super) mod text;

pub(super) use column::{Cells, number};
