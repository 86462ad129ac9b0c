//! Machine operations on one register each.

use cranelift::prelude::*;

use super::vector::{ClifBuilder, bits, constant, float, int_type, type_of};
use crate::algebra::scalar::MachineOp;
use crate::ice;

/// Emits an operation on registers of equal shape.
pub(super) type OpEmitter = fn(&mut ClifBuilder, &[Value]) -> Value;

/// The table: how each operation is emitted.
pub(super) fn emitter(machine: MachineOp) -> OpEmitter {
    match machine {
        MachineOp::Add => {
            |b, x| number(b, x, |b, x| b.ins().fadd(x[0], x[1]), |b, x| b.ins().iadd(x[0], x[1]))
        }
        MachineOp::Sub => {
            |b, x| number(b, x, |b, x| b.ins().fsub(x[0], x[1]), |b, x| b.ins().isub(x[0], x[1]))
        }
        MachineOp::Mul => {
            |b, x| number(b, x, |b, x| b.ins().fmul(x[0], x[1]), |b, x| b.ins().imul(x[0], x[1]))
        }
        MachineOp::Div => |b, x| b.ins().fdiv(x[0], x[1]),
        MachineOp::Neg => |b, x| number(b, x, negate, |b, x| b.ins().ineg(x[0])),
        MachineOp::Abs => |b, x| number(b, x, absolute, |b, x| b.ins().iabs(x[0])),
        MachineOp::Sqrt => |b, x| b.ins().sqrt(x[0]),
        MachineOp::Fma => |b, x| b.ins().fma(x[0], x[1], x[2]),
        MachineOp::Floor => |b, x| number(b, x, |b, x| b.ins().floor(x[0]), |_, x| x[0]),
        MachineOp::Ceil => |b, x| number(b, x, |b, x| b.ins().ceil(x[0]), |_, x| x[0]),
        MachineOp::Nearest => |b, x| number(b, x, |b, x| b.ins().nearest(x[0]), |_, x| x[0]),
        MachineOp::Min => |b, x| pick(b, [x[0], x[1]], x),
        MachineOp::Max => |b, x| pick(b, [x[1], x[0]], x),
        MachineOp::Sign => |b, x| number(b, x, float_sign, int_sign),
        MachineOp::CopySign => copy_sign,
        MachineOp::Lt => |b, x| compare(b, FloatCC::LessThan, IntCC::SignedLessThan, x[0], x[1]),
        MachineOp::Le => {
            |b, x| compare(b, FloatCC::LessThanOrEqual, IntCC::SignedLessThanOrEqual, x[0], x[1])
        }
        MachineOp::Eq => |b, x| compare(b, FloatCC::Equal, IntCC::Equal, x[0], x[1]),
        MachineOp::Ne => |b, x| compare(b, FloatCC::NotEqual, IntCC::NotEqual, x[0], x[1]),
        MachineOp::And => |b, x| b.ins().band(x[0], x[1]),
        MachineOp::Or => |b, x| b.ins().bor(x[0], x[1]),
        MachineOp::Not => not,
        MachineOp::Select => |b, x| select(b, x[0], x[1], x[2]),
        MachineOp::Exp2Int => exp2_int,
        MachineOp::Exponent => exponent,
        MachineOp::Fraction => fraction,
        MachineOp::FloorDiv => floor_div,
        MachineOp::FloorRem => floor_rem,
        MachineOp::IntXor => |b, x| b.ins().bxor(x[0], x[1]),
        MachineOp::IntShr => |b, x| b.ins().ushr(x[0], x[1]),
        MachineOp::IntShl => |b, x| b.ins().ishl(x[0], x[1]),
        MachineOp::FarSin | MachineOp::FarCos | MachineOp::FarTan => ice!("native", "{machine:?} is a call"),
        MachineOp::IntToFloat => ice!("native", "int_to_float is a cast"),
    }
}

/// Whether the lanes are floats.
fn is_float(b: &ClifBuilder, value: Value) -> bool {
    type_of(b, value).lane_type().is_float()
}

