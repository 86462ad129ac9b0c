//! Random well-typed programs: models of a few lines over whatever the language has, with parameters,
//! drawn by proptest. Values and gradients agree between the graph as it is built, the simplified graph,
//! kernels with and without fusion, loops and native code; gradients agree with finite differences.
//!
//! `cargo test --test random_programs` tries some; many more are tried by
//!
//! ```sh
//! EGRET_CASES=2000 cargo test --test random_programs -- --ignored
//! ```

use std::rc::Rc;

use egret::algebra::tensor::Tensor;
use egret::algebra::types::DType;
use egret::graph::{self, Graph, Graphs, Role};
use egret::pipeline::{Options, Program};
use egret::run::machine::{Machine, Memory};
use egret::{kernel, loops, native};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

/// A size: of the batch, or a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Size {
    Rows,
    Of(usize),
}

/// A value that has a name.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    shape: Vec<Size>,
}

/// Writes a model, line by line, by a list of choices.
struct Writer<'c> {
    choices: std::slice::Iter<'c, u32>,
    params: Vec<String>,
    lines: Vec<String>,
    values: Vec<Named>,
}

const ROWS: usize = 3;

/// Smooth and bounded enough that no value overflows in a dozen lines.
const UNARY: [&str; 22] = [
    "tanh(@)",
    "sigmoid(@)",
    "relu(@)",
    "gelu(@)",
    "softplus(@)",
    "sin(@)",
    "cos(2 * @)",
    "@^2 / (1 + abs(@))",
    "sqrt(@^2 + 1)",
    "log(@^2 + 0.5)",
    "-@",
    "@ / (1 + @^2)",
    "where(@ > 0.3, @, 0.5 * @)",
    "clamp(@, -1, 1)",
    "abs(@)",
    "exp(-abs(@))",
    "stop_gradient(@) * @",
    "erf(@)",
    "max(@, 0.25)",
    "0.7 * @ - 0.2",
    "dropout[0.3](@)",
    "expm1(tanh(@))",
];
const BINARY: [&str; 8] = [
    "@ + #",
    "@ - #",
    "@ * tanh(#)",
    "@ / (1 + #^2)",
    "max(@, #)",
    "min(@, #)",
    "where(@ > #, @, # * @)",
    "sigmoid(@) * #",
];
const ALONG_LAST: [&str; 6] = [
    "softmax(@)",
    "log_softmax(@)",
    "cumsum(@)",
    "flip(@, -1)",
    "@ - mean(@, axis = -1, keep = true)",
    "@ / (1 + max(@, axis = -1, keep = true)^2)",
];
const REDUCE: [&str; 5] = ["sum", "mean", "max", "min", "var"];

