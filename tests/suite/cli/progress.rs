//! How training is followed where there is no terminal.

use super::{code, egret, folder, script, stderr, stdout};

/// A run of many short epochs.
fn run(epochs: usize, every: &str, flags: &[&str], name: &str) -> (String, String) {
    let folder = folder(name);
    let text = format!(
        "data d = synthetic(rows = 8, seed = 1) {{\n  x = random.normal[rows, 2]()\n  y = sum(x, axis = 1)\n}}\n\
         model line(x: real[B, 2]) -> real[B] {{\n  param w: real[2] = 0\n  x @ w\n}}\n\
         let fit = train line on d {{\n  loss = mean((line(x) - y)^2)\n  optimizer = sgd(lr = 0.1)\n  \
         batch = full\n  epochs = {epochs}\n  {every}\n}}\nprint \"done\"\n"
    );
    let script = script(&folder, &text);
    let output = egret(&[&["run", &script], flags].concat(), &folder);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    (stdout(&output), stderr(&output))
}

#[test]
fn a_log_has_a_line_for_each_of_few_epochs_and_twenty_for_many() {
    assert_eq!(run(3, "", &[], "few_epochs").1.lines().count(), 3);
    let (_, log) = run(120, "", &[], "many_epochs");
    assert_eq!(log.lines().count(), 20, "{log}");
    assert!(log.starts_with("fit: epoch 6/120  loss "), "{log}");
    assert!(log.lines().last().expect("there is one").starts_with("fit: epoch 120/120  loss "), "{log}");
}

#[test]
fn what_every_records_is_reported_within_an_epoch() {
    let folder = folder("every_in_log");
    let text = "data d = synthetic(rows = 400, seed = 1) {\n  x = random.normal[rows, 2]()\n  y = sum(x, axis = 1)\n}\n\
        model line(x: real[B, 2]) -> real[B] {\n  param w: real[2] = 0\n  x @ w\n}\n\
        let fit = train line on d {\n  loss = mean((line(x) - y)^2)\n  optimizer = sgd(lr = 0.1)\n  \
        batch = 4\n  epochs = 1\n  every = 25\n}\n";
    let output = egret(&["run", &script(&folder, text)], &folder);
    let log = stderr(&output);
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(log.starts_with("fit: epoch 1/1, step 25/100  loss "), "{log}");
}

#[test]
fn quiet_shows_only_what_the_script_prints() {
    let (out, err) = run(5, "", &["--quiet"], "quiet_run");
    assert_eq!((out.as_str(), err.as_str()), ("done\n", ""));
}
