//! The compiled program of a training step against each of its operators by itself.
//!
//! Differences of the loss say that the gradient is the loss's. They are computed by a program of their own,
//! and what trains is another: it is simplified, fused and written out with its optimizer. So its first step
//! is computed once more from the same batch, from the graph before any rewrite.
//!
//! Both round, and a number may hang on the rounding: the sign of a gradient that is zero but for it. How far
//! each number does is measured, by changing what was read in its last place.

use std::rc::Rc;

use super::display::short;
use crate::algebra::tensor::Tensor;
use crate::algebra::types::DType;
use crate::graph::{self, Graph, Graphs, ProgramId, Role};
use crate::kernel;
use crate::loops::{self, Loops};
use crate::native::{self, CallRange, Native};
use crate::pipeline::{Program, Report};
use crate::run::machine::{Machine, Memory, OutOfMemory};
use crate::run::{RecordedCall, Settings, errors};

/// A program of a training step with what it left.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Its name: `fit.step`.
    pub name: String,
    /// How many numbers were compared.
    pub compared: usize,
    /// How many were not: rounding alone decides them.
    pub undetermined: usize,
    /// The number that differs most.
    pub worst: Option<WorstNumber>,
    /// What it was compared with.
    pub reference: &'static str,
}

/// A number that the compiled program left.
#[derive(Clone, Debug)]
pub struct WorstNumber {
    /// Its place: `params[3]`.
    pub place: String,
    /// As the compiled program has it.
    pub compiled: f64,
    /// As it should be.
    pub reference: f64,
    /// How far apart they are, where 1 is as far as rounding explains.
    pub apart: f64,
}

impl Compiled {
    /// Whether rounding explains all differences.
    pub fn agrees(&self) -> bool {
        self.worst.as_ref().is_none_or(|worst| worst.apart <= 1.0)
    }
}

impl std::fmt::Display for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.agrees() { "agrees " } else { "DIFFERS" };
        write!(f, "{}  {verdict}  with {}: {} numbers", self.name, self.reference, self.compared)?;
        if self.undetermined > 0 {
            write!(f, ", {} more hang on rounding", self.undetermined)?;
        }
        if let Some(worst) = &self.worst {
            let (compiled, reference) = (short(worst.compiled), short(worst.reference));
            write!(f, ", worst {}: {compiled} against {reference}", worst.place)?;
        }
        Ok(())
    }
}

/// How often what was read is changed to see what hangs on rounding, and how often where numbers differ.
const CHANGES: (u64, u64) = (3, 24);
/// Differences of so many roundings of the largest number of an output need no other reason.
const ROUNDINGS: f64 = 256.0;
/// A number that rounding moves by more than this, relative to the largest of its output, is not compared.
const UNDETERMINED: f64 = 0.01;
/// Programs of more machine instructions than this take the evaluator of graphs too long.
const MOST: u64 = 1 << 26;

/// Compares the programs of the first step of a training run.
///
/// # Errors
/// What goes wrong while they run.
pub(super) fn compare(program: &Program, name: &str) -> Result<Vec<Compiled>, Report> {
    let calls = program.first_step(&Settings::default(), name)?;
    let (graphs, loops) = (program.graphs()?, program.loops()?);
    let plain = program.plain_graphs()?;
    let check = |call: &RecordedCall| {
        let name = &graphs.graph(call.program).name;
        let small = loops.work(loops.program(call.program)) <= MOST;
        // Programs are the same ones before they are simplified.
        let reference = match small {
            true => Reference::Evaluator(plain.graph(call.program)),
            false => Reference::unfused(graphs.graph(call.program)),
        };
        examine(name, call, &reference)
    };
    let found = calls.iter().map(check).collect::<Result<_, OutOfMemory>>();
    found.map_err(|error| program.failed(errors::out_of_memory(error)))
}

/// What a program gives, with its name.
type Output<'a> = (&'a str, Vec<f64>);

