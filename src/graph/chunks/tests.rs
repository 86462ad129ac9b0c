//! Chunks against all rows: operator by operator, and for whole evaluations.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::eval::run;
use super::super::forward::Runs;
use super::super::{Graph, Input, Output, Role, layouts, simplify, verify};
use super::{Builder, ChunkBuilder, ChunkPlan, Dependence, Reducer, RowAxis, chosen, size};
use crate::algebra::build::transpose;
use crate::algebra::op::{Build, Op, Sample, Val, samples};
use crate::algebra::tensor::Tensor;
use crate::algebra::types::{DType, Type};
use crate::algebra::view::inverse;
use crate::pipeline::{Options, Program};
use crate::typed::{GlobalId, StatementId, StatementKind};

/// Some positions of a tensor along an axis.
fn cut(tensor: &Tensor, axis: usize, range: Range<usize>) -> Tensor {
    let sizes = tensor.ty.sizes();
    let inner: usize = sizes[axis + 1..].iter().product();
    let of = |outer: &[f64]| outer[range.start * inner..range.end * inner].to_vec();
    let data = tensor.data.chunks((sizes[axis] * inner).max(1)).flat_map(of).collect();
    let mut to = sizes.clone();
    to[axis] = range.len();
    Tensor::new(Type::of(tensor.ty.dtype, &to), data)
}

/// What a tensor has for a row.
fn of_row(tensor: &Tensor, along: RowAxis, rows: usize, row: usize) -> Tensor {
    let RowAxis { axis, runs, each } = along;
    let sizes = tensor.ty.sizes();
    let apart = [&sizes[..axis], &[runs, rows, each], &sizes[axis + 1..]].concat();
    let apart = Tensor::new(Type::of(tensor.ty.dtype, &apart), tensor.data.clone());
    let mut to = sizes.clone();
    to[axis] = runs * each;
    Tensor::new(Type::of(tensor.ty.dtype, &to), cut(&apart, axis + 1, row..row + 1).data)
}

/// What an input of a program for some rows is, of what it is for all.
fn given(all: &BTreeMap<Role, Tensor>, input: &Input, rows: Range<usize>) -> Tensor {
    match input.role {
        Role::Column(_) => cut(&all[&input.role], 0, rows),
        _ => all[&input.role].clone(),
    }
}

fn outputs(graph: &Graph, all: &BTreeMap<Role, Tensor>, rows: Range<usize>) -> Vec<Tensor> {
    let problem = verify::check(graph);
    assert!(problem.is_ok(), "{problem:?}\n{graph}");
    let inputs: Vec<Tensor> = graph.inputs.iter().map(|input| given(all, input, rows.clone())).collect();
    run(graph, &inputs)
}

fn near(what: &str, have: &Tensor, want: &Tensor) {
    assert_eq!(have.ty, want.ty, "{what}");
    for (have, want) in have.data.iter().zip(&want.data) {
        let close = have == want || (have - want).abs() <= 1e-9 * want.abs().max(1.0);
        assert!(close, "{what}: {have}, not {want}");
    }
}

fn joined(combine: Reducer, all: &Tensor, next: &Tensor) -> Tensor {
    let data = all.data.iter().zip(&next.data).map(|(a, b)| combine.apply(*a, *b)).collect();
    Tensor::new(all.ty.clone(), data)
}

/// An operand: rows of data along an axis, something else, or one number everywhere.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Operand {
    Rows(usize),
    Other,
    Same,
}

/// An operator as a program over rows.
struct Case {
    graph: Graph,
    all: BTreeMap<Role, Tensor>,
    rows: usize,
}

