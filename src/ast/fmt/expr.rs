//! The layout of expressions.

use super::SourceText;
use super::doc::{Doc, DocLine};
use crate::ast::{
    Argument, BinaryOp, Expr, ExprKind, Ident, Let, Level, Loop, Range, Run, StrPart, TypeExpr, UnaryOp,
};
use crate::print::{NumberFormat, number};
use crate::source::Span;

impl SourceText<'_> {
    /// An expression where any may stand.
    pub(super) fn expr(&self, expr: &Expr) -> Doc {
        Doc::group(self.form(expr))
    }

    /// An expression where it needs parentheses if it binds more loosely than `least`.
    pub(super) fn operand(&self, expr: &Expr, least: Level) -> Doc {
        if expr.level() >= least {
            return self.expr(expr);
        }
        Doc::group(Doc::concat([Doc::text("("), self.form(expr), Doc::text(")")]))
    }

    fn form(&self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Error => Doc::text(self.slice(expr.span)),
            ExprKind::Number { value, integer } => Doc::text(self.spelled(expr, *value, *integer)),
            ExprKind::Bool(value) => Doc::text(value.to_string()),
            ExprKind::Str(parts) => Doc::text(self.string(parts)),
            ExprKind::Name(name) => Doc::text(name),
            ExprKind::Rest => Doc::text(".."),
            ExprKind::Field(of, name) => {
                Doc::concat([self.operand(of, Level::Postfix), Doc::text(format!(".{}", name.name))])
            }
            ExprKind::By(of, by) => {
                Doc::concat([self.expr(of), Doc::text(format!(" by {}", by.name))]).unbroken()
            }
            ExprKind::Every(word, parts) => {
                let [count, path] = &**parts;
                let start = Doc::text(format!("{} ", word.name));
                Doc::concat([start, self.expr(count), Doc::text(" to "), self.expr(path)]).unbroken()
            }
            ExprKind::Call(f, arguments) => {
                let arguments = arguments.iter().map(|argument| self.argument(argument));
                Doc::concat([self.operand(f, Level::Postfix), Doc::list("(", arguments, ")")])
            }
            ExprKind::Bracket(f, items) => {
                Doc::concat([self.operand(f, Level::Postfix), self.exprs("[", items, "]")])
            }
            ExprKind::Named(name, value) => self.assigned(name, value),
            ExprKind::Slice(parts) => self.positions(parts),
            ExprKind::List(items) => self.exprs("[", items, "]"),
            ExprKind::Tuple(items) => self.exprs("(", items, ")"),
            ExprKind::Unary(op, x) => {
                let op_text = if *op == UnaryOp::Not { "not " } else { "-" };
                Doc::concat([Doc::text(op_text), self.operand(x, op.operand())])
            }
            ExprKind::Binary(op, x, y) => self.binary(*op, x, y),
            ExprKind::Pipe(..) => self.pipe(expr),
            ExprKind::Match(word, arms) => self.choices(expr.span, word, arms),
            ExprKind::Groups(arms) => self.groups(expr.span, arms),
            ExprKind::Block(lets, value) => self.block(expr.span, lets, value),
            ExprKind::Loop(parts) => self.repeat(if parts.scan { "scan" } else { "for" }, expr.span, parts),
            ExprKind::Sweep(parts) => self.repeat("sweep", expr.span, parts),
            ExprKind::Train(run) => self.run("train", expr.span, run),
            ExprKind::Eval(run) => self.run("eval", expr.span, run),
        }
    }

    fn exprs(&self, open: &str, items: &[Expr], close: &str) -> Doc {
        Doc::list(open, items.iter().map(|item| self.expr(item)), close)
    }

    /// `a = x`
    fn assigned(&self, name: &Ident, value: &Expr) -> Doc {
        Doc::concat([Doc::text(format!("{} = ", name.name)), self.expr(value)])
    }

    fn argument(&self, argument: &Argument) -> Doc {
        match &argument.name {
            Some(name) => self.assigned(name, &argument.value),
            None => self.expr(&argument.value),
        }
    }

    /// `1:5:2`, each part of which may be missing.
    fn positions(&self, [first, last, step]: &[Option<Expr>; 3]) -> Doc {
        let part = |part: &Option<Expr>| part.iter().map(|part| self.expr(part)).collect::<Vec<_>>();
        let colon = || vec![Doc::text(":")];
        let before_step = if step.is_some() { colon() } else { Vec::new() };
        Doc::concat([part(first), colon(), part(last), before_step, part(step)].concat()).unbroken()
    }

    /// Breaks after the operator.
    fn binary(&self, op: BinaryOp, x: &Expr, y: &Expr) -> Doc {
        let [left, right] = op.operands();
        let (x, y) = (self.operand(x, left), self.operand(y, right));
        match op {
            BinaryOp::Pow => Doc::concat([x, Doc::text("^"), Doc::nest(y)]),
            _ => Doc::concat([x, Doc::text(format!(" {op}")), Doc::nest(Doc::fill(y))]),
        }
    }

    /// One `|>` a line.
    fn pipe(&self, expr: &Expr) -> Doc {
        let (mut steps, mut first) = (Vec::new(), expr);
        while let ExprKind::Pipe(x, f) = &first.kind {
            steps.push(Doc::concat([Doc::line(), Doc::text("|> "), self.operand(f, Level::Operand)]));
            first = x;
        }
        steps.reverse();
        Doc::concat([self.operand(first, Level::Product), Doc::nest(Doc::concat(steps))])
    }

    /// `match word { a => x }`
    fn choices(&self, span: Span, word: &Expr, arms: &[(Ident, Expr)]) -> Doc {
        let row = |(name, value): &(Ident, Expr)| {
            let doc = Doc::concat([Doc::text(format!("{} => ", name.name)), self.expr(value)]);
            DocLine { start: name.span.start, end: value.span.end, doc, apart: false }
        };
        let arms = self.braces(span, arms.iter().map(row).collect());
        Doc::concat([Doc::text("match "), self.operand(word, Level::Postfix), Doc::text(" "), arms])
    }

    /// `{ "**.b": sgd(lr = 0.1), else: adam }`
    fn groups(&self, span: Span, arms: &[(Expr, Expr)]) -> Doc {
        let row = |(pattern, value): &(Expr, Expr)| {
            let doc = Doc::concat([self.expr(pattern), Doc::text(": "), self.expr(value)]);
            DocLine { start: pattern.span.start, end: value.span.end, doc, apart: false }
        };
        self.braces(span, arms.iter().map(row).collect())
    }

    fn braces(&self, span: Span, rows: Vec<DocLine>) -> Doc {
        if self.has_comment(span) { Doc::block(rows, span.end) } else { Doc::braces(rows, span.end) }
    }

    fn block(&self, span: Span, lets: &[Let], value: &Expr) -> Doc {
        if lets.is_empty() {
            return self.braces(span, vec![self.value(value)]);
        }
        let lets = lets.iter().map(|binding| self.binding("let ", binding));
        Doc::block(lets.chain([self.value(value)]).collect(), span.end)
    }

    /// The last line of a block.
    pub(super) fn value(&self, value: &Expr) -> DocLine {
        DocLine { start: value.span.start, end: value.span.end, doc: self.expr(value), apart: false }
    }

    /// `let x: type = value` as a line.
    pub(super) fn binding(&self, word: &str, binding: &Let) -> DocLine {
        let doc = Doc::concat([Doc::text(word), self.bound(binding)]);
        DocLine { start: binding.name().span.start, end: binding.value.span.end, doc, apart: false }
    }

    /// `x: type = value`, `(x, y) = value`
    pub(super) fn bound(&self, binding: &Let) -> Doc {
        let names = super::items::names(binding);
        let ty = binding.ty.iter().flat_map(|ty| [Doc::text(": "), self.ty(ty)]);
        let value = [Doc::text(" = "), self.expr(&binding.value)];
        Doc::concat([Doc::text(names)].into_iter().chain(ty).chain(value))
    }

    /// `for`, `scan` and `sweep`
    fn repeat(&self, word: &str, span: Span, parts: &Loop) -> Doc {
        let axis =
            parts.axis.iter().flat_map(|axis| [Doc::text("[axis = "), self.expr(axis), Doc::text("]")]);
        let clauses = Doc::joined(self.clauses(parts), ", ");
        let head = [Doc::text(word)].into_iter().chain(axis).chain([Doc::text(" "), clauses]);
        let (lets, value) = match &parts.body.kind {
            ExprKind::Block(lets, value) => (&lets[..], &**value),
            _ => (&[][..], &parts.body),
        };
        Doc::concat([Doc::concat(head).unbroken(), Doc::text(" "), self.block(span, lets, value)])
    }

    /// What stands before the block, in the order written: in a sweep it is that of the runs.
    fn clauses(&self, parts: &Loop) -> Vec<Doc> {
        let head = |name: &Ident| Doc::text(format!("{} in ", name.name));
        let range =
            |(name, range): &(Ident, Range)| (name.span.start, Doc::concat([head(name), self.range(range)]));
        let sequence =
            |(name, over): &(Ident, Expr)| (name.span.start, Doc::concat([head(name), self.expr(over)]));
        let mut clauses: Vec<(u32, Doc)> =
            parts.ranges.iter().map(range).chain(parts.sequences.iter().map(sequence)).collect();
        clauses.sort_by_key(|(start, _)| *start);
        let carried = parts.carried.iter().map(|line| self.bound(line));
        clauses.into_iter().map(|(_, clause)| clause).chain(carried).collect()
    }

    /// `0..1`
    pub(super) fn range(&self, Range { low, high }: &Range) -> Doc {
        let high = high.iter().map(|high| self.operand(high, Level::Sum));
        Doc::concat([self.operand(low, Level::Sum), Doc::text("..")].into_iter().chain(high))
    }

    /// `train` and `eval`, with their lines in the order written.
    fn run(&self, word: &str, span: Span, run: &Run) -> Doc {
        let settings = run.settings.iter().map(|set| self.binding("", set));
        let metrics = run.metrics.iter().map(|metric| self.binding("metric ", metric));
        let lets = run.lets.iter().map(|line| self.binding("let ", line));
        let mut rows: Vec<DocLine> = settings.chain(metrics).chain(lets).collect();
        rows.sort_by_key(|row| row.start);
        let (subject, data) = (&run.subject, &run.data);
        let [subject, data] = [subject, data].map(|expr| self.operand(expr, Level::Postfix));
        let word = Doc::text(format!("{word} "));
        Doc::concat([word, subject, Doc::text(" on "), data, Doc::text(" "), Doc::block(rows, span.end)])
    }

    /// `real[B, 64]`
    pub(super) fn ty(&self, ty: &TypeExpr) -> Doc {
        let name = Doc::text(&ty.dtype.name);
        if ty.shape.is_empty() {
            return name;
        }
        Doc::concat([name, self.exprs("[", &ty.shape, "]")]).unbroken()
    }

    /// A number as it was written, so that `1_000` stays.
    fn spelled(&self, expr: &Expr, value: f64, integer: bool) -> String {
        let source = self.text.get(expr.span.start as usize..expr.span.end as usize).unwrap_or("");
        let source = source.trim_matches(|c: char| matches!(c, '(' | ')') || c.is_whitespace());
        let number_like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
        if source.starts_with(|c: char| c.is_ascii_digit()) && source.chars().all(number_like) {
            return source.to_string();
        }
        let text = number(value);
        match (integer, text.contains(['.', 'e'])) {
            (true, _) => format!("{value:.0}"),
            (false, true) => text,
            (false, false) => text + ".0",
        }
    }

    fn string(&self, parts: &[StrPart]) -> String {
        let mut out = "\"".to_string();
        for part in parts {
            match part {
                StrPart::Text(text) => text.chars().for_each(|c| escape(&mut out, c)),
                StrPart::Expr { expr, format } => self.hole(&mut out, expr, *format),
            }
        }
        out + "\""
    }

    /// What stands in braces in a string: strings have no line breaks.
    fn hole(&self, out: &mut String, expr: &Expr, format: Option<NumberFormat>) {
        let text = self.expr(expr).one_line().unwrap_or_else(|| self.slice(expr.span).to_string());
        let text = if text.starts_with('{') { format!("({text})") } else { text };
        let format = format.map_or(String::new(), |format| format!(":{format}"));
        out.push_str(&format!("{{{text}{format}}}"));
    }
}

fn escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '"' | '\\' => out.extend(['\\', c]),
        '{' | '}' => out.extend([c, c]),
        _ => out.push(c),
    }
}
