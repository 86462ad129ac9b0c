//! Arithmetic: exact or correctly rounded.

use super::logic::{GT, LT, NE, SELECT};
use super::machine::MachineOp;
use super::parts::{GREATER, INT_FLOOR_DIV, INT_REM, LESSER};
use super::{Native, Scalar, Typing};
use crate::algebra::term::{Term, c, call, g, x, y};
use crate::algebra::types::DType;

/// Sum.
pub static ADD: Scalar = Scalar {
    name: "add",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "Sum. Integers wrap.",
    eval: |a| a[0] + a[1],
    vjp: || vec![Some(g()), Some(g())],
    native: Native::Machine(MachineOp::Add),
    ulp: 0,
    samples: &[(&[1.5, 2.0], 3.5), (&[-1.0, 1.0], 0.0)],
};

/// Difference.
pub static SUB: Scalar = Scalar {
    name: "sub",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "Difference. Integers wrap.",
    eval: |a| a[0] - a[1],
    vjp: || vec![Some(g()), Some(-g())],
    native: Native::Machine(MachineOp::Sub),
    ulp: 0,
    samples: &[(&[1.5, 2.0], -0.5), (&[3.0, 3.0], 0.0)],
};

/// Product.
pub static MUL: Scalar = Scalar {
    name: "mul",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "Product. Integers wrap.",
    eval: |a| a[0] * a[1],
    vjp: || vec![Some(g() * x(1)), Some(g() * x(0))],
    native: Native::Machine(MachineOp::Mul),
    ulp: 0,
    samples: &[(&[1.5, 2.0], 3.0), (&[-3.0, 0.5], -1.5)],
};

/// Quotient.
pub static DIV: Scalar = Scalar {
    name: "div",
    args: &["a", "b"],
    typing: Typing::Float,
    doc: "Quotient of floats.",
    eval: |a| a[0] / a[1],
    vjp: || vec![Some(g() / x(1)), Some(-(g() * y() / x(1)))],
    native: Native::Machine(MachineOp::Div),
    ulp: 0,
    samples: &[(&[3.0, 2.0], 1.5), (&[1.0, 0.0], f64::INFINITY)],
};

/// The number with the other sign.
pub static NEG: Scalar = Scalar {
    name: "neg",
    args: &["a"],
    typing: Typing::Number,
    doc: "The number with the other sign.",
    eval: |a| -a[0],
    vjp: || vec![Some(-g())],
    native: Native::Machine(MachineOp::Neg),
    ulp: 0,
    samples: &[(&[1.5], -1.5), (&[-2.0], 2.0)],
};

/// Magnitude.
pub static ABS: Scalar = Scalar {
    name: "abs",
    args: &["a"],
    typing: Typing::Number,
    doc: "Magnitude. Its derivative at 0 is taken to be 0.",
    eval: |a| a[0].abs(),
    vjp: || vec![Some(g() * call(&SIGN, [x(0)]))],
    native: Native::Machine(MachineOp::Abs),
    ulp: 0,
    samples: &[(&[-1.5], 1.5), (&[2.0], 2.0)],
};

/// Square root.
pub static SQRT: Scalar = Scalar {
    name: "sqrt",
    args: &["x"],
    typing: Typing::Float,
    doc: "Square root, correctly rounded; NaN below 0.",
    eval: |a| a[0].sqrt(),
    vjp: || vec![Some(g() * c(0.5) / y())],
    native: Native::Machine(MachineOp::Sqrt),
    ulp: 0,
    samples: &[(&[2.25], 1.5), (&[0.0], 0.0)],
};

/// Reciprocal square root.
pub static RSQRT: Scalar = Scalar {
    name: "rsqrt",
    args: &["x"],
    typing: Typing::Float,
    doc: "`1 / sqrt(x)`; infinite at 0, NaN below.",
    eval: |a| 1.0 / a[0].sqrt(),
    vjp: || vec![Some(g() * c(-0.5) * y() / x(0))],
    native: Native::Body(|_| c(1.0) / call(&SQRT, [x(0)])),
    ulp: 2,
    samples: &[(&[4.0], 0.5), (&[0.25], 2.0)],
};

/// `a * b + c`, rounded once.
pub static FMA: Scalar = Scalar {
    name: "fma",
    args: &["a", "b", "c"],
    typing: Typing::Float,
    doc: "`a * b + c`, rounded once.",
    eval: |a| a[0].mul_add(a[1], a[2]),
    vjp: || vec![Some(g() * x(1)), Some(g() * x(0)), Some(g())],
    native: Native::Machine(MachineOp::Fma),
    ulp: 0,
    samples: &[(&[2.0, 3.0, 1.0], 7.0), (&[-1.0, 0.5, 0.25], -0.25)],
};

/// Rounds down.
pub static FLOOR: Scalar = Scalar {
    name: "floor",
    args: &["a"],
    typing: Typing::Number,
    doc: "The greatest whole number that is not greater.",
    eval: |a| a[0].floor(),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Floor),
    ulp: 0,
    samples: &[(&[1.5], 1.0), (&[-1.5], -2.0), (&[3.0], 3.0)],
};

/// Rounds up.
pub static CEIL: Scalar = Scalar {
    name: "ceil",
    args: &["a"],
    typing: Typing::Number,
    doc: "The least whole number that is not less.",
    eval: |a| a[0].ceil(),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Ceil),
    ulp: 0,
    samples: &[(&[1.5], 2.0), (&[-1.5], -1.0), (&[3.0], 3.0)],
};

