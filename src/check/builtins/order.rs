//! Builtins that put elements in order: `sort`, `argsort`, `top_k`; and `split`.
//!
//! Each element has its rank, which is how many elements come before it: smaller ones, and equal ones at
//! earlier positions, so the order is stable; NaN comes after all numbers. The positions put where their
//! ranks say are the order; values are taken from there, so that the derivative goes back to the elements
//! that they are. All rows are one flat tensor meanwhile.

use crate::algebra::fill::Fill;
use crate::algebra::gather::Gather;
use crate::algebra::op::Op;
use crate::algebra::ranks::Ranks;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::algebra::view::View;
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{args, convert, dims, origin};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, build};

/// The axis that is put in order, the last one of `x`, and how many places of it are asked for.
struct SortedAxis {
    x: Expr,
    axis: usize,
    places: Dim,
    descending: bool,
    span: Span,
}

impl SortedAxis {
    fn length(&self) -> Dim {
        self.x.ty.shape[self.x.ty.rank() - 1].clone()
    }

    /// How many elements there are in all rows, and the shape of a tensor of them.
    fn flat(&self) -> Shape {
        vec![self.x.ty.shape.iter().fold(Dim::constant(1), |product, dim| product.mul(dim))]
    }

    /// The numbers 0, 1, 2, ... of so many elements.
    fn numbers(&self, to: &Shape) -> Expr {
        let fill = Fill::Iota { dtype: DType::I32, to: to.clone() };
        build::op(Op::Fill(fill), Vec::new(), self.span)
    }

    /// Where the row of each element starts in the flat tensor; none if there is one row.
    fn starts(&self) -> Option<Expr> {
        let shape = &self.x.ty.shape;
        let last = shape.len().checked_sub(1).filter(|last| *last > 0)?;
        let all = build::reshape(self.numbers(&self.flat()), shape.clone(), self.span);
        let along = build::repeat(self.numbers(&vec![self.length()]), shape, vec![last]);
        Some(build::map(&scalar::SUB, vec![all, along], self.span))
    }

    /// The position in the flat tensor of what stands at each place of each row.
    fn order(&self) -> Expr {
        let span = self.span;
        let axis = self.x.ty.rank() - 1;
        let ranks = Op::Ranks(Ranks { axis, descending: self.descending });
        let ranks = build::op(ranks, vec![self.x.clone()], span);
        let places = match self.starts() {
            None => ranks,
            Some(starts) => build::map(&scalar::ADD, vec![starts, ranks], span),
        };
        let flat = self.flat();
        let scatter = Op::Gather(Gather::Scatter { axis: 0, size: flat[0].clone() });
        let places = build::reshape(places, flat.clone(), span);
        let order = build::op(scatter, vec![self.numbers(&flat), places], span);
        build::reshape(order, self.x.ty.shape.clone(), span)
    }

    /// The first places of each row, as many as are asked for.
    fn first(&self, expr: &Expr) -> Expr {
        if self.places == self.length() {
            return expr.clone();
        }
        let axis = self.x.ty.rank() - 1;
        let slice = View::Slice { axis, start: Dim::default(), step: 1, count: self.places.clone() };
        build::op(Op::View(slice), vec![expr.clone()], self.span)
    }

    /// The axis back where it was.
    fn back(&self, expr: Expr) -> Expr {
        let last = expr.ty.rank() - 1;
        moved(expr, last, self.axis, self.span)
    }

    fn values(&self, order: &Expr) -> Expr {
        let flat = build::reshape(self.x.clone(), self.flat(), self.span);
        let take = Op::Gather(Gather::Take { axis: 0 });
        self.back(build::op(take, vec![flat, self.first(order)], self.span))
    }

    fn positions(&self, order: &Expr) -> Expr {
        let positions = match self.starts() {
            None => self.first(order),
            Some(starts) => build::map(&scalar::SUB, vec![self.first(order), self.first(&starts)], self.span),
        };
        self.back(positions)
    }
}

/// Axis `from` moved to place `to`.
fn moved(expr: Expr, from: usize, to: usize, span: Span) -> Expr {
    let mut axes: Vec<usize> = (0..expr.ty.rank()).filter(|axis| *axis != from).collect();
    axes.insert(to, from);
    match from == to {
        true => expr,
        false => build::op(Op::View(View::Transpose { axes }), vec![expr], span),
    }
}

