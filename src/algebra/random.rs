//! Random numbers as a pure function of key and counter: Threefry-2x32 with 20 rounds (Salmon, Moraes,
//! Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), which needs only additions,
//! rotations and exclusive ors of 32-bit words.

use super::scalar::{ADD, INT_SHL, INT_SHR, INT_TO_FLOAT, INT_XOR, MUL, Native, Scalar, Typing};
use super::term::{Term, c, call, x};

/// A uniform number of `[0, 1)` in steps of `2^-24`: the same in single and in double precision.
pub static UNIFORM: Scalar = Scalar {
    name: "uniform",
    args: &["key0", "key1", "site", "position"],
    typing: Typing::IntToFloat,
    doc: "A uniform number of [0, 1), a pure function of four 32-bit integers.",
    eval: |a| uniform([a[0] as i32 as u32, a[1] as i32 as u32], [a[3] as i32 as u32, a[2] as i32 as u32]),
    vjp: Vec::new,
    native: Native::Body(|_| body()),
    ulp: 0,
    // The upper 24 bits of the first words that the authors' tests expect.
    samples: &[
        (&[0.0, 0.0, 0.0, 0.0], 0x6b_2001 as f64 / SCALE),
        (&[-1.0, -1.0, -1.0, -1.0], 0x1c_b996 as f64 / SCALE),
        (
            &[0x1319_8a2e as f64, 0x0370_7344 as f64, -2052912941.0, 0x243f_6a88 as f64],
            0xc4_923a as f64 / SCALE,
        ),
    ],
};

/// Steps of a uniform number between 0 and 1.
const SCALE: f64 = (1 << 24) as f64;

/// Rotations of the rounds, over and over.
const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];

/// What keeps the third key word from being zero.
const PARITY: u32 = 0x1bd1_1bda;

fn uniform(key: [u32; 2], counter: [u32; 2]) -> f64 {
    f64::from(threefry(key, counter)[0] >> 8) / SCALE
}

fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let mut a = counter[0].wrapping_add(keys[0]);
    let mut b = counter[1].wrapping_add(keys[1]);
    for round in 0..20 {
        a = a.wrapping_add(b);
        b = b.rotate_left(ROTATIONS[round % 8]) ^ a;
        if round % 4 == 3 {
            let turn = round / 4 + 1;
            a = a.wrapping_add(keys[turn % 3]);
            b = b.wrapping_add(keys[(turn + 1) % 3]).wrapping_add(turn as u32);
        }
    }
    [a, b]
}

/// The same as a term over machine operations.
fn body() -> Term {
    let add = |a: &Term, b: &Term| call(&ADD, [a.clone(), b.clone()]);
    let xor = |a: &Term, b: &Term| call(&INT_XOR, [a.clone(), b.clone()]);
    let word = |value: u32| c(f64::from(value as i32));
    let keys = [x(0), x(1), xor(&xor(&word(PARITY), &x(0)), &x(1))];
    let (mut a, mut b) = (add(&x(3), &keys[0]), add(&x(2), &keys[1]));
    for round in 0..20 {
        a = add(&a, &b);
        b = xor(&rotate(&b, ROTATIONS[round % 8]), &a);
        if round % 4 == 3 {
            let turn = round / 4 + 1;
            a = add(&a, &keys[turn % 3]);
            b = add(&b, &add(&keys[(turn + 1) % 3], &word(turn as u32)));
        }
    }
    let upper = call(&INT_SHR, [a, c(8.0)]);
    call(&MUL, [call(&INT_TO_FLOAT, [upper]), c(1.0 / SCALE)])
}

fn rotate(word: &Term, by: u32) -> Term {
    let left = call(&INT_SHL, [word.clone(), c(f64::from(by))]);
    let right = call(&INT_SHR, [word.clone(), c(f64::from(32 - by))]);
    call(&INT_XOR, [left, right])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::scalar::{decode, encode, eval_native};
    use crate::algebra::types::DType;

    #[test]
    fn threefry_gives_the_words_its_authors_expect() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([!0, !0], [!0, !0]), [0x1cb9_96fc, 0xbb00_2be7]);
        let (key, counter) = ([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]);
        assert_eq!(threefry(key, counter), [0xc492_3a9c, 0x483d_f7a0]);
    }

    #[test]
    fn samples_hold() {
        for (args, expected) in UNIFORM.samples {
            assert_eq!((UNIFORM.eval)(args), *expected);
        }
    }

    #[test]
    fn native_gives_the_same_bits() {
        for k in 0..200 {
            let args = [f64::from(k * 7919), f64::from(-k), f64::from(k << 20), f64::from(k)];
            let bits = args.map(|arg| encode(arg, DType::I32));
            for dtype in [DType::F32, DType::F64] {
                let native = decode(eval_native(&UNIFORM, dtype, &bits), dtype);
                assert_eq!(native, (UNIFORM.eval)(&args));
            }
        }
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let numbers: Vec<f64> = (0..10_000).map(|k| (UNIFORM.eval)(&[7.0, 0.0, 3.0, f64::from(k)])).collect();
        let mean = numbers.iter().sum::<f64>() / 1e4;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e4;
        assert!((mean - 0.5).abs() < 0.01 && (variance - 1.0 / 12.0).abs() < 0.003, "{mean} {variance}");
        assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
    }
}
