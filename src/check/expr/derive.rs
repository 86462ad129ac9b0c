//! Derivatives: `grad(f)(x)`, `vjp(f)(x, dy)` and the like, functions made of functions.
//!
//! `grad(f)(x)` becomes `f` applied to a name that stands for `x` in this place only, and the request to
//! differentiate by that name. So whatever can be called can be differentiated: builtins, models with
//! their parameters, derivatives.

use super::typer::{Typer, WrittenArg, WrittenCall};
use super::{args, convert, derived, origin, statics};
use crate::algebra::types::{DType, Type};
use crate::ast;
use crate::check::env::{CallTarget, Callee, Checked, Derived, Env, Scope, Value, Weak};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::typed::{Derive, DeriveKind, Expr, ExprKind, build};

/// `grad(f)(x, ...)`
pub(super) fn call_derived<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    of: &Derived,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    args::no_more_statics(cx.env, call)?;
    let names = derived::arg_names(cx.env, &of.of);
    let (args, seeds) = seeds_apart(cx.env, of, &names, call)?;
    let before = scope.known.len();
    let wrt = by(cx, scope, of, &names, &args, call);
    let body = wrt.and_then(|wrt| {
        let inner = WrittenCall {
            name: of.name.clone(),
            statics: &[],
            args,
            span: call.span,
            expected: None,
            axes: Vec::new(),
        };
        Ok((wrt, cx.call_target(scope, of.of.clone(), &inner)?))
    });
    scope.known.truncate(before);
    let (wrt, body) = body?;
    let body = convert::settle(cx.env, body)?;
    can_be_derived(cx.env, of, &body, call)?;
    let seeds = seed_values(cx, scope, of, &wrt, &body, seeds)?;
    let derive = Derive { kind: of.kind, wrt, body, seeds };
    let ty = derive.results()[0].clone();
    Ok(Value::strong(Expr { kind: ExprKind::Derive(Box::new(derive)), ty, span: call.span }))
}

/// The arguments of the function, and those that come after them.
#[allow(clippy::type_complexity, reason = "two lists, as they come")]
fn seeds_apart<'a>(
    env: &mut Env<'a>,
    of: &Derived,
    names: &[String],
    call: &WrittenCall<'a, '_>,
) -> Checked<(Vec<WrittenArg<'a>>, Vec<&'a ast::Expr>)> {
    let wanted = of.seeds(names);
    let is_axis = |arg: &WrittenArg<'a>| statics::is_axis(env, &of.of, arg);
    let (axes, mut args): (Vec<WrittenArg<'a>>, Vec<WrittenArg<'a>>) =
        call.args.iter().partition(|arg| is_axis(arg));
    let mut seeds: Vec<Option<&'a ast::Expr>> = vec![None; wanted.len()];
    args.retain(|arg| {
        let own = |name: &String| arg.name.is_some_and(|given| given.name == *name && !names.contains(name));
        let slot = wanted.iter().position(own).filter(|slot| seeds[*slot].is_none());
        slot.is_none_or(|slot| {
            seeds[slot] = Some(arg.value);
            false
        })
    });
    for slot in seeds.iter_mut().rev().filter(|slot| slot.is_none()) {
        if args.last().is_none_or(|arg| arg.name.is_some()) {
            break;
        }
        *slot = args.pop().map(|arg| arg.value);
    }
    let given = seeds.iter().flatten().count();
    let fixed = !matches!(of.of, CallTarget::Callee(Callee::Builtin(_)));
    let least = least_args(env, &of.of);
    if given < wanted.len() || fixed && (args.len() < least || args.len() > names.len()) {
        let all: Vec<&str> = names.iter().chain(&wanted).map(String::as_str).collect();
        let count = call.args.len() - axes.len();
        let message = format!("`{}` takes {}, not {count}", of.text(), arguments(all.len()));
        let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this call");
        return Err(env.report(found.help(format!("it is `{}({})`", of.text(), all.join(", ")))));
    }
    args.extend(axes);
    Ok((args, seeds.into_iter().flatten().collect()))
}

/// How many arguments a function needs.
fn least_args(env: &Env<'_>, of: &CallTarget) -> usize {
    match of {
        CallTarget::Callee(Callee::Def(def, _) | Callee::Model(def, ..)) => {
            env.decls.functions[*def].ast.args.iter().filter(|arg| arg.default.is_none()).count()
        }
        CallTarget::Callee(Callee::Derived(derived)) => {
            least_args(env, &derived.of) + derived.seeds(&derived::arg_names(env, &derived.of)).len()
        }
        CallTarget::Callee(Callee::Builtin(_)) | CallTarget::Inner => 0,
        _ => derived::arg_names(env, of).len(),
    }
}

/// Gives each argument that is differentiated by a name, which then stands for it.
fn by<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    of: &Derived,
    names: &[String],
    args: &[WrittenArg<'a>],
    call: &WrittenCall<'a, '_>,
) -> Checked<Vec<(crate::typed::LocalId, Expr)>> {
    let mut wrt = Vec::new();
    for k in &of.wrt {
        let named = args.iter().find(|arg| arg.name.is_some_and(|name| name.name == names[*k]));
        let arg = named.or_else(|| args.get(*k).filter(|arg| arg.name.is_none()));
        let Some(arg) = arg else {
            if of.kind == DeriveKind::Checkpoint {
                continue;
            }
            let message =
                format!("missing argument `{}` of `{}`, by which it is differentiated", names[*k], of.text());
            return Err(cx
                .env
                .report(at(&errors::WRONG_ARGUMENT, message, call.span, "this call").help("give it")));
        };
        let value = cx.expr(scope, arg.value, None)?;
        let Some(value) = varying(cx.env, scope, of, (*k, &names[*k]), value)? else { continue };
        let (ty, span) = (value.ty.clone(), arg.value.span);
        let local = scope.local(&names[*k], ty.clone(), span);
        let name = Expr { kind: ExprKind::Local(local), ty, span };
        wrt.push((local, value));
        scope.known.push((span, Value::strong(name)));
    }
    Ok(wrt)
}

