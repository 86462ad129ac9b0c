//! Laws that hold for every sample of every operator family.

use std::rc::Rc;

use super::build::{add, constant, contract, div, map, mul, splice, sub, sum};
use super::eval::eval;
use super::form::{AxisSize, Reducer, Segments};
use super::op::{Build, Op, Sample, Val, samples};
use super::reduce::Reduce;
use super::scalar;
use super::segment::Segment;
use super::tensor::Tensor;
use super::term::{c, call, g, x};
use super::types::{DType, Type};

/// A graph that computes each value as soon as it is written down.
#[derive(Default)]
struct EagerGraph {
    values: Vec<Tensor>,
    defs: Vec<Option<(Op, Vec<Val>)>>,
}

impl Build for EagerGraph {
    fn emit(&mut self, op: Op, args: &[Val]) -> Val {
        let values: Vec<&Tensor> = args.iter().map(|arg| self.value(*arg)).collect();
        let value = eval(&op, &values);
        self.push(value, Some((op, args.to_vec())))
    }

    fn ty(&self, value: Val) -> &Type {
        &self.value(value).ty
    }
}

impl EagerGraph {
    fn push(&mut self, value: Tensor, def: Option<(Op, Vec<Val>)>) -> Val {
        self.values.push(value);
        self.defs.push(def);
        Val(self.values.len() as u32 - 1)
    }

    fn input(&mut self, value: &Tensor) -> Val {
        self.push(value.clone(), None)
    }

    fn value(&self, value: Val) -> &Tensor {
        &self.values[value.0 as usize]
    }

    /// The gradients of one number.
    fn grad(&mut self, of: Val, by: &[Val]) -> Vec<Option<Val>> {
        let mut grads: Vec<Option<Val>> = vec![None; self.values.len()];
        let ty = self.ty(of).clone();
        grads[of.0 as usize] = Some(constant(self, 1.0, &ty));
        for index in (0..=of.0 as usize).rev() {
            let (Some(grad), Some((op, args))) = (grads[index], self.defs[index].clone()) else { continue };
            let by_args = op.vjp(self, &args, Val(index as u32), grad);
            assert_eq!(by_args.len(), args.len());
            for (arg, new) in args.iter().zip(by_args) {
                let Some(new) = new else { continue };
                assert_eq!(self.ty(new), self.ty(*arg), "type of a gradient of {op:?}");
                let old = grads[arg.0 as usize];
                grads[arg.0 as usize] = Some(old.map_or(new, |old| add(self, old, new)));
            }
        }
        by.iter().map(|value| grads[value.0 as usize]).collect()
    }

    /// The sum of all products of corresponding elements.
    fn dot(&mut self, a: Val, b: Val) -> Val {
        let product = mul(self, a, b);
        let axes: Vec<usize> = (0..self.ty(product).rank()).collect();
        sum(self, product, &axes)
    }

    /// A number that depends on a value in all its elements.
    fn probe(&mut self, value: Val, seed: u64) -> Val {
        let weights = Tensor::sample(self.ty(value).clone(), seed);
        let weights = self.input(&weights);
        self.dot(value, weights)
    }
}

/// Compares the derivative of a number with central differences, in every element of every input.
fn check(name: &str, inputs: &[Tensor], number: &dyn Fn(&mut EagerGraph, &[Val]) -> Val) {
    let run = |inputs: &[Tensor]| {
        let mut tape = EagerGraph::default();
        let vals: Vec<Val> = inputs.iter().map(|input| tape.input(input)).collect();
        let out = number(&mut tape, &vals);
        (tape, vals, out)
    };
    let (mut tape, vals, out) = run(inputs);
    let grads = tape.grad(out, &vals);
    for (k, grad) in grads.into_iter().enumerate() {
        if !inputs[k].ty.dtype.is_float() {
            assert!(grad.is_none(), "{name}: a gradient by an integer");
            continue;
        }
        for element in 0..inputs[k].data.len() {
            let moved = |by: f64| {
                let mut inputs = inputs.to_vec();
                inputs[k].data[element] += by;
                let (tape, _, out) = run(&inputs);
                tape.value(out).data[0]
            };
            let step = 1e-5;
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            let found = grad.map_or(0.0, |grad| tape.value(grad).data[element]);
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-6, "{name}, input {k}, element {element}: {found}, not {expected}");
        }
    }
}

fn describe(sample: &Sample<Op>) -> String {
    let rules = sample.op.rules();
    let types: Vec<String> = sample.args.iter().map(|arg| arg.ty.to_string()).collect();
    format!("{} [{}] of {}", rules.name(), rules.attributes(), types.join(", "))
}

fn result_type(sample: &Sample<Op>) -> Type {
    let types: Vec<&Type> = sample.args.iter().map(|arg| &arg.ty).collect();
    sample.op.rules().infer(&types).unwrap()
}

