//! Loops. One whose iterations are alike stays a loop; else each iteration is written down with its own number, so
//! that what comes after this stage sees values without control. Equal kernels of different iterations share one
//! function in the end.

use std::collections::BTreeMap;

use super::build::{Evaluator, Frame};
use super::calls::CallCache;
use crate::algebra::concat::Concat;
use crate::algebra::fill::Fill;
use crate::algebra::gather::Gather;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::ice;
use crate::typed::Loop;

/// A loop that is open.
#[derive(Clone, Debug)]
pub(super) struct OpenLoop {
    /// The number of the iteration.
    var: SizeVar,
    from: i64,
    count: usize,
}

impl<'a> Evaluator<'a> {
    /// The carried values after the last iteration, and what has been collected.
    pub(super) fn repeat(&mut self, parts: &'a Loop, frame: &mut Frame<'a>) -> Vec<Val> {
        let number = |dim: &Dim| dim.substitute(&frame.sizes).as_constant().unwrap_or(0);
        let iterations = number(&parts.from)..number(&parts.to);
        let mut carried: Vec<Val> = Vec::new();
        for (_, start) in &parts.carried {
            carried.push(self.eval(start, frame));
        }
        let count = iterations.end.saturating_sub(iterations.start);
        if self.program().stays(parts, count) {
            return self.region(parts, iterations.start, iterations.end, carried, frame);
        }
        let mut collected = vec![Vec::new(); parts.collected.len()];
        for iteration in iterations {
            frame.sizes.insert(parts.iteration.clone(), Dim::constant(iteration));
            for ((local, _), value) in parts.carried.iter().zip(&carried) {
                frame.bind(*local, *value);
            }
            let mut next = self.values(&parts.body, frame);
            let gathered = next.split_off(carried.len());
            collected.iter_mut().zip(gathered).for_each(|(all, value)| all.push(value));
            carried = next;
        }
        frame.sizes.remove(&parts.iteration);
        for (values, ty) in collected.iter().zip(&parts.collected) {
            let packed = self.builder.emit(Op::Concat(Concat), values);
            carried.push(self.stacked(packed, parts.axis, &ty.substitute(&frame.sizes)));
        }
        carried
    }

    /// A loop that stays one.
    fn region(
        &mut self,
        parts: &'a Loop,
        from: i64,
        to: i64,
        starts: Vec<Val>,
        frame: &Frame<'a>,
    ) -> Vec<Val> {
        let count = (to - from) as usize;
        self.builder.open(count, false);
        let mut inner = frame.clone();
        inner.sizes.remove(&parts.iteration);
        for local in inner.locals.iter_mut().flatten() {
            *local = self.builder.import(*local);
        }
        for (k, ((local, _), start)) in parts.carried.iter().zip(&starts).enumerate() {
            inner.bind(*local, self.builder.carry(k, *start));
        }
        let before = self.enter(OpenLoop { var: parts.iteration.clone(), from, count });
        let values = self.values(&parts.body, &mut inner);
        self.leave(before);
        let made = self.builder.close(&values[..starts.len()]);
        let mut results: Vec<Val> = (0..starts.len()).map(|k| self.builder.result(made, k)).collect();
        for (value, ty) in values[starts.len()..].iter().zip(&parts.collected) {
            let all = self.builder.in_all(made, *value);
            results.push(self.stacked(all, parts.axis, &ty.substitute(&frame.sizes)));
        }
        results
    }

    /// Values of one shape one after another, as values along a new axis.
    fn stacked(&mut self, packed: Val, axis: usize, ty: &Type) -> Val {
        let mut first = ty.shape.clone();
        let iterations = first.remove(axis);
        first.insert(0, iterations);
        let shaped = self.builder.ty(packed).shape == first;
        let stacked = match shaped {
            true => packed,
            false => self.builder.emit(Op::View(View::Reshape { to: first }), &[packed]),
        };
        let axes: Vec<usize> = (1..=axis).chain([0]).chain(axis + 1..ty.rank()).collect();
        self.builder.emit(Op::View(View::Transpose { axes }), &[stacked])
    }

    /// An operator whose attributes mention the number of an iteration: a slice, which begins there.
    pub(super) fn slice_of_iteration(&mut self, op: &Op, args: &[Val]) -> Option<Val> {
        let Op::View(View::Slice { axis, start, step, count }) = op else { return None };
        if start.as_constant().is_some() {
            return None;
        }
        let part = self.at_iteration(args[0], *axis, start).filter(|_| count.as_constant() == Some(1));
        let index = |this: &mut Self| {
            let first = this.iteration_number(start, DType::I32);
            let n = count.size();
            let to = vec![Dim::from(n)];
            let iota = Op::Fill(Fill::Iota { dtype: DType::I32, to: to.clone() });
            let places = this.builder.emit(iota, &[]);
            let by = this.builder.constant(*step as f64, &Type::of(DType::I32, &[n]));
            let places = this.builder.map(&scalar::MUL, &[places, by]);
            let first = this.builder.broadcast(first, &to);
            this.builder.map(&scalar::ADD, &[first, places])
        };
        Some(part.unwrap_or_else(|| {
            let index = index(self);
            self.builder.emit(Op::Gather(Gather::Take { axis: *axis }), &[args[0], index])
        }))
    }

