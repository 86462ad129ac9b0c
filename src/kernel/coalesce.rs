//! Coalescing: two neighbouring axes that every access walks as one become one, so that `[32, 10]`
//! elements run as 320 and leave a rest once, not 32 times.

use std::borrow::Cow;

use super::{Affine, Inst, Kernel};
use crate::algebra::form::AxisSize;

/// The same kernel with as few axes as possible.
pub fn coalesce(kernel: &Kernel) -> Cow<'_, Kernel> {
    let mut flat = Cow::Borrowed(kernel);
    for axis in (1..kernel.axes.len()).rev() {
        if let Some(n) = joint(&flat, axis - 1) {
            merge(flat.to_mut(), axis - 1, n);
        }
    }
    flat
}

/// How far `axis` and the next run together, if they are one axis to every access.
fn joint(kernel: &Kernel, axis: usize) -> Option<usize> {
    let (AxisSize::Fixed(outer), AxisSize::Fixed(inner)) = (&kernel.axes[axis], kernel.axes.get(axis + 1)?)
    else {
        return None;
    };
    if axis + 1 == kernel.n_out || matches!(kernel.axes.get(axis + 2), Some(AxisSize::Ragged(_))) {
        return None;
    }
    let walks = |at: &Affine| walks(at, axis, *inner as i64);
    let all = kernel.insts.iter().all(|inst| match inst {
        Inst::Axis(of, _) => *of != axis && *of != axis + 1,
        Inst::Load { at, guards, .. } => walks(at) && guards.iter().all(|guard| walks(&guard.position)),
        Inst::Store { at, .. } => walks(at),
        Inst::Const(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => true,
    });
    all.then_some(outer * inner)
}

/// Whether one step along `axis` is as far as `inner` steps along the next.
fn walks(at: &Affine, axis: usize, inner: i64) -> bool {
    let coefficient = |axis| at.terms.iter().find(|(of, _)| *of == axis).map_or(0, |(_, n)| *n);
    let piece = at.piece.as_ref().is_some_and(|(_, of)| *of == axis || *of == axis + 1);
    !piece && coefficient(axis) == coefficient(axis + 1) * inner
}

fn merge(kernel: &mut Kernel, axis: usize, n: usize) {
    kernel.axes[axis] = AxisSize::Fixed(n);
    kernel.axes.remove(axis + 1);
    if axis + 1 < kernel.n_out {
        kernel.n_out -= 1;
    }
    for inst in &mut kernel.insts {
        match inst {
            Inst::Axis(of, _) => *of -= usize::from(*of > axis),
            Inst::Load { at, guards, .. } => {
                drop_axis(at, axis);
                guards.iter_mut().for_each(|guard| drop_axis(&mut guard.position, axis));
            }
            Inst::Store { at, .. } => drop_axis(at, axis),
            Inst::Const(..) | Inst::Map(..) | Inst::Cast(..) | Inst::Reduce(..) => {}
        }
    }
}

/// Positions over the axes that are left: the inner of the two gives its coefficient to the joint one.
fn drop_axis(at: &mut Affine, axis: usize) {
    at.terms.retain(|(of, _)| *of != axis);
    at.terms.iter_mut().for_each(|(of, _)| *of -= usize::from(*of > axis));
    if let Some((_, of)) = &mut at.piece {
        *of -= usize::from(*of > axis);
    }
}
