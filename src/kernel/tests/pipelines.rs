//! Optimizer pipelines: how many passes over the parameters they take.

use std::rc::Rc;

use super::{F, Make, count, fused, passes};
use crate::algebra::concat::Concat;
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::op::{Op, Val};
use crate::algebra::scalar;
use crate::algebra::segment::Segment;
use crate::algebra::types::DType;
use crate::graph::Graph;
use crate::kernel::Program;

/// What a stage of a pipeline is given.
struct Step {
    make: Make,
    n: usize,
    t: Val,
    w: Val,
    g: Val,
    real: DType,
    /// The next input.
    next: usize,
}

impl Step {
    fn new(sizes: &[usize], real: DType) -> Step {
        let mut make = Make::default();
        let n = sizes.iter().sum();
        let w = make.input("params", real, &[n]);
        let t = make.input("t", F, &[]);
        let parts: Vec<Val> =
            sizes.iter().enumerate().map(|(k, n)| make.input(&format!("x{k}"), real, &[*n])).collect();
        let grads: Vec<Val> = parts.iter().map(|part| make.map(&scalar::TANH, &[*part])).collect();
        let g = make.op(Op::Concat(Concat), &grads);
        Step { make, n, t, w, g, real, next: 2 + sizes.len() }
    }

    fn cell(&mut self, name: &str) -> Val {
        self.next += 1;
        self.make.input(name, F, &[])
    }

    fn state(&mut self, name: &str) -> (usize, Val) {
        self.next += 1;
        (self.next - 1, self.make.input(name, self.real, &[self.n]))
    }

    /// A number among numbers per coordinate.
    fn real(&mut self, scalar: Val) -> Val {
        self.make.cast(scalar, self.real)
    }

    /// `b * old + (1 - b) * new`.
    fn average(&mut self, b: Val, old: Val, new: Val) -> Val {
        let one = self.make.number(1.0, F);
        let rest = self.make.map(&scalar::SUB, &[one, b]);
        let (b, rest) = (self.real(b), self.real(rest));
        let kept = self.make.map(&scalar::MUL, &[b, old]);
        let added = self.make.map(&scalar::MUL, &[rest, new]);
        self.make.map(&scalar::ADD, &[kept, added])
    }

    fn adam(&mut self, u: Val) -> Val {
        let (lr, b1, b2) = (self.cell("lr"), self.cell("b1"), self.cell("b2"));
        let (km, m) = self.state("adam.m");
        let (kv, v) = self.state("adam.v");
        let m = self.average(b1, m, u);
        let square = self.make.map(&scalar::MUL, &[u, u]);
        let v = self.average(b2, v, square);
        self.make.replace("adam.m", km, m);
        self.make.replace("adam.v", kv, v);
        let (m, v) = (self.unbias(b1, m), self.unbias(b2, v));
        let root = self.make.map(&scalar::SQRT, &[v]);
        let eps = self.make.number(1e-8, self.real);
        let below = self.make.map(&scalar::ADD, &[root, eps]);
        let lr = self.real(lr);
        let above = self.make.map(&scalar::MUL, &[lr, m]);
        self.make.map(&scalar::DIV, &[above, below])
    }

    /// `x / (1 - b^t)`, with the power as `exp(t * log(b))`.
    fn unbias(&mut self, b: Val, x: Val) -> Val {
        let log = self.make.map(&scalar::LOG, &[b]);
        let power = self.make.map(&scalar::MUL, &[self.t, log]);
        let power = self.make.map(&scalar::EXP, &[power]);
        let one = self.make.number(1.0, F);
        let rest = self.make.map(&scalar::SUB, &[one, power]);
        let rest = self.real(rest);
        self.make.map(&scalar::DIV, &[x, rest])
    }

    fn eg_gain(&mut self, u: Val) -> Val {
        let (rate, beta) = (self.cell("rate"), self.cell("beta"));
        let (kp, p) = self.state("eg_gain.p");
        let (ka, avg) = self.state("eg_gain.avg");
        let a = self.make.map(&scalar::SIGN, &[self.g]);
        let b = self.make.map(&scalar::SIGN, &[avg]);
        let sign = self.make.map(&scalar::MUL, &[a, b]);
        let rate = self.real(rate);
        let power = self.make.map(&scalar::MUL, &[rate, sign]);
        let factor = self.make.map(&scalar::EXP, &[power]);
        let p = self.make.map(&scalar::MUL, &[p, factor]);
        let avg = self.average(beta, avg, self.g);
        self.make.replace("eg_gain.p", kp, p);
        self.make.replace("eg_gain.avg", ka, avg);
        self.make.map(&scalar::MUL, &[p, u])
    }

