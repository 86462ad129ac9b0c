//! Reverse mode of loops: a loop that goes back over the iterations.
//!
//! The carried values of each iteration and the results of its products are kept; the rest of the body is
//! computed again. The gradient by a carried value is carried back, that by a slice is a slice. The gradient by what
//! is the same in all iterations is a sum over them: where it is a product in each, one product over all iterations
//! after the loop, where that takes not too much memory.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::pull_some;
use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::map::Map;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar;
use crate::algebra::view::View;
use crate::graph::builder::{Builder, CustomVjp, Derivative, Ways, add, may_be_kept};
use crate::graph::{Def, Feed, Graph, Leave, Loop};

/// The gradients by the arguments of a loop that are open, given those by its results.
pub(super) fn pull(
    builder: &mut Builder,
    made: Val,
    grads: &[Option<Val>],
    open: &[bool],
) -> Vec<Option<Val>> {
    let (repeated, args) = builder.looped(made);
    let (repeated, args) = (Rc::clone(repeated), args.to_vec());
    let ways = builder.body_ways(made);
    let flow = Flow::of(&repeated, &ways, grads, open);
    if flow.wanted.iter().all(|wanted| !wanted) {
        return vec![None; args.len()];
    }
    let mut back =
        Back { builder, made, repeated, args, ways, flow, next: Vec::new(), kept: BTreeSet::new() };
    back.run(grads)
}

/// What gradients flow through.
struct Flow {
    /// By input of the body: whether the gradient by it is asked for.
    wanted: Vec<bool>,
    /// By output of the body: whether it has a gradient that leads to an input.
    seeded: Vec<bool>,
}

impl Flow {
    fn of(repeated: &Loop, ways: &Ways, grads: &[Option<Val>], open: &[bool]) -> Flow {
        let depends = dependences(&repeated.body, ways);
        let (n, m) = (repeated.feeds.len(), repeated.leaves.len());
        let is_float = |k: &usize| repeated.ty(repeated.body.inputs[*k].value).dtype.is_float();
        let mut active: Vec<bool> = (0..n).map(|k| open[k] && is_float(&k)).collect();
        let mut useful: Vec<bool> = grads.iter().map(Option::is_some).collect();
        for _ in 0..=n {
            for (k, feed) in repeated.feeds.iter().enumerate() {
                if let Feed::Carried(next) = feed {
                    active[k] |= is_float(&k) && depends[*next].iter().any(|input| active[*input]);
                    useful[*next] |= (0..m).any(|out| useful[out] && depends[out].contains(&k));
                }
            }
        }
        let used = |k: usize| (0..m).any(|out| useful[out] && depends[out].contains(&k));
        let starts = |k: usize| matches!(repeated.feeds[k], Feed::Carried(next) if useful[next]);
        let wanted = (0..n).map(|k| active[k] && (used(k) || starts(k))).collect();
        let seeded = (0..m).map(|out| useful[out] && depends[out].iter().any(|input| active[*input]));
        Flow { wanted, seeded: seeded.collect() }
    }
}

/// For each output of a body the inputs that derivatives of it lead to.
fn dependences(body: &Graph, ways: &Ways) -> Vec<BTreeSet<usize>> {
    let mut known: Vec<BTreeSet<usize>> = Vec::with_capacity(body.nodes.len());
    for (index, node) in body.nodes.iter().enumerate() {
        let value = Val(index as u32);
        let all = |args: &[Val]| args.iter().flat_map(|arg| known[arg.0 as usize].iter().copied()).collect();
        known.push(match (&node.def, ways.derivatives.get(&value)) {
            (Def::Input(k), _) => BTreeSet::from([*k]),
            _ if ways.stops.contains(&value) => BTreeSet::new(),
            (_, Some(Derivative::Custom(rule))) => all(&rule.args),
            (def, _) => all(def.args()),
        });
    }
    body.outputs.iter().map(|output| known[output.value.0 as usize].clone()).collect()
}

/// A loop back under construction.
struct Back<'a> {
    builder: &'a mut Builder,
    /// The loop that it goes back over.
    made: Val,
    repeated: Rc<Loop>,
    args: Vec<Val>,
    ways: Rc<Ways>,
    flow: Flow,
    /// What is handed to the next iteration back.
    next: Vec<Val>,
    /// What is kept of all iterations back.
    kept: BTreeSet<Val>,
}

