//! Innermost loops at the machine's full width: a vector backend beside Cranelift.
//!
//! Cranelift has vectors of 128 bits. So a loop whose body is straight, over whole vectors that lie in
//! memory element by element, becomes a function of its own, made here; the code around it, which is
//! Cranelift's, calls it with a block of memory. Everything else stays with Cranelift, as does every loop on
//! machines without wider vectors.
//!
//! Invariant: the same bits as without. Iterations that do not depend on each other are done several as one, or
//! one in pieces; where values are carried, lanes stay what they are.
//!
//! A loop goes through: [`plan`] (may it, and its live-ins), [`lower()`] (to a [`body`]: operations on virtual
//! registers, for which the instruction set selects instructions), [`mod@allocate`] (to registers:
//! [`instruction`]), and the instruction set again, for its bytes. What depends on an instruction set stands
//! behind [`isa::Isa`], in a folder of its own with a row in [`SETS`]. As text:
//!
//! ```text
//! f3.0: 16 lanes
//!   v31 = splat 64 [pool+0]
//!   iteration:
//!   v0 = load 64 p0[0]
//!   v0 = add 64 v0, v31
//!   store 64 p1[0], v0
//! ```

mod allocate;
mod body;
mod instruction;
mod isa;
mod layout;
mod lower;
mod plan;
mod print;
#[cfg(test)]
mod tests;
mod x86;

pub(super) use self::layout::Layout;
pub(super) use self::plan::{LiveIn, Plan};
pub(super) use self::print::listing;

use self::allocate::allocate;
use self::body::VectorBody;
use self::instruction::{Constants, VectorSection};
use self::isa::Isa;
use self::lower::{lower, most_lanes};
use self::plan::ValueFacts;
use super::Target;
use crate::hardware::HARDWARE;
use crate::loops::{Function, LoopBound, Stmt, Value};

/// The instruction sets, the widest first.
const SETS: [&dyn Isa; 2] = [&x86::SimdLevel::Avx512, &x86::SimdLevel::Avx2];

/// The instruction set that wide loops use.
#[derive(Clone, Copy)]
pub(super) struct Set(&'static dyn Isa);

impl Set {
    /// The widest one that a machine has.
    pub(super) fn of(target: &Target) -> Option<Set> {
        SETS.into_iter().find(|isa| isa.is_on(target)).map(Set)
    }
}

/// A loop with its code.
pub(super) struct VectorLoop<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) layout: Layout,
    pub(super) code: Vec<u8>,
    isa: &'static dyn Isa,
    sections: Vec<VectorSection>,
    /// Bytes of the constants behind the code.
    #[cfg(test)]
    constants: usize,
}

impl VectorLoop<'_> {
    /// The loop's variable, which tells it from others.
    pub(super) fn var(&self) -> Value {
        self.plan.var
    }
}

/// The loops of a function that are worth it. `may_alias` has the pairs of pointers whose memory may be the same.
pub(super) fn find<'a>(
    function: &'a Function,
    may_alias: &[(usize, usize)],
    set: Option<Set>,
) -> Vec<VectorLoop<'a>> {
    let mut found = Vec::new();
    if let Some(Set(isa)) = set {
        search(&ValueFacts::of(function, may_alias), &function.body, isa, &mut found);
    }
    found
}

fn search<'a>(
    facts: &ValueFacts<'a, '_>,
    body: &'a [Stmt],
    isa: &'static dyn Isa,
    found: &mut Vec<VectorLoop<'a>>,
) {
    for stmt in body {
        let Stmt::For { body, .. } = stmt else { continue };
        match make(facts, stmt, isa) {
            Some(wide) => found.push(wide),
            None => search(facts, body, isa, found),
        }
    }
}

/// A loop, if it can be wide and should.
fn make<'a>(facts: &ValueFacts<'a, '_>, stmt: &'a Stmt, isa: &'static dyn Isa) -> Option<VectorLoop<'a>> {
    let mut plan = Plan::of(facts, stmt)?;
    let file = isa.registers();
    let widths = widths(&plan, most_lanes(facts, &plan, file.bytes));
    let bodies: Option<Vec<VectorBody>> =
        widths.iter().map(|(per, _)| lower(facts, &mut plan, isa, *per)).collect();
    let bodies = bodies?;
    if plan.bases.len() > file.addresses || !pays(facts, &plan, &bodies[0]) {
        return None;
    }
    let kinds: Vec<LiveIn> = plan.live_ins.iter().map(|(_, kind)| *kind).collect();
    let mut constants = Constants::default();
    let mut sections = Vec::new();
    for (body, (per, overlap)) in bodies.iter().zip(widths) {
        sections.push(VectorSection { per, overlap, code: allocate(body, isa, &kinds, &mut constants)? });
    }
    let sizes: Vec<usize> = plan.live_ins.iter().map(|(value, _)| facts.ty(*value).dtype.bytes()).collect();
    let spills = sections.iter().map(|section| section.code.spills).max().unwrap_or(0);
    let layout = Layout::of(&plan, &sizes, spills);
    let code = isa.assemble(&plan, &layout, &sections, &constants);
    Some(VectorLoop {
        plan,
        layout,
        code,
        isa,
        sections,
        #[cfg(test)]
        constants: constants.bytes.len(),
    })
}

/// Lanes in a register, of at most so many, for each loop that follows the one before, and whether its last iteration
/// overlaps.
///
/// Iterations that are free are done as wide as the machine is, what is left as wide as the loop says. Where the
/// last iteration may overlap the one before, that iteration is a wide one if all positions are known to be enough for one.
fn widths(plan: &Plan, most: usize) -> Vec<(usize, bool)> {
    let own = plan.lanes;
    let known = match (plan.start, plan.stop) {
        (LoopBound::Const(0), LoopBound::Const(stop)) => Some(stop as usize),
        _ => None,
    };
    if !plan.free {
        return vec![(own.min(most), false)];
    }
    let all = known.map(|stop| match plan.clamp {
        Some(clamp) => clamp as usize - 1 + own,
        None => stop.next_multiple_of(own),
    });
    match (all, plan.clamp) {
        (Some(all), Some(_)) if all >= most => vec![(most, true)],
        (_, Some(_)) if own >= most => vec![(most, true)],
        (Some(all), _) if all < most => vec![(own.min(most), plan.clamp.is_some())],
        (_, Some(_)) => vec![(most, false), (own, true)],
        (Some(all), None) if all.is_multiple_of(most) => vec![(most, false)],
        (_, None) if own >= most => vec![(most, false)],
        (_, None) => vec![(most, false), (own, false)],
    }
}

/// Iterations that are taken for certain where nothing is known about them.
const ITERATIONS: i64 = 8;

/// Whether a loop gains more than its call costs, beside what each place that accesses start at and each number
/// take.
fn pays(facts: &ValueFacts, plan: &Plan, body: &VectorBody) -> bool {
    let iterations = facts.iterations(plan).unwrap_or(ITERATIONS).max(0) as usize;
    let narrow: usize = body.ops.iter().map(|op| op.bytes.div_ceil(HARDWARE.register)).sum();
    let saved = narrow - body.ops.len();
    // A body speaks of all lanes of an iteration or, where iterations are free, of those in a register.
    let lanes = if plan.free { body.per } else { plan.lanes };
    let call = HARDWARE.call + 2 * plan.bases.len() + body.shared.len();
    iterations > 1 && 2 * saved * iterations * plan.lanes / lanes > HARDWARE.in_two_cycles * call
}
