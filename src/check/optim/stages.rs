//! Optimizer stages with their words chosen.

use std::collections::BTreeMap;

use super::points;
use crate::algebra::types::{DType, Dim, Type};
use crate::ast;
use crate::check::builtins::stage;
use crate::check::env::{Binding, Checked, Env, Extents, Poison, Scope, StageDef};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::expr::{convert, extents, lets};
use crate::diag::Diagnostic;
use crate::typed::{Expr, ExprKind, Extent, LocalId, Stage, StageId, StageScope, State};

/// Stages in use: one for each choice of words.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    memo: BTreeMap<(usize, ChosenOptions), Checked<StageId>>,
    /// All of them.
    pub made: Vec<Stage>,
}

/// The words chosen for a stage, by hyperparameter.
pub(super) type ChosenOptions = Vec<(String, String)>;

/// The stage with these words; `words` has one for each hyperparameter that is a word.
pub(super) fn stage(
    cx: &mut Typer<'_, '_>,
    stages: &mut Stages,
    def: usize,
    words: ChosenOptions,
) -> Checked<StageId> {
    let key = (def, words.clone());
    if let Some(known) = stages.memo.get(&key) {
        return *known;
    }
    let made = new_stage(cx, def, words).map(|stage| {
        stages.made.push(stage);
        StageId(stages.made.len() - 1)
    });
    stages.memo.insert(key, made);
    made
}

fn new_stage(cx: &mut Typer<'_, '_>, def: usize, words: ChosenOptions) -> Checked<Stage> {
    let StageDef { ast, library } = cx.env.decls.stages[def];
    let [coordinates, rows, columns, tensors] =
        ["coordinates", "rows", "columns", "tensors"].map(|name| cx.env.fresh(name));
    let extents = Extents {
        coordinates: Dim::var(coordinates.clone()),
        rows: Dim::var(rows.clone()),
        columns: Dim::var(columns.clone()),
        tensors: Dim::var(tensors.clone()),
    };
    let mut scope = Scope::stage(extents, library);
    fixed_names(cx.env, &mut scope, ast);
    let own = scope.names.len();
    let hypers = bind_hypers(cx.env, &mut scope, ast, &words, own);
    let body = body(cx, &mut scope, &ast.body, own);
    let result = update(cx, &mut scope, &ast.result);
    let (Preamble { states, lines, eval }, result) = (body?, result?);
    points::eval_scope(cx.env, &scope, eval.as_ref(), &states, &lines)?;
    points::inner_once(cx.env, &mut scope, ast)?;
    never_assigned(cx.env, &states, &lines, &scope);
    let name = ast.name.name.clone();
    let inner = scope.of_stage().inner.take();
    let (locals, span) = (scope.locals, ast.name.span);
    Ok(Stage {
        name,
        words,
        coordinates,
        rows,
        columns,
        tensors,
        locals,
        hypers,
        states,
        lines,
        inner,
        eval,
        result,
        span,
    })
}

/// What stands before the update of a stage.
#[derive(Default)]
struct Preamble {
    states: Vec<State>,
    lines: Vec<(LocalId, Expr)>,
    eval: Option<Expr>,
}

/// The lines of a stage; `own`: where its own names start.
fn body<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    lines: &'a [ast::StageLine],
    own: usize,
) -> Checked<Preamble> {
    let mut body = Preamble::default();
    let mut failed = Ok(());
    for line in lines {
        begin_line(scope, body.lines.len());
        let made = match line {
            ast::StageLine::State { name, extent, init } => {
                state(cx, scope, name, extent.as_ref(), init, own).map(|state| body.states.push(state))
            }
            ast::StageLine::Assign { name, value } => {
                assign(cx, scope, name, value, &body.states).map(|line| body.lines.push(line))
            }
            ast::StageLine::Let(line) => {
                lets::let_line(cx, scope, line, own).map(|bound| body.lines.extend(stage_lines(scope, bound)))
            }
            ast::StageLine::Eval { name, value } => {
                points::eval_point(cx, scope, name, value, &mut body.eval)
            }
        };
        failed = failed.and(made);
    }
    begin_line(scope, body.lines.len());
    failed.map(|()| body)
}

