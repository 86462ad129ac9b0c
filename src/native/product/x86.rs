//! Vectors of x86-64: 256 bits with AVX2 and FMA, 512 bits with AVX-512.

use std::arch::asm;
use std::mem::offset_of;

use super::lanes::{Lanes, transposed};
use super::tile::Tile;
use super::turned::{rows_of_8, rows_of_16, rows_of_f64};

/// How the first operand is read, and whether the second is laid out on the way.
const STEPS: usize = 0;
const TABLE: usize = 1;
const LAID: usize = 2;

/// A tile in assembly: compilers move loads of the first operand ahead until they run out of registers.
///
/// `rax`, `rcx`, `rdx` and `rsi` are rows 0, 3, 6 and 9 of the first operand or of the results, `r8` and
/// `r9` one distance of rows and three. `r10` is the second operand, `r11` the distance of its rows, `r12`
/// the distance of summed elements or their table, `r13` counts them, `r14` is what the table refers to,
/// or where the second operand is laid out: its rows are often in pages of their own, so they are asked for
/// `r15` ahead, which is 24 of them. The last vector is masked.
macro_rules! kernel {
    (
        $m:ident $v:ident $kind:ident $rest:ident, $tile:ident of $e:ty, $mask:expr, $shift:literal,
        $r:literal $bytes:literal $b0:literal $b1:literal $value:literal
        $set:literal $zero:literal $mov:literal $splat:literal $fma:literal $add:literal
        $masked:literal $of_load:literal $of_store:literal;
        $($row:literal $at:literal $s0:literal $s1:literal,)*
    ) => {
        asm!(
            $set,
            $(
                concat!(".if {m} > ", $row),
                ".if {v} == 2",
                concat!($zero, " ", $r, $s0, ", ", $r, $s0, ", ", $r, $s0),
                concat!($zero, " ", $r, $s1, ", ", $r, $s1, ", ", $r, $s1),
                ".else",
                concat!($zero, " ", $r, $row, ", ", $r, $row, ", ", $r, $row),
                ".endif",
                ".endif",
            )*
            "mov rax, [rdi + {a}]",
            "mov r8, [rdi + {a_row}]",
            concat!("shl r8, ", $shift),
            "lea r9, [r8 + 2*r8]",
            "mov r10, [rdi + {b}]",
            "mov r11, [rdi + {b_next}]",
            concat!("shl r11, ", $shift),
            ".if {kind} == 1",
            "mov r12, [rdi + {a_table}]",
            "mov r14, rax",
            ".else",
            "mov r12, [rdi + {a_next}]",
            concat!("shl r12, ", $shift),
            "mov r14, [rdi + {laid}]",
            ".endif",
            ".if {kind} == 2",
            "lea r15, [8*r11]",
            "lea r15, [r15 + 2*r15]",
            ".endif",
            "mov r13, [rdi + {k}]",
            "test r13, r13",
            "jz 5f",
            ".p2align 5",
            "4:",
            ".if {kind} == 1",
            "mov rax, [r12]",
            concat!("shl rax, ", $shift),
            "add rax, r14",
            "add r12, 8",
            ".endif",
            ".if {m} > 3",
            "lea rcx, [rax + r9]",
            ".endif",
            ".if {m} > 6",
            "lea rdx, [rax + 2*r9]",
            ".endif",
            ".if {m} > 9",
            "lea rsi, [rdx + r9]",
            ".endif",
            ".if {v} == 2",
            concat!($mov, " ", $r, $b0, ", [r10]"),
            ".if {rest}",
            concat!($masked, " ", $r, $b1, $of_load, "[r10 + ", $bytes, "]"),
            ".else",
            concat!($mov, " ", $r, $b1, ", [r10 + ", $bytes, "]"),
            ".endif",
            ".elseif {rest}",
            concat!($masked, " ", $r, $b1, $of_load, "[r10]"),
            ".else",
            concat!($mov, " ", $r, $b1, ", [r10]"),
            ".endif",
            ".if {kind} == 2",
            "cmp r13, 24",
            "jbe 6f",
            "prefetcht0 [r10 + r15]",
            "prefetcht0 [r10 + r15 + 64]",
            "6:",
            ".endif",
            ".if {kind} == 2",
            ".if {v} == 2",
            concat!($mov, " [r14], ", $r, $b0),
            concat!("add r14, ", $bytes),
            ".endif",
            concat!($mov, " [r14], ", $r, $b1),
            concat!("add r14, ", $bytes),
            ".endif",
            $(
                concat!(".if {m} > ", $row),
                concat!($splat, " ", $r, $value, ", [", $at, "]"),
                ".if {v} == 2",
                concat!($fma, " ", $r, $s0, ", ", $r, $value, ", ", $r, $b0),
                concat!($fma, " ", $r, $s1, ", ", $r, $value, ", ", $r, $b1),
                ".else",
                concat!($fma, " ", $r, $row, ", ", $r, $value, ", ", $r, $b1),
                ".endif",
                ".endif",
            )*
            "add r10, r11",
            ".if {kind} != 1",
            "add rax, r12",
            ".endif",
            "dec r13",
            "jnz 4b",
            "5:",
            "mov rax, [rdi + {c}]",
            "mov r8, [rdi + {c_row}]",
            concat!("shl r8, ", $shift),
            "lea r9, [r8 + 2*r8]",
            "lea rcx, [rax + r9]",
            "lea rdx, [rax + 2*r9]",
            "lea rsi, [rdx + r9]",
            "cmp byte ptr [rdi + {first}], 0",
            "jne 3f",
            $(
                concat!(".if {m} > ", $row),
                ".if {v} == 2",
                concat!($add, " ", $r, $s0, ", ", $r, $s0, ", [", $at, "]"),
                concat!($masked, " ", $r, $value, $of_load, "[", $at, " + ", $bytes, "]"),
                concat!($add, " ", $r, $s1, ", ", $r, $s1, ", ", $r, $value),
                ".else",
                concat!($masked, " ", $r, $value, $of_load, "[", $at, "]"),
                concat!($add, " ", $r, $row, ", ", $r, $row, ", ", $r, $value),
                ".endif",
                ".endif",
            )*
            "3:",
            $(
                concat!(".if {m} > ", $row),
                ".if {v} == 2",
                concat!($mov, " [", $at, "], ", $r, $s0),
                ".if {rest}",
                concat!($masked, " [", $at, " + ", $bytes, "]", $of_store, $r, $s1),
                ".else",
                concat!($mov, " [", $at, " + ", $bytes, "], ", $r, $s1),
                ".endif",
                ".elseif {rest}",
                concat!($masked, " [", $at, "]", $of_store, $r, $row),
                ".else",
                concat!($mov, " [", $at, "], ", $r, $row),
                ".endif",
                ".endif",
            )*
            "vzeroupper",
            // No tile has more rows than there are registers for.
            m = const if $m > Self::ROWS[$v - 1] { 0 } else { $m },
            v = const $v,
            kind = const $kind,
            rest = const $rest,
            c = const offset_of!(Tile<$e>, c),
            c_row = const offset_of!(Tile<$e>, c_row),
            first = const offset_of!(Tile<$e>, first),
            a = const offset_of!(Tile<$e>, a),
            a_row = const offset_of!(Tile<$e>, a_row),
            a_next = const offset_of!(Tile<$e>, a_next),
            a_table = const offset_of!(Tile<$e>, a_table),
            b = const offset_of!(Tile<$e>, b),
            b_next = const offset_of!(Tile<$e>, b_next),
            laid = const offset_of!(Tile<$e>, laid),
            k = const offset_of!(Tile<$e>, k),
            in("rdi") $tile,
            in("rax") $mask,
            out("r12") _,
            out("r13") _,
            out("r14") _,
            out("r15") _,
            clobber_abi("sysv64"),
            options(nostack),
        )
    };
}

