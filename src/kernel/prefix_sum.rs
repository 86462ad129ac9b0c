//! Kernels that are prefix sums: `out[i] = sum over r of x[i - r]` where there is such an element. Each
//! result is the one before it and one more element; nothing is added up anew.

use std::fmt;

use super::{Affine, Inst, InstId, Kernel};
use crate::algebra::form::{AxisSize, Reducer};

/// A kernel whose sum runs along an axis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrefixSum {
    /// The sum.
    pub sum: InstId,
    /// The load of an element.
    pub load: InstId,
    /// The axis that it runs along.
    pub axis: usize,
    /// How long that is.
    pub n: usize,
    /// Whether it runs from the end.
    pub reverse: bool,
}

impl PrefixSum {
    /// The kernel as a prefix sum, if that is what it is.
    pub(super) fn of(kernel: &Kernel) -> Option<PrefixSum> {
        let mut combines = (0..kernel.insts.len()).filter(|k| matches!(kernel.insts[*k], Inst::Reduce(..)));
        let (sum, None) = (combines.next()?, combines.next()) else { return None };
        let Inst::Reduce(Reducer::Sum, load, want) = kernel.insts[sum] else { return None };
        let Inst::Load { at, guards, outside, dtype, .. } = &kernel.insts[load.0] else { return None };
        let deep = kernel.in_reduction().into_iter().filter(|deep| *deep).count();
        let zero = *outside == 0.0 && *dtype == want;
        let ([guard], 1, true) = (&guards[..], deep, zero) else { return None };
        let [(axis, 1), (away, by)] = guard.position.terms[..] else { return None };
        let n = usize::try_from(guard.bound).ok()?;
        let alike = |axis: usize| kernel.axes.get(axis) == Some(&AxisSize::Fixed(n));
        let fits = kernel.axes.len() == kernel.n_out + 1
            && away == kernel.n_out
            && by.abs() == 1
            && guard.position == Affine { terms: guard.position.terms.clone(), ..Affine::default() }
            && alike(axis)
            && alike(away)
            && at.gather.is_none()
            && at.piece.is_none()
            && super::stride(at, away) == by * super::stride(at, axis);
        fits.then_some(PrefixSum { sum: InstId(sum), load, axis, n, reverse: by > 0 })
    }
}

/// `prefix sum of 100`.
impl fmt::Display for PrefixSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = if self.reverse { " from the end" } else { "" };
        write!(f, "prefix sum of {}{back}", self.n)
    }
}
