//! Loop nests: kernels as explicit loops over scalars and vectors.
//!
//! Comes in: kernels. Goes out: for each program its memory plan, its functions (loop nests over
//! pointers) and the calls that make it up. Kernels that differ only in their buffers share one
//! function. Every scalar function has been expanded into machine operations, so the interpreter of
//! this stage and native code compute the same bits.
//!
//! Calls may be repeated, as a [`Region`]; then some of their buffers lie elsewhere in each iteration.
//!
//! A value has an element type and a number of lanes. Lanes may exceed a machine register: `native`
//! splits them, which is how loops are unrolled.
//!
//! ```text
//! function f0(p0: f32, p1: f32)
//!   %0 = load p1[0]                          : f32
//!   %1 = splat %0                            : f32x8
//!   for %2 in 0..16 step 8
//!     %3 = load p0[%2]                       : f32x8
//!     %4 = mul %3, %1                        : f32x8
//!     store p0[%2] = %4
//! ```

mod access;
mod buffers;
mod build;
mod cost;
mod dedup;
pub mod eval;
mod expand;
mod facts;
mod guards;
mod lower;
pub mod passes;
mod peel;
mod prefix_sum;
mod print;
mod product;
mod ranks;
mod rebase;
mod reduce;
mod renumber;
mod scatter;
mod schedule;
mod split;
mod sums;
#[cfg(test)]
mod tests;
mod verify;

pub use schedule::Schedule;
pub use verify::verify;

use std::ops::Range;

use crate::algebra::number::Number;
use crate::algebra::scalar::MachineOp;
use crate::algebra::types::DType;
use crate::graph::{OutputTarget, ProgramId, Role};
use crate::kernel::Kernels;
pub use crate::kernel::Moving;

/// Every kernel as a loop nest, every buffer in its place.
pub fn lower(kernels: &Kernels) -> Loops {
    passes::run(kernels, None).1.loops
}

/// All programs of a script.
#[derive(Clone, Debug, Default)]
pub struct Loops {
    /// One for each graph, in order.
    pub programs: Vec<Program>,
    /// Loop nests, shared between programs.
    pub functions: Vec<Function>,
}

/// One program: buffers with their places, and the calls to make.
#[derive(Clone, Debug)]
pub struct Program {
    /// The graph's name.
    pub name: String,
    /// Buffers by the kernel stage's numbers.
    pub buffers: Vec<Buffer>,
    /// Bytes of the arena that temporary buffers lie in.
    pub arena_bytes: usize,
    /// Calls in order.
    pub calls: Vec<Call>,
    /// Calls that are repeated; those inside of others come before them.
    pub regions: Vec<Region>,
    /// Index of the first call that writes what outlives the step; `calls.len()` if none does.
    pub commit: usize,
    /// Inputs: buffer and role.
    pub inputs: Vec<(usize, Role)>,
    /// Outputs.
    pub outputs: Vec<Output>,
}

impl Loops {
    /// The program of this id.
    pub fn program(&self, id: ProgramId) -> &Program {
        &self.programs[id.0]
    }

    /// Machine instructions that a run of a program executes, roughly.
    pub fn work(&self, program: &Program) -> u64 {
        let calls = program.calls.iter().enumerate();
        let work = calls.map(|(k, call)| {
            cost::work(&self.functions[call.function]).saturating_mul(program.times(k) as u64)
        });
        work.fold(0, u64::saturating_add)
    }
}

/// Calls that are repeated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Region {
    /// Which: all of them, one after another, in each iteration.
    pub calls: Range<usize>,
    /// How many iterations there are.
    pub count: usize,
}

impl Program {
    /// How often a call is made.
    pub fn times(&self, call: usize) -> usize {
        let around = self.regions.iter().filter(|region| region.calls.contains(&call));
        around.fold(1, |times, region| times.saturating_mul(region.count))
    }

    /// The region that begins with a call, among the first `regions`: the outermost.
    pub fn region_at(&self, call: usize, regions: usize) -> Option<usize> {
        let begins = |k: &usize| self.regions[*k].calls.start == call && !self.regions[*k].calls.is_empty();
        (0..regions).rev().find(begins)
    }
}

/// An output of a program.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its buffer.
    pub buffer: usize,
    /// Whether it replaces an input.
    pub target: OutputTarget,
    /// What it is for the programs after this one.
    pub gives: Option<Role>,
}

/// A buffer with its place.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// Element type.
    pub dtype: DType,
    /// Number of elements.
    pub len: usize,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Where it lies.
    pub location: BufferLocation,
}

