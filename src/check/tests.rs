//! Scripts through the checker.

use crate::algebra::types::{DType, Type};
use crate::ast::{self, Script};
use crate::diag::{Code, Diagnostic};
use crate::pipeline::LIBRARY;
use crate::source::Sources;

use super::{Parsed, check};
use crate::data::sources::csv::{PATH, TARGET};
use crate::data::{Catalog, FileSource, Schema};
use crate::typed::Program;

static NO_FILE: Code = Code { name: "missing-file", explain: "" };

/// Files that exist in tests: `d.csv` and `small.csv` with 4 features and class numbers, `r.csv` with reals.
struct Files;

impl Catalog for Files {
    fn schema(&self, source: &FileSource, real: DType) -> Result<Schema, Diagnostic> {
        let path = source.arguments().text(&PATH).unwrap_or_default();
        let y = match path {
            "d.csv" | "small.csv" => Type::scalar(DType::I32),
            "r.csv" => Type::scalar(real),
            _ => return Err(Diagnostic::error(&NO_FILE, format!("no file `{path}`"))),
        };
        if source.arguments().text(&TARGET).is_some_and(|target| target != "y") {
            return Err(Diagnostic::error(&super::errors::UNKNOWN_COLUMN, "no such column"));
        }
        let columns = vec![("x".to_string(), Type::of(real, &[4])), ("y".to_string(), y)];
        let rows = if path == "small.csv" { 10 } else { 150 };
        Ok(Schema { columns, rows, ..Schema::default() })
    }
}

fn parse(sources: &mut Sources, name: &str, text: &str) -> (Script, Vec<Diagnostic>) {
    let file = sources.add(name, text);
    ast::parse(file, text)
}

fn run(text: &str) -> (Program, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::default();
    let (script, mut all) = parse(&mut sources, "test.eg", text);
    let library: Vec<Script> = LIBRARY
        .iter()
        .map(|(name, text)| {
            let (script, found) = parse(&mut sources, name, text);
            all.extend(found);
            script
        })
        .collect();
    let (program, found) = check(Parsed {
        script: &script,
        library: &library,
        sources: &sources,
        catalog: &Files,
        real: DType::F32,
    });
    all.extend(found);
    (program, all, sources)
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
    assert!(text.contains("model dense[I, O, ..1](x: f32[..1, I]) -> f32[..1, O]"), "{text}");
    assert!(text.contains("layer hidden = dense[I = 4, O = 16]"), "{text}");
    assert!(text.contains("train fit = net[rows] on d.train"), "{text}");
    assert!(text.contains("|> eg_scale("), "{text}");
    assert!(text.contains("print \"test accuracy \", fit.accuracy .3"), "{text}");
}

