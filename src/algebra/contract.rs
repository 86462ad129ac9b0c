//! Contractions: matrix products and their relatives.

use super::form::{AxisSize, Form, Read, Reducer};
use super::rules::{Mismatch, Rules, Sample, expect_count};
use super::term::x;
use super::types::{DType, Dim, Type};

/// `out[o] = sum over the labels not in o of a[l] * b[r]`: a two-operand einsum whose labels are
/// numbered axes. Every label is in `out` or in both operands; none repeats within one operand.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Contract {
    /// Labels of the first operand's axes.
    pub left: Vec<usize>,
    /// Labels of the second operand's axes.
    pub right: Vec<usize>,
    /// Labels of the result's axes.
    pub out: Vec<usize>,
}

impl Contract {
    /// The same contraction with labels numbered in order of appearance, so that equal ones are equal.
    pub fn renumbered(&self) -> Contract {
        let mut seen: Vec<usize> = Vec::new();
        let mut renumber = |labels: &[usize]| {
            let number = |label: &usize| {
                seen.iter().position(|have| have == label).unwrap_or_else(|| {
                    seen.push(*label);
                    seen.len() - 1
                })
            };
            labels.iter().map(number).collect::<Vec<_>>()
        };
        Contract { left: renumber(&self.left), right: renumber(&self.right), out: renumber(&self.out) }
    }

    /// Whether every label is in the result or in both operands, and none repeats.
    fn is_well_formed(&self) -> bool {
        let (left, right, out) = (&self.left, &self.right, &self.out);
        let known = |label: &usize| left.contains(label) || right.contains(label);
        let placed = |labels: &[usize], other: &[usize]| {
            labels.iter().all(|label| out.contains(label) || other.contains(label))
        };
        ![left, right, out].into_iter().any(|labels| repeats(labels))
            && out.iter().all(known)
            && placed(left, right)
            && placed(right, left)
    }

    /// The labels summed over, in the order of the first operand.
    fn summed(&self) -> Vec<usize> {
        self.left.iter().filter(|label| !self.out.contains(label)).copied().collect()
    }

    /// The size of a label.
    fn size(&self, label: usize, args: &[&Type]) -> Option<Dim> {
        size([&self.left, &self.right], label, args)
    }
}

/// Labels as letters: `ik`.
fn letters(labels: &[usize]) -> String {
    labels.iter().map(|label| letter(*label)).collect()
}

/// A label in printed graphs.
pub(super) fn letter(label: usize) -> char {
    char::from_u32('i' as u32 + label as u32).unwrap_or('?')
}

/// Whether a label is duplicate.
pub(super) fn repeats(labels: &[usize]) -> bool {
    (1..labels.len()).any(|k| labels[..k].contains(&labels[k]))
}

/// The size of a label: that of the first axis of an operand that has it.
pub(super) fn size(labels: [&[usize]; 2], label: usize, args: &[&Type]) -> Option<Dim> {
    labels.into_iter().zip(args).find_map(|(labels, arg)| {
        let axis = labels.iter().position(|have| *have == label)?;
        arg.shape.get(axis).cloned()
    })
}

/// Whether two operands are numbers of one type with an axis for each of these labels, and the second has
/// the sizes that the labels have.
pub(super) fn expect_operands(
    labels: [&[usize]; 2],
    args: &[&Type],
    size: impl Fn(usize) -> Dim,
) -> Result<(), Mismatch> {
    if args[0].dtype == DType::Bool {
        return Err(Mismatch::new(0, "numbers"));
    }
    if args[1].dtype != args[0].dtype {
        return Err(Mismatch::new(1, format!("numbers of one type, as the first are {}", args[0].dtype)));
    }
    for (k, labels) in labels.into_iter().enumerate() {
        if labels.len() != args[k].rank() {
            return Err(Mismatch::new(k, format!("a tensor with {} axes", labels.len())));
        }
    }
    for (axis, size) in labels[1].iter().map(|label| size(*label)).enumerate() {
        if args[1].shape[axis] != size {
            let expected = format!("size {size} along axis {axis}, as in the first operand");
            return Err(Mismatch::new(1, expected));
        }
    }
    Ok(())
}

impl Rules for Contract {
    fn samples() -> Vec<Sample<Self>> {
        let of = |left: &[usize], right: &[usize], out: &[usize], sizes: &[&[usize]]| {
            let op = Contract { left: left.to_vec(), right: right.to_vec(), out: out.to_vec() };
            Sample::of(op, sizes)
        };
        vec![
            of(&[0, 1], &[1, 2], &[0, 2], &[&[2, 3], &[3, 4]]),
            of(&[0, 1], &[2, 1], &[2, 0], &[&[2, 3], &[4, 3]]),
            of(&[0, 1, 2], &[2, 3], &[0, 1, 3], &[&[2, 1, 3], &[3, 2]]),
            of(&[0, 1, 2], &[0, 2, 3], &[0, 1, 3], &[&[2, 2, 3], &[2, 3, 2]]),
            of(&[0], &[0], &[], &[&[4], &[4]]),
            of(&[0], &[1], &[0, 1], &[&[2], &[3]]),
            of(&[0], &[], &[0], &[&[3], &[]]),
            of(&[0, 1], &[1], &[0], &[&[2, 0], &[0]]),
            of(&[0, 1], &[1, 2], &[0, 2], &[&[1, 1], &[1, 1]]),
            of(&[0, 1], &[1, 2], &[0, 2], &[&[2, 1], &[1, 3]]),
            of(&[0, 1], &[1, 2], &[0, 2], &[&[0, 3], &[3, 2]]),
            of(&[0, 1, 2], &[0, 2, 3], &[0, 1, 3], &[&[0, 2, 1], &[0, 1, 2]]),
            of(&[], &[], &[], &[&[], &[]]),
        ]
    }

    fn name(&self) -> &'static str {
        "contract"
    }

    /// As in einsum: `ik, kj -> ij`.
    fn attributes(&self) -> String {
        format!("{}, {} -> {}", letters(&self.left), letters(&self.right), letters(&self.out))
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 2)?;
        if !self.is_well_formed() {
            return Err(Mismatch::new(0, "labels that are in the result or in both operands, once each"));
        }
        let size = |label| self.size(label, args).unwrap_or_default();
        expect_operands([&self.left, &self.right], args, size)?;
        let shape = self.out.iter().map(|label| size(*label)).collect();
        Ok(Type::new(args[0].dtype, shape))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let order = [self.out.clone(), self.summed()].concat();
        let axis_of = |label: &usize| order.iter().position(|have| have == label).unwrap_or(0);
        let axes = |labels: &[usize]| labels.iter().map(axis_of).collect::<Vec<_>>();
        let size = |label: &usize| self.size(*label, args).map_or(1, |dim| dim.size());
        Form {
            axes: order.iter().map(|label| AxisSize::Fixed(size(label))).collect(),
            n_out: self.out.len(),
            reads: vec![Read::at(0, &axes(&self.left)), Read::at(1, &axes(&self.right))],
            body: x(0) * x(1),
            combine: Reducer::Sum,
        }
    }
}
