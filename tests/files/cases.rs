//! One test per file: the folder names the stage, the snapshot lies beside the script.

use std::io;
use std::path::Path;

use egret::pipeline::{Options, Program, Report, STAGES};
use egret::run::{Events, Settings};

type Outcome = datatest_stable::Result<()>;

fn program(path: &Path) -> Program {
    let source = std::fs::read_to_string(path).expect("the case is readable");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let folder = path.parent().expect("a folder").to_path_buf();
    Program::new(&name, &source, Options { folder, share_states: true, ..Options::default() })
}

fn snapshot(path: &Path, text: &str) {
    let mut settings = insta::Settings::clone_current();
    let folder = std::fs::canonicalize(path.parent().expect("a folder")).expect("the folder is there");
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// As a person reads it, but for how much memory this machine has.
fn rendered(report: &Report) -> String {
    let text = report.render(false);
    let free = |line: &str| {
        let (needs, _) = line.split_once(" of memory, and ")?;
        Some(format!("{needs} of memory, and less is available"))
    };
    text.split('\n').map(|line| free(line).unwrap_or_else(|| line.to_owned())).collect::<Vec<_>>().join("\n")
}

/// The text of some stages, one after the other; a script with errors gives its diagnostics.
fn emit(path: &Path, stages: &[&str]) -> Outcome {
    let program = program(path);
    let mut text = String::new();
    for stage in STAGES.iter().filter(|stage| stages.contains(&stage.name)) {
        let printed = program.emit(stage).map_err(|report| rendered(&report))?;
        if stages.len() > 1 {
            text.push_str(&format!("--- {} ---\n", stage.name));
        }
        text.push_str(&printed);
    }
    snapshot(path, &text);
    Ok(())
}

pub(super) fn ast(path: &Path) -> Outcome {
    emit(path, &["tokens", "ast"])
}

pub(super) fn check(path: &Path) -> Outcome {
    emit(path, &["typed"])
}

pub(super) fn graph(path: &Path) -> Outcome {
    emit(path, &["graph", "step"])
}

pub(super) fn kernel(path: &Path) -> Outcome {
    emit(path, &["kernel"])
}

pub(super) fn loops(path: &Path) -> Outcome {
    emit(path, &["loops"])
}

pub(super) fn native(path: &Path) -> Outcome {
    emit(path, &["clif"])
}

pub(super) fn tour(path: &Path) -> Outcome {
    emit(path, &["tokens", "ast", "typed", "graph", "step", "kernel", "loops", "clif"])
}

pub(super) fn cost(path: &Path) -> Outcome {
    snapshot(path, &program(path).cost().map_err(|report| rendered(&report))?);
    Ok(())
}

/// What a script prints.
#[derive(Default)]
struct Printed(String);

impl Events for Printed {
    fn print(&mut self, text: &str) -> io::Result<()> {
        self.0.push_str(text);
        self.0.push('\n');
        Ok(())
    }
}

pub(super) fn run(path: &Path) -> Outcome {
    let mut printed = Printed::default();
    let done = program(path).run(&Settings::default(), &mut printed);
    if let Err(report) = done {
        printed.0.push_str(&rendered(&report));
    }
    snapshot(path, &printed.0);
    Ok(())
}

/// The diagnostics of a script that is wrong, at whatever stage they appear.
pub(super) fn error(path: &Path) -> Outcome {
    let program = program(path);
    let text = match program.run(&Settings::default(), &mut Printed::default()) {
        Ok(_) => rendered(&program.warnings()),
        Err(report) => rendered(&report),
    };
    if text.is_empty() {
        return Err("the script has nothing wrong with it".into());
    }
    snapshot(path, &text);
    Ok(())
}
