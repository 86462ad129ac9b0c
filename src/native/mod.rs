//! Native code: loop nests through Cranelift. The only user of Cranelift.
//!
//! Comes in: loops. Goes out: machine code that lives as long as [`Native`].

use crate::loops::Loops;

/// Machine code of all programs of a script.
#[derive(Debug)]
pub struct Native {}

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
    let _ = loops;
    todo!()
}

impl Native {
    /// Runs program `program` with one pointer for each of its buffers.
    ///
    /// # Safety
    /// Each pointer must be valid for its buffer's length and aligned to its element type, and must
    /// overlap another only where the program says so (`Place::Part`, outputs in place).
    pub unsafe fn run(&self, program: usize, phase: Phase, buffers: &[*mut u8]) {
        let _ = (program, phase, buffers);
        todo!()
    }
}
