//! Buffers that lie at another place in each iteration of a region.

use super::{Buffer, BufferId, Moving, Program, Storage};

impl Moving {
    /// Its place in an iteration.
    pub fn place(&self, iteration: usize) -> usize {
        let by = iteration % self.places;
        match self.back {
            true => (self.first + self.places - by) % self.places,
            false => (self.first + by) % self.places,
        }
    }
}

impl Program {
    /// How often a kernel runs.
    pub fn times(&self, kernel: usize) -> usize {
        let around = self.regions.iter().filter(|region| region.kernels.contains(&kernel));
        around.fold(1, |times, region| times.saturating_mul(region.count))
    }

    /// The buffer that a buffer lies in, in whatever iteration.
    pub fn memory(&self, buffer: BufferId) -> BufferId {
        match self.buffers[buffer.0].storage {
            Storage::Part { of, .. } | Storage::Moving(Moving { of, .. }) => self.memory(of),
            Storage::Input(_) | Storage::Output(_) | Storage::Temporary => buffer,
        }
    }
}

/// The buffer that a buffer is part of, in an iteration: what moves is another one in each.
pub fn whole(buffers: &[Buffer], buffer: BufferId) -> BufferId {
    match buffers[buffer.0].storage {
        Storage::Part { of, .. } => of,
        Storage::Input(_) | Storage::Output(_) | Storage::Temporary | Storage::Moving(_) => buffer,
    }
}
