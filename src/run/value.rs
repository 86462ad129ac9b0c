//! The text of values.

use super::machine::Memory;
use crate::algebra::types::{DType, Type};
use crate::print;

/// A tensor that a statement made.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Its type.
    pub(super) ty: Type,
    /// Its elements, row-major.
    pub(super) elements: Memory,
}

/// The text of a tensor: a number, or nested lists of numbers.
pub(super) fn text(tensor: &Held, digits: Option<u32>) -> String {
    let Held { ty, elements } = tensor;
    let text = |index: usize| match ty.dtype {
        // Not every one of them is a double.
        DType::I64 => whole(elements.get_i64(index), digits),
        dtype => number(elements.get(index), dtype, digits),
    };
    let sizes = ty.sizes();
    nested(&sizes, 0, elements.len() > MOST, &text)
}

/// The most elements that are all printed; of more, [`ENDS`] at each end of each axis are, as NumPy prints.
const MOST: usize = 10_000;
const ENDS: usize = 3;

fn whole(value: i64, digits: Option<u32>) -> String {
    match digits {
        None | Some(0) => value.to_string(),
        Some(digits) => format!("{value}.{}", "0".repeat(digits as usize)),
    }
}

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

fn number(value: f64, dtype: DType, digits: Option<u32>) -> String {
    match (dtype, digits) {
        (DType::Bool, _) => (value != 0.0).to_string(),
        (_, Some(digits)) => format!("{value:.*}", digits as usize),
        (DType::F32, None) => format!("{}", value as f32),
        (_, None) => print::number(value),
    }
}