/// The arguments of a call that orders; `places`: how many are asked for, all if `None`.
fn order<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
    places: Option<Dim>,
) -> Checked<SortedAxis> {
    let names: &[&str] = if places.is_some() { &["x", "axis"] } else { &["x", "axis", "descending"] };
    let mut given = args::given(cx, scope, call, names, 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = value::literal(-1.0, true, scope.float, call.span);
    let axis = args::axis(cx.env, &given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    convert::expect_number(cx.env, scope, &x, &format!("`{}`", call.name))?;
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
            return Err(cx.env.report(found.help("write `descending = true`")));
        }
    };
    let x = convert::settle(cx.env, x)?;
    let length = x.ty.shape[axis].clone();
    let places = places.unwrap_or(length.clone());
    if length.sub(&places).as_constant().is_some_and(|left| left < 0) {
        let message = format!("`{}` takes {places} of an axis of size {length}", call.name);
        let found = at(&errors::SHAPE_MISMATCH, message, call.span, "more than there are");
        let found = origin::label_origin(cx.env, scope, &x, found);
        return Err(cx.env.report(found.help("take as many as the axis has, or fewer")));
    }
    let last = x.ty.rank() - 1;
    let span = call.span;
    Ok(SortedAxis { x: moved(x, axis, last, span), axis, places, descending, span })
}

/// What is ordered and its order under names, for use in several places.
fn with_order(scope: &mut Scope, order: SortedAxis, body: impl FnOnce(&SortedAxis, &Expr) -> Expr) -> Value {
    let SortedAxis { x, axis, places, descending, span } = order;
    Value::strong(scope.share("x", x, |scope, x| {
        let order = SortedAxis { x, axis, places, descending, span };
        let positions = order.order();
        scope.share("order", positions, |_, positions| body(&order, &positions))
    }))
}

/// `sort(x, axis = -1, descending = false)`
pub(super) fn sort<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    args::no_statics(cx.env, call)?;
    let order = order(cx, scope, call, None)?;
    Ok(with_order(scope, order, |order, positions| order.values(positions)))
}

/// `argsort(x, axis = -1, descending = false)`
pub(super) fn argsort<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    args::no_statics(cx.env, call)?;
    let order = order(cx, scope, call, None)?;
    Ok(with_order(scope, order, |order, positions| order.positions(positions)))
}

/// `top_k[3](x, axis = -1)`: values and positions.
pub(super) fn top_k<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let places = one_size(cx, scope, call, "how many: `top_k[3](x)`")?;
    let order = order(cx, scope, call, Some(places))?;
    Ok(with_order(scope, order, |order, positions| {
        several(vec![order.values(positions), order.positions(positions)], order.span)
    }))
}

/// `split[3](x, axis = 0)`: as many parts of one size.
pub(super) fn split<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let parts = one_size(cx, scope, call, "how many parts: `split[3](x)`")?;
    let mut given = args::given(cx, scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let first = value::literal(0.0, true, scope.float, call.span);
    let axis = args::axis(cx.env, &given.next().flatten().unwrap_or(first), &x.expr.ty)?;
    let x = convert::settle(cx.env, x)?;
    let span = call.span;
    let (length, n) = (x.ty.shape[axis].clone(), parts.as_constant().unwrap_or(0));
    let Some(size) = length.div_exact(&parts).filter(|_| (2..=1000).contains(&n)) else {
        let message = match (2..=1000).contains(&n) {
            true => format!("an axis of size {length} does not split into {n} parts of one size"),
            false => "`split` makes 2 to 1000 parts, a number known here".to_string(),
        };
        let found = at(&errors::SHAPE_MISMATCH, message, span, "this call");
        let found = origin::label_origin(cx.env, scope, &x, found);
        return Err(cx.env.report(found.help("take parts of different sizes by slices: `x[:2]`, `x[2:]`")));
    };
    Ok(Value::strong(scope.share("x", x, |_, x| {
        let part = |k: i64| {
            let start = size.mul(&Dim::constant(k));
            let slice = View::Slice { axis, start, step: 1, count: size.clone() };
            build::op(Op::View(slice), vec![x.clone()], span)
        };
        several((0..n).map(part).collect(), span)
    })))
}

fn several(values: Vec<Expr>, span: Span) -> Expr {
    let ty: Type = values[0].ty.clone();
    Expr { kind: ExprKind::Tuple(values), ty, span }
}

/// The one size in square brackets.
fn one_size<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &WrittenCall<'a, '_>,
    what: &str,
) -> Checked<Dim> {
    match call.statics {
        [one] => {
            let size = dims::dim(cx.env, scope, one, false)?;
            dims::positive(cx.env, size, one.span)
        }
        _ => {
            let message = format!("`{}` has one number in square brackets", call.name);
            let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
            Err(cx.env.report(found.help(format!("say {what}"))))
        }
    }
}
