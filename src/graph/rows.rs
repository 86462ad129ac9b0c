//! How the values of a program depend on the rows of its data: what has a row of its own for each row of
//! the data can be computed from a chunk of them, and sums over the rows are sums of those of the chunks.
//!
//! Everything follows from the forms of operators. What is not seen to be so is taken to need all rows.

use std::rc::Rc;

use super::{Def, Feed, Graph, Leave, Loop, Role};
use crate::algebra::form::{AxisSize, Form, Index, Read, Reducer};
use crate::algebra::op::{Op, Val};
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;

/// How a value depends on the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dependence {
    /// Not at all.
    Fixed,
    /// Along an axis it has some elements for each row, in the order of the rows, and each depends on its
    /// row alone.
    Rows(RowAxis),
    /// Such elements of all rows put together.
    Reduced(Reducer),
    /// It is computed from what has been put together, and from what does not depend on rows.
    After,
    /// It may depend on all rows in any way.
    Mixed,
}

/// Where a value has its rows: along an axis all rows come one after the other, and then perhaps again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RowAxis {
    /// The axis.
    pub axis: usize,
    /// How often all rows come along it.
    pub runs: usize,
    /// Positions for a row each time.
    pub each: usize,
}

impl RowAxis {
    /// The size of the axis with so many rows.
    pub(super) fn size(self, rows: usize) -> usize {
        self.runs * rows * self.each
    }
}

/// What is known of a value.
#[derive(Clone, Debug)]
pub(super) struct RowFacts {
    /// How it depends on rows.
    pub dependence: Dependence,
    /// The loop axis that walks along the rows where it is computed, if there is one.
    pub walk: Option<RowAxis>,
    /// By argument, the axes of what does not depend on rows that are walked with the rows.
    pub walked: Vec<Vec<usize>>,
    /// By axis, whether all positions along it hold the same, as far as it does not depend on rows.
    repeats: Vec<bool>,
    /// What is known of a loop.
    pub of_loop: Option<Rc<LoopFacts>>,
}

/// What is known of a loop that has rows.
#[derive(Clone, Debug)]
pub(super) struct LoopFacts {
    /// By value of its body.
    pub body: Vec<RowFacts>,
    /// By argument: the axis along which it has to have as many positions as there are rows, where it does not
    /// depend on them.
    pub starts: Vec<Option<RowAxis>>,
    results: Vec<Dependence>,
}

impl RowFacts {
    fn of(dependence: Dependence) -> RowFacts {
        RowFacts { dependence, walk: None, walked: Vec::new(), repeats: Vec::new(), of_loop: None }
    }

    fn rows(along: RowAxis, walked: Vec<Vec<usize>>) -> RowFacts {
        RowFacts { walk: Some(along), walked, ..RowFacts::of(Dependence::Rows(along)) }
    }

    /// What is known of a result of this loop.
    fn result(&self, k: usize) -> RowFacts {
        match &self.of_loop {
            None => RowFacts::of(self.dependence),
            Some(of) => match of.results[k] {
                Dependence::Rows(along) => RowFacts::rows(along, Vec::new()),
                other => RowFacts::of(other),
            },
        }
    }

    fn along(&self) -> Option<RowAxis> {
        match self.dependence {
            Dependence::Rows(along) => Some(along),
            _ => None,
        }
    }

    /// Whether all positions along an axis hold the same.
    fn repeats(&self, axis: usize) -> bool {
        self.repeats.get(axis) == Some(&true)
    }
}

/// How each value of a program depends on this many rows of data, of which there are several.
pub(super) fn dependences(graph: &Graph, rows: usize) -> Vec<RowFacts> {
    of_body(graph, rows, &[])
}

