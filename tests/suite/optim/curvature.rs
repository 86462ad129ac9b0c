//! Sophia, whose estimate of the Hessian is random, on a loss whose Hessian is diagonal: there the estimate
//! is exact whatever its random signs are, and an oracle needs no random numbers.

use egret::algebra::types::DType;

use crate::optim::problem::{folder, rows, run};

/// The stages that have their oracle here.
pub const STAGES: [&str; 1] = ["sophia"];

/// `mean over rows of sum_i (x_i w_i - y)^4`: its gradient and the diagonal of its Hessian.
fn derivatives(w: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let rows = rows();
    let count = rows.len() as f64;
    let (mut gradient, mut curvature) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    for [x0, x1, x2, y] in rows {
        for (i, x) in [x0, x1, x2].into_iter().enumerate() {
            let error = x * w[i] - y;
            gradient[i] += 4.0 * error.powi(3) * x / count;
            curvature[i] += 12.0 * error.powi(2) * x * x / count;
        }
    }
    (gradient, curvature)
}

/// The parameters after each step of Liu et al. 2023, algorithm 3, with the exact diagonal.
fn sophia(lr: f64, [b1, b2, gamma, eps]: [f64; 4], k: usize, steps: usize) -> Vec<Vec<f64>> {
    let mut w = vec![0.5; 3];
    let (mut m, mut h) = (vec![0.0; 3], vec![0.0; 3]);
    let mut trace = Vec::new();
    for t in 1..=steps {
        let (gradient, curvature) = derivatives(&w);
        for i in 0..3 {
            m[i] = b1 * m[i] + (1.0 - b1) * gradient[i];
            if (t - 1) % k == 0 {
                h[i] = b2 * h[i] + (1.0 - b2) * curvature[i];
            }
            w[i] -= lr * (m[i] / f64::max(gamma * h[i], eps)).clamp(-1.0, 1.0);
        }
        trace.push(w.clone());
    }
    trace
}

fn ours(pipeline: &str, steps: usize) -> Vec<f64> {
    let script = format!(
        "
data d = csv(\"rows.csv\", target = \"y\")
model scaled(x: real[B, 3]) -> real[B, 3] {{
  param w: real[3] = 0.5
  x * w
}}
let fit = train scaled on d {{
  loss = mean(sum((scaled(x) - expand(y, axis = 1))^4, axis = 1))
  optimizer = {pipeline}
  batch = full
  steps = {steps}
}}
"
    );
    run(&script, &folder(), DType::F64).fit("fit").and_then(|fit| fit.param("w")).expect("the parameters")
}

#[test]
fn sophia_follows_its_rule_where_the_hessian_is_diagonal() {
    let cases = [
        ("sophia", sophia(1e-3, [0.96, 0.99, 0.01, 1e-12], 10, 100)),
        (
            "sophia(lr = 0.02, b1 = 0.8, b2 = 0.9, gamma = 2, eps = 0.1, k = 3)",
            sophia(0.02, [0.8, 0.9, 2.0, 0.1], 3, 100),
        ),
    ];
    for (pipeline, oracle) in cases {
        for steps in [1, 2, 3, 4, 5, 100] {
            let (ours, oracle) = (ours(pipeline, steps), &oracle[steps - 1]);
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-10 * b.abs();
            assert!(ours.iter().zip(oracle).all(close), "{pipeline}, step {steps}: {ours:?}, not {oracle:?}");
        }
    }
}
