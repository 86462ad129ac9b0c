//! Sweeps: the runs of one have the bits that they have alone, and nothing is compiled twice for them.

use egret::native;
use egret::pipeline::{Options, Program};
use egret::run::{Outcome, Settings, Silent};

/// A statement of each kind about one training run. Its metrics are its parameters, to the bit: a row of the
/// identity gives one weight and the bias.
fn script(statements: &[(&str, &str, &str, &str)]) -> String {
    let train = |(name, sweep, lr, seed): &(&str, &str, &str, &str)| {
        let body = format!(
            "train line on d {{
               loss      = mean((line(x) - y)^2) + 1e-3 * {lr}
               metric bias   = line(0 * unit(0))[0]
               metric first  = line(unit(0))[0]
               metric second = line(unit(1))[0]
               metric third  = line(unit(2))[0]
               optimizer = adam(lr = {lr}) |> eg_gain |> eg_scale
               batch     = 4
               epochs    = 3
               every     = 1
               seed      = {seed}
             }}"
        );
        if sweep.is_empty() {
            format!("let {name} = {body}\n")
        } else {
            format!("let {name} = sweep {sweep} {{\n{body}\n}}\n")
        }
    };
    let head = "
        data d = synthetic(rows = 40, seed = 3) { 
          x = random.normal[rows, 3]()
          y = sum(x, axis = 1)
        }
        model line(x: real[B, 3]) -> real[B] {
          param w: real[3] = random.normal(0, 1)
          param b: real = 0
          x @ w + b
        }
        fn unit(k: real) -> real[1, 3] = expand(real(iota[3] == k), 0)
    ";
    head.to_owned() + &statements.iter().map(train).collect::<String>()
}

fn program(statements: &[(&str, &str, &str, &str)]) -> Program {
    Program::compile("sweeps.eg", &script(statements), Options::default())
        .unwrap_or_else(|report| panic!("{}", report.render(false)))
}

fn run(program: &Program) -> Outcome {
    program.run(&Settings::default(), &mut Silent).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

const KEYS: [&str; 6] = ["loss", "bias", "first", "second", "third", "opt.eg_scale.s"];

fn bits(series: &[(f64, f64)]) -> Vec<(u64, u64)> {
    series.iter().map(|(step, value)| (step.to_bits(), value.to_bits())).collect()
}

#[test]
fn a_run_of_a_sweep_has_the_bits_that_it_has_alone() {
    let outcome = run(&program(&[
        ("one", "lr in [0.01]", "lr", "4"),
        ("many", "lr in [1e-3, 0.01, 0.1], seed in 3..5", "lr", "seed"),
        ("alone", "", "0.01", "4"),
    ]));
    let (one, many) = (outcome.sweep("one").expect("a sweep"), outcome.sweep("many").expect("a sweep"));
    let alone = outcome.fit("alone").expect("a fit");
    assert_eq!((one.len(), many.len()), (1, 6));
    for key in KEYS {
        let expected = bits(alone.series(key));
        assert_eq!(expected.len(), 30, "{key}");
        assert_eq!(bits(one.series(0, key)), expected, "{key}");
        assert_eq!(bits(many.series(3, key)), expected, "{key}");
        assert_ne!(bits(many.series(2, key)), expected, "{key} of another seed");
        assert_ne!(bits(many.series(1, key)), expected, "{key} of another rate");
    }
}

#[test]
fn nothing_is_compiled_twice_for_a_sweep() {
    let functions = |statements: &[(&str, &str, &str, &str)]| {
        let before = native::compiled();
        let program = program(statements);
        run(&program);
        let functions = program.loops().expect("it is right").functions.len();
        let after = native::compiled();
        run(&program);
        assert_eq!((after - before, native::compiled()), (functions, after));
        functions
    };
    let one = functions(&[("runs", "lr in [0.01]", "lr", "4")]);
    let many = functions(&[("runs", "lr in [1e-3, 0.01, 0.1], seed in 0..4", "lr", "seed")]);
    assert!(one > 5, "{one}");
    assert_eq!(one, many);
}
