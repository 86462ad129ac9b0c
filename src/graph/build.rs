//! Evaluates typed expressions into a builder: calls are inlined, sizes become numbers, names become
//! values, parameters become windows of their arena.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::builder::Builder;
use super::calls::CallCache;
use super::layout::{ArenaExtents, ParamMatrix, join};
use super::loops::OpenLoop;
use super::positions::{IndexSource, Position};
use super::{Layout, Param, Role, StateSlot, errors};
use crate::algebra::concat::Concat;
use crate::algebra::fill::Fill;
use crate::algebra::form::{Reducer, Segments};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar;
use crate::algebra::segment::Segment;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::algebra::view::View;
use crate::diag::Diagnostic;
use crate::ice;
use crate::source::{FileId, Span};
use crate::typed::{
    Counter, Expr, ExprKind, Extent, Function, FunctionId, GlobalId, Instance, Local, LocalId, Member,
    Numbered, Part, Program, StatementId, StatementKind,
};

/// What size variables stand for.
pub(super) type Sizes = BTreeMap<SizeVar, Dim>;

/// Where the parameters of a model that is called lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Arena {
    /// The training run whose layout it has.
    pub run: usize,
    /// The input that holds it.
    pub role: Role,
}

/// A model whose body is evaluated, and where its parameters are.
#[derive(Clone, Debug)]
pub(super) struct Owner<'a> {
    function: &'a Function,
    arena: Option<Arena>,
    path: String,
}

/// What names mean inside one function, stage or run.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame<'a> {
    /// Values of locals, by number.
    pub locals: Vec<Option<Val>>,
    /// Their names.
    pub names: &'a [Local],
    /// Values of size variables.
    pub sizes: Sizes,
    /// The model it is about.
    pub owner: Option<Owner<'a>>,
}

impl Frame<'_> {
    /// Gives a local a value, which may replace an earlier one.
    pub(super) fn bind(&mut self, local: LocalId, value: Val) {
        if self.locals.len() <= local.0 {
            self.locals.resize(local.0 + 1, None);
        }
        self.locals[local.0] = Some(value);
    }
}

/// The loss of a step and the data it is over.
#[derive(Clone, Debug)]
pub(super) struct Batch<'a> {
    /// The loss.
    pub loss: &'a Expr,
    /// The columns.
    pub frame: Frame<'a>,
    /// The parameters.
    pub arena: Arena,
}

/// Turns expressions of one program into values.
#[derive(Debug)]
pub(super) struct Evaluator<'a> {
    /// The graph.
    pub builder: Builder,
    /// Whose parameters the model of the run has.
    pub root: Option<Arena>,
    /// The extents of the arena, in stages.
    pub extents: ArenaExtents,
    /// Whether this is a training step: the value of `training`.
    pub training: bool,
    /// States of the model that have been assigned, by path.
    pub assigned: BTreeMap<String, Val>,
    /// What a stage gets where it asks for the loss of the step.
    pub batch: Option<Batch<'a>>,
    /// The flat parameters that the model of the run has instead of those given.
    pub(super) point: Option<Val>,
    /// Loops whose bodies are being built, the outermost first.
    pub(super) open: Vec<OpenLoop>,
    program: &'a Program,
    layouts: &'a BTreeMap<usize, Layout>,
    params: BTreeMap<usize, BTreeMap<&'a str, &'a Param>>,
    /// What is wrong with the script.
    pub found: Vec<Diagnostic>,
    /// Calls under way, the outermost first.
    calls: Vec<Span>,
    /// What calls gave.
    pub(super) given: CallCache,
    /// What tells random numbers of this expression from those of others.
    label: String,
    /// How often each occurrence of `random` was met since the label changed.
    draws: BTreeMap<(String, u32), u32>,
}

