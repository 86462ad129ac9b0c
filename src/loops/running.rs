//! Running sums: each result is the one before it, read from memory, and one more element.

use crate::algebra::scalar;
use crate::kernel::{BufferId, Guard, Inst, InstId, Kernel, Linear, Program, Running, flatten, stride};

use super::Function;
use super::place::Place;
use super::scatter::cut;
use super::split;

/// The functions of a kernel that is a running sum, with the buffers behind their pointers.
pub(super) fn functions(
    program: &mut Program,
    kernel: &Kernel,
    running: &Running,
) -> Vec<(Function, Vec<BufferId>)> {
    let place = Place::of(program, kernel, running.sum);
    let adding = adding(kernel, running, &place);
    let mut functions = vec![cut(program, &adding, |axis| axis != running.axis)];
    let done: Vec<InstId> = place.store.into_iter().collect();
    if let Some(rest) = super::product::rest(kernel, &[(running.sum, place.load())], &done) {
        functions.extend(split::functions(program, &flatten(&rest)));
    }
    functions
}

/// The kernel that adds each element to the sum before it.
fn adding(kernel: &Kernel, running: &Running, place: &Place) -> Kernel {
    let Inst::Load { buffer, at, dtype, .. } = &kernel.insts[running.load.0] else {
        unreachable!("elements are loaded")
    };
    let (from, to) = (along(at, kernel, running), along(&place.at, kernel, running));
    let mut before = to.clone();
    before.offset -= stride(&to, running.axis);
    let position = Linear { offset: -1, ..Linear::axis(running.axis) };
    let guards = vec![Guard { position, bound: running.n as i64 }];
    let (outside, dtype) = (0.0, *dtype);
    let insts = vec![
        Inst::Load { buffer: *buffer, at: from, guards: Vec::new(), outside, dtype },
        Inst::Load { buffer: place.buffer, at: before, guards, outside, dtype },
        Inst::Map(&scalar::ADD, vec![InstId(1), InstId(0)], dtype),
        Inst::Store { buffer: place.buffer, at: to, value: InstId(2) },
    ];
    Kernel { axes: kernel.axes[..kernel.n_out].to_vec(), insts, ..kernel.clone() }
}

/// A position where the element is the one that the sum is at, in the order in which it runs.
fn along(at: &Linear, kernel: &Kernel, running: &Running) -> Linear {
    let mut at = at.clone();
    at.terms.retain(|(axis, _)| *axis != kernel.n_out);
    if running.reverse {
        for (_, by) in at.terms.iter_mut().filter(|(axis, _)| *axis == running.axis) {
            at.offset += *by * (running.n as i64 - 1);
            *by = -*by;
        }
    }
    at
}
