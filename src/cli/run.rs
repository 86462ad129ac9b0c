//! `egret run`: a script from its text to what it prints and writes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Exit, PROGRAM, ScriptArgs, compile, complain, fail, interrupt, show, threads};
use crate::pipeline::{Profile, Report};
use crate::report;
use crate::run::Settings;

#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Print how long each stage of the compiler takes
    #[arg(long)]
    timings: bool,
    /// Change a hyperparameter: `--set opt.adam.lr=3e-4`
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = parse_set)]
    set: Vec<(String, f64)>,
    /// Seed for initial values and the order of rows, in place of the script's
    #[arg(long)]
    seed: Option<u64>,
    /// Most threads to compute with, instead of one for each processor; the results do not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print where the time goes, kernel by kernel, and write a trace that Perfetto opens (`trace.json`, or
    /// as said by `--profile=FILE`)
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "trace.json")]
    profile: Option<PathBuf>,
    /// Let training runs that write checkpoints go on from their newest ones
    #[arg(long)]
    resume: bool,
    /// Show no progress: only what the script prints, warnings and errors
    #[arg(long, short)]
    quiet: bool,
    /// Write a page that shows the run: curves, distributions, kernels with their times, memory, code
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) fn parse_set(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=NUMBER, such as opt.adam.lr=3e-4")?;
    let number: f64 = value.trim().parse().map_err(|_| format!("expected a number, found `{value}`"))?;
    if !number.is_finite() {
        return Err(format!("expected a finite number, found `{value}`"));
    }
    Ok((name.trim().to_owned(), number))
}

pub(super) fn run(args: &RunArgs, color: bool) -> Exit {
    let program = compile(&args.script, args.timings, color)?;
    let threads = threads(args.threads);
    let settings = Settings {
        set: args.set.clone(),
        seed: args.seed,
        threads,
        record: args.report.is_some(),
        resume: args.resume,
        stop: Some(interrupt::catch()),
    };
    let mut events = show::Screen::new(args.quiet);
    let failed = |report: Report| fail(&report, color);
    if args.profile.is_none() && args.report.is_none() {
        program.run(&settings, &mut events).map_err(failed)?;
        return Ok(0);
    }
    let (outcome, profile) = program.profile(&settings, &mut events).map_err(failed)?;
    if let Some(file) = &args.profile {
        trace(&profile, file)?;
    }
    if let Some(file) = &args.report {
        let page = report::page(&program, &outcome, &profile).map_err(failed)?;
        return written(file, &page, "report");
    }
    Ok(0)
}

/// Writes a file that the command line asks for.
fn written(file: &Path, text: &str, what: &str) -> Exit {
    let shown = file.display();
    match fs::write(file, text) {
        Ok(()) => {
            complain(&format!("{what} written to `{shown}`"));
            Ok(0)
        }
        Err(error) => {
            complain(&format!("cannot write the {what} `{shown}`: {error}"));
            Err(PROGRAM)
        }
    }
}

/// Says where the time went, and writes the trace.
fn trace(profile: &Profile, file: &Path) -> Result<(), u8> {
    complain(&profile.to_string());
    let shown = file.display();
    fs::write(file, profile.trace()).map_err(|error| {
        complain(&format!("cannot write the trace `{shown}`: {error}"));
        PROGRAM
    })?;
    complain(&format!("trace written to `{shown}`: open it with Perfetto, or as chrome://tracing"));
    Ok(())
}
