//! What can be wrong with tensors that a run starts from.

use crate::diag::{Code, Diagnostic};

/// Tensors that are not those of the model.
pub(crate) static OTHER_TENSORS: Code = Code {
    name: "other-tensors",
    explain: "\
A run starts from a file or a fit only if that has the parameters and states of its model, by name and by
shape, and nothing else; states of an optimizer do not count. The message lists what is missing, left over
or of another shape. Of a file of another system the names are others, and the matrices of PyTorch's `Linear`
are transposed:

    from = load(\"torch.safetensors\",
                rename = { \"fc*.weight\": \"layer*.w\", \"fc*.bias\": \"layer*.b\" },
                transpose = [\"**.w\"])

With `strict = false` parameters that are missing keep their initial values, and what is left over is not
looked at; both are said when the run begins.",
};

/// Tensors that are not those of the model.
pub(crate) fn other_tensors(from: &str, said: &[String], help: &str) -> Diagnostic {
    let message = format!("{from} does not have the parameters of the model");
    let found = Diagnostic::error(&OTHER_TENSORS, message);
    said.iter().fold(found, |found, said| found.note(said.clone())).help(help)
}

/// Two tensors that are to have one name.
pub(crate) fn two_of_a_name(from: &str, name: &str) -> Diagnostic {
    let message = format!("two tensors of {from} are renamed to `{name}`");
    Diagnostic::error(&OTHER_TENSORS, message).help("write patterns that tell them apart")
}
