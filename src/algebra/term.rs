//! Terms: small open expressions over scalars.
//!
//! A rule that is a term is data: the same derivative is spliced into graphs, evaluated against
//! finite differences, lowered to native code and printed in the manual.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops;
use std::rc::Rc;

use super::scalar::{self, Scalar, Typing};
use super::types::DType;
use crate::print::number;

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

/// The type that a call is at, as [`Typing`] means it, where `want` is the type of its result: operands that are
/// compared have their own, and numbers alone are compared in double precision.
pub fn call_dtype(
    f: &'static Scalar,
    args: &[Term],
    want: DType,
    of: &dyn Fn(&Node) -> Option<DType>,
) -> DType {
    match f.typing {
        Typing::Compare => args.iter().find_map(|arg| arg.dtype(of)).unwrap_or(DType::F64),
        _ => want,
    }
}

impl Term {
    /// Tells shared subterms: equal for clones of one term.
    pub fn key(&self) -> *const Node {
        Rc::as_ptr(&self.0)
    }

    /// The value with holes `xs`, incoming gradient `g`, own result `y` and loop positions `axes`.
    pub fn eval(&self, xs: &[f64], g: f64, y: f64, axes: &[usize]) -> f64 {
        self.eval_shared(&Holes { xs, g, y, axes }, &mut BTreeMap::new())
    }

    /// Computes a shared subterm once.
    fn eval_shared(&self, holes: &Holes, done: &mut BTreeMap<*const Node, f64>) -> f64 {
        match &*self.0 {
            Node::X(k) => holes.xs[*k],
            Node::G => holes.g,
            Node::Y => holes.y,
            Node::Axis(k) => holes.axes[*k] as f64,
            Node::Const(value) => *value,
            Node::Call(f, args) => {
                if let Some(value) = done.get(&self.key()) {
                    return *value;
                }
                let args: Vec<f64> = args.iter().map(|arg| arg.eval_shared(holes, done)).collect();
                let value = (f.eval)(&args);
                done.insert(self.key(), value);
                value
            }
        }
    }

    /// The element type of a term, given what is known of its holes; none if it is made of numbers and
    /// positions only.
    pub fn dtype(&self, of: &dyn Fn(&Node) -> Option<DType>) -> Option<DType> {
        let common = |args: &[Term]| args.iter().find_map(|arg| arg.dtype(of));
        match &*self.0 {
            Node::Call(f, args) => match f.typing {
                Typing::Number | Typing::Float | Typing::Integer => common(args),
                Typing::Compare | Typing::Logic => Some(DType::Bool),
                Typing::Select => common(&args[1..]),
                Typing::IntToFloat => None,
            },
            Node::Axis(_) | Node::Const(_) => None,
            hole => of(hole),
        }
    }

    /// The numbers of the holes `X` in it, ascending.
    pub fn holes(&self) -> Vec<usize> {
        let mut holes = BTreeSet::new();
        self.visit(&mut BTreeMap::new(), &mut |node| {
            if let Node::X(k) = node {
                holes.insert(*k);
            }
        });
        holes.into_iter().collect()
    }

    /// The loop axes whose positions it has, ascending.
    pub fn axes(&self) -> Vec<usize> {
        let mut axes = BTreeSet::new();
        self.visit(&mut BTreeMap::new(), &mut |node| {
            if let Node::Axis(k) = node {
                axes.insert(*k);
            }
        });
        axes.into_iter().collect()
    }

    /// Calls `f` with each node once, operands first, and counts the uses of each.
    fn visit(&self, uses: &mut BTreeMap<*const Node, usize>, f: &mut dyn FnMut(&Node)) {
        let count = uses.entry(self.key()).or_insert(0);
        *count += 1;
        if *count > 1 {
            return;
        }
        if let Node::Call(_, args) = &*self.0 {
            args.iter().for_each(|arg| arg.visit(uses, f));
        }
        f(&self.0);
    }
}

/// What stands in for holes.
struct Holes<'a> {
    xs: &'a [f64],
    g: f64,
    y: f64,
    axes: &'a [usize],
}

impl fmt::Display for Term {
    /// As calls: `mul(g, sub(1, mul(y, y)))`. A call that is used more than once is written where it is
    /// met first, with a number that stands for it from then on: `add(%0 = exp(x0), %0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut uses = BTreeMap::new();
        self.visit(&mut uses, &mut |_| {});
        self.print(f, &uses, &mut BTreeMap::new())
    }
}

impl Term {
    fn print(
        &self,
        f: &mut fmt::Formatter<'_>,
        uses: &BTreeMap<*const Node, usize>,
        numbers: &mut BTreeMap<*const Node, usize>,
    ) -> fmt::Result {
        match &*self.0 {
            Node::X(k) => write!(f, "x{k}"),
            Node::G => f.write_str("g"),
            Node::Y => f.write_str("y"),
            Node::Axis(k) => write!(f, "i{k}"),
            Node::Const(value) => f.write_str(&number(*value)),
            Node::Call(row, args) => {
                if let Some(id) = numbers.get(&self.key()) {
                    return write!(f, "%{id}");
                }
                if uses[&self.key()] > 1 {
                    let id = numbers.len();
                    numbers.insert(self.key(), id);
                    write!(f, "%{id} = ")?;
                }
                write!(f, "{}(", row.name)?;
                for (k, arg) in args.iter().enumerate() {
                    f.write_str(if k == 0 { "" } else { ", " })?;
                    arg.print(f, uses, numbers)?;
                }
                f.write_str(")")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_shared_calls_once() {
        let shared = call(&scalar::EXP, [x(0)]);
        let term = (shared.clone() + c(1.0)) * (shared - g() / y());
        assert_eq!(term.to_string(), "mul(add(%0 = exp(x0), 1), sub(%0, div(g, y)))");
        assert_eq!(term.holes(), [0]);
        assert_eq!(term.eval(&[0.0], 1.0, 2.0, &[]), 1.0);
    }

    #[test]
    fn visits_shared_subterms_once() {
        let doubled = (0..200).fold(x(0), |sum, _| sum.clone() + sum);
        assert_eq!(doubled.eval(&[1.0], 0.0, 0.0, &[]), 200f64.exp2());
        assert!(doubled.to_string().len() < 5000);
    }
}
