//! Typed expressions, as the checker gives them: names, calls, loops and derivatives.

use std::collections::BTreeMap;

use egret::algebra::types::{DType, Dim, SizeVar, Type};
use egret::typed::{
    Counter, Derive, DeriveKind, Expr, ExprKind, Function, FunctionId, GlobalId, Instance, LocalId, Loop,
    Member, Program,
};

use super::tape::{Noise, Num, Tape};

/// A tensor.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub sizes: Vec<usize>,
    pub data: Vec<Num>,
    pub dtype: DType,
}

/// A call of a function that says its own derivative.
pub(crate) struct Ruled<'p> {
    function: &'p Function,
    frame: Frame<'p>,
    pub elements: usize,
}

impl Ruled<'_> {
    /// The numbers that it has a derivative by.
    pub(crate) fn args(&self) -> impl Iterator<Item = Num> {
        self.frame.locals[..self.function.n_args].iter().flatten().flat_map(|arg| arg.data.iter().copied())
    }
}

/// What names mean in a function or a statement.
#[derive(Clone, Default)]
pub(crate) struct Frame<'p> {
    pub locals: Vec<Option<Value>>,
    pub sizes: BTreeMap<SizeVar, Dim>,
    /// The model that it is about, and the path of its instance.
    pub owner: Option<(&'p Function, String)>,
}

impl Frame<'_> {
    pub(crate) fn bind(&mut self, local: LocalId, value: Value) {
        if self.locals.len() <= local.0 {
            self.locals.resize(local.0 + 1, None);
        }
        self.locals[local.0] = Some(value);
    }
}

/// An evaluation of a program.
pub(crate) struct Eval<'p> {
    pub program: &'p Program,
    pub tape: Tape,
    /// Values of statements.
    pub globals: BTreeMap<GlobalId, Value>,
    /// Parameters by their paths.
    pub params: BTreeMap<String, Value>,
    /// Whether a training step is computed.
    pub training: bool,
    pub rules: Vec<Ruled<'p>>,
}

