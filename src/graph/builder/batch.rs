//! Values of a body in all iterations at once: operators with one more axis, the first.

use super::Builder;
use super::enclosing::may_be_kept;
use crate::algebra::contract::Contract;
use crate::algebra::map::{Cast, Map};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::types::{Dim, Type};
use crate::algebra::view::View;

/// A value outside of a loop, and whether it has one more axis, along which the iterations are.
type Outside = (Val, bool);

impl Builder {
    /// A product that depends on the iteration, but not on the one before, for all iterations. Two factors that
    /// change with the iteration are as many products there as in the loop.
    pub(super) fn in_one(&mut self, op: &Op, args: &[Val]) -> Option<Val> {
        let Op::Contract(contract) = op else { return None };
        let (left, right) = (self.outside(args[0])?, self.outside(args[1])?);
        if left.1 == right.1 {
            return None;
        }
        let batched = all_iterations(contract, left.1, right.1);
        let args = [left.0, right.0];
        let types: Vec<Type> = args.iter().map(|arg| self.outer().ty(*arg).clone()).collect();
        let types: Vec<&Type> = types.iter().collect();
        let ty = Op::Contract(batched.clone()).rules().infer(&types).ok()?;
        may_be_kept(1, &ty).then(|| self.outer().emit(Op::Contract(batched), &args))
    }

    /// The value outside of the open loop that a value is, or is a slice of, if it does not depend on the
    /// iteration before.
    pub(super) fn outside(&mut self, value: Val) -> Option<Outside> {
        if let Some(known) = self.outer.as_ref()?.outside.get(&value) {
            return *known;
        }
        let found = match self.as_constant(value) {
            Some(_) => self.invariant(value).map(|value| (value, false)),
            None => self.computed_outside(value),
        };
        if let Some(outer) = &mut self.outer {
            outer.outside.insert(value, found);
        }
        found
    }

    fn computed_outside(&mut self, value: Val) -> Option<Outside> {
        let (op, args) = self.op(value).map(|(op, args)| (op.clone(), args.to_vec()))?;
        let copies = matches!(&op, Op::View(View::Reshape { to }) if *to == self.ty(args[0]).shape);
        if copies || self.is_stopped(value) || self.way(value).is_some() || !has_batches(&op) {
            return None;
        }
        let ty = self.ty(value).clone();
        let count = self.outer.as_ref()?.count;
        if !may_be_kept(count, &ty) {
            return None;
        }
        let outside: Vec<Outside> = args.iter().map(|arg| self.outside(*arg)).collect::<Option<_>>()?;
        if outside.iter().all(|(_, batched)| !batched) {
            let args: Vec<Val> = outside.iter().map(|(arg, _)| *arg).collect();
            return Some((self.outer().emit(op, &args), false));
        }
        let size = Dim::from(count);
        let value = self.outer().batched(&op, &outside, &ty, size)?;
        Some((value, true))
    }

    /// An operator in all iterations.
    fn batched(&mut self, op: &Op, args: &[Outside], ty: &Type, count: Dim) -> Option<Val> {
        let whole = [vec![count], ty.shape.clone()].concat();
        let next = |axes: &[usize]| axes.iter().map(|axis| axis + 1).collect::<Vec<_>>();
        let first = |axes: &[usize]| [vec![0], next(axes)].concat();
        let op = match op {
            Op::Map(Map(row)) => {
                let args: Vec<Val> = args.iter().map(|arg| self.in_every(*arg, &whole)).collect();
                return Some(self.map(row, &args));
            }
            Op::Cast(Cast(dtype)) => return Some(self.cast(args[0].0, *dtype)),
            Op::Reduce(Reduce { combine, axes }) => {
                Op::Reduce(Reduce { combine: *combine, axes: next(axes) })
            }
            Op::View(view) => Op::View(match view {
                View::Broadcast { axes, .. } => View::Broadcast { to: whole, axes: first(axes) },
                View::Reshape { .. } => View::Reshape { to: whole },
                View::Transpose { axes } => View::Transpose { axes: first(axes) },
                View::Slice { axis, start, step, count } => {
                    let (start, count) = (start.clone(), count.clone());
                    View::Slice { axis: axis + 1, start, step: *step, count }
                }
                View::Pad { axis, before, after, value } => {
                    let (before, after) = (before.clone(), after.clone());
                    View::Pad { axis: axis + 1, before, after, value: *value }
                }
                View::Unfold { .. } | View::Window { .. } => return None,
            }),
            _ => return None,
        };
        Some(self.emit(op, &[args[0].0]))
    }

    /// An operand of a function of elements in all iterations.
    fn in_every(&mut self, (value, batched): Outside, to: &[Dim]) -> Val {
        if batched {
            return value;
        }
        let axes = (1..to.len()).collect();
        match self.as_constant(value) {
            Some(number) => {
                let ty = Type::new(self.ty(value).dtype, to.to_vec());
                self.constant(number, &ty)
            }
            None => self.emit(Op::View(View::Broadcast { to: to.to_vec(), axes }), &[value]),
        }
    }
}

/// Whether an operator is known in all iterations at once.
fn has_batches(op: &Op) -> bool {
    match op {
        Op::View(view) => !matches!(view, View::Unfold { .. } | View::Window { .. }),
        Op::Map(_) | Op::Cast(_) | Op::Reduce(_) => true,
        _ => false,
    }
}

/// A product with one more axis in some of its factors, which comes first in them and in the result.
fn all_iterations(contract: &Contract, left: bool, right: bool) -> Contract {
    let Contract { left: a, right: b, out } = contract;
    let label = 1 + [a, b, out].into_iter().flatten().copied().max().unwrap_or(0);
    let with = |labels: &[usize], more: bool| {
        [if more { vec![label] } else { Vec::new() }, labels.to_vec()].concat()
    };
    Contract { left: with(a, left), right: with(b, right), out: with(out, true) }.renumbered()
}
