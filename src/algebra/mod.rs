//! What is computed: types and operators, each declared once.

pub mod build;
pub mod contract;
pub mod dim;
pub mod eval;
pub mod fill;
pub mod form;
#[cfg(test)]
mod laws;
pub mod map;
pub mod op;
pub mod pack;
pub mod reduce;
pub mod scalar;
pub mod segment;
pub mod tensor;
pub mod term;
pub mod types;
pub mod view;
