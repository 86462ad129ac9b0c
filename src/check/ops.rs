//! Typed expressions from typed expressions: element types, shapes and repetition made explicit.

use crate::algebra::contract::Contract;
use crate::algebra::form::Combine;
use crate::algebra::map::{Cast, Map};
use crate::algebra::op::Op;
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::{self, Scalar};
use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::algebra::view::View;
use crate::source::Span;

use super::Checker;
use super::errors::{self, at};
use super::scope::{Checked, Place, Scope, Value, Weak};
use super::text;
use super::typed::{Expr, ExprKind, Extent, Instance, Numbered};

/// The scalar row of this name.
pub(super) fn row(name: &str) -> Option<&'static Scalar> {
    scalar::find(name)
}

/// The scalar row of this name, which must exist.
pub(super) fn the_row(name: &str) -> &'static Scalar {
    row(name).unwrap_or_else(|| panic!("egret internal error in check: no scalar function `{name}`"))
}

/// A number everywhere.
pub(super) fn constant(value: f64, ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Const(value), ty, span }
}

/// A literal that takes its context's type.
pub(super) fn literal(value: f64, integer: bool, float: DType, span: Span) -> Value {
    let dtype = if integer { DType::I32 } else { float };
    let weak = if integer { Weak::Int } else { Weak::Real };
    Value { expr: constant(value, Type::scalar(dtype), span), weak }
}

/// The number that a size is.
pub(super) fn size(dim: &Dim, span: Span) -> Value {
    match dim.as_constant() {
        Some(n) => literal(n as f64, true, DType::F32, span),
        None => Value {
            expr: Expr { kind: ExprKind::Size(dim.clone()), ty: Type::scalar(DType::I32), span },
            weak: Weak::Int,
        },
    }
}

/// An operator on operands that fit it.
///
/// # Panics
/// If they do not: that is this stage's own mistake.
pub(super) fn op(op: Op, args: Vec<Expr>, span: Span) -> Expr {
    let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
    let ty = op.rules().infer(&types).unwrap_or_else(|e| {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        let name = op.rules().name();
        panic!(
            "egret internal error in check: {name}({}) expected {} at {}",
            types.join(", "),
            e.expected,
            e.arg
        )
    });
    Expr { kind: ExprKind::Op(op, args), ty, span }
}

/// A scalar function on operands of one shape.
pub(super) fn map(name: &str, args: Vec<Expr>, span: Span) -> Expr {
    op(Op::Map(Map(the_row(name))), args, span)
}

/// Integers that must be below a size.
pub(super) fn position(value: Expr, below: Dim, what: Numbered) -> Expr {
    let (ty, span) = (value.ty.clone(), value.span);
    Expr { kind: ExprKind::Position { value: Box::new(value), below, what }, ty, span }
}

/// Another element type.
pub(super) fn cast(expr: Expr, dtype: DType) -> Expr {
    if expr.ty.dtype == dtype {
        return expr;
    }
    if let ExprKind::Const(value) = expr.kind
        && dtype.is_float()
    {
        return constant(value, expr.ty.with_dtype(dtype), expr.span);
    }
    if let ExprKind::Size(_) = expr.kind {
        return Expr { ty: expr.ty.with_dtype(dtype), ..expr };
    }
    let span = expr.span;
    op(Op::Cast(Cast(dtype)), vec![expr], span)
}

/// The same weak expression with another element type: literals and sizes become it from the start.
pub(super) fn retype(expr: Expr, dtype: DType) -> Expr {
    let ty = expr.ty.with_dtype(dtype);
    match expr.kind {
        ExprKind::Op(Op::Map(map), args) => {
            let args = args.into_iter().map(|arg| retype(arg, dtype)).collect();
            Expr { kind: ExprKind::Op(Op::Map(map), args), ty, span: expr.span }
        }
        ExprKind::Const(_) | ExprKind::Size(_) => Expr { ty, ..expr },
        _ => cast(expr, dtype),
    }
}

