//! Calls of wide loops: what the code around one puts into its block, and what it takes out of it.

use cranelift::codegen::ir;
use cranelift::codegen::isa::CallConv;
use cranelift::prelude::*;

use super::FunctionEmitter;
use crate::loops::{Carried, Expr, LoopBound, Value};
use crate::native::simd::{self, LiveIn};
use crate::native::vector;

/// The signature of wide loops: a block of memory.
pub(in crate::native) fn wide_signature() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.push(AbiParam::new(types::I64));
    signature
}

/// Blocks lie where cache lines begin.
const ALIGN: u32 = 64;

impl<'a> FunctionEmitter<'a, '_> {
    /// The place of a loop among the wide ones, if it is one.
    pub(super) fn is_wide(&self, var: Value) -> Option<usize> {
        self.wides.iter().position(|wide| wide.var() == var)
    }

    /// Calls a wide loop in place of the loop itself.
    pub(super) fn wide(&mut self, index: usize, carried: &'a [Carried]) {
        let wide = &self.wides[index];
        let block = self.wide_block(wide);
        self.wide_bases(wide, block);
        self.wide_range(wide, block);
        for ((value, how), at) in wide.plan.live_ins.iter().zip(&wide.layout.live_ins) {
            match how {
                LiveIn::Scalar => {
                    let lane = self.any_lane(*value);
                    self.put(block, lane, *at);
                }
                LiveIn::Vector => self.put_all(block, *value, *at),
            }
        }
        let callee = self.wide_callee(index);
        self.b.ins().call(callee, &[block]);
        for (carry, at) in carried.iter().zip(&wide.layout.carried) {
            let last = self.take_all(block, carry.init, *at);
            self.define(carry.last, last);
        }
    }

    /// Memory for a block, on the stack.
    fn wide_block(&mut self, wide: &simd::VectorLoop) -> ir::Value {
        let bytes = wide.layout.bytes + ALIGN;
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 4);
        let slot = self.b.create_sized_stack_slot(slot);
        let at = self.b.ins().stack_addr(types::I64, slot, 0);
        let at = self.b.ins().iadd_imm_s(at, i64::from(ALIGN) - 1);
        self.b.ins().band_imm_s(at, -i64::from(ALIGN))
    }

    fn put(&mut self, block: ir::Value, value: ir::Value, at: i32) {
        self.b.ins().store(MemFlagsData::new().with_notrap(), value, block, at);
    }

    /// All registers of a vector, one after another.
    fn put_all(&mut self, block: ir::Value, value: Value, at: i32) {
        let parts = self.parts(value).to_vec();
        for (index, part) in parts.into_iter().enumerate() {
            self.put(block, part, at + 16 * index as i32);
        }
    }

    /// A vector like another one, out of the block.
    fn take_all(&mut self, block: ir::Value, like: Value, at: i32) -> Vec<ir::Value> {
        let (register, count) = vector::layout(self.ty(like));
        let flags = MemFlagsData::new().with_notrap();
        (0..count as i32).map(|index| self.b.ins().load(register, flags, block, at + 16 * index)).collect()
    }

    /// Any lane of a vector whose lanes are the same, or a scalar.
    fn any_lane(&mut self, value: Value) -> ir::Value {
        match self.definitions[value.0 as usize] {
            Some(Expr::Splat(scalar)) => self.scalar(*scalar),
            _ if self.ty(value).lanes == 1 => self.scalar(value),
            _ => {
                let parts = self.parts(value).to_vec();
                vector::lane(&mut self.b, &parts, 0)
            }
        }
    }

    /// Where each access starts: at position 0 of a loop whose iterations are free, else at the first one.
    fn wide_bases(&mut self, wide: &simd::VectorLoop, block: ir::Value) {
        for (index, base) in wide.plan.bases.iter().enumerate() {
            let bytes = self.function.pointers[base.pointer].bytes() as i64;
            let pointer = self.pointers[base.pointer];
            let mut at = self.add_terms(Some(pointer), &base.terms, bytes).unwrap_or(pointer);
            if !wide.plan.free && wide.plan.start != LoopBound::Const(0) {
                let start = self.bound(wide.plan.start);
                let start = self.times(start, base.step * bytes);
                at = self.b.ins().iadd(at, start);
            }
            self.put(block, at, wide.layout.base(index));
        }
    }

    /// The positions of a loop whose iterations are free, else how many iterations there are.
    fn wide_range(&mut self, wide: &simd::VectorLoop, block: ir::Value) {
        let (plan, layout) = (&wide.plan, &wide.layout);
        let (start, stop) = (self.bound(plan.start), self.bound(plan.stop));
        let length = self.b.ins().isub(stop, start);
        let length = self.b.ins().iadd_imm_s(length, plan.step - 1);
        let iterations = self.divide(length, plan.step);
        if !plan.free {
            return self.put(block, iterations, layout.first);
        }
        let whole = self.times(iterations, plan.step);
        let mut end = self.b.ins().iadd(start, whole);
        if let Some(clamp) = plan.clamp {
            let all = self.b.ins().iconst(types::I64, clamp - 1 + plan.step);
            end = self.b.ins().smin(end, all);
        }
        self.put(block, start, layout.first);
        self.put(block, end, layout.end);
    }

    /// A quotient rounded down.
    fn divide(&mut self, value: ir::Value, by: i64) -> ir::Value {
        match by {
            by if by.count_ones() == 1 => self.b.ins().sshr_imm_s(value, i64::from(by.trailing_zeros())),
            // Only what is not negative counts.
            by => self.b.ins().sdiv_imm_s(value, by),
        }
    }

    fn wide_callee(&mut self, index: usize) -> ir::FuncRef {
        let name = self.symbols.wide(index, self.b.func);
        let signature = self.b.import_signature(wide_signature());
        self.b.import_function(ir::ExtFuncData { name, signature, colocated: false, patchable: false })
    }
}
