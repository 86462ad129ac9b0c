//! Types of tensors: an element type and a shape.

use std::collections::BTreeMap;
use std::fmt;

pub use super::dim::{Dim, SizeVar};

/// Type of an element. `real` of the language is `F32` or `F64` by the time a program is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DType {
    /// True or false; one byte in memory.
    Bool,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl DType {
    /// Bytes an element takes in memory.
    pub fn bytes(self) -> usize {
        match self {
            DType::Bool => 1,
            DType::I32 | DType::F32 => 4,
            DType::I64 | DType::F64 => 8,
        }
    }

    /// Whether it is `F32` or `F64`.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }

    /// Whether it is an integer type.
    pub fn is_int(self) -> bool {
        matches!(self, DType::I32 | DType::I64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::Bool => "bool",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::F32 => "f32",
            DType::F64 => "f64",
        })
    }
}

/// Sizes, outermost first. Tensors are dense and row-major.
pub type Shape = Vec<Dim>;

/// Number of elements of a shape.
pub fn product(shape: &[Dim]) -> Dim {
    shape.iter().fold(Dim::constant(1), |product, dim| product.mul(dim))
}

/// A tensor type. A scalar has an empty shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Type {
    /// Element type.
    pub dtype: DType,
    /// Sizes.
    pub shape: Shape,
}

impl Type {
    /// A type with known or symbolic sizes.
    pub fn new(dtype: DType, shape: Shape) -> Type {
        Type { dtype, shape }
    }

    /// A type with known sizes.
    pub fn of(dtype: DType, sizes: &[usize]) -> Type {
        Type { dtype, shape: sizes.iter().map(|n| Dim::from(*n)).collect() }
    }

    /// One element.
    pub fn scalar(dtype: DType) -> Type {
        Type { dtype, shape: Vec::new() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Known sizes (from `graph` on).
    pub fn sizes(&self) -> Vec<usize> {
        self.shape.iter().map(Dim::size).collect()
    }

    /// Known number of elements (from `graph` on).
    pub fn count(&self) -> usize {
        self.shape.iter().map(Dim::size).fold(1, usize::saturating_mul)
    }

    /// The same type with size variables replaced.
    pub fn substitute(&self, env: &BTreeMap<SizeVar, Dim>) -> Type {
        Type::new(self.dtype, self.shape.iter().map(|dim| dim.substitute(env)).collect())
    }

    /// The same shape with another element type.
    pub fn with_dtype(&self, dtype: DType) -> Type {
        Type::new(dtype, self.shape.clone())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        write!(f, "{}[{}]", self.dtype, sizes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn types_print_their_sizes() {
        let n = Dim::var(SizeVar { id: 0, name: Rc::from("n") });
        assert_eq!(Type::new(DType::F32, vec![n.clone(), Dim::from(64)]).to_string(), "f32[n, 64]");
        assert_eq!(Type::scalar(DType::Bool).to_string(), "bool[]");
    }

    #[test]
    fn elements_are_counted() {
        assert_eq!(Type::of(DType::I32, &[2, 3]).count(), 6);
        assert_eq!(Type::scalar(DType::F64).count(), 1);
        let n = Dim::var(SizeVar { id: 0, name: Rc::from("n") });
        assert_eq!(product(&[n.clone(), Dim::from(2), n.clone()]), Dim::from(2).mul(&n).mul(&n));
    }
}
