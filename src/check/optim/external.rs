//! An optimizer alone, for parameters and gradients that another program brings.

use std::collections::BTreeSet;

use super::pipelines::{self, PipelineDraft};
use super::points;
use super::stages::Stages;
use crate::algebra::types::{DType, Type};
use crate::ast::{self, ItemKind, Script};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::at;
use crate::check::expr::typer::Typer;
use crate::diag::Code;
use crate::source::{FileId, Span};
use crate::typed::{Function, FunctionId, Member, Program, Statement, StatementKind, build};

/// Codes of this file.
pub(crate) const CODES: &[&Code] = &[&NOT_A_PIPELINE, &PARAMETER_SHAPE, &NO_TOTAL];

/// Something else than a pipeline.
pub(crate) static NOT_A_PIPELINE: Code = Code {
    name: "not-a-pipeline",
    explain: "\
A program that brings its own parameters and gradients gives Egret an optimizer alone: declarations of
stages and functions, and one pipeline as the last line. `real` is the element type of its buffers.

    let fit = train m on d { optimizer = adam }

Write the pipeline only:

    adam(lr = 1e-3) |> eg_gain",
};

/// Parameters that cannot be.
pub(crate) static PARAMETER_SHAPE: Code = Code {
    name: "parameter-shape",
    explain: "\
The parameters that a program brings have names, no two the same, and sizes of at least 1.

    weights: [64, 0]

Leave out tensors without elements:

    weights: [64, 32]",
};

/// A schedule over an unknown number of steps.
pub(crate) static NO_TOTAL: Code = Code {
    name: "no-total",
    explain: "\
A pipeline that another program uses depends on `T`, the number of steps in all. Only that program
can know it.

    sgd(lr = 0.1 * (1 - t / T))

Give the number of steps when you compile the pipeline, or use a schedule of `t` alone:

    sgd(lr = 0.1 / sqrt(t))",
};

/// A parameter tensor that another program owns: its name and its sizes.
pub type ExternalParam = (String, Vec<usize>);

/// The pipeline: the last item of a script that else has only declarations.
pub(crate) fn only_stages<'a>(env: &mut Env<'a>, script: &'a Script) -> Checked<&'a ast::Expr> {
    let mut pipeline = Err(Poison);
    let mut failed = Ok(());
    for (k, item) in script.items.iter().enumerate() {
        let last = k + 1 == script.items.len();
        match &item.kind {
            ItemKind::Fn(_) | ItemKind::Stage(_) | ItemKind::Pipeline(_) | ItemKind::Let(_) => {}
            ItemKind::Broken(_) => failed = Err(Poison),
            ItemKind::Expr(expr) if last => pipeline = Ok(expr),
            _ => {
                let message = "only stages, functions and pipelines may stand before a pipeline";
                let found = at(&NOT_A_PIPELINE, message, item.span, "neither");
                let help = "write declarations, and the pipeline as the last line";
                failed = Err(env.report(found.help(help)));
            }
        }
    }
    if pipeline.is_err() && failed.is_ok() && env.found.is_empty() {
        let end = script.items.last().map(|item| item.span);
        let span = end.unwrap_or(Span { file: FileId(0), start: 0, end: 0 });
        let found = at(&NOT_A_PIPELINE, "there is no pipeline", span, "a pipeline comes last");
        failed = Err(env.report(found.help("write the stages: `adam(lr = 1e-3) |> eg_gain`")));
    }
    failed.and(pipeline)
}

/// Every `let` names a number or a pipeline.
pub(crate) fn only_names(env: &mut Env<'_>, script: &Script) -> Checked<()> {
    let mut failed = Ok(());
    for item in &script.items {
        if let ItemKind::Let(line) = &item.kind
            && !env.decls.constants.contains_key(line.name().name.as_str())
            && !env.decls.pipeline_lets.contains_key(line.name().name.as_str())
        {
            let message = format!("`{}` is neither a number nor a pipeline", line.name().name);
            let found = at(&NOT_A_PIPELINE, message, item.span, "not before a pipeline");
            failed = Err(env.report(found.help("write declarations, and the pipeline as the last line")));
        }
    }
    failed
}

/// The stages of a pipeline alone.
pub(crate) fn pipeline_for<'a>(
    cx: &mut Typer<'_, 'a>,
    stages: &mut Stages,
    pipeline: &'a ast::Expr,
    params: &[ExternalParam],
) -> Checked<PipelineDraft> {
    let shapes = shapes(cx.env, params, pipeline.span);
    if let ast::ExprKind::Groups(_) = pipeline.kind {
        let message = "parameter groups are for `train`";
        let found = at(&NOT_A_PIPELINE, message, pipeline.span, "not a pipeline");
        return Err(cx.env.report(found.help("compile a pipeline for each group of parameters")));
    }
    let optimizer = pipelines::optimizer(cx, stages, pipeline)?;
    shapes?;
    let help = "use stages that need only `g`, `u`, `w` and `loss`, or train in a script";
    points::uses_no_loss(cx.env, stages, &optimizer.uses, "another program computes it", help)?;
    Ok(optimizer)
}

fn shapes(env: &mut Env<'_>, params: &[ExternalParam], span: Span) -> Checked<()> {
    let mut seen = BTreeSet::new();
    let mut wrong = params.is_empty().then(|| "there are no parameters".to_string());
    let mut elements = 0usize;
    for (name, sizes) in params {
        let count = sizes.iter().try_fold(1usize, |count, size| count.checked_mul(*size));
        let sum = count.and_then(|count| elements.checked_add(count)).filter(|sum| *sum < MOST);
        wrong = match sum {
            _ if name.is_empty() => Some("a parameter has no name".to_string()),
            _ if !seen.insert(name) => Some(format!("two parameters are called `{name}`")),
            _ if sizes.contains(&0) => Some(format!("parameter `{name}` has no elements: {sizes:?}")),
            None => Some(format!("parameter `{name}` is too large: {sizes:?}")),
            Some(_) => wrong,
        };
        elements = sum.unwrap_or(elements);
    }
    match wrong {
        None => Ok(()),
        Some(message) => Err(env.report(at(&PARAMETER_SHAPE, message, span, "optimized by this pipeline"))),
    }
}

/// More elements than any address space holds.
const MOST: usize = isize::MAX as usize / 8;

/// Adds the optimizer of these parameters as the only statement of a program.
pub(crate) fn add(program: &mut Program, pipeline: PipelineDraft, params: &[ExternalParam], span: Span) {
    let model = FunctionId(program.functions.len());
    program.functions.push(owner(program.real, params, span));
    let kind = StatementKind::Optimizer(pipeline.of("optimizer", model, Vec::new(), span));
    program.statements.push(Statement { kind, locals: Vec::new(), span });
}

/// A model that is nothing but its parameters.
fn owner(real: DType, params: &[ExternalParam], span: Span) -> Function {
    let zero = |ty: Type| build::constant(0.0, ty, span);
    let member = |(name, sizes): &ExternalParam| {
        let ty = Type::of(real, sizes);
        Member::Param { name: name.clone(), init: zero(ty.clone()), ty, span }
    };
    Function {
        results: vec![Type::scalar(real)],
        name: "parameters".to_string(),
        sizes: Vec::new(),
        n_args: 0,
        locals: Vec::new(),
        members: params.iter().map(member).collect(),
        body: zero(Type::scalar(real)),
        rule: None,
        span,
    }
}
