//! Pointers from outside: what can be seen to be wrong with them.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::ops::Range;

use super::{egret_code, egret_optimizer};

/// What went wrong.
#[derive(Debug)]
pub(super) struct CallFailure {
    /// Its kind.
    pub(super) code: egret_code,
    /// What a person reads.
    pub(super) message: String,
}

fn fail<T>(code: egret_code, message: String) -> Result<T, CallFailure> {
    Err(CallFailure { code, message })
}

fn sound<T>(what: &str, start: *const T) -> Result<(), CallFailure> {
    if start.is_null() {
        return fail(egret_code::Null, format!("`{what}` is null"));
    }
    if !start.is_aligned() {
        let size = align_of::<T>();
        return fail(egret_code::Misaligned, format!("`{what}` is not at a multiple of {size} bytes"));
    }
    Ok(())
}

/// An optimizer.
///
/// # Safety
/// A pointer that is neither null nor misaligned must come from `egret_compile`.
pub(super) unsafe fn handle<'a>(
    optimizer: *mut egret_optimizer,
) -> Result<&'a mut egret_optimizer, CallFailure> {
    sound("optimizer", optimizer)?;
    // SAFETY: by the contract of this function.
    Ok(unsafe { &mut *optimizer })
}

/// A place for a result.
///
/// # Safety
/// A pointer that is neither null nor misaligned must be valid; its content need not be.
pub(super) unsafe fn out<'a, T>(what: &str, place: *mut T) -> Result<&'a mut MaybeUninit<T>, CallFailure> {
    sound(what, place)?;
    // SAFETY: by the contract of this function.
    Ok(unsafe { &mut *place.cast() })
}

/// Elements to be read.
///
/// # Safety
/// A pointer that is neither null nor misaligned must have `len` elements.
pub(super) unsafe fn read<'a, T>(what: &str, start: *const T, len: usize) -> Result<&'a [T], CallFailure> {
    if len == 0 {
        return Ok(&[]);
    }
    sound(what, start)?;
    fits::<T>(what, len)?;
    // SAFETY: by the contract of this function.
    Ok(unsafe { std::slice::from_raw_parts(start, len) })
}

/// Elements to be written.
///
/// # Safety
/// A pointer that is neither null nor misaligned must have `len` elements that nobody else uses.
pub(super) unsafe fn write<'a, T>(what: &str, start: *mut T, len: usize) -> Result<&'a mut [T], CallFailure> {
    if len == 0 {
        return Ok(&mut []);
    }
    sound(what, start)?;
    fits::<T>(what, len)?;
    // SAFETY: by the contract of this function.
    Ok(unsafe { std::slice::from_raw_parts_mut(start, len) })
}

/// No memory is larger than the half of all addresses.
fn fits<T>(what: &str, len: usize) -> Result<(), CallFailure> {
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => fail(egret_code::Length, format!("`{what}` cannot have {len} elements")),
    }
}

/// Text.
///
/// # Safety
/// A pointer that is not null must be to bytes that end with a zero.
pub(super) unsafe fn text<'a>(what: &str, start: *const c_char) -> Result<&'a str, CallFailure> {
    sound(what, start)?;
    // SAFETY: by the contract of this function.
    let bytes = unsafe { CStr::from_ptr(start) };
    bytes.to_str().or_else(|_| fail(egret_code::Text, format!("`{what}` is not UTF-8")))
}

/// A number that may be missing.
///
/// # Safety
/// A pointer that is neither null nor misaligned must be valid.
pub(super) unsafe fn number(what: &str, place: *const f64) -> Result<Option<f64>, CallFailure> {
    if place.is_null() {
        return Ok(None);
    }
    sound(what, place)?;
    // SAFETY: by the contract of this function.
    Ok(Some(unsafe { *place }))
}

/// Whether a buffer has the right length.
pub(super) fn of_length(what: &str, have: usize, want: usize) -> Result<(), CallFailure> {
    if have == want {
        Ok(())
    } else {
        fail(egret_code::Length, format!("`{what}`: {have} given, not {want}"))
    }
}

/// The addresses of a buffer; nothing for null.
pub(super) fn given<T>(start: *const T, len: usize) -> Range<usize> {
    let from = start.addr();
    if start.is_null() { 0..0 } else { from..from.saturating_add(len.saturating_mul(size_of::<T>())) }
}

/// Whether nothing that is written is given twice.
pub(super) fn disjoint(writes: &[Range<usize>], reads: &[Range<usize>]) -> Result<(), CallFailure> {
    let marked = |ranges: &[Range<usize>], written| {
        ranges.iter().map(|range| (range.start, range.end, written)).collect::<Vec<_>>()
    };
    let mut all = [marked(writes, true), marked(reads, false)].concat();
    all.retain(|(start, end, _)| start < end);
    all.sort_unstable();
    let (mut any, mut changed) = (0, 0);
    for (start, end, written) in all {
        if start < changed || written && start < any {
            let message = "memory that is written overlaps with other memory of the call";
            return fail(egret_code::Overlap, message.to_owned());
        }
        any = any.max(end);
        changed = if written { changed.max(end) } else { changed };
    }
    Ok(())
}
