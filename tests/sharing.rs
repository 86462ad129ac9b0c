//! States that are equal in every step share memory, and nothing else changes.

use std::path::PathBuf;

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
    let options = Options { real: Some(real), folder: PathBuf::from("."), share_states };
    Program::compile("sharing.eg", SCRIPT, options).expect("the script is right")
}

/// The bits of the losses, the parameters and the states after a run with these settings.
fn bits(program: &Program, set: &[(&str, f64)]) -> Vec<u64> {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let outcome = program.run(&Settings { set, seed: None }, &mut Silent).expect("training goes well");
    let fit = outcome.fit("fit").expect("there is a fit");
    let mut numbers: Vec<f64> = fit.series("loss").iter().map(|(_, loss)| *loss).collect();
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
