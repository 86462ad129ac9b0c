//! A least-squares fit small enough to be done by hand: `y ~ (x w + b) v` with three parameter tensors,
//! `w: [3, 2]`, `b: [2]` and `v: [2]`, in this order.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use egret::algebra::types::DType;
use egret::pipeline::{Options, Program, Report};
use egret::run::{Outcome, Settings, Silent};

/// Where each tensor lies among all parameters.
pub const PARTS: [Range<usize>; 3] = [0..6, 6..8, 8..10];
/// The names of the tensors.
pub const NAMES: [&str; 3] = ["w", "b", "v"];

const MODEL: &str = "
model net(x: real[B, 3]) -> real[B] {
  param w: real[3, 2] = (iota[3, 2] - 2) / 5
  param b: real[2] = 0.1 - iota[2] / 4
  param v: real[2] = iota[2] - 0.7
  (x @ w + b) @ v
}
";

/// The folder of the data.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/optim")
}

/// Rows of three inputs and a target.
pub fn rows() -> Vec<[f64; 4]> {
    let text = include_str!("rows.csv");
    let number = |cell: &str| cell.parse().expect("a number");
    let row = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(number).collect();
        cells.try_into().expect("four cells")
    };
    text.lines().skip(1).map(row).collect()
}

/// The initial values of the parameters, as `MODEL` has them.
pub fn start() -> Vec<f64> {
    let w = (0..6).map(|k| (f64::from(k) - 2.0) / 5.0);
    w.chain([0.1, 0.1 - 0.25, -0.7, 1.0 - 0.7]).collect()
}

/// The loss and its gradient by the parameters.
pub fn loss_and_gradient(p: &[f64]) -> (f64, Vec<f64>) {
    let rows = rows();
    let count = rows.len() as f64;
    let mut loss = 0.0;
    let mut gradient = vec![0.0; p.len()];
    for [x0, x1, x2, y] in rows {
        let x = [x0, x1, x2];
        let hidden = |j: usize| x0 * p[j] + x1 * p[2 + j] + x2 * p[4 + j] + p[6 + j];
        let error = hidden(0) * p[8] + hidden(1) * p[9] - y;
        loss += error * error / count;
        let by_output = 2.0 * error / count;
        for j in 0..2 {
            for (i, x) in x.iter().enumerate() {
                gradient[2 * i + j] += by_output * p[8 + j] * x;
            }
            gradient[6 + j] += by_output * p[8 + j];
            gradient[8 + j] += by_output * hidden(j);
        }
    }
    (loss, gradient)
}

/// Trains from the start with a pipeline: one fit for each number of steps, named `fit1` and so on.
pub fn train(pipeline: &str, steps: &[usize], real: DType) -> Outcome {
    let mut script = format!("data d = csv(\"rows.csv\", target = \"y\")\n{MODEL}");
    for steps in steps {
        let _ = write!(
            script,
            "
let fit{steps} = train net on d {{
  loss = mean((net(x) - y)^2)
  optimizer = {pipeline}
  batch = full
  steps = {steps}
}}
"
        );
    }
    run(&script, &folder(), real)
}

/// A script that trains `w` by `loss` for three steps, and `dead: [2, 2]`, which gets no gradient.
pub fn with_dead_parameter(pipeline: &str, loss: &str) -> String {
    format!(
        "
data d = csv(\"rows.csv\", target = \"y\")
model live(x: real[B, 3]) -> real[B] {{
  param w: real[3] = 1
  param dead: real[2, 2] = 0
  x @ w + 0 * sum(dead)
}}
let fit = train live on d {{
  loss = {loss}
  optimizer = {pipeline}
  batch = full
  steps = 3
}}
"
    )
}

/// Runs a script whose data lies in a folder.
pub fn run(script: &str, folder: &Path, real: DType) -> Outcome {
    let fail = |report: Report| -> ! { panic!("{}", report.render(false)) };
    let options = Options { real: Some(real), folder: folder.to_path_buf(), ..Options::default() };
    let program = Program::compile("optim.eg", script, options).unwrap_or_else(|report| fail(report));
    program.run(&Settings::default(), &mut Silent).unwrap_or_else(|report| fail(report))
}
