//! Takes rows apart into machine operations.

use std::collections::BTreeMap;

use super::machine::{Bits, Machine, decode, encode};
use super::{Native, Scalar, Typing};
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
    fn machine(&mut self, op: Machine, dtype: DType, args: &[Self::Value]) -> Self::Value;
}

/// Emits `row(args)` at type `dtype` (see [`Typing`]) as machine operations. Shared subterms of bodies are
/// emitted once; operations on known numbers are carried out here, so that `max(x, 0)` costs one operation.
pub fn expand<E: Emit>(emit: &mut E, row: &Scalar, dtype: DType, args: &[E::Value]) -> E::Value {
    match row.native {
        Native::Machine(op) => machine(emit, op, dtype, args),
        Native::Body(body) => {
            let term = body(dtype);
            Body { emit, args, dtype, done: BTreeMap::new() }.value(&term, row.typing.result(dtype))
        }
    }
}

/// A body while it is emitted.
struct Body<'a, E: Emit> {
    emit: &'a mut E,
    args: &'a [E::Value],
    dtype: DType,
    done: BTreeMap<*const Node, E::Value>,
}

impl<E: Emit> Body<'_, E> {
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
fn machine<E: Emit>(emit: &mut E, op: Machine, dtype: DType, args: &[E::Value]) -> E::Value {
    if op == Machine::Select
        && let Some(condition) = emit.known(&args[0])
    {
        return args[if condition != 0.0 { 1 } else { 2 }].clone();
    }
    let known: Option<Vec<f64>> = args.iter().map(|arg| emit.known(arg)).collect();
    match known {
        Some(known) if op != Machine::IntToFloat && dtype != DType::I64 => {
            let bits: Vec<Bits> = known.iter().map(|value| encode(*value, dtype)).collect();
            let result = op.result(dtype);
            emit.constant(decode(op.eval(dtype, &bits), result), result)
        }
        _ => emit.machine(op, dtype, args),
    }
}

/// Computes at once.
struct Evaluator;

impl Emit for Evaluator {
    type Value = Bits;
    fn constant(&mut self, value: f64, dtype: DType) -> Bits {
        encode(value, dtype)
    }
    fn known(&self, _value: &Bits) -> Option<f64> {
        None
    }
    fn machine(&mut self, op: Machine, dtype: DType, args: &[Bits]) -> Bits {
        op.eval(dtype, args)
    }
}

/// What native code computes for `row(args)` at type `dtype`, to the bit.
pub fn eval_native(row: &Scalar, dtype: DType, args: &[Bits]) -> Bits {
    expand(&mut Evaluator, row, dtype, args)
}
