//! Integers that must be below a size: labels and positions.
//!
//! What is known when compiling is checked here and forgotten. Columns of data are checked before a
//! program runs, and all others become outputs of their program, which is looked at before anything that
//! outlives the program is written.

use std::rc::Rc;

use super::errors;
use super::{Def, Graph, Node, Output, OutputTarget, Role};
use crate::algebra::eval::eval;
use crate::algebra::fill::Fill;
use crate::algebra::form::{AxisSize, Reducer};
use crate::algebra::gather::Gather;
use crate::algebra::map::Map;
use crate::algebra::op::{Op, Val};
use crate::algebra::tensor::Tensor;
use crate::algebra::types::{DType, Type};
use crate::algebra::view::View;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::Numbered;

/// Integers, `i32`, that must be from 0 to below a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Where they are.
    pub source: IndexSource,
    /// The size.
    pub below: usize,
    /// What they are.
    pub what: Numbered,
    /// The place in the script that asks for it.
    pub span: Span,
}

/// Where integers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexSource {
    /// A value of the graph; none once the graph is finished.
    Value(Val),
    /// All rows of this column of the data.
    Column(usize),
    /// Output of this number.
    Output(usize),
}

impl Position {
    /// The value that they are, in a graph that is not finished.
    pub fn value(&self) -> Option<Val> {
        match self.source {
            IndexSource::Value(value) => Some(value),
            IndexSource::Column(_) | IndexSource::Output(_) => None,
        }
    }

    /// The same in a graph that has other values in the place of its own.
    pub fn renumbered(&self, values: &[Val]) -> Position {
        let source = self.value().map_or(self.source, |value| IndexSource::Value(values[value.0 as usize]));
        Position { source, ..self.clone() }
    }

    /// Whether a number is one of them.
    pub fn allows(&self, number: i32) -> bool {
        usize::try_from(number).is_ok_and(|number| number < self.below)
    }
}

/// What is known of a value when compiling.
#[derive(Clone, Debug, Default)]
struct IndexFacts {
    /// The least and the greatest number that it may hold.
    bounds: Option<(f64, f64)>,
    /// Its elements.
    elements: Option<Rc<Tensor>>,
    /// The column of the data whose elements it has, in whatever order.
    column: Option<usize>,
}

/// Most points of loop nests that are computed for one graph.
const WORK: usize = 1 << 20;

/// Checks what is known; the rest becomes outputs, or is left to who reads the data. Says what is wrong.
pub fn settle(graphs: &mut [Graph]) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for graph in graphs.iter_mut().filter(|graph| !graph.positions.is_empty()) {
        for wrong in one(graph) {
            // A loss is in several graphs, and a function may be wrong in several of its lines.
            let same = |have: &Diagnostic| have.labels[0].span == wrong.labels[0].span;
            if !found.iter().any(same) {
                found.push(wrong);
            }
        }
    }
    found
}

fn one(graph: &mut Graph) -> Vec<Diagnostic> {
    let known = known(graph);
    let mut found = Vec::new();
    for position in std::mem::take(&mut graph.positions) {
        let Some(value) = position.value() else { continue };
        let IndexFacts { bounds, elements, column } = &known[value.0 as usize];
        let inside = |(low, high): (f64, f64)| low >= 0.0 && high < position.below as f64;
        if bounds.is_some_and(inside) {
            continue;
        }
        if let Some(elements) = elements {
            let wrong = elements.data.iter().find(|number| !position.allows(**number as i32));
            found.extend(wrong.map(|wrong| errors::out_of_range(&position, *wrong as i32, "")));
            continue;
        }
        let source = match column {
            Some(column) => IndexSource::Column(*column),
            None => checked(graph, value),
        };
        graph.positions.push(Position { source, ..position });
    }
    found
}

/// The output that a value is, to be checked.
fn checked(graph: &mut Graph, value: Val) -> IndexSource {
    let like = |output: &Output| output.value == value && output.target == OutputTarget::Positions;
    let have = graph.outputs.iter().position(like);
    IndexSource::Output(have.unwrap_or_else(|| {
        graph.outputs.push(Output { target: OutputTarget::Positions, ..Output::result("positions", value) });
        graph.outputs.len() - 1
    }))
}

