//! Reductions over whole axes.

use super::form::Combine;

/// Puts all elements along `axes` together; the result lacks these axes.
#[derive(Clone, PartialEq, Debug)]
pub struct Reduce {
    /// How.
    pub combine: Combine,
    /// Which axes, ascending.
    pub axes: Vec<usize>,
}

impl super::op::Rules for Reduce {
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
