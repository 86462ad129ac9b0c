//! Derivatives that the script asks for, rules that it gives, and what is computed again.

use super::build::{Evaluator, Frame};
use super::builder::{CustomVjp, Derivative, Rematerialised};
use super::grad::{grad, pull, push};
use crate::algebra::op::{Build, Val};
use crate::typed::{self, Derive, DeriveKind, Expr};

impl<'a> Evaluator<'a> {
    /// The results of a derivative.
    ///
    /// What is differentiated is evaluated on copies of the values differentiated by, so that only this
    /// occurrence counts. A derivative around this one goes through the copies.
    pub(super) fn derive(&mut self, derive: &'a Derive, frame: &mut Frame<'a>) -> Vec<Val> {
        let mut given = |exprs: &mut dyn Iterator<Item = &'a Expr>| -> Vec<Val> {
            exprs.map(|expr| self.eval(expr, frame)).collect()
        };
        let values = given(&mut derive.wrt.iter().map(|(_, value)| value));
        let seeds = given(&mut derive.seeds.iter());
        let copies: Vec<Val> = values.iter().map(|value| self.builder.copy(*value)).collect();
        for ((local, _), copy) in derive.wrt.iter().zip(&copies) {
            frame.bind(*local, *copy);
        }
        let from = self.builder.len();
        let value = self.eval(&derive.body, frame);
        let builder = &mut self.builder;
        match derive.kind {
            DeriveKind::Grad => grad(builder, value, &copies),
            DeriveKind::ValueAndGrad => [vec![value], grad(builder, value, &copies)].concat(),
            DeriveKind::Vjp => pull(builder, &[(value, seeds[0])], &copies),
            DeriveKind::Jvp => vec![push(builder, value, &copies, &seeds)],
            DeriveKind::Hvp => {
                let gradients = grad(builder, value, &copies);
                let seeds: Vec<(Val, Val)> = gradients.into_iter().zip(seeds).collect();
                pull(builder, &seeds, &copies)
            }
            DeriveKind::Checkpoint => {
                let kept = builder.copy(value);
                builder.passed(kept, Derivative::Rematerialise(Rematerialised { args: copies, from, value }));
                vec![kept]
            }
        }
    }

    /// The value of a function that says its own derivative, which is written down for a seed that
    /// stands for any other.
    pub(super) fn ruled(
        &mut self,
        value: Val,
        rule: &'a typed::Rule,
        n_args: usize,
        frame: &mut Frame<'a>,
    ) -> Val {
        let args: Vec<Val> = frame.locals[..n_args].iter().flatten().copied().collect();
        let ruled = self.builder.copy(value);
        let ty = self.builder.ty(value).clone();
        let zero = self.builder.constant(0.0, &ty);
        let seed = self.builder.copy(zero);
        frame.bind(rule.result, ruled);
        frame.bind(rule.seed, seed);
        let gradient = |expr: &'a Option<Expr>| expr.as_ref().map(|expr| self.eval(expr, frame));
        let gradients = rule.gradients.iter().map(gradient).collect();
        self.builder.passed(ruled, Derivative::Custom(CustomVjp { args, gradients, seed }));
        ruled
    }
}
