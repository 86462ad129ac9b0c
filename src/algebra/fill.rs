//! Tensors made from nothing.

use super::types::{DType, Shape};

/// A source of elements.
#[derive(Clone, PartialEq, Debug)]
pub enum Fill {
    /// One number everywhere. Takes no arguments.
    Const {
        /// The number.
        value: f64,
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
    /// The row-major position of each element, from 0. Takes no arguments.
    Iota {
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
    /// Uniform numbers in `[0, 1)`. Takes the key, `i32[2]`; element `i` is a pure function of the
    /// key, `site` and `i`, so it depends on neither threads nor history.
    Random {
        /// Tells uses with one key apart.
        site: u32,
        /// Element type.
        dtype: DType,
        /// Shape.
        to: Shape,
    },
}

impl super::op::Rules for Fill {
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
