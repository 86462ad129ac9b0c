//! States of models: how often they are assigned, and that they are saved.

use std::fs;
use std::path::Path;

use egret::pipeline::{Options, Program};
use egret::run::{Settings, Silent};
use safetensors::SafeTensors;

fn script() -> String {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run");
    fs::read_to_string(cases.join("model_states.eg")).expect("the case is readable")
}

fn run(source: &str) -> egret::run::Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run");
    let program = Program::compile("model_states.eg", source, Options { folder, ..Options::default() });
    let program = program.unwrap_or_else(|report| panic!("{}", report.render(false)));
    program.run(&Settings::default(), &mut Silent).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

#[test]
fn every_call_of_a_batch_assigns_once() {
    let outcome = run(&script());
    let calls = |fit: &str, name: &str| outcome.fit(fit).and_then(|fit| fit.param(name)).expect("a state");
    // Five steps of one batch; the metric, which calls the model as well, assigns nothing.
    assert_eq!(calls("plain", "shared.calls"), [10.0]);
    assert_eq!(calls("plain", "each[0].calls"), [5.0]);
    assert_eq!(calls("plain", "each[1].calls"), [5.0]);
    // Five steps of two batches; validation assigns nothing.
    assert_eq!(calls("gathered", "shared.calls"), [20.0]);
    assert_eq!(calls("gathered", "each[1].calls"), [10.0]);
    // Assigned before it is read: two more in each of three steps.
    assert_eq!(calls("read", "calls"), [6.0]);
}

#[test]
fn states_are_saved_by_their_paths() {
    let path = std::env::temp_dir().join(format!("egret-states-{}.safetensors", std::process::id()));
    run(&format!("{}\nsave plain to \"{}\"\n", script(), path.display()));
    let bytes = fs::read(&path).expect("it is saved");
    fs::remove_file(&path).expect("it is there");
    let file = SafeTensors::deserialize(&bytes).expect("it is a safetensors file");
    let shape = |name: &str| file.tensor(name).map(|tensor| tensor.shape().to_vec()).ok();
    assert_eq!(shape("norm.mean"), Some(vec![2]));
    assert_eq!(shape("norm.variance"), Some(vec![2]));
    assert_eq!(shape("each[1].seen"), Some(vec![2]));
    assert_eq!(shape("shared.calls"), Some(vec![]));
    assert_eq!(shape("norm.mean/sgd.m"), None);
}
