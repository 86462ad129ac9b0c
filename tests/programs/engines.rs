//! A script in every way to run it, compared with the reference.

use std::rc::Rc;

use egret::algebra::tensor::Tensor;
use egret::algebra::types::{DType, Dim};
use egret::graph::{Graph, Graphs, OutputTarget as Goes, ProgramId, Role};
use egret::loops::Loops;
use egret::native::{CallRange, Native, Pool, Target};
use egret::pipeline::{Options, Program};
use egret::run::machine::{Machine, Memory};
use egret::typed::{self, GlobalId, StatementId, StatementKind};
use egret::{kernel, native};

use super::rng::Rng;
use crate::reference::program::{Eval, Frame, Value};
use crate::reference::tape::Noise;

/// What differs, in words.
pub(crate) type Outcome = Result<(), String>;

/// Runs a script in one precision.
pub(crate) fn agree(source: &str, real: DType, seed: u64, pool: &Rc<Pool>) -> Outcome {
    // Short loops stay loops in most programs.
    let unroll = if seed.is_multiple_of(4) { Options::default().unroll } else { 0 };
    let options = Options { real: Some(real), unroll, ..Options::default() };
    let program = Program::compile("random.eg", source, options).map_err(|report| report.render(false))?;
    let error = |report: egret::pipeline::Report| report.render(false);
    let (typed, graphs) = (program.typed().map_err(error)?, program.graphs().map_err(error)?);
    let apart = kernel::unfused(graphs);
    let kernels = program.kernels().map_err(error)?;
    let loops = Rc::new(program.loops().map_err(error)?.clone());
    // Over three seeds each precision meets each kind of machine.
    let natives =
        natives(program.native().map_err(error)?, &loops, seed + u64::from(real == DType::F32), pool);
    for (index, graph) in graphs.programs.iter().enumerate() {
        let Some(statement) = statement(typed, &graph.name) else { continue };
        let inputs = inputs(graph, seed);
        let question = Question { typed, graphs, statement, graph, inputs: &inputs };
        let Some(want) = Wanted::of(&question) else { continue };
        let check = |engine: &str, have: &[Vec<f64>]| {
            let again = |_| want.with_jumps(&question).check(engine, graph, have);
            want.check(engine, graph, have).or_else(again)
        };
        let flat: Vec<Vec<f64>> = inputs.iter().map(|tensor| tensor.data.clone()).collect();
        for (name, kernels) in [("kernels", kernels), ("kernels without fusion", &apart)] {
            let program = &kernels.programs[index];
            let memory = kernel::run(program, &flat);
            let outputs = program.outputs.iter().zip(&graph.outputs);
            let read = outputs.map(|(output, ty)| {
                memory.get(output.buffer, graph.nodes[ty.value.0 as usize].ty.count()).to_vec()
            });
            check(name, &read.collect::<Vec<_>>())?;
        }
        let interpreted = outputs(Machine::interpreter(&loops, ProgramId(index)), graph, &inputs);
        for (k, (name, native)) in natives.iter().enumerate() {
            let have = outputs(Machine::new(native, &loops, ProgramId(index)), graph, &inputs);
            if k == 0 {
                check(name, &have)?;
            }
            same(&format!("{name} and loops, `{}`", graph.name), &have, &interpreted)?;
        }
    }
    Ok(())
}

/// Native code for this machine, and in turn with several threads and for other kinds of machine that this
/// one can stand in for.
fn natives(host: &Native, loops: &Loops, seed: u64, pool: &Rc<Pool>) -> Vec<(&'static str, Native)> {
    let other = match seed % 3 {
        1 if cfg!(target_arch = "x86_64") => {
            let plain = Target::fixed("x86_64", &[]);
            ("native code without vector extensions", native::compile_for(loops, &plain))
        }
        2 if stands_in_for_avx2() => {
            ("native code for AVX2", native::compile_for(loops, &Target::reference()))
        }
        _ => ("native code in several threads", host.with_pool(pool)),
    };
    vec![("native code", host.clone()), other]
}

#[cfg(target_arch = "x86_64")]
fn stands_in_for_avx2() -> bool {
    is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
fn stands_in_for_avx2() -> bool {
    false
}

/// The statement that a program is made for.
fn statement<'p>(program: &'p typed::Program, name: &str) -> Option<&'p typed::Statement> {
    program.statements.iter().find(|statement| match &statement.kind {
        StatementKind::Let { names, .. } => name.strip_prefix("let.") == Some(names[0].as_str()),
        StatementKind::Train(train) => name.strip_suffix(".step") == Some(train.optimizer.name.as_str()),
        _ => false,
    })
}

