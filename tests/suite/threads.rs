//! Results have the same bits with any number of threads, more than there are processors too.

use std::fs;

use egret::optimizer::{Optimizer, Options as Given};
use egret::pipeline::{Options, Program};
use egret::run::{Events, Settings};

/// Keeps what a script prints.
struct Printed(Vec<String>);

impl Events for Printed {
    fn print(&mut self, text: &str) -> std::io::Result<()> {
        self.0.push(text.to_owned());
        Ok(())
    }
}

/// The bits of everything that a script's fits and expressions leave, with so many threads.
fn outcome(text: &str, folder: &str, names: &[&str], threads: usize) -> (Vec<String>, Vec<u64>) {
    let options = Options { folder: folder.into(), share_states: true, ..Options::default() };
    let program = Program::compile("script.eg", text, options).expect("it is right");
    let mut printed = Printed(Vec::new());
    let outcome = program.run(&Settings { threads, ..Settings::default() }, &mut printed).expect("it runs");
    let mut bits = Vec::new();
    for name in names {
        if let Some(fit) = outcome.fit(name) {
            bits.extend(fit.series("batch_loss").iter().map(|point| point.1.to_bits()));
            bits.extend(fit.parameters().iter().map(|value| value.to_bits()));
        } else if let Some(values) = outcome.tensor(name) {
            bits.extend(values.iter().map(|value| value.to_bits()));
        } else {
            panic!("`{name}` is neither a fit nor an expression");
        }
    }
    (printed.0, bits)
}

fn same_with_any_number(text: &str, folder: &str, names: &[&str]) {
    let one = outcome(text, folder, names, 1);
    assert!(!one.1.is_empty());
    for threads in [2, 4] {
        assert!(outcome(text, folder, names, threads) == one, "{threads} threads change a result of\n{text}");
    }
}

/// Whether some function of a script is cut into parts.
fn is_cut(text: &str) -> bool {
    let program = Program::compile("script.eg", text, Options::default()).expect("it is right");
    program.emit_named("loops").expect("it compiles").is_some_and(|loops| loops.contains(" part %"))
}

#[test]
fn examples_have_the_same_bits() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "eg") {
            let text = fs::read_to_string(&path).expect("text");
            let Some(text) = crate::stand_in::with_small_data(&path.display().to_string(), &text) else {
                continue;
            };
            let names: Vec<&str> = text.lines().filter_map(fit_name).collect();
            let short = shortened(&text);
            same_with_any_number(&short, folder, &names);
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen} examples");
}

/// `fit` of `let fit = train ...`.
fn fit_name(line: &str) -> Option<&str> {
    let (name, value) = line.strip_prefix("let ")?.split_once(" = ")?;
    value.starts_with("train ").then_some(name)
}

/// The script with few steps and without what it writes and what it says of long training.
fn shortened(text: &str) -> String {
    let long = |line: &&str| {
        ["plot ", "save ", "predict ", "assert "].iter().any(|start| line.trim_start().starts_with(start))
    };
    let lines = text.lines().filter(|line| !long(line)).map(|line| match line.trim_start().split_once('=') {
        Some((key, _)) if ["epochs", "steps"].contains(&key.trim()) => "  steps = 3",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn large_programs_are_cut_and_have_the_same_bits() {
    for (names, text) in LARGE {
        assert!(is_cut(text), "nothing is cut in\n{text}");
        same_with_any_number(text, ".", names);
    }
}

/// Programs with kernels that are cut: along results, along a sum, in place, with a rest, in a model.
const LARGE: &[(&[&str], &str)] = &[
    (&["a"], "let a = exp(-(iota[300001] / 50000)^2)"),
    (&["a", "b"], "let x = sin(iota[123457])\nlet a = sum(x * x)\nlet b = max(x) - min(x)"),
    (&["a"], "let x = cos(iota[5, 40003])\nlet a = sum(x, axis = 1)"),
    (&["a"], "let x = cos(iota[40003, 5])\nlet a = sum(x, axis = 0)"),
    (&["a"], "let a = (sin(iota[67, 130]) @ cos(iota[130, 93]))"),
    (&["a"], "let a = any(sin(iota[200003]) > 0.9999999)\nlet b = 1"),
];

#[test]
fn optimizer_steps_have_the_same_bits() {
    for pipeline in [
        "adam",
        "adam |> eg_gain |> eg_scale",
        "adam |> clip_norm(max = 1)",
        "lamb",
        "sgd(lr = 0.1) |> momentum",
    ] {
        let weights = |threads: usize| {
            let shapes: [(&str, &[usize]); 2] = [("w", &[300, 217]), ("b", &[1003])];
            let mut optimizer = Optimizer::compile(pipeline, &shapes, Given::default()).expect("it is right");
            optimizer.set_threads(threads);
            let n = optimizer.len();
            let mut w: Vec<f32> = (0..n).map(|k| ((k * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
            for t in 1..=3 {
                let g: Vec<f32> =
                    (0..n).map(|k| ((k + 1) * (31 * t + 17) % 1013) as f32 / 1013.0 - 0.5).collect();
                optimizer.step(&mut w, &g, Some(1.0)).expect("a step");
            }
            w.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
        };
        let one = weights(1);
        for threads in [2, 4] {
            assert!(weights(threads) == one, "{threads} threads change `{pipeline}`");
        }
    }
}
