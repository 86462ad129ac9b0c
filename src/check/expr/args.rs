//! What calls are given: arguments by place and by name, axes, sizes in square brackets.

use super::typer::{Typer, WrittenArg, WrittenCall};
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
    call: &WrittenCall<'a, '_>,
    names: &[&str],
    needed: usize,
    declared: Option<Span>,
) -> Checked<Vec<Option<&'a ast::Expr>>> {
    if let Some(poison) = sizes_in_parentheses(env, call) {
        return Err(poison);
    }
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
        result = Err(missing_argument(env, call, names[missing], names, declared));
    }
    result.map(|()| found)
}

/// `iota(5)`, `reshape(x, B, -1)`: sizes of these stand in square brackets.
fn sizes_in_parentheses<'a>(env: &mut Env<'a>, call: &WrittenCall<'a, '_>) -> Option<Poison> {
    let own = match call.name.as_str() {
        "iota" => 0,
        "reshape" | "broadcast" | "one_hot" => 1,
        _ => return None,
    };
    let sizes = call
        .args
        .get(own..)
        .filter(|sizes| !sizes.is_empty() && sizes.iter().all(|arg| arg.name.is_none()))?;
    if !call.statics.is_empty() {
        return None;
    }
    let size = |arg: &WrittenArg<'a>| env.quote(arg.value.span);
    let open = sizes.iter().any(|arg| size(arg).starts_with('-'));
    let sizes_of: Vec<String> = sizes
        .iter()
        .map(size)
        .map(|size| if size.starts_with('-') { "N".to_string() } else { size })
        .collect();
    let of = call.args[..own].first().map(|of| format!("({})", env.quote(of.value.span)));
    let form = format!("`{}[{}]{}`", call.name, sizes_of.join(", "), of.unwrap_or_default());
    let message = format!("the sizes of `{}` stand in square brackets", call.name);
    let found = at(&errors::WRONG_ARGUMENT, message, sizes[0].value.span, "a size in parentheses");
    let found = match open {
        true => found.note("every size is written: none follows from the others as -1 does elsewhere"),
        false => found,
    };
    Some(env.report(found.help(format!("write {form}"))))
}

/// A call without an argument that must be there.
pub(crate) fn missing_argument<'a>(
    env: &mut Env<'a>,
    call: &WrittenCall<'a, '_>,
    missing: &str,
    names: &[&str],
    declared: Option<Span>,
) -> Poison {
    let message = format!("missing argument `{missing}` of `{}`", call.name);
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

/// How a function is called: with what it takes in square brackets, and axes by their names.
fn call_form<'a>(
    env: &Env<'a>,
    call: &WrittenCall<'a, '_>,
    names: &[&str],
    declared: Option<Span>,
) -> String {
    let def = env.decls.functions.iter().find(|def| Some(def.ast.name.span) == declared);
    let statics = def.map_or(&[] as &[ast::Static], |def| &def.ast.statics);
    let name = def.map_or(call.name.as_str(), |def| def.ast.name.name.as_str());
    let (axes, others): (Vec<_>, Vec<_>) =
        statics.iter().partition(|of| matches!(of.kind, ast::StaticKind::Axis));
    let axis = |of: &ast::Static| {
        let default = of.default.as_ref().map_or("0".to_string(), |default| env.quote(default.span));
        format!("{} = {default}", of.name.name)
    };
    let names: Vec<String> =
        names.iter().map(ToString::to_string).chain(axes.into_iter().map(axis)).collect();
    format!("`{}({})`", in_brackets(env, name, others), names.join(", "))
}

/// The name of a function, with what it takes in square brackets.
pub(super) fn with_statics(env: &Env<'_>, def: usize) -> String {
    let ast::Function { name, statics, .. } = env.decls.functions[def].ast;
    in_brackets(env, &name.name, statics)
}

fn in_brackets<'s>(env: &Env<'_>, name: &str, statics: impl IntoIterator<Item = &'s ast::Static>) -> String {
    let statics: Vec<String> = statics.into_iter().map(|of| text::static_source(env, of)).collect();
    if statics.is_empty() { name.to_string() } else { format!("{name}[{}]", statics.join(", ")) }
}

/// Checks arguments that are all there.
pub(crate) fn values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
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
    call: &WrittenCall<'a, '_>,
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
pub(super) fn check_args<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) {
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
    in_range(n, of.rank())
        .ok_or_else(|| no_such_axis(env, &format!("axis {n} of"), of, of.rank(), value.expr.span))
}

/// An axis counted from the first, if there is one.
pub(super) fn in_range(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis.checked_add(rank)? } else { axis };
    (0..rank).contains(&axis).then_some(axis as usize)
}

/// An axis that a tensor does not have.
pub(super) fn no_such_axis(env: &mut Env<'_>, what: &str, of: &Type, rank: usize, span: Span) -> Poison {
    let shown = text::show(of, env.real);
    let message = format!("{what} `{shown}`, which has {}", errors::axes(rank));
    env.report(at(&errors::SHAPE_MISMATCH, message, span, "no such axis").help(axes_help(rank as i64)))
}

/// Which axes there are.
pub(crate) fn axes_help(rank: i64) -> String {
    match rank {
        0 => "a single number has no axes: give a tensor, or leave `axis` out".into(),
        1 => "its only axis is 0, or -1 for the last".into(),
        _ => format!("axes are 0 to {}, or -1 for the last", rank - 1),
    }
}

/// The sizes in square brackets.
pub(crate) fn sizes<'a>(env: &mut Env<'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) -> Checked<Shape> {
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
pub(crate) fn no_statics(env: &mut Env<'_>, call: &WrittenCall<'_, '_>) -> Checked<()> {
    if call.statics.is_empty() {
        return Ok(());
    }
    let message = format!("`{}` has nothing in square brackets", call.name);
    Err(env.report(
        at(&errors::WRONG_STATIC, message, call.span, "this call").help("remove the square brackets"),
    ))
}

/// What a call of has its statics already.
pub(crate) fn no_more_statics<'a>(env: &mut Env<'a>, call: &WrittenCall<'a, '_>) -> Checked<()> {
    if call.statics.is_empty() {
        return Ok(());
    }
    let message = format!("static arguments of `{}` were already bound where it was declared", call.name);
    Err(env.report(
        at(&errors::WRONG_STATIC, message, call.span, "given again").help("remove the square brackets"),
    ))
}
