//! The passes from kernels to loops.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::dedup::Deduplicated;
use super::{Call, Loops, Output, Program, Region, buffers, rebase, split, verify};
use crate::kernel::{self, Kernels};
use crate::pass::{Ir, Pass, PassInfo, Point};

/// Kernels on their way to loops.
#[derive(Debug)]
pub struct LoopsInProgress {
    /// The kernels, as long as there are no loops; then what else is known of their programs.
    pub kernels: Kernels,
    /// The loops, once there are.
    pub loops: Loops,
    /// Whether they came as the verifier of kernels wants them: then passes keep that.
    sound: bool,
}

impl Ir for LoopsInProgress {
    fn verify(&self, pass: &str) {
        if self.sound && self.loops.programs.is_empty() {
            kernel::verify(&self.kernels, pass);
        }
    }
}

/// The loops, or the kernels if there are none yet.
impl fmt::Display for LoopsInProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loops.programs.is_empty() { self.kernels.fmt(f) } else { self.loops.fmt(f) }
    }
}

/// In order.
const PASSES: &[Pass<LoopsInProgress>] = &[
    Pass {
        name: "rebase",
        doc: "constant distances into buffers become parts of them, so that equal layers are one function",
        run: |lowering| {
            let programs = &mut lowering.kernels.programs;
            programs.iter_mut().for_each(|program| *program = rebase::rebase(program));
        },
    },
    Pass {
        name: "coalesce",
        doc: "neighbouring axes that every access walks as one become one",
        run: |lowering| {
            let programs = lowering.kernels.programs.iter_mut();
            for kernel in programs.flat_map(|program| &mut program.kernels) {
                if let Cow::Owned(flat) = kernel::coalesce(kernel) {
                    *kernel = flat;
                }
            }
        },
    },
    Pass {
        name: "nests",
        doc: "each kernel as functions: schedule, vectors, parts for threads; equal ones are one",
        run: nests,
    },
    Pass { name: "memory", doc: "buffer assignment: a place in the arena for each temporary", run: memory },
];

/// The passes with what they do.
pub fn rows() -> impl Iterator<Item = PassInfo> {
    PASSES.iter().map(Pass::row)
}

/// Runs the passes, as far as `until`; says how long each took.
pub fn run(kernels: &Kernels, until: Option<Point<'_>>) -> (Vec<(&'static str, Duration)>, LoopsInProgress) {
    let sound = cfg!(debug_assertions) && kernels.programs.iter().all(|program| program.check().is_ok());
    let mut lowering = LoopsInProgress { kernels: kernels.clone(), loops: Loops::default(), sound };
    let took = Pass::all(PASSES, &mut lowering, until);
    if took.len() == PASSES.len() {
        verify(&lowering.loops);
    }
    (took, lowering)
}

fn nests(lowering: &mut LoopsInProgress) {
    let mut shared = Deduplicated::default();
    let programs = lowering.kernels.programs.iter_mut();
    let programs = programs.map(|program| calls(program, &mut shared)).collect();
    lowering.loops = Loops { programs, functions: shared.finish() };
}

/// A program whose buffers have no places yet. Functions bring buffers of their own.
fn calls(from: &mut kernel::Program, shared: &mut Deduplicated) -> Program {
    let kernels = std::mem::take(&mut from.kernels);
    let mut calls = Vec::with_capacity(kernels.len());
    for (k, kernel) in kernels.iter().enumerate() {
        for (function, pointers) in split::functions(from, kernel) {
            let buffers = pointers.iter().map(|buffer| buffer.0).collect();
            let (function, immediates) = shared.add(function);
            calls.push(Call { kernel: k, function, buffers, immediates });
        }
    }
    let commit = kernels.iter().position(|kernel| kernel.commits);
    let commit = commit.and_then(|first| calls.iter().position(|call| call.kernel >= first));
    let regions = from.regions.iter().map(|region| {
        let before = |kernel: usize| calls.iter().filter(|call| call.kernel < kernel).count();
        Region { calls: before(region.kernels.start)..before(region.kernels.end), count: region.count }
    });
    let regions = regions.collect();
    let outputs = from.outputs.iter().map(|output| Output {
        name: output.name.clone(),
        buffer: output.buffer.0,
        target: output.target,
        gives: output.gives.clone(),
    });
    Program {
        name: from.name.clone(),
        buffers: Vec::new(),
        arena_bytes: 0,
        commit: commit.unwrap_or(calls.len()),
        calls,
        regions,
        inputs: from.inputs.iter().map(|(buffer, role)| (buffer.0, role.clone())).collect(),
        outputs: outputs.collect(),
    }
}

fn memory(lowering: &mut LoopsInProgress) {
    for (program, from) in lowering.loops.programs.iter_mut().zip(&lowering.kernels.programs) {
        (program.buffers, program.arena_bytes) = buffers::place(from, program);
    }
}
