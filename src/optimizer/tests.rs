//! Optimizers on memory of a caller, against formulas written out here.

use std::path::PathBuf;

use super::{Error, Optimizer, Options, bf16};
use crate::algebra::types::DType;

const SHAPES: [(&str, &[usize]); 3] = [("hidden.w", &[3, 5]), ("hidden.b", &[5]), ("scale", &[])];
const COUNT: usize = 21;
const F64: Options = Options { real: DType::F64, total: None };

fn compile(pipeline: &str, options: Options) -> Optimizer {
    Optimizer::compile(pipeline, &SHAPES, options).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

fn wrong(pipeline: &str, shapes: &[(&str, &[usize])]) -> (String, String) {
    let report = Optimizer::compile(pipeline, shapes, Options::default()).expect_err("it is wrong");
    (report.diagnostics[0].code.name.to_owned(), report.render(false))
}

fn start() -> Vec<f64> {
    (0..COUNT).map(|k| (k as f64 * 0.7).sin()).collect()
}

/// The gradient of a bowl around the numbers 0.1 k.
fn gradient(params: &[f64]) -> Vec<f64> {
    params.iter().enumerate().map(|(k, w)| (1.0 + k as f64) * (w - 0.1 * k as f64)).collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn near(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} is not {b}");
    }
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("egret-optimizer-{}-{name}.safetensors", std::process::id()))
}

#[test]
fn adam_is_adam() {
    let mut optimizer = compile("adam(lr = 0.01)", F64);
    let (mut params, mut expected) = (start(), start());
    let (mut m, mut v) = (vec![0.0; COUNT], vec![0.0; COUNT]);
    for t in 1..=50 {
        let g = gradient(&params);
        near(&g, &gradient(&expected), 1e-12);
        optimizer.step(&mut params, &g, None).expect("it fits");
        for k in 0..COUNT {
            m[k] = 0.9 * m[k] + 0.1 * g[k];
            v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k];
            let (m, v) = (m[k] / (1.0 - 0.9_f64.powi(t)), v[k] / (1.0 - 0.999_f64.powi(t)));
            expected[k] -= 0.01 * m / (v.sqrt() + 1e-8);
        }
    }
    near(&params, &expected, 1e-12);
    near(&optimizer.state("adam.m").expect("a state"), &m, 1e-12);
    assert_eq!(optimizer.steps(), 50);
    assert_eq!(optimizer.states().len(), 2);
}

#[test]
fn parameters_may_move_between_steps() {
    let mut optimizers = [(); 2].map(|()| compile("adam(lr = 0.01) |> eg_gain |> eg_scale", F64));
    let [staying, moving] = &mut optimizers;
    let mut params = start();
    let mut places = [start(), start()];
    for t in 0..6 {
        let g = gradient(&params);
        staying.step(&mut params, &g, None).expect("it fits");
        // Twice at one place, then at the other.
        let (from, to) = (usize::div_ceil(t, 2) % 2, (t / 2 + 1) % 2);
        let before = places[from].clone();
        places[to].copy_from_slice(&before);
        if t == 4 {
            moving.set_threads(2);
        }
        moving.step(&mut places[to], &g, None).expect("it fits");
        assert_eq!(places[to], params, "step {t}");
    }
}

#[test]
fn own_stages_look_at_the_start_the_loss_and_the_total() {
    let text = "
        fn twice(x: real[..]) -> real[..] = 2 * x
        stage pull(rate = 0.5) {
          state start = w0
          state seen: scalar[model] = 0
          seen <- loss
          twice(u) + rate * (w - start) + (w - w0) * T
        }
        sgd(lr = 0.1) |> pull";
    let mut optimizer = compile(text, Options { total: Some(8), ..F64 });
    assert!(optimizer.needs_loss());
    let mut params = start();
    let g = gradient(&params);
    assert_eq!(optimizer.step(&mut params, &g, None), Err(Error::Loss(None)));
    assert!(matches!(optimizer.step(&mut params, &g, Some(f64::NAN)), Err(Error::Loss(Some(_)))));
    assert_eq!(params, start());
    let mut expected = start();
    for step in 1..=3 {
        let g = gradient(&params);
        optimizer.step(&mut params, &g, Some(f64::from(step))).expect("it fits");
        let moves = expected.iter().zip(start()).zip(&g).map(|((w, w0), g)| w - 0.2 * g - 8.5 * (w - w0));
        expected = moves.collect();
    }
    near(&params, &expected, 1e-12);
    near(&optimizer.state("pull.start").expect("a state"), &start(), 0.0);
    assert_eq!(optimizer.state("pull.seen"), Ok(vec![3.0]));
    assert_eq!(optimizer.init(&params), Ok(()));
    near(&optimizer.state("pull.start").expect("a state"), &params, 0.0);
    assert_eq!(optimizer.steps(), 0);
}