impl Case {
    /// Nothing if the operands do not have the same number of rows, and at least two.
    fn new(sample: &Sample<Op>, operands: &[Operand]) -> Option<Case> {
        let sizes = sample.args.iter().zip(operands).filter_map(|(arg, operand)| match operand {
            Operand::Rows(axis) => Some(arg.ty.sizes()[*axis]),
            Operand::Other | Operand::Same => None,
        });
        let sizes: Vec<usize> = sizes.collect();
        let rows = *sizes.first()?;
        if rows < 2 || sizes.iter().any(|size| *size != rows) {
            return None;
        }
        let (mut builder, mut all) = (Builder::default(), BTreeMap::new());
        let args = sample.args.iter().zip(operands).enumerate().map(|(k, (arg, operand))| match operand {
            Operand::Rows(axis) => rows_of(&mut builder, &mut all, k, arg, *axis),
            Operand::Other => {
                let role = Role::Global(GlobalId { statement: StatementId(k), value: 0 });
                all.insert(role.clone(), arg.clone());
                builder.input(format!("x{k}"), role, arg.ty.clone())
            }
            // Integers may be positions.
            Operand::Same => builder.constant(if arg.ty.dtype.is_int() { 0.0 } else { 0.7 }, &arg.ty),
        });
        let args: Vec<Val> = args.collect();
        let value = builder.emit(sample.op.clone(), &args);
        let output = Output::result("y", value);
        Some(Case { graph: builder.finish("case", vec![output]), all, rows })
    }

    /// Compares the result for each single row with that of all; gives how it depends on them.
    fn check(&self, what: &str) -> Dependence {
        let known = super::dependences(&self.graph, self.rows);
        let value = self.graph.outputs[0].value;
        let all: Vec<Val> = (0..self.graph.nodes.len() as u32).map(Val).collect();
        let dependence = known[value.0 as usize].dependence;
        let plan = ChunkPlan {
            graph: &self.graph,
            known,
            rows: self.rows,
            reduced: Vec::new(),
            before: all.iter().copied().collect(),
            after: Default::default(),
        };
        let whole = || {
            run(&self.graph, &self.graph.inputs.iter().map(|x| self.all[&x.role].clone()).collect::<Vec<_>>())
        };
        let one = |row: usize| {
            let mut part = ChunkBuilder::new(&plan, 1);
            all.iter().for_each(|value| part.add(*value));
            let output = Output { value: part.values[&value], ..self.graph.outputs[0].clone() };
            outputs(&part.builder.finish("row", vec![output]), &self.all, row..row + 1).remove(0)
        };
        match dependence {
            Dependence::Rows(along) => {
                for row in 0..self.rows {
                    near(what, &one(row), &of_row(&whole()[0], along, self.rows, row));
                }
            }
            Dependence::Reduced(combine) => {
                let parts = (0..self.rows).map(one).reduce(|all, next| joined(combine, &all, &next));
                near(what, &parts.expect("there are rows"), &whole()[0]);
            }
            Dependence::Fixed | Dependence::After | Dependence::Mixed => {}
        }
        dependence
    }
}

/// An operand whose rows of data lie along an axis.
fn rows_of(
    builder: &mut Builder,
    all: &mut BTreeMap<Role, Tensor>,
    k: usize,
    arg: &Tensor,
    axis: usize,
) -> Val {
    let front: Vec<usize> = std::iter::once(axis).chain((0..arg.ty.rank()).filter(|a| *a != axis)).collect();
    let moved = {
        let mut builder = Builder::default();
        let x = builder.input("x", Role::Column(0), arg.ty.clone());
        let value = transpose(&mut builder, x, &front);
        let output = Output::result("y", value);
        run(&builder.finish("moved", vec![output]), std::slice::from_ref(arg)).remove(0)
    };
    let value = builder.input(format!("x{k}"), Role::Column(k), moved.ty.clone());
    all.insert(Role::Column(k), moved);
    transpose(builder, value, &inverse(&front))
}

/// Every choice of an operand for each argument.
fn choices(args: &[Tensor]) -> Vec<Vec<Operand>> {
    args.iter().fold(vec![Vec::new()], |choices, arg| {
        let operands: Vec<Operand> =
            (0..arg.ty.rank()).map(Operand::Rows).chain([Operand::Other, Operand::Same]).collect();
        let longer = |choice: &Vec<Operand>| {
            let choice = choice.clone();
            operands.iter().map(move |operand| [choice.as_slice(), &[*operand]].concat()).collect::<Vec<_>>()
        };
        choices.iter().flat_map(longer).collect()
    })
}