    fn eg_scale(&mut self, u: Val, pieces: Option<Rc<Segments>>) -> Val {
        let rate = self.cell("scale.rate");
        let ks = self.next;
        self.next += 1;
        let sizes: Vec<usize> = pieces.iter().map(|pieces| pieces.count()).collect();
        let s = self.make.input("eg_scale.s", F, &sizes);
        let (kh, h) = self.state("eg_scale.h");
        let dot = self.dot(self.g, h, &pieces);
        let (gg, hh) = (self.dot(self.g, self.g, &pieces), self.dot(h, h, &pieces));
        let (gg, hh) = (self.make.map(&scalar::SQRT, &[gg]), self.make.map(&scalar::SQRT, &[hh]));
        let norms = self.make.map(&scalar::MUL, &[gg, hh]);
        let cosine = self.make.map(&scalar::DIV, &[dot, norms]);
        let power = self.make.map(&scalar::MUL, &[rate, cosine]);
        let factor = self.make.map(&scalar::EXP, &[power]);
        let s = self.make.map(&scalar::MUL, &[s, factor]);
        self.make.replace("eg_scale.s", ks, s);
        self.make.replace("eg_scale.h", kh, u);
        let s = self.real(s);
        match pieces {
            Some(segments) => {
                let s = self.make.op(Op::Segment(Segment::Broadcast { segments }), &[s]);
                self.make.map(&scalar::MUL, &[s, u])
            }
            None => self.make.map(&scalar::MUL, &[s, u]),
        }
    }

    fn dot(&mut self, a: Val, b: Val, pieces: &Option<Rc<Segments>>) -> Val {
        let (a, b) = (self.make.cast(a, F), self.make.cast(b, F));
        let product = self.make.map(&scalar::MUL, &[a, b]);
        match pieces {
            None => self.make.sum(product),
            Some(segments) => {
                let (combine, segments) = (Reducer::Sum, segments.clone());
                self.make.op(Op::Segment(Segment::Reduce { combine, segments }), &[product])
            }
        }
    }

    fn graph(mut self, u: Val) -> Graph {
        let after = self.make.map(&scalar::SUB, &[self.w, u]);
        self.make.replace("params", 0, after);
        self.make.graph()
    }
}

#[test]
fn adam_is_one_pass() {
    let mut step = Step::new(&[5, 3, 4], DType::F32);
    let u = step.adam(step.g);
    let program = fused(&step.graph(u));
    assert_eq!(passes(&program).len(), 1, "{program}");
}

/// Names of the inputs that a kernel replaces.
fn replaced(program: &Program, k: usize) -> Vec<&str> {
    let stores = program.kernels[k].stores();
    let named = stores.filter_map(|(buffer, _)| program.buffers[buffer.0].name.as_deref());
    named.collect()
}

#[test]
fn a_pipeline_with_a_scale_is_two_passes() {
    for pieces in [None, Some(Rc::new(Segments { lengths: vec![5, 3, 4] }))] {
        let mut step = Step::new(&[5, 3, 4], DType::F32);
        let u = step.adam(step.g);
        let u = step.eg_gain(u);
        let u = step.eg_scale(u, pieces);
        let program = fused(&step.graph(u));
        let [first, second] = passes(&program)[..] else { panic!("{program}") };
        let moved = ["adam.m", "adam.v", "eg_gain.p", "eg_gain.avg", "eg_scale.h", "params"];
        assert_eq!(replaced(&program, first), ["eg_scale.s"], "{program}");
        assert_eq!(replaced(&program, second), moved, "{program}");
        assert_eq!(second + 1, count(&program), "{program}");
    }
}

#[test]
fn a_result_does_not_wait_for_commits() {
    let mut step = Step::new(&[5, 3], DType::F64);
    let norm = step.make.map(&scalar::MUL, &[step.w, step.w]);
    let norm = step.make.sum(norm);
    step.make.out("norm", norm);
    let g = step.g;
    let program = fused(&step.graph(g));
    assert_eq!(passes(&program), [count(&program) - 1], "{program}");
}
