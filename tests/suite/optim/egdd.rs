//! The stages of Amid et al. 2022 under gradients that are told: the loss is linear in the parameters,
//! `sum(w * x)`, and each step has its own row of coefficients.

use std::fmt::Write;
use std::path::Path;

use egret::algebra::types::DType;
use egret::run::Outcome;

use crate::optim::problem::{folder, run};

/// The trace of lingvo's `egdd_test` (steps 1 and 2 there, to 1e-4; step 3 by its formulas in NumPy).
/// Parameters, momentum, gains and scale after a step, to the digits given.
struct Golden {
    signs: bool,
    directions: bool,
    step: usize,
    w: [f64; 2],
    u: [f64; 2],
    p: [f64; 2],
    s: Option<f64>,
}

const fn golden(
    signs: bool,
    directions: bool,
    step: usize,
    [w, u, p]: [[f64; 2]; 3],
    s: Option<f64>,
) -> Golden {
    Golden { signs, directions, step, w, u, p, s }
}

const FIRST: [[f64; 2]; 3] = [[0.49, 1.05], [0.01, -0.05], [1.0, 1.0]];

const TRACE: &[Golden] = &[
    golden(false, true, 1, FIRST, Some(1.0)),
    golden(true, true, 1, FIRST, Some(1.0)),
    golden(false, false, 1, FIRST, Some(1.0)),
    golden(true, false, 1, FIRST, Some(1.0)),
    golden(
        false,
        true,
        2,
        [[0.5809643, 1.2462680], [-0.0909000, -0.1961292], [0.9990005, 1.0075282]],
        Some(1.0007074),
    ),
    golden(
        true,
        true,
        2,
        [[0.5800686, 1.2466465], [-0.0900050, -0.1965075], [0.9900498, 1.0100502]],
        Some(1.0007074),
    ),
    golden(
        false,
        true,
        3,
        [[0.6328776, 1.4026676], [-0.0519208, -0.1564225], [0.9963068, 1.0046928]],
        Some(0.9998540),
    ),
    golden(
        true,
        true,
        3,
        [[0.6316598, 1.4034808], [-0.0515985, -0.1568568], [0.9801987, 1.0000000]],
        Some(0.9998563),
    ),
    golden(
        true,
        false,
        3,
        [[0.6316093, 1.4033769], [-0.0515985, -0.1568568], [0.9801987, 1.0000000]],
        Some(0.9999987),
    ),
];

