//! What happens at the top level, and the names of recorded numbers.

use super::Statements;
use super::{acts, eval, predict, sweep, train};
use crate::ast::{self, ExprKind as Ast, ItemKind};
use crate::check::env::{Checked, Global, Poison, Scope, unique};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::expr::{lets, targets};
use crate::check::functions;
use crate::check::optim::pipelines;
use crate::check::optim::stages::Stages;
use crate::source::Span;
use crate::typed::{GlobalId, Local, Statement, StatementId, StatementKind};

/// A statement with the names bound inside its expressions.
type CheckedStatement = Checked<(StatementKind, Vec<Local>)>;

/// Checks one statement; declarations have been seen already.
pub(crate) fn statement<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    statements: &mut Statements<'a>,
    item: &'a ast::Item,
) {
    let before = cx.env.found.len();
    let Some(mut made) = checked(cx, stages, statements, item) else { return };
    // Parts of a fit are known once the body of its model has been checked.
    if std::mem::take(&mut cx.env.globals.awaited) {
        cx.env.found.truncate(before);
        functions::settle(cx);
        made = checked(cx, stages, statements, item).unwrap_or(Err(Poison));
        cx.env.globals.awaited = false;
    }
    if let Ok((kind, locals)) = made {
        statements.made.push(Statement { kind, locals, span: item.span });
    }
}

/// A statement; nothing if it declares.
fn checked<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    statements: &Statements<'a>,
    item: &'a ast::Item,
) -> Option<CheckedStatement> {
    let index = statements.made.len();
    let mut scope = Scope::statement(cx.env.real);
    let made = match &item.kind {
        ItemKind::Let(line) if cx.env.decls.constants.contains_key(line.name().name.as_str()) => return None,
        ItemKind::Let(line) if cx.env.decls.pipeline_lets.contains_key(line.name().name.as_str()) => {
            pipelines::check_pipeline(cx, stages, &line.value);
            return None;
        }
        ItemKind::Let(line) if cx.env.decls.function_lets.contains_key(line.name().name.as_str()) => {
            let _ = targets::function_value(cx, &mut scope, &line.value);
            return None;
        }
        ItemKind::Let(line) => top_let(cx, stages, &mut scope, line, (index, item.span)),
        ItemKind::Expr(expr) => bare(cx, stages, statements, expr, item.span),
        ItemKind::Act(act) if act.word.name == predict::WORD => {
            predict::predict(cx, act, index).map(|run| (StatementKind::Predict(run), Vec::new()))
        }
        ItemKind::Act(act) => acts::act(cx, &mut scope, act).map(|act| (StatementKind::Act(act), Vec::new())),
        ItemKind::Real(_)
        | ItemKind::Use(_)
        | ItemKind::Data(_)
        | ItemKind::Fn(_)
        | ItemKind::Model(_)
        | ItemKind::Stage(_)
        | ItemKind::Pipeline(_)
        | ItemKind::Broken(_) => return None,
    };
    let with_locals = |(kind, locals): (StatementKind, Vec<Local>)| {
        let locals = if locals.is_empty() { scope.locals } else { locals };
        (kind, locals)
    };
    Some(made.map(with_locals))
}

fn top_let<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    scope: &mut Scope,
    line: &'a ast::Let,
    (index, span): (usize, Span),
) -> CheckedStatement {
    let name = &line.name().name;
    if let (Ast::Train(_) | Ast::Sweep(_) | Ast::Eval(_), Some(second)) =
        (&line.value.kind, line.names.get(1))
    {
        let found = at(&errors::SEVERAL_VALUES, "a run gives one value", second.span, "a second name");
        cx.env.report(found.help("write one name: `let fit = ...`; its numbers are `fit.loss` and others"));
    }
    let made = match &line.value.kind {
        Ast::Train(run) => train::train(cx, stages, run, name, index, span)
            .map(|(train, global)| (StatementKind::Train(train), global)),
        Ast::Sweep(parts) => sweep::sweep(cx, stages, parts, name, index, line.value.span)
            .map(|(train, global)| (StatementKind::Train(train), global)),
        Ast::Eval(run) => {
            eval::eval(cx, run, name, index).map(|(eval, global)| (StatementKind::Eval(eval), global))
        }
        _ => return top_values(cx, scope, line, index),
    };
    let global = made.as_ref().map_or(Global::Error, |(_, global)| global.clone());
    cx.env.globals.values.insert(name, global);
    made.map(|(kind, _)| (kind, Vec::new()))
}

/// `let a = ...`, `let (a, b) = ...`
fn top_values<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    index: usize,
) -> CheckedStatement {
    match lets::let_values(cx, scope, line) {
        Err(poison) => {
            line.names.iter().for_each(|name| drop(cx.env.globals.values.insert(&name.name, Global::Error)));
            Err(poison)
        }
        Ok((value, types)) => {
            for (value, (name, ty)) in line.names.iter().zip(types).enumerate() {
                let id = GlobalId { statement: StatementId(index), value };
                cx.env.globals.values.insert(&name.name, Global::Value(id, ty));
            }
            let names = line.names.iter().map(|name| name.name.clone()).collect();
            Ok((StatementKind::Let { names, value }, Vec::new()))
        }
    }
}

/// A run whose result is unused.
fn bare<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    statements: &Statements<'a>,
    expr: &'a ast::Expr,
    span: Span,
) -> CheckedStatement {
    let index = statements.made.len();
    let kind = match &expr.kind {
        Ast::Train(run) => {
            let name = run_name(statements, "fit");
            StatementKind::Train(train::train(cx, stages, run, &name, index, span)?.0)
        }
        Ast::Eval(run) => {
            let name = run_name(statements, "eval");
            StatementKind::Eval(eval::eval(cx, run, &name, index)?.0)
        }
        Ast::Error => return Err(Poison),
        _ => {
            let message = format!("unused value `{}`", cx.env.quote(expr.span));
            let found = at(&errors::NOT_A_VALUE, message, expr.span, "an expression by itself");
            return Err(cx.env.report(found.help("print it, or bind it: `let a = ...`")));
        }
    };
    Ok((kind, Vec::new()))
}

fn run_name(statements: &Statements<'_>, base: &str) -> String {
    let used = |name: &str| {
        statements.declared.contains(name)
            || statements.made.iter().any(|statement| statement.kind.names().iter().any(|have| have == name))
    };
    unique(base, used)
}
