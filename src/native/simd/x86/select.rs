//! Instructions of x86-64 for operations on virtual registers.

use super::SimdLevel;
use super::rows::*;
use crate::algebra::scalar::{MachineOp, encode, far_limit};
use crate::algebra::types::DType;
use crate::native::far;
use crate::native::ops::exponent_of;
use crate::native::simd::body::{Id, Origin, VectorBody, VectorOp, VirtualRegister};
use crate::native::simd::instruction::Operand;
use crate::native::simd::isa::{Opcode, Operation};
use crate::native::simd::plan::Access;

pub(super) struct Select<'a> {
    pub(super) level: SimdLevel,
    pub(super) body: &'a mut VectorBody,
}

impl Select<'_> {
    /// The result of an operation.
    pub(super) fn operation(&mut self, operation: Operation, x: &[Id]) -> Option<Id> {
        match operation {
            Operation::Machine(machine, dtype) => self.machine(machine, dtype, x),
            Operation::Fused { product, sum } => {
                let opcode = match (product, sum) {
                    (false, false) => FUSED,
                    (false, true) => FUSED_SUB,
                    (true, false) => FUSED_NEGATED,
                    (true, true) => FUSED_NEGATED_SUB,
                };
                Some(self.op(opcode, self.body.size(x[0]), x, None))
            }
            Operation::Shift(machine, by) => {
                let opcode = if machine == MachineOp::IntShl { SHIFT_LEFT } else { SHIFT_RIGHT };
                Some(self.op(opcode, 4, x, Some(by)))
            }
            Operation::Cast(from, to) => self.cast(x[0], from, to),
            Operation::Load(access, lane, dtype) => self.load(Operand::Access(access, lane), dtype),
            Operation::Splat(access, dtype) => {
                let opcode = match dtype {
                    DType::F32 | DType::I32 => SPLAT_SINGLE,
                    DType::F64 => SPLAT_DOUBLE,
                    DType::Bool | DType::I64 => return None,
                };
                Some(self.body.emit(opcode, access.size, &[], Operand::Access(access, 0), None))
            }
            Operation::Iota(offset) => self.iota(offset),
        }
    }

    fn op(&mut self, opcode: Opcode, size: usize, from: &[Id], immediate: Option<u8>) -> Id {
        self.body.emit(opcode, size, from, Operand::None, immediate)
    }

    /// An instruction whose result is a mask register.
    fn mask(&mut self, opcode: Opcode, size: usize, from: &[Id], immediate: Option<u8>) -> Id {
        let id = self.op(opcode, size, from, immediate);
        self.body.infos[id].mask = true;
        id
    }

    fn machine(&mut self, machine: MachineOp, dtype: DType, x: &[Id]) -> Option<Id> {
        match (machine, dtype) {
            (MachineOp::Select, DType::Bool) => None,
            (MachineOp::Select, _) => self.blend(x[0], x[1], x[2]),
            (_, DType::Bool) => self.logic(machine, x),
            (MachineOp::Lt | MachineOp::Le | MachineOp::Eq | MachineOp::Ne, _) => {
                self.compare(machine, dtype, x[0], x[1])
            }
            (MachineOp::FarSin, _) => self.far(FAR_SIN, machine, dtype, x),
            (MachineOp::FarCos, _) => self.far(FAR_COS, machine, dtype, x),
            (MachineOp::FarTan, _) => self.far(FAR_TAN, machine, dtype, x),
            (MachineOp::Sign, _) => self.sign(dtype, x[0]),
            (_, DType::F32 | DType::F64) => self.float_op(machine, dtype.bytes(), x),
            (_, DType::I32) => self.int_op(machine, x),
            _ => None,
        }
    }

    fn float_op(&mut self, machine: MachineOp, size: usize, x: &[Id]) -> Option<Id> {
        let round = if size == 4 { ROUND_SINGLE } else { ROUND_DOUBLE };
        let (opcode, immediate) = match machine {
            MachineOp::Add => (ADD, None),
            MachineOp::Sub => (SUB, None),
            MachineOp::Mul => (MUL, None),
            MachineOp::Div => (DIV, None),
            MachineOp::Min => (MIN, None),
            MachineOp::Max => (MAX, None),
            MachineOp::Sqrt => (SQRT, None),
            // Rounding modes; the eights keep inexactness quiet.
            MachineOp::Nearest => (round, Some(8)),
            MachineOp::Floor => (round, Some(9)),
            MachineOp::Ceil => (round, Some(10)),
            _ => return self.bits_op(machine, size, x),
        };
        Some(self.op(opcode, size, x, immediate))
    }

    /// Operations on the bits of floats.
    fn bits_op(&mut self, machine: MachineOp, size: usize, x: &[Id]) -> Option<Id> {
        let (fraction, bias) = exponent_of(size);
        let unit = f64::from(fraction).exp2();
        let (left, right) =
            if size == 4 { (SHIFT_LEFT, SHIFT_RIGHT) } else { (SHIFT_LEFT_64, SHIFT_RIGHT_64) };
        let sign = self.body.float(-0.0, size);
        Some(match machine {
            MachineOp::Neg => self.op(XOR, size, &[x[0], sign], None),
            MachineOp::Abs => self.op(AND_NOT, size, &[sign, x[0]], None),
            MachineOp::CopySign => {
                let (rest, sign) =
                    (self.op(AND_NOT, size, &[sign, x[0]], None), self.op(AND, size, &[x[1], sign], None));
                self.op(OR, size, &[rest, sign], None)
            }
            // As Cranelift's code does them: see `ops`.
            MachineOp::Exp2Int => {
                let magic = self.body.float(1.5 * unit + bias, size);
                let sum = self.op(ADD, size, &[x[0], magic], None);
                self.op(left, size, &[sum], Some(fraction as u8))
            }
            MachineOp::Exponent => {
                let (unit, off) = (self.body.float(unit, size), self.body.float(unit + bias, size));
                let low = self.op(right, size, &[x[0]], Some(fraction as u8));
                let sum = self.op(OR, size, &[low, unit], None);
                self.op(SUB, size, &[sum, off], None)
            }
            MachineOp::Fraction => {
                let (low, one) = (self.body.number((1 << fraction) - 1, size), self.body.float(1.0, size));
                let low = self.op(AND, size, &[x[0], low], None);
                self.op(OR, size, &[low, one], None)
            }
            _ => return None,
        })
    }

    fn int_op(&mut self, machine: MachineOp, x: &[Id]) -> Option<Id> {
        let opcode = match machine {
            MachineOp::Add => INT_ADD,
            MachineOp::Sub => INT_SUB,
            MachineOp::Mul => INT_MUL,
            MachineOp::Min => INT_MIN,
            MachineOp::Max => INT_MAX,
            MachineOp::Abs => INT_ABS,
            MachineOp::IntXor => XOR,
            MachineOp::Floor | MachineOp::Ceil | MachineOp::Nearest => return Some(x[0]),
            MachineOp::Neg => {
                let zero = self.body.number(0, 4);
                return Some(self.op(INT_SUB, 4, &[zero, x[0]], None));
            }
            _ => return None,
        };
        Some(self.op(opcode, 4, x, None))
    }

    /// A function of great arguments, with a mask of the lanes that have one.
    fn far(&mut self, opcode: Opcode, machine: MachineOp, dtype: DType, x: &[Id]) -> Option<Id> {
        let (size, limit) = (self.body.size(x[0]), self.body.float(far_limit(dtype), dtype.bytes()));
        let sign = self.body.float(-0.0, size);
        let magnitude = self.op(AND_NOT, size, &[sign, x[0]], None);
        // Not less, quietly.
        let great = match self.level {
            SimdLevel::Avx512 => self.mask(COMPARE, size, &[magnitude, limit], Some(0x15)),
            SimdLevel::Avx2 => self.op(COMPARE, size, &[magnitude, limit], Some(0x15)),
        };
        Some(self.op(opcode, size, &[great, x[0], x[1]], Some(far::index(machine, dtype) as u8)))
    }

    fn compare(&mut self, machine: MachineOp, dtype: DType, x: Id, y: Id) -> Option<Id> {
        let masks = self.level == SimdLevel::Avx512;
        let size = self.body.size(x);
        // The quiet forms; not equal is also true where there is no order.
        let (floats, ints) = match machine {
            MachineOp::Lt => (0x11, 1),
            MachineOp::Le => (0x12, 2),
            MachineOp::Eq => (0x00, 0),
            _ => (0x04, 4),
        };
        Some(match (dtype, masks) {
            (DType::F32 | DType::F64, true) => self.mask(COMPARE, size, &[x, y], Some(floats)),
            (DType::F32 | DType::F64, false) => self.op(COMPARE, size, &[x, y], Some(floats)),
            (DType::I32, true) => self.mask(INT_COMPARE, 4, &[x, y], Some(ints)),
            (DType::I32, false) => match machine {
                MachineOp::Lt => self.op(INT_GREATER, 4, &[y, x], None),
                MachineOp::Eq => self.op(INT_EQUAL, 4, &[x, y], None),
                MachineOp::Le => {
                    let above = self.op(INT_GREATER, 4, &[x, y], None);
                    self.not(above)
                }
                _ => {
                    let equal = self.op(INT_EQUAL, 4, &[x, y], None);
                    self.not(equal)
                }
            },
            _ => return None,
        })
    }

    fn not(&mut self, mask: Id) -> Id {
        let size = self.body.size(mask);
        if self.body.infos[mask].mask {
            return self.mask(MASK_NOT, size, &[mask], None);
        }
        let ones = self.body.number(if size == 4 { u64::from(u32::MAX) } else { u64::MAX }, size);
        self.op(XOR, size, &[mask, ones], None)
    }

    /// Operations on masks. Of two lanes, the less is the one that is not set.
    fn logic(&mut self, machine: MachineOp, x: &[Id]) -> Option<Id> {
        let size = self.body.size(x[0]);
        let masks = self.body.infos[x[0]].mask;
        if !masks && x.iter().any(|id| self.body.size(*id) != size) {
            return None;
        }
        let [and, or, xor, and_not] = match masks {
            true => [MASK_AND, MASK_OR, MASK_XOR, MASK_AND_NOT],
            false => [AND, OR, XOR, AND_NOT],
        };
        let mut make = |opcode, x: &[Id]| {
            if masks { self.mask(opcode, size, x, None) } else { self.op(opcode, size, x, None) }
        };
        Some(match machine {
            MachineOp::And => make(and, x),
            MachineOp::Or => make(or, x),
            MachineOp::Ne => make(xor, x),
            MachineOp::Lt => make(and_not, x),
            MachineOp::Not => self.not(x[0]),
            MachineOp::Eq => {
                let other = make(xor, x);
                self.not(other)
            }
            MachineOp::Le => {
                let above = make(and_not, &[x[1], x[0]]);
                self.not(above)
            }
            _ => return None,
        })
    }

    fn blend(&mut self, mask: Id, then: Id, other: Id) -> Option<Id> {
        let size = self.body.size(then);
        let opcode = match self.level {
            SimdLevel::Avx512 => BLEND_MASK,
            SimdLevel::Avx2 if self.body.size(mask) != size => return None,
            SimdLevel::Avx2 if size == 4 => BLEND_SINGLE,
            SimdLevel::Avx2 => BLEND_DOUBLE,
        };
        Some(self.op(opcode, size, &[mask, then, other], None))
    }

    fn sign(&mut self, dtype: DType, x: Id) -> Option<Id> {
        let size = self.body.size(x);
        let zero = self.body.number(0, size);
        let [one, minus] = [1.0, -1.0].map(|number| self.body.number(encode(number, dtype), size));
        let above = self.compare(MachineOp::Lt, dtype, zero, x)?;
        let below = self.compare(MachineOp::Lt, dtype, x, zero)?;
        let rest = self.blend(below, minus, zero)?;
        self.blend(above, one, rest)
    }

    fn load(&mut self, operand: Operand, dtype: DType) -> Option<Id> {
        match dtype {
            DType::I64 => None,
            DType::Bool => {
                let whole = self.body.emit(BYTES_TO_INTS, 4, &[], operand, None);
                if self.level == SimdLevel::Avx512 {
                    return Some(self.mask(TEST, 4, &[whole, whole], None));
                }
                let zero = self.body.number(0, 4);
                Some(self.op(INT_GREATER, 4, &[whole, zero], None))
            }
            _ => Some(self.body.emit(LOAD, dtype.bytes(), &[], operand, None)),
        }
    }

    /// Masks are written as bytes, which takes mask registers.
    pub(super) fn store(&mut self, access: Access, lane: usize, value: Id) -> Option<()> {
        let per = self.body.per;
        let (mut opcode, mut value, mut bytes, mut wide) = (STORE, value, access.size * per, false);
        if access.size == 1 {
            if self.level == SimdLevel::Avx2 {
                return None;
            }
            value = self.op(MASK_TO_BYTES, 16 / per, &[value], None);
            value = self.op(BYTE_ABS, 16 / per, &[value], None);
            opcode = [STORE_4, STORE_8, STORE][(per / 8).min(2)];
            (bytes, wide) = (16, opcode == STORE_8);
        }
        let operand = Operand::Access(access, lane);
        self.body.ops.push(VectorOp {
            opcode,
            bytes,
            wide,
            to: None,
            from: vec![value],
            operand,
            immediate: None,
        });
        Some(())
    }

    fn iota(&mut self, offset: i64) -> Option<Id> {
        let first = match self.level {
            SimdLevel::Avx512 => self.body.emit(SPLAT_GENERAL, 4, &[], Operand::Position, None),
            SimdLevel::Avx2 => {
                let first = self.body.emit(FROM_GENERAL, 4, &[], Operand::Position, None);
                self.body.ops.last_mut()?.bytes = 16;
                self.op(SPLAT_INT, 4, &[first], None)
            }
        };
        let lanes = self.body.shared(VirtualRegister { source: Origin::Iota, size: 4, mask: false, lane: 0 });
        let sum = self.op(INT_ADD, 4, &[first, lanes], None);
        if offset == 0 {
            return Some(sum);
        }
        let offset = self.body.number(u64::from(offset as u32), 4);
        Some(self.op(INT_ADD, 4, &[sum, offset], None))
    }

    fn cast(&mut self, x: Id, from: DType, to: DType) -> Option<Id> {
        let opcode = match (from, to) {
            (DType::I32, DType::F32) => return Some(self.op(INT_TO_SINGLE, 4, &[x], None)),
            (DType::I32, DType::F64) => INT_TO_DOUBLE,
            (DType::F32, DType::F64) => SINGLE_TO_DOUBLE,
            (DType::F64, DType::F32) => {
                let id = self.op(DOUBLE_TO_SINGLE, 4, &[x], None);
                let bytes = 8 * self.body.per;
                let last = self.body.ops.last_mut()?;
                (last.bytes, last.wide) = (bytes, true);
                return Some(id);
            }
            (DType::Bool, DType::F32 | DType::F64) => {
                let (one, zero) = (self.body.float(1.0, to.bytes()), self.body.float(0.0, to.bytes()));
                return self.blend(x, one, zero);
            }
            (DType::Bool, DType::I32) => {
                let (one, zero) = (self.body.number(1, 4), self.body.number(0, 4));
                return self.blend(x, one, zero);
            }
            (_, DType::Bool) => {
                let zero = self.body.number(0, self.body.size(x));
                return self.compare(MachineOp::Ne, from, x, zero);
            }
            _ => return None,
        };
        let id = self.op(opcode, 8, &[x], None);
        self.body.ops.last_mut()?.wide = false;
        Some(id)
    }
}
