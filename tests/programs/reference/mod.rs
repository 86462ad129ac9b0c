//! The reference: what a typed program means, straight from its tree. Each number of each tensor is
//! computed by itself in double precision and remembers how it was made; derivatives go back along that.
//! It shares no pass, no derivative rule and no loop nest with the compiler.
//!
//! It has no random numbers, states of models, fits and stages.

mod operators;
pub(crate) mod program;
mod sweep;
pub(crate) mod tape;
