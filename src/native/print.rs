//! Cranelift's intermediate code and machine code as text.

use std::fmt::Write;

use cranelift::codegen::Context;
use cranelift::codegen::control::ControlPlane;
use cranelift::codegen::ir::{self, ExternalName, GlobalValueData, UserFuncName};
use cranelift::codegen::isa::TargetIsa;
use cranelift::prelude::*;

use super::alias::memory;
use super::emit::{Symbols, Task, emit, signature};
use super::far;
use super::simd;
use super::target::Target;
use crate::algebra::types::DType;
use crate::ice;
use crate::loops::Loops;

/// Cranelift's code of every function, as it goes in.
pub(super) fn clif(loops: &Loops, target: &Target) -> String {
    let isa = target.isa();
    let mut text = String::new();
    for (index, (function, memory)) in loops.functions.iter().zip(memory(loops)).enumerate() {
        let task = Task::new(function, &memory, simd::Set::of(target));
        let _ = writeln!(text, "{}", make(&*isa, index, &task).display());
    }
    text
}

/// The machine code of every function, as Cranelift writes it: operands before results. Its wide loops follow.
pub(super) fn asm(loops: &Loops, target: &Target) -> String {
    let isa = target.isa();
    let mut text = String::new();
    for (index, (function, memory)) in loops.functions.iter().zip(memory(loops)).enumerate() {
        let task = Task::new(function, &memory, simd::Set::of(target));
        let mut context = Context::for_function(make(&*isa, index, &task));
        context.set_disasm(true);
        let code = context
            .compile(&*isa, &mut ControlPlane::default())
            .unwrap_or_else(|why| ice!("native", "f{index}: {why:?}"));
        let listing = code.vcode.as_deref().unwrap_or_default();
        let _ = writeln!(text, "f{index}:\n{}", listing.trim_end());
        for (k, wide) in task.wides.iter().enumerate() {
            text.push_str(&simd::listing(&format!("f{index}.wide{k}"), wide));
        }
        text.push('\n');
    }
    text
}

/// One function under a stable name.
fn make(isa: &dyn TargetIsa, index: usize, task: &Task) -> ir::Function {
    let mut out =
        ir::Function::with_name_signature(UserFuncName::testcase(format!("f{index}")), signature(isa));
    emit(
        &mut out,
        isa.frontend_config(),
        &mut FunctionBuilderContext::new(),
        task,
        &SymbolNames { function: index },
    );
    out
}

/// Stable names for what lies outside of a function.
struct SymbolNames {
    function: usize,
}

impl Symbols for SymbolNames {
    fn table(&self, table: usize, out: &mut ir::Function) -> ir::GlobalValue {
        out.create_global_value(GlobalValueData::Symbol {
            name: ExternalName::testcase(format!("f{}.table{table}", self.function)),
            offset: 0.into(),
            colocated: false,
            tls: false,
        })
    }

    fn product(&self, dtype: DType, _: &mut ir::Function) -> ExternalName {
        ExternalName::testcase(format!("product_{dtype}"))
    }

    fn ranks(&self, dtype: DType, _: &mut ir::Function) -> ExternalName {
        ExternalName::testcase(format!("ranks_{dtype}"))
    }

    fn far(&self, index: usize, _: &mut ir::Function) -> ExternalName {
        ExternalName::testcase(far::all()[index].name)
    }

    fn wide(&self, index: usize, _: &mut ir::Function) -> ExternalName {
        ExternalName::testcase(format!("f{}.wide{index}", self.function))
    }
}
