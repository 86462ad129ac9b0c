//! A wide loop as a function: loops around bodies in registers. It takes the block of memory that [`Layout`]
//! describes.

use super::SimdLevel;
use super::encode::*;
use super::far::FarCall;
use super::rows::{self, OperandForm, row};
use crate::native::simd::instruction::{Constants, Instruction, Operand, Overwritten, Reg, VectorSection};
use crate::native::simd::isa::Opcode;
use crate::native::simd::layout::Layout;
use crate::native::simd::plan::Plan;

/// Registers of addresses, in the order in which they are taken. The last ones must be put back.
pub(super) const ADDRESSES: [General; 11] = [6, 8, 9, 10, 11, 3, 5, 12, 13, 14, 15];
/// How many of them need not.
const OWN: usize = 5;

/// The position of an iteration or how many iterations are left, where the last whole iteration starts, and the end.
const AT: General = 0;
const LAST: General = 1;
const END: General = 2;

/// Machine code of a loop.
pub(super) fn assemble(
    plan: &Plan,
    layout: &Layout,
    level: SimdLevel,
    sections: &[VectorSection],
    constants: &Constants,
) -> Vec<u8> {
    let mut writer = Writer::new(plan, layout, level);
    let bases = &ADDRESSES[..plan.bases.len()];
    let saved = &bases[OWN.min(bases.len())..];
    saved.iter().for_each(|register| writer.to.push(*register));
    for (index, register) in bases.iter().enumerate() {
        writer.to.load(*register, MemoryOperand::Near(BLOCK, layout.base(index)));
    }
    writer.to.load(AT, MemoryOperand::Near(BLOCK, layout.first));
    for section in sections {
        if plan.free { writer.free(section) } else { writer.ordered(section) }
    }
    writer.to.clear();
    saved.iter().rev().for_each(|register| writer.to.pop(*register));
    writer.to.ret();
    writer.far_calls(saved.len());
    writer.to.finish(&constants.bytes)
}

