//! What can be wrong with predictions.

use std::path::Path;

use crate::diag::{Code, Diagnostic};

/// Logits that say nothing.
pub(crate) static NO_PREDICTION: Code = Code {
    name: "no-prediction",
    explain: "\
For a row of the data the model gives logits that are NaN or infinite, and no class follows from them. Look at the
features of the row: a number far from all that the model was trained on may be a mistake in the file.",
};

/// Logits that are NaN or infinite.
pub(crate) fn no_prediction(data: &str, row: usize, column: &str) -> Diagnostic {
    let message = format!("row {row} of `{data}`: the logits of `{column}` are not finite");
    Diagnostic::error(&NO_PREDICTION, message).help("look at the features of that row")
}

/// A file that predictions cannot be made with alone.
pub(crate) static INCOMPLETE_FIT: Code = Code {
    name: "incomplete-fit",
    explain: "\
`egret predict` needs nothing but the file of a fit: `save fit to \"fit.safetensors\"` writes the script, and
what it knew of the data, into it. This file does not have all of that: it was written by an older version or by
another program, or it is a checkpoint of a run, or the model computes with what another run of the script left.

    egret predict fit.safetensors --data new.csv --to predictions.csv

Save the fit again, or predict in the script: `predict fit on d to \"predictions.csv\"`.",
};

/// Data that a saved fit cannot predict for.
pub(crate) static OTHER_FEATURES: Code = Code {
    name: "other-features",
    explain: "\
A saved fit predicts for rows that have the features that it was trained on: a csv file where that was one, with
columns of the same names, or arrays of NumPy of the same shapes.

    egret predict fit.safetensors --data new.csv --to predictions.csv",
};

/// A file that does not say how it was made.
pub(crate) fn incomplete_fit(path: &Path, why: &str) -> Diagnostic {
    Diagnostic::error(
        &INCOMPLETE_FIT,
        format!("`{}` does not suffice for predictions: {why}", path.display()),
    )
    .help("save the fit again, `save fit to \"fit.safetensors\"`, with this version of egret")
}

/// Predictions that need what another run left.
pub(crate) fn needs_other_run(path: &Path, name: &str) -> Diagnostic {
    let message = format!("the model of `{}` computes with what `{name}` left", path.display());
    Diagnostic::error(&INCOMPLETE_FIT, message)
        .help("predict in the script: `predict fit on d to \"predictions.csv\"`")
}

/// Data of another kind.
pub(crate) fn other_features(data: &Path, why: &str, help: &str) -> Diagnostic {
    let message = format!("`{}` cannot be predicted for: {why}", data.display());
    Diagnostic::error(&OTHER_FEATURES, message).help(help)
}
