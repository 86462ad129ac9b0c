//! Graphs built by hand, and typed programs built by hand, compared with numbers from elsewhere.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::builder::Builder;
use super::grad::grad;
use super::rules::IDENTITIES;
use super::simplify::simplify;
use super::{CellId, Def, Graph, Output, Role, eval, share, verify};
use crate::algebra::contract::Contract;
use crate::algebra::fill::Fill;
use crate::algebra::form::Reducer;
use crate::algebra::map::Map;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::tensor::Tensor;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::data::{Arguments, FileSource, SOURCES};
use crate::source::Span;
use crate::typed::{
    Cell, Column, Data, DataId, DataSource, Expr, ExprKind, Extent, Function, FunctionId, Instance, Length,
    Local, LocalId, Member, Optimizer, Part, Program, Rows, Split, Stage, StageId, StageScope, StageUse,
    State, Statement, StatementId, StatementKind, Train,
};

const F: DType = DType::F64;

fn tensor(sizes: &[usize], data: &[f64]) -> Tensor {
    Tensor { ty: Type::of(F, sizes), data: data.to_vec() }
}

fn result(builder: Builder, value: Val) -> Graph {
    let output = Output::result("y", value);
    builder.finish("test", vec![output])
}

fn inputs(builder: &mut Builder, types: &[Type]) -> Vec<Val> {
    let input = |(k, ty): (usize, &Type)| builder.input(format!("x{k}"), Role::Column(k), ty.clone());
    types.iter().enumerate().map(input).collect()
}

#[test]
fn equal_values_are_one() {
    let mut builder = Builder::default();
    let x = inputs(&mut builder, &[Type::of(F, &[3])])[0];
    let a = builder.map(&scalar::MUL, &[x, x]);
    let b = builder.map(&scalar::MUL, &[x, x]);
    assert_eq!(a, b);
    let ty = Type::of(F, &[3]);
    assert_ne!(builder.constant(0.0, &ty), builder.constant(-0.0, &ty), "0 and -0 differ");
}

#[test]
fn constants_are_folded_in_their_type() {
    let mut builder = Builder::default();
    let ty = Type::scalar(DType::F32);
    let a = builder.constant(0.1, &ty);
    let b = builder.constant(0.2, &ty);
    let sum = builder.map(&scalar::ADD, &[a, b]);
    let expected = f64::from(0.1f32 + 0.2f32);
    assert_eq!(builder.as_constant(sum).map(|x| f64::from(x as f32)), Some(expected));
    let zero = builder.constant(0.0, &ty);
    let infinite = builder.map(&scalar::DIV, &[a, zero]);
    assert_eq!(builder.as_constant(infinite), None, "infinity is left to run time");
}

/// `mean((tanh(x @ w))^2)` with `w` twice in use.
fn small_loss(builder: &mut Builder) -> (Val, Vec<Val>) {
    let xs = inputs(builder, &[Type::of(F, &[2, 3]), Type::of(F, &[3, 3])]);
    let contract = |builder: &mut Builder, a, b| {
        let op = Contract { left: vec![0, 1], right: vec![1, 2], out: vec![0, 2] };
        builder.emit(Op::Contract(op), &[a, b])
    };
    let first = contract(builder, xs[0], xs[1]);
    let hidden = builder.map(&scalar::TANH, &[first]);
    let out = contract(builder, hidden, xs[1]);
    let square = builder.map(&scalar::MUL, &[out, out]);
    let loss = builder.emit(Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![0, 1] }), &[square]);
    (loss, xs)
}

