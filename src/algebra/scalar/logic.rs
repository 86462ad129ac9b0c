//! Comparisons, logic and choice.

use super::machine::MachineOp;
use super::{Native, Scalar, Typing};
use crate::algebra::term::{c, call, g, x};

/// `a < b`.
pub static LT: Scalar = Scalar {
    name: "lt",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is less than `b`; false where either is NaN.",
    eval: |a| f64::from(a[0] < a[1]),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Lt),
    ulp: 0,
    samples: &[(&[1.0, 2.0], 1.0), (&[2.0, 2.0], 0.0), (&[f64::NAN, 2.0], 0.0)],
};

/// `a <= b`.
pub static LE: Scalar = Scalar {
    name: "le",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is at most `b`; false where either is NaN.",
    eval: |a| f64::from(a[0] <= a[1]),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Le),
    ulp: 0,
    samples: &[(&[2.0, 2.0], 1.0), (&[3.0, 2.0], 0.0), (&[f64::NAN, 2.0], 0.0)],
};

/// `a == b`.
pub static EQ: Scalar = Scalar {
    name: "eq",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether two values are equal; false where either is NaN.",
    eval: |a| f64::from(a[0] == a[1]),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Eq),
    ulp: 0,
    samples: &[(&[2.0, 2.0], 1.0), (&[0.0, -0.0], 1.0), (&[f64::NAN, f64::NAN], 0.0)],
};

/// `a != b`.
pub static NE: Scalar = Scalar {
    name: "ne",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether two values differ; true where either is NaN.",
    eval: |a| f64::from(a[0] != a[1]),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Ne),
    ulp: 0,
    samples: &[(&[2.0, 2.0], 0.0), (&[1.0, 2.0], 1.0), (&[f64::NAN, f64::NAN], 1.0)],
};

/// `a > b`.
pub static GT: Scalar = Scalar {
    name: "gt",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is greater than `b`; false where either is NaN.",
    eval: |a| f64::from(a[0] > a[1]),
    vjp: Vec::new,
    native: Native::Body(|_| call(&LT, [x(1), x(0)])),
    ulp: 0,
    samples: &[(&[2.0, 1.0], 1.0), (&[2.0, 2.0], 0.0), (&[f64::NAN, 2.0], 0.0)],
};

/// `a >= b`.
pub static GE: Scalar = Scalar {
    name: "ge",
    args: &["a", "b"],
    typing: Typing::Compare,
    doc: "Whether `a` is at least `b`; false where either is NaN.",
    eval: |a| f64::from(a[0] >= a[1]),
    vjp: Vec::new,
    native: Native::Body(|_| call(&LE, [x(1), x(0)])),
    ulp: 0,
    samples: &[(&[2.0, 2.0], 1.0), (&[1.0, 2.0], 0.0), (&[f64::NAN, 2.0], 0.0)],
};

/// `a and b`.
pub static AND: Scalar = Scalar {
    name: "and",
    args: &["a", "b"],
    typing: Typing::Logic,
    doc: "Whether both are true.",
    eval: |a| f64::from(a[0] != 0.0 && a[1] != 0.0),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::And),
    ulp: 0,
    samples: &[(&[1.0, 1.0], 1.0), (&[1.0, 0.0], 0.0), (&[0.0, 0.0], 0.0)],
};

/// `a or b`.
pub static OR: Scalar = Scalar {
    name: "or",
    args: &["a", "b"],
    typing: Typing::Logic,
    doc: "Whether at least one is true.",
    eval: |a| f64::from(a[0] != 0.0 || a[1] != 0.0),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Or),
    ulp: 0,
    samples: &[(&[1.0, 1.0], 1.0), (&[1.0, 0.0], 1.0), (&[0.0, 0.0], 0.0)],
};

/// `not a`.
pub static NOT: Scalar = Scalar {
    name: "not",
    args: &["a"],
    typing: Typing::Logic,
    doc: "Whether it is false.",
    eval: |a| f64::from(a[0] == 0.0),
    vjp: Vec::new,
    native: Native::Machine(MachineOp::Not),
    ulp: 0,
    samples: &[(&[1.0], 0.0), (&[0.0], 1.0)],
};

/// `where(c, a, b)`. The derivative of the branch not taken is exactly zero, NaN or not.
pub static SELECT: Scalar = Scalar {
    name: "select",
    args: &["condition", "a", "b"],
    typing: Typing::Select,
    doc: "`a` where the condition is true, else `b`. Both are computed; the one not chosen has derivative zero.",
    eval: |a| if a[0] != 0.0 { a[1] } else { a[2] },
    vjp: || {
        let to_a = call(&SELECT, [x(0), g(), c(0.0)]);
        let to_b = call(&SELECT, [x(0), c(0.0), g()]);
        vec![None, Some(to_a), Some(to_b)]
    },
    native: Native::Machine(MachineOp::Select),
    ulp: 0,
    samples: &[(&[1.0, 2.0, 3.0], 2.0), (&[0.0, 2.0, 3.0], 3.0), (&[1.0, 2.0, f64::NAN], 2.0)],
};
