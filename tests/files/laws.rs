//! Laws that hold for every script there is: cases, examples, golden traces and the library.
//!
//! Each pass leaves what its verifier accepts, printing is stable, formatting keeps the meaning, and the
//! four ways to run a program (reference evaluator, kernel interpreter, loop interpreter, native code)
//! agree: the last two to the bit.

use std::path::Path;
use std::rc::Rc;

use egret::algebra::tensor::Tensor;
use egret::algebra::types::{DType, Type};
use egret::graph::{self, Graph, Graphs, ProgramId, Role};
use egret::loops::{self, Loops};
use egret::native::{CallRange, Native};
use egret::pipeline::{Options, Program, Report, STAGES};
use egret::run::machine::{Machine, Memory};
use egret::{ast, kernel, source};

type Outcome = datatest_stable::Result<()>;

/// An example on small data; none if its data are not there.
pub(super) fn example(path: &Path) -> Result<Option<String>, std::io::Error> {
    let source = std::fs::read_to_string(path)?;
    // The experiments train many times what their small forms train too; `tests/suite/paper.rs` checks them.
    let text = path.display().to_string();
    if text.contains("paper") && !text.contains("digits") && !text.contains("small") {
        return Ok(None);
    }
    Ok(crate::stand_in::with_small_data(&path.display().to_string(), &source))
}

fn program(path: &Path, source: &str, real: DType) -> Program {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let folder = path.parent().expect("a folder").to_path_buf();
    Program::new(&name, source, Options { folder, real: Some(real), ..Options::default() })
}

fn sound<T>(made: Result<T, Report>) -> T {
    made.unwrap_or_else(|report| panic!("{}", report.render(false)))
}

/// Both precisions, and how near the reference a program must stay, relative to the largest element.
const PRECISIONS: [(DType, f64); 2] = [(DType::F32, 2e-5), (DType::F64, 1e-12)];

/// Inputs of more elements than this take interpreters too long: the evaluation on all of the digits.
const MOST: usize = 1 << 16;

/// What examples have too much of for interpreters, and what takes its place: by a word that the example
/// has. The programs stay the same ones, but for the last, with smaller sizes.
const SMALLER: [(&str, &str, &str); 8] = [
    ("digits.csv", "batch     = full", "batch     = 32"),
    ("/mnist/", "batch = 64", "batch = 2"),
    ("julius_caesar.txt", "context = 64, test = 0.1", "context = 8, test = 0.002"),
    ("julius_caesar.txt", "batch     = 32", "batch     = 2"),
    ("julius_caesar.txt", "transformer[4, 32] * 4", "transformer[4, 4] * 2"),
    ("julius_caesar.txt", "128", "16"),
    ("// A million iterations.", "1000000", "1000"),
    // The gradients of the biases of keys are 0 but for rounding: so each engine has signs of its own.
    ("julius_caesar.txt", "|> eg_gain |>", "|> eg_gain(signal = product) |>"),
];

fn smaller(source: &str) -> String {
    let mut smaller = source.to_owned();
    for (_, large, small) in SMALLER.iter().filter(|(word, ..)| source.contains(word)) {
        smaller = smaller.replace(large, small);
    }
    smaller
}

pub(super) fn engines_agree(path: &Path) -> Outcome {
    let Some(source) = example(path)?.map(|source| smaller(&source)) else { return Ok(()) };
    for (real, tolerance) in PRECISIONS {
        let program = program(path, &source, real);
        let graphs = sound(program.graphs());
        graph::verify::verify(graphs, "laws");
        let kernels = sound(program.kernels());
        kernel::verify(kernels, "laws");
        let loops = Rc::new(sound(program.loops()).clone());
        loops::verify(&loops);
        let native = sound(program.native());
        for (index, graph) in graphs.programs.iter().enumerate() {
            let run = Run { graph, inputs: inputs(graphs, graph), tolerance };
            if run.inputs.iter().map(|input| input.data.len()).sum::<usize>() > MOST {
                continue;
            }
            run.agree(&kernels.programs[index], &loops, native, index);
        }
    }
    Ok(())
}

/// A program with values for its inputs.
struct Run<'a> {
    graph: &'a Graph,
    inputs: Vec<Tensor>,
    tolerance: f64,
}

impl Run<'_> {
    fn agree(&self, kernels: &kernel::Program, loops: &Rc<Loops>, native: &Native, index: usize) {
        let reference = graph::eval::run(self.graph, &self.inputs);
        let inputs: Vec<Vec<f64>> = self.inputs.iter().map(|tensor| tensor.data.clone()).collect();
        let memory = kernel::run(kernels, &inputs);
        let native = self.machine(Machine::new(native, loops, ProgramId(index)).expect("there is memory"));
        let interpreter =
            self.machine(Machine::interpreter(loops, ProgramId(index)).expect("there is memory"));
        for (k, want) in reference.iter().enumerate() {
            let output = &self.graph.outputs[k].name;
            let what = |engine| format!("{engine} of `{}`, output `{output}`", self.graph.name);
            self.near(&what("kernels"), memory.get(kernels.outputs[k].buffer, want.data.len()), &want.data);
            self.near(&what("native code"), &native.read(k), &want.data);
            same(&what("loops and native code"), &interpreter.read(k), &native.read(k));
        }
    }

    /// A machine that has run once.
    fn machine(&self, mut machine: Machine) -> Machine {
        for (input, tensor) in self.inputs.iter().enumerate() {
            let memory = Memory::new(tensor.ty.dtype, tensor.data.len()).expect("there is memory");
            memory.set_f64(&tensor.data);
            machine.bind(input, &memory);
        }
        machine.run(CallRange::Whole);
        machine
    }

    fn near(&self, what: &str, have: &[f64], want: &[f64]) {
        assert_eq!(have.len(), want.len(), "{what}");
        let scale = want.iter().filter(|x| x.is_finite()).fold(1.0, |most: f64, x| most.max(x.abs()));
        for (index, (have, want)) in have.iter().zip(want).enumerate() {
            let equal = have == want || have.is_nan() && want.is_nan();
            let near = equal || (have - want).abs() <= self.tolerance * scale;
            assert!(near, "{what}: element {index} is {have}, not {want}");
        }
    }
}