/// One vector type of a machine with these features.
macro_rules! lanes {
    (
        $name:ident of $e:ty, $n:literal lanes, $rows:expr, $features:literal, mask of $last:ident $mask:expr,
        transpose $transpose:ident;
        $shift:literal $($text:literal)*
    ) => {
        #[derive(Clone, Copy)]
        pub(super) struct $name;

        impl $name {
            /// # Safety
            /// As [`Lanes::tile`].
            #[target_feature(enable = $features)]
            unsafe fn kernel<const M: usize, const V: usize, const KIND: usize, const REST: usize>(
                tile: &Tile<$e>,
            ) {
                let $last = tile.last;
                // SAFETY: the caller has the features and vouches for the operands and results, and all
                // else that is written is said to be.
                unsafe {
                    kernel!(
                        M V KIND REST, tile of $e, $mask, $shift, $($text)*;
                        0 "rax" 0 1,
                        1 "rax + r8" 2 3,
                        2 "rax + 2*r8" 4 5,
                        3 "rcx" 6 7,
                        4 "rcx + r8" 8 9,
                        5 "rcx + 2*r8" 10 11,
                        6 "rdx" 12 13,
                        7 "rdx + r8" 14 15,
                        8 "rdx + 2*r8" 16 17,
                        9 "rsi" 18 19,
                        10 "rsi + r8" 20 21,
                        11 "rsi + 2*r8" 22 23,
                    )
                }
            }
        }

        #[expect(
            clippy::undocumented_unsafe_blocks,
            reason = "SAFETY of all of them: callers have the features and vouch for the pointers"
        )]
        impl Lanes for $name {
            type E = $e;
            const N: usize = $n;
            const ROWS: [usize; 2] = $rows;

            unsafe fn tile<const M: usize, const V: usize>(tile: &Tile<$e>) {
                unsafe {
                    match (tile.a_table.is_null(), tile.laid.is_null(), tile.last == $n) {
                        (true, true, true) => Self::kernel::<M, V, STEPS, 0>(tile),
                        (true, true, false) => Self::kernel::<M, V, STEPS, 1>(tile),
                        (true, false, true) => Self::kernel::<M, V, LAID, 0>(tile),
                        (true, false, false) => Self::kernel::<M, V, LAID, 1>(tile),
                        (false, _, true) => Self::kernel::<M, V, TABLE, 0>(tile),
                        (false, _, false) => Self::kernel::<M, V, TABLE, 1>(tile),
                    }
                }
            }

            #[target_feature(enable = $features)]
            unsafe fn transpose(
                [k, columns]: [usize; 2],
                from: *const $e,
                stride: isize,
                to: *mut $e,
                width: usize,
            ) {
                let at: [*const $e; $n] = std::array::from_fn(|lane| {
                    from.wrapping_offset(lane.min(columns - 1) as isize * stride)
                });
                if k < 4 {
                    return unsafe { transposed::<$e, $n>([k, columns], from, stride, to, width) };
                }
                for row in (0..k).step_by(4) {
                    // The last rows are perhaps done twice.
                    let row = row.min(k - 4);
                    unsafe { $transpose(&at, row, to.add(row * width), width) }
                }
            }
        }
    };
}

