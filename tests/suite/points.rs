//! Stages that evaluate with other parameters than they train, and those that wrap a pipeline, against
//! the papers' recurrences in plain Rust.

use crate::small::ROWS;
use egret::run::{Fit, Outcome};

const STEPS: usize = 12;

type Point = [f64; 2];

fn each(f: impl Fn(usize) -> f64) -> Point {
    [f(0), f(1)]
}

fn loss(w: Point) -> f64 {
    let square = |(x, y): &(Point, f64)| (x[0] * w[0] + x[1] * w[1] - y).powi(2);
    ROWS.iter().map(square).sum::<f64>() / 8.0
}

fn gradient(w: Point) -> Point {
    each(|k| ROWS.iter().map(|(x, y)| 2.0 * (x[0] * w[0] + x[1] * w[1] - y) * x[k]).sum::<f64>() / 8.0)
}

/// Trains a line from [0.3, -0.2] by an optimizer, with stages of the script if there are any.
fn run(stages: &str, optimizer: &str) -> Outcome {
    let source = format!(
        "{stages}
        data d = csv(\"small.csv\", target = \"width\")
        model line(x: real[B, 2]) -> real[B] {{
          param w: real[2] = 0.3 - 0.5 * iota[2]
          x @ w
        }}
        let fit = train line on d {{
          loss = mse(line(x), y)
          optimizer = {optimizer}
          batch = full
          steps = {STEPS}
          validate = d
        }}
        let after = eval fit on d {{ metric loss = mse(line(x), y) }}"
    );
    crate::small::run("points.eg", &source)
}

fn fit(outcome: &Outcome) -> &Fit {
    outcome.fit("fit").expect("the script has a fit")
}

fn close(what: &str, ours: &[f64], oracle: &[f64]) {
    assert_eq!(ours.len(), oracle.len(), "{what}");
    for (ours, oracle) in ours.iter().zip(oracle) {
        let error = (ours - oracle).abs() / oracle.abs().max(1e-3);
        assert!(error <= 1e-11, "{what}: {ours} is not {oracle}");
    }
}

/// The points where gradients were taken, and those to evaluate with, one after each step.
struct Trace {
    trained: Vec<Point>,
    evaluated: Vec<Point>,
}

const START: Point = [0.3, -0.2];

/// Compares losses before each step, validation losses after it, and the last parameters.
fn agree(outcome: &Outcome, trace: &Trace) {
    let values = |key: &str| fit(outcome).series(key).iter().map(|point| point.1).collect::<Vec<_>>();
    let before = [START].into_iter().chain(trace.trained.iter().copied());
    close("loss", &values("batch_loss"), &before.take(STEPS).map(loss).collect::<Vec<_>>());
    close("val_loss", &values("val_loss"), &trace.evaluated.iter().map(|w| loss(*w)).collect::<Vec<_>>());
    let last = |points: &[Point]| *points.last().expect("a step");
    close("w", &fit(outcome).param("w").expect("a parameter"), &last(&trace.evaluated));
    close("w/train", &fit(outcome).param("w/train").expect("trained elsewhere"), &last(&trace.trained));
    let after = outcome.number("after", "loss").expect("evaluated");
    close("eval", &[after], &[loss(last(&trace.evaluated))]);
}

/// Adam without momentum: its update from a gradient at step `t`, and its second moments.
fn adam(lr: f64, g: Point, v: &mut Point, t: usize) -> Point {
    *v = each(|k| 0.999 * v[k] + 0.001 * g[k] * g[k]);
    each(|k| lr * g[k] / ((v[k] / (1.0 - 0.999f64.powi(t as i32))).sqrt() + 1e-8))
}

#[test]
fn weight_ema_averages_what_steps_lead_to() {
    let (mut w, mut ema) = (START, START);
    let mut trace = Trace { trained: Vec::new(), evaluated: Vec::new() };
    for _ in 0..STEPS {
        let g = gradient(w);
        w = each(|k| w[k] - 0.01 * g[k]);
        ema = each(|k| 0.9 * ema[k] + 0.1 * w[k]);
        trace.trained.push(w);
        trace.evaluated.push(ema);
    }
    agree(&run("", "sgd(lr = 0.01) |> weight_ema(decay = 0.9, warm = no)"), &trace);
}

#[test]
fn bias_corrected_average_knows_the_step() {
    let stage = "stage average(decay) {
      state sum = 0
      sum <- decay * sum + (1 - decay) * (w - u)
      eval w = sum / (1 - decay^t)
      u
    }";
    let (mut w, mut sum) = (START, [0.0; 2]);
    let mut trace = Trace { trained: Vec::new(), evaluated: Vec::new() };
    for t in 1..=STEPS {
        let g = gradient(w);
        w = each(|k| w[k] - 0.01 * g[k]);
        sum = each(|k| 0.9 * sum[k] + 0.1 * w[k]);
        trace.trained.push(w);
        trace.evaluated.push(each(|k| sum[k] / (1.0 - 0.9f64.powi(t as i32))));
    }
    agree(&run(stage, "sgd(lr = 0.01) |> average(decay = 0.9)"), &trace);
}

/// Zhang et al. 2019, algorithm 1, with Adam inside.
#[test]
fn lookahead_goes_back_to_the_slow_parameters() {
    let (mut fast, mut slow, mut v) = (START, START, [0.0; 2]);
    let mut trace = Trace { trained: Vec::new(), evaluated: Vec::new() };
    for t in 1..=STEPS {
        let u = adam(0.05, gradient(fast), &mut v, t);
        fast = each(|k| fast[k] - u[k]);
        if t % 5 == 0 {
            slow = each(|k| slow[k] + 0.4 * (fast[k] - slow[k]));
            fast = slow;
        }
        trace.trained.push(fast);
        trace.evaluated.push(slow);
    }
    agree(&run("", "adam(lr = 0.05, b1 = 0) |> lookahead(k = 5, alpha = 0.4)"), &trace);
}

