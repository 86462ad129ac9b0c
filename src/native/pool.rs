//! Threads that share the parts of one piece of work.
//!
//! The caller takes parts itself, so a piece of work is done even when no other thread wakes up in
//! time. Each thread begins with its own run of parts, the same for the same number of parts, so that
//! it meets again what is in its cache; one that is done takes from the ends of the others' runs.
//! Between pieces of work the threads spin for some microseconds, then they sleep: nothing runs when
//! there is nothing to do. They start with the first work that has parts.

use std::cell::OnceCell;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::ice;

/// How long a thread spins for new work before it sleeps. Waking one up costs about as much.
const SPIN: Duration = Duration::from_micros(100);

/// Iterations of a spinning thread between looks at the clock.
const ITERATIONS: u32 = 64;

/// Most parts of one piece of work.
pub const MOST_PARTS: usize = u16::MAX as usize;

/// Threads for the parts of one piece of work at a time.
#[derive(Debug)]
pub struct Pool {
    threads: usize,
    workers: OnceCell<Workers>,
}

/// The threads beside the caller.
#[derive(Debug)]
struct Workers {
    shared: Arc<PoolState>,
    handles: Vec<JoinHandle<()>>,
}

/// What a thread looks at alone, on a cache line of its own.
#[repr(align(128))]
#[derive(Debug, Default)]
struct CachePadded<T>(T);

/// Work under way.
struct PoolJob<'a> {
    work: &'a (dyn Fn(usize) + Sync),
}

/// What all threads look at.
#[derive(Debug)]
struct PoolState {
    /// Counts pieces of work.
    epoch: CachePadded<AtomicU32>,
    /// The work under way. Valid for whoever has taken a part that is not done.
    job: AtomicPtr<PoolJob<'static>>,
    /// By thread: the parts that are left of its run, as [`word`].
    runs: Vec<CachePadded<AtomicU64>>,
    /// Parts done.
    done: CachePadded<AtomicUsize>,
    /// Whether a part panicked.
    failed: AtomicBool,
    /// By thread: whether it sleeps, or is about to.
    asleep: Vec<CachePadded<AtomicBool>>,
    /// Whether threads are to end.
    stop: AtomicBool,
    /// Whether there is a processor for each thread: if not, waiting gives way to others.
    roomy: bool,
}

/// Parts `next..end` of work number `epoch`, in one word.
fn word(epoch: u32, next: usize, end: usize) -> u64 {
    u64::from(epoch) << 32 | (next as u64) << 16 | end as u64
}

impl Pool {
    /// A pool of `threads` threads, the caller among them.
    pub fn new(threads: usize) -> Pool {
        Pool { threads: threads.max(1), workers: OnceCell::new() }
    }

    /// The number of threads, the caller among them.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` once with each number below `parts`, on any thread and in any order, and returns
    /// when all are done.
    pub fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        if self.threads == 1 || parts <= 1 {
            (0..parts).for_each(work);
        } else {
            self.workers.get_or_init(|| Workers::new(self.threads)).run(parts, work);
        }
    }
}

impl Workers {
    /// Starts threads. Where the system gives fewer, the work is done by those.
    fn new(threads: usize) -> Workers {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(PoolState {
            epoch: CachePadded::default(),
            job: AtomicPtr::default(),
            runs: (0..threads).map(|_| CachePadded::default()).collect(),
            done: CachePadded::default(),
            failed: AtomicBool::new(false),
            asleep: (0..threads).map(|_| CachePadded::default()).collect(),
            stop: AtomicBool::new(false),
            roomy: threads <= cores,
        });
        let start = |own: usize| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("egret-{own}")).spawn(move || shared.serve(own))
        };
        let handles = (1..threads).map_while(|own| start(own).ok()).collect();
        Workers { shared, handles }
    }

    fn run(&self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        if parts > MOST_PARTS {
            ice!("native", "{parts} parts");
        }
        let job = PoolJob { work };
        let shared = &*self.shared;
        shared.publish(&job, parts, self.handles.len() + 1);
        for (own, handle) in (1..).zip(&self.handles) {
            if shared.asleep[own].0.swap(false, Ordering::SeqCst) {
                handle.thread().unpark();
            }
        }
        // Parts on this thread may panic too; they must not leave while others look at the job.
        let wait = Wait { shared, parts };
        shared.take_all(0);
        drop(wait);
        if shared.failed.load(Ordering::Relaxed) {
            ice!("native", "a part panicked");
        }
    }
}

/// Waits for all parts when dropped.
struct Wait<'a> {
    shared: &'a PoolState,
    parts: usize,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.shared.take_all(0);
        let mut iterations = 0;
        while self.shared.done.0.load(Ordering::Acquire) < self.parts {
            self.shared.pause(&mut iterations);
        }
    }
}

