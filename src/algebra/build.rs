//! Writing operators down: what derivative rules and the graph builder say often.
//!
//! Each function adds at most a few operators through [`Build`] and gives the result. What would do
//! nothing (a sum over no axes, a reshape to the same shape) adds nothing.

use std::rc::Rc;

use super::contract::Contract;
use super::fill::Fill;
use super::form::Reducer;
use super::map::{Cast, Map};
use super::number::Number;
use super::op::{Build, Op, Val};
use super::reduce::Reduce;
use super::scalar::{self, Scalar};
use super::term::{Node, Term, call_dtype};
use super::types::{DType, Dim, Shape, Type};
use super::view::View;
use crate::ice;

/// A scalar function of tensors of one shape.
pub fn map(cx: &mut dyn Build, f: &'static Scalar, args: &[Val]) -> Val {
    cx.emit(Op::Map(Map(f)), args)
}

/// `a + b`.
pub fn add(cx: &mut dyn Build, a: Val, b: Val) -> Val {
    map(cx, &scalar::ADD, &[a, b])
}

/// `a - b`.
pub fn sub(cx: &mut dyn Build, a: Val, b: Val) -> Val {
    map(cx, &scalar::SUB, &[a, b])
}

/// `a * b`.
pub fn mul(cx: &mut dyn Build, a: Val, b: Val) -> Val {
    map(cx, &scalar::MUL, &[a, b])
}

/// `a / b`.
pub fn div(cx: &mut dyn Build, a: Val, b: Val) -> Val {
    map(cx, &scalar::DIV, &[a, b])
}

/// One number everywhere.
pub fn constant(cx: &mut dyn Build, value: f64, ty: &Type) -> Val {
    let value = Number(value);
    cx.emit(Op::Fill(Fill::Const { value, dtype: ty.dtype, to: ty.shape.clone() }), &[])
}

/// Another element type.
pub fn cast(cx: &mut dyn Build, value: Val, dtype: DType) -> Val {
    match cx.ty(value).dtype == dtype {
        true => value,
        false => cx.emit(Op::Cast(Cast(dtype)), &[value]),
    }
}

/// The elements along some axes put together.
pub fn reduce(cx: &mut dyn Build, combine: Reducer, value: Val, axes: &[usize]) -> Val {
    match axes.is_empty() {
        true => value,
        false => cx.emit(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), &[value]),
    }
}

/// The sum over some axes.
pub fn sum(cx: &mut dyn Build, value: Val, axes: &[usize]) -> Val {
    reduce(cx, Reducer::Sum, value, axes)
}

/// A two-operand einsum, with labels as letters of one byte: `contract(cx, "ik", "kj", "ij", a, b)`.
pub fn contract(cx: &mut dyn Build, left: &str, right: &str, out: &str, a: Val, b: Val) -> Val {
    let labels = |text: &str| text.bytes().map(usize::from).collect::<Vec<_>>();
    let op = Contract { left: labels(left), right: labels(right), out: labels(out) };
    cx.emit(Op::Contract(op.renumbered()), &[a, b])
}

/// Axis `k` becomes axis `axes[k]` of `to`; the other axes of `to` repeat.
pub fn broadcast(cx: &mut dyn Build, value: Val, to: &[Dim], axes: &[usize]) -> Val {
    match cx.ty(value).shape == to {
        true => value,
        false => cx.emit(Op::View(View::Broadcast { to: to.to_vec(), axes: axes.to_vec() }), &[value]),
    }
}

/// Puts back axes that a reduction took away, repeating the value along them.
pub fn unreduce(cx: &mut dyn Build, value: Val, to: &[Dim], reduced: &[usize]) -> Val {
    let kept: Vec<usize> = (0..to.len()).filter(|axis| !reduced.contains(axis)).collect();
    broadcast(cx, value, to, &kept)
}

/// The same elements under another shape.
pub fn reshape(cx: &mut dyn Build, value: Val, to: &[Dim]) -> Val {
    match cx.ty(value).shape == to {
        true => value,
        false => cx.emit(Op::View(View::Reshape { to: to.to_vec() }), &[value]),
    }
}

