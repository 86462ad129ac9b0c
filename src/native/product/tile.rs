//! A tile of results that stays in registers, and how it is computed where nothing is known of the machine.

use super::Steps;
use super::lanes::ProductElement;

/// Some rows and vectors of results, over a run of the summed axis.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile<E> {
    /// How many are summed.
    pub(super) k: usize,
    /// The first operand, with the distances of its rows and of its summed elements.
    pub(super) a: *const E,
    pub(super) a_row: isize,
    pub(super) a_next: isize,
    /// Where the summed elements lie, if not in equal steps; else null.
    pub(super) a_table: *const i64,
    /// The second operand, whose columns lie side by side, with the distance of its summed elements.
    pub(super) b: *const E,
    pub(super) b_next: isize,
    /// The results, whose columns lie side by side, with the distance of their rows.
    pub(super) c: *mut E,
    pub(super) c_row: isize,
    /// Where to lay the second operand out on the way, whole vectors side by side; else null.
    pub(super) packed: *mut E,
    /// Whether sums are the results, and are not added to those so far.
    pub(super) first: bool,
    /// Columns of the last vector.
    pub(super) last: usize,
}

impl<E: ProductElement> Tile<E> {
    /// Where element `k` of the first row lies.
    unsafe fn at(&self, k: usize) -> isize {
        // SAFETY: the caller vouches for the table.
        unsafe { Steps { by: self.a_next, table: self.a_table }.at(k) }
    }

    /// Computes it with `V` vectors of `N` lanes.
    ///
    /// # Safety
    /// The operands and the results must be there.
    #[inline(always)]
    pub(super) unsafe fn compute<const N: usize, const M: usize, const V: usize>(&self) {
        let columns = (V - 1) * N + self.last;
        let mut sums = [[[E::ZERO; N]; V]; M];
        // SAFETY: the caller vouches for all of it.
        unsafe {
            let c = |row: usize, column: usize| self.c.offset(row as isize * self.c_row).add(column);
            for k in 0..self.k {
                let mut b = [[E::ZERO; N]; V];
                for column in 0..columns {
                    b[column / N][column % N] = *self.b.offset(k as isize * self.b_next).add(column);
                }
                if !self.packed.is_null() {
                    *self.packed.cast::<[[E; N]; V]>().add(k) = b;
                }
                let a = self.a.offset(self.at(k));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let value = *a.offset(row as isize * self.a_row);
                    let lanes = sums.as_flattened_mut().iter_mut().zip(b.as_flattened());
                    lanes.for_each(|(sum, b)| *sum = sum.fused(value, *b));
                }
            }
            for (row, column) in (0..M).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let sum = sums[row][column / N][column % N];
                *c(row, column) = if self.first { sum } else { sum.plus(*c(row, column)) };
            }
        }
    }
}
