//! `egret bench`: how fast the training steps of a script are.

use std::fmt::Write;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Map, Value, json};

use super::run::parse_set;
use super::{Exit, PROGRAM, ScriptArgs, complain, fail, load, print, threads, warn};
use crate::pipeline::Timings;
use crate::print::time;
use crate::run::{Measured, Settings, Timing};
use crate::system;

#[derive(Args, Debug)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// How often to repeat; the median and the best of the repeats are printed
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeats: u16,
    /// Seconds of steps in each repeat, about
    #[arg(long, value_name = "S", default_value_t = 0.25, value_parser = parse_seconds)]
    seconds: f64,
    /// Most threads to compute with, instead of one for each processor
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Change a hyperparameter: `--set opt.adam.lr=3e-4`
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = parse_set)]
    set: Vec<(String, f64)>,
    /// Seed for initial values and the order of rows, in place of the script's
    #[arg(long)]
    seed: Option<u64>,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (1e-3..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("expected seconds between 0.001 and 3600, such as 0.25, found `{text}`")),
    }
}

/// Everything that is printed.
struct BenchReport<'a> {
    file: String,
    threads: usize,
    timings: Timings,
    /// When the process began.
    started: Instant,
    runs: &'a [Measured],
}

pub(super) fn bench(args: &BenchArgs, color: bool, started: Instant) -> Exit {
    let program = load(&args.script.file, args.script.real, (args.script.limit, args.script.unroll))?;
    let timings = program.timings().map_err(|report| fail(&report, color))?;
    warn(&program, color);
    let threads = threads(args.threads);
    let settings = Settings { set: args.set.clone(), seed: args.seed, threads, ..Settings::default() };
    let plan = Timing { repeats: usize::from(args.repeats), repeat: Duration::from_secs_f64(args.seconds) };
    let runs = program.bench(&settings, &plan).map_err(|report| fail(&report, color))?;
    let file = args.script.file.display().to_string();
    if runs.is_empty() {
        complain(&format!("`{file}` trains nothing: a benchmark times the steps of `train`"));
        return Err(PROGRAM);
    }
    let report = BenchReport { file, threads, timings, started, runs: &runs };
    print(&if args.json { report.json() } else { report.text() })
}

/// The most memory that this process had at a time, in MiB, where the system says so.
fn peak_memory() -> Option<f64> {
    system::peak_memory().map(|bytes| bytes as f64 / (1 << 20) as f64)
}

impl BenchReport<'_> {
    /// From the start of the process to the end of the first step of the first run.
    fn first_step(&self) -> Duration {
        self.runs[0].first_at.saturating_duration_since(self.started)
    }

    fn text(&self) -> String {
        let milli = |time: Duration| 1e3 * time.as_secs_f64();
        let mut text = format!(
            "{}, {}: compiled in {:.1} ms, first step done {:.1} ms after the start",
            self.file,
            if self.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", self.threads) },
            milli(self.timings.total()),
            milli(self.first_step())
        );
        if let Some(peak) = peak_memory() {
            let _ = write!(text, ", {peak:.0} MiB at most");
        }
        text.push('\n');
        for run in self.runs {
            let (median, best) = (run.median(), run.best());
            let _ = writeln!(
                text,
                "{}: {} a step ({} at best), {:.0} steps/s, {:.0} rows/s; {} parameters, batch {}, {} x {} steps",
                run.name,
                time(median),
                time(best),
                1.0 / median,
                run.batch as f64 / median,
                run.parameters,
                run.batch,
                run.seconds.len(),
                run.steps
            );
        }
        text
    }

    fn json(&self) -> String {
        let seconds = |(name, time): &(&str, Duration)| ((*name).to_owned(), json!(time.as_secs_f64()));
        let stages: Map<String, Value> = self.timings.stages.iter().map(seconds).collect();
        let report = json!({
            "file": self.file, "threads": self.threads,
            "compile_s": self.timings.total().as_secs_f64(), "stages_s": stages,
            "kernels": self.timings.kernels, "functions": self.timings.functions,
            "code_bytes": self.timings.bytes, "first_step_s": self.first_step().as_secs_f64(),
            "peak_mib": peak_memory(), "runs": self.runs.iter().map(run_json).collect::<Vec<_>>(),
        });
        report.to_string() + "\n"
    }
}

/// A loss that is not a number is `null`.
fn run_json(run: &Measured) -> Value {
    json!({
        "name": run.name, "parameters": run.parameters, "batch": run.batch, "steps": run.steps,
        "median_s": run.median(), "best_s": run.best(), "seconds": run.seconds, "losses": run.losses,
    })
}
