//! Elementary functions. Their bodies are in `bodies`.

use std::f64::consts::{FRAC_2_SQRT_PI, LN_2};

use super::{AND, EQ, GT, Implementation, SELECT, Scalar, Typing, bodies};
use crate::algebra::term::{c, call, g, x, y};

/// Exponential.
pub static EXP: Scalar = Scalar {
    name: "exp",
    args: &["x"],
    typing: Typing::Float,
    doc: "e to the power `x`.",
    eval: |a| a[0].exp(),
    vjp: || vec![Some(g() * y())],
    native: Implementation::Body(bodies::exp),
    ulp: 2,
    samples: &[(&[0.0], 1.0), (&[1.0], std::f64::consts::E), (&[f64::NEG_INFINITY], 0.0)],
};

/// Natural logarithm.
pub static LOG: Scalar = Scalar {
    name: "log",
    args: &["x"],
    typing: Typing::Float,
    doc: "Natural logarithm; minus infinity at 0, NaN below.",
    eval: |a| a[0].ln(),
    vjp: || vec![Some(g() / x(0))],
    native: Implementation::Body(bodies::log),
    ulp: 2,
    samples: &[(&[1.0], 0.0), (&[2.0], std::f64::consts::LN_2), (&[0.0], f64::NEG_INFINITY)],
};

/// Hyperbolic tangent.
pub static TANH: Scalar = Scalar {
    name: "tanh",
    args: &["x"],
    typing: Typing::Float,
    doc: "Hyperbolic tangent, between -1 and 1.",
    eval: |a| tanh(a[0]),
    vjp: || vec![Some(g() * (c(1.0) - y() * y()))],
    native: Implementation::Body(bodies::tanh),
    ulp: 2,
    samples: &[(&[0.0], 0.0), (&[0.5], 0.462_117_157_260_009_8), (&[-20.0], -1.0)],
};

/// Power of two.
pub static EXP2: Scalar = Scalar {
    name: "exp2",
    args: &["x"],
    typing: Typing::Float,
    doc: "2 to the power `x`.",
    eval: |a| a[0].exp2(),
    vjp: || vec![Some(g() * y() * c(LN_2))],
    native: Implementation::Body(bodies::exp2),
    ulp: 2,
    samples: &[(&[3.0], 8.0), (&[-1.0], 0.5), (&[0.5], std::f64::consts::SQRT_2)],
};

/// Exponential less one.
pub static EXPM1: Scalar = Scalar {
    name: "expm1",
    args: &["x"],
    typing: Typing::Float,
    doc: "`exp(x) - 1`, accurate near 0.",
    eval: |a| a[0].exp_m1(),
    vjp: || vec![Some(g() * (y() + c(1.0)))],
    native: Implementation::Body(bodies::expm1),
    ulp: 2,
    samples: &[(&[0.0], 0.0), (&[1e-20], 1e-20), (&[1.0], 1.718_281_828_459_045)],
};

/// Logarithm of one more.
pub static LOG1P: Scalar = Scalar {
    name: "log1p",
    args: &["x"],
    typing: Typing::Float,
    doc: "`log(1 + x)`, accurate near 0; minus infinity at -1, NaN below.",
    eval: |a| a[0].ln_1p(),
    vjp: || vec![Some(g() / (c(1.0) + x(0)))],
    native: Implementation::Body(bodies::log1p),
    ulp: 2,
    samples: &[(&[0.0], 0.0), (&[1e-20], 1e-20), (&[-1.0], f64::NEG_INFINITY)],
};

/// Sine.
pub static SIN: Scalar = Scalar {
    name: "sin",
    args: &["x"],
    typing: Typing::Float,
    doc: "Sine. NaN at infinities.",
    eval: |a| a[0].sin(),
    vjp: || vec![Some(g() * call(&COS, [x(0)]))],
    native: Implementation::Body(bodies::sin),
    ulp: 3,
    samples: &[(&[0.0], 0.0), (&[1.0], 0.841_470_984_807_896_5)],
};

/// Cosine.
pub static COS: Scalar = Scalar {
    name: "cos",
    args: &["x"],
    typing: Typing::Float,
    doc: "Cosine. NaN at infinities.",
    eval: |a| a[0].cos(),
    vjp: || vec![Some(-(g() * call(&SIN, [x(0)])))],
    native: Implementation::Body(bodies::cos),
    ulp: 3,
    samples: &[(&[0.0], 1.0), (&[1.0], 0.540_302_305_868_139_8)],
};

