//! Expansion: the native body of a scalar function as a straight line of machine operations.
//!
//! Each pair of function and element type is expanded once; every use then copies the line.

use std::rc::Rc;

use crate::algebra::scalar::{Machine, Native, Scalar, Typing};
use crate::algebra::term::{Node, Term};
use crate::algebra::types::DType;

use super::build::{Builder, Map};
use super::{Ty, Value};

/// A straight line: step `k` defines value `n_args + k`; arguments come first.
pub(super) struct Line {
    steps: Vec<(Step, DType)>,
    result: usize,
}

enum Step {
    Const(f64),
    Machine(Machine, Vec<usize>),
}

/// Lines by function and element type.
#[derive(Default)]
pub(super) struct Expander {
    lines: Map<(usize, DType), Rc<Line>>,
}

impl Expander {
    /// The value of `scalar` on `args`, whose lanes are equal.
    pub(super) fn apply(
        &mut self,
        to: &mut Builder,
        scalar: &'static Scalar,
        args: Vec<Value>,
        result: DType,
    ) -> Value {
        let dtype = if scalar.typing == Typing::Compare { to.ty(args[0]).dtype } else { result };
        if let Native::Machine(op) = scalar.native {
            return to.machine(op, args, result);
        }
        let key = (std::ptr::from_ref(scalar) as usize, dtype);
        let line = self.lines.entry(key).or_insert_with(|| Rc::new(Line::of(scalar, dtype))).clone();
        line.copy(to, args)
    }
}

impl Line {
    fn of(scalar: &'static Scalar, dtype: DType) -> Line {
        let n_args = scalar.args.len();
        let mut flat = Flat { n_args, steps: Vec::new(), types: args_of(scalar.typing, dtype, n_args) };
        let args: Vec<usize> = (0..n_args).collect();
        let result = flat.call(scalar, &args, dtype);
        Line { steps: flat.steps, result }
    }

    fn copy(&self, to: &mut Builder, mut values: Vec<Value>) -> Value {
        let lanes = to.ty(values[0]).lanes;
        for (step, dtype) in &self.steps {
            let value = match step {
                Step::Const(number) => to.number(*number, Ty { dtype: *dtype, lanes }),
                Step::Machine(op, args) => {
                    to.machine(*op, args.iter().map(|arg| values[*arg]).collect(), *dtype)
                }
            };
            values.push(value);
        }
        values[self.result]
    }
}

/// Element types of a row's arguments when it is used at `dtype`.
fn args_of(typing: Typing, dtype: DType, n_args: usize) -> Vec<DType> {
    let mut types = match typing {
        Typing::IntToFloat => vec![DType::I32; n_args],
        Typing::Logic => vec![DType::Bool; n_args],
        Typing::Number | Typing::Float | Typing::Integer | Typing::Compare | Typing::Select => {
            vec![dtype; n_args]
        }
    };
    if typing == Typing::Select {
        types[0] = DType::Bool;
    }
    types
}

/// The element type of a row's result when it is used at `dtype`.
fn result_of(typing: Typing, dtype: DType) -> DType {
    match typing {
        Typing::Compare | Typing::Logic => DType::Bool,
        Typing::Number | Typing::Float | Typing::Integer | Typing::Select | Typing::IntToFloat => dtype,
    }
}

struct Flat {
    n_args: usize,
    steps: Vec<(Step, DType)>,
    /// Of arguments and steps.
    types: Vec<DType>,
}

/// What a term's nodes have become, by their address and type, within one body.
type Memo = Map<(usize, DType), usize>;

impl Flat {
    fn push(&mut self, step: Step, dtype: DType) -> usize {
        self.steps.push((step, dtype));
        self.types.push(dtype);
        self.n_args + self.steps.len() - 1
    }

    /// A row on values, used at `dtype`.
    fn call(&mut self, scalar: &'static Scalar, args: &[usize], dtype: DType) -> usize {
        match scalar.native {
            Native::Machine(op) => {
                self.push(Step::Machine(op, args.to_vec()), result_of(scalar.typing, dtype))
            }
            Native::Body(body) => {
                let term = body(dtype);
                self.term(&term, args, result_of(scalar.typing, dtype), &mut Memo::default())
            }
        }
    }

    /// A term whose result is wanted in `want`; that is the type of its constants.
    fn term(&mut self, term: &Term, args: &[usize], want: DType, memo: &mut Memo) -> usize {
        let key = (Rc::as_ptr(&term.0) as usize, want);
        if let Some(value) = memo.get(&key) {
            return *value;
        }
        let value = match &*term.0 {
            Node::X(k) => args[*k],
            Node::Const(number) => self.push(Step::Const(*number), want),
            Node::Call(scalar, terms) => self.node(scalar, terms, args, want, memo),
            Node::G | Node::Y | Node::Axis(_) => {
                panic!("egret internal error in loops: a native body holds {term}")
            }
        };
        memo.insert(key, value);
        value
    }

    fn node(
        &mut self,
        scalar: &'static Scalar,
        terms: &[Term],
        args: &[usize],
        want: DType,
        memo: &mut Memo,
    ) -> usize {
        let dtype = match scalar.typing {
            Typing::Compare => terms.iter().find_map(|term| self.guess(term, args)).unwrap_or(DType::F64),
            _ => want,
        };
        let wants = args_of(scalar.typing, dtype, terms.len());
        let mut values = Vec::with_capacity(terms.len());
        for (term, want) in terms.iter().zip(wants) {
            values.push(self.term(term, args, want, memo));
        }
        self.call(scalar, &values, dtype)
    }

    /// The element type of a term if it is not for its context to say.
    fn guess(&self, term: &Term, args: &[usize]) -> Option<DType> {
        match &*term.0 {
            Node::X(k) => Some(self.types[args[*k]]),
            Node::Call(scalar, terms) => match scalar.typing {
                Typing::Compare | Typing::Logic => Some(DType::Bool),
                Typing::Select => terms[1..].iter().find_map(|term| self.guess(term, args)),
                Typing::IntToFloat => None,
                Typing::Number | Typing::Float | Typing::Integer => {
                    terms.iter().find_map(|term| self.guess(term, args))
                }
            },
            Node::Const(_) | Node::G | Node::Y | Node::Axis(_) => None,
        }
    }
}
