//! Ranks: how many elements come before each one in the stable order along an axis.

use super::form::{AxisSize, Form, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_axis, expect_count};
use super::scalar;
use super::tensor::Tensor;
use super::term::{axis as at_axis, c, call, x};
use super::types::{DType, Type};

/// The place that each element has in the order along an axis, `i32`: equal ones stand as they stood before,
/// NaN comes after all numbers. Its loop nest compares each element with each: quadratic in the size of the
/// axis.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ranks {
    /// The axis.
    pub axis: usize,
    /// Greatest first.
    pub descending: bool,
}

impl Rules for Ranks {
    fn samples() -> Vec<Sample<Self>> {
        let shapes: [(usize, &[usize]); 7] =
            [(0, &[1, 3]), (0, &[4]), (1, &[2, 3]), (0, &[3, 2]), (1, &[2, 4, 2]), (0, &[1]), (1, &[2, 0])];
        let sample =
            |(axis, sizes): (usize, &[usize]), descending| Sample::of(Ranks { axis, descending }, &[sizes]);
        let equal = [2.0, 1.0, 2.0, f64::NAN, 0.0, -0.0, f64::NAN, f64::INFINITY];
        let equal = Tensor::new(Type::of(DType::F64, &[8]), equal.to_vec());
        let of_equal = |descending| Sample { op: Ranks { axis: 0, descending }, args: vec![equal.clone()] };
        let plain = shapes.into_iter().flat_map(|shape| [sample(shape, false), sample(shape, true)]);
        plain.chain([of_equal(false), of_equal(true)]).collect()
    }

    fn name(&self) -> &'static str {
        "ranks"
    }

    fn attributes(&self) -> String {
        format!("axis = {}{}", self.axis, if self.descending { ", descending" } else { "" })
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        expect_axis(args[0], self.axis)?;
        match args[0].dtype {
            DType::Bool => Err(Mismatch::new(0, "numbers")),
            _ => Ok(Type::new(DType::I32, args[0].shape.clone())),
        }
    }

    /// Counts, along the axis, the elements that come before: by their value, or by their place if neither
    /// value comes before the other.
    fn form(&self, args: &[&Type]) -> Form {
        let sizes = args[0].sizes();
        let n_out = sizes.len();
        let here: Vec<usize> = (0..n_out).collect();
        let mut there = here.clone();
        there[self.axis] = n_out;
        let precedes = if self.descending { &scalar::EXCEEDS } else { &scalar::PRECEDES };
        let earlier = call(&scalar::LT, [at_axis(n_out), at_axis(self.axis)]);
        let not_after = call(&scalar::NOT, [call(precedes, [x(1), x(0)])]);
        let tied = call(&scalar::AND, [earlier, not_after]);
        let before = call(&scalar::OR, [call(precedes, [x(0), x(1)]), tied]);
        Form {
            axes: sizes.iter().chain([&sizes[self.axis]]).map(|n| AxisSize::Fixed(*n)).collect(),
            n_out,
            reads: vec![Read::at(0, &there), Read::at(0, &here)],
            body: call(&scalar::SELECT, [before, c(1.0), c(0.0)]),
            combine: Reducer::Sum,
        }
    }
}

/// The ranks of `n` elements, given whether element `i` comes before element `j` by its value.
pub fn ranks(n: usize, precedes: impl Fn(usize, usize) -> bool) -> Vec<i32> {
    use std::cmp::Ordering;
    let mut order: Vec<i32> = (0..n as i32).collect();
    order.sort_by(|i, j| match (*i as usize, *j as usize) {
        (i, j) if precedes(i, j) => Ordering::Less,
        (i, j) if precedes(j, i) => Ordering::Greater,
        _ => Ordering::Equal,
    });
    let mut ranks = vec![0; n];
    order.into_iter().zip(0..).for_each(|(element, rank)| ranks[element as usize] = rank);
    ranks
}
