//! Values of any number of lanes as machine registers, and the moves between them.
//!
//! A scalar is one Cranelift value. A vector is cut into registers of 128 bits, first lanes first.
//! A scalar boolean is a byte, 0 or 1; a boolean vector is a mask, all bits of a lane set or none,
//! in lanes as wide as those that were compared (32 or 64 bits).

use cranelift::codegen::ir::{self, ConstantData, Endianness};
use cranelift::prelude::*;

use crate::algebra::types::DType;
use crate::ice;
use crate::loops::Ty;

/// The registers of a value.
pub(super) type Registers = Vec<Value>;

/// Shorthand: every emitter works on one of these.
pub(super) type ClifBuilder<'a> = FunctionBuilder<'a>;

/// The type of a scalar.
pub(super) fn scalar_type(dtype: DType) -> Type {
    match dtype {
        DType::Bool => types::I8,
        DType::I32 => types::I32,
        DType::I64 => types::I64,
        DType::F32 => types::F32,
        DType::F64 => types::F64,
    }
}

/// The type of a register of a vector. Booleans are made in lanes of 32 bits.
pub(super) fn register_type(dtype: DType) -> Type {
    match dtype {
        DType::Bool | DType::I32 => types::I32X4,
        DType::I64 => types::I64X2,
        DType::F32 => types::F32X4,
        DType::F64 => types::F64X2,
    }
}

/// The type of each register of a value, and how many there are.
pub(super) fn layout(ty: Ty) -> (Type, usize) {
    if ty.lanes == 1 {
        return (scalar_type(ty.dtype), 1);
    }
    let register = register_type(ty.dtype);
    let per = register.lane_count() as usize;
    if !(ty.lanes.is_multiple_of(4)) {
        ice!("native", "{} lanes are not a multiple of 4", ty.lanes);
    }
    (register, ty.lanes as usize / per)
}

/// Flags of a reinterpretation; lane 0 lies lowest.
pub(super) fn little() -> MemFlagsData {
    MemFlagsData::new().with_endianness(Endianness::Little)
}

/// The same bits as another type.
pub(super) fn bits(b: &mut ClifBuilder, ty: Type, value: Value) -> Value {
    if b.func.dfg.value_type(value) == ty { value } else { b.ins().bitcast(ty, little(), value) }
}

/// The integer type of equal shape.
pub(super) fn int_type(ty: Type) -> Type {
    match ty {
        types::F32 => types::I32,
        types::F64 => types::I64,
        types::F32X4 => types::I32X4,
        types::F64X2 => types::I64X2,
        other => other,
    }
}

/// A number in every lane, given by the bits of one lane.
pub(super) fn constant(b: &mut ClifBuilder, ty: Type, lane: u64) -> Value {
    match ty {
        types::F32 => b.ins().f32const(f32::from_bits(lane as u32)),
        types::F64 => b.ins().f64const(f64::from_bits(lane)),
        ty if !ty.is_vector() => b.ins().iconst(ty, immediate(ty, lane)),
        ty => {
            let bytes = ty.lane_type().bytes() as usize;
            let data: Vec<u8> = lane.to_le_bytes()[..bytes].repeat(16 / bytes);
            vector_constant(b, ty, data)
        }
    }
}

/// The bits as the immediate that Cranelift wants: zero-extended to the type's width.
fn immediate(ty: Type, lane: u64) -> i64 {
    match ty.bits() {
        8 => (lane as u8) as i64,
        32 => (lane as u32) as i64,
        _ => lane as i64,
    }
}

/// A register given by its bytes.
pub(super) fn vector_constant(b: &mut ClifBuilder, ty: Type, data: Vec<u8>) -> Value {
    let data = b.func.dfg.constants.insert(ConstantData::from(data));
    b.ins().vconst(ty, data)
}

/// The float `value` in the lanes of a float type.
pub(super) fn float(b: &mut ClifBuilder, ty: Type, value: f64) -> Value {
    let lane = match ty.lane_type() {
        types::F32 => u64::from((value as f32).to_bits()),
        _ => value.to_bits(),
    };
    constant(b, ty, lane)
}

