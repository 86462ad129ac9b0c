//! Convolutions: products summed over windows.
//!
//! The derivatives of a convolution are convolutions: by the kernel, windows and taps change places; by
//! the input, the kernel is turned around and the gradient padded. Nothing is ever read outside of an
//! operand; padding is a view below it.

use std::collections::BTreeMap;

use super::contract::{expect_operands, letter, repeats, size};
use super::form::{AxisSize, Form, Index, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_count};
use super::term::x;
use super::types::{Dim, SizeVar, Type};
use super::view::windows;

/// A contraction (see [`super::contract::Contract`]) in which axes of the first operand are walked by
/// windows: `out[i] = sum over j of left[stride * i + dilation * j] * right[j]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Convolve {
    /// Labels of the first operand's axes.
    pub left: Vec<usize>,
    /// Labels of the second operand's axes.
    pub right: Vec<usize>,
    /// Labels of the result's axes.
    pub out: Vec<usize>,
    /// The axes with windows.
    pub windows: Vec<Window>,
}

/// One axis with windows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// The label of the first operand's axis, which only that has.
    pub at: usize,
    /// The label of the windows, which only the result has.
    pub step: usize,
    /// How many there are.
    pub steps: Dim,
    /// From one window to the next.
    pub stride: Dim,
    /// The label of positions in a window, which only the second operand has.
    pub tap: usize,
    /// From one of them to the next.
    pub dilation: Dim,
}

impl Window {
    /// The window with its sizes and distances changed.
    fn each(&self, f: impl Fn(&Dim) -> Dim) -> Window {
        let (steps, stride, dilation) = (f(&self.steps), f(&self.stride), f(&self.dilation));
        Window { steps, stride, dilation, ..self.clone() }
    }
}

impl Convolve {
    fn step(&self, label: usize) -> Option<&Window> {
        self.windows.iter().find(|window| window.step == label)
    }

    pub(super) fn at(&self, label: usize) -> Option<&Window> {
        self.windows.iter().find(|window| window.at == label)
    }

    /// Labels summed over: those of the first operand alone, then those of the second in order.
    fn summed(&self) -> Vec<usize> {
        let kept = |label: &&usize| !self.out.contains(label) && self.at(**label).is_none();
        let mut summed: Vec<usize> = self.right.iter().filter(kept).copied().collect();
        summed.extend(self.left.iter().filter(kept).filter(|label| !self.right.contains(label)));
        summed
    }

    /// The size of a label.
    pub fn size(&self, label: usize, args: &[&Type]) -> Option<Dim> {
        if let Some(window) = self.step(label) {
            return Some(window.steps.clone());
        }
        size([&self.left, &self.right], label, args)
    }

    fn is_well_formed(&self) -> bool {
        let (left, right, out) = (&self.left, &self.right, &self.out);
        let alone = |label: &usize, of: &[usize], others: [&[usize]; 2]| {
            of.contains(label) && !others.into_iter().any(|other| other.contains(label))
        };
        let windows = self.windows.iter().all(|window| {
            alone(&window.at, left, [right, out])
                && alone(&window.step, out, [left, right])
                && alone(&window.tap, right, [left, out])
        });
        let known =
            |label: &usize| left.contains(label) || right.contains(label) || self.step(*label).is_some();
        windows && out.iter().all(known) && ![left, right, out].into_iter().any(|labels| repeats(labels))
    }

    /// The window's axis, as far as sizes are known: whether all windows are inside.
    fn expect_inside(&self, window: &Window, args: &[&Type]) -> Result<(), Mismatch> {
        let size = |label| self.size(label, args).unwrap_or_default();
        let most = windows(&size(window.at), &size(window.tap), &window.stride, &window.dilation)?;
        match most.sub(&window.steps).as_constant() {
            Some(n) if n < 0 => {
                Err(Mismatch::new(0, format!("room for {} windows where {most} fit", window.steps)))
            }
            _ => Ok(()),
        }
    }
}

/// Labels as letters, and an axis with windows as a sum.
fn letters(labels: &[usize], windows: &[Window]) -> String {
    let times = |by: &Dim, label| match by.as_constant() {
        Some(1) => letter(label).to_string(),
        _ => format!("{by}{}", letter(label)),
    };
    let axis = |label: &usize| match windows.iter().find(|window| window.at == *label) {
        Some(window) => {
            format!("({}+{})", times(&window.stride, window.step), times(&window.dilation, window.tap))
        }
        None => letter(*label).to_string(),
    };
    labels.iter().map(axis).collect()
}

