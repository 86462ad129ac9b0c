//! The vector instructions of x86-64: one row for each.

use crate::native::simd::isa::Opcode;

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
pub(super) enum WBit {
    Never,
    Always,
    /// Only in EVEX form.
    Evex,
}

/// Where operands go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OperandForm {
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

/// A vector instruction.
#[derive(Debug)]
pub(super) struct Encoding {
    pub(super) name: &'static str,
    pub(super) form: OperandForm,
    pub(super) prefix: Prefix,
    pub(super) map: u8,
    pub(super) code: u8,
    pub(super) wide: WBit,
}

macro_rules! rows {
    ($($name:ident = $text:literal $form:expr, $prefix:ident $map:literal $code:literal $wide:ident;)*) => {
        /// The index of each row in the table.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the constants are")]
        enum Index {
            $($name),*
        }

        $(pub(super) const $name: Opcode = Opcode(Index::$name as u16);)*

        static ROWS: &[Encoding] = &[$(Encoding {
            name: $text, form: $form, prefix: Prefix::$prefix, map: $map, code: $code, wide: WBit::$wide,
        }),*];
    };
}

/// The row of an instruction.
pub(super) fn row(opcode: Opcode) -> &'static Encoding {
    &ROWS[usize::from(opcode.0)]
}

rows! {
    ADD = "add" OperandForm::Binary, Float 1 0x58 Always;
    MUL = "mul" OperandForm::Binary, Float 1 0x59 Always;
    SUB = "sub" OperandForm::Binary, Float 1 0x5c Always;
    MIN = "min" OperandForm::Binary, Float 1 0x5d Always;
    DIV = "div" OperandForm::Binary, Float 1 0x5e Always;
    MAX = "max" OperandForm::Binary, Float 1 0x5f Always;
    SQRT = "sqrt" OperandForm::Unary, Float 1 0x51 Always;
    AND = "and" OperandForm::Binary, Float 1 0x54 Always;
    AND_NOT = "andn" OperandForm::Binary, Float 1 0x55 Always;
    OR = "or" OperandForm::Binary, Float 1 0x56 Always;
    XOR = "xor" OperandForm::Binary, Float 1 0x57 Always;
    COMPARE = "cmp" OperandForm::Binary, Float 1 0xc2 Always;
    ROUND_SINGLE = "round" OperandForm::Unary, P66 3 0x08 Never;
    ROUND_DOUBLE = "round" OperandForm::Unary, P66 3 0x09 Evex;
    FUSED = "fma" OperandForm::Fused, P66 2 0x98 Always;
    FUSED_SUB = "fms" OperandForm::Fused, P66 2 0x9a Always;
    FUSED_NEGATED = "fnma" OperandForm::Fused, P66 2 0x9c Always;
    FUSED_NEGATED_SUB = "fnms" OperandForm::Fused, P66 2 0x9e Always;
    BLEND_SINGLE = "blend" OperandForm::Blend, P66 3 0x4a Never;
    BLEND_DOUBLE = "blend" OperandForm::Blend, P66 3 0x4b Never;
    BLEND_MASK = "blend" OperandForm::Blend, P66 2 0x65 Always;
    INT_ADD = "addd" OperandForm::Binary, P66 1 0xfe Never;
    INT_SUB = "subd" OperandForm::Binary, P66 1 0xfa Never;
    INT_MUL = "muld" OperandForm::Binary, P66 2 0x40 Never;
    INT_MIN = "mind" OperandForm::Binary, P66 2 0x39 Never;
    INT_MAX = "maxd" OperandForm::Binary, P66 2 0x3d Never;
    INT_ABS = "absd" OperandForm::Unary, P66 2 0x1e Never;
    INT_EQUAL = "cmpeqd" OperandForm::Binary, P66 1 0x76 Never;
    INT_GREATER = "cmpgtd" OperandForm::Binary, P66 1 0x66 Never;
    INT_COMPARE = "cmpd" OperandForm::Binary, P66 3 0x1f Never;
    SHIFT_LEFT = "shld" OperandForm::Shift(6), P66 1 0x72 Never;
    SHIFT_RIGHT = "shrd" OperandForm::Shift(2), P66 1 0x72 Never;
    SHIFT_LEFT_64 = "shlq" OperandForm::Shift(6), P66 1 0x73 Always;
    SHIFT_RIGHT_64 = "shrq" OperandForm::Shift(2), P66 1 0x73 Always;
    INT_TO_SINGLE = "cvtd2s" OperandForm::Unary, None 1 0x5b Never;
    INT_TO_DOUBLE = "cvtd2d" OperandForm::Unary, F3 1 0xe6 Never;
    SINGLE_TO_DOUBLE = "cvts2d" OperandForm::Unary, None 1 0x5a Never;
    DOUBLE_TO_SINGLE = "cvtd2s" OperandForm::Unary, P66 1 0x5a Evex;
    MOVE = "mov" OperandForm::Unary, None 1 0x28 Never;
    LOAD = "load" OperandForm::Unary, None 1 0x10 Never;
    STORE = "store" OperandForm::Store, None 1 0x11 Never;
    SPLAT_SINGLE = "splat" OperandForm::Unary, P66 2 0x18 Never;
    SPLAT_DOUBLE = "splat" OperandForm::Unary, P66 2 0x19 Evex;
    FROM_GENERAL = "movd" OperandForm::Unary, P66 1 0x6e Never;
    SPLAT_INT = "splatd" OperandForm::Unary, P66 2 0x58 Never;
    SPLAT_GENERAL = "splatd" OperandForm::Unary, P66 2 0x7c Never;
    BYTES_TO_INTS = "zxbd" OperandForm::Unary, P66 2 0x31 Never;
    TEST = "testd" OperandForm::Binary, P66 2 0x27 Never;
    MASK_TO_BYTES = "m2b" OperandForm::Unary, F3 2 0x28 Never;
    BYTE_ABS = "absb" OperandForm::Unary, P66 2 0x1c Never;
    STORE_8 = "store8" OperandForm::Store, P66 1 0xd6 Evex;
    STORE_4 = "store4" OperandForm::Store, P66 1 0x7e Never;
    MASK_AND = "kand" OperandForm::Binary, Masks 1 0x41 Never;
    MASK_AND_NOT = "kandn" OperandForm::Binary, Masks 1 0x42 Never;
    MASK_NOT = "knot" OperandForm::Unary, Masks 1 0x44 Never;
    MASK_OR = "kor" OperandForm::Binary, Masks 1 0x45 Never;
    MASK_XOR = "kxor" OperandForm::Binary, Masks 1 0x47 Never;
    MASK_MOVE = "kmov" OperandForm::Unary, Masks 1 0x90 Never;
    ANY_LANE = "test" OperandForm::Test, P66 2 0x17 Never;
    ANY_MASK = "ktest" OperandForm::Test, Masks 1 0x98 Never;
    FAR_SIN = "far_sin" OperandForm::Far, None 1 0x28 Never;
    FAR_COS = "far_cos" OperandForm::Far, None 1 0x28 Never;
    FAR_TAN = "far_tan" OperandForm::Far, None 1 0x28 Never;
    MASK_STORE = "kstore" OperandForm::Store, Masks 1 0x91 Never;
}
