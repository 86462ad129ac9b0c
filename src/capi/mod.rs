//! The C interface to [`Optimizer`]: pipelines for programs in any language, on their own memory.
//!
//! Comes in: pointers, which are not trusted further than one can see. Goes out: an [`egret_code`];
//! what it is about says [`egret_last_error`]. Nothing unwinds into the caller. The header for C is
//! `examples/c/egret.h`, made from this file.
//!
//! ```c
//! egret_tensor tensors[] = {{"w", (size_t[]){3}, 1}};
//! egret_optimizer *optimizer;
//! if (egret_compile("adam |> eg_gain", tensors, 1, 0, &optimizer) != EGRET_OK)
//!     puts(egret_last_error());
//! egret_step_f32(optimizer, params, gradient, 3, NULL);
//! ```
#![allow(non_camel_case_types, reason = "the names are those of C")]

mod check;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_double};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::optimizer::{Error, Optimizer, Options};
use crate::pipeline::Report;
use check::{CallFailure, disjoint, given, handle, number, of_length, out, read, text, write};

/// What became of a call.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum egret_code {
    /// All is well.
    Ok = 0,
    /// A pointer is null that may not be.
    Null = 1,
    /// A pointer is not a multiple of its element's size.
    Misaligned = 2,
    /// Memory that is written is given twice.
    Overlap = 3,
    /// A buffer has another length than the optimizer was compiled for.
    Length = 4,
    /// Text is not UTF-8.
    Text = 5,
    /// The pipeline or the shapes are wrong.
    Pipeline = 6,
    /// There is no state or hyperparameter of that name or number.
    Unknown = 7,
    /// A value is not finite, or a hyperparameter is computed in each step and cannot be set or read.
    Value = 8,
    /// The loss is needed and missing, or not finite.
    Loss = 9,
    /// There are no states before the first step.
    NotStarted = 10,
    /// A file cannot be read or written, or is not a file of states.
    File = 11,
    /// A file of states is for another pipeline or for other parameters.
    Mismatch = 12,
    /// Memory is short.
    Memory = 13,
    /// A bug in egret. Free the optimizer.
    Internal = 14,
}

/// A compiled pipeline with its states. One thread at a time may use it.
#[derive(Debug)]
pub struct egret_optimizer {
    optimizer: Optimizer,
    /// The names of its states.
    names: Vec<CString>,
}

/// A parameter tensor.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct egret_tensor {
    /// Its name, no other's.
    pub name: *const c_char,
    /// Its sizes, outermost first; may be null if `rank` is 0.
    pub sizes: *const usize,
    /// The number of its sizes.
    pub rank: usize,
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

fn remember(message: &str) {
    let message: Vec<u8> = message.bytes().filter(|byte| *byte != 0).collect();
    LAST.with(|last| *last.borrow_mut() = CString::new(message).unwrap_or_default());
}

/// Makes a call; keeps what went wrong, and panics from unwinding into the caller.
fn guard(call: impl FnOnce() -> Result<(), CallFailure>) -> egret_code {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => egret_code::Ok,
        Ok(Err(failure)) => {
            remember(&failure.message);
            failure.code
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            remember(text.unwrap_or("egret internal error"));
            egret_code::Internal
        }
    }
}

impl From<Error> for CallFailure {
    fn from(error: Error) -> CallFailure {
        let code = match &error {
            Error::Length { .. } => egret_code::Length,
            Error::Type { .. } => egret_code::Internal,
            Error::UnknownName { .. } => egret_code::Unknown,
            Error::Computed { .. } | Error::Value { .. } | Error::Position { .. } => egret_code::Value,
            Error::Loss(_) => egret_code::Loss,
            Error::NotStarted => egret_code::NotStarted,
            Error::Memory(_) => egret_code::Memory,
            Error::File { .. } => egret_code::File,
            Error::Mismatch { .. } => egret_code::Mismatch,
        };
        CallFailure { code, message: error.to_string() }
    }
}

impl From<Report> for CallFailure {
    fn from(report: Report) -> CallFailure {
        CallFailure { code: egret_code::Pipeline, message: report.render(false) }
    }
}

/// The message of the last call of this thread that failed, valid until the next one that fails. Empty
/// at first; never null.
#[unsafe(no_mangle)]
pub extern "C" fn egret_last_error() -> *const c_char {
    LAST.with(|last| last.try_borrow().map_or(c"".as_ptr(), |last| last.as_ptr()))
}

