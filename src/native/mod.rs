//! Native code: loop nests through Cranelift. The only user of Cranelift.
//!
//! Comes in: loops. Goes out: machine code that lives as long as [`Native`] or a [`Bound`] of it.
//! Invariant: results have the same bits as the loop interpreter's, on every machine; without a
//! fused multiply-add instruction a function is called in its place.
//!
//! Each function takes a block of pointers. Each program has two drivers, for the calls before
//! [`Program::commit`](crate::loops::Program::commit) and for the others, that take the pointers of
//! all their calls in one block; so a step is one or two calls. Printed form:
//!
//! ```text
//! function %f0(i64) system_v {
//! block0(v0: i64):
//!     v1 = load.i64 notrap aligned readonly can_move v0
//!     ...
//! }
//! ```

mod cast;
mod emit;
mod module;
mod ops;
mod parallel;
mod print;
mod target;
#[cfg(test)]
mod tests;
mod unwritten;
mod vector;

use std::rc::Rc;

pub use self::target::Target;
use crate::loops::Loops;

/// Machine code of all programs of a script. A clone is the same code.
#[derive(Clone, Debug)]
pub struct Native {
    code: Rc<module::Code>,
}

/// Which calls of a program to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// All.
    Whole,
    /// Those before the first that writes what outlives the step.
    Compute,
    /// The others.
    Commit,
}

/// Compiles everything for this machine.
pub fn compile(loops: &Loops) -> Native {
    compile_for(loops, &Target::Host)
}

/// Compiles everything for a machine that this one must be able to stand in for.
pub fn compile_for(loops: &Loops, target: &Target) -> Native {
    Native { code: Rc::new(module::compile(loops, target)) }
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
    /// Bytes of machine code.
    pub fn bytes(&self) -> usize {
        self.code.bytes
    }

    /// Prepares program `program` with one pointer for each of its buffers.
    ///
    /// # Panics
    /// If there is no such program or a buffer is missing.
    pub fn bind(&self, program: usize, buffers: &[*mut u8]) -> Bound {
        let driver = Rc::clone(&self.code.programs[program]);
        let block = driver.block.iter().map(|&buffer| buffers[buffer]).collect();
        Bound { _code: Rc::clone(&self.code), driver, block }
    }
}

/// A program with its buffers: running it is one or two calls.
#[derive(Debug)]
pub struct Bound {
    /// Keeps the code.
    _code: Rc<module::Code>,
    driver: Rc<module::Driver>,
    /// The pointers of all calls, one after another.
    block: Vec<*mut u8>,
}

impl Bound {
    /// Runs it.
    ///
    /// # Safety
    /// Each pointer must be valid for its buffer's length and aligned to its element type, nothing
    /// else may use that memory meanwhile, and buffers must overlap only where the program says so
    /// (`Place::Part`, outputs in place).
    pub unsafe fn run(&self, phase: Phase) {
        let (compute, commit) = self.block.split_at(self.driver.commit_at);
        if let (Some(entry), true) = (self.driver.compute, phase != Phase::Commit) {
            // SAFETY: the block holds the pointers that the driver's calls take; the caller vouches
            // for them.
            unsafe { entry(compute.as_ptr()) }
        }
        if let (Some(entry), true) = (self.driver.commit, phase != Phase::Compute) {
            // SAFETY: as above.
            unsafe { entry(commit.as_ptr()) }
        }
    }
}
