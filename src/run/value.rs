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
    nested(&ty.sizes(), &mut (0..elements.len()).map(text))
}

fn whole(value: i64, digits: Option<u32>) -> String {
    match digits {
        None | Some(0) => value.to_string(),
        Some(digits) => format!("{value}.{}", "0".repeat(digits as usize)),
    }
}

fn nested(sizes: &[usize], elements: &mut dyn Iterator<Item = String>) -> String {
    match sizes {
        [] => elements.next().unwrap_or_default(),
        [size, inner @ ..] => {
            let items: Vec<String> = (0..*size).map(|_| nested(inner, elements)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

fn number(value: f64, dtype: DType, digits: Option<u32>) -> String {
    match (dtype, digits) {
        (DType::Bool, _) => (value != 0.0).to_string(),
        (_, Some(digits)) => format!("{value:.*}", digits as usize),
        (DType::F32, None) => format!("{}", value as f32),
        (_, None) => print::number(value),
    }
}
