//! Native bodies of the elementary functions: branch-free terms over machine operations.
//!
//! Polynomials are near-minimax fits made with 240-bit arithmetic (iteratively reweighted least
//! squares on Chebyshev nodes). Coefficients are rounded to the target type one after another from
//! the lowest, the remaining ones being fitted anew each time.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

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
    exp: &[1.0, 1.0, 0.5, 0.166664883, 0.04166555, 0.0083723366, 0.001403725],
};

static DOUBLE: Precision = Precision {
    ln2: [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10],
    exponents: [-1022.0, 1023.0],
    exp_range: [-746.0, 710.0],
    exp: &[
        1.0,
        1.0,
        0.5,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
        1.0 / 362880.0,
        1.0 / 3628800.0,
        1.0 / 39916800.0,
        1.0 / 479001600.0,
    ],
};

fn precision(dtype: DType) -> &'static Precision {
    if dtype == DType::F64 { &DOUBLE } else { &SINGLE }
}

/// `t = n ln 2 + r` with whole `n` and `|r| <= ln 2 / 2`.
fn reduce_exp(p: &Precision, t: &Term) -> (Term, Term) {
    let n = call(&ROUND, [t.clone() * c(LOG2_E)]);
    let r = fma(&n, &c(-p.ln2[0]), t);
    let r = fma(&n, &c(-p.ln2[1]), &r);
    (n, r)
}

/// `exp(t)` for any `t`.
fn exp_of(p: &Precision, t: &Term) -> Term {
    let t = at_least(p.exp_range[0], &at_most(p.exp_range[1], t));
    let (n, r) = reduce_exp(p, &t);
    // Two factors reach subnormal results and infinity; only the last product rounds.
    let inner = at_least(p.exponents[0], &at_most(p.exponents[1], &n));
    let outer = exp2_int(&(n - inner.clone()));
    polynomial(&r, p.exp) * outer * exp2_int(&inner)
}

/// Exponential.
pub(super) fn exp(dtype: DType) -> Term {
    exp_of(precision(dtype), &x(0))
}

/// `x = f * 2^e` with `f` in `[sqrt(1/2), sqrt(2))`, for positive finite `x`: `(f, e)`.
fn split(dtype: DType, t: &Term) -> (Term, Term) {
    let (smallest, scale): (f64, f64) =
        if dtype == DType::F64 { (f64::MIN_POSITIVE, 54.0) } else { (2f64.powi(-126), 25.0) };
    let tiny = less(t, &c(smallest));
    let normal = choose(tiny.clone(), &(t.clone() * c(scale.exp2())), t);
    let f = call(&FRACTION, [normal.clone()]);
    let e = call(&EXPONENT, [normal]) - choose(tiny, &c(scale), &c(0.0));
    let high = less(&c(SQRT_2), &f);
    (choose(high.clone(), &(f.clone() * c(0.5)), &f), choose(high, &(e.clone() + c(1.0)), &e))
}

/// `log(1 + t) + e * ln 2` for `1 + t` in `[sqrt(1/2), sqrt(2)]`.
fn log_sum(dtype: DType, t: &Term, e: &Term) -> Term {
    let ln2 = precision(dtype).ln2;
    let rest = if dtype == DType::F64 { log_rest_double(t, &ln2, e) } else { log_rest_single(t, &ln2, e) };
    fma(e, &c(ln2[0]), &(t.clone() + rest))
}

/// `log(1 + t) - t + e * low part of ln 2`.
fn log_rest_single(t: &Term, ln2: &[f64; 2], e: &Term) -> Term {
    // (log(1 + t) - t + t^2 / 2) / t^3, error relative to log(1 + t) below 2^-27.
    let cubic = polynomial(
        t,
        &[
            0.33333313,
            -0.25000167,
            0.20002224,
            -0.16659367,
            0.14209528,
            -0.12549575,
            0.12111479,
            -0.10933951,
            0.053654958,
        ],
    );
    let t2 = t.clone() * t.clone();
    let cubic = fma(e, &c(ln2[1]), &(cubic * t2.clone() * t.clone()));
    fma(&c(-0.5), &t2, &cubic)
}

/// The same, through `s = t / (2 + t)`: `log(1 + t) = 2 atanh(s)`.
fn log_rest_double(t: &Term, ln2: &[f64; 2], e: &Term) -> Term {
    let s = t.clone() / (c(2.0) + t.clone());
    let z = s.clone() * s.clone();
    // (2 atanh(s) - 2 s) / s^3 in s^2.
    let series = z.clone()
        * polynomial(
            &z,
            &[
                0.6666666666666735,
                0.3999999999940938,
                0.2857142874367709,
                0.2222219843018639,
                0.18183572281264965,
                0.1531383427096035,
                0.14798236190884204,
            ],
        );
    let half_square = t.clone() * t.clone() * c(0.5);
    fma(&s, &(half_square.clone() + series), &(e.clone() * c(ln2[1]))) - half_square
}

/// Natural logarithm.
pub(super) fn log(dtype: DType) -> Term {
    let (f, e) = split(dtype, &x(0));
    let value = log_sum(dtype, &(f - c(1.0)), &e);
    // Infinity and NaN are their own logarithms; there is none below 0.
    let value = choose(less(&x(0), &c(f64::INFINITY)), &value, &x(0));
    let outside = choose(less(&x(0), &c(0.0)), &c(f64::NAN), &c(f64::NEG_INFINITY));
    choose(call(&LE, [x(0), c(0.0)]), &outside, &value)
}

/// Hyperbolic tangent: with `e = exp(-2 |x|) - 1` it is `-e / (e + 2)`, but for the sign.
pub(super) fn tanh(dtype: DType) -> Term {
    let p = precision(dtype);
    let t = at_least(-50.0, &(call(&ABS, [x(0)]) * c(-2.0)));
    let (n, r) = reduce_exp(p, &t);
    let scale = exp2_int(&n);
    let e = fma(&scale, &(polynomial(&r, &p.exp[1..]) * r), &(scale.clone() - c(1.0)));
    call(&COPY_SIGN, [e.clone() / (e + c(2.0)), x(0)])
}
