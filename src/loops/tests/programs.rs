use crate::algebra::concat::Concat;
use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::tensor::round;
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;
use crate::graph::builder::Builder;
use crate::graph::grad::grad;
use crate::graph::{Graph, Graphs, Output, OutputTarget, Role};
use crate::kernel::{self, fuse};
use crate::loops::eval::{ProgramMemory, run};
use crate::loops::{Loops, lower, verify};
use crate::typed::Statistic;

const F64: DType = DType::F64;

/// A two-layer classifier trained by Adam with a global scale: rows, inputs, hidden units, classes.
pub(super) struct Net {
    pub(super) rows: usize,
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) classes: usize,
    pub(super) real: DType,
}

struct Make {
    b: Builder,
}

impl Make {
    fn input(&mut self, name: &str, dtype: DType, sizes: &[usize]) -> Val {
        self.b.input(name, Role::Recorded(0, name.to_owned(), Statistic::Last), Type::of(dtype, sizes))
    }

    fn map(&mut self, f: &'static Scalar, args: &[Val]) -> Val {
        let shaped = args.iter().copied().max_by_key(|arg| self.b.ty(*arg).rank()).unwrap_or(args[0]);
        let ty = self.b.ty(shaped).clone();
        let mut broadcast = Vec::new();
        for arg in args {
            let one = self.b.ty(*arg).rank() == 0 && ty.rank() > 0;
            let arg = if one { self.b.cast(*arg, ty.dtype) } else { *arg };
            broadcast.push(if one { self.b.broadcast(arg, &ty.shape) } else { arg });
        }
        self.b.map(f, &broadcast)
    }

    fn number(&mut self, value: f64, dtype: DType) -> Val {
        self.b.constant(value, &Type::scalar(dtype))
    }

    fn reduce(&mut self, combine: Reducer, axes: &[usize], value: Val) -> Val {
        self.b.emit(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), &[value])
    }

    fn matmul(&mut self, a: Val, b: Val) -> Val {
        self.b.emit(Op::Contract(Contract { left: vec![0, 2], right: vec![2, 1], out: vec![0, 1] }), &[a, b])
    }

    fn broadcast(&mut self, value: Val, to: &[usize], axes: &[usize]) -> Val {
        let to = to.iter().map(|n| Dim::from(*n)).collect();
        self.b.emit(Op::View(View::Broadcast { to, axes: axes.to_vec() }), &[value])
    }

    fn window(&mut self, value: Val, start: usize, to: &[usize]) -> Val {
        let to = to.iter().map(|n| Dim::from(*n)).collect();
        self.b.emit(Op::View(View::Window { start, to }), &[value])
    }

    fn dot(&mut self, a: Val, b: Val) -> Val {
        let (a, b) = (self.b.cast(a, F64), self.b.cast(b, F64));
        let product = self.map(&scalar::MUL, &[a, b]);
        self.reduce(Reducer::Sum, &[0], product)
    }
}

impl Net {
    pub(super) fn graph(&self) -> Graph {
        let Net { rows, inputs, hidden, classes, real } = *self;
        let mut make = Make { b: Builder::default() };
        let sizes = [inputs * hidden, hidden, hidden * classes, classes];
        let n: usize = sizes.iter().sum();
        let params = make.input("params", real, &[n]);
        let (m, v) = (make.input("m", real, &[n]), make.input("v", real, &[n]));
        let last = make.input("last", real, &[n]);
        let scale = make.input("scale", F64, &[]);
        let lr = make.input("lr", F64, &[]);
        let (x, y) = (make.input("x", real, &[rows, inputs]), make.input("y", DType::I32, &[rows]));
        let w1 = make.window(params, 0, &[inputs, hidden]);
        let b1 = make.window(params, sizes[0], &[hidden]);
        let w2 = make.window(params, sizes[0] + sizes[1], &[hidden, classes]);
        let b2 = make.window(params, n - classes, &[classes]);
        let z = make.matmul(x, w1);
        let b1s = make.broadcast(b1, &[rows, hidden], &[1]);
        let z = make.map(&scalar::ADD, &[z, b1s]);
        let h = make.map(&scalar::TANH, &[z]);
        let logits = make.matmul(h, w2);
        let b2s = make.broadcast(b2, &[rows, classes], &[1]);
        let logits = make.map(&scalar::ADD, &[logits, b2s]);
        let loss = self.loss(&mut make, logits, y);
        let grads = grad(&mut make.b, loss, &[w1, b1, w2, b2]);
        let g = make.b.emit(Op::Concat(Concat), &grads);
        let outputs = self.update(&mut make, [params, m, v, last, scale, lr], g, loss);
        make.b.finish("test.step", outputs)
    }

