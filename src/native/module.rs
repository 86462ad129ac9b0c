//! Machine code in memory, and how it is called.

use std::fmt;
use std::rc::Rc;

use cranelift::codegen::Context;
use cranelift::codegen::ir::{self, UserFuncName};
use cranelift::prelude::*;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{DataDescription, DataId, FuncId, Module, default_libcall_names};

use super::emit::signature;
use super::parallel::{self, Body, Job};
use super::target::Target;
use super::unwritten::unwritten;
use crate::ice;
use crate::loops::{Call, Function, Loops, Program};

/// Machine code: takes a block of pointers.
pub(super) type Entry = unsafe extern "C" fn(*const *mut u8);

/// The code of all programs; freed when the last user is gone.
pub(super) struct Code {
    /// There until the code is dropped.
    module: Option<JITModule>,
    /// One for each program.
    pub(super) programs: Vec<Rc<Driver>>,
    /// Bytes of machine code.
    pub(super) bytes: usize,
}

/// How a program is called.
#[derive(Debug)]
pub(super) struct Driver {
    /// Runs the calls before `commit`, if there are any.
    pub(super) compute: Option<Entry>,
    /// Runs the others, if there are any.
    pub(super) commit: Option<Entry>,
    /// Where in the block the pointers of `commit` begin.
    pub(super) commit_at: usize,
    /// The buffer that each pointer of the block is.
    pub(super) block: Vec<usize>,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("programs", &self.programs.len()).finish()
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: entries are only reachable through `Native` and `Bound`, which share this
            // `Code`, so nothing runs or can be called any more.
            unsafe { module.free_memory() }
        }
    }
}

/// Compiles all functions, and for each program the drivers that call them.
pub(super) fn compile(loops: &Loops, target: &Target) -> Code {
    let mut maker = Maker::new(target);
    let unwritten = unwritten(loops);
    let jobs = loops.functions.iter().zip(&unwritten);
    let jobs: Vec<Job> = jobs.map(|(function, unwritten)| maker.job(function, unwritten)).collect();
    for (job, body) in jobs.iter().zip(parallel::compile_all(&jobs, maker.module.isa())) {
        maker.define(job.id, &body);
    }
    let functions: Vec<FuncId> = jobs.iter().map(|job| job.id).collect();
    let drivers: Vec<_> =
        loops.programs.iter().map(|program| maker.program(program, &functions, loops)).collect();
    maker.finish(loops, &drivers)
}

/// Drivers of one program.
struct Drivers {
    compute: Option<FuncId>,
    commit: Option<FuncId>,
}

/// A module under construction.
struct Maker {
    module: JITModule,
    /// Bytes of machine code so far.
    bytes: usize,
}

impl Maker {
    fn new(target: &Target) -> Maker {
        let mut builder = JITBuilder::with_isa(target.isa(), default_libcall_names());
        // Without the instruction Cranelift calls these, which round once as well.
        builder.symbol("fmaf", fma_f32 as *const u8);
        builder.symbol("fma", fma_f64 as *const u8);
        Maker { module: JITModule::new(builder), bytes: 0 }
    }

    /// Declares a function and its tables.
    fn job<'a>(&mut self, function: &'a Function, unwritten: &'a [bool]) -> Job<'a> {
        let id = self.declare();
        let tables = function.tables.iter().map(|table| declare_table(&mut self.module, table)).collect();
        Job { id, function, unwritten, tables }
    }

    fn declare(&mut self) -> FuncId {
        let signature = signature(self.module.isa());
        check(self.module.declare_anonymous_function(&signature))
    }

    fn define(&mut self, id: FuncId, body: &Body) {
        check(self.module.define_function_bytes(id, body.align, &body.code, &body.relocs));
        self.bytes += body.code.len();
    }

    fn program(&mut self, program: &Program, functions: &[FuncId], loops: &Loops) -> Drivers {
        let (compute, commit) = program.calls.split_at(program.commit);
        let mut driver = |calls: &[Call]| (!calls.is_empty()).then(|| self.driver(calls, functions, loops));
        Drivers { compute: driver(compute), commit: driver(commit) }
    }

    /// A function that makes `calls` one after another, each with its part of the block.
    fn driver(&mut self, calls: &[Call], functions: &[FuncId], loops: &Loops) -> FuncId {
        let id = self.declare();
        let mut context = Context::for_function(ir::Function::with_name_signature(
            UserFuncName::user(0, id.as_u32()),
            signature(self.module.isa()),
        ));
        let mut builder = FunctionBuilderContext::new();
        let mut b = FunctionBuilder::new(&mut context.func, &mut builder);
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        let block = b.block_params(entry)[0];
        let mut at = 0;
        for call in calls {
            let callee = far(&mut self.module, b.func, functions[call.function]);
            let part = b.ins().iadd_imm_s(block, 8 * at as i64);
            b.ins().call(callee, &[part]);
            let wants = loops.functions[call.function].pointers.len();
            if call.buffers.len() != wants {
                ice!("native", "a call with {} buffers of {wants}", call.buffers.len());
            }
            at += wants;
        }
        b.ins().return_(&[]);
        b.seal_all_blocks();
        b.finalize(self.module.target_config());
        let body = parallel::compile(&mut context, self.module.isa(), id);
        self.define(id, &body);
        id
    }

    fn finish(mut self, loops: &Loops, drivers: &[Drivers]) -> Code {
        check(self.module.finalize_definitions());
        let programs = loops
            .programs
            .iter()
            .zip(drivers)
            .map(|(program, drivers)| Rc::new(self.resolve(program, drivers)))
            .collect();
        Code { module: Some(self.module), programs, bytes: self.bytes }
    }

    fn resolve(&self, program: &Program, drivers: &Drivers) -> Driver {
        let buffers = |calls: &[Call]| calls.iter().flat_map(|call| call.buffers.clone()).collect::<Vec<_>>();
        let (compute, commit) = program.calls.split_at(program.commit);
        let (mut block, rest) = (buffers(compute), buffers(commit));
        let commit_at = block.len();
        block.extend(rest);
        Driver {
            compute: drivers.compute.map(|id| self.entry(id)),
            commit: drivers.commit.map(|id| self.entry(id)),
            commit_at,
            block,
        }
    }

    fn entry(&self, id: FuncId) -> Entry {
        let code = self.module.get_finalized_function(id);
        // SAFETY: the function was declared with the signature of `Entry` and its code is final.
        unsafe { std::mem::transmute::<*const u8, Entry>(code) }
    }
}

/// A constant table as data beside the code.
fn declare_table(module: &mut JITModule, table: &[i64]) -> DataId {
    let id = check(module.declare_anonymous_data(false, false));
    let mut data = DataDescription::new();
    data.define(table.iter().flat_map(|n| n.to_le_bytes()).collect());
    data.set_align(8);
    check(module.define_data(id, &data));
    id
}

/// A callee that may lie anywhere in memory.
fn far(module: &mut JITModule, out: &mut ir::Function, id: FuncId) -> ir::FuncRef {
    let callee = module.declare_func_in_func(id, out);
    out.dfg.ext_funcs[callee].colocated = false;
    callee
}

/// What cannot fail unless this module is wrong, or memory for code is out.
fn check<T>(result: Result<T, cranelift_module::ModuleError>) -> T {
    result.unwrap_or_else(|why| ice!("native", "{why:?}"))
}

extern "C" fn fma_f32(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

extern "C" fn fma_f64(a: f64, b: f64, c: f64) -> f64 {
    a.mul_add(b, c)
}
