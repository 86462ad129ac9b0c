//! `egret emit`: the program at one stage.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Real, USAGE, fail, load, print, unknown, usage};
use crate::pass::Point;
use crate::pipeline::STAGES;
use crate::typed::{LIMIT, UNROLL};

#[derive(Args, Debug)]
pub(super) struct EmitArgs {
    /// List the stages with their passes
    #[arg(long, exclusive = true)]
    list: bool,
    /// Print it as it is after this pass of the stage
    #[arg(long, value_name = "PASS", conflicts_with = "before")]
    after: Option<String>,
    /// Print it as it is before this pass of the stage
    #[arg(long, value_name = "PASS")]
    before: Option<String>,
    /// The stage, as listed by `egret emit --list`
    #[arg(required_unless_present = "list")]
    stage: Option<String>,
    /// The script, or `-` for standard input
    #[arg(required_unless_present = "list")]
    file: Option<PathBuf>,
    /// What `real` means in this script
    #[arg(long, value_enum)]
    real: Option<Real>,
    /// The most operations of one compiled program: compile time grows with them
    #[arg(long, default_value_t = LIMIT, hide_default_value = true)]
    limit: usize,
    /// Loops of at most so many iterations are written out
    #[arg(long, default_value_t = UNROLL, hide_default_value = true)]
    unroll: usize,
}

/// The stages, each with its passes.
fn listed() -> String {
    let mut text = String::new();
    for stage in STAGES {
        text += &format!("{:17} {}\n", stage.name, stage.doc);
        for (name, doc) in stage.passes() {
            text += &format!("  {name:15} {doc}\n");
        }
    }
    text
}

pub(super) fn emit(args: &EmitArgs, color: bool) -> Exit {
    if args.list {
        return print(&listed());
    }
    let (Some(name), Some(file)) = (&args.stage, &args.file) else { return Err(USAGE) };
    let Some(stage) = STAGES.iter().find(|stage| stage.name == name) else {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        return Err(usage(&unknown("stage", name, &names)));
    };
    let point = args.after.as_deref().map(Point::After).or(args.before.as_deref().map(Point::Before));
    if let Some(Point::After(pass) | Point::Before(pass)) = point
        && !stage.passes().iter().any(|(name, _)| *name == pass)
    {
        let names: Vec<&str> = stage.passes().iter().map(|(name, _)| *name).collect();
        return Err(usage(&match names.is_empty() {
            true => format!("stage `{}` has no passes: `egret emit --list` shows which have", stage.name),
            false => unknown(&format!("pass of `{}`", stage.name), pass, &names),
        }));
    }
    let program = load(file, args.real, (args.limit, args.unroll))?;
    let text = match point {
        Some(point) => program.emit_between(stage, point),
        None => program.emit(stage),
    };
    print(&text.map_err(|report| fail(&report, color))?)
}
