//! Calls of layers: of one, of one of several, of several in turn.

use super::typer::{Call, Typer};
use super::{args, calls, dims, names};
use crate::algebra::types::Dim;
use crate::check::env::{Binding, Callee, Checked, Poison, Scope, Value};
use crate::check::errors;
use crate::source::Span;
use crate::typed::Instance;

/// A call of repeated layers: of one of them, `blocks[2](x)`, or of all in turn, `x |> blocks`.
pub(super) fn call_layers<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    first: usize,
    count: usize,
    call: &Call<'a, '_>,
) -> Checked<Value> {
    if let [position] = call.statics {
        let at = (dims::dim(cx.env, scope, position, false)?, position.span);
        return call_one_of(cx, scope, first, count, at, call);
    }
    args::no_more_statics(cx.env, call)?;
    let mut value = None;
    for k in first..first + count {
        value = Some(call_layer(cx, scope, k, value, call)?);
    }
    value.ok_or(Poison)
}

/// A call of one of repeated layers: `blocks[2](x)`.
pub(super) fn call_one_of<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    first: usize,
    count: usize,
    (position, span): (Dim, Span),
    call: &Call<'a, '_>,
) -> Checked<Value> {
    match position.as_constant() {
        Some(n) if (-(count as i64)..count as i64).contains(&n) => {
            let k = n.rem_euclid(count as i64) as usize;
            call_layer(cx, scope, first + k, None, call)
        }
        Some(n) => {
            let (size, last) = (count.to_string(), Some(count as i64 - 1));
            Err(cx.env.report(errors::outside(&n.to_string(), &size, last, span)))
        }
        None => call_layer_at(cx, scope, first, count, position, call),
    }
}

/// A call of the layer at a position that differs between the iterations of a loop: `blocks[i](x)`.
fn call_layer_at<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    index: usize,
    count: usize,
    position: Dim,
    call: &Call<'a, '_>,
) -> Checked<Value> {
    let (first, layer) = scope.layers()[index].clone();
    let Callee::Def(def, statics) = layer.callee else { return Err(Poison) };
    let instance = Instance::LayerAt { first, count, position };
    let value = calls::call_def(cx, scope, def, statics, instance, None, call)?;
    if let crate::typed::ExprKind::Call { function, .. } = &value.expr.kind {
        for (_, layer) in &mut scope.of_function().layers[index..index + count] {
            layer.function.get_or_insert(*function);
        }
    }
    Ok(value)
}

/// A call of a layer, on `first` in place of its first argument if there is one.
pub(super) fn call_layer<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    index: usize,
    first: Option<Value>,
    call: &Call<'a, '_>,
) -> Checked<Value> {
    let (member, layer) = scope.layers()[index].clone();
    if scope.hidden().is_some() {
        return Err(names::hidden(cx.env, scope, &layer.name, call.span));
    }
    let Callee::Def(def, statics) = layer.callee else { return Err(Poison) };
    let value = calls::call_def(cx, scope, def, statics, Instance::Layer(member), first, call)?;
    if let crate::typed::ExprKind::Call { function, .. } = &value.expr.kind {
        scope.of_function().layers[index].1.function.get_or_insert(*function);
    }
    Ok(value)
}

/// Where a layer of this name is declared.
pub(super) fn layer_span(scope: &Scope, name: &str) -> Option<Span> {
    match scope.get(name) {
        Some(Binding::Layer(index) | Binding::Layers(index, _)) => Some(scope.layers()[*index].1.span),
        _ => None,
    }
}
