//! Where conditions of loads change along an axis: padding, or the pieces of a concatenation. The axis is
//! cut there, so that each condition holds at all positions of a loop or at none, and neighbours are read
//! in vectors.

use crate::algebra::form::AxisSize;
use crate::kernel::{Guard, Inst, Kernel};

use super::facts::{KernelFacts, extent};

/// Most copies of a kernel's innermost block, and most instructions of all copies.
const COPIES: usize = 32;
const INSTS: usize = 512;

/// Where an axis is cut: its first position, those at which a condition changes, and one past its last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    pub(super) axis: usize,
    pub(super) at: Vec<usize>,
}

impl Bounds {
    /// Start and end of each section.
    pub(super) fn sections(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.at.windows(2).map(|ends| (ends[0], ends[1]))
    }

    /// Positions of the longest section.
    pub(super) fn longest(&self) -> usize {
        self.sections().map(|(start, stop)| stop - start).max().unwrap_or(0)
    }
}

/// The result axes that are cut, innermost first.
pub(super) fn bounds(kernel: &Kernel, facts: &KernelFacts) -> Vec<Bounds> {
    let live = facts.live.iter().filter(|live| **live).count().max(1);
    let mut left = COPIES.min(INSTS / live);
    let mut cuts = Vec::new();
    for axis in (0..kernel.n_out).rev() {
        let at = changes(kernel, facts, axis);
        if at.len() > 2 && at.len() - 1 <= left {
            left /= at.len() - 1;
            cuts.push(Bounds { axis, at });
        }
    }
    cuts
}

/// The ends of an axis and the positions between them from which on a condition holds or fails.
fn changes(kernel: &Kernel, facts: &KernelFacts, axis: usize) -> Vec<usize> {
    let starts_pieces = matches!(kernel.axes.get(axis + 1), Some(AxisSize::Ragged(_)));
    if !matches!(kernel.axes[axis], AxisSize::Fixed(_)) || starts_pieces {
        return Vec::new();
    }
    let n = extent(kernel, axis) as i64;
    let guards = kernel.insts.iter().enumerate().filter(|(k, _)| facts.live[*k]);
    let guards = guards.flat_map(|(_, inst)| match inst {
        Inst::Load { guards, .. } => guards.as_slice(),
        _ => &[],
    });
    let by_itself = guards.filter(|guard| goes_by(guard, axis));
    let mut at: Vec<i64> = by_itself.flat_map(|guard| ends(guard).map(|end| end.clamp(0, n))).collect();
    at.extend([0, n]);
    at.sort_unstable();
    at.dedup();
    at.into_iter().map(|position| position as usize).collect()
}

/// Whether a condition depends on the position along this axis and on nothing else.
pub(super) fn goes_by(guard: &Guard, axis: usize) -> bool {
    let position = &guard.position;
    let alone = matches!(position.terms[..], [(of, _)] if of == axis);
    alone && position.piece.is_none() && position.gather.is_none()
}

/// The first position at which a condition on one axis holds, and the first after it where it does not.
fn ends(guard: &Guard) -> [i64; 2] {
    let (offset, by) = (guard.position.offset, guard.position.terms[0].1);
    // `0 <= offset + by * i < bound`, for negative `by` turned around.
    let up = |n: i64, by: i64| n.div_euclid(by) + i64::from(n.rem_euclid(by) != 0);
    match by > 0 {
        true => [up(-offset, by), up(guard.bound - offset, by)],
        false => [up(offset - guard.bound + 1, -by), up(offset + 1, -by)],
    }
}
