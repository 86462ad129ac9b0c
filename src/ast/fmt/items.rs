//! Items and the lines of their blocks.

use super::Printer;
use super::flat::{ANY, SUM};
use crate::ast::{
    Arg, Data, Expr, Function, Hyper, HyperKind, Ident, Item, ItemKind, Let, Member, Range, Rule, Script,
    Stage, StageLine, Static,
};
use crate::source::Span;

impl Printer<'_> {
    /// The whole file. Items with blocks stand apart from what is around them.
    pub(super) fn script(&mut self, script: &Script) {
        let mut after_block = false;
        for item in &script.items {
            let block = matches!(
                item.kind,
                ItemKind::Fn(_) | ItemKind::Model(_) | ItemKind::Stage(_) | ItemKind::Pipeline(_)
            );
            self.begin(item.span.start, after_block || block);
            self.docs(&item.doc);
            self.item(item);
            self.end(item.span.end);
            after_block = block;
        }
        self.flush(u32::MAX, false);
    }

    fn docs(&mut self, doc: &str) {
        for line in doc.split('\n').filter(|_| !doc.is_empty()) {
            self.push(format!("/// {line}").trim_end());
            self.push("\n");
        }
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Real(name) => self.push(&format!("real {}", name.name)),
            ItemKind::Use(path) => self.words("use ", path),
            ItemKind::Data(data) => self.data(data, item.span),
            ItemKind::Fn(function) => self.function("fn", function, item.span),
            ItemKind::Model(function) => self.function("model", function, item.span),
            ItemKind::Stage(stage) => self.stage(stage, item.span),
            ItemKind::Pipeline(pipeline) => {
                let hypers: Vec<_> = pipeline.hypers.iter().map(|hyper| self.hyper(hyper)).collect();
                self.push(&format!("pipeline {}({}) =", pipeline.name.name, hypers.join(", ")));
                let flat = self.flat(&pipeline.body, ANY).map(|body| format!(" {body}"));
                match flat.filter(|flat| self.fits(flat)) {
                    Some(flat) => self.push(&flat),
                    None => {
                        self.indent += 1;
                        self.newline();
                        self.expr(&pipeline.body, ANY);
                        self.indent -= 1;
                    }
                }
            }
            ItemKind::Let(binding) => {
                let ty = binding.ty.as_ref().map_or(String::new(), |ty| format!(": {}", self.ty(ty)));
                self.words(&format!("let {}{ty} = ", names(binding)), &binding.value);
            }
            ItemKind::Print(expr) => self.words("print ", expr),
            ItemKind::Table(columns) => self.commas("print ", columns),
            ItemKind::Plot { series, path } => self.plot(series, path),
            ItemKind::Save { value, path } => {
                self.words("save ", value);
                self.words(" to ", path);
            }
            ItemKind::Assert(expr) => self.words("assert ", expr),
            ItemKind::Expr(expr) => self.expr(expr, ANY),
        }
    }

    fn words(&mut self, head: &str, expr: &Expr) {
        self.push(head);
        self.expr(expr, ANY);
    }

    fn plot(&mut self, series: &[Expr], path: &Expr) {
        self.commas("plot ", series);
        self.words(" to ", path);
    }

    fn commas(&mut self, head: &str, exprs: &[Expr]) {
        for (at, expr) in exprs.iter().enumerate() {
            self.words(if at == 0 { head } else { ", " }, expr);
        }
    }

    fn data(&mut self, data: &Data, span: Span) {
        self.words(&format!("data {} = ", data.name.name), &data.source);
        if !data.transforms.is_empty() {
            self.push(" ");
            self.braces(span.end, |p| data.transforms.iter().for_each(|set| p.binding("", set)));
        }
    }

    /// A `fn` without lines of its own is written with `=` where that fits.
    fn function(&mut self, word: &str, function: &Function, span: Span) {
        self.push(&format!("{word} {}", function.name.name));
        if !function.statics.is_empty() {
            let statics: Vec<_> = function.statics.iter().map(|of| self.of_brackets(of)).collect();
            self.push(&format!("[{}]", statics.join(", ")));
        }
        let args: Vec<_> = function.args.iter().map(|arg| self.arg(arg)).collect();
        let results: Vec<_> =
            std::iter::once(&function.result).chain(&function.more).map(|ty| self.ty(ty)).collect();
        let results = if results.len() == 1 { results.concat() } else { format!("({})", results.join(", ")) };
        self.push(&format!("({}) -> {results} ", args.join(", ")));
        if word == "fn" && function.members.is_empty() && !self.has_comment(span) {
            let short = self.flat(&function.body, ANY).map(|body| format!("= {body}"));
            if let Some(short) = short.filter(|short| self.fits(short)) {
                self.push(&short);
                return self.rule(function.rule.as_ref());
            }
        }
        let end = function.rule.as_ref().map_or(span.end, |rule| rule.seed.span.start);
        self.braces(end, |p| {
            function.members.iter().for_each(|member| p.member(member));
            p.value(&function.body);
        });
        self.rule(function.rule.as_ref());
    }

    /// `vjp y, dy => dy * y` on a line of its own.
    fn rule(&mut self, rule: Option<&Rule>) {
        let Some(rule) = rule else { return };
        self.indent += 1;
        self.newline();
        let names: Vec<&str> =
            rule.result.iter().chain([&rule.seed]).map(|name| name.name.as_str()).collect();
        self.push(&format!("vjp {} => ", names.join(", ")));
        for (k, gradient) in rule.gradients.iter().enumerate() {
            self.words(if k == 0 { "" } else { ", " }, gradient);
        }
        self.indent -= 1;
    }

    fn of_brackets(&self, given: &Static) -> String {
        match &given.default {
            Some(value) => format!("{} = {}", given.name.name, self.flat(value, ANY).unwrap_or_default()),
            None => given.name.name.clone(),
        }
    }

    fn arg(&self, arg: &Arg) -> String {
        let plain = format!("{}: {}", arg.name.name, self.ty(&arg.ty));
        match &arg.default {
            Some(value) => format!("{plain} = {}", self.flat(value, ANY).unwrap_or_default()),
            None => plain,
        }
    }

    fn member(&mut self, member: &Member) {
        match member {
            Member::Param(binding) => self.binding("param ", binding),
            Member::Layer(binding) => self.binding("layer ", binding),
            Member::Let(binding) => self.binding("let ", binding),
            Member::State(binding) => self.binding("state ", binding),
            Member::Assign { name, value } => self.set(name, &format!("{} <- ", name.name), value),
        }
    }

    fn stage(&mut self, stage: &Stage, span: Span) {
        let hypers: Vec<_> = stage.hypers.iter().map(|hyper| self.hyper(hyper)).collect();
        let hypers = hypers.join(", ");
        self.push(&match &stage.inner {
            Some(inner) => format!("wrap stage {}({hypers})({}) ", stage.name.name, inner.name),
            None => format!("stage {}({hypers}) ", stage.name.name),
        });
        self.braces(span.end, |p| {
            stage.body.iter().for_each(|line| p.stage_line(line));
            p.value(&stage.result);
        });
    }

    fn hyper(&self, hyper: &Hyper) -> String {
        let name = &hyper.name.name;
        let plain = match &hyper.kind {
            HyperKind::Number(None) => name.clone(),
            HyperKind::Number(Some(value)) => {
                format!("{name} = {}", self.flat(value, ANY).unwrap_or_default())
            }
            HyperKind::Words(words) => format!("{name} = {}", joined(words, " | ")),
        };
        match &hyper.range {
            None => plain,
            Some(Range { low, high }) => {
                let bound = |bound: &Expr| self.flat(bound, SUM).unwrap_or_default();
                format!("{plain} in {}..{}", bound(low), high.as_ref().map(bound).unwrap_or_default())
            }
        }
    }

    fn stage_line(&mut self, line: &StageLine) {
        let (name, head, value) = match line {
            StageLine::Let(binding) => return self.binding("let ", binding),
            StageLine::State { name, extent: None, init } => (name, format!("state {} = ", name.name), init),
            StageLine::State { name, extent: Some(extent), init } => {
                (name, format!("state {}: {} = ", name.name, extent.text()), init)
            }
            StageLine::Assign { name, value } => (name, format!("{} <- ", name.name), value),
            StageLine::Eval { name, value } => (name, format!("eval {} = ", name.name), value),
        };
        self.set(name, &head, value);
    }

    /// A line that begins with `head` and a value.
    fn set(&mut self, name: &Ident, head: &str, value: &Expr) {
        self.begin(name.span.start, false);
        self.words(head, value);
        self.end(value.span.end);
    }
}

/// What a `let` binds: `a`, `(a, b)`.
pub(super) fn names(binding: &Let) -> String {
    if binding.more.is_empty() {
        return binding.name.name.clone();
    }
    format!("({}, {})", binding.name.name, joined(&binding.more, ", "))
}

fn joined(words: &[Ident], between: &str) -> String {
    words.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(between)
}
