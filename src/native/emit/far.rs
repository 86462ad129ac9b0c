//! Functions of great arguments: a test whether there is one in any lane, and a call out of line if so.

use cranelift::codegen::ir::{self, BlockArg};
use cranelift::codegen::isa::CallConv;
use cranelift::prelude::*;

use super::FunctionEmitter;
use crate::algebra::scalar::{MachineOp, far_limit};
use crate::loops::{Ty, Value};
use crate::native::vector::{self, Registers};
use crate::native::{far, ops};

/// The signature of functions of great arguments: two operands and the result in memory, and how many lanes.
pub(in crate::native) fn far_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([AbiParam::new(types::I64); 4]);
    signature
}

impl<'a> FunctionEmitter<'a, '_> {
    pub(super) fn far(&mut self, ty: Ty, machine: MachineOp, args: &'a [Value]) -> Registers {
        let [x, near] = [args[0], args[1]].map(|arg| self.parts(arg).to_vec());
        let great = self.any_great(ty, &x);
        let [cold, done] = [self.b.create_block(), self.b.create_block()];
        self.b.set_cold_block(cold);
        let register = vector::type_of(&self.b, x[0]);
        let joined: Registers = x.iter().map(|_| self.b.append_block_param(done, register)).collect();
        let ends = |parts: &[ir::Value]| parts.iter().copied().map(BlockArg::Value).collect::<Vec<_>>();
        self.b.ins().brif(great, cold, &[], done, &ends(&near));
        self.b.switch_to_block(cold);
        let results = self.call_far(ty, machine, [&x, &near]);
        self.b.ins().jump(done, &ends(&results));
        self.b.switch_to_block(done);
        joined
    }

    /// Whether any lane is great in magnitude, or NaN.
    fn any_great(&mut self, ty: Ty, x: &[ir::Value]) -> ir::Value {
        let register = vector::type_of(&self.b, x[0]);
        let limit = vector::float(&mut self.b, register, far_limit(ty.dtype));
        let abs = ops::emitter(MachineOp::Abs);
        let mut any = None;
        for part in x {
            let size = abs(&mut self.b, &[*part]);
            let great = self.b.ins().fcmp(FloatCC::UnorderedOrGreaterThanOrEqual, size, limit);
            any = Some(any.map_or(great, |any| self.b.ins().bor(any, great)));
        }
        let any = any.unwrap_or_else(|| crate::ice!("native", "a value without registers"));
        if register.is_vector() { self.b.ins().vany_true(any) } else { any }
    }

    /// The results of the function in all lanes, by way of memory.
    fn call_far(&mut self, ty: Ty, machine: MachineOp, operands: [&[ir::Value]; 2]) -> Registers {
        let bytes = ty.dtype.bytes() as u32 * u32::from(ty.lanes);
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, 2 * bytes, 4);
        let slot = self.b.create_sized_stack_slot(slot);
        let [x, near] = [0, bytes].map(|at| self.b.ins().stack_addr(types::I64, slot, at as i32));
        let flags = MemFlagsData::new().with_notrap();
        let register = vector::type_of(&self.b, operands[0][0]);
        for (place, parts) in [x, near].into_iter().zip(operands) {
            for (index, part) in parts.iter().enumerate() {
                self.b.ins().store(flags, *part, place, (index as u32 * register.bytes()) as i32);
            }
        }
        let lanes = self.b.ins().iconst(types::I64, i64::from(ty.lanes));
        let callee = self.far_callee(far::index(machine, ty.dtype));
        self.b.ins().call(callee, &[x, near, near, lanes]);
        let at = |index: usize| (index as u32 * register.bytes()) as i32;
        (0..operands[0].len()).map(|index| self.b.ins().load(register, flags, near, at(index))).collect()
    }

    fn far_callee(&mut self, index: usize) -> ir::FuncRef {
        let name = self.symbols.far(index, self.b.func);
        let signature = self.b.import_signature(far_signature());
        self.b.import_function(ir::ExtFuncData { name, signature, colocated: false, patchable: false })
    }
}
