//! The tree as `egret emit ast` prints it: one node a line, indented below what it belongs to.
//!
//! ```text
//! model double
//!   arg x : real[B]
//!   result real[B]
//!   value
//!     binary *
//!       name x
//!       number 2
//! ```

use std::fmt;

use super::{
    Argument, Expr, ExprKind, Function, Hyper, HyperKind, Ident, Item, ItemKind, Let, Loop, Member, Range,
    Run, Script, Stage, StageLine, StrPart, TypeExpr,
};
use crate::print::number;

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = TreePrinter { out: String::new(), indent: 0 };
        self.items.iter().for_each(|item| printer.item(item));
        f.write_str(&printer.out)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = TreePrinter { out: String::new(), indent: 0 };
        printer.expr(self);
        f.write_str(&printer.out)
    }
}

struct TreePrinter {
    out: String,
    indent: usize,
}

impl TreePrinter {
    fn line(&mut self, text: impl fmt::Display) {
        self.out.push_str(&format!("{:1$}{text}\n", "", 2 * self.indent));
    }

    /// A line and, indented below it, what `below` prints.
    fn node(&mut self, text: impl fmt::Display, below: impl FnOnce(&mut TreePrinter)) {
        self.line(text);
        self.indent += 1;
        below(self);
        self.indent -= 1;
    }

    fn item(&mut self, item: &Item) {
        for line in item.doc.split('\n').filter(|_| !item.doc.is_empty()) {
            self.line(format!("doc {line:?}"));
        }
        match &item.kind {
            ItemKind::Real(name) => self.line(format!("real {}", name.name)),
            ItemKind::Use(path) => self.node("use", |p| p.expr(path)),
            ItemKind::Data(data) => self.node(format!("data {}", data.name.name), |p| {
                p.expr(&data.source);
                data.transforms.iter().for_each(|set| p.binding("set", set));
            }),
            ItemKind::Fn(function) => self.function("fn", function),
            ItemKind::Model(function) => self.function("model", function),
            ItemKind::Stage(stage) => self.stage(stage),
            ItemKind::Pipeline(pipeline) => self.node(format!("pipeline {}", pipeline.name.name), |p| {
                pipeline.hypers.iter().for_each(|hyper| p.hyper(hyper));
                p.expr(&pipeline.body);
            }),
            ItemKind::Let(binding) => self.binding("let", binding),
            ItemKind::Act(act) => self.node(&act.word.name, |p| {
                p.exprs(&act.on);
                act.to.iter().for_each(|path| p.node("to", |p| p.expr(path)));
            }),
            ItemKind::Expr(expr) => self.expr(expr),
            ItemKind::Broken(_) => self.line("error"),
        }
    }

    fn binding(&mut self, word: &str, binding: &Let) {
        let names: Vec<&str> = binding.names.iter().map(|name| name.name.as_str()).collect();
        self.node(format!("{word} {}", names.join(", ")), |p| {
            binding.ty.iter().for_each(|ty| p.ty("type", ty));
            p.expr(&binding.value);
        });
    }

    /// A type on one line if its sizes are names and numbers; otherwise sizes as trees below it.
    fn ty(&mut self, head: &str, ty: &TypeExpr) {
        let sizes: Option<Vec<String>> = ty.shape.iter().map(plain_size).collect();
        let name = &ty.dtype.name;
        match sizes {
            Some(sizes) if sizes.is_empty() => self.line(format!("{head} {name}")),
            Some(sizes) => self.line(format!("{head} {name}[{}]", sizes.join(", "))),
            None => self.node(format!("{head} {name}"), |p| p.exprs(&ty.shape)),
        }
    }