#[test]
fn gradients_agree_with_differences() {
    let mut builder = Builder::default();
    let (loss, xs) = small_loss(&mut builder);
    let gradients = grad(&mut builder, loss, &xs);
    let outputs = [loss, gradients[0], gradients[1]];
    let output = |value: &Val| Output::result(format!("{value:?}"), *value);
    let graph = builder.finish("test", outputs.iter().map(output).collect());
    let simple = share::prune(simplify(graph.clone()));
    verify::check(&simple).expect("a sound graph");
    let x = tensor(&[2, 3], &[0.3, -0.2, 0.5, 1.1, 0.7, -0.4]);
    let w = tensor(&[3, 3], &[0.1, 0.4, -0.3, 0.2, -0.6, 0.5, 0.9, -0.1, 0.35]);
    let at = |x: &Tensor, w: &Tensor| eval::run(&simple, &[x.clone(), w.clone()])[0].data[0];
    let found = eval::run(&simple, &[x.clone(), w.clone()]);
    assert_eq!(found, eval::run(&graph, &[x.clone(), w.clone()]));
    for k in 0..9 {
        let moved = |by: f64| {
            let mut w = w.clone();
            w.data[k] += by;
            at(&x, &w)
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((found[2].data[k] - expected).abs() < 1e-8, "{k}: {} is not {expected}", found[2].data[k]);
    }
}

#[test]
fn stopped_and_unused_values_get_no_gradient() {
    let mut builder = Builder::default();
    let xs = inputs(&mut builder, &[Type::scalar(F), Type::scalar(F)]);
    let stopped = builder.stop_gradient(xs[0]);
    let loss = builder.map(&scalar::MUL, &[xs[0], stopped]);
    let gradients = grad(&mut builder, loss, &xs);
    assert_eq!(builder.as_constant(gradients[1]), Some(0.0));
    let graph = share::prune(simplify(result(builder, gradients[0])));
    assert_eq!(eval::run(&graph, &[tensor(&[], &[3.0])])[0].data, [3.0]);
}

#[test]
fn rules_keep_values() {
    let samples = [-2.5, -1.0, 0.25, 1.0, 3.0];
    for rule in IDENTITIES {
        let (from, to) = ((rule.from)(), (rule.to)());
        for a in samples {
            for b in samples {
                let xs = [a, b];
                // A condition is 0 or 1.
                let xs = if rule.name == "where-same" { [f64::from(a > 0.0), b] } else { xs };
                let [left, right] = [&from, &to].map(|term| term.eval(&xs, 0.0, 0.0, &[]));
                assert_eq!(left, right, "{}: {from} and {to} at {xs:?}", rule.name);
            }
        }
    }
}

fn broadcast(builder: &mut Builder, scalar: Val, n: usize) -> Val {
    builder.emit(Op::View(View::Broadcast { to: vec![n.into()], axes: vec![] }), &[scalar])
}

fn calls(graph: &Graph, row: &'static Scalar) -> Vec<Type> {
    let is_row = |op: &Op| *op == Op::Map(Map(row));
    let nodes = graph.nodes.iter();
    nodes
        .filter(|node| matches!(&node.def, Def::Op(op, _) if is_row(op)))
        .map(|node| node.ty.clone())
        .collect()
}

#[test]
fn a_function_of_signs_is_a_select() {
    let mut builder = Builder::default();
    let xs = inputs(&mut builder, &[Type::scalar(F), Type::of(F, &[6]), Type::of(F, &[6])]);
    let rate = broadcast(&mut builder, xs[0], 6);
    let signs = [xs[1], xs[2]].map(|x| builder.map(&scalar::SIGN, &[x]));
    let first = builder.map(&scalar::MUL, &[rate, signs[0]]);
    let product = builder.map(&scalar::MUL, &[first, signs[1]]);
    let factor = builder.map(&scalar::EXP, &[product]);
    let graph = result(builder, factor);
    let simple = share::prune(simplify(graph.clone()));
    assert_eq!(calls(&simple, &scalar::EXP), [Type::scalar(F), Type::scalar(F)]);
    let values = [
        tensor(&[], &[0.02]),
        tensor(&[6], &[1.0, -2.0, 0.0, 5.0, -1.0, 3.0]),
        tensor(&[6], &[2.0, -1.0, 4.0, -5.0, 7.0, 0.0]),
    ];
    assert_eq!(eval::run(&simple, &values), eval::run(&graph, &values));
}

#[test]
fn doubles_meet_before_they_are_cast() {
    let mut builder = Builder::default();
    let xs = inputs(&mut builder, &[Type::of(DType::F32, &[4]), Type::scalar(F), Type::scalar(F)]);
    let [lr, correction] = [xs[1], xs[2]].map(|double| {
        let single = builder.cast(double, DType::F32);
        broadcast(&mut builder, single, 4)
    });
    let unbiased = builder.map(&scalar::DIV, &[xs[0], correction]);
    let scaled = builder.map(&scalar::MUL, &[lr, unbiased]);
    let graph = share::prune(simplify(result(builder, scaled)));
    assert_eq!(calls(&graph, &scalar::DIV), [Type::scalar(F)]);
    assert_eq!(calls(&graph, &scalar::MUL), [Type::scalar(F), Type::of(DType::F32, &[4])]);
    let x = Tensor { ty: Type::of(DType::F32, &[4]), data: vec![1.0, -3.0, 0.5, 1024.0] };
    let found = eval::run(&graph, &[x.clone(), tensor(&[], &[1e-3]), tensor(&[], &[0.271])]);
    for (x, y) in x.data.iter().zip(&found[0].data) {
        let exact = x * 1e-3 / 0.271;
        assert!((y - exact).abs() <= exact.abs() * f64::from(f32::EPSILON), "{y} is not {exact}");
    }
}

#[test]
fn casts_and_views_are_composed() {
    let mut builder = Builder::default();
    let x = inputs(&mut builder, &[Type::of(DType::F32, &[2, 3])])[0];
    let wide = builder.cast(x, DType::F64);
    let back = builder.cast(wide, DType::F32);
    let turned = builder.emit(Op::View(View::Transpose { axes: vec![1, 0] }), &[back]);
    let again = builder.emit(Op::View(View::Transpose { axes: vec![1, 0] }), &[turned]);
    let graph = share::prune(simplify(result(builder, again)));
    assert_eq!(graph.nodes.len(), 1);
}

#[test]
fn the_first_bad_value_is_named() {
    let mut builder = Builder::default();
    let x = inputs(&mut builder, &[Type::scalar(F)])[0];
    let log = builder.map(&scalar::LOG, &[x]);
    builder.name(log, "h");
    let twice = builder.map(&scalar::ADD, &[log, log]);
    let graph = result(builder, twice);
    assert_eq!(eval::first_not_finite(&graph, &[tensor(&[], &[0.0])]), Some(("h".to_owned(), None)));
    assert_eq!(eval::first_not_finite(&graph, &[tensor(&[], &[1.0])]), None);
}

fn size(id: u32, name: &str) -> SizeVar {
    SizeVar { id, name: Rc::from(name) }
}

fn expr(kind: ExprKind, ty: &Type) -> Expr {
    Expr { kind, ty: ty.clone(), span: Span::default() }
}

fn local(k: usize, ty: &Type) -> Expr {
    expr(ExprKind::Local(LocalId(k)), ty)
}

fn map(row: &'static Scalar, args: Vec<Expr>) -> Expr {
    let ty = args[0].ty.clone();
    expr(ExprKind::Op(Op::Map(Map(row)), args), &ty)
}

fn named(name: &str, ty: &Type) -> Local {
    Local { name: name.to_owned(), ty: ty.clone() }
}

/// `model line(x: real[B, 2]) -> real[B] { param w: real[2] = iota[2]  x @ w }`
fn line() -> Function {
    let rows = size(0, "B");
    let x = Type::new(F, vec![Dim::var(rows.clone()), 2.into()]);
    let w = Type::of(F, &[2]);
    let product = Op::Contract(Contract { left: vec![0, 1], right: vec![1], out: vec![0] });
    let body_args = vec![local(0, &x), expr(ExprKind::Param(0), &w)];
    let init = expr(ExprKind::Op(Op::Fill(Fill::Iota { dtype: F, to: w.shape.clone() }), vec![]), &w);
    Function {
        results: vec![Type::new(F, vec![Dim::var(rows.clone())])],
        name: "line".to_owned(),
        sizes: vec![rows.clone()],
        n_args: 1,
        locals: vec![named("x", &x)],
        members: vec![Member::Param { name: "w".to_owned(), ty: w, init, span: Span::default() }],
        body: expr(ExprKind::Op(product, body_args), &Type::new(F, vec![Dim::var(rows)])),
        rule: None,
        span: Span::default(),
    }
}

/// `model two(x) { layer a = line  layer b = line  a(x) + b(x) }`
fn two() -> Function {
    let rows = size(1, "B");
    let x = Type::new(F, vec![Dim::var(rows.clone()), 2.into()]);
    let y = Type::new(F, vec![Dim::var(rows.clone())]);
    let layer =
        |name: &str| Member::Layer { name: name.to_owned(), function: FunctionId(0), sizes: BTreeMap::new() };
    let call = |member| {
        let call = ExprKind::Call {
            function: FunctionId(0),
            sizes: vec![Dim::var(rows.clone())],
            args: vec![local(0, &x)],
            instance: Instance::Layer(member),
        };
        expr(call, &y)
    };
    Function {
        results: vec![y.clone()],
        name: "two".to_owned(),
        sizes: vec![rows.clone()],
        n_args: 1,
        locals: vec![named("x", &x)],
        members: vec![layer("a"), layer("b")],
        body: map(&scalar::ADD, vec![call(0), call(1)]),
        rule: None,
        span: Span::default(),
    }
}

/// `stage heavy(lr, mu) { state v = 0  state s: scalar[tensor] = 1  v <- mu * v + u
/// s <- s + sum[tensor](u)  lr * s * v }`
fn heavy() -> Stage {
    let [n, k] = [size(8, "coordinates"), size(9, "tensors")];
    let all = Type::new(F, vec![Dim::var(n.clone())]);
    let each = Type::new(F, vec![Dim::var(k.clone())]);
    let one = Type::scalar(F);
    let mut locals: Vec<Local> = StageScope::ALL.iter().map(|(_, name)| named(name, &all)).collect();
    locals.extend([named("lr", &one), named("mu", &one), named("v", &all), named("s", &each)]);
    let over = |extent, value: Expr| {
        expr(ExprKind::StageBroadcast { extent, to: Extent::Coordinate, value: Box::new(value) }, &all)
    };
    let [lr, mu] = [8, 9].map(|k| over(Extent::Model, local(k, &one)));
    let (u, v, s) = (local(1, &all), local(10, &all), local(11, &each));
    let sum =
        ExprKind::StageReduce { combine: Reducer::Sum, extent: Extent::Tensor, value: Box::new(u.clone()) };
    let new_s = map(&scalar::ADD, vec![s.clone(), expr(sum, &each)]);
    let new_v = map(&scalar::ADD, vec![map(&scalar::MUL, vec![mu, v.clone()]), u]);
    let factor = map(&scalar::MUL, vec![lr, over(Extent::Tensor, s)]);
    let state =
        |name: &str, k, extent, init| State { name: name.to_owned(), local: LocalId(k), extent, init };
    Stage {
        name: "heavy".to_owned(),
        words: vec![],
        coordinates: n,
        rows: size(20, "rows"),
        columns: size(21, "columns"),
        tensors: k,
        locals,
        hypers: vec![LocalId(8), LocalId(9)],
        states: vec![
            state("v", 10, Extent::Coordinate, expr(ExprKind::Const(0.0), &all)),
            state("s", 11, Extent::Tensor, expr(ExprKind::Const(1.0), &each)),
        ],
        lines: vec![(LocalId(10), new_v), (LocalId(11), new_s)],
        inner: None,
        eval: None,
        result: map(&scalar::MUL, vec![factor, v]),
        span: Span::default(),
    }
}

/// `let fit = train two on d { loss = sum((two(x) - y)^2)  optimizer = heavy(lr = 0.1 / t, mu = 0.5) }`
fn script() -> Program {
    let rows = size(5, "rows");
    let x = Type::new(F, vec![Dim::var(rows.clone()), 2.into()]);
    let y = Type::new(F, vec![Dim::var(rows.clone())]);
    let one = Type::scalar(F);
    let call = ExprKind::Call {
        function: FunctionId(1),
        sizes: vec![Dim::var(rows.clone())],
        args: vec![local(0, &x)],
        instance: Instance::Part(Part::training(StatementId(0))),
    };
    let error = map(&scalar::SUB, vec![expr(call, &y), local(1, &y)]);
    let square = map(&scalar::MUL, vec![error.clone(), error]);
    let sum = Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![0] });
    let lr = map(&scalar::DIV, vec![expr(ExprKind::Const(0.1), &one), local(0, &one)]);
    let mu = Cell {
        name: "opt.heavy.mu".to_owned(),
        local: LocalId(2),
        value: expr(ExprKind::Const(0.5), &one),
        range: None,
        swept: None,
    };
    let used = StageUse {
        stage: StageId(0),
        name: "heavy".to_owned(),
        hypers: vec![lr, local(2, &one)],
        span: Span::default(),
    };
    let train = Train {
        optimizer: Optimizer {
            name: "fit".to_owned(),
            model: FunctionId(1),
            sizes: vec![Dim::var(rows.clone())],
            uses: vec![used],
            cells: vec![mu],
            groups: Vec::new(),
            span: Span::default(),
        },
        data: DataId(0),
        split: Split::All,
        rows,
        locals: vec![named("x", &x), named("y", &y)],
        loss: expr(ExprKind::Op(sum, vec![square]), &one),
        metrics: vec![],
        batch: 3,
        accumulate: 1,
        every: None,
        sweep: Vec::new(),
        swept_seed: None,
        start: None,
        checkpoints: None,
        length: Length::Steps(2),
        shuffle: false,
        seed: 0,
        validate: Some((DataId(0), Split::Test)),
    };
    let column = |name: &str, sizes: &[usize]| Column { name: name.to_owned(), ty: Type::of(F, sizes) };
    let data = Data {
        name: "d".to_owned(),
        source: DataSource::Files(FileSource::new(SOURCES[0], Arguments::default())),
        characters: Vec::new(),
        columns: vec![column("x", &[2]), column("y", &[])],
        standardize: vec![],
        rows: Rows { all: 3, train: 3, test: 4 },
        span: Span::default(),
    };
    Program {
        limit: crate::typed::LIMIT,
        unroll: crate::typed::UNROLL,
        real: F,
        data: vec![data],
        functions: vec![line(), two()],
        stages: vec![heavy()],
        statements: vec![Statement {
            kind: StatementKind::Train(train),
            locals: vec![],
            span: Span::default(),
        }],
    }
}