/// Repeats an expression to a shape that it broadcasts to, right-aligned.
pub(super) fn broadcast(expr: Expr, to: &Shape) -> Expr {
    if expr.ty.shape == *to {
        return expr;
    }
    if matches!(expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) {
        return Expr { ty: Type::new(expr.ty.dtype, to.clone()), ..expr };
    }
    let first = to.len() - expr.ty.rank();
    repeat(expr, to, (first..to.len()).collect())
}

/// Repeats an expression whose axes go to `axes` of the result.
pub(super) fn repeat(expr: Expr, to: &Shape, axes: Vec<usize>) -> Expr {
    let span = expr.span;
    op(Op::View(View::Broadcast { to: to.clone(), axes }), vec![expr], span)
}

/// The same elements under another shape.
pub(super) fn reshape(expr: Expr, to: Shape, span: Span) -> Expr {
    match expr.ty.shape == to {
        true => expr,
        false => op(Op::View(View::Reshape { to }), vec![expr], span),
    }
}

/// Puts all elements along `axes` together; with `keep` the axes stay, with size 1.
pub(super) fn reduce(combine: Combine, expr: Expr, axes: &[usize], keep: bool, span: Span) -> Expr {
    let rank = expr.ty.rank();
    let mut kept = expr.ty.shape.clone();
    for axis in axes {
        kept[*axis] = Dim::constant(1);
    }
    let reduced = if axes.is_empty() {
        expr
    } else {
        op(Op::Reduce(Reduce { combine, axes: axes.to_vec() }), vec![expr], span)
    };
    if !keep || axes.is_empty() {
        return reduced;
    }
    repeat(reduced, &kept, (0..rank).filter(|axis| !axes.contains(axis)).collect())
}

/// The product of sizes, as a number of this type.
pub(super) fn count(shape: &[Dim], dtype: DType, span: Span) -> Expr {
    let product = shape.iter().fold(Dim::constant(1), |product, dim| product.mul(dim));
    retype(size(&product, span).expr, dtype)
}

/// The shape both broadcast to, or the axis (of the longer) at which they disagree.
pub(super) fn joint_shape(a: &[Dim], b: &[Dim]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let one = Dim::constant(1);
    let from_right = |shape: &[Dim], k: usize| {
        (k + shape.len()).checked_sub(rank).map(|k| shape[k].clone()).unwrap_or(one.clone())
    };
    (0..rank)
        .map(|k| match (from_right(a, k), from_right(b, k)) {
            (a, b) if a == b || b == one => Some(a),
            (a, b) if a == one => Some(b),
            _ => None,
        })
        .collect()
}

/// How axes of operands of `@` meet: labels for both and for the result.
pub(super) fn matmul_labels(left: usize, right: usize) -> Option<Contract> {
    if left == 0 || right == 0 || (right > 2 && left != right) {
        return None;
    }
    let labels: Vec<usize> = (0..left).collect();
    let summed = left - 1;
    let batch = right.saturating_sub(2);
    let columns = left;
    let mut right_labels: Vec<usize> = (0..batch).chain([summed]).collect();
    let mut out: Vec<usize> = (0..summed).collect();
    if right > 1 {
        right_labels.push(columns);
        out.push(columns);
    }
    Some(Contract { left: labels, right: right_labels, out })
}

/// A product of matrices along leading axes that broadcast: an operand without such an axis, or with
/// size 1 there, is the same for all of it.
pub(super) fn batched_product(a: &Expr, b: &Expr, span: Span) -> Option<Expr> {
    let (left, right) = (&a.ty.shape, &b.ty.shape);
    let (cut, split) = (left.len().checked_sub(2)?, right.len().checked_sub(2)?);
    if left[cut + 1] != right[split] {
        return None;
    }
    let batch = joint_shape(&left[..cut], &right[..split])?;
    let rank = batch.len();
    // Labels: the leading axes, then rows, summed, columns.
    let operand = |expr: &Expr, n: usize, matrix: [usize; 2]| {
        let first = rank - n;
        let kept: Vec<usize> = (0..n).filter(|k| expr.ty.shape[*k] == batch[first + k]).collect();
        let axes = kept.iter().copied().chain([n, n + 1]);
        let to = axes.map(|axis| expr.ty.shape[axis].clone()).collect();
        let labels: Vec<usize> = kept.iter().map(|k| first + k).chain(matrix).collect();
        (reshape(expr.clone(), to, span), labels)
    };
    let (a, left) = operand(a, cut, [rank, rank + 1]);
    let (b, right) = operand(b, split, [rank + 1, rank + 2]);
    let out = (0..rank).chain([rank, rank + 2]).collect();
    Some(op(Op::Contract(Contract { left, right, out }.renumbered()), vec![a, b], span))
}

