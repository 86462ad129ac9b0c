//! Dense reference values: the oracle's tensors.

use super::types::{DType, Type};

/// A tensor of known size. Elements are kept in double precision, rounded to the element type.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    /// Its type.
    pub ty: Type,
    /// Its elements, row-major. Booleans are 0 and 1.
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor of these elements, rounded to the element type.
    ///
    /// # Panics
    /// If their number is not that of the type.
    pub fn new(ty: Type, mut data: Vec<f64>) -> Tensor {
        assert_eq!(ty.count(), data.len(), "elements of {ty}");
        data.iter_mut().for_each(|value| *value = round(ty.dtype, *value));
        Tensor { ty, data }
    }

    /// One number.
    pub fn scalar(dtype: DType, value: f64) -> Tensor {
        Tensor::new(Type::scalar(dtype), vec![value])
    }

    /// Numbers for tests: between -2 and 2, none near 0, no two equal unless there are thousands,
    /// the same for the same seed. Integers are whole, booleans 0 and 1.
    pub fn sample(ty: Type, seed: u64) -> Tensor {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
        let number = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 11) as f64 / (1u64 << 53) as f64;
            let magnitude = 0.3 + 1.7 * ((unit * 2.0) % 1.0);
            match ty.dtype {
                DType::Bool => f64::from(unit < 0.5),
                DType::I32 | DType::I64 => (unit * 10.0).floor() - 5.0,
                DType::F32 | DType::F64 => magnitude.copysign(unit - 0.5),
            }
        };
        let data = (0..ty.count()).map(number).collect();
        Tensor::new(ty, data)
    }
}

/// The nearest value of an element type: floats round to nearest even, integers drop their fraction
/// and wrap, anything but 0 is true.
pub fn round(dtype: DType, value: f64) -> f64 {
    match dtype {
        DType::Bool => f64::from(value != 0.0),
        DType::I32 => f64::from(value as i64 as i32),
        DType::I64 => (value as i64) as f64,
        DType::F32 => f64::from(value as f32),
        DType::F64 => value,
    }
}
