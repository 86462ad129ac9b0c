//! Operators on the pieces of a flat tensor: what `tensor` means as an extent in optimizer stages.

use std::rc::Rc;

use super::form::{AxisSize, Form, Index, Read, Reducer, Segments};
use super::reduce::expect_combinable;
use super::rules::{Mismatch, Rules, Sample, expect_count};
use super::term::x;
use super::types::{Dim, Type};

/// An operator that knows the pieces of a flat tensor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Segment {
    /// `[N]` to `[count]`: puts the elements of each piece together.
    Reduce {
        /// How.
        combine: Reducer,
        /// The pieces.
        segments: Rc<Segments>,
    },
    /// `[count]` to `[N]`: every element of a piece gets the piece's value.
    Broadcast {
        /// The pieces.
        segments: Rc<Segments>,
    },
}

impl Rules for Segment {
    fn samples() -> Vec<Sample<Self>> {
        let mut samples = Vec::new();
        for lengths in [vec![2, 3, 1], vec![4], vec![1], vec![2, 0, 1]] {
            let segments = Rc::new(Segments { lengths });
            let (count, total) = (segments.count(), segments.total());
            // An empty piece's greatest is infinite, which no difference can be taken of.
            let combines = match segments.lengths.contains(&0) {
                true => vec![Reducer::Sum, Reducer::Prod],
                false => vec![Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min],
            };
            for combine in combines {
                let segments = segments.clone();
                samples.push(Sample::of(Segment::Reduce { combine, segments }, &[&[total]]));
            }
            samples.push(Sample::of(Segment::Broadcast { segments }, &[&[count]]));
        }
        samples
    }

    fn name(&self) -> &'static str {
        match self {
            Segment::Reduce { .. } => "segment_reduce",
            Segment::Broadcast { .. } => "segment_broadcast",
        }
    }

    fn attributes(&self) -> String {
        match self {
            Segment::Reduce { combine, .. } => combine.name().to_owned(),
            Segment::Broadcast { .. } => String::new(),
        }
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 1)?;
        let (from, to) = match self {
            Segment::Reduce { segments, combine } => {
                expect_combinable(*combine, args[0].dtype)?;
                (segments.total(), segments.count())
            }
            Segment::Broadcast { segments } => (segments.count(), segments.total()),
        };
        if args[0].shape != [Dim::from(from)] {
            return Err(Mismatch::new(0, format!("a flat tensor of {from} elements")));
        }
        Ok(Type::of(args[0].dtype, &[to]))
    }

    fn fold(&self, numbers: &[f64], _args: &[&Type]) -> Option<f64> {
        matches!(self, Segment::Broadcast { .. }).then_some(numbers[0])
    }

    /// Axis 0 is the piece, axis 1 the element in it.
    fn form(&self, _args: &[&Type]) -> Form {
        let (Segment::Reduce { segments, .. } | Segment::Broadcast { segments }) = self;
        let axes = vec![AxisSize::Fixed(segments.count()), AxisSize::Ragged(segments.clone())];
        let (n_out, combine, index) = match self {
            Segment::Reduce { combine, segments } => {
                let piece = Some((segments.clone(), 0));
                (1, *combine, Index { piece, ..Index::axis(1) })
            }
            Segment::Broadcast { .. } => (2, Reducer::Sum, Index::axis(0)),
        };
        Form { axes, n_out, reads: vec![Read::flat(0, index)], body: x(0), combine }
    }
}
