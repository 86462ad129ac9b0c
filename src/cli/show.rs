//! What a running script shows: its own output, and how training goes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::{Events, Progress};

/// Standard output for what the script prints; standard error for progress: a bar on a terminal,
/// otherwise a line per epoch.
pub(super) struct Screen {
    bar: Option<ProgressBar>,
    terminal: bool,
    started: Instant,
    /// What stays on the terminal when the bar goes.
    last: String,
    /// When the bar was last drawn.
    drawn: Option<Instant>,
}

/// How long a bar stands still at least: steps may take microseconds.
const STILL: Duration = Duration::from_millis(50);

impl Screen {
    pub(super) fn new() -> Screen {
        Screen {
            bar: None,
            terminal: io::stderr().is_terminal(),
            started: Instant::now(),
            last: String::new(),
            drawn: None,
        }
    }

    fn advance(&mut self, progress: &Progress<'_>) {
        let bar = self.bar.get_or_insert_with(|| new_bar(progress.total)).clone();
        bar.set_position(progress.step as u64);
        bar.set_message(format!("{}  {:.0} steps/s", measures(progress), self.rate(progress)));
    }

    fn rate(&self, progress: &Progress<'_>) -> f64 {
        progress.step as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }

    fn line(&self, progress: &Progress<'_>) -> String {
        let rate = self.rate(progress);
        let Progress { name, epoch, epochs, .. } = progress;
        format!("{name}: epoch {epoch}/{epochs}  {}  {rate:.0} steps/s", measures(progress))
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

fn measures(progress: &Progress<'_>) -> String {
    let one = |(name, value): &(String, f64)| format!("{name} {value:.4}");
    progress.measures.iter().map(one).collect::<Vec<_>>().join("  ")
}

impl Events for Screen {
    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    fn long(&mut self, what: &str, instructions: u64) {
        say(&format!("{what}: about {:.0e} instructions, Ctrl-C ends it", instructions as f64));
    }

    fn begin(&mut self) {
        self.started = Instant::now();
    }

    fn step(&mut self, progress: &Progress<'_>) {
        if self.terminal && self.drawn.is_none_or(|drawn| drawn.elapsed() >= STILL) {
            self.drawn = Some(Instant::now());
            self.advance(progress);
        }
    }

    fn epoch(&mut self, progress: &Progress<'_>) {
        if self.terminal {
            self.advance(progress);
            self.last = self.line(progress);
        } else {
            say(&self.line(progress));
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            say(&self.last);
        }
    }
}
