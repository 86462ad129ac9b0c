//! Reverse mode: gradients by values that something is computed from.
//!
//! A derivative is written down after what is there, as operators like any others, so it can be
//! differentiated again. Forward mode is reverse mode twice: [`pull`] is linear in its seeds, and its
//! derivative by them is how fast the value changes ([`push`]).

use std::collections::BTreeMap;

mod loops;

use super::Def;
use super::builder::{Builder, CustomVjp, Derivative, Rematerialised, add};
use super::masks::Masks;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::view::View;

/// The gradients of `loss`, a scalar, by each of `wrt`, written down after what is there. A value on
/// which the loss does not depend gets zeros.
///
/// Walks backwards once, so the work grows with the number of values, whatever the depth.
pub fn grad(builder: &mut Builder, loss: Val, wrt: &[Val]) -> Vec<Val> {
    let ty = builder.ty(loss).clone();
    let one = builder.constant(1.0, &ty);
    pull(builder, &[(loss, one)], wrt)
}

/// The gradients by each of `wrt` of the dot products of values with their seeds, which have their types.
pub fn pull(builder: &mut Builder, seeds: &[(Val, Val)], wrt: &[Val]) -> Vec<Val> {
    let found = pull_some(builder, seeds, wrt);
    found.into_iter().zip(wrt).map(|(grad, value)| grad.unwrap_or_else(|| zeros(builder, *value))).collect()
}

/// The same, nothing for values on which those with seeds do not depend.
fn pull_some(builder: &mut Builder, seeds: &[(Val, Val)], wrt: &[Val]) -> Vec<Option<Val>> {
    let last = seeds.iter().map(|(value, _)| value.0 as usize + 1).max().unwrap_or(0);
    let mut pull = Pull { paths: Vec::new(), grads: Vec::new(), masks: Masks::default() };
    pull.extend(builder, last, wrt);
    for (value, seed) in seeds {
        pull.add(builder, *value, *seed, None);
    }
    for index in (0..last).rev() {
        pull.pass(builder, Val(index as u32));
    }
    builder.at(None);
    wrt.iter().map(|value| pull.grads[value.0 as usize]).collect()
}

/// How fast `value` changes where each of `wrt` moves along a direction of its type.
pub fn push(builder: &mut Builder, value: Val, wrt: &[Val], directions: &[Val]) -> Val {
    let zero = zeros(builder, value);
    let seed = builder.copy(zero);
    let gradients = pull(builder, &[(value, seed)], wrt);
    let seeds: Vec<(Val, Val)> = gradients.into_iter().zip(directions.iter().copied()).collect();
    pull(builder, &seeds, &[seed])[0]
}

/// How a derivative passes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// No value that is asked for lies behind it.
    Blocked,
    /// It is asked for.
    Ends,
    /// It is computed from values that are asked for.
    Through,
}

/// A walk backwards.
struct Pull {
    paths: Vec<Path>,
    grads: Vec<Option<Val>>,
    masks: Masks,
}

impl Pull {
    /// Takes in values up to number `to`.
    fn extend(&mut self, builder: &Builder, to: usize, wrt: &[Val]) {
        for index in self.paths.len()..to.max(wrt.iter().map(|value| value.0 as usize + 1).max().unwrap_or(0))
        {
            let value = Val(index as u32);
            let path = match wrt.contains(&value) {
                true => Path::Ends,
                false if self.leads_on(builder, value) => Path::Through,
                false => Path::Blocked,
            };
            self.paths.push(path);
            self.grads.push(None);
        }
    }

    fn is_open(&self, value: Val) -> bool {
        self.paths.get(value.0 as usize).is_some_and(|path| *path != Path::Blocked)
    }

    /// Whether a value is computed from values that are asked for.
    fn leads_on(&self, builder: &Builder, value: Val) -> bool {
        match (&builder.node(value).def, builder.way(value)) {
            (Def::Input(_), _) => false,
            (_, Some(Derivative::Custom(rule))) => rule.args.iter().any(|arg| self.is_open(*arg)),
            (def, _) => !builder.is_stopped(value) && def.args().iter().any(|arg| self.is_open(*arg)),
        }
    }

    /// Adds to the gradient by a value what is zero outside of `mask`.
    fn add(&mut self, builder: &mut Builder, value: Val, more: Val, mask: Option<Val>) {
        let value = self.origin(builder, value);
        if self.is_open(value) {
            self.masks.add(builder, value, mask);
            let sum = &mut self.grads[value.0 as usize];
            *sum = Some(sum.map_or(more, |sum| add(builder, sum, more)));
        }
    }