    /// The part of a value from outside of the innermost loop that its iteration is about.
    fn at_iteration(&mut self, value: Val, axis: usize, start: &Dim) -> Option<Val> {
        let open = self.open.last()?.clone();
        let (by, rest) = start.split(&open.var)?;
        let (1 | -1, first) = (by, rest.as_constant()? + by * open.from) else { return None };
        let mut shape = self.builder.ty(value).shape.clone();
        let whole = self.builder.invariant(value)?;
        let outer = self.builder.outer();
        let size = outer.ty(whole).shape[axis].size() as i64;
        let count = Dim::from(open.count);
        let mut all = whole;
        if (first, by, open.count as i64) != (0, 1, size) {
            let slice = View::Slice { axis, start: Dim::constant(first), step: by, count };
            all = outer.emit(Op::View(slice), &[all]);
        }
        let axes: Vec<usize> = [axis].into_iter().chain((0..shape.len()).filter(|k| *k != axis)).collect();
        if axis > 0 {
            all = outer.emit(Op::View(View::Transpose { axes }), &[all]);
        }
        let part = self.builder.slice(all);
        shape[axis] = Dim::constant(1);
        Some(self.builder.emit(Op::View(View::Reshape { to: shape }), &[part]))
    }

    /// A size that mentions numbers of iterations, as a number.
    pub(super) fn iteration_number(&mut self, dim: &Dim, dtype: DType) -> Val {
        let level = self.open.iter().rposition(|open| dim.vars().any(|var| *var == open.var));
        let ty = Type::scalar(dtype);
        let Some(level) = level else {
            let number = dim.as_constant().unwrap_or_else(|| ice!("build", "size {dim} is not known yet"));
            return self.builder.constant(number as f64, &ty);
        };
        let open = self.open[level].clone();
        let Some((by, rest)) = dim.split(&open.var) else { ice!("build", "{dim} is no sum of numbers") };
        let mine = self.iteration(self.open.len() - 1 - level, &open, by, dtype);
        if rest == Dim::default() {
            return mine;
        }
        let rest = self.iteration_number(&rest, dtype);
        self.builder.map(&scalar::ADD, &[mine, rest])
    }

    /// A multiple of the number of the iteration of a loop, that so many loops are open in.
    fn iteration(&mut self, inside: usize, open: &OpenLoop, by: i64, dtype: DType) -> Val {
        number_at(&mut self.builder, inside, open, by, dtype)
    }
}

/// See [`Evaluator::iteration`]: the numbers are computed outside of the loop, and are a slice there.
fn number_at(
    builder: &mut super::builder::Builder,
    inside: usize,
    open: &OpenLoop,
    by: i64,
    dtype: DType,
) -> Val {
    if inside > 0 {
        let value = number_at(builder.outer(), inside - 1, open, by, dtype);
        return builder.import(value);
    }
    let outer = builder.outer();
    let to = vec![Dim::from(open.count)];
    let ty = Type::new(dtype, to.clone());
    let mut all = outer.emit(Op::Fill(Fill::Iota { dtype, to }), &[]);
    if by != 1 {
        let by = outer.constant(by as f64, &ty);
        all = outer.map(&scalar::MUL, &[all, by]);
    }
    if open.from != 0 {
        let from = outer.constant((by * open.from) as f64, &ty);
        all = outer.map(&scalar::ADD, &[all, from]);
    }
    builder.slice(all)
}

/// What is known of values outside of a loop's body while that is built.
pub(super) struct Before {
    given: CallCache,
    assigned: BTreeMap<String, Val>,
    point: Option<Val>,
}

impl Evaluator<'_> {
    /// Takes what is known of values into the body of a loop.
    fn enter(&mut self, open: OpenLoop) -> Before {
        self.open.push(open);
        let given = std::mem::take(&mut self.given);
        let (assigned, point) = (self.assigned.clone(), self.point);
        for value in self.assigned.values_mut().chain(&mut self.point) {
            *value = self.builder.import(*value);
        }
        Before { given, assigned, point }
    }

    fn leave(&mut self, before: Before) {
        self.open.pop();
        (self.given, self.assigned, self.point) = (before.given, before.assigned, before.point);
    }
}
