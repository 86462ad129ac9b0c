//! What calls are given: in square brackets and in parentheses.

use super::typer::{Call, Typer};
use super::{args, dims, targets};
use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins;
use crate::check::env::{Binding, Callee, Checked, Env, Place, Poison, Scope, Static, Weak};
use crate::check::errors::{self, at};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::ExprKind;

/// What stands in square brackets, one for each static of `def`; those `given` come first.
pub(crate) fn statics<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    given: Vec<Static>,
    call: &Call<'a, '_>,
) -> Checked<Vec<Static>> {
    let wanted = &cx.env.decls.functions[def].ast.statics;
    let mut positional = given;
    let mut slots: Vec<Option<Static>> = vec![None; wanted.len()];
    let mut failed = Ok(());
    for expr in call.statics {
        let placed = match &expr.kind {
            Ast::Named(name, value) => {
                let slot = static_slot(cx.env, def, name, &slots);
                let value = static_arg(cx, scope, value);
                slot.and_then(|slot| value.map(|value| slots[slot] = Some(value)))
            }
            _ => static_arg(cx, scope, expr).map(|value| positional.push(value)),
        };
        failed = failed.and(placed);
    }
    failed?;
    let count = positional.len() + slots.iter().flatten().count();
    if let Some(slot) = slots.iter().take(positional.len()).position(Option::is_some) {
        return Err(static_twice(cx.env, &wanted[slot].name.name, call.span));
    }
    if positional.len() <= wanted.len() {
        positional.into_iter().enumerate().for_each(|(k, value)| slots[k] = Some(value));
        for (slot, given) in slots.iter_mut().zip(wanted) {
            if let (Some(value), Some(default)) = (slot.as_mut(), &given.default) {
                as_number(value, default);
            }
            if let (None, Some(default)) = (&slot, &given.default) {
                *slot = Some(default_static(cx, def, default)?);
            }
        }
        match slots.iter().position(Option::is_none) {
            Some(slot) if wanted.iter().any(|given| given.default.is_some()) => {
                return Err(lacks_static(cx.env, def, &wanted[slot].name.name, call.span));
            }
            Some(_) => {}
            None => return Ok(slots.into_iter().flatten().collect()),
        }
    }
    Err(static_count(cx.env, def, count, call.span))
}

/// Too few or too many in square brackets.
fn static_count(env: &mut Env<'_>, def: usize, count: usize, span: Span) -> Poison {
    let ast::Function { name, statics, .. } = env.decls.functions[def].ast;
    let message = format!("`{}` has {} in square brackets, not {count}", name.name, amount(statics.len()));
    wrong_statics(env, def, at(&errors::WRONG_STATIC, message, span, format!("{} given", amount(count))))
}

fn lacks_static(env: &mut Env<'_>, def: usize, missing: &str, span: Span) -> Poison {
    let message =
        format!("`{}` lacks `{missing}` in square brackets", env.decls.functions[def].ast.name.name);
    wrong_statics(env, def, at(&errors::WRONG_STATIC, message, span, "this call"))
}

/// Adds how the function is declared.
fn wrong_statics(env: &mut Env<'_>, def: usize, found: Diagnostic) -> Poison {
    let (form, name) = (args::with_statics(env, def), &env.decls.functions[def].ast.name);
    env.report(found.label(name.span, format!("declared as `{form}`")).help(format!("write `{form}`")))
}

/// The place of what is given by name.
fn static_slot(env: &mut Env<'_>, def: usize, name: &ast::Ident, slots: &[Option<Static>]) -> Checked<usize> {
    let known: Vec<String> =
        env.decls.functions[def].ast.statics.iter().map(|of| of.name.name.clone()).collect();
    match known.iter().position(|have| *have == name.name) {
        Some(slot) if slots[slot].is_none() => Ok(slot),
        Some(_) => Err(static_twice(env, &name.name, name.span)),
        None => {
            let what = "name in square brackets";
            Err(env.report(errors::none_of(&errors::WRONG_STATIC, what, &name.name, name.span, &known)))
        }
    }
}

