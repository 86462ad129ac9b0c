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

/// A vector instruction.
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
        /// The place of each row in the table.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the constants are")]
        enum Place {
            $($name),*
        }

        $(pub(super) const $name: Opcode = Opcode(Place::$name as u16);)*

        static ROWS: &[Row] = &[$(Row {
            name: $text, form: $form, prefix: Prefix::$prefix, map: $map, code: $code, wide: Wide::$wide,
        }),*];
    };
}

/// The row of an instruction.
pub(super) fn row(opcode: Opcode) -> &'static Row {
    &ROWS[usize::from(opcode.0)]
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
    SPLAT_SINGLE = "splat" Form::Unary, P66 2 0x18 Never;
    SPLAT_DOUBLE = "splat" Form::Unary, P66 2 0x19 Evex;
    FROM_GENERAL = "movd" Form::Unary, P66 1 0x6e Never;
    SPLAT_INT = "splatd" Form::Unary, P66 2 0x58 Never;
    SPLAT_GENERAL = "splatd" Form::Unary, P66 2 0x7c Never;
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
