//! The command line.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::algebra::types::DType;
use crate::check::errors::HYPERPARAMETER_RANGE;
use crate::data;
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::gradcheck::{Checked, Compared, Problem, gradcheck};
use crate::input;
use crate::pass::Point;
use crate::pipeline::{self, Options, Profile, Program, Report, STAGES};
use crate::report;
use crate::run::{Settings, errors};
use crate::typed::LIMIT;

mod bench;
mod show;

/// The program's own fault: bad script, bad data, a failed assertion.
const PROGRAM: u8 = 1;
/// A command line that makes no sense.
const USAGE: u8 = 2;
/// The loss became NaN or infinite.
const TRAINING: u8 = 3;
/// A bug of ours.
const INTERNAL: u8 = 101;

/// Compiler for models and optimizer pipelines: trains them as native code.
#[derive(Parser, Debug)]
#[command(name = "egret", version, arg_required_else_help = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour messages
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Compile a script and run it
    Run(RunArgs),
    /// Time the training steps of a script
    Bench(bench::BenchArgs),
    /// Report what is wrong with a script, without running it
    Check(CheckArgs),
    /// Print the program at one stage of the compiler
    Emit(EmitArgs),
    /// Print what each kernel costs: bytes, operations, passes over the parameters
    Cost(Script),
    /// Compare gradients of functions and losses with finite differences, in double precision
    Gradcheck {
        /// The script, or `-` for standard input
        file: PathBuf,
        /// A function, or the name of a training run; without one, all of them
        name: Option<String>,
    },
    /// Explain a diagnostic code, such as `shape-mismatch`
    Explain {
        /// The code; without one, all codes are listed
        code: Option<String>,
    },
    /// Print a script in the standard layout
    Fmt {
        /// The script, or `-` for standard input
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
struct Script {
    /// The script, or `-` for standard input
    file: PathBuf,
    /// What `real` means in this script
    #[arg(long, value_enum)]
    real: Option<Real>,
    /// The most operations of one compiled program: compile time grows with them
    #[arg(long, default_value_t = LIMIT, hide_default_value = true)]
    limit: usize,
}

#[derive(Args, Debug)]
struct CheckArgs {
    #[command(flatten)]
    script: Script,
    /// Compile to machine code, and print how long each stage of the compiler takes
    #[arg(long)]
    timings: bool,
}

#[derive(Args, Debug)]
struct RunArgs {
    #[command(flatten)]
    script: Script,
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
    /// Write a page that shows the run: curves, distributions, kernels with their times, memory, code
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct EmitArgs {
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
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Real {
    /// Single precision
    F32,
    /// Double precision
    F64,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}

impl Color {
    fn enabled(self) -> bool {
        let wanted = || std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self {
            Color::Auto => wanted() && io::stderr().is_terminal(),
            Color::Always => true,
            Color::Never => false,
        }
    }
}

fn parse_set(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=NUMBER, such as opt.adam.lr=3e-4")?;
    let number: f64 = value.trim().parse().map_err(|_| format!("expected a number, found `{value}`"))?;
    if !number.is_finite() {
        return Err(format!("expected a finite number, found `{value}`"));
    }
    Ok((name.trim().to_owned(), number))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let started = Instant::now();
    // Trees are walked recursively; the limit on their depth is set for this stack.
    let worker =
        std::thread::Builder::new().stack_size(64 << 20).spawn(move || ExitCode::from(command(started)));
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => ExitCode::from(INTERNAL),
        Err(error) => {
            complain(&format!("cannot start a thread: {error}"));
            ExitCode::from(INTERNAL)
        }
    }
}

fn command(started: Instant) -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // A closed pipe while printing help is nobody's concern.
            drop(error.print());
            return if asked { 0 } else { USAGE };
        }
    };
    let color = cli.color.enabled();
    let done = match cli.command {
        Command::Run(args) => run(&args, color),
        Command::Bench(args) => bench::bench(&args, color, started),
        Command::Check(args) => check(&args, color),
        Command::Emit(args) => emit(&args, color),
        Command::Cost(script) => cost(&script, color),
        Command::Gradcheck { file, name } => gradients(&file, name.as_deref(), color),
        Command::Explain { code } => explain(code.as_deref()),
        Command::Fmt { file } => format(&file, color),
    };
    done.unwrap_or_else(|code| code)
}

/// Exit code of a command that did not end well; what there is to say has been said.
type Done = Result<u8, u8>;

fn complain(text: &str) {
    // Nothing is left to do when even standard error is closed.
    drop(writeln!(io::stderr(), "{}", text.trim_end()));
}

/// Prints to standard output. A reader that closes the pipe early ends the command quietly.
fn print(text: &str) -> Done {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => {
            complain(&format!("cannot write to standard output: {error}"));
            Err(PROGRAM)
        }
    }
}

