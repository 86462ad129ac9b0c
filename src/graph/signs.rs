//! A function of a sign, otherwise the same for all coordinates, has three values.
//!
//! `exp(rate * sign(g) * sign(avg))` over all coordinates is a select among `exp(-rate)`, `exp(0)` and
//! `exp(rate)`, each computed once: the rewrite for every chain of scalar functions over one product
//! of signs and over values that do not vary. It keeps every bit while those values are finite.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{broadcast_scalar, broadcast_segments};
use super::simplify::Simplifier;
use crate::algebra::map::Map;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar::{self, MachineOp, Native, Scalar};
use crate::algebra::segment::Segment;
use crate::algebra::types::{Shape, Type};
use crate::algebra::view::View;

/// What is known about signs in a graph.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Values that are -1, 0 or 1: `sign` of something, and products of such.
    pure: BTreeSet<Val>,
    /// Values that depend on one of those and on nothing else that varies.
    cases: BTreeMap<Val, SignCases>,
}

/// The three values of a function of a sign.
#[derive(Clone, Debug)]
struct SignCases {
    /// The sign: one of [`Signs::pure`].
    sign: Val,
    /// The values for -1, 0 and 1, not broadcast yet.
    values: [Val; 3],
    /// How they are broadcast over the coordinates.
    broadcast: Op,
}

/// The signs in the order of [`SignCases::values`].
const SIGNS: [f64; 3] = [-1.0, 0.0, 1.0];

/// Whether a row costs more than the two comparisons that take its place.
fn is_costly(row: &Scalar) -> bool {
    match row.native {
        Native::Body(_) => (row.vjp)().iter().any(Option::is_some),
        Native::Machine(op) => matches!(op, MachineOp::Div | MachineOp::Sqrt),
    }
}

impl Simplifier {
    /// Called for `value`, which is `row` of `args`: what takes its place, often itself.
    pub(super) fn by_signs(&mut self, row: &'static Scalar, args: &[Val], value: Val) -> Val {
        if self.builder.call(value, row).is_none() || self.builder.ty(value).rank() == 0 {
            return value;
        }
        if let Some(value) = self.gather_signs(row, args) {
            return value;
        }
        let is_pure = |arg: &Val| self.signs.pure.contains(arg);
        if std::ptr::eq(row, &scalar::SIGN) || std::ptr::eq(row, &scalar::MUL) && args.iter().all(is_pure) {
            self.signs.pure.insert(value);
            return value;
        }
        let Some(cases) = self.cases(row, args) else { return value };
        let value = if is_costly(row) { self.select(&cases, value) } else { value };
        self.signs.cases.insert(value, cases);
        value
    }

    /// `(rate * sign(a)) * sign(b)` is `rate * (sign(a) * sign(b))`, to the last bit.
    fn gather_signs(&mut self, row: &'static Scalar, args: &[Val]) -> Option<Val> {
        let &[product, sign] = args else { return None };
        if !std::ptr::eq(row, &scalar::MUL) || !self.signs.pure.contains(&sign) {
            return None;
        }
        let &[factor, inner] = self.builder.call(product, &scalar::MUL)? else { return None };
        if !self.signs.pure.contains(&inner) || self.signs.pure.contains(&factor) {
            return None;
        }
        let signs = self.emit(Op::Map(Map(&scalar::MUL)), &[inner, sign]);
        Some(self.emit(Op::Map(Map(&scalar::MUL)), &[factor, signs]))
    }

    /// The three values of `row` of `args`, if it depends on one sign and on nothing else that varies.
    fn cases(&mut self, row: &'static Scalar, args: &[Val]) -> Option<SignCases> {
        let mut sign = None;
        for arg in args {
            match self.sign_of(*arg) {
                Some(found) if sign.is_none_or(|sign| sign == found) => sign = Some(found),
                Some(_) => return None,
                None if self.is_invariant(*arg) => {}
                None => return None,
            }
        }
        let sign = sign?;
        let broadcast = self.common_broadcast(args, sign);
        let mut values = [sign; 3];
        for (k, value) in values.iter_mut().enumerate() {
            let small: Vec<Val> = args.iter().map(|arg| self.small(*arg, k, &broadcast)).collect();
            *value = self.case(row, &small);
        }
        Some(SignCases { sign, values, broadcast })
    }

