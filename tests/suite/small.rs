//! The eight rows that stages are tried on, and scripts that train on them in double precision.

use std::path::Path;

use egret::algebra::types::DType;
use egret::pipeline::{Options, Program};
use egret::run::{Outcome, Settings, Silent};

/// Rows of `tests/cases/run/small.csv`: length, kind, and the target width.
pub(super) const ROWS: [([f64; 2], f64); 8] = [
    ([5.1, 0.0], 3.5),
    ([4.9, 1.0], 3.0),
    ([4.7, 0.0], 3.2),
    ([4.6, 1.0], 3.1),
    ([5.0, 0.0], 3.6),
    ([5.4, 1.0], 3.9),
    ([4.6, 0.0], 3.4),
    ([5.0, 1.0], 3.4),
];

/// Runs a script beside the rows.
pub(super) fn run(name: &str, source: &str) -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/run");
    let options = Options { folder, real: Some(DType::F64), ..Options::default() };
    let program = Program::compile(name, source, options);
    let program = program.unwrap_or_else(|report| panic!("{}", report.render(false)));
    let outcome = program.run(&Settings::default(), &mut Silent);
    outcome.unwrap_or_else(|report| panic!("{}", report.render(false)))
}
