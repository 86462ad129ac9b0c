//! The second operand packed out where its columns lie side by side in runs, as the lines of an image do.

use super::lanes::{Lanes, ProductElement};
use super::{Panel, ProductShape};

/// Lays out the rows of a panel, a run at a time. Columns that there are not are zeros.
///
/// # Safety
/// The operand, the tables and the room must be there.
pub(super) unsafe fn lay<L: Lanes>(panel: &Panel, shape: &ProductShape, b: *const L::E, packed: *mut L::E) {
    let (k, width) = (panel.k, panel.columns.next_multiple_of(L::N));
    // SAFETY: the caller vouches for the tables.
    let at = |column: usize| unsafe { shape.b_column.at(panel.column + column) };
    let mut column = 0;
    while column < panel.columns {
        let first = at(column);
        let mut n = 1;
        while column + n < panel.columns && at(column + n) == first + n as isize {
            n += 1;
        }
        // SAFETY: as above, for the operand and the room too.
        unsafe {
            let from = |row: usize| b.offset(first + shape.b_next.at(panel.start + row));
            run(n, k, from, packed.add(column), width);
        }
        column += n;
    }
    for (row, column) in (0..k).flat_map(|row| (panel.columns..width).map(move |column| (row, column))) {
        // SAFETY: as above.
        unsafe { *packed.add(row * width + column) = L::E::ZERO }
    }
}

/// Copies `n` columns of `k` rows.
unsafe fn run<E: Copy>(n: usize, k: usize, from: impl Fn(usize) -> *const E, to: *mut E, width: usize) {
    // SAFETY: the caller of `lay` vouches for them.
    unsafe {
        match n {
            33.. => (0..k).for_each(|row| from(row).copy_to_nonoverlapping(to.add(row * width), n)),
            16.. => halves::<E, 16>(n, k, from, to, width),
            8.. => halves::<E, 8>(n, k, from, to, width),
            4.. => halves::<E, 4>(n, k, from, to, width),
            2.. => halves::<E, 2>(n, k, from, to, width),
            _ => halves::<E, 1>(n, k, from, to, width),
        }
    }
}

/// Copies `N` to `2 * N` columns as the first `N` and the last `N`.
unsafe fn halves<E: Copy, const N: usize>(
    n: usize,
    k: usize,
    from: impl Fn(usize) -> *const E,
    to: *mut E,
    width: usize,
) {
    for row in 0..k {
        // SAFETY: the caller of `lay` vouches for `n` columns on both sides.
        unsafe {
            let (from, to) = (from(row), to.add(row * width));
            let first = from.cast::<[E; N]>().read_unaligned();
            let last = from.add(n - N).cast::<[E; N]>().read_unaligned();
            to.cast::<[E; N]>().write_unaligned(first);
            to.add(n - N).cast::<[E; N]>().write_unaligned(last);
        }
    }
}
