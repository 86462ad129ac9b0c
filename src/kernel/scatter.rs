//! Kernels that add values up by an index: `out[i] = sum over r of select(index[r] == i, value[r], 0)`, the
//! derivative of `take`. In one pass over the values, each is added where its index says; the results are
//! not tried one by one.

use std::fmt;

use super::affine::points;
use super::{Inst, InstId, Kernel};
use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::types::DType;

/// Axes of fewer places are tried one by one: no place has to wait for the sum that was there before.
const PLACES: usize = 5;

/// A kernel all of whose sums are by an index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scatter {
    /// The axis of places.
    pub axis: usize,
    /// How many places there are.
    pub places: usize,
    /// The sums.
    pub sums: Vec<Scattered>,
    /// How many values are added to each.
    pub values: usize,
}

/// A sum by an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scattered {
    /// The sum.
    pub sum: InstId,
    /// The place of each value.
    pub index: InstId,
    /// What is added.
    pub value: InstId,
}

impl Scatter {
    /// The kernel as sums by an index, if that is what it is.
    pub(super) fn of(kernel: &Kernel) -> Option<Scatter> {
        let combines = (0..kernel.insts.len()).filter(|k| matches!(kernel.insts[*k], Inst::Reduce(..)));
        let found: Option<Vec<_>> = combines.map(|sum| scattered(kernel, InstId(sum))).collect();
        let found = found?;
        let axis = found.first()?.0;
        let fixed = kernel.axes.iter().all(|extent| matches!(extent, AxisSize::Fixed(n) if *n > 0));
        let AxisSize::Fixed(places) = kernel.axes[axis] else { return None };
        let (along, all) = (kernel.dependences(), kernel.reduced());
        let fits = |(of, sum): &(usize, Scattered)| {
            let (index, value) = (along[sum.index.0], along[sum.value.0]);
            *of == axis && (index | value) & 1 << axis == 0 && index & all == all
        };
        let stores = kernel.insts.iter().zip(kernel.in_reduction());
        let deep = stores.filter(|(inst, deep)| *deep && matches!(inst, Inst::Store { .. })).count();
        if !fixed || places < PLACES || deep > 0 || !found.iter().all(fits) {
            return None;
        }
        let values = points(&kernel.axes[kernel.n_out..]);
        Some(Scatter { axis, places, sums: found.into_iter().map(|(_, sum)| sum).collect(), values })
    }
}

/// `scatter: 768 values to 65 places`.
impl fmt::Display for Scatter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scatter: {} values to {} places", self.values, self.places)
    }
}

/// A sum by an index, and the axis of its places.
fn scattered(kernel: &Kernel, sum: InstId) -> Option<(usize, Scattered)> {
    let Inst::Reduce(Reducer::Sum, arg, dtype) = kernel.insts[sum.0] else { return None };
    let [here, value, zero] = call(kernel, arg, &scalar::SELECT)?[..] else { return None };
    let [a, b] = call(kernel, here, &scalar::EQ)?[..] else { return None };
    let nothing = matches!(kernel.insts[zero.0], Inst::Const(number, _) if number == 0.0);
    let place = |id: InstId| match kernel.insts[id.0] {
        Inst::Axis(axis, DType::I32) if axis < kernel.n_out => Some(axis),
        _ => None,
    };
    let (axis, index) = place(b).map(|axis| (axis, a)).or_else(|| place(a).map(|axis| (axis, b)))?;
    let fits = nothing && kernel.insts[value.0].dtype() == dtype;
    fits.then_some((axis, Scattered { sum, index, value }))
}

/// The operands of a call of this function.
fn call<'a>(kernel: &'a Kernel, id: InstId, function: &'static Scalar) -> Option<&'a [InstId]> {
    match &kernel.insts[id.0] {
        Inst::Map(f, args, _) if std::ptr::eq(*f, function) => Some(args),
        _ => None,
    }
}
