//! How a function uses its static arguments.

use crate::ast;

/// Whether a function uses its static argument as a function or a word (found by its text).
pub(crate) fn called(function: &ast::Function, name: &str) -> bool {
    let members = function.members.iter().map(ast::Member::value);
    let rule = function.rule.iter().flat_map(|rule| &rule.gradients);
    members.chain([&function.body]).chain(rule).any(|expr| calls(expr, name))
}

fn calls(expr: &ast::Expr, name: &str) -> bool {
    use ast::ExprKind::*;
    let is = |expr: &ast::Expr| matches!(&expr.kind, Name(have) if have == name);
    match &expr.kind {
        Call(f, args) => {
            let derived = matches!(&f.kind, Name(f) if crate::check::expr::derived::kind(f).is_some());
            let given = |arg: &ast::Argument| derived && is(&arg.value) || calls(&arg.value, name);
            is(f) || calls(f, name) || args.iter().any(given)
        }
        Pipe(a, f) => is(f) || calls(a, name) || calls(f, name),
        Bracket(f, items) => {
            is(f) || calls(f, name) || items.iter().any(|item| is(item) || calls(item, name))
        }
        Match(word, arms) => is(word) || arms.iter().any(|(_, arm)| calls(arm, name)),
        Groups(arms) => arms.iter().any(|(_, arm)| is(arm) || calls(arm, name)),
        Unary(_, x) | Field(x, _) => calls(x, name),
        Binary(_, a, b) => calls(a, name) || calls(b, name),
        Slice(parts) => parts.iter().flatten().any(|part| calls(part, name)),
        List(items) | Tuple(items) => items.iter().any(|item| calls(item, name)),
        Loop(parts) => {
            let starts = parts.carried.iter().map(|line| &line.value);
            let sequences = parts.sequences.iter().map(|(_, over)| over);
            starts.chain(sequences).chain([&parts.body]).any(|expr| calls(expr, name))
        }
        Block(lets, body) => lets.iter().any(|line| calls(&line.value, name)) || calls(body, name),
        _ => false,
    }
}
