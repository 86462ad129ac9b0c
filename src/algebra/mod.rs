//! What is computed: types and operators, each declared once.
//!
//! Nothing comes in and nothing goes out: every stage from `check` on reads the declarations here. An
//! operator family is one file with its [`op::Rules`]: what it is called, what type it gives, which
//! loop nest it is ([`form::Form`]), and samples on which the laws are tried; its derivative, which is
//! made of all families, is in `vjp`. A scalar function is one row in [`scalar`]. [`eval`] gives forms
//! their meaning.
//!
//! To add a family: its file, here its module and its row in `families`, and its derivative.
//!
//! ```text
//! contract [ij, jk -> ik]            out[0, 1] = sum over 2 of mul(x0[0, 2], x1[2, 1])
//! slice [axis = 0, start = 1, ..]    out[0] = x0[1 + 2 * 0]
//! reduce [max, axes = 1]             out[0] = max over 1 of x0[0, 1]
//! ```

/// The operator families, of which each is a variant of [`op::Op`]: `$make` is a macro that takes the rows.
macro_rules! families {
    ($make:ident) => {
        $make! {
            /// A scalar function on tensors of one shape.
            map::Map,
            /// Another element type.
            map::Cast,
            /// Sums, maxima, ... over whole axes.
            reduce::Reduce,
            /// Products summed over shared axes.
            contract::Contract,
            /// Products summed over windows.
            convolve::Convolve,
            /// Overlapping windows added up.
            col2im::Col2Im,
            /// The same elements, arranged otherwise.
            view::View,
            /// Elements made from nothing.
            fill::Fill,
            /// Reductions over, and copies to, the segments of a flat tensor.
            segment::Segment,
            /// Tensors laid end to end in one flat tensor.
            concat::Concat,
            /// Elements picked by integers, and their sums put back.
            gather::Gather,
            /// Sums up to each position.
            prefix_sum::PrefixSum,
            /// Places in the order along an axis.
            ranks::Ranks,
            /// A value that must not be there before another.
            barrier::Barrier,
        }
    };
}

pub mod barrier;
pub mod build;
pub mod col2im;
pub mod concat;
pub mod contract;
pub mod convolve;
pub mod dim;
pub mod eval;
pub mod fill;
pub mod form;
pub mod gather;
#[cfg(test)]
mod laws;
pub mod map;
pub mod number;
pub mod op;
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