/// The same in a body, whose inputs are known.
fn of_body(graph: &Graph, rows: usize, inputs: &[RowFacts]) -> Vec<RowFacts> {
    let mut known: Vec<RowFacts> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let next = match &node.def {
            Def::Input(k) => match graph.inputs[*k].role {
                Role::Feed(k) => inputs[k].clone(),
                Role::Column(_) => RowFacts::rows(RowAxis { axis: 0, runs: 1, each: 1 }, Vec::new()),
                _ => RowFacts::of(Dependence::Fixed),
            },
            Def::Loop(repeated, args) => {
                let args: Vec<&RowFacts> = args.iter().map(|arg| &known[arg.0 as usize]).collect();
                of_loop(repeated, &args, rows)
            }
            Def::Result(of, k) => known[of.0 as usize].result(*k),
            Def::Op(op, args) => {
                let of = |value: &Val| value.0 as usize;
                let types = args.iter().map(|arg| &graph.nodes[of(arg)].ty).collect();
                let args = args.iter().map(|arg| &known[of(arg)]).collect();
                Operator { op, args, types, ty: &node.ty, rows }.known()
            }
        };
        known.push(next);
    }
    known
}

/// How a loop depends on rows: its results do where each iteration has rows of its own.
fn of_loop(repeated: &Loop, args: &[&RowFacts], rows: usize) -> RowFacts {
    let any = |fits: fn(Dependence) -> bool| args.iter().any(|arg| fits(arg.dependence));
    let has_rows = any(|of| matches!(of, Dependence::Rows(_)));
    let after = any(|of| matches!(of, Dependence::Reduced(_) | Dependence::After));
    let mixed = any(|of| of == Dependence::Mixed);
    match (has_rows, after) {
        _ if mixed => RowFacts::of(Dependence::Mixed),
        (false, false) => RowFacts::of(Dependence::Fixed),
        (false, true) => RowFacts::of(Dependence::After),
        (true, true) => RowFacts::of(Dependence::Mixed),
        (true, false) => {
            loop_of_rows(repeated, args, rows).unwrap_or_else(|| RowFacts::of(Dependence::Mixed))
        }
    }
}

/// A loop whose iterations have rows, if each row goes through them by itself.
fn loop_of_rows(repeated: &Loop, args: &[&RowFacts], rows: usize) -> Option<RowFacts> {
    let input = |(feed, arg): (&Feed, &&RowFacts)| match (feed, arg.dependence) {
        (Feed::Slice, Dependence::Rows(RowAxis { axis: 0, .. })) => None,
        (Feed::Slice, Dependence::Rows(along)) => {
            Some(RowFacts::rows(RowAxis { axis: along.axis - 1, ..along }, Vec::new()))
        }
        (Feed::Slice, _) => {
            let repeats = arg.repeats.get(1..).unwrap_or_default().to_vec();
            Some(RowFacts { repeats, ..RowFacts::of(arg.dependence) })
        }
        (Feed::Whole | Feed::Carried(_), _) => Some(RowFacts { of_loop: None, ..RowFacts::clone(arg) }),
    };
    let mut inputs = repeated.feeds.iter().zip(args).map(input).collect::<Option<Vec<_>>>()?;
    let mut starts = vec![None; inputs.len()];
    // What is carried may get its rows from what it is carried through.
    for _ in 0..=inputs.len() {
        let body = of_body(&repeated.body, rows, &inputs);
        let output = |k: usize| &body[repeated.body.outputs[k].value.0 as usize];
        let mut settled = true;
        for (k, feed) in repeated.feeds.iter().enumerate() {
            let Feed::Carried(next) = feed else { continue };
            match (inputs[k].dependence, output(*next).dependence) {
                (Dependence::Fixed, Dependence::Fixed) => inputs[k].repeats.clear(),
                (Dependence::Rows(have), Dependence::Rows(next)) if have == next => {}
                (Dependence::Fixed, Dependence::Rows(along)) if args[k].repeats(along.axis) => {
                    inputs[k] = RowFacts::rows(along, Vec::new());
                    (starts[k], settled) = (Some(along), false);
                }
                _ => return None,
            }
        }
        if settled {
            let result = |k: usize| match (repeated.leaves[k], output(k).dependence) {
                (Leave::Stacked, Dependence::Rows(along)) => {
                    Some(Dependence::Rows(RowAxis { axis: along.axis + 1, ..along }))
                }
                (_, of @ (Dependence::Rows(_) | Dependence::Fixed)) => Some(of),
                _ => None,
            };
            let results = (0..repeated.leaves.len()).map(result).collect::<Option<Vec<_>>>()?;
            let of_loop = Some(Rc::new(LoopFacts { body, starts, results }));
            let rows = RowAxis { axis: 0, runs: 1, each: 1 };
            return Some(RowFacts { of_loop, ..RowFacts::of(Dependence::Rows(rows)) });
        }
    }
    None
}

