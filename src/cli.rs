//! The command line.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

use crate::algebra::types::DType;
use crate::check::errors::HYPERPARAMETER_RANGE;
use crate::data::errors::unreadable;
use crate::diag::Diagnostic;
use crate::diag::suggest::nearest;
use crate::input;
use crate::pipeline::{Options, Program, Report};
use crate::run::errors;
use crate::typed::{LIMIT, UNROLL};

mod bench;
mod data;
mod emit;
mod explain;
mod fmt;
mod gradcheck;
mod interrupt;
mod run;
mod show;

/// What stands for standard input on the command line.
const STANDARD_INPUT: &str = "-";

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
    Run(run::RunArgs),
    /// Time the training steps of a script
    Bench(bench::BenchArgs),
    /// Report what is wrong with a script, without running it
    Check(CheckArgs),
    /// Print the program at one stage of the compiler
    Emit(emit::EmitArgs),
    /// Print what each kernel costs: bytes, operations, passes over the parameters
    Cost(ScriptArgs),
    /// Compare gradients of functions and losses with finite differences, in double precision
    Gradcheck {
        /// The script, or `-` for standard input
        file: PathBuf,
        /// A function, or the name of a training run; without one, all of them
        name: Option<String>,
    },
    /// Say what the columns of a csv file hold: types, missing cells, ranges, classes
    Data(data::DataArgs),
    /// Explain a diagnostic code, such as `shape-mismatch`, or a name of the library, such as `adam`
    Explain {
        /// The code; without one, all codes are listed
        code: Option<String>,
    },
    /// Print a script in the standard layout, put it into files, or check that they have it
    Fmt(fmt::FmtArgs),
}

#[derive(Args, Debug)]
struct ScriptArgs {
    /// The script, or `-` for standard input
    file: PathBuf,
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

#[derive(Args, Debug)]
struct CheckArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Compile to machine code, and print how long each stage of the compiler takes
    #[arg(long)]
    timings: bool,
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
        Command::Run(args) => run::run(&args, color),
        Command::Bench(args) => bench::bench(&args, color, started),
        Command::Check(args) => check(&args, color),
        Command::Emit(args) => emit::emit(&args, color),
        Command::Cost(script) => cost(&script, color),
        Command::Gradcheck { file, name } => gradcheck::gradients(&file, name.as_deref(), color),
        Command::Data(args) => data::data(&args, color),
        Command::Explain { code } => explain::explain(code.as_deref()),
        Command::Fmt(args) => fmt::fmt(&args, color),
    };
    done.unwrap_or_else(|code| code)
}

/// Exit code of a command that did not end well; what there is to say has been said.
type Exit = Result<u8, u8>;

fn complain(text: &str) {
    // Nothing is left to do when even standard error is closed.
    drop(writeln!(io::stderr(), "{}", text.trim_end()));
}

/// Prints to standard output. A reader that closes the pipe early ends the command quietly.
fn print(text: &str) -> Exit {
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
    if failed(errors::INTERRUPTED.name) {
        interrupt::exit_code()
    } else if failed(errors::TRAINING_FAILED.name) {
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

fn load(file: &Path, real: Option<Real>, (limit, unroll): (usize, usize)) -> Result<Program, u8> {
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
    Ok(Program::new(
        &file.display().to_string(),
        &text,
        Options { real, folder, share_states: true, limit, unroll },
    ))
}

fn script_text(file: &Path) -> Result<String, u8> {
    let text = if file == Path::new(STANDARD_INPUT) { input::standard_input() } else { input::script(file) };
    text.map_err(|error| {
        let reason = unreadable(file, &error).help("check the path of the script");
        complain(&Report { diagnostics: vec![reason], sources: Default::default() }.render(false));
        PROGRAM
    })
}

/// Compiles a script as far as anything can be wrong with it; with `timings` to the end.
fn compile(script: &ScriptArgs, timings: bool, color: bool) -> Result<Program, u8> {
    let program = load(&script.file, script.real, (script.limit, script.unroll))?;
    let failed = |report: Report| fail(&report, color);
    if timings {
        complain(&program.timings().map_err(failed)?.to_string());
    }
    program.loops().map_err(failed)?;
    warn(&program, color);
    Ok(program)
}

/// The given number of threads, or one for each processor that this process may use.
fn threads(given: Option<u16>) -> usize {
    given.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

fn check(args: &CheckArgs, color: bool) -> Exit {
    compile(&args.script, args.timings, color).map(|_| 0)
}

fn cost(script: &ScriptArgs, color: bool) -> Exit {
    let program = load(&script.file, script.real, (script.limit, script.unroll))?;
    print(&program.cost().map_err(|report| fail(&report, color))?)
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
