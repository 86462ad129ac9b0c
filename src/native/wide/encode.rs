//! Instructions of x86-64 as bytes: one row for each vector operation, in VEX and in EVEX form.
//!
//! Both forms share the operation's number, its prefix and its map; they differ in how registers and
//! lengths are written. Memory is always addressed with 32 bits of displacement.

/// Which instructions there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::native) enum Level {
    /// 16 registers of 256 bits: AVX2 and FMA.
    Avx2,
    /// 32 registers of 512 bits, masks of their own: AVX-512 F, VL, DQ and BW.
    Avx512,
}

impl Level {
    /// Bytes of its registers.
    pub(super) fn bytes(self) -> usize {
        match self {
            Level::Avx2 => 32,
            Level::Avx512 => 64,
        }
    }
}

/// The prefix that an instruction has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Prefix {
    /// None in single, 66 in double precision.
    Float,
    None,
    P66,
    F3,
    /// None: an operation on masks, which has no EVEX form.
    Masks,
}

/// When the bit for lanes of 64 bits is set: with such lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wide {
    Never,
    Always,
    /// Only in EVEX form.
    Evex,
}

/// Where operands go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `to = op(from)`, or from memory.
    Unary,
    /// `to = op(first, second)`.
    Binary,
    /// `to = op(from, immediate)`, with three bits of the operation in a register's place.
    Shift(u8),
    /// `to = first * second + third`, one of which is overwritten.
    Fused,
    /// `to = mask ? then : else`.
    Blend,
    /// Writes a register to memory.
    Store,
    /// Sets a flag if any lane of both is set.
    Test,
    /// `to = near`, or what a function of great arguments makes of `x` and `near` where any lane of a mask is
    /// set: `from` is the mask, `x` and `near`.
    Far,
}

/// A vector operation.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) prefix: Prefix,
    pub(super) map: u8,
    pub(super) code: u8,
    pub(super) wide: Wide,
}

macro_rules! rows {
    ($($name:ident = $text:literal $form:expr, $prefix:ident $map:literal $code:literal $wide:ident;)*) => {
        $(pub(super) static $name: Row = Row {
            name: $text, form: $form, prefix: Prefix::$prefix, map: $map, code: $code, wide: Wide::$wide,
        };)*
    };
}

rows! {
    ADD = "add" Form::Binary, Float 1 0x58 Always;
    MUL = "mul" Form::Binary, Float 1 0x59 Always;
    SUB = "sub" Form::Binary, Float 1 0x5c Always;
    MIN = "min" Form::Binary, Float 1 0x5d Always;
    DIV = "div" Form::Binary, Float 1 0x5e Always;
    MAX = "max" Form::Binary, Float 1 0x5f Always;
    SQRT = "sqrt" Form::Unary, Float 1 0x51 Always;
    AND = "and" Form::Binary, Float 1 0x54 Always;
    AND_NOT = "andn" Form::Binary, Float 1 0x55 Always;
    OR = "or" Form::Binary, Float 1 0x56 Always;
    XOR = "xor" Form::Binary, Float 1 0x57 Always;
    COMPARE = "cmp" Form::Binary, Float 1 0xc2 Always;
    ROUND_SINGLE = "round" Form::Unary, P66 3 0x08 Never;
    ROUND_DOUBLE = "round" Form::Unary, P66 3 0x09 Evex;
    FUSED = "fma" Form::Fused, P66 2 0x98 Always;
    FUSED_SUB = "fms" Form::Fused, P66 2 0x9a Always;
    FUSED_NEGATED = "fnma" Form::Fused, P66 2 0x9c Always;
    FUSED_NEGATED_SUB = "fnms" Form::Fused, P66 2 0x9e Always;
    BLEND_SINGLE = "blend" Form::Blend, P66 3 0x4a Never;
    BLEND_DOUBLE = "blend" Form::Blend, P66 3 0x4b Never;
    BLEND_MASK = "blend" Form::Blend, P66 2 0x65 Always;
    INT_ADD = "addd" Form::Binary, P66 1 0xfe Never;
    INT_SUB = "subd" Form::Binary, P66 1 0xfa Never;
    INT_MUL = "muld" Form::Binary, P66 2 0x40 Never;
    INT_MIN = "mind" Form::Binary, P66 2 0x39 Never;
    INT_MAX = "maxd" Form::Binary, P66 2 0x3d Never;
    INT_ABS = "absd" Form::Unary, P66 2 0x1e Never;
    INT_EQUAL = "cmpeqd" Form::Binary, P66 1 0x76 Never;
    INT_GREATER = "cmpgtd" Form::Binary, P66 1 0x66 Never;
    INT_COMPARE = "cmpd" Form::Binary, P66 3 0x1f Never;
    SHIFT_LEFT = "shld" Form::Shift(6), P66 1 0x72 Never;
    SHIFT_RIGHT = "shrd" Form::Shift(2), P66 1 0x72 Never;
    SHIFT_LEFT_64 = "shlq" Form::Shift(6), P66 1 0x73 Always;
    SHIFT_RIGHT_64 = "shrq" Form::Shift(2), P66 1 0x73 Always;
    INT_TO_SINGLE = "cvtd2s" Form::Unary, None 1 0x5b Never;
    INT_TO_DOUBLE = "cvtd2d" Form::Unary, F3 1 0xe6 Never;
    SINGLE_TO_DOUBLE = "cvts2d" Form::Unary, None 1 0x5a Never;
    DOUBLE_TO_SINGLE = "cvtd2s" Form::Unary, P66 1 0x5a Evex;
    MOVE = "mov" Form::Unary, None 1 0x28 Never;
    LOAD = "load" Form::Unary, None 1 0x10 Never;
    STORE = "store" Form::Store, None 1 0x11 Never;
    SPREAD_SINGLE = "splat" Form::Unary, P66 2 0x18 Never;
    SPREAD_DOUBLE = "splat" Form::Unary, P66 2 0x19 Evex;
    FROM_GENERAL = "movd" Form::Unary, P66 1 0x6e Never;
    SPREAD_INT = "splatd" Form::Unary, P66 2 0x58 Never;
    SPREAD_GENERAL = "splatd" Form::Unary, P66 2 0x7c Never;
    BYTES_TO_INTS = "zxbd" Form::Unary, P66 2 0x31 Never;
    TEST = "testd" Form::Binary, P66 2 0x27 Never;
    MASK_TO_BYTES = "m2b" Form::Unary, F3 2 0x28 Never;
    BYTE_ABS = "absb" Form::Unary, P66 2 0x1c Never;
    STORE_8 = "store8" Form::Store, P66 1 0xd6 Evex;
    STORE_4 = "store4" Form::Store, P66 1 0x7e Never;
    MASK_AND = "kand" Form::Binary, Masks 1 0x41 Never;
    MASK_AND_NOT = "kandn" Form::Binary, Masks 1 0x42 Never;
    MASK_NOT = "knot" Form::Unary, Masks 1 0x44 Never;
    MASK_OR = "kor" Form::Binary, Masks 1 0x45 Never;
    MASK_XOR = "kxor" Form::Binary, Masks 1 0x47 Never;
    MASK_MOVE = "kmov" Form::Unary, Masks 1 0x90 Never;
    ANY_LANE = "test" Form::Test, P66 2 0x17 Never;
    ANY_MASK = "ktest" Form::Test, Masks 1 0x98 Never;
    FAR_SIN = "far_sin" Form::Far, None 1 0x28 Never;
    FAR_COS = "far_cos" Form::Far, None 1 0x28 Never;
    FAR_TAN = "far_tan" Form::Far, None 1 0x28 Never;
    MASK_STORE = "kstore" Form::Store, Masks 1 0x91 Never;
}

