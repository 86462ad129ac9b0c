//! Sums by an index in one pass: zeros, then each value added where its index says, then the rest of the
//! kernel. Values come in the order of the summed axes, so every result is one chain of sums. Parts have
//! other columns, never other values of a result.

use crate::algebra::scalar;
use crate::algebra::types::DType;
use crate::kernel::{Affine, BufferId, Inst, InstId, Kernel, Program, Scatter, Scattered, coalesce, stride};

use super::Function;
use super::facts::{KernelFacts, extent};
use super::lower::lower;
use super::schedule::Schedule;
use super::split::{self, ParallelSplit};
use super::sums::SumPlace;

/// Least elements of a row in a part: parts that run at the same time write other lines of the cache.
const ROW: usize = 32;

/// The functions of a kernel that sums by an index, with the buffers behind their pointers.
pub(super) fn functions(
    program: &mut Program,
    kernel: &Kernel,
    scatter: &Scatter,
) -> Vec<(Function, Vec<BufferId>)> {
    let places: Vec<SumPlace> =
        scatter.sums.iter().map(|sum| SumPlace::of(program, kernel, sum.sum)).collect();
    let zeros = zeros(kernel, &places);
    let mut functions = split::nest(program, &coalesce(&zeros));
    let order = order(kernel, scatter, &places[0]);
    let adding = add(kernel, scatter, &places, &order);
    functions.push(cut(program, &adding, |axis| order[axis] < kernel.n_out));
    let sums: Vec<(InstId, Inst)> =
        scatter.sums.iter().zip(&places).map(|(sum, place)| (sum.sum, place.load())).collect();
    let done: Vec<InstId> = places.iter().filter_map(|place| place.store).collect();
    if let Some(rest) = super::product::rest(kernel, &sums, &done) {
        functions.extend(split::nest(program, &coalesce(&rest)));
    }
    functions
}

/// The kernel that sets all sums to zero.
fn zeros(kernel: &Kernel, places: &[SumPlace]) -> Kernel {
    let mut insts = Vec::new();
    for place in places {
        insts.push(Inst::Const(0.0, place.dtype));
        let value = InstId(insts.len() - 1);
        insts.push(Inst::Store { buffer: place.buffer, at: place.at.clone(), value });
    }
    kernel.part(kernel.axes[..kernel.n_out].to_vec(), kernel.n_out, insts)
}

/// The function of a kernel that goes on from what it wrote at earlier points, in parts if there is enough
/// to do: along an axis that is `apart`, in which no point goes on from another.
pub(super) fn cut(
    program: &Program,
    kernel: &Kernel,
    apart: impl Fn(usize) -> bool,
) -> (Function, Vec<BufferId>) {
    let whole = lower(program, kernel, None);
    let schedule = Schedule::of(kernel, &KernelFacts::of(program, kernel));
    let parts = |axis: usize| {
        let least = if schedule.vector == Some(axis) { ROW } else { 1 };
        split::parts(&whole.0).min(extent(kernel, axis) / least)
    };
    let best = (0..kernel.axes.len()).filter(|axis| apart(*axis)).max_by_key(|axis| parts(*axis));
    match best.map(|axis| (axis, parts(axis))) {
        Some((axis, parts)) if parts > 1 => {
            let starts = split::starts(kernel, &schedule, axis, parts);
            lower(program, kernel, Some(&ParallelSplit { axis, starts, partial: Vec::new() }))
        }
        _ => whole,
    }
}

/// The kernel's axes without that of places: those with longer strides, the summed ones, the others.
fn order(kernel: &Kernel, scatter: &Scatter, place: &SumPlace) -> Vec<usize> {
    let results = (0..kernel.n_out).filter(|axis| *axis != scatter.axis);
    let apart = stride(&place.at, scatter.axis);
    let (outer, inner): (Vec<usize>, Vec<usize>) = results.partition(|axis| stride(&place.at, *axis) > apart);
    let summed = kernel.n_out..kernel.axes.len();
    outer.into_iter().chain(summed).chain(inner).collect()
}

/// The kernel that adds each value where its index says.
fn add(kernel: &Kernel, scatter: &Scatter, places: &[SumPlace], order: &[usize]) -> Kernel {
    let mut names = vec![0; kernel.axes.len()];
    order.iter().enumerate().for_each(|(name, axis)| names[*axis] = name);
    let axes: Vec<_> = order.iter().map(|axis| kernel.axes[*axis].clone()).collect();
    // What happens at the places is after the sums: here it has no place.
    let same = |inst: &Inst| match inst {
        Inst::Store { .. } | Inst::Reduce(..) => Inst::Const(0.0, DType::F32),
        inst => inst.on_axes(&names),
    };
    let mut insts: Vec<Inst> = kernel.insts.iter().map(same).collect();
    for (sum, place) in scatter.sums.iter().zip(places) {
        add_one(&mut insts, scatter, sum, place, &names);
    }
    let n_out = axes.len();
    kernel.part(axes, n_out, insts)
}

/// Adds a value to its sum, or nothing where its index is no place.
fn add_one(insts: &mut Vec<Inst>, scatter: &Scatter, sum: &Scattered, place: &SumPlace, names: &[usize]) {
    let mut push = |inst: Inst| {
        insts.push(inst);
        InstId(insts.len() - 1)
    };
    let (first, last) = (Inst::Const(0.0, DType::I32), Inst::Const(scatter.places as f64 - 1.0, DType::I32));
    let (first, last) = (push(first), push(last));
    let index = push(Inst::Map(&scalar::MAX, vec![sum.index, first], DType::I32));
    let index = push(Inst::Map(&scalar::MIN, vec![index, last], DType::I32));
    let here = push(Inst::Map(&scalar::EQ, vec![index, sum.index], DType::Bool));
    let nothing = push(Inst::Const(0.0, place.dtype));
    let value = push(Inst::Map(&scalar::SELECT, vec![here, sum.value, nothing], place.dtype));
    let mut at = place.at.clone();
    at.terms.retain(|(axis, _)| *axis != scatter.axis);
    let at = Affine { gather: Some((index, stride(&place.at, scatter.axis))), ..at.rename(names) };
    let load = SumPlace { at: at.clone(), ..*place }.load();
    let before = push(load);
    let after = push(Inst::Map(&scalar::ADD, vec![before, value], place.dtype));
    push(Inst::Store { buffer: place.buffer, at, value: after });
}
