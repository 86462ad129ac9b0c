//! Walks through expressions.

use super::{Expr, ExprKind, Let, Loop, Run, StrPart};

impl ExprKind {
    /// The expressions in it, those in types included. Walks that treat most kinds alike go through here.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            ExprKind::Error
            | ExprKind::Number { .. }
            | ExprKind::Bool(_)
            | ExprKind::Name(_)
            | ExprKind::Rest => Vec::new(),
            ExprKind::Str(parts) => parts.iter().filter_map(StrPart::expr).collect(),
            ExprKind::Field(x, _)
            | ExprKind::Named(_, x)
            | ExprKind::Unary(_, x)
            | ExprKind::By(x, _)
            | ExprKind::Best(_, x) => {
                vec![x]
            }
            ExprKind::Binary(_, x, y) | ExprKind::Pipe(x, y) => vec![x, y],
            ExprKind::Every(_, parts) => parts.iter().collect(),
            ExprKind::Call(f, arguments) => {
                [&**f].into_iter().chain(arguments.iter().map(|argument| &argument.value)).collect()
            }
            ExprKind::Bracket(f, items) => [&**f].into_iter().chain(items).collect(),
            ExprKind::Slice(parts) => parts.iter().flatten().collect(),
            ExprKind::List(items) | ExprKind::Tuple(items) => items.iter().collect(),
            ExprKind::Match(word, arms) => {
                [&**word].into_iter().chain(arms.iter().map(|(_, value)| value)).collect()
            }
            ExprKind::Groups(arms) => arms.iter().flat_map(|(pattern, value)| [pattern, value]).collect(),
            ExprKind::Block(lets, value) => lets.iter().flat_map(Let::exprs).chain([&**value]).collect(),
            ExprKind::Loop(parts) | ExprKind::Sweep(parts) => parts.exprs(),
            ExprKind::Train(run) | ExprKind::Eval(run) | ExprKind::Predict(run) => run.exprs(),
        }
    }
}

impl StrPart {
    /// What stands in its braces.
    fn expr(&self) -> Option<&Expr> {
        match self {
            StrPart::Text(_) => None,
            StrPart::Expr { expr, .. } => Some(expr),
        }
    }
}

impl Let {
    fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.ty.iter().flat_map(|ty| &ty.shape).chain([&self.value])
    }
}

impl Loop {
    fn exprs(&self) -> Vec<&Expr> {
        let ranges = self.ranges.iter().flat_map(|(_, range)| [Some(&range.low), range.high.as_ref()]);
        let sequences = self.sequences.iter().map(|(_, over)| over);
        let carried = self.carried.iter().flat_map(Let::exprs);
        self.axis.iter().chain(ranges.flatten()).chain(sequences).chain(carried).chain([&self.body]).collect()
    }
}

impl Run {
    fn exprs(&self) -> Vec<&Expr> {
        let lines = self.settings.iter().chain(&self.metrics).chain(&self.lets).flat_map(Let::exprs);
        [&self.subject, &self.data].into_iter().chain(lines).collect()
    }
}
