//! The second operand with its columns side by side: as it is, packed out by the first tile of a panel on the
//! way, or before.

use super::lanes::{Lanes, ProductElement};
use super::tile::Tile;
use super::{Panel, ProductShape, runs};

/// So few rows of results do not make it worthwhile to lay out columns that lie side by side.
const FEW: usize = 24;

/// The tile with its second operand, packed out if need be.
///
/// # Safety
/// The operand and the tables must be there, and room for it where it is packed.
pub(super) unsafe fn packed<L: Lanes>(
    panel: &Panel,
    shape: &ProductShape,
    b: *const L::E,
    packed: *mut L::E,
    tile: Tile<L::E>,
) -> Tile<L::E> {
    let ProductShape { b_next, b_column, .. } = *shape;
    let adjacent = !b_column.has_table() && b_column.by == 1;
    // SAFETY: the caller vouches for all of it.
    unsafe {
        let first = b.offset(b_column.at(panel.column));
        if adjacent && !b_next.has_table() && (panel.m <= FEW || tile.a_table.is_null()) {
            let b = first.offset(b_next.at(panel.start));
            let packed = if panel.m > FEW { packed } else { tile.packed };
            return Tile { b, b_next: b_next.by, packed, ..tile };
        }
        if adjacent {
            rows::<L>(panel, shape, first, packed);
        } else if b_column.has_table() || (b_next.by != 1 && !b_next.has_table()) {
            runs::lay::<L>(panel, shape, b, packed);
        } else {
            columns::<L>(panel, shape, first, packed);
        }
    }
    tile
}

/// Lays out rows whose elements lie side by side.
unsafe fn rows<L: Lanes>(panel: &Panel, shape: &ProductShape, b: *const L::E, packed: *mut L::E) {
    let width = panel.columns.next_multiple_of(L::N);
    for row in 0..panel.k {
        // SAFETY: as in `packed`.
        unsafe {
            let to = packed.add(row * width);
            b.offset(shape.b_next.at(panel.start + row)).copy_to_nonoverlapping(to, panel.columns);
            (panel.columns..width).for_each(|column| *to.add(column) = L::E::ZERO);
        }
    }
}

/// Lays out columns in equal steps, by runs of rows whose elements lie side by side.
unsafe fn columns<L: Lanes>(panel: &Panel, shape: &ProductShape, b: *const L::E, packed: *mut L::E) {
    let width = panel.columns.next_multiple_of(L::N);
    // SAFETY: as in `packed`.
    let at = |row: usize| unsafe { shape.b_next.at(panel.start + row) };
    let mut row = 0;
    while row < panel.k {
        let first = at(row);
        let mut end = row + 1;
        while end < panel.k && at(end) == first + (end - row) as isize {
            end += 1;
        }
        for column in (0..width).step_by(L::N) {
            let inside = L::N.min(panel.columns - column);
            // SAFETY: as in `packed`.
            unsafe {
                let from = b.offset(first + column as isize * shape.b_column.by);
                L::transpose(
                    [end - row, inside],
                    from,
                    shape.b_column.by,
                    packed.add(row * width + column),
                    width,
                );
            }
        }
        row = end;
    }
}