/// Whether a finding is about a value that `--set` gave: it has no place in the script.
fn is_about_the_command_line(found: &Diagnostic) -> bool {
    let of_set = [errors::UNKNOWN_HYPERPARAMETER.name, HYPERPARAMETER_RANGE.name];
    found.labels.is_empty() && of_set.contains(&found.code.name)
}

fn fail(report: &Report, color: bool) -> u8 {
    complain(&report.render(color));
    let failed = |code: &str| report.diagnostics.iter().any(|found| found.code.name == code);
    if failed(errors::TRAINING_FAILED.name) {
        TRAINING
    } else if report.diagnostics.iter().any(is_about_the_command_line) {
        USAGE
    } else {
        PROGRAM
    }
}

fn warn(program: &Program, color: bool) {
    let report = program.warnings();
    if !report.diagnostics.is_empty() {
        complain(&report.render(color));
    }
}

fn load(file: &Path, real: Option<Real>, limit: usize) -> Result<Program, u8> {
    if file
        .extension()
        .is_some_and(|end| ["csv", "gz", "idx", "safetensors", "svg"].iter().any(|data| end == *data))
    {
        let shown = file.display();
        return Err(usage(&format!(
            "`{shown}` is no script; a script reads data with `data d = csv(\"...\")`"
        )));
    }
    let text = script_text(file)?;
    let real = real.map(|real| match real {
        Real::F32 => DType::F32,
        Real::F64 => DType::F64,
    });
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(Program::new(&file.display().to_string(), &text, Options { real, folder, share_states: true, limit }))
}

fn script_text(file: &Path) -> Result<String, u8> {
    let text = if file == Path::new("-") { input::standard_input() } else { input::script(file) };
    text.map_err(|error| {
        let reason = data::errors::unreadable(file, &error).help("check the path of the script");
        complain(&Report { diagnostics: vec![reason], sources: Default::default() }.render(false));
        PROGRAM
    })
}

/// Compiles a script as far as anything can be wrong with it; with `timings` to the end.
fn compile(script: &Script, timings: bool, color: bool) -> Result<Program, u8> {
    let program = load(&script.file, script.real, script.limit)?;
    let failed = |report: Report| fail(&report, color);
    if timings {
        complain(&program.timings().map_err(failed)?.to_string());
    }
    program.loops().map_err(failed)?;
    warn(&program, color);
    Ok(program)
}

fn run(args: &RunArgs, color: bool) -> Done {
    let program = compile(&args.script, args.timings, color)?;
    let threads = threads(args.threads);
    let settings =
        Settings { set: args.set.clone(), seed: args.seed, threads, record: args.report.is_some() };
    let mut events = show::Screen::new();
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
fn written(file: &Path, text: &str, what: &str) -> Done {
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

/// The given number of threads, or one for each processor that this process may use.
fn threads(given: Option<u16>) -> usize {
    given.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

fn check(args: &CheckArgs, color: bool) -> Done {
    compile(&args.script, args.timings, color).map(|_| 0)
}

/// Compares gradients with differences.
fn gradients(file: &Path, name: Option<&str>, color: bool) -> Done {
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

fn emit(args: &EmitArgs, color: bool) -> Done {
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
    let program = load(file, args.real, args.limit)?;
    let text = match point {
        Some(point) => program.emit_between(stage, point),
        None => program.emit(stage),
    };
    print(&text.map_err(|report| fail(&report, color))?)
}

fn cost(script: &Script, color: bool) -> Done {
    let program = load(&script.file, script.real, script.limit)?;
    print(&program.cost().map_err(|report| fail(&report, color))?)
}

fn explain(code: Option<&str>) -> Done {
    let Some(name) = code else {
        let names: String = pipeline::codes().map(|code| format!("{}\n", code.name)).collect();
        return print(&names);
    };
    match pipeline::codes().find(|code| code.name == name) {
        Some(code) => print(&format!("{}\n\n{}\n", code.name, code.text())),
        None => {
            let names: Vec<&str> = pipeline::codes().map(|code| code.name).collect();
            Err(usage(&unknown("diagnostic code", name, &names)))
        }
    }
}

fn format(file: &Path, color: bool) -> Done {
    let program = load(file, None, LIMIT)?;
    print(&program.format().map_err(|report| fail(&report, color))?)
}

fn unknown(what: &str, name: &str, names: &[&str]) -> String {
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; expected one of: {}", names.join(", ")),
    }
}

fn usage(message: &str) -> u8 {
    // Nothing is left to do when even standard error is closed.
    drop(Cli::command().error(ErrorKind::InvalidValue, message).print());
    USAGE
}
