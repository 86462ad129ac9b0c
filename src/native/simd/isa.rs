//! What of wide loops depends on the instruction set: one trait, which each set implements in a folder of its own.

use super::body::{Id, VectorBody};
use super::instruction::{Constants, Instruction, VectorSection};
use super::layout::Layout;
use super::plan::{Access, Plan};
use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;
use crate::native::Target;

/// A row of an instruction set's table of vector instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Opcode(pub(super) u16);

/// The registers that a set has.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegisterFile {
    /// Bytes of a vector.
    pub(super) bytes: usize,
    /// Vectors.
    pub(super) vectors: usize,
    /// Masks, and the first of them that may hold a value.
    pub(super) masks: usize,
    pub(super) first_mask: usize,
    /// Addresses that a loop can have: most accesses that start at different places.
    pub(super) addresses: usize,
}

/// An operation on vectors, whatever the machine. Its operands are virtual registers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operation {
    /// Arithmetic, comparison, logic or choice, on operands of an element type.
    Machine(MachineOp, DType),
    /// `a * b + c`, with the product or `c` negated.
    Fused {
        /// Whether the product is.
        product: bool,
        /// Whether `c` is.
        sum: bool,
    },
    /// A shift of integers by a number of bits.
    Shift(MachineOp, u8),
    /// From one element type to another one.
    Cast(DType, DType),
    /// The elements from a lane on.
    Load(Access, usize, DType),
    /// One element, in each lane.
    Splat(Access, DType),
    /// The position of each lane, as `I32`, plus a number.
    Iota(i64),
}

/// Instructions that registers are filled, kept and copied with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transfer {
    /// A vector from memory.
    Load,
    /// A vector to memory.
    Store,
    /// One number from memory, in each lane.
    Splat,
    /// Between vectors.
    Copy,
    /// A mask from memory.
    LoadMask,
    /// A mask to memory.
    StoreMask,
}

/// An instruction set.
pub(super) trait Isa: Sync {
    /// What it is called.
    #[cfg(test)]
    fn name(&self) -> &'static str;

    /// Whether a machine has it.
    fn is_on(&self, target: &Target) -> bool;

    /// Its registers.
    fn registers(&self) -> RegisterFile;

    /// Adds the instructions of an operation to a body, and says where the result is. `None` if it has none
    /// for it.
    fn select(&self, operation: Operation, args: &[Id], body: &mut VectorBody) -> Option<Id>;

    /// The same for a value that is written to the elements from a lane on.
    fn store(&self, access: Access, lane: usize, value: Id, body: &mut VectorBody) -> Option<()>;

    /// The instruction of a transfer, for lanes of so many bytes.
    fn transfer(&self, transfer: Transfer, size: usize) -> Opcode;

    /// Whether the result lies in a register of one of three operands, `a * b + c`.
    fn is_tied(&self, opcode: Opcode) -> bool;

    /// An instruction's name in listings.
    fn mnemonic(&self, instruction: &Instruction) -> String;

    /// The function of a loop: machine code, with the constants behind it.
    fn assemble(
        &self,
        plan: &Plan,
        layout: &Layout,
        sections: &[VectorSection],
        constants: &Constants,
    ) -> Vec<u8>;
}
