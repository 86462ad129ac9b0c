//! What a running script shows: its own output, and how training goes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt;
use crate::run::{Events, Progress};

/// How long a bar stands still at least: steps may take microseconds.
const STILL: Duration = Duration::from_millis(50);

/// How long a log is silent at most.
const SILENCE: Duration = Duration::from_secs(10);

/// Most lines of a run in a log, but for those that break a silence.
const LINES: usize = 20;

/// Standard output for what the script prints; standard error for progress.
pub(super) struct Screen {
    training: Training,
}

/// Where progress goes.
enum Training {
    /// Nowhere.
    Quiet,
    /// To a bar that goes when the run ends, and leaves a line.
    Terminal(Bar),
    /// To lines.
    Log(Log),
}

#[derive(Default)]
struct Bar {
    bar: Option<ProgressBar>,
    clock: Clock,
    last: String,
    drawn: Option<Instant>,
}

#[derive(Default)]
struct Log {
    clock: Clock,
    /// When the last line was written.
    spoken: Option<Instant>,
    /// How many of [`LINES`] shares of the run are reported.
    shares: usize,
}

/// What runs from the beginning of a training run.
struct Clock {
    began: Instant,
    /// Steps that were done before.
    done: usize,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { began: Instant::now(), done: 0 }
    }
}

impl Screen {
    /// Progress is a bar on a terminal, otherwise lines.
    pub(super) fn new(quiet: bool) -> Screen {
        let training = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Training::Quiet,
            (false, true) => Training::Terminal(Bar::default()),
            (false, false) => Training::Log(Log::default()),
        };
        Screen { training }
    }
}

impl Clock {
    fn rate(&self, progress: &Progress<'_>) -> f64 {
        (progress.step - self.done) as f64 / self.began.elapsed().as_secs_f64().max(1e-9)
    }

    /// Where a run is: `fit: epoch 3/20  loss 0.1234  3021 steps/s  12 s left`.
    fn line(&self, progress: &Progress<'_>) -> String {
        let Progress { name, epoch, epochs, step, total, .. } = progress;
        // Within an epoch, the step says more.
        let within = if progress.ends_epoch { String::new() } else { format!(", step {step}/{total}") };
        format!("{name}: epoch {epoch}/{epochs}{within}  {}", self.message(progress))
    }

    fn message(&self, progress: &Progress<'_>) -> String {
        let one = |(name, value): &(String, f64)| format!("{name} {value:.4}  ");
        let measures: String = progress.measures.iter().map(one).collect();
        let rate = self.rate(progress);
        let steps = if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.0}") };
        format!("{measures}{steps} steps/s{}", left((progress.total - progress.step) as f64 / rate))
    }
}

/// `  3 min 20 s left`; nothing for less than a second.
fn left(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0 => String::new(),
        1..60 => format!("  {whole} s left"),
        60..3600 => format!("  {} min {} s left", whole / 60, whole % 60),
        _ => format!("  {} h {} min left", whole / 3600, whole % 3600 / 60),
    }
}

fn say(line: &str) {
    // Progress is a courtesy: when standard error is closed, training goes on.
    drop(writeln!(io::stderr(), "{line}"));
}

fn new_bar(total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr()).with_style(style)
}

impl Bar {
    fn draw(&mut self, progress: &Progress<'_>) {
        let bar = self.bar.get_or_insert_with(|| new_bar(progress.total));
        bar.set_position(progress.step as u64);
        bar.set_message(self.clock.message(progress));
        self.drawn = Some(Instant::now());
    }

    fn step(&mut self, progress: &Progress<'_>) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= STILL) {
            self.draw(progress);
        }
    }

    fn measured(&mut self, progress: &Progress<'_>) {
        self.draw(progress);
        self.last = self.clock.line(progress);
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            say(&self.last);
        }
    }
}

impl Log {
    fn step(&mut self, progress: &Progress<'_>) {
        if self.spoken.unwrap_or(self.clock.began).elapsed() >= SILENCE {
            self.line(progress);
        }
    }

    fn measured(&mut self, progress: &Progress<'_>) {
        let shares = progress.step * LINES / progress.total.max(1);
        if shares > self.shares {
            self.shares = shares;
            self.line(progress);
        } else {
            self.step(progress);
        }
    }

    fn line(&mut self, progress: &Progress<'_>) {
        say(&self.clock.line(progress));
        self.spoken = Some(Instant::now());
    }
}

impl Events for Screen {
    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    fn long(&mut self, what: &str, instructions: u64) {
        if !matches!(self.training, Training::Quiet) {
            say(&format!("{what}: about {:.0e} instructions, Ctrl-C ends it", instructions as f64));
        }
    }

    fn note(&mut self, text: &str) {
        if !matches!(self.training, Training::Quiet) {
            say(text);
        }
    }

    fn warn(&mut self, text: &str) {
        say(&format!("warning: {text}"));
    }

    fn begin(&mut self, done: usize) {
        interrupt::set_training(true);
        let clock = Clock { began: Instant::now(), done };
        match &mut self.training {
            Training::Quiet => {}
            Training::Terminal(bar) => *bar = Bar { clock, ..Bar::default() },
            Training::Log(log) => *log = Log { clock, ..Log::default() },
        }
    }

    fn step(&mut self, progress: &Progress<'_>) {
        match &mut self.training {
            Training::Quiet => {}
            Training::Terminal(bar) => bar.step(progress),
            Training::Log(log) => log.step(progress),
        }
    }

    fn measured(&mut self, progress: &Progress<'_>) {
        match &mut self.training {
            Training::Quiet => {}
            Training::Terminal(bar) => bar.measured(progress),
            Training::Log(log) => log.measured(progress),
        }
    }

    fn end(&mut self) {
        interrupt::set_training(false);
        if let Training::Terminal(bar) = &mut self.training {
            bar.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn time_left_is_in_the_units_of_a_clock() {
        let texts = [0.2, 1.0, 59.4, 60.0, 3599.0, 3600.0, 90_000.0].map(left);
        let want =
            ["", "  1 s left", "  59 s left", "  1 min 0 s left", "  59 min 59 s left", "  1 h 0 min left"];
        assert_eq!(texts[..6], want);
        assert_eq!(texts[6], "  25 h 0 min left");
    }
}
