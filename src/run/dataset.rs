//! Data sets in memory: columns, and which rows are the training and the test split.

use std::rc::Rc;

use super::array::{Array, Numbers, with};
use super::data::split;
use super::machine::{Machine, Memory};
use super::scale::Scales;
use super::text::Text;
use crate::algebra::types::DType;
use crate::graph::Role;
use crate::ice;
use crate::typed::{Data, Split};

/// A data set in memory.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Columns as the data declare them; those that no program reads are not there.
    columns: Vec<Option<Values>>,
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
    /// What they were standardized by.
    pub(super) scales: Option<Scales>,
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
    /// Numbers that fit the column's type, as files hold them, one behind the other.
    Stored(Vec<Rc<Array>>),
    /// Parts of a text, which may overlap.
    Windows {
        /// The text.
        codes: Rc<Text>,
        /// Where the part that is each row begins.
        starts: Vec<usize>,
    },
}

/// Why a column cannot be made.
pub(super) enum Unfit {
    /// There is no memory for so many bytes.
    Memory(u64),
    /// A number is too large for its element type.
    Number {
        /// Its row.
        row: usize,
        /// Its place in the row.
        feature: usize,
        /// It.
        number: f64,
    },
}

impl Dataset {
    /// Computed data: all rows of each column.
    pub(super) fn computed(data: &Data, columns: impl Iterator<Item = Memory>) -> Dataset {
        let (train, test) = split(data.rows.all, data.rows.test);
        let columns = data.columns.iter().zip(columns).map(|(column, memory)| {
            let elements = Elements::of(&memory);
            Some(Values::rows(column.ty.count(), elements))
        });
        Dataset { columns: columns.collect(), train, test }
    }

    /// Rows without columns.
    pub(super) fn new(columns: usize, train: Vec<u32>, test: Vec<u32>) -> Dataset {
        Dataset { columns: (0..columns).map(|_| None).collect(), train, test }
    }

    /// A column, if it is there.
    pub(super) fn column(&self, column: usize) -> Option<&Values> {
        self.columns[column].as_ref()
    }

    /// Puts a column in its place.
    pub(super) fn set(&mut self, column: usize, values: Values) {
        self.columns[column] = Some(values);
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
        let values = self.column(column).unwrap_or_else(|| ice!("run", "column {column} has not been read"));
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
        self.columns[column].as_ref().map_or(0, |values| values.width)
    }

    /// Whether a column holds parts of a text that are all from 0 to below `below`: overlapping rows need
    /// not be looked at one by one.
    pub(super) fn codes_below(&self, column: usize, below: usize) -> bool {
        let Some(Values { elements: Elements::Windows { codes, .. }, .. }) = self.column(column) else {
            return false;
        };
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
}

fn copy_row(elements: &Elements, range: std::ops::Range<usize>, dtype: DType, out: &mut [u8]) {
    match elements {
        Elements::F32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::F64(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::I32(all) => put(&all[range], out, |value| value.to_ne_bytes()),
        Elements::Windows { codes, .. } => put(&codes.codes[range], out, |value| value.to_ne_bytes()),
        Elements::Stored(parts) => {
            let before = parts[0].elements.len();
            match parts.as_slice() {
                [_, rest] if range.start >= before => {
                    copy_stored(&rest.elements, range.start - before..range.end - before, dtype, out);
                }
                parts => copy_stored(&parts[0].elements, range, dtype, out),
            }
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "one text for all types of elements")]
fn copy_stored(numbers: &Numbers, range: std::ops::Range<usize>, dtype: DType, out: &mut [u8]) {
    with!(numbers, all => match dtype {
        DType::F32 => put(&all[range], out, |value| (value as f32).to_ne_bytes()),
        DType::F64 => put(&all[range], out, |value| (value as f64).to_ne_bytes()),
        _ => put(&all[range], out, |value| (value as i32).to_ne_bytes()),
    });
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

    /// Numbers in an element type, row by row.
    fn new(
        (rows, width): (usize, usize),
        dtype: DType,
        number: impl Fn(usize, usize) -> f64,
    ) -> Result<Elements, Unfit> {
        let unfit = |row, feature| Unfit::Number { row, feature, number: number(row, feature) };
        let finite = |value: f64| value.is_finite().then_some(value);
        let single = |value: f64| (value as f32).is_finite().then_some(value as f32);
        let whole = |value: f64| (f64::from(value as i32) == value).then_some(value as i32);
        let size = (rows, width);
        match dtype {
            DType::F32 => {
                collect(size, |row, k| single(number(row, k)).ok_or_else(|| unfit(row, k))).map(Elements::F32)
            }
            DType::F64 => {
                collect(size, |row, k| finite(number(row, k)).ok_or_else(|| unfit(row, k))).map(Elements::F64)
            }
            _ => {
                collect(size, |row, k| whole(number(row, k)).ok_or_else(|| unfit(row, k))).map(Elements::I32)
            }
        }
    }
}

fn collect<T>(
    (rows, width): (usize, usize),
    element: impl Fn(usize, usize) -> Result<T, Unfit>,
) -> Result<Vec<T>, Unfit> {
    let mut all = Vec::new();
    let count = rows.saturating_mul(width);
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    all.try_reserve_exact(count).map_err(|_| Unfit::Memory(bytes))?;
    for row in 0..rows {
        for feature in 0..width {
            all.push(element(row, feature)?);
        }
    }
    Ok(all)
}

impl Values {
    /// Rows that lie side by side.
    pub(super) fn rows(width: usize, elements: Elements) -> Values {
        Values { width, step: width, first: 0, elements, scales: None }
    }

    /// Rows of numbers, standardized if there are scales, rounded to an element type.
    ///
    /// # Errors
    /// No memory, or a number that the type does not have.
    pub(super) fn scaled(
        (rows, width): (usize, usize),
        dtype: DType,
        scales: Option<Scales>,
        number: impl Fn(usize, usize) -> f64,
    ) -> Result<Values, Unfit> {
        let scaled =
            |row, k| scales.as_ref().map_or(number(row, k), |scales| scales.apply(k, number(row, k)));
        let elements = Elements::new((rows, width), dtype, scaled)?;
        Ok(Values { scales, ..Values::rows(width, elements) })
    }

    /// Makes each row this many consecutive ones.
    pub(super) fn windows(self, rows: usize) -> Values {
        Values { width: self.width * rows, ..self }
    }

    /// Makes each row that which comes this many later.
    pub(super) fn after(self, rows: usize) -> Values {
        Values { first: rows * self.step, ..self }
    }
}