pub(super) struct Writer<'a> {
    pub(super) plan: &'a Plan<'a>,
    pub(super) layout: &'a Layout,
    pub(super) level: SimdLevel,
    pub(super) to: Assembler,
    /// What is out of line.
    pub(super) far: Vec<FarCall>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, layout: &'a Layout, level: SimdLevel) -> Writer<'a> {
        Writer { plan, layout, level, to: Assembler::default(), far: Vec::new() }
    }

    fn all(&mut self, code: &[Instruction]) {
        code.iter().for_each(|instruction| self.instruction(instruction));
    }

    /// Iterations that do not depend on each other: whole ones, then one that ends at the end if something is left.
    fn free(&mut self, section: &VectorSection) {
        let [iteration, check, done] = std::array::from_fn(|_| self.to.label());
        self.to.load(END, MemoryOperand::Near(BLOCK, self.layout.end));
        self.to.copy(LAST, END);
        self.to.add(LAST, -(section.per as i32));
        let (limit, over) = if section.overlap { (END, If::GreaterOrEqual) } else { (LAST, If::Greater) };
        self.to.compare(AT, limit);
        self.to.jump(over, done);
        self.all(&section.code.before);
        if section.overlap {
            self.to.jump(If::Always, check);
        }
        self.to.align();
        self.to.place(iteration);
        self.all(&section.code.iteration);
        self.to.add(AT, section.per as i32);
        self.to.place(check);
        self.to.compare(AT, LAST);
        self.to.jump(If::LessOrEqual, iteration);
        if section.overlap {
            self.to.compare(AT, END);
            self.to.jump(If::GreaterOrEqual, done);
            self.to.copy(AT, LAST);
            self.to.jump(If::Always, iteration);
        }
        self.to.place(done);
    }

    /// Iterations in their order.
    fn ordered(&mut self, section: &VectorSection) {
        let [iteration, done] = std::array::from_fn(|_| self.to.label());
        self.all(&section.code.before);
        self.to.test(AT);
        self.to.jump(If::LessOrEqual, done);
        self.to.align();
        self.to.place(iteration);
        self.all(&section.code.iteration);
        for (index, base) in self.plan.bases.iter().enumerate().filter(|(_, base)| base.step != 0) {
            self.to.add(ADDRESSES[index], (base.step * base.size as i64 * self.plan.step) as i32);
        }
        self.to.add(AT, -1);
        self.to.jump(If::NotZero, iteration);
        self.to.place(done);
        let parts = self.plan.lanes / section.per;
        let count = self.plan.carried.len();
        for (k, register) in section.code.carried.iter().enumerate() {
            let (part, carried) = (k / count, k % count);
            let size = self.plan.carried_sizes[carried];
            let offset = self.layout.carried[carried] + (part * section.per * size) as i32;
            debug_assert!(part < parts, "a register for each part");
            self.store_last(*register, size * section.per, offset);
        }
    }

    fn store_last(&mut self, register: Reg, bytes: usize, offset: i32) {
        self.simple(rows::STORE, bytes, number(register), Last::Memory(MemoryOperand::Near(BLOCK, offset)));
    }

    /// An instruction of two operands on lanes of any width.
    pub(super) fn simple(&mut self, opcode: Opcode, bytes: usize, reg: u8, last: Last) {
        let row = row(opcode);
        let v =
            Vector { row, bytes, wide: false, variant: 0, reg, second: None, last, mask: 0, immediate: None };
        self.to.vector(self.level, &v);
    }

    fn instruction(&mut self, instruction: &Instruction) {
        let row = row(instruction.opcode);
        if row.form == OperandForm::Far {
            return self.far(instruction);
        }
        let from: Vec<u8> = instruction.from.iter().map(|register| number(*register)).collect();
        let to = instruction.to.map_or(0, number);
        let (mut mask, mut immediate) = (0, instruction.immediate);
        let memory = self.memory(instruction.operand);
        let (reg, second, last) = match row.form {
            OperandForm::Unary => (to, None, memory.unwrap_or_else(|| Last::Register(from[0]))),
            OperandForm::Binary => (to, Some(from[0]), Last::Register(from[1])),
            OperandForm::Shift(extension) => (extension, Some(to), Last::Register(from[0])),
            OperandForm::Fused => (to, Some(from[0]), Last::Register(from[1])),
            OperandForm::Test | OperandForm::Far => unreachable!("a part of {}", row.name),
            OperandForm::Store => (from[0], None, memory.unwrap_or(Last::Register(0))),
            OperandForm::Blend => {
                match self.level {
                    SimdLevel::Avx512 => mask = from[0],
                    SimdLevel::Avx2 => immediate = Some(from[0] << 4),
                }
                (to, Some(from[2]), Last::Register(from[1]))
            }
        };
        let (bytes, wide, variant) = (instruction.bytes, instruction.wide, variant(instruction.overwritten));
        self.to.vector(self.level, &Vector { row, bytes, wide, variant, reg, second, last, mask, immediate });
    }

    pub(super) fn memory(&self, operand: Operand) -> Option<Last> {
        Some(Last::Memory(match operand {
            Operand::None => return None,
            Operand::Position => return Some(Last::Register(AT)),
            Operand::Access(access, lane) => {
                let (base, offset) = (ADDRESSES[access.base], access.offset + (lane * access.size) as i32);
                match self.plan.free {
                    true => MemoryOperand::Indexed(base, AT, access.size as u8, offset),
                    false => MemoryOperand::Near(base, offset),
                }
            }
            Operand::Constant(at) => MemoryOperand::Constant(at),
            Operand::LiveIn(k, byte) => MemoryOperand::Near(BLOCK, self.layout.live_ins[k] + byte as i32),
            Operand::Spill(slot) => MemoryOperand::Near(BLOCK, self.layout.spill(slot)),
        }))
    }
}

/// What is added to the number of a fused operation: its forms are 132, 213 and 231, after the order of operands.
fn variant(overwritten: Overwritten) -> u8 {
    match overwritten {
        Overwritten::None => 0,
        Overwritten::Factor => 0x10,
        Overwritten::Sum => 0x20,
    }
}

pub(super) fn number(register: Reg) -> u8 {
    match register {
        Reg::Vector(k) | Reg::Mask(k) => k,
    }
}
