//! Graphs built by hand: what is fused, and that kernels compute what graphs mean.

mod pipelines;
mod random;
mod scripts;

use super::{Program, Strategy, fuse, run};
use crate::algebra::concat::Concat;
use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::number::Number;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::prefix_sum::PrefixSum;
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::tensor::{Tensor, round};
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;
use crate::graph::builder::Builder;
use crate::graph::grad::grad;
use crate::graph::{Graph, Graphs, Output, OutputTarget, Role, eval};
use crate::typed::Statistic;

const F: DType = DType::F64;

/// A builder with short words.
#[derive(Default)]
struct Make {
    builder: Builder,
    outputs: Vec<Output>,
}

impl Make {
    fn input(&mut self, name: &str, dtype: DType, sizes: &[usize]) -> Val {
        let role = Role::Recorded(0, name.to_owned(), Statistic::Last);
        self.builder.input(name, role, Type::of(dtype, sizes))
    }

    fn op(&mut self, op: Op, args: &[Val]) -> Val {
        self.builder.emit(op, args)
    }

    fn map(&mut self, f: &'static Scalar, args: &[Val]) -> Val {
        let shaped = args.iter().copied().max_by_key(|arg| self.builder.ty(*arg).rank());
        let shape = self.builder.ty(shaped.unwrap_or(args[0])).shape.clone();
        let broadcast: Vec<Val> =
            args.iter()
                .map(|arg| {
                    if self.builder.ty(*arg).rank() == 0 {
                        self.builder.broadcast(*arg, &shape)
                    } else {
                        *arg
                    }
                })
                .collect();
        self.builder.map(f, &broadcast)
    }

    fn number(&mut self, value: f64, dtype: DType) -> Val {
        self.builder.constant(value, &Type::scalar(dtype))
    }

    fn cast(&mut self, value: Val, dtype: DType) -> Val {
        self.builder.cast(value, dtype)
    }

    fn reduce(&mut self, combine: Reducer, axes: &[usize], value: Val) -> Val {
        self.op(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), &[value])
    }

    fn sum(&mut self, value: Val) -> Val {
        let axes: Vec<usize> = (0..self.builder.ty(value).rank()).collect();
        self.reduce(Reducer::Sum, &axes, value)
    }

    fn matmul(&mut self, a: Val, b: Val) -> Val {
        let op = Contract { left: vec![0, 2], right: vec![2, 1], out: vec![0, 1] };
        self.op(Op::Contract(op), &[a, b])
    }

    fn rows(&mut self, value: Val, to: &[usize], axes: &[usize]) -> Val {
        let to = to.iter().map(|n| Dim::from(*n)).collect();
        self.op(Op::View(View::Broadcast { to, axes: axes.to_vec() }), &[value])
    }

    fn window(&mut self, value: Val, start: usize, to: &[usize]) -> Val {
        let to = to.iter().map(|n| Dim::from(*n)).collect();
        self.op(Op::View(View::Window { start, to }), &[value])
    }

    fn out(&mut self, name: &str, value: Val) {
        self.outputs.push(Output::result(name, value));
    }

    /// The new value of an input; inputs are numbered in the order in which they were made.
    fn replace(&mut self, name: &str, input: usize, value: Val) {
        self.outputs.push(Output { target: OutputTarget::InPlace(input), ..Output::result(name, value) });
    }

    fn graph(self) -> Graph {
        self.builder.finish("test", self.outputs)
    }
}

/// Numbers that look random, the same in every run.
fn numbers(n: usize, seed: usize, dtype: DType) -> Vec<f64> {
    let mut state = seed as u64 * 2_654_435_761 + 12345;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    (0..n).map(|_| round(dtype, 0.1 + next())).collect()
}

/// Fuses a graph, checks that its kernels compute what it means, and returns them.
fn fused(graph: &Graph) -> Program {
    let graphs = Graphs { programs: vec![graph.clone()], ..Graphs::default() };
    let program = fuse(&graphs).programs.remove(0);
    let types: Vec<Type> =
        graph.inputs.iter().map(|input| graph.nodes[input.value.0 as usize].ty.clone()).collect();
    let inputs: Vec<Vec<f64>> =
        types.iter().enumerate().map(|(k, ty)| numbers(ty.count(), k, ty.dtype)).collect();
    let tensors: Vec<Tensor> =
        types.iter().zip(&inputs).map(|(ty, data)| Tensor { ty: ty.clone(), data: data.clone() }).collect();
    let memory = run(&program, &inputs);
    for (output, expected) in program.outputs.iter().zip(eval::run(graph, &tensors)) {
        let found = memory.get(output.buffer, expected.data.len());
        let tolerance = if expected.ty.dtype == DType::F64 { 1e-12 } else { 1e-5 };
        for (k, (a, b)) in found.iter().zip(&expected.data).enumerate() {
            let near = (a - b).abs() <= tolerance * (1.0 + b.abs());
            assert!(near, "{}[{k}] is {a}, not {b}\n{program}", output.name);
        }
    }
    program
}