/// Equal to the bit, with one NaN for all.
fn same(what: &str, a: &[f64], b: &[f64]) {
    let bits = |x: &f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
    let differ = a.iter().zip(b).position(|(a, b)| bits(a) != bits(b));
    assert!(a.len() == b.len() && differ.is_none(), "{what} differ at {differ:?}");
}

/// Values for the inputs of a program that its statement could meet.
fn inputs(graphs: &Graphs, graph: &Graph) -> Vec<Tensor> {
    let inputs = graph.inputs.iter().enumerate().map(|(k, input)| {
        let ty = graph.nodes[input.value.0 as usize].ty.clone();
        value(graphs, &input.name, &input.role, ty, k as u64)
    });
    inputs.collect()
}

fn value(graphs: &Graphs, name: &str, role: &Role, ty: Type, seed: u64) -> Tensor {
    let sample = |of: &dyn Fn(f64) -> f64| {
        let sample = Tensor::sample(ty.clone(), seed + 1);
        Tensor::new(ty.clone(), sample.data.iter().map(|x| of(*x)).collect())
    };
    match role {
        Role::Params | Role::Initial | Role::FitParams(_) => sample(&|x| x / 4.0),
        // Means may have any sign; all other states are sizes of something.
        Role::State(_) if name.ends_with(".m") => sample(&|x| x / 10.0),
        Role::State(_) | Role::ModelState(_) | Role::FitModelState(..) | Role::FitState(..) => {
            sample(&f64::abs)
        }
        Role::Cell(_) => Tensor::new(ty, vec![cell(graphs, name)]),
        // The first two classes exist in all data.
        Role::Column(_) if ty.dtype.is_int() => sample(&|x| x.abs() % 2.0),
        Role::Column(_) | Role::Gradient | Role::Loss => sample(&|x| x),
        Role::Step => Tensor::new(ty, vec![3.0]),
        Role::Total => Tensor::new(ty, vec![20.0]),
        Role::Key => Tensor::new(ty, vec![7.0, 11.0]),
        Role::Global(_) | Role::Recorded(..) | Role::Chunks(..) | Role::Feed(_) => sample(&f64::abs),
    }
}

/// A hyperparameter as the script has it.
fn cell(graphs: &Graphs, name: &str) -> f64 {
    let cells = graphs.layouts.values().flat_map(|layout| &layout.cells);
    let mut found = cells.filter(|cell| cell.name == name).map(|cell| cell.value);
    found.next().unwrap_or_else(|| panic!("no cell {name}"))
}

pub(super) fn printing_is_stable(path: &Path) -> Outcome {
    let Some(source) = example(path)?.map(|source| smaller(&source)) else { return Ok(()) };
    let (one, other) = (program(path, &source, DType::F32), program(path, &source, DType::F32));
    // Machine code is long; `tests/suite/cli.rs` prints that of the examples twice.
    for stage in STAGES.iter().filter(|stage| !matches!(stage.name, "clif" | "asm")) {
        let (first, second) = (sound(one.emit(stage)), sound(other.emit(stage)));
        assert!(first == second, "{} is not printed the same twice", stage.name);
    }
    Ok(())
}

fn formatted(source: &str) -> String {
    ast::format(source::FileId(0), source).unwrap_or_else(|found| panic!("{found:?}\n{source}"))
}

/// Formatting what is formatted changes nothing.
pub(super) fn formatting_is_stable(path: &Path) -> Outcome {
    let once = formatted(&std::fs::read_to_string(path)?);
    assert_eq!(formatted(&once), once);
    Ok(())
}

pub(super) fn formatting_keeps_the_meaning(path: &Path) -> Outcome {
    let Some(source) = example(path)? else { return Ok(()) };
    let typed = |source: &str| sound(program(path, source, DType::F32).emit_named("typed"));
    assert_eq!(typed(&formatted(&source)), typed(&source));
    Ok(())
}

/// A library file is no script of its own: its names would be declared twice. Its tree stays the same.
pub(super) fn formatting_keeps_the_tree(path: &Path) -> Outcome {
    let source = std::fs::read_to_string(path)?;
    let tree = |source: &str| sound(program(path, source, DType::F32).emit_named("ast"));
    assert_eq!(tree(&formatted(&source)), tree(&source));
    Ok(())
}
