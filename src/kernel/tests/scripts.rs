//! Whole scripts through the stages before this one.

use super::{fused, passes};
use crate::algebra::types::{DType, Type};
use crate::check::{Parsed, check};
use crate::data::{Catalog, FileSource, Schema};
use crate::diag::Diagnostic;
use crate::graph::{self, Graphs, Phase};
use crate::pipeline::LIBRARY;
use crate::source::Sources;

/// Every file holds 8 features and a class number.
struct Files;

impl Catalog for Files {
    fn schema(&self, _: &FileSource, real: DType) -> Result<Schema, Diagnostic> {
        let x = ("x".to_owned(), Type::of(real, &[8]));
        let y = ("y".to_owned(), Type::scalar(DType::I32));
        Ok(Schema { columns: vec![x, y], rows: 30, ..Schema::default() })
    }
}

fn graphs(text: &str) -> Graphs {
    let mut sources = Sources::default();
    let mut parse = |name: &str, text: &str| crate::ast::parse(sources.add(name, text), text).0;
    let script = parse("test.eg", text);
    let library: Vec<_> = LIBRARY.iter().map(|(name, text)| parse(name, text)).collect();
    let (program, found) = check(Parsed {
        script: &script,
        library: &library,
        sources: &sources,
        catalog: &Files,
        real: DType::F64,
    });
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

/// A model with this many parameters of several shapes.
fn wide(tensors: usize, optimizer: &str) -> String {
    let params: String =
        (0..tensors).map(|k| format!("  param p{k}: real[8, {}] = {k} * 0.01\n", 1 + k % 3)).collect();
    let sums: Vec<String> = (0..tensors).map(|k| format!("sum(x @ p{k})")).collect();
    format!(
        "data d = csv(\"d.csv\", target = \"y\")
model wide(x: real[B, 8]) -> real {{
{params}  {}
}}
let fit = train wide on d {{
  loss      = wide(x)^2
  optimizer = {optimizer}
  batch     = full
  steps     = 1
}}
",
        sums.join(" + ")
    )
}

/// Kernels that compute what the optimizer adds to the gradient.
fn optimizer_kernels(script: &str) -> usize {
    let graphs = graphs(script);
    let step = graphs.programs.iter().find(|graph| graph.name == "fit.step").expect("there is a step");
    let stage = |part: &Phase| matches!(part, Phase::Stage(_) | Phase::Update);
    let program = &super::fuse(&Graphs { programs: vec![step.clone()], ..Graphs::default() }).programs[0];
    program.kernels.iter().filter(|kernel| kernel.phases.iter().any(stage)).count()
}

#[test]
fn many_tensors_are_as_many_loops_as_one() {
    for optimizer in [
        "adam",
        "adam |> eg_gain |> eg_scale",
        "adam |> eg_gain |> eg_scale(over = tensor)",
        "clip_norm |> momentum |> sgd(lr = 0.1)",
    ] {
        let [one, many] = [1, 200].map(|tensors| optimizer_kernels(&wide(tensors, optimizer)));
        assert_eq!(one, many, "{optimizer}");
        assert!(one <= 4, "{optimizer}: {one}");
    }
}
