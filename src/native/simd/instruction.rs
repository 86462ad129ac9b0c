//! Instructions on registers of the machine, and the constants that they read.

use super::isa::Opcode;
use super::plan::Access;

/// A register of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reg {
    Vector(u8),
    Mask(u8),
}

/// What an instruction takes beside registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operand {
    None,
    /// Memory behind a pointer, from a lane on.
    Access(Access, usize),
    /// The position of the iteration.
    Position,
    /// Constants, by their offset.
    Constant(usize),
    /// A live-in: its number, and the byte in it.
    LiveIn(usize, usize),
    /// The slot of a spilled value.
    Spill(usize),
}

/// Which operand of a tied instruction its result overwrites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Overwritten {
    None,
    Factor,
    Sum,
}

/// An instruction on registers of the machine.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    pub(super) opcode: Opcode,
    /// Bytes of the longest vector that it speaks of.
    pub(super) bytes: usize,
    /// Whether lanes have 64 bits.
    pub(super) wide: bool,
    pub(super) overwritten: Overwritten,
    pub(super) to: Option<Reg>,
    pub(super) from: Vec<Reg>,
    pub(super) operand: Operand,
    pub(super) immediate: Option<u8>,
}

/// Constants behind the code.
#[derive(Default)]
pub(super) struct Constants {
    pub(super) bytes: Vec<u8>,
    numbers: Vec<(usize, u64, usize)>,
}

impl Constants {
    /// The offset of a number of so many bytes.
    pub(super) fn number(&mut self, bits: u64, size: usize) -> usize {
        if let Some((.., at)) = self.numbers.iter().find(|(have, other, _)| (*have, *other) == (size, bits)) {
            return *at;
        }
        let at = self.bytes.len().next_multiple_of(size);
        self.bytes.resize(at, 0);
        self.bytes.extend(&bits.to_le_bytes()[..size]);
        self.numbers.push((size, bits, at));
        at
    }

    /// The offset of the numbers 0, 1, ... of 32 bits.
    pub(super) fn iota(&mut self, lanes: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(64);
        self.bytes.resize(at, 0);
        self.bytes.extend((0..lanes as u32).flat_map(u32::to_le_bytes));
        at
    }
}

/// A body in registers.
pub(super) struct Allocated {
    /// Before the first iteration.
    pub(super) before: Vec<Instruction>,
    pub(super) iteration: Vec<Instruction>,
    /// The registers of carried values, after any iteration.
    pub(super) carried: Vec<Reg>,
    /// Slots for spilled values.
    pub(super) spills: usize,
}

/// A loop with so many lanes in a register.
pub(super) struct VectorSection {
    pub(super) per: usize,
    /// Whether the last iteration overlaps the one before it.
    pub(super) overlap: bool,
    pub(super) code: Allocated,
}
