//! Terms: small open expressions over scalars.
//!
//! A rule that is a term is data: the same derivative is spliced into graphs, evaluated against
//! finite differences, lowered to native code and printed in the manual.

use std::fmt;
use std::ops;
use std::rc::Rc;

use super::scalar::{self, Scalar};

/// A scalar expression with holes. Cloning shares; lowering visits a shared subterm once.
#[derive(Clone, Debug)]
pub struct Term(pub Rc<Node>);

/// The top of a term.
#[derive(Debug)]
pub enum Node {
    /// The `k`-th argument (of a scalar row), or the `k`-th read (of a form).
    X(usize),
    /// In a derivative: the gradient that comes in.
    G,
    /// In a derivative: the row's own result.
    Y,
    /// The position along loop axis `k` (forms only), an integer.
    Axis(usize),
    /// A number, in the type of its context.
    Const(f64),
    /// A scalar function of subterms.
    Call(&'static Scalar, Vec<Term>),
}

/// Hole `k`.
pub fn x(k: usize) -> Term {
    Term(Rc::new(Node::X(k)))
}

/// The incoming gradient.
pub fn g() -> Term {
    Term(Rc::new(Node::G))
}

/// The row's own result.
pub fn y() -> Term {
    Term(Rc::new(Node::Y))
}

/// Position along loop axis `k`.
pub fn axis(k: usize) -> Term {
    Term(Rc::new(Node::Axis(k)))
}

/// A number.
pub fn c(value: f64) -> Term {
    Term(Rc::new(Node::Const(value)))
}

/// `f(args...)`.
pub fn call(f: &'static Scalar, args: impl Into<Vec<Term>>) -> Term {
    Term(Rc::new(Node::Call(f, args.into())))
}

impl Term {
    /// The value with holes `xs`, incoming gradient `g`, own result `y` and loop positions `axes`.
    pub fn eval(&self, xs: &[f64], g: f64, y: f64, axes: &[usize]) -> f64 {
        match &*self.0 {
            Node::X(k) => xs[*k],
            Node::G => g,
            Node::Y => y,
            Node::Axis(k) => axes[*k] as f64,
            Node::Const(value) => *value,
            Node::Call(f, args) => {
                let args: Vec<f64> = args.iter().map(|arg| arg.eval(xs, g, y, axes)).collect();
                (f.eval)(&args)
            }
        }
    }
}

impl fmt::Display for Term {
    /// As calls: `mul(g, sub(1, mul(y, y)))`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Node::X(k) => write!(f, "x{k}"),
            Node::G => f.write_str("g"),
            Node::Y => f.write_str("y"),
            Node::Axis(k) => write!(f, "i{k}"),
            Node::Const(value) => write!(f, "{value}"),
            Node::Call(scalar, args) => {
                let args: Vec<String> = args.iter().map(Term::to_string).collect();
                write!(f, "{}({})", scalar.name, args.join(", "))
            }
        }
    }
}

impl ops::Add for Term {
    type Output = Term;
    fn add(self, other: Term) -> Term {
        call(&scalar::ADD, [self, other])
    }
}

impl ops::Sub for Term {
    type Output = Term;
    fn sub(self, other: Term) -> Term {
        call(&scalar::SUB, [self, other])
    }
}

impl ops::Mul for Term {
    type Output = Term;
    fn mul(self, other: Term) -> Term {
        call(&scalar::MUL, [self, other])
    }
}

impl ops::Div for Term {
    type Output = Term;
    fn div(self, other: Term) -> Term {
        call(&scalar::DIV, [self, other])
    }
}

impl ops::Neg for Term {
    type Output = Term;
    fn neg(self) -> Term {
        call(&scalar::NEG, [self])
    }
}
