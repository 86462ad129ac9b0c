//! The meaning of the language: evaluates any form naively.
//!
//! One point at a time in row-major order, in double precision, each result rounded to its element
//! type. Values along reduced axes are put together in ascending order and rounded once, at the end.
//! Nothing is allocated per point: tests evaluate whole training steps with this.

#[cfg(test)]
mod tests;

use super::form::{AxisSize, Form, Index, Read, Reducer};
use super::op::{Mismatch, Op};
use super::scalar;
use super::tensor::{Tensor, round};
use super::term::{Node, Term};
use super::types::{DType, Type};
use crate::ice;

/// The value of an operator on values, by its form.
pub fn eval(op: &Op, args: &[&Tensor]) -> Tensor {
    let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
    let rules = op.rules();
    let ty = rules.infer(&types).unwrap_or_else(|mismatch| {
        let Mismatch { expected, arg } = mismatch;
        ice!("eval", "{} wants {expected} as operand {arg}", rules.name())
    });
    eval_form(&rules.form(&types), args, &ty)
}

/// The value of a form on values, as a tensor of type `ty`.
///
/// # Panics
/// If a read without a value for `outside` leaves its argument.
pub fn eval_form(form: &Form, args: &[&Tensor], ty: &Type) -> Tensor {
    let mut nest = Nest::new(form, args, ty.dtype);
    nest.results(0);
    assert_eq!(nest.out.len(), ty.count(), "form and type {ty} disagree");
    Tensor { ty: ty.clone(), data: nest.out }
}

/// One evaluation of a form.
struct Nest<'a> {
    form: &'a Form,
    reads: Vec<Cursor<'a>>,
    code: StraightLine,
    dtype: DType,
    /// Floats become integers by dropping the fraction, and stay in range.
    saturates: bool,
    /// The position along each loop axis (there is one even if there are no axes).
    at: Vec<usize>,
    /// The values of the reads at this point.
    xs: Vec<f64>,
    out: Vec<f64>,
}

impl<'a> Nest<'a> {
    fn new(form: &'a Form, args: &[&'a Tensor], dtype: DType) -> Nest<'a> {
        let reads: Vec<Cursor> = form.reads.iter().map(|read| Cursor::new(read, args[read.arg])).collect();
        let from_float = form.reads.iter().any(|read| args[read.arg].ty.dtype.is_float());
        Nest {
            form,
            code: StraightLine::new(&form.body),
            dtype,
            saturates: from_float && dtype.is_int(),
            at: vec![0; form.axes.len().max(1)],
            xs: vec![0.0; reads.len()],
            out: Vec::with_capacity(form.count()),
            reads,
        }
    }

    fn extent(&self, depth: usize) -> usize {
        match self.form.axes.get(depth) {
            None => 1,
            Some(AxisSize::Fixed(n)) => *n,
            Some(AxisSize::Ragged(segments)) => segments.lengths[self.at[depth - 1]],
        }
    }

    /// Computes the results at and below a result axis.
    fn results(&mut self, depth: usize) {
        let (n_axes, n_out) = (self.form.axes.len(), self.form.n_out);
        if depth == n_out && n_out < n_axes {
            let combined = self.reduced(depth, start(self.form.combine, self.dtype));
            return self.push(combined);
        }
        if depth + 1 >= n_axes {
            self.begin_row(depth);
            for step in 0..self.extent(depth) {
                let value = self.point(depth, step);
                self.push(value);
            }
            return;
        }
        for step in 0..self.extent(depth) {
            self.at[depth] = step;
            self.results(depth + 1);
        }
    }

    /// Puts the values at and below a reduced axis together with those before them.
    fn reduced(&mut self, depth: usize, mut sum: f64) -> f64 {
        let combine = self.form.combine;
        if depth + 1 < self.form.axes.len() {
            for step in 0..self.extent(depth) {
                self.at[depth] = step;
                sum = self.reduced(depth + 1, sum);
            }
            return sum;
        }
        self.begin_row(depth);
        let extent = self.extent(depth);
        if let (Reducer::Sum, true, [a, b]) = (combine, self.code.is_product, self.reads.as_slice())
            && a.is_plain
            && b.is_plain
        {
            return a.row(extent).zip(b.row(extent)).fold(sum, |sum, (a, b)| sum + a * b);
        }
        for step in 0..extent {
            let value = self.point(depth, step);
            sum = combine.apply(sum, value);
        }
        sum
    }

    fn begin_row(&mut self, depth: usize) {
        self.at[depth] = 0;
        self.reads.iter_mut().for_each(|read| read.begin_row(depth, &self.at));
    }

    /// The body's value at one position along the last axis.
    fn point(&mut self, depth: usize, step: usize) -> f64 {
        self.at[depth] = step;
        for (k, read) in self.reads.iter().enumerate() {
            self.xs[k] = match read.is_plain {
                true => read.data[(read.base + step as i64 * read.step) as usize],
                false => read.value(&self.at, &self.xs),
            };
        }
        self.code.run(&self.xs, &self.at)
    }

    fn push(&mut self, value: f64) {
        let value = match (self.saturates, self.dtype) {
            (true, DType::I32) => f64::from(value as i32),
            _ => round(self.dtype, value),
        };
        self.out.push(value);
    }
}

/// What an empty reduction gives in an element type.
fn start(combine: Reducer, dtype: DType) -> f64 {
    match dtype {
        DType::Bool => combine.start().clamp(0.0, 1.0),
        DType::I32 => combine.start().clamp(f64::from(i32::MIN), f64::from(i32::MAX)),
        DType::I64 => combine.start().clamp(i64::MIN as f64, i64::MAX as f64),
        DType::F32 | DType::F64 => combine.start(),
    }
}

