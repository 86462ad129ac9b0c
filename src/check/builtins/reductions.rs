//! Builtins that put elements together.

use crate::algebra::fill::Fill;
use crate::algebra::form::Combine;
use crate::algebra::op::Op;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::types::{DType, Shape};
use crate::algebra::view::View;
use crate::typed::build;

use super::super::Checker;
use super::super::calls::Call;
use super::super::errors::{self, at};
use super::super::scope::{Checked, Poison, Scope, Value};
use super::super::{arith, ops};
use super::{Cx, no_statics};
use crate::typed::{Expr, ExprKind, Extent, Instance};

/// A reduction call: its operand, its axes, whether they are kept.
fn reduction<'a>(
    cx: Cx<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
) -> Checked<(Value, Vec<usize>, bool)> {
    no_statics(cx, call)?;
    let mut given = cx.given(scope, call, &["x", "axis", "keep"], 1)?.into_iter();
    let (x, axis, keep) = (given.next().flatten(), given.next().flatten(), given.next().flatten());
    let x = x.ok_or(Poison)?;
    if scope.in_stage() && !matches!(ops::extent(scope, &x.expr.ty), Extent::Vector(_)) {
        return Err(say_extent(cx, call));
    }
    let axes = match axis {
        Some(axis) => several(cx, &axis, &x)?,
        None => (0..x.expr.ty.rank()).collect(),
    };
    let keep = match keep {
        None => false,
        Some(Value { expr: Expr { kind: ExprKind::Const(value), ty, .. }, .. })
            if ty.dtype == DType::Bool =>
        {
            value != 0.0
        }
        Some(other) => {
            let found = at(&errors::NOT_CONSTANT, "`keep` is `true` or `false`", other.expr.span, "neither");
            return Err(cx.report(found.help("write `keep = true`")));
        }
    };
    Ok((x, axes, keep))
}

/// The axes that a number or a list of numbers names, ascending, each once.
fn several(cx: Cx<'_, '_>, axes: &Value, of: &Value) -> Checked<Vec<usize>> {
    let items = match &axes.expr.kind {
        ExprKind::Op(Op::Pack(_), items) => items.iter().map(listed).collect(),
        _ => vec![&axes.expr],
    };
    let mut found = Vec::new();
    for item in items {
        found.push(cx.axis(&Value { expr: item.clone(), weak: axes.weak }, &of.expr.ty)?);
    }
    found.sort_unstable();
    match found.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(found),
        Some(pair) => {
            let message = format!("axis {} is named twice", pair[0]);
            let found = at(&errors::WRONG_ARGUMENT, message, axes.expr.span, "axes of one tensor");
            Err(cx.report(found.help("name each axis once")))
        }
    }
}

/// An element of a list as it is written.
fn listed(item: &Expr) -> &Expr {
    match &item.kind {
        ExprKind::Op(Op::View(_) | Op::Cast(_), args) => args.first().map_or(item, listed),
        _ => item,
    }
}

fn say_extent<'a>(cx: Cx<'_, 'a>, call: &Call<'a, '_>) -> Poison {
    let message = format!("in a stage, `{}` says over what: a tensor or the whole model", call.name);
    let found = at(&errors::WRONG_STATIC, message, call.span, "no extent");
    cx.report(found.help(format!("write `{}[model](...)` or `{}[tensor](...)`", call.name, call.name)))
}

pub(super) fn extent_only<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    if scope.in_stage() {
        return Err(say_extent(cx, call));
    }
    let message = format!("`{}` is for optimizer stages", call.name);
    Err(cx.report(
        at(&errors::NOT_A_FUNCTION, message, call.span, "not in a stage")
            .help("write it with `sum`: `sum(a * b)`"),
    ))
}

/// The operand of a numeric reduction, with booleans as reals.
fn counted(value: Value, scope: &Scope) -> Value {
    match value.expr.ty.dtype {
        DType::Bool => Value::strong(build::cast(value.expr, scope.float)),
        _ => value,
    }
}

