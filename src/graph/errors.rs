//! What graphs show of a script that is not wrong, but hardly meant.

use super::positions::Position;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::typed::Numbered;

/// Every code of this stage.
pub const CODES: &[&Code] = &[&PARAMETER_WITHOUT_GRADIENT, &OUT_OF_RANGE, &SINGLE_ROW, &TOO_LARGE];

/// A program of too many operations.
pub static TOO_LARGE: Code = Code {
    name: "too-many-operations",
    explain: "\
A program has more operations than the compiler takes on: functions, layers and loops are written out where
they are called, so a chain of functions each of which calls the one before twice, with different arguments,
doubles with each link.

    fn f1(x: real) -> real = f0(x) + f0(2 * x)
    fn f2(x: real) -> real = f1(x) + f1(3 * x)      // and so on, thirty times

Operators on whole tensors are one operation each. `--limit N` allows more operations; compile time grows
with them.",
};

/// A program with more than `limit` operations, of which the last was made at `span`.
pub(super) fn too_large(name: &str, span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error(&TOO_LARGE, format!("program `{name}` has more than {limit} operations"))
        .label(span, "the limit is reached here")
        .help("use operators on whole tensors, call functions less often, or allow more with `--limit N`")
}

/// An integer that is no position of its axis.
pub static OUT_OF_RANGE: Code = Code {
    name: "out-of-range",
    explain: "\
A label or a position lies outside of what it counts: `cross_entropy` and `one_hot[C]` take classes from 0
to C - 1, `take(table, index)` and `embedding[N, D]` positions from 0 to the size of the axis less 1.

    take([1, 2, 3], [0, 3])         // there is no position 3
    cross_entropy(logits, label)    // labels up to 9 need real[.., 10]

Numbers that are known are looked at when the script is compiled, columns of data before training starts,
all others in each step, before anything is changed. Labels that do not count are named:
`cross_entropy(logits, y, ignore = -100)` is 0 in their rows. Positions that may lie outside are first
brought inside, `clamp(i, 0, n - 1)`.",
};

/// Statistics over a single row.
pub static SINGLE_ROW: Code = Code {
    name: "single-row",
    explain: "\
`batchnorm` takes the mean and the deviation of each feature over the rows of a batch. Over a single row the
mean is the row itself: the result is zero whatever comes in, and no layer before it learns anything.

    layer norm = batchnorm[8]
    ...
    batch = 1

Take batches of more rows. `accumulate` does not help, since each batch has statistics of its own. `layernorm`
normalises each row by itself.",
};

/// Statistics over a single row.
pub(super) fn single_row(span: Span) -> Diagnostic {
    Diagnostic::error(&SINGLE_ROW, "`batchnorm` over a single row gives zero, whatever comes in")
        .label(span, "each batch has one row here")
        .help("take a larger `batch`, or `layernorm`, which needs one row only")
}

/// Integers outside of what they count: `found`, where `below` are.
pub(crate) fn out_of_range(position: &Position, found: i32, place: &str) -> Diagnostic {
    let Position { below, what, span, .. } = position;
    let message = format!("{place}{} {found}, expected 0 to {}", what.name(), below - 1);
    let found = Diagnostic::error(&OUT_OF_RANGE, message).label(
        *span,
        match what {
            Numbered::Classes => format!("{below} classes"),
            Numbered::Positions => format!("the axis has size {below}"),
        },
    );
    match what {
        Numbered::Classes => found.help(
            "give the model an output for each class; labels that do not count: `cross_entropy(x, y, ignore = -100)`",
        ),
        Numbered::Positions => found.help("bring positions inside: `clamp(i, 0, n - 1)`, or make the axis longer"),
    }
}

/// A parameter that the loss does not depend on.
pub static PARAMETER_WITHOUT_GRADIENT: Code = Code {
    name: "parameter-without-gradient",
    explain: "\
A parameter of a model that is trained gets no gradient: the loss does not depend on it, or only
through `stop_gradient` or through steps such as `floor`, whose derivative is zero everywhere.

    model m(x: real[B, 4]) -> real[B] {
      param w: real[4] = 0
      param spare: real[4] = 0
      x @ w
    }

Use it, or remove it. What shall stay as it is is no parameter: write a `let`.",
};

/// A parameter that gets no gradient.
pub(super) fn without_gradient(path: &str, span: Span) -> Diagnostic {
    let message = format!("parameter `{path}` gets no gradient");
    Diagnostic::warning(&PARAMETER_WITHOUT_GRADIENT, message)
        .label(span, "the loss does not depend on it")
        .help("use it in the value of the model, or remove it")
}
