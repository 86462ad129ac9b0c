//! Static arguments by their kinds: what an expression is, and whether a static parameter takes that.

use super::typer::{Typer, WrittenCall};
use super::{dims, parts, statics, targets};
use crate::algebra::types::{DType, Dim};
use crate::ast::{self, ExprKind as Ast, StaticKind};
use crate::check::env::{
    Binding, Callee, Checked, Declaration, Env, Global, Poison, Scope, ScopeKind, StaticArg, Weak,
};
use crate::check::errors::{self, at};
use crate::check::{builtins, text};
use crate::print::number;
use crate::source::Span;
use crate::typed::{ExprKind, Part};

/// What is given for a static parameter: a function, and which of its parameters.
pub(super) fn static_arg<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    (def, k): (usize, usize),
    expr: &'a ast::Expr,
) -> Checked<StaticArg> {
    let Declaration { ast, model, .. } = cx.env.decls.functions[def];
    let wanted = &ast.statics[k];
    let found = match &wanted.kind {
        StaticKind::Error => return Err(Poison),
        StaticKind::Words(_) => word(cx, scope, wanted.kind.words(), expr)?,
        _ => classified(cx, scope, expr)?,
    };
    match taken(cx.env, &wanted.kind, &found) {
        // A function has no layers to make of a declared model, and a model none to make of a trained one.
        Some(StaticArg::Function(callee))
            if matches!(wanted.kind, StaticKind::Model) && model == matches!(callee, Callee::Model(..)) =>
        {
            Err(whose_parameters(cx.env, (def, k), &callee, expr.span))
        }
        Some(value) => Ok(value),
        None => Err(wrong_kind(cx.env, (def, k), &found, expr.span)),
    }
}

/// What a static parameter is where it is left out, if it may be.
pub(crate) fn default_static(cx: &mut Typer<'_, '_>, def: usize, k: usize) -> Option<Checked<StaticArg>> {
    let Declaration { ast, library, .. } = cx.env.decls.functions[def];
    match (&ast.statics[k].default, &ast.statics[k].kind) {
        (Some(default), _) => {
            let mut scope = Scope::new(ScopeKind::Statement, library, cx.env.real);
            Some(static_arg(cx, &mut scope, (def, k), default))
        }
        (None, StaticKind::Words(all)) => Some(Ok(StaticArg::Word(all.first()?.name.clone()))),
        (None, _) => None,
    }
}

/// Defaults and words of static parameters, which are checked whether or not a call needs them.
pub(crate) fn check_declared(cx: &mut Typer<'_, '_>, def: usize) {
    let statics = &cx.env.decls.functions[def].ast.statics;
    for (k, of) in statics.iter().enumerate() {
        let _ = default_static(cx, def, k);
        let StaticKind::Words(all) = &of.kind else { continue };
        for (at, word) in all.iter().enumerate() {
            if let Some(before) = all[..at].iter().find(|before| before.name == word.name) {
                cx.env.report(errors::duplicate(&word.name, word.span, Some(before.span)));
            }
        }
    }
}

/// A word to choose, or what is there in its place.
fn word<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    words: Vec<String>,
    expr: &'a ast::Expr,
) -> Checked<StaticArg> {
    let Ast::Name(name) = &expr.kind else { return classified(cx, scope, expr) };
    let bound = scope.get(name);
    match bound {
        Some(Binding::Word(word, _)) => Ok(StaticArg::Word(word.clone())),
        _ if words.contains(name) => Ok(StaticArg::Word(name.clone())),
        Some(_) => classified(cx, scope, expr),
        None => Err(cx.env.report(errors::none_of(&errors::UNKNOWN_WORD, "word", name, expr.span, &words))),
    }
}

/// What is found as a value of this kind.
fn taken(env: &Env<'_>, kind: &StaticKind, found: &StaticArg) -> Option<StaticArg> {
    let whole = |dim: &Dim| dim.as_constant();
    match (kind, found) {
        (StaticKind::Size, StaticArg::Size(_)) | (StaticKind::Number, StaticArg::Number(_)) => {
            Some(found.clone())
        }
        (StaticKind::Number, StaticArg::Size(dim)) => {
            whole(dim).map(|n| StaticArg::Number((n as f64).to_bits()))
        }
        (StaticKind::Axis, StaticArg::Size(dim)) => whole(dim).map(StaticArg::Axis),
        (StaticKind::Fn, StaticArg::Function(callee)) => function(env, callee).map(StaticArg::Function),
        (StaticKind::Model, StaticArg::Function(callee)) => is_model(env, callee).then(|| found.clone()),
        (StaticKind::Words(_), StaticArg::Word(word)) => kind.words().contains(word).then(|| found.clone()),
        _ => None,
    }
}