/// An argument to differentiate by, which must be of floats; a checkpoint leaves out others.
fn varying(
    env: &mut Env<'_>,
    scope: &Scope,
    of: &Derived,
    (k, name): (usize, &str),
    value: Value,
) -> Checked<Option<Expr>> {
    let checkpoint = of.kind == DeriveKind::Checkpoint;
    let declared = float_of(env, of, k);
    if value.weak != Weak::No {
        let dtype = declared.unwrap_or(env.real);
        return match checkpoint {
            true => Ok(None),
            false => convert::converted(env, scope, value, dtype, &format!("`{name}`")).map(Some),
        };
    }
    match (value.expr.ty.dtype.is_float(), declared) {
        (true, _) => Ok(Some(value.expr)),
        // What the call makes real is real for its derivative.
        (false, Some(dtype)) if value.expr.ty.dtype.is_int() => Ok(Some(build::cast(value.expr, dtype))),
        _ if checkpoint => Ok(None),
        _ => {
            let shown = text::show(&value.expr.ty, env.real);
            let message = format!("there is no derivative by `{name}`, which is `{shown}`");
            let found = at(&errors::NO_DERIVATIVE, message, value.expr.span, format!("this is `{shown}`"));
            let found = origin::label_origin(env, scope, &value.expr, found);
            Err(env.report(found.help(format!(
                "name another argument: `{}({}, wrt = ...)`, or pass `real({name})`",
                of.kind.name(),
                of.name
            ))))
        }
    }
}

/// The floats that argument `k` is declared as, if it is.
fn float_of(env: &Env<'_>, of: &Derived, k: usize) -> Option<DType> {
    let CallTarget::Callee(Callee::Def(def, _) | Callee::Model(def, ..)) = &of.of else {
        return None;
    };
    match env.decls.functions[*def].ast.args.get(k)?.ty.dtype.name.as_str() {
        "real" => Some(env.real),
        "f64" => Some(DType::F64),
        "f32" => Some(DType::F32),
        _ => None,
    }
}

/// Whether a value can be differentiated as is asked.
fn can_be_derived<'a>(
    env: &mut Env<'a>,
    of: &Derived,
    body: &Expr,
    call: &WrittenCall<'a, '_>,
) -> Checked<()> {
    let shown = text::show(&body.ty, env.real);
    let count = env.instances.results(body).len();
    if count > 1 {
        let message =
            format!("`{}` gives {}, and `{}` takes one", of.name, errors::values(count), of.kind.name());
        let found = at(&errors::SEVERAL_VALUES, message, call.span, "taken as one value");
        return Err(env.report(found.help("write a function that gives one of them")));
    }
    if of.kind == DeriveKind::Checkpoint {
        return Ok(());
    }
    if !body.ty.dtype.is_float() {
        let message = format!("`{}` gives `{shown}`, which has no derivative", of.name);
        let found = at(&errors::NO_DERIVATIVE, message, call.span, format!("differentiates a `{shown}`"));
        return Err(env.report(found.help("differentiate what gives `real` numbers")));
    }
    let scalar = matches!(of.kind, DeriveKind::Grad | DeriveKind::ValueAndGrad | DeriveKind::Hvp);
    if scalar && body.ty.rank() > 0 {
        let message = format!("`{}` is of one number, and `{}` gives `{shown}`", of.kind.name(), of.name);
        let found = at(&errors::GRADIENT_NOT_SCALAR, message, call.span, format!("the value is `{shown}`"));
        return Err(env.report(found.help(format!(
            "sum the result of `{0}`, or weigh it: `vjp({0})(x, dy)` with `dy` of its shape",
            of.name
        ))));
    }
    Ok(())
}

/// The gradient that `vjp` starts from, or the directions of `jvp` and `hvp`. One number stands for
/// itself everywhere.
fn seed_values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    of: &Derived,
    wrt: &[(crate::typed::LocalId, Expr)],
    body: &Expr,
    seeds: Vec<&'a ast::Expr>,
) -> Checked<Vec<Expr>> {
    let mut values = Vec::new();
    for (k, seed) in seeds.into_iter().enumerate() {
        let (ty, of_what): (Type, String) = match of.kind {
            DeriveKind::Vjp => (body.ty.clone(), format!("the value of `{}`", of.name)),
            _ => (wrt[k].1.ty.clone(), format!("`{}`", scope.locals[wrt[k].0.0].name)),
        };
        let value = cx.expr(scope, seed, None)?;
        let number = value.expr.ty.rank() == 0 && !scope.in_stage();
        let expected = (body.span, format!("{of_what} is `{}`", text::show(&ty, cx.env.real)));
        values.push(match number {
            true => {
                let expr = convert::converted(cx.env, scope, value, ty.dtype, "what is expected")?;
                build::broadcast(expr, &ty.shape)
            }
            false => convert::coerce(cx.env, scope, value, &ty, expected)?,
        });
    }
    Ok(values)
}

fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}
