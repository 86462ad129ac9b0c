//! Native bodies stay within their bound.

use super::*;

/// How far `got` is from `exact`, in units in the last place of `exact` in `dtype`.
pub(super) fn ulps(got: f64, exact: f64, dtype: DType) -> f64 {
    let rounded = decode(encode(exact, dtype), dtype);
    if same(got, rounded) {
        return 0.0;
    }
    let (fraction, least, most) = if dtype == DType::F64 { (52, -1074, 1023) } else { (23, -149, 127) };
    let top = f64::from(most).exp2() * 2.0;
    // Infinity counts as the power of two that follows the greatest number.
    let finite =
        |value: f64| if dtype == DType::F32 && value.is_infinite() { top.copysign(value) } else { value };
    let (got, exact) = (finite(got), finite(exact));
    let exponent = ((exact.abs().to_bits() >> 52) as i32 - 1023).min(most);
    let unit = (exponent - fraction).max(least);
    // In two steps, since the unit may be subnormal.
    (got - exact).abs() * f64::from(-(unit / 2)).exp2() * f64::from(-(unit - unit / 2)).exp2()
}

/// Bits spread over all floats, without order.
fn spread(k: u64) -> u64 {
    let mut z = k.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Arguments for column `k`: any bits, or numbers of everyday size.
fn argument(dtype: DType, k: u64, which: u64) -> Bits {
    let bits = spread(2 * k + which);
    let everyday = (bits >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    let scale = [2.0, 20.0, 200.0, 2000.0][(bits & 3) as usize];
    match (dtype, k % 2) {
        (_, 0) => encode(everyday * scale, dtype),
        (DType::F32, _) => bits >> 32,
        _ => bits,
    }
}

const CHUNK: u64 = 1 << 12;

/// Numbers that deserve a look of their own.
fn special(dtype: DType) -> Vec<Bits> {
    let numbers = [
        0.0,
        0.5,
        1.0,
        1.5,
        2.0,
        3.0,
        88.0,
        89.0,
        103.9,
        104.1,
        709.5,
        710.0,
        745.2,
        1e5,
        1e15,
        1e38,
        1e300,
        1e-38,
        1e-45,
        1e-300,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::INFINITY,
        f64::NAN,
    ];
    numbers.iter().flat_map(|number| [encode(*number, dtype), encode(-number, dtype)]).collect()
}

/// Where the bound is claimed.
pub(super) fn claimed(row: &Scalar, dtype: DType, args: &[f64]) -> bool {
    let limit = if dtype == DType::F64 { 50f64.exp2() } else { 22f64.exp2() };
    match row.name {
        "floor_div" | "rem" => (args[0] / args[1]).abs() < limit,
        _ => true,
    }
}

/// The worst error over columns, and where.
fn worst(row: &Scalar, dtype: DType, tape: &Tape, args: &[Vec<Bits>]) -> (f64, Vec<f64>) {
    let mut worst = (0.0, Vec::new());
    for (k, got) in tape.run(args).into_iter().enumerate() {
        let at: Vec<f64> = args.iter().map(|arg| decode(arg[k], dtype)).collect();
        let error = ulps(decode(got, dtype), (row.eval)(&at), dtype);
        // A NaN that is wrong is as far away as can be.
        let error = if error.is_nan() { f64::INFINITY } else { error };
        if error > worst.0 && claimed(row, dtype, &at) {
            worst = (error, at);
        }
    }
    worst
}

/// The worst error of a row over `count` columns and the special numbers.
fn worst_of(row: &Scalar, dtype: DType, count: u64) -> (f64, Vec<f64>) {
    let tape = Tape::new(row, dtype);
    let n_args = row.args.len() as u64;
    let chunk = |start: u64| -> Vec<Vec<Bits>> {
        (0..n_args).map(|a| (start..start + CHUNK).map(|k| argument(dtype, k, a)).collect()).collect()
    };
    let special = special(dtype);
    let pairs: Vec<Vec<Bits>> = match n_args {
        1 => vec![special],
        _ => {
            let n = special.len();
            let tuple = |a: u32| (0..n * n * n).map(|k| special[k / n.pow(a) % n]).collect();
            (0..n_args as u32).map(tuple).collect()
        }
    };
    let mut all = worst(row, dtype, &tape, &pairs);
    for start in (0..count).step_by(CHUNK as usize) {
        let found = worst(row, dtype, &tape, &chunk(start));
        if found.0 > all.0 {
            all = found;
        }
    }
    all
}

/// Rows over floats only.
pub(super) fn float_rows() -> impl Iterator<Item = &'static Scalar> {
    ALL.iter().copied().filter(|row| matches!(row.typing, Typing::Number | Typing::Float))
}

fn bounded(dtype: DType, count: u64) {
    let mut broken = Vec::new();
    for row in float_rows() {
        let (error, at) = worst_of(row, dtype, count);
        let operations = Tape::new(row, dtype).operations();
        println!("{:9} {dtype} {operations:3} operations, {error:.3} ulp at {at:?}", row.name);
        // Basic operations are rounded to nearest: half a unit. In double precision the reference may be
        // off by one itself.
        let slack = if dtype == DType::F64 && row.ulp > 0 { 1.0 } else { 0.0 };
        if error > f64::from(row.ulp).max(0.5) + slack {
            broken.push(format!("{} {error:.3} ulp at {at:?}", row.name));
        }
    }
    assert!(broken.is_empty(), "{dtype}: {broken:#?}");
}

#[test]
fn single_precision_is_within_bounds() {
    bounded(DType::F32, 1 << 18);
}

#[test]
#[ignore = "takes a minute: run in release"]
fn many_more_arguments_are_within_bounds() {
    bounded(DType::F64, 1 << 23);
    bounded(DType::F32, 1 << 23);
}

/// `pow(x, exponent)` for an exponent that is known when code is made.
#[test]
fn known_powers_are_within_bounds() {
    struct Known(Tape, Vec<(usize, f64)>);
    impl Emit for Known {
        type Value = usize;
        fn constant(&mut self, value: f64, dtype: DType) -> usize {
            self.0.constant(value, dtype)
        }
        fn known(&self, value: &usize) -> Option<f64> {
            let given = self.1.iter().find(|(given, _)| given == value).map(|(_, number)| *number);
            given.or_else(|| self.0.known(value))
        }
        fn machine(&mut self, op: MachineOp, dtype: DType, args: &[usize]) -> usize {
            self.0.machine(op, dtype, args)
        }
    }
    for exponent in [0.0, 1.0, 2.0, 3.0, 4.0, -1.0, -2.0, 0.5, -0.5] {
        for dtype in [DType::F32, DType::F64] {
            let mut emit = Known(Tape::empty(2), vec![(1, exponent)]);
            let result = expand(&mut emit, &POW, dtype, &[0, 1]);
            let tape = emit.0.giving(result);
            assert!(tape.operations() <= 5, "x ^ {exponent} takes {} operations", tape.operations());
            let random = (0..CHUNK).map(|k| argument(dtype, k, 0));
            let bases: Vec<Bits> = special(dtype).into_iter().chain(random).collect();
            let exponents = vec![encode(exponent, dtype); bases.len()];
            let (error, at) = worst(&POW, dtype, &tape, &[bases, exponents]);
            assert!(error <= 2.0, "{dtype} {error} ulp at {at:?}");
        }
    }
}

/// The reference is the platform's double precision library, itself within one unit.
#[test]
fn double_precision_is_within_bounds() {
    bounded(DType::F64, 1 << 18);
}
