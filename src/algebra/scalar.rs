//! The scalar functions: one row each. A missing field does not compile.
//!
//! Booleans are 0 and 1 in `eval`. `Native::Body` is a term over rows that are one machine
//! operation (`Native::Machine`), or over other bodies.

use super::term::{Term, g, x, y};
use super::types::DType;

/// A scalar function, declared once.
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
    /// Its meaning, in double precision.
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

/// Which types a scalar function takes and gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typing {
    /// Numbers of one type to a number of that type.
    Number,
    /// Floats of one type to a float of that type.
    Float,
    /// Integers of one type to an integer of that type.
    Integer,
    /// Two values of one type to a boolean.
    Compare,
    /// Booleans to a boolean.
    Logic,
    /// A boolean and two values of one type to that type.
    Select,
    /// 32-bit integers to a float of the type that the context wants (random numbers).
    IntToFloat,
}

/// How a row is computed natively.
#[derive(Clone, Copy, Debug)]
pub enum Native {
    /// One machine operation (or a fixed short sequence that `native` knows).
    Machine(Machine),
    /// A term over other rows, by element type.
    Body(fn(DType) -> Term),
}

/// Operations that the loop IR has, on scalars and on vectors alike. Constants are their names in
/// the printed loop IR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names say it; the rows below document each")]
pub enum Machine {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Abs,
    Sqrt,
    /// `a * b + c`, rounded once.
    Fma,
    Floor,
    Ceil,
    /// Nearest integer, ties to even.
    Nearest,
    /// `a < b ? a : b`: the second where either is NaN.
    Min,
    /// `a > b ? a : b`: the second where either is NaN.
    Max,
    /// +1, 0 or -1; 0 for NaN.
    Sign,
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
    Not,
    Select,
    /// `2^n` for an integer-valued float `n` in the normal range.
    Exp2Int,
    /// The exponent `e` of `x = f * 2^e`, `f` in `[1, 2)`, as a float; normal positive `x`.
    Exponent,
    /// The fraction `f` in `[1, 2)` of a normal positive `x`.
    Fraction,
    /// Wrapping 32-bit integer addition.
    IntAdd,
    /// Wrapping 32-bit integer multiplication.
    IntMul,
    /// Bitwise exclusive or of 32-bit integers.
    IntXor,
    /// Logical shift right of a 32-bit integer by a constant second argument.
    IntShr,
    /// Shift left of a 32-bit integer by a constant second argument.
    IntShl,
    /// A 32-bit integer, taken as unsigned 24-bit, to a float (exact).
    IntToFloat,
}

/// Sum.
pub static ADD: Scalar = Scalar {
    name: "add",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "Sum.",
    eval: |a| a[0] + a[1],
    vjp: || vec![Some(g()), Some(g())],
    native: Native::Machine(Machine::Add),
    ulp: 0,
    samples: &[(&[1.5, 2.0], 3.5), (&[-1.0, 1.0], 0.0)],
};

/// sub
pub static SUB: Scalar = Scalar {
    name: "sub",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "",
    eval: |a| a[0] - a[1],
    vjp: || vec![Some(g()), Some(-g())],
    native: Native::Machine(Machine::Sub),
    ulp: 0,
    samples: &[],
};

/// mul
pub static MUL: Scalar = Scalar {
    name: "mul",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "",
    eval: |a| a[0] * a[1],
    vjp: || vec![Some(g() * x(1)), Some(g() * x(0))],
    native: Native::Machine(Machine::Mul),
    ulp: 0,
    samples: &[],
};

/// div
pub static DIV: Scalar = Scalar {
    name: "div",
    args: &["a", "b"],
    typing: Typing::Float,
    doc: "",
    eval: |a| a[0] / a[1],
    vjp: || vec![Some(g() / x(1)), Some(-(g() * y() / x(1)))],
    native: Native::Machine(Machine::Div),
    ulp: 0,
    samples: &[],
};

/// neg
pub static NEG: Scalar = Scalar {
    name: "neg",
    args: &["a"],
    typing: Typing::Number,
    doc: "",
    eval: |a| -a[0],
    vjp: || vec![Some(-g())],
    native: Native::Machine(Machine::Neg),
    ulp: 0,
    samples: &[],
};

/// Whether two values are equal.
pub static EQ: Scalar = Scalar {
    name: "eq",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether two values are equal; NaN equals nothing.",
    eval: |a| f64::from(a[0] == a[1]),
    vjp: Vec::new,
    native: Native::Machine(Machine::Eq),
    ulp: 0,
    samples: &[(&[1.0, 1.0], 1.0), (&[1.0, 2.0], 0.0), (&[f64::NAN, f64::NAN], 0.0)],
};

/// One of two values.
pub static SELECT: Scalar = Scalar {
    name: "select",
    args: &["c", "a", "b"],
    typing: Typing::Select,
    doc: "`a` where `c`, else `b`. No derivative passes through the value not taken.",
    eval: |a| if a[0] != 0.0 { a[1] } else { a[2] },
    vjp: || {
        let zero = super::term::c(0.0);
        let select = |a, b| super::term::call(&SELECT, [x(0), a, b]);
        vec![None, Some(select(g(), zero.clone())), Some(select(zero, g()))]
    },
    native: Native::Machine(Machine::Select),
    ulp: 0,
    samples: &[(&[1.0, 2.0, 3.0], 2.0), (&[0.0, 2.0, 3.0], 3.0)],
};

/// The greater; NaN if either is.
pub fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The smaller; NaN if either is.
pub fn min(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}