#[test]
fn a_training_run_has_its_programs() {
    let graphs = super::build(&script());
    let names: Vec<&str> = graphs.programs.iter().map(|graph| graph.name.as_str()).collect();
    assert_eq!(names, ["fit.init", "fit.step", "fit.validate"]);
    let layout = &graphs.layouts[&0];
    let params: Vec<(&str, usize)> = layout.params.iter().map(|p| (p.name.as_str(), p.start)).collect();
    assert_eq!(params, [("a.w", 0), ("b.w", 2)]);
    let cells: Vec<(&str, f64)> = layout.cells.iter().map(|cell| (cell.name.as_str(), cell.value)).collect();
    assert_eq!(cells, [("opt.heavy.mu", 0.5)], "lr depends on t");
}

#[test]
fn a_step_does_what_the_stage_says() {
    let graphs = super::build(&script());
    let [init, step] = [&graphs.programs[0], &graphs.programs[1]];
    let start = eval::run(init, &[]);
    let data: Vec<&[f64]> = start.iter().map(|tensor| tensor.data.as_slice()).collect();
    assert_eq!(data, [&[0.0, 1.0, 0.0, 1.0][..], &[0.0; 4], &[1.0; 2]]);
    let roles: Vec<&Role> = step.inputs.iter().map(|input| &input.role).collect();
    let expected = [
        Role::Params,
        Role::Column(0),
        Role::Column(1),
        Role::State(0),
        Role::State(1),
        Role::Cell(CellId(0)),
    ];
    assert_eq!(roles[..6], expected.iter().collect::<Vec<_>>());
    assert_eq!(roles[6], &Role::Step);
    let x = tensor(&[3, 2], &[1.0, 2.0, 0.0, -1.0, 3.0, 0.5]);
    let y = tensor(&[3], &[1.0, 0.0, 2.0]);
    let given = vec![
        start[0].clone(),
        x,
        y,
        start[1].clone(),
        start[2].clone(),
        tensor(&[], &[0.5]),
        tensor(&[], &[2.0]),
    ];
    // error = x @ (2 * [0, 1]) - y = [3, -2, -1]; gradient by each w = 2 * error @ x = [0, 15].
    // v = gradient; s = 1 + 15 for both tensors; update = 0.1 / 2 * 16 * gradient.
    let found = eval::run(step, &given);
    assert_eq!(found[0].data, [14.0]);
    assert_eq!(found[1].data, [0.0, 1.0 - 0.05 * 16.0 * 15.0, 0.0, 1.0 - 0.05 * 16.0 * 15.0]);
    assert_eq!(found[2].data, [0.0, 15.0, 0.0, 15.0]);
    assert_eq!(found[3].data, [16.0, 16.0]);
}

