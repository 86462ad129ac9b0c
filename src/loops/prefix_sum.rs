//! PrefixSum sums: each result is the one before it, read from memory, and one more element.

use crate::algebra::scalar;
use crate::kernel::{Affine, BufferId, Guard, Inst, InstId, Kernel, PrefixSum, Program, coalesce, stride};

use super::Function;
use super::scatter::cut;
use super::split;
use super::sums::SumPlace;

/// The functions of a kernel that is a prefix sum, with the buffers behind their pointers.
pub(super) fn functions(
    program: &mut Program,
    kernel: &Kernel,
    prefix: &PrefixSum,
) -> Vec<(Function, Vec<BufferId>)> {
    let place = SumPlace::of(program, kernel, prefix.sum);
    let adding = adding(kernel, prefix, &place);
    let mut functions = vec![cut(program, &adding, |axis| axis != prefix.axis)];
    let done: Vec<InstId> = place.store.into_iter().collect();
    if let Some(rest) = super::product::rest(kernel, &[(prefix.sum, place.load())], &done) {
        functions.extend(split::nest(program, &coalesce(&rest)));
    }
    functions
}

/// The kernel that adds each element to the sum before it.
fn adding(kernel: &Kernel, prefix: &PrefixSum, place: &SumPlace) -> Kernel {
    let Inst::Load { buffer, at, dtype, .. } = &kernel.insts[prefix.load.0] else {
        unreachable!("elements are loaded")
    };
    let (from, to) = (along(at, kernel, prefix), along(&place.at, kernel, prefix));
    let mut before = to.clone();
    before.offset -= stride(&to, prefix.axis);
    let position = Affine { offset: -1, ..Affine::axis(prefix.axis) };
    let guards = vec![Guard { position, bound: prefix.n as i64 }];
    let (outside, dtype) = (0.0, *dtype);
    let insts = vec![
        Inst::Load { buffer: *buffer, at: from, guards: Vec::new(), outside, dtype },
        Inst::Load { buffer: place.buffer, at: before, guards, outside, dtype },
        Inst::Map(&scalar::ADD, vec![InstId(1), InstId(0)], dtype),
        Inst::Store { buffer: place.buffer, at: to, value: InstId(2) },
    ];
    kernel.part(kernel.axes[..kernel.n_out].to_vec(), kernel.n_out, insts)
}

/// A position where the element is the one that the sum is at, in the order in which it runs.
fn along(at: &Affine, kernel: &Kernel, prefix: &PrefixSum) -> Affine {
    let mut at = at.clone();
    at.terms.retain(|(axis, _)| *axis != kernel.n_out);
    if prefix.reverse {
        for (_, by) in at.terms.iter_mut().filter(|(axis, _)| *axis == prefix.axis) {
            at.offset += *by * (prefix.n as i64 - 1);
            *by = -*by;
        }
    }
    at
}
