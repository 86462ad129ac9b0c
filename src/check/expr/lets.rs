//! `let` lines and the values inside of them.

use super::typer::Typer;
use super::{convert, dims, several, targets};
use crate::algebra::types::Type;
use crate::ast;
use crate::check::env::{Binding, CallTarget, Checked, Poison, Scope, Value, WILDCARD, Weak};
use crate::check::errors;
use crate::typed::{Expr, ExprKind, LocalId, build};

/// The names that a `let` binds, and their value or values.
type LetBinding = (Vec<LocalId>, Expr);

/// What a line before a value sets.
#[derive(Clone, Debug)]
pub(crate) enum LetLine {
    /// Names.
    Let(Vec<LocalId>),
    /// The state that is this member of a model.
    Assign(usize),
}

/// `let` lines and a value.
pub(super) fn block<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    lets: &'a [ast::Let],
    body: &'a ast::Expr,
    expected: Option<&Type>,
) -> Checked<Value> {
    let before = scope.names.len();
    let values: Vec<_> = lets.iter().map(|line| let_line(cx, scope, line, before)).collect();
    let body = cx.any_expr(scope, body, expected);
    scope.names.truncate(before);
    let values = values.into_iter().collect::<Checked<Vec<_>>>()?;
    Ok(with_lets(values, body?))
}

/// Checks `let name: type = value` and binds the names; `from`: where this block's names start.
pub(crate) fn let_line<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    from: usize,
) -> Checked<LetBinding> {
    let names = &line.names;
    for (k, name) in names.iter().enumerate().filter(|(_, name)| name.name != WILDCARD) {
        let before = scope.names[from..].iter().find(|(have, ..)| *have == name.name);
        let before = before.map(|(.., span)| *span);
        let twice = names[..k].iter().find(|before| before.name == name.name).map(|name| name.span);
        if let Some(span) = before.or(twice) {
            cx.env.report(errors::duplicate(&name.name, name.span, Some(span)));
        }
    }
    if line.ty.is_none() && names.len() == 1 && targets::makes_function(cx.env, scope, &line.value) {
        return let_function(cx, scope, line);
    }
    match let_values(cx, scope, line) {
        Ok((expr, types)) => {
            let bind = |(name, ty): (&ast::Ident, Type)| match name.name.as_str() {
                WILDCARD => scope.local(WILDCARD, ty, name.span),
                name_of => scope.bind_local(name_of, ty, name.span),
            };
            Ok((names.iter().zip(types).map(bind).collect(), expr))
        }
        Err(poison) => {
            names.iter().for_each(|name| scope.bind(&name.name, Binding::Error, name.span));
            Err(poison)
        }
    }
}

/// What a `let` gives to its names, with the type of each.
pub(crate) fn let_values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
) -> Checked<(Expr, Vec<Type>)> {
    if line.names.len() == 1 {
        let expr = let_value(cx, scope, line)?;
        let ty = expr.ty.clone();
        return Ok((expr, vec![ty]));
    }
    let expr = several::several(cx, scope, &line.value, &[], "")?;
    let (types, names) = (cx.env.instances.results(&expr), line.names.len());
    if types.len() != names {
        let source = cx.env.quote(line.value.span);
        return Err(cx.env.report(errors::taken_apart(names, types.len(), &source, line.value.span)));
    }
    Ok((expr, types))
}

/// The value of a `let`, of the type written if there is one.
pub(crate) fn let_value<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, line: &'a ast::Let) -> Checked<Expr> {
    let Some(written) = &line.ty else { return cx.definite(scope, &line.value) };
    let ty = dims::type_expr(cx.env, scope, written, false);
    let value = cx.expr(scope, &line.value, ty.as_ref().ok());
    let (ty, value) = (ty?, value?);
    let expected =
        (written.span, format!("`{}` is declared `{}`", line.name().name, cx.env.quote(written.span)));
    convert::coerce(cx.env, scope, value, &ty, expected)
}

/// `let df = grad(f)`
fn let_function<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, line: &'a ast::Let) -> Checked<LetBinding> {
    let binding = match targets::function_value(cx, scope, &line.value) {
        Ok(CallTarget::Callee(callee)) => Binding::Function(callee),
        _ => Binding::Error,
    };
    let failed = matches!(binding, Binding::Error);
    scope.bind(&line.name().name, binding, line.name().span);
    let nothing = build::constant(0.0, Type::scalar(cx.env.real), line.value.span);
    if failed { Err(Poison) } else { Ok((Vec::new(), nothing)) }
}

/// A value inside of the `let`s it refers to.
pub(super) fn with_lets(lets: Vec<LetBinding>, body: Value) -> Value {
    let weak = if lets.is_empty() { body.weak } else { Weak::No };
    let lines = lets.into_iter().map(|(locals, value)| (LetLine::Let(locals), value));
    Value { expr: with_lines(lines.collect(), body.expr), weak }
}

/// A value after the lines before it.
pub(crate) fn with_lines(lines: Vec<(LetLine, Expr)>, body: Expr) -> Expr {
    lines.into_iter().rev().fold(body, |body, (line, value)| {
        let (ty, span) = (body.ty.clone(), body.span);
        let (value, body) = (Box::new(value), Box::new(body));
        let kind = match line {
            LetLine::Let(locals) => match locals.as_slice() {
                [] => return *body,
                [local] => ExprKind::Let { local: *local, value, body },
                _ => ExprKind::Unpack { locals, value, body },
            },
            LetLine::Assign(member) => ExprKind::Assign { member, value, body },
        };
        Expr { kind, ty, span }
    })
}
