//! Which loops stay loops.

use std::collections::BTreeMap;

use super::expr::{Expr, ExprKind, Instance, Loop};
use super::program::Program;
use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::types::{Dim, SizeVar};
use crate::algebra::view::View;

/// Operators that are written out for each iteration that is: a body of so few is one kernel with its neighbours.
const CHEAP: u64 = 16;

impl Program {
    /// Whether a loop of so many iterations stays one after this stage; else it is written out. It must be worth it,
    /// and its iterations alike: their number is where a slice begins or is a number, and it changes no shape and
    /// picks no layer; they draw no random numbers and assign no states.
    pub fn stays(&self, parts: &Loop, count: i64) -> bool {
        let mut walk = Steady { program: self, known: BTreeMap::new() };
        let most = (self.unroll as u64).saturating_mul(CHEAP);
        count > self.unroll as i64
            && is_alike(&parts.body, &parts.iteration)
            && walk.operators(&parts.body).is_some_and(|n| n.max(1).saturating_mul(count as u64) > most)
    }
}

fn mentions(dim: &Dim, var: &SizeVar) -> bool {
    dim.vars().any(|have| have == var)
}

fn is_alike(expr: &Expr, var: &SizeVar) -> bool {
    let own = match &expr.kind {
        ExprKind::Op(Op::View(View::Slice { axis: _, start, step: _, count }), _) => {
            start.split(var).is_some() && !mentions(count, var)
        }
        ExprKind::Op(op, _) => {
            let other = Dim::var(SizeVar { id: u32::MAX, name: var.name.clone() });
            op.substitute(&BTreeMap::from([(var.clone(), other)])) == *op
        }
        ExprKind::Size(dim) => dim.split(var).is_some(),
        ExprKind::Call { sizes, instance, .. } => {
            let layer = matches!(instance, Instance::LayerAt { position, .. } if mentions(position, var));
            !layer && !sizes.iter().any(|dim| mentions(dim, var))
        }
        ExprKind::Loop(inner) => {
            let types = inner.collected.iter().flat_map(|ty| &ty.shape);
            !types.chain([&inner.from, &inner.to]).any(|dim| mentions(dim, var))
        }
        ExprKind::Position { below, .. } => !mentions(below, var),
        _ => true,
    };
    own && !expr.ty.shape.iter().any(|dim| mentions(dim, var))
        && expr.children().into_iter().all(|child| is_alike(child, var))
}

/// Counts operators, and looks for what differs from iteration to iteration though it is written alike.
struct Steady<'a> {
    program: &'a Program,
    known: BTreeMap<usize, Option<u64>>,
}

impl Steady<'_> {
    /// How many operators there are; nothing if iterations differ.
    fn operators(&mut self, expr: &Expr) -> Option<u64> {
        let own = match &expr.kind {
            ExprKind::Op(Op::Fill(Fill::Random { .. }), _)
            | ExprKind::Assign { .. }
            | ExprKind::StageLoss(_) => return None,
            ExprKind::Op(Op::View(_) | Op::Fill(_), _) => 0,
            // Products and sums end a kernel.
            ExprKind::Op(Op::Map(_) | Op::Cast(_), _) => 1,
            ExprKind::Op(..) => CHEAP,
            ExprKind::Call { function, .. } => self.function(function.0)?,
            _ => 0,
        };
        let inner = self.all(expr.children())?;
        // A loop inside is more than one iteration of it; a derivative is more than what it is of.
        let times = if matches!(expr.kind, ExprKind::Loop(_) | ExprKind::Derive(_)) { 4 } else { 1 };
        Some(own.saturating_add(inner.saturating_mul(times)))
    }

    fn all(&mut self, exprs: Vec<&Expr>) -> Option<u64> {
        exprs.into_iter().try_fold(0, |sum: u64, expr| Some(sum.saturating_add(self.operators(expr)?)))
    }

    fn function(&mut self, id: usize) -> Option<u64> {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let function = &self.program.functions[id];
        let rule = function.rule.iter().flat_map(|rule| rule.gradients.iter().flatten());
        let bodies: Vec<&Expr> = [&function.body].into_iter().chain(rule).collect();
        let known = self.all(bodies);
        self.known.insert(id, known);
        known
    }
}
