//! States of models: what training steps assign and no optimizer changes.

use super::members;
use crate::ast;
use crate::check::env::{Binding, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::convert;
use crate::check::expr::lets::Line;
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::diag::Diagnostic;
use crate::typed::{Expr, Member};

/// `state mean: real[C] = 0`, member `k` of its model.
pub(super) fn model_state<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    from: usize,
    k: usize,
) -> Checked<Member> {
    let init = members::initial(cx, scope, line, from);
    let binding = init.as_ref().map_or(Binding::Error, |init| Binding::State(k, init.ty.clone()));
    scope.bind(&line.name().name, binding, line.name().span);
    let init = init?;
    Ok(Member::State { name: line.name().name.clone(), ty: init.ty.clone(), init })
}

/// `mean <- 0.9 * mean + 0.1 * m`
pub(super) fn assign_state<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &ast::Ident,
    value: &'a ast::Expr,
    from: usize,
) -> Checked<(Line, Expr)> {
    let state = match scope.get(&name.name) {
        Some(Binding::State(member, ty)) => Ok((*member, ty.clone())),
        Some(Binding::Error) => Err(Poison),
        _ => Err(not_a_model_state(cx.env, scope, name, from)),
    };
    let expected = state.as_ref().ok().map(|(_, ty)| ty.clone());
    let value = cx.expr(scope, value, expected.as_ref());
    let (member, ty) = state?;
    let shown = text::show(&ty, cx.env.real);
    let declared = scope.declared(&name.name).unwrap_or(name.span);
    let expr =
        convert::coerce(cx.env, scope, value?, &ty, (declared, format!("`{}` is `{shown}`", name.name)))?;
    Ok((Line::Assign(member), expr))
}

fn not_a_model_state(env: &mut Env<'_>, scope: &Scope, name: &ast::Ident, from: usize) -> Poison {
    let message = format!("`{}` is not a state of this model", name.name);
    let found = at(&errors::NOT_A_STATE, message, name.span, "assigned here");
    let states = scope.names[from..].iter().filter(|(.., binding, _)| matches!(binding, Binding::State(..)));
    let near = nearest(&name.name, states.map(|(name, ..)| name.as_str()));
    let found = match (scope.get(&name.name), near) {
        (Some(Binding::Param(..)), _) => {
            found.help("the optimizer changes parameters: write `state` in place of `param` to assign it")
        }
        (Some(_), _) => found.help("names other than states never change: use a `let` with a new name"),
        (None, Some(near)) => found.help(format!("did you mean `{near}`?")),
        (None, None) => found.help(format!("declare it: `state {}: real = 0`", name.name)),
    };
    env.report(found)
}

/// Warns of states that no line assigns.
pub(super) fn states_assigned(env: &mut Env<'_>, scope: &Scope, function: &ast::Function) {
    for member in &function.members {
        let ast::Member::State(line) = member else { continue };
        let assigns = |member: &ast::Member| matches!(member, ast::Member::Assign { name, .. } if name.name == line.name().name);
        if scope.library || function.members.iter().any(assigns) {
            continue;
        }
        let name = &line.name().name;
        let message = format!("state `{name}` is never assigned: it stays what it is at first");
        let found = Diagnostic::warning(&errors::STATE_NEVER_ASSIGNED, message);
        let found = found.label(line.name().span, "declared here");
        env.report(found.help(format!("assign it: `{name} <- ...`")));
    }
}