/// What the body of a function `f` becomes; it is called with the arguments given.
fn body(function: &str, call: &str) -> String {
    let text = ok(&format!("{function}\nlet used = {call}\n"));
    let from = text.find("fn f").unwrap_or_default();
    let lines = text[from..].lines().skip(1).take_while(|line| !line.is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join("; ")
}

#[test]
fn operators() {
    let f = |body_text: &str| {
        body(&format!("fn f(x: real[N], k: i32) -> real[N] = {body_text}"), "f([1.0, 2.0], 3)")
    };
    assert_eq!(f("x + 1"), "return add(x, 1) : f32[N]");
    assert_eq!(f("x * k"), "return mul(x, broadcast[N](cast(k) [f32]) [axes = ()]) : f32[N]");
    assert_eq!(f("x * (1 / 2)"), "return mul(x, 0.5) : f32[N]");
    assert_eq!(f("x^2"), "return mul(x, x) : f32[N]");
    assert_eq!(f("x^-1"), "return div(1, x) : f32[N]");
    assert_eq!(f("(x + 1)^3"), "base = add(x, 1) : f32[N]; return mul(mul(base, base), base) : f32[N]");
    assert_eq!(f("x^0.5"), "return pow(x, 0.5) : f32[N]");
    assert_eq!(f("x div 2 + x % 2"), "return add(floor_div(x, 2), rem(x, 2)) : f32[N]");
    assert_eq!(f("x * (7 div 2)"), "return mul(x, 3) : f32[N]");
    assert_eq!(f("x / (N + 1)"), "return div(x, size(N + 1)) : f32[N]");
    assert_eq!(f("-x |> relu"), "return relu[N](neg(x)) : f32[N]");
    assert_eq!(
        f("where(x >= 0 and not (k == 2), x, 0)"),
        "return select(and(le(0, x), broadcast[N](not(eq(k, 2))) [axes = ()]), x, 0) : f32[N]"
    );
    assert_eq!(f("x * -2"), "return mul(x, -2) : f32[N]");
    assert_eq!(
        f("{\n let y: real[N] = x + 1\n y * y\n}"),
        "y = add(x, 1) : f32[N]; return mul(y, y) : f32[N]"
    );
}

#[test]
fn builtins() {
    let f = |result: &str, body_text: &str| {
        let text = body(&format!("fn f(x: real[N, 3]) -> {result} = {body_text}"), "f([[1.0, 2.0, 3.0]])");
        text.trim_start_matches("return ").to_string()
    };
    assert_eq!(f("real", "sum(x)"), "reduce(x) [sum, axes = (0, 1)] : f32[]");
    assert_eq!(f("real[3]", "mean(x, axis = 0)"), "div(reduce(x) [sum, axes = 0], size(N)) : f32[3]");
    assert_eq!(
        f("real", "mean(x > 0)"),
        "div(reduce(cast(lt(0, x)) [f32]) [sum, axes = (0, 1)], size(3 * N)) : f32[]"
    );
    assert_eq!(
        f("real[N, 1]", "max(x, axis = -1, keep = true)"),
        "broadcast[N, 1](reduce(x) [max, axes = 1]) [axes = 0] : f32[N, 1]"
    );
    assert_eq!(f("real[N, 3]", "max(x, 0)"), "max(x, 0) : f32[N, 3]");
    assert_eq!(f("real[N, 3]", "clamp(x, 0, 1)"), "min(max(x, 0), 1) : f32[N, 3]");
    assert_eq!(f("bool", "any(x > 0)"), "reduce(lt(0, x)) [max, axes = (0, 1)] : bool[]");
    assert_eq!(f("real[3, N]", "transpose(x)"), "transpose[3, N](x) [axes = (1, 0)] : f32[3, N]");
    assert_eq!(f("real[3 * N]", "reshape[3 * N](x)"), "reshape[3 * N](x) : f32[3 * N]");
    assert_eq!(
        f("real[3]", "x[0]"),
        "reshape[3](slice[1, 3](x) [axis = 0, start = 0, step = 1, count = 1]) : f32[3]"
    );
    assert_eq!(
        f("real[N, N]", "x @ transpose(x)"),
        "contract(x, transpose[3, N](x) [axes = (1, 0)]) [ij, jk -> ik] : f32[N, N]"
    );
    assert_eq!(f("real[N]", "x @ [1, 2.5, 3]"), "contract(x, concat(1, 2.5, 3)) [ij, j -> i] : f32[N]");
    assert_eq!(f("i32[N, 3]", "i32(x)"), "cast(x) [i32] : i32[N, 3]");
    assert_eq!(f("real[2, N]", "random.uniform()"), "random[2, N](key) [site = 0] : f32[2, N]");
    assert_eq!(
        f("real[4]", "random.uniform[4](-1, 1)"),
        "add(mul(random[4](key) [site = 0], 2), -1) : f32[4]"
    );
    assert!(f("real[4]", "random.normal[4]()").contains("[site = 1]"));
    assert_eq!(
        f("real[N, 3, 5]", "one_hot[5](i32(x))"),
        "cast(eq(broadcast[N, 3, 5](class[5](cast(x) [i32])) [axes = (0, 1)], broadcast[N, 3, 5](iota[5]()) [axes = 2])) [f32] : f32[N, 3, 5]"
    );
    let argmax = f("i32[N]", "argmax(x)");
    assert!(argmax.starts_with("reduce(select(") && argmax.contains("eq(x, "), "{argmax}");
}

#[test]
fn statics_choose_instances() {
    let text = ok(
        "fn twice[f: fn](x: real[..]) -> real[..] = f(f(x))\nlet a = twice[tanh]([1.0])\nlet b = twice[relu](2.0)\n",
    );
    assert!(text.contains("fn twice[tanh][..1](x: f32[..1]) -> f32[..1]\n  return tanh(tanh(x))"), "{text}");
    assert!(text.contains("fn twice[relu](x: f32[]) -> f32[]"), "{text}");
    let text = ok(
        "fn scaled[p: number](x: real[N]) -> real[N] = p * x\nlet a = scaled[0.5]([1.0])\nlet b = scaled[2]([1.0])\n",
    );
    assert!(
        text.contains("fn scaled[0.5][N](x: f32[N])") && text.contains("fn scaled[2][N](x: f32[N])"),
        "{text}"
    );
}

#[test]
fn sizes_of_layers_are_completed_from_calls() {
    let text = ok(
        "data d = csv(\"r.csv\", target = \"y\")\nmodel scale(x: real[.., I]) -> real[.., I] {\n param w: real[I] = 1\n x * w\n}\nmodel m(x: real[B, F]) -> real[B] {\n layer s = scale\n layer out = dense[F, 1]\n sum(x |> s |> out, axis = 1)\n}\ntrain m on d {\n loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 0.1)\n steps = 3\n batch = full\n}",
    );
    assert!(text.contains("layer s = scale[I = F]"), "{text}");
    assert!(text.contains("train fit = m[rows, 4] on d\n"), "{text}");
    assert!(text.contains("batch = 150, steps = 3, shuffle = false, seed = 0"), "{text}");
}

#[test]
fn stage_scalars_stay_double() {
    let text = ok("stage s(rate = 1) {\n state n: scalar[tensor] = 0\n n <- n + norm[tensor](u)\n rate * u / (sqrt(n) + t)\n}\ndata d = csv(\"r.csv\", target = \"y\")\nmodel m(x: real[B, 4]) -> real[B] {\n param w: real[4] = 0\n x @ w\n}\ntrain m on d {\n loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 0.1) |> s |> s(rate = 1 / sqrt(t))\n steps = 3\n}").replace("\n  ", "\n");
    assert!(
        text.contains("n <- add(n, { a = cast(u) [f64]; sqrt(sum[tensor](mul(a, a))) }) : f64[tensors]"),
        "{text}"
    );
    assert!(
        text.contains("broadcast[tensor](cast(add(sqrt(n), broadcast[tensors](t) [axes = ()])) [f32])"),
        "{text}"
    );
    assert!(text.contains("|> s_2 = s(rate = div(1, sqrt(t)))"), "{text}");
}

#[test]
fn several_errors_in_one_run() {
    let (_, found, _) =
        run("let a = b + 1\nlet c = a * 2\nfn f(x: real[N]) -> real[N] = x + y\nprint \"{1 / 2}\"");
    let codes: Vec<&str> = found.iter().map(|found| found.code.name).collect();
    assert_eq!(codes, ["unknown-name", "unknown-name", "int-division"]);
}

#[test]
fn deep_trees_do_not_exhaust_the_stack() {
    let sum = format!("let a = {}1.0{}", "(".repeat(120), " + tanh(2.0))".repeat(120));
    ok(&sum);
    let calls = format!("let a = {}1.0{}", "tanh(".repeat(200), ")".repeat(200));
    ok(&calls);
}

/// Every error has its code; the first argument is the code, the second a script with that mistake.
fn mistakes() -> Vec<(&'static str, String)> {
    let model = "model m(x: real[B, 4]) -> real[B] {\n  param w: real[4] = 0\n  x @ w\n}\n";
    let data = "data d = csv(\"r.csv\", target = \"y\", test = 0.2)\n";
    let good = "loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 0.1)\n epochs = 2\n";
    let train = |settings: &str| format!("{data}{model}let fit = train m on d.train {{\n {settings} }}\n");
    let stage = |body: &str| format!("stage s(lr = 1, way = a | b) {{\n{body}\n}}\n");
    let wrap = |body: &str| format!("wrap stage s(lr = 1)(inner) {{\n{body}\n}}\n");
    let fit = train(good);
    vec![
        ("unknown-name", "print \"{m}\"".into()),
        ("unknown-name", "fn f(x: real[N]) -> real[N] = x |> tahn".into()),
        ("unknown-type", "fn f(x: float[N]) -> real[N] = x".into()),
        ("shape-mismatch", "fn f(x: real[N], y: real[M]) -> real[N] = x + y".into()),
        ("shape-mismatch", "fn f(x: real[N, K], y: real[M]) -> real[N] = x @ y".into()),
        ("shape-mismatch", "model m(x: real[B, 64]) -> real[B, 10] {\n layer out = dense[32, 10]\n x |> out\n}".into()),
        ("shape-mismatch", "fn f(x: real[N]) -> real[2 * N] = x".into()),
        ("shape-mismatch", "fn f(x: real[N]) -> real = sum(x, axis = 2)".into()),
        ("shape-mismatch", "fn f(x: real[N, 3]) -> real[4, N] = reshape[4, N](x)".into()),
        ("type-mismatch", "fn f(x: real[N]) -> real[N] = (x > 0) + 1".into()),
        ("type-mismatch", "fn f(x: f64[N], y: f32[N]) -> f64[N] = x + y".into()),
        ("wrong-argument", "fn f(x: real[N]) -> real = mean(x, axes = 0)".into()),
        ("wrong-argument", "fn f(x: real[N]) -> real[N] = tanh(x, x)".into()),
        ("wrong-argument", "fn g(x: real, y: real) -> real = x + y\nlet a = g(1)".into()),
        ("wrong-argument", train("loss = mean((m(x) - y)^2)\n optimizer = sgd\n epochs = 2\n")),
        ("wrong-argument", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(rl = 1)\n epochs = 2\n")),
        ("wrong-static", "model m(x: real[B, 64]) -> real[B, 10] {\n layer out = dense[64]\n x |> out\n}".into()),
        ("int-division", "let half = 7 / 2".into()),
        ("int-division", "fn f(n: i32) -> real = n / 2".into()),
        ("not-a-value", "print \"{tanh}\"".into()),
        ("not-a-value", format!("{fit}print \"{{fit}}\"")),
        ("not-a-function", "let n = 3\nlet b = n(2)".into()),
        ("not-a-model", "model m(x: real[B]) -> real[B] {\n layer a = relu\n a(x)\n}".into()),
        ("not-a-size", "fn f(x: real[N]) -> real[N] = iota[x]".into()),
        ("not-a-size", "let a = iota[0]()".into()),
        ("not-a-size", "fn f(x: real[N]) -> real[N - 5] = iota[N - 5]\nlet a = f([1.0])".into()),
        ("not-constant", "fn f(x: real[N], k: i32) -> real = sum(x, axis = k)".into()),
        ("not-a-stage", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 1) |> tanh\n epochs = 2\n")),
        ("not-a-fit", format!("{fit}save m to \"m\"")),
        ("not-data", format!("{model}let fit = train m on m {{\n {good} }}")),
        ("not-text", format!("{fit}save fit to \"{{fit.loss}}\"")),
        ("not-supported", "fn f(x: bf16[N]) -> real = 1".into()),
        ("size-unknown", "let w = glorot_uniform()".into()),
        ("rest-unknown", "fn f(x: real[N]) -> real[.., N] = x".into()),
        ("duplicate-name", "let a = 1\nlet a = 2".into()),
        ("duplicate-name", "fn f(x: real) -> real {\n let x = 1\n x\n}".into()),
        ("recursion", "fn f(x: real) -> real = g(x)\nfn g(x: real) -> real = f(x)".into()),
        ("recursion", "fn f(x: real[..]) -> real[..] = sum(f([x, x]), axis = 0)".into()),
        ("param-init", "model m(x: real[4]) -> real[4] {\n param w: real[4] = x\n w * x\n}".into()),
        ("param-rows", "data d = csv(\"r.csv\", target = \"y\")\nmodel m(x: real[B, 4]) -> real[B] {\n param w: real[B] = 0\n w * sum(x, axis = 1)\n}\ntrain m on d {\n loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 0.1)\n epochs = 2\n }".into()),
        ("model-without-instance", "fn f(x: real[B, 4]) -> real[B, 3] = x |> dense[4, 3]".into()),
        ("model-sizes", "model scale(x: real[.., I]) -> real[.., I] {\n param w: real[I] = 1\n x * w\n}\nmodel m(x: real[B, 4], y: real[B, 5]) -> real[B] {\n layer l = scale\n sum(l(x), axis = 1) + sum(l(y), axis = 1)\n}".into()),
        ("unused-layer", "model m(x: real[B, 4]) -> real[B, 4] {\n layer l = dense[4, 4]\n x\n}".into()),
        ("stage-extent", stage("state n: vector[3] = 1\nn <- n * 2\nn * u")),
        ("stage-extent", stage("state n: scalar[row] = 1\nn <- u\nn * u")),
        ("stage-extent", stage("state n: vector[3] = 1\nn <- 2 * n\nlr * u * norm[model](n)")),
        ("stage-extent", stage("state n: scalar[model] = 1\nn <- u\nlr * u")),
        ("state-never-assigned", stage("state n = 1\nlr * n * u")),
        ("inner-once", wrap("w - inner(w) - inner(w)")),
        ("inner-once", wrap("w - lr * g")),
        ("inner-once", wrap("let d = {\n let z = 2 * w\n inner(z)\n}\nw - d")),
        ("unknown-name", wrap("w - inner(w) + u")),
        ("not-a-value", wrap("w - inner")),
        ("wrong-argument", wrap("w - inner()")),
        ("eval-point", stage("eval w = w - u\nlr * u")),
        ("eval-point", stage("let next = w - lr * u\neval w = next\nlr * u")),
        ("eval-point", wrap("eval w = inner(w)\nw")),
        ("eval-twice", stage("eval w = w0\neval w = w\nlr * u")),
        ("eval-twice", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 1) |> lookahead |> weight_ema\n epochs = 2\n")),
        ("not-a-state", stage("u <- 2 * u\nlr * u")),
        ("unknown-word", stage("lr * u / norm[matrix](u)")),
        ("unknown-word", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 1) |> eg_scale(over = matrix)\n epochs = 2\n")),
        ("match-arms", stage("match way { a => lr * u }")),
        ("pipeline-no-learning-rate", train("loss = mean((m(x) - y)^2)\n optimizer = momentum\n epochs = 2\n")),
        ("pipeline-gain-cancelled", train("loss = mean((m(x) - y)^2)\n optimizer = eg_gain |> adam\n epochs = 2\n")),
        ("pipeline-clip-undone", train("loss = mean((m(x) - y)^2)\n optimizer = adam |> clip_norm |> eg_scale\n epochs = 2\n")),
        ("hyperparameter-range", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = -1)\n epochs = 2\n")),
        ("pipeline-two-learning-rates", train("loss = mean((m(x) - y)^2)\n optimizer = sgd(lr = 1) |> sgd(lr = 2)\n epochs = 2\n")),
        ("loss-not-scalar", train("loss = (m(x) - y)^2\n optimizer = sgd(lr = 0.1)\n epochs = 2\n")),
        ("loss-without-model", train("loss = mean(y^2)\n optimizer = sgd(lr = 0.1)\n epochs = 2\n")),
        ("metric-not-scalar", train(&format!("{good} metric close = abs(m(x) - y) < 0.1\n"))),
        ("unknown-column", "data d = csv(\"r.csv\", target = \"z\")".into()),
        ("unknown-column", "data d = csv(\"r.csv\", target = \"y\") { z = standardize(z) }".into()),
        ("unknown-field", format!("{fit}print \"{{fit.acuracy}}\"")),
        ("unknown-setting", train(&format!("{good} batchs = 3\n"))),
        ("wrong-setting", train(&format!("{good} steps = 3\n"))),
        ("wrong-setting", train(&format!("{good} batch = 0\n"))),
        ("missing-setting", train("loss = mean((m(x) - y)^2)\n epochs = 2\n")),
        ("batch-too-large", train(&format!("{good} batch = 1000\n"))),
        ("data-source", "data d = tsv(\"d.tsv\")".into()),
        ("data-share", "data d = csv(\"r.csv\", target = \"y\", test = 20)".into()),
        ("split-missing", format!("data d = csv(\"r.csv\", target = \"y\")\n{model}train m on d.test {{\n {good} }}")),
        ("group-no-match", train("loss = mean((m(x) - y)^2)\n optimizer = { \"v\": adam, else: adam }\n epochs = 2\n")),
        ("group-no-match", train("loss = mean((m(x) - y)^2)\n optimizer = { \"w\": adam, else: adam }\n epochs = 2\n")),
        ("group-twice", train("loss = mean((m(x) - y)^2)\n optimizer = { \"w\": adam, \"*\": adam }\n epochs = 2\n")),
        ("group-twice", train("loss = mean((m(x) - y)^2)\n optimizer = { else: adam, else: adam }\n epochs = 2\n")),
        ("group-uncovered", {
            let two = model.replace("param w", "param b: real = 0\n  param w").replace("x @ w", "x @ w + b");
            format!("{data}{two}train m on d {{\n loss = mean((m(x) - y)^2)\n optimizer = {{ \"b\": adam }}\n epochs = 2\n }}")
        }),
        ("missing-file", "data d = csv(\"none.csv\")".into()),
    ]
}

#[test]
fn every_mistake_has_its_code_alone() {
    let mut wrong = String::new();
    for (code, text) in mistakes() {
        let (_, found, sources) = run(&text);
        let codes: Vec<&str> = found.iter().map(|found| found.code.name).collect();
        let placed = found.iter().all(|found| !found.labels.is_empty());
        let helped = found.iter().all(|found| found.help.is_some() || found.code.name == "missing-file");
        let helped = helped || code == "unknown-column";
        if codes != [code] || !placed {
            wrong += &format!(
                "{text}\nexpected {code}, found {codes:?}\n{}\n",
                crate::diag::render(&found, &sources, false)
            );
        }
        if !helped {
            wrong += &format!("{text}\nno help\n{}\n", crate::diag::render(&found, &sources, false));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
