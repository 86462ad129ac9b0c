//! Expressions on one line, with the parentheses they need.

use super::Printer;
use crate::ast::build::precedence;
use crate::ast::{Argument, BinaryOp, Expr, ExprKind, Let, Loop, StrPart, TypeExpr, UnaryOp};
use crate::print::number;

/// An expression with any operator.
pub(super) const ANY: u8 = 0;
/// What may bound a range.
pub(super) const SUM: u8 = 5;
/// What may stand bare on the left of `|>`.
pub(super) const PRODUCT: u8 = 6;
/// What may stand bare on the right of `|>`.
pub(super) const OPERAND: u8 = 9;
/// What may be called.
pub(super) const POSTFIX: u8 = 10;

/// How tightly an expression holds together.
pub(super) fn tightness(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Pipe(..) => ANY,
        ExprKind::Binary(op, ..) => precedence(*op),
        ExprKind::Unary(UnaryOp::Not, _) => 3,
        ExprKind::Unary(UnaryOp::Neg, _) => 7,
        ExprKind::Match(..)
        | ExprKind::Groups(_)
        | ExprKind::Block(..)
        | ExprKind::Loop(_)
        | ExprKind::Sweep(_)
        | ExprKind::By(..)
        | ExprKind::Train(_)
        | ExprKind::Eval(_) => OPERAND,
        _ => POSTFIX,
    }
}

/// The word that a repetition begins with.
pub(super) fn loop_word(expr: &Expr) -> &'static str {
    match &expr.kind {
        ExprKind::Sweep(_) => "sweep",
        ExprKind::Loop(parts) if parts.scan => "scan",
        _ => "for",
    }
}

/// How tight the operands of an operator must be.
pub(super) fn operands(op: BinaryOp) -> (u8, u8) {
    let own = precedence(op);
    match op {
        BinaryOp::Pow => (POSTFIX, 7),
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
            (own + 1, own + 1)
        }
        _ => (own, own + 1),
    }
}

/// How tight the operand of a prefix operator must be: `-(-x)` keeps its parentheses.
pub(super) fn operand(op: UnaryOp) -> u8 {
    match op {
        UnaryOp::Not => 3,
        UnaryOp::Neg => 8,
    }
}

