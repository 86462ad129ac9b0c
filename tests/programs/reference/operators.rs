//! Operators, element by element, from their definitions.

use egret::algebra::convolve::Convolve;
use egret::algebra::fill::Fill;
use egret::algebra::form::Reducer;
use egret::algebra::gather::Gather;
use egret::algebra::op::Op;
use egret::algebra::types::{DType, Type};
use egret::algebra::view::View;

use super::program::{Eval, Value};
use super::tape::{self, Num};

/// Calls `visit` with each position in a tensor of these sizes, row-major.
fn each(sizes: &[usize], mut visit: impl FnMut(&[usize])) {
    let count: usize = sizes.iter().product();
    let mut at = vec![0; sizes.len()];
    for _ in 0..count {
        visit(&at);
        for axis in (0..sizes.len()).rev() {
            at[axis] += 1;
            if at[axis] < sizes[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
}

/// The row-major place of a position.
fn flat(sizes: &[usize], at: &[usize]) -> usize {
    sizes.iter().zip(at).fold(0, |place, (size, at)| place * size + at)
}

impl Value {
    fn at(&self, at: &[usize]) -> Num {
        self.data[flat(&self.sizes, at)]
    }
}

impl Eval<'_> {
    /// An operator on values, of this type.
    pub(crate) fn operator(&mut self, op: &Op, args: &[Value], ty: &Type) -> Value {
        let (sizes, dtype) = (ty.sizes(), ty.dtype);
        let data = match op {
            Op::Map(map) => self.map(map.0.name, args, dtype),
            Op::Cast(_) => self.cast(&args[0], dtype),
            Op::Reduce(reduce) => self.reduce(reduce.combine, &reduce.axes, &args[0], &sizes, dtype),
            Op::Contract(contract) => {
                let (left, right, out) =
                    (contract.left.clone(), contract.right.clone(), contract.out.clone());
                self.products(&Convolve { left, right, out, windows: Vec::new() }, args, &sizes)
            }
            Op::Convolve(convolve) => self.products(convolve, args, &sizes),
            Op::View(view) => self.view(view, &args[0], &sizes),
            Op::Fill(Fill::Const { value, .. }) => {
                let number = self.number(value.0, dtype);
                vec![number; sizes.iter().product()]
            }
            Op::Fill(Fill::Iota { .. }) => {
                (0..sizes.iter().product::<usize>()).map(|k| self.number(k as f64, dtype)).collect()
            }
            Op::Gather(Gather::Take { axis }) => self.take_along(*axis, &args[0], &args[1], &sizes),
            Op::PrefixSum(sum) => self.prefix_sum(sum.axis, sum.reverse, &args[0]),
            Op::Ranks(ranks) => self.ranks(ranks.axis, ranks.descending, &args[0]),
            Op::Gather(Gather::Scatter { axis, .. }) => self.scatter(*axis, &args[0], &args[1], &sizes),
            Op::Barrier(_) => args[0].data.clone(),
            Op::Concat(_) => args.iter().flat_map(|arg| arg.data.clone()).collect(),
            Op::Fill(Fill::Random { .. }) | Op::Col2Im(_) | Op::Segment(_) => {
                panic!("the reference has no {}", op.rules().name())
            }
        };
        Value { sizes, data, dtype }
    }

    fn map(&mut self, name: &'static str, args: &[Value], dtype: DType) -> Vec<Num> {
        let whole = args[0].dtype.is_int() && dtype.is_int();
        let bits = if dtype == DType::I64 { 64 } else { 32 };
        (0..args[0].data.len())
            .map(|k| {
                let nums: Vec<Num> = args.iter().map(|arg| arg.data[k]).collect();
                if !whole {
                    return self.tape.apply(name, &nums);
                }
                let values: Vec<f64> = nums.iter().map(|num| self.tape.value(*num)).collect();
                self.tape.leaf(tape::whole(name, &values, bits))
            })
            .collect()
    }

    fn cast(&mut self, arg: &Value, dtype: DType) -> Vec<Num> {
        if arg.dtype.is_float() && dtype.is_float() || !arg.dtype.is_float() && dtype.is_float() {
            return arg.data.clone();
        }
        let values: Vec<f64> = arg.data.iter().map(|num| self.tape.value(*num)).collect();
        let saturates = arg.dtype.is_float();
        let whole = |value: f64| match dtype {
            DType::Bool => f64::from(value != 0.0),
            DType::I32 if saturates => f64::from(value as i32),
            DType::I32 => f64::from(value as i64 as i32),
            _ => value as i64 as f64,
        };
        values.into_iter().map(|value| self.tape.leaf(whole(value))).collect()
    }

    fn reduce(
        &mut self,
        combine: Reducer,
        axes: &[usize],
        arg: &Value,
        sizes: &[usize],
        dtype: DType,
    ) -> Vec<Num> {
        let mut parts = vec![Vec::new(); sizes.iter().product()];
        each(&arg.sizes, |at| {
            let kept: Vec<usize> =
                (0..at.len()).filter(|axis| !axes.contains(axis)).map(|axis| at[axis]).collect();
            parts[flat(sizes, &kept)].push(arg.at(at));
        });
        parts.into_iter().map(|part| self.combined(combine, &part, dtype)).collect()
    }

    fn combined(&mut self, combine: Reducer, part: &[Num], dtype: DType) -> Num {
        if !dtype.is_float() {
            return self.combined_whole(combine, part, dtype);
        }
        match combine {
            Reducer::Sum => self.tape.linear(part.iter().map(|num| (*num, 1.0)).collect()),
            Reducer::Prod => {
                let one = self.tape.leaf(1.0);
                part.iter().fold(one, |product, num| self.tape.mul(product, *num))
            }
            Reducer::Max => self.tape.extreme(part, true),
            Reducer::Min => self.tape.extreme(part, false),
        }
    }

    fn combined_whole(&mut self, combine: Reducer, part: &[Num], dtype: DType) -> Num {
        let (name, first) = match (combine, dtype) {
            (Reducer::Sum, _) => ("add", 0.0),
            (Reducer::Prod, _) => ("mul", 1.0),
            (Reducer::Max, DType::Bool) => ("max", 0.0),
            (Reducer::Min, DType::Bool) => ("min", 1.0),
            (Reducer::Max, DType::I64) => ("max", i64::MIN as f64),
            (Reducer::Min, DType::I64) => ("min", i64::MAX as f64),
            (Reducer::Max, _) => ("max", f64::from(i32::MIN)),
            (Reducer::Min, _) => ("min", f64::from(i32::MAX)),
        };
        let bits = if dtype == DType::I64 { 64 } else { 32 };
        let values = part.iter().map(|num| self.tape.value(*num));
        let value = values.fold(first, |sum, value| tape::whole(name, &[sum, value], bits));
        self.tape.leaf(value)
    }

    /// Products summed over the labels that the result lacks.
    fn products(&mut self, op: &Convolve, args: &[Value], sizes: &[usize]) -> Vec<Num> {
        let mut extents: Vec<(usize, usize)> = op.out.iter().copied().zip(sizes.iter().copied()).collect();
        for (labels, arg) in [(&op.right, &args[1]), (&op.left, &args[0])] {
            for (label, size) in labels.iter().zip(&arg.sizes) {
                let walked = op.windows.iter().any(|window| window.at == *label);
                if !walked && !extents.iter().any(|(have, _)| have == label) {
                    extents.push((*label, *size));
                }
            }
        }
        let all: Vec<usize> = extents.iter().map(|(_, size)| *size).collect();
        let mut terms = vec![Vec::new(); sizes.iter().product()];
        each(&all, |at| {
            let value = |label: usize| extents.iter().position(|(have, _)| *have == label).map(|k| at[k]);
            let place = |label: &usize| match op.windows.iter().find(|window| window.at == *label) {
                Some(window) => {
                    let (step, tap) = (value(window.step).unwrap_or(0), value(window.tap).unwrap_or(0));
                    window.stride.size() * step + window.dilation.size() * tap
                }
                None => value(*label).unwrap_or(0),
            };
            let element =
                |labels: &[usize], arg: &Value| arg.at(&labels.iter().map(place).collect::<Vec<_>>());
            let pair = (element(&op.left, &args[0]), element(&op.right, &args[1]));
            terms[flat(sizes, &at[..sizes.len()])].push(pair);
        });
        let whole = !args[0].dtype.is_float();
        terms.into_iter().map(|pairs| self.dot(&pairs, whole)).collect()
    }

    fn dot(&mut self, pairs: &[(Num, Num)], whole: bool) -> Num {
        if whole {
            let values = pairs.iter().map(|(a, b)| self.tape.value(*a) * self.tape.value(*b));
            let sum = values.sum::<f64>();
            return self.tape.leaf(f64::from(sum as i64 as i32));
        }
        let products: Vec<(Num, f64)> = pairs.iter().map(|(a, b)| (self.tape.mul(*a, *b), 1.0)).collect();
        self.tape.linear(products)
    }

    fn view(&mut self, view: &View, arg: &Value, sizes: &[usize]) -> Vec<Num> {
        let mut data = Vec::new();
        match view {
            View::Reshape { .. } => return arg.data.clone(),
            View::Window { start, .. } => {
                return arg.data[*start..start + sizes.iter().product::<usize>()].to_vec();
            }
            View::Broadcast { axes, .. } => each(sizes, |at| {
                let from =
                    axes.iter().zip(&arg.sizes).map(|(axis, size)| if *size == 1 { 0 } else { at[*axis] });
                data.push(arg.at(&from.collect::<Vec<_>>()));
            }),
            View::Transpose { axes } => each(sizes, |at| {
                let mut from = vec![0; at.len()];
                axes.iter().zip(at).for_each(|(axis, at)| from[*axis] = *at);
                data.push(arg.at(&from));
            }),
            View::Slice { axis, start, step, .. } => each(sizes, |at| {
                let mut from = at.to_vec();
                from[*axis] = (start.size() as i64 + step * at[*axis] as i64) as usize;
                data.push(arg.at(&from));
            }),
            View::Pad { axis, before, value, .. } => {
                let value = self.number(value.0, arg.dtype);
                each(sizes, |at| {
                    let mut from = at.to_vec();
                    from[*axis] = at[*axis].wrapping_sub(before.size());
                    let inside = from[*axis] < arg.sizes[*axis];
                    data.push(if inside { arg.at(&from) } else { value });
                });
            }
            View::Unfold { axis, stride, dilation, .. } => each(sizes, |at| {
                let mut from = at.to_vec();
                let tap = from.remove(axis + 1);
                from[*axis] = stride.size() * at[*axis] + dilation.size() * tap;
                data.push(arg.at(&from));
            }),
        }
        data
    }

    fn take_along(&mut self, axis: usize, table: &Value, index: &Value, sizes: &[usize]) -> Vec<Num> {
        let mut data = Vec::new();
        let rank = index.sizes.len();
        each(sizes, |at| {
            let picked = self.tape.value(index.at(&at[axis..axis + rank]));
            let from = [&at[..axis], &[picked as usize], &at[axis + rank..]].concat();
            data.push(table.at(&from));
        });
        data
    }

    /// Sums of the values with one position, in their order.
    fn scatter(&mut self, axis: usize, values: &Value, index: &Value, sizes: &[usize]) -> Vec<Num> {
        let mut data = Vec::new();
        let rank = index.sizes.len();
        each(sizes, |at| {
            let mut part = Vec::new();
            each(&index.sizes, |from| {
                if self.tape.value(index.at(from)) as usize == at[axis] {
                    part.push((values.at(&[&at[..axis], from, &at[axis + 1..]].concat()), 1.0));
                }
            });
            debug_assert_eq!(values.sizes.len(), sizes.len() + rank - 1);
            data.push(part);
        });
        let whole = !values.dtype.is_float();
        data.into_iter().map(|part| self.sum(part, whole)).collect()
    }

    /// How many elements along the axis come before each one: by their value, or equal ones by their place.
    fn ranks(&mut self, axis: usize, descending: bool, arg: &Value) -> Vec<Num> {
        let mut ranks = Vec::new();
        each(&arg.sizes, |at| {
            let element = |k: usize| {
                let mut from = at.to_vec();
                from[axis] = k;
                self.tape.value(arg.at(&from))
            };
            let here = element(at[axis]);
            let comes = |k: usize| {
                let there = element(k);
                let (low, high) = if descending { (here, there) } else { (there, here) };
                let equal = there == here || there.is_nan() && here.is_nan();
                low < high || !there.is_nan() && here.is_nan() || equal && k < at[axis]
            };
            ranks.push((0..arg.sizes[axis]).filter(|k| comes(*k)).count());
        });
        ranks.into_iter().map(|rank| self.tape.leaf(rank as f64)).collect()
    }

    fn prefix_sum(&mut self, axis: usize, reverse: bool, arg: &Value) -> Vec<Num> {
        let mut parts: Vec<Vec<(Num, f64)>> = Vec::new();
        each(&arg.sizes, |at| {
            let upto = if reverse { at[axis]..arg.sizes[axis] } else { 0..at[axis] + 1 };
            let element = |k: usize| {
                let mut from = at.to_vec();
                from[axis] = k;
                (arg.at(&from), 1.0)
            };
            parts.push(upto.map(element).collect());
        });
        let whole = !arg.dtype.is_float();
        parts.into_iter().map(|part| self.sum(part, whole)).collect()
    }

    fn sum(&mut self, part: Vec<(Num, f64)>, whole: bool) -> Num {
        let num = self.tape.linear(part);
        if whole { self.tape.stop(num) } else { num }
    }
}
