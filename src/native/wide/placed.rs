//! Operations on registers of the machine, and the constants that they read.

use super::encode::Row;
use super::plan::Access;

/// A register of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reg {
    Vector(u8),
    Mask(u8),
}

/// What an instruction takes beside registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spot {
    None,
    /// Memory behind a pointer, from a lane on.
    Access(Access, usize),
    /// The position of the iteration.
    Position,
    /// Constants, by their offset.
    Pool(usize),
    /// What came from outside: its place, and the byte in it.
    Passed(usize, usize),
    /// The place of a value that did not fit.
    Spill(usize),
}

/// An operation on registers of the machine.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) row: &'static Row,
    pub(super) bytes: usize,
    pub(super) wide: bool,
    pub(super) variant: u8,
    pub(super) to: Option<Reg>,
    pub(super) from: Vec<Reg>,
    pub(super) spot: Spot,
    pub(super) immediate: Option<u8>,
}

/// Constants behind the code.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) bytes: Vec<u8>,
    numbers: Vec<(usize, u64, usize)>,
}

impl Pool {
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
    pub(super) fn count(&mut self, lanes: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(64);
        self.bytes.resize(at, 0);
        self.bytes.extend((0..lanes as u32).flat_map(u32::to_le_bytes));
        at
    }
}

/// A body in registers.
pub(super) struct Code {
    /// Before the first iteration.
    pub(super) before: Vec<Placed>,
    pub(super) iteration: Vec<Placed>,
    /// The registers of carried values, after any iteration.
    pub(super) carried: Vec<Reg>,
    /// Places for values that did not fit.
    pub(super) spills: usize,
}

/// Which operand of a fused operation is overwritten.
pub(super) const FACTOR_OVERWRITTEN: u8 = 0x10;
pub(super) const SUM_OVERWRITTEN: u8 = 0x20;
