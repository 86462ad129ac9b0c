//! Functions made of functions: `grad(f, wrt = x)`.

use super::targets;
use super::typer::Typer;
use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins;
use crate::check::env::{CallTarget, Callee, Checked, Derived, Env, Scope};
use crate::check::errors::{self, at};
use crate::source::Span;
use crate::typed::DeriveKind;

/// What `grad` and the like are in calls: `grad` of `grad(f)(x)`.
pub(crate) fn kind(name: &str) -> Option<DeriveKind> {
    DeriveKind::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// `f, wrt = x` in the parentheses of `grad`.
pub(super) fn derived<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    kind: DeriveKind,
    args: &'a [ast::Argument],
    span: Span,
) -> Checked<Derived> {
    let name = kind.name();
    let mut functions = args.iter().filter(|arg| arg.name.is_none());
    let (function, second) = (functions.next(), functions.next());
    let Some(function) = function.filter(|_| second.is_none()) else {
        let message = format!("`{name}` takes one function");
        let place = second.map_or(span, |second| second.value.span);
        let found = at(&errors::WRONG_ARGUMENT, message, place, "not one function");
        return Err(cx.env.report(
            found.help(format!("write `{name}(f)(x)`: `{name}(f)` is a function that takes what `f` takes")),
        ));
    };
    let of = targets::function_value(cx, scope, &function.value)?;
    if of == CallTarget::Inner {
        let found =
            errors::not_supported("a derivative of the pipeline before a stage", span, "take that of `loss`");
        return Err(cx.env.report(found));
    }
    let names = arg_names(cx.env, &of);
    let mut by = None;
    for arg in args {
        match &arg.name {
            Some(word) if word.name == "wrt" && kind != DeriveKind::Checkpoint => {
                by = Some(wrt(cx.env, &names, &arg.value, &cx.env.quote(function.value.span))?);
            }
            Some(word) => {
                let message = format!("`{name}` has no argument `{}`", word.name);
                let found = at(&errors::WRONG_ARGUMENT, message, word.span, "no such argument");
                return Err(cx.env.report(found.help(match kind {
                    DeriveKind::Checkpoint => "it is `checkpoint(f)`".to_string(),
                    _ => format!("it is `{name}(f, wrt = x)`"),
                })));
            }
            None => {}
        }
    }
    if names.is_empty() {
        let message = format!("`{}` takes no arguments", cx.env.quote(function.value.span));
        let found = at(&errors::NO_DERIVATIVE, message, function.value.span, "nothing to differentiate by");
        return Err(cx.env.report(found.help("make what varies an argument of the function")));
    }
    let wrt = by.unwrap_or_else(|| match kind {
        DeriveKind::Checkpoint => (0..names.len()).collect(),
        _ => vec![0],
    });
    Ok(Derived { kind, of, name: cx.env.quote(function.value.span), wrt })
}

/// `x`, or `[x, y]`: numbers of arguments.
fn wrt(env: &mut Env<'_>, names: &[String], written: &ast::Expr, of: &str) -> Checked<Vec<usize>> {
    let items: Vec<&ast::Expr> = match &written.kind {
        Ast::List(items) => items.iter().collect(),
        _ => vec![written],
    };
    let mut found: Vec<usize> = Vec::new();
    for item in items {
        let name = env.quote(item.span);
        match names.iter().position(|have| *have == name) {
            Some(k) if found.contains(&k) => {
                return Err(env.report(errors::duplicate(&name, item.span, None).help("name it once")));
            }
            Some(k) => found.push(k),
            None => {
                let mut found = errors::none_of(&errors::UNKNOWN_WRT, "argument", &name, item.span, names);
                found.message = format!("`{of}` has no argument `{name}`");
                return Err(env.report(found));
            }
        }
    }
    match found.is_empty() {
        false => Ok(found),
        true => {
            let found = at(&errors::UNKNOWN_WRT, "`wrt` names no argument", written.span, "nothing");
            Err(env.report(found.help(format!("of `{of}` {}", errors::there_is(names)))))
        }
    }
}

/// Names of the arguments that a function takes; of a builtin those that its description lists.
pub(super) fn arg_names(env: &Env<'_>, of: &CallTarget) -> Vec<String> {
    match of {
        CallTarget::Callee(Callee::Def(def, _) | Callee::Model(def, ..)) => {
            env.decls.functions[*def].ast.args.iter().map(|arg| arg.name.name.clone()).collect()
        }
        CallTarget::Callee(Callee::Builtin(name)) => builtins::arg_names(name),
        CallTarget::Callee(Callee::Derived(derived)) => {
            let mut names = arg_names(env, &derived.of);
            names.extend(derived.seeds(&names));
            names
        }
        CallTarget::Layer { arguments, .. }
        | CallTarget::Layers { arguments, .. }
        | CallTarget::LayerAt { arguments, .. } => arguments.clone(),
        CallTarget::Loss => vec!["w".to_string()],
        CallTarget::Inner => Vec::new(),
    }
}
