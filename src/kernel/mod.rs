//! Fused kernels: what becomes one loop nest.
//!
//! Comes in: graphs. Goes out: for each graph its buffers and its kernels in order. A kernel is one
//! loop nest over its axes, result axes first; every operator of the graph is in exactly one kernel,
//! but for views and constants, which are folded into the reads that use them.
//! Invariant: a kernel reads what earlier kernels have stored. Loads come before stores. Kernels of a loop's body
//! are a [`Region`], which is repeated; some of its buffers are [`Moving`] from iteration to iteration.
//!
//! ```text
//! kernels forward
//!   b0 x: f32[512] in
//!   b1: f32[8] out
//!   k0 [i0:8 | i1:64]                        reads 2 KiB, writes 32 B, 1.0 kflop
//!     %0 = load b0[64*i0 + i1]  : f32
//!     %1 = mul %0, %0           : f32
//!     %2 = sum %1               : f32
//!     store b1[i0] = %2
//! ```

mod access;
mod blockers;
mod coalesce;
mod cost;
mod depend;
mod emit;
mod eval;
mod fission;
mod fuse;

mod affine;
mod assign;
mod group;
mod lower;
mod merge;
mod moving;
mod order;
mod plan;
mod prefix_sum;
mod print;
mod product;
mod ranks;
mod region;
mod rematerialise;
mod report;
mod scatter;
mod strategy;
#[cfg(test)]
mod tests;
mod verify;

pub use coalesce::coalesce;
pub use cost::Cost;
pub(crate) use cost::bytes;
pub use depend::Axes;
pub use eval::{Buffers, run};
pub use fuse::{fuse, fuse_until, rows, unfused};
pub use moving::whole;
pub use prefix_sum::PrefixSum;
pub use product::{Out, Product, is_plain, stores, stride};
pub use ranks::Ranks;
pub use report::report;
pub use scatter::{Scatter, Scattered};
pub use strategy::Strategy;
pub use verify::verify;

use std::ops::Range;
use std::rc::Rc;

use crate::algebra::form::{AxisSize, Reducer, Segments};
use crate::algebra::scalar::Scalar;
use crate::algebra::types::DType;
use crate::graph::{OutputTarget, Phase, Role};

/// All programs of a script.
#[derive(Clone, Debug, Default)]
pub struct Kernels {
    /// One for each graph, in order.
    pub programs: Vec<Program>,
}

/// One graph as kernels.
#[derive(Clone, Debug)]
pub struct Program {
    /// The graph's name.
    pub name: String,
    /// Memory that kernels read and write, one entry for each value that is stored.
    pub buffers: Vec<Buffer>,
    /// The loop nests in order.
    pub kernels: Vec<Kernel>,
    /// Kernels that are repeated; those inside of others come before them.
    pub regions: Vec<Region>,
    /// Inputs: the buffer and what the runner binds it to.
    pub inputs: Vec<(BufferId, Role)>,
    /// Outputs: name and buffer. An output in place is the input's own buffer.
    pub outputs: Vec<Output>,
}

/// Kernels that are repeated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// Which: all of them, one after another, in each iteration.
    pub kernels: Range<usize>,
    /// How many iterations there are.
    pub count: usize,
}

/// Index into [`Program::buffers`]; printed as `b3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BufferId(pub usize);

/// A stored value.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Element type.
    pub dtype: DType,
    /// Number of elements.
    pub len: usize,
    /// The name of the value, if it has one: an input's, an output's or a `let`'s.
    pub name: Option<Rc<str>>,
    /// Whose memory it is.
    pub storage: Storage,
}

/// Whose memory a buffer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// The runner gives it (input `k` of the program).
    Input(usize),
    /// The runner reads it afterwards (output `k`); not shared with anything.
    Output(usize),
    /// Needed inside one run of the program only.
    Temporary,
    /// Elements from `start` of another buffer, which is not itself a part.
    Part {
        /// The buffer it is part of.
        of: BufferId,
        /// Its first element there.
        start: usize,
    },
    /// In each iteration of a region another place in a buffer.
    Moving(Moving),
}

/// Where a buffer lies in each iteration of a region: another buffer is cut into places of its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moving {
    /// The buffer that it lies in. It overlaps no other that a kernel of the region uses with it.
    pub of: BufferId,
    /// The region, by its index.
    pub region: usize,
    /// The place in the first iteration.
    pub first: usize,
    /// Whether it goes back from place to place.
    pub back: bool,
    /// How many places there are; after the last comes the first.
    pub places: usize,
}

