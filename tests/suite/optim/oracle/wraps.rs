//! Rules around other rules, and parameters to evaluate with.

use super::{At, Boxed, Rule, dot, minus, norm, plus, zip};
use crate::optim::problem::start;

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

/// What Mechanic knows of each of its bettors.
#[derive(Clone, Copy)]
struct Bettor {
    beta: f64,
    reward: f64,
    top: f64,
    squares: f64,
    s: f64,
}

/// Cutkosky et al. 2023, algorithm 1, with decay and the bound on `h` of the authors' code.
struct Mechanic {
    s0: f64,
    decay: f64,
    eps: f64,
    bettors: Vec<Bettor>,
    base: Boxed,
}

/// Six bettors around a rule; each starts from `first`.
pub fn mechanic(s0: f64, first: f64, decay: f64, eps: f64, base: Boxed) -> Boxed {
    let bettor = |i| Bettor { beta: 1.0 - 0.1_f64.powi(i), reward: 0.0, top: 0.0, squares: 0.0, s: first };
    Box::new(Mechanic { s0, decay, eps, bettors: (1..=6).map(bettor).collect(), base })
}

impl Rule for Mechanic {
    fn step(&mut self, at: &At) -> Vec<f64> {
        let initial = start();
        let step = minus(at.w, &self.base.step(at));
        let total: f64 = self.bettors.iter().map(|bettor| bettor.s).sum();
        let pull = self.decay * total * norm(at.g) / (norm(at.w) + self.eps);
        let way = zip(&initial, at.w, |w0, w| (w0 - w) / (total + self.eps));
        let h = dot(&plus(at.g, pull, at.w), &way);
        let count = self.bettors.len() as f64;
        for one in &mut self.bettors {
            one.reward = one.beta * one.reward + one.s * h.clamp(-one.top, one.top);
            one.top = (one.beta * one.top).max(h.abs() + self.eps);
            one.squares = one.beta * one.beta * one.squares + h * h;
            let wealth = self.s0 / count * one.top + one.reward.max(0.0);
            one.s = wealth / (one.squares.sqrt() + self.eps);
        }
        let total: f64 = self.bettors.iter().map(|bettor| bettor.s).sum();
        plus(&initial, -total, &plus(&way, 1.0, &step))
    }
}
