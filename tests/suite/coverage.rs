//! Nothing goes untried: every diagnostic has a case, every name of the library a line of
//! documentation and a use.

use std::fs;
use std::path::{Path, PathBuf};

use egret::ast::{self, ItemKind};
use egret::pipeline::{self, LIBRARY};
use egret::source::FileId;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of all files below a folder whose names end so.
fn texts(folder: &Path, end: &str) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            all.extend(texts(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            all.push(fs::read_to_string(&path).expect("it is text"));
        }
    }
    all
}

/// Codes that no script of a sensible size can have, with the file and the words that try them.
const ELSEWHERE: [(&str, &str, &str); 13] = [
    ("nesting-too-deep", "tests/suite/cli.rs", "nesting-too-deep"),
    ("source-too-large", "tests/suite/cli.rs", "source-too-large"),
    ("unknown-hyperparameter", "tests/suite/cli.rs", "fn a_hyperparameter_and_the_seed_change_from_outside"),
    ("not-a-pipeline", "src/optimizer/tests.rs", "not-a-pipeline"),
    ("parameter-shape", "src/optimizer/tests.rs", "parameter-shape"),
    ("no-total", "src/optimizer/tests.rs", "no-total"),
    ("interrupted", "tests/suite/cli/checkpoints.rs", "fn a_signal_ends_after_the_step"),
    ("other-run", "tests/suite/cli/checkpoints.rs", "error[other-run]"),
    ("no-whole-checkpoint", "tests/suite/cli/checkpoints.rs", "error[no-whole-checkpoint]"),
    ("checkpoints-there", "tests/suite/cli/checkpoints.rs", "error[checkpoints-there]"),
    ("incomplete-fit", "tests/suite/cli/predict.rs", "error[incomplete-fit]"),
    ("other-features", "tests/suite/cli/predict.rs", "error[other-features]"),
    ("nothing-to-resume", "tests/suite/cli/checkpoints.rs", "error[nothing-to-resume]"),
];

#[test]
fn every_diagnostic_has_a_case() {
    let snapshots = texts(&root().join("tests/cases/error"), ".snap");
    let mut missing = Vec::new();
    for code in pipeline::codes() {
        let shown = snapshots.iter().any(|text| text.contains(&format!("[{}]", code.name)));
        match ELSEWHERE.iter().find(|(name, ..)| *name == code.name) {
            None if !shown => missing.push(code.name),
            None => {}
            Some((name, file, words)) => {
                let tests = fs::read_to_string(root().join(file)).expect("it is there");
                assert!(tests.contains(words), "nothing in {file} tries {name}");
            }
        }
    }
    assert!(missing.is_empty(), "no cases for {missing:?}");
}

#[test]
fn every_code_is_explained_once() {
    let mut names: Vec<&str> = pipeline::codes().map(|code| code.name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1] && pair[0] != "unknown-column");
    assert_eq!(twice, None);
    for code in pipeline::codes() {
        assert!(code.explain.len() > 60, "{} needs more of an explanation", code.name);
    }
}

/// Names of functions, models and stages of the library, with their documentation.
fn library() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (_, text) in LIBRARY {
        let (script, found) = ast::parse(FileId(0), text);
        assert!(found.is_empty(), "{found:?}");
        for item in script.items {
            let (ItemKind::Fn(ast::Function { name, .. })
            | ItemKind::Model(ast::Function { name, .. })
            | ItemKind::Stage(ast::Stage { name, .. })) = item.kind
            else {
                continue;
            };
            all.push((name.name, item.doc));
        }
    }
    all
}

/// How often `name` stands in `text` as a word of its own, outside of comments.
fn uses(text: &str, name: &str) -> usize {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let code = text.lines().map(|line| line.split("// ").next().unwrap_or_default());
    code.flat_map(|line| line.split(|c: char| !inside(c))).filter(|word| *word == name).count()
}

#[test]
fn the_library_is_documented_and_used() {
    let tests = root().join("tests");
    let scripts =
        [texts(&tests, ".eg"), texts(&tests, ".rs"), texts(&root().join("examples"), ".eg")].concat();
    let library = library();
    assert!(library.len() > 20, "{library:?}");
    let undocumented: Vec<&String> =
        library.iter().filter(|(_, doc)| doc.trim().is_empty()).map(|(name, _)| name).collect();
    assert!(undocumented.is_empty(), "no documentation of {undocumented:?}");
    // In the library itself a name stands once where it is declared.
    let inside = |name: &str| LIBRARY.iter().map(|(_, text)| uses(text, name)).sum::<usize>() > 1;
    let used = |name: &str| scripts.iter().any(|text| uses(text, name) > 0) || inside(name);
    let unused: Vec<&String> = library.iter().map(|(name, _)| name).filter(|name| !used(name)).collect();
    assert!(unused.is_empty(), "no case uses {unused:?}");
}
