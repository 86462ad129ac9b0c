//! The text of values.

use crate::algebra::tensor::Tensor;
use crate::algebra::types::DType;
use crate::print;

/// The text of a tensor: a number, or nested lists of numbers.
pub(super) fn text(tensor: &Tensor, digits: Option<u32>) -> String {
    let mut elements = tensor.data.iter().map(|value| number(*value, tensor.ty.dtype, digits));
    nested(&tensor.ty.sizes(), &mut elements)
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
