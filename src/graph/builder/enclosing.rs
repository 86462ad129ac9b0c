//! The body of a loop under construction. What does not depend on the iteration is computed before the loop, and
//! products of what does not depend on the iteration before are one product for all iterations.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::positions::IndexSource;
use super::super::{Def, Feed, Graph, Leave, Loop, Output, Role};
use super::Builder;
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::types::Type;
use crate::algebra::view::View;
use crate::ice;

/// What is around the body of a loop.
#[derive(Debug)]
pub(super) struct Enclosing {
    /// The graph that the loop is in.
    pub(super) builder: Builder,
    pub(super) count: usize,
    reversed: bool,
    /// By input of the body: what it is, and the argument of the loop.
    fed: Vec<(Feed, Val)>,
    /// Inputs by arguments.
    inputs: BTreeMap<(Val, bool), Val>,
    /// For values of the body: those outside of the loop that they are, or are the slices of.
    pub(super) outside: BTreeMap<Val, Option<(Val, bool)>>,
}

/// Most bytes that a product for all iterations may take.
const MOST: usize = 1 << 28;

/// Whether values of a type in so many iterations are few enough to be kept.
pub(in crate::graph) fn may_be_kept(count: usize, ty: &Type) -> bool {
    count.saturating_mul(ty.count().saturating_mul(ty.dtype.bytes())) <= MOST
}

impl Builder {
    /// Begins the body of a loop: what is built from now on belongs to it.
    pub(in crate::graph) fn open(&mut self, count: usize, reversed: bool) {
        let body = Builder { span: self.span, phase: self.phase.clone(), ..Builder::default() };
        let builder = std::mem::replace(self, body);
        let (fed, inputs, outside) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        self.outer = Some(Box::new(Enclosing { builder, count, reversed, fed, inputs, outside }));
    }

    fn enclosing(&mut self) -> &mut Enclosing {
        self.outer.as_deref_mut().unwrap_or_else(|| ice!("build", "no loop is open"))
    }

    /// The graph that the open loop is in.
    pub(in crate::graph) fn outer(&mut self) -> &mut Builder {
        let (span, phase) = (self.span, self.phase.clone());
        let outer = &mut self.enclosing().builder;
        (outer.span, outer.phase) = (span, phase);
        outer
    }

    fn feed(&mut self, feed: Feed, arg: Val, ty: Type) -> Val {
        let k = self.enclosing().fed.len();
        self.enclosing().fed.push((feed, arg));
        self.input(format!("{k}"), Role::Feed(k), ty)
    }

    /// A value from outside of the open loop.
    pub(in crate::graph) fn import(&mut self, value: Val) -> Val {
        let outer = &self.enclosing().builder;
        let (number, ty) = (outer.as_constant(value), outer.ty(value).clone());
        if let Some(number) = number {
            return self.constant(number, &ty);
        }
        self.reaching(value, false, ty)
    }

    /// The input for a value from outside of the open loop, or for its `sliced` part: one for all uses.
    fn reaching(&mut self, value: Val, sliced: bool, ty: Type) -> Val {
        if let Some(have) = self.enclosing().inputs.get(&(value, sliced)) {
            return *have;
        }
        let input = self.feed(if sliced { Feed::Slice } else { Feed::Whole }, value, ty);
        self.enclosing().inputs.insert((value, sliced), input);
        self.enclosing().outside.insert(input, Some((value, sliced)));
        input
    }

    /// The iteration's part of a value from outside of the open loop along its first axis.
    pub(in crate::graph) fn slice(&mut self, value: Val) -> Val {
        let outer = &self.enclosing().builder;
        let whole = outer.ty(value).clone();
        let ty = Type::new(whole.dtype, whole.shape[1..].to_vec());
        if let Some(number) = outer.as_constant(value) {
            return self.constant(number, &ty);
        }
        if let Some((Op::View(View::Broadcast { axes, .. }), args)) = outer.op(value)
            && !axes.contains(&0)
            && !outer.is_stopped(value)
        {
            let (axes, arg) = (axes.iter().map(|axis| axis - 1).collect(), args[0]);
            let part = self.import(arg);
            return self.emit(Op::View(View::Broadcast { to: ty.shape, axes }), &[part]);
        }
        self.reaching(value, true, ty)
    }

    /// What the iteration before gives as carried value `k`; in the first iteration a value from outside.
    pub(in crate::graph) fn carry(&mut self, k: usize, start: Val) -> Val {
        let ty = self.enclosing().builder.ty(start).clone();
        self.feed(Feed::Carried(k), start, ty)
    }

