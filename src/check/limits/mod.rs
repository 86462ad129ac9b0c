//! What can be said once all sizes are known: loops that are written out to too much, layers that are
//! not there, tensors that no machine could hold, slices and windows outside of their operand.
//!
//! Comes in: a program without errors. Goes out: what is wrong with it, each thing once. One walk goes
//! through everything that the program computes, with the sizes that each call gives.

mod errors;

use std::collections::{BTreeMap, BTreeSet};

use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::check::errors::{by_zero, size_divided};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{
    Data, DataSource, Expr, ExprKind, FunctionId, Instance, Loop, Member, Optimizer, Program, Statement,
    StatementKind, Train,
};

/// The most operations that one loop may be written out to: what compiles in seconds.
const MOST_WORK: usize = 100_000;

/// The most iterations of a loop.
const MOST_ITERATIONS: i64 = 1 << 32;

/// 16 TiB: more than a machine has, and few enough for products of two such sizes to be counted.
const MOST_BYTES: f64 = (1u64 << 44) as f64;

/// Everything in a program that does not fit its sizes.
pub(crate) fn limits(program: &Program) -> Vec<Diagnostic> {
    let mut walk = LimitsWalk {
        program,
        largest: 0.0,
        work: 0,
        seen: BTreeMap::new(),
        said: BTreeSet::new(),
        found: Vec::new(),
    };
    program.data.iter().for_each(|data| walk.data(data));
    program.statements.iter().for_each(|statement| walk.statement(statement));
    walk.found
}

/// Sizes by variable.
type Sizes = BTreeMap<SizeVar, Dim>;

/// A walk through everything that is computed.
struct LimitsWalk<'a> {
    program: &'a Program,
    /// Bytes of the largest tensor so far, or of all parameters of a model.
    largest: f64,
    /// Operations so far.
    work: usize,
    /// Functions that have been walked through, with their sizes and how many operations they are.
    seen: BTreeMap<(FunctionId, Vec<Dim>), usize>,
    /// Places that something has been said of.
    said: BTreeSet<Span>,
    found: Vec<Diagnostic>,
}

