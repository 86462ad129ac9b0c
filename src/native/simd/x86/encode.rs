//! Instructions of x86-64 as bytes, in VEX and in EVEX form.
//!
//! Both forms share the operation's number, its prefix and its map; they differ in how registers and
//! lengths are written. Memory is always addressed with 32 bits of displacement.

use super::SimdLevel;
use super::rows::{Encoding, OperandForm, Prefix, WBit};

/// A register that holds an address or a number.
pub(super) type General = u8;

/// The first argument of a function, and general registers that calls may change.
pub(super) const BLOCK: General = 7;

/// Where the stack ends.
pub(super) const STACK: General = 4;

/// Where a value lies in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemoryOperand {
    /// At an offset from a register.
    Near(General, i32),
    /// At an offset from a register plus a multiple of another: 1, 2, 4 or 8.
    Indexed(General, General, u8, i32),
    /// At an offset in the constants.
    Constant(usize),
}

/// The last operand of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Last {
    Register(u8),
    Memory(MemoryOperand),
}

/// A vector instruction: the registers in the places that it has for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    pub(super) row: &'a Encoding,
    /// Bytes of the vector that decides about the length.
    pub(super) bytes: usize,
    /// Whether lanes have 64 bits.
    pub(super) wide: bool,
    /// Added to the operation's number: the form of a fused operation.
    pub(super) variant: u8,
    pub(super) reg: u8,
    pub(super) second: Option<u8>,
    pub(super) last: Last,
    /// The mask that chooses lanes, in EVEX form.
    pub(super) mask: u8,
    pub(super) immediate: Option<u8>,
}

/// Code under construction.
#[derive(Default)]
pub(super) struct Assembler {
    pub(super) code: Vec<u8>,
    /// Places that speak of constants, and which.
    constants: Vec<(usize, usize)>,
    /// Places that jump, and to which label.
    jumps: Vec<(usize, usize)>,
    /// Where labels are.
    labels: Vec<usize>,
}

/// A condition of a jump.
#[derive(Clone, Copy, Debug)]
pub(super) enum If {
    Always,
    GreaterOrEqual = 0x8d,
    LessOrEqual = 0x8e,
    Greater = 0x8f,
    NotZero = 0x85,
}

impl Assembler {
    fn byte(&mut self, byte: u8) {
        self.code.push(byte);
    }

    fn word(&mut self, word: i32) {
        self.code.extend(word.to_le_bytes());
    }

    pub(super) fn vector(&mut self, level: SimdLevel, v: &Vector) {
        match level {
            SimdLevel::Avx512 if v.row.prefix != Prefix::Masks => self.evex(v),
            _ => self.vex(v),
        }
        self.byte(v.row.code + v.variant);
        self.operand(v.reg, v.last);
        if let Some(immediate) = v.immediate {
            self.byte(immediate);
        }
    }

    fn prefix(v: &Vector) -> u8 {
        match v.row.prefix {
            Prefix::Float => u8::from(v.wide),
            Prefix::None | Prefix::Masks => 0,
            Prefix::P66 => 1,
            Prefix::F3 => 2,
        }
    }

    fn vex(&mut self, v: &Vector) {
        let wide = v.wide && v.row.wide == WBit::Always;
        let (x, b) = extension(v.last);
        let long =
            if v.row.prefix == Prefix::Masks { v.row.form == OperandForm::Binary } else { v.bytes == 32 };
        self.byte(0xc4);
        self.byte(!(bit(v.reg, 3) << 7 | (x & 1) << 6 | b << 5) & 0xe0 | v.row.map);
        let second = !v.second.unwrap_or(0) & 15;
        self.byte(u8::from(wide) << 7 | second << 3 | u8::from(long) << 2 | Assembler::prefix(v));
    }

    fn evex(&mut self, v: &Vector) {
        let wide = v.wide && v.row.wide != WBit::Never;
        let (x, b) = extension(v.last);
        let length = match v.bytes {
            64 => 2,
            32 => 1,
            _ => 0,
        };
        let second = v.second.unwrap_or(0);
        self.byte(0x62);
        self.byte(!(bit(v.reg, 3) << 7 | x << 6 | b << 5 | bit(v.reg, 4) << 4) & 0xf0 | v.row.map);
        self.byte(u8::from(wide) << 7 | (!second & 15) << 3 | 4 | Assembler::prefix(v));
        self.byte(length << 5 | (1 - bit(second, 4)) << 3 | v.mask);
    }

    /// The registers of an instruction, of which the last may be memory.
    fn operand(&mut self, reg: u8, last: Last) {
        let reg = (reg & 7) << 3;
        match last {
            Last::Register(last) => self.byte(0xc0 | reg | last & 7),
            Last::Memory(MemoryOperand::Near(base, offset)) if base & 7 != 4 => {
                self.byte(0x80 | reg | base & 7);
                self.word(offset);
            }
            Last::Memory(MemoryOperand::Near(base, offset)) => {
                self.code.extend([0x84 | reg, 0x20 | base & 7]);
                self.word(offset);
            }
            Last::Memory(MemoryOperand::Indexed(base, index, scale, offset)) => {
                let scale = scale.trailing_zeros() as u8;
                self.code.extend([0x84 | reg, scale << 6 | (index & 7) << 3 | base & 7]);
                self.word(offset);
            }
            Last::Memory(MemoryOperand::Constant(at)) => {
                self.byte(0x05 | reg);
                self.constants.push((self.code.len(), at));
                self.word(0);
            }
        }
    }

