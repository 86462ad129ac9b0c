//! Data sets in memory: columns, and which rows are the training and the test split.

use super::machine::{Machine, Memory};
use super::rng::{self, Stream};
use crate::algebra::types::DType;
use crate::data::{Elements, Values};
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

impl Dataset {
    /// Computed data: all rows of each column.
    pub(super) fn computed(data: &Data, columns: impl Iterator<Item = Memory>) -> Dataset {
        let columns = data.columns.iter().zip(columns);
        let columns =
            columns.map(|(column, memory)| Some(Values::rows(column.ty.count(), elements(&memory))));
        Dataset { columns: columns.collect(), ..Dataset::new(data, false, None) }
    }

    /// Rows without columns; the test split is these rows, the last of them, or drawn.
    pub(super) fn new(data: &Data, test_is_last: bool, test: Option<Vec<u32>>) -> Dataset {
        let (all, first) = (data.rows.all as u32, data.rows.train as u32);
        let (train, test) = match (test, test_is_last) {
            (Some(test), _) => ((0..all).filter(|row| test.binary_search(row).is_err()).collect(), test),
            (None, true) => ((0..first).collect(), (first..all).collect()),
            (None, false) => split(data.rows.all, data.rows.test),
        };
        Dataset { columns: data.columns.iter().map(|_| None).collect(), train, test }
    }

    /// A column, if it is there.
    pub(super) fn column(&self, column: usize) -> Option<&Values> {
        self.columns[column].as_ref()
    }

    /// A column that a program reads.
    pub(super) fn read(&self, column: usize) -> &Values {
        self.column(column).unwrap_or_else(|| ice!("run", "column {column} has not been read"))
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

    /// Gives a program these rows of the columns it reads.
    pub(super) fn give(&self, machine: &mut Machine, rows: &[u32]) {
        for input in 0..machine.n_inputs() {
            if let Role::Column(column) = *machine.role(input) {
                let dtype = machine.dtype(input);
                self.read(column).gather(rows, dtype, machine.input_bytes(input));
            }
        }
    }
}

/// Training and test rows, each ascending; `test` of `rows` rows are drawn at random, always the same.
fn split(rows: usize, test: usize) -> (Vec<u32>, Vec<u32>) {
    if test == 0 {
        return ((0..rows as u32).collect(), Vec::new());
    }
    let mut order = rng::permutation(rows, 0, Stream::Split);
    let mut test_rows = order.split_off(rows - test);
    order.sort_unstable();
    test_rows.sort_unstable();
    (order, test_rows)
}

/// What a program left.
fn elements(memory: &Memory) -> Box<dyn Elements> {
    fn read<T, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.chunks_exact(N).map(|chunk| of(std::array::from_fn(|k| chunk[k]))).collect()
    }
    let bytes = memory.to_bytes();
    match memory.dtype() {
        DType::F32 => Box::new(read(&bytes, f32::from_ne_bytes)),
        DType::F64 => Box::new(read(&bytes, f64::from_ne_bytes)),
        DType::I32 => Box::new(read(&bytes, i32::from_ne_bytes)),
        other => ice!("run", "a column of {other}"),
    }
}
