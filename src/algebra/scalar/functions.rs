//! Elementary functions. Their bodies are in `bodies`.

use super::{Native, Scalar, Typing, bodies};
use crate::algebra::term::{c, g, x, y};

/// Exponential.
pub static EXP: Scalar = Scalar {
    name: "exp",
    args: &["x"],
    typing: Typing::Float,
    doc: "e to the power `x`.",
    eval: |a| a[0].exp(),
    vjp: || vec![Some(g() * y())],
    native: Native::Body(bodies::exp),
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
    native: Native::Body(bodies::log),
    ulp: 2,
    samples: &[(&[1.0], 0.0), (&[2.0], std::f64::consts::LN_2), (&[0.0], f64::NEG_INFINITY)],
};

/// Hyperbolic tangent.
pub static TANH: Scalar = Scalar {
    name: "tanh",
    args: &["x"],
    typing: Typing::Float,
    doc: "Hyperbolic tangent, between -1 and 1.",
    eval: |a| a[0].tanh(),
    vjp: || vec![Some(g() * (c(1.0) - y() * y()))],
    native: Native::Body(bodies::tanh),
    ulp: 2,
    samples: &[(&[0.0], 0.0), (&[0.5], 0.462_117_157_260_009_8), (&[-20.0], -1.0)],
};