    /// What a value is a copy of, as far as the derivative is concerned: gradients come together there,
    /// so that copies do not change the order in which they are added.
    fn origin(&self, builder: &Builder, mut value: Val) -> Val {
        loop {
            let through = self.paths.get(value.0 as usize) == Some(&Path::Through);
            let Some((op, args)) = builder.op(value).filter(|_| through && builder.way(value).is_none())
            else {
                return value;
            };
            match op {
                Op::Barrier(_) => value = args[0],
                Op::View(View::Reshape { to }) if *to == builder.ty(args[0]).shape => value = args[0],
                _ => return value,
            }
        }
    }

    /// Adds what a value contributes to the gradients of what it is computed from.
    fn pass(&mut self, builder: &mut Builder, value: Val) {
        if self.paths[value.0 as usize] != Path::Through {
            return;
        }
        if let Def::Loop(..) = builder.node(value).def {
            builder.at(builder.node(value).span);
            return self.through_loop(builder, value);
        }
        let Some(grad) = self.grads[value.0 as usize] else { return };
        builder.at(builder.node(value).span);
        match builder.way(value).cloned() {
            Some(Derivative::Custom(rule)) => self.by_rule(builder, &rule, grad),
            Some(Derivative::Rematerialise(again)) => self.again(builder, again, value, grad),
            None => self.through(builder, value, grad),
        }
    }

    fn through(&mut self, builder: &mut Builder, value: Val, grad: Val) {
        let Some((op, args)) = builder.op(value).map(|(op, args)| (op.clone(), args.to_vec())) else {
            return;
        };
        let contributions = op.vjp(builder, &args, value, grad);
        for (k, contribution) in contributions.into_iter().enumerate() {
            if let (true, Some(new)) = (self.is_open(args[k]), contribution) {
                let (new, mask) = self.masks.passed(builder, (&op, &args), value, k, new);
                self.add(builder, args[k], new, mask);
            }
        }
    }

    /// Through a loop, when the gradients by all its results are there.
    fn through_loop(&mut self, builder: &mut Builder, made: Val) {
        let n = builder.looped(made).0.leaves.len();
        let grad = |value: Val| self.grads.get(value.0 as usize).copied().flatten();
        let grads: Vec<Option<Val>> = (0..n).map(|k| builder.has_result(made, k).and_then(grad)).collect();
        let args = builder.looped(made).1.to_vec();
        let open: Vec<bool> = args.iter().map(|arg| self.is_open(*arg)).collect();
        for (arg, grad) in args.into_iter().zip(loops::pull(builder, made, &grads, &open)) {
            if let Some(grad) = grad {
                self.add(builder, arg, grad, None);
            }
        }
    }

    /// By gradients that are written down for another seed.
    fn by_rule(&mut self, builder: &mut Builder, rule: &CustomVjp, grad: Val) {
        let last = rule.gradients.iter().flatten().map(|gradient| gradient.0 as usize + 1).max().unwrap_or(0);
        let mut map = BTreeMap::from([(rule.seed, grad)]);
        builder.replay(rule.seed.0 as usize + 1..last, &mut map);
        for (arg, gradient) in rule.args.iter().zip(&rule.gradients) {
            if let Some(gradient) = gradient {
                self.add(builder, *arg, *map.get(gradient).unwrap_or(gradient), None);
            }
        }
    }

    /// Through values that are computed again.
    fn again(&mut self, builder: &mut Builder, again: Rematerialised, value: Val, grad: Val) {
        let from = builder.len();
        let mut map = BTreeMap::new();
        for arg in &again.args {
            map.insert(*arg, builder.barrier(*arg, grad));
        }
        builder.replay(again.from..again.value.0 as usize + 1, &mut map);
        let to = builder.len();
        self.extend(builder, to, &[]);
        let mask = self.masks.of(value);
        self.add(builder, *map.get(&again.value).unwrap_or(&again.value), grad, mask);
        for index in (from..to).rev() {
            self.pass(builder, Val(index as u32));
        }
    }
}

fn zeros(builder: &mut Builder, value: Val) -> Val {
    let ty = builder.ty(value).clone();
    builder.constant(0.0, &ty)
}
