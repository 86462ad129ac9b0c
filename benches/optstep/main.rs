//! Optimizer steps alone, on parameters and gradients of another program: nanoseconds an element.
//!
//! `cargo bench --bench optstep -- [--threads N] [--quick] [--only adam.20M] [--by egret|hand]` prints lines
//! of JSON for each case: one tensor of 10 000, of a million, of 20 million numbers, and 200 tensors of
//! 1 000; for `adam`, for `adam |> eg_gain |> eg_scale` and for AdamW; by Egret and by hand ([`hand`]).
//! Inputs and hyperparameters are those of `benches/peers/common.py`, and so are the sums that `check`
//! prints after five steps.

mod hand;

use std::time::{Duration, Instant};

use egret::optimizer::{Optimizer, Options};
use hand::Hand;

/// Pipelines by their names, with the bytes of memory that an element's step moves at least.
const PIPELINES: [(&str, &str, usize); 3] = [
    ("adam", "adam(lr = 1e-3)", 28),
    ("adamw", "adam(lr = 1e-3) |> weight_decay(rate = 1e-5)", 28),
    ("adam_eg", "adam(lr = 1e-3) |> eg_gain |> eg_scale", 56),
];

/// Cases: name, tensors, elements of each.
const CASES: [(&str, usize, usize); 4] =
    [("10k", 1, 10_000), ("1M", 1, 1_000_000), ("20M", 1, 20_000_000), ("200x1000", 200, 1000)];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let after = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let threads = after("--threads").and_then(|n| n.parse().ok()).unwrap_or(1);
    let only = after("--only");
    let quick = args.iter().any(|arg| arg == "--quick");
    let by = after("--by");
    let chosen = |who: &str| by.is_none_or(|by| by == who);
    for (name, pipeline, bytes) in PIPELINES {
        check(name, pipeline);
        for (case, tensors, n) in CASES {
            if only.is_none_or(|only| *only == format!("{name}.{case}")) {
                let clock = Clock { name, case, len: tensors * n, bytes, threads, quick };
                if chosen("hand") {
                    clock.by_hand();
                }
                if chosen("egret") {
                    clock.by_egret(pipeline, tensors, n);
                }
            }
        }
    }
}

/// The initial parameters.
fn weights(n: usize) -> Vec<f32> {
    (0..n).map(|k| ((k as u64 * 7919) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// The gradient of step `t`.
fn gradient(n: usize, t: u64) -> Vec<f32> {
    (1..=n as u64).map(|k| ((k * (t * 31 + 17)) % 1013) as f32 / 1013.0 - 0.5).collect()
}

/// Prints sums over the parameters after five steps.
fn check(name: &'static str, pipeline: &str) {
    let n = 10_007;
    let mut optimizer = compile(pipeline, 1, n);
    let mut w = weights(n);
    for t in 1..=5 {
        optimizer.step(&mut w, &gradient(n, t), None).expect("a step");
    }
    print_sums("egret", name, &w);
    let mut hand = Hand::new(name, weights(n), Vec::new());
    for t in 1..=5 {
        hand.set_gradient(gradient(n, t));
        hand.steps(1, 1);
    }
    print_sums("hand", name, hand.weights());
}

fn print_sums(by: &str, name: &str, w: &[f32]) {
    let sum: f64 = w.iter().map(|w| f64::from(*w)).sum();
    let size: f64 = w.iter().map(|w| f64::from(w.abs())).sum();
    println!("{{\"check\": \"{name}\", \"by\": \"{by}\", \"sum\": {sum:.6}, \"sum_abs\": {size:.5}}}");
}

fn compile(pipeline: &str, tensors: usize, n: usize) -> Optimizer {
    let names: Vec<String> = (0..tensors).map(|k| format!("t{k}.w")).collect();
    let sizes = [n];
    let shapes: Vec<(&str, &[usize])> = names.iter().map(|name| (name.as_str(), &sizes[..])).collect();
    Optimizer::compile(pipeline, &shapes, Options::default()).unwrap_or_else(|report| {
        panic!("{}", report.render(false));
    })
}

/// A case to be timed.
struct Clock {
    name: &'static str,
    case: &'static str,
    /// Elements of all tensors.
    len: usize,
    /// Bytes that an element's step moves at least.
    bytes: usize,
    threads: usize,
    quick: bool,
}

impl Clock {
    fn by_egret(&self, pipeline: &str, tensors: usize, n: usize) {
        let (mut w, g) = (weights(self.len), gradient(self.len, 1));
        let started = Instant::now();
        let mut optimizer = compile(pipeline, tensors, n);
        let compiled = started.elapsed();
        optimizer.set_threads(self.threads);
        optimizer.step(&mut w, &g, None).expect("a step");
        let first = started.elapsed();
        self.time("egret", (compiled, first), &mut |count| {
            let start = Instant::now();
            for _ in 0..count {
                optimizer.step(&mut w, &g, None).expect("a step");
            }
            start.elapsed().as_secs_f64()
        });
    }

    fn by_hand(&self) {
        let (w, g) = (weights(self.len), gradient(self.len, 1));
        let started = Instant::now();
        let mut hand = Hand::new(self.name, w, g);
        hand.steps(1, self.threads);
        let first = started.elapsed();
        self.time("hand", (Duration::ZERO, first), &mut |count| hand.steps(count, self.threads));
    }

    /// Prints nanoseconds an element, the median and the best of some repeats, and how long it took until
    /// it was compiled and until the end of the first step.
    fn time(&self, by: &str, (compiled, first): (Duration, Duration), steps: &mut dyn FnMut(usize) -> f64) {
        let (repeats, span) = if self.quick { (7, 0.08) } else { (15, 0.2) };
        steps(2);
        let count = ((span / (steps(2) / 2.0)) as usize).clamp(1, 100_000);
        steps(count.div_ceil(2));
        let mut seconds: Vec<f64> = (0..repeats).map(|_| steps(count) / count as f64).collect();
        seconds.sort_by(f64::total_cmp);
        let each = |seconds: f64| seconds * 1e9 / self.len as f64;
        let ms = |time: Duration| 1e3 * time.as_secs_f64();
        println!(
            "{{\"op\": \"{}\", \"case\": \"{}\", \"by\": \"{by}\", \"threads\": {}, \"ns\": {:.4}, \"ns_best\": {:.4}, \
             \"gbs\": {:.2}, \"compile_ms\": {:.1}, \"first_ms\": {:.1}}}",
            self.name,
            self.case,
            self.threads,
            each(seconds[repeats / 2]),
            each(seconds[0]),
            self.bytes as f64 / each(seconds[repeats / 2]),
            ms(compiled),
            ms(first)
        );
    }
}
