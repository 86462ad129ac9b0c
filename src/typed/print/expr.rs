//! Expressions as text, and what the other printers share.

use std::collections::BTreeMap;

use crate::algebra::op::Op;
use crate::algebra::types::{Dim, Type};
use crate::print::number;
use crate::typed::expr::{Derive, Expr, ExprKind, Instance, Local, Loop, Part};
use crate::typed::function::Member;
use crate::typed::ids::{FunctionId, GlobalId, LocalId, StatementId};
use crate::typed::program::Program;
use crate::typed::script::Curve;
use crate::typed::series::{Series, Statistic};

/// What names stand for in the expressions of one function, stage or statement.
#[derive(Debug)]
pub struct Printer<'p> {
    pub(super) program: &'p Program,
    pub(super) locals: Vec<String>,
    pub(super) members: &'p [Member],
}

/// A printer of expressions with these names.
pub(super) fn printer<'p>(program: &'p Program, locals: &[Local], members: &'p [Member]) -> Printer<'p> {
    Printer { program, locals: unique_names(locals), members }
}

/// Names of locals, told apart by numbers.
pub(super) fn unique_names(locals: &[Local]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let names = locals.iter().map(|local| {
        let count = seen.entry(&local.name).or_insert(0);
        *count += 1;
        if *count == 1 { local.name.clone() } else { format!("{}_{count}", local.name) }
    });
    names.collect()
}

/// Sizes, one after the other.
pub(super) fn dims<'d>(dims: impl IntoIterator<Item = &'d Dim>) -> String {
    dims.into_iter().map(Dim::to_string).collect::<Vec<_>>().join(", ")
}

