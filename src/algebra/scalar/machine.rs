//! The operations that the loop IR has, and their exact meaning.

use crate::algebra::types::DType;

/// A value of any element type in 64 bits: floats and integers by their own bits (zero-extended),
/// booleans as 0 and 1.
pub type Bits = u64;

/// Operations that the loop IR has, on scalars and on vectors alike. Constants are their names in
/// the printed loop IR.
///
/// Each acts on values of one type (its *type*) unless it says otherwise. Integers wrap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names say it; the rows below document each")]
pub enum MachineOp {
    Add,
    Sub,
    Mul,
    /// Floats only.
    Div,
    Neg,
    Abs,
    Sqrt,
    /// `a * b + c`, rounded once. Floats only.
    Fma,
    Floor,
    Ceil,
    /// Nearest integer, ties to even.
    Nearest,
    /// `a < b ? a : b`: the second where either is NaN.
    Min,
    /// `a > b ? a : b`: the second where either is NaN.
    Max,
    /// +1, 0 or -1; 0 for NaN.
    Sign,
    /// The first with the sign bit of the second. Floats only.
    CopySign,
    /// Its type is that of its operands; the result is a boolean. So for all comparisons.
    Lt,
    Le,
    Eq,
    /// Also true where either is NaN.
    Ne,
    /// Booleans only.
    And,
    Or,
    Not,
    /// `a ? b : c`. Its type is that of `b` and `c`; `a` is a boolean.
    Select,
    /// `2^n` for an integer-valued float `n` that is the exponent of a normal number (-126 to 127 in
    /// single, -1022 to 1023 in double precision); anything where `n` is not.
    Exp2Int,
    /// The exponent `e` of `x = f * 2^e`, `f` in `[1, 2)`, as a float; for normal positive `x`, and
    /// anything where `x` is not.
    Exponent,
    /// The fraction `f` in `[1, 2)` of a normal positive `x`; anything where `x` is not.
    Fraction,
    /// Quotient of integers rounded down (`-7 // 2` is -4); 0 where the divisor is 0.
    FloorDiv,
    /// `a - floor_div(a, b) * b` of integers: has the sign of `b`; `a` where `b` is 0.
    FloorRem,
    /// Bitwise exclusive or of 32-bit integers.
    IntXor,
    /// Logical shift right of a 32-bit integer by a constant second argument, 0 to 31.
    IntShr,
    /// Shift left of a 32-bit integer by a constant second argument, 0 to 31.
    IntShl,
    /// `|x| < limit ? near : sin(x)` of `x` and `near`, the limit being 2^22 in single and 2^50 in double
    /// precision. Floats only; so for the next two.
    FarSin,
    FarCos,
    FarTan,
    /// A signed 32-bit integer to a float (exact below 2^24). Its type is that of the result.
    IntToFloat,
}

/// A number as a value of `dtype`: rounded to nearest even, or the whole number itself.
pub fn encode(value: f64, dtype: DType) -> Bits {
    match dtype {
        DType::Bool => Bits::from(value != 0.0),
        DType::I32 => Bits::from((value as i64 as i32) as u32),
        DType::I64 => value as i64 as u64,
        DType::F32 => Bits::from((value as f32).to_bits()),
        DType::F64 => value.to_bits(),
    }
}

/// The number that a value of `dtype` stands for (64-bit integers: rounded to double).
pub fn decode(bits: Bits, dtype: DType) -> f64 {
    match dtype {
        DType::Bool => (bits & 1) as f64,
        DType::I32 => f64::from(bits as u32 as i32),
        DType::I64 => bits as i64 as f64,
        DType::F32 => f64::from(f32::from_bits(bits as u32)),
        DType::F64 => f64::from_bits(bits),
    }
}

impl MachineOp {
    /// The type of the result of a use at `dtype`.
    pub fn result(self, dtype: DType) -> DType {
        match self {
            MachineOp::Lt | MachineOp::Le | MachineOp::Eq | MachineOp::Ne => DType::Bool,
            _ => dtype,
        }
    }