fn count(program: &Program) -> usize {
    program.kernels.len()
}

/// The kernels over the whole arena, by what they loop over.
fn passes(program: &Program) -> Vec<usize> {
    let is_pass = |k: &usize| program.kernels[*k].commits;
    (0..program.kernels.len()).filter(is_pass).collect()
}

#[test]
fn a_product_takes_its_bias_and_activation_along() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4, 3]);
    let w = make.input("w", F, &[3, 5]);
    let b = make.input("b", F, &[5]);
    let product = make.matmul(x, w);
    let bias = make.rows(b, &[4, 5], &[1]);
    let sum = make.map(&scalar::ADD, &[product, bias]);
    let y = make.map(&scalar::TANH, &[sum]);
    make.out("y", y);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 1, "{program}");
    insta::assert_snapshot!(program, @"
    kernels test
      b0 x: f64[12] in
      b1 w: f64[15] in
      b2 b: f64[5] in
      b3 y: f64[20] out
      k0 [i0:4, i1:5 | i2:3]                       reads 256 B, writes 160 B, 160 flop
        %0 = load b0[3*i0 + i2] : f64
        %1 = load b1[i1 + 5*i2] : f64
        %2 = mul %0, %1         : f64
        %3 = sum %2             : f64
        %4 = load b2[i1]        : f64
        %5 = add %3, %4         : f64
        %6 = tanh %5            : f64
        store b3[5*i0 + i1] = %6
      return y = b3
    ");
}

/// A loss over a network with one hidden layer, its parameters in one arena, and a step of gradient
/// descent.
fn network(dtype: DType) -> Graph {
    let mut make = Make::default();
    let params = make.input("params", dtype, &[3 * 5 + 5 + 5 * 2 + 2]);
    let x = make.input("x", dtype, &[4, 3]);
    let y = make.input("y", dtype, &[4, 2]);
    let lr = make.input("lr", F, &[]);
    let w1 = make.window(params, 0, &[3, 5]);
    let b1 = make.window(params, 15, &[5]);
    let w2 = make.window(params, 20, &[5, 2]);
    let b2 = make.window(params, 30, &[2]);
    let product = make.matmul(x, w1);
    let bias = make.rows(b1, &[4, 5], &[1]);
    let hidden = make.map(&scalar::ADD, &[product, bias]);
    let hidden = make.map(&scalar::TANH, &[hidden]);
    let product = make.matmul(hidden, w2);
    let bias = make.rows(b2, &[4, 2], &[1]);
    let out = make.map(&scalar::ADD, &[product, bias]);
    let error = make.map(&scalar::SUB, &[out, y]);
    let square = make.map(&scalar::MUL, &[error, error]);
    let total = make.sum(square);
    let n = make.number(8.0, dtype);
    let loss = make.map(&scalar::DIV, &[total, n]);
    let grads = grad(&mut make.builder, loss, &[w1, b1, w2, b2]);
    let g = make.op(Op::Concat(Concat), &grads);
    let rate = make.cast(lr, dtype);
    let update = make.map(&scalar::MUL, &[rate, g]);
    let after = make.map(&scalar::SUB, &[params, update]);
    make.out("loss", loss);
    make.replace("params", 0, after);
    make.graph()
}

#[test]
fn a_network_with_its_gradients_and_step() {
    for dtype in [DType::F64, DType::F32] {
        let program = fused(&network(dtype));
        assert!(program.kernels.last().is_some_and(|kernel| kernel.commits));
        assert_eq!(count(&program), 9, "{program}");
    }
}

#[test]
fn states_that_swap_go_through_a_copy() {
    let mut make = Make::default();
    let a = make.input("a", F, &[6]);
    let b = make.input("b", F, &[6]);
    make.replace("a", 0, b);
    make.replace("b", 1, a);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 3, "{program}");
}