/// An operator with what is known of its arguments.
struct Operator<'a> {
    op: &'a Op,
    args: Vec<&'a RowFacts>,
    types: Vec<&'a Type>,
    ty: &'a Type,
    rows: usize,
}

impl Operator<'_> {
    fn known(&self) -> RowFacts {
        let any = |fits: fn(Dependence) -> bool| self.args.iter().any(|arg| fits(arg.dependence));
        let rows = any(|of| matches!(of, Dependence::Rows(_)));
        let after = any(|of| matches!(of, Dependence::Reduced(_) | Dependence::After));
        if any(|of| of == Dependence::Mixed) || rows && after {
            return RowFacts::of(Dependence::Mixed);
        }
        match (rows, after) {
            (false, false) => RowFacts { repeats: self.repeats(), ..RowFacts::of(Dependence::Fixed) },
            (false, true) => RowFacts::of(Dependence::After),
            (true, _) => self.of_rows().unwrap_or_else(|| RowFacts::of(Dependence::Mixed)),
        }
    }

    /// The axes of the result along which all positions hold the same.
    fn repeats(&self) -> Vec<bool> {
        if let Op::View(View::Reshape { to }) = self.op
            && *to == self.types[0].shape
        {
            return self.args[0].repeats.clone();
        }
        let form = self.op.rules().form(&self.types);
        if form.n_out != self.ty.rank() {
            return Vec::new();
        }
        let places = form.body.axes();
        let alike = |read: &Read, axis: usize| {
            let repeats = |k: usize| is_at(&read.index[k], axis) && self.args[read.arg].repeats(k);
            (0..read.index.len())
                .all(|k| !mentions(&read.index[k], axis) || self.is_whole(read) && repeats(k))
        };
        let repeats =
            |axis: usize| !places.contains(&axis) && form.reads.iter().all(|read| alike(read, axis));
        (0..form.n_out).map(repeats).collect()
    }

    /// Whether a read has a position for each axis of its argument.
    fn is_whole(&self, read: &Read) -> bool {
        read.index.len() == self.types[read.arg].rank()
    }

    /// What is known of the result of arguments with rows, and of others that do not depend on rows; nothing
    /// if it does not have rows, nor their sums.
    fn of_rows(&self) -> Option<RowFacts> {
        match self.op {
            Op::View(View::Reshape { to }) => return self.reshaped(to),
            Op::Concat(_) => return self.packed(),
            _ => {}
        }
        let form = self.op.rules().form(&self.types);
        let fixed = form.axes.iter().all(|extent| matches!(extent, AxisSize::Fixed(_)));
        if !fixed || form.n_out != self.ty.rank() {
            return None;
        }
        let walk = self.walk(&form)?;
        let axis = walk.axis;
        if form.axes[axis] != AxisSize::Fixed(walk.size(self.rows)) || form.body.axes().contains(&axis) {
            return None;
        }
        let walked = (0..self.args.len()).map(|arg| self.walked(&form, arg, axis));
        let dependence = match axis < form.n_out {
            true => Dependence::Rows(walk),
            false if is_exact(form.combine, self.ty.dtype) => Dependence::Reduced(form.combine),
            false => return None,
        };
        let walked = walked.collect::<Option<_>>()?;
        Some(RowFacts { walk: Some(walk), walked, ..RowFacts::of(dependence) })
    }

    /// The loop axis that walks along the rows of all arguments that have them.
    fn walk(&self, form: &Form) -> Option<RowAxis> {
        let mut walks = form.reads.iter().filter_map(|read| {
            let along = self.args[read.arg].along()?;
            let at = if self.is_whole(read) { only_axis(&read.index[along.axis]) } else { None };
            Some(at.map(|axis| RowAxis { axis, ..along }))
        });
        let first = walks.next()??;
        walks.all(|walk| walk == Some(first)).then_some(first)
    }

    /// The axes of an argument that does not depend on rows along which it is walked with the rows; nothing
    /// if an argument is read with them in another way than `walk` has seen.
    fn walked(&self, form: &Form, arg: usize, axis: usize) -> Option<Vec<usize>> {
        let reads: Vec<&Read> = form.reads.iter().filter(|read| read.arg == arg).collect();
        let mentioned = |read: &Read| -> Vec<usize> {
            (0..read.index.len()).filter(|k| mentions(&read.index[*k], axis)).collect()
        };
        let walked = reads.first().map(|read| mentioned(read)).unwrap_or_default();
        if reads.iter().any(|read| mentioned(read) != walked) {
            return None;
        }
        if let Some(along) = self.args[arg].along() {
            return (walked == [along.axis]).then(Vec::new);
        }
        let fits = |k: &usize| {
            let at = |read: &&Read| self.is_whole(read) && is_at(&read.index[*k], axis);
            let ends = || form.axes[axis] == AxisSize::Fixed(self.types[arg].shape[*k].size());
            reads.iter().all(at) && ends() && self.args[arg].repeats(*k)
        };
        walked.iter().all(fits).then_some(walked)
    }

    /// How often all rows of an argument come in its elements one after the other, and how many elements
    /// there are for a row each time.
    fn runs(&self, arg: usize) -> Option<(usize, usize)> {
        let along = self.args[arg].along()?;
        let before: usize = self.types[arg].sizes()[..along.axis].iter().product();
        let runs = before * along.runs;
        (self.types[arg].count() > 0).then(|| (runs, self.types[arg].count() / (runs * self.rows)))
    }

    /// Rows stay rows where a whole number of runs lies before an axis, and the axis has whole ones.
    fn reshaped(&self, to: &[Dim]) -> Option<RowFacts> {
        let (all, _) = self.runs(0)?;
        let sizes: Vec<usize> = to.iter().map(Dim::size).collect();
        let along = |axis: usize| {
            let before: usize = sizes[..axis].iter().product();
            let runs = all / before;
            let whole = all.is_multiple_of(before) && sizes[axis].is_multiple_of(runs.max(1) * self.rows);
            whole.then(|| RowAxis { axis, runs, each: sizes[axis] / (runs * self.rows) })
        };
        Some(self.arranged((0..to.len()).rev().find_map(along)?))
    }

    /// What is laid end to end has all runs of its parts, if each is as long.
    fn packed(&self) -> Option<RowFacts> {
        let parts = (0..self.args.len()).map(|arg| self.runs(arg)).collect::<Option<Vec<_>>>()?;
        let (runs, each) = (parts.iter().map(|(runs, _)| runs).sum(), parts[0].1);
        let alike = parts.iter().all(|part| part.1 == each);
        alike.then(|| self.arranged(RowAxis { axis: 0, runs, each }))
    }

    /// Rows whose elements are those of arguments that have rows all.
    fn arranged(&self, along: RowAxis) -> RowFacts {
        RowFacts::rows(along, vec![Vec::new(); self.args.len()])
    }
}

/// Whether results of chunks can be put together as exactly as elements are, in double precision.
fn is_exact(combine: Reducer, dtype: DType) -> bool {
    match dtype {
        DType::F32 | DType::F64 | DType::Bool => true,
        DType::I32 => combine != Reducer::Prod,
        DType::I64 => false,
    }
}

/// Whether an index is the position along a loop axis.
fn is_at(index: &Index, axis: usize) -> bool {
    only_axis(index) == Some(axis)
}

/// The loop axis whose position an index is.
fn only_axis(index: &Index) -> Option<usize> {
    let (axis, _) = *index.terms.first()?;
    (*index == Index::axis(axis)).then_some(axis)
}

/// Whether an index depends on the position along a loop axis.
fn mentions(index: &Index, axis: usize) -> bool {
    let segment = index.segment.as_ref().is_some_and(|(_, at)| *at == axis);
    segment || index.terms.iter().any(|(at, _)| *at == axis)
}
