//! What the grammar's rules make: tree nodes with their depth, and blocks checked for what may stand
//! in them.

use super::errors;
use super::{
    Argument, BinaryOp, Expr, ExprKind, Ident, ItemKind, Let, Level, MAX_DEPTH, Range, StaticKind, TypeExpr,
    UnaryOp,
};
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

/// A line as the grammar reads it, before it is known where it stands.
#[derive(Debug)]
pub(super) struct Line {
    /// What it is.
    pub(super) kind: LineKind,
    /// The whole line.
    pub(super) span: Span,
}

/// What a line is.
#[derive(Debug)]
pub(super) enum LineKind {
    /// An item other than `let` and expressions.
    Item(ItemKind),
    /// `let a = 1`
    Let(Let),
    /// `param w: real[I, O] = glorot_uniform()`
    Param(Let),
    /// `layer a = dense[3, 4]`
    Layer(Let),
    /// `metric accuracy = ...`
    Metric(Let),
    /// `state m = 0`
    State(Let),
    /// `eval w = ema`
    Eval(Let),
    /// `batch = 32`
    Set(Let),
    /// `m <- u`
    Assign(Ident, Expr),
    /// An expression by itself.
    Expr(Expr),
    /// A line that could not be read.
    Bad,
}

/// What stands between `for` or `scan` and its block.
#[derive(Debug)]
pub(super) enum Clause {
    /// `xt in x`
    Over(Ident, Expr),
    /// `i in 0..n`
    Range(Ident, Range),
    /// `h = start`
    Carried(Let),
}

/// Makes tree nodes of one file and collects what is wrong with them.
pub(super) struct TreeBuilder<'a> {
    /// The file.
    pub(super) file: FileId,
    /// Its text.
    pub(super) text: &'a str,
    /// What was found.
    pub(super) found: Vec<Diagnostic>,
    /// Whether an expression was cut because it nests too deeply.
    pub(super) too_deep: bool,
}