/// One emitter for floats, another for integers.
fn number(b: &mut ClifBuilder, x: &[Value], floats: OpEmitter, ints: OpEmitter) -> Value {
    if is_float(b, x[0]) { floats(b, x) } else { ints(b, x) }
}

/// `-x`: a scalar's mask is built by Cranelift, a vector's is a constant that leaves loops.
fn negate(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    if !ty.is_vector() {
        return b.ins().fneg(x[0]);
    }
    let sign = float(b, ty, -0.0);
    b.ins().bxor(x[0], sign)
}

/// `|x|`.
fn absolute(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    if !ty.is_vector() {
        return b.ins().fabs(x[0]);
    }
    let rest = constant(b, ty, if ty.lane_type() == types::F32 { 0x7fff_ffff } else { i64::MAX as u64 });
    b.ins().band(x[0], rest)
}

/// The first with the sign bit of the second.
fn copy_sign(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    if !ty.is_vector() {
        return b.ins().fcopysign(x[0], x[1]);
    }
    let size = absolute(b, x);
    let sign = float(b, ty, -0.0);
    let sign = b.ins().band(x[1], sign);
    b.ins().bor(size, sign)
}

/// Quotient of scalar integers rounded down; 0 where the divisor is 0. The divisors 0 and -1, which
/// the machine's division may not like, are kept from it.
fn floor_div(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    let (zero, one, minus) = (constant(b, ty, 0), constant(b, ty, 1), constant(b, ty, u64::MAX));
    let by_zero = b.ins().icmp(IntCC::Equal, x[1], zero);
    let by_minus = b.ins().icmp(IntCC::Equal, x[1], minus);
    let special = b.ins().bor(by_zero, by_minus);
    let divisor = b.ins().select(special, one, x[1]);
    let quotient = b.ins().sdiv(x[0], divisor);
    let negated = b.ins().ineg(x[0]);
    let quotient = b.ins().select(by_minus, negated, quotient);
    let rest = remainder(b, x, quotient);
    let inexact = b.ins().icmp(IntCC::NotEqual, rest, zero);
    let signs = b.ins().bxor(rest, x[1]);
    let opposed = b.ins().icmp(IntCC::SignedLessThan, signs, zero);
    let above = b.ins().band(inexact, opposed);
    let below = b.ins().isub(quotient, one);
    let quotient = b.ins().select(above, below, quotient);
    b.ins().select(by_zero, zero, quotient)
}

/// `a - quotient * b`.
fn remainder(b: &mut ClifBuilder, x: &[Value], quotient: Value) -> Value {
    let product = b.ins().imul(quotient, x[1]);
    b.ins().isub(x[0], product)
}

/// What floor division of scalars leaves.
fn floor_rem(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let quotient = floor_div(b, x);
    remainder(b, x, quotient)
}

/// `less[0] < less[1] ? x[0] : x[1]`: one instruction for floats.
fn pick(b: &mut ClifBuilder, less: [Value; 2], x: &[Value]) -> Value {
    let condition = compare(b, FloatCC::LessThan, IntCC::SignedLessThan, less[0], less[1]);
    select(b, condition, x[0], x[1])
}

/// A comparison: a byte for scalars, a mask for vectors.
fn compare(b: &mut ClifBuilder, floats: FloatCC, ints: IntCC, x: Value, y: Value) -> Value {
    if is_float(b, x) { b.ins().fcmp(floats, x, y) } else { b.ins().icmp(ints, x, y) }
}

/// `condition ? x : y`. A mask that does not come straight from a comparison is told to be one by
/// the instruction, where there is one.
fn select(b: &mut ClifBuilder, condition: Value, x: Value, y: Value) -> Value {
    let ty = type_of(b, x);
    if !ty.is_vector() {
        return b.ins().select(condition, x, y);
    }
    let condition = bits(b, ty, condition);
    b.ins().bitselect(condition, x, y)
}

/// The other truth value.
fn not(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    if ty.is_vector() {
        return b.ins().bnot(x[0]);
    }
    let one = b.ins().iconst(ty, 1);
    b.ins().bxor(x[0], one)
}

