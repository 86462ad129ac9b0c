//! Columns in memory: all rows of one, in the form that its source has them in.

use std::fmt::Debug;
use std::ops::Range;

use super::scale::Scales;
use crate::algebra::types::DType;

/// All rows of one column.
#[derive(Debug)]
pub(crate) struct Values {
    /// Elements of a row.
    width: usize,
    starts: Starts,
    /// All elements.
    elements: Box<dyn Elements>,
    /// What they were standardized by.
    pub(crate) scales: Option<Scales>,
}

/// Where rows begin. They may overlap.
#[derive(Debug)]
enum Starts {
    /// At equal distances.
    Every { first: usize, step: usize },
    /// Each at a place of its own.
    At(Vec<usize>),
}

/// The elements of a column, row-major: of a number type, or as a file holds them.
pub(crate) trait Elements: Debug {
    /// Copies some of them, as elements of `dtype`.
    fn copy(&self, range: Range<usize>, dtype: DType, out: &mut [u8]);

    /// Whether they are known to be all from 0 to below `below`.
    fn are_below(&self, _below: usize) -> bool {
        false
    }
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

impl Values {
    /// Rows that lie side by side.
    pub(crate) fn rows(width: usize, elements: Box<dyn Elements>) -> Values {
        Values { width, starts: Starts::Every { first: 0, step: width }, elements, scales: None }
    }

    /// No rows, of which is known what they are standardized by.
    pub(crate) fn of_scales(scales: Option<Scales>) -> Values {
        Values { scales, ..Values::rows(0, Box::new(Vec::<f32>::new())) }
    }

    /// Rows that begin at these places.
    pub(super) fn at(width: usize, starts: Vec<usize>, elements: Box<dyn Elements>) -> Values {
        Values { width, starts: Starts::At(starts), elements, scales: None }
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
        let elements = rounded((rows, width), dtype, scaled)?;
        Ok(Values { scales, ..Values::rows(width, elements) })
    }

    /// Makes each row this many consecutive ones.
    pub(super) fn windows(self, rows: usize) -> Values {
        Values { width: self.width * rows, ..self }
    }

    /// Makes each row that which comes this many later.
    pub(super) fn after(mut self, rows: usize) -> Values {
        match &mut self.starts {
            Starts::Every { first, step } => *first += rows * *step,
            Starts::At(starts) => drop(starts.drain(..rows)),
        }
        self
    }

    /// Elements of a row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Whether all elements are known to be from 0 to below `below`.
    pub(crate) fn are_below(&self, below: usize) -> bool {
        self.elements.are_below(below)
    }

    /// Copies rows, in this order, to `out`, as elements of `dtype`.
    pub(crate) fn gather(&self, rows: &[u32], dtype: DType, out: &mut [u8]) {
        let bytes = self.width * dtype.bytes();
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(bytes.max(1))) {
            let first = match &self.starts {
                Starts::Every { first, step } => first + *row as usize * step,
                Starts::At(starts) => starts[*row as usize],
            };
            self.elements.copy(first..first + self.width, dtype, out);
        }
    }
}

impl Elements for Vec<f32> {
    fn copy(&self, range: Range<usize>, _: DType, out: &mut [u8]) {
        put(&self[range], out, f32::to_ne_bytes);
    }
}

impl Elements for Vec<f64> {
    fn copy(&self, range: Range<usize>, _: DType, out: &mut [u8]) {
        put(&self[range], out, f64::to_ne_bytes);
    }
}

impl Elements for Vec<i32> {
    fn copy(&self, range: Range<usize>, _: DType, out: &mut [u8]) {
        put(&self[range], out, i32::to_ne_bytes);
    }
}

/// Writes the bytes of elements.
pub(super) fn put<T: Copy, const N: usize>(values: &[T], out: &mut [u8], bytes: impl Fn(T) -> [u8; N]) {
    for (value, out) in values.iter().zip(out.as_chunks_mut::<N>().0) {
        *out = bytes(*value);
    }
}

/// Numbers in an element type, row by row.
fn rounded(
    size: (usize, usize),
    dtype: DType,
    number: impl Fn(usize, usize) -> f64,
) -> Result<Box<dyn Elements>, Unfit> {
    let finite = |value: f64| value.is_finite().then_some(value);
    let single = |value: f64| (value as f32).is_finite().then_some(value as f32);
    let whole = |value: f64| (f64::from(value as i32) == value).then_some(value as i32);
    Ok(match dtype {
        DType::F32 => Box::new(collect(size, number, single)?),
        DType::F64 => Box::new(collect(size, number, finite)?),
        _ => Box::new(collect(size, number, whole)?),
    })
}

fn collect<T>(
    (rows, width): (usize, usize),
    number: impl Fn(usize, usize) -> f64,
    fit: impl Fn(f64) -> Option<T>,
) -> Result<Vec<T>, Unfit> {
    let mut all = Vec::new();
    let count = rows.saturating_mul(width);
    let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
    all.try_reserve_exact(count).map_err(|_| Unfit::Memory(bytes))?;
    for row in 0..rows {
        for feature in 0..width {
            let number = number(row, feature);
            all.push(fit(number).ok_or(Unfit::Number { row, feature, number })?);
        }
    }
    Ok(all)
}
