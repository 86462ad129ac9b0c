//! Where sums go that are computed apart from the rest of their kernel.

use crate::algebra::types::DType;
use crate::kernel::{Affine, Buffer, BufferId, Inst, InstId, Kernel, Program, Storage, stores};

use super::facts::extent;

/// Where a sum goes.
pub(super) struct SumPlace {
    pub(super) buffer: BufferId,
    pub(super) at: Affine,
    pub(super) dtype: DType,
    /// The store of the kernel that has nothing left to do.
    pub(super) store: Option<InstId>,
}

impl SumPlace {
    /// The memory that the kernel stores a sum in, or some for it alone.
    pub(super) fn of(program: &mut Program, kernel: &Kernel, sum: InstId) -> SumPlace {
        let dtype = kernel.insts[sum.0].dtype();
        for store in stores(&program.buffers, kernel) {
            if let Inst::Store { buffer, at, value } = &kernel.insts[store.0]
                && *value == sum
                && program.buffers[buffer.0].dtype == dtype
            {
                return SumPlace { buffer: *buffer, at: at.clone(), dtype, store: Some(store) };
            }
        }
        let order: Vec<usize> = (0..kernel.n_out).collect();
        SumPlace::fresh(program, kernel, dtype, &order)
    }

    /// Memory for the sums alone, in this order of axes.
    pub(super) fn fresh(program: &mut Program, kernel: &Kernel, dtype: DType, order: &[usize]) -> SumPlace {
        let (mut terms, mut len) = (Vec::new(), 1);
        for axis in order.iter().rev() {
            terms.push((*axis, len as i64));
            len *= extent(kernel, *axis);
        }
        terms.sort_unstable();
        program.buffers.push(Buffer { dtype, len, name: None, storage: Storage::Temporary });
        let buffer = BufferId(program.buffers.len() - 1);
        SumPlace { buffer, at: Affine { terms, ..Affine::default() }, dtype, store: None }
    }

    /// The sum read back.
    pub(super) fn load(&self) -> Inst {
        let (buffer, at, dtype) = (self.buffer, self.at.clone(), self.dtype);
        Inst::Load { buffer, at, guards: Vec::new(), outside: 0.0, dtype }
    }
}
