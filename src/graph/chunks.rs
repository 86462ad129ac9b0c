//! Evaluation in chunks: a program over all rows of data becomes one that puts together what it needs of
//! some rows, and one that computes its outputs from that. So the memory for a value with a row for each
//! row of the data is that for a chunk.

mod chunk_builder;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use self::chunk_builder::ChunkBuilder;
use super::builder::Builder;
use super::positions::{IndexSource, Position};
use super::rows::{Dependence, RowAxis, RowFacts, dependences};
use super::{Def, Graph, Output, ProgramId, Role};
use crate::algebra::fill::Fill;
use crate::algebra::form::Reducer;
use crate::algebra::map::Map;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::scalar;

/// The programs that an evaluation runs before its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunks {
    /// Rows of a chunk.
    pub rows: usize,
    /// The program for a chunk. Its outputs are put together, chunk after chunk, and are then what
    /// [`Role::Chunks`] gives the program of the evaluation.
    pub chunk: ProgramId,
    /// The program for the rows after the last whole chunk, if there are any.
    pub rest: Option<ProgramId>,
}

/// A program in chunks.
pub(super) struct Chunked {
    /// Rows of a chunk.
    pub(super) rows: usize,
    /// For a chunk, and for the rows after the last whole one if there are any.
    pub(super) chunk: Graph,
    pub(super) rest: Option<Graph>,
    /// What comes after them.
    pub(super) last: Graph,
}

/// Most rows of a chunk: enough for all threads to have work in each kernel, and for what is done once for
/// a chunk not to count.
const MOST_ROWS: usize = 1024;

/// Fewest rows of a chunk, however large they are: about a batch, of which training keeps far more.
const FEWEST_ROWS: usize = 64;

/// Bytes of a value with a row for each of a chunk, so that large values stay in the far cache.
const BYTES: usize = 32 << 20;

/// How many of so many rows a chunk has, where the widest value has so many bytes for each: rather a number
/// that leaves no rest, which needs a program of its own.
fn size(rows: usize, bytes: usize) -> usize {
    let most = (BYTES / bytes.max(1)).clamp(FEWEST_ROWS, MOST_ROWS);
    if rows <= most {
        return rows;
    }
    let divides = (most / 2..=most).rev().find(|size| rows.is_multiple_of(*size));
    divides.unwrap_or_else(|| rows.div_ceil(rows.div_ceil(most)))
}

/// A program over so many rows in chunks, if it can take them so and they are many.
pub(super) fn cut(graph: &Graph, rows: usize) -> Option<Chunked> {
    let chosen = chosen(graph.clone());
    let plan = ChunkPlan::of(&chosen, rows)?;
    let size = size(rows, plan.bytes());
    (size < rows).then(|| Chunked {
        rows: size,
        chunk: plan.part("chunk", size),
        rest: (!rows.is_multiple_of(size)).then(|| plan.part("rest", rows % size)),
        last: plan.last(),
    })
}

/// The same with every choice made that is known: what is only computed in training does not count.
fn chosen(mut graph: Graph) -> Graph {
    let mut instead: Vec<Val> = (0..graph.nodes.len() as u32).map(Val).collect();
    let constant = |graph: &Graph, value: Val| match &graph.nodes[value.0 as usize].def {
        Def::Op(Op::Fill(Fill::Const { value, .. }), _) => Some(value.0),
        _ => None,
    };
    for index in 0..graph.nodes.len() {
        let def = &mut graph.nodes[index].def;
        def.args_mut().iter_mut().for_each(|arg| *arg = instead[arg.0 as usize]);
        let Def::Op(op, args) = def else { continue };
        if *op == Op::Map(Map(&scalar::SELECT)) {
            let args = args.clone();
            let choice = constant(&graph, args[0]);
            instead[index] = choice.map_or(Val(index as u32), |choice| args[1 + usize::from(choice == 0.0)]);
        }
    }
    graph.outputs.iter_mut().for_each(|output| output.value = instead[output.value.0 as usize]);
    graph.positions = graph.positions.iter().map(|position| position.renumbered(&instead)).collect();
    graph
}

/// What a program does with chunks, and what after them.
struct ChunkPlan<'a> {
    graph: &'a Graph,
    known: Vec<RowFacts>,
    /// All rows.
    rows: usize,
    /// What is put together from the results of chunks.
    reduced: Vec<(Val, Reducer)>,
    /// Values that are computed for each chunk.
    before: BTreeSet<Val>,
    /// Values that are computed once.
    after: BTreeSet<Val>,
}

