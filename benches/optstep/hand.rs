//! The same steps by hand: plain loops, compiled for AVX2 where the machine has it, and nothing else. What
//! they reach is what is to be reached. Sums are in single precision, and the exponentials of signs are
//! numbers known before.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

const B1: f32 = 0.9;
const B2: f32 = 0.999;
const EPS: f32 = 1e-8;
const BETA: f32 = 0.9;
const RATE: f32 = 0.01;

/// Elements from which on a second thread pays.
const WORTH: usize = 50_000;

/// Independent sums.
const LANES: usize = 32;

/// Parameters with a gradient and states, and where training is.
pub(crate) struct Hand {
    op: &'static str,
    /// `w`, `m`, `v`; for `adam_eg` also `p`, `avg`, `h`.
    arrays: Vec<Vec<f32>>,
    g: Vec<f32>,
    t: i32,
    scale: f32,
    /// `|h|^2`
    square: f32,
}

impl Hand {
    pub(crate) fn new(op: &'static str, w: Vec<f32>, g: Vec<f32>) -> Hand {
        let n = if op == "adam_eg" { w.len() } else { 0 };
        let zeros = vec![0.0; w.len()];
        let arrays = vec![w, zeros.clone(), zeros, vec![1.0; n], vec![0.0; n], vec![0.0; n]];
        Hand { op, arrays, g, t: 0, scale: 1.0, square: 0.0 }
    }

    /// Takes so many steps; gives the seconds that they took.
    pub(crate) fn steps(&mut self, count: usize, threads: usize) -> f64 {
        let threads = if self.g.len() < WORTH { 1 } else { threads };
        let (op, t, start) = (self.op, self.t, (self.scale, self.square));
        let meeting = Meeting::new(threads);
        let mut shares = shares(&mut self.arrays, &self.g, threads);
        let mut own = shares.remove(0);
        let now = Instant::now();
        (self.scale, self.square) = thread::scope(|scope| {
            for (k, mut share) in shares.into_iter().enumerate() {
                let meeting = &meeting;
                scope.spawn(move || run(op, (t, count), start, &mut share, k + 1, meeting));
            }
            run(op, (t, count), start, &mut own, 0, &meeting)
        });
        self.t += count as i32;
        now.elapsed().as_secs_f64()
    }

    /// The parameters.
    pub(crate) fn weights(&self) -> &[f32] {
        &self.arrays[0]
    }

    /// The gradient of the next steps.
    pub(crate) fn set_gradient(&mut self, g: Vec<f32>) {
        self.g = g;
    }
}

/// The steps of one thread. Scale and `|h|^2` go in and come out.
fn run(
    op: &str,
    (t, count): (i32, usize),
    (mut scale, mut square): (f32, f32),
    share: &mut Arrays<'_>,
    thread: usize,
    meeting: &Meeting,
) -> (f32, f32) {
    for t in t + 1..=t + count as i32 {
        let step = Step::at(t, if op == "adamw" { 1.0 - 1e-5 } else { 1.0 });
        if op == "adam_eg" {
            let [dot, length] = meeting.sums(thread, align(share));
            scale *= (1e-3 * dot / ((length.sqrt() + 1e-10) * (square.sqrt() + 1e-10))).exp();
            scale = scale.clamp(0.1, 10.0);
            square = meeting.sums(thread, [gains(share, step, scale), 0.0])[0];
        } else {
            adam(share, step);
            meeting.wait();
        }
    }
    (scale, square)
}

/// Where threads wait for each other.
struct Meeting {
    threads: usize,
    came: AtomicUsize,
    round: AtomicUsize,
    sums: Vec<[AtomicU32; 2]>,
}

impl Meeting {
    fn new(threads: usize) -> Meeting {
        let sums = (0..threads).map(|_| Default::default()).collect();
        Meeting { threads, came: AtomicUsize::new(0), round: AtomicUsize::new(0), sums }
    }

    fn wait(&self) {
        let round = self.round.load(Ordering::Acquire);
        if self.came.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.came.store(0, Ordering::Relaxed);
            self.round.store(round + 1, Ordering::Release);
        } else {
            while self.round.load(Ordering::Acquire) == round {
                spin_loop();
            }
        }
    }

    /// The sums of all threads.
    fn sums(&self, thread: usize, own: [f32; 2]) -> [f32; 2] {
        for (slot, sum) in self.sums[thread].iter().zip(own) {
            slot.store(sum.to_bits(), Ordering::Relaxed);
        }
        self.wait();
        let sum = |k: usize| self.sums.iter().map(|s| f32::from_bits(s[k].load(Ordering::Relaxed))).sum();
        let all = [sum(0), sum(1)];
        self.wait();
        all
    }
}

/// What a thread's steps read and write.
struct Arrays<'a> {
    w: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    /// Of `adam_eg` only, as `avg` and `h`.
    p: &'a mut [f32],
    avg: &'a mut [f32],
    h: &'a mut [f32],
}

