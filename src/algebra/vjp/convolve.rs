//! Derivatives of convolutions, which are convolutions again.

use super::view::{dilate, group_taps, ungroup};
use crate::algebra::build::pad;
use crate::algebra::convolve::{Convolve, Window};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::Dim;
use crate::algebra::view::View;

/// The gradient takes the kernel's part: its windows are the taps.
pub(super) fn by_kernel(op: &Convolve, cx: &mut dyn Build, args: &[Val], grad: Val) -> Val {
    let kernel = cx.ty(args[1]).shape.clone();
    let taps = |label: usize| {
        let axis = op.right.iter().position(|have| *have == label);
        axis.map(|axis| kernel[axis].clone()).unwrap_or_default()
    };
    let turn = |window: &Window| Window {
        at: window.at,
        step: window.tap,
        steps: taps(window.tap),
        stride: window.dilation.clone(),
        tap: window.step,
        dilation: window.stride.clone(),
    };
    let turned = Convolve {
        left: op.left.clone(),
        right: op.out.clone(),
        out: op.right.clone(),
        windows: op.windows.iter().map(turn).collect(),
    };
    cx.emit(Op::Convolve(turned), &[args[0], grad])
}

/// The gradient, padded, takes the input's part; the kernel is turned around. With a stride the taps
/// are taken in groups of that many, whose places in a group are an axis of the result: position
/// `stride * q + r` is tap `r` of group `t` in window `q - t`.
pub(super) fn by_input(op: &Convolve, cx: &mut dyn Build, args: &[Val], grad: Val) -> Val {
    let (mut grad, mut kernel) = (grad, args[1]);
    let (mut right, mut out) = (op.right.clone(), op.left.clone());
    let most = [&op.left, &op.right, &op.out].into_iter().flatten().max();
    let mut fresh = most.map_or(0, |label| label + 1);
    let one = Dim::constant(1);
    let mut turned = Vec::new();
    for window in &op.windows {
        let place = |labels: &[usize], label| labels.iter().position(|l| *l == label).unwrap_or(0);
        let axis = place(&right, window.tap);
        let mut dilation = window.dilation.clone();
        if window.stride != one && dilation != one {
            kernel = dilate(cx, kernel, axis, &dilation);
            dilation = one.clone();
        }
        let (grouped, groups) = group_taps(cx, kernel, axis, &window.stride);
        let count = Dim::from(groups);
        let flip = View::Slice { axis, start: count.sub(&one), step: -1, count: count.clone() };
        kernel = if groups > 1 { cx.emit(Op::View(flip), &[grouped]) } else { grouped };
        if window.stride.size() > 1 {
            right.insert(axis + 1, fresh);
            out.insert(place(&out, window.at) + 1, fresh);
            fresh += 1;
        }
        let around = count.sub(&one).mul(&dilation);
        grad = pad(cx, grad, place(&op.out, window.step), &around, &around);
        let steps = window.steps.add(&around);
        let (at, step, tap) = (window.step, window.at, window.tap);
        turned.push(Window { at, step, steps, stride: one.clone(), tap, dilation });
    }
    let turned = Convolve { left: op.out.clone(), right, out, windows: turned };
    let mut value = cx.emit(Op::Convolve(turned), &[grad, kernel]);
    let sizes = cx.ty(args[0]).shape.clone();
    for (axis, label) in op.left.iter().enumerate() {
        if let Some(window) = op.at(*label) {
            value = ungroup(cx, value, axis, &window.stride, &sizes[axis]);
        }
    }
    value
}
