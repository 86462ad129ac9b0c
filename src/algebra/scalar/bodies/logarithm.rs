//! Bodies of the logarithms.

use std::f64::consts::SQRT_2;

use super::exponential::exp_negative;
use super::*;

/// `x = f * 2^e` with `f` in `[sqrt(1/2), sqrt(2))`, for positive finite `x`: `(f, e)`.
pub(super) fn split(dtype: DType, t: &Term) -> (Term, Term) {
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
            -0.25000012,
            0.20002075,
            -0.16667853,
            0.14220184,
            -0.12408203,
            0.118866585,
            -0.11660839,
            0.06732117,
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
                0.3999999999940973,
                0.28571428743539734,
                0.2222219844897132,
                0.1818357110603111,
                0.15313868718204146,
                0.14797852326229516,
            ],
        );
    let half_square = t.clone() * t.clone() * c(0.5);
    fma(&s, &(half_square.clone() + series), &(e.clone() * c(ln2[1]))) - half_square
}

/// Natural logarithm.
pub(in super::super) fn log(dtype: DType) -> Term {
    let (f, e) = split(dtype, &x(0));
    let value = log_sum(dtype, &(f - c(1.0)), &e);
    // Infinity and NaN are their own logarithms; there is none below 0.
    let value = choose(less(&x(0), &c(f64::INFINITY)), &value, &x(0));
    let outside = choose(less(&x(0), &c(0.0)), &c(f64::NAN), &c(f64::NEG_INFINITY));
    choose(call(&LE, [x(0), c(0.0)]), &outside, &value)
}

/// `log(1 + t)` for finite `t > -1`.
fn log1p_of(dtype: DType, t: &Term) -> Term {
    let u = t.clone() + c(1.0);
    let f = call(&FRACTION, [u.clone()]);
    let high = less(&c(SQRT_2), &f);
    let e = call(&EXPONENT, [u]) + choose(high.clone(), &c(1.0), &c(0.0));
    // `(1 + t) * 2^-e - 1` in one rounding; where `t` is great the 1 does not matter.
    let great = less(&c(60.0), &e);
    let scale = exp2_int(&-choose(great.clone(), &c(0.0), &e));
    let near = fma(t, &scale, &(scale.clone() - c(1.0)));
    let far = choose(high, &(f.clone() * c(0.5)), &f) - c(1.0);
    log_sum(dtype, &choose(great, &far, &near), &e)
}

/// Logarithm of one more.
pub(in super::super) fn log1p(dtype: DType) -> Term {
    let value = keep_zero(log1p_of(dtype, &x(0)));
    let value = choose(less(&x(0), &c(f64::INFINITY)), &value, &x(0));
    let outside = choose(less(&x(0), &c(-1.0)), &c(f64::NAN), &c(f64::NEG_INFINITY));
    choose(call(&LE, [x(0), c(-1.0)]), &outside, &value)
}

/// `log(1 + t)` for `t` from 0 to 1.
fn log1p_unit(dtype: DType, t: &Term) -> Term {
    let high = less(&c(SQRT_2 - 1.0), t);
    let scale = choose(high.clone(), &c(0.5), &c(1.0));
    let e = choose(high, &c(1.0), &c(0.0));
    log_sum(dtype, &fma(t, &scale, &(scale.clone() - c(1.0))), &e)
}

/// Smooth positive part.
pub(in super::super) fn softplus(dtype: DType) -> Term {
    let e = exp_negative(precision(dtype), &-call(&ABS, [x(0)]));
    at_least(0.0, &x(0)) + log1p_unit(dtype, &e)
}
