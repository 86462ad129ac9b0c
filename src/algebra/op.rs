//! Operators: the families as one closed enum, and what each family declares.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::contract::Contract;
use super::convolve::Convolve;
use super::fence::Fence;
use super::fill::Fill;
use super::fold::Fold;
use super::gather::Gather;
use super::map::{Cast, Map};
use super::pack::Pack;
use super::prefix_sum::PrefixSum;
use super::ranks::Ranks;
use super::reduce::Reduce;
use super::segment::Segment;
use super::types::{Dim, SizeVar, Type};
use super::view::View;

pub use super::rules::{Mismatch, Rules, Sample};

/// A value in a graph under construction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Val(pub u32);

/// An operator with its attributes. Sizes in attributes may be symbolic until `graph`.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// A scalar function on tensors of one shape.
    Map(Map),
    /// Another element type.
    Cast(Cast),
    /// Sums, maxima, ... over whole axes.
    Reduce(Reduce),
    /// Products summed over shared axes.
    Contract(Contract),
    /// Products summed over windows.
    Convolve(Convolve),
    /// Overlapping windows added up.
    Fold(Fold),
    /// The same elements, arranged otherwise.
    View(View),
    /// Elements made from nothing.
    Fill(Fill),
    /// Reductions over, and copies to, the pieces of a flat tensor.
    Segment(Segment),
    /// Tensors laid end to end in one flat tensor.
    Pack(Pack),
    /// Elements picked by integers, and their sums put back.
    Gather(Gather),
    /// Sums up to each position.
    PrefixSum(PrefixSum),
    /// Places in the order along an axis.
    Ranks(Ranks),
    /// A value that must not be there before another.
    Fence(Fence),
}

/// What can be asked for while a derivative is written down.
pub trait Build {
    /// Adds an operator to the graph.
    fn emit(&mut self, op: Op, args: &[Val]) -> Val;
    /// The type of a value.
    fn ty(&self, value: Val) -> &Type;
}

/// Samples of all families.
pub fn samples() -> Vec<Sample<Op>> {
    fn of<O: Rules + Into<Op>>() -> Vec<Sample<Op>> {
        O::samples().into_iter().map(|Sample { op, args }| Sample { op: op.into(), args }).collect()
    }
    let families = [
        of::<Map>,
        of::<Cast>,
        of::<Reduce>,
        of::<Contract>,
        of::<Convolve>,
        of::<Fold>,
        of::<View>,
        of::<Fill>,
        of::<Segment>,
        of::<Pack>,
        of::<Gather>,
        of::<PrefixSum>,
        of::<Ranks>,
        of::<Fence>,
    ];
    families.into_iter().flat_map(|samples| samples()).collect()
}

impl Op {
    /// The same operator with the size variables of its attributes replaced.
    pub fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Op {
        match self {
            Op::View(view) => Op::View(view.substitute(sizes)),
            Op::Fill(fill) => Op::Fill(fill.substitute(sizes)),
            Op::Gather(gather) => Op::Gather(gather.substitute(sizes)),
            Op::Convolve(convolve) => Op::Convolve(convolve.substitute(sizes)),
            Op::Fold(fold) => Op::Fold(Fold { dilation: fold.dilation.substitute(sizes), ..*fold }),
            Op::Map(_)
            | Op::Cast(_)
            | Op::Reduce(_)
            | Op::Contract(_)
            | Op::Segment(_)
            | Op::Pack(_)
            | Op::PrefixSum(_)
            | Op::Ranks(_)
            | Op::Fence(_) => self.clone(),
        }
    }

    /// The family's rules.
    pub fn rules(&self) -> &dyn Rules {
        match self {
            Op::Map(op) => op,
            Op::Cast(op) => op,
            Op::Reduce(op) => op,
            Op::Contract(op) => op,
            Op::Convolve(op) => op,
            Op::Fold(op) => op,
            Op::View(op) => op,
            Op::Fill(op) => op,
            Op::Segment(op) => op,
            Op::Pack(op) => op,
            Op::Gather(op) => op,
            Op::PrefixSum(op) => op,
            Op::Ranks(op) => op,
            Op::Fence(op) => op,
        }
    }
}

macro_rules! into_op {
    ($($family:ident),*) => {
        $(impl From<$family> for Op {
            fn from(op: $family) -> Op {
                Op::$family(op)
            }
        })*
    };
}

into_op!(
    Map, Cast, Reduce, Contract, Convolve, Fold, View, Fill, Segment, Pack, Gather, PrefixSum, Ranks, Fence
);