    fn loss(&self, make: &mut Make, logits: Val, y: Val) -> Val {
        let shape = [self.rows, self.classes];
        let top = make.reduce(Reducer::Max, &[1], logits);
        let top = make.broadcast(top, &shape, &[0]);
        let low = make.map(&scalar::SUB, &[logits, top]);
        let exps = make.map(&scalar::EXP, &[low]);
        let sum = make.reduce(Reducer::Sum, &[1], exps);
        let log = make.map(&scalar::LOG, &[sum]);
        let to = Type::of(DType::I32, &shape).shape;
        let places = make.b.emit(
            Op::Fill(crate::algebra::fill::Fill::Iota {
                dtype: DType::I32,
                to: Type::of(DType::I32, &[self.classes]).shape,
            }),
            &[],
        );
        let places = make.broadcast(places, &shape, &[1]);
        let ys = make.b.emit(Op::View(View::Broadcast { to, axes: vec![0] }), &[y]);
        let is = make.map(&scalar::EQ, &[places, ys]);
        let is = make.b.cast(is, self.real);
        let picked = make.map(&scalar::MUL, &[is, low]);
        let picked = make.reduce(Reducer::Sum, &[1], picked);
        let each = make.map(&scalar::SUB, &[log, picked]);
        let total = make.reduce(Reducer::Sum, &[0], each);
        let share = make.number(1.0 / self.rows as f64, self.real);
        make.map(&scalar::MUL, &[total, share])
    }

    fn update(&self, make: &mut Make, given: [Val; 6], g: Val, loss: Val) -> Vec<Output> {
        let [params, m, v, last, scale, lr] = given;
        let blend = |make: &mut Make, old: Val, new: Val, keep: f64| {
            let (a, b) = (make.number(keep, F64), make.number(1.0 - keep, F64));
            let (old, new) = (make.map(&scalar::MUL, &[a, old]), make.map(&scalar::MUL, &[b, new]));
            make.map(&scalar::ADD, &[old, new])
        };
        let square = make.map(&scalar::MUL, &[g, g]);
        let (m1, v1) = (blend(make, m, g, 0.9), blend(make, v, square, 0.999));
        let root = make.map(&scalar::SQRT, &[v1]);
        let eps = make.number(1e-8, F64);
        let root = make.map(&scalar::ADD, &[root, eps]);
        let u = make.map(&scalar::DIV, &[m1, root]);
        let u = make.map(&scalar::MUL, &[lr, u]);
        let (gh, gg, hh) = (make.dot(g, last), make.dot(g, g), make.dot(last, last));
        let norms = make.map(&scalar::MUL, &[gg, hh]);
        let norms = make.map(&scalar::SQRT, &[norms]);
        let tiny = make.number(1e-10, F64);
        let norms = make.map(&scalar::ADD, &[norms, tiny]);
        let cosine = make.map(&scalar::DIV, &[gh, norms]);
        let rise = make.map(&scalar::EXP, &[cosine]);
        let scale1 = make.map(&scalar::MUL, &[scale, rise]);
        let step = make.map(&scalar::MUL, &[scale1, u]);
        let params1 = make.map(&scalar::SUB, &[params, step]);
        let mut outputs = vec![Output::result("loss", loss)];
        for (k, value) in [params1, m1, v1, u, scale1].into_iter().enumerate() {
            outputs.push(Output {
                target: OutputTarget::InPlace(k),
                ..Output::result(format!("out{k}"), value)
            });
        }
        outputs
    }
}

fn numbers(n: usize, salt: usize, ty: &Type, classes: usize) -> Vec<f64> {
    let scale = if salt == 2 { 1e-3 } else { 0.05 };
    let number = |k: usize| ((k * 7919 + salt * 104_729) % 1009) as f64;
    match ty.dtype {
        DType::I32 => (0..n).map(|k| (k * 7 % classes) as f64).collect(),
        dtype => (0..n).map(|k| round(dtype, scale * (0.01 + number(k) / 1009.0))).collect(),
    }
}

/// Fuses, lowers, verifies and interprets; compares each output with the kernels' meaning.
fn check(net: &Net, tolerance: f64) -> Loops {
    let graph = crate::graph::simplify::simplify(net.graph());
    let kernels = fuse(&Graphs { programs: vec![graph.clone()], ..Graphs::default() });
    let loops = lower(&kernels);
    verify(&loops);
    let inputs: Vec<Vec<f64>> = graph
        .inputs
        .iter()
        .enumerate()
        .map(|(k, input)| {
            let ty = &graph.nodes[input.value.0 as usize].ty;
            numbers(ty.count(), k, ty, net.classes)
        })
        .collect();
    let want = kernel::run(&kernels.programs[0], &inputs);
    let program = &loops.programs[0];
    let mut memory = ProgramMemory::new(program);
    for ((buffer, _), values) in program.inputs.iter().zip(&inputs) {
        memory.set(program, *buffer, values);
    }
    run(&loops, 0, 0..program.calls.len(), &mut memory);
    for output in &program.outputs {
        let have = memory.get(program, output.buffer);
        let want = want.get(kernel::BufferId(output.buffer), have.len());
        for (k, (have, want)) in have.iter().zip(want).enumerate() {
            let near = (have - want).abs() <= tolerance * want.abs().max(1e-3);
            assert!(near, "{}[{k}] is {have}, not {want}\n{}\n{loops}", output.name, kernels.programs[0]);
        }
    }
    loops
}

#[test]
fn a_training_step_in_both_precisions() {
    for (real, tolerance) in [(DType::F32, 1e-4), (DType::F64, 1e-12)] {
        for (rows, inputs, hidden, classes) in [(32, 64, 32, 10), (7, 5, 3, 3), (4, 13, 9, 4)] {
            let loops = check(&Net { rows, inputs, hidden, classes, real }, tolerance);
            assert!(loops.programs[0].commit < loops.programs[0].calls.len());
        }
    }
}