#[test]
fn tensors_apart_give_the_same_as_one_piece() {
    let pipeline = "clip_norm(max = 0.5) |> adam(lr = 0.02) |> eg_gain |> eg_scale(over = tensor)";
    let (mut flat, mut apart) =
        (compile(pipeline, Options::default()), compile(pipeline, Options::default()));
    let mut adjacent = compile(pipeline, Options::default());
    let mut params = narrow(&start());
    let mut together = params.clone();
    let mut parts: Vec<Vec<f32>> =
        vec![params[..15].to_vec(), params[15..20].to_vec(), params[20..].to_vec()];
    for _ in 0..10 {
        let wide: Vec<f64> = params.iter().map(|w| f64::from(*w)).collect();
        let g = narrow(&gradient(&wide));
        let pieces = [g[..15].to_vec(), g[15..20].to_vec(), g[20..].to_vec()];
        flat.step(&mut params, &g, None).expect("it fits");
        let mut slices: Vec<&mut [f32]> = parts.iter_mut().map(Vec::as_mut_slice).collect();
        let gradients: Vec<&[f32]> = pieces.iter().map(Vec::as_slice).collect();
        apart.step_tensors(&mut slices, &gradients, None).expect("it fits");
        let (w, rest) = together.split_at_mut(15);
        let (b, s) = rest.split_at_mut(5);
        adjacent.step_tensors(&mut [w, b, s], &[&g[..15], &g[15..20], &g[20..]], None).expect("it fits");
    }
    assert_eq!(params, parts.concat());
    assert_eq!(params, together);
    assert!(params != narrow(&start()));
}

#[test]
fn brain_floats_go_in_and_out() {
    let mut optimizer = compile("sgd(lr = 0.5)", Options::default());
    let mut params = narrow(&start());
    let gradient: Vec<u16> = (0..COUNT).map(|k| bf16::round(k as f32 / 4.0)).collect();
    let mut copy = vec![0; COUNT];
    let before = params.clone();
    optimizer.step_bf16(&mut params, &gradient, Some(&mut copy), None).expect("it fits");
    for k in 0..COUNT {
        assert_eq!(params[k], before[k] - 0.5 * bf16::widen(gradient[k]));
        assert_eq!(copy[k], bf16::round(params[k]));
    }
    let short = optimizer.step_bf16(&mut params, &gradient, Some(&mut copy[1..]), None);
    assert_eq!(short, Err(Error::Length { what: "bf16 copy".to_owned(), have: 20, want: 21 }));
}

#[test]
fn hyperparameters_change_between_steps() {
    let mut optimizer = compile("sgd(lr = 0.5) |> momentum(mu = 1 - 1 / t)", F64);
    assert_eq!(optimizer.get("sgd.lr"), Ok(0.5));
    assert_eq!(optimizer.set("opt.sgd.lr", 0.25), Ok(()));
    assert_eq!(optimizer.get("sgd.lr"), Ok(0.25));
    assert_eq!(optimizer.hypers()[1], ("momentum.mu".to_owned(), None));
    assert_eq!(optimizer.set("momentum.mu", 0.1), Err(Error::Computed { name: "momentum.mu".to_owned() }));
    assert!(matches!(optimizer.set("sgd.lr", f64::INFINITY), Err(Error::Value { .. })));
    let unknown = optimizer.set("sdg.lr", 0.1).expect_err("there is none");
    assert_eq!(unknown.to_string(), "there is no hyperparameter `sdg.lr`: did you mean `sgd.lr`?");
    let mut params = vec![1.0; COUNT];
    optimizer.step(&mut params, &[1.0; COUNT], None).expect("it fits");
    assert_eq!(params, [0.75; COUNT]);
    optimizer.set_state("momentum.v", &[2.0; COUNT]).expect("it fits");
    optimizer.set("sgd.lr", 0.0).expect("it is there");
    optimizer.step(&mut params, &[1.0; COUNT], None).expect("it fits");
    assert_eq!(params, [-0.25; COUNT]);
    assert!(optimizer.set_state("momentum.v", &[2.0]).is_err());
    let unknown = optimizer.state("momentum.velocity").expect_err("there is none");
    assert_eq!(unknown.to_string(), "there is no state `momentum.velocity`: there are `momentum.v`");
}