/// Inputs of a program: mostly different numbers, sometimes equal ones and zeros.
fn inputs(graph: &Graph, seed: u64) -> Vec<Tensor> {
    let mut rng = Rng(seed ^ 0xdead_beef);
    let ties = rng.below(4) == 0;
    let mut number = || match rng.below(if ties { 4 } else { 1000 }) {
        0 => (rng.below(9) as f64 - 4.0) / 2.0,
        _ => (rng.below(1 << 20) as f64 / f64::from(1 << 18)) - 2.0,
    };
    let value = |input: &egret::graph::Input| {
        let ty = graph.nodes[input.value.0 as usize].ty.clone();
        let data = match input.role {
            Role::Step | Role::Total | Role::Cell(_) => vec![1.0],
            _ => (0..ty.count()).map(|_| number()).collect(),
        };
        Tensor::new(ty, data)
    };
    graph.inputs.iter().map(value).collect()
}

/// What a program runs to.
fn outputs(
    machine: Result<Machine, egret::run::machine::OutOfMemory>,
    graph: &Graph,
    inputs: &[Tensor],
) -> Vec<Vec<f64>> {
    let mut machine = machine.expect("there is memory");
    for (input, tensor) in inputs.iter().enumerate() {
        let memory = Memory::new(tensor.ty.dtype, tensor.data.len()).expect("there is memory");
        memory.set_f64(&tensor.data);
        machine.bind(input, &memory);
    }
    machine.run(CallRange::Whole);
    (0..graph.outputs.len()).map(|output| machine.read(output)).collect()
}

/// What the reference says, by output, if it is compared.
struct Wanted {
    outputs: Vec<Option<WantedOutput>>,
}

/// The values an output may have, each element those of one of them, and how far off a result may be.
#[derive(Clone)]
struct WantedOutput {
    values: Vec<Vec<f64>>,
    tolerance: f64,
}

/// Relative errors that engines may make, by element type: some units in the last place, in each operation.
fn unit(dtype: DType) -> f64 {
    if dtype == DType::F32 { 2.0_f64.powi(-22) } else { 2.0_f64.powi(-50) }
}

/// Magnitude beyond which a program is not compared: products overflow somewhere in single precision.
const LARGEST: f64 = 1e15;

/// A program of a script with its inputs.
#[derive(Clone, Copy)]
struct Question<'p> {
    typed: &'p typed::Program,
    graphs: &'p Graphs,
    statement: &'p typed::Statement,
    graph: &'p Graph,
    inputs: &'p [Tensor],
}

impl Wanted {
    /// Nothing if numbers become too large to compare.
    fn of(question: &Question) -> Option<Wanted> {
        let size = unit(question.typed.real);
        let (exact, greatest) = reference(question, Noise { size: 0.0, seed: 0 });
        if greatest > LARGEST {
            return None;
        }
        let moved = [1, 2, 3].map(|seed| reference(question, Noise { size, seed }).0);
        let outputs = exact.into_iter().enumerate().map(|(k, values)| {
            let values = values?;
            let scale = values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            let apart = |other: &Vec<Option<Vec<f64>>>| {
                let other = other[k].iter().flatten();
                values.iter().zip(other).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()))
            };
            let spread = moved.iter().map(apart).fold(0.0, f64::max);
            let tolerance = 100.0 * spread + 64.0 * size * scale + 1e-30;
            Some(WantedOutput { values: vec![values], tolerance })
        });
        Some(Wanted { outputs: outputs.collect() })
    }

    /// A value near a jump, as of `i32(x)` or `x < y`, is carried over it by rounding in few programs, and by noise
    /// in few evaluations: with many of those, what is on its other side is right too.
    fn with_jumps(&self, question: &Question) -> Wanted {
        let size = 4.0 * unit(question.typed.real);
        let mut outputs = self.outputs.clone();
        for seed in 4..68 {
            let moved = reference(question, Noise { size, seed }).0;
            for (output, moved) in outputs.iter_mut().zip(moved) {
                output.iter_mut().zip(moved).for_each(|(output, moved)| output.values.push(moved));
            }
        }
        Wanted { outputs }
    }

    fn check(&self, engine: &str, graph: &Graph, have: &[Vec<f64>]) -> Outcome {
        for (k, wanted) in self.outputs.iter().enumerate() {
            let Some(WantedOutput { values, tolerance }) = wanted else { continue };
            let name = format!("{engine}, output `{}` of `{}`", graph.outputs[k].name, graph.name);
            let (count, found) = (values[0].len(), have[k].len());
            if found != count {
                return Err(format!("{name}: {found} elements, not {count}"));
            }
            for (at, have) in have[k].iter().enumerate() {
                let want = values[0][at];
                let near = |want: f64| match want.is_finite() {
                    true => (want - have).abs() <= *tolerance,
                    false => !have.is_finite(),
                };
                if want.is_finite() && !values.iter().any(|values| near(values[at])) {
                    return Err(format!("{name}: element {at} is {have}, not {want} within {tolerance:e}"));
                }
            }
        }
        Ok(())
    }
}

