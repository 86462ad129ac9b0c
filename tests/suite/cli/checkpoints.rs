//! A run that is interrupted, killed or damaged goes on with the same bits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{code, egret, folder, script, stderr};

/// A run with everything that a checkpoint must hold: random numbers, states of the model and of the optimizer for
/// coordinates, tensors and the model, averaged weights, several batches a step, series and distributions.
fn text(steps: usize, checkpoint: &str) -> String {
    format!(
        "data d = synthetic(rows = 60, seed = 1, test = 0.2) {{
  x = random.normal[rows, 6]()
  y = sum(x^2, axis = 1)
}}
model net(x: real[B, 6]) -> real[B] {{
  layer first = dense[6, 8]
  layer norm  = batchnorm[8]
  layer last  = dense[8, 1]
  sum(x |> first |> norm |> relu |> dropout[0.1] |> last, axis = 1)
}}
let fit = train net on d.train {{
  loss = mean((net(x) - y)^2)
  metric off = mean(abs(net(x) - y))
  optimizer = adam(lr = 1e-3) |> eg_gain |> eg_scale |> weight_ema
  batch = 8
  accumulate = 2
  steps = {steps}
  every = 70
  validate = d.test
  keep = best val_loss
  seed = 3
  {checkpoint}
}}
plot fit.loss, fit.opt.eg_gain.p to \"fit.svg\"
save fit to \"fit.csv\"
save fit to \"fit.safetensors\"
"
    )
}

const FILES: [&str; 3] = ["fit.svg", "fit.csv", "fit.safetensors"];

fn outputs(folder: &Path) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(folder.join(name)).expect("it was written")).collect()
}

