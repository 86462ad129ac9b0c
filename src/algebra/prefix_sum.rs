//! Prefix sums.

use super::form::{AxisSize, Form, Index, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_axis, expect_count};
use super::term::x;
use super::types::{DType, Type};

/// Sums along an axis of everything up to each position. Its loop nest adds anew for each position:
/// quadratic in the size of the axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PrefixSum {
    /// The axis.
    pub axis: usize,
    /// From the end: sums of everything from each position on. The derivative of the other one.
    pub reverse: bool,
}

impl Rules for PrefixSum {
    fn samples() -> Vec<Sample<Self>> {
        let shapes: [(usize, &[usize]); 7] =
            [(0, &[1, 3]), (0, &[4]), (1, &[2, 3]), (0, &[3, 2]), (1, &[2, 4, 2]), (0, &[1]), (1, &[2, 0])];
        let sample =
            |(axis, sizes): (usize, &[usize]), reverse| Sample::of(PrefixSum { axis, reverse }, &[sizes]);
        shapes.into_iter().flat_map(|shape| [sample(shape, false), sample(shape, true)]).collect()
    }

    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn attributes(&self) -> String {
        format!("axis = {}{}", self.axis, if self.reverse { ", reverse" } else { "" })
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        expect_axis(args[0], self.axis)?;
        match args[0].dtype {
            DType::Bool => Err(Mismatch::new(0, "numbers")),
            _ => Ok(args[0].clone()),
        }
    }

    /// The elements 0, 1, 2, ... positions before each one, and 0 where there are none.
    fn form(&self, args: &[&Type]) -> Form {
        let sizes = args[0].sizes();
        let n_out = sizes.len();
        let mut read = Read::at(0, &(0..n_out).collect::<Vec<_>>());
        let away = if self.reverse { 1 } else { -1 };
        read.index[self.axis] = Index::affine(0, [(self.axis, 1), (n_out, away)]);
        read.outside = Some(0.0);
        Form {
            axes: sizes.iter().chain([&sizes[self.axis]]).map(|n| AxisSize::Fixed(*n)).collect(),
            n_out,
            reads: vec![read],
            body: x(0),
            combine: Reducer::Sum,
        }
    }
}