impl Back<'_> {
    fn run(&mut self, grads: &[Option<Val>]) -> Vec<Option<Val>> {
        let repeated = Rc::clone(&self.repeated);
        let starts: Vec<Option<Val>> = (0..grads.len()).map(|k| self.seed(k, grads[k])).collect();
        self.builder.open(repeated.count, !repeated.reversed);
        let inputs: Vec<Val> = (0..repeated.feeds.len()).map(|k| self.input(k)).collect();
        let (mut seeds, mut carried) = (Vec::new(), Vec::new());
        for (k, start) in starts.into_iter().enumerate() {
            let Some(start) = start else { continue };
            seeds.push((
                k,
                match repeated.leaves[k] {
                    Leave::Stacked => self.builder.slice(start),
                    Leave::Last => {
                        carried.push(k);
                        self.builder.carry(carried.len() - 1, start)
                    }
                },
            ));
        }
        let values = self.forward(&inputs);
        let seeds: Vec<(Val, Val)> = seeds
            .into_iter()
            .map(|(k, seed)| (values[repeated.body.outputs[k].value.0 as usize], seed))
            .collect();
        let wanted: Vec<usize> = (0..inputs.len()).filter(|k| self.flow.wanted[*k]).collect();
        let wrt: Vec<Val> = wanted.iter().map(|k| inputs[*k]).collect();
        let found = pull_some(self.builder, &seeds, &wrt);
        let by = |k: usize| wanted.iter().position(|have| *have == k).and_then(|at| found[at]);
        for out in &carried {
            let grad = repeated.carried_to(*out).and_then(by);
            let ty = repeated.ty(repeated.body.outputs[*out].value).clone();
            self.next.push(grad.unwrap_or_else(|| self.builder.constant(0.0, &ty)));
        }
        let mut wholes: Vec<(usize, Val)> = wanted
            .iter()
            .filter(|k| repeated.feeds[**k] == Feed::Whole)
            .filter_map(|k| Some((*k, by(*k)?)))
            .collect();
        // Products first: what they keep of all iterations may be what others add up.
        wholes.sort_by_key(|(_, grad)| !is_product(self.builder, *grad));
        let totals: Vec<(usize, Total)> = wholes.into_iter().map(|(k, grad)| (k, self.total(grad))).collect();
        let next = std::mem::take(&mut self.next);
        let back = self.builder.close(&next);
        let mut gradients = vec![None; inputs.len()];
        for k in wanted.iter().copied() {
            gradients[k] = match (repeated.feeds[k], by(k)) {
                (Feed::Carried(next), _) => {
                    let at = carried.iter().position(|have| *have == next);
                    at.map(|at| self.builder.result(back, at))
                }
                (Feed::Slice, Some(grad)) => Some(self.builder.in_all(back, grad)),
                _ => None,
            };
        }
        for (k, total) in totals {
            gradients[k] = Some(total.emit(self.builder, back));
        }
        gradients
    }

    /// The gradient by result `k`, before the first iteration back.
    fn seed(&mut self, k: usize, grad: Option<Val>) -> Option<Val> {
        if !self.flow.seeded[k] {
            return None;
        }
        grad.or_else(|| match self.repeated.leaves[k] {
            Leave::Last => {
                let ty = self.repeated.result(k);
                Some(self.builder.constant(0.0, &ty))
            }
            Leave::Stacked => None,
        })
    }

    /// An input of the body in an iteration back.
    fn input(&mut self, k: usize) -> Val {
        let input = match self.repeated.feeds[k] {
            Feed::Whole => self.builder.import(self.args[k]),
            Feed::Slice => self.builder.slice(self.args[k]),
            Feed::Carried(_) => {
                let input = self.repeated.body.inputs[k].value;
                let all = self.builder.outer().in_all(self.made, input);
                self.builder.slice(all)
            }
        };
        // A gradient by it counts its own uses only, all of them in the body.
        match self.flow.wanted[k] {
            true => self.builder.copy(input),
            false => input,
        }
    }

    /// The body in an iteration back: what its products gave is known.
    fn forward(&mut self, inputs: &[Val]) -> Vec<Val> {
        let (made, repeated, ways) = (self.made, Rc::clone(&self.repeated), Rc::clone(&self.ways));
        let again = recomputed(&repeated.body, &ways);
        self.builder.inline(&repeated.body, &ways, inputs, &mut |builder, value, (op, args)| {
            let product = matches!(op, Op::Contract(_) | Op::Convolve(_));
            let keeps = product && !again.contains(&value) && may_be_kept(repeated.count, repeated.ty(value));
            keeps.then(|| {
                let all = builder.outer().in_all(made, value);
                let kept = builder.slice(all);
                product_of(builder, kept, op, args)
            })
        })
    }

    /// How the sum of a value over all iterations comes about.
    fn total(&mut self, grad: Val) -> Total {
        if let Some((op, args)) = self.builder.op(grad).map(|(op, args)| (op.clone(), args.to_vec())) {
            match op {
                Op::Contract(contract) if args.iter().all(|arg| self.keeps(*arg)) => {
                    self.kept.extend(&args);
                    return Total::Product(contract, [args[0], args[1]]);
                }
                Op::View(view) if is_linear(&view) => {
                    return Total::View(view, Box::new(self.total(args[0])));
                }
                Op::Map(Map(row))
                    if std::ptr::eq(row, &scalar::ADD)
                        && args.iter().any(|arg| is_product(self.builder, *arg)) =>
                {
                    return Total::Both(Box::new([self.total(args[0]), self.total(args[1])]));
                }
                Op::Reduce(Reduce { combine: Reducer::Sum, axes }) if self.kept.contains(&args[0]) => {
                    return Total::Reduced(axes, args[0]);
                }
                _ => {}
            }
        }
        let ty = self.builder.ty(grad).clone();
        let zero = self.builder.outer().constant(0.0, &ty);
        let sum = self.builder.carry(self.next.len(), zero);
        let sum = add(self.builder, sum, grad);
        self.next.push(sum);
        Total::Carried(self.next.len() - 1)
    }

    /// Whether a value changes from iteration to iteration and can be kept in all of them.
    fn keeps(&self, value: Val) -> bool {
        !is_whole(self.builder, value) && may_be_kept(self.repeated.count, self.builder.ty(value))
    }
}

