//! Optimizers on memory of other programs: the header for C, and the examples in Rust, C and Python.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "../../examples/rust_buffers.rs"]
mod rust_buffers;

/// The header is made from the Rust source; `EGRET_UPDATE=1 cargo test --test suite buffers` writes it anew.
#[test]
fn the_header_is_that_of_the_source() {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Both,
        documentation_style: cbindgen::DocumentationStyle::C99,
        cpp_compat: true,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: ["stddef.h", "stdint.h"].map(str::to_owned).to_vec(),
        include_guard: Some("EGRET_H".to_owned()),
        header: Some(
            "// The C interface of Egret: optimizer pipelines on the caller's own memory.\n// Made from src/capi by `EGRET_UPDATE=1 cargo test --test suite buffers`."
                .to_owned(),
        ),
        ..cbindgen::Config::default()
    };
    config.enumeration.rename_variants = cbindgen::RenameRule::ScreamingSnakeCase;
    config.line_length = 100;
    let source = root().join("src/capi/mod.rs");
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate();
    let mut text = Vec::new();
    bindings.expect("the source can be read").write(&mut text);
    let text = prefixed(&String::from_utf8(text).expect("text"));
    let path = root().join("examples/c/egret.h");
    if std::env::var_os("EGRET_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("the header can be written");
    }
    let have = std::fs::read_to_string(&path).expect("the header is there");
    assert!(have == text, "examples/c/egret.h is old: EGRET_UPDATE=1 cargo test --test suite buffers");
}

/// The codes with `EGRET_` before their names: C has one scope for all of them.
fn prefixed(text: &str) -> String {
    let mut lines = Vec::new();
    let mut codes = false;
    for line in text.lines() {
        codes = (codes || line.starts_with("typedef enum egret_code")) && !line.starts_with('}');
        let name = line.trim_start();
        let code = codes && name.starts_with(|first: char| first.is_ascii_uppercase());
        lines.push(if code { format!("  EGRET_{name}\n") } else { format!("{line}\n") });
    }
    lines.concat()
}

#[test]
fn a_c_program_trains_as_a_rust_program_does() {
    let Some(compiler) = ["cc", "gcc", "clang"].into_iter().find(|name| runs(name, "--version")) else {
        println!("skipped: there is no C compiler");
        return;
    };
    let library = library();
    let folder = library.parent().expect("a folder");
    let program = scratch("adam");
    let mut compile = Command::new(compiler);
    compile.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off", "-o"]).arg(&program);
    compile.arg(root().join("examples/c/adam.c")).arg("-I").arg(root().join("examples/c")).arg(&library);
    compile.arg(format!("-Wl,-rpath,{}", folder.display())).arg("-lm");
    succeed(compile.output().expect("it runs"), "the C compiler");
    let printed = succeed(Command::new(&program).output().expect("it runs"), "the C program");
    std::fs::remove_file(&program).expect("it is there");
    let expected = rust_buffers::fit().expect("it works");
    assert!((number(&printed, "loss") - f64::from(expected)).abs() < 2e-6, "{printed}: not {expected}");
    assert!(number(&printed, "scale") != 1.0, "{printed}");
    assert!(printed.contains("error there is no hyperparameter `adam.rate`"), "{printed}");
}

#[test]
fn a_python_program_trains_as_a_rust_program_does() {
    let numpy = Command::new("python3").args(["-c", "import numpy"]).output();
    if !numpy.is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no python3 with numpy");
        return;
    }
    let mut python = Command::new("python3");
    python.arg("-B").arg(root().join("examples/python/numpy_adam.py")).arg(library());
    let printed = succeed(python.output().expect("it runs"), "the Python program");
    let expected = rust_buffers::fit().expect("it works");
    assert!((number(&printed, "loss") - f64::from(expected)).abs() < 1e-4, "{printed}: not {expected}");
    assert!(printed.contains("error there is no hyperparameter `adam.rate`"), "{printed}");
}

/// Least squares by hand: the loss cannot go below it, and the example comes near.
#[test]
fn the_example_finds_the_line() {
    let found = f64::from(rust_buffers::fit().expect("it works"));
    assert!((found - LEAST).abs() < 1e-4, "{found} is not near {LEAST}");
}

/// The mean squared error of the best line through the points of the examples.
const LEAST: f64 = 0.386_551_250_343_500_74;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("egret-{name}-{}", std::process::id()))
}

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}

/// The shared library that was built with this test: beside the program or among its dependencies,
/// whichever is newer.
fn library() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_egret")).parent().expect("a folder").to_path_buf();
    let name = format!("{}egret{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let places = [folder.join("deps").join(&name), folder.join(&name)];
    let newest = places.into_iter().filter_map(|place| {
        let changed = place.metadata().and_then(|metadata| metadata.modified()).ok()?;
        Some((changed, place))
    });
    newest.max().expect("the shared library is built").1
}

fn succeed(output: Output, what: &str) -> String {
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{printed}{errors}", output.status);
    printed.into_owned()
}

fn number(printed: &str, name: &str) -> f64 {
    let line = printed.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.trim().parse().expect("a number")
}