pub(super) fn sum<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = cx.settle(counted(x, scope))?;
    Ok(Value::strong(build::reduce(Combine::Sum, x, &axes, keep, call.span)))
}

pub(super) fn mean<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = cx.settle(arith::real(counted(x, scope), scope))?;
    let sizes: Shape = axes.iter().map(|axis| x.ty.shape[*axis].clone()).collect();
    let total = build::reduce(Combine::Sum, x, &axes, keep, call.span);
    let count = build::broadcast(build::count(&sizes, total.ty.dtype, call.span), &total.ty.shape);
    Ok(Value::strong(build::map(&scalar::DIV, vec![total, count], call.span)))
}

/// The mean of the squares of what is left without the mean.
fn variance<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Expr> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = cx.settle(arith::real(counted(x, scope), scope))?;
    let span = call.span;
    let sizes: Shape = axes.iter().map(|axis| x.ty.shape[*axis].clone()).collect();
    let mean = |x: Expr, keep: bool| {
        let total = build::reduce(Combine::Sum, x, &axes, keep, span);
        let count = build::broadcast(build::count(&sizes, total.ty.dtype, span), &total.ty.shape);
        build::map(&scalar::DIV, vec![total, count], span)
    };
    Ok(cx.share(scope, "x", x, |cx, scope, x| {
        let middle = build::broadcast(mean(x.clone(), true), &x.ty.shape);
        let apart = build::map(&scalar::SUB, vec![x, middle], span);
        cx.share(scope, "apart", apart, |_, _, apart| {
            mean(build::map(&scalar::MUL, vec![apart.clone(), apart], span), keep)
        })
    }))
}

pub(super) fn var<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    Ok(Value::strong(variance(cx, scope, call)?))
}

pub(super) fn std<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let variance = variance(cx, scope, call)?;
    Ok(Value::strong(build::map(&scalar::SQRT, vec![variance], call.span)))
}

pub(super) fn prod<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    cx.expect_number(scope, &x, "`prod`")?;
    let x = cx.settle(x)?;
    Ok(Value::strong(build::reduce(Combine::Prod, x, &axes, keep, call.span)))
}

/// `max(a, b)` is elementwise, `max(x)` and `max(x, axis = k)` reduce.
fn extreme<'a>(
    cx: Cx<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    row: &'static Scalar,
    combine: Combine,
) -> Checked<Value> {
    let positional = call.args.iter().filter(|arg| arg.name.is_none()).count();
    if positional >= 2 {
        no_statics(cx, call)?;
        let written = cx.match_args(call, &["a", "b"], 2, None);
        let values = cx.values(scope, call, written)?;
        return cx.elementwise(scope, row, values, call.span);
    }
    let (x, axes, keep) = reduction(cx, scope, call)?;
    cx.expect_number(scope, &x, &format!("`{}`", row.name))?;
    let x = cx.settle(x)?;
    Ok(Value::strong(build::reduce(combine, x, &axes, keep, call.span)))
}

pub(super) fn max<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    extreme(cx, scope, call, &scalar::MAX, Combine::Max)
}

pub(super) fn min<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    extreme(cx, scope, call, &scalar::MIN, Combine::Min)
}

fn logical<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>, combine: Combine) -> Checked<Value> {
    let (x, axes, keep) = reduction(cx, scope, call)?;
    let x = cx.expect_bool(scope, x, &format!("`{}`", call.name))?;
    Ok(Value::strong(build::reduce(combine, x, &axes, keep, call.span)))
}

pub(super) fn any<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    logical(cx, scope, call, Combine::Max)
}

pub(super) fn all<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    logical(cx, scope, call, Combine::Min)
}

