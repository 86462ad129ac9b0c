//! Rows that only bodies use: machine operations without a name in scripts.

use super::machine::{MachineOp, far_limit};
use super::{AND, EQ, GT, LT, NE, Native, OR, Scalar, Typing};
use crate::algebra::term::{Term, call, x};
use crate::algebra::types::DType;

/// `a > b ? a : b`.
pub static GREATER: Scalar = Scalar {
    name: "greater",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "The greater of two numbers; the second where either is NaN.",
    eval: |a| if a[0] > a[1] { a[0] } else { a[1] },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Max),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 2.0), (&[f64::NAN, 2.0], 2.0)],
};

/// `a < b ? a : b`.
pub static LESSER: Scalar = Scalar {
    name: "lesser",
    args: &["a", "b"],
    typing: Typing::Number,
    doc: "The smaller of two numbers; the second where either is NaN.",
    eval: |a| if a[0] < a[1] { a[0] } else { a[1] },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Min),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 1.0), (&[f64::NAN, 2.0], 2.0)],
};

/// The magnitude of one number with the sign of another.
pub static COPY_SIGN: Scalar = Scalar {
    name: "copy_sign",
    args: &["a", "b"],
    typing: Typing::Float,
    doc: "The magnitude of `a` with the sign bit of `b`.",
    eval: |a| a[0].copysign(a[1]),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::CopySign),
    ulp: 0,
    samples: &[(&[1.5, -0.0], -1.5), (&[-2.0, 3.0], 2.0)],
};

/// `2^n`.
pub static EXP2_INT: Scalar = Scalar {
    name: "exp2_int",
    args: &["n"],
    typing: Typing::Float,
    doc: "`2^n` for a whole `n` that is the exponent of a normal number.",
    eval: |a| a[0].exp2(),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Exp2Int),
    ulp: 0,
    samples: &[(&[-3.0], 0.125), (&[10.0], 1024.0)],
};

/// The exponent of a number.
pub static EXPONENT: Scalar = Scalar {
    name: "exponent",
    args: &["x"],
    typing: Typing::Float,
    doc: "The exponent `e` of `x = f * 2^e`, `f` in `[1, 2)`, for normal positive `x`.",
    eval: |a| ((a[0].to_bits() >> 52) as i64 - 1023) as f64,
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Exponent),
    ulp: 0,
    samples: &[(&[1.0], 0.0), (&[10.0], 3.0), (&[0.75], -1.0)],
};

/// The fraction of a number.
pub static FRACTION: Scalar = Scalar {
    name: "fraction",
    args: &["x"],
    typing: Typing::Float,
    doc: "The fraction `f` in `[1, 2)` of a normal positive `x = f * 2^e`.",
    eval: |a| f64::from_bits(a[0].to_bits() & ((1 << 52) - 1) | 1.0f64.to_bits()),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Fraction),
    ulp: 0,
    samples: &[(&[1.0], 1.0), (&[10.0], 1.25), (&[0.75], 1.5)],
};

/// Quotient of integers, rounded down.
pub static INT_FLOOR_DIV: Scalar = Scalar {
    name: "int_floor_div",
    args: &["a", "b"],
    typing: Typing::Integer,
    doc: "The quotient rounded down; 0 where `b` is 0.",
    eval: |a| if a[1] == 0.0 { 0.0 } else { (a[0] / a[1]).floor() },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::FloorDiv),
    ulp: 0,
    samples: &[(&[7.0, 2.0], 3.0), (&[-7.0, 2.0], -4.0), (&[1.0, 0.0], 0.0)],
};

/// Remainder of integers, with the sign of the divisor.
pub static INT_REM: Scalar = Scalar {
    name: "int_rem",
    args: &["a", "b"],
    typing: Typing::Integer,
    doc: "What `floor_div` leaves, with the sign of `b`; `a` where `b` is 0.",
    eval: |a| if a[1] == 0.0 { a[0] } else { a[0] - (a[0] / a[1]).floor() * a[1] },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::FloorRem),
    ulp: 0,
    samples: &[(&[7.0, 2.0], 1.0), (&[-7.0, 2.0], 1.0), (&[7.0, -2.0], -1.0), (&[3.0, 0.0], 3.0)],
};

/// Bitwise exclusive or.
pub static INT_XOR: Scalar = Scalar {
    name: "int_xor",
    args: &["a", "b"],
    typing: Typing::Integer,
    doc: "Bitwise exclusive or of 32-bit integers.",
    eval: |a| f64::from(a[0] as i32 ^ a[1] as i32),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::IntXor),
    ulp: 0,
    samples: &[(&[6.0, 3.0], 5.0), (&[-1.0, 1.0], -2.0)],
};

