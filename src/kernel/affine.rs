//! Arithmetic of positions: sums, multiples, substitution and ranges of [`Affine`].

use std::rc::Rc;

use super::{Affine, InstId};
use crate::algebra::form::{AxisSize, Index, Segments};

impl Affine {
    /// The position along an axis.
    pub fn axis(axis: usize) -> Affine {
        Affine { terms: vec![(axis, 1)], ..Affine::default() }
    }

    /// A fixed position.
    pub fn constant(offset: i64) -> Affine {
        Affine { offset, ..Affine::default() }
    }

    /// The position in a flat tensor of a point in one of its pieces; the ragged axis follows the
    /// axis of pieces.
    pub fn in_piece(segments: &Rc<Segments>, axis: usize) -> Affine {
        Affine { piece: Some((segments.clone(), axis)), ..Affine::axis(axis + 1) }
    }

    /// An index of a form; what it gathers by is `gathered`.
    pub(super) fn of_index(index: &Index, gathered: Option<InstId>) -> Affine {
        let gather = index.gather.map(|read| (gathered.unwrap_or(InstId(read)), 1));
        Affine { offset: index.offset, terms: index.terms.clone(), piece: index.piece.clone(), gather }
    }

    /// The axis, if it is the position along one axis.
    pub(super) fn as_axis(&self) -> Option<usize> {
        match self.terms[..] {
            [(axis, 1)] if *self == Affine::axis(axis) => Some(axis),
            _ => None,
        }
    }

    /// Sum. `None` when both parts hold a piece or both gather.
    pub(super) fn plus(&self, other: &Affine) -> Option<Affine> {
        if (self.piece.is_some() && other.piece.is_some())
            || (self.gather.is_some() && other.gather.is_some())
        {
            return None;
        }
        let mut sum = self.clone();
        sum.offset += other.offset;
        for (axis, coefficient) in &other.terms {
            sum.add_term(*axis, *coefficient);
        }
        sum.piece = sum.piece.or_else(|| other.piece.clone());
        sum.gather = sum.gather.or(other.gather);
        Some(sum)
    }

    /// Adds `coefficient * axis`.
    fn add_term(&mut self, axis: usize, coefficient: i64) {
        match self.terms.binary_search_by_key(&axis, |term| term.0) {
            Ok(place) if self.terms[place].1 + coefficient == 0 => drop(self.terms.remove(place)),
            Ok(place) => self.terms[place].1 += coefficient,
            Err(_) if coefficient == 0 => {}
            Err(place) => self.terms.insert(place, (axis, coefficient)),
        }
    }

    /// A multiple. `None` when it holds a piece: starts of pieces are not multiplied.
    pub(super) fn times(&self, factor: i64) -> Option<Affine> {
        match factor {
            1 => return Some(self.clone()),
            0 => return Some(Affine::default()),
            _ if self.piece.is_some() => return None,
            _ => {}
        }
        let terms = self.terms.iter().map(|(axis, coefficient)| (*axis, coefficient * factor)).collect();
        let gather = self.gather.map(|(inst, coefficient)| (inst, coefficient * factor));
        Some(Affine { offset: self.offset * factor, terms, piece: None, gather })
    }

    /// The same position when axis `k` is at `positions[k]`.
    pub(super) fn at(&self, positions: &[Affine]) -> Option<Affine> {
        let mut sum = Affine { offset: self.offset, gather: self.gather, ..Affine::default() };
        for (axis, coefficient) in &self.terms {
            sum = sum.plus(&positions[*axis].times(*coefficient)?)?;
        }
        match &self.piece {
            None => Some(sum),
            Some((segments, axis)) => {
                let start = match positions[*axis].as_axis() {
                    Some(axis) => Affine { piece: Some((segments.clone(), axis)), ..Affine::default() },
                    None if positions[*axis] == Affine::default() => Affine::default(),
                    None => return None,
                };
                sum.plus(&start)
            }
        }
    }

    /// The same position with axes renamed.
    pub fn rename(&self, names: &[usize]) -> Affine {
        let mut terms: Vec<_> = self.terms.iter().map(|(axis, c)| (names[*axis], *c)).collect();
        terms.sort_unstable();
        let piece = self.piece.as_ref().map(|(segments, axis)| (segments.clone(), names[*axis]));
        Affine { offset: self.offset, terms, piece, gather: self.gather }
    }

