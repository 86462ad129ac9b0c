//! Operations of the loops' arithmetic as those of the machine.

use super::Select;
use crate::algebra::scalar::{Machine, encode, far_limit};
use crate::algebra::types::DType;
use crate::loops::{Expr, Value};
use crate::native::far;
use crate::native::ops::exponent_of;
use crate::native::wide::body::Id;
use crate::native::wide::encode::*;

impl Select<'_, '_> {
    pub(super) fn machine(&mut self, machine: Machine, result: DType, args: &[Value]) -> Option<Id> {
        let dtype = if machine == Machine::Select { result } else { self.facts.ty(args[0]).dtype };
        if machine == Machine::Fma {
            return self.fused(args);
        }
        if matches!(machine, Machine::IntShl | Machine::IntShr) {
            return self.shift(machine, args);
        }
        let x: Option<Vec<Id>> = args.iter().map(|arg| self.value(*arg)).collect();
        let x = x?;
        match (machine, dtype) {
            (Machine::Select, DType::Bool) => None,
            (Machine::Select, _) => self.blend(x[0], x[1], x[2]),
            (_, DType::Bool) => self.logic(machine, &x),
            (Machine::Lt | Machine::Le | Machine::Eq | Machine::Ne, _) => {
                self.compare(machine, dtype, x[0], x[1])
            }
            (Machine::FarSin, _) => self.far(&FAR_SIN, machine, dtype, &x),
            (Machine::FarCos, _) => self.far(&FAR_COS, machine, dtype, &x),
            (Machine::FarTan, _) => self.far(&FAR_TAN, machine, dtype, &x),
            (Machine::Sign, _) => self.sign(dtype, x[0]),
            (_, DType::F32 | DType::F64) => self.float_op(machine, dtype.bytes(), &x),
            (_, DType::I32) => self.int_op(machine, &x),
            _ => None,
        }
    }

    fn float_op(&mut self, machine: Machine, size: usize, x: &[Id]) -> Option<Id> {
        let round = if size == 4 { &ROUND_SINGLE } else { &ROUND_DOUBLE };
        let (row, immediate) = match machine {
            Machine::Add => (&ADD, None),
            Machine::Sub => (&SUB, None),
            Machine::Mul => (&MUL, None),
            Machine::Div => (&DIV, None),
            Machine::Min => (&MIN, None),
            Machine::Max => (&MAX, None),
            Machine::Sqrt => (&SQRT, None),
            // Rounding modes; the eights keep inexactness quiet.
            Machine::Nearest => (round, Some(8)),
            Machine::Floor => (round, Some(9)),
            Machine::Ceil => (round, Some(10)),
            _ => return self.bits_op(machine, size, x),
        };
        Some(self.op(row, size, x, immediate))
    }

    /// Operations on the bits of floats.
    fn bits_op(&mut self, machine: Machine, size: usize, x: &[Id]) -> Option<Id> {
        let (fraction, bias) = exponent_of(size);
        let unit = f64::from(fraction).exp2();
        let (left, right) =
            if size == 4 { (&SHIFT_LEFT, &SHIFT_RIGHT) } else { (&SHIFT_LEFT_64, &SHIFT_RIGHT_64) };
        let sign = self.float(-0.0, size);
        Some(match machine {
            Machine::Neg => self.op(&XOR, size, &[x[0], sign], None),
            Machine::Abs => self.op(&AND_NOT, size, &[sign, x[0]], None),
            Machine::CopySign => {
                let (rest, sign) =
                    (self.op(&AND_NOT, size, &[sign, x[0]], None), self.op(&AND, size, &[x[1], sign], None));
                self.op(&OR, size, &[rest, sign], None)
            }
            // As Cranelift's code does them: see `ops`.
            Machine::Exp2Int => {
                let magic = self.float(1.5 * unit + bias, size);
                let sum = self.op(&ADD, size, &[x[0], magic], None);
                self.op(left, size, &[sum], Some(fraction as u8))
            }
            Machine::Exponent => {
                let (unit, off) = (self.float(unit, size), self.float(unit + bias, size));
                let low = self.op(right, size, &[x[0]], Some(fraction as u8));
                let sum = self.op(&OR, size, &[low, unit], None);
                self.op(&SUB, size, &[sum, off], None)
            }
            Machine::Fraction => {
                let (low, one) = (self.number((1 << fraction) - 1, size), self.float(1.0, size));
                let low = self.op(&AND, size, &[x[0], low], None);
                self.op(&OR, size, &[low, one], None)
            }
            _ => return None,
        })
    }

    fn int_op(&mut self, machine: Machine, x: &[Id]) -> Option<Id> {
        let row = match machine {
            Machine::Add => &INT_ADD,
            Machine::Sub => &INT_SUB,
            Machine::Mul => &INT_MUL,
            Machine::Min => &INT_MIN,
            Machine::Max => &INT_MAX,
            Machine::Abs => &INT_ABS,
            Machine::IntXor => &XOR,
            Machine::Floor | Machine::Ceil | Machine::Nearest => return Some(x[0]),
            Machine::Neg => {
                let zero = self.number(0, 4);
                return Some(self.op(&INT_SUB, 4, &[zero, x[0]], None));
            }
            _ => return None,
        };
        Some(self.op(row, 4, x, None))
    }

    /// A shift by a number of bits that is known.
    fn shift(&mut self, machine: Machine, args: &[Value]) -> Option<Id> {
        let Some(Expr::Const(by)) = self.facts.definition(args[1]) else { return None };
        let row = if machine == Machine::IntShl { &SHIFT_LEFT } else { &SHIFT_RIGHT };
        let x = self.value(args[0])?;
        Some(self.op(row, 4, &[x], Some(by.0 as u8)))
    }