/// Line `k` is under way.
fn begin_line(scope: &mut Scope, k: usize) {
    let locals = scope.locals.len();
    scope.of_stage().line = (k, locals);
}

fn fixed_names(env: &mut Env<'_>, scope: &mut Scope, ast: &ast::Stage) {
    let span = ast.name.span;
    for (name, text) in StageScope::ALL {
        let per_coordinate = matches!(
            name,
            StageScope::Gradient | StageScope::Update | StageScope::Weights | StageScope::Initial
        );
        let ty = match per_coordinate {
            _ if name == StageScope::Trained => {
                extents::extent_type(env, scope, Extent::Coordinate).with_dtype(DType::Bool)
            }
            true => extents::extent_type(env, scope, Extent::Coordinate),
            false => Type::scalar(DType::F64),
        };
        // In a `wrap stage` the incoming update is what running the pipeline before it gives.
        match (&ast.inner, name) {
            (Some(_), StageScope::Update) => scope.local(text, ty, span),
            _ => scope.bind_local(text, ty, span),
        };
    }
    if let Some(inner) = &ast.inner {
        if scope.get(&inner.name).is_some() {
            env.report(errors::duplicate(&inner.name, inner.span, None));
        }
        scope.bind(&inner.name, Binding::Inner, inner.span);
    }
}

fn bind_hypers(
    env: &mut Env<'_>,
    scope: &mut Scope,
    ast: &ast::Stage,
    words: &[(String, String)],
    own: usize,
) -> Vec<LocalId> {
    let mut hypers = Vec::new();
    for hyper in &ast.hypers {
        let (name, span) = (&hyper.name.name, hyper.name.span);
        claim_in_stage(env, scope, &hyper.name, own);
        match &hyper.kind {
            ast::HyperKind::Number(_) => hypers.push(scope.bind_local(name, Type::scalar(DType::F64), span)),
            ast::HyperKind::Words(all) => {
                let all = all.iter().map(|word| word.name.clone()).collect();
                let chosen = words.iter().find(|(have, _)| have == name);
                let chosen = chosen.map(|(_, word)| word.clone()).unwrap_or_default();
                scope.bind(name, Binding::Word(chosen, all), span);
            }
        }
    }
    hypers
}

fn claim_in_stage(env: &mut Env<'_>, scope: &Scope, name: &ast::Ident, own: usize) {
    let taken = scope.names.iter().enumerate().find(|(_, (have, ..))| *have == name.name);
    if let Some((k, (.., span))) = taken {
        let before = (k >= own).then_some(*span);
        env.report(errors::duplicate(&name.name, name.span, before));
    }
}

fn state<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &ast::Ident,
    extent: Option<&ast::StateExtent>,
    init: &'a ast::Expr,
    own: usize,
) -> Checked<State> {
    claim_in_stage(cx.env, scope, name, own);
    let extent = match extent {
        None => Ok(Extent::Coordinate),
        Some(ast::StateExtent::Scalar(word)) => stage::extent_word(cx.env, scope, &word.name, word.span),
        Some(ast::StateExtent::Vector(count, _)) => Ok(Extent::Vector(*count)),
    };
    let ty = extent.map(|extent| extents::extent_type(cx.env, scope, extent));
    let init = cx.expr(scope, init, None).and_then(|value| {
        let ty = ty.clone()?;
        let init = convert::extended(cx.env, scope, value, &ty, &name.name, name.span)?;
        points::no_loss(cx.env, Some(&init), "before the first step")?;
        Ok(init)
    });
    match (ty, init) {
        (Ok(ty), Ok(init)) => {
            let local = scope.bind_local(&name.name, ty, name.span);
            Ok(State { name: name.name.clone(), local, extent: extent?, init })
        }
        (Err(poison), _) | (_, Err(poison)) => {
            scope.bind(&name.name, Binding::Error, name.span);
            Err(poison)
        }
    }
}