/// Compiles a pipeline such as `adam(lr = 1e-3) |> eg_gain`, which may follow own stages, for `count`
/// tensors of `float`. `total` is the number of steps in all, `T` in schedules, or 0 if unknown. The
/// optimizer is for `egret_free`; after an error it is null.
///
/// # Safety
/// Pointers that are not null must be valid: texts end with a zero byte, `tensors` has `count`
/// elements, and their `sizes` have `rank`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_compile(
    pipeline: *const c_char,
    tensors: *const egret_tensor,
    count: usize,
    total: u64,
    optimizer: *mut *mut egret_optimizer,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        let (result, pipeline) = unsafe { (out("optimizer", optimizer)?, text("pipeline", pipeline)?) };
        result.write(ptr::null_mut());
        // SAFETY: as above.
        let tensors = unsafe { read("tensors", tensors, count)? };
        let mut shapes = Vec::with_capacity(count);
        for tensor in tensors {
            // SAFETY: as above.
            shapes.push(unsafe { (text("name", tensor.name)?, read("sizes", tensor.sizes, tensor.rank)?) });
        }
        let options = Options { total: (total > 0).then_some(total), ..Options::default() };
        let optimizer = Optimizer::compile(pipeline, &shapes, options)?;
        let names = optimizer.states().into_iter().map(|state| CString::new(state.name).unwrap_or_default());
        let names = names.collect();
        result.write(Box::into_raw(Box::new(egret_optimizer { optimizer, names })));
        Ok(())
    })
}

/// Frees an optimizer; null is nothing.
///
/// # Safety
/// It must come from `egret_compile`, and nobody may use it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_free(optimizer: *mut egret_optimizer) {
    guard(|| {
        if !optimizer.is_null() {
            // SAFETY: it was made by `Box::into_raw`, and the caller gives it up.
            drop(unsafe { Box::from_raw(optimizer) });
        }
        Ok(())
    });
}

/// Lets steps be taken by so many threads, the caller's among them (at first that one alone; 0 is 1 too).
/// Results have the same bits with any number.
///
/// # Safety
/// `optimizer` must come from `egret_compile`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_set_threads(optimizer: *mut egret_optimizer, threads: usize) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for it.
        unsafe { handle(optimizer)? }.optimizer.set_threads(threads);
        Ok(())
    })
}

/// Starts (again) from these parameters: makes the initial states. The first step does so itself.
///
/// # Safety
/// `optimizer` must come from `egret_compile`, and `params` must have `len` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_init_f32(
    optimizer: *mut egret_optimizer,
    params: *const f32,
    len: usize,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        let own = &mut unsafe { handle(optimizer)? }.optimizer;
        of_length("params", len, own.len())?;
        // SAFETY: as above.
        Ok(own.init(unsafe { read("params", params, len)? })?)
    })
}

/// Takes a step: `params` change in place. They and the gradient are the tensors in order, row-major,
/// consecutive, `len` elements in all. `loss` may be null unless a stage looks at it.
///
/// # Safety
/// `optimizer` must come from `egret_compile`, and the buffers must have `len` elements, which nobody
/// else uses meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_step_f32(
    optimizer: *mut egret_optimizer,
    params: *mut f32,
    gradient: *const f32,
    len: usize,
    loss: *const c_double,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned; what is written
        // has been seen not to overlap.
        unsafe {
            let own = &mut handle(optimizer)?.optimizer;
            of_length("params", len, own.len())?;
            disjoint(&[given(params, len)], &[given(gradient, len)])?;
            let gradient = read("gradient", gradient, len)?;
            let params = write("params", params, len)?;
            Ok(own.step(params, gradient, number("loss", loss)?)?)
        }
    })
}

/// As `egret_step_f32`, with one pointer for each of `count` tensors. Tensors that lie one behind the
/// other are used in place; others are copied together and back, which costs up to 24 bytes of memory
/// traffic per parameter.
///
/// # Safety
/// As for `egret_step_f32`, for each tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_step_tensors_f32(
    optimizer: *mut egret_optimizer,
    params: *const *mut f32,
    gradients: *const *const f32,
    count: usize,
    loss: *const c_double,
) -> egret_code {
    guard(|| {
        // SAFETY: as in `egret_step_f32`.
        unsafe {
            let own = &mut handle(optimizer)?.optimizer;
            of_length("params", count, own.lengths().len())?;
            let lengths = own.lengths().to_vec();
            let (params, gradients) = (read("params", params, count)?, read("gradients", gradients, count)?);
            let of = |(start, len): (&*mut f32, &usize)| given(*start, *len);
            let writes: Vec<_> = params.iter().zip(&lengths).map(of).collect();
            let reads: Vec<_> = gradients.iter().zip(&lengths).map(|(g, len)| given(*g, *len)).collect();
            disjoint(&writes, &reads)?;
            let mut slices = Vec::with_capacity(count);
            let mut given = Vec::with_capacity(count);
            for ((w, g), len) in params.iter().zip(gradients).zip(&lengths) {
                given.push(read("gradient", *g, *len)?);
                slices.push(write("params", *w, *len)?);
            }
            Ok(own.step_tensors(&mut slices, &given, number("loss", loss)?)?)
        }
    })
}