#[test]
fn a_reversed_state_is_not_overwritten_while_it_is_read() {
    let mut make = Make::default();
    let a = make.input("a", F, &[6]);
    let op = View::Slice { axis: 0, start: Dim::from(5), step: -1, count: Dim::from(6) };
    let reversed = make.op(Op::View(op), &[a]);
    let sum = make.map(&scalar::ADD, &[a, reversed]);
    make.replace("a", 0, sum);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 2, "{program}");
}

/// Replaces an input by functions of its parts, which stand in this order.
fn parts_replaced(starts: [usize; 2]) -> Program {
    let mut make = Make::default();
    let a = make.input("a", F, &[6]);
    let parts = starts.map(|start| make.window(a, start, &[3]));
    let (first, second) = (make.map(&scalar::EXP, &[parts[0]]), make.map(&scalar::NEG, &[parts[1]]));
    let both = make.op(Op::Concat(Concat), &[first, second]);
    make.replace("a", 0, both);
    fused(&make.graph())
}

#[test]
fn parts_of_an_input_are_replaced_where_they_lie() {
    let program = parts_replaced([0, 3]);
    assert_eq!((count(&program), program.buffers.len()), (2, 1), "{program}");
}

#[test]
fn parts_that_swap_go_through_a_copy() {
    let program = parts_replaced([3, 0]);
    assert_eq!(count(&program), 3, "{program}");
}

#[test]
fn a_part_that_others_read_is_replaced_after_them() {
    let mut make = Make::default();
    let a = make.input("a", F, &[6]);
    let (low, high) = (make.window(a, 0, &[3]), make.window(a, 3, &[3]));
    let first = make.map(&scalar::NEG, &[low]);
    let second = make.map(&scalar::ADD, &[low, high]);
    let both = make.op(Op::Concat(Concat), &[first, second]);
    make.replace("a", 0, both);
    let square = make.map(&scalar::MUL, &[a, a]);
    let sum = make.sum(square);
    make.out("sum", sum);
    let program = fused(&make.graph());
    assert!(!program.kernels[0].commits, "{program}");
}

#[test]
fn an_unchanged_state_costs_nothing() {
    let mut make = Make::default();
    let a = make.input("a", F, &[6]);
    make.replace("a", 0, a);
    assert_eq!(count(&fused(&make.graph())), 0);
}

#[test]
fn outputs_that_are_no_computed_values_are_copied() {
    let mut make = Make::default();
    let a = make.input("a", F, &[2, 3]);
    let turned = make.op(Op::View(View::Transpose { axes: vec![1, 0] }), &[a]);
    let one = make.number(1.0, F);
    make.out("a", a);
    make.out("turned", turned);
    make.out("one", one);
    let ones = make.rows(one, &[4], &[]);
    make.out("ones", ones);
    let negative = make.map(&scalar::NEG, &[a]);
    make.out("first", negative);
    make.out("second", negative);
    fused(&make.graph());
}

/// `exp(x - max) / sum` along the last axis.
fn softmax(make: &mut Make, x: Val, sizes: &[usize]) -> Val {
    let greatest = make.reduce(Reducer::Max, &[1], x);
    let broadcast = make.rows(greatest, sizes, &[0]);
    let shifted = make.map(&scalar::SUB, &[x, broadcast]);
    let powers = make.map(&scalar::EXP, &[shifted]);
    let sum = make.reduce(Reducer::Sum, &[1], powers);
    let broadcast = make.rows(sum, sizes, &[0]);
    make.map(&scalar::DIV, &[powers, broadcast])
}

#[test]
fn a_softmax_is_three_loops() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4, 6]);
    let y = softmax(&mut make, x, &[4, 6]);
    make.out("y", y);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 3, "{program}");
}

#[test]
fn a_kernel_is_computed_only_as_it_can_be() {
    let mut make = Make::default();
    let x = make.input("x", F, &[100]);
    let sums = make.op(Op::PrefixSum(PrefixSum { axis: 0, reverse: false }), &[x]);
    let y = make.map(&scalar::EXP, &[x]);
    make.out("sums", sums);
    make.out("y", y);
    let mut program = fused(&make.graph());
    let strategies: Vec<Strategy> = program.kernels.iter().map(|kernel| kernel.strategy.clone()).collect();
    assert!(matches!(strategies[..], [Strategy::PrefixSum(_), Strategy::Nest]), "{program}");
    program.kernels[0].strategy = Strategy::Nest;
    assert_eq!(program.check(), Ok(()));
    program.kernels[1].strategy = strategies[0].clone();
    let fault = program.check().expect_err("an exponential is no prefix sum");
    assert_eq!(fault, "k1: it cannot be computed as its strategy says");
}

