//! The innermost loops of a product: a tile of results that stays in registers.

use super::lanes::{Element, Lanes};

/// `M` rows and `V` vectors of results, over a run of the summed axis.
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
    /// Whether sums start from zero, not from the results so far.
    pub(super) first: bool,
    /// Columns of the last vector.
    pub(super) last: usize,
}

impl<E: Element> Tile<E> {
    /// Computes it.
    ///
    /// # Safety
    /// The operands and the results must be there, and the machine must have the registers of `L`.
    #[inline(always)]
    pub(super) unsafe fn compute<L: Lanes<E = E>, const M: usize, const V: usize>(&self) {
        // SAFETY: the caller vouches for both.
        unsafe {
            let mut sums = self.start::<L, M, V>();
            if !self.a_table.is_null() {
                self.sum::<L, M, V>(self.a_row, |_, k| *self.a_table.add(k) as isize, &mut sums);
            } else if self.a_row == 1 {
                self.sum::<L, M, V>(1, |at, _| at, &mut sums);
            } else {
                self.sum::<L, M, V>(self.a_row, |at, _| at, &mut sums);
            }
            self.finish::<L, M, V>(&sums);
        }
    }

    /// `place` says where the summed element `k` of the first operand lies, which is so many equal steps away.
    #[inline(always)]
    unsafe fn sum<L: Lanes<E = E>, const M: usize, const V: usize>(
        &self,
        a_row: isize,
        place: impl Fn(isize, usize) -> isize,
        sums: &mut [[L; V]; M],
    ) {
        let (mut steps, mut b) = (0, self.b);
        for k in 0..self.k {
            // SAFETY: the caller of `compute` vouches for the operands and the registers.
            unsafe {
                let a = self.a.offset(place(steps, k));
                let columns: [L; V] = std::array::from_fn(|v| L::load(b.add(v * L::N)));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let value = L::splat(*a.offset(row as isize * a_row));
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = sum.fused(value, column);
                    }
                }
            }
            (steps, b) = (steps + self.a_next, b.wrapping_offset(self.b_next));
        }
    }

    #[inline(always)]
    unsafe fn start<L: Lanes<E = E>, const M: usize, const V: usize>(&self) -> [[L; V]; M] {
        // SAFETY: as in `sum`.
        unsafe {
            let zero = L::splat(E::ZERO);
            if self.first {
                return [[zero; V]; M];
            }
            std::array::from_fn(|row| {
                let c = self.c.offset(row as isize * self.c_row);
                std::array::from_fn(|v| match self.last {
                    last if v + 1 == V && last < L::N => L::load_first(c.add(v * L::N), last),
                    _ => L::load(c.add(v * L::N)),
                })
            })
        }
    }

    #[inline(always)]
    unsafe fn finish<L: Lanes<E = E>, const M: usize, const V: usize>(&self, sums: &[[L; V]; M]) {
        for (row, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                // SAFETY: as in `sum`.
                unsafe {
                    let c = self.c.offset(row as isize * self.c_row).add(v * L::N);
                    match self.last {
                        last if v + 1 == V && last < L::N => sum.store_first(c, last),
                        _ => sum.store(c),
                    }
                }
            }
        }
    }
}
