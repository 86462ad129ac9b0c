//! What calls are given: arguments by place and by name, axes, sizes in square brackets.

use super::typer::{Call, Typer};
use super::{arith, dims};
use crate::algebra::types::{Shape, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope, Value};
use crate::check::errors::{self, at, nearest};
use crate::check::text;
use crate::source::Span;

/// Arguments by position and name, in the order of `names`; the first `needed` must be there.
pub(crate) fn match_args<'a>(
    env: &mut Env<'a>,
    call: &Call<'a, '_>,
    names: &[&str],
    needed: usize,
    declared: Option<Span>,
) -> Checked<Vec<Option<&'a ast::Expr>>> {
    let mut found: Vec<Option<&'a ast::Expr>> = vec![None; names.len()];
    let mut result = Ok(());
    for (k, arg) in call.args.iter().enumerate() {
        let slot = match arg.name {
            None => (k < names.len()).then_some(k),
            Some(name) => names.iter().position(|have| *have == name.name),
        };
        let diagnostic = match (slot, arg.name) {
            (Some(slot), _) if found[slot].is_none() => {
                found[slot] = Some(arg.value);
                continue;
            }
            (Some(slot), _) => {
                let message = format!("argument `{}` of `{}` is given twice", names[slot], call.name);
                at(&errors::WRONG_ARGUMENT, message, arg.value.span, "given again").help("give it once")
            }
            (None, Some(name)) => {
                let message = format!("`{}` has no argument `{}`", call.name, name.name);
                let found = at(&errors::WRONG_ARGUMENT, message, name.span, "no such argument");
                match nearest(&name.name, names.iter().copied()) {
                    Some(near) => found.help(format!("did you mean `{near}`?")),
                    None => found.help(format!("it is {}", call_form(env, call, names, declared))),
                }
            }
            (None, None) => {
                let message =
                    format!("`{}` takes {}, not {}", call.name, arguments(names.len()), call.args.len());
                at(&errors::WRONG_ARGUMENT, message, arg.value.span, "one too many")
                    .help(format!("it is {}", call_form(env, call, names, declared)))
            }
        };
        result = Err(env.report(declared_at(diagnostic, declared)));
    }
    if let (Some(missing), Ok(())) = (found[..needed].iter().position(Option::is_none), result) {
        result = Err(lacks_argument(env, call, names[missing], names, declared));
    }
    result.map(|()| found)
}

/// A call without an argument that must be there.
pub(crate) fn lacks_argument<'a>(
    env: &mut Env<'a>,
    call: &Call<'a, '_>,
    missing: &str,
    names: &[&str],
    declared: Option<Span>,
) -> Poison {
    let message = format!("`{}` lacks argument `{missing}`", call.name);
    let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this call");
    let found = found.help(format!("it is {}", call_form(env, call, names, declared)));
    env.report(declared_at(found, declared))
}

fn declared_at(found: crate::diag::Diagnostic, declared: Option<Span>) -> crate::diag::Diagnostic {
    match declared {
        Some(span) => found.label(span, "declared here"),
        None => found,
    }
}

fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}

/// How a function is called: with what it takes in square brackets, and along an axis if it can be.
fn call_form<'a>(env: &Env<'a>, call: &Call<'a, '_>, names: &[&str], declared: Option<Span>) -> String {
    let def = env.decls.functions.iter().position(|def| Some(def.ast.name.span) == declared);
    let name = def.map_or(call.name.clone(), |def| with_statics(env, def));
    let names = names.join(", ");
    match def.is_some_and(|def| env.decls.functions[def].has_axis()) {
        true => format!("`{name}({names})` or `{name}({names}, axis = k)`"),
        false => format!("`{name}({names})`"),
    }
}

/// The name of a function, with what it takes in square brackets.
pub(super) fn with_statics(env: &Env<'_>, def: usize) -> String {
    let ast::Function { name, statics, .. } = env.decls.functions[def].ast;
    let written = |given: &ast::Static| match &given.default {
        Some(default) => format!("{} = {}", given.name.name, text::source(default)),
        None => given.name.name.clone(),
    };
    let names: Vec<String> = statics.iter().map(written).collect();
    if names.is_empty() { name.name.clone() } else { format!("{}[{}]", name.name, names.join(", ")) }
}