/// Whether this is a model, with or without parameters.
fn is_model(env: &Env<'_>, callee: &Callee) -> bool {
    match callee {
        Callee::Def(def, _) => env.decls.functions[*def].model,
        Callee::Model(..) => true,
        Callee::Builtin(_) | Callee::Derived(_) => false,
    }
}

/// What may be called: of `conv2d`, which is a model of the library as well, the builtin.
fn function(env: &Env<'_>, callee: &Callee) -> Option<Callee> {
    match callee {
        Callee::Def(def, given) if env.decls.functions[*def].model => {
            let Declaration { ast, library, .. } = env.decls.functions[*def];
            let name = &ast.name.name;
            let builtin = library && given.is_empty() && builtins::is_builtin(name);
            builtin.then(|| Callee::Builtin(name.clone()))
        }
        other => Some(other.clone()),
    }
}

/// What an expression in square brackets is.
fn classified<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<StaticArg> {
    if let Some(named) = named(cx, scope, expr) {
        return named;
    }
    if targets::makes_function(cx.env, scope, expr) {
        return targets::static_function(cx, scope, expr);
    }
    if let Ast::Bracket(of, inside) = &expr.kind
        && let Ast::Name(name) = &of.kind
        && let Some(def) = cx.env.decls.find_function(name, scope.library)
    {
        let call = WrittenCall {
            name: name.clone(),
            statics: inside,
            args: Vec::new(),
            span: expr.span,
            expected: None,
            axes: Vec::new(),
        };
        let given = statics::statics(cx, scope, def, Vec::new(), &call)?;
        let callee = Callee::Def(def, given);
        targets::closed(cx.env, &callee, expr.span)?;
        return Ok(StaticArg::Function(callee));
    }
    if sizes_only(scope, expr) {
        return Ok(StaticArg::Size(dims::dim(cx.env, scope, expr, false)?));
    }
    let value = cx.expr(scope, expr, None)?;
    let (integer, ty) = (value.weak == Weak::Int, &value.expr.ty);
    match value.expr.kind {
        ExprKind::Size(dim) => Ok(StaticArg::Size(dim)),
        ExprKind::Const(n) if integer => Ok(StaticArg::Size(Dim::constant(n as i64))),
        ExprKind::Const(n) if ty.rank() == 0 && ty.dtype != DType::Bool => Ok(StaticArg::Number(n.to_bits())),
        _ => {
            let found =
                at(&errors::NOT_CONSTANT, "this is not known at compile time", expr.span, "not constant");
            Err(cx.env.report(found.help("square brackets take sizes, numbers, functions and words")))
        }
    }
}

/// A function or a word by its name, or a layer of a model with its parameters.
fn named(cx: &mut Typer<'_, '_>, scope: &Scope, expr: &ast::Expr) -> Option<Checked<StaticArg>> {
    let Ast::Name(name) = &expr.kind else {
        return parts::callee(cx.env, scope, expr).map(|callee| callee.map(StaticArg::Function));
    };
    match scope.get(name) {
        Some(Binding::Function(callee)) => {
            let callee = callee.clone();
            Some(targets::closed(cx.env, &callee, expr.span).map(|()| StaticArg::Function(callee)))
        }
        Some(Binding::Word(word, _)) => Some(Ok(StaticArg::Word(word.clone()))),
        Some(_) => None,
        None => outer_function(cx, scope, name),
    }
}

