//! Machine code in memory, and how it is called.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use cranelift::prelude::Signature;
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{DataDescription, DataId, FuncId, Linkage, Module, default_libcall_names};

use super::alias::{AliasInfo, memory};
use super::emit::{Task, far_signature, product_signature, ranks_signature, signature, wide_signature};
use super::far;
use super::parallel::{self, CompileJob, Library, MachineCode};
use super::product;
use super::ranks;
use super::simd;
use super::target::Target;
use super::turning::{self, Turning};
use crate::ice;
use crate::loops::{Function, Loops, Program};

/// Machine code: takes a block of pointers and the number of the part to do.
pub(super) type EntryPoint = unsafe extern "C" fn(*const *mut u8, usize);

/// The code of all programs; freed when the last user is gone.
pub(super) struct CodeMemory {
    /// There until the code is dropped.
    module: Option<JITModule>,
    /// One for each program.
    pub(super) programs: Vec<Rc<Driver>>,
    /// Bytes of machine code.
    pub(super) bytes: usize,
}

/// How a program is run.
#[derive(Debug)]
pub(super) struct Driver {
    /// Its calls in order.
    pub(super) steps: Vec<NativeCall>,
    /// How many of them come before the first that writes what outlives the step.
    pub(super) commit: usize,
    /// What all calls take, one after another.
    pub(super) block: Vec<Word>,
    /// Calls that are repeated.
    pub(super) regions: Vec<Turning>,
}

/// What a function finds in its block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// The pointer of a buffer.
    Buffer(usize),
    /// A number.
    Immediate(i32),
}

/// A call.
#[derive(Debug)]
pub(super) struct NativeCall {
    pub(super) entry: EntryPoint,
    /// Where in the block its pointers begin.
    pub(super) at: usize,
    /// How many parts it has, which may run at the same time.
    pub(super) parts: usize,
}

impl fmt::Debug for CodeMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("programs", &self.programs.len()).finish()
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: entries are only reachable through `Native` and `BoundProgram`, which share this
            // `CodeMemory`, so nothing runs or can be called any more.
            unsafe { module.free_memory() }
        }
    }
}

/// Compiles all functions.
pub(super) fn compile(loops: &Loops, target: &Target) -> CodeMemory {
    let mut maker = Maker::new(target);
    let (memory, set) = (memory(loops), simd::Set::of(target));
    let jobs = loops.functions.iter().zip(&memory);
    let jobs: Vec<CompileJob> = jobs.map(|(function, memory)| maker.job(function, memory, set)).collect();
    for (job, body) in jobs.iter().zip(parallel::compile_all(&jobs, maker.module.isa())) {
        maker.define(job.id, &body);
    }
    let functions: Vec<FuncId> = jobs.iter().map(|job| job.id).collect();
    maker.finish(loops, &functions)
}

/// A module under construction.
struct Maker {
    module: JITModule,
    library: Arc<Library>,
    /// Bytes of machine code so far.
    bytes: usize,
}

impl Maker {
    fn new(target: &Target) -> Maker {
        let mut builder = JITBuilder::with_isa(target.isa(), default_libcall_names());
        // Without the instruction Cranelift calls these, which round once as well.
        builder.symbol("fmaf", fma_f32 as *const u8);
        builder.symbol("fma", fma_f64 as *const u8);
        builder.symbol("product_f32", product::product_f32 as *const u8);
        builder.symbol("product_f64", product::product_f64 as *const u8);
        let far = far::all();
        let sorts = ranks::all();
        for (_, name, address) in &sorts {
            builder.symbol(*name, *address);
        }
        for function in &far {
            builder.symbol(function.name, function.address);
        }
        let mut module = JITModule::new(builder);
        let product = product_signature(module.isa().default_call_conv());
        let [f32, f64] = ["product_f32", "product_f64"].map(|name| import(&mut module, name, &product));
        let signature = ranks_signature(module.isa().default_call_conv());
        let sorts = sorts.iter().map(|(dtype, name, _)| (*dtype, import(&mut module, name, &signature)));
        let ranks = sorts.collect();
        let far = far.iter().map(|function| import(&mut module, function.name, &far_signature())).collect();
        let library = Arc::new(Library { f32, f64, ranks, far });
        Maker { module, library, bytes: 0 }
    }

    /// Declares a function and its tables; makes its wide loops.
    fn job<'a>(
        &mut self,
        function: &'a Function,
        memory: &'a AliasInfo,
        set: Option<simd::Set>,
    ) -> CompileJob<'a> {
        let task = Task::new(function, memory, set);
        let wides = task.wides.iter().map(|wide| self.wide(&wide.code)).collect();
        let id = self.declare();
        let tables = function.tables.iter().map(|table| declare_table(&mut self.module, table)).collect();
        CompileJob { id, task, tables, wides, library: Arc::clone(&self.library) }
    }

    /// Adds the code of a wide loop.
    fn wide(&mut self, code: &[u8]) -> FuncId {
        let id = check(self.module.declare_anonymous_function(&wide_signature()));
        check(self.module.define_function_bytes(id, 64, code, &[]));
        self.bytes += code.len();
        id
    }

    fn declare(&mut self) -> FuncId {
        let signature = signature(self.module.isa());
        check(self.module.declare_anonymous_function(&signature))
    }

    fn define(&mut self, id: FuncId, body: &MachineCode) {
        check(self.module.define_function_bytes(id, body.align, &body.code, &body.relocs));
        self.bytes += body.code.len();
    }

    fn finish(mut self, loops: &Loops, functions: &[FuncId]) -> CodeMemory {
        check(self.module.finalize_definitions());
        let entries: Vec<EntryPoint> = functions.iter().map(|id| self.entry(*id)).collect();
        let programs =
            loops.programs.iter().map(|program| Rc::new(driver(program, loops, &entries))).collect();
        CodeMemory { module: Some(self.module), programs, bytes: self.bytes }
    }

    fn entry(&self, id: FuncId) -> EntryPoint {
        let code = self.module.get_finalized_function(id);
        // SAFETY: the function was declared with the signature of `EntryPoint` and its code is final.
        unsafe { std::mem::transmute::<*const u8, EntryPoint>(code) }
    }
}

/// A function of the library.
fn import(module: &mut JITModule, name: &str, signature: &Signature) -> FuncId {
    check(module.declare_function(name, Linkage::Import, signature))
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

/// The calls of a program.
fn driver(program: &Program, loops: &Loops, entries: &[EntryPoint]) -> Driver {
    let (steps, block) = (Vec::new(), Vec::new());
    let mut driver = Driver { steps, commit: program.commit, block, regions: Vec::new() };
    for call in &program.calls {
        let (function, have) = (&loops.functions[call.function], call.buffers.len());
        if have != function.pointers.len() {
            ice!("native", "a call with {have} buffers of {}", function.pointers.len());
        }
        let (entry, at) = (entries[call.function], driver.block.len());
        driver.steps.push(NativeCall { entry, at, parts: function.parts() });
        driver.block.extend(call.buffers.iter().copied().map(Word::Buffer));
        driver.block.extend(call.immediates.iter().copied().map(Word::Immediate));
    }
    driver.regions = turning::regions(program, &driver.block);
    driver
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
