//! Functions of great arguments, called where vectors and scalars of code meet one.
//!
//! Code tests whether any lane is great and only then goes through memory: the function takes as many lanes
//! of an operation's two operands and leaves as many results, which may lie where an operand does.

use crate::algebra::scalar::{MachineOp, float32, float64};
use crate::algebra::types::DType;
use crate::ice;

/// A function of great arguments, as code knows it.
pub(super) struct Far {
    pub(super) machine: MachineOp,
    pub(super) dtype: DType,
    pub(super) name: &'static str,
    pub(super) address: *const u8,
}

macro_rules! far {
    ($abi:literal $($machine:ident $dtype:ident $module:ident $float:ty, $function:ident;)*) => {
        $(extern $abi fn $function(x: *const $float, near: *const $float, out: *mut $float, lanes: usize) {
            let Some(function) = MachineOp::$machine.far() else { return };
            for lane in 0..lanes {
                // SAFETY: code passes three places of memory with so many lanes; each lane is read before it
                // is written.
                unsafe { *out.add(lane) = $module::far(function, *x.add(lane), *near.add(lane)) }
            }
        })*

        /// All of them.
        pub(super) fn all() -> Vec<Far> {
            vec![$(Far {
                machine: MachineOp::$machine,
                dtype: DType::$dtype,
                name: stringify!($function),
                address: $function as *const u8,
            }),*]
        }
    };
}

macro_rules! all {
    ($abi:literal) => {
        far! {
            $abi
            FarSin F32 float32 f32, far_sin_f32;
            FarSin F64 float64 f64, far_sin_f64;
            FarCos F32 float32 f32, far_cos_f32;
            FarCos F64 float64 f64, far_cos_f64;
            FarTan F32 float32 f32, far_tan_f32;
            FarTan F64 float64 f64, far_tan_f64;
        }
    };
}

// As wide loops are called, on all systems.
#[cfg(target_arch = "x86_64")]
all!("sysv64");
#[cfg(not(target_arch = "x86_64"))]
all!("C");

/// The place of an operation among them.
pub(super) fn index(machine: MachineOp, dtype: DType) -> usize {
    let found = all().iter().position(|far| (far.machine, far.dtype) == (machine, dtype));
    found.unwrap_or_else(|| ice!("native", "{machine:?} of {dtype}"))
}
