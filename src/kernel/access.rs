//! Follows a read through views down to what lies in memory or is computed.

use super::affine::{flatten, inside, unflatten};
use super::plan::{Class, Items, PlanItem, uses_axis};
use super::{Affine, Guard, InstId};
use crate::algebra::form::{AxisSize, Read};

/// A place inside a value, as a function of loop axes.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    /// Which value.
    pub(super) item: usize,
    pub(super) at: Location,
    /// Conditions under which the value is read; otherwise it is `outside`.
    pub(super) guards: Vec<Guard>,
    pub(super) outside: f64,
}

/// A position in a tensor.
#[derive(Clone, Debug)]
pub(super) enum Location {
    /// Along each axis.
    Axes(Vec<Affine>),
    /// In row-major order.
    Flat(Affine),
}

impl Default for Location {
    fn default() -> Location {
        Location::Flat(Affine::default())
    }
}

/// A read of something in memory or computed.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// What is read.
    pub(super) base: usize,
    /// Its row-major position.
    pub(super) at: Affine,
    /// Whether it may lie outside.
    pub(super) guarded: bool,
}

/// The spot of an argument that a form reads when its axes are at `positions`; `outer` holds the
/// conditions so far. `gathered` knows the values of earlier reads.
pub(super) fn follow(
    read: &Read,
    arg: (usize, &PlanItem),
    positions: &[Affine],
    outer: &Access,
    axes: &[AxisSize],
    gathered: &dyn Fn(usize) -> Option<InstId>,
) -> Option<Access> {
    let (id, item) = arg;
    let resolve = |index| Affine::of_index(index, index.gather.and_then(gathered)).at(positions);
    let index = read.index.iter().map(resolve).collect::<Option<Vec<Affine>>>()?;
    let is_flat = index.len() == 1 && item.shape.len() != 1;
    let bounds = if is_flat { vec![item.ty.count()] } else { item.shape.clone() };
    let mut spot = Access { item: id, at: Location::default(), ..outer.clone() };
    if let Some(outside) = read.outside {
        for (position, bound) in index.iter().zip(bounds) {
            let guard = Guard { position: position.clone(), bound: bound as i64 };
            if !inside(position, guard.bound, axes) && !spot.guards.contains(&guard) {
                if !spot.guards.is_empty() && spot.outside.to_bits() != outside.to_bits() {
                    return None;
                }
                spot.outside = outside;
                spot.guards.push(guard);
            }
        }
    }
    spot.at = if is_flat { Location::Flat(index[0].clone()) } else { Location::Axes(index) };
    Some(spot)
}

impl Items {
    /// Where the axes of a value's form are, at a spot of the value.
    pub(super) fn positions(&self, spot: &Access, axes: &[AxisSize]) -> Option<Vec<Affine>> {
        let item = &self.items[spot.item];
        if let Some(AxisSize::Ragged(segments)) = item.form.axes.get(1) {
            let flat = self.flat(spot)?;
            let (have, axis) = flat.segment.clone()?;
            let same = have == *segments && flat == Affine::in_segment(segments, axis);
            return same.then(|| vec![Affine::axis(axis), Affine::axis(axis + 1)]);
        }
        match &spot.at {
            Location::Axes(positions) => Some(positions.clone()),
            Location::Flat(flat) => unflatten(flat, &item.shape, axes),
        }
    }

    /// The row-major position of a spot.
    pub(super) fn flat(&self, spot: &Access) -> Option<Affine> {
        match &spot.at {
            Location::Flat(flat) => Some(flat.clone()),
            Location::Axes(positions) => flatten(positions, &self.items[spot.item].shape),
        }
    }

    /// The read that a spot in memory or in a computed value is.
    pub(super) fn edge(&self, spot: &Access) -> Option<Edge> {
        Some(Edge { base: spot.item, at: self.flat(spot)?, guarded: !spot.guards.is_empty() })
    }

    /// Follows views. Fails with the value that does not fold.
    pub(super) fn trace(&self, mut spot: Access, axes: &[AxisSize]) -> Result<Access, usize> {
        loop {
            let item = &self.items[spot.item];
            match item.class {
                Class::View => {
                    let arg = item.args[0];
                    let below = self.positions(&spot, axes).and_then(|positions| {
                        let read = &item.form.reads[0];
                        follow(read, (arg, &self.items[arg]), &positions, &spot, axes, &|_| None)
                    });
                    spot = below.ok_or(spot.item)?;
                }
                Class::Inline if self.is_free_at(&spot, axes) => return Ok(spot),
                Class::Inline => return Err(spot.item),
                Class::Input(_) | Class::Compute | Class::Concat | Class::Result => return Ok(spot),
                Class::Loop(_) => return Err(spot.item),
            }
        }
    }

    /// Whether a free value can be computed at a spot: nothing lies outside, and positions that its
    /// body uses are known as sums.
    fn is_free_at(&self, spot: &Access, axes: &[AxisSize]) -> bool {
        let form = &self.items[spot.item].form;
        let plain = |position: &Affine| position.segment.is_none() && position.gather.is_none();
        spot.guards.is_empty()
            && match self.positions(spot, axes) {
                Some(positions) => !uses_axis(&form.body) || positions.iter().all(plain),
                None => form.reads.is_empty() && !uses_axis(&form.body),
            }
    }
}
