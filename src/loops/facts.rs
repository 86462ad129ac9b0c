//! Facts about a kernel that scheduling and lowering ask for: which axes each instruction depends
//! on, what is needed at all, and what is needed inside the reduction.

use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::scalar::{self, Scalar};
use crate::kernel::{Axes, BufferId, Inst, InstId, Kernel, Program, whole};

/// Facts about one kernel, by instruction.
pub(super) struct KernelFacts {
    /// The axes that an instruction's value (or a store's place or value) depends on.
    pub(super) deps: Vec<Axes>,
    /// Whether some store needs it.
    pub(super) live: Vec<bool>,
    /// Whether it is computed inside the loops over reduced axes.
    pub(super) inside: Vec<bool>,
    /// Whether it is a product that its only user, a sum, contracts.
    pub(super) contracted: Vec<bool>,
    /// Whether it loads what an earlier instruction of this kernel stored, or one at an earlier point.
    pub(super) reload: Vec<bool>,
    /// Loads of what this kernel stored at an earlier point, and how many elements lie between.
    pub(super) resumed: Vec<(InstId, i64)>,
    /// Live reductions.
    pub(super) combines: Vec<InstId>,
    /// Whether some buffer is both loaded and stored.
    pub(super) in_place: bool,
    /// The reduced axes.
    pub(super) reduced: Axes,
}

/// The buffer whose memory a buffer is part of.
pub(super) fn root(program: &Program, buffer: usize) -> usize {
    whole(&program.buffers, BufferId(buffer)).0
}

/// How often an axis runs at most.
pub(super) fn extent(kernel: &Kernel, axis: usize) -> usize {
    match &kernel.axes[axis] {
        AxisSize::Fixed(n) => *n,
        AxisSize::Ragged(segments) => segments.lengths.iter().copied().max().unwrap_or(0),
    }
}

/// Whether two rows are one.
pub(super) fn is(row: &'static Scalar, other: &'static Scalar) -> bool {
    std::ptr::eq(row, other)
}

impl KernelFacts {
    pub(super) fn of(program: &Program, kernel: &Kernel) -> KernelFacts {
        let n = kernel.insts.len();
        let mut facts = KernelFacts {
            deps: kernel.dependences(),
            live: vec![false; n],
            inside: vec![false; n],
            contracted: vec![false; n],
            reload: vec![false; n],
            resumed: Vec::new(),
            combines: Vec::new(),
            in_place: false,
            reduced: kernel.reduced(),
        };
        facts.find_live(kernel);
        facts.find_contracted(kernel);
        facts.find_reloads(program, kernel);
        facts
    }

    fn find_live(&mut self, kernel: &Kernel) {
        for (k, inst) in kernel.insts.iter().enumerate().rev() {
            let store = matches!(inst, Inst::Store { .. });
            let combine = matches!(inst, Inst::Reduce(..));
            self.live[k] |= store;
            self.inside[k] |= store && self.deps[k] & self.reduced != 0;
            let (live, inside) = (self.live[k], self.inside[k] || (combine && self.live[k]));
            assert!(
                !(combine && self.inside[k]),
                "egret internal error in loops: a reduction is used inside its own loop"
            );
            inst.operands(&mut |arg| {
                self.live[arg.0] |= live;
                self.inside[arg.0] |= inside;
            });
            if combine && live {
                self.combines.insert(0, InstId(k));
            }
        }
    }

    fn find_contracted(&mut self, kernel: &Kernel) {
        let mut uses = vec![0; kernel.insts.len()];
        for (k, inst) in kernel.insts.iter().enumerate() {
            if self.live[k] {
                inst.operands(&mut |arg| uses[arg.0] += 1);
            }
        }
        for id in &self.combines {
            if let Inst::Reduce(Reducer::Sum, arg, dtype) = &kernel.insts[id.0]
                && let Inst::Map(row, _, of) = &kernel.insts[arg.0]
            {
                self.contracted[arg.0] =
                    is(row, &scalar::MUL) && of == dtype && dtype.is_float() && uses[arg.0] == 1;
            }
        }
    }

    fn find_reloads(&mut self, program: &Program, kernel: &Kernel) {
        let mut stored = Vec::new();
        let mut loaded = Vec::new();
        for (k, inst) in kernel.insts.iter().enumerate().filter(|(k, _)| self.live[*k]) {
            match inst {
                Inst::Store { buffer, .. } => stored.push(root(program, buffer.0)),
                Inst::Load { buffer, .. } => {
                    let root = root(program, buffer.0);
                    self.reload[k] = stored.contains(&root);
                    loaded.push(root);
                }
                Inst::Const(..) | Inst::Axis(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => {}
            }
        }
        self.in_place = stored.iter().any(|buffer| loaded.contains(buffer));
        self.find_resumed(kernel);
    }

    fn find_resumed(&mut self, kernel: &Kernel) {
        let live = |(k, _): &(usize, &Inst)| self.live[*k];
        for (k, inst) in kernel.insts.iter().enumerate().filter(live) {
            let Inst::Load { buffer, at, .. } = inst else { continue };
            for (_, store) in kernel.insts.iter().enumerate().filter(live) {
                let Inst::Store { buffer: to, at: there, .. } = store else { continue };
                if to == buffer && (at != there || at.gather.is_some()) {
                    self.reload[k] = true;
                    self.resumed.push((InstId(k), there.offset - at.offset));
                }
            }
        }
    }

    /// Whether an instruction depends on an axis.
    pub(super) fn on(&self, inst: InstId, axis: usize) -> bool {
        self.deps[inst.0] & 1 << axis != 0
    }
}
