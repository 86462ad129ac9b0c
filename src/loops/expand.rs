//! Expansion: scalar functions as machine operations, straight into the function under construction,
//! which merges equal ones and moves each as far out as it can.

use crate::algebra::scalar::{Emit, MachineOp, Scalar, Typing, expand};
use crate::algebra::types::DType;

use super::build::LoopBuilder;
use super::{Ty, Value};

/// Where operations of one width go.
struct VectorEmit<'a> {
    to: &'a mut LoopBuilder,
    lanes: u16,
}

impl Emit for VectorEmit<'_> {
    type Value = Value;

    fn constant(&mut self, value: f64, dtype: DType) -> Value {
        self.to.number(value, Ty { dtype, lanes: self.lanes })
    }

    fn known(&self, value: &Value) -> Option<f64> {
        self.to.constant(*value)
    }

    fn machine(&mut self, op: MachineOp, dtype: DType, args: &[Value]) -> Value {
        self.to.machine(op, args.to_vec(), op.result(dtype))
    }
}

/// The value of `row` on `args`, whose lanes are equal; its result has type `result`.
pub(super) fn apply(to: &mut LoopBuilder, row: &'static Scalar, args: &[Value], result: DType) -> Value {
    let dtype = if row.typing == Typing::Compare { to.ty(args[0]).dtype } else { result };
    let lanes = to.ty(args[0]).lanes;
    expand(&mut VectorEmit { to, lanes }, row, dtype, args)
}
