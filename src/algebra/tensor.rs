//! Dense reference values: the oracle's tensors.

use super::types::Type;

/// A tensor of known size. Elements are kept in double precision, rounded to the element type.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    /// Its type.
    pub ty: Type,
    /// Its elements, row-major. Booleans are 0 and 1.
    pub data: Vec<f64>,
}
