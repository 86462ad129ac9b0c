//! Rewrites of convolutions: less padding, and windows laid out in memory for products of matrices.

use super::rules::Rewriter;
use crate::algebra::build::{reshape, slice, transpose};
use crate::algebra::concat::Concat;
use crate::algebra::contract::Contract;
use crate::algebra::convolve::{Convolve, Window};
use crate::algebra::op::{Op, Val};
use crate::algebra::types::{Dim, product};
use crate::algebra::view::View;

/// A slice of consecutive positions.
fn part(op: &Op) -> Option<(usize, &Dim, &Dim)> {
    match op {
        Op::View(View::Slice { axis, start, step: 1, count }) => Some((*axis, start, count)),
        _ => None,
    }
}

/// Of a padded value, pads only what is asked for.
pub(super) fn slice_of_pad(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let (axis, start, count) = part(op)?;
    let (Op::View(View::Pad { axis: along, before, after, value }), [source]) = cx.graph().op(args[0])?
    else {
        return None;
    };
    let (along, before, after, value, source) = (*along, before.clone(), after.clone(), *value, *source);
    if along != axis {
        let inner = slice(cx, source, axis, start, count);
        return Some(cx.emit(Op::View(View::Pad { axis: along, before, after, value }), &[inner]));
    }
    let [start, count, before] = [start, count, &before].map(|dim| dim.size() as i64);
    let size = cx.ty(source).shape[axis].size() as i64;
    let first = (start - before).clamp(0, size);
    let last = (start + count - before).clamp(0, size);
    if first >= last {
        return None;
    }
    let dim = Dim::constant;
    let inner = slice(cx, source, axis, &dim(first), &dim(last - first));
    let (before, after) = (dim((before - start).max(0)), dim((start + count - before - size).max(0)));
    Some(cx.emit(Op::View(View::Pad { axis, before, after, value }), &[inner]))
}

/// Of a convolution of a padded value, as in the derivative of one that pads itself, computes only the
/// windows that are asked for.
pub(super) fn slice_of_convolve(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let (axis, start, count) = part(op)?;
    let (Op::Convolve(convolve), [input, kernel]) = cx.graph().op(args[0])? else { return None };
    let (mut convolve, input, kernel) = (convolve.clone(), *input, *kernel);
    let padded = matches!(cx.graph().op(input), Some((Op::View(View::Pad { .. }), _)));
    let window = convolve.windows.iter_mut().find(|window| window.step == convolve.out[axis])?;
    if !padded {
        return None;
    }
    window.steps = count.clone();
    let one = Dim::constant(1);
    let place = |labels: &[usize], label| labels.iter().position(|have| *have == label);
    let taps = cx.ty(kernel).shape[place(&convolve.right, window.tap)?].clone();
    let reach = count.sub(&one).mul(&window.stride).add(&taps.sub(&one).mul(&window.dilation)).add(&one);
    let at = place(&convolve.left, window.at)?;
    let first = start.mul(&window.stride);
    let input = slice(cx, input, at, &first, &reach);
    Some(cx.emit(Op::Convolve(convolve), &[input, kernel]))
}

/// Bytes of windows that may be laid out at most: larger convolutions read their input in place.
const MOST_BYTES: usize = 32 << 20;

/// Least rows, columns and sums of a product that pays for laying out windows where loops are slow: they
/// have no vectors to go along with a stride or for a kernel's derivative.
const LEAST: usize = 8;

/// Least rows where loops go along the windows in vectors.
const LEAST_ROWS: usize = 16;

/// Least windows that are columns by themselves, in one product for each row of the batch.
const LEAST_STEPS: usize = 32;

/// Least windows side by side of which a product lays out a run at a time, and most of all that it has a
/// table for.
const LEAST_RUN: usize = 8;
const MOST_STEPS: usize = 1 << 16;

/// A convolution that products read in place, a run of windows at a time: its kernel lies as rows of what
/// is summed.
fn read_in_place(
    cx: &mut dyn Rewriter,
    convolve: &Convolve,
    args: &[Val],
    roles: &Roles,
    size: &dyn Fn(&usize) -> Dim,
) -> Option<Val> {
    let order = [&roles.both[..], &roles.right, &roles.summed].concat();
    if order == convolve.right && lies_in_order(cx, args[1]) {
        return None;
    }
    let shape: Vec<Dim> = order.iter().map(size).collect();
    let kernel = stored(cx, args[1], &convolve.right, &order, &shape);
    let convolve = Convolve { right: order, ..convolve.clone() };
    Some(cx.emit(Op::Convolve(convolve), &[args[0], kernel]))
}

/// Whether a value's elements lie side by side, in memory that may be another's.
fn lies_in_order(cx: &mut dyn Rewriter, value: Val) -> bool {
    let below = match cx.graph().op(value) {
        Some((Op::View(View::Reshape { .. } | View::Window { .. }), args)) => args[0],
        Some((op, _)) => return !matches!(op, Op::View(_)),
        None => return true,
    };
    lies_in_order(cx, below)
}

