//! Operators on the pieces of a flat tensor: what `tensor` means as an extent in optimizer stages.

use std::rc::Rc;

use super::form::{Combine, Segments};

/// An operator that knows the pieces of a flat tensor.
#[derive(Clone, PartialEq, Debug)]
pub enum Segment {
    /// `[N]` to `[count]`: puts the elements of each piece together.
    Reduce {
        /// How.
        combine: Combine,
        /// The pieces.
        segments: Rc<Segments>,
    },
    /// `[count]` to `[N]`: every element of a piece gets the piece's value.
    Spread {
        /// The pieces.
        segments: Rc<Segments>,
    },
}

impl super::op::Rules for Segment {
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