#[test]
fn views_fold_into_reads() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4, 6]);
    let turned = make.op(Op::View(View::Transpose { axes: vec![1, 0] }), &[x]);
    let (start, count_) = (Dim::from(4), Dim::from(3));
    let sliced = make.op(Op::View(View::Slice { axis: 0, start, step: -2, count: count_ }), &[turned]);
    let (before, after) = (Dim::from(1), Dim::from(2));
    let padded = make.op(Op::View(View::Pad { axis: 1, before, after, value: Number(7.0) }), &[sliced]);
    let flat = make.op(Op::View(View::Reshape { to: vec![Dim::from(21)] }), &[padded]);
    let shaped = make.op(Op::View(View::Reshape { to: vec![Dim::from(3), Dim::from(7)] }), &[flat]);
    let y = make.map(&scalar::EXP, &[shaped]);
    make.out("y", y);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 1, "{program}");
}

#[test]
fn a_reshape_that_does_not_fold_is_computed() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4, 6]);
    let turned = make.op(Op::View(View::Transpose { axes: vec![1, 0] }), &[x]);
    let shaped = make.op(Op::View(View::Reshape { to: vec![Dim::from(8), Dim::from(3)] }), &[turned]);
    let turned = make.op(Op::View(View::Transpose { axes: vec![1, 0] }), &[shaped]);
    let y = make.map(&scalar::EXP, &[turned]);
    make.out("y", y);
    let program = fused(&make.graph());
    assert_eq!(count(&program), 2, "{program}");
}

#[test]
fn a_pad_of_another_pad_with_another_value_is_computed() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4]);
    let pad = |value: f64| {
        let (before, after, value) = (Dim::from(1), Dim::from(1), Number(value));
        View::Pad { axis: 0, before, after, value }
    };
    let inner = make.op(Op::View(pad(1.0)), &[x]);
    let outer = make.op(Op::View(pad(2.0)), &[inner]);
    let y = make.map(&scalar::EXP, &[outer]);
    let one = make.number(3.0, F);
    let ones = make.rows(one, &[4], &[]);
    let constant = make.op(Op::View(pad(2.0)), &[ones]);
    make.out("y", y);
    make.out("constant", constant);
    fused(&make.graph());
}

#[test]
fn packs_in_packs_and_values_in_two_packs() {
    let mut make = Make::default();
    let x = make.input("x", F, &[4]);
    let y = make.map(&scalar::EXP, &[x]);
    let inner = make.op(Op::Concat(Concat), &[y, x]);
    let outer = make.op(Op::Concat(Concat), &[y, inner, y]);
    make.out("inner", inner);
    make.out("outer", outer);
    let read = make.map(&scalar::NEG, &[outer]);
    make.out("read", read);
    fused(&make.graph());
}

#[test]
fn deep_networks_fuse_in_near_linear_time() {
    let mut make = Make::default();
    let n = 400;
    let params = make.input("params", F, &[n * 16]);
    let mut x = make.input("x", F, &[4, 4]);
    let windows: Vec<Val> = (0..n).map(|k| make.window(params, 16 * k, &[4, 4])).collect();
    for w in &windows {
        let product = make.matmul(x, *w);
        let activated = make.map(&scalar::TANH, &[product]);
        x = make.map(&scalar::ADD, &[x, activated]);
    }
    let loss = make.sum(x);
    let grads = grad(&mut make.builder, loss, &windows);
    let g = make.op(Op::Concat(Concat), &grads);
    let after = make.map(&scalar::SUB, &[params, g]);
    make.replace("params", 0, after);
    make.out("loss", loss);
    let graphs = Graphs { programs: vec![make.graph()], ..Graphs::default() };
    let start = std::time::Instant::now();
    let program = fuse(&graphs).programs.remove(0);
    let (took, kernels) = (start.elapsed(), count(&program));
    assert!(kernels < 4 * n, "{kernels}");
    assert!(took.as_secs() < 20, "{kernels} kernels took {took:?}");
}