#[test]
fn graphs_are_printed_by_name() {
    let graphs = super::build(&script());
    insta::assert_snapshot!(graphs.programs[1].to_string(), @r"
    graph fit.step(params: f64[4], x: f64[3, 2], y: f64[3], heavy.v: f64[4], heavy.s: f64[2], opt.heavy.mu: f64[],
        t: f64[])
      // loss
      a.w = window params [start = 0]          : f64[2]
      %0 = contract x, a.w [ij, j -> i]        : f64[3]
      b.w = window params [start = 2]          : f64[2]
      %1 = contract x, b.w [ij, j -> i]        : f64[3]
      %2 = add %0, %1                          : f64[3]
      %3 = sub %2, y                           : f64[3]
      %4 = mul %3, %3                          : f64[3]
      loss = reduce %4 [sum, axes = 0]         : f64[]
      // gradient
      %5 = add %3, %3                          : f64[3]
      %6 = contract x, %5 [ij, i -> j]         : f64[2]
      g = concat %6, %6                        : f64[4]
      // heavy
      opt.heavy.lr = div 0.1, t                : f64[]
      %7 = broadcast opt.heavy.mu [axes = ()]  : f64[4]
      %8 = mul %7, heavy.v                     : f64[4]
      heavy.v' = add %8, g                     : f64[4]
      %9 = segment_reduce g [sum]              : f64[2]
      heavy.s' = add heavy.s, %9               : f64[2]
      %10 = broadcast opt.heavy.lr [axes = ()] : f64[4]
      %11 = segment_broadcast heavy.s'         : f64[4]
      %12 = mul %10, %11                       : f64[4]
      %13 = mul %12, heavy.v'                  : f64[4]
      // update
      %14 = sub params, %13                    : f64[4]
      return loss, params <- %14, heavy.v <- heavy.v', heavy.s <- heavy.s'
    ");
}

/// `model tower(x) { layer l0 = square ... x |> l0 |> l1 ... }` with square layers `tanh(x @ w)`.
fn tower(depth: usize) -> Vec<Function> {
    let rows = size(0, "B");
    let x = Type::new(F, vec![Dim::var(rows.clone()), 2.into()]);
    let w = Type::of(F, &[2, 2]);
    let mut square = line();
    let product = Op::Contract(Contract { left: vec![0, 1], right: vec![1, 2], out: vec![0, 2] });
    let args = vec![local(0, &x), expr(ExprKind::Param(0), &w)];
    square.body = map(&scalar::TANH, vec![expr(ExprKind::Op(product, args), &x)]);
    let init = expr(ExprKind::Op(Op::Fill(Fill::Iota { dtype: F, to: w.shape.clone() }), vec![]), &w);
    square.members = vec![Member::Param { name: "w".to_owned(), ty: w, init, span: Span::default() }];
    let mut tower = two();
    tower.sizes = vec![rows.clone()];
    tower.locals = vec![named("x", &x)];
    tower.members.clear();
    tower.body = local(0, &x);
    for k in 0..depth {
        tower.members.push(Member::Layer {
            name: format!("l[{k}]"),
            function: FunctionId(0),
            sizes: BTreeMap::new(),
        });
        let call = ExprKind::Call {
            function: FunctionId(0),
            sizes: vec![Dim::var(rows.clone())],
            args: vec![tower.body],
            instance: Instance::Layer(k),
        };
        tower.body = expr(call, &x);
    }
    let sum = Op::Reduce(Reduce { combine: Reducer::Sum, axes: vec![1] });
    let y = Type::new(F, vec![Dim::var(rows)]);
    tower.body = expr(ExprKind::Op(sum, vec![tower.body]), &y);
    vec![square, tower]
}

#[test]
fn a_deep_model_is_no_trouble() {
    let nodes = |depth: usize| {
        let graphs = super::build(&Program { functions: tower(depth), ..script() });
        graphs.programs[1].nodes.len()
    };
    let (small, large) = (nodes(64), nodes(512));
    assert_eq!((large - small) % 448, 0, "the same number of nodes for each layer");
}

/// `fn noise() -> real[2] = random(key)`, as `call` of function 0.
fn noise() -> (Function, Expr) {
    let ty = Type::of(F, &[2]);
    let key = expr(ExprKind::Key, &Type::of(DType::I32, &[2]));
    let random = Fill::Random { site: 3, dtype: F, to: ty.shape.clone() };
    let mut function = line();
    function.sizes.clear();
    function.members.clear();
    function.n_args = 0;
    function.body = expr(ExprKind::Op(Op::Fill(random), vec![key]), &ty);
    let call =
        ExprKind::Call { function: FunctionId(0), sizes: vec![], args: vec![], instance: Instance::None };
    (function, expr(call, &ty))
}

#[test]
fn one_occurrence_of_random_gives_other_numbers_each_time() {
    let (noise, call) = noise();
    let twice = map(&scalar::ADD, vec![call.clone(), call]);
    let value = StatementKind::Let { names: vec!["a".to_owned()], value: twice };
    let statement = Statement { kind: value, locals: vec![], span: Span::default() };
    let graphs = super::build(&Program { functions: vec![noise], statements: vec![statement], ..script() });
    let graph = &graphs.programs[0];
    assert_eq!(graph.name, "let.a");
    let sites = graph.nodes.iter().filter_map(|node| match node.def {
        Def::Op(Op::Fill(Fill::Random { site, .. }), _) => Some(site),
        _ => None,
    });
    let sites: Vec<u32> = sites.collect();
    assert_eq!(sites.len(), 2);
    assert_ne!(sites[0], sites[1]);
}

#[test]
fn parameters_of_one_model_start_with_other_numbers() {
    let (noise, call) = noise();
    let mut model = line();
    if let Member::Param { init, .. } = &mut model.members[0] {
        *init = call;
    }
    let mut two = two();
    for member in &mut two.members {
        if let Member::Layer { function, .. } = member {
            *function = FunctionId(2);
        }
    }
    two.body = expr(ExprKind::Const(0.0), &two.body.ty);
    let graphs = super::build(&Program { functions: vec![noise, two, model], ..script() });
    let key = Tensor { ty: Type::of(DType::I32, &[2]), data: vec![1.0, 2.0] };
    let params = &eval::run(&graphs.programs[0], &[key])[0].data;
    assert_ne!(params[..2], params[2..]);
    let zero =
        &eval::run(&graphs.programs[0], &[Tensor { ty: Type::of(DType::I32, &[2]), data: vec![1.0, 3.0] }])
            [0]
        .data;
    assert_ne!(params, zero, "the key counts");
}