/// One type, or several in parentheses.
pub(super) fn types(types: &[Type]) -> String {
    match types {
        [one] => one.to_string(),
        all => format!("({})", all.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// `[a, b]`, or nothing for nothing.
pub(super) fn brackets(inner: String) -> String {
    if inner.is_empty() { inner } else { format!("[{inner}]") }
}

/// The name of a function.
pub(super) fn function_name(program: &Program, id: FunctionId) -> &str {
    program.functions.get(id.0).map_or("?", |function| &function.name)
}

/// The name of a value of a `let`.
fn global_name(program: &Program, id: GlobalId) -> &str {
    let statement = program.statements.get(id.statement.0);
    statement.and_then(|statement| statement.kind.names().get(id.value)).map_or("?", String::as_str)
}

/// The name of a run.
pub(super) fn run_name(program: &Program, statement: StatementId) -> &str {
    global_name(program, GlobalId { statement, value: 0 })
}

impl Printer<'_> {
    /// A name.
    pub(super) fn local(&self, id: LocalId) -> String {
        self.locals.get(id.0).cloned().unwrap_or_else(|| format!("local{}", id.0))
    }

    /// `let`s on lines of their own, then the value.
    pub(super) fn body(&self, expr: &Expr) -> String {
        let (lines, value) = self.lines(expr, "  ");
        let types = types(&self.program.types(value));
        format!("{lines}  return {} : {types}\n", self.expr(value))
    }

    /// The `let`s before a value, and the value.
    fn lines<'e>(&self, mut expr: &'e Expr, margin: &str) -> (String, &'e Expr) {
        let mut text = String::new();
        loop {
            let (names, value, body) = match &expr.kind {
                ExprKind::Let { local, value, body } => (self.local(*local), value, body),
                ExprKind::Unpack { locals, value, body } => (self.names(locals), value, body),
                _ => return (text, expr),
            };
            let types = types(&self.program.types(value));
            text += &format!("{margin}{names} = {} : {types}\n", self.expr(value));
            expr = body;
        }
    }

    fn names(&self, locals: &[LocalId]) -> String {
        format!("({})", locals.iter().map(|local| self.local(*local)).collect::<Vec<_>>().join(", "))
    }

    /// A block that is repeated, its lines one after the other.
    fn repeat(&self, parts: &Loop) -> String {
        let carried = parts.carried.iter();
        let carried =
            carried.map(|(local, start)| format!(", {} = {}", self.local(*local), self.expr(start)));
        let head = format!(
            "{} in {}..{}{}",
            parts.iteration.name,
            parts.from,
            parts.to,
            carried.collect::<String>()
        );
        let along = match parts.collected.is_empty() {
            true => String::new(),
            false => format!(" [axis = {}]", parts.axis),
        };
        format!("for {head} {{ {} }}{along}", self.expr(&parts.body))
    }

    /// Expressions, one after the other.
    pub(super) fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    /// The name of a run.
    pub fn run(&self, id: StatementId) -> &str {
        run_name(self.program, id)
    }

    /// Curves of fits and sweeps, one after the other.
    pub fn curves(&self, curves: &[Curve]) -> String {
        let curve = |curve: &Curve| {
            let param = curve.param.as_ref().map(|param| format!("[{param:?}]")).unwrap_or_default();
            let by = curve.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{}.{}{param}{by}", self.run(curve.of), curve.key)
        };
        curves.iter().map(curve).collect::<Vec<_>>().join(", ")
    }

    fn series(&self, series: &Series) -> String {
        let name = format!("{}.{}", run_name(self.program, series.of), series.key);
        let of = Statistic::NAMED.iter().find(|(_, statistic)| *statistic == series.statistic);
        of.map_or(name.clone(), |(of, _)| format!("{of}({name})"))
    }

    /// An expression.
    pub fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Const(value) => number(*value),
            ExprKind::Size(dim) => format!("size({dim})"),
            ExprKind::Key => "key".into(),
            ExprKind::Training => "training".into(),
            ExprKind::Swept(k) => format!("sweep.{k}"),
            ExprKind::Counter(counter) => counter.name().into(),
            ExprKind::Local(id) => self.local(*id),
            ExprKind::Global(id) => global_name(self.program, *id).into(),
            ExprKind::Param(k) | ExprKind::State(k) => self.member(*k),
            ExprKind::Part(part) => self.part(part),
            ExprKind::FitState { fit, state, param } => {
                let param = param.as_ref().map(|param| format!("[{param:?}]")).unwrap_or_default();
                format!("{}.opt.{state}{param}", run_name(self.program, *fit))
            }
            ExprKind::Assign { member, value, body } => {
                format!("{{ {} <- {}; {} }}", self.member(*member), self.expr(value), self.expr(body))
            }
            ExprKind::Op(op, args) => self.op(op, args, expr),
            ExprKind::Call { function, sizes, args, instance } => {
                let name = self.callee(*function, instance);
                format!("{name}{}({})", brackets(dims(sizes)), self.list(args))
            }
            ExprKind::Let { local, value, body } => {
                format!("{{ {} = {}; {} }}", self.local(*local), self.expr(value), self.expr(body))
            }
            ExprKind::Unpack { locals, value, body } => {
                format!("{{ {} = {}; {} }}", self.names(locals), self.expr(value), self.expr(body))
            }
            ExprKind::Tuple(items) => format!("({})", self.list(items)),
            ExprKind::Loop(parts) => self.repeat(parts),
            ExprKind::Derive(derive) => self.derive(derive),
            ExprKind::StageLoss(value) => format!("loss({})", self.expr(value)),
            ExprKind::StageReduce { combine, extent: over, value } => {
                format!("{}[{}]({})", combine.name(), over.name(), self.expr(value))
            }
            ExprKind::StageBroadcast { extent: over, value, .. } => {
                format!("broadcast[{}]({})", over.name(), self.expr(value))
            }
            ExprKind::Recorded(series) => self.series(series),
            ExprKind::StopGradient(value) => format!("stop_gradient({})", self.expr(value)),
            ExprKind::Position { value, below, what } => {
                format!("{}[{below}]({})", what.name(), self.expr(value))
            }
        }
    }

    /// `grad { x = a; f(x) }`, `jvp { x = a; f(x) }(dx)`
    fn derive(&self, derive: &Derive) -> String {
        let wrt: String = derive
            .wrt
            .iter()
            .map(|(local, value)| format!("{} = {}; ", self.local(*local), self.expr(value)))
            .collect();
        let seeds =
            if derive.seeds.is_empty() { String::new() } else { format!("({})", self.list(&derive.seeds)) };
        format!("{} {{ {wrt}{} }}{seeds}", derive.kind.name(), self.expr(&derive.body))
    }

    /// `name(args) [attributes]`; what sets a shape says which: `broadcast[B, 3](b) [axes = 1]`.
    fn op(&self, op: &Op, args: &[Expr], expr: &Expr) -> String {
        let shape = match op {
            Op::View(_) | Op::Fill(_) => format!("[{}]", dims(&expr.ty.shape)),
            _ => String::new(),
        };
        let attributes = match op {
            Op::Cast(_) => brackets(expr.ty.dtype.to_string()),
            _ => brackets(op.rules().attributes()),
        };
        let space = if attributes.is_empty() { "" } else { " " };
        format!("{}{shape}({}){space}{attributes}", op.rules().name(), self.list(args))
    }

    /// A member of the enclosing model.
    pub(super) fn member(&self, k: usize) -> String {
        match self.members.get(k) {
            Some(member) => member.name().to_string(),
            None => format!("member{k}"),
        }
    }

    fn callee(&self, function: FunctionId, instance: &Instance) -> String {
        match instance {
            Instance::Layer(k) => self.member(*k),
            Instance::LayerAt { first, position, .. } => {
                let first = self.member(*first);
                format!("{}[{position}]", first.trim_end_matches("[0]"))
            }
            Instance::Part(part) if part.finished || !part.path.is_empty() => self.part(part),
            Instance::None | Instance::Part(_) => function_name(self.program, function).into(),
        }
    }

    /// The model of a run, or what is in it.
    fn part(&self, part: &Part) -> String {
        let run = run_name(self.program, part.run);
        if part.path.is_empty() { run.into() } else { format!("{run}.{}", part.path) }
    }
}
