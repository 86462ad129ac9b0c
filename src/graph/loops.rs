//! Loops, unrolled: each iteration is written down with its own number, so everything after this stage
//! sees values without control. Equal kernels of different iterations share one function in the end.

use super::build::{Evaluator, Frame};
use crate::algebra::concat::Concat;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::{Dim, Type};
use crate::algebra::view::View;
use crate::typed::Loop;

impl<'a> Evaluator<'a> {
    /// The carried values after the last iteration, and what has been collected.
    pub(super) fn repeat(&mut self, parts: &'a Loop, frame: &mut Frame<'a>) -> Vec<Val> {
        let number = |dim: &Dim| dim.substitute(&frame.sizes).as_constant().unwrap_or(0);
        let iterations = number(&parts.from)..number(&parts.to);
        let mut carried: Vec<Val> = Vec::new();
        for (_, start) in &parts.carried {
            carried.push(self.eval(start, frame));
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
            carried.push(self.stacked(values, parts.axis, &ty.substitute(&frame.sizes)));
        }
        carried
    }

    /// Values of one shape along a new axis.
    fn stacked(&mut self, values: &[Val], axis: usize, ty: &Type) -> Val {
        let packed = self.builder.emit(Op::Concat(Concat), values);
        let mut first = ty.shape.clone();
        let iterations = first.remove(axis);
        first.insert(0, iterations);
        let stacked = self.builder.emit(Op::View(View::Reshape { to: first }), &[packed]);
        let axes: Vec<usize> = (1..=axis).chain([0]).chain(axis + 1..ty.rank()).collect();
        self.builder.emit(Op::View(View::Transpose { axes }), &[stacked])
    }
}
