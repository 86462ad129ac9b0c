//! Which loops stay loops.

use std::collections::BTreeMap;

use super::expr::{Expr, ExprKind, Instance, Loop};
use super::program::Program;
use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::types::{Dim, SizeVar};
use crate::algebra::view::View;

impl Program {
    /// Whether a loop of so many iterations stays one after this stage; else it is written out. Its iterations must
    /// be alike: their number is where a slice begins or is a number, and it changes no shape and picks no layer;
    /// they draw no random numbers and assign no states.
    pub fn stays(&self, parts: &Loop, count: i64) -> bool {
        count > self.unroll as i64
            && is_alike(&parts.body, &parts.iteration)
            && Steady { program: self, known: BTreeMap::new() }.holds(&parts.body)
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
            let at = |number| op.substitute(&BTreeMap::from([(var.clone(), Dim::constant(number))]));
            at(0) == at(1)
        }
        ExprKind::Size(dim) => dim.split(var).is_some(),
        ExprKind::Call { sizes, instance, .. } => {
            let layer = matches!(instance, Instance::LayerAt { position, .. } if mentions(position, var));
            !layer && !sizes.iter().any(|dim| mentions(dim, var))
        }
        ExprKind::Loop(inner) => !mentions(&inner.from, var) && !mentions(&inner.to, var),
        ExprKind::Position { below, .. } => !mentions(below, var),
        _ => true,
    };
    own && !expr.ty.shape.iter().any(|dim| mentions(dim, var))
        && expr.children().into_iter().all(|child| is_alike(child, var))
}

/// Looks for what differs from iteration to iteration though it is written alike.
struct Steady<'a> {
    program: &'a Program,
    known: BTreeMap<usize, bool>,
}

impl Steady<'_> {
    fn holds(&mut self, expr: &Expr) -> bool {
        let own = match &expr.kind {
            ExprKind::Op(Op::Fill(Fill::Random { .. }), _)
            | ExprKind::Assign { .. }
            | ExprKind::StageLoss(_) => false,
            ExprKind::Call { function, .. } => self.function(function.0),
            _ => true,
        };
        own && expr.children().into_iter().all(|child| self.holds(child))
    }

    fn function(&mut self, id: usize) -> bool {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let function = &self.program.functions[id];
        let rule = function.rule.iter().flat_map(|rule| rule.gradients.iter().flatten());
        let bodies: Vec<&Expr> = [&function.body].into_iter().chain(rule).collect();
        let holds = bodies.into_iter().all(|body| self.holds(body));
        self.known.insert(id, holds);
        holds
    }
}