#[test]
fn a_saved_optimizer_goes_on_as_if_nothing_had_happened() {
    let text = "stage home() { u + 0.1 * (w - w0) }
        adam(lr = 0.01) |> eg_gain |> eg_scale(over = tensor) |> home";
    let mut whole = compile(text, F64);
    let mut params = start();
    let walk = |optimizer: &mut Optimizer, params: &mut Vec<f64>| {
        for _ in 0..5 {
            let g = gradient(params);
            optimizer.step(params, &g, None).expect("it fits");
        }
    };
    let path = place("resume");
    assert_eq!(whole.save(&path), Err(Error::NotStarted));
    assert_eq!(whole.state("adam.m"), Err(Error::NotStarted));
    whole.set("adam.lr", 0.02).expect("it is there");
    walk(&mut whole, &mut params);
    whole.save(&path).expect("it can be written");
    let mut resumed = compile(text, F64);
    let mut again = params.clone();
    resumed.load(&path).expect("it fits");
    assert_eq!((resumed.steps(), resumed.get("adam.lr")), (5, Ok(0.02)));
    walk(&mut whole, &mut params);
    walk(&mut resumed, &mut again);
    assert_eq!(params, again);

    let mut other = compile("adam(lr = 0.01) |> eg_gain", F64);
    let error = other.load(&path).expect_err("another pipeline").to_string();
    assert!(
        error.contains("is for another pipeline: adam |> eg_gain(signal = sign) |> eg_scale("),
        "{error}"
    );
    assert!(error.ends_with("this optimizer is for adam |> eg_gain(signal = sign)"), "{error}");
    let shapes: [(&str, &[usize]); 1] = [("hidden.w", &[COUNT])];
    let mut other = Optimizer::compile(text, &shapes, F64).expect("it is right");
    let error = other.load(&path).expect_err("other shapes").to_string();
    let end = "is for other parameters: hidden.w [3, 5], hidden.b [5], scale []; this optimizer is for hidden.w [21]";
    assert!(error.ends_with(end), "{error}");
    let mut other = compile(text, Options::default());
    let error = other.load(&path).expect_err("another type").to_string();
    assert!(error.ends_with("is for another element type: f64; this optimizer is for f32"), "{error}");
    std::fs::remove_file(&path).expect("it is there");
}

#[test]
fn files_that_are_no_states_are_refused() {
    let mut optimizer = compile("adam", Options::default());
    let path = place("garbage");
    for bytes in [&b""[..], b"garbage", b"\x02\0\0\0\0\0\0\0{}", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
        std::fs::write(&path, bytes).expect("it can be written");
        assert!(matches!(optimizer.load(&path), Err(Error::File { .. })), "{bytes:?}");
    }
    let mut params = narrow(&start());
    let gradient = params.clone();
    optimizer.step(&mut params, &gradient, None).expect("it fits");
    optimizer.save(&path).expect("it can be written");
    let whole = std::fs::read(&path).expect("it is there");
    for cut in [whole.len() - 1, whole.len() / 2, 9] {
        std::fs::write(&path, &whole[..cut]).expect("it can be written");
        assert!(matches!(optimizer.load(&path), Err(Error::File { .. })), "{cut}");
    }
    std::fs::remove_file(&path).expect("it is there");
    assert!(matches!(optimizer.load(&path), Err(Error::File { .. })));
    assert!(matches!(optimizer.save("/nowhere/at/all"), Err(Error::File { .. })));
    assert_eq!(optimizer.steps(), 1);
}

