//! Calls of stages with other parameters: `inner(w)`, `loss(w)`.

use crate::algebra::types::{DType, Type};
use crate::check::env::{Checked, Poison, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{args, convert, extents};
use crate::typed::{Expr, ExprKind, Extent, Inner, LocalId, StageScope, free_locals};

/// `inner(w)`: the update of the pipeline before a `wrap stage` where its `w` is the argument.
pub(crate) fn call_inner<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let point = point(cx, scope, call)?;
    if let Some(before) = &scope.of_stage().inner {
        let message = format!("`{}` runs twice", call.name);
        let found = at(&errors::INNER_ONCE, message, call.span, "runs again");
        let found = found.label(before.point.span, "runs here already");
        return Err(cx.env.report(found.help(format!("keep its update: `let u = {}(w)`", call.name))));
    }
    let (line, known) = scope.of_stage().line;
    if let Some((local, span)) = free_locals(&point).into_iter().find(|(local, _)| local.0 >= known) {
        let message = format!("`{}` is only known inside of this line", scope.locals[local.0].name);
        let found = at(&errors::INNER_ONCE, message, span, "given to the pipeline before this stage");
        return Err(cx.env.report(found.help("give it a line of its own with `let`")));
    }
    scope.of_stage().inner = Some(Inner { line, point: Expr { span: call.span, ..point } });
    let local = LocalId(StageScope::Update as usize);
    let ty = extents::extent_type(cx.env, scope, Extent::Coordinate);
    Ok(Value::strong(Expr { kind: ExprKind::Local(local), ty, span: call.span }))
}

/// The loss of this step where the parameters are others.
pub(crate) fn call_loss<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let point = point(cx, scope, call)?;
    let kind = ExprKind::StageLoss(Box::new(point));
    Ok(Value::strong(Expr { kind, ty: Type::scalar(DType::F64), span: call.span }))
}

/// The parameters that a call in a stage is given: one number per coordinate.
fn point<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) -> Checked<Expr> {
    args::no_more_statics(cx.env, call)?;
    let given = args::given(cx, scope, call, &["w"], 1)?;
    let value = given.into_iter().flatten().next().ok_or(Poison)?;
    let ty = extents::extent_type(cx.env, scope, Extent::Coordinate);
    convert::extended(cx.env, scope, value, &ty, "w", call.span)
}