impl<'a> Evaluator<'a> {
    /// An empty graph.
    pub(super) fn new(program: &'a Program, layouts: &'a BTreeMap<usize, Layout>) -> Evaluator<'a> {
        Evaluator {
            builder: Builder::default(),
            root: None,
            extents: ArenaExtents::default(),
            training: false,
            assigned: BTreeMap::new(),
            batch: None,
            point: None,
            open: Vec::new(),
            program,
            layouts,
            params: BTreeMap::new(),
            found: Vec::new(),
            calls: Vec::new(),
            label: String::new(),
            draws: BTreeMap::new(),
            given: CallCache::default(),
        }
    }

    /// What comes now draws its random numbers under this label: the path of a parameter, or nothing.
    /// The loss and the metrics of a run start over from the same label, and with the model's states as
    /// they were before the step, so that a model they both call is computed once.
    pub(super) fn label(&mut self, label: &str) {
        self.label = label.to_owned();
        self.draws.clear();
        self.assigned.clear();
    }

    /// Gives names what the `let`s before a value bind; that value.
    fn lets(&mut self, mut expr: &'a Expr, frame: &mut Frame<'a>) -> &'a Expr {
        loop {
            let (locals, values, body) = match &expr.kind {
                ExprKind::Let { local, value, body } => {
                    (std::slice::from_ref(local), vec![self.eval(value, frame)], body)
                }
                ExprKind::Unpack { locals, value, body } => {
                    (locals.as_slice(), self.values(value, frame), body)
                }
                ExprKind::Assign { member, value, body } => {
                    self.assign(*member, value, frame);
                    (&[][..], Vec::new(), body)
                }
                _ => return expr,
            };
            for (local, value) in locals.iter().zip(values) {
                if let Some(name) = frame.names.get(local.0) {
                    self.builder.name(value, &name.name);
                }
                frame.bind(*local, value);
            }
            expr = body;
        }
    }

    /// The values of an expression of one or several.
    pub(super) fn values(&mut self, expr: &'a Expr, frame: &mut Frame<'a>) -> Vec<Val> {
        if self.is_too_large() {
            return self.nothing(expr, frame);
        }
        let expr = self.lets(expr, frame);
        match &expr.kind {
            ExprKind::Tuple(items) => self.eval_all(items, frame),
            ExprKind::Loop(parts) => self.repeat(parts, frame),
            ExprKind::Derive(derive) => self.derive(derive, frame),
            ExprKind::Call { function, sizes, args, instance } => {
                let args = self.eval_all(args, frame);
                self.calls.push(expr.span);
                let values = self.call(*function, sizes, args, instance, frame);
                self.calls.pop();
                values
            }
            _ => vec![self.eval(expr, frame)],
        }
    }

    /// The value of an expression.
    pub(super) fn eval(&mut self, expr: &'a Expr, frame: &mut Frame<'a>) -> Val {
        if self.is_too_large() {
            return self.nothing(expr, frame)[0];
        }
        let expr = self.lets(expr, frame);
        match &expr.kind {
            ExprKind::StageLoss(point) => {
                let point = self.eval(point, frame);
                self.loss_at(point)
            }
            ExprKind::Op(op, args) => self.operator(op, args, expr, frame),
            ExprKind::Call { .. } | ExprKind::Loop(_) | ExprKind::Tuple(_) | ExprKind::Derive(_) => {
                self.values(expr, frame)[0]
            }
            ExprKind::StageReduce { combine, extent, value } => {
                let value = self.eval(value, frame);
                self.stage_reduce(*combine, *extent, value)
            }
            ExprKind::StageBroadcast { extent, to, value } => {
                let value = self.eval(value, frame);
                self.stage_broadcast(*extent, *to, value, &expr.ty.substitute(&frame.sizes))
            }
            ExprKind::StopGradient(value) => {
                let value = self.eval(value, frame);
                self.builder.stop_gradient(value)
            }
            ExprKind::Position { value, below, what } => {
                let value = self.eval(value, frame);
                self.position(value, below.substitute(&frame.sizes).size(), *what, expr.span);
                value
            }
            _ => self.leaf(expr, frame),
        }
    }

    /// Notes integers that must be below a size, with the place in the script's own file that asks for it.
    fn position(&mut self, value: Val, below: usize, what: Numbered, span: Span) {
        let (source, span) = (IndexSource::Value(value), self.place(span));
        self.builder.position(Position { source, below, what, span });
    }

    /// Whether the program has too many operations already: it is refused once it is built.
    fn is_too_large(&self) -> bool {
        self.builder.len() > self.program.limit
    }

    /// Stands for the values of an expression in a program that is too large.
    fn nothing(&mut self, expr: &'a Expr, frame: &Frame<'a>) -> Vec<Val> {
        let types = self.program.types(expr).into_iter().map(|ty| ty.substitute(&frame.sizes));
        types.map(|ty| self.builder.constant(0.0, &ty)).collect()
    }

    /// An expression without expressions in it.
    fn leaf(&mut self, expr: &'a Expr, frame: &Frame<'a>) -> Val {
        let ty = expr.ty.substitute(&frame.sizes);
        self.builder.at(Some(expr.span));
        match &expr.kind {
            ExprKind::Const(value) => self.builder.constant(*value, &ty),
            ExprKind::Size(dim) => self.size(&dim.substitute(&frame.sizes), &ty),
            ExprKind::Local(local) => local_value(frame, *local),
            ExprKind::Param(member) => self.param(*member, frame),
            ExprKind::State(member) => self.state(*member, frame),
            ExprKind::Part(part) => self.part(part),
            ExprKind::FitState { fit, state, param } => self.fit_state(*fit, state, param.as_deref(), &ty),
            ExprKind::Global(id) => self.builder.input(self.global_name(*id), Role::Global(*id), ty),
            ExprKind::Recorded(series) => {
                let name = join(self.run_name(series.of), &series.key);
                let role = Role::Recorded(series.of.0, series.key.clone(), series.statistic);
                self.builder.input(name, role, ty)
            }
            ExprKind::Training => self.builder.constant(f64::from(u8::from(self.training)), &ty),
            ExprKind::Swept(k) => self.swept(*k, ty),
            ExprKind::Counter(counter) => {
                let role = match counter {
                    Counter::Step => Role::Step,
                    Counter::Total => Role::Total,
                };
                self.builder.input(counter.name(), role, ty)
            }
            ExprKind::Key => self.builder.input("key", Role::Key, Type::of(DType::I32, &[2])),
            _ => ice!("build", "{:?} is no leaf", expr.kind),
        }
    }

    /// A variable of the sweep that this training run is repeated in: a cell as hyperparameters are.
    fn swept(&mut self, k: usize, ty: Type) -> Val {
        let Some(Arena { run, .. }) = self.root else { ice!("build", "a sweep outside of a run") };
        let StatementKind::Train(train) = &self.program.statements[run].kind else {
            ice!("build", "statement {run} is no training run")
        };
        let name = train.sweep[k].cell();
        match self.layouts[&run].swept(k) {
            Some(cell) => self.builder.input(name, Role::Cell(cell), ty),
            None => ice!("build", "no cell `{name}`"),
        }
    }

    fn eval_all(&mut self, exprs: &'a [Expr], frame: &mut Frame<'a>) -> Vec<Val> {
        exprs.iter().map(|expr| self.eval(expr, frame)).collect()
    }

    fn operator(&mut self, op: &Op, args: &'a [Expr], expr: &Expr, frame: &mut Frame<'a>) -> Val {
        let args = self.eval_all(args, frame);
        let op = match op {
            Op::Fill(Fill::Random { site, dtype, to }) => {
                let site = self.draw(*site, frame);
                Op::Fill(Fill::Random { site, dtype: *dtype, to: to.clone() }).substitute(&frame.sizes)
            }
            _ => op.substitute(&frame.sizes),
        };
        self.builder.at(Some(expr.span));
        self.slice_of_iteration(&op, &args).unwrap_or_else(|| self.builder.emit(op, &args))
    }

    /// The number that a size is.
    fn size(&mut self, dim: &Dim, ty: &Type) -> Val {
        match dim.as_constant() {
            Some(number) => self.builder.constant(number as f64, ty),
            None => {
                let number = self.iteration_number(dim, ty.dtype);
                self.builder.broadcast(number, &ty.shape)
            }
        }
    }

    /// The script.
    pub(super) fn program(&self) -> &'a Program {
        self.program
    }

    /// The site of one more use of an occurrence of `random`. The number of the occurrence does not
    /// count for initial values: they stay the same when something else in the script changes.
    fn draw(&mut self, site: u32, frame: &Frame<'a>) -> u32 {
        let site = if self.label.is_empty() { site } else { 0 };
        let owner = frame.owner.as_ref().map_or("", |owner| owner.path.as_str());
        let path = join(&self.label, owner);
        let uses = self.draws.entry((path.clone(), site)).or_insert(0);
        let hash = fnv1a(path.bytes().chain(site.to_le_bytes()).chain(uses.to_le_bytes()));
        *uses += 1;
        hash
    }

    fn call(
        &mut self,
        id: FunctionId,
        sizes: &[Dim],
        args: Vec<Val>,
        instance: &Instance,
        frame: &Frame<'a>,
    ) -> Vec<Val> {
        let sizes: Vec<Dim> = sizes.iter().map(|dim| dim.substitute(&frame.sizes)).collect();
        if *instance != Instance::None || !self.given.is_closed(self.program, id) {
            return self.called(id, sizes, args, instance, frame);
        }
        let call = (id, sizes.clone(), args.clone(), self.training);
        self.given.before(&call).unwrap_or_else(|| {
            let values = self.called(id, sizes, args, instance, frame);
            self.given.keep(call, &values);
            values
        })
    }

    fn called(
        &mut self,
        id: FunctionId,
        sizes: Vec<Dim>,
        args: Vec<Val>,
        instance: &Instance,
        frame: &Frame<'a>,
    ) -> Vec<Val> {
        let function = &self.program.functions[id.0];
        let mut inner = Frame {
            locals: args.into_iter().map(Some).collect(),
            names: &function.locals,
            sizes: function.sizes.iter().cloned().zip(sizes).collect(),
            owner: self.owner(function, instance, frame),
        };
        // A finished fit in a training step is evaluated.
        let training = self.training;
        self.training &= !matches!(instance, Instance::Part(Part { finished: true, .. }));
        self.expect_rows(function, &inner);
        let values = self.values(&function.body, &mut inner);
        self.training = training;
        match &function.rule {
            Some(rule) => vec![self.ruled(values[0], rule, function.n_args, &mut inner)],
            None => values,
        }
    }

    /// Over a single row every feature is its own mean: what comes before gets no gradient.
    fn expect_rows(&mut self, function: &Function, inner: &Frame) {
        let rows = || {
            function.locals.first().and_then(|x| x.ty.shape.first()?.substitute(&inner.sizes).as_constant())
        };
        let normalises = function.name == "batchnorm" && function.span.file != FileId::default();
        if self.training && normalises && rows() == Some(1) {
            let place = self.place(function.span);
            self.found.push(errors::single_row(place));
        }
    }

    /// The innermost place in the script's own file of what is asked for at a place.
    fn place(&self, span: Span) -> Span {
        let file = self.calls.first().map_or(span.file, |call| call.file);
        *self.calls.iter().chain([&span]).rev().find(|span| span.file == file).unwrap_or(&span)
    }

    /// Whose parameters a called function uses. A function without any keeps its caller's path, which
    /// tells its random numbers apart.
    fn owner(&self, function: &'a Function, instance: &Instance, frame: &Frame<'a>) -> Option<Owner<'a>> {
        match instance {
            Instance::None => frame.owner.clone(),
            Instance::Part(part) => {
                Some(Owner { function, arena: self.arena_of(part), path: part.path.clone() })
            }
            Instance::Layer(member) => layer_owner(function, *member, frame),
            Instance::LayerAt { first, position, .. } => {
                layer_owner(function, first + position.substitute(&frame.sizes).size(), frame)
            }
        }
    }

    /// Where the parameters of the model of a run lie: what is finished is a fit's.
    fn arena_of(&self, part: &Part) -> Option<Arena> {
        match part.finished {
            true => Some(Arena { run: part.run.0, role: Role::FitParams(part.run.0) }),
            false => self.root.clone(),
        }
    }

    fn param(&mut self, member: usize, frame: &Frame<'a>) -> Val {
        let (arena, path) = place(member, frame);
        self.window(arena, &path)
    }

    /// A state of a model as it is now.
    fn state(&mut self, member: usize, frame: &Frame<'a>) -> Val {
        let (arena, path) = place(member, frame);
        self.state_at(arena, &path)
    }

    fn state_at(&mut self, arena: &Arena, path: &str) -> Val {
        let now = self.training && !matches!(arena.role, Role::FitParams(_));
        let assigned = if now { self.assigned.get(path) } else { None };
        assigned.copied().unwrap_or_else(|| self.memory(arena, path))
    }

    /// A parameter or a state of the model of a run.
    fn part(&mut self, part: &Part) -> Val {
        let Some(arena) = self.arena_of(part) else { ice!("build", "{part:?} outside of a run") };
        match self.layouts[&arena.run].params.iter().any(|param| param.name == part.path) {
            true => self.window(&arena, &part.path),
            false => self.state_at(&arena, &part.path),
        }
    }

    /// A state of the optimizer of a fit: of one parameter, or whole.
    fn fit_state(&mut self, fit: StatementId, name: &str, param: Option<&str>, to: &Type) -> Val {
        let layout = &self.layouts[&fit.0];
        let holds = |slot: &&StateSlot| {
            let named = |name| layout.params_of(slot).iter().any(|param| param.name == name);
            slot.name == name && param.is_none_or(named)
        };
        let Some((k, slot)) = layout.states.iter().enumerate().find(|(_, slot)| holds(slot)) else {
            ice!("build", "no state {name} of {param:?}")
        };
        let start = param.map_or(0, |param| layout.start_in(slot, param));
        let name = format!("{}.opt.{name}", self.run_name(fit));
        let flat = self.builder.input(name, Role::FitState(fit.0, k), slot.ty.clone());
        match *to == slot.ty {
            true => flat,
            false => self.builder.emit(Op::View(View::Window { start, to: to.shape.clone() }), &[flat]),
        }
    }

    /// A state of a model as it was before the step.
    pub(super) fn memory(&mut self, arena: &Arena, path: &str) -> Val {
        let memory = &self.layouts[&arena.run].model_states;
        let Some(k) = memory.iter().position(|(name, _)| name == path) else {
            ice!("build", "no state {path}")
        };
        let (name, role) = match arena.role {
            Role::FitParams(run) => {
                (join(self.run_name(StatementId(run)), path), Role::FitModelState(run, k))
            }
            _ => (path.to_owned(), Role::ModelState(k)),
        };
        self.builder.input(name, role, memory[k].1.clone())
    }

    /// Assigns a state of the model that is trained.
    fn assign(&mut self, member: usize, value: &'a Expr, frame: &mut Frame<'a>) {
        if !self.training {
            return;
        }
        let value = self.eval(value, frame);
        let value = self.builder.stop_gradient(value);
        let (_, path) = place(member, frame);
        self.builder.name(value, &format!("{path}'"));
        self.assigned.insert(path, value);
    }

    /// A parameter by its path.
    pub(super) fn window(&mut self, arena: &Arena, path: &str) -> Val {
        let layout = &self.layouts[&arena.run];
        let by_path = || layout.params.iter().map(|param| (param.name.as_str(), param)).collect();
        let Param { ty, start, .. } = self.params.entry(arena.run).or_insert_with(by_path)[path];
        let flat = match (&arena.role, self.point) {
            (Role::Params, Some(point)) => point,
            _ => self.arena(arena),
        };
        let value =
            self.builder.emit(Op::View(View::Window { start: *start, to: ty.shape.clone() }), &[flat]);
        self.builder.name(value, path);
        value
    }

    /// Some coordinates of a flat tensor: itself, if that is all of them.
    pub(super) fn part_of(&mut self, flat: Val, coordinates: &Range<usize>) -> Val {
        if self.builder.ty(flat).count() == coordinates.len() {
            return flat;
        }
        let to = vec![Dim::from(coordinates.len())];
        self.builder.emit(Op::View(View::Window { start: coordinates.start, to }), &[flat])
    }

    /// The loss of this step, `f64[]`, where the parameters of the group that the stages are of are
    /// others. The batch and the random numbers are those of the step.
    fn loss_at(&mut self, point: Val) -> Val {
        let Some(batch) = self.batch.clone() else {
            ice!("build", "a stage asks for a loss where there is none")
        };
        let whole = self.whole(&batch, point);
        let before = self.point.replace(whole);
        let (label, draws) = (std::mem::take(&mut self.label), std::mem::take(&mut self.draws));
        let assigned = std::mem::take(&mut self.assigned);
        let loss = self.eval(batch.loss, &mut batch.frame.clone());
        self.assigned = assigned;
        (self.label, self.draws, self.point) = (label, draws, before);
        self.builder.cast(loss, DType::F64)
    }

    /// All parameters, those of the group at a point.
    fn whole(&mut self, batch: &Batch<'a>, point: Val) -> Val {
        let params = self.arena(&batch.arena);
        let total = self.builder.ty(params).count();
        let Range { start, end } = self.extents.coordinates.clone();
        if end - start == total {
            return point;
        }
        let mut part = |range: Range<usize>| {
            let there = !range.is_empty();
            there.then(|| self.part_of(params, &range))
        };
        let (low, high) = (part(0..start), part(end..total));
        let parts: Vec<Val> = low.into_iter().chain([point]).chain(high).collect();
        self.builder.emit(Op::Concat(Concat), &parts)
    }

    /// The flat parameters.
    pub(super) fn arena(&mut self, arena: &Arena) -> Val {
        let ty = Type::of(self.program.real, &[self.layouts[&arena.run].segments.total()]);
        let name = match arena.role {
            Role::FitParams(run) => format!("{}.params", self.run_name(StatementId(run))),
            _ => "params".to_owned(),
        };
        self.builder.input(name, arena.role.clone(), ty)
    }

    fn global_name(&self, id: GlobalId) -> &'a str {
        let name = self.program.statements[id.statement.0].kind.names().get(id.value);
        name.unwrap_or_else(|| ice!("build", "{id:?} has no name"))
    }

    fn run_name(&self, statement: StatementId) -> &'a str {
        self.global_name(GlobalId { statement, value: 0 })
    }

    fn stage_reduce(&mut self, combine: Reducer, extent: Extent, value: Val) -> Val {
        let value = self.builder.cast(value, DType::F64);
        if self.builder.ty(value).shape.is_empty() {
            return value;
        }
        match extent {
            Extent::Row => self.reduce_pieces(combine, self.extents.rows(), value),
            Extent::Column => self.reduce_columns(combine, value),
            Extent::Tensor => self.reduce_pieces(combine, self.extents.tensors.clone(), value),
            Extent::Group | Extent::Model => {
                self.builder.emit(Op::Reduce(Reduce { combine, axes: vec![0] }), &[value])
            }
            Extent::Coordinate | Extent::Vector(_) => value,
        }
    }

    fn reduce_pieces(&mut self, combine: Reducer, segments: Rc<Segments>, value: Val) -> Val {
        self.builder.emit(Op::Segment(Segment::Reduce { combine, segments }), &[value])
    }

    /// Columns lie apart in the arena by a distance of their own in each parameter: one operator each.
    fn reduce_columns(&mut self, combine: Reducer, value: Val) -> Val {
        let mut parts = Vec::new();
        let matrices = self.extents.matrices.clone();
        for ParamMatrix { start, rows, columns, .. } in matrices.iter().copied() {
            let to = if rows == 1 { vec![columns] } else { vec![rows, columns] };
            let to: Vec<Dim> = to.into_iter().map(Dim::from).collect();
            let whole = self.builder.emit(Op::View(View::Window { start, to }), &[value]);
            let over = Op::Reduce(Reduce { combine, axes: vec![0] });
            parts.push(if rows == 1 { whole } else { self.builder.emit(over, &[whole]) });
        }
        self.builder.emit(Op::Concat(Concat), &parts)
    }

    fn spread_columns(&mut self, value: Val) -> Val {
        let mut parts = Vec::new();
        let matrices = self.extents.matrices.clone();
        for ParamMatrix { first_column, rows, columns, .. } in matrices.iter().copied() {
            let window = View::Window { start: first_column, to: vec![Dim::from(columns)] };
            let part = self.builder.emit(Op::View(window), &[value]);
            let to = vec![Dim::from(rows), Dim::from(columns)];
            let repeat = Op::View(View::Broadcast { to, axes: vec![1] });
            parts.push(if rows == 1 { part } else { self.builder.emit(repeat, &[part]) });
        }
        self.builder.emit(Op::Concat(Concat), &parts)
    }

    /// A number per `from` for each of a finer extent, which has a type. It is cast first, while there
    /// are few of it.
    fn stage_broadcast(&mut self, from: Extent, to: Extent, value: Val, ty: &Type) -> Val {
        if ty.dtype == DType::Bool {
            // What lies end to end, or is cut into pieces, is numbers.
            let number = ty.with_dtype(self.program.real);
            let broadcast = self.stage_broadcast(from, to, value, &number);
            let zero = self.builder.constant(0.0, &number);
            return self.builder.map(&scalar::NE, &[broadcast, zero]);
        }
        let segments = match (from, to) {
            (Extent::Column, Extent::Coordinate) => {
                let value = self.builder.cast(value, ty.dtype);
                return self.spread_columns(value);
            }
            (Extent::Row, _) => self.extents.rows(),
            (Extent::Tensor, Extent::Row) => self.extents.tensor_rows.clone(),
            (Extent::Tensor, Extent::Column) => self.extents.tensor_columns.clone(),
            _ => return self.broadcast_to(value, ty),
        };
        let value = self.builder.cast(value, ty.dtype);
        match self.builder.ty(value).shape == ty.shape {
            true => value,
            false => self.builder.emit(Op::Segment(Segment::Broadcast { segments }), &[value]),
        }
    }

    /// A number of a wider extent for each coordinate of a type, or for each of what there is one number.
    pub(super) fn broadcast_to(&mut self, value: Val, to: &Type) -> Val {
        let value = self.builder.cast(value, to.dtype);
        let have = self.builder.ty(value);
        if have.shape == to.shape {
            value
        } else if have.shape.is_empty() {
            self.builder.broadcast(value, &to.shape)
        } else {
            let segments = self.extents.tensors.clone();
            self.builder.emit(Op::Segment(Segment::Broadcast { segments }), &[value])
        }
    }
}

/// A layer of the model that a frame is about.
fn layer_owner<'a>(function: &'a Function, member: usize, frame: &Frame<'a>) -> Option<Owner<'a>> {
    let outer = frame.owner.as_ref()?;
    let Member::Layer { name, .. } = &outer.function.members[member] else { return None };
    Some(Owner { function, arena: outer.arena.clone(), path: join(&outer.path, name) })
}

/// Where a parameter or state of the model that a frame is about lies, and its path.
fn place<'f>(member: usize, frame: &'f Frame) -> (&'f Arena, String) {
    let Some(Owner { function, arena: Some(arena), path }) = &frame.owner else {
        ice!("build", "a parameter outside of a model")
    };
    let (Member::Param { name, .. } | Member::State { name, .. }) = &function.members[member] else {
        ice!("build", "member {member} of {} is a layer", function.name)
    };
    (arena, join(path, name))
}

fn local_value(frame: &Frame, local: LocalId) -> Val {
    match frame.locals.get(local.0) {
        Some(Some(value)) => *value,
        _ => ice!("build", "local {} has no value yet", local.0),
    }
}

/// The 32-bit FNV-1a hash: the same on every machine and in every version.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