#[test]
fn what_is_known_of_rows_is_true_of_every_operator() {
    let (mut rows, mut reduced) = (0, 0);
    for sample in samples() {
        for operands in choices(&sample.args) {
            let Some(case) = Case::new(&sample, &operands) else { continue };
            let rules = sample.op.rules();
            let what = format!("{} [{}] of {operands:?}", rules.name(), rules.attributes());
            match case.check(&what) {
                Dependence::Rows(_) => rows += 1,
                Dependence::Reduced(_) => reduced += 1,
                Dependence::Fixed | Dependence::After | Dependence::Mixed => {}
            }
        }
    }
    assert!(rows > 200 && reduced > 40, "too few: {rows} and {reduced}");
}

/// The program of `eval all` of a script, and its number of rows.
fn evaluation(metric: &str) -> (Graph, usize) {
    let source = format!("{SCRIPT}let all = eval fit on d {{ metric m = {metric} }}\n");
    let options = Options { real: Some(DType::F64), ..Options::default() };
    let program = Program::new("case.eg", &source, options);
    let typed = program.typed().unwrap_or_else(|found| panic!("{metric}: {}", found.render(false)));
    let layouts = layouts(typed);
    let mut evals = typed.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Eval(eval) => Some(Runs { program: typed, layouts: &layouts }.eval(eval)),
        _ => None,
    });
    evals.next_back().expect("there is an evaluation")
}

const SCRIPT: &str = "
    data d = synthetic(rows = 11, seed = 1) {
      x = random.normal[rows, 4, 3]()
      y = i32(3 * random.uniform[rows]())
    }
    model net(x: real[B, 4, 3]) -> real[B, 3] {
      layer wide = conv1d[4, 5, 2]
      layer norm = batchnorm[10]
      layer out = dense[10, 3]
      reshape[B, 10](wide(x)) |> norm |> tanh |> dropout[0.5] |> out
    }
    model both(x: real[B, 4, 3]) -> real[B, 3] {
      layer a = attention[1, 3]
      layer n = net
      layer r = gru[3, 3]
      n(x + r(x + a(x)))
    }
    fn doubled(x: real[B, 3]) -> real = mean(reshape[B * 2, 3](concat(x, x + 1, axis = 1)) + 1)
    fn again(x: real[B, 3]) -> real = mean(reshape[B, 6](permute[1, 0, 2](stack(x, x + 1)))[:, 4]^2)
    fn merged(x: real[B, 3, 4]) -> real = sum(reshape[3 * B, 4](permute[1, 0, 2](x))^2 @ real(iota[4]))
    fn apart(x: real[B, 3, 4]) -> real = max(reshape[3, B, 4](reshape[3 * B, 4](permute[1, 0, 2](x))))
    fn counted(x: real[B]) -> real = mean(x * real(iota[B]))
    fn noisy(x: real[B]) -> real = mean(x * random.normal[B]())
    let fit = train both on d {
      loss = mean(cross_entropy(both(x), y))
      optimizer = sgd(lr = 0.1)
      batch = 2
      steps = 1
    }
";

