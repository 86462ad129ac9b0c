//! `col2im`: overlapping windows added up where they lie.

use std::collections::BTreeMap;

use super::form::{AxisSize, Form, Index, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_count};
use super::term::x;
use super::types::{DType, Dim, SizeVar, Type};

/// The derivative of [`View::Unfold`](super::view::View::Unfold) with stride 1: the axis of windows and the one of taps after it
/// become one, `out[m] = sum over j of x[m - dilation * j, j]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Col2Im {
    /// The axis of windows.
    pub axis: usize,
    /// From one tap to the next.
    pub dilation: Dim,
}

impl Rules for Col2Im {
    fn samples() -> Vec<Sample<Self>> {
        let of = |axis, dilation: usize, sizes: &[usize]| {
            Sample::of(Col2Im { axis, dilation: Dim::from(dilation) }, &[sizes])
        };
        vec![
            of(0, 1, &[3, 2]),
            of(1, 2, &[2, 4, 3, 2]),
            of(0, 3, &[1, 2]),
            of(0, 1, &[4, 1]),
            of(0, 1, &[2, 3, 0]),
        ]
    }

    fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Col2Im {
        Col2Im { dilation: self.dilation.substitute(sizes), ..*self }
    }

    fn name(&self) -> &'static str {
        "col2im"
    }

    fn attributes(&self) -> String {
        format!("axis = {}, dilation = {}", self.axis, self.dilation)
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        if self.axis + 1 >= args[0].rank() {
            return Err(Mismatch::new(0, format!("a tensor with an axis {}", self.axis + 1)));
        }
        if args[0].dtype == DType::Bool {
            return Err(Mismatch::new(0, "numbers"));
        }
        let mut shape = args[0].shape.clone();
        let taps = shape.remove(self.axis + 1);
        let more = taps.sub(&Dim::constant(1)).mul(&self.dilation);
        shape[self.axis] = shape[self.axis].add(&more);
        Ok(Type::new(args[0].dtype, shape))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let sizes = args[0].sizes();
        let (axis, taps, by) = (self.axis, sizes[self.axis + 1], self.dilation.size());
        let n_out = sizes.len() - 1;
        let mut axes = sizes.clone();
        axes.remove(axis + 1);
        axes[axis] += by * taps.saturating_sub(1);
        axes.push(taps);
        let place = |k: usize| match k {
            _ if k == axis => Index::affine(0, [(axis, 1), (n_out, -(by as i64))]),
            _ if k == axis + 1 => Index::axis(n_out),
            _ => Index::axis(k - usize::from(k > axis)),
        };
        let read = Read { arg: 0, index: (0..sizes.len()).map(place).collect(), outside: Some(0.0) };
        let axes = axes.into_iter().map(AxisSize::Fixed).collect();
        Form { axes, n_out, reads: vec![read], body: x(0), combine: Reducer::Sum }
    }
}