/// What a run of the same script leaves that nothing disturbs.
fn undisturbed(name: &str, text: &str) -> Vec<Vec<u8>> {
    let folder = folder(&format!("{name}_undisturbed"));
    let output = egret(&["run", "-q", &script(&folder, text)], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    outputs(&folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match fs::read_dir(folder.join("kept")) {
        Ok(entries) => entries.map(|entry| entry.expect("it can be listed").path()).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|path| path.extension().is_some_and(|end| end == "safetensors"));
    files.sort();
    files
}

fn start(folder: &Path, flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_egret"))
        .arg("run")
        .args(flags)
        .arg("script.eg")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts")
}

/// Waits until there is a checkpoint.
fn wait_for_one(folder: &Path) {
    let begin = Instant::now();
    while files(folder).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn resumes_to(folder: &Path, want: &[Vec<u8>]) -> String {
    let output = egret(&["run", "--resume", "script.eg"], folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for ((name, want), have) in FILES.iter().zip(want).zip(outputs(folder)) {
        assert!(*want == have, "{name} is another one");
    }
    stderr(&output)
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.expect("there is `kill`").success());
}

#[cfg(unix)]
/// A run that gets a signal on its way. Where the run was faster than the signal, another one.
fn signalled(name: &str, text: &str) -> (PathBuf, Output) {
    let folder = folder(&format!("signal_{name}"));
    for _ in 0..20 {
        fs::remove_dir_all(folder.join("kept")).unwrap_or_default();
        fs::remove_file(folder.join("fit.csv")).unwrap_or_default();
        script(&folder, text);
        let child = start(&folder, &[]);
        wait_for_one(&folder);
        signal(&child, name);
        let output = child.wait_with_output().expect("it ends");
        if !output.status.success() {
            return (folder, output);
        }
    }
    panic!("{name}: all runs end before the signal reaches them");
}

#[test]
fn a_signal_ends_after_the_step_and_the_run_goes_on_with_the_same_bits() {
    let text = text(20_000, "checkpoint = every 150 to \"kept\"");
    let want = undisturbed("signal", &text);
    for (name, exit) in [("INT", 130), ("TERM", 143)] {
        let (folder, output) = signalled(name, &text);
        assert_eq!(output.status.code(), Some(exit), "{}", stderr(&output));
        assert!(stderr(&output).contains("all of it is in `kept/fit-0"), "{}", stderr(&output));
        assert!(!folder.join("fit.csv").exists());
        let log = resumes_to(&folder, &want);
        assert!(log.starts_with("fit: goes on after step "), "{log}");
        assert_eq!(files(&folder).len(), 3);
    }
}

/// Kills a run again and again, and lets it go on.
fn survives(kills: u64, name: &str) {
    let steps = 6_000;
    let text = text(steps, "checkpoint = every 40 to \"kept\"\n  resume = true");
    let want = undisturbed(name, &text);
    let folder = folder(name);
    script(&folder, &text);
    let mut state = 88_172_645_463_325_252_u64;
    for round in 0..kills {
        let mut child = start(&folder, &[]);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        std::thread::sleep(Duration::from_millis(state % 300));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        if round % 10 == 9 {
            // Else it would soon be done.
            fs::remove_dir_all(folder.join("kept")).unwrap_or_default();
        }
    }
    resumes_to(&folder, &want);
}

#[test]
fn a_run_that_is_killed_goes_on_with_the_same_bits() {
    survives(6, "killed");
}

#[test]
#[ignore = "kills a hundred runs"]
fn a_run_that_is_killed_a_hundred_times_goes_on_with_the_same_bits() {
    survives(100, "killed_often");
}

#[test]
fn a_damaged_checkpoint_is_passed_over_and_it_is_said() {
    let text = text(400, "checkpoint = every 100 to \"kept\"\n  checkpoints = 4");
    let want = undisturbed("damaged", &text);
    let folder = folder("damaged");
    let path = script(&folder, &text);
    assert_eq!(code(&egret(&["run", "-q", &path], &folder)), 0);
    let newest = files(&folder);
    assert_eq!(newest.len(), 4);
    // One is cut off, in another a bit is another one.
    let whole = fs::read(&newest[3]).expect("it is there");
    fs::write(&newest[3], &whole[..whole.len() - 9]).expect("it can be written");
    let mut other = fs::read(&newest[2]).expect("it is there");
    let last = other.len() - 100;
    other[last] ^= 4;
    fs::write(&newest[2], other).expect("it can be written");
    let log = resumes_to(&folder, &want);
    assert!(
        log.contains("fit-00000400.safetensors` is passed over: it is not a whole safetensors file"),
        "{log}"
    );
    assert!(log.contains("fit-00000300.safetensors` is passed over: its elements are not"), "{log}");
    assert!(log.contains("goes on after step 200"), "{log}");
    for file in files(&folder) {
        fs::write(file, "nothing").expect("it can be written");
    }
    let output = egret(&["run", "--resume", "script.eg"], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("error[no-whole-checkpoint]"), "{}", stderr(&output));
}

#[test]
fn a_checkpoint_of_another_run_is_refused_by_what_differs() {
    let folder = folder("other_run");
    let kept = "checkpoint = every 100 to \"kept\"";
    let path = script(&folder, &text(200, kept));
    assert_eq!(code(&egret(&["run", "-q", &path], &folder)), 0);
    let again = egret(&["run", &path], &folder);
    assert_eq!(code(&again), 1);
    assert!(stderr(&again).contains("error[checkpoints-there]"), "{}", stderr(&again));
    for (from, to, what) in [
        ("seed = 3", "seed = 4", "seed: 3 there, 4 here"),
        ("batch = 8", "batch = 6", "batch: 8 there, 6 here"),
        ("lr = 1e-3", "lr = 1e-2", "opt.adam.lr: 1e-3 there, 0.01 here"),
        ("(net(x) - y)^2", "abs(net(x) - y)", "model, loss, metrics and optimizer: not the same"),
        ("x = random.normal", "x = 2 * random.normal", "training rows: 48 ("),
        ("steps = 200", "steps = 100", "it is at step 200 of a run that now has 100"),
    ] {
        script(&folder, &text(200, kept).replacen(from, to, 1));
        let output = egret(&["run", "--resume", &path], &folder);
        assert_eq!(code(&output), 1, "{what}: {}", stderr(&output));
        let said = stderr(&output);
        assert!(said.contains("error[other-run]") && said.contains(what), "{what}: {said}");
    }
    // More steps are no difference.
    let want = undisturbed("more_steps", &text(490, kept));
    script(&folder, &text(490, kept));
    resumes_to(&folder, &want);
}

#[test]
fn nothing_to_resume_is_said() {
    let folder = folder("nothing_to_resume");
    let path = script(&folder, &text(10, ""));
    let output = egret(&["run", "--resume", &path], &folder);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("error[nothing-to-resume]"), "{}", stderr(&output));
    let path = script(&folder, &text(10, "checkpoint = every 5 to \"kept\""));
    let output = egret(&["run", "--resume", &path], &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("no checkpoint in `kept`, it begins at step 1"), "{}", stderr(&output));
}

#[test]
fn each_run_of_a_sweep_has_checkpoints_of_its_own() {
    let folder = folder("swept");
    let text = text(60, "checkpoint = every 20 to \"kept\"\n  resume = true");
    let text = text
        .replace("let fit = train", "let fit = sweep lr in [1e-3, 1e-2] { train")
        .replace("  resume = true\n}\n", "  resume = true\n} }\n");
    let text = text
        .replace("adam(lr = 1e-3)", "adam(lr = lr)")
        .replace("plot fit.loss, fit.opt.eg_gain.p", "plot fit.loss");
    let text = text.replace("save fit to \"fit.safetensors\"\n", "");
    let path = script(&folder, &text);
    let first = egret(&["run", &path], &folder);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let table = fs::read(folder.join("fit.csv")).expect("it is there");
    assert_eq!(files(&folder).len(), 6, "{:?}", files(&folder));
    fs::remove_file(folder.join("kept/fit.1-00000060.safetensors")).expect("it is there");
    let second = egret(&["run", &path], &folder);
    assert_eq!(code(&second), 0, "{}", stderr(&second));
    assert!(stderr(&second).contains("goes on after step 40"), "{}", stderr(&second));
    assert!(table == fs::read(folder.join("fit.csv")).expect("it is there"));
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_training_only_where_that_is_asked_for() {
    for (strict, exit) in [("", 0), ("\n  checkpoint_errors = stop", 1)] {
        let folder = folder(if strict.is_empty() { "full_disk" } else { "full_disk_strict" });
        let text = text(60, &format!("checkpoint = every 20 to \"kept\"{strict}"));
        script(&folder, text.split("plot ").next().expect("a text"));
        let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" run script.eg";
        let output = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_egret")])
            .current_dir(&folder)
            .output()
            .expect("there is a shell");
        assert_eq!(code(&output), exit, "{}", stderr(&output));
        let said = stderr(&output);
        assert!(said.contains("cannot write `kept/fit-00000020.safetensors`"), "{said}");
        assert_eq!(said.contains("training goes on"), strict.is_empty(), "{said}");
        assert_eq!(fs::read_dir(folder.join("kept")).expect("it is there").count(), 0, "no draft is left");
    }
}
