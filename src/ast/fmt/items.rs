//! The layout of items and of the lines of their blocks.

use super::SourceText;
use super::doc::{Doc, DocLine};
use crate::ast::{
    Act, Arg, Data, Expr, Function, Hyper, HyperKind, Ident, Item, ItemKind, Let, Member, Pipeline, Rule,
    Script, Stage, StageLine, Static,
};
use crate::source::Span;

impl SourceText<'_> {
    /// The whole file. Items with blocks stand apart from what is around them.
    pub(super) fn script(&self, script: &Script) -> Vec<DocLine> {
        let has_block = |item: &Item| {
            matches!(
                item.kind,
                ItemKind::Fn(_) | ItemKind::Model(_) | ItemKind::Stage(_) | ItemKind::Pipeline(_)
            )
        };
        let row = |(k, item): (usize, &Item)| {
            let apart = has_block(item) || k > 0 && has_block(&script.items[k - 1]);
            let doc = Doc::concat([docs(&item.doc), self.item(item)]);
            DocLine { start: item.span.start, end: item.span.end, doc, apart }
        };
        script.items.iter().enumerate().map(row).collect()
    }

    fn item(&self, item: &Item) -> Doc {
        match &item.kind {
            ItemKind::Real(name) => Doc::text(format!("real {}", name.name)),
            ItemKind::Use(path) => self.words("use ", path),
            ItemKind::Data(data) => self.data(data, item.span),
            ItemKind::Fn(function) => self.function("fn", function, item.span),
            ItemKind::Model(function) => self.function("model", function, item.span),
            ItemKind::Stage(stage) => self.stage(stage, item.span),
            ItemKind::Pipeline(pipeline) => self.pipeline(pipeline),
            ItemKind::Let(binding) => Doc::concat([Doc::text("let "), self.bound(binding)]),
            ItemKind::Act(act) => self.act(act),
            ItemKind::Expr(expr) => self.expr(expr),
            ItemKind::Broken(_) => Doc::text(""),
        }
    }

    fn act(&self, act: &Act) -> Doc {
        let path = act.to.iter().map(|path| self.words(" to ", path));
        let head = [Doc::text(format!("{} ", act.word.name)), self.commas(&act.on)];
        Doc::concat(head.into_iter().chain(path))
    }

    fn words(&self, head: &str, expr: &Expr) -> Doc {
        Doc::concat([Doc::text(head), self.expr(expr)])
    }

    fn commas(&self, exprs: &[Expr]) -> Doc {
        Doc::joined(exprs.iter().map(|expr| self.expr(expr)), ", ")
    }

    fn data(&self, data: &Data, span: Span) -> Doc {
        let head = self.words(&format!("data {} = ", data.name.name), &data.source);
        if data.transforms.is_empty() {
            return head;
        }
        let transforms = data.transforms.iter().map(|set| self.binding("", set)).collect();
        Doc::concat([head, Doc::text(" "), Doc::block(transforms, span.end)])
    }

    /// A `fn` without lines of its own is written with `=` where that fits.
    fn function(&self, word: &str, function: &Function, span: Span) -> Doc {
        let end = function.rule.as_ref().map_or(span.end, |rule| rule.seed.span.start);
        let members = function.members.iter().map(|member| self.member(member));
        let block = Doc::block(members.chain([self.value(&function.body)]).collect(), end);
        let short = word == "fn" && function.members.is_empty() && !self.has_comment(span);
        let body = match short {
            true => Doc::group(Doc::choice(self.words("= ", &function.body), block)),
            false => block,
        };
        let rule = function.rule.iter().map(|rule| self.rule(rule));
        Doc::concat([self.head(word, function), body].into_iter().chain(rule))
    }

    /// `fn f[n](x: real[n]) -> real `
    fn head(&self, word: &str, function: &Function) -> Doc {
        let mut head = vec![Doc::text(format!("{word} {}", function.name.name))];
        if !function.statics.is_empty() {
            head.push(Doc::list("[", function.statics.iter().map(|of| self.of_brackets(of)), "]"));
        }
        head.push(Doc::list("(", function.args.iter().map(|arg| self.arg(arg)), ")"));
        head.push(Doc::text(" -> "));
        let results = function.results.iter().map(|ty| self.ty(ty));
        match function.results.as_slice() {
            [_] => head.extend(results),
            _ => head.push(Doc::list("(", results, ")")),
        }
        head.push(Doc::text(" "));
        Doc::concat(head).unbroken()
    }

    /// `vjp y, dy => dy * y` on a line of its own.
    fn rule(&self, rule: &Rule) -> Doc {
        let names: Vec<&str> =
            rule.result.iter().chain([&rule.seed]).map(|name| name.name.as_str()).collect();
        let head = Doc::text(format!("vjp {} => ", names.join(", ")));
        Doc::nest(Doc::concat([Doc::line(), head, self.commas(&rule.gradients)]))
    }

    /// ` = 1`, if there is a default.
    fn default(&self, default: Option<&Expr>) -> Doc {
        Doc::concat(default.map(|value| self.words(" = ", value)))
    }

    fn of_brackets(&self, given: &Static) -> Doc {
        Doc::concat([Doc::text(given.head()), self.default(given.default.as_ref())])
    }

    fn arg(&self, arg: &Arg) -> Doc {
        let name = Doc::text(format!("{}: ", arg.name.name));
        Doc::concat([name, self.ty(&arg.ty), self.default(arg.default.as_ref())])
    }

    fn member(&self, member: &Member) -> DocLine {
        match member {
            Member::Param(binding) => self.binding("param ", binding),
            Member::Layer(binding) => self.binding("layer ", binding),
            Member::Let(binding) => self.binding("let ", binding),
            Member::State(binding) => self.binding("state ", binding),
            Member::Assign { name, value } => self.set(name, &format!("{} <- ", name.name), value),
        }
    }

    fn pipeline(&self, pipeline: &Pipeline) -> Doc {
        let head = Doc::concat([
            Doc::text(format!("pipeline {}", pipeline.name.name)),
            self.hypers(&pipeline.hypers),
        ]);
        let body = Doc::nest(Doc::concat([Doc::line(), self.expr(&pipeline.body)]));
        Doc::concat([head.unbroken(), Doc::text(" ="), Doc::group(body)])
    }

    fn stage(&self, stage: &Stage, span: Span) -> Doc {
        let word = if stage.inner.is_some() { "wrap stage" } else { "stage" };
        let inner = stage.inner.iter().map(|inner| Doc::text(format!("({})", inner.name)));
        let head = [Doc::text(format!("{word} {}", stage.name.name)), self.hypers(&stage.hypers)];
        let head = Doc::concat(head.into_iter().chain(inner)).unbroken();
        let lines = stage.body.iter().map(|line| self.stage_line(line));
        let block = Doc::block(lines.chain([self.value(&stage.result)]).collect(), span.end);
        Doc::concat([head, Doc::text(" "), block])
    }

    fn hypers(&self, hypers: &[Hyper]) -> Doc {
        Doc::list("(", hypers.iter().map(|hyper| self.hyper(hyper)), ")")
    }

    fn hyper(&self, hyper: &Hyper) -> Doc {
        let value = match &hyper.kind {
            HyperKind::Number(default) => self.default(default.as_ref()),
            HyperKind::Words(words) => Doc::text(format!(" = {}", joined(words, " | "))),
        };
        let range = hyper.range.iter().flat_map(|range| [Doc::text(" in "), self.range(range)]);
        Doc::concat([Doc::text(&hyper.name.name), value].into_iter().chain(range))
    }

    fn stage_line(&self, line: &StageLine) -> DocLine {
        match line {
            StageLine::Let(binding) => self.binding("let ", binding),
            StageLine::State { name, extent, init } => {
                let extent = extent.as_ref().map_or(String::new(), |extent| format!(": {}", extent.text()));
                self.set(name, &format!("state {}{extent} = ", name.name), init)
            }
            StageLine::Assign { name, value } => self.set(name, &format!("{} <- ", name.name), value),
            StageLine::Eval { name, value } => self.set(name, &format!("eval {} = ", name.name), value),
        }
    }

    /// A line that begins with `head` and a value.
    fn set(&self, name: &Ident, head: &str, value: &Expr) -> DocLine {
        DocLine { start: name.span.start, end: value.span.end, doc: self.words(head, value), apart: false }
    }
}

fn docs(doc: &str) -> Doc {
    let lines = doc.split('\n').filter(|_| !doc.is_empty());
    Doc::concat(lines.flat_map(|line| [Doc::text(format!("/// {line}").trim_end()), Doc::line()]))
}

/// What a `let` binds: `a`, `(a, b)`.
pub(super) fn names(binding: &Let) -> String {
    let names = joined(&binding.names, ", ");
    if binding.names.len() == 1 { names } else { format!("({names})") }
}

fn joined(words: &[Ident], between: &str) -> String {
    words.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(between)
}
