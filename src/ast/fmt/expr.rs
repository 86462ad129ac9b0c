//! Expressions over several lines.

use super::flat::{ANY, OPERAND, POSTFIX, PRODUCT, operand, operands, spaced, tightness};
use super::items::names;
use super::{Printer, WIDTH};
use crate::ast::{Argument, BinaryOp, Expr, ExprKind, Let, Run, UnaryOp};

impl Printer<'_> {
    /// Prints an expression: on this line if it fits, else broken where its kind can be.
    pub(super) fn expr(&mut self, expr: &Expr, least: u8) {
        if let Some(flat) = self.flat(expr, least).filter(|flat| self.fits(flat)) {
            return self.push(&flat);
        }
        let bare = tightness(expr) >= least;
        if !bare {
            self.push("(");
        }
        self.broken(expr);
        if !bare {
            self.push(")");
        }
    }

    fn broken(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Pipe(..) => self.pipe(expr),
            ExprKind::Call(f, arguments) => {
                self.expr(f, POSTFIX);
                self.items("(", arguments, ")", |p, argument| p.argument_line(argument));
            }
            ExprKind::Bracket(f, items) => {
                self.expr(f, POSTFIX);
                self.items("[", items, "]", |p, item| p.expr(item, ANY));
            }
            ExprKind::Tuple(items) => self.items("(", items, ")", |p, item| p.expr(item, ANY)),
            ExprKind::Loop(parts) | ExprKind::Sweep(parts) => {
                let head = self.loop_head(super::flat::loop_word(expr), parts).unwrap_or_default();
                self.push(&format!("{head} "));
                let (lets, value) = super::flat::block(&parts.body);
                self.braces(expr.span.end, |p| {
                    lets.iter().for_each(|binding| p.binding("let ", binding));
                    p.value(value);
                });
            }
            ExprKind::List(items) => self.items("[", items, "]", |p, item| p.expr(item, ANY)),
            ExprKind::Named(name, value) => {
                self.push(&format!("{} = ", name.name));
                self.expr(value, ANY);
            }
            ExprKind::Field(of, name) => {
                self.expr(of, POSTFIX);
                self.push(&format!(".{}", name.name));
            }
            ExprKind::Unary(op, x) => {
                self.push(if *op == UnaryOp::Not { "not " } else { "-" });
                self.expr(x, operand(*op));
            }
            ExprKind::Binary(op, x, y) => self.binary(*op, x, y),
            ExprKind::Match(word, arms) => {
                self.push("match ");
                self.expr(word, POSTFIX);
                self.push(" ");
                self.braces(expr.span.end, |p| {
                    for (name, value) in arms {
                        p.begin(name.span.start, false);
                        p.push(&format!("{} => ", name.name));
                        p.expr(value, ANY);
                        p.end(value.span.end);
                    }
                });
            }
            ExprKind::Groups(arms) => self.braces(expr.span.end, |p| {
                for (pattern, value) in arms {
                    p.begin(pattern.span.start, false);
                    p.expr(pattern, ANY);
                    p.push(": ");
                    p.expr(value, ANY);
                    p.end(value.span.end);
                }
            }),
            ExprKind::Block(lets, value) => self.braces(expr.span.end, |p| {
                lets.iter().for_each(|binding| p.binding("let ", binding));
                p.value(value);
            }),
            ExprKind::Train(run) => self.run("train", run, expr.span.end),
            ExprKind::Eval(run) => self.run("eval", run, expr.span.end),
            _ => {
                let flat = self.flat(expr, ANY).unwrap_or_default();
                self.push(&flat);
            }
        }
    }

    /// The last line of a block.
    pub(super) fn value(&mut self, value: &Expr) {
        self.begin(value.span.start, false);
        self.expr(value, ANY);
        self.end(value.span.end);
    }

    /// `let x: type = value` as a line.
    pub(super) fn binding(&mut self, word: &str, binding: &Let) {
        self.begin(binding.name.span.start, false);
        let ty = binding.ty.as_ref().map_or(String::new(), |ty| format!(": {}", self.ty(ty)));
        self.push(&format!("{word}{}{ty} = ", names(binding)));
        self.expr(&binding.value, ANY);
        self.end(binding.value.span.end);
    }

    /// One `|>` a line.
    fn pipe(&mut self, expr: &Expr) {
        let (mut steps, mut first) = (Vec::new(), expr);
        while let ExprKind::Pipe(x, f) = &first.kind {
            steps.push(f);
            first = x;
        }
        self.expr(first, PRODUCT);
        self.indent += 1;
        for step in steps.into_iter().rev() {
            self.newline();
            self.push("|> ");
            self.expr(step, OPERAND);
        }
        self.indent -= 1;
    }

    /// Breaks after the operator. `//` cannot be broken: it would begin a comment.
    fn binary(&mut self, op: BinaryOp, x: &Expr, y: &Expr) {
        let (left, right) = operands(op);
        if op == BinaryOp::FloorDiv {
            self.inside_parentheses(x);
            self.push("//");
            return self.inside_parentheses(y);
        }
        self.expr(x, left);
        self.push(spaced(op).trim_end());
        self.indent += 1;
        let fits = self.flat(y, right).is_some_and(|y| self.fits(&y)) || self.column() < WIDTH / 2;
        match (fits, op) {
            (_, BinaryOp::Pow) => {}
            (true, _) => self.push(" "),
            (false, _) => self.newline(),
        }
        self.expr(y, right);
        self.indent -= 1;
    }

    fn inside_parentheses(&mut self, expr: &Expr) {
        self.push("(");
        self.expr(expr, ANY);
        self.push(")");
    }

    fn items<T>(&mut self, open: &str, items: &[T], close: &str, print: impl Fn(&mut Self, &T)) {
        self.push(open);
        self.indent += 1;
        for item in items {
            self.newline();
            print(self, item);
            self.push(",");
        }
        self.indent -= 1;
        self.newline();
        self.push(close);
    }

    fn argument_line(&mut self, argument: &Argument) {
        if let Some(name) = &argument.name {
            self.push(&format!("{} = ", name.name));
        }
        self.expr(&argument.value, ANY);
    }

    /// `train` and `eval`, with their lines in the order written.
    fn run(&mut self, word: &str, run: &Run, end: u32) {
        self.push(&format!("{word} "));
        self.expr(&run.subject, POSTFIX);
        self.push(" on ");
        self.expr(&run.data, POSTFIX);
        self.push(" ");
        let settings = run.settings.iter().map(|set| ("", set));
        let mut lines: Vec<_> =
            settings.chain(run.metrics.iter().map(|metric| ("metric ", metric))).collect();
        lines.sort_by_key(|(_, line)| line.name.span.start);
        self.braces(end, |p| lines.iter().for_each(|(word, line)| p.binding(word, line)));
    }
}