/// Metrics, and whether they can be taken in chunks.
const METRICS: &[(&str, bool)] = &[
    ("mean(cross_entropy(fit(x), y))", true),
    ("mean(argmax(fit(x), axis = -1) == y)", true),
    ("masked_mean(cross_entropy(fit(x), y, ignore = 2), y != 2)", true),
    ("sum(fit(x)^2) / max(abs(fit(x))) - min(fit(x))", true),
    ("prod(1 + 0.01 * fit(x))", true),
    ("real(any(fit(x) > 0.5)) + real(all(fit(x) < 9))", true),
    ("sqrt(sum(mean(fit(x), axis = 0)^2))", true),
    ("max(einsum[\"bi, bj -> ij\"](fit(x), fit(x)))", true),
    ("mean(cumsum(fit(x), axis = 1)[:, 2])", true),
    ("doubled(fit(x))", true),
    ("again(fit(x))", true),
    ("merged(transpose(x))", true),
    ("apart(transpose(x))", true),
    ("mean(transpose(fit(x)) @ (x[:, 0, 0] * 2))", true),
    ("sum(take(iota[9], y + 2))", true),
    ("mean(fit(x) * 0 + expand(real(iota[3]), 0))", true),
    // Orders are written down as places among the elements of all rows.
    ("mean(sort(fit(x), axis = 1)[:, 0])", false),
    ("std(fit(x))", false),
    ("mean((fit(x) - mean(fit(x), axis = 0))^2)", false),
    ("mean(sort(fit(x), axis = 0)[2])", false),
    ("sum(cumsum(fit(x), axis = 0))", false),
    ("mean(x[:5])", false),
    ("mean(x[1:, 0] - x[:-1, 0])", false),
    ("mean(flip(x, axis = 0) * x)", false),
    ("max(fit(x) @ transpose(fit(x)))", false),
    ("counted(x[:, 0, 0])", false),
    ("noisy(x[:, 0, 0])", false),
    ("mean(softmax(x, axis = 0))", false),
    ("real(argmax(x[:, 0, 0]))", false),
];

/// Numbers that the inputs of an evaluation could have.
fn numbers(graph: &Graph) -> BTreeMap<Role, Tensor> {
    let number = |(k, input): (usize, &Input)| {
        let sample = Tensor::sample(graph.nodes[input.value.0 as usize].ty.clone(), k as u64);
        let of = |x: &f64| match (&input.role, sample.ty.dtype) {
            (_, DType::I32) => (x + 5.0) % 3.0,
            (Role::FitModelState(..), _) => x.abs(),
            _ => x / 2.0,
        };
        (input.role.clone(), Tensor::new(sample.ty.clone(), sample.data.iter().map(of).collect()))
    };
    graph.inputs.iter().enumerate().map(number).collect()
}

/// The output of a plan with chunks of so many rows.
fn in_chunks(plan: &ChunkPlan<'_>, mut all: BTreeMap<Role, Tensor>, size: usize) -> Vec<Tensor> {
    let starts = (0..plan.rows).step_by(size);
    let parts = starts.map(|start| {
        let rows = start..plan.rows.min(start + size);
        outputs(&simplify::simplify(plan.part("chunk", rows.len())), &all, rows)
    });
    let sums = parts.reduce(|sums, next| {
        let sums = sums.iter().zip(&next).zip(&plan.reduced);
        sums.map(|((sum, next), (_, combine))| joined(*combine, sum, next)).collect()
    });
    for ((k, sum), (_, combine)) in sums.unwrap_or_default().into_iter().enumerate().zip(&plan.reduced) {
        all.insert(Role::Chunks(k, *combine), sum);
    }
    outputs(&plan.last(), &all, 0..0)
}

#[test]
fn evaluations_in_chunks_give_what_those_of_all_rows_give() {
    for (metric, chunked) in METRICS {
        let (graph, rows) = evaluation(metric);
        let chosen = chosen(graph.clone());
        let plan = ChunkPlan::of(&chosen, rows);
        assert_eq!(plan.is_some(), *chunked, "{metric}\n{graph}");
        let Some(plan) = plan else { continue };
        let all = numbers(&graph);
        let want = outputs(&graph, &all, 0..rows);
        for size in [1, 3, 4, 10] {
            near(metric, &in_chunks(&plan, all.clone(), size)[0], &want[0]);
        }
    }
}

#[test]
fn chunks_leave_no_rest_if_they_can() {
    assert_eq!(size(1024, 4), 1024, "all at once");
    assert_eq!(size(2500, 4), 625);
    assert_eq!(size(60_000, 4), 1000);
    assert_eq!(size(2501, 4), 834, "two chunks, and 833 rows");
    assert_eq!(size(10_000, 1 << 18), 125, "32 MiB");
    assert_eq!(size(1000, usize::MAX), 50);
    assert_eq!(size(64, usize::MAX), 64);
}