    fn function(&mut self, word: &str, function: &Function) {
        self.node(format!("{word} {}", function.name.name), |p| {
            for given in &function.statics {
                p.line(format!("static {}", given.head()));
                given.default.iter().for_each(|value| p.node("default", |p| p.expr(value)));
            }
            for arg in &function.args {
                p.ty(&format!("arg {} :", arg.name.name), &arg.ty);
                arg.default.iter().for_each(|value| p.node("default", |p| p.expr(value)));
            }
            function.results.iter().for_each(|ty| p.ty("result", ty));
            for member in &function.members {
                match member {
                    Member::Param(binding) => p.binding("param", binding),
                    Member::Layer(binding) => p.binding("layer", binding),
                    Member::Let(binding) => p.binding("let", binding),
                    Member::State(binding) => p.binding("state", binding),
                    Member::Assign { name, value } => {
                        p.node(format!("assign {}", name.name), |p| p.expr(value))
                    }
                }
            }
            p.node("value", |p| p.expr(&function.body));
            if let Some(rule) = &function.rule {
                p.node("vjp", |p| {
                    rule.result.iter().for_each(|name| p.line(format!("result {}", name.name)));
                    p.line(format!("seed {}", rule.seed.name));
                    p.exprs(&rule.gradients);
                });
            }
        });
    }

    fn stage(&mut self, stage: &Stage) {
        let word = if stage.inner.is_some() { "wrap stage" } else { "stage" };
        self.node(format!("{word} {}", stage.name.name), |p| {
            stage.inner.iter().for_each(|inner| p.line(format!("inner {}", inner.name)));
            stage.hypers.iter().for_each(|hyper| p.hyper(hyper));
            stage.body.iter().for_each(|line| p.stage_line(line));
            p.node("value", |p| p.expr(&stage.result));
        });
    }

    fn hyper(&mut self, hyper: &Hyper) {
        let head = format!("hyper {}", hyper.name.name);
        match &hyper.kind {
            HyperKind::Number(None) => self.line(head),
            HyperKind::Number(Some(value)) => self.node(head, |p| p.expr(value)),
            HyperKind::Words(words) => self.line(format!("{head} = {}", joined(words))),
        }
        if let Some(range) = &hyper.range {
            self.node("range", |p| {
                p.expr(&range.low);
                range.high.iter().for_each(|high| p.expr(high));
            });
        }
    }

