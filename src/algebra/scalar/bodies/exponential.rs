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

/// `exp(t)` for any `t`. What underflows to 0 is not computed: machines take a hundred times as long for a
/// result that is too small, and a softmax of masked scores has many.
fn exp_of(p: &Precision, t: &Term) -> Term {
    let none = less(t, &c(p.exp_range[0]));
    let some = choose(none.clone(), &c(0.0), &at_most(p.exp_range[1], t));
    let (n, r) = reduce_exp(p, &some);
    choose(none, &c(0.0), &scaled(p, polynomial(&r, p.exp), &n))
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

/// `exp(r) - 1` for `|r| <= ln 2 / 2`.
fn expm1_reduced(p: &Precision, r: &Term) -> Term {
    fma(&(r.clone() * r.clone()), &polynomial(r, &p.exp[2..]), r)
}

/// `(tanh(x) - x) / x^3` in `x^2`, for `|x| <= 0.65`, error relative to `tanh(x)`.
fn tanh_near(dtype: DType) -> &'static [f64] {
    match dtype {
        DType::F64 => &[
            -0.33333333333333287,
            0.1333333333332576,
            -0.053968253963934135,
            0.021869488412552637,
            -0.008863233454182802,
            0.0035921057823562505,
            -0.0014556745816758918,
            0.0005892388711278608,
            -0.00023643138378185276,
            9.055893515644722e-05,
            -2.9201311563711683e-05,
            5.6180293370055144e-06,
        ],
        _ => &[-0.33333263, 0.13330895, -0.05369243, 0.020481372, -0.0055263676],
    }
}

/// Hyperbolic tangent: a polynomial where it is small, else `1 - 2 w / (1 + w)` with
/// `w = exp(-2 |x|)`, which forgives errors of `w`.
pub(in super::super) fn tanh(dtype: DType) -> Term {
    let p = precision(dtype);
    let z = x(0) * x(0);
    let near = fma(&(polynomial(&z, tanh_near(dtype)) * z), &x(0), &x(0));
    let size = call(&ABS, [x(0)]);
    let (n, r) = reduce_exp(p, &at_least(-50.0, &(size.clone() * c(-2.0))));
    let w = polynomial(&r, p.exp) * exp2_int(&n);
    let far = fma(&c(-2.0), &(w.clone() / (w + c(1.0))), &c(1.0));
    choose(less(&c(0.65), &size), &call(&COPY_SIGN, [far, x(0)]), &near)
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
    let e = fma(&scale, &expm1_reduced(p, &r), &(scale.clone() - c(1.0)));
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
    let below = c(1.0) + e.clone();
    let ratio = choose(less(&x(0), &c(0.0)), &e, &c(1.0)) / below.clone();
    // What `1 + e` lost counts most where `e` is small.
    let lost = e - (below - c(1.0));
    fma(&-ratio.clone(), &lost, &ratio)
}
