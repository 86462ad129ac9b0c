//! Scheduling: which axis runs in vector lanes, how many lanes, which axis is done in rows, and in
//! which order the loops stand.
//!
//! The rule, in order:
//! 1. The vector axis is one along which every access that depends on it goes to the next element
//!    (loads and stores alike), no position is computed (gathers, guards), and that is at least
//!    four long, nor on from what the kernel stored before along it. Of several, the one with most such accesses; a result axis before a reduced one;
//!    the innermost. Without one, the innermost result axis along which accesses go to the next element
//!    or to the one after it, in lanes of 32 bits, as for windows of two. Else the kernel runs in scalars.
//! 2. Lanes: 8, or 4 where a value in them is 64 bits wide or the axis is shorter than 8. A reduction
//!    to at most three sums takes twice as many where the axis is that long: additions wait for those of
//!    the iteration before, and the registers of 128 bits that all machines have are enough for so many;
//!    a short axis (below 32) takes 4 where that wastes fewer lanes.
//! 3. Rows: in a kernel that reduces, four (or two) positions of another result axis are done at once,
//!    so that what does not depend on it is loaded once for all of them.
//! 4. Result axes in order, then reduced axes in order with the vector axis innermost.
//! 5. Of several loops over reduced axes inside of a vector or in scalars, the innermost are written out if
//!    they iteration at most 16 times together; in scalars or in steps of two also innermost loops over at most 4 results.

use crate::algebra::form::AxisSize;
use crate::algebra::types::DType;
use crate::hardware::HARDWARE;
use crate::kernel::{Affine, Guard, Inst, InstId, Kernel};

use super::facts::{KernelFacts, extent};
use super::guards::{self, Bounds};

/// How a kernel's loops are arranged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Result axes, outermost first.
    pub outer: Vec<usize>,
    /// Reduced axes, outermost first.
    pub inner: Vec<usize>,
    /// Axes without a loop: each position is written out.
    pub unrolled: Vec<usize>,
    /// The axis that runs in lanes.
    pub vector: Option<usize>,
    /// Lanes along it; 1 without one.
    pub lanes: u16,
    /// The result axis of which several positions are done at once.
    pub jam: Option<usize>,
    /// How many; 1 without one.
    pub rows: usize,
    /// Whether the last iteration along a result axis may repeat elements of the iteration before it, which
    /// saves a loop for the rest: nothing that is stored is also read.
    pub overlap: bool,
    /// Whether the rest of a reduced vector axis may be done in four lanes of which some do not count:
    /// what is stored inside the reduction may be stored again.
    pub masked: bool,
    /// Result axes with a loop for each section between positions at which a load's condition changes.
    pub(super) cuts: Vec<Bounds>,
}

impl Schedule {
    pub(super) fn of(kernel: &Kernel, facts: &KernelFacts) -> Schedule {
        let n = kernel.axes.len();
        let mut cuts = guards::bounds(kernel, facts);
        let adjacent = vector_axis(kernel, facts, &cuts, 1);
        let in_twos = || vector_axis(kernel, facts, &cuts, 2).filter(|axis| *axis < kernel.n_out);
        let vector = adjacent.or_else(in_twos);
        let jam = rows_axis(kernel, facts, vector);
        let rows = jam.map_or(1, |axis| if extent(kernel, axis) >= 4 { 4 } else { 2 });
        let lanes = vector.map_or(1, |axis| lanes(kernel, facts, (axis, longest(kernel, &cuts, axis)), rows));
        let mut inner: Vec<usize> = (kernel.n_out..n).filter(|axis| Some(*axis) != vector).collect();
        inner.extend(vector.filter(|axis| *axis >= kernel.n_out));
        let outer = (0..kernel.n_out).collect();
        let mut unrolled = unrolled(kernel, &inner, vector);
        let points: usize = (0..n).map(|axis| extent(kernel, axis)).product();
        if adjacent.is_none() && points >= WORTH {
            let results: Vec<usize> = (0..kernel.n_out).filter(|axis| Some(*axis) != vector).collect();
            let left = UNROLLED / unrolled.iter().map(|axis| extent(kernel, *axis)).product::<usize>().max(1);
            unrolled.extend(innermost(kernel, &results, left.min(SHORT)));
        }
        let again = !facts.in_place || !stores_inside(kernel, facts);
        let masked = again && !combines_booleans(kernel, facts);
        cuts.retain(|cut| Some(cut.axis) != jam && !unrolled.contains(&cut.axis));
        Schedule { outer, inner, unrolled, vector, lanes, jam, rows, overlap: !facts.in_place, masked, cuts }
    }

