//! Builtins that make tensors, and that rearrange them.

use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Type, product};
use crate::algebra::view::View;
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{columns, convert, origin};
use crate::check::text;
use crate::typed::{Expr, Numbered, build};

pub(super) fn no_args<'a>(cx: &mut Typer<'_, 'a>, call: &WrittenCall<'a, '_>) -> Checked<()> {
    args::match_args(cx.env, call, &[], 0, None).map(|_| ())
}

pub(super) fn iota<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let to = args::sizes(cx.env, scope, call)?;
    no_args(cx, call)?;
    let fill = Op::Fill(Fill::Iota { dtype: scope.float, to });
    Ok(Value::strong(build::op(fill, Vec::new(), call.span)))
}

pub(super) fn one_hot<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let sizes = args::sizes(cx.env, scope, call)?;
    let written = args::match_args(cx.env, call, &["y"], 1, None);
    let values = args::values(cx, scope, call, written)?;
    // The size of a column of words is known.
    let y = values.into_iter().next();
    let known =
        y.as_ref().filter(|_| sizes.is_empty()).and_then(|y| columns::words_of(cx.env, scope, &y.expr));
    let sizes: Vec<Dim> = sizes.into_iter().chain(known).collect();
    let (Some(y), [classes]) = (y, sizes.as_slice()) else {
        let found = at(
            &errors::WRONG_STATIC,
            "`one_hot[C]` takes one size: the number of classes",
            call.span,
            "this call",
        );
        return Err(cx.env.report(found.help("write `one_hot[C](y)`")));
    };
    let y = convert::converted(cx.env, scope, y, DType::I32, "a class number")?;
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

pub(super) fn reshape<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let to = args::sizes(cx.env, scope, call);
    let written = args::match_args(cx.env, call, &["x"], 1, None);
    let x = args::values(cx, scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let (x, to) = (convert::settle(cx.env, x)?, to?);
    if product(&to) == product(&x.ty.shape) {
        return Ok(Value::strong(build::op(Op::View(View::Reshape { to }), vec![x], call.span)));
    }
    let (have, want) =
        (text::show(&x.ty, cx.env.real), text::show(&Type::new(x.ty.dtype, to.clone()), cx.env.real));
    let message = format!("`{have}` has {} elements, `{want}` has {}", product(&x.ty.shape), product(&to));
    let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call")
        .label(x.span, format!("this is `{have}`"));
    let found = origin::label_origin(cx.env, scope, &x, found);
    Err(cx.env.report(found.help("the product of the sizes must stay the same")))
}

/// Repeats a tensor to a shape that it broadcasts to, right-aligned.
pub(super) fn broadcast<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let to = args::sizes(cx.env, scope, call);
    let written = args::match_args(cx.env, call, &["x"], 1, None);
    let x = args::values(cx, scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let (x, to) = (convert::settle(cx.env, x)?, to?);
    if build::joint_shape(&x.ty.shape, &to).is_some_and(|joint| joint == to) {
        // Axes of size 1 are repeated like those that are not there.
        let kept = build::broadcast(x, &to);
        return Ok(Value::strong(kept));
    }
    let (have, want) = (text::show(&x.ty, cx.env.real), text::show(&Type::new(x.ty.dtype, to), cx.env.real));
    let message = format!("`{have}` does not broadcast to `{want}`");
    let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call")
        .label(x.span, format!("this is `{have}`"));
    let found = origin::label_origin(cx.env, scope, &x, found);
    Err(cx.env.report(found.help("from the right, each size must be the same, 1 or missing")))
}

/// Swaps two axes, the last two where none are named.
pub(super) fn transpose<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let mut given = args::given(cx, scope, call, &["x", "a", "b"], 1)?.into_iter();
    let (x, a, b) = (given.next().flatten(), given.next().flatten(), given.next().flatten());
    let x = convert::settle(cx.env, x.ok_or(Poison)?)?;
    let rank = x.ty.rank();
    if rank < 2 {
        let shown = text::show(&x.ty, cx.env.real);
        let found =
            at(&errors::SHAPE_MISMATCH, "`transpose` needs two axes", x.span, format!("this is `{shown}`"));
        let found = origin::label_origin(cx.env, scope, &x, found);
        let help = match scope.in_stage() {
            true => {
                "a stage sees all parameters as one vector, and no matrices: `sum[row](u^2)` and `sum[col](u^2)` go along theirs"
            }
            false => "vectors need no transpose: `a @ b` multiplies them as they are",
        };
        return Err(cx.env.report(found.help(help)));
    }
    let last = |n: f64| value::literal(n, true, scope.float, call.span);
    let a = args::axis(cx.env, &a.unwrap_or(last(-2.0)), &x.ty)?;
    let b = args::axis(cx.env, &b.unwrap_or(last(-1.0)), &x.ty)?;
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(a, b);
    Ok(Value::strong(build::op(Op::View(View::Transpose { axes }), vec![x], call.span)))
}
