//! What graphs show of a script that is not wrong, but hardly meant.

use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// Every code of this stage.
pub const CODES: &[&Code] = &[&PARAMETER_WITHOUT_GRADIENT];

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
