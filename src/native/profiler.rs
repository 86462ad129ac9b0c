//! What calls took, for those who ask.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most calls that are kept one by one; all are counted.
const MOST: usize = 1 << 18;

/// Notes when each call began and how long it took.
#[derive(Debug)]
pub struct Profiler {
    start: Instant,
    noted: RefCell<Samples>,
    times: RefCell<BTreeMap<(usize, usize), Times>>,
}

/// Most times of one call that are kept for their median; of more, every second, fourth and so on.
const TIMES: usize = 1 << 12;

/// Times of equal calls, evenly apart.
#[derive(Clone, Debug)]
struct Times {
    kept: Vec<Duration>,
    /// One of so many is kept.
    every: u64,
}

impl Default for Times {
    fn default() -> Times {
        Times { kept: Vec::new(), every: 1 }
    }
}

impl Times {
    /// Notes what call `number` took.
    fn note(&mut self, number: u64, took: Duration) {
        if !number.is_multiple_of(self.every) {
            return;
        }
        self.kept.push(took);
        if self.kept.len() == TIMES {
            self.kept = self.kept.iter().step_by(2).copied().collect();
            self.every *= 2;
        }
    }

    /// Half of them took longer.
    fn median(&self) -> Duration {
        let mut kept = self.kept.clone();
        match kept.len() {
            0 => Duration::ZERO,
            n => *kept.select_nth_unstable(n / 2).1,
        }
    }
}

/// What a recorder knows.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// The first calls in the order of time.
    pub events: Vec<Event>,
    /// By program and call how often and how long.
    pub totals: BTreeMap<(usize, usize), Total>,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The index of its program.
    pub program: usize,
    /// Its number in the program.
    pub call: usize,
    /// When it began, after the recorder.
    pub begin: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Equal calls together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Total {
    /// How many.
    pub calls: u64,
    /// How long they took.
    pub time: Duration,
    /// How long one of them takes: the median, which a call that was interrupted does not move.
    pub median: Duration,
}

impl Total {
    /// What they take undisturbed.
    pub fn typical(&self) -> Duration {
        self.median.mul_f64(self.calls as f64)
    }
}

impl Default for Profiler {
    fn default() -> Profiler {
        Profiler { start: Instant::now(), noted: RefCell::default(), times: RefCell::default() }
    }
}

impl Profiler {
    /// Makes a call and notes it.
    pub(super) fn time(&self, program: usize, call: usize, make: impl FnOnce()) {
        let begin = self.start.elapsed();
        make();
        let took = self.start.elapsed() - begin;
        let noted = &mut *self.noted.borrow_mut();
        if noted.events.len() < MOST {
            noted.events.push(Event { program, call, begin, took });
        }
        let total = noted.totals.entry((program, call)).or_default();
        self.times.borrow_mut().entry((program, call)).or_default().note(total.calls, took);
        total.calls += 1;
        total.time += took;
    }

    /// What it has noted so far.
    pub fn samples(&self) -> Samples {
        let mut noted = self.noted.borrow().clone();
        for (call, times) in &*self.times.borrow() {
            noted.totals.entry(*call).or_default().median = times.median();
        }
        noted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_interruption_does_not_move_the_median() {
        let mut times = Times::default();
        for number in 0..3 * TIMES as u64 {
            let micros = if number == 5000 { 1_000_000 } else { 2 + number % 3 };
            times.note(number, Duration::from_micros(micros));
        }
        assert_eq!(times.median(), Duration::from_micros(3));
        assert!(times.kept.len() < TIMES);
        let total = Total { calls: 4, time: Duration::from_secs(1), median: Duration::from_micros(3) };
        assert_eq!(total.typical(), Duration::from_micros(12));
    }
}
