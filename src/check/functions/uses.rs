//! How a function uses its static arguments.

use crate::ast;
use crate::check::expr::derived;

/// Whether a function uses its static argument as a function or a word (found by its text).
pub(crate) fn called(function: &ast::Function, name: &str) -> bool {
    let members = function.members.iter().map(ast::Member::value);
    let rule = function.rule.iter().flat_map(|rule| &rule.gradients);
    members.chain([&function.body]).chain(rule).any(|expr| calls(expr, name))
}

fn calls(expr: &ast::Expr, name: &str) -> bool {
    use ast::ExprKind::{Bracket, Call, Groups, Match, Name, Pipe};
    let is = |expr: &ast::Expr| matches!(&expr.kind, Name(have) if have == name);
    let here = match &expr.kind {
        Call(f, args) => {
            let derived = matches!(&f.kind, Name(f) if derived::kind(f).is_some());
            is(f) || derived && args.iter().any(|arg| is(&arg.value))
        }
        Pipe(_, f) => is(f),
        Bracket(f, items) => is(f) || items.iter().any(is),
        Match(word, _) => is(word),
        Groups(arms) => arms.iter().any(|(_, arm)| is(arm)),
        _ => false,
    };
    here || expr.kind.children().into_iter().any(|child| calls(child, name))
}
