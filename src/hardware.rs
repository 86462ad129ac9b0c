//! The machine that decisions are made for: what the cost models of `kernel`, `loops` and `native` assume.
//!
//! It is one machine, a core with AVX2, and not the one at hand: so programs are computed in the same way, and
//! give the same bits, everywhere.

/// A machine, as far as cost models know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hardware {
    /// Bytes of the vectors that all machines have: those of code by Cranelift.
    pub(crate) register: usize,
    /// Bytes of the vectors that the library's products have, and that loops are made for.
    pub(crate) vector: usize,
    /// Vectors that are multiplied and added, or copied, in a cycle.
    pub(crate) ports: usize,
    /// Products in single precision that a matrix product of the library does in a cycle.
    pub(crate) products: u64,
    /// Operations of loops that are done in two cycles.
    pub(crate) in_two_cycles: usize,
    /// Cycles for which a division or a square root keeps its unit busy.
    pub(crate) division: u64,
    /// Cycles that a call of a wide loop takes.
    pub(crate) call: usize,
    /// Cycles that pay for waking a thread: some microseconds.
    pub(crate) grain: u64,
    /// Bytes of the first and of the second cache that code may count on.
    pub(crate) caches: [usize; 2],
}

/// The machine.
pub(crate) const HARDWARE: Hardware = Hardware {
    register: 16,
    vector: 32,
    ports: 2,
    products: 14,
    in_two_cycles: 5,
    division: 5,
    call: 30,
    grain: 1 << 14,
    caches: [32 << 10, 192 << 10],
};

impl Hardware {
    /// Lanes of a vector that all machines have, of so many bytes each.
    pub(crate) const fn narrow_lanes(&self, bytes: usize) -> usize {
        self.register / bytes
    }

    /// Lanes of a vector, of so many bytes each.
    pub(crate) const fn lanes(&self, bytes: usize) -> usize {
        self.vector / bytes
    }
}