impl<'a> Checker<'a> {
    /// A definite type for an expression whose context says nothing.
    pub(super) fn settle(&mut self, value: Value) -> Checked<Expr> {
        match value.weak {
            Weak::Ratio(span) => Err(self.report(self.int_division(span))),
            Weak::Int => self.fits(value.expr, DType::I32),
            _ => Ok(value.expr),
        }
    }

    /// An integer literal, if `i32` can hold it where that is what it becomes.
    fn fits(&mut self, expr: Expr, dtype: DType) -> Checked<Expr> {
        match expr.kind {
            ExprKind::Const(n) if dtype == DType::I32 && !(-2147483648.0..=2147483647.0).contains(&n) => {
                let shown = crate::print::number(n);
                let message = match n.is_finite() {
                    true => format!("{shown} is too large for `i32`"),
                    false => "this number is too large for any integer".to_owned(),
                };
                let found = at(&errors::TYPE_MISMATCH, message, expr.span, "at most 2147483647");
                Err(self.report(found.help("write a point, as in `3000000000.0`, or `i64(...)` around it")))
            }
            _ => Ok(expr),
        }
    }

    /// `value` with element type `dtype`, if it may become that silently.
    pub(super) fn converted(
        &mut self,
        scope: &Scope,
        value: Value,
        dtype: DType,
        why: &str,
    ) -> Checked<Expr> {
        let have = value.expr.ty.dtype;
        match value.weak {
            Weak::Int if dtype != DType::Bool => return self.fits(retype(value.expr, dtype), dtype),
            Weak::Real | Weak::Ratio(_) if dtype.is_float() => return Ok(retype(value.expr, dtype)),
            Weak::Ratio(span) => return Err(self.report(self.int_division(span))),
            _ => {}
        }
        let widens = have.is_int() && dtype.is_float() || have == DType::I32 && dtype == DType::I64;
        let in_stage = scope.in_stage() && have.is_float() && dtype.is_float();
        if have == dtype || widens || in_stage {
            return Ok(cast(value.expr, dtype));
        }
        let (found, wanted) = (text::dtype(have, self.real), text::dtype(dtype, self.real));
        let message = match why {
            "what is expected" => format!("expected `{wanted}`, found `{found}`"),
            why => format!("{why} is `{wanted}`, and this is `{found}`"),
        };
        let found = at(&errors::TYPE_MISMATCH, message, value.expr.span, format!("this is `{found}`"));
        let found = self.label_origin(scope, &value.expr, found);
        let help = self.help_for_labels(scope, &value.expr, dtype);
        Err(self.report(found.help(help.unwrap_or_else(|| format!("convert it: `{wanted}(...)`")))))
    }

