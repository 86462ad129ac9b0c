//! Optimizer pipelines: which stages, with which hyperparameters.

use super::draft::{self, OptimizerDraft, WrittenStage};
use super::stages::{self, Stages};
use super::{groups, hypers, orders, points};
use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins;
use crate::check::env::{Binding, Checked, Env, PipelineDef, Poison, Scope, StageDef};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::typer::Typer;
use crate::check::foreign;
use crate::source::Span;
use crate::typed::{Cell, ExprKind, FunctionId, Group, Optimizer, StageUse};

/// What a name in a pipeline stands for.
enum PipelineName<'a> {
    Stage(usize),
    Pipeline(usize),
    Let(&'a ast::Expr),
}

/// An optimizer that does not know yet what it trains.
pub(crate) struct PipelineDraft {
    /// Its stages in order.
    pub uses: Vec<StageUse>,
    /// The numbers that its hyperparameters are made of.
    pub cells: Vec<Cell>,
    /// Its groups, which do not know their parameters yet; none without `{ ... }`.
    pub groups: Vec<Group>,
}

impl PipelineDraft {
    /// The optimizer of a model's parameters.
    pub(crate) fn of(self, name: &str, model: FunctionId, sizes: Vec<Dim>, span: Span) -> Optimizer {
        let PipelineDraft { uses, cells, groups } = self;
        Optimizer { name: name.to_string(), model, sizes, uses, cells, groups, span }
    }
}

/// The most stages of an optimizer.
const MOST_STAGES: usize = 500;

/// `adam(lr = 1e-3) |> eg_gain |> eg_scale`, or `{ "**.b": sgd(lr = 0.1), else: adam }`
pub(crate) fn optimizer<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    expr: &'a ast::Expr,
) -> Checked<PipelineDraft> {
    let (mut draft, mut scope) = (draft::draft(stages), draft::hypers(cx.env, expr.span));
    let groups = match &expr.kind {
        Ast::Groups(arms) => group_arms(cx, &mut draft, &mut scope, arms)?,
        _ => arm(cx, &mut draft, &mut scope, expr).map(|_| Vec::new())?,
    };
    let cells = scope.cells().map(|cells| std::mem::take(&mut cells.made)).unwrap_or_default();
    Ok(PipelineDraft { uses: draft.uses, cells, groups })
}

/// A group for each arm, whose stages have names of their own.
fn group_arms<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    arms: &'a [(ast::Expr, ast::Expr)],
) -> Checked<Vec<Group>> {
    let mut made = Vec::new();
    for (pattern, body) in arms {
        let pattern = groups::group_pattern(cx.env, pattern);
        let stages = arm(cx, draft, scope, body);
        made.push(
            pattern
                .and_then(|(pattern, span)| Ok(Group { pattern, span, stages: stages?, params: Vec::new() })),
        );
    }
    made.into_iter().collect()
}

/// All stages that act on the same parameters; how many they are.
fn arm<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Checked<usize> {
    let first = draft.uses.len();
    parts(cx, draft, scope, expr)?;
    let uses = &draft.uses[first..];
    orders::learning_rates(cx.env, draft.stages, uses, expr)?;
    points::one_eval(cx.env, draft.stages, uses)?;
    orders::orders(cx.env, draft.stages, uses);
    Ok(uses.len())
}

/// Adds the stages of a pipeline.
fn parts<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Checked<()> {
    let mut parts = Vec::new();
    let mut rest = expr;
    while let Ast::Pipe(before, last) = &rest.kind {
        parts.push(&**last);
        rest = before;
    }
    parts.push(rest);
    let made: Vec<Checked<()>> = parts.into_iter().rev().map(|one| part(cx, draft, scope, one)).collect();
    made.into_iter().collect()
}

