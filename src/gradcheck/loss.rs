//! A training run whose loss is a call, and whose parameters are the arguments of that call.
//!
//! As a script it would be
//!
//! ```text
//! data gradcheck_data = synthetic(rows = 1) { x = ... }
//! model gradcheck_model() -> real {
//!   param x: real[2, 3] = random.uniform[2, 3](low, high)
//!   layer gradcheck_layer = ...                          // if a model is called
//!   let y = f(x, iota[2] % 2)
//!   sum(y * (0.3 + sin(1 + 1.7 * iota[2, 3])))
//! }
//! train gradcheck_model on gradcheck_data { loss = gradcheck_model() ... }
//! ```

use std::rc::Rc;

use crate::algebra::fill::Fill;
use crate::algebra::form::Reducer;
use crate::algebra::op::Op;
use crate::algebra::scalar::{ADD, EQ, MUL, REM, SIN, Scalar};
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::source::Span;
use crate::typed::{
    Column, Data, DataId, DataSource, Expr, ExprKind, Function, FunctionId, Instance, Length, Local, LocalId,
    Member, Optimizer, Part, Program, Rows, Split, Statement, StatementId, StatementKind, Train, build,
};

/// The layer that a model becomes.
pub(super) const LAYER: &str = "gradcheck_layer";
/// The model.
const MODEL: &str = "gradcheck_model";
/// The data, of which the loss uses nothing.
const DATA: &str = "gradcheck_data";

/// Whether something of this element type varies: the others are integers, truth values and what is rounded.
pub(super) fn varies(dtype: DType) -> bool {
    dtype == DType::F64
}

/// What a call is given as arguments of these types: the parameters in their order, and small numbers for what
/// does not vary.
pub(super) fn arguments(types: &[Type], span: Span) -> Vec<Expr> {
    let mut members = 0..;
    let argument = |ty: &Type| match varies(ty.dtype) {
        true => Expr { kind: ExprKind::Param(members.next().unwrap_or_default()), ty: ty.clone(), span },
        false => small(ty, span),
    };
    types.iter().map(argument).collect()
}

/// 0 and 1 in turn, and 1 alone; truth values are whether it is 1.
fn small(ty: &Type, span: Span) -> Expr {
    let whole = ty.with_dtype(DType::I32);
    let number = |n: f64| build::constant(n, whole.clone(), span);
    let numbers = match ty.shape.is_empty() {
        true => number(1.0),
        false => map(&REM, [positions(&whole, span), number(2.0)]),
    };
    if ty.dtype == DType::Bool { map(&EQ, [numbers, number(1.0)]) } else { build::cast(numbers, ty.dtype) }
}

/// Makes a program one of this training run: its only statement. Parameters are random numbers of a range.
pub(super) fn add(program: &mut Program, call: Expr, params: &[(String, Type)], range: (f64, f64)) {
    let span = call.span;
    let function = model(program, call, params, range);
    let model = FunctionId(program.functions.len());
    program.functions.push(function);
    let data = DataId(program.data.len());
    program.data.push(one_row(span));
    let train = train(model, data, span);
    program.statements = vec![Statement { kind: StatementKind::Train(train), locals: Vec::new(), span }];
}

/// The model without arguments whose value is a weighted sum of what the call gives.
fn model(program: &Program, call: Expr, params: &[(String, Type)], range: (f64, f64)) -> Function {
    let span = call.span;
    let param = |(name, ty): &(String, Type)| Member::Param {
        name: name.clone(),
        ty: ty.clone(),
        init: uniform(ty, range, span),
        span,
    };
    let results = program.types(&call).into_iter().enumerate();
    let locals: Vec<Local> = results.map(|(k, ty)| Local { name: format!("y{k}"), ty }).collect();
    let members = params.iter().map(param).chain(layer(program, &call)).collect();
    let body = value(call, &locals);
    Function {
        name: MODEL.to_string(),
        sizes: Vec::new(),
        n_args: 0,
        locals,
        members,
        results: vec![body.ty.clone()],
        body,
        rule: None,
        span,
    }
}

/// What a called model is in the model around it.
fn layer(program: &Program, call: &Expr) -> Option<Member> {
    let ExprKind::Call { function, sizes, instance: Instance::Layer(_), .. } = &call.kind else {
        return None;
    };
    let variables = program.functions[function.0].sizes.iter().cloned();
    let sizes = variables.zip(sizes.iter().cloned()).collect();
    Some(Member::Layer { name: LAYER.to_string(), function: *function, sizes })
}