/// Four lanes of 32 bits out of two registers: 0 to 3 are those of `x`, 4 to 7 those of `y`.
pub(super) fn shuffle(b: &mut ClifBuilder, x: Value, y: Value, lanes: [u8; 4]) -> Value {
    let ty = b.func.dfg.value_type(x);
    let bytes: Vec<u8> = lanes.iter().flat_map(|lane| (0..4).map(move |byte| 4 * lane + byte)).collect();
    let mask = b.func.dfg.immediates.push(ConstantData::from(bytes));
    let (x, y) = (bits(b, types::I8X16, x), bits(b, types::I8X16, y));
    let mixed = b.ins().shuffle(x, y, mask);
    bits(b, ty, mixed)
}

/// The upper half of a register in both halves.
pub(super) fn upper(b: &mut ClifBuilder, x: Value) -> Value {
    shuffle(b, x, x, [2, 3, 2, 3])
}

/// The lower halves of two registers.
pub(super) fn join_lower(b: &mut ClifBuilder, x: Value, y: Value) -> Value {
    shuffle(b, x, y, [0, 1, 4, 5])
}

/// A mask in lanes of another width, or as it is.
pub(super) fn mask_as(b: &mut ClifBuilder, mask: &[Value], register: Type) -> Registers {
    let have = b.func.dfg.value_type(mask[0]);
    let want = int_type(register);
    match (have, want) {
        (types::I32X4, types::I64X2) => mask.iter().flat_map(|&m| widen(b, m)).collect(),
        (types::I64X2, types::I32X4) => mask.chunks(2).map(|m| narrow(b, m[0], m[1])).collect(),
        _ => mask.to_vec(),
    }
}

/// Four 32-bit integers as twice two of 64 bits.
pub(super) fn widen(b: &mut ClifBuilder, x: Value) -> [Value; 2] {
    [b.ins().swiden_low(x), b.ins().swiden_high(x)]
}

/// Twice two 64-bit integers as four of 32 bits, without their upper bits.
pub(super) fn narrow(b: &mut ClifBuilder, x: Value, y: Value) -> Value {
    let mixed = shuffle(b, x, y, [0, 2, 4, 6]);
    bits(b, types::I32X4, mixed)
}

/// Four bytes in memory as a mask.
pub(super) fn load_mask(b: &mut ClifBuilder, flags: MemFlagsData, at: Value, offset: i32) -> Value {
    let bytes = b.ins().load(types::I32, flags, at, offset);
    let vector = b.ins().scalar_to_vector(types::I32X4, bytes);
    let vector = bits(b, types::I8X16, vector);
    let half = b.ins().uwiden_low(vector);
    let full = b.ins().uwiden_low(half);
    let zero = constant(b, types::I32X4, 0);
    b.ins().icmp(IntCC::NotEqual, full, zero)
}

/// A mask as four bytes in one integer.
pub(super) fn pack_mask(b: &mut ClifBuilder, mask: Value) -> Value {
    let half = b.ins().snarrow(mask, mask);
    let bytes = b.ins().snarrow(half, half);
    let ones = constant(b, types::I8X16, 1);
    let bytes = b.ins().band(bytes, ones);
    let words = bits(b, types::I32X4, bytes);
    b.ins().extractlane(words, 0)
}

/// Lane `lane` of a vector.
pub(super) fn lane(b: &mut ClifBuilder, parts: &[Value], lane: usize) -> Value {
    let per = b.func.dfg.value_type(parts[0]).lane_count() as usize;
    b.ins().extractlane(parts[lane / per], (lane % per) as u8)
}

/// Scalars as registers of type `ty`.
pub(super) fn gather(b: &mut ClifBuilder, ty: Type, scalars: &[Value]) -> Registers {
    let per = ty.lane_count() as usize;
    let mut parts = Registers::new();
    for chunk in scalars.chunks(per) {
        let mut register = b.ins().splat(ty, chunk[0]);
        for (index, &scalar) in chunk.iter().enumerate().skip(1) {
            register = b.ins().insertlane(register, scalar, index as u8);
        }
        parts.push(register);
    }
    parts
}

/// The type of a Cranelift value.
pub(super) fn type_of(b: &ClifBuilder, value: ir::Value) -> Type {
    b.func.dfg.value_type(value)
}
