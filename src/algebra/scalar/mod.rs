//! The scalar functions: one row each. A missing field does not compile.
//!
//! A row says what a function means ([`Scalar::eval`]), how it is differentiated ([`Scalar::vjp`])
//! and how it is computed natively: as one machine operation, or by a body, a term over other rows.
//! [`expand()`] takes a row apart into machine operations; [`MachineOp::eval`] is the exact meaning of
//! each of these, so all engines that go through both agree to the bit.
//!
//! ```text
//! tanh(x) : float            d/dx  mul(g, sub(1, mul(y, y)))
//! ```

mod arithmetic;
mod bodies;
mod expand;
mod functions;
mod logic;
mod machine;
mod parts;
mod random;

#[cfg(test)]
mod tests;

pub use arithmetic::*;
pub use expand::{Emit, Tape, eval_native, expand};
pub use functions::*;
pub use logic::*;
pub use machine::{Bits, MachineOp, decode, encode, far_limit};
pub(crate) use machine::{float32, float64};
pub use parts::*;
pub use random::UNIFORM;

use super::term::Term;
use super::types::DType;

/// A scalar function, declared once. Each is one static: two are equal when they are the same one.
#[derive(Debug)]
pub struct Scalar {
    /// Its name in graphs and in the manual.
    pub name: &'static str,
    /// Names of its arguments.
    pub args: &'static [&'static str],
    /// Which types it takes and gives.
    pub typing: Typing,
    /// What it computes, with domain and range.
    pub doc: &'static str,
    /// Its meaning, in double precision. Booleans are 0 and 1.
    pub eval: fn(&[f64]) -> f64,
    /// Its derivative by each argument times `G`, as terms over `X`, `Y`, `G`. Empty for functions
    /// whose derivative is zero wherever it exists (comparisons, `floor`, `sign`, logic).
    pub vjp: fn() -> Vec<Option<Term>>,
    /// How it is computed natively.
    pub native: Native,
    /// How far native may be from `eval`, in units in the last place of the result.
    pub ulp: u32,
    /// Arguments with the exact result (rounded to double).
    pub samples: &'static [(&'static [f64], f64)],
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Scalar {}

impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::ptr::hash(self, state);
    }
}

/// Which types a scalar function takes and gives.
///
/// Each use of a row is at one type, `dtype` below: that of the operands it is named after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typing {
    /// Numbers of one type to a number of that type.
    Number,
    /// Floats of one type to a float of that type.
    Float,
    /// Integers of one type to an integer of that type.
    Integer,
    /// Two values of one type to a boolean. `dtype` is the type of these values.
    Compare,
    /// Booleans to a boolean.
    Logic,
    /// A boolean and two values of one type to that type. `dtype` is the type of these values.
    Select,
    /// 32-bit integers to a float of the type that the context wants (random numbers). `dtype` is
    /// the type of the result.
    IntToFloat,
}

impl Typing {
    /// The type of argument `k` of a use at `dtype`.
    pub fn arg(self, dtype: DType, k: usize) -> DType {
        match self {
            Typing::Select if k == 0 => DType::Bool,
            Typing::Logic => DType::Bool,
            Typing::IntToFloat => DType::I32,
            Typing::Number | Typing::Float | Typing::Integer | Typing::Compare | Typing::Select => dtype,
        }
    }

    /// The type of the result of a use at `dtype`.
    pub fn result(self, dtype: DType) -> DType {
        match self {
            Typing::Compare | Typing::Logic => DType::Bool,
            Typing::Number | Typing::Float | Typing::Integer | Typing::Select | Typing::IntToFloat => dtype,
        }
    }

    /// Whether a use at `dtype` makes sense.
    pub fn allows(self, dtype: DType) -> bool {
        match self {
            Typing::Number => dtype != DType::Bool,
            Typing::Float | Typing::IntToFloat => dtype.is_float(),
            Typing::Integer => dtype.is_int(),
            Typing::Compare | Typing::Select => true,
            Typing::Logic => dtype == DType::Bool,
        }
    }

    /// In words, for the manual: `number`, `float`.
    pub fn name(self) -> &'static str {
        match self {
            Typing::Number => "number",
            Typing::Float => "float",
            Typing::Integer => "integer",
            Typing::Compare => "two of one type -> bool",
            Typing::Logic => "bool",
            Typing::Select => "bool, two of one type",
            Typing::IntToFloat => "i32 -> float",
        }
    }
}

/// How a row is computed natively.
#[derive(Clone, Copy, Debug)]
pub enum Native {
    /// One machine operation (or a fixed short sequence that `native` knows).
    Machine(MachineOp),
    /// A term over other rows, by the type of the use.
    Body(fn(DType) -> Term),
}

/// Every row a script can name, in the order of the manual.
pub static ALL: &[&Scalar] = &[
    &ADD, &SUB, &MUL, &DIV, &NEG, &ABS, &SQRT, &RSQRT, &FMA, &FLOOR, &CEIL, &ROUND, &FLOOR_DIV, &REM, &MAX,
    &MIN, &SIGN, &LT, &LE, &EQ, &NE, &GT, &GE, &AND, &OR, &NOT, &SELECT, &EXP, &EXP2, &EXPM1, &LOG, &LOG1P,
    &SIN, &COS, &TAN, &TANH, &SIGMOID, &SOFTPLUS, &ERF, &POW, &UNIFORM,
];

/// Rows that only bodies use.
pub static INTERNAL: &[&Scalar] = &[
    &GREATER,
    &LESSER,
    &COPY_SIGN,
    &EXP2_INT,
    &EXPONENT,
    &FRACTION,
    &INT_FLOOR_DIV,
    &INT_REM,
    &INT_XOR,
    &INT_SHR,
    &INT_SHL,
    &INT_TO_FLOAT,
    &FAR_SIN,
    &FAR_COS,
    &FAR_TAN,
    &PRECEDES,
    &EXCEEDS,
];

/// The row that a script calls `name`.
pub fn find(name: &str) -> Option<&'static Scalar> {
    ALL.iter().copied().find(|row| row.name == name)
}

/// The greater; NaN if either is. Of two equal numbers (`-0` and `0`) the first.
pub fn max(a: f64, b: f64) -> f64 {
    if b.is_nan() || b > a { b } else { a }
}

/// The smaller; NaN if either is. Of two equal numbers (`-0` and `0`) the first.
pub fn min(a: f64, b: f64) -> f64 {
    if b.is_nan() || b < a { b } else { a }
}
