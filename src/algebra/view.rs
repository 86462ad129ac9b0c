//! Views: the same elements, arranged otherwise.

use super::types::{Dim, Shape};

/// A rearrangement of one tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum View {
    /// Axis `k` of the argument becomes axis `axes[k]` of the result; it has that size or size 1.
    /// The other axes of the result repeat the argument.
    Broadcast {
        /// The result's shape.
        to: Shape,
        /// Where each axis of the argument goes, ascending.
        axes: Vec<usize>,
    },
    /// The same elements in row-major order under another shape.
    Reshape {
        /// The result's shape.
        to: Shape,
    },
    /// Axis `k` of the result is axis `axes[k]` of the argument.
    Transpose {
        /// A permutation.
        axes: Vec<usize>,
    },
    /// Every `step`-th position along one axis.
    Slice {
        /// The axis.
        axis: usize,
        /// First position.
        start: Dim,
        /// Positions from one to the next; not zero; negative runs backwards.
        step: i64,
        /// How many.
        count: Dim,
    },
    /// More positions along one axis, filled with a number. Negative amounts are not allowed.
    Pad {
        /// The axis.
        axis: usize,
        /// New positions before the first.
        before: Dim,
        /// New positions after the last.
        after: Dim,
        /// What they hold.
        value: f64,
    },
    /// Consecutive elements of a flat tensor under a shape: a parameter in its arena.
    Window {
        /// First element.
        start: usize,
        /// The result's shape.
        to: Shape,
    },
}

impl super::op::Rules for View {
    fn name(&self) -> &'static str {
        todo!()
    }
    fn attributes(&self) -> String {
        todo!()
    }
    fn infer(&self, _args: &[&super::types::Type]) -> Result<super::types::Type, super::op::Mismatch> {
        todo!()
    }
    fn form(&self, _args: &[&super::types::Type]) -> super::form::Form {
        todo!()
    }
    fn vjp(
        &self,
        _cx: &mut dyn super::op::Build,
        _args: &[super::op::Val],
        _out: super::op::Val,
        _grad: super::op::Val,
    ) -> Vec<Option<super::op::Val>> {
        todo!()
    }
}
