//! Both engines on every operator and every scalar row: native code and the interpreter agree to the
//! bit, and with the reference evaluator as nearly as the element type allows.

use super::*;
use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::op::{Build, Op, Sample, Val, samples};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar, encode};
use crate::algebra::types::Type;
use crate::graph::builder::Builder;
use crate::graph::{Graph, Graphs, Output, ProgramId, eval};
use crate::{kernel, native};

use DType::{Bool, F32, F64, I32, I64};

/// A graph under construction with the values of its inputs.
#[derive(Default)]
struct Make {
    builder: Builder,
    inputs: Vec<Tensor>,
    outputs: Vec<Output>,
}

impl Make {
    fn input(&mut self, tensor: Tensor) -> Val {
        let name = format!("x{}", self.inputs.len());
        let role = Role::Column(self.inputs.len());
        let value = self.builder.input(name, role, tensor.ty.clone());
        self.inputs.push(tensor);
        value
    }

    fn out(&mut self, value: Val, target: OutputTarget) {
        let name = format!("y{}", self.outputs.len());
        self.outputs.push(Output { target, ..Output::result(name, value) });
    }

    fn graph(self) -> (Graph, Vec<Tensor>) {
        (self.builder.finish("test", self.outputs), self.inputs)
    }
}

fn lower(graph: &Graph) -> Loops {
    let graphs = Graphs { programs: vec![graph.clone()], ..Graphs::default() };
    loops::lower(&kernel::fuse(&graphs))
}

/// Machines of both engines, with these inputs.
fn machines(loops: &Loops, inputs: &[Tensor]) -> [Machine; 2] {
    let native = native::compile(loops);
    let shared = Rc::new(loops.clone());
    let mut both = [
        Machine::new(&native, loops, ProgramId(0)).unwrap(),
        Machine::interpreter(&shared, ProgramId(0)).unwrap(),
    ];
    for machine in &mut both {
        for (input, tensor) in inputs.iter().enumerate() {
            if machine.inputs[input].is_none() {
                let memory = Memory::new(tensor.ty.dtype, tensor.data.len()).unwrap();
                machine.bind(input, &memory);
            }
            machine.memory(input).set_f64(&tensor.data);
        }
    }
    both
}

/// The bytes of an output, with one NaN for all.
fn bytes(machine: &Machine, output: usize) -> Vec<u8> {
    let memory = machine.output(output);
    let dtype = memory.dtype();
    let canonical = |value: f64| if value.is_nan() { f64::NAN } else { value };
    match dtype {
        F32 | F64 => {
            memory.to_f64().iter().flat_map(|x| encode(canonical(*x), dtype).to_le_bytes()).collect()
        }
        Bool | I32 | I64 => memory.to_bytes(),
    }
}

/// Runs a graph on both engines and compares; `relative` is how near the reference they must be.
#[track_caller]
fn agree(what: &str, make: Make, relative: f64) {
    let (graph, inputs) = make.graph();
    let loops = lower(&graph);
    let [mut native, mut interpreter] = machines(&loops, &inputs);
    native.run(Phase::Whole);
    interpreter.run(Phase::Whole);
    let want = eval::run(&graph, &inputs);
    for (output, want) in want.iter().enumerate() {
        assert!(
            bytes(&native, output) == bytes(&interpreter, output),
            "{what}: native and interpreter differ"
        );
        for (index, (have, want)) in native.read(output).iter().zip(&want.data).enumerate() {
            let near = (have - want).abs() <= relative * want.abs().max(1.0);
            let near = near || have == want || have.is_nan() && want.is_nan();
            assert!(near, "{what}: element {index} is {have}, not {want}");
        }
    }
}

/// A sample with floats in another precision.
fn in_precision(sample: &Sample<Op>, real: DType) -> Vec<Tensor> {
    let args = sample.args.iter().map(|arg| {
        let dtype = if arg.ty.dtype == F64 { real } else { arg.ty.dtype };
        Tensor::new(Type { dtype, ..arg.ty.clone() }, arg.data.clone())
    });
    args.collect()
}

#[test]
fn engines_agree_on_every_operator() {
    for sample in samples() {
        for (real, relative) in [(F64, 1e-12), (F32, 1e-5)] {
            let args = in_precision(&sample, real);
            let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
            if sample.op.rules().infer(&types).is_err() {
                continue;
            }
            let mut make = Make::default();
            let args: Vec<Val> = args.into_iter().map(|arg| make.input(arg)).collect();
            let value = make.builder.emit(sample.op.clone(), &args);
            make.out(value, OutputTarget::Result);
            agree(&format!("{:?} {real}", sample.op), make, relative);
        }
    }
}

/// Operands of a row at a type: a prime number of them, so that loops have ends, from its samples.
fn operands(row: &Scalar, dtype: DType) -> Vec<Tensor> {
    let n = 37;
    let arg = |k: usize| {
        let own = row.typing.arg(dtype, k);
        let ty = Type::of(own, &[n]);
        let from = |i: usize| row.samples.get(i % row.samples.len().max(1)).map(|(args, _)| args[k]);
        let random = Tensor::sample(ty.clone(), k as u64 + 1).data;
        let value = |i: usize| if i < 2 * row.samples.len() { from(i) } else { None }.unwrap_or(random[i]);
        Tensor::new(ty, (0..n).map(value).collect())
    };
    (0..row.args.len()).map(arg).collect()
}

