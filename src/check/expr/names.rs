//! Names: what one stands for as a value, and what is said of one that is none.

use super::recorded;
use crate::algebra::types::{DType, Type};
use crate::check::builtins;
use crate::check::env::{Binding, Callee, Checked, Env, Global, Poison, Scope, ScopeKind, Value, value};
use crate::check::errors::{self, at, nearest};
use crate::source::Span;
use crate::typed::{Counter, Expr, ExprKind, build};

/// A name as a value.
pub(super) fn name(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
    let value = |kind, ty: &Type| Ok(Value::strong(Expr { kind, ty: ty.clone(), span }));
    match scope.get(name) {
        Some(Binding::Local(id)) if scope.hidden().is_some_and(|first| id.0 < first) => {
            Err(hidden(env, scope, name, span))
        }
        Some(Binding::Param(..) | Binding::State(..)) if scope.hidden().is_some() => {
            Err(hidden(env, scope, name, span))
        }
        Some(Binding::Local(id)) => value(ExprKind::Local(*id), &scope.locals[id.0].ty),
        Some(Binding::Param(k, ty)) => value(ExprKind::Param(*k), ty),
        Some(Binding::State(k, ty)) => value(ExprKind::State(*k), ty),
        Some(Binding::Size(dim)) => Ok(value::size(dim, span)),
        Some(Binding::Number(number, integer)) => Ok(value::literal(*number, *integer, scope.float, span)),
        Some(Binding::Error) => Err(Poison),
        Some(Binding::Layer(_) | Binding::Layers(..)) => {
            no_value(env, &format!("layer `{name}`"), span, &format!("apply it: `x |> {name}`"))
        }
        Some(Binding::Function(Callee::Model(..))) => {
            no_value(env, &format!("model `{name}`"), span, &format!("call it: `{name}(x)`"))
        }
        Some(Binding::Function(_)) => {
            no_value(env, &format!("function `{name}`"), span, &format!("call it: `{name}(...)`"))
        }
        Some(Binding::Inner) => no_value(
            env,
            &format!("`{name}`, the pipeline before this stage,"),
            span,
            &format!("run it on parameters: `{name}(w)` is its update"),
        ),
        Some(Binding::Word(..)) => {
            no_value(env, &format!("word `{name}`"), span, "choose by it: `match` or `[...]` of a reduction")
        }
        None if !scope.library && env.globals.swept.iter().any(|swept| swept.name.name == name) => {
            swept_value(env, scope, name, span)
        }
        None => outer_name(env, scope, name, span),
    }
}

/// Something that is no value, and what to do with it.
pub(super) fn no_value(env: &mut Env<'_>, what: &str, span: Span, help: &str) -> Checked<Value> {
    Err(env.report(errors::not_a_value(what, span, help)))
}

/// A name that is none of the scope's own.
fn outer_name(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
    if !scope.library
        && let Some((value, integer)) = env.decls.constants.get(name)
    {
        return Ok(value::literal(*value, *integer, scope.float, span));
    }
    let global = if scope.library { None } else { env.globals.values.get(name).cloned() };
    match global {
        Some(Global::Error) => Err(Poison),
        Some(Global::Fit { .. }) => {
            no_value(env, &format!("fit `{name}`"), span, &format!("name one of its numbers: `{name}.loss`"))
        }
        Some(Global::Sweep { by, series, .. }) => {
            no_value(env, &format!("sweep `{name}`"), span, &recorded::table_help(name, &series, &by))
        }
        Some(Global::Eval { series, .. }) => {
            let help = series.first().map(|first| format!("name one of its numbers: `{name}.{first}`"));
            no_value(env, &format!("evaluation `{name}`"), span, &help.unwrap_or_default())
        }
        Some(Global::Value(..)) if scope.is_closed() => {
            let help =
                format!("pass `{name}` as an argument; only numbers known at compile time are seen here");
            no_value(env, &format!("`{name}`, computed when the script runs,"), span, &help)
        }
        Some(Global::Value(id, ty)) => {
            Ok(Value::strong(Expr { kind: ExprKind::Global(id), ty: ty.clone(), span }))
        }
        None => other_name(env, scope, name, span),
    }
}

