//! Tensor graphs: typed programs with all functions inlined and all sizes known.
//!
//! Comes in: a typed program. Goes out: [`Graphs`]: for computed data a program that makes its columns
//! (`data.NAME`); for each training run a program that makes the
//! initial parameters and states (`NAME.init`), one training step (`NAME.step`: loss, gradients and the whole optimizer; where a
//! step takes several batches, `NAME.accumulate` adds up their gradients before it), one that makes
//! the parameters to evaluate with if a stage says them (`NAME.weights`), and one that evaluates loss
//! and metrics on the validation rows (`NAME.validate`); for each evaluation
//! `NAME.eval`, before which, for many rows, stand a program for a chunk of them and one for the rest
//! (`NAME.eval.chunk`, `NAME.validate.rest`); for each other statement with expressions a program named after it (`let.NAME`, or
//! with the index among all statements `print.3`, `assert.4`), whose outputs are the values of its
//! expressions in order. Beside them stand the forward passes of the training runs (`NAME.forward`), for
//! reading only. Invariant: arguments come before their users, types are those that the
//! operators' rules give, and all sizes are constants.
//!
//! ```text
//! graph fit.step(params: f32[2410], x: f32[32, 64], y: i32[32], opt.adam.lr: f64[], t: f64[])
//!   hidden.w = window params [start = 0]      : f32[64, 32]
//!   %0 = contract x, hidden.w [ij, jk -> ik]  : f32[32, 32]
//!   ...
//!   return loss = %9, params <- %40, adam.m <- %31
//! ```
//!
//! A loop whose iterations are alike is one value, [`Def::Loop`], with a graph of its own as its body (`loops`
//! decides, `region` says what it is); what need not be done in each iteration is moved out of the body while that is built,
//! and `grad` writes a loop that goes back.
//!
//! ```text
//!   %2 = loop 12(w = w, h = 0 then next.0, xt in x) {
//!     %0 = mul w, h    : f32[3]
//!     %1 = add %0, xt  : f32[3]
//!     return next.0 = %1
//!   }
//!   %3 = result %2.0   : f32[3]
//! ```
//!
//! `build` evaluates typed expressions into a `builder`, `rows` and `chunks` cut evaluations, `grad` differentiates there, `step` adds the
//! optimizer. `simplify` runs the rewrites of `rules`, `share` drops what no output needs, and `verify`
//! checks the invariant after each. `eval` is the reference run.

mod build;
pub mod builder;
mod calls;
pub mod chunks;
mod concat_sum;
mod congruence;
mod convolutions;
mod derive;
pub mod errors;
pub mod eval;
mod forward;
pub mod grad;
mod init;
mod layout;
mod loops;
mod masks;
pub mod passes;
pub mod positions;
mod print;
pub mod programs;
mod region;
mod rows;
pub mod rules;
pub mod share;
mod signs;
pub mod simplify;
mod stage;
mod step;
pub mod verify;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use self::chunks::Chunks;
use self::positions::Position;
pub use self::programs::{ProgramId, Purpose};
pub use self::region::{Feed, Leave, Loop};
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::op::{Op, Val};
use crate::algebra::types::Type;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{self, Extent, GlobalId, LocalId, Program, StatementKind, Statistic};

/// All programs of a script, in the order of its statements.
#[derive(Clone, Debug, Default)]
pub struct Graphs {
    /// The programs, by [`ProgramId`].
    pub programs: Vec<Graph>,
    /// The programs by what they are for.
    pub purposes: BTreeMap<Purpose, ProgramId>,
    /// The loss of each training run without its gradient: to be read, not to be run.
    pub forward: Vec<Graph>,
    /// The layout of the parameters of each training run, by its statement's index.
    pub layouts: BTreeMap<usize, Layout>,
    /// What evaluations in chunks of rows run before their own program.
    pub chunks: BTreeMap<ProgramId, Chunks>,
    /// What the script hardly means.
    pub warnings: Vec<Diagnostic>,
}

/// Where each parameter lies in the flat arena of its model.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The parameters in arena order: those of each group together, in the order of their declarations.
    pub params: Vec<Param>,
    /// What each group of parameters has in the arena; one for all of it without groups.
    pub groups: Vec<ParamGroup>,
    /// Their lengths as segments of the arena.
    pub segments: Rc<Segments>,
    /// States of the optimizer.
    pub states: Vec<StateSlot>,
    /// States of the model, in the order of their declarations: their paths and types.
    pub model_states: Vec<(String, Type)>,
    /// Hyperparameters, and variables of the sweep.
    pub cells: Vec<CellSlot>,
    /// Where the values of some of them must lie, by name.
    pub ranges: BTreeMap<String, typed::Range>,
    /// Pairs of cells whose values must be equal: states are shared on that ground
    /// (the pass `share-states`). Empty unless states are shared.
    pub guards: Vec<(CellId, CellId)>,
}

