//! Takes rows apart into machine operations.

use std::collections::BTreeMap;

use super::machine::{Bits, MachineOp, decode, encode};
use super::{Native, POW, Scalar, Typing, bodies};
use crate::algebra::term::{Node, Term};
use crate::algebra::types::DType;

/// Where expanded machine operations go: a loop nest under construction, or an evaluator.
pub trait Emit {
    /// A value there.
    type Value: Clone;
    /// A number of type `dtype`.
    fn constant(&mut self, value: f64, dtype: DType) -> Self::Value;
    /// The number that a value is known to be, if it is.
    fn known(&self, value: &Self::Value) -> Option<f64>;
    /// `op` at type `dtype`; the result has type `op.result(dtype)`.
    fn machine(&mut self, op: MachineOp, dtype: DType, args: &[Self::Value]) -> Self::Value;
}

/// Emits `row(args)` at type `dtype` (see [`Typing`]) as machine operations. Shared subterms of bodies are
/// emitted once; operations on known numbers are carried out here, so that `max(x, 0)` and `x ^ 2` cost one
/// operation.
pub fn expand<E: Emit>(emit: &mut E, row: &Scalar, dtype: DType, args: &[E::Value]) -> E::Value {
    match row.native {
        Native::Machine(op) => machine(emit, op, dtype, args),
        Native::Body(body) => {
            let exponent = if std::ptr::eq(row, &POW) { emit.known(&args[1]) } else { None };
            let term = exponent.and_then(bodies::known_power).unwrap_or_else(|| body(dtype));
            Expansion { emit, args, dtype, done: BTreeMap::new() }.value(&term, row.typing.result(dtype))
        }
    }
}

/// A body while it is emitted.
struct Expansion<'a, E: Emit> {
    emit: &'a mut E,
    args: &'a [E::Value],
    dtype: DType,
    done: BTreeMap<*const Node, E::Value>,
}

impl<E: Emit> Expansion<'_, E> {
    /// The value of a subterm that has type `want`.
    fn value(&mut self, term: &Term, want: DType) -> E::Value {
        match &*term.0 {
            Node::X(k) => self.args[*k].clone(),
            Node::Const(value) => self.emit.constant(*value, want),
            Node::Call(row, args) => self.call(term.key(), row, args, want),
            Node::G | Node::Y | Node::Axis(_) => {
                panic!("egret internal error in scalar: {term} in the body of a row")
            }
        }
    }

    fn call(&mut self, key: *const Node, row: &'static Scalar, args: &[Term], want: DType) -> E::Value {
        if let Some(value) = self.done.get(&key) {
            return value.clone();
        }
        let dtype = match row.typing {
            Typing::Compare => self.dtype,
            _ => want,
        };
        let args: Vec<E::Value> =
            args.iter().enumerate().map(|(k, arg)| self.value(arg, row.typing.arg(dtype, k))).collect();
        let value = expand(self.emit, row, dtype, &args);
        self.done.insert(key, value.clone());
        value
    }
}

/// Emits one machine operation, or its result if that is known.
fn machine<E: Emit>(emit: &mut E, op: MachineOp, dtype: DType, args: &[E::Value]) -> E::Value {
    if op == MachineOp::Select
        && let Some(condition) = emit.known(&args[0])
    {
        return args[if condition != 0.0 { 1 } else { 2 }].clone();
    }
    let known: Option<Vec<f64>> = args.iter().map(|arg| emit.known(arg)).collect();
    match known {
        Some(known) if op != MachineOp::IntToFloat && dtype != DType::I64 => {
            let bits: Vec<Bits> = known.iter().map(|value| encode(*value, dtype)).collect();
            let result = op.result(dtype);
            emit.constant(decode(op.eval(dtype, &bits), result), result)
        }
        _ => emit.machine(op, dtype, args),
    }
}

/// A row as a straight line of machine operations, for evaluating it often.
pub struct Tape {
    steps: Vec<TapeOp>,
    n_args: usize,
    result: usize,
}

/// A step of a tape.
enum TapeOp {
    Const(f64, DType),
    Machine(MachineOp, DType, Vec<usize>),
}

impl Emit for Tape {
    type Value = usize;
    fn constant(&mut self, value: f64, dtype: DType) -> usize {
        self.push(TapeOp::Const(value, dtype))
    }
    fn known(&self, value: &usize) -> Option<f64> {
        match self.steps.get(value.checked_sub(self.n_args)?)? {
            TapeOp::Const(number, _) => Some(*number),
            TapeOp::Machine(..) => None,
        }
    }
    fn machine(&mut self, op: MachineOp, dtype: DType, args: &[usize]) -> usize {
        self.push(TapeOp::Machine(op, dtype, args.to_vec()))
    }
}

impl Tape {
    /// The operations of `row` at type `dtype`.
    pub fn new(row: &Scalar, dtype: DType) -> Tape {
        let mut tape = Tape::empty(row.args.len());
        let args: Vec<usize> = (0..tape.n_args).collect();
        let result = expand(&mut tape, row, dtype, &args);
        tape.giving(result)
    }

    /// No operations yet; the values are the arguments.
    pub(super) fn empty(n_args: usize) -> Tape {
        Tape { steps: Vec::new(), n_args, result: 0 }
    }

    /// The same operations with `result` as the result.
    pub(super) fn giving(self, result: usize) -> Tape {
        Tape { result, ..self }
    }

    fn push(&mut self, step: TapeOp) -> usize {
        self.steps.push(step);
        self.n_args + self.steps.len() - 1
    }

    /// How many machine operations it takes.
    pub fn operations(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, TapeOp::Machine(..))).count()
    }

    /// Each column's value: `args[k][i]` is argument `k` of column `i`.
    pub fn run(&self, args: &[Vec<Bits>]) -> Vec<Bits> {
        let columns = args.first().map_or(0, Vec::len);
        let mut values = args.to_vec();
        for step in &self.steps {
            values.push(match step {
                TapeOp::Const(value, dtype) => vec![encode(*value, *dtype); columns],
                TapeOp::Machine(op, dtype, args) => {
                    let args: Vec<&[Bits]> = args.iter().map(|arg| values[*arg].as_slice()).collect();
                    op.eval_all(*dtype, &args)
                }
            });
        }
        values.swap_remove(self.result)
    }
}

/// What native code computes for `row(args)` at type `dtype`, to the bit.
pub fn eval_native(row: &Scalar, dtype: DType, args: &[Bits]) -> Bits {
    let columns: Vec<Vec<Bits>> = args.iter().map(|arg| vec![*arg]).collect();
    Tape::new(row, dtype).run(&columns)[0]
}