fn word(yes: bool, [a, b]: [&'static str; 2]) -> &'static str {
    if yes { a } else { b }
}

#[test]
fn egdd_matches_the_trace_of_its_authors() {
    for golden in TRACE {
        let signal = word(golden.signs, ["sign", "product"]);
        let scale = word(golden.directions, ["cosine", "dot"]);
        let script = format!(
            "
data d = csv(\"prescribed.csv\", target = \"y\")
model linear(x: real[B, 2]) -> real {{
  param w: real[2] = 0.5 + iota[2] / 2
  sum(x @ w)
}}
let fit = train linear on d {{
  loss = linear(x)
  optimizer = eg_gain(beta = 0.1, signal = {signal}) |> sgd(lr = 0.1) |> momentum(mu = 0.9)
    |> eg_scale(signal = {scale}, over = tensor)
  batch = 1
  shuffle = false
  steps = {}
}}
",
            golden.step
        );
        let outcome = run(&script, &folder(), DType::F64);
        let fit = outcome.fit("fit").expect("the script has a fit");
        let state = |name: &str| fit.state(name).expect("a state");
        let ours = [fit.param("w").expect("a parameter"), state("momentum.v"), state("eg_gain.p")];
        for (ours, [a, b]) in ours.iter().zip([golden.w, golden.u, golden.p]) {
            let near = (ours[0] - a).abs() < 6e-8 && (ours[1] - b).abs() < 6e-8;
            assert!(near, "{signal} {scale} step {}: {ours:?}, not {a} {b}", golden.step);
        }
        if let Some(s) = golden.s {
            let ours = state("eg_scale.s")[0];
            assert!((ours - s).abs() < 6e-8, "{signal} {scale} step {}: {ours}, not {s}", golden.step);
        }
    }
}

/// Gradients of `WIDTH` parameters in each of some steps, from a hash.
const WIDTH: usize = 24;

fn noise(steps: usize) -> Vec<[f64; WIDTH]> {
    let number = |k: usize| {
        let mixed = (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..steps).map(|t| std::array::from_fn(|k| number(t * WIDTH + k))).collect()
}

/// Trains under told gradients, which start over after the last; one fit for each number of steps.
fn told(name: &str, gradients: &[[f64; WIDTH]], optimizer: &str, steps: &[usize], real: DType) -> Outcome {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let columns: Vec<String> = (0..WIDTH).map(|k| format!("g{k}")).collect();
    let mut table = format!("{},y\n", columns.join(","));
    for row in gradients {
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        let _ = writeln!(table, "{},0", cells.join(","));
    }
    std::fs::write(folder.join(format!("{name}.csv")), table).expect("the folder is writable");
    let mut script = format!(
        "
data d = csv(\"{name}.csv\", target = \"y\")
model linear(x: real[B, {WIDTH}]) -> real {{
  param w: real[{WIDTH}] = 1
  sum(x @ w)
}}
"
    );
    for steps in steps {
        let _ = write!(
            script,
            "
let fit{steps} = train linear on d {{
  loss = linear(x)
  optimizer = {optimizer}
  batch = 1
  shuffle = false
  steps = {steps}
}}
"
        );
    }
    run(&script, folder, real)
}

/// A state after a number of steps.
fn state(outcome: &Outcome, steps: usize, name: &str) -> Vec<f64> {
    outcome.fit(&format!("fit{steps}")).and_then(|fit| fit.state(name)).expect("a state")
}

#[test]
fn gains_and_scale_move_by_at_most_their_rates_and_within_their_bounds() {
    let steps: Vec<usize> = (1..=40).collect();
    for [gain, scale] in [["sign", "cosine"], ["product", "dot"]] {
        let optimizer = format!(
            "eg_gain(rate = 0.1, min = 0.7, max = 1.5, signal = {gain}) |> sgd(lr = 0.1)
               |> eg_scale(rate = 0.05, min = 0.9, max = 1.1, signal = {scale})"
        );
        let outcome = told(&format!("bounds_{gain}"), &noise(40), &optimizer, &steps, DType::F64);
        let mut before = [vec![1.0; WIDTH], vec![1.0]];
        let mut extremes = [1.0_f64, 1.0];
        for step in steps.iter().copied() {
            let now = [state(&outcome, step, "eg_gain.p"), state(&outcome, step, "eg_scale.s")];
            if step == 1 {
                assert_eq!(now, before, "nothing moves in the first step");
            }
            // Gradients are at most one half: so are products with their means.
            let rates = if gain == "sign" { [0.1, 0.05] } else { [0.025, 0.05 * 0.3] };
            let bounds = [(0.7, 1.5), (0.9, 1.1)];
            for (((now, before), rate), (min, max)) in now.iter().zip(&before).zip(rates).zip(bounds) {
                for (now, before) in now.iter().zip(before) {
                    assert!(
                        (now / before).ln().abs() <= rate * (1.0 + 1e-12),
                        "{before} to {now} in step {step}"
                    );
                    assert!((min..=max).contains(now), "{now} in step {step}");
                }
            }
            let [gains, _] = &now;
            let top = gains.iter().fold(extremes[1], |top, p| top.max(*p));
            extremes = [gains.iter().fold(extremes[0], |low, p| low.min(*p)), top];
            before = now;
        }
        if gain == "sign" {
            assert_eq!(extremes, [0.7, 1.5], "both bounds are reached");
        }
    }
}

#[test]
fn constant_signs_saturate() {
    let gradients = [std::array::from_fn(|k| if k % 2 == 0 { 0.5 } else { -2.0 })];
    // ln 100 / 0.01 = 460.5 moves for the gains and ln 10 / 0.001 = 2302.6 for the scale; none in step 1.
    let steps = [461, 462, 2303, 2304];
    let outcome = told("constant", &gradients, "eg_gain |> sgd(lr = 0.1) |> eg_scale", &steps, DType::F64);
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-10;
    assert!(state(&outcome, 461, "eg_gain.p").iter().all(|p| near(*p, 4.6_f64.exp())));
    assert_eq!(state(&outcome, 462, "eg_gain.p"), [100.0; WIDTH]);
    assert!(near(state(&outcome, 2303, "eg_scale.s")[0], 2.302_f64.exp()));
    assert_eq!(state(&outcome, 2304, "eg_scale.s"), [10.0]);
}

#[test]
fn coordinates_without_gradient_keep_their_gain() {
    let gradients = noise(30).into_iter().map(|mut row| {
        row[3] = 0.0;
        row
    });
    let gradients: Vec<_> = gradients.collect();
    for signal in ["sign", "product"] {
        let optimizer = format!("eg_gain(rate = 0.1, signal = {signal}) |> sgd(lr = 0.1)");
        let outcome = told(&format!("dead_{signal}"), &gradients, &optimizer, &[30], DType::F64);
        let gains = state(&outcome, 30, "eg_gain.p");
        assert!(gains.iter().enumerate().all(|(k, p)| (*p == 1.0) == (k == 3)), "{gains:?}");
    }
}

/// The bound that `eg_gain` documents for gains kept as products in single precision.
#[test]
fn gains_in_single_precision_drift_little() {
    const STEPS: usize = 100_000;
    // With `beta = 0` the average is the gradient before, whose sign is exact in any precision. The second
    // half of the gradients takes the moves of the first back, so that gains stay within their bounds.
    let mut gradients = noise(1000);
    for t in 501..1000 {
        gradients[t] = std::array::from_fn(|k| {
            let back = -gradients[t - 500][k] * gradients[t - 501][k] * gradients[t - 1][k];
            0.5_f64.copysign(back)
        });
    }
    let optimizer = "eg_gain(beta = 0) |> sgd(lr = 0)";
    let outcome = told("drift", &gradients, optimizer, &[STEPS], DType::F32);
    let gains = state(&outcome, STEPS, "eg_gain.p");
    let drift = |k: usize| {
        let sign = |t: usize| gradients[t % 1000][k].signum();
        let moves: f64 = (1..STEPS).map(|t| sign(t) * sign(t - 1)).sum();
        (gains[k] / (0.01 * moves).exp() - 1.0).abs()
    };
    let worst = (0..WIDTH).map(drift).fold(0.0, f64::max);
    assert!(worst <= 8e-4, "{worst:e}");
    assert!(worst > 1e-4, "single precision shows: {worst:e}");
}
