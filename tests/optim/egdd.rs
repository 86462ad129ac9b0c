//! The stages of Amid et al. 2022 under gradients that are told: the loss is linear in the parameters,
//! `sum(w * x)`, and each step has its own row of coefficients.

use egret::algebra::types::DType;

use crate::problem::run;

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
        let outcome = run(&script, DType::F64);
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
