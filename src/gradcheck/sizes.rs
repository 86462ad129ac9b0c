//! Sizes for the arguments of a function.

use std::collections::BTreeMap;

use crate::ast::{self, ExprKind};

/// Sizes by their names.
pub(super) type NamedSizes = BTreeMap<String, usize>;

/// Gives sizes that are not known yet small numbers, no two alike at first.
pub(super) fn bind(ty: &ast::TypeExpr, sizes: &mut NamedSizes) {
    for size in &ty.shape {
        let size = if let ExprKind::Named(_, size) = &size.kind { size } else { size };
        if let ExprKind::Name(name) = &size.kind
            && !sizes.contains_key(name)
        {
            sizes.insert(name.clone(), 2 + sizes.len() % 4);
        }
    }
}

/// A shape in numbers; `..` is one axis, and a named axis the last.
pub(super) fn shape(ty: &ast::TypeExpr, sizes: &NamedSizes) -> Option<Vec<usize>> {
    let whole =
        |expr: &ast::Expr| polynomial(expr, sizes).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let (mut shape, mut last) = (Vec::new(), None);
    for size in &ty.shape {
        match &size.kind {
            ExprKind::Rest => shape.push(2),
            ExprKind::Named(_, size) => last = Some(whole(size)?),
            _ => shape.push(whole(size)?),
        }
    }
    shape.extend(last);
    Some(shape)
}

/// A size in numbers.
pub(super) fn polynomial(expr: &ast::Expr, sizes: &NamedSizes) -> Option<i64> {
    use ast::BinaryOp::{Add, FloorDiv, Mul, Sub};
    match &expr.kind {
        ExprKind::Number { value, integer: true } => Some(*value as i64),
        ExprKind::Name(name) => sizes.get(name).map(|n| *n as i64),
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (polynomial(a, sizes)?, polynomial(b, sizes)?);
            match op {
                Add => Some(a + b),
                Sub => Some(a - b),
                Mul => Some(a * b),
                FloorDiv => a.checked_div_euclid(b),
                _ => None,
            }
        }
        _ => None,
    }
}