/// Axis `k` of the result is axis `axes[k]` of the argument.
pub fn transpose(cx: &mut dyn Build, value: Val, axes: &[usize]) -> Val {
    match axes.iter().copied().eq(0..axes.len()) {
        true => value,
        false => cx.emit(Op::View(View::Transpose { axes: axes.to_vec() }), &[value]),
    }
}

/// `count` positions along an axis, from `start`.
pub fn slice(cx: &mut dyn Build, value: Val, axis: usize, start: &Dim, count: &Dim) -> Val {
    match cx.ty(value).shape[axis] == *count {
        true => value,
        false => {
            let view = View::Slice { axis, start: start.clone(), step: 1, count: count.clone() };
            cx.emit(Op::View(view), &[value])
        }
    }
}

/// Zeros before and after along an axis.
pub fn pad(cx: &mut dyn Build, value: Val, axis: usize, before: &Dim, after: &Dim) -> Val {
    let zero = Dim::default();
    match *before == zero && *after == zero {
        true => value,
        false => {
            let (before, after) = (before.clone(), after.clone());
            let view = View::Pad { axis, before, after, value: Number(0.0) };
            cx.emit(Op::View(view), &[value])
        }
    }
}

/// Writes a term down as operators: `X(k)` is `xs[k]`, `G` is `g`, `Y` is `y`, all of one shape. The
/// result has type `ty`; numbers get the element type of their context.
pub fn splice(cx: &mut dyn Build, term: &Term, xs: &[Val], g: Val, y: Val, ty: &Type) -> Val {
    let mut splice = Splice { xs, g, y, shape: ty.shape.clone(), done: Vec::new() };
    splice.write(cx, term, ty.dtype)
}

/// One term on its way into a graph.
struct Splice<'a> {
    xs: &'a [Val],
    g: Val,
    y: Val,
    shape: Shape,
    /// Shared subterms that are written already, with the element type they were wanted in.
    done: Vec<(*const Node, DType, Val)>,
}

impl Splice<'_> {
    fn write(&mut self, cx: &mut dyn Build, term: &Term, want: DType) -> Val {
        let key = Rc::as_ptr(&term.0);
        if let Some(done) = self.done.iter().find(|done| done.0 == key && done.1 == want) {
            return done.2;
        }
        let value = match &*term.0 {
            Node::X(k) => self.xs[*k],
            Node::G => self.g,
            Node::Y => self.y,
            _ if is_constant(term) => {
                let ty = Type::new(want, self.shape.clone());
                constant(cx, term.eval(&[], 0.0, 0.0, &[]), &ty)
            }
            Node::Call(f, args) => self.call(cx, f, args, want),
            Node::Axis(_) | Node::Const(_) => ice!("splice", "{term} in a derivative"),
        };
        self.done.push((key, want, value));
        value
    }

    fn call(&mut self, cx: &mut dyn Build, f: &'static Scalar, args: &[Term], want: DType) -> Val {
        let dtype = call_dtype(f, args, want, &|hole| self.dtype(cx, hole));
        let values: Vec<Val> =
            args.iter().enumerate().map(|(k, arg)| self.write(cx, arg, f.typing.arg(dtype, k))).collect();
        map(cx, f, &values)
    }

    /// The element type of a hole.
    fn dtype(&self, cx: &dyn Build, hole: &Node) -> Option<DType> {
        match hole {
            Node::X(k) => Some(cx.ty(self.xs[*k]).dtype),
            Node::G => Some(cx.ty(self.g).dtype),
            Node::Y => Some(cx.ty(self.y).dtype),
            Node::Axis(_) | Node::Const(_) | Node::Call(..) => None,
        }
    }
}

/// Whether a term is made of numbers only.
fn is_constant(term: &Term) -> bool {
    match &*term.0 {
        Node::Const(_) => true,
        Node::X(_) | Node::G | Node::Y | Node::Axis(_) => false,
        Node::Call(_, args) => args.iter().all(is_constant),
    }
}
