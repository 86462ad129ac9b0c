//! Who is called: names, layers, functions made of functions.

use super::derived::{self, kind};
use super::typer::{Typer, WrittenCall};
use super::{dims, kinds, names, parts, statics};
use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins;
use crate::check::env::{Binding, CallTarget, Callee, Checked, Env, Global, Poison, Scope, StaticArg};
use crate::check::errors::{self, at};
use crate::check::foreign;
use crate::source::Span;
use crate::typed::Part;

/// Who is called.
pub(super) fn target<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    callee: &'a ast::Expr,
) -> Checked<CallTarget> {
    match &callee.kind {
        Ast::Call(..) if makes_function(cx.env, scope, callee) => function_value(cx, scope, callee),
        Ast::Name(name) => named_target(cx, scope, name, callee.span),
        Ast::Field(of, field) if matches!(&of.kind, Ast::Name(name) if name == "random") => {
            let name = format!("random.{}", field.name);
            if builtins::is_builtin(&name) {
                return Ok(CallTarget::Callee(Callee::Builtin(name)));
            }
            let known = ["random.uniform".to_string(), "random.normal".to_string()];
            Err(cx.env.report(errors::none_of(&errors::UNKNOWN_NAME, "function", &name, callee.span, &known)))
        }
        Ast::Error => Err(Poison),
        Ast::Field(..) | Ast::Bracket(..) => match parts::callee(cx.env, scope, callee) {
            Some(part) => part.map(CallTarget::Callee),
            None => {
                let help = match &callee.kind {
                    Ast::Field(of, name) => foreign::field(cx.env, of, &name.name),
                    _ => None,
                };
                Err(not_callable(cx.env, &format!("`{}`", cx.env.quote(callee.span)), callee.span, help))
            }
        },
        _ => Err(not_callable(cx.env, &format!("`{}`", cx.env.quote(callee.span)), callee.span, None)),
    }
}

fn named_target(cx: &mut Typer<'_, '_>, scope: &Scope, name: &str, span: Span) -> Checked<CallTarget> {
    match scope.get(name) {
        Some(Binding::Layer(index)) => {
            let arguments = layer_arguments(cx.env, scope, *index);
            return Ok(CallTarget::Layer { index: *index, arguments });
        }
        Some(Binding::Layers(first, count)) => {
            let (first, count) = (*first, *count);
            return Ok(CallTarget::Layers { first, count, arguments: layer_arguments(cx.env, scope, first) });
        }
        Some(Binding::Local(_)) if scope.in_stage() && name == "loss" => return Ok(CallTarget::Loss),
        Some(Binding::Function(callee)) => return Ok(CallTarget::Callee(callee.clone())),
        Some(Binding::Inner) => return Ok(CallTarget::Inner),
        Some(Binding::Error) => return Err(Poison),
        _ => {}
    }
    if let Some(def) = cx.env.decls.find_function(name, scope.library) {
        return Ok(CallTarget::Callee(Callee::Def(def, Vec::new())));
    }
    if builtins::is_builtin(name) {
        return Ok(CallTarget::Callee(Callee::Builtin(name.to_string())));
    }
    if !scope.library
        && let Some(made) = global_function(cx, name)
    {
        return made.map(CallTarget::Callee);
    }
    match cx.env.globals.values.get(name) {
        Some(Global::Fit { id, callee: Callee::Def(def, given), .. }) if !scope.library => {
            return Ok(CallTarget::Callee(Callee::Model(*def, given.clone(), Part::fit(*id))));
        }
        Some(Global::Error) => return Err(Poison),
        _ => {}
    }
    let known = scope.get(name).is_some()
        || cx.env.decls.constants.contains_key(name)
        || cx.env.globals.values.contains_key(name);
    if known || cx.env.decls.find_stage(name).is_some() || cx.env.decls.data.contains_key(name) {
        let declared = kinds::declare_as(cx.env, scope, name, "fn");
        return Err(not_callable(cx.env, &format!("`{name}`"), span, declared));
    }
    let near = names::nearest_name(cx.env, scope, name);
    Err(cx.env.report(errors::unknown_name(name, span, near)))
}

