//! Gathers: elements picked by the integers of another tensor, and their sums put back.

use std::collections::BTreeMap;

use super::form::{AxisSize, Form, Index, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_axis, expect_count};
use super::scalar;
use super::tensor::Tensor;
use super::term::{axis as at_axis, c, call, x};
use super::types::{DType, Dim, Shape, SizeVar, Type};

/// Positions along one axis given by a tensor of integers, whose axes take the place of that axis. The
/// integers are positions of the axis: whoever writes the operator makes sure.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Gather {
    /// `(table, index)`: the elements at these positions.
    Take {
        /// The axis of the table.
        axis: usize,
    },
    /// `(values, index)`: the sums of the values with one position, 0 where there are none. The
    /// derivative of `Take`. As a loop nest it is a reduction over all of the index for each element of
    /// the result.
    Scatter {
        /// The axis of the result.
        axis: usize,
        /// Its size.
        size: Dim,
    },
}

impl Gather {
    /// The result's shape.
    fn shape(&self, arg: &Type, index: &Type) -> Result<Shape, Mismatch> {
        let rank = index.rank();
        match self {
            Gather::Take { axis } => {
                expect_axis(arg, *axis)?;
                Ok([&arg.shape[..*axis], &index.shape, &arg.shape[axis + 1..]].concat())
            }
            Gather::Scatter { axis, size } => match arg.shape.get(*axis..axis + rank) {
                Some(have) if have == index.shape => {
                    let size = std::slice::from_ref(size);
                    Ok([&arg.shape[..*axis], size, &arg.shape[axis + rank..]].concat())
                }
                _ => Err(Mismatch::new(0, format!("the sizes of the index from axis {axis}"))),
            },
        }
    }
}

impl Rules for Gather {
    fn samples() -> Vec<Sample<Self>> {
        let positions =
            |sizes: &[usize], data: &[f64]| Tensor::new(Type::of(DType::I32, sizes), data.to_vec());
        let floats = |sizes: &[usize]| Tensor::sample(Type::of(DType::F64, sizes), 1);
        let take = |axis, table: &[usize], index: Tensor| Sample {
            op: Gather::Take { axis },
            args: vec![floats(table), index],
        };
        let scatter = |axis, size: usize, values: &[usize], index: Tensor| Sample {
            op: Gather::Scatter { axis, size: Dim::from(size) },
            args: vec![floats(values), index],
        };
        vec![
            take(0, &[4, 2], positions(&[3], &[1.0, 3.0, 1.0])),
            take(1, &[2, 3, 2], positions(&[2, 2], &[0.0, 2.0, 2.0, 1.0])),
            take(0, &[3], positions(&[], &[2.0])),
            take(0, &[1, 2], positions(&[2], &[0.0, 0.0])),
            take(0, &[3, 2], positions(&[0], &[])),
            take(0, &[2, 0], positions(&[2], &[1.0, 0.0])),
            take(1, &[1, 1], positions(&[1, 1], &[0.0])),
            scatter(0, 4, &[3, 2], positions(&[3], &[1.0, 3.0, 1.0])),
            scatter(1, 3, &[2, 2, 2, 2], positions(&[2, 2], &[0.0, 2.0, 2.0, 1.0])),
            scatter(0, 3, &[2], positions(&[], &[2.0])),
            scatter(0, 2, &[0, 2], positions(&[0], &[])),
            scatter(0, 1, &[1, 1], positions(&[1], &[0.0])),
        ]
    }

    fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Gather {
        match self {
            Gather::Take { axis } => Gather::Take { axis: *axis },
            Gather::Scatter { axis, size } => Gather::Scatter { axis: *axis, size: size.substitute(sizes) },
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Gather::Take { .. } => "take",
            Gather::Scatter { .. } => "scatter",
        }
    }

    fn attributes(&self) -> String {
        match self {
            Gather::Take { axis } => format!("axis = {axis}"),
            Gather::Scatter { axis, size } => format!("axis = {axis}, size = {size}"),
        }
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 2)?;
        if args[0].dtype == DType::Bool {
            return Err(Mismatch::new(0, "numbers"));
        }
        if !args[1].dtype.is_int() {
            return Err(Mismatch::new(1, "integers"));
        }
        Ok(Type::new(args[0].dtype, self.shape(args[0], args[1])?))
    }

    fn form(&self, args: &[&Type]) -> Form {
        match self {
            Gather::Take { axis } => take(*axis, args),
            Gather::Scatter { axis, size } => scatter(*axis, size.size(), args),
        }
    }
}

/// Reads the index first and the table where it points.
fn take(axis: usize, args: &[&Type]) -> Form {
    let (table, index) = (args[0].sizes(), args[1].sizes());
    let sizes = [&table[..axis], &index, &table[axis + 1..]].concat();
    let picked: Vec<usize> = (axis..axis + index.len()).collect();
    let position = |k: usize| match k.cmp(&axis) {
        std::cmp::Ordering::Less => Index::axis(k),
        std::cmp::Ordering::Equal => Index { gather: Some(0), ..Index::default() },
        std::cmp::Ordering::Greater => Index::axis(k + index.len() - 1),
    };
    let read = Read { arg: 0, index: (0..table.len()).map(position).collect(), outside: None };
    Form::pointwise(&sizes, vec![Read::at(1, &picked), read], x(1))
}

/// Adds, for each position of the result, the values whose index it is.
fn scatter(axis: usize, size: usize, args: &[&Type]) -> Form {
    let (values, index) = (args[0].sizes(), args[1].sizes());
    let sizes = [&values[..axis], &[size], &values[axis + index.len()..]].concat();
    let n_out = sizes.len();
    let summed: Vec<usize> = (n_out..n_out + index.len()).collect();
    let at = [(0..axis).collect(), summed.clone(), (axis + 1..n_out).collect()].concat();
    let here = call(&scalar::EQ, vec![x(0), at_axis(axis)]);
    Form {
        axes: sizes.iter().chain(&index).map(|n| AxisSize::Fixed(*n)).collect(),
        n_out,
        reads: vec![Read::at(1, &summed), Read::at(0, &at)],
        body: call(&scalar::SELECT, vec![here, x(1), c(0.0)]),
        combine: Reducer::Sum,
    }
}
