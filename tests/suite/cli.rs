//! The command as a user meets it: examples, exit codes, wrong usage.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod checkpoints;
mod data;
mod fmt;
mod predict;
mod progress;
mod start;

fn egret(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .output()
        .expect("the command starts")
}

/// A fresh folder for one test's outputs.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

fn example(name: &str) -> String {
    format!("{}/examples/{name}.eg", env!("CARGO_MANIFEST_DIR"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal")
}

fn script(folder: &Path, text: &str) -> String {
    let path = folder.join("script.eg");
    fs::write(&path, text).expect("the script can be written");
    path.display().to_string()
}

/// What a broken download looks like.
const NOISE: &[u8] = b"]})[{(@#$%^&*=+ \n\"ab1.";

/// The number after `label` in a text.
fn number_after(text: &str, label: &str) -> f64 {
    let rest = text.split(label).nth(1).unwrap_or_else(|| panic!("no `{label}` in {text:?}"));
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').parse().expect("a number")
}

#[test]
fn digits_trains_to_its_accuracy_and_leaves_its_files() {
    let folder = folder("digits");
    let output = egret(&["run", &example("digits")], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let accuracy = number_after(&stdout(&output), "test accuracy ");
    assert!(accuracy >= 0.95, "{}", stdout(&output));
    assert_eq!(stderr(&output).matches("epoch").count(), 20, "one plain line per epoch");
    let svg = fs::read_to_string(folder.join("digits.svg")).expect("the plot is there");
    assert!(svg.contains("<svg") && svg.contains("eg_scale.s") && svg.contains("training step"));
    let bytes = fs::read(folder.join("digits.safetensors")).expect("the checkpoint is there");
    let saved = safetensors::SafeTensors::deserialize(&bytes).expect("it is whole");
    let mut names = saved.names();
    names.sort_unstable();
    for name in ["hidden.w", "hidden.w/adam.m", "out.b/eg_gain.p", "eg_scale.s"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert_eq!(saved.tensor("hidden.w").expect("it is there").shape(), [64, 32]);
}

#[test]
fn the_other_examples_run() {
    for name in ["iris", "diabetes", "housing", "bike_gru", "pendulum", "adult", "pm25", "finetune"] {
        let output = egret(&["run", &example(name)], &folder(name));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        insta::assert_snapshot!(format!("cli_{name}"), stdout(&output));
    }
}

#[test]
fn every_stage_prints_for_every_example() {
    let folder = folder("emit");
    let list = stdout(&egret(&["emit", "--list"], &folder));
    let stages = list.lines().filter(|line| !line.starts_with(' '));
    let stages: Vec<&str> = stages.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(stages, ["tokens", "ast", "typed", "graph", "step", "kernel", "loops", "clif", "asm"]);
    for example_name in ["digits", "iris", "diabetes"] {
        for stage in &stages {
            let output = egret(&["emit", stage, &example(example_name)], &folder);
            assert_eq!(code(&output), 0, "{stage}: {}", stderr(&output));
            let again = egret(&["emit", stage, &example(example_name)], &folder);
            assert!(output.stdout == again.stdout, "{stage} of {example_name} is not stable");
            assert!(!output.stdout.is_empty());
        }
    }
}

#[test]
fn every_benchmark_is_a_right_script() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scripts");
    let mut count = 0;
    for script in std::fs::read_dir(&scripts).expect("there are benchmarks") {
        let path = script.expect("it can be listed").path();
        let checked = egret(&["check", path.to_str().expect("a path in UTF-8")], &scripts);
        assert_eq!(code(&checked), 0, "{}", stderr(&checked));
        count += 1;
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn a_hyperparameter_and_the_seed_change_from_outside() {
    let folder = folder("set");
    let plain = stdout(&egret(&["run", &example("diabetes")], &folder));
    let same = stdout(&egret(&["run", &example("diabetes"), "--set", "opt.adam.lr=0.3"], &folder));
    let other = stdout(&egret(&["run", &example("diabetes"), "--set", "opt.adam.lr=1e-3"], &folder));
    assert_eq!(plain, same);
    assert_ne!(plain, other);
    let seeded = |seed| stdout(&egret(&["run", &example("digits"), "--seed", seed], &folder));
    assert_eq!(seeded("1"), seeded("1"));

    let wrong = egret(&["run", &example("diabetes"), "--set", "opt.adm.lr=1"], &folder);
    assert_eq!(code(&wrong), 2);
    assert!(stderr(&wrong).contains("opt.adam.lr"), "{}", stderr(&wrong));
    for bad in ["opt.adam.lr", "opt.adam.lr=fast", "opt.adam.lr=nan", "opt.adam.b1=1.5"] {
        assert_eq!(code(&egret(&["run", &example("diabetes"), "--set", bad], &folder)), 2);
    }
}

#[test]
fn exit_codes_say_whose_fault_it_is() {
    let folder = folder("codes");
    let codes: [(&[&str], i32); 9] = [
        (&["--version"], 0),
        (&["--help"], 0),
        (&[], 2),
        (&["dance"], 2),
        (&["emit", "soup", "x.eg"], 2),
        (&["explain", "shape-mismatch"], 0),
        (&["explain", "shape-mismatched"], 2),
        (&["run", "nowhere.eg"], 1),
        (&["run", "--threads", "0", "x.eg"], 2),
    ];
    for (args, expected) in codes {
        let output = egret(args, &folder);
        assert_eq!(code(&output), expected, "{args:?}: {}{}", stdout(&output), stderr(&output));
    }
    let bad = script(&folder, "let a = b");
    assert_eq!(code(&egret(&["check", &bad], &folder)), 1);
}

#[test]
fn training_that_fails_names_the_step_and_the_tensor() {
    let folder = folder("diverges");
    let data = format!("{}/tests/cases/error/small.csv", env!("CARGO_MANIFEST_DIR"));
    let text = format!(
        "data d = csv(\"{data}\", target = \"kind\")
         model m(x: real[B, 2]) -> real[B] {{
           param w: real[2] = 1
           x @ w
         }}
         let fit = train m on d {{
           loss = mean(m(x)^4)
           optimizer = sgd(lr = 1e6)
           batch = full
           steps = 50
         }}"
    );
    let output = egret(&["run", &script(&folder, &text)], &folder);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let message = stderr(&output);
    assert!(message.contains("training-failed") && message.contains("step"), "{message}");
}

#[test]
fn colour_is_asked_for_or_not() {
    let folder = folder("colour");
    let bad = script(&folder, "let a = b");
    let escape = "\u{1b}[";
    assert!(!stderr(&egret(&["check", &bad], &folder)).contains(escape));
    assert!(stderr(&egret(&["check", &bad, "--color", "always"], &folder)).contains(escape));
    assert!(!stderr(&egret(&["check", &bad, "--color", "never"], &folder)).contains(escape));
}

#[test]
fn absurd_scripts_are_refused_quickly() {
    let folder = folder("absurd");
    let deep = format!("let a = {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let minus = format!("let a = {}1", "-".repeat(10_000));
    let sum = format!("let a = 1{}", " + 1".repeat(100_000));
    let pipe = format!("let a = 1{}", " |> tanh".repeat(100_000));
    let blocks = format!("let a = {}1{}", "{".repeat(10_000), "}".repeat(10_000));
    for text in [deep, minus, sum, pipe, blocks] {
        let output = egret(&["check", &script(&folder, &text)], &folder);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert!(stderr(&output).contains("nesting-too-deep"), "{}", stderr(&output));
    }
    let garbage: Vec<u8> = (0..100_000_000u32)
        .map(|i| NOISE[(i.wrapping_mul(2654435761) >> 27) as usize % NOISE.len()])
        .collect();
    let path = folder.join("garbage.eg");
    fs::write(&path, garbage).expect("it can be written");
    let output = egret(&["check", &path.display().to_string()], &folder);
    assert_eq!(code(&output), 1);
    assert!(output.stderr.len() < 100_000 && stderr(&output).contains("source-too-large"));
    fs::remove_file(path).expect("it can be removed");
}

#[test]
fn scripts_come_from_standard_input_and_bytes_that_are_not_text_are_refused() {
    let folder = folder("stdin");
    let mut child = Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(["run", "-"])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"let a = 2.0\nprint \"{a * 3:.1}\"\n").expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(stdout(&output), "6.0\n");

    let path = folder.join("bytes.eg");
    fs::write(&path, [0xff, 0xfe, 0x00]).expect("it can be written");
    let output = egret(&["check", &path.display().to_string()], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("unreadable-file"), "{}", stderr(&output));
}

#[test]
fn a_benchmark_times_the_steps_of_a_script() {
    let folder = folder("bench");
    let quick = ["--repeats", "2", "--seconds", "0.01", "--threads", "2"];
    let output = egret(&[&["bench", &example("digits")], &quick[..]].concat(), &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("fit: ") && stdout(&output).contains("2410 parameters, batch 32"));
    let output = egret(&[&["bench", &example("digits"), "--json"], &quick[..]].concat(), &folder);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let run = &json["runs"][0];
    assert_eq!(run["losses"].as_array().map(Vec::len), Some(20));
    assert!(run["best_s"].as_f64() <= run["median_s"].as_f64() && json["first_step_s"].as_f64() > Some(0.0));
    assert!(fs::read_dir(&folder).expect("a folder").next().is_none(), "a benchmark writes nothing");

    let nothing = script(&folder, "let a = 1.0");
    let output = egret(&["bench", &nothing], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("trains nothing"), "{}", stderr(&output));
    assert_eq!(code(&egret(&["bench", &nothing, "--seconds", "0"], &folder)), 2);
}

#[test]
fn a_profile_names_kernels_and_leaves_a_trace() {
    let folder = folder("profile");
    let output = egret(&["run", "--profile=own.json", &example("iris")], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("Gflop/s") && text.contains(".step k0"), "{text}");
    let trace = fs::read_to_string(folder.join("own.json")).expect("a trace");
    let trace: serde_json::Value = serde_json::from_str(&trace).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    assert!(events.len() > 100 && events.iter().all(|event| event["ph"] == "X" && event["dur"].is_number()));
    let output = egret(&["run", "--profile=no/such/folder.json", &example("iris")], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("cannot write the trace"));
}

#[test]
fn gradients_agree_with_differences_unless_a_rule_is_wrong() {
    let folder = folder("gradcheck");
    let text = "
fn wave(x: real[N], k: i32 = 2) -> real[N] = sin(k * x) * x
fn weighed[n](x: real[N, n], w: real[n]) -> real[N] = sum(x * w, axis = 1)
  vjp dy => expand(dy, axis = 1) * expand(w, axis = 0), WRONG * sum(expand(dy, axis = 1) * x, axis = 0)
fn only_above(x: real[..]) -> real[..] = log(x)
fn applied[f: fn](x: real[N]) -> real = sum(f(x))
fn which(x: real[N]) -> i32 = argmax(x)
fn both(x: real[N]) -> (real[N], i32, real) = (x^2, argmax(x), sum(x))
fn lighter[p: number](x: real[N]) -> real[N] = x |> dropout[p]
data d = synthetic(rows = 8, seed = 1) {
  x = random.normal[rows, 2]()
  y = x[:, 0] * x[:, 1]
}
model net(x: real[B, 2]) -> real[B] {
  param w: real[2] = 0.5
  param sparse: real = 0
  x |> dropout[0.5] |> line(w, sparse)
}
fn line(x: real[B, F], w: real[F], s: real) -> real[B] = x @ w + abs(s)
let fit = train net on d {
  loss      = mse(net(x), y) + mean(jvp(net)(x, 1)^2)
  optimizer = adam
  batch     = 4
  epochs    = 2
}
print \"nothing of this is printed\"
";
    let right = egret(&["gradcheck", &script(&folder, &text.replace("WRONG", "1"))], &folder);
    assert_eq!(code(&right), 0, "{}", stderr(&right));
    let lines = stdout(&right);
    assert_eq!(lines.matches("agrees").count(), 12, "{lines}");
    assert!(lines.contains("fit.step  agrees   with each operator evaluated by itself"), "{lines}");
    assert_eq!(lines.matches("not checked").count(), 1, "{lines}");
    let sparse = lines.lines().find(|line| line.trim_start().starts_with("sparse")).expect("a parameter");
    assert!(sparse.contains("1 at a kink"), "{lines}");
    assert!(!lines.contains("printed"));

    let wrong = script(&folder, &text.replace("WRONG", "1.001"));
    let output = egret(&["gradcheck", &wrong], &folder);
    assert_eq!(code(&output), 1);
    let lines = stdout(&output);
    let differing = lines.lines().find(|line| line.contains("DIFFERS")).expect("a difference");
    assert!(differing.contains("worst w[") && differing.contains("relative 1e-3"), "{lines}");
    assert!(stderr(&output).contains("gradients differ from finite differences: weighed["));

    let one = egret(&["gradcheck", &wrong, "wave"], &folder);
    assert_eq!(code(&one), 0, "{}", stderr(&one));
    assert_eq!(stdout(&one).lines().count(), 2);
    let model = egret(&["gradcheck", &wrong, "net"], &folder);
    assert_eq!(code(&model), 0, "{}", stderr(&model));
    assert_eq!(stdout(&model).matches("agrees").count(), 2, "{}", stdout(&model));
    let none = egret(&["gradcheck", &wrong, "wavy"], &folder);
    assert_eq!(code(&none), 2);
    assert!(stderr(&none).contains("did you mean `wave`?"), "{}", stderr(&none));
}

#[test]
#[cfg(unix)]
fn pipes_devices_and_endless_files_are_refused_at_once() {
    let folder = folder("endless");
    let pipe = folder.join("pipe");
    drop(fs::remove_file(&pipe));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    fs::write(folder.join("uses.eg"), "use \"pipe\"\n").expect("it can be written");
    for (k, source) in
        ["csv(\"F\")", "npy(x = \"F\")", "npz(\"F\")", "idx(x = \"F\")", "text(\"F\")"].iter().enumerate()
    {
        for file in ["pipe", "/dev/zero"] {
            let text = format!("data d = {}", source.replace('F', file));
            fs::write(folder.join(format!("data{k}.eg")), text).expect("it can be written");
            let output = egret(&["check", &format!("data{k}.eg")], &folder);
            assert_eq!(code(&output), 1, "{source} of {file}: {}", stderr(&output));
            assert!(stderr(&output).contains("not a file"), "{}", stderr(&output));
        }
    }
    for script in ["pipe", "/dev/zero", "uses.eg"] {
        let output = egret(&["check", script], &folder);
        assert_eq!(code(&output), 1, "{script}: {}", stderr(&output));
        assert!(stderr(&output).contains("not a file"), "{}", stderr(&output));
    }
    let zeros = fs::File::open("/dev/zero").expect("there is one");
    let mut child = Command::new(env!("CARGO_BIN_EXE_egret"));
    let output = child.args(["check", "-"]).stdin(zeros).output().expect("the command ends");
    assert!(stderr(&output).contains("source-too-large"), "{}", stderr(&output));
}

#[test]
fn equal_runs_save_equal_files() {
    let folder = folder("equal");
    let text = "data d = synthetic(rows = 8, seed = 1) {\n  x = random.normal[rows, 2]()\n  y = sum(x, axis = 1)\n}\n\
        model net(x: real[B, 2]) -> real[B] {\n  param w: real[2] = 0\n  x @ w\n}\n\
        let fit = train net on d {\n  loss = mean((net(x) - y)^2)\n  optimizer = adam |> eg_gain |> eg_scale\n  steps = 3\n}\n";
    let path =
        script(&folder, &format!("{text}save fit to \"one.safetensors\"\nsave fit to \"two.safetensors\"\n"));
    assert_eq!(code(&egret(&["run", &path], &folder)), 0);
    let one = fs::read(folder.join("one.safetensors")).expect("it is there");
    assert!(one == fs::read(folder.join("two.safetensors")).expect("it is there"), "in one run");
    assert_eq!(code(&egret(&["run", &path], &folder)), 0);
    assert!(one == fs::read(folder.join("one.safetensors")).expect("it is there"), "in the next run");
}

#[test]
fn a_stage_is_printed_around_each_of_its_passes() {
    let run = |args: &[&str]| egret(args, Path::new("."));
    let list = stdout(&run(&["emit", "--list"]));
    let example = example("iris");
    let mut stage = String::new();
    for line in list.lines() {
        let name = line.split_whitespace().next().expect("a name").to_owned();
        if !line.starts_with(' ') {
            stage = name;
            continue;
        }
        for when in ["--before", "--after"] {
            let output = run(&["emit", &stage, when, &name, &example]);
            assert!(output.status.success(), "{stage} {when} {name}: {}", stderr(&output));
            assert!(!stdout(&output).is_empty());
        }
    }
    let fused =
        |args: &[&str]| stdout(&run(&[&["emit", "kernel"], args, &[&example]].concat())).lines().count();
    assert!(fused(&["--before", "fuse"]) > fused(&["--after", "fuse"]));
    assert_eq!(fused(&["--after", "rematerialise"]), fused(&[]));
    let unknown = run(&["emit", "kernel", "--after", "fusee", &example]);
    assert!(stderr(&unknown).contains("unknown pass of `kernel` `fusee`; did you mean `fuse`?"));
    let none = run(&["emit", "ast", "--after", "fuse", &example]);
    assert!(stderr(&none).contains("stage `ast` has no passes"));
}
