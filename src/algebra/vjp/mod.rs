//! Derivatives: the gradients by an operator's arguments, written down as operators.
//!
//! Comes in: an operator on values and the gradient by its result. Goes out: a gradient by each argument.
//! Families whose rule takes more than a few lines have a file of their own.

mod convolve;
mod reduce;
mod segment;
mod view;

use super::build::{cast, splice};
use super::col2im::Col2Im;
use super::contract::Contract;
use super::gather::Gather;
use super::map::{Cast, Map};
use super::op::{Build, Op, Val};
use super::prefix_sum::PrefixSum;
use super::types::Dim;
use super::view::View;

impl Op {
    /// The gradients by its arguments, given the gradient `grad` by its result `out`. `None` where it
    /// is zero or there is none.
    pub fn vjp(&self, cx: &mut dyn Build, args: &[Val], out: Val, grad: Val) -> Vec<Option<Val>> {
        match self {
            Op::Map(op) => map(op, cx, args, out, grad),
            Op::Cast(op) => vec![between_floats(op, cx, args[0], grad)],
            Op::Reduce(op) => vec![Some(reduce::vjp(op, cx, args[0], out, grad))],
            Op::Contract(op) => contract(op, cx, args, grad),
            Op::Convolve(op) => {
                vec![
                    Some(convolve::by_input(op, cx, args, grad)),
                    Some(convolve::by_kernel(op, cx, args, grad)),
                ]
            }
            Op::Col2Im(op) => vec![Some(unfold(op, cx, args[0], grad))],
            Op::View(op) => vec![Some(view::vjp(op, cx, args[0], grad))],
            Op::Segment(op) => vec![Some(segment::vjp(op, cx, args[0], out, grad))],
            Op::Concat(_) => concat(cx, args, grad),
            Op::Gather(op) => gather(op, cx, args, grad),
            Op::PrefixSum(PrefixSum { axis, reverse }) => {
                let back = PrefixSum { axis: *axis, reverse: !reverse };
                vec![Some(cx.emit(Op::PrefixSum(back), &[grad]))]
            }
            Op::Barrier(_) => vec![Some(grad), None],
            Op::Fill(_) | Op::Ranks(_) => vec![None; args.len()],
        }
    }
}

/// The terms of the row's own derivative, where arguments are floats.
fn map(op: &Map, cx: &mut dyn Build, args: &[Val], out: Val, grad: Val) -> Vec<Option<Val>> {
    let ty = cx.ty(out).clone();
    let terms = (op.0.vjp)();
    let rule = |(k, arg): (usize, &Val)| {
        let term = terms.get(k)?.as_ref()?;
        cx.ty(*arg).dtype.is_float().then(|| splice(cx, term, args, grad, out, &ty))
    };
    args.iter().enumerate().map(rule).collect()
}

/// Between floats; what passes through an integer has no derivative.
fn between_floats(op: &Cast, cx: &mut dyn Build, arg: Val, grad: Val) -> Option<Val> {
    let from = cx.ty(arg).dtype;
    (from.is_float() && op.0.is_float()).then(|| cast(cx, grad, from))
}

/// Contracts the gradient with the other operand. Every label of an operand is in the result or in
/// the other operand, so nothing is left to broadcast.
fn contract(op: &Contract, cx: &mut dyn Build, args: &[Val], grad: Val) -> Vec<Option<Val>> {
    let (left, right, out) = (op.left.clone(), op.right.clone(), op.out.clone());
    let by_left = Contract { left: out.clone(), right: right.clone(), out: left.clone() };
    let by_right = Contract { left, right: out, out: right };
    vec![
        Some(cx.emit(Op::Contract(by_left.renumbered()), &[grad, args[1]])),
        Some(cx.emit(Op::Contract(by_right.renumbered()), &[args[0], grad])),
    ]
}

/// The windows that were added up.
fn unfold(op: &Col2Im, cx: &mut dyn Build, arg: Val, grad: Val) -> Val {
    let taps = cx.ty(arg).shape[op.axis + 1].clone();
    let (axis, dilation) = (op.axis, op.dilation.clone());
    let unfold = View::Unfold { axis, taps, stride: Dim::constant(1), dilation };
    cx.emit(Op::View(unfold), &[grad])
}

/// Each argument's part of the gradient.
fn concat(cx: &mut dyn Build, args: &[Val], grad: Val) -> Vec<Option<Val>> {
    let mut start = 0;
    let mut grads = Vec::with_capacity(args.len());
    for arg in args {
        let (to, count) = (cx.ty(*arg).shape.clone(), cx.ty(*arg).count());
        grads.push(Some(cx.emit(Op::View(View::Window { start, to }), &[grad])));
        start += count;
    }
    grads
}

/// What is picked is put back, and what is put is picked.
fn gather(op: &Gather, cx: &mut dyn Build, args: &[Val], grad: Val) -> Vec<Option<Val>> {
    let back = match op {
        Gather::Take { axis } => Gather::Scatter { axis: *axis, size: cx.ty(args[0]).shape[*axis].clone() },
        Gather::Scatter { axis, .. } => Gather::Take { axis: *axis },
    };
    vec![Some(cx.emit(Op::Gather(back), &[grad, args[1]])), None]
}
