//! Rounding, ties, and types where derivatives are written down; forms have tests of their own.

use super::*;
use crate::algebra::concat::Concat;
use crate::algebra::contract::Contract;
use crate::algebra::fill::Fill;
use crate::algebra::map::{Cast, Map};
use crate::algebra::reduce::Reduce;

fn flat(dtype: DType, data: &[f64]) -> Tensor {
    Tensor::new(Type::of(dtype, &[data.len()]), data.to_vec())
}

fn cast(from: DType, to: DType, data: &[f64]) -> Vec<f64> {
    eval(&Op::Cast(Cast(to)), &[&flat(from, data)]).data
}

#[test]
fn results_are_rounded_to_their_type() {
    let third = flat(DType::F32, &[1.0]);
    let sum = eval(&Op::Map(Map(&scalar::DIV)), &[&third, &flat(DType::F32, &[3.0])]);
    assert_eq!(sum.data, [f64::from(1.0f32 / 3.0)]);
    let big = flat(DType::I32, &[2_147_483_647.0]);
    let wrapped = eval(&Op::Map(Map(&scalar::ADD)), &[&big, &flat(DType::I32, &[1.0])]);
    assert_eq!(wrapped.data, [-2_147_483_648.0]);
}

#[test]
fn sums_are_rounded_once() {
    let data = [16_777_216.0, 1.0, 1.0];
    let total =
        eval(&Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![0] }), &[&flat(DType::F32, &data)]);
    assert_eq!(total.data, [16_777_218.0]);
}

#[test]
fn casts_round_truncate_and_saturate() {
    assert_eq!(cast(DType::F64, DType::F32, &[0.1]), [f64::from(0.1f32)]);
    assert_eq!(cast(DType::F64, DType::I32, &[2.9, -2.9, 3e9, f64::NAN]), [2.0, -2.0, 2_147_483_647.0, 0.0]);
    assert_eq!(cast(DType::F64, DType::Bool, &[0.0, -0.5, f64::NAN]), [0.0, 1.0, 1.0]);
    assert_eq!(cast(DType::Bool, DType::F64, &[0.0, 1.0]), [0.0, 1.0]);
}

#[test]
fn empty_reductions_fit_their_type() {
    let along = |combine, dtype| {
        let nothing = flat(dtype, &[]);
        eval(&Op::Reduce(Reduce { combine, axes: vec![0] }), &[&nothing]).data[0]
    };
    assert_eq!(along(Reducer::Max, DType::Bool), 0.0);
    assert_eq!(along(Reducer::Min, DType::Bool), 1.0);
    assert_eq!(along(Reducer::Max, DType::I32), -2_147_483_648.0);
    assert_eq!(along(Reducer::Max, DType::F32), f64::NEG_INFINITY);
}

#[test]
fn positions_and_packs() {
    let to = vec![2usize.into(), 2usize.into()];
    let iota = eval(&Op::Fill(Fill::Iota { dtype: DType::F32, to }), &[]);
    assert_eq!(iota.data, [0.0, 1.0, 2.0, 3.0]);
    let packed =
        eval(&Op::Concat(Concat), &[&iota, &Tensor::scalar(DType::F32, 9.0), &flat(DType::F32, &[])]);
    assert_eq!((packed.ty, packed.data), (Type::of(DType::F32, &[5]), vec![0.0, 1.0, 2.0, 3.0, 9.0]));
}

#[test]
fn a_layer_of_digits_takes_milliseconds() {
    let x = Tensor::sample(Type::of(DType::F32, &[1438, 64]), 1);
    let w = Tensor::sample(Type::of(DType::F32, &[64, 32]), 2);
    let op = Op::Contract(Contract { left: vec![0, 1], right: vec![1, 2], out: vec![0, 2] });
    let start = std::time::Instant::now();
    let y = eval(&op, &[&x, &w]);
    let z = eval(&Op::Map(Map(&scalar::MUL)), &[&y, &y]);
    assert_eq!(z.data.len(), 1438 * 32);
    assert!(start.elapsed().as_secs() < 2, "allocates or looks up per point?");
}
