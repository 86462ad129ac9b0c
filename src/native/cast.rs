//! Changes of element type, as Rust's `as` makes them.

use cranelift::prelude::*;

use super::vector::{
    ClifBuilder, Registers, constant, float, gather, int_type, join_lower, lane, mask_as, narrow,
    register_type, scalar_type, type_of, upper, widen,
};
use crate::algebra::types::DType;

/// A value of `lanes` lanes in another element type.
pub(super) fn cast(b: &mut ClifBuilder, from: DType, to: DType, lanes: usize, parts: &[Value]) -> Registers {
    match lanes {
        _ if from == to => parts.to_vec(),
        1 => vec![scalar(b, from, to, parts[0])],
        _ => vector(b, from, to, lanes, parts),
    }
}

/// A scalar in another type.
fn scalar(b: &mut ClifBuilder, from: DType, to: DType, x: Value) -> Value {
    let ty = scalar_type(to);
    match (from, to) {
        (DType::F32, DType::F64) => b.ins().fpromote(ty, x),
        (DType::F64, DType::F32) => b.ins().fdemote(ty, x),
        (_, DType::Bool) => differs_from_zero(b, x),
        (DType::Bool, _) if to.is_int() => b.ins().uextend(ty, x),
        (DType::Bool, _) => {
            let (one, zero) = (float(b, ty, 1.0), float(b, ty, 0.0));
            b.ins().select(x, one, zero)
        }
        (DType::I32, DType::I64) => b.ins().sextend(ty, x),
        (DType::I64, DType::I32) => b.ins().ireduce(ty, x),
        _ if from.is_float() => b.ins().fcvt_to_sint_sat(ty, x),
        _ => b.ins().fcvt_from_sint(ty, x),
    }
}

/// A vector in another type: whole registers where the machine can, else lane by lane.
fn vector(b: &mut ClifBuilder, from: DType, to: DType, lanes: usize, parts: &[Value]) -> Registers {
    let ty = register_type(to);
    match (from, to) {
        (DType::F32, DType::F64) => parts.iter().flat_map(|&x| promote(b, x)).collect(),
        (DType::F64, DType::F32) => parts.chunks(2).map(|x| demote(b, x[0], x[1])).collect(),
        (_, DType::Bool) => parts.iter().map(|&x| differs_from_zero(b, x)).collect(),
        (DType::Bool, _) => from_mask(b, ty, parts),
        (DType::I32, DType::I64) => parts.iter().flat_map(|&x| widen(b, x)).collect(),
        (DType::I64, DType::I32) => parts.chunks(2).map(|x| narrow(b, x[0], x[1])).collect(),
        (DType::I32, DType::F32) => parts.iter().map(|&x| b.ins().fcvt_from_sint(ty, x)).collect(),
        (DType::F32, DType::I32) => parts.iter().map(|&x| b.ins().fcvt_to_sint_sat(ty, x)).collect(),
        (DType::I32, DType::F64) => parts.iter().flat_map(|&x| int_to_double(b, x)).collect(),
        _ => {
            let scalars: Vec<Value> = (0..lanes).map(|index| lane(b, parts, index)).collect();
            let scalars: Vec<Value> = scalars.into_iter().map(|x| scalar(b, from, to, x)).collect();
            gather(b, ty, &scalars)
        }
    }
}

/// Four singles as twice two doubles.
fn promote(b: &mut ClifBuilder, x: Value) -> [Value; 2] {
    let high = upper(b, x);
    [b.ins().fvpromote_low(x), b.ins().fvpromote_low(high)]
}

/// Twice two doubles as four singles.
pub(super) fn demote(b: &mut ClifBuilder, x: Value, y: Value) -> Value {
    let (x, y) = (b.ins().fvdemote(x), b.ins().fvdemote(y));
    join_lower(b, x, y)
}

/// Four integers as twice two doubles.
fn int_to_double(b: &mut ClifBuilder, x: Value) -> [Value; 2] {
    let high = upper(b, x);
    [x, high].map(|x| {
        let wide = b.ins().swiden_low(x);
        b.ins().fcvt_from_sint(types::F64X2, wide)
    })
}

/// A mask as ones and zeros.
fn from_mask(b: &mut ClifBuilder, ty: Type, parts: &[Value]) -> Registers {
    let one = if ty.lane_type().is_float() { float(b, ty, 1.0) } else { constant(b, ty, 1) };
    let one = super::vector::bits(b, int_type(ty), one);
    let parts = mask_as(b, parts, ty);
    parts
        .into_iter()
        .map(|mask| {
            let ones = b.ins().band(mask, one);
            super::vector::bits(b, ty, ones)
        })
        .collect()
}

/// Whether each lane is not zero.
fn differs_from_zero(b: &mut ClifBuilder, x: Value) -> Value {
    let ty = type_of(b, x);
    if ty.lane_type().is_float() {
        let zero = float(b, ty, 0.0);
        return b.ins().fcmp(FloatCC::NotEqual, x, zero);
    }
    let zero = constant(b, ty, 0);
    b.ins().icmp(IntCC::NotEqual, x, zero)
}