    /// Start and end of each section of an axis of fixed length, with the positions that one iteration covers.
    pub(super) fn iterations(&self, axis: usize, n: usize) -> Vec<(usize, usize, usize)> {
        let whole = Bounds { axis, at: vec![0, n] };
        let cut = self.cuts.iter().find(|cut| cut.axis == axis).unwrap_or(&whole);
        let width = |n: usize| match self.vector {
            Some(vector) if vector == axis => fitting(usize::from(self.lanes), n),
            _ => 1,
        };
        cut.sections().map(|(start, stop)| (start, stop, width(stop - start))).collect()
    }

    /// Whether an axis has several sections.
    pub(super) fn is_cut(&self, axis: usize) -> bool {
        self.cuts.iter().any(|cut| cut.axis == axis)
    }
}

/// So many lanes, or half as many as often as it takes not to leave a section; one where that is below four.
fn fitting(lanes: usize, n: usize) -> usize {
    let width = std::iter::successors(Some(lanes), |width| Some(width / 2)).find(|width| *width <= n.max(1));
    width.filter(|width| *width >= 4).unwrap_or(1)
}

/// Positions of the longest section of an axis.
fn longest(kernel: &Kernel, cuts: &[Bounds], axis: usize) -> usize {
    cuts.iter().find(|cut| cut.axis == axis).map_or_else(|| extent(kernel, axis), Bounds::longest)
}

/// Most iterations of innermost loops that are written out.
const UNROLLED: usize = 16;

/// Most iterations of innermost loops over results that are written out, in kernels of so many points.
const SHORT: usize = 4;
const WORTH: usize = 1 << 12;

/// The innermost of several loops over reduced axes where each iteration takes vectors, or single numbers, from
/// elsewhere: the taps of a convolution, the positions in a window of pooling.
fn unrolled(kernel: &Kernel, inner: &[usize], vector: Option<usize>) -> Vec<usize> {
    let across = vector.is_none_or(|axis| axis < kernel.n_out);
    if !across || inner.len() < 2 { Vec::new() } else { innermost(kernel, inner, UNROLLED) }
}

/// The innermost of some axes that iteration so often together at most.
fn innermost(kernel: &Kernel, axes: &[usize], most: usize) -> Vec<usize> {
    let mut iterations = 1;
    let short = |axis: &&usize| {
        let pieces = matches!(kernel.axes.get(**axis + 1), Some(AxisSize::Ragged(_)));
        iterations *= extent(kernel, **axis);
        matches!(kernel.axes[**axis], AxisSize::Fixed(_)) && !pieces && iterations <= most
    };
    axes.iter().rev().take_while(short).copied().collect()
}

/// How an access moves along an axis: `None` where that is not by a fixed number of elements.
fn stride(at: &Affine, axis: usize, facts: &KernelFacts) -> Option<i64> {
    let gather = at.gather.is_some_and(|(index, _)| facts.on(index, axis));
    let piece = at.piece.as_ref().is_some_and(|(_, of)| *of == axis);
    if gather || piece {
        return None;
    }
    Some(at.terms.iter().find(|(of, _)| *of == axis).map_or(0, |(_, coefficient)| *coefficient))
}