    /// The element type two operands of `what` share.
    pub(super) fn joint_dtype(&mut self, scope: &Scope, a: &Value, b: &Value) -> Checked<DType> {
        let (x, y) = (a.expr.ty.dtype, b.expr.ty.dtype);
        let real = scope.float;
        Ok(match (a.weak, b.weak) {
            (Weak::No, Weak::No) if x == y => x,
            (Weak::No, Weak::No) if x.is_int() && y.is_int() => DType::I64,
            (Weak::No, Weak::No) if x.is_float() && y.is_int() => x,
            (Weak::No, Weak::No) if y.is_float() && x.is_int() => y,
            (Weak::No, Weak::No) if scope.in_stage() && x.is_float() && y.is_float() => {
                self.stage_dtype(scope, a, b)
            }
            (Weak::No, Weak::No) => {
                let (x, y) = (text::dtype(x, self.real), text::dtype(y, self.real));
                let message = format!("`{x}` and `{y}` do not mix");
                let found = at(&errors::TYPE_MISMATCH, message, a.expr.span, format!("this is `{x}`"))
                    .label(b.expr.span, format!("and this is `{y}`"));
                let found = self.label_origin(scope, &a.expr, found);
                let found = self.label_origin(scope, &b.expr, found);
                return Err(self.report(found.help(format!("convert one of them: `{x}(...)`"))));
            }
            (Weak::No, weak) => weak_join(x, weak, real),
            (weak, Weak::No) => weak_join(y, weak, real),
            (Weak::Int, Weak::Int) => DType::I32,
            _ => real,
        })
    }

    /// In a stage: `real` where one of the operands is per coordinate, else `f64`.
    fn stage_dtype(&self, scope: &Scope, a: &Value, b: &Value) -> DType {
        let Place::Stage { coordinates, .. } = &scope.place else { return self.real };
        let wide = |v: &Value| v.expr.ty.shape.first() == Some(coordinates);
        if wide(a) || wide(b) { self.real } else { DType::F64 }
    }

    /// The two operands with one element type and one shape.
    pub(super) fn join(&mut self, scope: &Scope, a: Value, b: Value) -> Checked<(Expr, Expr)> {
        let dtype = self.joint_dtype(scope, &a, &b)?;
        let wide = extent(scope, &a.expr.ty).join(extent(scope, &b.expr.ty)) == Some(Extent::Coordinate);
        let dtype = if scope.in_stage() && dtype == DType::F64 && wide { self.real } else { dtype };
        let a = self.converted(scope, a, dtype, "the other operand")?;
        let b = self.converted(scope, b, dtype, "the other operand")?;
        self.join_shapes(scope, a, b)
    }

    /// The two operands with one shape.
    pub(super) fn join_shapes(&mut self, scope: &Scope, a: Expr, b: Expr) -> Checked<(Expr, Expr)> {
        if let Place::Stage { .. } = scope.place {
            let (x, y) = (extent(scope, &a.ty), extent(scope, &b.ty));
            let Some(wide) = x.join(y) else { return Err(self.extents_differ(&a, x, &b, y)) };
            let wide = extent_shape(scope, wide);
            return Ok((spread(scope, a, &wide), spread(scope, b, &wide)));
        }
        match joint_shape(&a.ty.shape, &b.ty.shape) {
            Some(shape) => Ok((broadcast(a, &shape), broadcast(b, &shape))),
            None => Err(self.operands_differ(scope, &a, &b)),
        }
    }

    fn extents_differ(&mut self, a: &Expr, x: Extent, b: &Expr, y: Extent) -> super::scope::Poison {
        let shown = |extent: Extent| match extent {
            Extent::Vector(n) => format!("a vector of {n}"),
            _ => format!("one number per {}", extent.name()),
        };
        let message = format!("{} and {} do not fit together", shown(x), shown(y));
        let found = at(&errors::STAGE_EXTENT, message, b.span, format!("this is {}", shown(y)));
        let found = found.label(a.span, format!("this is {}", shown(x)));
        self.report(found.help("make one number of a vector: `sum(...)`"))
    }

    fn operands_differ(&mut self, scope: &Scope, a: &Expr, b: &Expr) -> super::scope::Poison {
        let (x, y) = (text::show(&a.ty, self.real), text::show(&b.ty, self.real));
        let found = self.two_shapes(scope, format!("shapes `{x}` and `{y}` do not fit together"), a, b);
        let rank = a.ty.rank().max(b.ty.rank());
        let joins = |a: &Shape, b: &Shape| joint_shape(a, b).is_some_and(|shape| shape.len() == rank);
        let rule = "sizes match from the right; make them equal, or one of them 1";
        let mended = self.mend_operand(scope, b, |shape| joins(&a.ty.shape, shape));
        self.report(match mended.or_else(|| self.mend_operand(scope, a, |shape| joins(shape, &b.ty.shape))) {
            Some(mended) => found.note(rule).help(mended),
            None => found.help(rule),
        })
    }

