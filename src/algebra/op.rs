//! Operators: the families as one closed enum, and what each family declares.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::types::{DType, Dim, SizeVar, Type};
use super::{
    contract::Contract, convolve::Convolve, fence::Fence, fill::Fill, fold::Fold, form::Form, gather::Gather,
    map::Cast, map::Map, pack::Pack, prefix_sum::PrefixSum, ranks::Ranks, reduce::Reduce, segment::Segment,
    tensor::Tensor, view::View,
};

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

/// Why operands do not fit an operator.
#[derive(Clone, PartialEq, Debug)]
pub struct Mismatch {
    /// What was expected, in words: `two tensors of one shape`.
    pub expected: String,
    /// The operand at fault.
    pub arg: usize,
}

impl Mismatch {
    /// Operand `arg` is not what was `expected`.
    pub fn new(arg: usize, expected: impl Into<String>) -> Mismatch {
        Mismatch { expected: expected.into(), arg }
    }
}

/// Whether there are `n` operands.
pub(super) fn expect_count(args: &[&Type], n: usize) -> Result<(), Mismatch> {
    let plural = if n == 1 { "" } else { "s" };
    match args.len() == n {
        true => Ok(()),
        false => Err(Mismatch::new(args.len().min(n), format!("{n} operand{plural}"))),
    }
}

/// Whether `axis` is an axis of operand 0.
pub(super) fn expect_axis(arg: &Type, axis: usize) -> Result<(), Mismatch> {
    match axis < arg.rank() {
        true => Ok(()),
        false => Err(Mismatch::new(0, format!("a tensor with an axis {axis}"))),
    }
}

/// Axes in attributes: `0`, or `(0, 1)`.
pub(super) fn axes_text(axes: &[usize]) -> String {
    match axes {
        [axis] => axis.to_string(),
        _ => {
            let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
            format!("({})", axes.join(", "))
        }
    }
}

/// What can be asked for while a derivative is written down.
pub trait Build {
    /// Adds an operator to the graph.
    fn emit(&mut self, op: Op, args: &[Val]) -> Val;
    /// The type of a value.
    fn ty(&self, value: Val) -> &Type;
}

/// An operator on values, for which the laws are tried: its form has the shape that `infer` says, and
/// its derivative agrees with finite differences, twice.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The operator.
    pub op: Op,
    /// Its operands. Floats are in double precision.
    pub args: Vec<Tensor>,
}

impl Sample {
    /// An operator on operands of these types.
    pub fn new(op: Op, args: &[Type]) -> Sample {
        let args = args.iter().zip(1..).map(|(ty, seed)| Tensor::sample(ty.clone(), seed)).collect();
        Sample { op, args }
    }

    /// An operator on double precision operands of these sizes.
    pub fn of(op: Op, sizes: &[&[usize]]) -> Sample {
        let types: Vec<Type> = sizes.iter().map(|sizes| Type::of(DType::F64, sizes)).collect();
        Sample::new(op, &types)
    }
}

/// Samples of all families.
pub fn samples() -> Vec<Sample> {
    let families = [
        Map::samples,
        Cast::samples,
        Reduce::samples,
        Contract::samples,
        Convolve::samples,
        Fold::samples,
        View::samples,
        Fill::samples,
        Segment::samples,
        Pack::samples,
        Gather::samples,
        PrefixSum::samples,
        Ranks::samples,
        Fence::samples,
    ];
    families.into_iter().flat_map(|samples| samples()).collect()
}

/// What an operator family declares.
pub trait Rules {
    /// Operators of the family on values that try its laws, with sizes 0 and 1 among them.
    fn samples() -> Vec<Sample>
    where
        Self: Sized;
    /// The operator's name in printed graphs.
    fn name(&self) -> &'static str;
    /// Its attributes in printed graphs, without brackets: `axes = 0`; empty if there are none.
    fn attributes(&self) -> String;
    /// The type of its result.
    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch>;
    /// Its loop form. All sizes are known.
    fn form(&self, args: &[&Type]) -> Form;
    /// The gradients by its arguments, given the gradient `grad` by its result `out`. `None` where it
    /// is zero or there is none.
    fn vjp(&self, cx: &mut dyn Build, args: &[Val], out: Val, grad: Val) -> Vec<Option<Val>>;
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