impl Writer<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.choices.next().map_or(0, |choice| *choice as usize % n)
    }

    fn any(&mut self) -> Named {
        // Newer values more often: programs get deep.
        let n = self.values.len();
        let back = self.below(n).min(self.below(n));
        self.values[n - 1 - back].clone()
    }

    fn bind(&mut self, shape: Vec<Size>, text: String) {
        let name = format!("v{}", self.values.len());
        self.lines.push(format!("  let {name} = {text}"));
        self.values.push(Named { name, shape });
    }

    fn param(&mut self, shape: &[Size]) -> String {
        let name = format!("p{}", self.params.len());
        self.params.push(format!("  param {name}: {} = random.normal(0.1, 0.7)", real(shape)));
        name
    }

    /// One more line, if what is chosen fits.
    fn line(&mut self) -> Option<()> {
        let a = self.any();
        let (name, rank) = (a.name.clone(), a.shape.len());
        match self.below(14) {
            0..=2 => {
                let text = UNARY[self.below(UNARY.len())].replace('@', &name);
                self.bind(a.shape, text);
            }
            3 | 4 => {
                let like: Vec<Named> =
                    self.values.iter().filter(|b| joint(&a.shape, &b.shape).is_some()).cloned().collect();
                let b = like[self.below(like.len())].clone();
                let text = BINARY[self.below(BINARY.len())].replace('@', &name).replace('#', &b.name);
                self.bind(joint(&a.shape, &b.shape)?, text);
            }
            5 => {
                let shape: Vec<Size> = a.shape[self.below(rank + 1)..].to_vec();
                if shape.contains(&Size::Rows) {
                    return None;
                }
                let p = self.param(&shape);
                self.bind(a.shape, format!("{name} * {p}"));
            }
            6 => {
                let Size::Of(n) = *a.shape.last()? else { return None };
                let m = self.below(4) + 1;
                let p = self.param(&[Size::Of(n), Size::Of(m)]);
                let mut shape = a.shape[..rank - 1].to_vec();
                shape.push(Size::Of(m));
                self.bind(shape, format!("{name} @ {p}"));
            }
            7 => {
                let axis = self.below(rank.max(1));
                let keep = self.below(2) == 1;
                let mut shape = a.shape.clone();
                match (keep, axis < rank) {
                    (_, false) => return None,
                    (true, _) => shape[axis] = Size::Of(1),
                    (false, _) => _ = shape.remove(axis),
                }
                let how = REDUCE[self.below(REDUCE.len())];
                self.bind(shape, format!("{how}({name}, axis = {axis}, keep = {keep})"));
            }
            8 => {
                let Size::Of(_) = *a.shape.last()? else { return None };
                let text = ALONG_LAST[self.below(ALONG_LAST.len())].replace('@', &name);
                self.bind(a.shape, text);
            }
            9 => {
                if rank < 2 {
                    return None;
                }
                let mut shape = a.shape.clone();
                shape.swap(rank - 1, rank - 2);
                self.bind(shape, format!("transpose({name})"));
            }
            10 => self.view(&a)?,
            11 => self.join(&a)?,
            12 => {
                // A product with its own transpose.
                if rank < 2 {
                    return None;
                }
                let mut shape = a.shape.clone();
                shape[rank - 1] = shape[rank - 2];
                self.bind(shape, format!("{name} @ transpose({name}) / 4"));
            }
            _ => {
                let Size::Of(n) = *a.shape.last()? else { return None };
                let layer = ["layernorm", "rmsnorm"][self.below(2)];
                let k = self.params.len();
                self.params.push(format!("  layer l{k} = {layer}[{n}]"));
                self.bind(a.shape, format!("l{k}({name})"));
            }
        }
        Some(())
    }

    fn view(&mut self, a: &Named) -> Option<()> {
        let Size::Of(n) = *a.shape.last()? else { return None };
        let rank = a.shape.len();
        let with_last = |m: usize| [&a.shape[..rank - 1], &[Size::Of(m)]].concat();
        let name = &a.name;
        match self.below(6) {
            0 if n > 1 => {
                let from = self.below(n - 1);
                self.bind(with_last(n - from), format!("{name}[.., {from}:]"));
            }
            1 if n > 2 => self.bind(with_last(n.div_ceil(2)), format!("{name}[.., ::2]")),
            2 => {
                let (before, after) = (self.below(3), self.below(3));
                self.bind(
                    with_last(n + before + after),
                    format!("pad({name}, -1, before = {before}, after = {after}, value = 0.5)"),
                );
            }
            3 => {
                let shape = [&a.shape[..], &[Size::Of(1)]].concat();
                self.bind(shape, format!("expand({name}, -1)"));
            }
            4 if n == 1 => self.bind(a.shape[..rank - 1].to_vec(), format!("squeeze({name}, -1)")),
            5 => {
                let m = self.below(4) + 1;
                let at: Vec<String> = (0..m).map(|_| self.below(n).to_string()).collect();
                self.bind(with_last(m), format!("take({name}, [{}], axis = -1)", at.join(", ")));
            }
            _ => return None,
        }
        Some(())
    }

    fn join(&mut self, a: &Named) -> Option<()> {
        let like: Vec<Named> = self.values.iter().filter(|b| b.shape == a.shape).cloned().collect();
        let b = like[self.below(like.len())].clone();
        let axis = self.below(a.shape.len().max(1));
        let mut shape = a.shape.clone();
        match self.below(2) {
            0 => {
                let Size::Of(n) = *shape.get(axis)? else { return None };
                shape[axis] = Size::Of(2 * n);
                self.bind(shape, format!("concat({}, {}, axis = {axis})", a.name, b.name));
            }
            _ if shape.len() < 4 => {
                shape.insert(axis, Size::Of(2));
                self.bind(shape, format!("stack({}, {}, axis = {axis})", a.name, b.name));
            }
            _ => return None,
        }
        Some(())
    }
}

fn real(shape: &[Size]) -> String {
    let sizes: Vec<String> = shape
        .iter()
        .map(|size| match size {
            Size::Rows => "B".to_owned(),
            Size::Of(n) => n.to_string(),
        })
        .collect();
    if sizes.is_empty() { "real".to_owned() } else { format!("real[{}]", sizes.join(", ")) }
}

/// The shape that two broadcast to.
fn joint(a: &[Size], b: &[Size]) -> Option<Vec<Size>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[Size], k: usize| (k + shape.len()).checked_sub(rank).map_or(Size::Of(1), |k| shape[k]);
    let axis = |k| match (at(a, k), at(b, k)) {
        (a, b) if a == b || b == Size::Of(1) => Some(a),
        (Size::Of(1), b) => Some(b),
        _ => None,
    };
    (0..rank).map(axis).collect()
}

