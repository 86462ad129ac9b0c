//! Data sets in memory: columns, and which rows are the training and the test split.

use std::rc::Rc;

use super::csv::Cells;
use super::data::split;
use super::machine::{Machine, Memory};
use super::text::Text;
use crate::algebra::types::DType;
use crate::check::typed::{Data, Split};
use crate::graph::Role;
use crate::ice;

/// A data set in memory.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Columns by name.
    pub(super) columns: Vec<(String, Values)>,
    /// Training rows, ascending.
    pub(super) train: Vec<u32>,
    /// Test rows, ascending.
    pub(super) test: Vec<u32>,
}

/// All rows of one column.
#[derive(Debug)]
pub(super) struct Values {
    /// Elements of a row.
    width: usize,
    /// How many elements lie between the beginnings of two rows, which may overlap.
    step: usize,
    /// Where the first row begins.
    first: usize,
    /// All elements.
    elements: Elements,
}

/// The elements of a column, row-major.
#[derive(Debug)]
pub(super) enum Elements {
    /// Reals in single precision.
    F32(Vec<f32>),
    /// Reals in double precision.
    F64(Vec<f64>),
    /// Integers.
    I32(Vec<i32>),
    /// Numbers of the column's type, kept small.
    Bytes(Vec<u8>),
    /// Parts of a text, which may overlap.
    Windows {
        /// The text.
        codes: Rc<Text>,
        /// Where the part that is each row begins.
        starts: Vec<usize>,
    },
}

impl Dataset {
    /// Computed data: all rows of each column.
    pub(super) fn computed(data: &Data, columns: impl Iterator<Item = Memory>) -> Dataset {
        let (train, test) = split(data.rows.all, data.rows.test);
        let columns = data.columns.iter().zip(columns).map(|(column, memory)| {
            let elements = Elements::of(&memory);
            (column.name.clone(), Values::rows(column.ty.count(), elements))
        });
        Dataset { columns: columns.collect(), train, test }
    }

    /// The rows of a split, ascending.
    pub(crate) fn rows(&self, split: Split) -> Vec<u32> {
        let mut rows = match split {
            Split::All => [self.train.as_slice(), &self.test].concat(),
            Split::Train => self.train.clone(),
            Split::Test => self.test.clone(),
        };
        rows.sort_unstable();
        rows
    }

    /// Copies rows of a column, in this order, to `out`, as elements of `dtype`.
    pub(crate) fn gather(&self, column: usize, rows: &[u32], dtype: DType, out: &mut [u8]) {
        let values = &self.columns[column].1;
        let width = values.width * dtype.bytes();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(width.max(1))) {
            let first = match &values.elements {
                Elements::Windows { starts, .. } => starts[*row as usize],
                _ => values.first + *row as usize * values.step,
            };
            let range = first..first + values.width;
            copy_row(&values.elements, range, dtype, out);
        }
    }

    /// Elements of a row of a column.
    pub(super) fn width(&self, column: usize) -> usize {
        self.columns[column].1.width
    }

    /// Whether a column holds parts of a text that are all from 0 to below `below`: overlapping rows need
    /// not be looked at one by one.
    pub(super) fn codes_below(&self, column: usize, below: usize) -> bool {
        let Elements::Windows { codes, .. } = &self.columns[column].1.elements else { return false };
        codes.codes.iter().all(|code| usize::try_from(*code).is_ok_and(|code| code < below))
    }

    /// Gives a program these rows of the columns it reads.
    pub(super) fn give(&self, machine: &mut Machine, rows: &[u32]) {
        for input in 0..machine.n_inputs() {
            if let Role::Column(column) = *machine.role(input) {
                let dtype = machine.dtype(input);
                self.gather(column, rows, dtype, machine.input_bytes(input));
            }
        }
    }

    /// Gives a column mean 0 and standard deviation 1 over the training rows (population form). A
    /// constant feature becomes 0.
    pub(super) fn standardize(&mut self, name: &str, real: DType) {
        let Some((_, values)) = self.columns.iter_mut().find(|(have, _)| have == name) else { return };
        let width = values.width;
        let mut wide: Vec<f64> = values.elements.to_f64();
        for feature in 0..width {
            let (mean, deviation) = moments(&wide, &self.train, width, feature);
            let by = if deviation == 0.0 { 1.0 } else { deviation };
            for value in wide.iter_mut().skip(feature).step_by(width) {
                *value = (*value - mean) / by;
            }
        }
        values.elements = Elements::new(wide, real);
    }
}