/// As `egret_step_f32`, with a gradient in bf16. `copy`, unless it is null, receives the new parameters
/// in bf16, rounded to the nearest.
///
/// # Safety
/// As for `egret_step_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_step_bf16_grad(
    optimizer: *mut egret_optimizer,
    params: *mut f32,
    gradient: *const u16,
    copy: *mut u16,
    len: usize,
    loss: *const c_double,
) -> egret_code {
    guard(|| {
        // SAFETY: as in `egret_step_f32`.
        unsafe {
            let own = &mut handle(optimizer)?.optimizer;
            of_length("params", len, own.len())?;
            disjoint(&[given(params, len), given(copy, len)], &[given(gradient, len)])?;
            let gradient = read("gradient", gradient, len)?;
            let params = write("params", params, len)?;
            let copy = if copy.is_null() { None } else { Some(write("copy", copy, len)?) };
            Ok(own.step_bf16(params, gradient, copy, number("loss", loss)?)?)
        }
    })
}

/// Writes the parameters to evaluate with: those of a stage that says so, like `schedule_free`, else
/// `params` themselves.
///
/// # Safety
/// As for `egret_step_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_weights_f32(
    optimizer: *mut egret_optimizer,
    params: *const f32,
    weights: *mut f32,
    len: usize,
) -> egret_code {
    guard(|| {
        // SAFETY: as in `egret_step_f32`.
        unsafe {
            let own = &mut handle(optimizer)?.optimizer;
            of_length("params", len, own.len())?;
            disjoint(&[given(weights, len)], &[given(params, len)])?;
            Ok(own.weights(read("params", params, len)?, write("weights", weights, len)?)?)
        }
    })
}

/// The number of steps taken; 0 for null.
///
/// # Safety
/// `optimizer` must come from `egret_compile`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_steps(optimizer: *const egret_optimizer) -> u64 {
    // SAFETY: the caller vouches for a pointer that is not null.
    unsafe { optimizer.as_ref() }.map_or(0, |own| own.optimizer.steps())
}

/// Sets a hyperparameter, `adam.lr`, from the next step on.
///
/// # Safety
/// `optimizer` must come from `egret_compile`, and `name` must end with a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_set(
    optimizer: *mut egret_optimizer,
    name: *const c_char,
    value: c_double,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        unsafe { Ok(handle(optimizer)?.optimizer.set(text("name", name)?, value)?) }
    })
}

/// Reads a hyperparameter, `adam.lr`.
///
/// # Safety
/// As for `egret_set`; `value` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_get(
    optimizer: *mut egret_optimizer,
    name: *const c_char,
    value: *mut c_double,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        unsafe {
            let own = &mut handle(optimizer)?.optimizer;
            out("value", value)?.write(own.get(text("name", name)?)?);
        }
        Ok(())
    })
}

/// The name of state `index`, from 0, which lives as long as the optimizer, and the number of its
/// elements. Past the last state the code is `EGRET_UNKNOWN`.
///
/// # Safety
/// `optimizer` must come from `egret_compile`; `name` and `len` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_state_info(
    optimizer: *mut egret_optimizer,
    index: usize,
    name: *mut *const c_char,
    len: *mut usize,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        let (own, name, len) = unsafe { (handle(optimizer)?, out("name", name)?, out("len", len)?) };
        let states = own.optimizer.states();
        let state = states.get(index).zip(own.names.get(index)).ok_or_else(|| CallFailure {
            code: egret_code::Unknown,
            message: format!("there is no state {index}: there are {}", states.len()),
        })?;
        name.write(state.1.as_ptr());
        len.write(state.0.sizes.iter().product());
        Ok(())
    })
}

/// Reads the `len` numbers of a state, `adam.m`.
///
/// # Safety
/// As for `egret_set`; `values` must have `len` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_state_read(
    optimizer: *mut egret_optimizer,
    name: *const c_char,
    values: *mut c_double,
    len: usize,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        let (own, name) = unsafe { (&mut handle(optimizer)?.optimizer, text("name", name)?) };
        let state = own.state(name)?;
        of_length("values", len, state.len())?;
        // SAFETY: as above.
        unsafe { write("values", values, len)? }.copy_from_slice(&state);
        Ok(())
    })
}

/// Replaces the `len` numbers of a state, rounded to its type.
///
/// # Safety
/// As for `egret_state_read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_state_write(
    optimizer: *mut egret_optimizer,
    name: *const c_char,
    values: *const c_double,
    len: usize,
) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        let (own, name) = unsafe { (&mut handle(optimizer)?.optimizer, text("name", name)?) };
        of_length("values", len, own.state(name)?.len())?;
        // SAFETY: as above.
        Ok(own.set_state(name, unsafe { read("values", values, len)? })?)
    })
}

/// Writes states, steps taken and hyperparameters to a safetensors file, whole or not at all.
///
/// # Safety
/// As for `egret_set`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_save(optimizer: *mut egret_optimizer, path: *const c_char) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        unsafe { Ok(handle(optimizer)?.optimizer.save(text("path", path)?)?) }
    })
}

/// Continues where a file was saved. A file for another pipeline or other parameters is an error whose
/// message names both.
///
/// # Safety
/// As for `egret_set`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn egret_load(optimizer: *mut egret_optimizer, path: *const c_char) -> egret_code {
    guard(|| {
        // SAFETY: the caller vouches for pointers that are neither null nor misaligned.
        unsafe { Ok(handle(optimizer)?.optimizer.load(text("path", path)?)?) }
    })
}
