//! What a number of an optimizer stage there is one of.

/// What a scalar of a stage ranges over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Extent {
    /// One number per coordinate.
    Coordinate,
    /// One per row: a row of a parameter is all coordinates that differ in its last index only. A
    /// vector is one row; a number is one row of one column.
    Row,
    /// One per column: all coordinates of a parameter with the same last index.
    Column,
    /// One per parameter tensor.
    Tensor,
    /// One per parameter group: an arm of an optimizer with groups, otherwise the whole model.
    Group,
    /// As many as written, the same ones for the whole model.
    Vector(usize),
    /// One for the whole model; in a group of parameters, for the group.
    Model,
}

impl Extent {
    /// Whether a number of this extent can be repeated for each of `to`.
    pub fn spreads_to(self, to: Extent) -> bool {
        use Extent::{Column, Coordinate, Group, Model, Row, Tensor, Vector};
        self == to
            || match self {
                Model => true,
                Vector(_) | Coordinate => false,
                Row | Column => to == Coordinate,
                Tensor => matches!(to, Coordinate | Row | Column),
                Group => matches!(to, Coordinate | Row | Column | Tensor),
            }
    }

    /// What two numbers of these extents together have one for; `None`: they do not meet.
    pub fn join(self, other: Extent) -> Option<Extent> {
        [self, other, Extent::Coordinate].into_iter().find(|to| self.spreads_to(*to) && other.spreads_to(*to))
    }

    /// Whether a training run records states of this extent: not where there are many of them.
    pub fn is_recorded(self) -> bool {
        !matches!(self, Extent::Coordinate | Extent::Row | Extent::Column)
    }

    /// Its name in printed programs and messages.
    pub fn name(self) -> &'static str {
        match self {
            Extent::Coordinate => "coordinate",
            Extent::Row => "row",
            Extent::Column => "col",
            Extent::Tensor => "tensor",
            Extent::Group => "group",
            Extent::Vector(_) => "vector element",
            Extent::Model => "model",
        }
    }
}
