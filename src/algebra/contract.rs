//! Contractions: matrix products and their relatives.

use super::form::{Combine, Extent, Form, Read};
use super::op::{Build, Mismatch, Rules, Val, expect_count};
use super::term::x;
use super::types::{DType, Dim, Type};

/// `out[o] = sum over the labels not in o of a[l] * b[r]`: a two-operand einsum whose labels are
/// numbered axes. Every label is in `out` or in both operands; none repeats within one operand.
#[derive(Clone, PartialEq, Debug)]
pub struct Contract {
    /// Labels of the first operand's axes.
    pub left: Vec<usize>,
    /// Labels of the second operand's axes.
    pub right: Vec<usize>,
    /// Labels of the result's axes.
    pub out: Vec<usize>,
}

impl Contract {
    /// The labels summed over, in the order of the first operand.
    fn summed(&self) -> Vec<usize> {
        self.left.iter().filter(|label| !self.out.contains(label)).copied().collect()
    }

    /// The size of a label.
    fn size(&self, label: usize, args: &[&Type]) -> Option<Dim> {
        [&self.left, &self.right].into_iter().zip(args).find_map(|(labels, arg)| {
            let axis = labels.iter().position(|have| *have == label)?;
            arg.shape.get(axis).cloned()
        })
    }
}

/// Labels as letters: `ik`.
fn letters(labels: &[usize]) -> String {
    let letter = |label: &usize| char::from_u32('i' as u32 + *label as u32).unwrap_or('?');
    labels.iter().map(letter).collect()
}

impl Rules for Contract {
    fn name(&self) -> &'static str {
        "contract"
    }

    /// As in einsum: `ik, kj -> ij`.
    fn attributes(&self) -> String {
        format!("{}, {} -> {}", letters(&self.left), letters(&self.right), letters(&self.out))
    }

    fn infer(&self, args: &[&Type]) -> Result<Type, Mismatch> {
        expect_count(args, 2)?;
        if args[0].dtype == DType::Bool {
            return Err(Mismatch::new(0, "numbers"));
        }
        if args[1].dtype != args[0].dtype {
            return Err(Mismatch::new(1, format!("numbers of one type, as the first are {}", args[0].dtype)));
        }
        for (k, labels) in [&self.left, &self.right].into_iter().enumerate() {
            if labels.len() != args[k].rank() {
                return Err(Mismatch::new(k, format!("a tensor with {} axes", labels.len())));
            }
        }
        for (axis, label) in self.right.iter().enumerate() {
            let size = self.size(*label, args).unwrap_or_default();
            if args[1].shape[axis] != size {
                return Err(Mismatch::new(
                    1,
                    format!("size {size} along axis {axis}, as in the first operand"),
                ));
            }
        }
        let shape = self.out.iter().map(|label| self.size(*label, args).unwrap_or_default()).collect();
        Ok(Type::new(args[0].dtype, shape))
    }

    fn form(&self, args: &[&Type]) -> Form {
        let order = [self.out.clone(), self.summed()].concat();
        let axis_of = |label: &usize| order.iter().position(|have| have == label).unwrap_or(0);
        let axes = |labels: &[usize]| labels.iter().map(axis_of).collect::<Vec<_>>();
        let size = |label: &usize| self.size(*label, args).map_or(1, |dim| dim.size());
        Form {
            axes: order.iter().map(|label| Extent::Fixed(size(label))).collect(),
            n_out: self.out.len(),
            reads: vec![Read::at(0, &axes(&self.left)), Read::at(1, &axes(&self.right))],
            body: x(0) * x(1),
            combine: Combine::Sum,
        }
    }

    fn vjp(&self, _cx: &mut dyn Build, _args: &[Val], _out: Val, _grad: Val) -> Vec<Option<Val>> {
        todo!()
    }
}