fn moments(wide: &[f64], rows: &[u32], width: usize, feature: usize) -> (f64, f64) {
    let column = || rows.iter().map(|row| wide[*row as usize * width + feature]);
    let count = rows.len() as f64;
    let mean = column().sum::<f64>() / count;
    let variance = column().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn copy_row(elements: &Elements, range: std::ops::Range<usize>, dtype: DType, out: &mut [u8]) {
    match elements {
        Elements::F32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::F64(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::I32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::Windows { codes, .. } => put(&codes.codes[range], out, |value| value.to_ne_bytes()),
        Elements::Bytes(all) => match dtype {
            DType::F32 => put(&all[range], out, |value| f32::from(value).to_ne_bytes()),
            DType::F64 => put(&all[range], out, |value| f64::from(value).to_ne_bytes()),
            _ => put(&all[range], out, |value| i32::from(value).to_ne_bytes()),
        },
    }
}

fn put<T: Copy, const N: usize>(values: &[T], out: &mut [u8], bytes: impl Fn(T) -> [u8; N]) {
    for (value, out) in values.iter().zip(out.chunks_exact_mut(N)) {
        out.copy_from_slice(&bytes(*value));
    }
}

impl Elements {
    fn of(memory: &Memory) -> Elements {
        fn read<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
            bytes.chunks_exact(N).map(|chunk| of(std::array::from_fn(|k| chunk[k]))).collect()
        }
        let bytes = memory.to_bytes();
        match memory.dtype() {
            DType::F32 => Elements::F32(read(&bytes, f32::from_ne_bytes)),
            DType::F64 => Elements::F64(read(&bytes, f64::from_ne_bytes)),
            DType::I32 => Elements::I32(read(&bytes, i32::from_ne_bytes)),
            other => ice!("run", "a column of {other}"),
        }
    }

    /// Numbers in an element type.
    pub(super) fn new(wide: Vec<f64>, dtype: DType) -> Elements {
        match dtype {
            DType::F32 => Elements::F32(wide.into_iter().map(|value| value as f32).collect()),
            DType::F64 => Elements::F64(wide),
            _ => Elements::I32(wide.into_iter().map(|value| value as i32).collect()),
        }
    }

    fn to_f64(&self) -> Vec<f64> {
        match self {
            Elements::F32(all) => all.iter().map(|value| f64::from(*value)).collect(),
            Elements::F64(all) => all.clone(),
            Elements::I32(all) => all.iter().map(|value| f64::from(*value)).collect(),
            Elements::Bytes(all) => all.iter().map(|value| f64::from(*value)).collect(),
            Elements::Windows { codes, .. } => codes.codes.iter().map(|value| f64::from(*value)).collect(),
        }
    }
}

impl Dataset {
    /// Makes each row this many consecutive ones, and `y` that of the row after them. Training rows are
    /// then those that end before the test rows.
    pub(super) fn window(&mut self, rows: usize) {
        for (name, values) in &mut self.columns {
            match name == "y" {
                true => values.first = rows * values.step,
                false => values.width *= rows,
            }
        }
        let train = self.train.len() - rows;
        self.test = (0..self.test.len()).map(|row| (train + row) as u32).collect();
        self.train.truncate(train);
    }
}

impl Values {
    /// Rows that lie side by side.
    pub(super) fn rows(width: usize, elements: Elements) -> Values {
        Values { width, step: width, first: 0, elements }
    }

    /// Columns of a csv file side by side.
    pub(super) fn from_cells(cells: &[&Cells], rows: usize, dtype: DType, real: DType) -> Values {
        let wide = (0..rows).flat_map(|row| cells.iter().map(move |cells| cells.number(row))).collect();
        let dtype = if dtype.is_float() { real } else { dtype };
        Values::rows(cells.len(), Elements::new(wide, dtype))
    }
}