/// Lays out the windows of a convolution and makes it a product of matrices. The rows are what the
/// kernel has for itself, and summed is what both have (Chellapilla, Puri and Simard 2006).
pub(super) fn convolve_as_product(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let Op::Convolve(convolve) = op else { return None };
    let types = [cx.ty(args[0]).clone(), cx.ty(args[1]).clone()];
    let size = |label: &usize| convolve.size(*label, &[&types[0], &types[1]]).unwrap_or_default();
    let count = |labels: &[usize]| labels.iter().map(|label| size(label).size()).product::<usize>();
    let roles = Roles::of(convolve)?;
    let many = count(&roles.steps) >= LEAST_STEPS;
    let columns = if many { count(&roles.steps) } else { count(&roles.left) * count(&roles.steps) };
    let [rows, summed] = [&roles.right, &roles.summed].map(|labels| count(labels));
    let in_vectors = many && convolve.windows.iter().all(|window| window.stride == Dim::constant(1));
    let least = if in_vectors { LEAST_ROWS } else { LEAST };
    let all = count(&roles.both) * count(&roles.left) * count(&roles.steps) * summed;
    if rows < least || columns < LEAST || summed < LEAST {
        return None;
    }
    if in_vectors && size(&roles.steps[roles.steps.len() - 1]).size() >= LEAST_RUN && columns <= MOST_STEPS {
        return read_in_place(cx, convolve, args, &roles, &size);
    }
    if all * types[0].dtype.bytes() > MOST_BYTES {
        return None;
    }
    // Axes: repeated, repeated in both, rows, summed, columns.
    let none: &[usize] = &[];
    let (again, columns) = match many {
        true => (roles.left.as_slice(), roles.steps.clone()),
        false => (none, [roles.left.clone(), roles.steps.clone()].concat()),
    };
    let dims = |groups: &[&[usize]]| -> Vec<Dim> {
        groups.iter().map(|labels| product(&labels.iter().map(size).collect::<Vec<_>>())).collect()
    };
    let (windows, labels) = unfolded(cx, convolve, args[0], &size);
    let (groups, numbers) = match many {
        true => ([again, &roles.both, &roles.summed, &columns], vec![0, 1, 3, 4]),
        false => ([again, &roles.both, &columns, &roles.summed], vec![0, 1, 4, 3]),
    };
    let windows = stored(cx, windows, &labels, &groups.concat(), &dims(&groups));
    let groups = [&roles.both[..], &roles.right, &roles.summed];
    let kernel = stored(cx, args[1], &convolve.right, &groups.concat(), &dims(&groups));
    let contract = Contract { left: vec![1, 2, 3], right: numbers, out: vec![0, 1, 2, 4] };
    let value = cx.emit(Op::Contract(contract.renumbered()), &[kernel, windows]);
    let order = [again, &roles.both, &roles.right, &columns].concat();
    let to: Vec<Dim> = order.iter().map(size).collect();
    let value = reshape(cx, value, &to);
    Some(transpose(cx, value, &places(&order, &convolve.out)))
}

/// What the labels of a convolution are to a product of matrices.
struct Roles {
    /// In both operands and the result.
    both: Vec<usize>,
    /// In the first operand and the result.
    left: Vec<usize>,
    /// In the second operand and the result.
    right: Vec<usize>,
    /// In both operands only: plain axes, then positions in windows.
    summed: Vec<usize>,
    /// Windows.
    steps: Vec<usize>,
}

impl Roles {
    /// `None` where an axis is in one operand only.
    fn of(convolve: &Convolve) -> Option<Roles> {
        let Convolve { left, right, out, windows } = convolve;
        let walked = |label: &usize| windows.iter().any(|w| [w.at, w.tap, w.step].contains(label));
        let of = |from: &[usize], in_left: bool, in_right: bool, in_out: bool| -> Vec<usize> {
            let fits = |label: &usize| {
                left.contains(label) == in_left
                    && right.contains(label) == in_right
                    && out.contains(label) == in_out
                    && !walked(label)
            };
            from.iter().copied().filter(fits).collect()
        };
        let alone = of(left, true, false, false).len() + of(right, false, true, false).len();
        let taps = right.iter().copied().filter(|label| windows.iter().any(|w| w.tap == *label));
        let steps = out.iter().copied().filter(|label| windows.iter().any(|w| w.step == *label));
        (alone == 0).then(|| Roles {
            both: of(out, true, true, true),
            left: of(out, true, false, true),
            right: of(out, false, true, true),
            summed: of(right, true, true, false).into_iter().chain(taps).collect(),
            steps: steps.collect(),
        })
    }
}

/// Where each of `to` is among `from`.
fn places(from: &[usize], to: &[usize]) -> Vec<usize> {
    to.iter().map(|label| from.iter().position(|have| have == label).unwrap_or(0)).collect()
}

/// The first operand with its windows as axes of their own, and the labels of its axes.
fn unfolded(
    cx: &mut dyn Rewriter,
    convolve: &Convolve,
    input: Val,
    size: &dyn Fn(&usize) -> Dim,
) -> (Val, Vec<usize>) {
    let (mut value, mut labels) = (input, convolve.left.clone());
    for Window { at, step, steps, stride, tap, dilation } in &convolve.windows {
        let Some(axis) = labels.iter().position(|label| label == at) else { continue };
        labels.splice(axis..=axis, [*step, *tap]);
        let (taps, stride, dilation) = (size(tap), stride.clone(), dilation.clone());
        value = cx.emit(Op::View(View::Unfold { axis, taps, stride, dilation }), &[value]);
        value = slice(cx, value, axis, &Dim::default(), steps);
    }
    (value, labels)
}

/// A value in this order of labels, side by side in memory, under another shape.
fn stored(cx: &mut dyn Rewriter, value: Val, from: &[usize], to: &[usize], shape: &[Dim]) -> Val {
    let axes = places(from, to);
    if axes.iter().copied().eq(0..axes.len()) && !matches!(cx.graph().op(value), Some((Op::View(_), _))) {
        return reshape(cx, value, shape);
    }
    let turned = transpose(cx, value, &axes);
    let packed = cx.emit(Op::Concat(Concat), &[turned]);
    reshape(cx, packed, shape)
}
