//! The typed program as text: one line per member, `let` and setting.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use crate::algebra::op::Op;
use crate::algebra::types::{Dim, Type};
use crate::print::number;

use super::typed::*;

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut blocks = vec![format!("typed, real = {}\n", self.real)];
        blocks.extend(self.data.iter().map(data));
        blocks.extend(self.functions.iter().map(|function| self.function(function)));
        blocks.extend(self.stages.iter().map(|stage| self.stage(stage)));
        blocks.extend(self.statements.iter().map(|statement| self.statement(statement)));
        f.write_str(&blocks.join("\n"))
    }
}

/// What names stand for in the expressions of one function, stage or statement.
struct Printer<'p> {
    program: &'p Program,
    locals: Vec<String>,
    members: &'p [Member],
}

fn data(data: &Data) -> String {
    let mut text = format!("data {} = {}", data.name, source(&data.source));
    if let Some(share) = data.test {
        text += &format!(", test = {}", number(share));
    }
    text += &format!(" : {} rows, {} train, {} test\n", data.rows.all, data.rows.train, data.rows.test);
    for column in &data.columns {
        let standardized = data.standardize.contains(&column.name);
        text += &format!(
            "  {}{} : {}\n",
            column.name,
            if standardized { " standardized" } else { "" },
            column.ty
        );
    }
    text
}

fn source(source: &DataSource) -> String {
    let given = |name: &str, value: &Option<String>| match value {
        Some(value) => format!(", {name} = {value:?}"),
        None => String::new(),
    };
    match source {
        DataSource::Csv(Table { path, target, windows, words }) => {
            let windows = windows.map_or(String::new(), |rows| format!(", windows = {rows}"));
            let words = if words.is_empty() { String::new() } else { format!(", words = {words:?}") };
            format!("csv {path:?}{}{windows}{words}", given("target", target))
        }
        DataSource::Idx { x, y, test_x, test_y } => {
            format!("idx x = {x:?}{}{}{}", given("y", y), given("test_x", test_x), given("test_y", test_y))
        }
        DataSource::Synthetic { seed, .. } => format!("synthetic seed = {seed}"),
        DataSource::Arrays { archive, columns } => {
            let columns: Vec<String> = columns.iter().map(|(name, of)| format!("{name} = {of:?}")).collect();
            let file = archive.iter().map(|path| format!("{path:?}"));
            let word = if archive.is_some() { "npz" } else { "npy" };
            format!("{word} {}", file.chain(columns).collect::<Vec<_>>().join(", "))
        }
        DataSource::Text { path, context, .. } => format!("text {path:?}, context = {context}"),
    }
}

/// Names of locals, told apart by numbers.
fn unique_names(locals: &[Local]) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let names = locals.iter().map(|local| {
        let count = seen.entry(&local.name).or_insert(0);
        *count += 1;
        if *count == 1 { local.name.clone() } else { format!("{}_{count}", local.name) }
    });
    names.collect()
}

fn dims<'d>(dims: impl IntoIterator<Item = &'d Dim>) -> String {
    dims.into_iter().map(Dim::to_string).collect::<Vec<_>>().join(", ")
}

