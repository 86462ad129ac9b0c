//! What this machine can do: a short probe of arithmetic and of each level of memory.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::time::Instant;

use super::pool::Pool;

/// Limits of this machine for some number of threads, as measured in some milliseconds.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// Threads.
    pub threads: usize,
    /// Floating-point operations in a second, single precision, a fused multiply-add being two.
    pub flops: f64,
    /// For working sets of up to so many bytes: bytes in a second, read and written together. In
    /// ascending order; the last one holds for all that is larger.
    pub bandwidth: Vec<(usize, f64)>,
}

/// Bytes that each thread streams through, with the working set up to which that speed holds: the
/// second level of caches, the third, and memory. Caches differ, so this is a rough division.
const LEVELS: [(usize, usize); 3] = [(128 << 10, 384 << 10), (2 << 20, 8 << 20), (48 << 20, usize::MAX)];

/// Seconds that each figure is measured for, at least.
const SPAN: f64 = 0.006;

impl Limits {
    /// Measures this machine with so many threads.
    pub fn measure(threads: usize) -> Limits {
        let pool = Pool::new(threads);
        let bandwidth = LEVELS.iter().map(|(bytes, most)| (*most, bandwidth(&pool, *bytes)));
        Limits { threads, bandwidth: bandwidth.collect(), flops: flops(&pool) }
    }

    /// Bytes in a second for a working set.
    pub fn bandwidth(&self, bytes: usize) -> f64 {
        let level = self.bandwidth.iter().find(|(most, _)| bytes <= *most).or(self.bandwidth.last());
        level.map_or(f64::INFINITY, |(_, rate)| *rate)
    }
}

/// The best rate of a few repetitions, each of which does `amount` on every thread.
fn best(pool: &Pool, amount: f64, work: &(dyn Fn(usize) + Sync)) -> f64 {
    let (start, mut best) = (Instant::now(), 0.0_f64);
    let mut rounds = 0;
    while rounds < 4 || start.elapsed().as_secs_f64() < SPAN {
        let begin = Instant::now();
        pool.run(pool.threads(), work);
        best = best.max(amount * pool.threads() as f64 / begin.elapsed().as_secs_f64());
        rounds += 1;
    }
    best
}

/// Memory of which each part of the work uses its own.
struct Own(Vec<UnsafeCell<Vec<f32>>>);

// SAFETY: part `k` alone uses element `k`.
unsafe impl Sync for Own {}

impl Own {
    /// # Safety
    /// No other use of element `k` may overlap.
    #[allow(clippy::mut_from_ref, reason = "the caller vouches that nobody else has it")]
    unsafe fn get(&self, k: usize) -> &mut [f32] {
        // SAFETY: by the contract of this function.
        unsafe { &mut *self.0[k].get() }
    }
}

/// Bytes in a second of `y <- y + c x`, which reads two numbers and writes one.
fn bandwidth(pool: &Pool, bytes: usize) -> f64 {
    let n = bytes / 8;
    let own = Own((0..pool.threads()).map(|_| UnsafeCell::new(vec![1.0_f32; 2 * n])).collect());
    let passes = (1 << 20) / bytes + 1;
    best(pool, (passes * n * 12) as f64, &|part| {
        // SAFETY: a pool runs each part once at a time.
        let (x, y) = unsafe { own.get(part) }.split_at_mut(n);
        for _ in 0..passes {
            stream(x, y);
            black_box(&mut *y);
        }
    })
}

/// Iterations of the loop of fused multiply-adds.
const ITERATIONS: usize = 1 << 14;

/// Floating-point operations in a second.
fn flops(pool: &Pool) -> f64 {
    best(pool, (ITERATIONS * 12 * lanes() * 2) as f64, &|_| {
        black_box(multiply_add(black_box(0.999_9)));
    })
}

#[cfg(target_arch = "x86_64")]
fn has_wide_vectors() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

fn stream(x: &[f32], y: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if has_wide_vectors() {
        // SAFETY: the processor has these instructions.
        return unsafe { stream_wide(x, y) };
    }
    stream_plain(x, y);
}

#[inline(always)]
fn stream_plain(x: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += 0.5 * x);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn stream_wide(x: &[f32], y: &mut [f32]) {
    stream_plain(x, y);
}

/// Numbers in a chain of [`multiply_add`].
fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return 16;
    }
    8
}

fn multiply_add(by: f32) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if has_wide_vectors() {
        // SAFETY: the processor has these instructions.
        return unsafe { if lanes() == 16 { multiply_add_512(by) } else { multiply_add_256(by) } };
    }
    multiply_add_plain(by, |sum, by| sum * by + by)
}

/// Twelve chains of eight numbers each, as many as hide the latency of an instruction.
#[inline(always)]
fn multiply_add_plain(by: f32, step: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [[by; 8]; 12];
    for _ in 0..ITERATIONS {
        for chain in &mut sums {
            chain.iter_mut().for_each(|sum| *sum = step(*sum, by));
        }
    }
    sums.iter().flatten().sum()
}

#[cfg(target_arch = "x86_64")]
macro_rules! multiply_add_wide {
    ($name:ident, $features:literal, $lanes:literal, $splat:ident $fused:ident $store:ident) => {
        #[target_feature(enable = $features)]
        fn $name(by: f32) -> f32 {
            use std::arch::x86_64::{$fused, $splat, $store};
            let by = $splat(by);
            let mut sums = [by; 12];
            for _ in 0..ITERATIONS {
                for sum in &mut sums {
                    *sum = $fused(*sum, by, by);
                }
            }
            let mut total = 0.0;
            for sum in sums {
                let mut lanes = [0.0_f32; $lanes];
                // SAFETY: the numbers of a vector fit.
                unsafe { $store(lanes.as_mut_ptr(), sum) };
                total += lanes.iter().sum::<f32>();
            }
            total
        }
    };
}

#[cfg(target_arch = "x86_64")]
multiply_add_wide!(multiply_add_256, "avx2,fma", 8, _mm256_set1_ps _mm256_fmadd_ps _mm256_storeu_ps);
#[cfg(target_arch = "x86_64")]
multiply_add_wide!(multiply_add_512, "avx512f", 16, _mm512_set1_ps _mm512_fmadd_ps _mm512_storeu_ps);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_positive_and_finite() {
        let limits = Limits::measure(2);
        assert!(limits.flops.is_normal() && limits.bandwidth.iter().all(|(_, rate)| rate.is_normal()));
        assert!(limits.bandwidth(1) > 0.0 && limits.bandwidth(usize::MAX) > 0.0);
    }
}