    /// An operation on general registers.
    fn general(&mut self, code: u8, reg: u8, last: Last) {
        let (x, b) = extension(last);
        self.byte(0x48 | bit(reg, 3) << 2 | x << 1 | b);
        self.byte(code);
        self.operand(reg, last);
    }

    pub(super) fn load(&mut self, to: General, from: MemoryOperand) {
        self.general(0x8b, to, Last::Memory(from));
    }

    pub(super) fn copy(&mut self, to: General, from: General) {
        self.general(0x8b, to, Last::Register(from));
    }

    pub(super) fn add(&mut self, to: General, number: i32) {
        self.general(0x81, 0, Last::Register(to));
        self.word(number);
    }

    pub(super) fn compare(&mut self, first: General, second: General) {
        self.general(0x3b, first, Last::Register(second));
    }

    /// Compares with zero.
    pub(super) fn test(&mut self, register: General) {
        self.general(0x85, register, Last::Register(register));
    }

    pub(super) fn push(&mut self, register: General) {
        self.code.extend([0x40 | bit(register, 3), 0x50 | register & 7]);
    }

    pub(super) fn pop(&mut self, register: General) {
        self.code.extend([0x40 | bit(register, 3), 0x58 | register & 7]);
    }

    /// Calls what lies at an address, by way of register 0.
    pub(super) fn call(&mut self, address: u64) {
        self.code.extend([0x48, 0xb8]);
        self.code.extend(address.to_le_bytes());
        self.code.extend([0xff, 0xd0]);
    }

    /// The address of a place.
    pub(super) fn address(&mut self, to: General, of: MemoryOperand) {
        self.general(0x8d, to, Last::Memory(of));
    }

    /// Sets a register to a number.
    pub(super) fn set(&mut self, to: General, number: i32) {
        self.general(0xc7, 0, Last::Register(to));
        self.word(number);
    }

    /// Ends the function; the upper parts of vectors are cleared first.
    pub(super) fn clear(&mut self) {
        self.code.extend([0xc5, 0xf8, 0x77]);
    }

    pub(super) fn ret(&mut self) {
        self.byte(0xc3);
    }

    pub(super) fn label(&mut self) -> usize {
        self.labels.push(usize::MAX);
        self.labels.len() - 1
    }

    pub(super) fn place(&mut self, label: usize) {
        self.labels[label] = self.code.len();
    }

    /// Loops start at multiples of 32 bytes: no-operations of one byte would be slow before them.
    pub(super) fn align(&mut self) {
        const NOTHING: [&[u8]; 4] = [&[0x90], &[0x66, 0x90], &[0x0f, 0x1f, 0x00], &[0x0f, 0x1f, 0x40, 0x00]];
        while !self.code.len().is_multiple_of(32) {
            let left = 32 - self.code.len() % 32;
            self.code.extend(NOTHING[left.min(4) - 1]);
        }
    }

    pub(super) fn jump(&mut self, condition: If, label: usize) {
        match condition {
            If::Always => self.byte(0xe9),
            condition => self.code.extend([0x0f, condition as u8]),
        }
        self.jumps.push((self.code.len(), label));
        self.word(0);
    }

    /// The code with its constants behind it.
    pub(super) fn finish(mut self, pool: &[u8]) -> Vec<u8> {
        while !self.code.len().is_multiple_of(64) {
            self.byte(0xcc);
        }
        let start = self.code.len();
        let targets = self.constants.iter().map(|(place, at)| (*place, start + at));
        let jumps = self.jumps.iter().map(|(place, label)| (*place, self.labels[*label]));
        // Both count from the end of the instruction, which is the end of the distance.
        for (place, target) in targets.chain(jumps).collect::<Vec<_>>() {
            let distance = target as i32 - (place as i32 + 4);
            self.code[place..place + 4].copy_from_slice(&distance.to_le_bytes());
        }
        self.code.extend(pool);
        self.code
    }
}

fn bit(register: u8, bit: u8) -> u8 {
    register >> bit & 1
}

/// The bits of the last operand's registers that go into a prefix: those of an index (or the fifth of a
/// register), then those of a base.
fn extension(last: Last) -> (u8, u8) {
    match last {
        Last::Register(register) => (bit(register, 4), bit(register, 3)),
        Last::Memory(MemoryOperand::Near(base, _)) => (0, bit(base, 3)),
        Last::Memory(MemoryOperand::Indexed(base, index, ..)) => (bit(index, 3), bit(base, 3)),
        Last::Memory(MemoryOperand::Constant(_)) => (0, 0),
    }
}