    fn stage_line(&mut self, line: &StageLine) {
        match line {
            StageLine::State { name, extent, init } => {
                let extent = extent.as_ref().map_or(String::new(), |extent| format!(" : {}", extent.text()));
                self.node(format!("state {}{extent}", name.name), |p| p.expr(init));
            }
            StageLine::Assign { name, value } => {
                self.node(format!("assign {}", name.name), |p| p.expr(value))
            }
            StageLine::Eval { name, value } => self.node(format!("eval {}", name.name), |p| p.expr(value)),
            StageLine::Let(binding) => self.binding("let", binding),
        }
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        exprs.iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Error => self.line("error"),
            ExprKind::Number { value, integer: true } => self.line(format!("number {value}")),
            ExprKind::Number { value, .. } => self.line(format!("number {} real", number(*value))),
            ExprKind::Bool(value) => self.line(value),
            ExprKind::Str(parts) => self.node("string", |p| parts.iter().for_each(|part| p.part(part))),
            ExprKind::Name(name) => self.line(format!("name {name}")),
            ExprKind::Field(of, name) => self.node(format!("field {}", name.name), |p| p.expr(of)),
            ExprKind::Call(f, arguments) => self.node("call", |p| {
                p.expr(f);
                arguments.iter().for_each(|argument| p.argument(argument));
            }),
            ExprKind::Bracket(f, items) => self.node("bracket", |p| {
                p.expr(f);
                p.exprs(items);
            }),
            ExprKind::Named(name, value) => self.node(format!("named {}", name.name), |p| p.expr(value)),
            ExprKind::Slice(parts) => self.node("slice", |p| p.slice(&parts[..])),
            ExprKind::List(items) => self.node("list", |p| p.exprs(items)),
            ExprKind::Tuple(items) => self.node("tuple", |p| p.exprs(items)),
            ExprKind::Loop(parts) => self.repeat(if parts.scan { "scan" } else { "for" }, parts),
            ExprKind::Sweep(parts) => self.repeat("sweep", parts),
            ExprKind::By(of, by) => self.node(format!("by {}", by.name), |p| p.expr(of)),
            ExprKind::Every(word, parts) => self.node(word.name.clone(), |p| p.exprs(&**parts)),
            ExprKind::Unary(op, x) => self.node(format!("unary {op}"), |p| p.expr(x)),
            ExprKind::Binary(op, x, y) => self.node(format!("binary {op}"), |p| {
                p.expr(x);
                p.expr(y);
            }),
            ExprKind::Pipe(x, f) => self.node("pipe", |p| {
                p.expr(x);
                p.expr(f);
            }),
            ExprKind::Match(word, arms) => self.node("match", |p| {
                p.expr(word);
                arms.iter().for_each(|(name, value)| p.node(format!("arm {}", name.name), |p| p.expr(value)));
            }),
            ExprKind::Groups(groups) => self.node("groups", |p| {
                groups.iter().for_each(|(pattern, value)| p.group(pattern, value));
            }),
            ExprKind::Block(lets, value) => self.node("block", |p| {
                lets.iter().for_each(|binding| p.binding("let", binding));
                p.expr(value);
            }),
            ExprKind::Train(run) => self.run("train", run),
            ExprKind::Eval(run) => self.run("eval", run),
            ExprKind::Rest => self.line(".."),
        }
    }

    fn slice(&mut self, parts: &[Option<Expr>]) {
        for part in parts {
            match part {
                Some(part) => self.expr(part),
                None => self.line("missing"),
            }
        }
    }

    fn group(&mut self, pattern: &Expr, value: &Expr) {
        self.node("group", |p| {
            p.expr(pattern);
            p.expr(value);
        });
    }

    fn repeat(&mut self, word: &str, parts: &Loop) {
        self.node(word, |p| {
            parts.axis.iter().for_each(|axis| p.node("axis", |p| p.expr(axis)));
            for (name, Range { low, high }) in &parts.ranges {
                p.node(format!("in {}", name.name), |p| {
                    p.expr(low);
                    high.iter().for_each(|high| p.expr(high));
                });
            }
            for (name, over) in &parts.sequences {
                p.node(format!("in {}", name.name), |p| p.expr(over));
            }
            parts.carried.iter().for_each(|line| p.binding("carried", line));
            p.expr(&parts.body);
        });
    }

    fn argument(&mut self, argument: &Argument) {
        match &argument.name {
            None => self.expr(&argument.value),
            Some(name) => self.node(format!("argument {}", name.name), |p| p.expr(&argument.value)),
        }
    }

    fn part(&mut self, part: &StrPart) {
        match part {
            StrPart::Text(text) => self.line(format!("text {text:?}")),
            StrPart::Expr { expr, format: None } => self.node("hole", |p| p.expr(expr)),
            StrPart::Expr { expr, format: Some(format) } => {
                self.node(format!("hole {format}"), |p| p.expr(expr));
            }
        }
    }

    fn run(&mut self, word: &str, run: &Run) {
        self.node(word, |p| {
            p.expr(&run.subject);
            p.node("on", |p| p.expr(&run.data));
            run.lets.iter().for_each(|line| p.binding("let", line));
            run.settings.iter().for_each(|set| p.binding("set", set));
            run.metrics.iter().for_each(|metric| p.binding("metric", metric));
        });
    }
}

fn joined(words: &[Ident]) -> String {
    words.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(" | ")
}

fn plain_size(size: &Expr) -> Option<String> {
    match &size.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Number { value, integer: true } => Some(value.to_string()),
        ExprKind::Rest => Some("..".to_string()),
        _ => None,
    }
}
