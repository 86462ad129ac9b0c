//! Operators: the families as one closed enum, and what each family declares.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::types::{Dim, SizeVar, Type};

pub use super::rules::{LawSample, Mismatch, Rules};

/// A value in a graph under construction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Val(pub u32);

/// What can be asked for while a derivative is written down.
pub trait Build {
    /// Adds an operator to the graph.
    fn emit(&mut self, op: Op, args: &[Val]) -> Val;
    /// The type of a value.
    fn ty(&self, value: Val) -> &Type;
}

/// Makes of the families one enum and what goes through all of them.
macro_rules! operators {
    ($($(#[$doc:meta])* $module:ident::$family:ident,)*) => {
        $(use super::$module::$family;)*

        /// An operator with its attributes. Sizes in attributes may be symbolic until `graph`.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Op {
            $($(#[$doc])* $family($family),)*
        }

        $(impl From<$family> for Op {
            fn from(op: $family) -> Op {
                Op::$family(op)
            }
        })*

        impl Op {
            /// The same operator with the size variables of its attributes replaced.
            pub fn substitute(&self, sizes: &BTreeMap<SizeVar, Dim>) -> Op {
                match self {
                    $(Op::$family(op) => Op::$family(op.substitute(sizes)),)*
                }
            }

            /// The family's rules.
            pub fn rules(&self) -> &dyn Rules {
                match self {
                    $(Op::$family(op) => op,)*
                }
            }
        }

        /// Samples of all families.
        pub fn samples() -> Vec<LawSample<Op>> {
            fn of<O: Rules + Into<Op>>() -> Vec<LawSample<Op>> {
                O::samples().into_iter().map(|LawSample { op, args }| LawSample { op: op.into(), args }).collect()
            }
            [$(of::<$family>()),*].concat()
        }
    };
}

families!(operators);