/// What is known of the values that integers to check are made from.
fn known(graph: &Graph) -> Vec<IndexFacts> {
    let mut needed = vec![false; graph.nodes.len()];
    graph.positions.iter().filter_map(Position::value).for_each(|value| needed[value.0 as usize] = true);
    for value in (0..graph.nodes.len()).rev() {
        if let (true, Def::Op(_, args)) = (needed[value], &graph.nodes[value].def) {
            args.iter().for_each(|arg| needed[arg.0 as usize] = true);
        }
    }
    let mut work = WORK;
    let mut known: Vec<IndexFacts> = Vec::with_capacity(graph.nodes.len());
    for (node, needed) in graph.nodes.iter().zip(needed) {
        known.push(match (&node.def, needed) {
            (_, false) => IndexFacts::default(),
            (Def::Input(k), true) => match graph.inputs[*k].role {
                Role::Column(column) => IndexFacts { column: Some(column), ..IndexFacts::default() },
                _ => IndexFacts::default(),
            },
            (Def::Loop(..) | Def::Result(..), true) => IndexFacts::default(),
            (Def::Op(op, args), true) => {
                let args: Vec<&IndexFacts> = args.iter().map(|arg| &known[arg.0 as usize]).collect();
                IndexFacts {
                    bounds: bounds(op, &args, &node.ty),
                    elements: elements(op, &args, node, &mut work),
                    column: same_elements(op).then(|| args[0].column).flatten(),
                }
            }
        });
    }
    known
}

/// Whether the result has the elements of the argument, all of them.
fn same_elements(op: &Op) -> bool {
    matches!(op, Op::View(View::Reshape { .. } | View::Transpose { .. } | View::Broadcast { .. }))
}

/// The elements of a value made from known ones, if that is no long work.
fn elements(op: &Op, args: &[&IndexFacts], node: &Node, work: &mut usize) -> Option<Rc<Tensor>> {
    let args = args.iter().map(|known| known.elements.as_deref()).collect::<Option<Vec<&Tensor>>>()?;
    let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
    let extent = |extent: &AxisSize| match extent {
        AxisSize::Fixed(size) => *size,
        AxisSize::Ragged(segments) => segments.total(),
    };
    let points = match op {
        Op::Concat(_) => node.ty.count(),
        _ => op.rules().form(&types).axes.iter().map(extent).fold(1, usize::saturating_mul),
    };
    *work = work.checked_sub(points)?;
    Some(Rc::new(match op {
        Op::Concat(_) => super::eval::concat(node, &args),
        _ => eval(op, &args),
    }))
}

/// Between what numbers the elements of an integer lie.
fn bounds(op: &Op, args: &[&IndexFacts], ty: &Type) -> Option<(f64, f64)> {
    let of = |k: usize| args[k].bounds;
    let both = |a: usize, b: usize| Some((of(a)?.0.min(of(b)?.0), of(a)?.1.max(of(b)?.1)));
    match op {
        Op::Fill(Fill::Const { value, .. }) => Some((value.0, value.0)),
        Op::Fill(Fill::Iota { to, .. }) => {
            let count: usize = to.iter().map(|size| size.size()).product();
            Some((0.0, count.saturating_sub(1) as f64))
        }
        Op::View(View::Pad { value, .. }) => of(0).map(|(low, high)| (low.min(value.0), high.max(value.0))),
        Op::View(_) | Op::Gather(Gather::Take { .. }) => of(0),
        Op::Concat(_) => (1..args.len()).fold(of(0), |all, k| {
            let (all, next) = (all?, of(k)?);
            Some((all.0.min(next.0), all.1.max(next.1)))
        }),
        Op::Cast(_) if ty.dtype.is_int() => of(0),
        // NaN of floats is outside of any bounds.
        Op::Map(Map(row)) if ty.dtype.is_int() => match row.name {
            "select" => both(1, 2),
            "max" => at_least(of(0), of(1)),
            "min" => at_least(of(0).map(turned), of(1).map(turned)).map(turned),
            "rem" => of(1).filter(|(low, high)| low == high && *low > 0.0).map(|(n, _)| (0.0, n - 1.0)),
            _ => None,
        },
        Op::Reduce(reduce) if ty.dtype.is_int() && matches!(reduce.combine, Reducer::Max | Reducer::Min) => {
            of(0)
        }
        _ => (ty.dtype == DType::Bool).then_some((0.0, 1.0)),
    }
}

/// The greater of two numbers of which one may be unknown.
fn at_least(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    let all = (f64::NEG_INFINITY, f64::INFINITY);
    let ((a, b), (c, d)) = (a.unwrap_or(all), b.unwrap_or(all));
    let greater = (a.max(c), b.max(d));
    (greater != all).then_some(greater)
}

fn turned((low, high): (f64, f64)) -> (f64, f64) {
    (-high, -low)
}
