//! Contractions: matrix products and their relatives.

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

impl super::op::Rules for Contract {
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