/// An output.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub buffer: BufferId,
    /// Whether it replaces an input.
    pub target: OutputTarget,
    /// What it is for the programs after this one.
    pub gives: Option<Role>,
}

/// A loop nest.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Loop axes, result axes first.
    pub axes: Vec<AxisSize>,
    /// How many are result axes; the rest is reduced.
    pub n_out: usize,
    /// What happens at each point, in order; an operand comes before its users. What depends on no
    /// reduced axis, or on a [`Inst::Reduce`], happens once per point of the result axes.
    pub insts: Vec<Inst>,
    /// How it is computed.
    pub strategy: Strategy,
    /// Whether it writes what outlives the step (parameters or state). Such kernels come last, so a
    /// step with a loss that is not finite can be stopped before it does harm.
    pub commits: bool,
    /// Parts of a training step that it computes, in the order of the step.
    pub phases: Vec<Phase>,
    /// Why it is not part of earlier kernels.
    pub not_fused: Vec<NotFused>,
}

impl Kernel {
    /// A loop nest that does part of this kernel's work.
    pub fn part(&self, axes: Vec<AxisSize>, n_out: usize, insts: Vec<Inst>) -> Kernel {
        let (parts, not_fused) = (self.phases.clone(), self.not_fused.clone());
        Kernel {
            axes,
            n_out,
            insts,
            strategy: Strategy::Nest,
            commits: self.commits,
            phases: parts,
            not_fused,
        }
    }
}

/// Why a kernel is not part of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotFused {
    /// Earlier kernels by number, at least one.
    pub from: Vec<usize>,
    /// The reason.
    pub why: Blocker,
}

/// What keeps two kernels apart, the weightiest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Blocker {
    /// It reads what is only known after the other's reduction.
    Reduction(Reducer),
    /// Where it reads the other's value, that would be computed this many times.
    Recomputation(usize),
    /// It also reads around the other's value, where there is padding.
    Padding,
    /// It reads the other's values in another order.
    IndexMismatch,
    /// The others fill a buffer that it reads as a whole.
    Concatenation,
    /// This kernel has to come between the two.
    Dependence(usize),
    /// One gives a result of the step, which must not wait for the other to write parameters or states.
    Commits,
    /// Both together have more operations at each point than a kernel may have.
    Size,
}

/// Index into [`Kernel::insts`]; printed as `%3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InstId(pub usize);

/// One scalar operation at a point of the loop nest.
#[derive(Clone, Debug)]
pub enum Inst {
    /// A number.
    Const(f64, DType),
    /// The position along an axis, in this type.
    Axis(usize, DType),
    /// An element of a buffer.
    Load {
        /// The buffer.
        buffer: BufferId,
        /// Which element.
        at: Affine,
        /// Conditions under which it is read; otherwise the value is `outside`.
        guards: Vec<Guard>,
        /// See `guards`.
        outside: f64,
        /// Element type.
        dtype: DType,
    },
    /// A scalar function; operands have the types that its typing asks for.
    Map(&'static Scalar, Vec<InstId>, DType),
    /// Another type.
    Cast(InstId, DType),
    /// The values of an operand along all reduced axes, put together.
    Reduce(Reducer, InstId, DType),
    /// Writes an operand. It is at full depth when its operand or its position depends on a reduced
    /// axis.
    Store {
        /// The buffer.
        buffer: BufferId,
        /// Which element.
        at: Affine,
        /// What.
        value: InstId,
    },
}

/// An element's position in a buffer: `offset + sum(coefficient * axis)`, plus the start of a segment,
/// plus a computed integer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Affine {
    /// The constant part.
    pub offset: i64,
    /// Axes with their coefficients, by ascending axis, no zero coefficients.
    pub terms: Vec<(usize, i64)>,
    /// Adds the start of the segment that this axis is at.
    pub segment: Option<(Rc<Segments>, usize)>,
    /// Adds an integer operand times a number of elements.
    pub gather: Option<(InstId, i64)>,
}

/// `0 <= position < bound`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Guard {
    /// The position along one axis of the tensor that is read.
    pub position: Affine,
    /// Its size.
    pub bound: i64,
}
