//! Functions of great arguments in wide loops: a test in line, and behind the loop a call that leaves all
//! registers as they were but the result's.

use super::SimdLevel;
use super::encode::*;
use super::frame::{Writer, number};
use super::rows;
use crate::native::far;
use crate::native::simd::instruction::{Instruction, Reg};
use crate::native::simd::isa::{Isa, Opcode};

/// A call out of line.
pub(super) struct FarCall {
    instruction: Instruction,
    /// Where it begins, and where it goes back to.
    labels: [usize; 2],
}

/// General registers that a call may change.
const CHANGED: [General; 9] = [0, 1, 2, 6, 7, 8, 9, 10, 11];

/// The arguments of a call.
const ARGUMENTS: [General; 4] = [7, 6, 2, 1];

impl Writer<'_> {
    /// The value for small arguments, and a jump where a lane is great.
    pub(super) fn far(&mut self, instruction: &Instruction) {
        let labels @ [call, back] = std::array::from_fn(|_| self.to.label());
        let [mask, _, near] = [0, 1, 2].map(|k| number(instruction.from[k]));
        let test = if self.level == SimdLevel::Avx512 { rows::ANY_MASK } else { rows::ANY_LANE };
        self.simple(test, instruction.bytes, mask, Last::Register(mask));
        self.to.jump(If::NotZero, call);
        let to = instruction.to.map_or(near, number);
        if to != near {
            self.simple(rows::MOVE, instruction.bytes, to, Last::Register(near));
        }
        self.to.place(back);
        self.far.push(FarCall { instruction: instruction.clone(), labels });
    }

    /// The calls, behind the end of the function, which has pushed so many registers.
    pub(super) fn far_calls(&mut self, pushed: usize) {
        for call in std::mem::take(&mut self.far) {
            self.to.place(call.labels[0]);
            self.far_call(&call.instruction, pushed);
            self.to.jump(If::Always, call.labels[1]);
        }
    }

    fn far_call(&mut self, instruction: &Instruction, pushed: usize) {
        CHANGED.iter().for_each(|register| self.to.push(*register));
        // With the address of the caller; a call begins at a multiple of 16.
        let above = 8 * (1 + pushed + CHANGED.len());
        let room = (above + self.mask_place(8)).next_multiple_of(16) - above;
        self.to.add(STACK, -(room as i32));
        self.registers(rows::STORE, rows::MASK_STORE);
        let [x, near] = [1, 2].map(|k| self.vector_place(instruction.from[k]));
        let to = instruction.to.map_or(near, |to| self.vector_place(to));
        for (register, place) in ARGUMENTS.into_iter().zip([x, near, to]) {
            self.to.address(register, MemoryOperand::Near(STACK, place));
        }
        self.to.set(ARGUMENTS[3], (instruction.bytes / self.lane_bytes(instruction)) as i32);
        self.to.clear();
        let function = &far::all()[usize::from(instruction.immediate.unwrap_or(0))];
        self.to.call(function.address as u64);
        self.registers(rows::LOAD, rows::MASK_MOVE);
        self.to.add(STACK, room as i32);
        CHANGED.iter().rev().for_each(|register| self.to.pop(*register));
    }

    fn lane_bytes(&self, instruction: &Instruction) -> usize {
        if instruction.wide { 8 } else { 4 }
    }

    /// Moves all vector and mask registers to their places on the stack, or back.
    fn registers(&mut self, vector: Opcode, mask: Opcode) {
        for k in 0..self.level.registers().vectors as u8 {
            let place = Last::Memory(MemoryOperand::Near(STACK, self.vector_place(Reg::Vector(k))));
            self.simple(vector, self.level.bytes(), k, place);
        }
        for k in 0..self.level.registers().masks as u8 {
            let place = Last::Memory(MemoryOperand::Near(STACK, self.mask_place(usize::from(k)) as i32));
            self.simple(mask, 0, k, place);
        }
    }

    fn vector_place(&self, register: Reg) -> i32 {
        i32::from(number(register)) * self.level.bytes() as i32
    }

    fn mask_place(&self, k: usize) -> usize {
        self.level.registers().vectors * self.level.bytes() + 8 * k
    }
}
