//! What stands in square brackets, and the axes in parentheses: which static parameter each is for.

use super::typer::{Typer, WrittenArg, WrittenCall};
use super::{args, kinds};
use crate::ast::{self, ExprKind as Ast, StaticKind};
use crate::check::env::{CallTarget, Callee, Checked, Declaration, Env, Poison, Scope, StaticArg};
use crate::check::errors::{self, at};
use crate::diag::Diagnostic;
use crate::source::Span;

/// What a call gives, one for each static parameter of `def`; those `given` come first.
pub(crate) fn statics<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    given: Vec<StaticArg>,
    call: &WrittenCall<'a, '_>,
) -> Checked<Vec<StaticArg>> {
    let wanted = &cx.env.decls.functions[def].ast.statics;
    let (named, placed) = written(cx.env, def, call);
    let count = given.len() + placed.len();
    if count > wanted.len() {
        return Err(static_count(cx.env, def, count + named.len(), call.span));
    }
    let mut failed = Ok(());
    let mut slots: Vec<Option<StaticArg>> = given.into_iter().map(Some).collect();
    for expr in placed {
        let value = kinds::static_arg(cx, scope, (def, slots.len()), expr);
        failed = failed.and(value.as_ref().map(|_| ()).map_err(|poison| *poison));
        slots.push(value.ok());
    }
    slots.resize(wanted.len(), None);
    for (name, expr) in named {
        let value = static_slot(cx.env, def, name, &slots)
            .and_then(|slot| Ok((slot, kinds::static_arg(cx, scope, (def, slot), expr)?)));
        failed = failed.and(value.map(|(slot, value)| slots[slot] = Some(value)));
    }
    failed?;
    left_out(cx, def, slots, call.span)
}

/// An argument with its name.
type NamedExpr<'a> = (&'a ast::Ident, &'a ast::Expr);

/// What is given by name, and what by place.
fn written<'a>(
    env: &Env<'a>,
    def: usize,
    call: &WrittenCall<'a, '_>,
) -> (Vec<NamedExpr<'a>>, Vec<&'a ast::Expr>) {
    let (mut named, mut placed) = (Vec::new(), Vec::new());
    for expr in call.statics {
        match &expr.kind {
            Ast::Named(name, value) => named.push((name, &**value)),
            _ => placed.push(expr),
        }
    }
    named.extend(call.args.iter().filter_map(|arg| Some((axis_name(env, def, arg)?, arg.value))));
    (named, placed)
}

/// The name of an argument in parentheses that is a static parameter: `axis` of `softmax(x, axis = 0)`.
fn axis_name<'a>(env: &Env<'_>, def: usize, arg: &WrittenArg<'a>) -> Option<&'a ast::Ident> {
    let statics = &env.decls.functions[def].ast.statics;
    let axis =
        |name: &str| statics.iter().any(|of| matches!(of.kind, StaticKind::Axis) && of.name.name == name);
    arg.name.filter(|name| axis(&name.name))
}

/// Whether an argument in parentheses is an axis of who is called, or of the function that it is made of.
pub(super) fn is_axis(env: &Env<'_>, target: &CallTarget, arg: &WrittenArg<'_>) -> bool {
    match target {
        CallTarget::Callee(Callee::Def(def, _)) => axis_name(env, *def, arg).is_some(),
        CallTarget::Callee(Callee::Derived(derived)) => is_axis(env, &derived.of, arg),
        _ => false,
    }
}

/// The same call with the axes in its parentheses apart.
pub(super) fn without_axes<'a, 'e>(
    env: &Env<'_>,
    def: usize,
    call: &WrittenCall<'a, 'e>,
) -> WrittenCall<'a, 'e> {
    let (axes, args) = call.args.iter().partition(|arg| axis_name(env, def, arg).is_some());
    WrittenCall { args, axes, ..call.clone() }
}

/// Where a call gives static parameter `k`, or else the call.
pub(super) fn place(call: &WrittenCall<'_, '_>, k: usize, name: &str) -> Span {
    let axis = call.axes.iter().find(|arg| arg.name.is_some_and(|have| have.name == name));
    let named = call.statics.iter().find_map(|expr| match &expr.kind {
        Ast::Named(have, value) if have.name == name => Some(value.span),
        _ => None,
    });
    let by_place = call.statics.iter().filter(|expr| !matches!(expr.kind, Ast::Named(..))).nth(k);
    let span = axis.map(|arg| arg.value.span).or(named).or(by_place.map(|expr| expr.span));
    span.unwrap_or(call.span)
}

/// All static arguments, the defaults of those that are left out among them.
fn left_out(
    cx: &mut Typer<'_, '_>,
    def: usize,
    slots: Vec<Option<StaticArg>>,
    span: Span,
) -> Checked<Vec<StaticArg>> {
    let wanted = &cx.env.decls.functions[def].ast.statics;
    let count = slots.iter().flatten().count();
    let mut all = Vec::new();
    for (k, slot) in slots.into_iter().enumerate() {
        all.push(match slot {
            Some(value) => value,
            None if matches!(wanted[k].kind, StaticKind::Error) => return Err(Poison),
            None => match kinds::default_static(cx, def, k) {
                Some(value) => value?,
                None if follows_from_arguments(cx.env, def, &wanted[k]) => StaticArg::Inferred,
                None if wanted.iter().any(ast::Static::may_be_left_out) => {
                    return Err(lacks_static(cx.env, def, &wanted[k].name.name, span));
                }
                None => return Err(static_count(cx.env, def, count, span)),
            },
        });
    }
    Ok(all)
}

/// Whether a size of a function may be left out: types of arguments or results say it.
fn follows_from_arguments(env: &Env<'_>, def: usize, of: &ast::Static) -> bool {
    let Declaration { ast, model, .. } = env.decls.functions[def];
    let types = ast.args.iter().map(|arg| &arg.ty).chain(&ast.results);
    let mut sizes = types.flat_map(|ty| &ty.shape);
    !model && matches!(of.kind, StaticKind::Size) && sizes.any(|size| mentions(size, &of.name.name))
}

fn mentions(expr: &ast::Expr, name: &str) -> bool {
    matches!(&expr.kind, Ast::Name(have) if have == name)
        || expr.kind.children().into_iter().any(|child| mentions(child, name))
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
fn static_slot(
    env: &mut Env<'_>,
    def: usize,
    name: &ast::Ident,
    slots: &[Option<StaticArg>],
) -> Checked<usize> {
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
    let message = format!("`{name}` is given twice");
    let found = at(&errors::WRONG_STATIC, message, span, "given by place and by name, or twice by name");
    env.report(found.help("give it once"))
}

fn amount(n: usize) -> String {
    if n == 0 { "nothing".into() } else { n.to_string() }
}