/// The sum of the results, under these names, with weights that no symmetry of the function cancels.
fn value(call: Expr, results: &[Local]) -> Expr {
    let (ty, span) = (Type::scalar(DType::F64), call.span);
    let result = |(k, local): (usize, &Local)| build::local(LocalId(k), local.ty.clone(), span);
    let floats = results.iter().enumerate().filter(|(_, local)| varies(local.ty.dtype));
    let sums = floats.map(result).map(weighted);
    let body = sums.fold(build::constant(0.0, ty.clone(), span), |sum, next| map(&ADD, [sum, next]));
    let (value, body) = (Box::new(call), Box::new(body));
    let kind = match results.len() {
        1 => ExprKind::Let { local: LocalId(0), value, body },
        n => ExprKind::Unpack { locals: (0..n).map(LocalId).collect(), value, body },
    };
    Expr { kind, ty, span }
}

fn weighted(result: Expr) -> Expr {
    let (ty, span) = (result.ty.clone(), result.span);
    let number = |n: f64| build::constant(n, ty.clone(), span);
    let angle = map(&ADD, [number(1.0), map(&MUL, [number(1.7), positions(&ty, span)])]);
    let weights = map(&ADD, [number(0.3), map(&SIN, [angle])]);
    let axes: Vec<usize> = (0..ty.rank()).collect();
    build::reduce(Reducer::Sum, map(&MUL, [result, weights]), &axes, false, span)
}

/// The number of each element.
fn positions(ty: &Type, span: Span) -> Expr {
    let iota = Fill::Iota { dtype: ty.dtype, to: ty.shape.clone() };
    build::op(Op::Fill(iota), Vec::new(), span)
}

/// Random numbers from `low` to `high`. Parameters differ by their paths, not by the number of the site.
fn uniform(ty: &Type, (low, high): (f64, f64), span: Span) -> Expr {
    let key = Expr { kind: ExprKind::Key, ty: Type::of(DType::I32, &[2]), span };
    let random = Fill::Random { site: 0, dtype: ty.dtype, to: ty.shape.clone() };
    let unit = build::op(Op::Fill(random), vec![key], span);
    let number = |n: f64| build::constant(n, ty.clone(), span);
    map(&ADD, [map(&MUL, [unit, number(high - low)]), number(low)])
}

/// Data of one row.
fn one_row(span: Span) -> Data {
    let (name, ty) = ("x".to_string(), Type::of(DType::F64, &[1]));
    let zero = build::constant(0.0, ty.clone(), span);
    let locals = vec![Local { name: name.clone(), ty }];
    Data {
        name: DATA.to_string(),
        source: DataSource::Synthetic { seed: 0, locals, columns: vec![(LocalId(0), zero)] },
        columns: vec![Column { name, ty: Type::scalar(DType::F64) }],
        standardize: Vec::new(),
        words: Vec::new(),
        characters: Vec::new(),
        rows: Rows { all: 1, train: 1, test: 0 },
        span,
    }
}

/// One step on that row; the optimizer will be another.
fn train(model: FunctionId, data: DataId, span: Span) -> Train {
    // The checker numbers size variables from 1.
    let rows = SizeVar { id: 0, name: Rc::from("rows") };
    let ty = Type::scalar(DType::F64);
    let instance = Instance::Part(Part::training(StatementId(0)));
    let kind = ExprKind::Call { function: model, sizes: Vec::new(), args: Vec::new(), instance };
    let column = Local { name: "x".to_string(), ty: Type::new(DType::F64, vec![Dim::var(rows.clone())]) };
    let optimizer = Optimizer {
        name: MODEL.to_string(),
        model,
        sizes: Vec::new(),
        uses: Vec::new(),
        cells: Vec::new(),
        groups: Vec::new(),
        span,
    };
    Train {
        optimizer,
        data,
        split: Split::All,
        rows,
        locals: vec![column],
        loss: Expr { kind, ty, span },
        metrics: Vec::new(),
        batch: 1,
        accumulate: 1,
        length: Length::Steps(1),
        every: None,
        shuffle: false,
        seed: 0,
        start: None,
        checkpoints: None,
        keep: None,
        stop: None,
        sweep: Vec::new(),
        swept_seed: None,
        validate: None,
    }
}

/// A scalar function where its operands are.
fn map<const N: usize>(row: &'static Scalar, args: [Expr; N]) -> Expr {
    let span = args[0].span;
    build::map(row, args.into(), span)
}
