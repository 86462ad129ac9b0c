//! Machine code to numbers.

pub mod machine;
pub mod memory;
