//! What is computed: types and operators, each declared once.
//!
//! Nothing comes in and nothing goes out: every stage from `check` on reads the declarations here. An
//! operator family is one file with its [`op::Rules`]: what it is called, what type it gives, which
//! loop nest it is ([`form::Form`]), and samples on which the laws are tried; its derivative, which is
//! made of all families, is in `vjp`. A scalar function is one row in [`scalar`]. [`eval`] gives forms
//! their meaning.
//!
//! To add a family: its file, a variant of [`op::Op`] and a line in each list of `op.rs`, and its
//! derivative.
//!
//! ```text
//! contract [ij, jk -> ik]            out[0, 1] = sum over 2 of mul(x0[0, 2], x1[2, 1])
//! slice [axis = 0, start = 1, ..]    out[0] = x0[1 + 2 * 0]
//! reduce [max, axes = 1]             out[0] = max over 1 of x0[0, 1]
//! ```

pub mod build;
pub mod contract;
pub mod convolve;
pub mod dim;
pub mod eval;
pub mod fence;
pub mod fill;
pub mod fold;
pub mod form;
pub mod gather;
#[cfg(test)]
mod laws;
pub mod map;
pub mod op;
pub mod pack;
pub mod prefix_sum;
pub mod ranks;
pub mod reduce;
mod rules;
pub mod scalar;
pub mod segment;
pub mod tensor;
pub mod term;
pub mod types;
pub mod view;
mod vjp;
