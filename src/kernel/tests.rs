//! Graphs built by hand: what is fused, and that kernels compute what graphs mean.

use std::rc::Rc;

use super::{Home, Inst, Program, fuse, run};
use crate::algebra::contract::Contract;
use crate::algebra::form::{Combine, Segments};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::pack::Pack;
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::segment::Segment;
use crate::algebra::tensor::{Tensor, round};
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;
use crate::graph::builder::Builder;
use crate::graph::grad::grad;
use crate::graph::{Graph, Graphs, Output, Role, Target, eval};

const F: DType = DType::F64;

/// A builder with short words.
#[derive(Default)]
struct Make {
    builder: Builder,
    outputs: Vec<Output>,
}

impl Make {
    fn input(&mut self, name: &str, dtype: DType, sizes: &[usize]) -> Val {
        let role = Role::Recorded(0, name.to_owned());
        self.builder.input(name, role, Type::of(dtype, sizes))
    }

    fn op(&mut self, op: Op, args: &[Val]) -> Val {
        self.builder.emit(op, args)
    }

    fn map(&mut self, f: &'static Scalar, args: &[Val]) -> Val {
        let shaped = args.iter().copied().max_by_key(|arg| self.builder.ty(*arg).rank());
        let shape = self.builder.ty(shaped.unwrap_or(args[0])).shape.clone();
        let spread: Vec<Val> = args
            .iter()
            .map(
                |arg| {
                    if self.builder.ty(*arg).rank() == 0 { self.builder.spread(*arg, &shape) } else { *arg }
                },
            )
            .collect();
        self.builder.map(f, &spread)
    }

    fn number(&mut self, value: f64, dtype: DType) -> Val {
        self.builder.constant(value, &Type::scalar(dtype))
    }

    fn cast(&mut self, value: Val, dtype: DType) -> Val {
        self.builder.cast(value, dtype)
    }

    fn reduce(&mut self, combine: Combine, axes: &[usize], value: Val) -> Val {
        self.op(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), &[value])
    }

    fn sum(&mut self, value: Val) -> Val {
        let axes: Vec<usize> = (0..self.builder.ty(value).rank()).collect();
        self.reduce(Combine::Sum, &axes, value)
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
        self.outputs.push(Output { name: name.to_owned(), value, target: Target::Result });
    }

    /// The new value of an input; inputs are numbered in the order in which they were made.
    fn replace(&mut self, name: &str, input: usize, value: Val) {
        self.outputs.push(Output { name: name.to_owned(), value, target: Target::InPlace(input) });
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