    /// `row` of one case. A product with the sign 0 is 0: what it is multiplied with is finite.
    fn case(&mut self, row: &'static Scalar, args: &[Val]) -> Val {
        let zero = args.iter().find(|arg| self.builder.as_constant(**arg) == Some(0.0));
        match zero {
            Some(zero) if std::ptr::eq(row, &scalar::MUL) => *zero,
            _ => self.emit(Op::Map(Map(row)), args),
        }
    }

    fn sign_of(&self, value: Val) -> Option<Val> {
        if self.signs.pure.contains(&value) {
            return Some(value);
        }
        self.signs.cases.get(&value).map(|cases| cases.sign)
    }

    fn is_invariant(&self, value: Val) -> bool {
        self.builder.as_constant(value).is_some()
            || broadcast_scalar(&self.builder, value).is_some()
            || broadcast_segments(&self.builder, value).is_some()
    }

    /// By tensor if anything is, else from one number for the whole model.
    fn common_broadcast(&self, args: &[Val], sign: Val) -> Op {
        let to = self.builder.ty(sign).shape.clone();
        let by_piece = |arg: &Val| match self.signs.cases.get(arg) {
            Some(cases) => is_by_piece(&cases.broadcast).then(|| cases.broadcast.clone()),
            None => {
                broadcast_segments(&self.builder, *arg).and_then(|_| Some(self.builder.op(*arg)?.0.clone()))
            }
        };
        let whole = || Op::View(View::Broadcast { to, axes: Vec::new() });
        args.iter().find_map(by_piece).unwrap_or_else(whole)
    }

    /// What an argument is in case `k`, before it is broadcast.
    fn small(&mut self, arg: Val, k: usize, broadcast: &Op) -> Val {
        let shape = small_shape(broadcast);
        let ty = Type::new(self.builder.ty(arg).dtype, shape.clone());
        if self.signs.pure.contains(&arg) {
            return self.builder.constant(SIGNS[k], &ty);
        }
        if let Some(number) = self.builder.as_constant(arg) {
            return self.builder.constant(number, &ty);
        }
        let small = match self.signs.cases.get(&arg) {
            Some(cases) => cases.values[k],
            None => {
                broadcast_scalar(&self.builder, arg).or(broadcast_segments(&self.builder, arg)).unwrap_or(arg)
            }
        };
        match self.builder.ty(small).shape == shape {
            true => small,
            false => self.emit(Op::View(View::Broadcast { to: shape, axes: Vec::new() }), &[small]),
        }
    }

    /// What is below and above 0 where a sign is, with fewer operations: a number in place of its own sign.
    /// Times another sign it is exact, and neither below nor above where it is not a number.
    fn like(&mut self, sign: Val) -> Val {
        let own = |value: Val| self.builder.call(value, &scalar::SIGN).map(|args| args[0]);
        if let Some(number) = own(sign) {
            return number;
        }
        let product = self.builder.call(sign, &scalar::MUL).map(|args| (args[0], args[1]));
        match product.and_then(|(other, last)| Some((other, own(last)?))) {
            Some((other, number)) => self.emit(Op::Map(Map(&scalar::MUL)), &[other, number]),
            None => sign,
        }
    }

    /// The case of each coordinate. A new name for `value` would be lost, so its own goes over.
    fn select(&mut self, cases: &SignCases, value: Val) -> Val {
        let ty = self.builder.ty(cases.sign).clone();
        let zero = self.builder.constant(0.0, &ty);
        let [low, middle, high] = cases.values.map(|small| self.emit(cases.broadcast.clone(), &[small]));
        let sign = self.like(cases.sign);
        let negative = self.emit(Op::Map(Map(&scalar::LT)), &[sign, zero]);
        let positive = self.emit(Op::Map(Map(&scalar::GT)), &[sign, zero]);
        let rest = self.emit(Op::Map(Map(&scalar::SELECT)), &[negative, low, middle]);
        let chosen = self.emit(Op::Map(Map(&scalar::SELECT)), &[positive, high, rest]);
        if let Some(name) = self.builder.node(value).name.clone() {
            self.builder.name(chosen, &name);
        }
        chosen
    }
}

fn is_by_piece(broadcast: &Op) -> bool {
    matches!(broadcast, Op::Segment(_))
}

/// The shape of what is broadcast.
fn small_shape(broadcast: &Op) -> Shape {
    match broadcast {
        Op::Segment(Segment::Broadcast { segments }) => vec![segments.count().into()],
        _ => Vec::new(),
    }
}
