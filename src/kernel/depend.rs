//! Which axes each instruction's value depends on, and which instructions it reads.

use super::{Affine, Inst, InstId, Kernel};

/// A set of axes, one bit each.
pub type Axes = u64;

impl Kernel {
    /// The reduced axes.
    pub fn reduced(&self) -> Axes {
        (self.n_out..self.axes.len()).fold(0, |set, axis| set | 1 << axis)
    }

    /// By instruction: the axes that its value, or a store's place or value, depends on.
    pub fn dependences(&self) -> Vec<Axes> {
        let mut all = vec![0; self.insts.len()];
        for (k, inst) in self.insts.iter().enumerate() {
            let mut set = match inst {
                Inst::Axis(axis, _) => 1 << *axis,
                Inst::Load { at, guards, .. } => {
                    guards.iter().fold(moving(at), |set, guard| set | moving(&guard.position))
                }
                Inst::Store { at, .. } => moving(at),
                Inst::Const(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => 0,
            };
            inst.operands(&mut |arg| set |= all[arg.0]);
            all[k] = if matches!(inst, Inst::Reduce(..)) { set & !self.reduced() } else { set };
        }
        all
    }

    /// By instruction: whether its value changes along a reduced axis.
    pub fn in_reduction(&self) -> Vec<bool> {
        let reduced = self.reduced();
        self.dependences().into_iter().map(|axes| axes & reduced != 0).collect()
    }
}

/// The axes that move a position.
fn moving(at: &Affine) -> Axes {
    let terms = at.terms.iter().fold(0, |set, (axis, _)| set | 1 << *axis);
    terms | at.piece.as_ref().map_or(0, |(_, axis)| 1 << *axis)
}

impl Inst {
    /// Calls `visit` on each operand, those of positions too.
    pub fn operands(&self, visit: &mut dyn FnMut(InstId)) {
        let linear = |at: &Affine, visit: &mut dyn FnMut(InstId)| {
            if let Some((index, _)) = at.gather {
                visit(index);
            }
        };
        match self {
            Inst::Const(..) | Inst::Axis(..) => {}
            Inst::Load { at, guards, .. } => {
                linear(at, visit);
                guards.iter().for_each(|guard| linear(&guard.position, visit));
            }
            Inst::Map(_, args, _) => args.iter().for_each(|arg| visit(*arg)),
            Inst::Cast(arg, _) | Inst::Reduce(_, arg, _) => visit(*arg),
            Inst::Store { at, value, .. } => {
                linear(at, visit);
                visit(*value);
            }
        }
    }
}
