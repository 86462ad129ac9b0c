//! The text of values.

use super::machine::Memory;
use crate::algebra::types::{DType, Type};
use crate::print::NumberFormat;

/// A tensor that a statement made.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Its type.
    pub(super) ty: Type,
    /// Its elements, row-major.
    pub(super) elements: Memory,
}

/// The text of a tensor: a number, or nested lists of numbers.
pub(super) fn text(tensor: &Held, format: NumberFormat) -> String {
    let Held { ty, elements } = tensor;
    let text = |index: usize| match ty.dtype {
        // Not every one of them is a double.
        DType::I64 => format.integer(elements.get_i64(index)),
        dtype => format.number(elements.get(index), dtype),
    };
    let sizes = ty.sizes();
    nested(&sizes, 0, elements.len() > MOST, &text)
}

/// The most elements that are all printed; of more, [`ENDS`] at each end of each axis are, as NumPy prints.
const MOST: usize = 10_000;
const ENDS: usize = 3;

/// The elements from `start` on as nested lists; if they are shortened, the ends of each.
fn nested(sizes: &[usize], start: usize, shortened: bool, text: &dyn Fn(usize) -> String) -> String {
    let [size, inner @ ..] = sizes else { return text(start) };
    let each: usize = inner.iter().product();
    let item = |k: usize| nested(inner, start + k * each, shortened, text);
    let items: Vec<String> = match shortened && *size > 2 * ENDS {
        false => (0..*size).map(item).collect(),
        true => {
            let (first, last) = ((0..ENDS).map(item), (size - ENDS..*size).map(item));
            first.chain(["...".to_owned()]).chain(last).collect()
        }
    };
    format!("[{}]", items.join(", "))
}