    /// Two operands whose shapes do not fit, and where both come from.
    pub(super) fn two_shapes(
        &self,
        scope: &Scope,
        message: String,
        a: &Expr,
        b: &Expr,
    ) -> crate::diag::Diagnostic {
        let (x, y) = (text::show(&a.ty, self.real), text::show(&b.ty, self.real));
        let found = errors::shapes(message, (a.span, x), (b.span, format!("and this is `{y}`")));
        let found = self.label_origin(scope, a, found);
        self.label_origin(scope, b, found)
    }

    /// Adds where a type comes from: a name, or the layer that an expression ends in.
    pub(super) fn label_origin(
        &self,
        scope: &Scope,
        expr: &Expr,
        found: crate::diag::Diagnostic,
    ) -> crate::diag::Diagnostic {
        // Sizes are passed on by most operators, element types are not.
        if found.code.name != errors::SHAPE_MISMATCH.name && !matches!(expr.kind, ExprKind::Local(_)) {
            return found;
        }
        match self.origin(scope, expr) {
            Some((span, text)) if found.labels.iter().all(|label| label.span != span) => {
                found.label(span, text)
            }
            _ => found,
        }
    }

    /// Where the last size of an expression was made, as far as it is passed on unchanged.
    fn origin(&self, scope: &Scope, expr: &Expr) -> Option<(Span, String)> {
        let shown = text::show(&expr.ty, self.real);
        let layer = |k: usize| scope.layers.iter().find(|(member, _)| *member == k).map(|(_, layer)| layer);
        match &expr.kind {
            ExprKind::Local(id) => {
                let (name, ty) = (&scope.locals[id.0].name, &scope.locals[id.0].ty);
                Some((scope.origins[id.0], format!("`{name}` is `{}`", text::show(ty, self.real))))
            }
            ExprKind::Call { instance: Instance::Layer(k) | Instance::LayerAt { first: k, .. }, .. } => {
                layer(*k).map(|layer| (layer.span, format!("layer `{}` gives `{shown}`", layer.name)))
            }
            ExprKind::Call { args, .. } | ExprKind::Op(_, args) => {
                let same =
                    |arg: &&Expr| !arg.ty.shape.is_empty() && arg.ty.shape.last() == expr.ty.shape.last();
                args.iter().filter(same).find_map(|arg| self.origin(scope, arg))
            }
            _ => None,
        }
    }

    /// `value` as exactly `ty`: weak and integer elements become its element type, and a number alone is
    /// repeated to its shape.
    pub(super) fn coerce(
        &mut self,
        scope: &Scope,
        value: Value,
        ty: &Type,
        expected: (Span, String),
    ) -> Checked<Expr> {
        let expr = self.converted(scope, value, ty.dtype, "what is expected")?;
        if expr.ty.shape == ty.shape {
            return Ok(expr);
        }
        let literal = matches!(expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) && expr.ty.rank() == 0;
        if literal || scope.in_stage() && extent(scope, &expr.ty) >= extent(scope, ty) {
            return Ok(if literal { broadcast(expr, &ty.shape) } else { spread(scope, expr, &ty.shape) });
        }
        let (have, want) = (text::show(&expr.ty, self.real), text::show(ty, self.real));
        let found = errors::shapes(
            format!("expected `{want}`, found `{have}`"),
            (expr.span, have),
            (expected.0, expected.1),
        );
        let found = self.label_origin(scope, &expr, found);
        let mended = self.mend(scope, &expr, |shape| *shape == ty.shape);
        let help = mended.unwrap_or_else(|| "make the value fit, or change what is declared".to_string());
        Err(self.report(found.help(help)))
    }

