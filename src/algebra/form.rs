//! Forms: what a loop nest computes, independent of any loop order.
//!
//! `out[i] = combine over r of body(reads at (i, r))`. The result axes come first, the reduced axes
//! after them. Every operator family is declared by its form; the reference evaluator, fusion and
//! lowering read nothing else.
//!
//! One form says maps with broadcasting, reductions, matrix products, convolutions, gathers, slices
//! by any step, padding, concatenation and (in quadratic time) prefix sums, scatters and the ranks of elements in order.
//! Kernels that are one of these are recognised, and computed otherwise.
//!
//! Types: a read has its argument's element type, `Axis` and numbers have the type of their context,
//! which is the result's at the top of the body and what a row's typing asks for below it. Where the
//! body's type is not the result's (a cast), the value is converted at the end.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::term::Term;

/// Consecutive pieces of a flat tensor, one per parameter tensor.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Segments {
    /// Lengths in elements; piece `s` starts at the sum of the lengths before it.
    pub lengths: Vec<usize>,
}

impl Segments {
    /// Number of pieces.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// Where each piece starts.
    pub fn starts(&self) -> Vec<usize> {
        let starts = self.lengths.iter().scan(0, |next, n| {
            let start = *next;
            *next += n;
            Some(start)
        });
        starts.collect()
    }

    /// Number of elements of all pieces.
    pub fn total(&self) -> usize {
        self.lengths.iter().sum()
    }
}

/// How far a loop axis runs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum AxisSize {
    /// Always as many times.
    Fixed(usize),
    /// As long as the piece that the axis before it is at. That axis is `Fixed(segments.count())`.
    Ragged(Rc<Segments>),
}

/// How reduced values are put together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reducer {
    /// Sum, from 0.
    Sum,
    /// Product, from 1.
    Prod,
    /// Greatest, from minus infinity (or false).
    Max,
    /// Least, from infinity (or true).
    Min,
}

impl Reducer {
    /// The value of an empty reduction.
    pub fn start(self) -> f64 {
        match self {
            Reducer::Sum => 0.0,
            Reducer::Prod => 1.0,
            Reducer::Max => f64::NEG_INFINITY,
            Reducer::Min => f64::INFINITY,
        }
    }

    /// Puts two values together.
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Reducer::Sum => a + b,
            Reducer::Prod => a * b,
            Reducer::Max => super::scalar::max(a, b),
            Reducer::Min => super::scalar::min(a, b),
        }
    }

    /// Its name in printed IRs.
    pub fn name(self) -> &'static str {
        match self {
            Reducer::Sum => "sum",
            Reducer::Prod => "prod",
            Reducer::Max => "max",
            Reducer::Min => "min",
        }
    }
}

/// A position along one axis of an argument: `offset + sum(coefficient * axis)`, plus the start of a
/// piece, plus a value read from another argument.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Index {
    /// The constant part.
    pub offset: i64,
    /// Loop axes with their coefficients, by ascending axis, no zero coefficients.
    pub terms: Vec<(usize, i64)>,
    /// Adds the start of the piece that this loop axis is at.
    pub piece: Option<(Rc<Segments>, usize)>,
    /// Adds the integer value of this earlier read (a gather).
    pub gather: Option<usize>,
}

impl Index {
    /// The position along loop axis `axis`.
    pub fn axis(axis: usize) -> Index {
        Index { terms: vec![(axis, 1)], ..Index::default() }
    }

    /// A fixed position.
    pub fn constant(offset: i64) -> Index {
        Index { offset, ..Index::default() }
    }

    /// `offset + sum(coefficient * axis)`; coefficients that are zero are left out.
    pub fn affine(offset: i64, terms: impl IntoIterator<Item = (usize, i64)>) -> Index {
        let terms = terms.into_iter().filter(|(_, coefficient)| *coefficient != 0).collect();
        Index { offset, terms, ..Index::default() }
    }
}

/// How one argument is read at each point of the loop.
#[derive(Clone, PartialEq, Debug)]
pub struct Read {
    /// Which argument of the operator.
    pub arg: usize,
    /// The position, one index per axis of the argument. A single index on an argument of other
    /// rank addresses its flat row-major elements.
    pub index: Vec<Index>,
    /// Read this value instead where a position lies outside the argument; `None`: it never does.
    pub outside: Option<f64>,
}

impl Read {
    /// Argument `arg` where its axis `k` is at loop axis `axes[k]`.
    pub fn at(arg: usize, axes: &[usize]) -> Read {
        Read { arg, index: axes.iter().map(|axis| Index::axis(*axis)).collect(), outside: None }
    }

    /// One element of each argument by a single index, in row-major order.
    pub fn flat(arg: usize, index: Index) -> Read {
        Read { arg, index: vec![index], outside: None }
    }
}

/// How far apart neighbours along each axis lie in row-major order. An axis of size 1 has no
/// neighbours and gets 0.
pub fn strides(sizes: &[usize]) -> Vec<i64> {
    let mut strides = vec![0; sizes.len()];
    let mut next = 1;
    for (stride, size) in strides.iter_mut().zip(sizes).rev() {
        *stride = if *size == 1 { 0 } else { next };
        next *= *size as i64;
    }
    strides
}

/// What a loop nest computes.
#[derive(Clone, Debug)]
pub struct Form {
    /// Loop axes, result axes first. The result is written in their row-major order.
    pub axes: Vec<AxisSize>,
    /// How many of them are result axes; the rest is reduced.
    pub n_out: usize,
    /// The reads; `X(k)` of the body is read `k`.
    pub reads: Vec<Read>,
    /// The value at each point, over `X` and `Axis`.
    pub body: Term,
    /// How values along the reduced axes are put together (ignored when there are none).
    pub combine: Reducer,
}

impl Form {
    /// A value at each point of a result of these sizes, with nothing reduced.
    pub fn pointwise(sizes: &[usize], reads: Vec<Read>, body: Term) -> Form {
        let axes = sizes.iter().map(|n| AxisSize::Fixed(*n)).collect();
        Form { axes, n_out: sizes.len(), reads, body, combine: Reducer::Sum }
    }

    /// Number of elements of the result.
    pub fn count(&self) -> usize {
        let mut count = 1;
        for extent in &self.axes[..self.n_out] {
            match extent {
                AxisSize::Fixed(n) => count *= n,
                // The axis before it counted the pieces.
                AxisSize::Ragged(segments) => count = count / segments.count().max(1) * segments.total(),
            }
        }
        count
    }
}
