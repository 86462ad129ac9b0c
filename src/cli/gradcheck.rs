//! `egret gradcheck`: gradients beside finite differences.

use std::path::Path;

use super::{Exit, PROGRAM, complain, fail, print, script_text, unknown, usage};
use crate::gradcheck::{Checked, Compared, Problem, gradcheck};

/// Compares gradients with differences.
pub(super) fn gradients(file: &Path, name: Option<&str>, color: bool) -> Exit {
    let text = script_text(file)?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let checked =
        gradcheck(&file.display().to_string(), &text, &folder, name).map_err(|problem| match problem {
            Problem::Report(report) => fail(&report, color),
            Problem::Unknown(known) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                usage(&unknown("function or training run", name.unwrap_or_default(), &known))
            }
        })?;
    print(&checked.iter().map(ToString::to_string).collect::<String>())?;
    let differs = |of: &&Checked| !of.compared.iter().all(Compared::agrees);
    let wrong: Vec<&str> = checked.iter().filter(differs).map(|of| of.name.as_str()).collect();
    if !wrong.is_empty() {
        complain(&format!("gradients differ from finite differences: {}", wrong.join(", ")));
    }
    let programs = checked.iter().flat_map(|of| &of.compiled).filter(|program| !program.agrees());
    let miscompiled: Vec<&str> = programs.map(|program| program.name.as_str()).collect();
    if !miscompiled.is_empty() {
        complain(&format!(
            "compiled programs differ from their operators: {}: this is a bug in egret, please report it \
             together with the script",
            miscompiled.join(", ")
        ));
    }
    if checked.iter().all(Checked::agrees) { Ok(0) } else { Err(PROGRAM) }
}
