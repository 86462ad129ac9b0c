//! Innermost loops at the machine's full width: 256 bits with AVX2 and FMA, 512 with AVX-512.
//!
//! Cranelift has vectors of 128 bits. So a loop whose body is straight, over whole vectors that lie in
//! memory element by element, becomes a function of its own, made here; the code around it, which is
//! Cranelift's, calls it with a block of memory. Everything else stays with Cranelift, as does every loop on
//! machines without these instructions.
//!
//! Invariant: the same bits as without. Iterations that do not depend on each other are done several as one, or
//! one in pieces; where values are carried, lanes stay what they are.
//!
//! A loop goes through: [`plan`] (may it, and what comes from outside), [`select()`] (to a [`body`]:
//! operations of the machine), [`regs`] (to registers: [`placed`]), [`code`] (the loop around them),
//! [`encode`] (bytes). As text:
//!
//! ```text
//! f3.0: 16 lanes
//!   v31 = splat 64 [pool+0]
//!   iteration:
//!   v0 = load 64 p0[0]
//!   v0 = add 64 v0, v31
//!   store 64 p1[0], v0
//! ```

mod body;
mod code;
mod encode;
mod placed;
mod plan;
mod print;
mod regs;
mod select;
#[cfg(test)]
mod tests;

pub(super) use self::code::Layout;
pub(super) use self::encode::Level;
pub(super) use self::plan::{Passed, Plan};
pub(super) use self::print::listing;

use self::body::Body;
use self::code::{MOST_BASES, Section, assemble};
use self::placed::Pool;
use self::plan::Facts;
use self::regs::allocate;
use self::select::{most_lanes, select};
use crate::loops::{Bound, Function, Stmt, Value};

/// A loop with its code.
pub(super) struct Loop<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) layout: Layout,
    pub(super) code: Vec<u8>,
    sections: Vec<Section>,
    /// Bytes of the constants behind the code.
    #[cfg(test)]
    constants: usize,
}

impl Loop<'_> {
    /// The loop's variable, which tells it from others.
    pub(super) fn var(&self) -> Value {
        self.plan.var
    }
}

/// The loops of a function that are worth it. `meet` has the pairs of pointers whose memory may be the same.
pub(super) fn find<'a>(
    function: &'a Function,
    meet: &[(usize, usize)],
    level: Option<Level>,
) -> Vec<Loop<'a>> {
    let mut found = Vec::new();
    if let Some(level) = level {
        search(&Facts::of(function, meet), &function.body, level, &mut found);
    }
    found
}

fn search<'a>(facts: &Facts<'a, '_>, body: &'a [Stmt], level: Level, found: &mut Vec<Loop<'a>>) {
    for stmt in body {
        let Stmt::For { body, .. } = stmt else { continue };
        match make(facts, stmt, level) {
            Some(wide) => found.push(wide),
            None => search(facts, body, level, found),
        }
    }
}

/// A loop, if it can be wide and should.
fn make<'a>(facts: &Facts<'a, '_>, stmt: &'a Stmt, level: Level) -> Option<Loop<'a>> {
    let mut plan = Plan::of(facts, stmt)?;
    let widths = widths(facts, &plan, level);
    let bodies: Option<Vec<Body>> =
        widths.iter().map(|(per, _)| select(facts, &mut plan, level, *per)).collect();
    let bodies = bodies?;
    if plan.bases.len() > MOST_BASES || !pays(facts, &plan, &bodies[0]) {
        return None;
    }
    let how: Vec<Passed> = plan.passed.iter().map(|(_, how)| *how).collect();
    let mut pool = Pool::default();
    let mut sections = Vec::new();
    for (body, (per, overlap)) in bodies.iter().zip(widths) {
        sections.push(Section { per, overlap, code: allocate(body, &how, &mut pool)? });
    }
    let sizes: Vec<usize> = plan.passed.iter().map(|(value, _)| facts.ty(*value).dtype.bytes()).collect();
    let spills = sections.iter().map(|section| section.code.spills).max().unwrap_or(0);
    let layout = Layout::of(&plan, &sizes, spills);
    let code = assemble(&plan, &layout, level, &sections, &pool);
    Some(Loop {
        plan,
        layout,
        code,
        sections,
        #[cfg(test)]
        constants: pool.bytes.len(),
    })
}

/// Lanes in a register for each loop that follows the one before, and whether its last iteration overlaps.
///
/// Iterations that are free are done as wide as the machine is, what is left as wide as the loop says. Where the
/// last iteration may overlap the one before, that iteration is a wide one if all positions are known to be enough for one.
fn widths(facts: &Facts, plan: &Plan, level: Level) -> Vec<(usize, bool)> {
    let (most, own) = (most_lanes(facts, plan, level), plan.lanes);
    let known = match (plan.start, plan.stop) {
        (Bound::Const(0), Bound::Const(stop)) => Some(stop as usize),
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

/// Cycles that a call takes, beside those for each place that accesses start at and each number.
const CALL: usize = 30;

/// Whether a loop gains more than its call costs: Cranelift's registers have 16 bytes, and machines do
/// about two and a half operations in a cycle.
fn pays(facts: &Facts, plan: &Plan, body: &Body) -> bool {
    let iterations = facts.iterations(plan).unwrap_or(ITERATIONS).max(0) as usize;
    let narrow: usize = body.ops.iter().map(|op| op.bytes.div_ceil(16)).sum();
    let saved = narrow - body.ops.len();
    // A body speaks of all lanes of an iteration or, where iterations are free, of those in a register.
    let lanes = if plan.free { body.per } else { plan.lanes };
    let call = CALL + 2 * plan.bases.len() + body.shared.len();
    iterations > 1 && 2 * saved * iterations * plan.lanes / lanes > 5 * call
}
