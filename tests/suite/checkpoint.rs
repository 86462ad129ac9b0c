//! What is computed again for the gradient is not kept: a training step with `checkpoint` needs less memory,
//! and gives the same numbers.

use std::path::PathBuf;

use egret::pipeline::{Options, Program};
use egret::run::{Settings, Silent};

const SCRIPT: &str = "
data d = synthetic(rows = 512, seed = 1) {
  x = random.normal[rows, 16]()
  y = sum(x, axis = 1)
}
model part(x: real[B, 16]) -> real[B, 16] {
  layer a = dense[16, 16]
  layer b = dense[16, 16]
  layer c = dense[16, 16]
  layer d = dense[16, 16]
  x |> a |> tanh |> b |> tanh |> c |> tanh |> d |> tanh
}
model net(x: real[B, 16]) -> real[B] {
  layer parts = part * 4
  sum(APPLIED, axis = 1)
}
let fit = train net on d {
  loss = mse(net(x), y)
  optimizer = sgd(lr = 0.01)
  batch = full
  steps = 3
}
";

fn program(applied: &str) -> Program {
    let options = Options { folder: PathBuf::from("."), ..Options::default() };
    let program = Program::compile("deep.eg", &SCRIPT.replace("APPLIED", applied), options);
    program.unwrap_or_else(|report| panic!("{}", report.render(false)))
}

/// Bytes of the arena of a training step.
fn arena(program: &Program) -> usize {
    let loops = program.loops().expect("it compiles");
    let step = loops.programs.iter().find(|program| program.name == "fit.step").expect("there is a step");
    step.arena_bytes
}

#[test]
fn less_memory_and_the_same_numbers() {
    let kept = program("x |> parts");
    let again = program("for i in 0..4, h = x { checkpoint(parts[i])(h) }");
    let (much, little) = (arena(&kept), arena(&again));
    assert!(little * 10 < much * 7, "{little} bytes with checkpoints, {much} without");
    let parameters = |program: &Program| {
        let outcome = program.run(&Settings::default(), &mut Silent).expect("it trains");
        outcome.fit("fit").expect("there is a fit").parameters()
    };
    assert_eq!(parameters(&kept), parameters(&again));
}
