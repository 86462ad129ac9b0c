//! Follows a read through views down to what lies in memory or is computed.

use super::affine::{flatten, inside, unflatten};
use super::plan::{Class, Item, Plan, uses_axis};
use super::{Affine, Guard, InstId};
use crate::algebra::form::{Extent, Read};

/// A place inside a value, as a function of loop axes.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    /// Which value.
    pub(super) item: usize,
    pub(super) at: At,
    /// Conditions under which the value is read; otherwise it is `outside`.
    pub(super) guards: Vec<Guard>,
    pub(super) outside: f64,
}

/// A position in a tensor.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// Along each axis.
    Axes(Vec<Affine>),
    /// In row-major order.
    Flat(Affine),
}

impl Default for At {
    fn default() -> At {
        At::Flat(Affine::default())
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
pub(super) fn enter(
    read: &Read,
    arg: (usize, &Item),
    positions: &[Affine],
    outer: &Spot,
    axes: &[Extent],
    gathered: &dyn Fn(usize) -> Option<InstId>,
) -> Option<Spot> {
    let (id, item) = arg;
    let resolve = |index| Affine::of_index(index, index.gather.and_then(gathered)).at(positions);
    let index = read.index.iter().map(resolve).collect::<Option<Vec<Affine>>>()?;
    let is_flat = index.len() == 1 && item.shape.len() != 1;
    let bounds = if is_flat { vec![item.ty.count()] } else { item.shape.clone() };
    let mut spot = Spot { item: id, at: At::default(), ..outer.clone() };
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
    spot.at = if is_flat { At::Flat(index[0].clone()) } else { At::Axes(index) };
    Some(spot)
}

impl Plan {
    /// Where the axes of a value's form are, at a spot of the value.
    pub(super) fn positions(&self, spot: &Spot, axes: &[Extent]) -> Option<Vec<Affine>> {
        let item = &self.items[spot.item];
        if let Some(Extent::Ragged(pieces)) = item.form.axes.get(1) {
            let flat = self.flat(spot)?;
            let (have, axis) = flat.piece.clone()?;
            let same = have == *pieces && flat == Affine::in_piece(pieces, axis);
            return same.then(|| vec![Affine::axis(axis), Affine::axis(axis + 1)]);
        }
        match &spot.at {
            At::Axes(positions) => Some(positions.clone()),
            At::Flat(flat) => unflatten(flat, &item.shape, axes),
        }
    }

    /// The row-major position of a spot.
    pub(super) fn flat(&self, spot: &Spot) -> Option<Affine> {
        match &spot.at {
            At::Flat(flat) => Some(flat.clone()),
            At::Axes(positions) => flatten(positions, &self.items[spot.item].shape),
        }
    }

    /// The read that a spot in memory or in a computed value is.
    pub(super) fn edge(&self, spot: &Spot) -> Option<Edge> {
        Some(Edge { base: spot.item, at: self.flat(spot)?, guarded: !spot.guards.is_empty() })
    }

    /// Follows views. Fails with the value that does not fold.
    pub(super) fn trace(&self, mut spot: Spot, axes: &[Extent]) -> Result<Spot, usize> {
        loop {
            let item = &self.items[spot.item];
            match item.class {
                Class::View => {
                    let arg = item.args[0];
                    let below = self.positions(&spot, axes).and_then(|positions| {
                        let read = &item.form.reads[0];
                        enter(read, (arg, &self.items[arg]), &positions, &spot, axes, &|_| None)
                    });
                    spot = below.ok_or(spot.item)?;
                }
                Class::Inline if self.is_free_at(&spot, axes) => return Ok(spot),
                Class::Inline => return Err(spot.item),
                Class::Input(_) | Class::Compute | Class::Concat => return Ok(spot),
            }
        }
    }

    /// Whether a free value can be computed at a spot: nothing lies outside, and positions that its
    /// body uses are known as sums.
    fn is_free_at(&self, spot: &Spot, axes: &[Extent]) -> bool {
        let form = &self.items[spot.item].form;
        let plain = |position: &Affine| position.piece.is_none() && position.gather.is_none();
        spot.guards.is_empty()
            && match self.positions(spot, axes) {
                Some(positions) => !uses_axis(&form.body) || positions.iter().all(plain),
                None => form.reads.is_empty() && !uses_axis(&form.body),
            }
    }
}