/// Where a buffer lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BufferLocation {
    /// The runner gives the memory of input `k`.
    Input(usize),
    /// The runner gives the memory of output `k`.
    Output(usize),
    /// In the arena, at a byte offset that is a multiple of [`ALIGN`].
    Arena(usize),
    /// Elements from `start` of another buffer.
    Part {
        /// Index of the other buffer.
        of: usize,
        /// First element.
        start: usize,
    },
    /// In each iteration of a region another place in a buffer.
    Moving(Moving),
}

/// Alignment in bytes of arenas and of buffers in them: a cache line.
pub const ALIGN: usize = 64;

/// One call of a function with buffers as its pointers.
#[derive(Clone, Debug)]
pub struct Call {
    /// The kernel that it is, or a part of which it does.
    pub kernel: usize,
    /// Index into [`Loops::functions`].
    pub function: usize,
    /// One buffer for each pointer.
    pub buffers: Vec<usize>,
    /// The numbers that tell it from other calls of the function.
    pub immediates: Vec<i32>,
}

/// A loop nest over pointers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Function {
    /// Element type of each pointer.
    pub pointers: Vec<DType>,
    /// Constant tables of whole numbers (starts of segments and of parts).
    pub tables: Vec<Vec<i64>>,
    /// What it is cut into, if it is; else a call does all of it.
    pub parts: Option<Partition>,
    /// How many numbers each call gives.
    pub immediates: usize,
    /// What to do.
    pub body: Vec<Stmt>,
    /// The type of each value, by its number.
    pub values: Vec<Ty>,
}

/// Parts of a function that do not depend on each other: they may run in any order or at the same time.
/// How many there are depends on the kernel alone, so that results do not depend on the number of
/// threads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Partition {
    /// The number of the part being done, `I64`, from 0.
    pub index: Value,
    /// How many there are.
    pub count: usize,
}

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ty {
    /// Element type. Positions are `I64` with one lane.
    pub dtype: DType,
    /// Lanes: 1 for a scalar, else a multiple of 4.
    pub lanes: u16,
}

/// A value of a function; printed as `%3`. Each is defined once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Value(pub u32);

/// A statement.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stmt {
    /// Defines a value.
    Let(Value, Expr),
    /// Writes the lanes of a value to consecutive elements, or to every `step`-th.
    Store {
        /// Which pointer.
        pointer: usize,
        /// First element.
        at: Address,
        /// How far apart the elements lie: 1, or 2 in lanes of 32 bits.
        step: i64,
        /// What.
        value: Value,
    },
    /// A matrix product: library code, not a loop nest of this function.
    Product(Product),
    /// Ranks: library code.
    Ranks(Ranks),
    /// `for var in start..stop step step`. Runs while `var < stop`.
    For {
        /// The position, `I64`.
        var: Value,
        /// First position.
        start: LoopBound,
        /// One past the last.
        stop: LoopBound,
        /// Distance, positive.
        step: i64,
        /// Values that each iteration hands to the next.
        carried: Vec<Carried>,
        /// What to do.
        body: Vec<Stmt>,
    },
}

/// The place of each element in the order of its row (see [`ranks`](crate::algebra::ranks)). Rows lie one after
/// another from the first element of both pointers on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ranks {
    /// The pointer of the elements.
    pub keys: usize,
    /// The pointer of the places, `I32`, which overlap no elements.
    pub out: usize,
    /// How many rows.
    pub rows: usize,
    /// Elements of a row.
    pub n: usize,
    /// Greatest first.
    pub descending: bool,
}

/// A matrix product `out[i, j] = fma(left[i, k-1], right[k-1, j], ... fma(left[i, 0], right[0, j], 0))`:
/// one chain of fused multiply-adds for each result, in the order of the summed axis, if that has at most
/// [`Product::RUN`] elements. A longer one is cut into runs with a chain each, which are added in order: so
/// the error of a long sum stays that of a short one (blocked summation, Higham 1993).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Product {
    /// Rows and columns of the result, and how many products each sums.
    pub sizes: [usize; 3],
    /// The first factor: rows, then the summed axis.
    pub left: MatrixOperand,
    /// The second factor: the summed axis, then columns.
    pub right: MatrixOperand,
    /// The result, which overlaps neither factor: rows, then columns.
    pub out: MatrixOperand,
}

/// A matrix in memory.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MatrixOperand {
    /// Which pointer.
    pub pointer: usize,
    /// Its first element.
    pub at: Address,
    /// Where neighbours along each axis lie.
    pub steps: [Stride; 2],
}