/// The least position at which the extreme is taken.
fn arg_extreme<'a>(
    cx: Cx<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    combine: Combine,
) -> Checked<Value> {
    no_statics(cx, call)?;
    let span = call.span;
    let mut given = cx.given(scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = ops::literal(-1.0, true, scope.float, span);
    let axis = cx.axis(&given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    cx.expect_number(scope, &x, &format!("`{}`", call.name))?;
    let x = cx.settle(x)?;
    Ok(Value::strong(cx.share(scope, "x", x, |_, _, x| {
        let (shape, size) = (x.ty.shape.clone(), x.ty.shape[axis].clone());
        let best = build::broadcast(build::reduce(combine, x.clone(), &[axis], true, span), &shape);
        let at_best = build::map(&scalar::EQ, vec![x.clone(), best], span);
        // As in NumPy, a NaN is the greatest and the least: nothing equals it.
        let at_best = match x.ty.dtype.is_float() {
            true => build::map(
                &scalar::OR,
                vec![at_best, build::map(&scalar::NE, vec![x.clone(), x], span)],
                span,
            ),
            false => at_best,
        };
        let positions = Op::Fill(Fill::Iota { dtype: DType::I32, to: vec![size.clone()] });
        let positions = build::repeat(build::op(positions, Vec::new(), span), &shape, vec![axis]);
        let outside = build::broadcast(build::count(&[size], DType::I32, span), &shape);
        let candidates = build::map(&scalar::SELECT, vec![at_best, positions, outside], span);
        build::reduce(Combine::Min, candidates, &[axis], false, span)
    })))
}

pub(super) fn argmax<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    arg_extreme(cx, scope, call, Combine::Max)
}

pub(super) fn argmin<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    arg_extreme(cx, scope, call, Combine::Min)
}

/// Functions of the library that go along the last axis, and along another one where `axis = k` says so;
/// whether they keep it.
const ALONG: [(&str, bool); 3] = [("softmax", true), ("log_softmax", true), ("logsumexp", false)];

impl<'a> Checker<'a> {
    /// Whether a function goes along its last axis or along one that is named.
    pub(in super::super) fn has_axis(&self, def: usize) -> bool {
        let def = &self.defs[def];
        def.library && ALONG.iter().any(|(along, _)| *along == def.ast.name.name)
    }

    /// Whether a call names the axis of one of these functions.
    pub(in super::super) fn says_axis(&self, def: usize, call: &Call<'a, '_>) -> bool {
        self.has_axis(def) && call.args.iter().any(|arg| arg.name.is_some_and(|name| name.name == "axis"))
    }

    /// The same call with the axis in the last place.
    pub(in super::super) fn along_axis(
        &mut self,
        scope: &mut Scope,
        def: usize,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        no_statics(self, call)?;
        let mut given = self.given(scope, call, &["x", "axis"], 2)?.into_iter();
        let (x, axis) = (given.next().flatten().ok_or(Poison)?, given.next().flatten().ok_or(Poison)?);
        let axis = self.axis(&axis, &x.expr.ty)?;
        let x = self.settle(arith::real(counted(x, scope), scope))?;
        let rank = x.ty.rank();
        let there: Vec<usize> = (0..rank).filter(|k| *k != axis).chain([axis]).collect();
        let mut back: Vec<usize> = (0..rank - 1).collect();
        back.insert(axis, rank - 1);
        let args = call.args.iter().filter(|arg| arg.name.is_none_or(|name| name.name != "axis"));
        let last = Call { name: call.name.clone(), args: args.cloned().collect(), expected: None, ..*call };
        let x = Value::strong(moved(x, there));
        let value = self.call_def(scope, def, Vec::new(), Instance::None, Some(x), &last)?;
        let keeps = ALONG.iter().any(|(name, keeps)| *name == self.defs[def].ast.name.name && *keeps);
        Ok(if keeps { Value::strong(moved(value.expr, back)) } else { value })
    }
}

/// With the axes in this order.
fn moved(x: Expr, axes: Vec<usize>) -> Expr {
    let span = x.span;
    match axes.is_sorted() {
        true => x,
        false => build::op(Op::View(View::Transpose { axes }), vec![x], span),
    }
}
