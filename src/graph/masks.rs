//! Where gradients are known to be zero: outside of the branch of a `where` that was taken.
//!
//! What is computed from such a gradient stays zero, whatever it is multiplied by: `where(x > 0, sqrt(x), 0)`
//! has derivative 0 at 0, though that of the root is infinite there and zero times infinity is no number. Masks
//! go through functions of elements, arrangements, broadcasts, joins, `take`, `cumsum`, sums, `max` and `min`;
//! not through products (of tensors, and `prod`), convolutions and rules of one's own.

use std::collections::BTreeMap;

use super::builder::Builder;
use crate::algebra::form::Reducer;
use crate::algebra::gather::Gather;
use crate::algebra::map::{Cast, Map};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::view::View;

/// For values that have a gradient: where it may differ from zero; `None`: anywhere.
#[derive(Default)]
pub(super) struct Masks(BTreeMap<Val, Option<Val>>);

impl Masks {
    /// Where the gradient by a value may differ from zero.
    pub(super) fn of(&self, value: Val) -> Option<Val> {
        self.0.get(&value).copied().flatten()
    }

    /// Takes in that a gradient is added to which is zero outside of a mask.
    pub(super) fn add(&mut self, builder: &mut Builder, value: Val, mask: Option<Val>) {
        let joint = match self.0.get(&value) {
            None => mask,
            Some(before) => match (*before, mask) {
                (Some(before), Some(mask)) if before != mask => {
                    Some(builder.map(&scalar::OR, &[before, mask]))
                }
                (Some(before), Some(_)) => Some(before),
                _ => None,
            },
        };
        self.0.insert(value, joint);
    }

    /// What `value` contributes to the gradient by argument `k`, and where that may differ from zero.
    pub(super) fn passed(
        &self,
        builder: &mut Builder,
        (op, args): (&Op, &[Val]),
        value: Val,
        k: usize,
        new: Val,
    ) -> (Val, Option<Val>) {
        if let Op::Map(Map(row)) = op
            && is(row, &scalar::SELECT)
        {
            let taken = if k == 1 { args[0] } else { builder.map(&scalar::NOT, &[args[0]]) };
            let both = self.of(value).map_or(taken, |mask| builder.map(&scalar::AND, &[mask, taken]));
            return (new, Some(both));
        }
        let Some(mask) = self.of(value) else { return (new, None) };
        match op {
            Op::Map(Map(row)) if steady(builder, row, args, k) => (new, Some(mask)),
            Op::Map(_) => {
                let ty = builder.ty(new).clone();
                let zero = builder.constant(0.0, &ty);
                (builder.map(&scalar::SELECT, &[mask, new, zero]), Some(mask))
            }
            Op::Cast(Cast(_)) => (new, Some(mask)),
            // These move gradients as they move anything.
            Op::View(View::Reshape { .. } | View::Transpose { .. } | View::Pad { .. }) => {
                let moved = op.vjp(builder, args, value, mask);
                (new, moved.into_iter().next().flatten())
            }
            Op::Reduce(Reduce { combine: Reducer::Sum | Reducer::Max | Reducer::Min, axes, .. }) => {
                let sum = Op::Reduce(Reduce { combine: Reducer::Sum, axes: axes.clone() });
                let moved = sum.vjp(builder, args, value, mask);
                (new, moved.into_iter().next().flatten())
            }
            Op::View(_) | Op::Concat(_) | Op::Gather(Gather::Take { .. }) | Op::PrefixSum(_) => {
                (new, counted(builder, (op, args), value, k, mask))
            }
            _ => (new, None),
        }
    }
}

/// A mask moved by an operator whose derivative adds gradients up: where any of those that are added may differ
/// from zero.
fn counted(builder: &mut Builder, (op, args): (&Op, &[Val]), value: Val, k: usize, mask: Val) -> Option<Val> {
    let ones = builder.emit(Op::Cast(Cast(builder.ty(value).dtype)), &[mask]);
    let count = op.vjp(builder, args, value, ones).into_iter().nth(k).flatten()?;
    let ty = builder.ty(count).clone();
    let zero = builder.constant(0.0, &ty);
    Some(builder.map(&scalar::GT, &[count, zero]))
}

fn is(row: &'static Scalar, other: &'static Scalar) -> bool {
    std::ptr::eq(row, other)
}

/// Whether the derivative by argument `k` is the same number everywhere: zero times it is zero.
fn steady(builder: &Builder, row: &'static Scalar, args: &[Val], k: usize) -> bool {
    let known = |arg: usize| builder.as_constant(args[arg]).is_some_and(f64::is_finite);
    if is(row, &scalar::MUL) {
        known(1 - k)
    } else if is(row, &scalar::DIV) {
        k == 0 && known(1) && builder.as_constant(args[1]) != Some(0.0)
    } else {
        [&scalar::ADD, &scalar::SUB, &scalar::NEG].into_iter().any(|linear| is(row, linear))
    }
}
