//! Native code: loop nests through Cranelift. The only user of Cranelift.
//!
//! Comes in: loops. Goes out: machine code that lives as long as [`Native`] or a [`BoundProgram`] of it.
//! Invariant: results have the same bits as the loop interpreter's, on every machine; without a
//! fused multiply-add instruction a function is called in its place.
//!
//! Each function takes a block of pointers and the number of the part to do. A program is a list of
//! entries with their pointers in one block; the parts of a call are shared by the threads of a
//! [`Pool`]. Printed form:
//!
//! ```text
//! function %f0(i64, i64) system_v {
//! block0(v0: i64, v1: i64):
//!     v2 = load.i64 notrap aligned readonly can_move v0
//!     ...
//! }
//! ```

mod alias;
mod cast;
mod emit;
mod far;
mod limits;
mod module;
mod ops;
mod parallel;
mod pool;
mod print;
mod product;
mod profiler;
mod ranks;
mod simd;
mod target;
#[cfg(test)]
mod tests;
mod turning;
mod vector;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

pub use self::limits::Limits;
pub use self::pool::{MOST_PARTS, Pool};
pub use self::profiler::{Event, Profiler, Samples, Total};
pub use self::target::Target;
use crate::loops::Loops;

/// Machine code of all programs of a script, with the threads that run it: one, at first. A clone is
/// the same code.
#[derive(Clone, Debug)]
pub struct Native {
    code: Rc<module::CodeMemory>,
    pool: Rc<Pool>,
    recorder: Option<Rc<Profiler>>,
}

/// Which calls of a program to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallRange {
    /// All.
    Whole,
    /// Those before the first that writes what outlives the step.
    Compute,
    /// The others.
    Commit,
}

thread_local! {
    static COMPILED: Cell<usize> = const { Cell::new(0) };
}

/// How many functions have been compiled at the request of this thread, so that it can be seen that none is
/// compiled twice.
pub fn compiled() -> usize {
    COMPILED.get()
}

/// Compiles everything for this machine.
pub fn compile(loops: &Loops) -> Native {
    compile_for(loops, &Target::Host)
}

/// Compiles everything for a machine that this one must be able to stand in for.
pub fn compile_for(loops: &Loops, target: &Target) -> Native {
    COMPILED.set(COMPILED.get() + loops.functions.len());
    Native { code: Rc::new(module::compile(loops, target)), pool: Rc::new(Pool::new(1)), recorder: None }
}

/// Cranelift's intermediate code of every function.
pub fn clif(loops: &Loops, target: &Target) -> String {
    print::clif(loops, target)
}

/// The machine code of every function.
pub fn asm(loops: &Loops, target: &Target) -> String {
    print::asm(loops, target)
}

impl Native {
    /// The same code, run by so many threads. Results do not depend on their number.
    pub fn with_threads(&self, threads: usize) -> Native {
        self.with_pool(&Rc::new(Pool::new(threads)))
    }

    /// The same code, run by the threads of a pool that other programs run on too, one at a time.
    pub fn with_pool(&self, pool: &Rc<Pool>) -> Native {
        Native { pool: Rc::clone(pool), ..self.clone() }
    }

    /// The same code, of which each call is noted.
    pub fn with_profiler(&self, recorder: &Rc<Profiler>) -> Native {
        Native { recorder: Some(Rc::clone(recorder)), ..self.clone() }
    }

    /// Bytes of machine code.
    pub fn bytes(&self) -> usize {
        self.code.bytes
    }

    /// Prepares program `program` with one pointer for each of its buffers.
    ///
    /// # Panics
    /// If there is no such program or a buffer is missing.
    pub fn bind(&self, program: usize, buffers: &[*mut u8]) -> BoundProgram {
        let driver = Rc::clone(&self.code.programs[program]);
        let word = |word: &module::Word| match *word {
            module::Word::Buffer(buffer) => buffers[buffer],
            module::Word::Immediate(number) => std::ptr::without_provenance_mut(number as u32 as usize),
        };
        let block = driver.block.iter().map(word).collect();
        let pointers = RefCell::new(turning::Pointers::new(buffers, block));
        BoundProgram { native: self.clone(), program, driver, pointers }
    }
}

/// A program with its buffers.
#[derive(Debug)]
pub struct BoundProgram {
    /// Keeps the code.
    native: Native,
    program: usize,
    driver: Rc<module::Driver>,
    pointers: RefCell<turning::Pointers>,
}

/// The pointers of a call, for all threads.
struct Pointers(*const *mut u8);

// SAFETY: parts of a call write different elements, or equal values to the same ones; see `run`.
unsafe impl Sync for Pointers {}

impl Pointers {
    fn start(&self) -> *const *mut u8 {
        self.0
    }
}

impl BoundProgram {
    /// The calls of a phase.
    fn phase(&self, phase: CallRange) -> Range<usize> {
        let (commit, all) = (self.driver.commit, self.driver.steps.len());
        match phase {
            CallRange::Whole => 0..all,
            CallRange::Compute => 0..commit,
            CallRange::Commit => commit..all,
        }
    }

    /// Runs it.
    ///
    /// # Safety
    /// Each pointer must be valid for its buffer's length and aligned to its element type, nothing
    /// else may use that memory meanwhile, and buffers must overlap only where the program says so
    /// (`Place::Part`, outputs in place).
    pub unsafe fn run(&self, phase: CallRange) {
        // SAFETY: the caller vouches for the pointers.
        unsafe { self.calls(self.phase(phase), self.driver.regions.len(), &mut self.pointers.borrow_mut()) }
    }

    /// Makes some calls, with the regions among the first `regions` that are there.
    ///
    /// # Safety
    /// As for [`BoundProgram::run`].
    unsafe fn calls(&self, calls: Range<usize>, regions: usize, pointers: &mut turning::Pointers) {
        let mut next = calls.start;
        while next < calls.end {
            let begins = |k: &usize| self.driver.regions[*k].begins(next);
            if let Some(k) = (0..regions).rev().find(begins) {
                let region = &self.driver.regions[k];
                for iteration in 0..region.count {
                    region.turn(pointers, iteration == 0);
                    // SAFETY: pointers stay within the buffers that they move in.
                    unsafe { self.calls(region.calls.clone(), k, pointers) };
                }
                next = region.calls.end;
                continue;
            }
            // SAFETY: the caller vouches for the pointers.
            let make = || unsafe { self.call(next, pointers) };
            match &self.native.recorder {
                None => make(),
                Some(recorder) => recorder.time(self.program, next, make),
            }
            next += 1;
        }
    }

    /// Makes one call.
    ///
    /// # Safety
    /// As for [`BoundProgram::run`], of which it must be one of the calls, made in their order.
    unsafe fn call(&self, call: usize, pointers: &turning::Pointers) {
        let step = &self.driver.steps[call];
        let pointers = Pointers(pointers.block[step.at..].as_ptr());
        if step.parts == 1 {
            // SAFETY: the block holds the pointers that the call takes; the caller vouches for them.
            return unsafe { (step.entry)(pointers.start(), 0) };
        }
        // SAFETY: as above; parts do not depend on each other.
        self.native.pool.run(step.parts, &|part| unsafe { (step.entry)(pointers.start(), part) });
    }
}
