//! The README shows what there is: its script, its IR and its stage are those of the repository.

use std::fs;
use std::path::Path;

use egret::pipeline::{LIBRARY, Options, Program};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is readable")
}

/// Fenced blocks of a kind, without indentation of the fence.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() == format!("```{kind}") {
            let indent = line.len() - line.trim_start().len();
            let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
            blocks.push(inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect());
        }
    }
    blocks
}

#[test]
fn scripts_and_stages_are_those_of_the_repository() {
    let readme = read("README.md");
    let shown = blocks(&readme, "egret");
    assert_eq!(shown[0], read("examples/digits.eg"));
    let (stages, scripts): (Vec<&str>, Vec<&str>) =
        shown[1..].iter().map(|text| text.trim_end()).partition(|text| text.contains("\nstage "));
    assert!(!stages.is_empty() && !scripts.is_empty());
    for stage in stages {
        assert!(LIBRARY.iter().any(|(_, source)| source.contains(stage)), "{stage}");
    }
    for script in scripts {
        let checked = Program::compile("README.eg", script, Options::default());
        checked.unwrap_or_else(|report| panic!("{}", report.render(false)));
    }
}

#[test]
fn kernels_are_those_that_the_compiler_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let options = Options { folder, share_states: true, ..Options::default() };
    let program = Program::compile("digits.eg", &read("examples/digits.eg"), options);
    let program = program.unwrap_or_else(|report| panic!("{}", report.render(false)));
    let printed = program.emit_named("kernel").expect("it compiles").expect("there is such a stage");
    let readme = read("README.md");
    let shown = &blocks(&readme, "text")[0];
    for part in shown.split("    ...\n") {
        assert!(printed.contains(part), "{part}");
    }
}

#[test]
fn every_stage_of_the_library_is_listed() {
    let readme = read("README.md");
    for (_, source) in LIBRARY {
        for line in source.lines() {
            let named =
                ["stage ", "wrap stage ", "pipeline "].iter().find_map(|kind| line.strip_prefix(kind));
            let Some(rest) = named else { continue };
            let name = rest.split('(').next().expect("a name");
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
        }
    }
}