    /// What the machine computes, to the bit: `dtype` is the operation's type (see [`MachineOp`]), which
    /// is the type of the operands but for the condition of `Select` and for `IntToFloat`.
    ///
    /// # Panics
    /// If the operation does not exist at that type.
    #[inline]
    pub fn eval(self, dtype: DType, args: &[Bits]) -> Bits {
        match (self, dtype) {
            (MachineOp::Select, _) => args[if args[0] & 1 == 1 { 1 } else { 2 }],
            (_, DType::Bool) => self.eval_bool(args[0] & 1 == 1, args.get(1).is_some_and(|b| b & 1 == 1)),
            (_, DType::I32) => int32::eval(self, args),
            (_, DType::I64) => int64::eval(self, args),
            (MachineOp::IntToFloat, DType::F32) => Bits::from((args[0] as u32 as i32 as f32).to_bits()),
            (MachineOp::IntToFloat, DType::F64) => f64::from(args[0] as u32 as i32).to_bits(),
            (_, DType::F32) => float32::eval(self, args),
            (_, DType::F64) => float64::eval(self, args),
        }
    }

    /// [`MachineOp::eval`] on many columns: `args[k][i]` is argument `k` of column `i`.
    pub fn eval_all(self, dtype: DType, args: &[&[Bits]]) -> Vec<Bits> {
        macro_rules! each {
            ($($op:ident)*) => {
                match self {
                    // One loop for each operation, so that none decides anew for each column.
                    $(MachineOp::$op => match dtype {
                        DType::F32 => columns(args, |args| MachineOp::$op.eval(DType::F32, args)),
                        DType::F64 => columns(args, |args| MachineOp::$op.eval(DType::F64, args)),
                        _ => columns(args, |args| MachineOp::$op.eval(dtype, args)),
                    },)*
                    _ => columns(args, |args| self.eval(dtype, args)),
                }
            };
        }
        each!(Add Sub Mul Div Abs Fma Nearest Min Max Lt Le Eq Select Exp2Int CopySign)
    }

    /// The function of an operation that serves arguments of great magnitude; none for others.
    pub fn far(self) -> Option<fn(f64) -> f64> {
        match self {
            MachineOp::FarSin => Some(libm::sin),
            MachineOp::FarCos => Some(libm::cos),
            MachineOp::FarTan => Some(libm::tan),
            _ => None,
        }
    }

    fn eval_bool(self, a: bool, b: bool) -> Bits {
        Bits::from(match self {
            MachineOp::And => a & b,
            MachineOp::Or => a | b,
            MachineOp::Not => !a,
            MachineOp::Eq => a == b,
            MachineOp::Ne => a != b,
            MachineOp::Lt => !a & b,
            MachineOp::Le => a <= b,
            _ => panic!("egret internal error in scalar: no {self:?} of bool"),
        })
    }
}

/// Applies `f` to each column.
fn columns(args: &[&[Bits]], f: impl Fn(&[Bits]) -> Bits) -> Vec<Bits> {
    match args {
        [a] => a.iter().map(|a| f(&[*a])).collect(),
        [a, b] => a.iter().zip(*b).map(|(a, b)| f(&[*a, *b])).collect(),
        [a, b, c] => a.iter().zip(*b).zip(*c).map(|((a, b), c)| f(&[*a, *b, *c])).collect(),
        _ => panic!("egret internal error in scalar: a machine operation of {} operands", args.len()),
    }
}

/// The operations of one integer type.
macro_rules! integer {
    ($module:ident, $int:ty, $unsigned:ty) => {
        mod $module {
            use super::{Bits, MachineOp};

            /// What the machine computes.
            #[inline]
            pub(super) fn eval(op: MachineOp, args: &[Bits]) -> Bits {
                let arg = |k: usize| args[k] as $int;
                let (a, b) = (arg(0), if args.len() > 1 { arg(1) } else { 0 });
                let value: $int = match op {
                    MachineOp::Lt => return Bits::from(a < b),
                    MachineOp::Le => return Bits::from(a <= b),
                    MachineOp::Eq => return Bits::from(a == b),
                    MachineOp::Ne => return Bits::from(a != b),
                    MachineOp::Add => a.wrapping_add(b),
                    MachineOp::Sub => a.wrapping_sub(b),
                    MachineOp::Mul => a.wrapping_mul(b),
                    MachineOp::Neg => a.wrapping_neg(),
                    MachineOp::Abs => a.wrapping_abs(),
                    MachineOp::Floor | MachineOp::Ceil | MachineOp::Nearest => a,
                    MachineOp::Min => a.min(b),
                    MachineOp::Max => a.max(b),
                    MachineOp::Sign => a.signum(),
                    MachineOp::FloorDiv => floor_div(a, b),
                    MachineOp::FloorRem => a.wrapping_sub(floor_div(a, b).wrapping_mul(b)),
                    MachineOp::IntXor => a ^ b,
                    MachineOp::IntShr => ((a as $unsigned) >> b) as $int,
                    MachineOp::IntShl => a << b,
                    _ => panic!("egret internal error in scalar: no {op:?} of integers"),
                };
                Bits::from(value as $unsigned)
            }

            fn floor_div(a: $int, b: $int) -> $int {
                if b == 0 {
                    return 0;
                }
                let quotient = a.wrapping_div(b);
                let inexact = a.wrapping_rem(b) != 0;
                if inexact && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
            }
        }
    };
}

