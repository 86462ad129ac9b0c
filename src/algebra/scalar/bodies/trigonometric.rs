//! Bodies of sine, cosine and tangent.
//!
//! The argument is reduced by multiples of half pi in three parts, with fused products, in two
//! rounds; the first product is exact while the multiple is. So the bound of 2 ulp holds up to
//! [`Trig::limit`]; from there on the result is NaN rather than noise.

use std::f64::consts::FRAC_2_PI;

use super::*;

/// What differs between single and double precision.
struct Trig {
    /// Half pi in three parts.
    half_pi: [f64; 3],
    /// No multiple is exact from here on.
    limit: f64,
    /// `(sin(r) - r) / r^3` in `r^2`, error relative to `sin(r)`.
    sin: &'static [f64],
    /// `(cos(r) - 1 + r^2 / 2) / r^4` in `r^2`, error relative to `cos(r)`.
    cos: &'static [f64],
}

/// Fitted on `|r| <= 1.01 pi / 4`.
static SINGLE: Trig = Trig {
    half_pi: [1.5707963705062866, -4.371138828673793e-8, -1.7151245100058819e-15],
    limit: 4_194_304.0,
    sin: &[-0.16666654, 0.008332109, -0.00019508397],
    cos: &[0.041666646, -0.0013887301, 2.4430672e-05],
};

static DOUBLE: Trig = Trig {
    half_pi: [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33],
    limit: 1_125_899_906_842_624.0,
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
};

/// A reduced argument: `x = n half_pi + r`.
struct Reduced {
    n: Term,
    sin: Term,
    cos: Term,
}

fn reduce(dtype: DType) -> (Reduced, Term) {
    let trig = if dtype == DType::F64 { &DOUBLE } else { &SINGLE };
    let [first, second, third] = trig.half_pi.map(|part| c(-part));
    let multiple = |t: &Term| call(&ROUND, [t.clone() * c(FRAC_2_PI)]);
    // Where the multiple is great it may be off by one; the second round mends that.
    let n = multiple(&x(0));
    let r = fma(&n, &first, &x(0));
    let step = multiple(&r);
    let r = fma(&step, &first, &r);
    let n = n + step;
    let r = fma(&n, &third, &fma(&n, &second, &r));
    let r = keep_zero(r);
    let z = r.clone() * r.clone();
    let sin = fma(&(polynomial(&z, trig.sin) * z.clone()), &r, &r);
    let cos = fma(&z, &fma(&z, &polynomial(&z, trig.cos), &c(-0.5)), &c(1.0));
    (Reduced { n, sin, cos }, less(&call(&ABS, [x(0)]), &c(trig.limit)))
}

/// Whether a whole number is odd, and its half rounded down.
fn odd(n: &Term) -> (Term, Term) {
    let half = n.clone() * c(0.5);
    let floor = call(&FLOOR, [half.clone()]);
    (call(&NE, [half, floor.clone()]), floor)
}

/// The sine of `r` and `quadrant` right angles.
fn sine(reduced: &Reduced, quadrant: &Term) -> Term {
    let (swapped, half) = odd(quadrant);
    let value = choose(swapped, &reduced.cos, &reduced.sin);
    choose(odd(&half).0, &-value.clone(), &value)
}

/// Sine.
pub(in super::super) fn sin(dtype: DType) -> Term {
    let (reduced, inside) = reduce(dtype);
    choose(inside, &sine(&reduced, &reduced.n), &c(f64::NAN))
}

/// Cosine: the sine one right angle further.
pub(in super::super) fn cos(dtype: DType) -> Term {
    let (reduced, inside) = reduce(dtype);
    choose(inside, &sine(&reduced, &(reduced.n.clone() + c(1.0))), &c(f64::NAN))
}

/// Tangent.
pub(in super::super) fn tan(dtype: DType) -> Term {
    let (Reduced { n, sin, cos }, inside) = reduce(dtype);
    let swapped = odd(&n).0;
    let above = choose(swapped.clone(), &-cos.clone(), &sin);
    choose(inside, &(above / choose(swapped, &sin, &cos)), &c(f64::NAN))
}
