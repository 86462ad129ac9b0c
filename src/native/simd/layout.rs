//! The block of memory that a wide loop takes: where each access starts, the positions to do, live-ins, carried
//! values (initial ones, and in their place the last ones), and slots for spilled values.

use super::plan::{LiveIn, Plan};

/// The block: offsets in bytes.
#[derive(Clone, Debug, Default)]
pub(in crate::native) struct Layout {
    /// The first position to do, or how many iterations.
    pub(in crate::native) first: i32,
    /// One past the last position.
    pub(in crate::native) end: i32,
    /// By the plan's number.
    pub(in crate::native) live_ins: Vec<i32>,
    /// By the plan's number.
    pub(in crate::native) carried: Vec<i32>,
    spills: i32,
    /// Bytes of all.
    pub(in crate::native) bytes: u32,
}

/// Bytes of a slot: of the longest vector that any machine has.
const SLOT: i32 = 64;

impl Layout {
    /// Where each access starts, by the plan's number.
    pub(in crate::native) fn base(&self, index: usize) -> i32 {
        8 * index as i32
    }

    /// The slot of a spilled value.
    pub(super) fn spill(&self, slot: usize) -> i32 {
        self.spills + SLOT * slot as i32
    }

    /// The block of a loop; `sizes` are the bytes of a lane of each live-in.
    pub(super) fn of(plan: &Plan, sizes: &[usize], spills: usize) -> Layout {
        let words = plan.bases.len() as i32;
        let mut layout = Layout { first: 8 * words, end: 8 * words + 8, ..Layout::default() };
        let mut at = 8 * words + 16;
        let mut place = |bytes: usize| {
            let here = (at as usize).next_multiple_of(bytes.min(SLOT as usize)) as i32;
            at = here + bytes as i32;
            here
        };
        for ((_, kind), size) in plan.live_ins.iter().zip(sizes) {
            layout.live_ins.push(place(if *kind == LiveIn::Scalar { 8 } else { size * plan.lanes }));
        }
        layout.carried = plan.carried_sizes.iter().map(|size| place(size * plan.lanes)).collect();
        layout.spills = place(SLOT as usize);
        layout.bytes = (layout.spills + SLOT * spills as i32) as u32;
        layout
    }
}