    /// Whether the position changes along an axis.
    pub fn depends_on(&self, axis: usize) -> bool {
        self.terms.iter().any(|term| term.0 == axis)
            || self.piece.as_ref().is_some_and(|piece| piece.1 == axis)
    }

    /// The least and the greatest position over all points; `None` when it depends on data.
    pub fn range(&self, axes: &[AxisSize]) -> Option<(i64, i64)> {
        if self.gather.is_some() {
            return None;
        }
        let (mut low, mut high) = (self.offset, self.offset);
        let mut ragged = None;
        if let Some((segments, axis)) = &self.piece {
            let whole = self.terms.contains(&(axis + 1, 1));
            ragged = whole.then_some(axis + 1);
            let starts = segments.starts();
            high += if whole { segments.total() as i64 - 1 } else { *starts.last().unwrap_or(&0) as i64 };
        }
        for (axis, coefficient) in &self.terms {
            if ragged != Some(*axis) {
                let reach = coefficient * (longest(&axes[*axis]) as i64 - 1).max(0);
                low += reach.min(0);
                high += reach.max(0);
            }
        }
        Some((low, high))
    }
}

/// How far an axis runs at most.
pub(super) fn longest(extent: &AxisSize) -> usize {
    match extent {
        AxisSize::Fixed(n) => *n,
        AxisSize::Ragged(segments) => segments.lengths.iter().copied().max().unwrap_or(0),
    }
}

/// Number of points of some axes of a loop nest, or the largest number if there are more.
pub(super) fn points(axes: &[AxisSize]) -> usize {
    let mut product = 1usize;
    for (axis, extent) in axes.iter().enumerate() {
        match extent {
            AxisSize::Fixed(n) => product = product.saturating_mul(*n),
            AxisSize::Ragged(segments) if axis > 0 && axes[axis - 1] == AxisSize::Fixed(segments.count()) => {
                product = (product / segments.count().max(1)).saturating_mul(segments.total());
            }
            AxisSize::Ragged(_) => product = product.saturating_mul(longest(extent)),
        }
    }
    product
}

/// Row-major strides.
fn strides(shape: &[usize]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as i64;
    }
    strides
}

/// The row-major position of an element given its position along each axis.
pub(super) fn flatten(positions: &[Affine], shape: &[usize]) -> Option<Affine> {
    let mut flat = Affine::default();
    for (position, stride) in positions.iter().zip(strides(shape)) {
        flat = flat.plus(&position.times(stride)?)?;
    }
    Some(flat)
}

/// The position along each axis given a row-major position, where each is again linear.
pub(super) fn unflatten(flat: &Affine, shape: &[usize], axes: &[AxisSize]) -> Option<Vec<Affine>> {
    let mut positions = vec![Affine::default(); shape.len()];
    let long: Vec<usize> = (0..shape.len()).filter(|axis| shape[*axis] != 1).collect();
    if let [axis] = long[..] {
        positions[axis] = flat.clone();
        return Some(positions);
    }
    if flat.piece.is_some() || flat.gather.is_some() {
        return None;
    }
    let strides = strides(shape);
    let mut rest = flat.clone();
    for axis in long {
        let stride = strides[axis];
        let (whole, part): (Vec<_>, Vec<_>) = rest.terms.iter().partition(|term| term.1 % stride == 0);
        let terms = whole.into_iter().map(|(axis, coefficient)| (axis, coefficient / stride)).collect();
        positions[axis] = Affine { offset: rest.offset.div_euclid(stride), terms, ..Affine::default() };
        rest = Affine { offset: rest.offset.rem_euclid(stride), terms: part, ..Affine::default() };
        if !inside(&positions[axis], shape[axis] as i64, axes) || !inside(&rest, stride, axes) {
            return None;
        }
    }
    (rest == Affine::default()).then_some(positions)
}

/// Whether a position is known to lie in `0..bound`.
pub(super) fn inside(position: &Affine, bound: i64, axes: &[AxisSize]) -> bool {
    position.range(axes).is_some_and(|(low, high)| low >= 0 && high < bound)
}