/// What a group of parameters has in the arena, and which stages train it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParamGroup {
    /// Its parameters in [`Layout::params`].
    pub params: Range<usize>,
    /// Its coordinates.
    pub coordinates: Range<usize>,
    /// Its stages in the pipeline of the run.
    pub stages: Range<usize>,
}

/// A cell of a layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CellId(pub usize);

/// A number that is an input of each step, and changes without recompiling.
#[derive(Clone, PartialEq, Debug)]
pub struct CellSlot {
    /// What users call it: `opt.adam.lr`.
    pub name: String,
    /// Its value as written.
    pub value: f64,
    /// What the expressions of its optimizer call it.
    pub local: LocalId,
    /// The variable of the sweep that it is, if it is one.
    pub swept: Option<usize>,
}

impl Layout {
    /// The cell that expressions of the optimizer call so; a hyperparameter that is computed in each step has none.
    pub fn cell(&self, local: LocalId) -> Option<CellId> {
        self.cells.iter().position(|cell| cell.local == local).map(CellId)
    }

    /// The cell of a variable of the sweep.
    pub fn swept(&self, variable: usize) -> Option<CellId> {
        self.cells.iter().position(|cell| cell.swept == Some(variable)).map(CellId)
    }

    /// The parameters that a state belongs to.
    pub fn params_of(&self, slot: &StateSlot) -> &[Param] {
        &self.params[self.groups[slot.group].params.clone()]
    }

    /// Where the numbers that a state has for one of its parameters begin in it.
    pub fn start_in(&self, slot: &StateSlot, param: &str) -> usize {
        let matrix = |param: &Param| {
            let columns = param.ty.sizes().last().copied().unwrap_or(1);
            (param.ty.count() / columns, columns)
        };
        let before = self.params_of(slot).iter().take_while(|before| before.name != param);
        let numbers = before.map(|before| match slot.extent {
            Extent::Coordinate => before.ty.count(),
            Extent::Row => matrix(before).0,
            Extent::Column => matrix(before).1,
            Extent::Tensor => 1,
            Extent::Vector(_) | Extent::Group | Extent::Model => 0,
        });
        numbers.sum()
    }

    /// Whether a state is one number per coordinate, laid out as the parameters of its group are.
    pub fn is_per_coordinate(&self, slot: &StateSlot) -> bool {
        slot.extent == Extent::Coordinate
    }
}

/// A parameter in its arena.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its path: `hidden.w`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Its first element in the arena.
    pub start: usize,
}

/// A state of the optimizer: one flat buffer.
#[derive(Clone, Debug)]
pub struct StateSlot {
    /// Stage and state: `adam.m`.
    pub name: String,
    /// What it has a number for.
    pub extent: Extent,
    /// The group of parameters that it belongs to.
    pub group: usize,
    /// `real[N]` per coordinate, `f64[count]` per row, column or tensor, `f64[]` per model.
    pub ty: Type,
    /// The earlier state that it is equal to in every step. The step then knows only that one, and both
    /// have to be given the same memory.
    pub congruent_to: Option<usize>,
}

/// One straight-line tensor program.
#[derive(Clone, Debug)]
pub struct Graph {
    /// `fit.step`.
    pub name: String,
    /// Values in order; an argument comes before its users.
    pub nodes: Vec<Node>,
    /// What is given when the program runs.
    pub inputs: Vec<Input>,
    /// What it leaves behind.
    pub outputs: Vec<Output>,
    /// Integers that must be below a size: whoever runs it looks at them before anything that outlives the
    /// program is written.
    pub positions: Vec<Position>,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Node {
    /// How it is made.
    pub def: Def,
    /// Its type.
    pub ty: Type,
    /// A name the user gave it, for printing and messages.
    pub name: Option<Rc<str>>,
    /// The place in the script that made it.
    pub span: Option<Span>,
    /// The part of a training step that needs it first.
    pub phase: Option<Phase>,
}

/// A part of a training step; printed as a comment above its values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// The forward pass.
    Loss,
    /// What is only reported.
    Metrics,
    /// The derivative of the loss by every parameter.
    Gradient,
    /// A stage of the optimizer, by its name.
    Stage(Rc<str>),
    /// `w <- w - u`.
    Update,
}