/// What an expression that stands for a function stands for.
pub(crate) fn function_value<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Checked<CallTarget> {
    match &expr.kind {
        Ast::Call(callee, args) if makes_function(cx.env, scope, expr) => {
            let Ast::Name(name) = &callee.kind else { return Err(Poison) };
            let kind = kind(name).ok_or(Poison)?;
            let made = derived::derived(cx, scope, kind, args, expr.span)?;
            Ok(CallTarget::Callee(Callee::Derived(Box::new(made))))
        }
        Ast::Bracket(..) if parts::is_part(cx.env, scope, expr) => target(cx, scope, expr),
        Ast::Bracket(of, statics) => match target(cx, scope, of)? {
            CallTarget::Callee(Callee::Def(def, given)) => {
                let (name, span) = (cx.env.quote(of.span), expr.span);
                let call =
                    WrittenCall { name, statics, args: Vec::new(), span, expected: None, axes: Vec::new() };
                let given = statics::statics(cx, scope, def, given, &call)?;
                Ok(CallTarget::Callee(Callee::Def(def, given)))
            }
            CallTarget::Layers { first, count, arguments } if statics.len() == 1 => {
                let position = dims::dim(cx.env, scope, &statics[0], false)?;
                Ok(CallTarget::LayerAt { first, count, position, arguments })
            }
            _ => Err(cx.env.report(errors::not_supported(
                &format!("`{}` as a function", cx.env.quote(expr.span)),
                expr.span,
                "write a `fn` that calls it",
            ))),
        },
        Ast::Name(_) | Ast::Field(..) | Ast::Error => target(cx, scope, expr),
        _ => {
            let source = cx.env.quote(expr.span);
            let message = format!("`{source}` is a value, and a function is needed");
            let found = at(&errors::NOT_A_FUNCTION, message, expr.span, "not a function");
            Err(cx.env.report(
                found.help(format!("write a function and name it: `fn f(x: real[N]) -> real = {source}`")),
            ))
        }
    }
}

/// Whether an expression makes a function of a function: `grad(f)`.
pub(crate) fn makes_function(env: &Env<'_>, scope: &Scope, expr: &ast::Expr) -> bool {
    let Ast::Call(callee, _) = &expr.kind else { return false };
    let Ast::Name(name) = &callee.kind else { return false };
    kind(name).is_some()
        && scope.get(name).is_none()
        && env.decls.find_function(name, scope.library).is_none()
}

/// Whether an expression names something that can be called.
pub(super) fn is_callable(env: &Env<'_>, scope: &Scope, callee: &ast::Expr) -> bool {
    match &callee.kind {
        Ast::Name(name) => match scope.get(name) {
            Some(Binding::Layer(_) | Binding::Layers(..) | Binding::Function(_) | Binding::Inner) => true,
            Some(_) => false,
            // A value of the script hides a function of the library.
            None if !scope.library
                && matches!(env.globals.values.get(name.as_str()), Some(Global::Value(..))) =>
            {
                false
            }
            None => {
                env.decls.find_function(name, scope.library).is_some()
                    || builtins::is_builtin(name)
                    || !scope.library && env.decls.function_lets.contains_key(name.as_str())
            }
        },
        Ast::Call(..) => makes_function(env, scope, callee),
        Ast::Field(of, _) => matches!(&of.kind, Ast::Name(name) if name == "random"),
        _ => false,
    }
}

fn not_callable(env: &mut Env<'_>, what: &str, span: Span, help: Option<String>) -> Poison {
    let found = at(&errors::NOT_A_FUNCTION, format!("{what} is not a function"), span, "cannot be called");
    let help = help.unwrap_or_else(|| "call a function, a layer or a model; multiply with `*`".to_string());
    env.report(found.help(help))
}

/// Names of the arguments of a layer.
fn layer_arguments(env: &Env<'_>, scope: &Scope, index: usize) -> Vec<String> {
    match &scope.layers()[index].1.callee {
        Callee::Def(def, _) => {
            env.decls.functions[*def].ast.args.iter().map(|arg| arg.name.name.clone()).collect()
        }
        Callee::Builtin(_) | Callee::Derived(_) | Callee::Model(..) => Vec::new(),
    }
}

/// `grad(f)` as a static argument: it must not depend on where it stands.
pub(super) fn static_function<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Checked<StaticArg> {
    let CallTarget::Callee(callee) = function_value(cx, scope, expr)? else { return Err(Poison) };
    closed(cx.env, &callee, expr.span)?;
    Ok(StaticArg::Function(callee))
}

/// Whether a function means the same wherever it is called.
pub(super) fn closed(env: &mut Env<'_>, callee: &Callee, span: Span) -> Checked<()> {
    let what = match callee {
        Callee::Builtin(_) | Callee::Model(..) => return Ok(()),
        Callee::Def(_, given) => {
            let open = |s: &StaticArg| matches!(s, StaticArg::Size(dim) if dim.as_constant().is_none());
            match given.iter().any(open) {
                true => "a function with size variables as a static argument",
                false => return Ok(()),
            }
        }
        Callee::Derived(derived) => match &derived.of {
            CallTarget::Callee(inner) => return closed(env, inner, span),
            _ => "a derivative of a model as a static argument",
        },
    };
    let help = match callee {
        Callee::Def(..) => "give it sizes that are numbers",
        _ => "call it where it is made",
    };
    Err(env.report(errors::not_supported(what, span, help)))
}

/// What a `let` of the script that names a function stands for: `let df = grad(f)`.
pub(super) fn global_function(cx: &mut Typer<'_, '_>, name: &str) -> Option<Checked<Callee>> {
    // A function that is made of itself has no name while it is made.
    let (name, line) = cx.env.decls.function_lets.remove_entry(name)?;
    let mut scope = Scope::statement(cx.env.real);
    let made = function_value(cx, &mut scope, &line.value);
    cx.env.decls.function_lets.insert(name, line);
    Some(made.and_then(|target| match target {
        CallTarget::Callee(callee) => Ok(callee),
        _ => Err(Poison),
    }))
}
