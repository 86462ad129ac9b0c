//! The library's ranks: places of elements in the order of their rows. Which they are does not depend on how
//! they are found, so they are the same everywhere.

use crate::algebra::ranks::ranks;
use crate::algebra::types::DType;

/// Whether one value comes before another where NaN is last.
fn before<T: PartialOrd>(a: T, b: T, descending: bool) -> bool {
    let comes = if descending { a > b } else { a < b };
    comes || a.partial_cmp(&a).is_some() && b.partial_cmp(&b).is_none()
}

macro_rules! ranks {
    ($($dtype:ident $number:ty, $function:ident;)*) => {
        $(extern "C" fn $function(keys: *const $number, out: *mut i32, rows: usize, n: usize, descending: usize) {
            // SAFETY: code passes rows of so many elements, and places for as many, which nothing else uses.
            let keys = unsafe { std::slice::from_raw_parts(keys, rows * n) };
            // SAFETY: as above.
            let out = unsafe { std::slice::from_raw_parts_mut(out, rows * n) };
            for (keys, out) in keys.chunks(n).zip(out.chunks_mut(n)) {
                out.copy_from_slice(&ranks(n, |i, j| before(keys[i], keys[j], descending != 0)));
            }
        })*

        /// By element type: name and address.
        pub(super) fn all() -> Vec<(DType, &'static str, *const u8)> {
            vec![$((DType::$dtype, stringify!($function), $function as *const u8)),*]
        }
    };
}

ranks! {
    I32 i32, ranks_i32;
    I64 i64, ranks_i64;
    F32 f32, ranks_f32;
    F64 f64, ranks_f64;
}