/// Logical shift right.
pub static INT_SHR: Scalar = Scalar {
    name: "int_shr",
    args: &["a", "n"],
    typing: Typing::Integer,
    doc: "A 32-bit integer shifted right by `n` places, filled with zeros; `n` is constant.",
    eval: |a| f64::from((a[0] as i32 as u32 >> a[1] as u32) as i32),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::IntShr),
    ulp: 0,
    samples: &[(&[20.0, 2.0], 5.0), (&[-1.0, 24.0], 255.0)],
};

/// Shift left.
pub static INT_SHL: Scalar = Scalar {
    name: "int_shl",
    args: &["a", "n"],
    typing: Typing::Integer,
    doc: "A 32-bit integer shifted left by `n` places; `n` is constant.",
    eval: |a| f64::from((a[0] as i32) << a[1] as u32),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::IntShl),
    ulp: 0,
    samples: &[(&[5.0, 2.0], 20.0), (&[-1.0, 31.0], -2147483648.0)],
};

/// An integer as a float.
pub static INT_TO_FLOAT: Scalar = Scalar {
    name: "int_to_float",
    args: &["a"],
    typing: Typing::IntToFloat,
    doc: "A 32-bit integer as a float; exact below 2^24 in magnitude.",
    eval: |a| a[0],
    vjp: Vec::new,
    native: Native::Machine(MachineOp::IntToFloat),
    ulp: 0,
    samples: &[(&[16777215.0], 16777215.0), (&[-3.0], -3.0)],
};

/// Sine of great arguments.
pub static FAR_SIN: Scalar = Scalar {
    name: "far_sin",
    args: &["x", "near"],
    typing: Typing::Float,
    doc: "`near` where `x` is below 2^22 (f32) or 2^50 (f64) in magnitude, else the sine of `x`.",
    eval: |a| if a[0].abs() < far_limit(DType::F64) { a[1] } else { a[0].sin() },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::FarSin),
    ulp: 1,
    samples: &[(&[1.0, 0.25], 0.25), (&[f64::INFINITY, 0.25], f64::NAN)],
};

/// Cosine of great arguments.
pub static FAR_COS: Scalar = Scalar {
    name: "far_cos",
    args: &["x", "near"],
    typing: Typing::Float,
    doc: "`near` where `x` is below 2^22 (f32) or 2^50 (f64) in magnitude, else the cosine of `x`.",
    eval: |a| if a[0].abs() < far_limit(DType::F64) { a[1] } else { a[0].cos() },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::FarCos),
    ulp: 1,
    samples: &[(&[1.0, 0.25], 0.25), (&[f64::INFINITY, 0.25], f64::NAN)],
};

/// Tangent of great arguments.
pub static FAR_TAN: Scalar = Scalar {
    name: "far_tan",
    args: &["x", "near"],
    typing: Typing::Float,
    doc: "`near` where `x` is below 2^22 (f32) or 2^50 (f64) in magnitude, else the tangent of `x`.",
    eval: |a| if a[0].abs() < far_limit(DType::F64) { a[1] } else { a[0].tan() },
    vjp: Vec::new,
    native: Native::Machine(MachineOp::FarTan),
    ulp: 1,
    samples: &[(&[1.0, 0.25], 0.25), (&[f64::INFINITY, 0.25], f64::NAN)],
};

/// Order with NaN last.
pub static PRECEDES: Scalar = Scalar {
    name: "precedes",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is less than `b`, or is a number where `b` is NaN.",
    eval: |a| f64::from(a[0] < a[1] || !a[0].is_nan() && a[1].is_nan()),
    vjp: Vec::new,
    native: Native::Body(|_| or_only_second_is_nan(call(&LT, [x(0), x(1)]))),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 1.0), (&[1.0, f64::NAN], 1.0), (&[f64::NAN, 1.0], 0.0), (&[0.0, -0.0], 0.0)],
};

/// Order from the greatest down with NaN last.
pub static EXCEEDS: Scalar = Scalar {
    name: "exceeds",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is greater than `b`, or is a number where `b` is NaN.",
    eval: |a| f64::from(a[0] > a[1] || !a[0].is_nan() && a[1].is_nan()),
    vjp: Vec::new,
    native: Native::Body(|_| or_only_second_is_nan(call(&GT, [x(0), x(1)]))),
    ulp: 0,
    samples: &[(&[2.0, 1.0], 1.0), (&[1.0, f64::NAN], 1.0), (&[f64::NAN, f64::NAN], 0.0)],
};

fn or_only_second_is_nan(condition: Term) -> Term {
    let only_second = call(&AND, [call(&EQ, [x(0), x(0)]), call(&NE, [x(1), x(1)])]);
    call(&OR, [condition, only_second])
}
