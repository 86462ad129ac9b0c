//! Builtins that make tensors, and that rearrange them.

use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Type, product};
use crate::algebra::view::View;
use crate::typed::build;

use super::super::calls::Call;
use super::super::errors::{self, at};
use super::super::scope::{Checked, Poison, Scope, Value};
use super::super::{ops, text};
use super::{Cx, no_statics};
use crate::typed::{Expr, Numbered};

pub(super) fn no_args<'a>(cx: Cx<'_, 'a>, call: &Call<'a, '_>) -> Checked<()> {
    cx.match_args(call, &[], 0, None).map(|_| ())
}

pub(super) fn iota<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let to = cx.sizes(scope, call)?;
    no_args(cx, call)?;
    let fill = Op::Fill(Fill::Iota { dtype: scope.float, to });
    Ok(Value::strong(build::op(fill, Vec::new(), call.span)))
}

pub(super) fn one_hot<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let sizes = cx.sizes(scope, call)?;
    let written = cx.match_args(call, &["y"], 1, None);
    let values = cx.values(scope, call, written)?;
    let (Some(y), [classes]) = (values.into_iter().next(), sizes.as_slice()) else {
        let found = at(
            &errors::WRONG_STATIC,
            "`one_hot[C]` takes one size: the number of classes",
            call.span,
            "this call",
        );
        return Err(cx.report(found.help("write `one_hot[C](y)`")));
    };
    let y = cx.converted(scope, y, DType::I32, "a class number")?;
    let y = Expr { span: call.span, ..build::position(y, classes.clone(), Numbered::Classes) };
    let mut shape = y.ty.shape.clone();
    let rank = shape.len();
    shape.push(classes.clone());
    let span = call.span;
    let y = build::repeat(y, &shape, (0..rank).collect());
    let numbers =
        build::op(Op::Fill(Fill::Iota { dtype: DType::I32, to: vec![classes.clone()] }), Vec::new(), span);
    let hot = build::map(&scalar::EQ, vec![y, build::broadcast(numbers, &shape)], span);
    Ok(Value::strong(build::cast(hot, scope.float)))
}

pub(super) fn reshape<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let to = cx.sizes(scope, call);
    let written = cx.match_args(call, &["x"], 1, None);
    let x = cx.values(scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let (x, to) = (cx.settle(x)?, to?);
    if product(&to) == product(&x.ty.shape) {
        return Ok(Value::strong(build::op(Op::View(View::Reshape { to }), vec![x], call.span)));
    }
    let (have, want) = (text::show(&x.ty, cx.real), text::show(&Type::new(x.ty.dtype, to.clone()), cx.real));
    let message = format!("`{have}` has {} elements, `{want}` has {}", product(&x.ty.shape), product(&to));
    let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call")
        .label(x.span, format!("this is `{have}`"));
    let found = cx.label_origin(scope, &x, found);
    Err(cx.report(found.help("the product of the sizes must stay the same")))
}

/// Repeats a tensor to a shape that it broadcasts to, right-aligned.
pub(super) fn broadcast<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let to = cx.sizes(scope, call);
    let written = cx.match_args(call, &["x"], 1, None);
    let x = cx.values(scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let (x, to) = (cx.settle(x)?, to?);
    if build::joint_shape(&x.ty.shape, &to).is_some_and(|joint| joint == to) {
        // Axes of size 1 are repeated like those that are not there.
        let kept = build::broadcast(x, &to);
        return Ok(Value::strong(kept));
    }
    let (have, want) = (text::show(&x.ty, cx.real), text::show(&Type::new(x.ty.dtype, to), cx.real));
    let message = format!("`{have}` does not broadcast to `{want}`");
    let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call")
        .label(x.span, format!("this is `{have}`"));
    let found = cx.label_origin(scope, &x, found);
    Err(cx.report(found.help("from the right, each size must be the same, 1 or missing")))
}

/// Swaps two axes, the last two where none are named.
pub(super) fn transpose<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let mut given = cx.given(scope, call, &["x", "a", "b"], 1)?.into_iter();
    let (x, a, b) = (given.next().flatten(), given.next().flatten(), given.next().flatten());
    let x = cx.settle(x.ok_or(Poison)?)?;
    let rank = x.ty.rank();
    if rank < 2 {
        let shown = text::show(&x.ty, cx.real);
        let found =
            at(&errors::SHAPE_MISMATCH, "`transpose` needs two axes", x.span, format!("this is `{shown}`"));
        let found = cx.label_origin(scope, &x, found);
        return Err(cx.report(found.help("vectors need no transpose: `a @ b` multiplies them as they are")));
    }
    let last = |n: f64| ops::literal(n, true, scope.float, call.span);
    let a = cx.axis(&a.unwrap_or(last(-2.0)), &x.ty)?;
    let b = cx.axis(&b.unwrap_or(last(-1.0)), &x.ty)?;
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(a, b);
    Ok(Value::strong(build::op(Op::View(View::Transpose { axes }), vec![x], call.span)))
}
