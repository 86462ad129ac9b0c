//! Reductions over whole axes.

use super::form::{AxisSize, Form, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, axes_text, expect_axis, expect_count};
use super::term::x;
use super::types::{DType, Type};

/// Puts all elements along `axes` together; the result lacks these axes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reduce {
    /// How.
    pub combine: Reducer,
    /// Which axes, ascending.
    pub axes: Vec<usize>,
}

impl Reduce {
    /// The axes of an argument of this rank that stay.
    fn kept(&self, rank: usize) -> Vec<usize> {
        (0..rank).filter(|axis| !self.axes.contains(axis)).collect()
    }
}

/// Whether elements of this type can be put together so.
pub(super) fn expect_combinable(combine: Reducer, dtype: DType) -> Result<(), Mismatch> {
    match (combine, dtype) {
        (Reducer::Sum | Reducer::Prod, DType::Bool) => Err(Mismatch::new(0, "numbers")),
        _ => Ok(()),
    }
}

impl Rules for Reduce {
    fn samples() -> Vec<Sample<Self>> {
        let shapes: [(&[usize], &[usize]); 8] = [
            (&[], &[]),
            (&[1, 1], &[0, 1]),
            (&[4], &[0]),
            (&[2, 3, 2], &[0, 2]),
            (&[2, 5], &[1]),
            (&[1, 3], &[0]),
            (&[3, 0], &[0]),
            (&[2], &[]),
        ];
        let combines = [Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min];
        let mut samples = Vec::new();
        for combine in combines {
            for (sizes, axes) in shapes {
                samples.push(Sample::of(Reduce { combine, axes: axes.to_vec() }, &[sizes]));
            }
        }
        let nothing = Reduce { combine: Reducer::Sum, axes: vec![1] };
        samples.push(Sample::of(nothing, &[&[3, 0]]));
        samples
    }

    fn name(&self) -> &'static str {
        "reduce"
    }

    fn attributes(&self) -> String {
        format!("{}, axes = {}", self.combine.name(), axes_text(&self.axes))
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        expect_combinable(self.combine, args[0].dtype)?;
        for axis in &self.axes {
            expect_axis(args[0], *axis)?;
        }
        let kept = self.kept(args[0].rank());
        Ok(Type::new(args[0].dtype, kept.iter().map(|axis| args[0].shape[*axis].clone()).collect()))
    }

    fn fold(&self, numbers: &[f64], args: &[&Type]) -> Option<f64> {
        let sizes = args[0].sizes();
        let count: usize = self.axes.iter().map(|axis| sizes[*axis]).product();
        let (x, sum) = (numbers[0], numbers[0] * count as f64);
        let exact = x.fract() == 0.0 && sum.abs() <= (1 << 24) as f64;
        match self.combine {
            Reducer::Sum => exact.then_some(sum),
            Reducer::Max | Reducer::Min => (count > 0).then_some(x),
            Reducer::Prod => (x == 1.0 || count == 1).then_some(x),
        }
    }

    fn form(&self, args: &[&Type]) -> Form {
        let sizes = args[0].sizes();
        let order = [self.kept(sizes.len()), self.axes.clone()].concat();
        let mut at = vec![0; sizes.len()];
        for (loop_axis, axis) in order.iter().enumerate() {
            at[*axis] = loop_axis;
        }
        Form {
            axes: order.iter().map(|axis| AxisSize::Fixed(sizes[*axis])).collect(),
            n_out: sizes.len() - self.axes.len(),
            reads: vec![Read::at(0, &at)],
            body: x(0),
            combine: self.combine,
        }
    }
}
