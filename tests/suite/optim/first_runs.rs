//! What a first run of each stage does with the hyperparameters it has by default.

use egret::pipeline::{Options, Program};
use egret::run::{Settings, Silent};

/// Stages that set a learning rate and have one by default.
const STAGES: [&str; 28] = [
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adam_hd",
    "adamax",
    "ademamix",
    "adopt",
    "amsgrad",
    "cocob",
    "d_adapt",
    "dog",
    "idbd",
    "lamb",
    "lion",
    "madgrad",
    "momo",
    "nadam",
    "novograd",
    "polyak",
    "prodigy",
    "radam",
    "rmsprop",
    "signum",
    "sm3",
    "sophia",
    "yogi",
];

/// The mean loss of the epochs that a classifier of digits learns for.
fn losses(optimizer: &str) -> Vec<f64> {
    let script = format!(
        "data digits = csv(\"digits.csv\", target = \"digit\")
model mlp(x: real[B, 64]) -> real[B, 10] {{
  layer hidden = dense[64, 32]
  layer out = dense[32, 10]
  x / 16 |> hidden |> relu |> out
}}
let fit = train mlp on digits {{
  loss = mean(cross_entropy(mlp(x), y))
  optimizer = {optimizer}
  batch = 32
  epochs = 10
  seed = 1
}}
"
    );
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data").into();
    let options = Options { folder, ..Options::default() };
    let program = Program::compile("first.eg", &script, options)
        .unwrap_or_else(|report| panic!("{}", report.render(false)));
    let outcome = program
        .run(&Settings::default(), &mut Silent)
        .unwrap_or_else(|found| panic!("{optimizer}: {found:?}"));
    outcome.fit("fit").expect("a fit").series("loss").iter().map(|(_, loss)| *loss).collect()
}

#[test]
fn a_first_run_learns() {
    let stuck: Vec<_> = STAGES
        .iter()
        .filter_map(|stage| {
            let last = losses(stage).last().copied()?;
            (last > 1.2).then(|| format!("{stage}: {last:.3}"))
        })
        .collect();
    assert!(stuck.is_empty(), "{stuck:?}");
}