fn static_twice(env: &mut Env<'_>, name: &str, span: Span) -> Poison {
    let message = format!("`{name}` is given twice in square brackets");
    let found = at(&errors::WRONG_STATIC, message, span, "given by place and by name, or twice by name");
    env.report(found.help("give it once"))
}

/// What a static is where it is left out.
pub(crate) fn default_static<'a>(
    cx: &mut Typer<'_, 'a>,
    def: usize,
    default: &'a ast::Expr,
) -> Checked<Static> {
    let mut scope = Scope::new(Place::Statement, cx.env.decls.functions[def].library, cx.env.real);
    static_arg(cx, &mut scope, default)
}

/// One static argument.
fn static_arg<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Static> {
    if let Ast::Name(name) = &expr.kind {
        match scope.get(name) {
            Some(Binding::Function(callee)) => {
                let callee = callee.clone();
                targets::closed(cx.env, &callee, expr.span)?;
                return Ok(Static::Function(callee));
            }
            Some(Binding::Word(word, _)) => return Ok(Static::Word(word.clone())),
            Some(_) => {}
            None => {
                if let Some(def) = cx.env.decls.find_function(name, scope.library) {
                    return Ok(Static::Function(Callee::Def(def, Vec::new())));
                }
                if !scope.library
                    && let Some(made) = targets::global_function(cx, name)
                {
                    return made.map(Static::Function);
                }
                if builtins::is_builtin(name) && !cx.env.decls.constants.contains_key(name.as_str()) {
                    return Ok(Static::Function(Callee::Builtin(name.clone())));
                }
            }
        }
    }
    if targets::makes_function(cx.env, scope, expr) {
        return targets::static_function(cx, scope, expr);
    }
    if let Ast::Bracket(of, inside) = &expr.kind
        && let Ast::Name(name) = &of.kind
        && let Some(def) = cx.env.decls.find_function(name, scope.library)
    {
        let call =
            Call { name: name.clone(), statics: inside, args: Vec::new(), span: expr.span, expected: None };
        let given = statics(cx, scope, def, Vec::new(), &call)?;
        let callee = Callee::Def(def, given);
        targets::closed(cx.env, &callee, expr.span)?;
        return Ok(Static::Function(callee));
    }
    if sizes_only(scope, expr) {
        return Ok(Static::Size(dims::dim(cx.env, scope, expr, false)?));
    }
    let value = cx.expr(scope, expr, None)?;
    let integer = value.weak == Weak::Int;
    match value.expr.kind {
        ExprKind::Size(dim) => Ok(Static::Size(dim)),
        ExprKind::Const(n) if integer => Ok(Static::Size(crate::algebra::types::Dim::constant(n as i64))),
        ExprKind::Const(n) if value.expr.ty.rank() == 0 => Ok(Static::Number(n.to_bits())),
        _ => {
            let found =
                at(&errors::NOT_CONSTANT, "this is not known at compile time", expr.span, "not constant");
            Err(cx.env.report(found.help("square brackets take sizes, numbers, functions and words")))
        }
    }
}

/// A whole number is no size where the default, such as `0.5`, is none.
fn as_number(value: &mut Static, default: &ast::Expr) {
    let number = matches!(default.kind, Ast::Number { integer: false, .. });
    if let (true, Static::Size(dim)) = (number, &*value)
        && let Some(n) = dim.as_constant()
    {
        *value = Static::Number((n as f64).to_bits());
    }
}

fn amount(n: usize) -> String {
    if n == 0 { "nothing".into() } else { n.to_string() }
}

/// Whether an expression is made of whole numbers and size variables only.
fn sizes_only(scope: &Scope, expr: &ast::Expr) -> bool {
    match &expr.kind {
        Ast::Number { integer, .. } => *integer,
        Ast::Name(name) => matches!(scope.get(name), Some(Binding::Size(_))),
        Ast::Binary(_, a, b) => sizes_only(scope, a) && sizes_only(scope, b),
        _ => false,
    }
}
