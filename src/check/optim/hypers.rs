//! Hyperparameters: numbers become run-time cells, words choose.

use super::draft::WrittenStage;
use super::stages::ChosenOptions;
use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenArg, WrittenCall};
use crate::check::expr::{args, convert};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, LocalId, Range};

/// The words and the numbers that a stage or a pipeline is given.
#[allow(clippy::type_complexity, reason = "named nowhere else")]
pub(super) fn arguments<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    written: &WrittenStage<'a>,
    name: &str,
    declared: &'a [ast::Hyper],
    span: Span,
    library: bool,
) -> Checked<(ChosenOptions, Vec<(&'a ast::Hyper, Expr)>)> {
    let names: Vec<&str> = declared.iter().map(|hyper| hyper.name.name.as_str()).collect();
    let args =
        written.args.iter().map(|arg| WrittenArg { name: arg.name.as_ref(), value: &arg.value }).collect();
    let call = WrittenCall {
        name: written.name.to_string(),
        statics: &[],
        args,
        span: written.span,
        expected: None,
        axes: Vec::new(),
    };
    let given = args::match_args(cx.env, &call, &names, 0, Some(span))?;
    let (mut words, mut numbers) = (Vec::new(), Vec::new());
    let mut failed = Ok(());
    for (hyper, given) in declared.iter().zip(given) {
        let result = match &hyper.kind {
            ast::HyperKind::Words(all) => {
                word(cx.env, scope, all, given).map(|word| words.push((hyper.name.name.clone(), word)))
            }
            ast::HyperKind::Number(default) => {
                let value = match (given, default) {
                    (Some(given), _) => number(cx, scope, given, hyper, name),
                    (None, Some(default)) => hyper_default(cx, scope, default, hyper, name, library),
                    (None, None) => Err(hyper_missing(cx.env, written, &hyper.name)),
                };
                value.map(|value| numbers.push((hyper, value)))
            }
        };
        failed = failed.and(result);
    }
    failed.map(|()| (words, numbers))
}

fn hyper_missing<'a>(env: &mut Env<'a>, written: &WrittenStage<'a>, hyper: &ast::Ident) -> Poison {
    let message = format!("stage `{}` lacks `{}`, which has no default", written.name, hyper.name);
    let found = at(&errors::WRONG_ARGUMENT, message, written.name_span, "in this pipeline");
    let found = found.label(hyper.span, "declared here");
    env.report(found.help(format!("give it: `{}({} = 0.1)`", written.name, hyper.name)))
}

fn word<'a>(
    env: &mut Env<'a>,
    scope: &Scope,
    all: &[ast::Ident],
    given: Option<&ast::Expr>,
) -> Checked<String> {
    let Some(given) = given else {
        return all.first().map(|word| word.name.clone()).ok_or(Poison);
    };
    let known: Vec<String> = all.iter().map(|word| word.name.clone()).collect();
    let text = env.quote(given.span);
    let bound = match &given.kind {
        Ast::Name(name) => scope.get(name),
        _ => None,
    };
    match &given.kind {
        Ast::Name(_)
            if let Some(Binding::Word(word, _)) = bound
                && known.contains(word) =>
        {
            Ok(word.clone())
        }
        Ast::Name(word) if known.contains(word) => Ok(word.clone()),
        _ => Err(env.report(errors::none_of(&errors::UNKNOWN_WORD, "word", &text, given.span, &known))),
    }
}

/// A hyperparameter's default, which sees none of the names around its use.
pub(super) fn hyper_default<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    default: &'a ast::Expr,
    hyper: &'a ast::Hyper,
    name: &str,
    library: bool,
) -> Checked<Expr> {
    let mut inner = scope.inner(library);
    let value = number(cx, &mut inner, default, hyper, name);
    scope.take_back(inner);
    value
}

/// The value of a numeric hyperparameter: a cell if it is a number, or an expression of `t`, `T`
/// and cells.
fn number<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    value: &'a ast::Expr,
    hyper: &'a ast::Hyper,
    stage: &str,
) -> Checked<Expr> {
    let ast::Ident { name, span } = &hyper.name;
    let range = hyper.range.as_ref().map(|written| range(cx.env, written)).transpose()?;
    let cell = format!("opt.{stage}.{name}");
    if let Some(cells) = scope.cells() {
        cells.prefix.clone_from(&cell);
    }
    let found = cx.expr(scope, value, None)?;
    let expected = (*span, format!("hyperparameter `{name}` is one number"));
    let expr = convert::coerce(cx.env, scope, found, &Type::scalar(DType::F64), expected)?;
    let known = cx.env.decls.constant(value).map(|(number, _)| number);
    if let (Some(range), Some(number)) = (range, known)
        && !range.contains(number)
    {
        let found = errors::out_of_range(&cell, number, range);
        let found = found.label(value.span, format!("not in {range}"));
        return Err(cx.env.report(found.label(*span, "the range is declared here")));
    }
    let mut locals = Vec::new();
    expr.locals(&mut locals);
    if locals.is_empty() {
        return Ok(scope.cell(&cell, expr, range));
    }
    if let (ExprKind::Local(local), Some(range)) = (&expr.kind, range) {
        return narrowed(cx.env, scope, *local, range, (&cell, value.span)).map(|()| expr);
    }
    Ok(expr)
}

/// A cell that is a hyperparameter of a stage keeps to the range that the stage declares.
fn narrowed<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    local: LocalId,
    range: Range,
    (name, span): (&str, Span),
) -> Checked<()> {
    let cells = scope.cells().into_iter().flat_map(|cells| &mut cells.made);
    let Some(cell) = cells.into_iter().find(|cell| cell.local == local) else { return Ok(()) };
    let own = cell.range.unwrap_or(range);
    cell.range = Some(Range { low: own.low.max(range.low), high: own.high.min(range.high) });
    match cell.value.kind {
        ExprKind::Const(number) if !range.contains(number) => {
            let found = errors::out_of_range(name, number, range);
            let given = cell.value.span;
            let found = found.label(given, format!("not in {range}")).label(span, "it goes here");
            Err(env.report(found))
        }
        _ => Ok(()),
    }
}

fn range<'a>(env: &mut Env<'a>, range: &'a ast::Range) -> Checked<Range> {
    let low = bound(env, &range.low)?;
    let high = range.high.as_ref().map(|high| bound(env, high)).transpose()?;
    Ok(Range { low, high: high.unwrap_or(f64::INFINITY) })
}

fn bound<'a>(env: &mut Env<'a>, bound: &'a ast::Expr) -> Checked<f64> {
    if let Some((number, _)) = env.decls.constant(bound) {
        return Ok(number);
    }
    let message = "the bounds of a range are numbers known at compile time";
    let found = at(&errors::NOT_CONSTANT, message, bound.span, "not a number");
    Err(env.report(found.help("write a number: `in 0..1`")))
}
