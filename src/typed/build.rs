//! Typed expressions from typed expressions: small constructors, all types inferred.

use super::expr::{Expr, ExprKind, Numbered};
use super::ids::LocalId;
use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::map::{Cast, Map};
use crate::algebra::op::Op;
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar::Scalar;
use crate::algebra::types::{DType, Dim, Shape, Type, product};
use crate::algebra::view::View;
use crate::source::Span;

/// A number everywhere.
pub fn constant(value: f64, ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Const(value), ty, span }
}

/// What a name stands for.
pub fn local(id: LocalId, ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Local(id), ty, span }
}

/// An operator on operands that fit it.
///
/// # Panics
/// If they do not: that is the caller's own mistake.
pub fn op(op: Op, args: Vec<Expr>, span: Span) -> Expr {
    let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
    let ty = op.rules().infer(&types).unwrap_or_else(|e| {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        let name = op.rules().name();
        panic!(
            "egret internal error in the typed program: {name}({}) expected {} at {}",
            types.join(", "),
            e.expected,
            e.arg
        )
    });
    Expr { kind: ExprKind::Op(op, args), ty, span }
}

/// A scalar function on operands of one shape.
pub fn map(row: &'static Scalar, args: Vec<Expr>, span: Span) -> Expr {
    op(Op::Map(Map(row)), args, span)
}

/// Integers that must be below a size.
pub fn position(value: Expr, below: Dim, what: Numbered) -> Expr {
    let (ty, span) = (value.ty.clone(), value.span);
    Expr { kind: ExprKind::Position { value: Box::new(value), below, what }, ty, span }
}

/// Another element type.
pub fn cast(expr: Expr, dtype: DType) -> Expr {
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
pub fn retype(expr: Expr, dtype: DType) -> Expr {
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
pub fn broadcast(expr: Expr, to: &Shape) -> Expr {
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
pub fn repeat(expr: Expr, to: &Shape, axes: Vec<usize>) -> Expr {
    let span = expr.span;
    op(Op::View(View::Broadcast { to: to.clone(), axes }), vec![expr], span)
}

/// The same elements under another shape.
pub fn reshape(expr: Expr, to: Shape, span: Span) -> Expr {
    match expr.ty.shape == to {
        true => expr,
        false => op(Op::View(View::Reshape { to }), vec![expr], span),
    }
}

/// Puts all elements along `axes` together; with `keep` the axes stay, with size 1.
pub fn reduce(combine: Reducer, expr: Expr, axes: &[usize], keep: bool, span: Span) -> Expr {
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

/// The number that a size is.
pub fn size(dim: &Dim, dtype: DType, span: Span) -> Expr {
    let ty = Type::scalar(dtype);
    match dim.as_constant() {
        Some(n) => constant(n as f64, ty, span),
        None => Expr { kind: ExprKind::Size(dim.clone()), ty, span },
    }
}

/// The product of sizes, as a number of this type.
pub fn count(shape: &[Dim], dtype: DType, span: Span) -> Expr {
    size(&product(shape), dtype, span)
}

/// The shape both broadcast to, or the axis (of the longer) at which they disagree.
pub fn joint_shape(a: &[Dim], b: &[Dim]) -> Option<Shape> {
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
pub fn matmul_labels(left: usize, right: usize) -> Option<Contract> {
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
pub fn batched_product(a: &Expr, b: &Expr, span: Span) -> Option<Expr> {
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