/// Another way to compute what a program computes.
enum Reference<'a> {
    /// The graph before any rewrite, one operator after the other.
    Evaluator(&'a Graph),
    /// The simplified graph with a kernel for each operator.
    Unfused(&'a Graph, Box<(Rc<Loops>, Native)>),
}

impl<'a> Reference<'a> {
    fn unfused(graph: &'a Graph) -> Reference<'a> {
        let graphs = Graphs { programs: vec![graph.clone()], ..Graphs::default() };
        let loops = Rc::new(loops::lower(&kernel::unfused(&graphs)));
        let native = native::compile(&loops);
        Reference::Unfused(graph, Box::new((loops, native)))
    }

    fn graph(&self) -> &'a Graph {
        match self {
            Reference::Evaluator(graph) | Reference::Unfused(graph, _) => graph,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Reference::Evaluator(_) => "each operator evaluated by itself",
            Reference::Unfused(..) => "each operator compiled by itself",
        }
    }

    /// The outputs with their names.
    fn outputs(&self, inputs: &[Tensor]) -> Result<Vec<Output<'a>>, OutOfMemory> {
        let names = self.graph().outputs.iter().map(|output| output.name.as_str());
        let values: Vec<Vec<f64>> = match self {
            Reference::Evaluator(graph) => {
                graph::eval::run(graph, inputs).into_iter().map(|tensor| tensor.data).collect()
            }
            Reference::Unfused(_, compiled) => {
                let mut machine = Machine::new(&compiled.1, &compiled.0, ProgramId(0))?;
                for (k, tensor) in inputs.iter().enumerate() {
                    let memory = Memory::new(tensor.ty.dtype, tensor.data.len())?;
                    memory.set_f64(&tensor.data);
                    machine.bind(k, &memory);
                }
                machine.run(CallRange::Whole);
                (0..names.len()).map(|k| machine.read(k)).collect()
            }
        };
        Ok(names.zip(values).collect())
    }

    /// Values for its inputs: those that were read, and anything for what the program leaves out.
    fn inputs(&self, call: &RecordedCall) -> Vec<Tensor> {
        let graph = self.graph();
        let one = |(k, input): (usize, &graph::Input)| {
            let read = call.inputs.iter().find(|(role, _)| *role == input.role);
            let ty = &graph.nodes[input.value.0 as usize].ty;
            read.map_or_else(|| Tensor::sample(ty.clone(), k as u64), |(_, tensor)| tensor.clone())
        };
        graph.inputs.iter().enumerate().map(one).collect()
    }

    /// The same with each number that is not exact changed in its last place.
    fn changed(&self, inputs: &[Tensor], seed: u64) -> Vec<Tensor> {
        let roles = self.graph().inputs.iter().map(|input| &input.role);
        let exact =
            |role: &Role| matches!(role, Role::Step | Role::Total | Role::Key | Role::Cell(_) | Role::Loss);
        let change = |(tensor, role): (&Tensor, &Role)| match tensor.ty.dtype.is_float() && !exact(role) {
            true => nudged(tensor, seed),
            false => tensor.clone(),
        };
        inputs.iter().zip(roles).map(change).collect()
    }
}

/// A tensor with each element one rounding up or down.
fn nudged(tensor: &Tensor, seed: u64) -> Tensor {
    let signs = Tensor::sample(tensor.ty.clone(), seed);
    let step = rounding(tensor.ty.dtype);
    let data = tensor.data.iter().zip(&signs.data).map(|(x, sign)| x * (1.0 + step * sign.signum()));
    Tensor::new(tensor.ty.clone(), data.collect())
}

/// The distance of neighbouring numbers at 1.
fn rounding(dtype: DType) -> f64 {
    if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) }
}

/// The dtype whose rounding counts: the coarsest of what is computed with.
fn coarsest(graph: &Graph) -> DType {
    let single = graph.nodes.iter().any(|node| node.ty.dtype == DType::F32);
    if single { DType::F32 } else { DType::F64 }
}

/// Compares what a program left with what it should have left.
fn examine(name: &str, call: &RecordedCall, reference: &Reference<'_>) -> Result<Compiled, OutOfMemory> {
    let inputs = reference.inputs(call);
    let want = reference.outputs(&inputs)?;
    let mut moved: Vec<Vec<f64>> = want.iter().map(|(_, values)| vec![0.0; values.len()]).collect();
    let more = |seeds: std::ops::Range<u64>, moved: &mut [Vec<f64>]| {
        seeds.into_iter().try_for_each(|seed| {
            let outputs = reference.outputs(&reference.changed(&inputs, seed))?;
            for ((moved, (_, want)), (_, changed)) in moved.iter_mut().zip(&want).zip(&outputs) {
                widen(moved, want, changed);
            }
            Ok(())
        })
    };
    more(0..CHANGES.0, &mut moved)?;
    let step = rounding(coarsest(reference.graph()));
    let mut found = differences(name, call, (&want, &moved), step);
    if !found.agrees() {
        more(CHANGES.0..CHANGES.1, &mut moved)?;
        found = differences(name, call, (&want, &moved), step);
    }
    Ok(Compiled { reference: reference.name(), ..found })
}