/// A function that is declared at the top level, or a builtin.
fn outer_function(cx: &mut Typer<'_, '_>, scope: &Scope, name: &str) -> Option<Checked<StaticArg>> {
    if let Some(def) = cx.env.decls.find_function(name, scope.library) {
        return Some(Ok(StaticArg::Function(Callee::Def(def, Vec::new()))));
    }
    if !scope.library
        && let Some(made) = targets::global_function(cx, name)
    {
        return Some(made.map(StaticArg::Function));
    }
    if let (false, Some(Global::Fit { id, callee: Callee::Def(def, given), .. })) =
        (scope.library, cx.env.globals.values.get(name))
    {
        return Some(Ok(StaticArg::Function(Callee::Model(*def, given.clone(), Part::fit(*id)))));
    }
    let builtin = builtins::is_builtin(name) && !cx.env.decls.constants.contains_key(name);
    builtin.then(|| Ok(StaticArg::Function(Callee::Builtin(name.to_string()))))
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

/// A static argument of another kind than its parameter.
fn wrong_kind(env: &mut Env<'_>, (def, k): (usize, usize), found: &StaticArg, span: Span) -> Poison {
    let Declaration { ast, library, .. } = env.decls.functions[def];
    let wanted = &ast.statics[k];
    let (have, kind) = described(env, found);
    let message = format!(
        "`{}` of `{}` is {}, and this is {have}",
        wanted.name.name,
        ast.name.name,
        noun(&wanted.kind)
    );
    let found = at(&errors::WRONG_STATIC, message, span, have);
    let found = found.label(wanted.name.span, format!("declared as `{}`", text::static_source(env, wanted)));
    let help = match (&wanted.kind, kind) {
        (StaticKind::Size, Some(kind))
            if !library && wanted.default.as_ref().is_none_or(|default| default.span == span) =>
        {
            let declared = ast::Static { kind, ..wanted.clone() };
            format!("a name alone is a size: declare it as `{}`", text::static_source(env, &declared))
        }
        (kind, _) => format!("give it {}", noun(kind)),
    };
    env.report(found.help(help))
}

/// A model without parameters for a function that calls it, or one with its parameters where a layer is made.
fn whose_parameters(env: &mut Env<'_>, (def, k): (usize, usize), callee: &Callee, span: Span) -> Poison {
    let Declaration { ast, model, .. } = env.decls.functions[def];
    let (of, wanted) = (&ast.name.name, &ast.statics[k]);
    let name = super::instances::callee_name(env, callee);
    let (message, label, help) = match model {
        true => (
            format!("`{of}` makes layers of `{}`, and this model has parameters already", wanted.name.name),
            "a model of a run",
            format!("name a declared model, or declare it as `{}: fn` and call it", wanted.name.name),
        ),
        false => (
            format!("`{of}` calls `{}`, and this does not say with whose parameters", wanted.name.name),
            "a declared model",
            format!("name a fit, or call `{of}[{name}]` in the loss of a run that trains `{name}`"),
        ),
    };
    let found = at(&errors::MODEL_WITHOUT_INSTANCE, message, span, label);
    env.report(found.label(wanted.name.span, "declared here").help(help))
}

/// What a static argument is, and the kind of parameters that take it; a word is one of words that only the
/// declaration can say.
fn described(env: &Env<'_>, found: &StaticArg) -> (String, Option<StaticKind>) {
    match found {
        StaticArg::Size(dim) if dim.as_constant().is_some() => (format!("the whole number {dim}"), None),
        StaticArg::Inferred => ("a size that follows from the arguments".to_string(), None),
        StaticArg::Size(dim) => (format!("the size `{dim}`, which is not known here"), None),
        StaticArg::Axis(axis) => (format!("axis {axis}"), None),
        StaticArg::Number(bits) => {
            (format!("the number {}", number(f64::from_bits(*bits))), Some(StaticKind::Number))
        }
        StaticArg::Function(callee) => {
            let model = is_model(env, callee);
            let (what, kind) =
                if model { ("model", StaticKind::Model) } else { ("function", StaticKind::Fn) };
            (format!("{what} `{}`", super::instances::callee_name(env, callee)), Some(kind))
        }
        StaticArg::Word(word) => (format!("word `{word}`"), None),
    }
}

/// What a parameter of a kind is.
fn noun(kind: &StaticKind) -> String {
    match kind {
        StaticKind::Size | StaticKind::Error => "a size".to_string(),
        StaticKind::Number => "a number".to_string(),
        StaticKind::Axis => "an axis, a whole number".to_string(),
        StaticKind::Fn => "a function".to_string(),
        StaticKind::Model => "a model".to_string(),
        StaticKind::Words(_) => format!("one of the words `{kind}`"),
    }
}

/// How to declare what is used in a body as it is not declared: `g: fn`.
pub(crate) fn declare_as(env: &Env<'_>, scope: &Scope, name: &str, kind: &str) -> Option<String> {
    let ScopeKind::Function(function) = &scope.kind else { return None };
    let statics = &env.decls.functions[env.instances.made[function.id.0].def].ast.statics;
    statics.iter().any(|of| of.name.name == name).then(|| format!("declare it as `{name}: {kind}`"))
}
