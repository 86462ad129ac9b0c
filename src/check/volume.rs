//! How large tensors are once all sizes are known: what no machine could hold is refused before the
//! stages below count its elements; and whether slices and windows by size variables are inside.

use std::collections::BTreeMap;

use crate::algebra::op::Op;
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::source::Span;

use crate::typed::{
    DataSource, Expr, ExprKind, FunctionId, Instance, Loop, Member, Program, Statement, StatementKind, Train,
};

/// Something in a function that does not fit the sizes which the function is called with.
pub struct Misplaced {
    /// Where it stands.
    pub span: Span,
    /// The sizes of its operand.
    pub shape: String,
    /// For windows: what is expected. Otherwise it is a slice.
    pub expected: Option<String>,
}

/// The first slice, or windows, inside of a function that lie outside of their operand.
pub fn misplaced(program: &Program) -> Option<Misplaced> {
    program.statements.iter().find_map(|statement| {
        let mut volume = Volume::new(program);
        volume.statement(statement);
        volume.misplaced
    })
}

/// The first loop that takes more operations than `MOST_WORK`.
pub fn endless(program: &Program) -> Option<Span> {
    program.statements.iter().find_map(|statement| {
        let mut volume = Volume::new(program);
        volume.statement(statement);
        volume.endless
    })
}

/// The first call in a loop of a layer that is not there: its place, which one, and how many there are.
pub fn no_such_layer(program: &Program) -> Option<(Span, i64, usize)> {
    program.statements.iter().find_map(|statement| {
        let mut volume = Volume::new(program);
        volume.statement(statement);
        volume.no_such_layer
    })
}

/// The most operations that one loop may be written out to: what compiles in seconds.
pub(super) const MOST_WORK: usize = 100_000;

/// 16 TiB: more than a machine has, and few enough for products of two such sizes to be counted.
const MOST: f64 = (1u64 << 44) as f64;

/// The first statement with a tensor that takes more bytes than any machine has, and how many.
pub fn oversized(program: &Program) -> Option<(Span, f64)> {
    let data = program.data.iter().find_map(|data| {
        let DataSource::Synthetic { columns, .. } = &data.source else { return None };
        let mut volume = Volume::new(program);
        columns.iter().for_each(|(_, column)| volume.expr(column, &Sizes::new()));
        (volume.largest > MOST).then_some((data.span, volume.largest))
    });
    data.or_else(|| oversized_statement(program))
}

fn oversized_statement(program: &Program) -> Option<(Span, f64)> {
    program.statements.iter().find_map(|statement| {
        let mut volume = Volume::new(program);
        volume.statement(statement);
        (volume.largest > MOST).then_some((statement.span, volume.largest))
    })
}

/// Sizes by variable.
type Sizes = BTreeMap<SizeVar, Dim>;

/// A walk through everything that a statement computes.
struct Volume<'a> {
    program: &'a Program,
    /// Bytes of the largest tensor, or of all parameters of a model.
    largest: f64,
    /// Functions that have been seen, with their sizes and how many operations they are.
    seen: BTreeMap<(FunctionId, Vec<Dim>), usize>,
    /// Operations so far.
    work: usize,
    /// A loop of too many operations.
    endless: Option<Span>,
    /// A call of a layer that is not there.
    no_such_layer: Option<(Span, i64, usize)>,
    /// A slice outside of its operand, and what it is.
    misplaced: Option<Misplaced>,
}

impl<'a> Volume<'a> {
    fn new(program: &'a Program) -> Volume<'a> {
        Volume {
            program,
            largest: 0.0,
            seen: BTreeMap::new(),
            work: 0,
            endless: None,
            no_such_layer: None,
            misplaced: None,
        }
    }

    /// Whether slices, padding and windows are inside once sizes are known.
    fn place(&mut self, op: &Op, args: &[Expr], span: Span, sizes: &Sizes) {
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
            self.misplaced.get_or_insert(Misplaced { span, shape, expected });
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Let { value, .. } => self.expr(value, &Sizes::new()),
            StatementKind::Assert { condition, .. } => self.expr(condition, &Sizes::new()),
            StatementKind::Print(parts) => {
                for part in parts {
                    if let Some(value) = part.value() {
                        self.expr(value, &Sizes::new());
                    }
                }
            }
            StatementKind::Train(train) => self.train(train),
            StatementKind::Eval(eval) => {
                let rows = self.program.data[eval.data.0].rows.all;
                let sizes = Sizes::from([(eval.rows.clone(), Dim::from(rows))]);
                eval.metrics.iter().for_each(|(_, metric)| self.expr(metric, &sizes));
            }
            StatementKind::Optimizer(optimizer) => {
                self.largest = self.largest.max(self.params(optimizer.model, &[]));
            }
            StatementKind::Also { .. }
            | StatementKind::Plot { .. }
            | StatementKind::Table(_)
            | StatementKind::Save { .. } => {}
        }
    }

    fn train(&mut self, train: &Train) {
        let sizes = Sizes::from([(train.rows.clone(), Dim::from(train.batch))]);
        self.expr(&train.loss, &sizes);
        train.metrics.iter().for_each(|(_, metric)| self.expr(metric, &sizes));
        let sizes: Vec<Dim> = train.optimizer.sizes.iter().map(|dim| dim.substitute(&sizes)).collect();
        let params = self.params(train.optimizer.model, &sizes);
        self.largest = self.largest.max(params);
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
        if let ExprKind::Loop(parts) = &expr.kind {
            return self.repeat(parts, expr.span, sizes);
        }
        if let ExprKind::Op(op, args) = &expr.kind {
            self.work += 1;
            self.place(op, args, expr.span, sizes);
        }
        expr.children().into_iter().for_each(|child| self.expr(child, sizes));
        if let ExprKind::Call { function, sizes: given, instance, .. } = &expr.kind {
            if let Instance::LayerAt { count, position, .. } = instance
                && let Some(n) = position.substitute(sizes).as_constant()
                && !(0..*count as i64).contains(&n)
            {
                self.no_such_layer.get_or_insert((expr.span, n, *count));
            }
            self.call(*function, given.iter().map(|dim| dim.substitute(sizes)).collect());
        }
    }

    /// All turns, until there are too many.
    fn repeat(&mut self, parts: &Loop, span: Span, sizes: &Sizes) {
        parts.carried.iter().for_each(|(_, start)| self.expr(start, sizes));
        let number = |dim: &Dim| dim.substitute(sizes).as_constant().unwrap_or(0);
        let before = self.work;
        let mut sizes = sizes.clone();
        for turn in number(&parts.from)..number(&parts.to) {
            sizes.insert(parts.turn.clone(), Dim::constant(turn));
            self.expr(&parts.body, &sizes);
            self.work += 1;
            if self.work - before > MOST_WORK {
                self.endless.get_or_insert(span);
                return;
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
        } else {
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
}

/// Bytes of a tensor, as a float, which does not overflow.
fn bytes(ty: &Type, sizes: &Sizes) -> f64 {
    let size = |dim: &Dim| dim.substitute(sizes).as_constant().map_or(1.0, |n| n as f64);
    ty.shape.iter().map(size).product::<f64>() * ty.dtype.bytes() as f64
}
