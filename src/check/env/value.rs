//! Checked expressions, and nothing where a diagnostic has been given.

use crate::algebra::types::{DType, Dim, Type};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, build};

/// No value: a diagnostic has been given, so what depends on it stays silent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Poison;

/// Something, or nothing because of an error that has been reported.
pub(crate) type Checked<T> = Result<T, Poison>;

/// How firm the element type of an expression is. What is made of literals and sizes alone takes the
/// type of its context.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Weak {
    /// It has the type it has.
    No,
    /// Any number; `i32` if nothing says otherwise.
    Int,
    /// Any float; `real` if nothing says otherwise.
    Real,
    /// A quotient of integers, written at this place: any float, but an error if nothing asks for one.
    Ratio(Span),
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// The expression.
    pub expr: Expr,
    /// How firm its element type is.
    pub weak: Weak,
}

impl Value {
    /// An expression with a definite type.
    pub(crate) fn strong(expr: Expr) -> Value {
        Value { expr, weak: Weak::No }
    }
}

/// A literal that takes its context's type.
pub(crate) fn literal(value: f64, integer: bool, float: DType, span: Span) -> Value {
    let dtype = if integer { DType::I32 } else { float };
    let weak = if integer { Weak::Int } else { Weak::Real };
    Value { expr: build::constant(value, Type::scalar(dtype), span), weak }
}

/// The number that a size is.
pub(crate) fn size(dim: &Dim, span: Span) -> Value {
    match dim.as_constant() {
        Some(n) => literal(n as f64, true, DType::F32, span),
        None => Value {
            expr: Expr { kind: ExprKind::Size(dim.clone()), ty: Type::scalar(DType::I32), span },
            weak: Weak::Int,
        },
    }
}
