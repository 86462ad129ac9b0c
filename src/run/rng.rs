//! Random order of rows, from the language's one counter-based generator.

use crate::algebra::scalar::UNIFORM;

/// What a random sequence is for: sequences of one seed with different purposes are unrelated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Which rows are the test split.
    Split,
    /// The order of rows in an epoch.
    Epoch(u32),
    /// Characters that a fit writes.
    Sample,
}

impl Stream {
    /// What tells its numbers from others of the same key.
    pub(crate) fn site(self) -> u32 {
        match self {
            Stream::Split => 0x7e57_5b17,
            Stream::Epoch(epoch) => epoch,
            Stream::Sample => 0x5a3b_1e0c,
        }
    }
}

/// The key that programs take for `seed`: its two halves.
pub(crate) fn key(seed: u64) -> [i32; 2] {
    [seed as u32 as i32, (seed >> 32) as u32 as i32]
}

/// A uniformly random order of `0..n` (Fisher and Yates), a pure function of seed and purpose.
pub(crate) fn permutation(n: usize, seed: u64, purpose: Stream) -> Vec<u32> {
    let [low, high] = key(seed).map(f64::from);
    let site = f64::from(purpose.site() as i32);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for last in (1..n).rev() {
        let uniform = (UNIFORM.eval)(&[low, high, site, last as f64]);
        let chosen = ((uniform * (last + 1) as f64) as usize).min(last);
        order.swap(chosen, last);
    }
    order
}