/// A name that is no value, or unknown.
fn other_name(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
    if name == "training" {
        let ty = Type::scalar(DType::Bool);
        return Ok(Value::strong(Expr { kind: ExprKind::Training, ty, span }));
    }
    if let Some((found, _)) = Counter::ALL.into_iter().find(|(_, counter)| *counter == name)
        && let ScopeKind::Run(run) = scope.kind
    {
        return counter(env, found, run, scope.float, span);
    }
    if env.decls.data.contains_key(name) {
        return no_value(
            env,
            &format!("data `{name}`"),
            span,
            "its columns are in scope inside of `train` and `eval`",
        );
    }
    let named = !scope.library && env.decls.function_lets.contains_key(name);
    if named || env.decls.find_function(name, scope.library).is_some() || builtins::is_builtin(name) {
        return no_value(env, &format!("function `{name}`"), span, &format!("call it: `{name}(...)`"));
    }
    if env.decls.find_stage(name).is_some() {
        return no_value(env, &format!("stage `{name}`"), span, "stages stand in `optimizer = ...`");
    }
    if name == "u" && scope.in_stage() {
        return Err(no_update(env, scope, span));
    }
    let near = nearest_name(env, scope, name);
    Err(env.report(errors::unknown_name(name, span, near)))
}

/// `t` or `T` of a training run as a `real`.
fn counter(env: &mut Env<'_>, counter: Counter, run: usize, real: DType, span: Span) -> Checked<Value> {
    if env.globals.evaluations.contains(&run) {
        let what = format!("`{}`, a number of a training run,", counter.name());
        let help = "an evaluation is no step: call the function with a number in its place";
        return no_value(env, &what, span, help);
    }
    let ty = Type::scalar(DType::F64);
    let number = Expr { kind: ExprKind::Counter(counter), ty, span };
    Ok(Value::strong(build::cast(number, real)))
}

/// Something that has no value before training.
pub(super) fn hidden(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Poison {
    let message = format!("an initial value cannot depend on `{name}`");
    let found = at(&errors::PARAM_INIT, message, span, "not known before training");
    let found = match scope.declared(name) {
        Some(declared) => found.label(declared, format!("`{name}` is declared here")),
        None => found,
    };
    env.report(found.help("use sizes, numbers and `random`"))
}

/// `u` in a `wrap stage`.
fn no_update(env: &mut Env<'_>, scope: &Scope, span: Span) -> Poison {
    let inner = scope.names.iter().find(|(_, binding, _)| matches!(binding, Binding::Inner));
    let inner = inner.map_or("inner", |(name, ..)| name).to_string();
    let found = at(&errors::UNKNOWN_NAME, "a `wrap stage` has no `u`", span, "no such name");
    env.report(found.help(format!("run the pipeline before it: `{inner}(w)` is its update")))
}

/// A variable of the sweep: a cell in hyperparameters, a `real` in the loss and the metrics.
fn swept_value(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
    let k = env.globals.swept.iter().position(|variable| variable.name.name == name).ok_or(Poison)?;
    let ty = Type::scalar(DType::F64);
    let kind = match (scope.swept_cell(k), &scope.kind) {
        (Some(cell), _) => ExprKind::Local(cell.local),
        (None, ScopeKind::Run(_)) => ExprKind::Swept(k),
        _ => {
            let message = format!("`{name}` is another number in each run of the sweep");
            let found = at(&errors::WRONG_SWEEP, message, span, "this is the same in all of them");
            let found = found.label(env.globals.swept[k].name.span, "declared here");
            let help =
                "runs of a sweep differ in hyperparameters, the seed, and numbers in the loss and metrics";
            return Err(env.report(found.help(help)));
        }
    };
    env.globals.swept[k].used = true;
    Ok(Value::strong(build::cast(Expr { kind, ty, span }, scope.float)))
}

/// Whether anything at the top level has this name.
pub(crate) fn is_known(env: &Env<'_>, name: &str) -> bool {
    env.decls.find_function(name, false).is_some()
        || env.decls.find_stage(name).is_some()
        || builtins::is_builtin(name)
        || env.globals.values.contains_key(name)
        || env.decls.function_lets.contains_key(name)
        || env.decls.constants.contains_key(name)
        || env.decls.data.contains_key(name)
}

/// The name in reach that is nearest to a misspelled one.
pub(crate) fn nearest_name(env: &Env<'_>, scope: &Scope, name: &str) -> Option<String> {
    let decls = &env.decls;
    let mut known: Vec<&str> = scope.names.iter().map(|(name, ..)| name.as_str()).collect();
    known.extend(decls.functions.names());
    known.extend(decls.constants.keys().copied());
    known.extend(env.globals.values.keys().copied());
    known.extend(decls.function_lets.keys().copied());
    known.extend(decls.data.keys().copied());
    known.extend(builtins::names());
    nearest(name, known)
}