/// A register that holds an address or a number.
pub(super) type General = u8;

/// The first argument of a function, and general registers that calls may change.
pub(super) const BLOCK: General = 7;

/// Where the stack ends.
pub(super) const STACK: General = 4;

/// Where a value lies in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Memory {
    /// At an offset from a register.
    Near(General, i32),
    /// At an offset from a register plus a multiple of another: 1, 2, 4 or 8.
    Indexed(General, General, u8, i32),
    /// At an offset in the constants.
    Pool(usize),
}

/// The last operand of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Last {
    Register(u8),
    Memory(Memory),
}

/// A vector instruction: the registers in the places that it has for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    pub(super) row: &'a Row,
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

    pub(super) fn vector(&mut self, level: Level, v: &Vector) {
        match level {
            Level::Avx512 if v.row.prefix != Prefix::Masks => self.evex(v),
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
        let wide = v.wide && v.row.wide == Wide::Always;
        let (x, b) = extension(v.last);
        let long = if v.row.prefix == Prefix::Masks { v.row.form == Form::Binary } else { v.bytes == 32 };
        self.byte(0xc4);
        self.byte(!(bit(v.reg, 3) << 7 | (x & 1) << 6 | b << 5) & 0xe0 | v.row.map);
        let second = !v.second.unwrap_or(0) & 15;
        self.byte(u8::from(wide) << 7 | second << 3 | u8::from(long) << 2 | Assembler::prefix(v));
    }

    fn evex(&mut self, v: &Vector) {
        let wide = v.wide && v.row.wide != Wide::Never;
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
            Last::Memory(Memory::Near(base, offset)) if base & 7 != 4 => {
                self.byte(0x80 | reg | base & 7);
                self.word(offset);
            }
            Last::Memory(Memory::Near(base, offset)) => {
                self.code.extend([0x84 | reg, 0x20 | base & 7]);
                self.word(offset);
            }
            Last::Memory(Memory::Indexed(base, index, scale, offset)) => {
                let scale = scale.trailing_zeros() as u8;
                self.code.extend([0x84 | reg, scale << 6 | (index & 7) << 3 | base & 7]);
                self.word(offset);
            }
            Last::Memory(Memory::Pool(at)) => {
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

    pub(super) fn load(&mut self, to: General, from: Memory) {
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
    pub(super) fn address(&mut self, to: General, of: Memory) {
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
        Last::Memory(Memory::Near(base, _)) => (0, bit(base, 3)),
        Last::Memory(Memory::Indexed(base, index, ..)) => (bit(index, 3), bit(base, 3)),
        Last::Memory(Memory::Pool(_)) => (0, 0),
    }
}