#[test]
fn form_has_the_inferred_shape() {
    for sample in samples() {
        let types: Vec<&Type> = sample.args.iter().map(|arg| &arg.ty).collect();
        let (ty, form) = (result_type(&sample), sample.op.rules().form(&types));
        assert_eq!(form.count(), ty.count(), "{}", describe(&sample));
        let fixed = form.axes[..form.n_out].iter().map(|extent| match extent {
            AxisSize::Fixed(n) => Some(*n),
            AxisSize::Ragged(_) => None,
        });
        if let Some(sizes) = fixed.collect::<Option<Vec<usize>>>() {
            assert_eq!(sizes, ty.sizes(), "{}", describe(&sample));
        }
    }
}

#[test]
fn infer_rejects_a_missing_operand() {
    for sample in samples() {
        let types: Vec<&Type> = sample.args.iter().map(|arg| &arg.ty).collect();
        if let Some((_, rest)) = types.split_last()
            && (!matches!(sample.op, Op::Concat(_)) || rest.is_empty())
        {
            assert!(sample.op.rules().infer(rest).is_err(), "{}", describe(&sample));
        }
    }
}

#[test]
fn first_derivative_agrees_with_differences() {
    for sample in samples() {
        if result_type(&sample).dtype.is_float() {
            check(&describe(&sample), &sample.args, &|tape, args| {
                let out = tape.emit(sample.op.clone(), args);
                tape.probe(out, 77)
            });
        }
    }
}

#[test]
fn second_derivative_agrees_with_differences() {
    for sample in samples() {
        let ty = result_type(&sample);
        if ty.dtype.is_float() {
            let inputs = [sample.args.clone(), vec![Tensor::sample(ty, 78)]].concat();
            check(&format!("second {}", describe(&sample)), &inputs, &|tape, inputs| {
                let (grad, args) = inputs.split_last().unwrap();
                let out = tape.emit(sample.op.clone(), args);
                let by_args = sample.op.vjp(tape, args, out, *grad);
                let mut number = constant(tape, 0.0, &Type::scalar(DType::F64));
                for (by_arg, seed) in by_args.into_iter().zip(79..) {
                    if let Some(by_arg) = by_arg {
                        let probe = tape.probe(by_arg, seed);
                        number = add(tape, number, probe);
                    }
                }
                number
            });
        }
    }
}

/// The derivative along a direction is the derivative of the gradient by its seed: it agrees with
/// differences of the operator itself, and its product with a seed is that of gradient and direction.
#[test]
fn the_derivative_along_a_direction_is_the_transpose_of_the_gradient() {
    for sample in samples() {
        let ty = result_type(&sample);
        if !ty.dtype.is_float() {
            continue;
        }
        let name = describe(&sample);
        let directions: Vec<Tensor> =
            sample.args.iter().zip(91..).map(|(arg, seed)| Tensor::sample(arg.ty.clone(), seed)).collect();
        let mut tape = EagerGraph::default();
        let args: Vec<Val> = sample.args.iter().map(|arg| tape.input(arg)).collect();
        let seed = tape.input(&Tensor::sample(ty.clone(), 90));
        let out = tape.emit(sample.op.clone(), &args);
        let gradients = sample.op.vjp(&mut tape, &args, out, seed);
        let mut total = constant(&mut tape, 0.0, &Type::scalar(DType::F64));
        for (gradient, direction) in gradients.into_iter().zip(&directions) {
            if let Some(gradient) = gradient {
                let direction = tape.input(direction);
                let product = tape.dot(gradient, direction);
                total = add(&mut tape, total, product);
            }
        }
        let along = tape.grad(total, &[seed])[0];
        let along = along.map_or(vec![0.0; ty.count()], |along| tape.value(along).data.clone());
        let moved = |by: f64| {
            let mut args = sample.args.clone();
            for (arg, direction) in
                args.iter_mut().zip(&directions).filter(|(arg, _)| arg.ty.dtype.is_float())
            {
                arg.data.iter_mut().zip(&direction.data).for_each(|(x, dx)| *x += by * dx);
            }
            eval(&sample.op, &args.iter().collect::<Vec<_>>()).data
        };
        let step = 1e-5;
        for (k, (ahead, behind)) in moved(step).iter().zip(moved(-step)).enumerate() {
            let expected = (ahead - behind) / (2.0 * step);
            let error = (along[k] - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-6, "{name}, element {k}: {}, not {expected}", along[k]);
        }
        let product: f64 = along.iter().zip(&tape.value(seed).data).map(|(a, b)| a * b).sum();
        let total = tape.value(total).data[0];
        assert!((product - total).abs() <= 1e-12 * (1.0 + total.abs()), "{name}: {product}, not {total}");
    }
}

/// The gradient of `probe(op(args))` by the first argument where the probe's weights are 1.
fn gradient(op: Op, args: &[Tensor]) -> Vec<f64> {
    let mut tape = EagerGraph::default();
    let vals: Vec<Val> = args.iter().map(|arg| tape.input(arg)).collect();
    let out = tape.emit(op, &vals);
    let axes: Vec<usize> = (0..tape.ty(out).rank()).collect();
    let total = sum(&mut tape, out, &axes);
    let grad = tape.grad(total, &vals)[0].expect("a gradient");
    tape.value(grad).data.clone()
}