#[test]
fn engines_agree_on_every_row() {
    for row in scalar::ALL {
        for dtype in [F32, F64, I32, I64, Bool] {
            if !row.typing.allows(dtype) {
                continue;
            }
            let (graph, inputs) = {
                let mut make = Make::default();
                let args: Vec<Val> = operands(row, dtype).into_iter().map(|arg| make.input(arg)).collect();
                let value = make.builder.map(row, &args);
                make.out(value, OutputTarget::Result);
                make.graph()
            };
            let loops = lower(&graph);
            let [mut native, mut interpreter] = machines(&loops, &inputs);
            native.run(Phase::Whole);
            interpreter.run(Phase::Whole);
            assert!(bytes(&native, 0) == bytes(&interpreter, 0), "{} at {dtype}: engines differ", row.name);
        }
    }
}

/// A dense layer with its loss and the derivative's ingredients: products, a row sum and a total.
fn layer(real: DType, sizes: [usize; 3]) -> Make {
    let [rows, inner, columns] = sizes;
    let mut make = Make::default();
    let x = make.input(Tensor::sample(Type::of(real, &[rows, inner]), 1));
    let w = make.input(Tensor::sample(Type::of(real, &[inner, columns]), 2));
    let product = Op::Contract(Contract { left: vec![0, 2], right: vec![2, 1], out: vec![0, 1] });
    let y = make.builder.emit(product, &[x, w]);
    let y = make.builder.map(&scalar::TANH, &[y]);
    let sums = make.builder.emit(Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![1] }), &[y]);
    let greatest = make.builder.emit(Op::Reduce(Reduce { combine: Reducer::Max, axes: vec![0] }), &[y]);
    let total = make.builder.emit(Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![0] }), &[sums]);
    for value in [y, sums, greatest, total] {
        make.out(value, OutputTarget::Result);
    }
    make
}

#[test]
fn engines_agree_on_a_layer_of_any_size() {
    for sizes in [[1, 1, 1], [3, 5, 7], [4, 16, 16], [32, 13, 17], [33, 64, 10]] {
        agree(&format!("{sizes:?} f32"), layer(F32, sizes), 1e-4);
        agree(&format!("{sizes:?} f64"), layer(F64, sizes), 1e-12);
    }
}

/// `w <- w - 0.5 * g`, with the sum of `g` as a result.
fn descent() -> (Graph, Vec<Tensor>) {
    let mut make = Make::default();
    let ty = Type::of(F32, &[21]);
    let (w, g) = (
        make.builder.input("w", Role::Params, ty.clone()),
        make.builder.input("g", Role::Column(0), ty.clone()),
    );
    make.inputs = vec![Tensor::sample(ty.clone(), 1), Tensor::sample(ty.clone(), 2)];
    let half = make.builder.constant(0.5, &ty);
    let scaled = make.builder.map(&scalar::MUL, &[half, g]);
    let next = make.builder.map(&scalar::SUB, &[w, scaled]);
    let sum = make.builder.emit(Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![0] }), &[g]);
    make.out(sum, OutputTarget::Result);
    make.out(next, OutputTarget::InPlace(0));
    make.graph()
}

#[test]
fn only_the_commit_writes_what_outlives_the_step() {
    let (graph, inputs) = descent();
    let loops = lower(&graph);
    for mut machine in machines(&loops, &inputs) {
        let before = machine.memory(0).to_f64();
        machine.run(Phase::Compute);
        assert_eq!(machine.memory(0).to_f64(), before);
        machine.run(Phase::Commit);
        let want: Vec<f64> = inputs[0]
            .data
            .iter()
            .zip(&inputs[1].data)
            .map(|(w, g)| f64::from((*w - 0.5 * *g) as f32))
            .collect();
        assert_eq!(machine.memory(0).to_f64(), want);
        assert!(machine.output(1).is(machine.memory(0)));
        assert_eq!(machine.results(), [(0, "y0".to_owned())]);
    }
}

#[test]
fn machines_share_bound_memory() {
    let (graph, inputs) = descent();
    let loops = lower(&graph);
    let [mut first, mut second] = machines(&loops, &inputs);
    let params = first.memory(0).clone();
    second.bind(0, &params);
    first.run(Phase::Whole);
    second.run(Phase::Whole);
    let want: Vec<f64> =
        inputs[0].data.iter().zip(&inputs[1].data).map(|(w, g)| w - 0.5 * g - 0.5 * g).collect();
    for (have, want) in params.to_f64().iter().zip(want) {
        assert!((have - want).abs() < 1e-6, "{have}, not {want}");
    }
    assert!(second.inputs[0].as_mut().unwrap().bytes_mut().is_none());
    assert_eq!(second.input_bytes(1).len(), 84);
}

#[test]
#[should_panic(expected = "share memory that is written")]
fn memory_that_is_written_is_bound_once() {
    let (graph, inputs) = descent();
    let [mut machine, _] = machines(&lower(&graph), &inputs);
    let params = machine.memory(0).clone();
    machine.bind(1, &params);
    machine.run(Phase::Whole);
}

#[test]
#[should_panic(expected = "input 0 of `test` is (21, F32), not (20, F32)")]
fn memory_of_another_length_is_refused() {
    let (graph, inputs) = descent();
    let [mut machine, _] = machines(&lower(&graph), &inputs);
    machine.bind(0, &Memory::new(F32, 20).unwrap());
}

#[test]
fn too_much_memory_is_an_error() {
    assert_eq!(Memory::new(F64, usize::MAX / 4).unwrap_err(), OutOfMemory { bytes: u64::MAX });
    assert!(Memory::new(F32, isize::MAX as usize / 4).is_err());
}

#[test]
fn a_machine_says_what_it_will_allocate() {
    let (graph, _) = descent();
    let loops = lower(&graph);
    // The gradient and its sum; parameters are shared.
    assert_eq!(Machine::bytes(&loops.programs[0]) - loops.programs[0].arena_bytes as u64, 84 + 4);
}
