//! What an operator family declares, and what is said where operands do not fit.

use std::collections::BTreeMap;

use super::form::Form;
use super::tensor::Tensor;
use super::types::{DType, Dim, SizeVar, Type};

/// What an operator family declares.
pub trait Rules {
    /// Operators of the family on values that try its laws, with sizes 0 and 1 among them.
    fn samples() -> Vec<LawSample<Self>>
    where
        Self: Sized;
    /// The same operator with the size variables of its attributes replaced.
    fn substitute(&self, _sizes: &BTreeMap<SizeVar, Dim>) -> Self
    where
        Self: Sized + Clone,
    {
        self.clone()
    }
    /// The operator's name in printed graphs.
    fn name(&self) -> &'static str;
    /// Its attributes in printed graphs, without brackets: `axes = 0`; empty if there are none.
    fn attributes(&self) -> String;
    /// The type of its result.
    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch>;
    /// The number that its result is everywhere, given the one that each operand is everywhere; none where
    /// that is not known, or would depend on the order of rounding. All sizes are known.
    fn fold(&self, _numbers: &[f64], _args: &[&Type]) -> Option<f64> {
        None
    }
    /// Its loop form. All sizes are known.
    fn form(&self, args: &[&Type]) -> Form;
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

/// An operator on values, for which the laws are tried: its form has the shape that `infer` says, and
/// its derivative agrees with finite differences, twice.
#[derive(Clone, Debug)]
pub struct LawSample<O> {
    /// The operator.
    pub op: O,
    /// Its operands. Floats are in double precision.
    pub args: Vec<Tensor>,
}

impl<O> LawSample<O> {
    /// An operator on operands of these types.
    pub fn new(op: O, args: &[Type]) -> LawSample<O> {
        let args = args.iter().zip(1..).map(|(ty, seed)| Tensor::sample(ty.clone(), seed)).collect();
        LawSample { op, args }
    }

    /// An operator on double precision operands of these sizes.
    pub fn of(op: O, sizes: &[&[usize]]) -> LawSample<O> {
        let types: Vec<Type> = sizes.iter().map(|sizes| Type::of(DType::F64, sizes)).collect();
        LawSample::new(op, &types)
    }
}
