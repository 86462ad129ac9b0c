//! Functions of the library that go along the last axis, and along another one where `axis = k` says so.

use super::args::{self, no_statics};
use super::convert::{self, counted};
use super::typer::{Call, Typer};
use super::{arith, calls};
use crate::algebra::op::Op;
use crate::algebra::view::View;
use crate::check::env::{ALONG, Checked, Env, Poison, Scope, Value};
use crate::typed::{Expr, Instance, build};

/// Whether a call names the axis of one of these functions.
pub(super) fn says_axis<'a>(env: &Env<'a>, def: usize, call: &Call<'a, '_>) -> bool {
    env.decls.functions[def].has_axis()
        && call.args.iter().any(|arg| arg.name.is_some_and(|name| name.name == "axis"))
}

/// The same call with the axis in the last place.
pub(super) fn along_axis<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    call: &Call<'a, '_>,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let mut given = args::given(cx, scope, call, &["x", "axis"], 2)?.into_iter();
    let (x, axis) = (given.next().flatten().ok_or(Poison)?, given.next().flatten().ok_or(Poison)?);
    let axis = args::axis(cx.env, &axis, &x.expr.ty)?;
    let x = convert::settle(cx.env, arith::real(counted(x, scope), scope))?;
    let rank = x.ty.rank();
    let there: Vec<usize> = (0..rank).filter(|k| *k != axis).chain([axis]).collect();
    let mut back: Vec<usize> = (0..rank - 1).collect();
    back.insert(axis, rank - 1);
    let args = call.args.iter().filter(|arg| arg.name.is_none_or(|name| name.name != "axis"));
    let last = Call { name: call.name.clone(), args: args.cloned().collect(), expected: None, ..*call };
    let x = Value::strong(moved(x, there));
    let value = calls::call_def(cx, scope, def, Vec::new(), Instance::None, Some(x), &last)?;
    let keeps =
        ALONG.iter().any(|(name, keeps)| *name == cx.env.decls.functions[def].ast.name.name && *keeps);
    Ok(if keeps { Value::strong(moved(value.expr, back)) } else { value })
}

/// With the axes in this order.
fn moved(x: Expr, axes: Vec<usize>) -> Expr {
    let span = x.span;
    match axes.is_sorted() {
        true => x,
        false => build::op(Op::View(View::Transpose { axes }), vec![x], span),
    }
}
