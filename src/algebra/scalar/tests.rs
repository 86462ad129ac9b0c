//! The laws that every row keeps.

use super::*;

mod accuracy;
mod derivatives;
mod exhaustive;

/// Every row, those that only bodies use too.
fn rows() -> impl Iterator<Item = &'static Scalar> {
    ALL.iter().chain(INTERNAL).copied()
}

fn same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

#[test]
fn samples_hold() {
    for row in rows() {
        assert!(!row.samples.is_empty(), "{} has no samples", row.name);
        for (args, result) in row.samples {
            assert_eq!(args.len(), row.args.len(), "{}{args:?}", row.name);
            let got = (row.eval)(args);
            assert!(
                same(got, *result) || (got - result).abs() <= 4e-16 * result.abs(),
                "{}{args:?} = {got:?}, not {result:?}",
                row.name
            );
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    for (index, row) in ALL.iter().enumerate() {
        assert!(std::ptr::eq(find(row.name).expect(row.name), *row), "{}", row.name);
        assert!(ALL[..index].iter().all(|other| other.name != row.name), "{} twice", row.name);
    }
}

#[test]
fn maximum_of_a_constant_is_one_operation() {
    struct Count(usize);
    impl Emit for Count {
        type Value = Option<f64>;
        fn constant(&mut self, value: f64, _: DType) -> Option<f64> {
            Some(value)
        }
        fn known(&self, value: &Option<f64>) -> Option<f64> {
            *value
        }
        fn machine(&mut self, _: MachineOp, _: DType, _: &[Option<f64>]) -> Option<f64> {
            self.0 += 1;
            None
        }
    }
    let mut count = Count(0);
    expand(&mut count, &MAX, DType::F32, &[None, Some(0.0)]);
    assert_eq!(count.0, 1);
}

#[test]
fn extrema_propagate_nan() {
    for dtype in [DType::F32, DType::F64] {
        for row in [&MAX, &MIN] {
            for args in [[f64::NAN, 1.0], [1.0, f64::NAN]] {
                let args = args.map(|arg| encode(arg, dtype));
                assert!(decode(eval_native(row, dtype, &args), dtype).is_nan(), "{} {dtype}", row.name);
            }
        }
    }
}

#[test]
fn integers_round_down_and_wrap() {
    let int = |row, a: i32, b: i32| {
        let args = [a, b].map(|arg| Bits::from(arg as u32));
        eval_native(row, DType::I32, &args) as u32 as i32
    };
    for (a, b, quotient, rest) in
        [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (5, 0, 0, 5)]
    {
        assert_eq!((int(&FLOOR_DIV, a, b), int(&REM, a, b)), (quotient, rest), "{a} {b}");
    }
    assert_eq!(int(&FLOOR_DIV, i32::MIN, -1), i32::MIN);
    assert_eq!(int(&ADD, i32::MAX, 1), i32::MIN);
    assert_eq!(int(&MAX, -3, 2), 2);
    assert_eq!(MachineOp::Add.eval(DType::I64, &[u64::MAX, 1]), 0);
}

/// Known answers of the Random123 library.
#[test]
fn threefry_gives_known_answers() {
    let threefry = random::threefry;
    assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
    assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
    let pi = threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]);
    assert_eq!(pi, [0xc492_3a9c, 0x483d_f7a0]);
}

/// Integers do not wrap in `eval` but in `uniform`, whose native body is exact.
#[test]
fn uniform_is_the_same_everywhere() {
    for k in 0..200u32 {
        let words = [k.wrapping_mul(0x9e37_79b9), 7, k, k.wrapping_mul(k) ^ 0x8000_0000];
        let args = words.map(Bits::from);
        let numbers = words.map(|word| f64::from(word as i32));
        for dtype in [DType::F32, DType::F64] {
            assert_eq!(
                decode(eval_native(&UNIFORM, dtype, &args), dtype),
                (UNIFORM.eval)(&numbers),
                "{words:?}"
            );
        }
    }
}

#[test]
fn random_numbers_are_spread_evenly() {
    let numbers: Vec<f64> = (0..10_000).map(|k| (UNIFORM.eval)(&[7.0, 0.0, 3.0, f64::from(k)])).collect();
    let mean = numbers.iter().sum::<f64>() / 1e4;
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e4;
    assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.003, "{mean} {variance}");
    assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
}