/// The outputs of a program, and the greatest magnitude on the way.
fn reference(question: &Question, noise: Noise) -> (Vec<Option<Vec<f64>>>, f64) {
    let Question { typed: program, graphs, statement, graph, inputs } = *question;
    let mut eval = Eval::new(program, noise);
    for (k, other) in program.statements.iter().enumerate() {
        let StatementKind::Let { names, value } = &other.kind else { continue };
        let ids = (0..names.len()).map(|value| GlobalId { statement: StatementId(k), value });
        let input = |id| graph.inputs.iter().position(|input| input.role == Role::Global(id));
        let given: Vec<_> = ids.clone().filter_map(|id| Some((id, input(id)?))).collect();
        for (id, input) in &given {
            let value = eval.given(&inputs[*input].ty, &inputs[*input].data);
            eval.globals.insert(*id, value);
        }
        if given.is_empty() && !std::ptr::eq(other, statement) && names[0].starts_with('a') {
            let values = eval.values(value, &mut Frame::default());
            eval.globals.extend(ids.zip(values));
        }
    }
    let outputs = match &statement.kind {
        StatementKind::Let { value, .. } => {
            let values = eval.values(value, &mut Frame::default());
            values.iter().map(|value| Some(numbers(&eval, value))).collect()
        }
        StatementKind::Train(train) => step(&mut eval, graphs, train, graph, inputs),
        _ => Vec::new(),
    };
    (outputs, eval.tape.greatest)
}

fn numbers(eval: &Eval, value: &Value) -> Vec<f64> {
    value.data.iter().map(|num| eval.tape.value(*num)).collect()
}

/// The loss, and the parameters after one step of plain gradient descent with rate 1.
fn step<'p>(
    eval: &mut Eval<'p>,
    graphs: &Graphs,
    train: &'p typed::Train,
    graph: &Graph,
    inputs: &[Tensor],
) -> Vec<Option<Vec<f64>>> {
    let of = |role: &Role| graph.inputs.iter().position(|input| input.role == *role).map(|k| &inputs[k]);
    let layout = graphs.layouts.values().next().expect("one run");
    let arena = of(&Role::Params).expect("parameters");
    eval.training = true;
    let mut wrt = Vec::new();
    for param in &layout.params {
        let value = eval.given(&param.ty, &arena.data[param.start..param.start + param.ty.count()]);
        wrt.extend(value.data.clone());
        eval.params.insert(param.name.clone(), value);
    }
    let mut frame = Frame::default();
    frame.sizes.insert(train.rows.clone(), Dim::from(train.batch));
    let rows = Tensor::new(
        egret::algebra::types::Type::of(train.locals[0].ty.dtype, &[train.batch]),
        vec![0.0; train.batch],
    );
    let column = of(&Role::Column(0)).unwrap_or(&rows);
    let column = eval.given(&column.ty, &column.data);
    frame.bind(typed::LocalId(0), column);
    let loss = eval.eval(&train.loss, &mut frame);
    let one = eval.tape.leaf(1.0);
    let gradient = eval.gradient(&[(loss.data[0], one)], &wrt);
    let next = wrt.iter().zip(gradient).map(|(w, g)| eval.tape.linear(vec![(*w, 1.0), (g, -1.0)]));
    let next: Vec<f64> = next.collect::<Vec<_>>().into_iter().map(|num| eval.tape.value(num)).collect();
    let output = |output: &egret::graph::Output| match output.target {
        Goes::InPlace(k) if graph.inputs[k].role == Role::Params => Some(next.clone()),
        Goes::Result if output.name == "loss" => Some(numbers(eval, &loss)),
        _ => None,
    };
    graph.outputs.iter().map(output).collect()
}

/// Equal to the bit, with one NaN for all.
fn same(what: &str, a: &[Vec<f64>], b: &[Vec<f64>]) -> Outcome {
    let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        if let Some(at) = a.iter().zip(b).position(|(a, b)| bits(a) != bits(b)) {
            return Err(format!("{what} differ in output {k} at {at}: {:e} and {:e}", a[at], b[at]));
        }
    }
    Ok(())
}