impl PoolState {
    /// Gives each thread its run of parts.
    fn publish(&self, job: &PoolJob<'_>, parts: usize, threads: usize) {
        let epoch = self.epoch.0.load(Ordering::Relaxed).wrapping_add(1);
        self.done.0.store(0, Ordering::Relaxed);
        self.failed.store(false, Ordering::Relaxed);
        self.job.store(std::ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
        for (own, run) in self.runs.iter().enumerate() {
            let first = |thread: usize| thread.min(threads) * parts / threads;
            // What was written before is seen by whoever takes a part.
            run.0.store(word(epoch, first(own), first(own + 1)), Ordering::Release);
        }
        self.epoch.0.store(epoch, Ordering::SeqCst);
    }

    /// What a thread does until the pool is dropped.
    fn serve(&self, own: usize) {
        let mut seen = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let epoch = self.epoch.0.load(Ordering::Acquire);
            if epoch == seen {
                self.rest(own, seen);
            } else {
                seen = epoch;
                self.take_all(own);
            }
        }
    }

    /// Waits for other work than number `seen`: spins, then sleeps.
    fn rest(&self, own: usize, seen: u32) {
        let quiet = || self.epoch.0.load(Ordering::SeqCst) == seen && !self.stop.load(Ordering::SeqCst);
        let start = Instant::now();
        let mut iterations = 0;
        while quiet() {
            self.pause(&mut iterations);
            if iterations.is_multiple_of(ITERATIONS) && start.elapsed() >= SPIN {
                break;
            }
        }
        let asleep = &self.asleep[own].0;
        asleep.store(true, Ordering::SeqCst);
        while quiet() && asleep.load(Ordering::SeqCst) {
            thread::park();
        }
        asleep.store(false, Ordering::SeqCst);
    }

    /// One iteration of waiting. Where threads outnumber processors, the others go first.
    fn pause(&self, iterations: &mut u32) {
        *iterations = iterations.wrapping_add(1);
        if self.roomy && !iterations.is_multiple_of(16 * ITERATIONS) {
            hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }

    /// Does parts until none is left: those of this thread's run, then those of the others.
    fn take_all(&self, own: usize) {
        while let Some(part) = self.take(own, true) {
            self.work(part);
        }
        for other in (1..self.runs.len()).map(|k| (own + k) % self.runs.len()) {
            while let Some(part) = self.take(other, false) {
                self.work(part);
            }
        }
    }

    /// Takes a part of a thread's run: its first, or for another thread its last.
    fn take(&self, run: usize, first: bool) -> Option<usize> {
        let run = &self.runs[run].0;
        let mut have = run.load(Ordering::Relaxed);
        loop {
            let (epoch, next, end) =
                ((have >> 32) as u32, (have >> 16 & 0xffff) as usize, (have & 0xffff) as usize);
            if next >= end {
                return None;
            }
            let left = if first { word(epoch, next + 1, end) } else { word(epoch, next, end - 1) };
            match run.compare_exchange_weak(have, left, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(if first { next } else { end - 1 }),
                Err(now) => have = now,
            }
        }
    }

    /// Does a part that this thread has taken.
    fn work(&self, part: usize) {
        let done = PartGuard(self);
        // SAFETY: the job lives until all parts are done, and this one is not; taking it has made the
        // pointer visible.
        let job = unsafe { &*self.job.load(Ordering::Relaxed) };
        (job.work)(part);
        drop(done);
    }
}

/// Counts a part as done when dropped, even if it panicked.
struct PartGuard<'a>(&'a PoolState);

impl Drop for PartGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
        self.0.done.0.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for handle in self.handles.drain(..) {
            handle.thread().unpark();
            // A thread that panicked has said so already.
            drop(handle.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs work of these numbers of parts, one after another; every part must run once.
    fn all_once(pool: &Pool, parts: usize) {
        let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
        pool.run(parts, &|part| {
            counts[part].fetch_add(1, Ordering::Relaxed);
        });
        for (part, count) in counts.iter().enumerate() {
            assert_eq!(count.load(Ordering::Relaxed), 1, "part {part} of {parts}");
        }
    }

    #[test]
    fn every_part_runs_once() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads);
            for round in 0..500 {
                all_once(&pool, round % 37);
            }
        }
    }

    #[test]
    fn threads_that_sleep_wake_up() {
        let pool = Pool::new(3);
        for _ in 0..3 {
            all_once(&pool, 64);
            thread::sleep(20 * SPIN);
        }
    }

    #[test]
    fn a_pool_without_work_has_no_threads() {
        let pool = Pool::new(4);
        pool.run(0, &|_| {});
        pool.run(1, &|_| {});
        assert!(pool.workers.get().is_none());
    }

    #[test]
    fn a_part_that_panics_does_not_hang_the_others() {
        let pool = Pool::new(2);
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(16, &|part| assert!(part != 11, "on purpose"));
        }));
        assert!(failed.is_err());
    }
}