/// Checks arguments that are all there.
pub(crate) fn values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    written: Checked<Vec<Option<&'a ast::Expr>>>,
) -> Checked<Vec<Value>> {
    let Ok(written) = written else {
        for arg in &call.args {
            let _ = cx.expr(scope, arg.value, None);
        }
        return Err(Poison);
    };
    let values: Vec<_> = written.into_iter().flatten().map(|arg| cx.expr(scope, arg, None)).collect();
    values.into_iter().collect()
}

/// Arguments by name, of which the first `needed` must be there.
pub(crate) fn given<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    names: &[&str],
    needed: usize,
) -> Checked<Vec<Option<Value>>> {
    let written = match match_args(cx.env, call, names, needed, None) {
        Ok(written) => written,
        Err(poison) => {
            let _ = values(cx, scope, call, Err(poison));
            return Err(poison);
        }
    };
    let values: Vec<Checked<Option<Value>>> =
        written.into_iter().map(|arg| arg.map(|arg| cx.expr(scope, arg, None)).transpose()).collect();
    values.into_iter().collect()
}

/// Checks arguments for their own errors only.
pub(super) fn check_args<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) {
    for arg in &call.args {
        let _ = cx.expr(scope, arg.value, None);
    }
}

/// A number that must be known: `axis = -1`.
pub(crate) fn known_int(env: &mut Env<'_>, value: &Value, what: &str) -> Checked<i64> {
    match arith::number(value) {
        Some(n) if n.fract() == 0.0 => Ok(n as i64),
        _ => {
            let message = format!("`{what}` must be a whole number known at compile time");
            Err(env.report(
                at(&errors::NOT_CONSTANT, message, value.expr.span, "not a whole number")
                    .help(format!("write a number: `{what} = 0`")),
            ))
        }
    }
}

/// An axis of a tensor, counted from the end when negative.
pub(crate) fn axis(env: &mut Env<'_>, value: &Value, of: &Type) -> Checked<usize> {
    let n = known_int(env, value, "axis")?;
    let rank = of.rank() as i64;
    let axis = if n < 0 { n + rank } else { n };
    if (0..rank).contains(&axis) {
        return Ok(axis as usize);
    }
    let shown = text::show(of, env.real);
    let message = format!("axis {n} of `{shown}`, which has {}", errors::axes(of.rank()));
    Err(env
        .report(at(&errors::SHAPE_MISMATCH, message, value.expr.span, "no such axis").help(axes_help(rank))))
}

/// Which axes there are.
pub(crate) fn axes_help(rank: i64) -> String {
    match rank {
        0 => "a single number has no axes: leave `axis` out".into(),
        1 => "its only axis is 0, or -1 for the last".into(),
        _ => format!("axes are 0 to {}, or -1 for the last", rank - 1),
    }
}

/// The sizes in square brackets.
pub(crate) fn sizes<'a>(env: &mut Env<'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Shape> {
    let mut sizes = Ok(Vec::new());
    for size in call.statics {
        let more = match (&size.kind, scope.rest()) {
            (Ast::Rest, Some(rest)) => Ok(rest.to_vec()),
            _ => dims::dim(env, scope, size, false)
                .and_then(|dim| Ok(vec![dims::positive(env, dim, size.span)?])),
        };
        match (sizes.as_mut(), more) {
            (Ok(sizes), Ok(more)) => sizes.extend(more),
            _ => sizes = Err(Poison),
        }
    }
    sizes
}

/// A builtin without square brackets.
pub(crate) fn no_statics(env: &mut Env<'_>, call: &Call<'_, '_>) -> Checked<()> {
    if call.statics.is_empty() {
        return Ok(());
    }
    let message = format!("`{}` has nothing in square brackets", call.name);
    Err(env.report(
        at(&errors::WRONG_STATIC, message, call.span, "this call").help("remove the square brackets"),
    ))
}

/// What a call of has its statics already.
pub(crate) fn no_more_statics<'a>(env: &mut Env<'a>, call: &Call<'a, '_>) -> Checked<()> {
    if call.statics.is_empty() {
        return Ok(());
    }
    let message = format!("what is static in `{}` has been given where it was declared", call.name);
    Err(env.report(
        at(&errors::WRONG_STATIC, message, call.span, "given again").help("remove the square brackets"),
    ))
}
