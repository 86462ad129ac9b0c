//! The meaning of the language: evaluates any form naively.

use super::op::Op;
use super::tensor::Tensor;

/// The value of an operator on values, by its form, one point at a time.
pub fn eval(op: &Op, args: &[&Tensor]) -> Tensor {
    let _ = (op, args);
    todo!()
}