fn part<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    part: &'a ast::Expr,
) -> Checked<()> {
    if draft.refused {
        return Err(Poison);
    }
    if draft.uses.len() >= MOST_STAGES {
        draft.refused = true;
        let message = format!("an optimizer of more than {MOST_STAGES} stages");
        let found = at(&errors::TOO_MANY_STAGES, message, part.span, "one more");
        return Err(cx.env.report(found.help("name fewer stages, or pipelines that have fewer")));
    }
    let (callee, args): (&'a ast::Expr, &'a [ast::Argument]) = match &part.kind {
        Ast::Call(callee, args) => (callee, args),
        _ => (part, &[]),
    };
    let name = match &callee.kind {
        Ast::Name(name) => name,
        Ast::Error => return Err(Poison),
        _ => return Err(not_a_stage(cx.env, &cx.env.quote(callee.span), callee.span)),
    };
    let written = WrittenStage { name, name_span: callee.span, args, span: part.span };
    match find_part(cx.env, name, scope.library) {
        Some(PipelineName::Stage(def)) => known_stage(cx, draft, scope, def, written),
        Some(PipelineName::Pipeline(def)) => known_pipeline(cx, draft, scope, def, written),
        Some(PipelineName::Let(body)) => pipeline_value(cx, draft, scope, body, &written),
        None => Err(unknown_stage(cx.env, name, callee.span)),
    }
}

/// The stage or pipeline of this name; library code sees the library first.
fn find_part<'a>(env: &Env<'a>, name: &str, from_library: bool) -> Option<PipelineName<'a>> {
    let declared = |library: bool| {
        let stage = env.decls.stages.get(library, name).map(PipelineName::Stage);
        stage.or_else(|| env.decls.pipelines.get(library, name).map(PipelineName::Pipeline))
    };
    let bound = || env.decls.pipeline_lets.get(name).map(|line| PipelineName::Let(&line.value));
    if from_library {
        return declared(true);
    }
    bound().or_else(|| declared(false)).or_else(|| declared(true))
}

/// Whether a `let` names a pipeline: it begins with a stage.
pub(crate) fn is_pipeline(env: &Env<'_>, expr: &ast::Expr) -> bool {
    let mut first = expr;
    while let Ast::Pipe(before, _) = &first.kind {
        first = before;
    }
    if let Ast::Call(callee, _) = &first.kind {
        first = callee;
    }
    let Ast::Name(name) = &first.kind else { return false };
    find_part(env, name, false).is_some() && env.decls.find_function(name, false).is_none()
}

/// Checks a pipeline that a `let` names, for its own errors.
pub(crate) fn check_pipeline<'a>(cx: &mut Typer<'_, 'a>, stages: &mut Stages, expr: &'a ast::Expr) {
    let mut scope = draft::hypers(cx.env, expr.span);
    let _ = parts(cx, &mut draft::draft(stages), &mut scope, expr);
}

/// A name that a `let` has given a pipeline.
fn pipeline_value<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    body: &'a ast::Expr,
    written: &WrittenStage<'a>,
) -> Checked<()> {
    if let Some(arg) = written.args.first() {
        let message = format!("pipeline `{}` has no hyperparameters of its own", written.name);
        let found = at(&errors::WRONG_ARGUMENT, message, arg.value.span, "nothing takes this");
        let help = format!("declare it with some: `pipeline {}(lr) = ...`", written.name);
        return Err(cx.env.report(found.help(help)));
    }
    let mut inner = scope.inner(scope.library);
    let made = inside(cx, draft, &mut inner, written, body);
    scope.take_back(inner);
    made
}

/// The stages of a pipeline that is used by name.
fn inside<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    written: &WrittenStage<'a>,
    body: &'a ast::Expr,
) -> Checked<()> {
    if draft.inside.contains(&written.name) {
        let message = format!("pipeline `{}` uses itself", written.name);
        let found = at(&errors::RECURSION, message, written.span, "by this use");
        return Err(cx.env.report(found.help("name stages, or another pipeline")));
    }
    draft.inside.push(written.name);
    let made = parts(cx, draft, scope, body);
    draft.inside.pop();
    made
}