/// How many accesses go so many elements at most along an axis; `None` if one goes elsewhere.
fn contiguous(
    kernel: &Kernel,
    facts: &KernelFacts,
    cuts: &[Bounds],
    axis: usize,
    most: i64,
) -> Option<usize> {
    let cut = cuts.iter().any(|cut| cut.axis == axis);
    let still = |guard: &Guard| stride(&guard.position, axis, facts) == Some(0);
    let mut count = 0;
    for (k, inst) in kernel.insts.iter().enumerate() {
        if !facts.live[k] || !facts.on(InstId(k), axis) {
            continue;
        }
        let step = match inst {
            Inst::Load { at, guards, .. } => {
                let fixed = guards.iter().all(|guard| still(guard) || cut && guards::goes_by(guard, axis));
                stride(at, axis, facts).filter(|_| fixed)?
            }
            Inst::Store { at, .. } => stride(at, axis, facts)?,
            Inst::Const(..) | Inst::Axis(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => continue,
        };
        if !(1..=most).contains(&step) || step > 1 && !in_words(kernel, inst) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// Whether what is read or written are words of 32 bits.
fn in_words(kernel: &Kernel, access: &Inst) -> bool {
    let value = match access {
        Inst::Store { value, .. } => &kernel.insts[value.0],
        value => value,
    };
    matches!(value.dtype(), DType::F32 | DType::I32)
}

fn vector_axis(kernel: &Kernel, facts: &KernelFacts, cuts: &[Bounds], most: i64) -> Option<usize> {
    let starts_pieces = |axis: usize| matches!(kernel.axes.get(axis + 1), Some(AxisSize::Ragged(_)));
    let mut best = None;
    let fits = |axis: &usize| {
        longest(kernel, cuts, *axis) >= 4 && !starts_pieces(*axis) && !goes_on(kernel, facts, *axis)
    };
    for axis in (0..kernel.axes.len()).filter(fits) {
        if let Some(count) = contiguous(kernel, facts, cuts, axis, most).filter(|count| *count > 0) {
            best = best.max(Some((count, axis < kernel.n_out, axis)));
        }
    }
    best.map(|(_, _, axis)| axis)
}

/// Whether points along an axis go on from what others along it stored.
fn goes_on(kernel: &Kernel, facts: &KernelFacts, axis: usize) -> bool {
    facts.resumed.iter().any(|(load, apart)| {
        let Inst::Load { at, .. } = &kernel.insts[load.0] else { return false };
        let reach = stride(at, axis, facts).map_or(0, |by| by.abs() * extent(kernel, axis) as i64);
        *apart != 0 && apart.abs() < reach
    })
}

fn stores_inside(kernel: &Kernel, facts: &KernelFacts) -> bool {
    let inside = |(inst, inside): (&Inst, &bool)| *inside && matches!(inst, Inst::Store { .. });
    kernel.insts.iter().zip(&facts.inside).any(inside)
}

fn combines_booleans(kernel: &Kernel, facts: &KernelFacts) -> bool {
    facts.combines.iter().any(|id| matches!(kernel.insts[id.0], Inst::Reduce(_, _, DType::Bool)))
}

/// A result axis that not every vector load of the reduction depends on.
fn rows_axis(kernel: &Kernel, facts: &KernelFacts, vector: Option<usize>) -> Option<usize> {
    let vector = vector?;
    let inside = |k: &usize| facts.live[*k] && facts.inside[*k];
    let stores =
        (0..kernel.insts.len()).filter(inside).any(|k| matches!(kernel.insts[k], Inst::Store { .. }));
    if facts.combines.is_empty() || stores {
        return None;
    }
    let shares = |axis: usize| {
        let loads = (0..kernel.insts.len())
            .filter(inside)
            .filter(|k| matches!(kernel.insts[*k], Inst::Load { .. }) && facts.on(InstId(*k), vector));
        let all_sums = facts.combines.iter().all(|sum| facts.on(*sum, axis));
        all_sums && loads.into_iter().any(|k| !facts.on(InstId(k), axis))
    };
    let fits = |axis: &usize| {
        let fixed = matches!(kernel.axes[*axis], AxisSize::Fixed(n) if n >= 2);
        let pieces = matches!(kernel.axes.get(axis + 1), Some(AxisSize::Ragged(_)));
        *axis != vector && fixed && !pieces && shares(*axis)
    };
    (0..kernel.n_out).rev().filter(fits).max_by_key(|axis| (extent(kernel, *axis) >= 4, *axis))
}

fn lanes(kernel: &Kernel, facts: &KernelFacts, (vector, n): (usize, usize), rows: usize) -> u16 {
    let wide = kernel.insts.iter().enumerate().any(|(k, inst)| {
        facts.live[k]
            && facts.on(InstId(k), vector)
            && !matches!(inst, Inst::Store { .. })
            && matches!(inst.dtype(), DType::F64 | DType::I64)
    });
    let sums = facts.combines.len();
    let iterations = |lanes: usize| n.div_ceil(lanes) * lanes;
    let reduced = vector >= kernel.n_out;
    let narrow = if reduced { !n.is_multiple_of(8) } else { sums == 0 && iterations(8) > iterations(4) };
    if (4..32).contains(&n) && !facts.in_place && narrow {
        return 4;
    }
    let base = HARDWARE.lanes(if wide { 8 } else { 4 }) as u16;
    let most = if sums > 0 && rows * sums <= 3 { 2 * base } else { base };
    [most, base, 4].into_iter().find(|lanes| n >= usize::from(*lanes)).unwrap_or(1)
}
