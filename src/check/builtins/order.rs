//! Builtins that put elements in order: `sort`, `argsort`, `top_k`; and `split`.
//!
//! Each element's rank is how many elements come before it: smaller ones, and equal ones at earlier
//! positions, so the order is stable; NaN comes after all numbers. What stands at place `k` is the one
//! element of rank `k`, a sum over a selection, whose derivative goes back to that element. Work grows
//! with the square of the axis.

use crate::algebra::fill::Fill;
use crate::algebra::form::Combine;
use crate::algebra::op::Op;
use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::algebra::view::View;
use crate::source::Span;

use super::super::calls::Call;
use super::super::errors::{self, at};
use super::super::ops;
use super::super::scope::{Checked, Poison, Scope, Value};
use super::super::typed::{Expr, ExprKind};
use super::Cx;

/// The axis that is put in order, the last one of `x`, and how many places of it are asked for.
struct Order {
    x: Expr,
    axis: usize,
    places: Dim,
    descending: bool,
    span: Span,
}

impl Order {
    fn length(&self) -> Dim {
        self.x.ty.shape[self.x.ty.rank() - 1].clone()
    }

    /// The shape with two last axes: `rows`, and the elements.
    fn square(&self, rows: &Dim) -> Shape {
        let mut shape = self.x.ty.shape.clone();
        shape.insert(shape.len() - 1, rows.clone());
        shape
    }

    /// An expression along the elements as one of the two last axes of a square.
    fn spread(&self, expr: &Expr, rows: &Dim, first: bool) -> Expr {
        let to = self.square(rows);
        let last = to.len() - 1;
        let axis = if first { last - 1 } else { last };
        ops::repeat(expr.clone(), &to, (0..last - 1).chain([axis]).collect())
    }

    /// The numbers 0, 1, 2, ... along one of the two last axes of a square.
    fn numbers(&self, rows: &Dim, first: bool) -> Expr {
        let to = self.square(rows);
        let axis = if first { to.len() - 2 } else { to.len() - 1 };
        let fill = Fill::Iota { dtype: DType::I32, to: vec![self.length()] };
        let all = ops::op(Op::Fill(fill), Vec::new(), self.span);
        // A slice, so that no more places are taken than there are, also where sizes are known later.
        let slice = View::Slice { axis: 0, start: Dim::default(), step: 1, count: to[axis].clone() };
        let numbers = match to[axis] == self.length() {
            true => all,
            false => ops::op(Op::View(slice), vec![all], self.span),
        };
        ops::repeat(numbers, &to, vec![axis])
    }

    /// How many elements come before each one, `i32`.
    fn ranks(&self) -> Expr {
        let map = |name: &str, args: Vec<Expr>| ops::map(name, args, self.span);
        let n = self.length();
        let (here, there) = (self.spread(&self.x, &n, true), self.spread(&self.x, &n, false));
        let (low, high) = if self.descending { (&here, &there) } else { (&there, &here) };
        let less = map("lt", vec![low.clone(), high.clone()]);
        let equal = map("eq", vec![here.clone(), there.clone()]);
        let (before, equal) = match self.x.ty.dtype.is_float() {
            false => (less, equal),
            true => {
                let nan = |x: &Expr| map("ne", vec![x.clone(), x.clone()]);
                let number = map("not", vec![nan(&there)]);
                let last = map("and", vec![nan(&here), number]);
                let both = map("and", vec![nan(&here), nan(&there)]);
                (map("or", vec![less, last]), map("or", vec![equal, both]))
            }
        };
        let earlier = map("lt", vec![self.numbers(&n, false), self.numbers(&n, true)]);
        let before = map("or", vec![before, map("and", vec![equal, earlier])]);
        let before = ops::cast(before, DType::I32);
        let last = before.ty.rank() - 1;
        ops::reduce(Combine::Sum, before, &[last], false, self.span)
    }

    /// At each place the value of the element whose rank it is, with the axis back where it was.
    fn placed(&self, ranks: &Expr, value: Expr) -> Expr {
        let map = |name: &str, args: Vec<Expr>| ops::map(name, args, self.span);
        let chosen =
            map("eq", vec![self.spread(ranks, &self.places, false), self.numbers(&self.places, true)]);
        let zero = ops::constant(0.0, value.ty.clone(), self.span);
        let chosen = map("select", vec![chosen, value, zero]);
        let last = chosen.ty.rank() - 1;
        let placed = ops::reduce(Combine::Sum, chosen, &[last], false, self.span);
        moved(placed, last - 1, self.axis, self.span)
    }

    fn values(&self, ranks: &Expr) -> Expr {
        self.placed(ranks, self.spread(&self.x, &self.places, false))
    }

    fn positions(&self, ranks: &Expr) -> Expr {
        self.placed(ranks, self.numbers(&self.places, false))
    }
}

/// Axis `from` moved to place `to`.
fn moved(expr: Expr, from: usize, to: usize, span: Span) -> Expr {
    let mut axes: Vec<usize> = (0..expr.ty.rank()).filter(|axis| *axis != from).collect();
    axes.insert(to, from);
    match from == to {
        true => expr,
        false => ops::op(Op::View(View::Transpose { axes }), vec![expr], span),
    }
}