/// The script that choices make: a model of all values, trained for a step by plain gradient descent.
fn script(choices: &[u32]) -> String {
    let mut writer =
        Writer { choices: choices.iter(), params: Vec::new(), lines: Vec::new(), values: Vec::new() };
    writer.values.push(Named { name: "x".to_owned(), shape: vec![Size::Rows, Size::Of(3)] });
    writer.bind(vec![Size::Rows, Size::Of(3)], "x * first".to_owned());
    while writer.choices.len() > 0 {
        let _ = writer.line();
    }
    let Writer { params, lines, values, .. } = writer;
    let last =
        values[1..].iter().map(|value| format!("mean({} * {})", value.name, 0.5 + value.shape.len() as f64));
    let sum = last.collect::<Vec<_>>().join(" + ");
    format!(
        "data d = synthetic(rows = {ROWS}, seed = 3) {{\n  x = random.normal[rows, 3]()\n}}\n\
         model m(x: real[B, 3]) -> real {{\n  param first: real[3] = random.normal(1, 0.2)\n{}{}  {sum}\n}}\n\
         let fit = train m on d {{\n  loss = m(x)\n  optimizer = sgd(lr = 1)\n  batch = full\n  steps = 1\n}}\n",
        params.iter().map(|line| format!("{line}\n")).collect::<String>(),
        lines.iter().map(|line| format!("{line}\n")).collect::<String>(),
    )
}

fn program(source: &str, real: DType) -> Result<Program, TestCaseError> {
    let options = Options { real: Some(real), ..Options::default() };
    Program::compile("random.eg", source, options).map_err(|report| fail(&report.render(false), source))
}

fn fail(what: &str, source: &str) -> TestCaseError {
    TestCaseError::fail(format!("{what}\n{source}"))
}

/// Inputs of a program: parameters and data as they could be.
fn inputs(graph: &Graph) -> Vec<Tensor> {
    let value = |(k, input): (usize, &graph::Input)| {
        let ty = graph.nodes[input.value.0 as usize].ty.clone();
        match input.role {
            Role::Key => Tensor::new(ty, vec![5.0, 9.0]),
            Role::Step | Role::Cell(_) => Tensor::new(ty, vec![1.0]),
            Role::Total => Tensor::new(ty, vec![1.0]),
            Role::Params | Role::Initial => Tensor::sample(ty, 17),
            _ => Tensor::sample(ty, k as u64 + 1),
        }
    };
    graph.inputs.iter().enumerate().map(value).collect()
}

/// The outputs of each program in each way to run it.
fn agree(source: &str, real: DType, tolerance: f64) -> Result<(), TestCaseError> {
    let program = program(source, real)?;
    let error = |report: egret::pipeline::Report| fail(&report.render(false), source);
    let (plain, graphs) = (program.plain_graphs().map_err(error)?, program.graphs().map_err(error)?);
    let (apart, fused) = (kernel::apart(graphs), program.kernels().map_err(error)?);
    let loops = Rc::new(program.loops().map_err(error)?.clone());
    let unfused = Rc::new(loops::lower(&apart));
    let slow = native::compile(&unfused);
    let native = program.native().map_err(error)?;
    for (index, graph) in graphs.programs.iter().enumerate() {
        let given = inputs(graph);
        let want = graph::eval::run(graph, &given);
        let flat: Vec<Vec<f64>> = given.iter().map(|tensor| tensor.data.clone()).collect();
        let (one, many) =
            (kernel::run(&fused.programs[index], &flat), kernel::run(&apart.programs[index], &flat));
        let before = graph::eval::run(&plain.programs[index], &like(&plain.programs[index], graph, &given));
        let machines = [
            ("native code", run(Machine::new(native, &loops, index), &given)),
            ("loops", run(Machine::interpreter(&loops, index), &given)),
            ("native code without fusion", run(Machine::new(&slow, &unfused, index), &given)),
            ("loops without fusion", run(Machine::interpreter(&unfused, index), &given)),
        ];
        for (k, want) in want.iter().enumerate() {
            let name =
                |engine: &str| format!("{engine}, output `{}` of `{}`", graph.outputs[k].name, graph.name);
            let near = |engine: &str, have: &[f64]| near(&name(engine), have, &want.data, tolerance, source);
            near("the graph as built", &before[k].data)?;
            near("kernels", one.get(fused.programs[index].outputs[k].buffer, want.data.len()))?;
            near(
                "kernels without fusion",
                many.get(apart.programs[index].outputs[k].buffer, want.data.len()),
            )?;
            for (engine, machine) in &machines {
                near(engine, &machine.read(k))?;
            }
        }
    }
    Ok(())
}

