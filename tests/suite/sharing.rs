//! What is equal is shared: states that are equal in every step have one memory, kernels of equal layers
//! one function, and no number changes.

use std::path::Path;

use egret::algebra::types::DType;
use egret::pipeline::{Options, Program};
use egret::run::{Settings, Silent};

const SCRIPT: &str = r#"
data d = csv("examples/data/iris.csv", target = "species")

model m(x: real[B, 4]) -> real[B, 3] {
  layer hidden = dense[4, 5]
  layer out    = dense[5, 3]
  x |> hidden |> tanh |> out
}

let fit = train m on d {
  loss      = mean(cross_entropy(m(x), y))
  optimizer = adam(lr = 0.01) |> eg_gain |> eg_scale
  batch     = 16
  epochs    = 5
}
"#;

fn program(share_states: bool, real: DType) -> Program {
    let options = Options { real: Some(real), share_states, ..Options::default() };
    Program::compile("sharing.eg", SCRIPT, options).expect("the script is right")
}

/// The bits of the losses, the parameters and the states after a run with these settings.
fn bits(program: &Program, set: &[(&str, f64)]) -> Vec<u64> {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let outcome =
        program.run(&Settings { set, ..Settings::default() }, &mut Silent).expect("training goes well");
    let fit = outcome.fit("fit").expect("there is a fit");
    let mut numbers: Vec<f64> = fit.series("batch_loss").iter().map(|(_, loss)| *loss).collect();
    for name in ["hidden.w", "hidden.b", "out.w", "out.b"] {
        numbers.extend(fit.param(name).expect("there is this parameter"));
    }
    for name in ["adam.m", "adam.v", "eg_gain.p", "eg_gain.avg", "eg_scale.s", "eg_scale.h"] {
        numbers.extend(fit.state(name).expect("there is this state"));
    }
    numbers.into_iter().map(f64::to_bits).collect()
}

#[test]
fn shared_states_keep_every_bit() {
    for real in [DType::F32, DType::F64] {
        let (shared, apart) = (program(true, real), program(false, real));
        assert_ne!(shared.cost().expect("it compiles"), apart.cost().expect("it compiles"));
        for set in [
            &[][..],
            &[("opt.adam.lr", 0.02)],
            &[("opt.adam.b1", 0.8), ("opt.eg_gain.beta", 0.8)],
            &[("opt.adam.b1", 0.8)],
            &[("opt.eg_gain.beta", 0.5)],
        ] {
            assert_eq!(bits(&shared, set), bits(&apart, set), "{real} {set:?}");
        }
        let plain = bits(&shared, &[]);
        assert_ne!(plain, bits(&shared, &[("opt.eg_gain.beta", 0.5)]), "the setting has an effect");
        assert_eq!(plain, bits(&shared, &[]), "and does not stay");
    }
}

/// Functions of a network of `layers` equal layers.
fn functions(layers: usize) -> usize {
    let source = format!(
        "data d = csv(\"small.csv\", target = \"kind\")
         model block[D](x: real[B, D]) -> real[B, D] {{
           param w: real[D, D] = 1
           param b: real[D] = 0
           tanh(x @ w + b)
         }}
         model m(x: real[B, 2]) -> real[B, 2] {{
           layer blocks = block[2] * {layers}
           x |> blocks
         }}
         let fit = train m on d {{
           loss = mean(cross_entropy(m(x), y))
           optimizer = adam
           batch = full
           epochs = 1
         }}"
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run");
    let program = Program::compile("deep.eg", &source, Options { folder, ..Options::default() });
    let program = program.unwrap_or_else(|report| panic!("{}", report.render(false)));
    program.loops().expect("it compiles").functions.len()
}

/// Parameters of equal layers lie at different places of one arena; their kernels are one function all
/// the same, so native code does not grow with depth.
#[test]
fn equal_layers_share_their_functions() {
    assert_eq!(functions(6), functions(24));
}