impl Printer<'_> {
    /// An expression on one line; `None` if it takes several.
    pub(super) fn flat(&self, expr: &Expr, least: u8) -> Option<String> {
        let mut out = String::new();
        self.flat_into(&mut out, expr, least).then_some(out)
    }

    fn flat_into(&self, out: &mut String, expr: &Expr, least: u8) -> bool {
        let bare = tightness(expr) >= least;
        if !bare {
            out.push('(');
        }
        let whole = self.flat_bare(out, expr);
        if !bare {
            out.push(')');
        }
        whole
    }

    fn flat_bare(&self, out: &mut String, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Error => false,
            ExprKind::Number { value, integer } => {
                out.push_str(&self.spelled(expr, *value, *integer));
                true
            }
            ExprKind::Bool(value) => {
                out.push_str(&value.to_string());
                true
            }
            ExprKind::Str(parts) => self.string(out, parts),
            ExprKind::Name(name) => {
                out.push_str(name);
                true
            }
            ExprKind::Rest => {
                out.push_str("..");
                true
            }
            ExprKind::Field(of, name) => {
                let whole = self.flat_into(out, of, POSTFIX);
                out.push('.');
                out.push_str(&name.name);
                whole
            }
            ExprKind::Call(f, arguments) => {
                self.flat_into(out, f, POSTFIX)
                    && self.list(out, "(", arguments, ")", |out, argument| self.argument(out, argument))
            }
            ExprKind::Bracket(f, items) => self.flat_into(out, f, POSTFIX) && self.exprs(out, items),
            ExprKind::Slice(parts) => self.slice(out, parts),
            ExprKind::Named(name, value) => {
                out.push_str(&format!("{} = ", name.name));
                self.flat_into(out, value, ANY)
            }
            ExprKind::List(items) => self.exprs(out, items),
            ExprKind::Tuple(items) => {
                self.list(out, "(", items, ")", |out, item| self.flat_into(out, item, ANY))
            }
            ExprKind::Loop(parts) | ExprKind::Sweep(parts) => {
                let (lets, value) = block(&parts.body);
                let Some(head) = self.loop_head(loop_word(expr), parts) else { return false };
                out.push_str(&format!("{head} {{ "));
                let whole =
                    lets.is_empty() && !self.has_comment(expr.span) && self.flat_into(out, value, ANY);
                out.push_str(" }");
                whole
            }
            ExprKind::Unary(op, x) => {
                out.push_str(&op.to_string());
                if *op == UnaryOp::Not {
                    out.push(' ');
                }
                self.flat_into(out, x, operand(*op))
            }
            ExprKind::Binary(BinaryOp::FloorDiv, x, y) => self.floor_div(out, x, y),
            ExprKind::Binary(op, x, y) => {
                let (left, right) = operands(*op);
                self.flat_into(out, x, left) && {
                    out.push_str(&spaced(*op));
                    self.flat_into(out, y, right)
                }
            }
            ExprKind::Pipe(x, f) => {
                let left = if matches!(x.kind, ExprKind::Pipe(..)) { ANY } else { PRODUCT };
                self.flat_into(out, x, left) && {
                    out.push_str(" |> ");
                    self.flat_into(out, f, OPERAND)
                }
            }
            ExprKind::Match(word, arms) => {
                out.push_str("match ");
                !self.has_comment(expr.span) && self.flat_into(out, word, POSTFIX) && {
                    self.list(out, " { ", arms, " }", |out, (name, value)| {
                        out.push_str(&format!("{} => ", name.name));
                        self.flat_into(out, value, ANY)
                    })
                }
            }
            ExprKind::Groups(arms) => {
                !self.has_comment(expr.span)
                    && self.list(out, "{ ", arms, " }", |out, (pattern, value)| {
                        let whole = self.flat_into(out, pattern, ANY);
                        out.push_str(": ");
                        whole && self.flat_into(out, value, ANY)
                    })
            }
            ExprKind::Block(lets, value) => {
                out.push_str("{ ");
                let whole =
                    lets.is_empty() && !self.has_comment(expr.span) && self.flat_into(out, value, ANY);
                out.push_str(" }");
                whole
            }
            ExprKind::By(of, by) => {
                let whole = self.flat_into(out, of, ANY);
                out.push_str(&format!(" by {}", by.name));
                whole
            }
            ExprKind::Train(_) | ExprKind::Eval(_) => false,
        }
    }

    /// What stands before the block of a `for`, `scan` or `sweep`.
    pub(super) fn loop_head(&self, word: &str, parts: &Loop) -> Option<String> {
        let mut out = word.to_string();
        if let Some(axis) = &parts.axis {
            out.push_str(&format!("[axis = {}]", self.flat(axis, ANY)?));
        }
        let mut clauses = Vec::new();
        for (name, range) in &parts.ranges {
            let high = range.high.as_ref().map_or(Some(String::new()), |high| self.flat(high, SUM))?;
            let text = format!("{} in {}..{high}", name.name, self.flat(&range.low, SUM)?);
            clauses.push((name.span.start, text));
        }
        for (name, over) in &parts.sequences {
            clauses.push((name.span.start, format!("{} in {}", name.name, self.flat(over, ANY)?)));
        }
        // In a sweep their order is that of the runs.
        clauses.sort_by_key(|(start, _)| *start);
        let mut clauses: Vec<String> = clauses.into_iter().map(|(_, text)| text).collect();
        for line in &parts.carried {
            let ty = line.ty.as_ref().map_or(String::new(), |ty| format!(": {}", self.ty(ty)));
            clauses.push(format!("{}{ty} = {}", line.name.name, self.flat(&line.value, ANY)?));
        }
        Some(format!("{out} {}", clauses.join(", ")))
    }

    /// `a//b`: both operands must touch the operator with a letter, a digit or a parenthesis.
    fn floor_div(&self, out: &mut String, x: &Expr, y: &Expr) -> bool {
        let (left, right) = operands(BinaryOp::FloorDiv);
        let (Some(x), Some(y)) = (self.flat(x, left), self.flat(y, right)) else { return false };
        let touches = x.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'));
        out.push_str(&if touches { x } else { format!("({x})") });
        out.push_str("//");
        let touches = y.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '(' | '-'));
        out.push_str(&if touches { y } else { format!("({y})") });
        true
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

    /// `1:5:2`, each part of which may be missing.
    fn slice(&self, out: &mut String, parts: &[Option<Expr>; 3]) -> bool {
        let [first, last, step] = parts;
        let part = |out: &mut String, part: &Option<Expr>| match part {
            Some(part) => self.flat_into(out, part, ANY),
            None => true,
        };
        part(out, first) && {
            out.push(':');
            part(out, last) && {
                if step.is_some() {
                    out.push(':');
                }
                part(out, step)
            }
        }
    }

    fn exprs(&self, out: &mut String, items: &[Expr]) -> bool {
        self.list(out, "[", items, "]", |out, item| self.flat_into(out, item, ANY))
    }

    fn list<T>(
        &self,
        out: &mut String,
        open: &str,
        items: &[T],
        close: &str,
        mut print: impl FnMut(&mut String, &T) -> bool,
    ) -> bool {
        out.push_str(open);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            if !print(out, item) {
                return false;
            }
        }
        out.push_str(close);
        true
    }

    pub(super) fn argument(&self, out: &mut String, argument: &Argument) -> bool {
        if let Some(name) = &argument.name {
            out.push_str(&format!("{} = ", name.name));
        }
        self.flat_into(out, &argument.value, ANY)
    }

    fn string(&self, out: &mut String, parts: &[StrPart]) -> bool {
        out.push('"');
        for part in parts {
            match part {
                StrPart::Text(text) => text.chars().for_each(|c| escape(out, c)),
                StrPart::Expr { expr, digits } => self.hole(out, expr, *digits),
            }
        }
        out.push('"');
        true
    }

    fn hole(&self, out: &mut String, expr: &Expr, digits: Option<u32>) {
        let source = || self.text[expr.span.start as usize..expr.span.end as usize].to_string();
        let text = self.flat(expr, ANY).unwrap_or_else(source);
        let text = if text.starts_with('{') { format!("({text})") } else { text };
        let digits = digits.map_or(String::new(), |digits| format!(":.{digits}"));
        out.push_str(&format!("{{{text}{digits}}}"));
    }

    pub(super) fn ty(&self, ty: &TypeExpr) -> String {
        let mut out = ty.dtype.name.clone();
        if !ty.shape.is_empty() {
            self.exprs(&mut out, &ty.shape);
        }
        out
    }
}

/// The lines of a block and its value.
pub(super) fn block(expr: &Expr) -> (&[Let], &Expr) {
    match &expr.kind {
        ExprKind::Block(lets, value) => (lets, value),
        _ => (&[], expr),
    }
}

/// A binary operator with the spaces around it.
pub(super) fn spaced(op: BinaryOp) -> String {
    match op {
        BinaryOp::Pow => "^".to_string(),
        _ => format!(" {op} "),
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