/// One read on its way through an argument.
struct Cursor<'a> {
    data: &'a [f64],
    dims: Vec<AxisPosition<'a>>,
    outside: Option<f64>,
    /// Never outside and without a gather: along a row it advances by a fixed `step`.
    is_plain: bool,
    base: i64,
    step: i64,
}

/// A position along one axis of an argument.
struct AxisPosition<'a> {
    index: &'a Index,
    /// Starts of the pieces, if the index is into pieces.
    starts: Vec<usize>,
    size: i64,
    stride: i64,
}

impl AxisPosition<'_> {
    fn position(&self, at: &[usize]) -> i64 {
        let piece = self.index.piece.as_ref().map_or(0, |(_, axis)| self.starts[at[*axis]] as i64);
        let terms = self.index.terms.iter().map(|(axis, coefficient)| coefficient * at[*axis] as i64);
        self.index.offset + piece + terms.sum::<i64>()
    }

    fn step(&self, axis: usize) -> i64 {
        self.index.terms.iter().filter(|(term, _)| *term == axis).map(|(_, by)| by).sum()
    }
}

impl<'a> Cursor<'a> {
    fn new(read: &'a Read, arg: &'a Tensor) -> Cursor<'a> {
        let sizes = match read.index.len() == arg.ty.rank() {
            true => arg.ty.sizes(),
            false => vec![arg.ty.count()],
        };
        assert_eq!(sizes.len(), read.index.len(), "rank of a read");
        let mut stride = arg.data.len() as i64;
        let along = |(index, size): (&'a Index, &usize)| {
            stride /= (*size as i64).max(1);
            let starts = index.piece.as_ref().map(|(segments, _)| segments.starts()).unwrap_or_default();
            AxisPosition { index, starts, size: *size as i64, stride }
        };
        let dims: Vec<AxisPosition> = read.index.iter().zip(&sizes).map(along).collect();
        let varies = |index: &Index| index.gather.is_some() || index.piece.is_some();
        let is_plain = read.outside.is_none() && !read.index.iter().any(varies);
        Cursor { data: &arg.data, dims, outside: read.outside, is_plain, base: 0, step: 0 }
    }

    fn begin_row(&mut self, axis: usize, at: &[usize]) {
        if self.is_plain {
            self.base = self.dims.iter().map(|dim| dim.stride * dim.position(at)).sum();
            self.step = self.dims.iter().map(|dim| dim.stride * dim.step(axis)).sum();
        }
    }

    /// The elements of a row.
    fn row(&self, extent: usize) -> impl Iterator<Item = f64> {
        (0..extent as i64).map(|step| self.data[(self.base + step * self.step) as usize])
    }

    fn value(&self, at: &[usize], xs: &[f64]) -> f64 {
        let mut flat = 0;
        for dim in &self.dims {
            let position = dim.position(at) + dim.index.gather.map_or(0, |read| xs[read] as i64);
            if position < 0 || position >= dim.size {
                return self
                    .outside
                    .unwrap_or_else(|| ice!("eval", "position {position} in size {}", dim.size));
            }
            flat += position * dim.stride;
        }
        self.data[flat as usize]
    }
}

/// A term as straight-line code: shared subterms are computed once.
struct StraightLine {
    steps: Vec<StraightLineOp>,
    values: Vec<f64>,
    operands: Vec<f64>,
    /// The term is `x0 * x1`.
    is_product: bool,
}

enum StraightLineOp {
    X(usize),
    Axis(usize),
    Const(f64),
    Call(fn(&[f64]) -> f64, Vec<usize>),
}

impl StraightLine {
    fn new(term: &Term) -> StraightLine {
        let mut steps = Vec::new();
        add_steps(term, &mut steps, &mut Vec::new());
        let is_product = match &*term.0 {
            Node::Call(row, args) => {
                let x = |k: usize| matches!(&*args[k].0, Node::X(read) if *read == k);
                std::ptr::eq(*row, &scalar::MUL) && x(0) && x(1)
            }
            _ => false,
        };
        StraightLine { values: vec![0.0; steps.len()], operands: Vec::new(), steps, is_product }
    }

    fn run(&mut self, xs: &[f64], at: &[usize]) -> f64 {
        for (k, step) in self.steps.iter().enumerate() {
            self.values[k] = match step {
                StraightLineOp::X(read) => xs[*read],
                StraightLineOp::Axis(axis) => at[*axis] as f64,
                StraightLineOp::Const(value) => *value,
                StraightLineOp::Call(eval, args) => {
                    self.operands.clear();
                    self.operands.extend(args.iter().map(|arg| self.values[*arg]));
                    eval(&self.operands)
                }
            };
        }
        self.values.last().copied().unwrap_or(0.0)
    }
}

/// Appends what a term needs and gives the place of its value.
fn add_steps(term: &Term, steps: &mut Vec<StraightLineOp>, seen: &mut Vec<(*const Node, usize)>) -> usize {
    let node = std::rc::Rc::as_ptr(&term.0);
    if let Some((_, place)) = seen.iter().find(|(have, _)| *have == node) {
        return *place;
    }
    let step = match &*term.0 {
        Node::X(k) => StraightLineOp::X(*k),
        Node::Axis(k) => StraightLineOp::Axis(*k),
        Node::Const(value) => StraightLineOp::Const(*value),
        Node::Call(row, args) => {
            StraightLineOp::Call(row.eval, args.iter().map(|arg| add_steps(arg, steps, seen)).collect())
        }
        Node::G | Node::Y => ice!("eval", "a derivative's hole in the form {term}"),
    };
    steps.push(step);
    seen.push((node, steps.len() - 1));
    steps.len() - 1
}
