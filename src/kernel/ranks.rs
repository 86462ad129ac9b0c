//! Kernels that count how many elements come before each one along an axis: `ranks` of `algebra`. They are
//! sorted; elements are not compared each with each.

use std::fmt;

use super::{Inst, InstId, Kernel};
use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::scalar::{self, Scalar};

/// Axes of fewer elements are compared each with each.
const LEAST: usize = 9;

/// A kernel that counts what comes before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranks {
    /// The count.
    pub count: InstId,
    /// The element at a point of the result axes.
    pub key: InstId,
    /// The axis along which elements stand.
    pub axis: usize,
    /// How many there are.
    pub n: usize,
    /// Greatest first.
    pub descending: bool,
}

impl Ranks {
    /// The kernel as ranks, if that is what it is.
    pub(super) fn of(kernel: &Kernel) -> Option<Ranks> {
        let mut combines = (0..kernel.insts.len()).filter(|k| matches!(kernel.insts[*k], Inst::Reduce(..)));
        let (count, None) = (combines.next()?, combines.next()) else { return None };
        let Inst::Reduce(Reducer::Sum, counted, _) = kernel.insts[count] else { return None };
        let [before, one, zero] = call(kernel, counted, &scalar::SELECT)?[..] else { return None };
        let [precedes, tied] = call(kernel, before, &scalar::OR)?[..] else { return None };
        let [earlier, not_after] = call(kernel, tied, &scalar::AND)?[..] else { return None };
        let [after] = call(kernel, not_after, &scalar::NOT)?[..] else { return None };
        let [first, second] = call(kernel, earlier, &scalar::LT)?[..] else { return None };
        let descending = call(kernel, precedes, &scalar::EXCEEDS).is_some();
        let row: &'static Scalar = if descending { &scalar::EXCEEDS } else { &scalar::PRECEDES };
        let ([other, key], [key_again, other_again]) =
            (call(kernel, precedes, row)?, call(kernel, after, row)?)
        else {
            return None;
        };
        let (axis, away) = (axis(kernel, second)?, axis(kernel, first)?);
        let Some(AxisSize::Fixed(n)) = kernel.axes.get(axis) else { return None };
        let number = |id: InstId, of: f64| matches!(kernel.insts[id.0], Inst::Const(n, _) if n == of);
        let fixed = kernel.axes.iter().all(|extent| matches!(extent, AxisSize::Fixed(n) if *n > 0));
        let stores = kernel.insts.iter().zip(kernel.in_reduction());
        let deep_stores = stores.filter(|(inst, deep)| *deep && matches!(inst, Inst::Store { .. })).count();
        let fits = (key, other) == (key_again, other_again)
            && number(one, 1.0)
            && number(zero, 0.0)
            && fixed
            && *n >= LEAST
            && kernel.axes.len() == kernel.n_out + 1
            && (axis < kernel.n_out && away == kernel.n_out)
            && kernel.axes[away] == AxisSize::Fixed(*n)
            && deep_stores == 0
            && Moved { kernel, axis, away }.is(*other, *key);
        fits.then_some(Ranks { count: InstId(count), key: *key, axis, n: *n, descending })
    }
}

/// `ranks of 50000`.
impl fmt::Display for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ranks of {}{}", self.n, if self.descending { ", descending" } else { "" })
    }
}

/// Whether values are others' at another place of an axis.
struct Moved<'a> {
    kernel: &'a Kernel,
    axis: usize,
    away: usize,
}

impl Moved<'_> {
    /// Whether `other` is `key` with the axis away in place of the axis.
    fn is(&self, other: InstId, key: InstId) -> bool {
        let mut names: Vec<usize> = (0..self.kernel.axes.len()).collect();
        names[self.axis] = self.away;
        let [other_inst, key_inst] = [other, key].map(|id| &self.kernel.insts[id.0]);
        match (other_inst, &key_inst.on_axes(&names)) {
            (Inst::Map(f, a, s), Inst::Map(g, b, t)) => {
                std::ptr::eq(*f, *g) && s == t && a.iter().zip(b).all(|(other, key)| self.is(*other, *key))
            }
            (Inst::Cast(a, s), Inst::Cast(b, t)) => s == t && self.is(*a, *b),
            (Inst::Load { at, guards, .. }, moved) => {
                let gathers = guards.iter().any(|guard| guard.position.gather.is_some());
                at.gather.is_none() && !gathers && other_inst.is_like(moved)
            }
            (Inst::Reduce(..) | Inst::Store { .. }, _) => false,
            (other, moved) => other.is_like(moved),
        }
    }
}

/// The axis that a number is the position of.
fn axis(kernel: &Kernel, id: InstId) -> Option<usize> {
    match kernel.insts[id.0] {
        Inst::Axis(axis, _) => Some(axis),
        _ => None,
    }
}

/// The operands of a call of this function.
fn call<'a>(kernel: &'a Kernel, id: InstId, function: &'static Scalar) -> Option<&'a [InstId]> {
    match &kernel.insts[id.0] {
        Inst::Map(f, args, _) if std::ptr::eq(*f, function) => Some(args),
        _ => None,
    }
}