/// Equal shares.
fn shares<'a>(arrays: &'a mut [Vec<f32>], g: &'a [f32], threads: usize) -> Vec<Arrays<'a>> {
    let most = g.len().div_ceil(threads).max(1);
    let mut parts: Vec<_> = arrays.iter_mut().map(|array| array.chunks_mut(most)).collect();
    let share = |g| {
        let mut next = parts.iter_mut().map(|part| part.next().unwrap_or_default());
        let mut next = || next.next().unwrap_or_default();
        let (w, m, v, p, avg, h) = (next(), next(), next(), next(), next(), next());
        Arrays { w, g, m, v, p, avg, h }
    };
    g.chunks(most).map(share).collect()
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    /// The rate of learning over the first bias correction.
    lr: f32,
    /// One over the root of the second.
    root: f32,
    /// What weight decay leaves of a parameter.
    keep: f32,
    /// What a gain is multiplied with where signs agree, and where they do not.
    up: f32,
    down: f32,
}

impl Step {
    fn at(t: i32, keep: f32) -> Step {
        let correction = |b: f32| 1.0 - f64::from(b).powi(t);
        Step {
            lr: (1e-3 / correction(B1)) as f32,
            root: (1.0 / correction(B2).sqrt()) as f32,
            keep,
            up: RATE.exp(),
            down: (-RATE).exp(),
        }
    }
}

/// Compiles a loop for AVX2 too, and calls that where it may.
macro_rules! fastest {
    ($name:ident, $body:ident, ($($arg:ident: $ty:ty),*) $(-> $out:ty)?) => {
        fn $name($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $ty),*) $(-> $out)? {
                    $body($($arg),*)
                }
                // SAFETY: the machine has AVX2.
                return unsafe { wide($($arg),*) };
            }
            $body($($arg),*)
        }
    };
}

fastest!(adam, adam_body, (a: &mut Arrays<'_>, s: Step));
fastest!(align, align_body, (a: &Arrays<'_>) -> [f32; 2]);
fastest!(gains, gains_body, (a: &mut Arrays<'_>, s: Step, scale: f32) -> f32);

#[inline(always)]
fn adam_body(a: &mut Arrays<'_>, s: Step) {
    for (((w, g), m), v) in a.w.iter_mut().zip(a.g).zip(&mut *a.m).zip(&mut *a.v) {
        *m = B1 * *m + (1.0 - B1) * g;
        *v = B2 * *v + (1.0 - B2) * (g * g);
        *w = *w * s.keep - s.lr * *m / (v.sqrt() * s.root + EPS);
    }
}

/// `dot(g, h)` and `|g|^2`.
#[inline(always)]
fn align_body(a: &Arrays<'_>) -> [f32; 2] {
    let (mut dot, mut square) = ([0.0f32; LANES], [0.0f32; LANES]);
    let (g, h) = (a.g.chunks_exact(LANES), a.h.chunks_exact(LANES));
    let rest = g.remainder().iter().zip(h.remainder());
    let rest = rest.fold([0.0, 0.0], |[d, q], (g, h)| [d + g * h, q + g * g]);
    for (g, h) in g.zip(h) {
        for k in 0..LANES {
            dot[k] += g[k] * h[k];
            square[k] += g[k] * g[k];
        }
    }
    [dot.iter().sum::<f32>() + rest[0], square.iter().sum::<f32>() + rest[1]]
}

/// All the rest; leaves `|h|^2`.
#[inline(always)]
fn gains_body(a: &mut Arrays<'_>, s: Step, scale: f32) -> f32 {
    let (w, w_rest) = a.w.as_chunks_mut::<LANES>();
    let (g, g_rest) = a.g.as_chunks::<LANES>();
    let (m, m_rest) = a.m.as_chunks_mut::<LANES>();
    let (v, v_rest) = a.v.as_chunks_mut::<LANES>();
    let (p, p_rest) = a.p.as_chunks_mut::<LANES>();
    let (avg, avg_rest) = a.avg.as_chunks_mut::<LANES>();
    let (h, h_rest) = a.h.as_chunks_mut::<LANES>();
    let mut square = [0.0; LANES];
    for ((((((w, g), m), v), p), avg), h) in w.iter_mut().zip(g).zip(m).zip(v).zip(p).zip(avg).zip(h) {
        for k in 0..LANES {
            let states = (&mut m[k], &mut v[k], &mut p[k], &mut avg[k]);
            h[k] = gain(g[k], states, s);
            square[k] += h[k] * h[k];
            w[k] -= scale * h[k];
        }
    }
    let rest = w_rest.iter_mut().zip(g_rest).zip(m_rest).zip(v_rest).zip(p_rest).zip(avg_rest).zip(h_rest);
    for ((((((w, g), m), v), p), avg), h) in rest {
        *h = gain(*g, (m, v, p, avg), s);
        square[0] += *h * *h;
        *w -= scale * *h;
    }
    square.iter().sum()
}

/// One coordinate: its states move; gives its update before the scale.
#[inline(always)]
fn gain(g: f32, (m, v, p, avg): (&mut f32, &mut f32, &mut f32, &mut f32), s: Step) -> f32 {
    *m = B1 * *m + (1.0 - B1) * g;
    *v = B2 * *v + (1.0 - B2) * (g * g);
    let u = s.lr * *m / (v.sqrt() * s.root + EPS);
    let apart = (g < 0.0) != (*avg < 0.0);
    let factor = if apart { s.down } else { s.up };
    let factor = if (g == 0.0) | (*avg == 0.0) { 1.0 } else { factor };
    let moved = *p * factor;
    let moved = if moved < 0.01 { 0.01 } else { moved };
    *p = if moved > 100.0 { 100.0 } else { moved };
    *avg = BETA * *avg + (1.0 - BETA) * g;
    *p * u
}