/// One type, or several in parentheses.
fn types(types: &[Type]) -> String {
    match types {
        [one] => one.to_string(),
        all => format!("({})", all.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// `[a, b]`, or nothing for nothing.
fn brackets(inner: String) -> String {
    if inner.is_empty() { inner } else { format!("[{inner}]") }
}

fn split(split: Split) -> &'static str {
    match split {
        Split::All => "",
        Split::Train => ".train",
        Split::Test => ".test",
    }
}

impl Program {
    fn printer<'p>(&'p self, locals: &[Local], members: &'p [Member]) -> Printer<'p> {
        Printer { program: self, locals: unique_names(locals), members }
    }

    fn function(&self, function: &Function) -> String {
        let printer = self.printer(&function.locals, &function.members);
        let sizes: Vec<&str> = function.sizes.iter().map(|var| &*var.name).collect();
        let args: Vec<String> = (0..function.n_args)
            .map(|k| format!("{}: {}", printer.locals[k], function.locals[k].ty))
            .collect();
        let kind = if function.members.is_empty() { "fn" } else { "model" };
        let sizes = brackets(sizes.join(", "));
        let results = types(&self.types(&function.body));
        let mut text = format!("{kind} {}{sizes}({}) -> {results}\n", function.name, args.join(", "));
        for member in &function.members {
            text += &match member {
                Member::Param { name, ty, init, .. } => {
                    format!("  param {name} = {} : {ty}\n", printer.expr(init))
                }
                Member::State { name, ty, init } => {
                    format!("  state {name} = {} : {ty}\n", printer.expr(init))
                }
                Member::Layer { name, function, sizes } => {
                    let sizes: Vec<String> =
                        sizes.iter().map(|(var, dim)| format!("{} = {dim}", var.name)).collect();
                    format!(
                        "  layer {name} = {}{}\n",
                        self.function_name(*function),
                        brackets(sizes.join(", "))
                    )
                }
            };
        }
        text += &printer.body(&function.body);
        if let Some(rule) = &function.rule {
            let gradients: Vec<String> =
                rule.gradients.iter().flatten().map(|expr| printer.expr(expr)).collect();
            let names = [rule.result, rule.seed].map(|local| printer.local(local));
            text += &format!("  vjp {} => {}\n", names.join(", "), gradients.join(", "));
        }
        text
    }

    fn stage(&self, stage: &Stage) -> String {
        let printer = self.printer(&stage.locals, &[]);
        let words = stage.words.iter().map(|(name, word)| format!("{name} = {word}"));
        let hypers = stage.hypers.iter().map(|local| printer.local(*local));
        let head: Vec<String> = hypers.chain(words).collect();
        let word = if stage.inner.is_some() { "wrap stage" } else { "stage" };
        let mut text = format!("{word} {}({})\n", stage.name, head.join(", "));
        for state in &stage.states {
            let (name, ty) = (printer.local(state.local), &stage.locals[state.local.0].ty);
            text += &format!("  state {name} = {} : {ty}\n", printer.expr(&state.init));
        }
        let inner = |line: usize| match &stage.inner {
            Some(inner) if inner.line == line => format!("  u = inner({})\n", printer.expr(&inner.point)),
            _ => String::new(),
        };
        for (k, (local, value)) in stage.lines.iter().enumerate() {
            text += &inner(k);
            let assigned = stage.states.iter().any(|state| state.local == *local);
            let arrow = if assigned { "<-" } else { "=" };
            text += &format!("  {} {arrow} {} : {}\n", printer.local(*local), printer.expr(value), value.ty);
        }
        text += &inner(stage.lines.len());
        if let Some(eval) = &stage.eval {
            text += &format!("  eval w = {} : {}\n", printer.expr(eval), eval.ty);
        }
        text + &printer.body(&stage.result)
    }

    fn function_name(&self, id: FunctionId) -> &str {
        self.functions.get(id.0).map_or("?", |function| &function.name)
    }

    fn global_name(&self, id: GlobalId) -> &str {
        match self.statements.get(id.0).map(|statement| &statement.kind) {
            Some(StatementKind::Let { name, .. } | StatementKind::Also { name }) => name,
            Some(StatementKind::Train(train)) => &train.name,
            Some(StatementKind::Eval(eval)) => &eval.name,
            _ => "?",
        }
    }

    fn statement(&self, statement: &Statement) -> String {
        let printer = self.printer(&statement.locals, &[]);
        match &statement.kind {
            StatementKind::Let { name, value } => {
                format!("let {name} : {}\n{}", types(&self.types(value)), printer.body(value))
            }
            StatementKind::Also { name } => format!("  also {name}\n"),
            StatementKind::Train(train) => self.train(train),
            StatementKind::Eval(eval) => self.eval(eval),
            StatementKind::Print(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| printer.part(part)).collect();
                format!("print {}\n", parts.join(", "))
            }
            StatementKind::Plot { curves, path } => format!("plot {} to {path:?}\n", self.curves(curves)),
            StatementKind::Table(curves) => format!("print {}\n", self.curves(curves)),
            StatementKind::Save { fit, path } => format!("save {} to {path:?}\n", self.global_name(*fit)),
            StatementKind::Assert { condition, text } => {
                format!("assert {} : {text:?}\n", printer.expr(condition))
            }
        }
    }

    fn curves(&self, curves: &[Curve]) -> String {
        let curve = |curve: &Curve| {
            let param = curve.param.as_ref().map(|param| format!("[{param:?}]")).unwrap_or_default();
            let by = curve.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{}.{}{param}{by}", self.global_name(curve.of), curve.key)
        };
        curves.iter().map(curve).collect::<Vec<_>>().join(", ")
    }

    fn rows(&self, data: DataId, which: Split) -> String {
        format!("{}{}", self.data[data.0].name, split(which))
    }

    fn train(&self, train: &Train) -> String {
        let printer = self.printer(&train.locals, &[]);
        let model = format!("{}{}", self.function_name(train.model), brackets(dims(&train.sizes)));
        let mut text = format!("train {} = {model} on {}\n", train.name, self.rows(train.data, train.split));
        for Swept { name, values } in &train.sweep {
            let values: Vec<String> = values.iter().map(|value| crate::print::number(*value)).collect();
            text += &format!("  sweep {name} in [{}]\n", values.join(", "));
        }
        text += &format!("  loss = {}\n", printer.expr(&train.loss));
        for (name, metric) in &train.metrics {
            text += &format!("  metric {name} = {}\n", printer.expr(metric));
        }
        let names = cell_names(&train.cells);
        let printer = Printer { program: self, locals: names.clone(), members: &[] };
        let whole = |cell: &&Cell| train.pipeline.iter().any(|of| self.is_hyper(of, cell));
        for cell in train.cells.iter().filter(|cell| !whole(cell)) {
            text += &format!("  {} = {}\n", cell.name, printer.expr(&cell.value));
        }
        let mut groups = train.groups.iter();
        let mut left = 0;
        for stage in &train.pipeline {
            if left == 0
                && let Some(group) = groups.next()
            {
                text += &format!("  {}: {}\n", group.text(), group.params.join(" "));
                left = group.stages;
            }
            left = left.saturating_sub(1);
            text += &format!("  |> {}\n", self.stage_use(stage, &train.cells, &names));
        }
        let length = match train.length {
            Length::Epochs(n) => format!("epochs = {n}"),
            Length::Steps(n) => format!("steps = {n}"),
        };
        let accumulate = match train.accumulate {
            1 => String::new(),
            batches => format!("accumulate = {batches}, "),
        };
        text += &format!(
            "  batch = {}, {accumulate}{length}, shuffle = {}, seed = {}\n",
            train.batch, train.shuffle, train.seed
        );
        if let Some((data, which)) = train.validate {
            text += &format!("  validate = {}\n", self.rows(data, which));
        }
        text
    }

    /// Whether a cell is a hyperparameter of a stage under its own name.
    fn is_hyper(&self, of: &StageUse, cell: &Cell) -> bool {
        let stage = &self.stages[of.stage.0];
        stage
            .hypers
            .iter()
            .any(|local| cell.name == format!("opt.{}.{}", of.name, stage.locals[local.0].name))
    }

    fn stage_use(&self, of: &StageUse, cells: &[Cell], names: &[String]) -> String {
        let stage = &self.stages[of.stage.0];
        let printer = Printer { program: self, locals: names.to_vec(), members: &[] };
        let own = |value: &'_ Expr| {
            let cell =
                cells.iter().find(|cell| matches!(value.kind, ExprKind::Local(local) if local == cell.local));
            cell.filter(|cell| self.is_hyper(of, cell)).map(|cell| cell.value.clone())
        };
        let values: Vec<Expr> =
            of.hypers.iter().map(|value| own(value).unwrap_or_else(|| value.clone())).collect();
        let hypers = stage.hypers.iter().zip(&values);
        let hypers =
            hypers.map(|(local, value)| format!("{} = {}", stage.locals[local.0].name, printer.expr(value)));
        let words = stage.words.iter().map(|(name, word)| format!("{name} = {word}"));
        let all: Vec<String> = hypers.chain(words).collect();
        let renamed = if of.name == stage.name { String::new() } else { format!("{} = ", of.name) };
        format!("{renamed}{}({})", stage.name, all.join(", "))
    }

    fn eval(&self, eval: &Eval) -> String {
        let printer = self.printer(&eval.locals, &[]);
        let fit = self.global_name(eval.fit);
        let mut text = format!("eval {} = {fit} on {}\n", eval.name, self.rows(eval.data, eval.split));
        for (name, metric) in &eval.metrics {
            text += &format!("  metric {name} = {}\n", printer.expr(metric));
        }
        text
    }
}

