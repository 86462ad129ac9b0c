//! Functions to machine code on several threads. What comes out does not depend on how many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use cranelift::codegen::Context;
use cranelift::codegen::control::ControlPlane;
use cranelift::codegen::ir::{self, ExternalName, GlobalValueData, UserExternalName, UserFuncName};
use cranelift::codegen::isa::TargetIsa;
use cranelift::prelude::*;
use cranelift_module::{DataId, FuncId, ModuleReloc};

use super::emit::{Symbols, Task, emit, signature};
#[cfg(doc)]
use super::far;
use crate::algebra::types::DType;
use crate::ice;

/// Most threads that compile.
const MOST: usize = 8;

/// A function to be compiled.
pub(super) struct CompileJob<'a> {
    pub(super) id: FuncId,
    pub(super) task: Task<'a>,
    pub(super) tables: Vec<DataId>,
    /// The names of its wide loops.
    pub(super) wides: Vec<FuncId>,
    pub(super) library: Arc<Library>,
}

/// The library's functions as a module knows them.
pub(super) struct Library {
    pub(super) f32: FuncId,
    pub(super) f64: FuncId,
    pub(super) ranks: Vec<(DType, FuncId)>,
    /// In the order of [`far::all`].
    pub(super) far: Vec<FuncId>,
}

impl Symbols for CompileJob<'_> {
    /// A constant table may lie anywhere in memory; the module knows data by namespace 1.
    fn table(&self, table: usize, out: &mut ir::Function) -> ir::GlobalValue {
        let name = UserExternalName { namespace: 1, index: self.tables[table].as_u32() };
        let name = ExternalName::user(out.declare_imported_user_function(name));
        let offset = 0.into();
        out.create_global_value(GlobalValueData::Symbol { name, offset, colocated: false, tls: false })
    }

    fn product(&self, dtype: DType, out: &mut ir::Function) -> ExternalName {
        let id = if dtype == DType::F64 { self.library.f64 } else { self.library.f32 };
        callee(id, out)
    }

    fn ranks(&self, dtype: DType, out: &mut ir::Function) -> ExternalName {
        let ranks = self.library.ranks.iter().find(|(of, _)| *of == dtype);
        let Some((_, id)) = ranks else { ice!("native", "ranks of {dtype}") };
        callee(*id, out)
    }

    fn far(&self, index: usize, out: &mut ir::Function) -> ExternalName {
        callee(self.library.far[index], out)
    }

    fn wide(&self, index: usize, out: &mut ir::Function) -> ExternalName {
        callee(self.wides[index], out)
    }
}

/// The module knows functions by namespace 0.
fn callee(id: FuncId, out: &mut ir::Function) -> ExternalName {
    let name = UserExternalName { namespace: 0, index: id.as_u32() };
    ExternalName::user(out.declare_imported_user_function(name))
}

/// Machine code of a function, not yet in its place.
pub(super) struct MachineCode {
    pub(super) code: Vec<u8>,
    pub(super) align: u64,
    pub(super) relocs: Vec<ModuleReloc>,
}

/// Compiles functions, the largest first so that threads end together. Bodies are in the order of
/// the jobs.
pub(super) fn compile_all(jobs: &[CompileJob], isa: &dyn TargetIsa) -> Vec<MachineCode> {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&job| std::cmp::Reverse(jobs[job].task.function.values.len()));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
    let work = || {
        let mut worker = Worker { context: Context::new(), builder: FunctionBuilderContext::new() };
        while let Some(&job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let body = worker.body(&jobs[job], isa);
            done.lock().unwrap_or_else(|why| why.into_inner()).push((job, body));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST).min(jobs.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut bodies = done.into_inner().unwrap_or_else(|why| why.into_inner());
    bodies.sort_by_key(|(job, _)| *job);
    bodies.into_iter().map(|(_, body)| body).collect()
}

/// What a thread uses again for each function.
struct Worker {
    context: Context,
    builder: FunctionBuilderContext,
}

impl Worker {
    fn body(&mut self, job: &CompileJob, isa: &dyn TargetIsa) -> MachineCode {
        self.context.clear();
        self.context.func =
            ir::Function::with_name_signature(UserFuncName::user(0, job.id.as_u32()), signature(isa));
        let config = isa.frontend_config();
        emit(&mut self.context.func, config, &mut self.builder, &job.task, job);
        compile(&mut self.context, isa, job.id)
    }
}

/// The machine code of the function in `context`.
pub(super) fn compile(context: &mut Context, isa: &dyn TargetIsa, id: FuncId) -> MachineCode {
    if let Err(why) = context.compile(isa, &mut ControlPlane::default()) {
        ice!("native", "{:?}", why.inner);
    }
    let Some(compiled) = context.compiled_code() else { ice!("native", "no code for {id}") };
    let relocs = compiled.buffer.relocs().iter();
    MachineCode {
        code: compiled.code_buffer().to_vec(),
        align: u64::from(compiled.buffer.alignment),
        relocs: relocs.map(|reloc| ModuleReloc::from_mach_reloc(reloc, &context.func, id)).collect(),
    }
}
