//! Random graphs: whatever is fused computes what the graph means.

use std::rc::Rc;

use super::{F, Make, fused};
use crate::algebra::concat::Concat;
use crate::algebra::contract::Contract;
use crate::algebra::fill::Fill;
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::number::Number;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar;
use crate::algebra::segment::Segment;
use crate::algebra::types::{Dim, Shape};
use crate::algebra::view::View;
use crate::graph::Graph;

/// A source of choices, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

fn shape(sizes: &[usize]) -> Shape {
    sizes.iter().map(|n| Dim::from(*n)).collect()
}

struct Maker {
    make: Make,
    dice: Dice,
    values: Vec<Val>,
}

impl Maker {
    fn sizes(&self, value: Val) -> Vec<usize> {
        self.make.builder.ty(value).sizes()
    }

    fn any(&mut self) -> Val {
        let k = self.dice.below(self.values.len());
        self.values[k]
    }

    /// A value of this shape, if there is one.
    fn like(&mut self, sizes: &[usize]) -> Option<Val> {
        let fits: Vec<Val> =
            self.values.iter().copied().filter(|value| self.sizes(*value) == sizes).collect();
        if fits.is_empty() { None } else { Some(fits[self.dice.below(fits.len())]) }
    }

    fn view(&mut self, view: View, arg: Val) -> Val {
        self.make.op(Op::View(view), &[arg])
    }

    /// One more value, if the dice allow.
    fn step(&mut self) -> Option<Val> {
        let a = self.any();
        let sizes = self.sizes(a);
        let pieces = Rc::new(Segments { lengths: vec![5, 3, 4] });
        Some(match self.dice.below(14) {
            0 => self.make.map(&scalar::TANH, &[a]),
            1..=3 => {
                let b = self.like(&sizes)?;
                let f = [&scalar::ADD, &scalar::MUL, &scalar::MAX][self.dice.below(3)];
                self.make.map(f, &[a, b])
            }
            4 if !sizes.is_empty() => {
                let axis = self.dice.below(sizes.len());
                let combine = [Reducer::Sum, Reducer::Max][self.dice.below(2)];
                let sum = self.make.reduce(combine, &[axis], a);
                self.make.map(&scalar::TANH, &[sum])
            }
            5 => {
                let sum = self.make.sum(a);
                self.make.map(&scalar::TANH, &[sum])
            }
            6 if sizes.len() < 2 => {
                let to = [&[3, 4], &[4, 3], &[1, 12], &[12, 1]][self.dice.below(4)];
                match sizes.first() {
                    None => self.make.rows(a, to, &[]),
                    Some(n) => {
                        let axis = to.iter().position(|size| size == n)?;
                        self.make.rows(a, to, &[axis])
                    }
                }
            }
            7 if sizes.len() == 2 => self.view(View::Transpose { axes: vec![1, 0] }, a),
            8 if sizes.iter().product::<usize>() == 12 => {
                let to: &[usize] = [&[12][..], &[3, 4], &[4, 3], &[2, 6], &[1, 12]][self.dice.below(5)];
                self.view(View::Reshape { to: shape(to) }, a)
            }
            9 if !sizes.is_empty() => {
                let axis = self.dice.below(sizes.len());
                let n = sizes[axis];
                let (start, count) = (Dim::from(n - 1), Dim::from(n));
                self.view(View::Slice { axis, start, step: -1, count }, a)
            }
            10 if !sizes.is_empty() => {
                let axis = self.dice.below(sizes.len());
                let n = sizes[axis];
                let value = Number(self.dice.below(2) as f64);
                let pad = View::Pad { axis, before: Dim::from(1), after: Dim::from(0), value };
                let padded = self.view(pad, a);
                let (start, count) = (Dim::from(0), Dim::from(n));
                self.view(View::Slice { axis, start, step: 1, count }, padded)
            }
            11 if sizes == [3, 4] => {
                let b = self.like(&[4, 3])?;
                let op = Contract { left: vec![0, 2], right: vec![2, 1], out: vec![0, 1] };
                let product = self.make.op(Op::Contract(op), &[a, b]);
                let sum = self.make.reduce(Reducer::Sum, &[self.dice.below(2)], product);
                self.make.map(&scalar::TANH, &[sum])
            }
            12 if sizes == [12] => {
                let op = Segment::Reduce { combine: Reducer::Sum, segments: pieces };
                let sum = self.make.op(Op::Segment(op), &[a]);
                self.make.map(&scalar::TANH, &[sum])
            }
            12 if sizes == [3] => self.make.op(Op::Segment(Segment::Broadcast { segments: pieces }), &[a]),
            13 if sizes.is_empty() => self.make.op(Op::Fill(Fill::Iota { dtype: F, to: shape(&[12]) }), &[]),
            13 => {
                let parts = [self.like(&[5]), self.like(&[3]), self.like(&[4])];
                let parts: Option<Vec<Val>> = parts.into_iter().collect();
                self.make.op(Op::Concat(Concat), &parts?)
            }
            _ => return None,
        })
    }
}

/// A graph of about `n` values.
fn random(seed: u64, n: usize) -> Graph {
    let mut maker = Maker { make: Make::default(), dice: Dice(seed), values: Vec::new() };
    let inputs: [&[usize]; 8] = [&[12], &[12], &[3, 4], &[4, 3], &[3], &[], &[5], &[4]];
    for (k, sizes) in inputs.iter().enumerate() {
        let value = maker.make.input(&format!("x{k}"), F, sizes);
        maker.values.push(value);
    }
    let states: Vec<Val> = maker.values.clone();
    for _ in 0..n {
        let next = maker.step();
        maker.values.extend(next);
    }
    for (k, state) in states.into_iter().enumerate() {
        if maker.dice.below(2) == 0 {
            let sizes = maker.sizes(state);
            let value = maker.like(&sizes).unwrap_or(state);
            maker.make.replace(&format!("new{k}"), k, value);
        }
    }
    for k in 0..3 {
        let value = maker.any();
        maker.make.out(&format!("y{k}"), value);
    }
    maker.make.graph()
}

#[test]
fn random_graphs_keep_their_meaning() {
    for seed in 0..1000 {
        for n in [6, 20, 60] {
            fused(&random(seed, n));
        }
    }
}
