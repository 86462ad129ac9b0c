//! What calls took, for those who ask.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most calls that are kept one by one; all are counted.
const MOST: usize = 1 << 18;

/// Notes when each call began and how long it took.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    noted: RefCell<Noted>,
}

/// What a recorder knows.
#[derive(Clone, Debug, Default)]
pub struct Noted {
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
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder { start: Instant::now(), noted: RefCell::default() }
    }
}

impl Recorder {
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
        total.calls += 1;
        total.time += took;
    }

    /// What it has noted so far.
    pub fn noted(&self) -> Noted {
        self.noted.borrow().clone()
    }
}