impl<'p> Eval<'p> {
    pub(crate) fn new(program: &'p Program, noise: Noise) -> Eval<'p> {
        Eval {
            program,
            tape: Tape::new(noise),
            globals: BTreeMap::new(),
            params: BTreeMap::new(),
            training: false,
            rules: Vec::new(),
        }
    }

    /// A tensor of these numbers.
    pub(crate) fn given(&mut self, ty: &Type, data: &[f64]) -> Value {
        let data = data.iter().map(|value| self.tape.leaf(*value)).collect();
        Value { sizes: ty.sizes(), data, dtype: ty.dtype }
    }

    /// A number as an element type holds it.
    pub(crate) fn number(&mut self, value: f64, dtype: DType) -> Num {
        self.tape.leaf(egret::algebra::tensor::round(dtype, value))
    }

    pub(crate) fn eval(&mut self, expr: &'p Expr, frame: &mut Frame<'p>) -> Value {
        self.values(expr, frame).swap_remove(0)
    }

    fn all(&mut self, exprs: &'p [Expr], frame: &mut Frame<'p>) -> Vec<Value> {
        exprs.iter().map(|expr| self.eval(expr, frame)).collect()
    }

    /// The values of an expression, of several if it has several.
    pub(crate) fn values(&mut self, expr: &'p Expr, frame: &mut Frame<'p>) -> Vec<Value> {
        let ty = expr.ty.substitute(&frame.sizes);
        let value = match &expr.kind {
            ExprKind::Const(value) => self.filled(*value, &ty),
            ExprKind::Size(dim) => {
                let size = dim.substitute(&frame.sizes).as_constant().expect("sizes are known");
                self.filled(size as f64, &ty)
            }
            ExprKind::Training => self.filled(f64::from(u8::from(self.training)), &ty),
            ExprKind::Counter(Counter::Step | Counter::Total) => self.filled(1.0, &ty),
            ExprKind::Local(local) => frame.locals[local.0].clone().expect("a name has its value"),
            ExprKind::Global(id) => self.globals[id].clone(),
            ExprKind::Param(member) => self.params[&path(*member, frame)].clone(),
            ExprKind::Op(op, args) => {
                let args = self.all(args, frame);
                self.operator(&op.substitute(&frame.sizes), &args, &ty)
            }
            ExprKind::Position { value, .. } => self.eval(value, frame),
            ExprKind::StopGradient(value) => {
                let mut value = self.eval(value, frame);
                value.data.iter_mut().for_each(|num| *num = self.tape.stop(*num));
                value
            }
            ExprKind::Call { function, sizes, args, instance } => {
                let args = self.all(args, frame);
                return self.call(*function, sizes, args, instance, frame);
            }
            ExprKind::Let { local, value, body } => {
                let value = self.eval(value, frame);
                frame.bind(*local, value);
                return self.values(body, frame);
            }
            ExprKind::Tuple(items) => return self.all(items, frame),
            ExprKind::Unpack { locals, value, body } => {
                let values = self.values(value, frame);
                locals.iter().zip(values).for_each(|(local, value)| frame.bind(*local, value));
                return self.values(body, frame);
            }
            ExprKind::Loop(parts) => return self.repeat(parts, frame),
            ExprKind::Derive(derive) => return self.derive(derive, frame),
            other => panic!("the reference has no {other:?}"),
        };
        vec![value]
    }

    fn filled(&mut self, value: f64, ty: &Type) -> Value {
        let number = self.number(value, ty.dtype);
        Value { sizes: ty.sizes(), data: vec![number; ty.count()], dtype: ty.dtype }
    }

    fn call(
        &mut self,
        id: FunctionId,
        sizes: &[Dim],
        args: Vec<Value>,
        instance: &Instance,
        frame: &Frame<'p>,
    ) -> Vec<Value> {
        let function = &self.program.functions[id.0];
        let sizes = sizes.iter().map(|dim| dim.substitute(&frame.sizes));
        let owner = match instance {
            Instance::None => frame.owner.clone(),
            Instance::Part(part) if !part.finished && part.path.is_empty() => Some((function, String::new())),
            Instance::Layer(member) => Some((function, path(*member, frame))),
            Instance::LayerAt { first, position, .. } => {
                Some((function, path(first + position.substitute(&frame.sizes).size(), frame)))
            }
            Instance::Part(_) => panic!("the reference has no fits"),
        };
        let locals = args.into_iter().map(Some).collect();
        let mut inner = Frame { locals, sizes: function.sizes.iter().cloned().zip(sizes).collect(), owner };
        let values = self.values(&function.body, &mut inner);
        match &function.rule {
            Some(rule) => {
                let (call, mut value) = (self.rules.len(), values[0].clone());
                let copy = |(k, num): (usize, &mut Num)| *num = self.tape.ruled(call, k, *num);
                value.data.iter_mut().enumerate().for_each(copy);
                inner.bind(rule.result, value.clone());
                self.rules.push(Ruled { function, frame: inner, elements: value.data.len() });
                vec![value]
            }
            None => values,
        }
    }

    /// The gradient by each argument of a call, given that by its value.
    pub(crate) fn by_rule(&mut self, call: usize, seeds: Vec<Num>) -> Vec<(Num, Num)> {
        let Ruled { function, frame, .. } = &self.rules[call];
        let (function, mut frame) = (*function, frame.clone());
        let Some(rule) = &function.rule else { return Vec::new() };
        let result = frame.locals[rule.result.0].clone().expect("its value is known");
        frame.bind(rule.seed, Value { data: seeds, ..result });
        let mut pairs = Vec::new();
        for (k, gradient) in rule.gradients.iter().enumerate() {
            let (Some(gradient), Some(arg)) = (gradient, frame.locals[k].clone()) else { continue };
            let gradient = self.eval(gradient, &mut frame);
            pairs.extend(arg.data.into_iter().zip(gradient.data));
        }
        pairs
    }

    fn repeat(&mut self, parts: &'p Loop, frame: &mut Frame<'p>) -> Vec<Value> {
        let mut carried: Vec<Value> =
            parts.carried.iter().map(|(_, start)| self.eval(start, frame)).collect();
        let types: Vec<Type> = parts.collected.iter().map(|ty| ty.substitute(&frame.sizes)).collect();
        let mut slices: Vec<Vec<Value>> = vec![Vec::new(); types.len()];
        let bound = |dim: &Dim| dim.substitute(&frame.sizes).as_constant().expect("bounds are known");
        for turn in bound(&parts.from)..bound(&parts.to) {
            frame.sizes.insert(parts.iteration.clone(), Dim::constant(turn));
            parts
                .carried
                .iter()
                .zip(&carried)
                .for_each(|((local, _), value)| frame.bind(*local, value.clone()));
            let mut values = self.values(&parts.body, frame);
            let collected = values.split_off(carried.len());
            slices.iter_mut().zip(collected).for_each(|(slices, value)| slices.push(value));
            carried = values;
        }
        let stacked = types.iter().zip(slices).map(|(ty, slices)| stack(ty, parts.axis, &slices));
        carried.into_iter().chain(stacked).collect()
    }

    fn derive(&mut self, derive: &'p Derive, frame: &mut Frame<'p>) -> Vec<Value> {
        let mut wrt = Vec::new();
        for (_, value) in &derive.wrt {
            let mut value = self.eval(value, frame);
            value.data.iter_mut().for_each(|num| *num = self.tape.copy(*num));
            wrt.push(value);
        }
        let seeds = self.all(&derive.seeds, frame);
        derive.wrt.iter().zip(&wrt).for_each(|((local, _), value)| frame.bind(*local, value.clone()));
        let body = self.values(&derive.body, frame);
        let by: Vec<Num> = wrt.iter().flat_map(|value| value.data.clone()).collect();
        let directions = || seeds.iter().flat_map(|value| value.data.clone());
        let like = |nums: Vec<Num>| {
            let mut nums = nums.into_iter();
            let value = |value: &Value| Value {
                data: nums.by_ref().take(value.data.len()).collect(),
                ..value.clone()
            };
            wrt.iter().map(value).collect::<Vec<_>>()
        };
        match derive.kind {
            DeriveKind::Checkpoint => body,
            DeriveKind::Vjp => {
                let results = body.iter().flat_map(|value| value.data.clone());
                let pairs: Vec<(Num, Num)> = results.zip(directions()).collect();
                like(self.gradient(&pairs, &by))
            }
            DeriveKind::Jvp => {
                let pairs: Vec<(Num, Num)> = by.iter().copied().zip(directions()).collect();
                let data = self.tangent(&pairs, &body[0].data);
                vec![Value { data, ..body[0].clone() }]
            }
            DeriveKind::Grad | DeriveKind::ValueAndGrad | DeriveKind::Hvp => {
                let one = self.tape.leaf(1.0);
                let mut gradient = self.gradient(&[(body[0].data[0], one)], &by);
                if derive.kind == DeriveKind::Hvp {
                    let pairs: Vec<(Num, Num)> = gradient.iter().copied().zip(directions()).collect();
                    gradient = self.gradient(&pairs, &by);
                }
                let value = (derive.kind == DeriveKind::ValueAndGrad).then(|| body[0].clone());
                value.into_iter().chain(like(gradient)).collect()
            }
        }
    }
}

/// The path of a member of the model that a frame is about.
fn path(member: usize, frame: &Frame) -> String {
    let (function, path) = frame.owner.as_ref().expect("a model");
    let (Member::Param { name, .. } | Member::State { name, .. } | Member::Layer { name, .. }) =
        &function.members[member];
    if path.is_empty() { name.clone() } else { format!("{path}.{name}") }
}

/// Slices along an axis of a tensor of this type.
fn stack(ty: &Type, axis: usize, slices: &[Value]) -> Value {
    let sizes = ty.sizes();
    let inner: usize = sizes[axis + 1..].iter().product();
    let outer: usize = sizes[..axis].iter().product();
    let mut data = Vec::with_capacity(ty.count());
    for k in 0..outer {
        slices.iter().for_each(|slice| data.extend(&slice.data[k * inner..(k + 1) * inner]));
    }
    Value { sizes, data, dtype: ty.dtype }
}