/// Notes how far each number has moved.
fn widen(moved: &mut [f64], want: &[f64], changed: &[f64]) {
    for ((moved, want), changed) in moved.iter_mut().zip(want).zip(changed) {
        *moved = moved.max((want - changed).abs());
    }
}

/// What lies how far apart, where `moved` says how far rounding moves each number.
fn differences(
    name: &str,
    call: &RecordedCall,
    (want, moved): (&[Output<'_>], &[Vec<f64>]),
    step: f64,
) -> Compiled {
    let mut found =
        Compiled { name: name.to_owned(), compared: 0, undetermined: 0, worst: None, reference: "" };
    for (output, have) in &call.outputs {
        let Some(at) = want.iter().position(|(name, _)| name == output) else {
            crate::ice!("gradcheck", "`{name}` has no output `{output}` before it is simplified");
        };
        let (want, moved) = (&want[at].1, &moved[at]);
        let one = want.len() == 1;
        let largest = want.iter().filter(|x| x.is_finite()).fold(0.0, |most: f64, x| most.max(x.abs()));
        for (k, ((have, want), moved)) in have.iter().zip(want).zip(moved).enumerate() {
            let determined = *moved <= UNDETERMINED * largest;
            if !determined && have != want {
                found.undetermined += 1;
                continue;
            }
            found.compared += 1;
            let near = ROUNDINGS * step * largest + 16.0 * moved;
            let equal = have == want || have.is_nan() && want.is_nan();
            let apart = if equal { 0.0 } else { (have - want).abs() / near };
            let apart = if apart.is_nan() { f64::INFINITY } else { apart };
            if found.worst.as_ref().is_none_or(|worst| worst.apart < apart) {
                let place = if one { output.clone() } else { format!("{output}[{k}]") };
                found.worst = Some(WorstNumber { place, compiled: *have, reference: *want, apart });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Options;

    /// A step that adds up gradients, with random numbers, a state of the model and states that are shared.
    const SCRIPT: &str = "
data d = synthetic(rows = 64, seed = 1) {
  x = random.normal[rows, 5]()
  y = sin(x[:, 0]) * x[:, 1]
}
model net(x: real[B, 5]) -> real[B] {
  layer a = dense[5, 8]
  layer n = batchnorm[8]
  layer b = dense[8, 1]
  sum(x |> a |> n |> tanh |> dropout[0.3] |> b, axis = 1)
}
let fit = train net on d {
  loss       = mean((net(x) - y)^2)
  optimizer  = clip_norm(max = 1) |> adam |> eg_gain(beta = 0.9) |> eg_scale
  batch      = 8
  accumulate = 4
  epochs     = 1
}
";

    fn program() -> Program {
        Program::new("net.eg", SCRIPT, Options { share_states: true, ..Options::default() })
    }

    #[test]
    fn both_programs_of_a_step_agree() {
        let found = compare(&program(), "fit").unwrap_or_else(|report| panic!("{}", report.render(false)));
        let names: Vec<&str> = found.iter().map(|compiled| compiled.name.as_str()).collect();
        assert_eq!(names, ["fit.accumulate", "fit.step"]);
        for compiled in found {
            assert!(compiled.agrees() && compiled.compared > 50, "{compiled}");
        }
    }

    #[test]
    fn a_number_that_is_wrong_is_found_by_both_references() {
        let program = program();
        let calls = program.first_step(&Settings::default(), "fit");
        let calls = calls.unwrap_or_else(|report| panic!("{}", report.render(false)));
        let (plain, graphs) =
            (program.plain_graphs().expect("it compiles"), program.graphs().expect("it is right"));
        for call in calls {
            let k = call.program;
            for reference in [Reference::Evaluator(plain.graph(k)), Reference::unfused(graphs.graph(k))] {
                let name = &graphs.graph(k).name;
                let examine = |call: &RecordedCall| examine(name, call, &reference).expect("there is memory");
                assert!(examine(&call).agrees(), "{}", examine(&call));
                for output in 0..call.outputs.len() {
                    for wrong in [|x: f64| x * 1.01 + 1e-3, |_| f64::NAN] {
                        let mut call = call.clone();
                        let last = call.outputs[output].1.last_mut().expect("no output is empty");
                        *last = wrong(*last);
                        assert!(!examine(&call).agrees(), "output {output} of {name}");
                    }
                }
            }
        }
    }
}
