//! Native bodies of the elementary functions: branch-free terms over machine operations.
//!
//! Polynomials are near-minimax fits made with 240-bit arithmetic (iteratively reweighted least
//! squares on Chebyshev nodes). Intervals, weights and
//! errors stand at each. Coefficients are rounded to the target type one after another from
//! the lowest, the remaining ones being fitted anew each time.

mod erf;
mod exponential;
mod logarithm;
mod pow;
mod trigonometric;

use std::f64::consts::LN_2;

pub(super) use erf::erf;
pub(super) use exponential::{exp, exp2, expm1, sigmoid, tanh};
pub(super) use logarithm::{log, log1p, softplus};
pub(super) use pow::{known_power, pow};
pub(super) use trigonometric::{cos, sin, tan};

use super::*;
use crate::algebra::term::{Term, c, call, x};

/// `a * b + c` in one rounding.
fn fma(a: &Term, b: &Term, addend: &Term) -> Term {
    call(&FMA, [a.clone(), b.clone(), addend.clone()])
}

/// `coefficients[0] + coefficients[1] * t + ...` by Horner's rule.
fn polynomial(t: &Term, coefficients: &[f64]) -> Term {
    let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    rest.iter().rev().fold(c(*last), |sum, coefficient| fma(&sum, t, &c(*coefficient)))
}

/// `if condition { a } else { b }`.
fn choose(condition: Term, a: &Term, b: &Term) -> Term {
    call(&SELECT, [condition, a.clone(), b.clone()])
}

/// `a < b`.
fn less(a: &Term, b: &Term) -> Term {
    call(&LT, [a.clone(), b.clone()])
}

/// At least `low`; keeps NaN.
fn at_least(low: f64, t: &Term) -> Term {
    call(&GREATER, [c(low), t.clone()])
}

/// At most `high`; keeps NaN.
fn at_most(high: f64, t: &Term) -> Term {
    call(&LESSER, [c(high), t.clone()])
}

/// `2^n`, see [`EXP2_INT`].
fn exp2_int(n: &Term) -> Term {
    call(&EXP2_INT, [n.clone()])
}

/// What differs between single and double precision.
struct Precision {
    /// `ln 2` in two parts: the first has zeros at its end, so that products with exponents are exact.
    ln2: [f64; 2],
    /// Exponents of normal numbers.
    exponents: [f64; 2],
    /// Where `exp` has long overflowed to infinity or underflowed to 0, but not by more than a factor
    /// of two normal powers of two.
    exp_range: [f64; 2],
    /// `exp(r)` for `|r| <= ln 2 / 2`, error relative to `exp(r)`.
    exp: &'static [f64],
}

static SINGLE: Precision = Precision {
    ln2: [0.693359375, LN_2 - 0.693359375],
    exponents: [-126.0, 127.0],
    exp_range: [-104.0, 89.0],
    exp: &[1.0, 1.0, 0.49999994, 0.16666521, 0.041668266, 0.008368677, 0.0013820748],
};

static DOUBLE: Precision = Precision {
    ln2: [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    exponents: [-1022.0, 1023.0],
    exp_range: [-746.0, 710.0],
    exp: &[
        1.0,
        1.0,
        0.5000000000000011,
        0.1666666666666644,
        0.04166666666652697,
        0.008333333333478254,
        0.0013888888944360578,
        0.0001984126953894798,
        2.4801492405893016e-05,
        2.7557559091343966e-06,
        2.763048111560558e-07,
        2.5008339161439712e-08,
    ],
};

fn precision(dtype: DType) -> &'static Precision {
    if dtype == DType::F64 { &DOUBLE } else { &SINGLE }
}

/// The argument itself where it is 0, so that -0 stays -0.
fn keep_zero(value: Term) -> Term {
    choose(call(&EQ, [x(0), c(0.0)]), &x(0), &value)
}
