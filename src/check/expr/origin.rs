//! Where the type of an expression comes from, for messages.

use crate::check::env::{Env, Scope};
use crate::check::{errors, text};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Instance};

/// Two operands whose shapes do not fit, and where both come from.
pub(crate) fn two_shapes(
    env: &Env<'_>,
    scope: &Scope,
    message: String,
    a: &Expr,
    b: &Expr,
) -> crate::diag::Diagnostic {
    let (x, y) = (text::show(&a.ty, env.real), text::show(&b.ty, env.real));
    let found = errors::shapes(message, (a.span, x), (b.span, format!("and this is `{y}`")));
    let found = label_origin(env, scope, a, found);
    label_origin(env, scope, b, found)
}

/// Adds where a type comes from: a name, or the layer that an expression ends in.
pub(crate) fn label_origin(
    env: &Env<'_>,
    scope: &Scope,
    expr: &Expr,
    found: crate::diag::Diagnostic,
) -> crate::diag::Diagnostic {
    // Sizes are passed on by most operators, element types are not.
    if found.code.name != errors::SHAPE_MISMATCH.name && !matches!(expr.kind, ExprKind::Local(_)) {
        return found;
    }
    match origin(env, scope, expr) {
        Some((span, text)) if found.labels.iter().all(|label| label.span != span) => found.label(span, text),
        _ => found,
    }
}

/// Where the last size of an expression was made, as far as it is passed on unchanged.
fn origin(env: &Env<'_>, scope: &Scope, expr: &Expr) -> Option<(Span, String)> {
    let shown = text::show(&expr.ty, env.real);
    let layer = |k: usize| scope.layers.iter().find(|(member, _)| *member == k).map(|(_, layer)| layer);
    match &expr.kind {
        ExprKind::Local(id) => {
            let (name, ty) = (&scope.locals[id.0].name, &scope.locals[id.0].ty);
            Some((scope.origins[id.0], format!("`{name}` is `{}`", text::show(ty, env.real))))
        }
        ExprKind::Call { instance: Instance::Layer(k) | Instance::LayerAt { first: k, .. }, .. } => {
            layer(*k).map(|layer| (layer.span, format!("layer `{}` gives `{shown}`", layer.name)))
        }
        ExprKind::Call { args, .. } | ExprKind::Op(_, args) => {
            let same = |arg: &&Expr| !arg.ty.shape.is_empty() && arg.ty.shape.last() == expr.ty.shape.last();
            args.iter().filter(same).find_map(|arg| origin(env, scope, arg))
        }
        _ => None,
    }
}