impl TreeBuilder<'_> {
    /// The span from `start` to `end`.
    pub(super) fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }

    /// Keeps a diagnostic unless there are enough already.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        errors::report(&mut self.found, || diagnostic);
    }

    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// A node; an error node if it would be too deep.
    pub(super) fn node(&mut self, kind: ExprKind, span: Span) -> Expr {
        let below = kind.children().iter().map(|child| child.depth).max().unwrap_or(0);
        if below < MAX_DEPTH {
            return Expr { kind, span, depth: below + 1 };
        }
        if !std::mem::replace(&mut self.too_deep, true) {
            self.report(errors::nesting_too_deep(span));
        }
        Expr { kind: ExprKind::Error, span, depth: 1 }
    }

    /// A node without children.
    pub(super) fn leaf(&mut self, kind: ExprKind, start: u32, end: u32) -> Expr {
        Expr { kind, span: self.span(start, end), depth: 1 }
    }

    /// A name with its place.
    pub(super) fn ident(&mut self, start: u32, end: u32) -> Ident {
        let span = self.span(start, end);
        Ident { name: self.slice(span).to_string(), span }
    }

    /// A name as an expression.
    pub(super) fn name(&mut self, name: Ident) -> Expr {
        Expr { kind: ExprKind::Name(name.name), span: name.span, depth: 1 }
    }

    /// A number.
    pub(super) fn number(&mut self, start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        let text = self.slice(span).replace('_', "");
        let integer = text.bytes().all(|c| c.is_ascii_digit());
        let value = text.parse().unwrap_or(f64::INFINITY);
        if !value.is_finite() || integer && text.parse::<u64>().map_or(true, |n| n > 1 << 53) {
            self.report(errors::number_too_large(span, integer));
        }
        self.leaf(ExprKind::Number { value, integer }, start, end)
    }

    /// An expression in parentheses, whose span includes them.
    pub(super) fn parens(&mut self, expr: Expr, start: u32, end: u32) -> Expr {
        Expr { span: self.span(start, end), ..expr }
    }

    /// `-x`, `not x`
    pub(super) fn unary(&mut self, op: UnaryOp, x: Expr, start: u32) -> Expr {
        let span = self.span(start, x.span.end);
        self.node(ExprKind::Unary(op, Box::new(x)), span)
    }

    /// `x + y`
    pub(super) fn binary(&mut self, op: BinaryOp, x: Expr, y: Expr) -> Expr {
        let span = x.span.to(y.span);
        self.node(ExprKind::Binary(op, Box::new(x), Box::new(y)), span)
    }

    /// `x < y`; `x < y < z` is an error.
    pub(super) fn compare(&mut self, op: BinaryOp, x: Expr, y: Expr) -> Expr {
        if let ExprKind::Binary(first, a, middle) = &x.kind
            && first.level() == Level::Comparison
            && is_bare(&x)
        {
            let short = y.span.end - x.span.start < 80;
            let [a, middle, last] = [a.span, middle.span, y.span].map(|span| self.slice(span));
            let mended = short.then(|| format!("{a} {first} {middle} and {middle} {op} {last}"));
            let span = x.span.to(y.span);
            self.report(errors::comparison_chain(span, mended));
            return Expr { kind: ExprKind::Error, span, depth: 1 };
        }
        self.binary(op, x, y)
    }

    /// `x |> f`
    pub(super) fn pipe(&mut self, x: Expr, f: Expr) -> Expr {
        let left = if is_bare(&x) { loose(&x) } else { None };
        let right = if is_bare(&f) { loose(&f).or_else(|| tight(&f)) } else { None };
        if let Some(op) = left {
            self.report(errors::pipe_needs_parentheses(x.span, op, self.slice(x.span), true));
        }
        if let Some(op) = right {
            self.report(errors::pipe_needs_parentheses(f.span, op, self.slice(f.span), false));
        }
        let span = x.span.to(f.span);
        self.node(ExprKind::Pipe(Box::new(x), Box::new(f)), span)
    }

    /// `f(x, axis = 1)`
    pub(super) fn call(&mut self, f: Expr, arguments: Vec<Argument>, end: u32) -> Expr {
        let span = self.span(f.span.start, end);
        self.node(ExprKind::Call(Box::new(f), arguments), span)
    }

    /// `f[64, 32]`
    pub(super) fn bracket(&mut self, f: Expr, items: Vec<Expr>, end: u32) -> Expr {
        let span = self.span(f.span.start, end);
        self.node(ExprKind::Bracket(Box::new(f), items), span)
    }

    /// `stride = 2` inside of brackets.
    pub(super) fn named(&mut self, name: Ident, value: Expr) -> Expr {
        let span = name.span.to(value.span);
        self.node(ExprKind::Named(name, Box::new(value)), span)
    }

    /// `a.b`
    pub(super) fn field(&mut self, of: Expr, name: Ident) -> Expr {
        let span = of.span.to(name.span);
        self.node(ExprKind::Field(Box::new(of), name), span)
    }

    /// `1:5:2`, each part of which may be missing.
    pub(super) fn positions(&mut self, parts: [Option<Expr>; 3], start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        self.node(ExprKind::Slice(Box::new(parts)), span)
    }

    /// `[a, b]`
    pub(super) fn list(&mut self, items: Vec<Expr>, start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        self.node(ExprKind::List(items), span)
    }

    /// `(a, b)`
    pub(super) fn tuple(&mut self, first: Expr, mut more: Vec<Expr>, start: u32, end: u32) -> Expr {
        more.insert(0, first);
        let span = self.span(start, end);
        self.node(ExprKind::Tuple(more), span)
    }

    /// `fit.loss by lr`
    pub(super) fn by(&mut self, of: Expr, by: Ident) -> Expr {
        let span = of.span.to(by.span);
        self.node(ExprKind::By(Box::new(of), by), span)
    }

    /// `every 500 to "folder"`
    pub(super) fn every(&mut self, word: Ident, (start, end): (u32, u32), path: Expr) -> Expr {
        let span = word.span.to(path.span);
        let count = self.number(start, end);
        self.node(ExprKind::Every(word, Box::new([count, path])), span)
    }

    /// `best val_loss`
    pub(super) fn best(&mut self, word: Ident, of: Ident) -> Expr {
        let (span, of) = (word.span.to(of.span), self.name(of));
        self.node(ExprKind::Best(word, Box::new(of)), span)
    }

    /// `match word { a => x }`
    pub(super) fn choice(&mut self, word: Expr, arms: Vec<(Ident, Expr)>, start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        self.node(ExprKind::Match(Box::new(word), arms), span)
    }

    /// `{ "**.b": sgd(lr = 0.1), else: adam }`
    pub(super) fn groups(&mut self, arms: Vec<(Expr, Expr)>, start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        self.node(ExprKind::Groups(arms), span)
    }

    /// A type; `..` may only come first in it.
    pub(super) fn ty(&mut self, dtype: Ident, mut shape: Vec<Expr>, start: u32, end: u32) -> TypeExpr {
        for size in shape.iter_mut().skip(1).filter(|size| matches!(size.kind, ExprKind::Rest)) {
            size.kind = ExprKind::Error;
            self.report(errors::rest_not_first(size.span));
        }
        TypeExpr { dtype, shape, span: self.span(start, end) }
    }

    /// The kind of a static parameter by its name.
    pub(super) fn static_kind(&mut self, name: Ident) -> StaticKind {
        StaticKind::named(&name.name).unwrap_or_else(|| {
            self.report(errors::static_kind(name.span, &name.name));
            StaticKind::Error
        })
    }

    /// A string: its text with escapes resolved, and what stands in braces.
    pub(super) fn string(&mut self, start: u32, end: u32) -> Expr {
        let parts = super::string::parts(self, start as usize + 1, end as usize - 1);
        self.node(ExprKind::Str(parts), self.span(start, end))
    }
}

/// Whether an operation stands without parentheses: its span begins where its first operand does.
fn is_bare(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary(_, first, _) | ExprKind::Pipe(first, _) => first.span.start == expr.span.start,
        ExprKind::Unary(_, operand) => operand.span.end == expr.span.end,
        _ => false,
    }
}

/// The operator of what must not stand bare on either side of `|>`.
fn loose(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Unary(UnaryOp::Not, _) => Some("not".to_string()),
        ExprKind::Binary(op, ..) if op.level() <= Level::Sum => Some(op.to_string()),
        _ => None,
    }
}

/// The operator of what must not stand bare on the right of `|>` either.
fn tight(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Unary(op, _) => Some(op.to_string()),
        ExprKind::Binary(op, ..) => Some(op.to_string()),
        _ => None,
    }
}
