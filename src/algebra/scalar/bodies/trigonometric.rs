//! Bodies of sine, cosine and tangent.
//!
//! The argument is reduced by multiples of half pi in three parts, with fused products, in two
//! rounds; the first product is exact while the multiple is: below [`far_limit`]. From there on the value
//! is that of `libm`, by an operation that code branches for. The tangent has one more rounding than the
//! others: 3 ulp.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use super::*;

/// What differs between single and double precision.
struct Trig {
    /// Half pi in three parts.
    half_pi: [f64; 3],
    /// `(sin(r) - r) / r^3` in `r^2`, error relative to `sin(r)`.
    sin: &'static [f64],
    /// `(cos(r) - 1 + r^2 / 2) / r^4` in `r^2`, error relative to `cos(r)`.
    cos: &'static [f64],
    /// `(tan(r) - r) / r^3` in `r^2`, error relative to `tan(r)`.
    tan: &'static [f64],
}

/// Fitted on `|r| <= 1.01 pi / 4`.
static SINGLE: Trig = Trig {
    half_pi: [1.5707963705062866, -4.371138828673793e-8, -1.7151245100058819e-15],
    sin: &[-0.16666654, 0.008332109, -0.00019508397],
    cos: &[0.041666646, -0.0013887301, 2.4430672e-05],
    tan: &[0.33333352, 0.13332587, 0.05406777, 0.02124455, 0.010927524, -2.0816487e-05, 0.004428333],
};

static DOUBLE: Trig = Trig {
    half_pi: [FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591833e-33],
    sin: &[
        -0.16666666666666666,
        0.008333333333333044,
        -0.0001984126984096677,
        2.7557319077439096e-06,
        -2.5052072131966457e-08,
        1.6054502795749e-10,
        -7.400665466793332e-13,
    ],
    cos: &[
        0.041666666666666664,
        -0.0013888888888888386,
        2.4801587301178947e-05,
        -2.7557319060365307e-07,
        2.0876722106788405e-09,
        -1.14668958008655e-11,
        4.5953322955933886e-14,
    ],
    tan: &[
        0.33333333333332693,
        0.13333333333425545,
        0.053968253921735335,
        0.021869489721370934,
        0.008863217652981188,
        0.003592302145137755,
        0.001454681645830073,
        0.0005953744256733711,
        0.0002214967082180036,
        0.00013828940367882557,
        -2.8802148535141116e-05,
        9.161402614304828e-05,
        -4.6014502285935484e-05,
        2.113050961223052e-05,
    ],
};

fn trig(dtype: DType) -> &'static Trig {
    if dtype == DType::F64 { &DOUBLE } else { &SINGLE }
}

/// `x = n half_pi + r` with `|r| <= pi / 4`: `(n, r)`.
fn reduce(trig: &Trig) -> (Term, Term) {
    let [first, second, third] = trig.half_pi.map(|part| c(-part));
    let multiple = |t: &Term| call(&ROUND, [t.clone() * c(FRAC_2_PI)]);
    // Where the multiple is great it may be off by one; the second round mends that.
    let n = multiple(&x(0));
    let r = fma(&n, &first, &x(0));
    let step = multiple(&fma(&n, &second, &r));
    let r = fma(&step, &first, &r);
    let n = n + step;
    let r = fma(&n, &third, &fma(&n, &second, &r));
    (n, r)
}

/// `r + r * z * polynomial(z)` with `z = r^2`: a sine or a tangent.
fn odd_function(r: &Term, coefficients: &[f64]) -> Term {
    let z = r.clone() * r.clone();
    fma(&(polynomial(&z, coefficients) * z), r, r)
}

fn cosine(r: &Term, coefficients: &[f64]) -> Term {
    let z = r.clone() * r.clone();
    fma(&z, &fma(&z, &polynomial(&z, coefficients), &c(-0.5)), &c(1.0))
}

/// Whether a whole number is odd, and its half rounded down.
fn odd(n: &Term) -> (Term, Term) {
    let half = n.clone() * c(0.5);
    let floor = call(&FLOOR, [half.clone()]);
    (call(&NE, [half, floor.clone()]), floor)
}

/// The sine of the argument and `quarters` right angles more.
fn sine(trig: &Trig, quarters: f64, far: &'static Scalar) -> Term {
    let (n, r) = reduce(trig);
    let n = if quarters == 0.0 { n } else { n + c(quarters) };
    let (swapped, half) = odd(&n);
    let value = choose(swapped, &cosine(&r, trig.cos), &odd_function(&r, trig.sin));
    let value = choose(odd(&half).0, &-value.clone(), &value);
    call(far, [x(0), if quarters == 0.0 { keep_zero(value) } else { value }])
}

/// Sine.
pub(in super::super) fn sin(dtype: DType) -> Term {
    sine(trig(dtype), 0.0, &FAR_SIN)
}

/// Cosine: the sine one right angle further.
pub(in super::super) fn cos(dtype: DType) -> Term {
    sine(trig(dtype), 1.0, &FAR_COS)
}

/// Tangent: one right angle further it is `-1 / tan`.
pub(in super::super) fn tan(dtype: DType) -> Term {
    let trig = trig(dtype);
    let (n, r) = reduce(trig);
    let value = odd_function(&r, trig.tan);
    call(&FAR_TAN, [x(0), keep_zero(choose(odd(&n).0, &(c(-1.0) / value.clone()), &value))])
}