    /// `a * b + c`; negated operands are part of the operation.
    fn fused(&mut self, args: &[Value]) -> Option<Id> {
        let mut negated = [false; 3];
        let mut x = Vec::new();
        for (arg, negated) in args.iter().zip(&mut negated) {
            let mut arg = *arg;
            if let Some(Expr::Machine(Machine::Neg, inner)) = self.facts.definition(arg)
                && self.plan.defines(arg)
            {
                (arg, *negated) = (inner[0], true);
            }
            x.push(self.value(arg)?);
        }
        let row = match (negated[0] != negated[1], negated[2]) {
            (false, false) => &FUSED,
            (false, true) => &FUSED_SUB,
            (true, false) => &FUSED_NEGATED,
            (true, true) => &FUSED_NEGATED_SUB,
        };
        Some(self.op(row, self.size(x[0]), &x, None))
    }

    /// A function of great arguments, with a mask of the lanes that have one.
    fn far(&mut self, row: &'static Row, machine: Machine, dtype: DType, x: &[Id]) -> Option<Id> {
        let (size, limit) = (self.size(x[0]), self.float(far_limit(dtype), dtype.bytes()));
        let sign = self.float(-0.0, size);
        let magnitude = self.op(&AND_NOT, size, &[sign, x[0]], None);
        // Not less, quietly.
        let great = match self.body.level {
            Level::Avx512 => self.mask(&COMPARE, size, &[magnitude, limit], Some(0x15)),
            Level::Avx2 => self.op(&COMPARE, size, &[magnitude, limit], Some(0x15)),
        };
        Some(self.op(row, size, &[great, x[0], x[1]], Some(far::index(machine, dtype) as u8)))
    }

    pub(super) fn compare(&mut self, machine: Machine, dtype: DType, x: Id, y: Id) -> Option<Id> {
        let masks = self.body.level == Level::Avx512;
        let size = self.size(x);
        // The quiet forms; not equal is also true where there is no order.
        let (floats, ints) = match machine {
            Machine::Lt => (0x11, 1),
            Machine::Le => (0x12, 2),
            Machine::Eq => (0x00, 0),
            _ => (0x04, 4),
        };
        Some(match (dtype, masks) {
            (DType::F32 | DType::F64, true) => self.mask(&COMPARE, size, &[x, y], Some(floats)),
            (DType::F32 | DType::F64, false) => self.op(&COMPARE, size, &[x, y], Some(floats)),
            (DType::I32, true) => self.mask(&INT_COMPARE, 4, &[x, y], Some(ints)),
            (DType::I32, false) => match machine {
                Machine::Lt => self.op(&INT_GREATER, 4, &[y, x], None),
                Machine::Eq => self.op(&INT_EQUAL, 4, &[x, y], None),
                Machine::Le => {
                    let above = self.op(&INT_GREATER, 4, &[x, y], None);
                    self.not(above)
                }
                _ => {
                    let equal = self.op(&INT_EQUAL, 4, &[x, y], None);
                    self.not(equal)
                }
            },
            _ => return None,
        })
    }

    fn not(&mut self, mask: Id) -> Id {
        let size = self.size(mask);
        if self.body.infos[mask].mask {
            return self.mask(&MASK_NOT, size, &[mask], None);
        }
        let ones = self.number(if size == 4 { u64::from(u32::MAX) } else { u64::MAX }, size);
        self.op(&XOR, size, &[mask, ones], None)
    }

    /// Operations on masks. Of two lanes, the less is the one that is not set.
    fn logic(&mut self, machine: Machine, x: &[Id]) -> Option<Id> {
        let size = self.size(x[0]);
        let masks = self.body.infos[x[0]].mask;
        if !masks && x.iter().any(|id| self.size(*id) != size) {
            return None;
        }
        let [and, or, xor, and_not] = match masks {
            true => [&MASK_AND, &MASK_OR, &MASK_XOR, &MASK_AND_NOT],
            false => [&AND, &OR, &XOR, &AND_NOT],
        };
        let mut make =
            |row, x: &[Id]| if masks { self.mask(row, size, x, None) } else { self.op(row, size, x, None) };
        Some(match machine {
            Machine::And => make(and, x),
            Machine::Or => make(or, x),
            Machine::Ne => make(xor, x),
            Machine::Lt => make(and_not, x),
            Machine::Not => self.not(x[0]),
            Machine::Eq => {
                let other = make(xor, x);
                self.not(other)
            }
            Machine::Le => {
                let above = make(and_not, &[x[1], x[0]]);
                self.not(above)
            }
            _ => return None,
        })
    }

    pub(super) fn blend(&mut self, mask: Id, then: Id, other: Id) -> Option<Id> {
        let size = self.size(then);
        let row = match self.body.level {
            Level::Avx512 => &BLEND_MASK,
            Level::Avx2 if self.size(mask) != size => return None,
            Level::Avx2 if size == 4 => &BLEND_SINGLE,
            Level::Avx2 => &BLEND_DOUBLE,
        };
        Some(self.op(row, size, &[mask, then, other], None))
    }

    fn sign(&mut self, dtype: DType, x: Id) -> Option<Id> {
        let size = self.size(x);
        let zero = self.number(0, size);
        let [one, minus] = [1.0, -1.0].map(|number| self.number(encode(number, dtype), size));
        let above = self.compare(Machine::Lt, dtype, zero, x)?;
        let below = self.compare(Machine::Lt, dtype, x, zero)?;
        let rest = self.blend(below, minus, zero)?;
        self.blend(above, one, rest)
    }
}