/// How a value is made.
#[derive(Clone, Debug)]
pub enum Def {
    /// Input `k` of the graph.
    Input(usize),
    /// An operator on earlier values.
    Op(Op, Vec<Val>),
    /// A loop over earlier values. It has no value of its own.
    Loop(Rc<Loop>, Vec<Val>),
    /// Result `k` of an earlier loop.
    Result(Val, usize),
}

/// Something given when the program runs.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name in printed graphs, unique.
    pub name: String,
    /// Its value.
    pub value: Val,
    /// Where the runner takes it from.
    pub role: Role,
}

/// What the runner binds an input to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// The flat parameters, `real[N]`.
    Params,
    /// The flat parameters before the first step, `real[N]`.
    Initial,
    /// The flat gradient where another program brings it or adds it up, `real[N]`.
    Gradient,
    /// The loss where another program brings it, `f64[]`.
    Loss,
    /// Optimizer state `k` of the layout.
    State(usize),
    /// Hyperparameter cell `k` of the layout, `f64[]`.
    Cell(CellId),
    /// Column `k` of the data, with rows as its first axis.
    Column(usize),
    /// The step from 1, `f64[]`.
    Step,
    /// The total number of steps, `f64[]`.
    Total,
    /// The key of random numbers, `i32[2]`.
    Key,
    /// A value of a `let` of the script.
    Global(GlobalId),
    /// A number of a recorded series of the statement with this index.
    Recorded(usize, String, Statistic),
    /// State `k` of the model that is trained.
    ModelState(usize),
    /// The flat parameters of the fit that the statement with this index made.
    FitParams(usize),
    /// State `k` of the model of that fit.
    FitModelState(usize, usize),
    /// State `k` of the optimizer of that fit.
    FitState(usize, usize),
    /// Output `k` of the program of a chunk of rows, of all chunks together.
    Chunks(usize, Reducer),
    /// Argument `k` of the loop whose body this is.
    Feed(usize),
}

/// Something left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name in printed graphs: `loss`, `params`, `adam.m`.
    pub name: String,
    /// Its value.
    pub value: Val,
    /// Where it goes.
    pub target: OutputTarget,
    /// What it is for the programs after this one: parameters to begin with, a state.
    pub gives: Option<Role>,
}

impl Output {
    /// An output with a buffer of its own.
    pub fn result(name: impl Into<String>, value: Val) -> Output {
        Output { name: name.into(), value, target: OutputTarget::Result, gives: None }
    }

    /// The same, which programs after this one are given as this.
    pub fn giving(self, role: Role) -> Output {
        Output { gives: Some(role), ..self }
    }
}

/// Where an output goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputTarget {
    /// A buffer of its own.
    Result,
    /// A buffer of its own, for [`Graph::positions`] to be checked. Such outputs come last.
    Positions,
    /// The buffer of input `k`, whose old value is gone afterwards.
    InPlace(usize),
}

/// The graphs of a checked script.
pub fn build(program: &Program) -> Graphs {
    passes::run(plain(program), program.limit, None, None).0
}

/// The same without any rewrite: what simplified graphs must agree with.
pub fn plain(program: &Program) -> Graphs {
    programs::of_script(program, layouts(program))
}

/// The graphs, without any rewrite, of optimizers whose parameters and gradients another program brings.
pub fn plain_optimizers(program: &Program) -> Graphs {
    programs::of_optimizers(program, layouts(program))
}

fn layouts(program: &Program) -> BTreeMap<usize, Layout> {
    let statements = program.statements.iter().enumerate();
    let runs = statements.filter_map(|(index, statement)| match &statement.kind {
        StatementKind::Train(train) => {
            Some((index, layout::layout(program, &train.optimizer, &layout::batch(train, train.batch))))
        }
        StatementKind::Optimizer(optimizer) => {
            Some((index, layout::layout(program, optimizer, &BTreeMap::new())))
        }
        _ => None,
    });
    runs.collect()
}

impl Graphs {
    /// The same with each program changed.
    fn each(&mut self, pass: impl Fn(Graph) -> Graph) {
        for graphs in [&mut self.programs, &mut self.forward] {
            *graphs = std::mem::take(graphs).into_iter().map(&pass).collect();
        }
    }
}