    /// Ends the body of the open loop with what it hands to the next iteration. Gives the loop.
    pub(in crate::graph) fn close(&mut self, carried: &[Val]) -> Val {
        let Some(outer) = self.outer.take() else { ice!("build", "no loop is open") };
        let Enclosing { builder, count, reversed, fed, .. } = *outer;
        let (span, phase) = (self.span, self.phase.clone());
        let mut body = std::mem::replace(self, builder);
        (self.span, self.phase) = (span, phase);
        let names: Vec<String> = fed.iter().map(|(_, arg)| self.called(*arg)).collect();
        for (k, name) in names.into_iter().enumerate() {
            let free = body.free_name(name);
            body.inputs[k].name = free;
        }
        let (ways, positions) = (std::mem::take(&mut body.ways), std::mem::take(&mut body.positions));
        let outputs =
            carried.iter().enumerate().map(|(k, value)| Output::result(format!("next.{k}"), *value));
        let body: Graph = body.finish("body", outputs.collect());
        let leaves = vec![Leave::Last; carried.len()];
        let (feeds, args) = fed.into_iter().unzip();
        let repeated = Loop { count, reversed, feeds, leaves, body };
        let made = self.repeated(Rc::new(repeated), args, Rc::new(ways));
        for position in positions {
            if let IndexSource::Value(value) = position.source {
                let source = IndexSource::Value(self.in_all(made, value));
                self.position(super::Position { source, ..position });
            }
        }
        made
    }

    /// What a value is called in a body that it is an input of.
    fn called(&self, value: Val) -> String {
        let node = self.node(value);
        match &node.def {
            Def::Input(k) => self.inputs[*k].name.clone(),
            _ => node.name.as_ref().map_or_else(|| "v".to_owned(), |name| name.to_string()),
        }
    }

    /// What an input of the body of the open loop is.
    pub(in crate::graph) fn fed(&self, input: Val) -> Option<Feed> {
        match (&self.node(input).def, &self.outer) {
            (Def::Input(k), Some(outer)) => Some(outer.fed[*k].0),
            _ => None,
        }
    }

    /// Names the value that an input of a body is.
    pub(super) fn name_outside(&mut self, input: Val, name: &str) {
        if let Some(Some((value, false))) = self.outer.as_ref().and_then(|outer| outer.outside.get(&input)) {
            let value = *value;
            self.outer().name(value, name);
        }
    }

    /// A value of the body that an operator has, if that is computed outside of the loop: once, or for all
    /// iterations.
    pub(super) fn hoisted(&mut self, op: &Op, args: &[Val]) -> Option<Val> {
        self.outer.as_ref()?;
        let stays = match op {
            Op::View(View::Window { .. }) => false,
            Op::View(_) | Op::Barrier(_) => true,
            _ => args.iter().all(|arg| self.as_constant(*arg).is_some()),
        };
        if stays {
            return None;
        }
        if args.iter().all(|arg| self.is_invariant(*arg)) {
            let args: Vec<Val> = args.iter().map(|arg| self.invariant(*arg)).collect::<Option<_>>()?;
            let value = self.outer().emit(op.clone(), &args);
            return Some(self.import(value));
        }
        let value = self.in_one(op, args)?;
        Some(self.slice(value))
    }

    /// The operator below a view that says nothing about derivatives.
    fn plain_view(&self, value: Val) -> Option<(&View, Val)> {
        let Some((Op::View(view), args)) = self.op(value) else { return None };
        let copies = matches!(view, View::Reshape { to } if *to == self.ty(args[0]).shape);
        (!copies && !self.is_stopped(value) && self.way(value).is_none()).then(|| (view, args[0]))
    }

    /// Whether a value is the same in each iteration, and can be had outside.
    fn is_invariant(&self, value: Val) -> bool {
        let Some(outer) = &self.outer else { return false };
        self.as_constant(value).is_some()
            || matches!(outer.outside.get(&value), Some(Some((_, false))))
            || self.plain_view(value).is_some_and(|(_, below)| self.is_invariant(below))
    }

    /// The value outside of the open loop that a value is in each iteration.
    pub(in crate::graph) fn invariant(&mut self, value: Val) -> Option<Val> {
        if let Some(number) = self.as_constant(value) {
            let ty = self.ty(value).clone();
            return Some(self.outer().constant(number, &ty));
        }
        if let Some(Some((outside, false))) = self.enclosing().outside.get(&value) {
            return Some(*outside);
        }
        let (view, below) = self.plain_view(value).map(|(view, below)| (view.clone(), below))?;
        let below = self.invariant(below)?;
        Some(self.outer().emit(Op::View(view), &[below]))
    }
}