    /// Names `expr`, if using it twice would compute it twice, for use inside of `body`.
    pub(super) fn share(
        &mut self,
        scope: &mut Scope,
        name: &str,
        expr: Expr,
        body: impl FnOnce(&mut Self, &mut Scope, Expr) -> Expr,
    ) -> Expr {
        use ExprKind::{Const, Global, Local, Param, Size};
        if matches!(expr.kind, Const(_) | Size(_) | Local(_) | Param(_) | Global(_)) {
            return body(self, scope, expr);
        }
        let (ty, span) = (expr.ty.clone(), expr.span);
        let local = scope.local(name, ty.clone(), span);
        let body = body(self, scope, Expr { kind: ExprKind::Local(local), ty, span });
        let (ty, span) = (body.ty.clone(), body.span);
        Expr { kind: ExprKind::Let { local, value: Box::new(expr), body: Box::new(body) }, ty, span }
    }
}

/// The element type of a firm operand with a weak one.
fn weak_join(firm: DType, weak: Weak, real: DType) -> DType {
    match weak {
        Weak::Real if firm.is_int() => real,
        _ => firm,
    }
}

/// In a stage: what a type ranges over.
pub(super) fn extent(scope: &Scope, ty: &Type) -> Extent {
    let (Place::Stage { coordinates, rows, columns, tensors }, Some(dim)) = (&scope.place, ty.shape.first())
    else {
        return Extent::Model;
    };
    match dim {
        _ if dim == coordinates => Extent::Coordinate,
        _ if dim == rows => Extent::Row,
        _ if dim == columns => Extent::Column,
        _ if dim == tensors => Extent::Tensor,
        _ => dim.as_constant().map_or(Extent::Model, |n| Extent::Vector(n as usize)),
    }
}

/// In a stage: the shape of numbers of this extent.
pub(super) fn extent_shape(scope: &Scope, extent: Extent) -> Shape {
    let Place::Stage { coordinates, rows, columns, tensors } = &scope.place else { return Vec::new() };
    match extent {
        Extent::Coordinate => vec![coordinates.clone()],
        Extent::Row => vec![rows.clone()],
        Extent::Column => vec![columns.clone()],
        Extent::Tensor => vec![tensors.clone()],
        Extent::Vector(n) => vec![Dim::constant(n as i64)],
        Extent::Group | Extent::Model => Vec::new(),
    }
}

/// In a stage: a number per extent repeated to a wider one.
pub(super) fn spread(scope: &Scope, expr: Expr, to: &Shape) -> Expr {
    let from = extent(scope, &expr.ty);
    let plain = !scope.in_stage() || from == Extent::Model || expr.ty.shape == *to;
    if plain || matches!(expr.kind, ExprKind::Const(_)) {
        return broadcast(expr, to);
    }
    let (ty, span) = (Type::new(expr.ty.dtype, to.clone()), expr.span);
    let to = extent(scope, &ty);
    Expr { kind: ExprKind::StageSpread { extent: from, to, value: Box::new(expr) }, ty, span }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(sizes: &[i64]) -> Vec<Dim> {
        sizes.iter().map(|n| Dim::constant(*n)).collect()
    }

    #[test]
    fn shapes_join_from_the_right() {
        assert_eq!(joint_shape(&dims(&[2, 3]), &dims(&[3])), Some(dims(&[2, 3])));
        assert_eq!(joint_shape(&dims(&[2, 1]), &dims(&[4])), Some(dims(&[2, 4])));
        assert_eq!(joint_shape(&dims(&[2, 3]), &dims(&[2])), None);
    }

    #[test]
    fn matrix_products_label_their_axes() {
        let labels = |l, r| matmul_labels(l, r).map(|c| (c.left, c.right, c.out));
        assert_eq!(labels(2, 2), Some((vec![0, 1], vec![1, 2], vec![0, 2])));
        assert_eq!(labels(1, 1), Some((vec![0], vec![0], vec![])));
        assert_eq!(labels(3, 3), Some((vec![0, 1, 2], vec![0, 2, 3], vec![0, 1, 3])));
        assert_eq!(labels(1, 2), Some((vec![0], vec![0, 1], vec![1])));
        assert_eq!(labels(0, 2), None);
    }
}
