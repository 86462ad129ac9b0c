//! Random programs over the whole language agree with the reference, which evaluates the typed program
//! straight: values, `grad`, `vjp`, `jvp`, `hvp` and training steps, in kernels with and without fusion, loops
//! and native code for each kind of machine, with one thread and with several, in both precisions.
//!
//! `cargo test --test programs` tries some; more are tried, from a seed on, by
//!
//! ```sh
//! EGRET_SEED=1 EGRET_CASES=100000 cargo test --release --test programs -- --ignored --nocapture
//! ```
//!
//! With `EGRET_TRACE=1` each script is printed before it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;

use egret::algebra::types::DType;
use egret::native::Pool;

mod draw;
mod engines;
mod generator;
mod reference;
mod rng;
mod script;
mod shapes;
mod shrink;

use engines::{Outcome, agree};
use script::Case;
use shrink::shrink;

/// Both precisions; a panic is a difference too.
fn run(case: &Case, seed: u64, pool: &Rc<Pool>) -> Outcome {
    let source = case.script();
    [DType::F64, DType::F32].into_iter().try_for_each(|real| {
        let run = || agree(&source, real, seed, pool).map_err(|fault| format!("{real}: {fault}"));
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(format!("{real}: panic")))
    })
}

/// The kind of a fault, so that a smaller case has the same one.
fn kind(fault: &str) -> String {
    let engine = fault.split([',', '`']).next().unwrap_or_default();
    engine.lines().next().unwrap_or_default().chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Programs from one line of progress to the next.
const PROGRESS: u64 = 2000;

fn try_seeds(seeds: std::ops::Range<u64>) {
    let (begin, trace) = (Instant::now(), std::env::var_os("EGRET_TRACE").is_some());
    let mut faults = Vec::new();
    // One for all programs: on a busy machine, threads are slow to start and to end.
    let pool = Rc::new(Pool::new(3));
    for seed in seeds.clone() {
        if seed > seeds.start && (seed - seeds.start).is_multiple_of(PROGRESS) {
            eprintln!("to seed {seed}: {} differences, {:.0} s", faults.len(), begin.elapsed().as_secs_f64());
        }
        let case = draw::case(seed);
        if trace {
            eprintln!("seed {seed}\n{}", case.script());
        }
        if let Err(fault) = run(&case, seed, &pool) {
            let same = |case: &Case| run(case, seed, &pool).is_err_and(|other| kind(&other) == kind(&fault));
            let small = shrink(case, &same);
            let now = run(&small, seed, &pool).err().unwrap_or_default();
            eprintln!("seed {seed}: {now}\n{}", small.script());
            faults.push(seed);
        }
    }
    eprintln!("{} programs in {:.1} s", seeds.end - seeds.start, begin.elapsed().as_secs_f64());
    assert!(faults.is_empty(), "seeds {faults:?}");
}

#[test]
fn some() {
    try_seeds(1..301);
}

#[test]
#[ignore = "as many as EGRET_CASES says, from EGRET_SEED on"]
fn many() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("EGRET_SEED").unwrap_or(1);
    try_seeds(first..first + number("EGRET_CASES").unwrap_or(2000));
}