lanes!(
    Avx2F32 of f32, 8 lanes, [12, 6], "avx2,fma", mask of last { FIRST32.as_ptr().wrapping_add(8 - last) },
    transpose rows_of_8;
    2 "ymm" 32 12 13 14 "vmovups ymm15, [rax]" "vxorps" "vmovups" "vbroadcastss" "vfmadd231ps" "vaddps"
    "vmaskmovps" ", ymm15, " ", ymm15, "
);
lanes!(
    Avx2F64 of f64, 4 lanes, [12, 6], "avx2,fma", mask of last { FIRST64.as_ptr().wrapping_add(4 - last) },
    transpose rows_of_f64;
    3 "ymm" 32 12 13 14 "vmovups ymm15, [rax]" "vxorpd" "vmovupd" "vbroadcastsd" "vfmadd231pd" "vaddpd"
    "vmaskmovpd" ", ymm15, " ", ymm15, "
);
lanes!(
    Avx512F32 of f32, 16 lanes, [12, 12], "avx512f,avx2,fma", mask of last { (1u32 << last) - 1 },
    transpose rows_of_16;
    2 "zmm" 64 24 25 26 "kmovw k1, eax" "vpxord" "vmovups" "vbroadcastss" "vfmadd231ps" "vaddps"
    "vmovups" "{{k1}}{{z}}, " "{{k1}}, "
);
lanes!(
    Avx512F64 of f64, 8 lanes, [12, 12], "avx512f,avx2,fma", mask of last { (1u32 << last) - 1 },
    transpose rows_of_f64;
    3 "zmm" 64 24 25 26 "kmovw k1, eax" "vpxorq" "vmovupd" "vbroadcastsd" "vfmadd231pd" "vaddpd"
    "vmovupd" "{{k1}}{{z}}, " "{{k1}}, "
);

/// Lanes with all bits before lanes with none: where to read says how many there are.
static FIRST32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static FIRST64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];
