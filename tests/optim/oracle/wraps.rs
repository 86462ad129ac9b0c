//! Rules around other rules, and parameters to evaluate with.

use super::{At, Boxed, Rule, minus, plus, zip};
use crate::problem::start;

/// Evaluates with a running average of the parameters.
struct WeightEma {
    decay: f64,
    average: Vec<f64>,
    base: Boxed,
}

/// Polyak and Juditsky 1992, with exponential weights.
pub fn weight_ema(decay: f64, base: Boxed) -> Boxed {
    Box::new(WeightEma { decay, average: start(), base })
}

impl Rule for WeightEma {
    fn step(&mut self, at: &At) -> Vec<f64> {
        let w = self.base.step(at);
        self.average = zip(&self.average, &w, |mean, w| self.decay * mean + (1.0 - self.decay) * w);
        w
    }

    fn evaluate(&self, _: &[f64]) -> Vec<f64> {
        self.average.clone()
    }
}

/// Slow and fast parameters.
struct Lookahead {
    k: usize,
    alpha: f64,
    t: usize,
    slow: Vec<f64>,
    base: Boxed,
}

/// Zhang et al. 2019, algorithm 1.
pub fn lookahead(k: usize, alpha: f64, base: Boxed) -> Boxed {
    Box::new(Lookahead { k, alpha, t: 0, slow: start(), base })
}

impl Rule for Lookahead {
    fn step(&mut self, at: &At) -> Vec<f64> {
        self.t += 1;
        let fast = self.base.step(at);
        if !self.t.is_multiple_of(self.k) {
            return fast;
        }
        self.slow = plus(&self.slow, self.alpha, &minus(&fast, &self.slow));
        self.slow.clone()
    }

    fn evaluate(&self, _: &[f64]) -> Vec<f64> {
        self.slow.clone()
    }
}

/// The sequences `x` and `z`; gradients are taken at `y`.
struct ScheduleFree {
    beta: f64,
    weight: f64,
    total: f64,
    x: Vec<f64>,
    z: Vec<f64>,
    base: Boxed,
}

/// Defazio et al. 2024, equations 3 to 5.
pub fn schedule_free(beta: f64, weight: f64, base: Boxed) -> Boxed {
    Box::new(ScheduleFree { beta, weight, total: 0.0, x: start(), z: start(), base })
}

impl Rule for ScheduleFree {
    fn step(&mut self, at: &At) -> Vec<f64> {
        let step = minus(at.w, &self.base.step(at));
        self.z = minus(&self.z, &step);
        self.total += self.weight;
        let c = self.weight / self.total;
        self.x = zip(&self.x, &self.z, |x, z| (1.0 - c) * x + c * z);
        zip(&self.x, &self.z, |x, z| (1.0 - self.beta) * z + self.beta * x)
    }

    fn evaluate(&self, _: &[f64]) -> Vec<f64> {
        self.x.clone()
    }
}
