//! Body of the power: `exp(b * log(a))` with the logarithm and the product in two parts each.

use super::exponential::{reduce_exp, scaled};
use super::logarithm::split;
use super::*;

/// A number as the unrounded sum of two, the second far smaller.
struct Pair(Term, Term);

/// `a + b` exactly, where `a` is 0 or at least as great as `b`.
fn sum(a: &Term, b: &Term) -> Pair {
    let high = a.clone() + b.clone();
    let low = b.clone() - (high.clone() - a.clone());
    Pair(high, low)
}

/// `a * b` exactly.
fn product(a: &Term, b: &Term) -> Pair {
    let high = a.clone() * b.clone();
    let low = fma(a, b, &-high.clone());
    Pair(high, low)
}

/// `a * b`, but for the product of the low parts.
fn times(a: &Pair, b: &Pair) -> Pair {
    let Pair(high, low) = product(&a.0, &b.0);
    Pair(high, fma(&a.0, &b.1, &fma(&a.1, &b.0, &low)))
}

/// `(2 atanh(s) / s - 2) / s^2 - 2/3` over `s^2`, in `s^2`, for `|s| <= 0.172`.
fn series(dtype: DType) -> &'static [f64] {
    match dtype {
        DType::F64 => &[
            0.39999999999999997,
            0.28571428571432916,
            0.22222222220438367,
            0.18181818523790713,
            0.15384579803938475,
            0.1333546309772809,
            0.11691595379678354,
            0.11853892436620002,
        ],
        _ => &[0.4, 0.28571433, 0.22208932, 0.19066893],
    }
}

/// The logarithm of a positive finite number: `e ln 2 + 2 atanh(s)` with `s = (f - 1) / (f + 1)`.
fn log(dtype: DType, t: &Term) -> Pair {
    let (f, e) = split(dtype, t);
    let s = ratio(&f);
    let z = times(&s, &s);
    let third = if dtype == DType::F64 { 2.0 / 3.0 } else { f64::from(2.0f32 / 3.0) };
    let rest = fma(&z.0, &polynomial(&z.0, series(dtype)), &c(third_low(dtype)));
    let factor = sum(&c(third), &rest);
    let cube = times(&times(&z, &Pair(s.0.clone(), s.1.clone())), &factor);
    let ln2 = precision(dtype).ln2;
    let main = sum(&(e.clone() * c(ln2[0])), &(s.0 * c(2.0)));
    let all = sum(&main.0, &cube.0);
    let low = fma(&e, &c(ln2[1]), &fma(&s.1, &c(2.0), &cube.1)) + main.1 + all.1;
    sum(&all.0, &low)
}

/// What `2/3` lacks when it is rounded.
fn third_low(dtype: DType) -> f64 {
    match dtype {
        // 2/3 = 0.5555... in base 16: the first 53 bits end in ...5555, what is lost is 2^-54 of 2/3.
        DType::F64 => 2.0 / 3.0 * (-54f64).exp2(),
        _ => 2.0 / 3.0 - f64::from(2.0f32 / 3.0),
    }
}

/// `(f - 1) / (f + 1)` for `f` around 1.
fn ratio(f: &Term) -> Pair {
    let above = f.clone() - c(1.0);
    let Pair(below, below_low) = sum(&c(1.0), f);
    let high = above.clone() / below.clone();
    let left = fma(&-high.clone(), &below, &above);
    let low = fma(&-high.clone(), &below_low, &left) / below;
    Pair(high, low)
}

/// Power.
pub(in super::super) fn pow(dtype: DType) -> Term {
    let size = call(&ABS, [x(0)]);
    let magnitude = magnitude(dtype, &size);
    let half = x(1) * c(0.5);
    let whole = call(&EQ, [call(&FLOOR, [x(1)]), x(1)]);
    let even = call(&EQ, [call(&FLOOR, [half.clone()]), half]);
    let odd = call(&AND, [whole.clone(), call(&NOT, [even])]);
    let signed = choose(odd, &call(&COPY_SIGN, [magnitude.clone(), x(0)]), &magnitude);
    // Below 0 there are whole powers only; minus infinity is beyond that.
    let inside = call(&AND, [less(&x(0), &c(0.0)), less(&size, &c(f64::INFINITY))]);
    let none = call(&AND, [inside, call(&NOT, [whole])]);
    let value = choose(none, &c(f64::NAN), &signed);
    choose(call(&OR, [call(&EQ, [x(1), c(0.0)]), call(&EQ, [x(0), c(1.0)])]), &c(1.0), &value)
}

/// Power with a known exponent, where that is shorter.
pub(in super::super) fn known_power(exponent: f64) -> Option<Term> {
    let square = x(0) * x(0);
    let inverse = c(1.0) / x(0);
    // `sqrt` but for -0 and minus infinity, whose powers are positive.
    let root = call(&SQRT, [x(0)]) + c(0.0);
    let root = choose(call(&EQ, [x(0), c(f64::NEG_INFINITY)]), &c(f64::INFINITY), &root);
    let powers = [
        (0.0, c(1.0)),
        (1.0, x(0)),
        (2.0, square.clone()),
        (3.0, square.clone() * x(0)),
        (4.0, square.clone() * square),
        (-1.0, inverse.clone()),
        (-2.0, inverse.clone() * inverse),
        (0.5, root.clone()),
        (-0.5, c(1.0) / root),
    ];
    powers.into_iter().find(|(known, _)| *known == exponent).map(|(_, term)| term)
}

/// `size` to the power `x1`, for `size` that is not negative.
fn magnitude(dtype: DType, size: &Term) -> Term {
    let p = precision(dtype);
    let Pair(log, log_low) = log(dtype, size);
    let log = choose(less(size, &c(f64::INFINITY)), &log, size);
    let log = choose(call(&EQ, [size.clone(), c(0.0)]), &c(f64::NEG_INFINITY), &log);
    // 1 to any power is 1, also to infinity.
    let exponent = choose(call(&EQ, [size.clone(), c(1.0)]), &c(0.0), &x(1));
    let main = exponent.clone() * log.clone();
    let low = fma(&exponent, &log_low, &fma(&exponent, &log, &-main.clone()));
    let t = at_least(p.exp_range[0], &at_most(p.exp_range[1], &main));
    // Beyond the range of `exp` the low part does not matter, and may not be a number.
    let low = choose(call(&EQ, [t.clone(), main]), &low, &c(0.0));
    let (n, r) = reduce_exp(p, &t);
    scaled(p, polynomial(&(r + low), p.exp), &n)
}
