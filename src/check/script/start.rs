//! `from = ...`: what a training run starts from.

use super::{known, runs};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at};
use crate::source::Span;
use crate::typed::{Load, Start};

/// What a run starts from: a file, a fit before it, or `load(..)` of either.
pub(super) fn start(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<(Start, Span)> {
    let start = match &expr.kind {
        Ast::Str(_) => Start::File(file(known::plain_text(env, expr)?)),
        Ast::Name(_) => Start::Fit(runs::fit(env, expr)?.0, file(String::new())),
        Ast::Call(f, arguments) if matches!(&f.kind, Ast::Name(name) if name == "load") => {
            match arguments.first().map(|first| &first.value) {
                Some(fit @ ast::Expr { kind: Ast::Name(_), .. }) => {
                    Start::Fit(runs::fit(env, fit)?.0, load(env, String::new(), &arguments[1..])?)
                }
                Some(path) if arguments[0].name.is_none() => {
                    let path = known::plain_text(env, path)?;
                    Start::File(load(env, path, &arguments[1..])?)
                }
                _ => return Err(no_start(env, expr.span)),
            }
        }
        Ast::Error => return Err(Poison),
        _ => return Err(no_start(env, expr.span)),
    };
    Ok((start, expr.span))
}

fn no_start(env: &mut Env<'_>, span: Span) -> Poison {
    let message = "`from` says what the parameters are before the first step";
    let found = at(&errors::WRONG_SETTING, message, span, "no file and no fit");
    env.report(found.help("write `from = \"fit.safetensors\"`, or the name of an earlier fit"))
}

fn file(path: String) -> Load {
    Load { path, strict: true, rename: Vec::new(), transpose: Vec::new() }
}

/// `load("file", strict = false, rename = { "fc*.weight": "layer*.w" }, transpose = ["**.w"])`
fn load(env: &mut Env<'_>, path: String, rest: &[ast::Argument]) -> Checked<Load> {
    let mut load = file(path);
    for argument in rest {
        let value = &argument.value;
        match argument.name.as_ref().map(|name| name.name.as_str()) {
            Some("strict") => load.strict = flag(env, value)?,
            Some("rename") => load.rename = renames(env, value)?,
            Some("transpose") => load.transpose = patterns(env, value)?,
            _ => return Err(wrong(env, value.span, "`load` has `strict`, `rename` and `transpose`")),
        }
    }
    Ok(load)
}

fn wrong(env: &mut Env<'_>, span: Span, message: &str) -> Poison {
    let found = at(&errors::WRONG_SETTING, message, span, "not this");
    env.report(found.help(
        "`load(\"net.safetensors\", rename = { \"fc*.weight\": \"layer*.w\" }, transpose = [\"**.w\"])`",
    ))
}

fn flag(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<bool> {
    match expr.kind {
        Ast::Bool(value) => Ok(value),
        Ast::Error => Err(Poison),
        _ => Err(wrong(env, expr.span, "`strict` is `true` or `false`")),
    }
}

fn renames(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<Vec<(String, String)>> {
    let Ast::Groups(pairs) = &expr.kind else {
        return Err(wrong(
            env,
            expr.span,
            "`rename` has pairs of texts: names in the file, and paths of parameters",
        ));
    };
    let mut renames = Vec::new();
    for (pattern, path) in pairs {
        let pair = (known::plain_text(env, pattern)?, known::plain_text(env, path)?);
        let stars = |text: &str| text.matches('*').count();
        if stars(&pair.1) > stars(&pair.0) {
            return Err(wrong(env, path.span, "each `*` of a path stands for one of the name in the file"));
        }
        renames.push(pair);
    }
    Ok(renames)
}

fn patterns(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<Vec<String>> {
    match &expr.kind {
        Ast::List(items) => items.iter().map(|item| known::plain_text(env, item)).collect(),
        Ast::Error => Err(Poison),
        _ => Err(wrong(env, expr.span, "`transpose` is a list of patterns over paths")),
    }
}