/// A convolution along some axes of images `[B, C, ..]` with kernels `[O, C, ..]`.
fn sample(sizes: &[&[usize]], stride: usize, dilation: usize) -> Sample<Convolve> {
    let n = sizes[0].len() - 2;
    let window = |k: usize| {
        let span = dilation * (sizes[1][k + 2] - 1) + 1;
        let steps = Dim::from((sizes[0][k + 2] - span) / stride + 1);
        let (stride, dilation) = (Dim::from(stride), Dim::from(dilation));
        Window { at: 3 + k, step: 3 + n + k, steps, stride, tap: 3 + 2 * n + k, dilation }
    };
    let axes = |first: usize| 3 + first..3 + first + n;
    let op = Convolve {
        left: [0, 1].into_iter().chain(axes(0)).collect(),
        right: [2, 1].into_iter().chain(axes(2 * n)).collect(),
        out: [0, 2].into_iter().chain(axes(n)).collect(),
        windows: (0..n).map(window).collect(),
    };
    Sample::of(op, sizes)
}

impl Rules for Convolve {
    fn samples() -> Vec<Sample<Self>> {
        let grouped = Convolve {
            left: vec![0, 1, 2, 3],
            right: vec![1, 4, 2, 5],
            out: vec![0, 1, 4, 6],
            windows: vec![Window {
                at: 3,
                step: 6,
                steps: Dim::from(2),
                stride: Dim::from(1),
                tap: 5,
                dilation: Dim::from(1),
            }],
        };
        vec![
            sample(&[&[2, 2, 5], &[3, 2, 3]], 1, 1),
            sample(&[&[1, 1, 6], &[2, 1, 3]], 2, 1),
            sample(&[&[1, 2, 7], &[1, 2, 2]], 1, 3),
            sample(&[&[1, 1, 8], &[1, 1, 2]], 3, 2),
            sample(&[&[1, 1, 5], &[1, 1, 1]], 2, 1),
            sample(&[&[1, 1, 2], &[1, 1, 2]], 2, 1),
            sample(&[&[1, 2, 3, 4], &[2, 2, 2, 3]], 1, 1),
            sample(&[&[1, 1, 5, 4], &[1, 1, 3, 2]], 2, 1),
            sample(&[&[0, 1, 3], &[2, 1, 2]], 1, 1),
            sample(&[&[1, 0, 3], &[1, 0, 2]], 1, 1),
            Sample::of(grouped, &[&[1, 2, 1, 4], &[2, 2, 1, 3]]),
        ]
    }

    fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Convolve {
        let windows = self.windows.iter().map(|window| window.each(|dim| dim.substitute(sizes))).collect();
        Convolve { windows, ..self.clone() }
    }

    fn name(&self) -> &'static str {
        "convolve"
    }

    /// As a contraction with sums for axes: `ij(2l+m), kjm -> ikl`.
    fn attributes(&self) -> String {
        let [left, right, out] = [&self.left, &self.right, &self.out].map(|l| letters(l, &self.windows));
        format!("{left}, {right} -> {out}")
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 2)?;
        if !self.is_well_formed() {
            return Err(Mismatch::new(0, "labels that fit together"));
        }
        let size = |label| self.size(label, args).unwrap_or_default();
        expect_operands([&self.left, &self.right], args, size)?;
        for window in &self.windows {
            self.expect_inside(window, args)?;
        }
        let shape = self.out.iter().map(|label| size(*label)).collect();
        Ok(Type::new(args[0].dtype, shape))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let order = [self.out.clone(), self.summed()].concat();
        let axis_of = |label: usize| order.iter().position(|have| *have == label).unwrap_or(0);
        let place = |label: &usize| match self.at(*label) {
            None => Index::axis(axis_of(*label)),
            Some(window) => {
                let (stride, dilation) = (window.stride.size() as i64, window.dilation.size() as i64);
                Index::affine(0, [(axis_of(window.step), stride), (axis_of(window.tap), dilation)])
            }
        };
        let read =
            |arg, labels: &[usize]| Read { arg, index: labels.iter().map(place).collect(), outside: None };
        let size = |label: &usize| self.size(*label, args).map_or(1, |dim| dim.size());
        Form {
            axes: order.iter().map(|label| AxisSize::Fixed(size(label))).collect(),
            n_out: self.out.len(),
            reads: vec![read(0, &self.left), read(1, &self.right)],
            body: x(0) * x(1),
            combine: Reducer::Sum,
        }
    }
}
