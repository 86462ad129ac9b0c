//! Findings about sizes.

use crate::check::errors::{LOOP_TOO_LONG, SHAPE_MISMATCH, TOO_LARGE, at, outside};
use crate::diag::Diagnostic;
use crate::print::bytes;
use crate::source::Span;

/// Windows in a function that do not fit the sizes that the function is called with.
pub(super) fn windows_outside(span: Span, shape: &str, expected: &str) -> Diagnostic {
    let place = format!("its operand has sizes {shape} in one of the calls");
    at(&SHAPE_MISMATCH, format!("these windows need {expected}"), span, place)
        .help("take smaller windows, or pad: `padding = 1`")
}

/// A slice in a function that does not fit the sizes that the function is called with.
pub(super) fn slice_out_of_bounds(span: Span, shape: &str) -> Diagnostic {
    let place = format!("its operand has sizes {shape} in one of the calls");
    at(&SHAPE_MISMATCH, format!("slice out of bounds of a tensor of sizes {shape}"), span, place)
        .help("call the function with larger sizes, or count from the end: `x[-2:]`")
}

/// A loop of more iterations than are counted.
pub(super) fn too_many_iterations(span: Span, count: i64, most: i64) -> Diagnostic {
    let message = format!("this loop has {count} iterations, and a loop has at most {most}");
    at(&LOOP_TOO_LONG, message, span, "too many iterations").help("take fewer iterations")
}

/// A loop that is written out to more than can be compiled.
pub(super) fn loop_too_long(span: Span, most: usize) -> Diagnostic {
    let message = format!("this loop is written out to more than {most} operations");
    at(&LOOP_TOO_LONG, message, span, "too many iterations")
        .help("let the number of the iteration change no shape and pick no layer, or take fewer iterations")
}

/// A layer of several that is not there.
pub(super) fn no_such_layer(span: Span, position: i64, count: usize) -> Diagnostic {
    outside(&position.to_string(), &count.to_string(), Some(count as i64 - 1), span)
}

/// A tensor that no machine could hold.
pub(super) fn tensor_too_large(span: Span, needed: f64) -> Diagnostic {
    let shown = if needed < u64::MAX as f64 { bytes(needed as u64) } else { "more than 16 EiB".to_string() };
    at(
        &TOO_LARGE,
        format!("this needs {shown} of memory, more than any machine has"),
        span,
        "for one tensor, or for the parameters of its model",
    )
    .help("use smaller sizes")
}