/// The operations of one floating type.
macro_rules! float {
    ($module:ident, $float:ty, $word:ty, $fraction_bits:expr, $bias:expr, $limit:expr) => {
        pub(crate) mod $module {
            use super::{Bits, DType, MachineOp, far_limit};

            const FRACTION: $word = (1 << $fraction_bits) - 1;

            /// From here on `function` is asked. Every NaN is the same one.
            pub(crate) fn far(function: fn(f64) -> f64, x: $float, near: $float) -> $float {
                if x.abs() < $limit {
                    return near;
                }
                let value = function(f64::from(x)) as $float;
                if value.is_nan() { <$float>::NAN } else { value }
            }

            /// What the machine computes.
            #[inline]
            pub(super) fn eval(op: MachineOp, args: &[Bits]) -> Bits {
                let arg = |k: usize| <$float>::from_bits(args[k] as $word);
                let (a, b) = (arg(0), if args.len() > 1 { arg(1) } else { 0.0 });
                if let Some(function) = op.far() {
                    return Bits::from(far(function, a, b).to_bits());
                }
                let value: $float = match op {
                    MachineOp::Lt => return Bits::from(a < b),
                    MachineOp::Le => return Bits::from(a <= b),
                    MachineOp::Eq => return Bits::from(a == b),
                    MachineOp::Ne => return Bits::from(a != b),
                    MachineOp::Add => a + b,
                    MachineOp::Sub => a - b,
                    MachineOp::Mul => a * b,
                    MachineOp::Div => a / b,
                    MachineOp::Neg => -a,
                    MachineOp::Abs => a.abs(),
                    MachineOp::Sqrt => a.sqrt(),
                    MachineOp::Fma => a.mul_add(b, arg(2)),
                    MachineOp::Floor => a.floor(),
                    MachineOp::Ceil => a.ceil(),
                    MachineOp::Nearest => a.round_ties_even(),
                    MachineOp::Min if a < b => a,
                    MachineOp::Max if a > b => a,
                    MachineOp::Min | MachineOp::Max => b,
                    MachineOp::Sign if a > 0.0 => 1.0,
                    MachineOp::Sign if a < 0.0 => -1.0,
                    MachineOp::Sign => 0.0,
                    MachineOp::CopySign => a.copysign(b),
                    MachineOp::Exp2Int => {
                        <$float>::from_bits(((a as i64 + $bias) as $word) << $fraction_bits)
                    }
                    MachineOp::Exponent => ((a.to_bits() >> $fraction_bits) as i64 - $bias) as $float,
                    MachineOp::Fraction => {
                        <$float>::from_bits(a.to_bits() & FRACTION | (1.0 as $float).to_bits())
                    }
                    _ => panic!("egret internal error in scalar: no {op:?} of floats"),
                };
                Bits::from(value.to_bits())
            }
        }
    };
}

integer!(int32, i32, u32);
integer!(int64, i64, u64);
float!(float32, f32, u32, 23, 127, far_limit(DType::F32) as f32);
float!(float64, f64, u64, 52, 1023, far_limit(DType::F64));

/// From which magnitude on the operations for great arguments leave their second argument.
pub const fn far_limit(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1_125_899_906_842_624.0,
        _ => 4_194_304.0,
    }
}
