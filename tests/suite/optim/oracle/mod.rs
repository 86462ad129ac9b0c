//! The library's stages once more, in plain double precision and straight from the equations of their
//! papers: nothing here is shared with the compiler.
//!
//! A rule is given parameters, gradient and loss, and gives the new parameters.
//!
//! The oracle was itself compared with optax 0.2.8 (jax 0.10.2, double precision) on the same problem,
//! all hyperparameters as in `CASES`, at the same steps. To 1e-10 relative agree: sgd, momentum, nesterov,
//! ema, lion, signum and tiger (as `ema |> scale_by_sign`), weight decay, the three clips, agc, adagrad,
//! adadelta, rmsprop (`eps_in_sqrt=False`), adam, adamax, nadam, amsgrad, radam, adabelief, adopt, ademamix,
//! novograd, lars, lamb, sm3 (`b1=0`, `eps=0`), d_adapt, prodigy (`correct = yes`), dog, dowg, cocob, polyak
//! (`sps+`), momo, schedule_free around sgd, mechanic around adam, and yogi with `init = 0`. Less closely,
//! since optax computes some powers of the step in single precision: madgrad (2e-7, with its `eps` taken
//! off the learning rate) and adafactor (1e-9 in the first steps, 5e-6 after a hundred).
//!
//! Not compared: rprop (optax 0.2.8 is a step late), centralize (optax centers rows) and what optax does
//! not have, sam and sophia. `egdd` has the trace of its authors.

mod adaptive;
mod directions;
mod factored;
mod rates;
mod wraps;

pub use adaptive::*;
pub use directions::*;
pub use factored::*;
pub use rates::*;
pub use wraps::*;

use std::ops::Range;

use crate::optim::problem::{PARTS, loss_and_gradient, start};

/// What a rule is given.
pub struct At<'a> {
    /// The parameters before the step.
    pub w: &'a [f64],
    /// Their gradient.
    pub g: &'a [f64],
    /// The loss.
    pub loss: f64,
}

/// An optimizer.
pub trait Rule {
    /// The parameters after a step.
    fn step(&mut self, at: &At) -> Vec<f64>;

    /// The parameters to evaluate with, when those after the step are `w`.
    fn evaluate(&self, w: &[f64]) -> Vec<f64> {
        w.to_vec()
    }
}

impl<F: FnMut(&At) -> Vec<f64>> Rule for F {
    fn step(&mut self, at: &At) -> Vec<f64> {
        self(at)
    }
}

/// A rule on the heap.
pub type Boxed = Box<dyn Rule>;

/// One coordinate in one step.
#[derive(Clone, Copy)]
pub struct Coordinate {
    /// The parameter.
    pub w: f64,
    /// Its value before the first step.
    pub w0: f64,
    /// Its gradient.
    pub g: f64,
    /// The step, from 1.
    pub t: f64,
}

/// A rule that treats every coordinate alike and by itself: `next` gives a coordinate's new parameter.
pub fn each<S: Clone + 'static>(
    state: S,
    mut next: impl FnMut(&mut S, Coordinate) -> f64 + 'static,
) -> Boxed {
    let mut states = vec![state; start().len()];
    let initial = start();
    let mut t = 0.0;
    Box::new(move |at: &At| {
        t += 1.0;
        let one = |(k, state): (usize, &mut S)| {
            next(state, Coordinate { w: at.w[k], w0: initial[k], g: at.g[k], t })
        };
        states.iter_mut().enumerate().map(one).collect()
    })
}

/// What a number that is not per coordinate ranges over.
#[derive(Clone, Copy, PartialEq)]
pub enum Over {
    /// All parameters.
    Model,
    /// Each tensor.
    Tensor,
}

/// The coordinates of one tensor, or of all, in one step.
pub struct Part<'a> {
    /// The parameters.
    pub w: &'a [f64],
    /// Their values before the first step.
    pub w0: &'a [f64],
    /// Their gradient.
    pub g: &'a [f64],
    /// The loss.
    pub loss: f64,
    /// The step, from 1.
    pub t: f64,
}

/// A rule that treats every part alike and by itself: `state` starts from the initial parameters of a
/// part, `next` gives its new parameters.
pub fn each_part<S: 'static>(
    over: Over,
    state: impl Fn(&[f64]) -> S,
    mut next: impl FnMut(&mut S, Part) -> Vec<f64> + 'static,
) -> Boxed {
    let initial = start();
    let parts = match over {
        Over::Model => std::iter::once(0..initial.len()).collect(),
        Over::Tensor => PARTS.to_vec(),
    };
    let mut states: Vec<S> = parts.iter().map(|part| state(&initial[part.clone()])).collect();
    let mut t = 0.0;
    Box::new(move |at: &At| {
        t += 1.0;
        let one = |(part, state): (&Range<usize>, &mut S)| {
            let [w, w0, g] = [at.w, &initial, at.g].map(|all| &all[part.clone()]);
            next(state, Part { w, w0, g, loss: at.loss, t })
        };
        parts.iter().zip(&mut states).flat_map(one).collect()
    })
}

/// A vector of zeros as long as another.
pub fn zeros(like: &[f64]) -> Vec<f64> {
    vec![0.0; like.len()]
}

/// Sum of products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Euclidean length.
pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Element by element.
pub fn zip(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
}

/// `a - b`
pub fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    zip(a, b, |a, b| a - b)
}

/// `a + k * b`
pub fn plus(a: &[f64], k: f64, b: &[f64]) -> Vec<f64> {
    zip(a, b, |a, b| a + k * b)
}

/// `k * a`
pub fn times(k: f64, a: &[f64]) -> Vec<f64> {
    a.iter().map(|a| k * a).collect()
}

/// -1, 0 or 1.
pub fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// What a rule does on the problem.
#[derive(Default)]
pub struct Trace {
    /// The loss before each step.
    pub losses: Vec<f64>,
    /// The parameters after each step.
    pub trained: Vec<Vec<f64>>,
    /// The parameters to evaluate with after each step.
    pub evaluated: Vec<Vec<f64>>,
}

/// Some steps of a rule.
pub fn trace(mut rule: Boxed, steps: usize) -> Trace {
    let mut w = start();
    let mut trace = Trace::default();
    for _ in 0..steps {
        let (loss, g) = loss_and_gradient(&w);
        w = rule.step(&At { w: &w, g: &g, loss });
        trace.losses.push(loss);
        trace.evaluated.push(rule.evaluate(&w));
        trace.trained.push(w.clone());
    }
    trace
}
