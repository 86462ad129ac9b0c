//! The experiments about the paper's claims: the small forms run, and the others are sound.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use egret::pipeline::{Options, Program};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Runs a script in a fresh folder and gives what it prints and the names of what it leaves.
fn run(name: &str) -> (String, Vec<String>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder");
    let done = Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(["run", "--threads", "1"])
        .arg(root().join("examples/paper").join(format!("{name}.eg")))
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let left = fs::read_dir(&folder).expect("a folder").flatten();
    let names = left.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    (String::from_utf8(done.stdout).expect("text"), names)
}

/// The mean in a row and a column of a table.
fn mean(table: &str, row: &str, column: usize) -> f64 {
    let line =
        table.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row}: {table}"));
    let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    cells[column].split(' ').next().and_then(|mean| mean.parse().ok()).expect("a number")
}

#[test]
fn at_a_rate_that_is_too_small_gains_and_scale_help() {
    let (table, left) = run("digits_rates");
    assert!(mean(&table, "1e-4", 2) > mean(&table, "1e-4", 1) + 0.05, "{table}");
    assert!(left.contains(&"digits_rates.svg".to_owned()));
}

#[test]
fn digits_that_turn_are_followed() {
    let (table, left) = run("digits_rotating");
    assert!(mean(&table, "1e-3", 2) > mean(&table, "1e-3", 1) + 0.05, "{table}");
    assert!(left.contains(&"digits_rotating.svg".to_owned()));
}

#[test]
fn hour_by_hour_the_default_gains_do_harm() {
    let (table, _) = run("bike_stream_small");
    assert!(mean(&table, "0.01", 2) > mean(&table, "0.01", 1), "{table}");
}

#[test]
fn a_small_convolutional_network_learns_faster_with_gains_and_with_a_fast_scale() {
    let (table, _) = run("digits_cnn");
    assert!(mean(&table, "1e-3", 2) > mean(&table, "1e-3", 1) + 0.05, "{table}");
    assert!(mean(&table, "1e-3", 3) > mean(&table, "1e-3", 2) + 0.05, "{table}");
}

#[test]
fn so_does_a_small_transformer() {
    let (table, _) = run("text_small");
    for rate in ["1e-4", "1e-3"] {
        assert!(mean(&table, rate, 2) < mean(&table, rate, 1) - 0.05, "{table}");
        assert!(mean(&table, rate, 3) < mean(&table, rate, 2) - 0.05, "{table}");
    }
}

#[test]
fn the_experiments_are_sound() {
    let folder = root().join("examples/paper");
    let mut checked = 0;
    for file in fs::read_dir(&folder).expect("a folder").flatten() {
        if file.path().extension().is_none_or(|end| end != "eg") {
            continue;
        }
        let source = fs::read_to_string(file.path()).expect("text");
        let source = source
            .replace("../data/mnist/", "../../tests/data/mnist/")
            .replace("../data/fashion-mnist/", "../../tests/data/mnist/")
            .replace("bike_sharing.csv", "bike_sharing_3000.csv");
        let options = Options { folder: folder.clone(), ..Options::default() };
        let name = file.file_name().to_string_lossy().into_owned();
        let program = Program::new(&name, &source, options);
        program.emit_named("typed").unwrap_or_else(|report| panic!("{}", report.render(false)));
        checked += 1;
    }
    assert!(checked >= 14, "{checked}");
}