/// Tangent.
pub static TAN: Scalar = Scalar {
    name: "tan",
    args: &["x"],
    typing: Typing::Float,
    doc: "Tangent. NaN at infinities.",
    eval: |a| a[0].tan(),
    vjp: || vec![Some(g() * (c(1.0) + y() * y()))],
    native: Implementation::Body(bodies::tan),
    ulp: 4,
    samples: &[(&[0.0], 0.0), (&[0.5], 0.546_302_489_843_790_5)],
};

/// Logistic function.
pub static SIGMOID: Scalar = Scalar {
    name: "sigmoid",
    args: &["x"],
    typing: Typing::Float,
    doc: "Logistic function `1 / (1 + exp(-x))`, between 0 and 1.",
    eval: |a| sigmoid(a[0]),
    vjp: || vec![Some(g() * y() * (c(1.0) - y()))],
    native: Implementation::Body(bodies::sigmoid),
    ulp: 2,
    samples: &[(&[0.0], 0.5), (&[1.0], 0.731_058_578_630_004_9), (&[-800.0], 0.0)],
};

/// Smooth positive part.
pub static SOFTPLUS: Scalar = Scalar {
    name: "softplus",
    args: &["x"],
    typing: Typing::Float,
    doc: "`log(1 + exp(x))` without overflow: a smooth `max(x, 0)`.",
    eval: |a| a[0].max(0.0) + (-a[0].abs()).exp().ln_1p(),
    vjp: || vec![Some(g() * call(&SIGMOID, [x(0)]))],
    native: Implementation::Body(bodies::softplus),
    ulp: 2,
    samples: &[(&[0.0], LN_2), (&[800.0], 800.0), (&[-800.0], 0.0)],
};

/// Error function.
pub static ERF: Scalar = Scalar {
    name: "erf",
    args: &["x"],
    typing: Typing::Float,
    doc: "Error function, between -1 and 1.",
    eval: |a| libm::erf(a[0]),
    vjp: || vec![Some(g() * c(FRAC_2_SQRT_PI) * call(&EXP, [-(x(0) * x(0))]))],
    native: Implementation::Body(bodies::erf),
    ulp: 2,
    samples: &[(&[0.0], 0.0), (&[0.5], 0.520_499_877_813_046_5), (&[-7.0], -1.0)],
};

/// Within one unit in the last place, which the platform's own is not.
fn tanh(x: f64) -> f64 {
    if x.abs() > 0.65 {
        return (1.0 - 2.0 / ((2.0 * x.abs()).exp() + 1.0)).copysign(x);
    }
    // Lambert's continued fraction, from where the next step no longer counts.
    let fraction = (0..12).rev().fold(25.0, |below, k| f64::from(2 * k + 1) + x * x / below);
    x / fraction
}

/// `1 / (1 + exp(-x))` without overflow on the way.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// Power.
pub static POW: Scalar = Scalar {
    name: "pow",
    args: &["a", "b"],
    typing: Typing::Float,
    doc: "`a` to the power `b`, as C's `pow`: NaN where `a < 0` and `b` is not whole; 1 where `b` is 0. The \
          derivative by `b` is 0 where `a <= 0`, that by `a` is 0 where `b` is 0.",
    eval: |a| if a[1] == 0.0 { 1.0 } else { a[0].powf(a[1]) },
    vjp: || {
        let positive = call(&GT, [x(0), c(0.0)]);
        let log = call(&LOG, [call(&SELECT, [positive.clone(), x(0), c(1.0)])]);
        let slope = x(1) * call(&POW, [x(0), x(1) - c(1.0)]);
        // Only 0 to the power 0 needs help: elsewhere the slope is 0 where `b` is, and moves with `b`.
        let both = call(&AND, [call(&EQ, [x(0), c(0.0)]), call(&EQ, [x(1), c(0.0)])]);
        let to_a = call(&SELECT, [both, c(0.0), slope]);
        let to_b = call(&SELECT, [positive, y() * log, c(0.0)]);
        vec![Some(g() * to_a), Some(g() * to_b)]
    },
    native: Implementation::Body(bodies::pow),
    ulp: 2,
    samples: &[(&[2.0, 10.0], 1024.0), (&[-2.0, 3.0], -8.0), (&[0.0, 0.0], 1.0), (&[-1.0, 0.5], f64::NAN)],
};