/// Rounds to nearest.
pub static ROUND: Scalar = Scalar {
    name: "round",
    args: &["a"],
    typing: Typing::Number,
    doc: "The nearest whole number; of two as near, the even one.",
    eval: |a| a[0].round_ties_even(),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Nearest),
    ulp: 0,
    samples: &[(&[0.5], 0.0), (&[1.5], 2.0), (&[-2.6], -3.0)],
};

/// The quotient rounded down.
pub static FLOOR_DIV: Scalar = Scalar {
    name: "floor_div",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "The quotient rounded down, as `//` in Python: `-7 div 2` is -4. Of integers by 0: 0. \
          Exact for floats while the quotient is below 2^24 (f32) or 2^53 (f64).",
    eval: |a| floor_div(a[0], a[1]).0,
    vjp: Vec::new,
    native: Native::Body(|dtype| match dtype {
        DType::F32 | DType::F64 => float_floor_div().0,
        _ => call(&INT_FLOOR_DIV, [x(0), x(1)]),
    }),
    ulp: 1,
    samples: &[(&[7.0, 2.0], 3.0), (&[-7.0, 2.0], -4.0), (&[7.5, -2.0], -4.0), (&[6.0, 3.0], 2.0)],
};

/// What `floor_div` leaves.
pub static REM: Scalar = Scalar {
    name: "rem",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "`a - floor_div(a, b) * b`, as `%` in Python: it has the sign of `b`. Of integers by 0: `a`.",
    eval: |a| floor_div(a[0], a[1]).1,
    vjp: || vec![Some(g()), Some(-(g() * call(&FLOOR_DIV, [x(0), x(1)])))],
    native: Native::Body(|dtype| match dtype {
        DType::F32 | DType::F64 => float_floor_div().1,
        _ => call(&INT_REM, [x(0), x(1)]),
    }),
    ulp: 1,
    samples: &[(&[7.0, 2.0], 1.0), (&[-7.0, 2.0], 1.0), (&[7.5, -2.0], -0.5), (&[6.0, 3.0], 0.0)],
};

/// Quotient rounded down, and remainder.
fn floor_div(a: f64, b: f64) -> (f64, f64) {
    let quotient = (a / b).floor();
    let rest = (-quotient).mul_add(b, a);
    // The quotient may have been rounded up to the next whole number.
    if rest * b.signum() < 0.0 { (quotient - 1.0, rest + b) } else { (quotient, rest) }
}

/// The same as terms.
fn float_floor_div() -> (Term, Term) {
    let quotient = call(&FLOOR, [x(0) / x(1)]);
    let rest = call(&FMA, [-quotient.clone(), x(1), x(0)]);
    let too_great = call(&LT, [rest.clone() * call(&SIGN, [x(1)]), c(0.0)]);
    (
        call(&SELECT, [too_great.clone(), quotient.clone() - c(1.0), quotient]),
        call(&SELECT, [too_great, rest.clone() + x(1), rest]),
    )
}

/// The greater of two numbers. A constant belongs second: then `max(x, 0)` is one operation.
pub static MAX: Scalar = Scalar {
    name: "max",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "The greater; NaN where either is. Of two equal numbers the derivative goes to the second, so \
          that of `max(x, 0)` at 0 is 0.",
    eval: |a| super::max(a[0], a[1]),
    vjp: || choose(&GT),
    native: Native::Body(|dtype| second_if_nan(dtype, call(&GREATER, [x(1), x(0)]))),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 2.0), (&[3.0, 2.0], 3.0), (&[-1.0, -1.0], -1.0)],
};

/// The smaller of two numbers. A constant belongs second.
pub static MIN: Scalar = Scalar {
    name: "min",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "The smaller; NaN where either is. Of two equal numbers the derivative goes to the second.",
    eval: |a| super::min(a[0], a[1]),
    vjp: || choose(&LT),
    native: Native::Body(|dtype| second_if_nan(dtype, call(&LESSER, [x(1), x(0)]))),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 1.0), (&[3.0, 2.0], 2.0), (&[-1.0, -1.0], -1.0)],
};

/// The gradient to the first argument where `first` holds of both, else to the second.
fn choose(first: &'static Scalar) -> Vec<Option<Term>> {
    let first = call(first, [x(0), x(1)]);
    let to_a = call(&SELECT, [first.clone(), g(), c(0.0)]);
    let to_b = call(&SELECT, [first, c(0.0), g()]);
    vec![Some(to_a), Some(to_b)]
}

/// `extremum` with its operands swapped propagates a NaN of the first argument; this adds that of
/// the second, which costs nothing where the second is a known number.
fn second_if_nan(dtype: DType, extremum: Term) -> Term {
    match dtype {
        DType::F32 | DType::F64 => call(&SELECT, [call(&NE, [x(1), x(1)]), x(1), extremum]),
        _ => extremum,
    }
}

/// The sign.
pub static SIGN: Scalar = Scalar {
    name: "sign",
    args: &["a"],
    typing: Typing::Number,
    doc: "1, 0 or -1; 0 for NaN.",
    eval: |a| f64::from(i8::from(a[0] > 0.0) - i8::from(a[0] < 0.0)),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Sign),
    ulp: 0,
    samples: &[(&[2.5], 1.0), (&[-0.1], -1.0), (&[0.0], 0.0)],
};