fn assign<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &ast::Ident,
    value: &'a ast::Expr,
    states: &[State],
) -> Checked<(LocalId, Expr)> {
    let value = cx.expr(scope, value, None);
    if let Some(Binding::Error) = scope.get(&name.name) {
        return Err(Poison);
    }
    let Some(state) = states.iter().find(|state| state.name == name.name) else {
        let near = errors::nearest(&name.name, states.iter().map(|state| state.name.as_str()));
        let message = format!("`{}` is not a state of this stage", name.name);
        let found = at(&errors::NOT_A_STATE, message, name.span, "assigned here");
        let found = match near {
            _ if scope.get(&name.name).is_some() => {
                found.help("names other than states never change: use a `let` with a new name")
            }
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("declare it: `state {} = 0`", name.name)),
        };
        return Err(cx.env.report(found));
    };
    let ty = scope.locals[state.local.0].ty.clone();
    let declared = scope.origins[state.local.0];
    let expr = convert::extended(cx.env, scope, value?, &ty, &name.name, declared)?;
    Ok((state.local, expr))
}

/// The outgoing update: one number per coordinate.
fn update<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, result: &'a ast::Expr) -> Checked<Expr> {
    let value = cx.expr(scope, result, None)?;
    let ty = extents::extent_type(cx.env, scope, Extent::Coordinate);
    convert::extended(cx.env, scope, value, &ty, "the outgoing update", result.span)
}

/// The lines that a `let` makes: names of several values have a line each, with the same value, which
/// is computed once.
fn stage_lines(scope: &mut Scope, (locals, value): (Vec<LocalId>, Expr)) -> Vec<(LocalId, Expr)> {
    if let [local] = locals.as_slice() {
        return vec![(*local, value)];
    }
    let types: Vec<Type> = locals.iter().map(|local| scope.locals[local.0].ty.clone()).collect();
    let parts: Vec<LocalId> = types.iter().map(|ty| scope.local("value", ty.clone(), value.span)).collect();
    let line = |((local, part), ty): ((LocalId, &LocalId), Type)| {
        let body = Expr { kind: ExprKind::Local(*part), ty: ty.clone(), span: value.span };
        let (value, body) = (Box::new(value.clone()), Box::new(body));
        let span = value.span;
        (local, Expr { kind: ExprKind::Unpack { locals: parts.clone(), value, body }, ty, span })
    };
    locals.into_iter().zip(&parts).zip(types).map(line).collect()
}

fn never_assigned(env: &mut Env<'_>, states: &[State], lines: &[(LocalId, Expr)], scope: &Scope) {
    for state in states {
        if !scope.library && !lines.iter().any(|(local, _)| *local == state.local) {
            let message = format!("state `{}` is never assigned: it stays what it is at first", state.name);
            let found = Diagnostic::warning(&errors::STATE_NEVER_ASSIGNED, message);
            let span = scope.origins[state.local.0];
            env.report(
                found.label(span, "declared here").help(format!("assign it: `{} <- ...`", state.name)),
            );
        }
    }
}

/// Stages of the script that no pipeline uses are checked as well, with their default words.
pub(crate) fn check_unused_stages(cx: &mut Typer<'_, '_>, stages: &mut Stages) {
    let used: Vec<usize> = stages.memo.keys().map(|(def, _)| *def).collect();
    for def in 0..cx.env.decls.stages.len() {
        let StageDef { ast, library } = cx.env.decls.stages[def];
        if !library && !used.contains(&def) {
            let words = ast.hypers.iter().filter_map(|hyper| match &hyper.kind {
                ast::HyperKind::Words(all) => Some((hyper.name.name.clone(), all.first()?.name.clone())),
                ast::HyperKind::Number(_) => None,
            });
            let _ = stage(cx, stages, def, words.collect());
        }
    }
}
