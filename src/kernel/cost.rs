//! What a kernel costs: bytes it moves and operations it does.

use std::collections::BTreeMap;
use std::fmt;

use super::affine::points;
use super::{Affine, Buffer, BufferId, Inst, Kernel};
use crate::algebra::form::AxisSize;

/// What one run of a kernel costs at least: every element is moved once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Bytes read.
    pub reads: usize,
    /// Bytes written.
    pub writes: usize,
    /// Scalar operations, a function call being one.
    pub flops: usize,
}

impl Kernel {
    /// What it costs.
    pub fn cost(&self, buffers: &[Buffer]) -> Cost {
        let [reads, writes] = self.traffic(buffers);
        let bytes = |touched: Touched| -> usize {
            touched.into_iter().map(|(buffer, n)| n * buffers[buffer.0].dtype.bytes()).sum()
        };
        Cost { reads: bytes(reads), writes: bytes(writes), flops: self.flops() }
    }

    fn flops(&self) -> usize {
        let results = points(&self.axes[..self.n_out]);
        let all = points(&self.axes) / self.strategy.saved();
        let flops = self.insts.iter().zip(self.in_reduction()).map(|(inst, deep)| match inst {
            Inst::Map(..) if deep => all,
            Inst::Map(..) => results,
            Inst::Reduce(..) => all,
            Inst::Const(..) | Inst::Axis(..) | Inst::Cast(..) | Inst::Load { .. } | Inst::Store { .. } => 0,
        });
        flops.fold(0, usize::saturating_add)
    }

    /// How many elements of each buffer it reads and writes.
    pub(super) fn traffic(&self, buffers: &[Buffer]) -> [Touched; 2] {
        let [mut reads, mut writes] = [Touched::new(), Touched::new()];
        for inst in &self.insts {
            match inst {
                Inst::Load { buffer, at, .. } => note(&mut reads, *buffer, self.touched(at)),
                Inst::Store { buffer, at, .. } => note(&mut writes, *buffer, self.touched(at)),
                Inst::Map(..) | Inst::Reduce(..) | Inst::Const(..) | Inst::Axis(..) | Inst::Cast(..) => {}
            }
        }
        for (buffer, n) in reads.iter_mut().chain(&mut writes) {
            *n = (*n).min(buffers[buffer.0].len);
        }
        [reads, writes]
    }

    /// Number of different elements at a position over all points.
    fn touched(&self, at: &Affine) -> usize {
        if at.gather.is_some() {
            return points(&self.axes);
        }
        let along = |(axis, extent): (usize, &AxisSize)| match extent {
            _ if !at.depends_on(axis) => AxisSize::Fixed(1),
            extent => extent.clone(),
        };
        let axes: Vec<AxisSize> = self.axes.iter().enumerate().map(along).collect();
        points(&axes)
    }
}

/// Numbers of elements by buffer.
pub(super) type Touched = BTreeMap<BufferId, usize>;

/// Counts elements of a buffer: different instructions may touch different ones.
fn note(touched: &mut Touched, buffer: BufferId, n: usize) {
    let touched = touched.entry(buffer).or_insert(0);
    *touched = touched.saturating_add(n);
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reads {}, writes {}", bytes(self.reads), bytes(self.writes))?;
        if self.flops > 0 { write!(f, ", {}", flops(self.flops)) } else { Ok(()) }
    }
}

pub(crate) fn bytes(n: usize) -> String {
    scaled(n, 1024, ["B", "KiB", "MiB", "GiB"])
}

pub(super) fn flops(n: usize) -> String {
    scaled(n, 1000, ["flop", "kflop", "Mflop", "Gflop"])
}

pub(super) fn cycles(n: u64) -> String {
    scaled(n as usize, 1000, ["cycles", "kcycles", "Mcycles", "Gcycles"])
}

/// Three digits and a unit: `12 KiB`, `1.5 kflop`.
fn scaled(n: usize, base: usize, units: [&str; 4]) -> String {
    let mut value = n as f64;
    let mut unit = 0;
    while value >= base as f64 && unit + 1 < units.len() {
        value /= base as f64;
        unit += 1;
    }
    let digits = if value < 10.0 && value.fract() != 0.0 { 1 } else { 0 };
    format!("{value:.digits$} {}", units[unit])
}