impl Printer<'_> {
    fn local(&self, id: LocalId) -> String {
        self.locals.get(id.0).cloned().unwrap_or_else(|| format!("local{}", id.0))
    }

    /// `let`s on lines of their own, then the value.
    fn body(&self, expr: &Expr) -> String {
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
        let head =
            format!("{} in {}..{}{}", parts.turn.name, parts.from, parts.to, carried.collect::<String>());
        let along = match parts.collected.is_empty() {
            true => String::new(),
            false => format!(" [axis = {}]", parts.axis),
        };
        format!("for {head} {{ {} }}{along}", self.expr(&parts.body))
    }

    fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    fn part(&self, part: &Part) -> String {
        match part {
            Part::Text(text) => format!("{text:?}"),
            Part::Sample(sample) => {
                format!("sample {} after {:?} by {}", sample.count, sample.prompt, self.expr(&sample.logits))
            }
            Part::Value(value, None) => self.expr(value),
            Part::Value(value, Some(digits)) => format!("{} .{digits}", self.expr(value)),
        }
    }

    fn series(&self, series: &Series) -> String {
        let name = format!("{}.{}", self.program.global_name(series.of), series.key);
        let of = Statistic::NAMED.iter().find(|(_, statistic)| *statistic == series.statistic);
        of.map_or(name.clone(), |(of, _)| format!("{of}({name})"))
    }

    fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Const(value) => number(*value),
            ExprKind::Size(dim) => format!("size({dim})"),
            ExprKind::Key => "key".into(),
            ExprKind::Training => "training".into(),
            ExprKind::Swept(k) => format!("sweep.{k}"),
            ExprKind::Counter(counter) => counter.name().into(),
            ExprKind::Local(id) => self.local(*id),
            ExprKind::Global(id) => self.program.global_name(*id).into(),
            ExprKind::Param(k) | ExprKind::State(k) => self.member(*k),
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
            ExprKind::StageSpread { extent: over, value, .. } => {
                format!("spread[{}]({})", over.name(), self.expr(value))
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

    fn member(&self, k: usize) -> String {
        match self.members.get(k) {
            Some(Member::Param { name, .. } | Member::State { name, .. } | Member::Layer { name, .. }) => {
                name.clone()
            }
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
            Instance::Fit(fit) => self.program.global_name(*fit).into(),
            Instance::None | Instance::Root => self.program.function_name(function).into(),
        }
    }
}

/// Names of what hyperparameters mention, by their locals.
fn cell_names(cells: &[Cell]) -> Vec<String> {
    let mut names = vec!["t".to_owned(), "T".to_owned()];
    for cell in cells {
        names.resize(names.len().max(cell.local.0 + 1), String::new());
        names[cell.local.0].clone_from(&cell.name);
    }
    names
}
