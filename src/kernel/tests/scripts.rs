//! Whole scripts through the stages before this one.

use super::{fused, passes};
use crate::algebra::types::{DType, Type};
use crate::check::typed::DataSource;
use crate::check::{Catalog, Schema, check};
use crate::diag::Diagnostic;
use crate::graph::{self, Graphs};
use crate::source::FileId;

/// Every file holds 8 features and a class number.
struct Files;

impl Catalog for Files {
    fn schema(&self, _: &DataSource, real: DType) -> Result<Schema, Diagnostic> {
        let x = ("x".to_owned(), Type::of(real, &[8]));
        let y = ("y".to_owned(), Type::scalar(DType::I32));
        Ok(Schema { columns: vec![x, y], rows: 30, test_rows: None })
    }
}

fn graphs(text: &str) -> Graphs {
    let library = [
        include_str!("../../std/math.eg"),
        include_str!("../../std/nn.eg"),
        include_str!("../../std/loss.eg"),
        include_str!("../../std/optim.eg"),
    ];
    let parse = |(k, text): (usize, &str)| crate::ast::parse(FileId(k as u16), text).0;
    let script = parse((0, text));
    let library: Vec<_> = library.into_iter().enumerate().map(|(k, text)| parse((k + 1, text))).collect();
    let (program, found) = check(&script, &library, &Files, DType::F64);
    assert!(!found.iter().any(Diagnostic::is_error), "{found:?}");
    graph::build(&program)
}

/// A classifier with one hidden layer.
fn digits(optimizer: &str) -> String {
    format!(
        "data digits = csv(\"digits.csv\", target = \"digit\", test = 0.2)
model mlp(x: real[B, 8]) -> real[B, 3] {{
  layer hidden = dense[8, 6]
  layer out    = dense[6, 3]
  x / 16 |> hidden |> relu |> out
}}
let fit = train mlp on digits.train {{
  loss      = mean(cross_entropy(mlp(x), y))
  metric accuracy = mean(argmax(mlp(x), axis = -1) == y)
  optimizer = {optimizer}
  batch     = 4
  epochs    = 2
  validate  = digits.test
  seed      = 7
}}
print \"test accuracy {{fit.accuracy:.3}}\"
"
    )
}

#[test]
fn scripts_keep_their_meaning() {
    for optimizer in [
        "sgd(lr = 0.1)",
        "adam(lr = 1e-3) |> eg_gain |> eg_scale",
        "adam(lr = 1e-3) |> eg_gain |> eg_scale(over = tensor)",
        "eg_gain |> sgd(lr = 0.1) |> momentum(mu = 0.9) |> eg_scale(over = tensor)",
    ] {
        for graph in &graphs(&digits(optimizer)).programs {
            let program = fused(graph);
            if program.name == "fit.step" {
                let scales = optimizer.contains("eg_scale");
                assert_eq!(passes(&program).len(), 1 + usize::from(scales), "{program}");
            }
        }
    }
}