/// How the sum of a value of a loop over all iterations comes about.
enum Total {
    /// It is carried from iteration to iteration.
    Carried(usize),
    /// As one product over all iterations.
    Product(Contract, [Val; 2]),
    /// As a sum over these axes too of what is kept of all iterations.
    Reduced(Vec<usize>, Val),
    /// As a view of another sum.
    View(View, Box<Total>),
    /// As the sum of two.
    Both(Box<[Total; 2]>),
}

impl Total {
    fn emit(self, builder: &mut Builder, back: Val) -> Val {
        match self {
            Total::Carried(k) => builder.result(back, k),
            Total::Product(Contract { left, right, out }, factors) => {
                let all = factors.map(|factor| builder.in_all(back, factor));
                let label = 1 + [&left, &right, &out].into_iter().flatten().copied().max().unwrap_or(0);
                let with = |labels: &[usize]| [&[label], labels].concat();
                let op = Contract { left: with(&left), right: with(&right), out }.renumbered();
                builder.emit(Op::Contract(op), &all)
            }
            Total::Reduced(axes, value) => {
                let all = builder.in_all(back, value);
                let axes = [0].into_iter().chain(axes.into_iter().map(|axis| axis + 1)).collect();
                builder.emit(Op::Reduce(Reduce { combine: Reducer::Sum, axes }), &[all])
            }
            Total::View(view, of) => {
                let of = of.emit(builder, back);
                builder.emit(Op::View(view), &[of])
            }
            Total::Both(parts) => {
                let [a, b] = parts.map(|part| part.emit(builder, back));
                add(builder, a, b)
            }
        }
    }
}

/// A value that is there already, which derivatives pass as the product of these factors that it is.
fn product_of(builder: &mut Builder, kept: Val, op: &Op, args: &[Val]) -> Val {
    let value = builder.copy(kept);
    let ty = builder.ty(value).clone();
    let zero = builder.constant(0.0, &ty);
    let seed = builder.copy(zero);
    let gradients = op.vjp(builder, args, value, seed);
    builder.passed(value, Derivative::Custom(CustomVjp { args: args.to_vec(), gradients, seed }));
    value
}

/// Whether a value of the open loop is the same in each iteration.
fn is_whole(builder: &Builder, value: Val) -> bool {
    match builder.op(value) {
        Some((Op::View(_), args)) => is_whole(builder, args[0]),
        Some((_, args)) => args.is_empty(),
        None => builder.fed(value) == Some(Feed::Whole),
    }
}

/// Whether a gradient is a product, or a sum with one.
fn is_product(builder: &Builder, value: Val) -> bool {
    match builder.op(value) {
        Some((Op::Contract(_), _)) => true,
        Some((Op::View(view), args)) => is_linear(view) && is_product(builder, args[0]),
        Some((Op::Map(Map(row)), args)) => {
            std::ptr::eq(*row, &scalar::ADD) && args.iter().any(|arg| is_product(builder, *arg))
        }
        _ => false,
    }
}

/// Whether the view of a sum is the sum of views.
fn is_linear(view: &View) -> bool {
    match view {
        View::Pad { value, .. } => value.0 == 0.0,
        _ => true,
    }
}

/// Which values of a body are computed again: those that a derivative asks it of, and those that stand for what a
/// rule gives for another seed.
fn recomputed(body: &Graph, ways: &Ways) -> BTreeSet<Val> {
    let (mut again, mut seeded) = (BTreeSet::new(), BTreeSet::new());
    for way in ways.derivatives.values() {
        match way {
            Derivative::Rematerialise(of) => again.extend((of.from as u32..=of.value.0).map(Val)),
            Derivative::Custom(rule) => seeded.extend([rule.seed]),
        }
    }
    for (index, node) in body.nodes.iter().enumerate() {
        if node.def.args().iter().any(|arg| seeded.contains(arg)) {
            seeded.insert(Val(index as u32));
        }
    }
    again.extend(seeded);
    again
}