/// Where elements along an axis of a matrix lie, counted in elements.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stride {
    /// At multiples of a distance.
    By(i64),
    /// Where a constant table says, from this entry on.
    Table(usize, Address),
}

impl Product {
    /// Elements of the summed axis that one chain takes at most.
    pub const RUN: usize = 256;

    /// How many of `k` summed elements are in a run: in as few runs as can be, nearly equal ones.
    pub fn run(k: usize) -> usize {
        k.div_ceil(k.div_ceil(Product::RUN).max(1)).max(1)
    }

    /// The factors and the result, each with its sizes. The rows of the first and of the result lie in equal
    /// steps, the columns of the result side by side.
    pub fn matrices(&self) -> [(&MatrixOperand, [usize; 2]); 3] {
        let [m, n, k] = self.sizes;
        [(&self.left, [m, k]), (&self.right, [k, n]), (&self.out, [m, n])]
    }

    /// All positions that it speaks of.
    fn addresses(&mut self) -> Vec<&mut Address> {
        [&mut self.left, &mut self.right, &mut self.out]
            .into_iter()
            .flat_map(MatrixOperand::addresses)
            .collect()
    }
}

impl MatrixOperand {
    fn addresses(&mut self) -> Vec<&mut Address> {
        let tables = self.steps.iter_mut().filter_map(|step| match step {
            Stride::By(_) => None,
            Stride::Table(_, at) => Some(at),
        });
        tables.chain([&mut self.at]).collect()
    }
}

/// A limit of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LoopBound {
    /// A number.
    Const(i64),
    /// A scalar `I64` value.
    Value(Value),
}

/// A value that each iteration of a loop hands to the next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Carried {
    /// Before the first iteration.
    pub init: Value,
    /// Inside the loop.
    pub current: Value,
    /// At the end of an iteration (defined in the body).
    pub next: Value,
    /// After the loop.
    pub last: Value,
}

/// How a value is computed. Operands have equal lanes unless said otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Expr {
    /// A number, in every lane. Beyond an integer type's range it is that type's nearest; not zero
    /// is true.
    Const(Number),
    /// A whole number of type `I64`.
    Int(i64),
    /// The number of type `I32` that a call gives at this place of its list, in every lane.
    Immediate(usize),
    /// Consecutive elements, or every `step`-th, as many as the value has lanes.
    Load {
        /// Which pointer.
        pointer: usize,
        /// First element.
        at: Address,
        /// How far apart they lie: 1, or 2 in lanes of 32 bits.
        step: i64,
    },
    /// A scalar (of any type, booleans too) in every lane.
    Splat(Value),
    /// `value`, `value + 1`, ... of a scalar `I64` position, in the type of the result.
    Iota(Value),
    /// A machine operation.
    Machine(MachineOp, Vec<Value>),
    /// Another element type.
    Cast(Value),
    /// All lanes of a vector put together by a fixed tree: lane `k` with lane `k + lanes / 2`, until
    /// one is left.
    Horizontal(MachineOp, Value),
    /// An element of a constant table, at a scalar `I64` position.
    Table(usize, Value),
    /// A scalar `I64` position.
    Position(Address),
    /// Whether a scalar `I64` lies in `0..n`, as a scalar boolean.
    InRange(Value, i64),
    /// A scalar `I64` clamped to `0..n` (at least 0, at most `n - 1`), to address memory safely, or
    /// to let the last iteration of a loop overlap the one before it.
    Clamp(Value, i64),
}

/// A position in memory or along an axis: `offset + sum(coefficient * value)` over scalar `I64`
/// values.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Address {
    /// The constant part.
    pub offset: i64,
    /// Values with their coefficients.
    pub terms: Vec<(Value, i64)>,
}

impl Function {
    /// How many parts it has: at least one.
    pub fn parts(&self) -> usize {
        self.parts.map_or(1, |parts| parts.count)
    }
}

impl Expr {
    /// Calls `visit` on each operand.
    pub fn operands(&self, visit: &mut dyn FnMut(Value)) {
        match self {
            Expr::Const(_) | Expr::Int(_) | Expr::Immediate(_) => {}
            Expr::Load { at, .. } | Expr::Position(at) => {
                at.terms.iter().for_each(|(value, _)| visit(*value))
            }
            Expr::Machine(_, args) => args.iter().for_each(|value| visit(*value)),
            Expr::Splat(value)
            | Expr::Iota(value)
            | Expr::Cast(value)
            | Expr::Horizontal(_, value)
            | Expr::Table(_, value)
            | Expr::InRange(value, _)
            | Expr::Clamp(value, _) => visit(*value),
        }
    }
}
