//! Random numbers: a pure function of a key and a counter.
//!
//! Threefry-2x32 with 20 rounds (Salmon and others 2011, "Parallel random numbers: as easy as 1, 2,
//! 3"), by 32-bit addition, rotation and exclusive or only.

use super::{ADD, INT_SHL, INT_SHR, INT_TO_FLOAT, INT_XOR, Implementation, Scalar, Typing};
use crate::algebra::term::{Term, c, call, x};

/// A random number in `[0, 1)`.
pub static UNIFORM: Scalar = Scalar {
    name: "uniform",
    args: &["key0", "key1", "site", "counter"],
    typing: Typing::IntToFloat,
    doc: "A random number in [0, 1), a function of its four integers only (Threefry-2x32, 20 rounds): a multiple \
          of 2^-24 in both precisions, so that a script draws the same numbers under f32 and f64.",
    eval: |a| {
        let [key0, key1, site, counter] = std::array::from_fn(|k| a[k] as i64 as u32);
        f64::from(threefry([key0, key1], [counter, site])[0] >> 8) / 16_777_216.0
    },
    vjp: Vec::new,
    native: Implementation::Body(|_| uniform()),
    ulp: 0,
    samples: &[
        (&[0.0, 0.0, 0.0, 0.0], 0x6b2001 as f64 / 16_777_216.0),
        (&[-1.0, -1.0, -1.0, -1.0], 0x1cb996 as f64 / 16_777_216.0),
        (
            &[0x1319_8a2e as f64, 0x0370_7344 as f64, -2052912941.0, 0x243f_6a88 as f64],
            0xc4923a as f64 / 16_777_216.0,
        ),
    ],
};

/// Rotations, by round.
const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];

/// The third key word is this exclusive-or the others.
const PARITY: u32 = 0x1bd1_1bda;

/// Two random words.
pub(super) fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    let keys = [key[0], key[1], PARITY ^ key[0] ^ key[1]];
    let [mut a, mut b] = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
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

/// The same as a term: the top 24 bits of the first word.
fn uniform() -> Term {
    let parity = xor(&xor(&c(f64::from(PARITY)), &x(0)), &x(1));
    let keys = [x(0), x(1), parity];
    let [mut a, mut b] = [add(&x(3), &keys[0]), add(&x(2), &keys[1])];
    for round in 0..20 {
        a = add(&a, &b);
        b = xor(&rotate(&b, ROTATIONS[round % 8]), &a);
        if round % 4 == 3 {
            let turn = round / 4 + 1;
            a = add(&a, &keys[turn % 3]);
            b = add(&add(&b, &keys[(turn + 1) % 3]), &c(turn as f64));
        }
    }
    call(&INT_TO_FLOAT, [shift_right(&a, 8)]) * c(1.0 / 16_777_216.0)
}

fn add(a: &Term, b: &Term) -> Term {
    call(&ADD, [a.clone(), b.clone()])
}

fn xor(a: &Term, b: &Term) -> Term {
    call(&INT_XOR, [a.clone(), b.clone()])
}

fn shift_right(a: &Term, by: u32) -> Term {
    call(&INT_SHR, [a.clone(), c(f64::from(by))])
}

fn rotate(a: &Term, by: u32) -> Term {
    let left = call(&INT_SHL, [a.clone(), c(f64::from(by))]);
    xor(&left, &shift_right(a, 32 - by))
}