/// Defazio et al. 2024, equations 3 to 5, with z, x and y all kept.
fn schedule_free(weight: impl Fn(usize) -> f64) -> Trace {
    let (mut x, mut z, mut v, mut total) = (START, START, [0.0; 2], 0.0);
    let mut trace = Trace { trained: Vec::new(), evaluated: Vec::new() };
    let mut y = START;
    for t in 1..=STEPS {
        let u = adam(0.05, gradient(y), &mut v, t);
        z = each(|k| z[k] - u[k]);
        total += weight(t);
        let c = weight(t) / total;
        x = each(|k| (1.0 - c) * x[k] + c * z[k]);
        y = each(|k| 0.1 * z[k] + 0.9 * x[k]);
        trace.trained.push(y);
        trace.evaluated.push(x);
    }
    trace
}

#[test]
fn schedule_free_needs_no_schedule() {
    agree(&run("", "adam(lr = 0.05, b1 = 0) |> schedule_free"), &schedule_free(|_| 1.0));
    let weighted = "adam(lr = 0.05, b1 = 0) |> schedule_free(weight = min(1, t / 4)^2)";
    agree(&run("", weighted), &schedule_free(|t| (t as f64 / 4.0).min(1.0).powi(2)));
}

/// A wrapped pipeline reads the parameters that it is given: here weight decay acts at z, not at w.
#[test]
fn wrapped_pipelines_believe_what_they_are_given() {
    let stage = "wrap stage at_z(beta)(inner) {
      state z = w0
      z <- z - inner(z)
      eval w = z
      (1 - beta) * z + beta * w
    }";
    let (mut w, mut z) = (START, START);
    let mut trace = Trace { trained: Vec::new(), evaluated: Vec::new() };
    for _ in 0..STEPS {
        let g = gradient(w);
        z = each(|k| z[k] - 0.01 * g[k] - 0.02 * z[k]);
        w = each(|k| 0.4 * z[k] + 0.6 * w[k]);
        trace.trained.push(w);
        trace.evaluated.push(z);
    }
    agree(&run(stage, "sgd(lr = 0.01) |> weight_decay(rate = 0.02) |> at_z(beta = 0.6)"), &trace);
}

/// A stage after a wrapper gets the update that leads to the wrapper's next parameters, and a wrapper
/// around a wrapper sees the same.
#[test]
fn wrappers_nest_and_go_on() {
    let stage = "wrap stage halfway()(inner) {
      w - 0.5 * inner(w)
    }";
    let outcome = run(stage, "sgd(lr = 0.02) |> halfway |> momentum(mu = 0.5) |> halfway");
    let (mut w, mut m) = (START, [0.0; 2]);
    let mut losses = Vec::new();
    for _ in 0..STEPS {
        losses.push(loss(w));
        let g = gradient(w);
        m = each(|k| 0.5 * m[k] + 0.01 * g[k]);
        w = each(|k| w[k] - 0.5 * m[k]);
    }
    let ours: Vec<f64> = fit(&outcome).series("batch_loss").iter().map(|point| point.1).collect();
    close("loss", &ours, &losses);
    close("w", &fit(&outcome).param("w").expect("a parameter"), &w);
    assert_eq!(fit(&outcome).param("w/train"), None);
}

/// Cutkosky, Defazio and Mehta 2023 as the authors' code has it, one bettor after the other.
#[test]
fn mechanic_bets_on_the_way_so_far() {
    let (mut w, mut second) = (START, [0.0; 2]);
    let mut bettors = [(0.0f64, 0.0f64, 0.0f64, 1e-6 / 6.0); 6];
    let mut points = Vec::new();
    for t in 1..=STEPS {
        let g = gradient(w);
        let u = adam(1.0, g, &mut second, t);
        let sum: f64 = bettors.iter().map(|bettor| bettor.3).sum();
        let length = |p: Point| p[0].hypot(p[1]);
        let pull = 0.01 * sum * length(g) / (length(w) + 1e-8);
        let way = each(|k| (START[k] - w[k]) / (sum + 1e-8));
        let h: f64 = (0..2).map(|k| (g[k] + pull * w[k]) * way[k]).sum();
        for (k, (r, m, v, s)) in bettors.iter_mut().enumerate() {
            let beta = 1.0 - 0.1f64.powi(k as i32 + 1);
            *r = beta * *r + h.clamp(-*m, *m) * *s;
            *m = (beta * *m).max(h.abs() + 1e-8);
            *v = beta * beta * *v + h * h;
            *s = (1e-6 / 6.0 * *m + r.max(0.0)) / (v.sqrt() + 1e-8);
        }
        let sum: f64 = bettors.iter().map(|bettor| bettor.3).sum();
        w = each(|k| START[k] - sum * (way[k] + u[k]));
        points.push(w);
    }
    let outcome = run("", "adam(lr = 1, b1 = 0) |> mechanic");
    let values = |key: &str| fit(&outcome).series(key).iter().map(|point| point.1).collect::<Vec<_>>();
    close("val_loss", &values("val_loss"), &points.iter().map(|w| loss(*w)).collect::<Vec<_>>());
    close("w", &fit(&outcome).param("w").expect("a parameter"), points.last().expect("a step"));
    let all: Vec<f64> = bettors.iter().map(|bettor| bettor.3).collect();
    close("s", &fit(&outcome).state("mechanic.s").expect("a state"), &all);
}