#[test]
fn ties_share_the_gradient_equally() {
    let data = Tensor::new(Type::of(DType::F64, &[2, 3]), vec![1.0, 3.0, 3.0, 5.0, 5.0, 5.0]);
    let top = Reduce { combine: Reducer::Max, axes: vec![1] };
    let third = 1.0 / 3.0;
    assert_eq!(gradient(top.into(), &[data]), [0.0, 0.5, 0.5, third, third, third]);
    let data = Tensor::new(Type::of(DType::F64, &[4]), vec![2.0, 2.0, 7.0, 1.0]);
    let segments = Rc::new(Segments { lengths: vec![2, 2] });
    let least = Segment::Reduce { combine: Reducer::Min, segments };
    assert_eq!(gradient(least.into(), &[data]), [0.5, 0.5, 0.0, 1.0]);
}

#[test]
fn products_of_zeros_have_gradients() {
    let product = Reduce { combine: Reducer::Prod, axes: vec![0] };
    let of = |data: &[f64]| {
        let data = Tensor::new(Type::of(DType::F64, &[data.len()]), data.to_vec());
        gradient(product.clone().into(), &[data])
    };
    assert_eq!(of(&[2.0, 0.0, 5.0]), [0.0, 10.0, 0.0]);
    assert_eq!(of(&[0.0, 3.0, 0.0, 2.0]), [0.0; 4]);
}

#[test]
fn the_value_not_taken_gets_exactly_zero() {
    let condition = Tensor::new(Type::of(DType::Bool, &[2]), vec![1.0, 0.0]);
    let values = Tensor::new(Type::of(DType::F64, &[2]), vec![1.0, f64::NAN]);
    let mut tape = EagerGraph::default();
    let [condition, a, b] = [&condition, &values, &values].map(|value| tape.input(value));
    let out = map(&mut tape, &scalar::SELECT, &[condition, a, b]);
    let probe = sum(&mut tape, out, &[0]);
    let grads = tape.grad(probe, &[a, b]);
    let data: Vec<Vec<f64>> = grads.iter().map(|grad| tape.value(grad.unwrap()).data.clone()).collect();
    assert_eq!(data, [[1.0, 0.0], [0.0, 1.0]]);
}

#[test]
fn spliced_numbers_take_the_type_of_their_context() {
    let ints = Tensor::new(Type::of(DType::I32, &[2]), vec![1.0, 3.0]);
    let floats = Tensor::new(Type::of(DType::F32, &[2]), vec![0.5, 0.25]);
    let mut tape = EagerGraph::default();
    let (ints, floats) = (tape.input(&ints), tape.input(&floats));
    // where(x0 == 1 + 2, 4, g): integers are compared, floats chosen from.
    let is_three = call(&scalar::EQ, [x(0), c(1.0) + c(2.0)]);
    let term = call(&scalar::SELECT, [is_three, c(4.0), g()]);
    let ty = tape.ty(floats).clone();
    let out = splice(&mut tape, &term, &[ints], floats, floats, &ty);
    assert_eq!((tape.ty(out), &tape.value(out).data[..]), (&ty, &[0.5, 4.0][..]));
}

/// The loss of a two-layer classifier: mean squared error of `tanh(x w) v` against `y`.
fn classifier(tape: &mut EagerGraph, [x, y, w, v]: [Val; 4]) -> Val {
    let hidden = contract(tape, "bi", "ih", "bh", x, w);
    let hidden = map(tape, &scalar::TANH, &[hidden]);
    let out = contract(tape, "bh", "ho", "bo", hidden, v);
    let error = sub(tape, out, y);
    let square = mul(tape, error, error);
    let total = sum(tape, square, &[0, 1]);
    let ty = tape.ty(total).clone();
    let count = tape.ty(square).count() as f64;
    let count = constant(tape, count, &ty);
    div(tape, total, count)
}

#[test]
fn a_classifier_of_digits_learns_in_the_evaluator() {
    let sample = |sizes: &[usize], seed| Tensor::sample(Type::of(DType::F32, sizes), seed);
    let scaled = |mut tensor: Tensor| {
        tensor.data.iter_mut().for_each(|x| *x = f64::from((*x * 0.1) as f32));
        tensor
    };
    let (x, y) = (sample(&[1438, 64], 1), sample(&[1438, 10], 2));
    let mut weights = [scaled(sample(&[64, 32], 3)), scaled(sample(&[32, 10], 4))];
    let mut losses = Vec::new();
    for _ in 0..3 {
        let mut tape = EagerGraph::default();
        let inputs = [&x, &y, &weights[0], &weights[1]].map(|value| tape.input(value));
        let loss = classifier(&mut tape, inputs);
        losses.push(tape.value(loss).data[0]);
        let grads = tape.grad(loss, &inputs[2..]);
        for (weight, grad) in weights.iter_mut().zip(grads) {
            let grad = &tape.value(grad.unwrap()).data;
            weight.data.iter_mut().zip(grad).for_each(|(w, g)| *w = f64::from((*w - 0.5 * g) as f32));
        }
    }
    assert!(losses[0] > losses[1] && losses[1] > losses[2], "{losses:?}");
}
