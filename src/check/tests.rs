//! Scripts through the checker.

use crate::algebra::types::{DType, Type};
use crate::ast::{self, Script};
use crate::diag::{Code, Diagnostic};
use crate::source::Sources;

use super::typed::{DataSource, Program};
use super::{Catalog, Schema, check};

static NO_FILE: Code = Code { name: "missing-file", explain: "" };

/// Files that exist in tests: `d.csv` and `small.csv` with 4 features and class numbers, `r.csv` with reals.
struct Files;

impl Catalog for Files {
    fn schema(&self, source: &DataSource, real: DType) -> Result<Schema, Diagnostic> {
        let DataSource::Csv { path, target } = source else {
            return Err(Diagnostic::error(&NO_FILE, "no such file"));
        };
        let y = match path.as_str() {
            "d.csv" | "small.csv" => Type::scalar(DType::I32),
            "r.csv" => Type::scalar(real),
            _ => return Err(Diagnostic::error(&NO_FILE, format!("no file `{path}`"))),
        };
        if target.as_deref().is_some_and(|target| target != "y") {
            return Err(Diagnostic::error(&super::errors::UNKNOWN_COLUMN, "no such column"));
        }
        let columns = vec![("x".to_string(), Type::of(real, &[4])), ("y".to_string(), y)];
        let rows = if path == "small.csv" { 10 } else { 150 };
        Ok(Schema { columns, rows, test_rows: None })
    }
}

fn library() -> Vec<(&'static str, &'static str)> {
    vec![
        ("std/math.eg", include_str!("../std/math.eg")),
        ("std/nn.eg", include_str!("../std/nn.eg")),
        ("std/loss.eg", include_str!("../std/loss.eg")),
        ("std/optim.eg", include_str!("../std/optim.eg")),
    ]
}

fn parse(sources: &mut Sources, name: &str, text: &str) -> Script {
    let file = sources.add(name, text);
    let (script, found) = ast::parse(file, text);
    assert!(found.is_empty(), "{}", crate::diag::render(&found, sources, false));
    script
}

fn run(text: &str) -> (Program, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::default();
    let script = parse(&mut sources, "test.eg", text);
    let library: Vec<Script> =
        library().into_iter().map(|(name, text)| parse(&mut sources, name, text)).collect();
    let (program, found) = check(&script, &library, &Files, DType::F32);
    (program, found, sources)
}

fn ok(text: &str) -> String {
    let (program, found, sources) = run(text);
    assert!(found.is_empty(), "{}", crate::diag::render(&found, &sources, false));
    program.to_string()
}

const IRIS: &str = r#"
data d = csv("d.csv", target = "y", test = 0.2) { x = standardize(x) }

model net(x: real[B, 4]) -> real[B, 3] {
  layer hidden = dense[4, 16]
  layer out    = dense[16, 3]
  x |> hidden |> tanh |> out
}

let fit = train net on d.train {
  loss            = mean(cross_entropy(net(x), y))
  metric accuracy = mean(argmax(net(x), axis = -1) == y)
  optimizer = adam(lr = 1e-2) |> eg_gain |> eg_scale(over = tensor)
  batch     = 32
  epochs    = 20
  validate  = d.test
  seed      = 7
}

print "test accuracy {fit.accuracy:.3} loss {fit.loss}"
plot fit.loss, fit.opt.eg_scale.s to "iris.svg"
save fit to "iris.safetensors"
let test = eval fit on d.test { metric accuracy = mean(argmax(fit(x)) == y) }
assert test.accuracy > 0.9
"#;

#[test]
fn a_whole_script() {
    let text = ok(IRIS);
    println!("{text}");
}