impl LimitsWalk<'_> {
    /// Adds a finding unless one has been made there: each iteration of a loop, and each call of a
    /// function, comes by the same places.
    fn say(&mut self, span: Span, finding: impl FnOnce() -> Diagnostic) {
        if self.said.insert(span) {
            self.found.push(finding());
        }
    }

    /// Says that what has been walked through since is too large, the first time that something is.
    fn within_memory(&mut self, before: f64, span: Span) {
        if before <= MOST_BYTES && self.largest > MOST_BYTES {
            self.found.push(errors::tensor_too_large(span, self.largest));
        }
    }

    fn data(&mut self, data: &Data) {
        let DataSource::Synthetic { columns, .. } = &data.source else { return };
        let before = self.largest;
        columns.iter().for_each(|(_, column)| self.expr(column, &Sizes::new()));
        self.within_memory(before, data.span);
    }

    fn statement(&mut self, statement: &Statement) {
        let before = self.largest;
        match &statement.kind {
            StatementKind::Let { value, .. } => self.expr(value, &Sizes::new()),
            StatementKind::Act(act) => {
                act.values().into_iter().for_each(|value| self.expr(value, &Sizes::new()));
            }
            StatementKind::Train(train) => self.train(train),
            StatementKind::Optimizer(optimizer) => self.optimizer(optimizer, &Sizes::new()),
            StatementKind::Eval(eval) => {
                let rows = self.program.data[eval.data.0].rows.all;
                let sizes = Sizes::from([(eval.rows.clone(), Dim::from(rows))]);
                eval.metrics.iter().for_each(|(_, metric)| self.expr(metric, &sizes));
            }
        }
        self.within_memory(before, statement.span);
    }

    fn train(&mut self, train: &Train) {
        let sizes = Sizes::from([(train.rows.clone(), Dim::from(train.batch))]);
        self.expr(&train.loss, &sizes);
        train.metrics.iter().for_each(|(_, metric)| self.expr(metric, &sizes));
        self.optimizer(&train.optimizer, &sizes);
    }

    fn optimizer(&mut self, optimizer: &Optimizer, sizes: &Sizes) {
        let sizes: Vec<Dim> = optimizer.sizes.iter().map(|dim| dim.substitute(sizes)).collect();
        self.largest = self.largest.max(self.params(optimizer.model, &sizes));
    }

    /// Bytes of all parameters of a model.
    fn params(&self, model: FunctionId, sizes: &[Dim]) -> f64 {
        let function = &self.program.functions[model.0];
        let env: Sizes = function.sizes.iter().cloned().zip(sizes.iter().cloned()).collect();
        let member = |member: &Member| match member {
            Member::Param { ty, .. } | Member::State { ty, .. } => bytes(ty, &env),
            Member::Layer { function, sizes, .. } => {
                let of = &self.program.functions[function.0].sizes;
                let size =
                    |var: &SizeVar| sizes.get(var).map_or(Dim::constant(1), |dim| dim.substitute(&env));
                self.params(*function, &of.iter().map(size).collect::<Vec<Dim>>())
            }
        };
        function.members.iter().map(member).sum()
    }

    fn expr(&mut self, expr: &Expr, sizes: &Sizes) {
        // A number that is the same everywhere is never stored.
        if !matches!(expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) {
            self.largest = self.largest.max(bytes(&expr.ty, sizes));
        }
        self.quotients(expr, sizes);
        if let ExprKind::Loop(parts) = &expr.kind {
            return self.repeat(parts, expr.span, sizes);
        }
        if let ExprKind::Op(op, args) = &expr.kind {
            self.work += 1;
            self.inside(op, args, expr.span, sizes);
        }
        expr.children().into_iter().for_each(|child| self.expr(child, sizes));
        if let ExprKind::Call { function, sizes: given, instance, .. } = &expr.kind {
            if let Instance::LayerAt { count, position, .. } = instance
                && let Some(n) = position.substitute(sizes).as_constant()
                && !(0..*count as i64).contains(&n)
            {
                self.say(expr.span, || errors::no_such_layer(expr.span, n, *count));
            }
            self.call(*function, given.iter().map(|dim| dim.substitute(sizes)).collect());
        }
    }

    /// Whether everything that sizes are divided by is positive, and no whole number is divided by a size
    /// that is 0.
    fn quotients(&mut self, expr: &Expr, sizes: &Sizes) {
        let own = match &expr.kind {
            ExprKind::Size(dim) => std::slice::from_ref(dim),
            ExprKind::Call { sizes, .. } => sizes,
            _ => &[],
        };
        let dims = expr.ty.shape.iter().chain(own);
        if let Some(by) = dims.map(|dim| dim.substitute(sizes)).find_map(|dim| dim.wrong_divisor()) {
            self.say(expr.span, || size_divided(by, expr.span));
        }
        let ExprKind::Op(Op::Map(map), args) = &expr.kind else { return };
        let divides = [&scalar::FLOOR_DIV, &scalar::REM].iter().any(|row| std::ptr::eq(map.0, *row));
        if divides
            && let ExprKind::Size(by) = &args[1].kind
            && by.substitute(sizes).as_constant() == Some(0)
            && expr.ty.dtype.is_int()
        {
            self.say(args[1].span, || by_zero(args[1].span));
        }
    }

    /// Whether slices, padding and windows are inside of their operand.
    fn inside(&mut self, op: &Op, args: &[Expr], span: Span, sizes: &Sizes) {
        let walks = matches!(op, Op::View(View::Unfold { .. }) | Op::Convolve(_));
        if !walks && !matches!(op, Op::View(View::Slice { .. } | View::Pad { .. })) {
            return;
        }
        let known = op.substitute(sizes);
        let types: Vec<Type> = args.iter().map(|arg| arg.ty.substitute(sizes)).collect();
        let empty = |count: &Dim| count.as_constant().is_some_and(|n| n < 1);
        let empty = matches!(&known, Op::View(View::Slice { count, .. }) if empty(count));
        let found = known.rules().infer(&types.iter().collect::<Vec<_>>());
        if empty || found.is_err() {
            let shape: Vec<String> = types[0].shape.iter().map(Dim::to_string).collect();
            let shape = format!("[{}]", shape.join(", "));
            let expected = found.err().filter(|_| walks).map(|mismatch| mismatch.expected);
            self.say(span, || match expected {
                Some(expected) => errors::windows_outside(span, &shape, &expected),
                None => errors::slice_out_of_bounds(span, &shape),
            });
        }
    }

    /// All iterations that are written out, until there are too many.
    fn repeat(&mut self, parts: &Loop, span: Span, sizes: &Sizes) {
        parts.carried.iter().for_each(|(_, start)| self.expr(start, sizes));
        let number = |dim: &Dim| dim.substitute(sizes).as_constant().unwrap_or(0);
        let before = self.work;
        let mut sizes = sizes.clone();
        let (from, to) = (number(&parts.from), number(&parts.to));
        if to.saturating_sub(from) > MOST_ITERATIONS {
            return self.say(span, || errors::too_many_iterations(span, to - from, MOST_ITERATIONS));
        }
        // What fits in the first and in the last iteration of a loop that is not written out fits in all.
        let ends = self.program.stays(parts, to.saturating_sub(from)).then(|| to - from - 1);
        for iteration in (from..to).step_by(ends.map_or(1, |step| step.max(1) as usize)) {
            sizes.insert(parts.iteration.clone(), Dim::constant(iteration));
            self.expr(&parts.body, &sizes);
            self.work += 1;
            if self.work - before > MOST_WORK {
                return self.say(span, || errors::loop_too_long(span, MOST_WORK));
            }
        }
        for ty in &parts.collected {
            self.largest = self.largest.max(bytes(ty, &sizes));
        }
    }

    fn call(&mut self, function: FunctionId, given: Vec<Dim>) {
        let callee = &self.program.functions[function.0];
        let sizes: Sizes = callee.sizes.iter().cloned().zip(given.iter().cloned()).collect();
        if let Some(work) = self.seen.get(&(function, given.clone())) {
            self.work += work;
            return;
        }
        let before = self.work;
        for member in &callee.members {
            if let Member::Param { ty, init, .. } | Member::State { ty, init, .. } = member {
                self.largest = self.largest.max(bytes(ty, &sizes));
                self.expr(init, &sizes);
            }
        }
        self.expr(&callee.body, &sizes);
        self.seen.insert((function, given), self.work - before);
    }
}

/// Bytes of a tensor, as a float, which does not overflow.
fn bytes(ty: &Type, sizes: &Sizes) -> f64 {
    let size = |dim: &Dim| dim.substitute(sizes).as_constant().map_or(1.0, |n| n as f64);
    ty.shape.iter().map(size).product::<f64>() * ty.dtype.bytes() as f64
}
