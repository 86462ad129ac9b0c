//! Where the time of a run goes: by kernel, against what the machine can do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use crate::graph::Phase;
use crate::kernel::{Cost, Kernels};
use crate::loops::Loops;
use crate::native::{Event, Limits, Samples, Total};
use crate::print::time;

/// What each kernel of a run took. Its printed form is a table, the kernel with most time first: median times,
/// since one call may wait for another process.
#[derive(Clone, Debug)]
pub struct Profile {
    rows: Vec<KernelTime>,
    noted: Samples,
    /// By program and call the row that it counts for.
    row_of: BTreeMap<(usize, usize), usize>,
    limits: Limits,
}

/// A kernel that ran.
#[derive(Clone, Debug)]
struct KernelTime {
    program: String,
    /// `k12`, and what it computes: `adam, eg_gain`.
    kernel: String,
    parts: String,
    loops: String,
    cost: Cost,
    /// How often it ran, and how long all of that took.
    total: Total,
    /// The same with the median of each call in the place of its time.
    typical: Duration,
    /// How many parts of it may run at the same time.
    cut: usize,
}

impl Profile {
    pub(super) fn new(kernels: &Kernels, loops: &Loops, noted: Samples, threads: usize) -> Profile {
        let mut rows: Vec<KernelTime> = Vec::new();
        let mut row_of = BTreeMap::new();
        let mut kernel_rows = BTreeMap::new();
        for (&(p, c), total) in &noted.totals {
            let call = &loops.programs[p].calls[c];
            let row = *kernel_rows.entry((p, call.kernel)).or_insert_with(|| {
                rows.push(KernelTime::new(&kernels.programs[p], call.kernel));
                rows.len() - 1
            });
            rows[row].total.time += total.time;
            rows[row].typical += total.typical();
            rows[row].total.calls = rows[row].total.calls.max(total.calls);
            rows[row].cut = rows[row].cut.max(loops.functions[call.function].parts());
            row_of.insert((p, c), row);
        }
        Profile { rows, noted, row_of, limits: Limits::measure(threads.max(1)) }
    }

    /// The time in all kernels, undisturbed, and what the machine can do.
    pub(crate) fn summary(&self) -> String {
        format!("{} in kernels, {}", time(self.all().as_secs_f64()), self.limits)
    }

    fn all(&self) -> Duration {
        self.rows.iter().map(|row| row.typical).sum()
    }

    /// Headings, then a row for each kernel, the one with most time first.
    pub(crate) fn table(&self) -> Vec<[String; 11]> {
        let all = self.all();
        let mut rows: Vec<&KernelTime> = self.rows.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.typical));
        let mut table = vec![HEADINGS.map(str::to_owned)];
        table.extend(rows.iter().map(|row| row.cells(all, &self.limits)));
        table
    }

    /// The calls as a trace that Perfetto and Chrome open: one event for each, in microseconds. Of a long
    /// run it holds the beginning.
    pub fn trace(&self) -> String {
        let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
        let event = |event: &Event| {
            let row = &self.rows[self.row_of[&(event.program, event.call)]];
            json!({
                "name": format!("{} {}", row.kernel, row.parts).trim_end(), "cat": row.program,
                "ph": "X", "pid": 1, "tid": 1, "ts": micros(event.begin), "dur": micros(event.took),
                "args": {"loops": row.loops, "cost": row.cost.to_string()},
            })
        };
        let events: Vec<_> = self.noted.events.iter().map(event).collect();
        json!({"displayTimeUnit": "ns", "traceEvents": events}).to_string() + "\n"
    }
}

impl KernelTime {
    fn new(program: &crate::kernel::Program, k: usize) -> KernelTime {
        let kernel = &program.kernels[k];
        let parts: Vec<String> = kernel.phases.iter().map(Phase::to_string).collect();
        KernelTime {
            program: program.name.clone(),
            kernel: format!("k{k}"),
            parts: parts.join(", "),
            loops: kernel.axes_text(),
            cost: kernel.cost(&program.buffers),
            total: Total::default(),
            typical: Duration::ZERO,
            cut: 1,
        }
    }

    /// Cells of the table.
    fn cells(&self, all: Duration, limits: &Limits) -> [String; 11] {
        let Cost { reads, writes, flops } = self.cost;
        let seconds = self.typical.as_secs_f64() / self.total.calls.max(1) as f64;
        let rate = |amount: usize| amount as f64 / seconds.max(1e-9);
        let percent = |part: f64| format!("{:.0}%", 100.0 * part);
        let bytes = reads + writes;
        [
            format!("{:.1}%", 100.0 * self.typical.as_secs_f64() / all.as_secs_f64().max(1e-9)),
            format!("{} {}", self.program, self.kernel),
            self.parts.clone(),
            self.loops.clone(),
            self.cut.to_string(),
            self.total.calls.to_string(),
            time(seconds),
            format!("{:.1}", rate(bytes) / 1e9),
            percent(rate(bytes) / limits.bandwidth(bytes)),
            format!("{:.1}", rate(flops) / 1e9),
            percent(rate(flops) / limits.flops),
        ]
    }
}

/// Headings of the table. A limit of bytes is that of the cache that holds them, or else of memory.
const HEADINGS: [&str; 11] =
    ["share", "kernel", "part", "loops", "cut", "calls", "time", "GB/s", "of limit", "Gflop/s", "of limit"];

/// Columns of words.
const WORDS: std::ops::Range<usize> = 1..4;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary())?;
        let table = self.table();
        let width = |k: usize| table.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        for row in &table {
            let cell = |(k, cell): (usize, &String)| match WORDS.contains(&k) {
                true => format!("{cell:<width$}", width = widths[k]),
                false => format!("{cell:>width$}", width = widths[k]),
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            writeln!(f, "  {}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["near cache", "far cache", "memory"];
        let rates =
            self.bandwidth.iter().zip(names).map(|((_, rate), name)| format!("{name} {:.0}", rate / 1e9));
        let rates = rates.collect::<Vec<_>>().join(", ");
        let plural = if self.threads == 1 { "" } else { "s" };
        write!(f, "limits of {} thread{plural}: {rates} GB/s, {:.0} Gflop/s", self.threads, self.flops / 1e9)
    }
}