/// The arguments of a call that orders; `places`: how many are asked for, all if `None`.
fn order<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>, places: Option<Dim>) -> Checked<Order> {
    let names: &[&str] = if places.is_some() { &["x", "axis"] } else { &["x", "axis", "descending"] };
    let mut given = cx.given(scope, call, names, 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = ops::literal(-1.0, true, scope.float, call.span);
    let axis = cx.axis(&given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    cx.expect_number(scope, &x, &format!("`{}`", call.name))?;
    let descending = match given.next().flatten() {
        None => places.is_some(),
        Some(Value { expr: Expr { kind: ExprKind::Const(value), ty, .. }, .. })
            if ty.dtype == DType::Bool =>
        {
            value != 0.0
        }
        Some(other) => {
            let message = "`descending` is `true` or `false`";
            let found = at(&errors::NOT_CONSTANT, message, other.expr.span, "neither");
            return Err(cx.report(found.help("write `descending = true`")));
        }
    };
    let x = cx.settle(x)?;
    let length = x.ty.shape[axis].clone();
    let places = places.unwrap_or(length.clone());
    if length.sub(&places).as_constant().is_some_and(|left| left < 0) {
        let message = format!("`{}` takes {places} of an axis of size {length}", call.name);
        let found = at(&errors::SHAPE_MISMATCH, message, call.span, "more than there are");
        let found = cx.label_origin(scope, &x, found);
        return Err(cx.report(found.help("take as many as the axis has, or fewer")));
    }
    let last = x.ty.rank() - 1;
    let span = call.span;
    Ok(Order { x: moved(x, axis, last, span), axis, places, descending, span })
}

/// What is ordered and its ranks under names, for use in several places.
fn with_ranks<'a>(
    cx: Cx<'_, 'a>,
    scope: &mut Scope,
    order: Order,
    body: impl FnOnce(&Order, &Expr) -> Expr,
) -> Value {
    let Order { x, axis, places, descending, span } = order;
    Value::strong(cx.share(scope, "x", x, |cx, scope, x| {
        let order = Order { x, axis, places, descending, span };
        let ranks = order.ranks();
        cx.share(scope, "ranks", ranks, |_, _, ranks| body(&order, &ranks))
    }))
}

/// `sort(x, axis = -1, descending = false)`
pub(super) fn sort<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    super::no_statics(cx, call)?;
    let order = order(cx, scope, call, None)?;
    Ok(with_ranks(cx, scope, order, |order, ranks| order.values(ranks)))
}

/// `argsort(x, axis = -1, descending = false)`
pub(super) fn argsort<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    super::no_statics(cx, call)?;
    let order = order(cx, scope, call, None)?;
    Ok(with_ranks(cx, scope, order, |order, ranks| order.positions(ranks)))
}

/// `top_k[3](x, axis = -1)`: values and positions.
pub(super) fn top_k<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let places = one_size(cx, scope, call, "how many: `top_k[3](x)`")?;
    let order = order(cx, scope, call, Some(places))?;
    Ok(with_ranks(cx, scope, order, |order, ranks| {
        several(vec![order.values(ranks), order.positions(ranks)], order.span)
    }))
}

/// `split[3](x, axis = 0)`: as many parts of one size.
pub(super) fn split<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let parts = one_size(cx, scope, call, "how many parts: `split[3](x)`")?;
    let mut given = cx.given(scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let first = ops::literal(0.0, true, scope.float, call.span);
    let axis = cx.axis(&given.next().flatten().unwrap_or(first), &x.expr.ty)?;
    let x = cx.settle(x)?;
    let span = call.span;
    let (length, n) = (x.ty.shape[axis].clone(), parts.as_constant().unwrap_or(0));
    let Some(size) = length.div_exact(&parts).filter(|_| (2..=1000).contains(&n)) else {
        let message = match (2..=1000).contains(&n) {
            true => format!("an axis of size {length} does not split into {n} parts of one size"),
            false => "`split` makes 2 to 1000 parts, a number known here".to_string(),
        };
        let found = at(&errors::SHAPE_MISMATCH, message, span, "this call");
        let found = cx.label_origin(scope, &x, found);
        return Err(cx.report(found.help("take parts of different sizes by slices: `x[:2]`, `x[2:]`")));
    };
    Ok(Value::strong(cx.share(scope, "x", x, |_, _, x| {
        let part = |k: i64| {
            let start = size.mul(&Dim::constant(k));
            let slice = View::Slice { axis, start, step: 1, count: size.clone() };
            ops::op(Op::View(slice), vec![x.clone()], span)
        };
        several((0..n).map(part).collect(), span)
    })))
}

fn several(values: Vec<Expr>, span: Span) -> Expr {
    let ty: Type = values[0].ty.clone();
    Expr { kind: ExprKind::Tuple(values), ty, span }
}

/// The one size in square brackets.
fn one_size<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>, what: &str) -> Checked<Dim> {
    match call.statics {
        [one] => {
            let size = cx.dim(scope, one, false)?;
            cx.positive(size, one.span)
        }
        _ => {
            let message = format!("`{}` has one number in square brackets", call.name);
            let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
            Err(cx.report(found.help(format!("say {what}"))))
        }
    }
}