impl<'a> ChunkPlan<'a> {
    /// Nothing if some value needs all rows at once, or none has any.
    fn of(graph: &'a Graph, rows: usize) -> Option<ChunkPlan<'a>> {
        if rows < 2 {
            return None;
        }
        let known = dependences(graph, rows);
        let of = |value: &Val| known[value.0 as usize].dependence;
        let outputs = graph.outputs.iter().map(|output| output.value);
        let (within, outside): (Vec<Val>, Vec<Val>) =
            graph.positions.iter().filter_map(Position::value).partition(|value| has_rows(of(value)));
        let last: Vec<Val> = outputs.chain(outside).collect();
        let first = |value: &Val| matches!(of(value), Dependence::Rows(RowAxis { axis: 0, runs: 1, .. }));
        let mixed = |value: &Val| of(value) == Dependence::Mixed || has_rows(of(value));
        if last.iter().any(mixed) || !within.iter().all(first) {
            return None;
        }
        let after = needed(graph, last, |value| !matches!(of(value), Dependence::Reduced(_)));
        let combine = |value: &Val| match of(value) {
            Dependence::Reduced(combine) => Some((*value, combine)),
            _ => None,
        };
        let reduced: Vec<(Val, Reducer)> = after.iter().filter_map(combine).collect();
        let roots = reduced.iter().map(|(value, _)| *value).chain(within).collect();
        let before = needed(graph, roots, |_| true);
        (!reduced.is_empty()).then_some(ChunkPlan { graph, known, rows, reduced, before, after })
    }

    fn known(&self, value: Val) -> &RowFacts {
        &self.known[value.0 as usize]
    }

    /// Bytes that the widest value has for each row.
    fn bytes(&self) -> usize {
        let rows = self.before.iter().filter(|value| has_rows(self.known(**value).dependence));
        let bytes = |value: &Val| {
            let ty = &self.graph.nodes[value.0 as usize].ty;
            (ty.count() / self.rows).saturating_mul(ty.dtype.bytes())
        };
        rows.map(bytes).max().unwrap_or(0)
    }

    /// `NAME.chunk`, `NAME.rest`: what there is to put together of so many rows.
    fn part(&self, kind: &str, rows: usize) -> Graph {
        let mut part = ChunkBuilder::new(self, rows);
        self.before.iter().for_each(|value| part.add(*value));
        let output = |(value, combine): &(Val, Reducer)| {
            let name = self.name(*value, *combine).to_string();
            Output::result(name, part.values[value])
        };
        let outputs = self.reduced.iter().map(output).collect();
        self.position(&mut part.builder, &part.values, true);
        part.builder.finish(format!("{}.{kind}", self.graph.name), outputs)
    }

    /// What is computed from that, under the name of the program over all rows.
    fn last(&self) -> Graph {
        let (mut builder, mut values) = (Builder::default(), BTreeMap::new());
        for value in &self.after {
            let node = &self.graph.nodes[value.0 as usize];
            builder.at(node.span);
            let new = self.once(&mut builder, &values, *value);
            builder.name(new, node.name.as_deref().unwrap_or_default());
            values.insert(*value, new);
        }
        self.position(&mut builder, &values, false);
        let output = |output: &Output| Output { value: values[&output.value], ..output.clone() };
        let outputs = self.graph.outputs.iter().map(output).collect();
        builder.finish(self.graph.name.clone(), outputs)
    }

    /// A value that is computed once, after the chunks, from others that are there; what has been put
    /// together is given.
    fn once(&self, builder: &mut Builder, values: &BTreeMap<Val, Val>, value: Val) -> Val {
        let node = &self.graph.nodes[value.0 as usize];
        if let Ok(k) = self.reduced.binary_search_by_key(&value, |(reduced, _)| *reduced) {
            let combine = self.reduced[k].1;
            let name = self.name(value, combine).to_string();
            return builder.input(name, Role::Chunks(k, combine), node.ty.clone());
        }
        match &node.def {
            Def::Input(k) => {
                let input = &self.graph.inputs[*k];
                builder.input(input.name.clone(), input.role.clone(), node.ty.clone())
            }
            Def::Op(op, args) => {
                let args: Vec<Val> = args.iter().map(|arg| values[arg]).collect();
                builder.emit(op.clone(), &args)
            }
            Def::Loop(repeated, args) => {
                let args = args.iter().map(|arg| values[arg]).collect();
                builder.repeated(Rc::clone(repeated), args, Rc::default())
            }
            Def::Result(of, k) => builder.result(values[of], *k),
        }
    }

    /// Notes the positions in values that have rows, or in those that have not, by what these became.
    fn position(&self, builder: &mut Builder, values: &BTreeMap<Val, Val>, rows: bool) {
        for position in &self.graph.positions {
            let value = position.value().filter(|value| has_rows(self.known(*value).dependence) == rows);
            if let Some(value) = value {
                builder.position(Position { source: IndexSource::Value(values[&value]), ..position.clone() });
            }
        }
    }

    fn name(&self, value: Val, combine: Reducer) -> Rc<str> {
        let name = self.graph.nodes[value.0 as usize].name.clone();
        name.unwrap_or_else(|| Rc::from(combine.name()))
    }
}

fn has_rows(dependence: Dependence) -> bool {
    matches!(dependence, Dependence::Rows(_))
}

/// What some values are made from, as far as `through` lets it be looked for, and they themselves.
fn needed(graph: &Graph, mut roots: Vec<Val>, through: impl Fn(&Val) -> bool) -> BTreeSet<Val> {
    let mut needed = BTreeSet::new();
    while let Some(value) = roots.pop() {
        if !needed.insert(value) || !through(&value) {
            continue;
        }
        roots.extend(graph.nodes[value.0 as usize].def.args());
    }
    needed
}

#[cfg(test)]
mod tests;