/// The inputs of a graph by those of its simplified form; what that has no use for is anything.
fn like(plain: &Graph, simple: &Graph, given: &[Tensor]) -> Vec<Tensor> {
    let pairs = plain.inputs.iter().zip(inputs(plain));
    let same = |role: &Role| simple.inputs.iter().position(|input| input.role == *role);
    pairs.map(|(input, any)| same(&input.role).map_or(any, |k| given[k].clone())).collect()
}

fn run(machine: Result<Machine, egret::run::machine::OutOfMemory>, given: &[Tensor]) -> Machine {
    let mut machine = machine.expect("there is memory");
    for (input, tensor) in given.iter().enumerate() {
        let memory = Memory::new(tensor.ty.dtype, tensor.data.len()).expect("there is memory");
        memory.set_f64(&tensor.data);
        machine.bind(input, &memory);
    }
    machine.run(native::Phase::Whole);
    machine
}

fn near(what: &str, have: &[f64], want: &[f64], tolerance: f64, source: &str) -> Result<(), TestCaseError> {
    let scale = want.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    // NaN is near to nothing.
    let is_near = |(have, want): (&f64, &f64)| (have - want).abs() <= tolerance * scale;
    match have.iter().zip(want).position(|pair| !is_near(pair)) {
        Some(k) => Err(fail(&format!("{what}: element {k} is {}, not {}", have[k], want[k]), source)),
        None if have.len() != want.len() => Err(fail(&format!("{what} has another length"), source)),
        None => Ok(()),
    }
}

/// The derivative along a direction, as the step has it and by differences of the loss. A kink may lie
/// between two points that are compared: one of three distances has to agree.
fn gradient_is_right(source: &str) -> Result<(), TestCaseError> {
    let program = program(source, DType::F64)?;
    let graphs = program.graphs().map_err(|report| fail(&report.render(false), source))?;
    let step = named(graphs, "fit.step");
    let given = inputs(step);
    let at = step.inputs.iter().position(|input| input.role == Role::Params).expect("parameters");
    let outputs = graph::eval::run(step, &given);
    let moved = step.outputs.iter().position(|output| output.name == "params").expect("they are moved");
    let before = &given[at];
    let direction = Tensor::sample(before.ty.clone(), 23).data;
    let slope = |(k, by): (usize, &f64)| (before.data[k] - outputs[moved].data[k]) * by;
    let ours: f64 = direction.iter().enumerate().map(slope).sum();
    let loss = |h: f64| {
        let mut given = given.clone();
        given[at].data.iter_mut().zip(&direction).for_each(|(w, by)| *w += h * by);
        graph::eval::run(step, &given)[0].data[0]
    };
    let differences = [1e-5, 1e-6, 3e-7].map(|h| (loss(h) - loss(-h)) / (2.0 * h));
    let scale = ours.abs().max(loss(0.0).abs()).max(1.0);
    if source.contains("stop_gradient")
        || differences.iter().any(|theirs| (ours - theirs).abs() <= 1e-6 * scale)
    {
        return Ok(());
    }
    Err(fail(&format!("the derivative is {ours}, differences give {differences:?}"), source))
}

fn named<'g>(graphs: &'g Graphs, name: &str) -> &'g Graph {
    graphs.programs.iter().find(|graph| graph.name == name).expect("there is such a program")
}

fn check(choices: &[u32]) -> Result<(), TestCaseError> {
    let source = script(choices);
    agree(&source, DType::F64, 1e-9)?;
    agree(&source, DType::F32, 5e-4)?;
    gradient_is_right(&source)
}

fn choices(most: usize) -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(0u32..5040, 4..most)
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        rng_algorithm: prop::test_runner::RngAlgorithm::ChaCha,
        ..Config::default()
    }
}

#[test]
fn programs_agree_in_all_ways_to_run_them() {
    let mut runner = prop::test_runner::TestRunner::new_with_rng(
        config(24),
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    runner.run(&choices(60), |choices| check(&choices)).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
#[ignore = "takes as long as one lets it: EGRET_CASES says how many programs"]
fn many_programs_agree_in_all_ways_to_run_them() {
    let cases = std::env::var("EGRET_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(500);
    let mut runner = prop::test_runner::TestRunner::new(config(cases));
    runner.run(&choices(120), |choices| check(&choices)).unwrap_or_else(|error| panic!("{error}"));
}