#[test]
fn buffers_must_fit() {
    let mut optimizer = compile("adam", Options::default());
    let (mut params, gradient) = (vec![0.0_f32; COUNT], vec![0.0_f32; COUNT]);
    let error = optimizer.step(&mut params[1..], &gradient, None).expect_err("too short");
    assert_eq!(error.to_string(), "parameters: 20 given, not 21");
    let error = optimizer.step(&mut [0.0_f64; COUNT], &[0.0; COUNT], None).expect_err("another type");
    assert_eq!(error.to_string(), "parameters: elements of f64, but the optimizer was compiled for f32");
    let (a, b) = params.split_at_mut(14);
    let error = optimizer.step_tensors(&mut [a, b], &[&gradient], None).expect_err("too few");
    assert_eq!(error.to_string(), "parameter tensors: 2 given, not 3");
}

#[test]
fn wrong_pipelines_and_shapes_are_explained() {
    let right: &[(&str, &[usize])] = &[("w", &[2])];
    for (text, code) in [
        ("", "not-a-pipeline"),
        ("// nothing", "not-a-pipeline"),
        ("stage s() { u }", "not-a-pipeline"),
        ("real f64\nadam", "not-a-pipeline"),
        ("adam\nadam", "not-a-pipeline"),
        ("print \"a\"\nadam", "not-a-pipeline"),
        ("let a = iota[3]\nadam", "not-a-pipeline"),
        ("adam(b1 = 1.5)", "hyperparameter-range"),
        ("3 + 4", "not-a-stage"),
        ("adm", "unknown-name"),
        ("adam(rate = 3)", "wrong-argument"),
        ("sgd(lr = 0.1 * t / T)", "no-total"),
        ("adam |> ", "syntax"),
    ] {
        let (found, rendered) = wrong(text, right);
        assert_eq!(found, code, "{text}: {rendered}");
    }
    let shapes: [&[(&str, &[usize])]; 5] = [
        &[],
        &[("", &[2])],
        &[("w", &[2]), ("w", &[3])],
        &[("w", &[2, 0])],
        &[("w", &[usize::MAX, usize::MAX])],
    ];
    for shapes in shapes {
        assert_eq!(wrong("adam", shapes).0, "parameter-shape");
    }
}

#[test]
fn numbers_and_pipelines_may_have_names() {
    let text = "let rate = 0.25
        let heavy = sgd(lr = rate) |> momentum(mu = 0.5)
        heavy";
    let mut optimizer = compile(text, F64);
    let mut params = vec![1.0; COUNT];
    for _ in 0..2 {
        optimizer.step(&mut params, &[1.0; COUNT], None).expect("it fits");
    }
    assert_eq!(params, [1.0 - 0.25 - 0.375; COUNT]);
    assert!(matches!(optimizer.set("momentum.mu", 1.5), Err(Error::Value { .. })));
    optimizer.set("momentum.mu", 0.0).expect("it is there");
    optimizer.step(&mut params, &[1.0; COUNT], None).expect("it fits");
    assert_eq!(params, [0.125; COUNT]);
}

#[test]
fn forms_can_be_printed() {
    let optimizer = compile("adam", Options::default());
    let step = optimizer.emit("step").expect("a form");
    assert!(step.contains("g: f32[21]"), "{step}");
    assert!(optimizer.emit("nonsense").is_none());
}

#[test]
fn a_step_that_takes_a_position_outside_of_an_axis_changes_nothing() {
    let stage = "stage by_turns(lr = 0.1) {\n  state h: vector[3] = 0\n  h <- h + 1\n  lr * take(h, i32(t)) * u\n}\nby_turns";
    let mut optimizer = compile(stage, F64);
    let mut params = start();
    for _ in 0..2 {
        optimizer.step(&mut params, &[1.0; COUNT], None).expect("there are positions 1 and 2");
    }
    let (before, state) = (params.clone(), optimizer.state("by_turns.h"));
    let error = optimizer.step(&mut params, &[1.0; COUNT], None).expect_err("there is no position 3");
    assert_eq!(error.to_string(), "a stage takes position 3 of an axis of size 3");
    assert_eq!((params, optimizer.state("by_turns.h"), optimizer.steps()), (before, state, 2));
}
