//! Sections: how one axis is cut into loops: the main loop and what is left for the rest. Where the
//! kernel has parts, each does what of a section lies in it.

use crate::algebra::form::AxisSize;

use super::build::POSITION;
use super::lower::KernelLowering;
use super::split::ParallelSplit;
use super::{Expr, LoopBound, Value};

/// One loop along an axis.
#[derive(Clone, Copy)]
pub(super) struct Section {
    pub(super) start: LoopBound,
    pub(super) stop: LoopBound,
    /// Positions that one iteration covers.
    pub(super) step: usize,
    /// If it iterations exactly once: at this position.
    pub(super) once: Option<i64>,
    /// Positions are clamped to `0..n`, so that the last iteration overlaps the one before it.
    pub(super) clamp: Option<i64>,
    /// Lanes at the front that do not count: the section before took them in.
    pub(super) skip: usize,
    /// First and last position of it, in all parts.
    pub(super) range: (i64, i64),
}

fn fixed(start: usize, stop: usize, step: usize) -> Section {
    let once = (stop - start <= step).then_some(start as i64);
    Section {
        start: LoopBound::Const(start as i64),
        stop: LoopBound::Const(stop as i64),
        step,
        once,
        clamp: None,
        skip: 0,
        range: (start as i64, stop as i64 - 1),
    }
}

/// Cuts `start..stop` into iterations of `width`, the last of which may overlap the one before it.
fn overlapping(start: usize, stop: usize, width: usize) -> Vec<Section> {
    let clamp = (!(stop - start).is_multiple_of(width)).then_some((stop - width + 1) as i64);
    vec![Section { clamp, ..fixed(start, stop, width) }]
}

/// Cuts `start..n` into iterations of `width`, then 4, then 1. Instead of the ones: four lanes of which only
/// the last count, if that is allowed.
fn cut(mut start: usize, n: usize, width: usize, masked: bool) -> Vec<Section> {
    let first = start;
    let mut sections = Vec::new();
    for step in [width, width.min(4), 1] {
        let stop = n - (n - start) % step;
        if step == 1 && masked && n >= first + 4 && start < n {
            let skip = 4 - (n - start);
            sections.push(Section { skip, ..fixed(n - 4, n, 4) });
        } else if stop > start {
            sections.push(fixed(start, stop, step));
        }
        start = stop;
    }
    sections
}

impl KernelLowering<'_> {
    /// The loops along an axis, in the part being done.
    pub(super) fn sections(&mut self, axis: usize) -> Vec<Section> {
        let sections = self.whole(axis);
        match self.split {
            Some((split, part)) if split.axis == axis => {
                sections.into_iter().map(|section| self.in_part_of(split, part, section)).collect()
            }
            _ => sections,
        }
    }

    /// What of a section lies in the part being done.
    fn in_part_of(&mut self, split: &ParallelSplit, part: Value, section: Section) -> Section {
        let (LoopBound::Const(start), LoopBound::Const(stop)) = (section.start, section.stop) else {
            unreachable!("only axes of fixed length are cut")
        };
        let (starts, stops) = split.overlaps(start as usize..stop as usize);
        let mut limit = |table: Vec<i64>| {
            let table = self.to.table(table);
            LoopBound::Value(self.to.emit(Expr::Table(table, part), POSITION))
        };
        Section { start: limit(starts), stop: limit(stops), once: None, ..section }
    }

    /// The loops along an axis.
    fn whole(&mut self, axis: usize) -> Vec<Section> {
        let schedule = &self.schedule;
        let vector = schedule.vector == Some(axis);
        let jam = schedule.jam == Some(axis);
        let overlap = schedule.overlap && axis < self.kernel.n_out;
        let lanes = usize::from(schedule.lanes);
        let masked = schedule.masked && axis >= self.kernel.n_out;
        let iterations = |(start, stop, width)| match overlap {
            true => overlapping(start, stop, width),
            false => cut(start, stop, width, masked),
        };
        match &self.kernel.axes[axis] {
            AxisSize::Fixed(n) if vector || schedule.is_cut(axis) => {
                schedule.iterations(axis, *n).into_iter().flat_map(iterations).collect()
            }
            AxisSize::Fixed(n) if jam && *n >= schedule.rows => match schedule.rows {
                rows if overlap || n.is_multiple_of(rows) => overlapping(0, *n, rows),
                rows => vec![fixed(0, n - n % rows, rows), fixed(n - n % rows, *n, 1)],
            },
            AxisSize::Fixed(0) => Vec::new(),
            AxisSize::Fixed(n) if schedule.unrolled.contains(&axis) => {
                (0..*n).map(|k| fixed(k, k + 1, 1)).collect()
            }
            AxisSize::Fixed(n) => vec![fixed(0, *n, 1)],
            AxisSize::Ragged(segments) => {
                let lengths: Vec<i64> = segments.lengths.iter().map(|n| *n as i64).collect();
                self.ragged(axis, &lengths, if vector { lanes } else { 1 })
            }
        }
    }

    /// The loops along the piece that the axis before this one is at: whole vectors, then the rest.
    fn ragged(&mut self, axis: usize, lengths: &[i64], width: usize) -> Vec<Section> {
        let whole = lengths.iter().map(|n| n - n % width as i64).collect();
        let length = self.bound_of(axis - 1, lengths.to_vec());
        let range = (0, lengths.iter().copied().max().unwrap_or(0) - 1);
        let section =
            |start, stop, step| Section { start, stop, step, once: None, clamp: None, skip: 0, range };
        if width == 1 {
            return vec![section(LoopBound::Const(0), length, 1)];
        }
        let whole = self.bound_of(axis - 1, whole);
        let mut sections = vec![section(LoopBound::Const(0), whole, width)];
        if lengths.iter().any(|n| n % width as i64 != 0) {
            sections.push(section(whole, length, 1));
        }
        sections
    }

    /// The entry of a table at an axis' position, as a limit.
    fn bound_of(&mut self, axis: usize, table: Vec<i64>) -> LoopBound {
        let value = self.entry(axis, table);
        match self.to.constant(value) {
            Some(number) => LoopBound::Const(number as i64),
            None => LoopBound::Value(value),
        }
    }
}
