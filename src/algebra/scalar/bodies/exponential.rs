//! Bodies of the exponential family.

use std::f64::consts::{LN_2, LOG2_E};

use super::*;

/// `t = n ln 2 + r` with whole `n` and `|r| <= ln 2 / 2`.
pub(super) fn reduce_exp(p: &Precision, t: &Term) -> (Term, Term) {
    let n = call(&ROUND, [t.clone() * c(LOG2_E)]);
    let r = fma(&n, &c(-p.ln2[0]), t);
    let r = fma(&n, &c(-p.ln2[1]), &r);
    (n, r)
}

/// `exp(t)` for any `t`.
fn exp_of(p: &Precision, t: &Term) -> Term {
    let t = at_least(p.exp_range[0], &at_most(p.exp_range[1], t));
    let (n, r) = reduce_exp(p, &t);
    scaled(p, polynomial(&r, p.exp), &n)
}

/// `exp(t)` for `t` that is not positive, which spares a few operations.
pub(super) fn exp_negative(p: &Precision, t: &Term) -> Term {
    let (n, r) = reduce_exp(p, &at_least(p.exp_range[0], t));
    let inner = at_least(p.exponents[0], &n);
    polynomial(&r, p.exp) * exp2_int(&(n - inner.clone())) * exp2_int(&inner)
}

/// `value * 2^n`, where `n` may be an exponent of subnormal numbers or of infinity.
pub(super) fn scaled(p: &Precision, value: Term, n: &Term) -> Term {
    // Of the two factors only the last makes the product round.
    let inner = at_least(p.exponents[0], &at_most(p.exponents[1], n));
    value * exp2_int(&(n.clone() - inner.clone())) * exp2_int(&inner)
}

/// Exponential.
pub(in super::super) fn exp(dtype: DType) -> Term {
    exp_of(precision(dtype), &x(0))
}

/// Hyperbolic tangent: with `e = exp(-2 |x|) - 1` it is `-e / (e + 2)`, but for the sign.
pub(in super::super) fn tanh(dtype: DType) -> Term {
    let p = precision(dtype);
    let t = at_least(-50.0, &(call(&ABS, [x(0)]) * c(-2.0)));
    let (n, r) = reduce_exp(p, &t);
    let scale = exp2_int(&n);
    let e = fma(&scale, &(polynomial(&r, &p.exp[1..]) * r), &(scale.clone() - c(1.0)));
    call(&COPY_SIGN, [e.clone() / (e + c(2.0)), x(0)])
}

/// Power of two.
pub(in super::super) fn exp2(dtype: DType) -> Term {
    let p = precision(dtype);
    let t = at_least(2.0 * p.exponents[0], &at_most(2.0 * p.exponents[1], &x(0)));
    let n = call(&ROUND, [t.clone()]);
    let r = (t - n.clone()) * c(LN_2);
    scaled(p, polynomial(&r, p.exp), &n)
}

/// `exp(t) - 1` for `t` from -60 to overflow.
fn expm1_of(p: &Precision, t: &Term) -> Term {
    let (n, r) = reduce_exp(p, t);
    // The last power of two overflows before its time: 2^n = 2^inner * (1 + n - inner).
    let inner = at_most(p.exponents[1], &n);
    let scale = exp2_int(&inner);
    let e = fma(&scale, &(polynomial(&r, &p.exp[1..]) * r), &(scale.clone() - c(1.0)));
    e * (n - inner + c(1.0))
}

/// Exponential less one.
pub(in super::super) fn expm1(dtype: DType) -> Term {
    let p = precision(dtype);
    let t = at_least(-60.0, &at_most(p.exp_range[1], &x(0)));
    keep_zero(expm1_of(p, &t))
}

/// Logistic function.
pub(in super::super) fn sigmoid(dtype: DType) -> Term {
    let e = exp_negative(precision(dtype), &-call(&ABS, [x(0)]));
    choose(less(&x(0), &c(0.0)), &e, &c(1.0)) / (c(1.0) + e)
}