/// +1, 0 or -1; 0 for NaN.
fn float_sign(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    let (zero, one, minus) = (float(b, ty, 0.0), float(b, ty, 1.0), float(b, ty, -1.0));
    let above = b.ins().fcmp(FloatCC::GreaterThan, x[0], zero);
    let below = b.ins().fcmp(FloatCC::LessThan, x[0], zero);
    if !ty.is_vector() {
        let rest = b.ins().select(below, minus, zero);
        return b.ins().select(above, one, rest);
    }
    let (above, below) = (bits(b, ty, above), bits(b, ty, below));
    let (above, below) = (b.ins().band(above, one), b.ins().band(below, minus));
    b.ins().bor(above, below)
}

/// +1, 0 or -1.
fn int_sign(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let ty = type_of(b, x[0]);
    let zero = constant(b, ty, 0);
    let above = b.ins().icmp(IntCC::SignedGreaterThan, x[0], zero);
    let below = b.ins().icmp(IntCC::SignedLessThan, x[0], zero);
    if ty.is_vector() {
        return b.ins().isub(below, above);
    }
    let (above, below) = (b.ins().uextend(ty, above), b.ins().uextend(ty, below));
    b.ins().isub(above, below)
}

/// How floats of so many bytes keep their exponent: bits of the fraction, and what is added.
pub(super) fn exponent_of(bytes: usize) -> (u32, f64) {
    if bytes == 4 { (23, 127.0) } else { (52, 1023.0) }
}

/// How a float type keeps its exponent.
struct FloatFormat {
    /// The type.
    ty: Type,
    /// The integers of equal shape.
    int: Type,
    /// Bits of the fraction.
    fraction: i64,
    /// What is added to the exponent.
    bias: f64,
}

impl FloatFormat {
    fn of(b: &ClifBuilder, value: Value) -> FloatFormat {
        let ty = type_of(b, value);
        let (fraction, bias) = exponent_of(ty.lane_type().bytes() as usize);
        FloatFormat { ty, int: int_type(ty), fraction: i64::from(fraction), bias }
    }

    /// The float `2^fraction`: the last whose neighbours are one apart.
    fn unit(&self) -> f64 {
        (self.fraction as f64).exp2()
    }
}

/// `2^n`. Adding `1.5 * 2^fraction` leaves `n` in the low bits; they move up to the exponent.
fn exp2_int(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let layout = FloatFormat::of(b, x[0]);
    let magic = float(b, layout.ty, 1.5 * layout.unit() + layout.bias);
    let sum = b.ins().fadd(x[0], magic);
    let sum = bits(b, layout.int, sum);
    let distance = b.ins().iconst(types::I32, layout.fraction);
    let shifted = b.ins().ishl(sum, distance);
    bits(b, layout.ty, shifted)
}

/// The exponent as a float: moved down into the low bits of `2^fraction`, which is then taken off.
fn exponent(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let layout = FloatFormat::of(b, x[0]);
    let whole = bits(b, layout.int, x[0]);
    let distance = b.ins().iconst(types::I32, layout.fraction);
    let shifted = b.ins().ushr(whole, distance);
    let unit = float(b, layout.ty, layout.unit());
    let unit = bits(b, layout.int, unit);
    let sum = b.ins().bor(shifted, unit);
    let sum = bits(b, layout.ty, sum);
    let off = float(b, layout.ty, layout.unit() + layout.bias);
    b.ins().fsub(sum, off)
}

/// The fraction with the exponent of 1.
fn fraction(b: &mut ClifBuilder, x: &[Value]) -> Value {
    let layout = FloatFormat::of(b, x[0]);
    let whole = bits(b, layout.int, x[0]);
    let low = constant(b, layout.int, (1u64 << layout.fraction) - 1);
    let low = b.ins().band(whole, low);
    let one = float(b, layout.ty, 1.0);
    let one = bits(b, layout.int, one);
    let whole = b.ins().bor(low, one);
    bits(b, layout.ty, whole)
}

/// A lane of a mask as a truth value.
pub(super) fn truth(b: &mut ClifBuilder, lane: Value) -> Value {
    let zero = constant(b, type_of(b, lane), 0);
    b.ins().icmp(IntCC::NotEqual, lane, zero)
}