/// `egdd(lr = 0.1)`: its hyperparameters become cells, of which those of its stages are made.
fn known_pipeline<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    written: WrittenStage<'a>,
) -> Checked<()> {
    let PipelineDef { ast, library } = cx.env.decls.pipelines[def];
    let name = draft.name(written.name);
    let (words, values) = hypers::arguments(cx, scope, &written, &name, &ast.hypers, ast.name.span, library)?;
    let mut inner = scope.inner(library);
    for (hyper, value) in values {
        let local = match value.kind {
            ExprKind::Local(local) => local,
            _ => {
                let cell = inner.cell(&format!("opt.{name}.{}", hyper.name.name), value, None);
                let ExprKind::Local(local) = cell.kind else { continue };
                local
            }
        };
        inner.bind(&hyper.name.name, Binding::Local(local), hyper.name.span);
    }
    for hyper in &ast.hypers {
        if let ast::HyperKind::Words(all) = &hyper.kind
            && let Some((_, word)) = words.iter().find(|(name, _)| *name == hyper.name.name)
        {
            let all = all.iter().map(|word| word.name.clone()).collect();
            inner.bind(&hyper.name.name, Binding::Word(word.clone(), all), hyper.name.span);
        }
    }
    let made = inside(cx, draft, &mut inner, &written, &ast.body);
    scope.take_back(inner);
    made
}

fn unknown_stage(env: &mut Env<'_>, name: &str, span: Span) -> Poison {
    let known = env.decls.find_function(name, false).is_some()
        || builtins::is_builtin(name)
        || env.globals.values.contains_key(name)
        || env.decls.constants.contains_key(name)
        || env.decls.data.contains_key(name);
    if env.decls.broken.contains(name) {
        return Poison;
    }
    if known {
        return not_a_stage(env, name, span);
    }
    let near = nearest(name, env.decls.optimizer_names());
    let found = at(&errors::UNKNOWN_NAME, format!("unknown stage `{name}`"), span, "no such stage");
    env.report(match foreign::name(name) {
        Some(help) => found.help(help),
        None => errors::suggest(found, near),
    })
}

fn not_a_stage(env: &mut Env<'_>, name: &str, span: Span) -> Poison {
    let found =
        at(&errors::NOT_A_STAGE, format!("`{name}` is not an optimizer stage"), span, "a stage is needed");
    env.report(found.help("stages are declared by `stage`; the library has `sgd`, `momentum`, `adam`, `eg_gain`, `eg_scale` and more"))
}

fn known_stage<'a>(
    cx: &mut Typer<'_, 'a>,
    draft: &mut OptimizerDraft<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    written: WrittenStage<'a>,
) -> Checked<()> {
    let StageDef { ast, library } = cx.env.decls.stages[def];
    let name = draft.name(written.name);
    let (words, values) = hypers::arguments(cx, scope, &written, &name, &ast.hypers, ast.name.span, library)?;
    let stage = stages::stage(cx, draft.stages, def, words)?;
    let hypers = values.into_iter().map(|(_, value)| value).collect();
    draft.uses.push(StageUse { stage, name, hypers, span: written.span });
    Ok(())
}

/// Pipelines of the script that nothing uses are checked as well.
pub(crate) fn check_unused_pipelines(cx: &mut Typer<'_, '_>, stages: &mut Stages) {
    for def in 0..cx.env.decls.pipelines.len() {
        let PipelineDef { ast, library } = cx.env.decls.pipelines[def];
        if library {
            continue;
        }
        let (mut draft, mut scope) = (draft::draft(stages), draft::hypers(cx.env, ast.name.span));
        for hyper in &ast.hypers {
            let (name, span) = (&hyper.name.name, hyper.name.span);
            match &hyper.kind {
                ast::HyperKind::Words(all) => {
                    let all: Vec<String> = all.iter().map(|word| word.name.clone()).collect();
                    let first = all.first().cloned().unwrap_or_default();
                    scope.bind(name, Binding::Word(first, all), span);
                }
                ast::HyperKind::Number(default) => {
                    scope.bind_local(name, Type::scalar(DType::F64), span);
                    if let Some(default) = default {
                        let _ = hypers::hyper_default(cx, &mut scope, default, hyper, &ast.name.name, false);
                    }
                }
            }
        }
        draft.inside.push(&ast.name.name);
        let _ = parts(cx, &mut draft, &mut scope, &ast.body);
    }
}
