//! Every finding of the checker: one constructor each, and the long explanation of its code.

use crate::diag::{Code, Diagnostic};
use crate::source::Span;

pub use super::codes::*;
pub use crate::data::errors::TOO_LARGE;

/// A name that nothing has.
pub(super) fn unknown_name(name: &str, span: Span, near: Option<String>) -> Diagnostic {
    let name = match name.char_indices().nth(60) {
        Some((end, _)) => &format!("{}...", &name[..end]),
        None => name,
    };
    let found = at(&UNKNOWN_NAME, format!("unknown name `{name}`"), span, "not in scope");
    if let Some(help) = super::foreign::name(name) {
        return found.help(help);
    }
    match near {
        None => found.help("declare it before it is used, or correct its spelling"),
        near => suggest(found, near),
    }
}

/// The candidate that `name` is most likely a misspelling of.
pub(super) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    crate::diag::suggest::nearest(name, candidates).map(str::to_string)
}

/// Adds "did you mean".
pub(super) fn suggest(diagnostic: Diagnostic, near: Option<String>) -> Diagnostic {
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

/// One of several codes about "a word that is none of these".
pub(super) fn none_of(
    code: &'static Code,
    what: &str,
    name: &str,
    span: Span,
    known: &[String],
) -> Diagnostic {
    let list = there_is(known);
    let found =
        Diagnostic::error(code, format!("unknown {what} `{name}`")).label(span, format!("no such {what}"));
    match nearest(name, known.iter().map(String::as_str)) {
        _ if known.is_empty() => found,
        None => found.help(list),
        near => suggest(found.note(list), near),
    }
}

/// What can be named: "there are `a`, `b` and `c`".
pub(super) fn there_is(known: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = known.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => "there is none".to_string(),
        [one] => format!("there is only {one}"),
        [all @ .., last] => format!("there are {} and {last}", all.join(", ")),
    }
}

/// Something at one place, with one thing to try.
pub(super) fn at(
    code: &'static Code,
    message: impl Into<String>,
    span: Span,
    label: impl Into<String>,
) -> Diagnostic {
    Diagnostic::error(code, message).label(span, label)
}

/// Two shapes that have to agree: what was found, what was expected, and where both come from.
pub(super) fn shapes(
    message: impl Into<String>,
    found: (Span, String),
    expected: (Span, String),
) -> Diagnostic {
    Diagnostic::error(&SHAPE_MISMATCH, message)
        .label(found.0, format!("this is `{}`", found.1))
        .label(expected.0, expected.1)
}

/// A number of values in words.
pub(super) fn values(n: usize) -> String {
    if n == 1 { "1 value".to_string() } else { format!("{n} values") }
}

/// Several values where one is needed.
pub(super) fn several_values(n: usize, source: &str, span: Span) -> Diagnostic {
    let message = format!("`{source}` is {}, and one is needed here", values(n));
    let names = ["a", "b", "c", "d"][..n.min(4)].join(", ");
    at(&SEVERAL_VALUES, message, span, values(n))
        .help(format!("take them apart first: `let ({names}{}) = ...`", if n > 4 { ", ..." } else { "" }))
}

/// A `let` of more or fewer names than there are values.
pub(super) fn taken_apart(names: usize, n: usize, source: &str, span: Span) -> Diagnostic {
    let message = format!("`{source}` is {}, and there are {names} names for them", values(n));
    let help = if n == 1 { "write one name: `let a = ...`" } else { "write a name for each value" };
    at(&SEVERAL_VALUES, message, span, values(n)).help(help)
}

/// `/` on integers.
pub(super) fn int_division(span: Span, (floor, real): (String, String)) -> Diagnostic {
    at(&INT_DIVISION, "`/` divides reals, and both operands are integers", span, "integer divided by integer")
        .help(format!("write `{floor}` to round down, or make one operand real: `{real}`"))
}

/// A whole number divided by 0, which is written or follows from a size.
pub(super) fn by_zero(span: Span) -> Diagnostic {
    at(&DIVISION_BY_ZERO, "a whole number is divided by 0", span, "this is 0")
        .help("divide by a whole number from 1, or divide reals: `/`")
}

/// A size divided by what is not positive.
pub(super) fn size_divided(by: i64, span: Span) -> Diagnostic {
    at(&NOT_A_SIZE, format!("a size is divided by {by} here"), span, format!("divided by {by}"))
        .help("divide sizes by whole numbers from 1")
}

/// A position outside of an axis.
pub(super) fn outside(position: &str, size: &str, last: Option<i64>, span: Span) -> Diagnostic {
    let message = format!("position {position} is outside of an axis of size {size}");
    let help = match last {
        Some(last) => format!("positions are 0 to {last}, or from the end -1 to -{}", last + 1),
        None => "positions are known at compile time, from 0, or -1 for the last".to_string(),
    };
    at(&SHAPE_MISMATCH, message, span, "outside").help(help)
}

/// More positions than axes.
pub(super) fn too_many_positions(given: usize, shown: &str, rank: usize, span: Span) -> Diagnostic {
    let message = format!("{given} positions into `{shown}`, which has {}", axes(rank));
    at(&SHAPE_MISMATCH, message, span, "too many positions").help(match rank {
        0 => "a single number has no positions: leave out the brackets".to_string(),
        _ => format!(
            "give {} at most",
            if rank == 1 { "1 position".into() } else { format!("{rank} positions") }
        ),
    })
}

/// A number of axes in words.
pub(super) fn axes(rank: usize) -> String {
    match rank {
        0 => "no axes".to_string(),
        1 => "1 axis".to_string(),
        _ => format!("{rank} axes"),
    }
}

/// A hyperparameter outside of its range.
pub(crate) fn out_of_range(name: &str, value: f64, range: crate::typed::Range) -> Diagnostic {
    let shown = crate::print::number(value);
    let message = format!("hyperparameter `{name}` is {shown}, outside of {range}");
    let high = match range.high.is_finite() {
        true => format!(" and below {}", crate::print::number(range.high)),
        false => String::new(),
    };
    let least = crate::print::number(range.low);
    Diagnostic::error(&HYPERPARAMETER_RANGE, message).help(format!("give a number from {least}{high}"))
}

/// A name declared twice.
pub(super) fn duplicate(name: &str, span: Span, before: Option<Span>) -> Diagnostic {
    let found = at(&DUPLICATE_NAME, format!("`{name}` is declared twice"), span, "declared again");
    let found = match before {
        Some(before) => found.label(before, "first declared here"),
        None => found,
    };
    found.help("bindings never change: use another name")
}

/// Something that is no number where one is needed.
pub(super) fn not_a_value(what: &str, span: Span, help: &str) -> Diagnostic {
    let found = at(&NOT_A_VALUE, format!("{what} is not a value"), span, "a number or a tensor is needed");
    if help.is_empty() { found } else { found.help(help) }
}

/// A loss or a metric that is no number.
pub(super) fn not_scalar(code: &'static Code, what: &str, shown: &str, span: Span, text: &str) -> Diagnostic {
    at(code, format!("the {what} is `{shown}`, not one number"), span, format!("this is `{shown}`"))
        .help(format!("average it: `mean({text})`"))
}

/// Something that is planned and not there yet, and what to write so far.
pub(super) fn not_supported(what: &str, span: Span, help: &str) -> Diagnostic {
    at(&NOT_SUPPORTED, format!("{what} is not in the language yet"), span, "not supported").help(help)
}
