//! In stages: what a number there is one of.

use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::check::env::{Env, Extents, Scope};
use crate::typed::{Expr, ExprKind, Extent, build};

/// In a stage: what a type ranges over.
pub(crate) fn extent(scope: &Scope, ty: &Type) -> Extent {
    let (Some(Extents { coordinates, rows, columns, tensors }), Some(dim)) =
        (scope.extents(), ty.shape.first())
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
pub(crate) fn extent_shape(scope: &Scope, extent: Extent) -> Shape {
    let Some(Extents { coordinates, rows, columns, tensors }) = scope.extents() else { return Vec::new() };
    match extent {
        Extent::Coordinate => vec![coordinates.clone()],
        Extent::Row => vec![rows.clone()],
        Extent::Column => vec![columns.clone()],
        Extent::Tensor => vec![tensors.clone()],
        Extent::Vector(n) => vec![Dim::constant(n as i64)],
        Extent::Group | Extent::Model => Vec::new(),
    }
}

/// The type of one number per extent.
pub(crate) fn extent_type(env: &Env<'_>, scope: &Scope, extent: Extent) -> Type {
    let dtype = if extent == Extent::Coordinate { env.real } else { DType::F64 };
    Type::new(dtype, extent_shape(scope, extent))
}

/// In a stage: a number per extent repeated to a wider one.
pub(crate) fn broadcast_to(scope: &Scope, expr: Expr, to: &Shape) -> Expr {
    let from = extent(scope, &expr.ty);
    let plain = !scope.in_stage() || from == Extent::Model || expr.ty.shape == *to;
    if plain || matches!(expr.kind, ExprKind::Const(_)) {
        return build::broadcast(expr, to);
    }
    let (ty, span) = (Type::new(expr.ty.dtype, to.clone()), expr.span);
    let to = extent(scope, &ty);
    Expr { kind: ExprKind::StageBroadcast { extent: from, to, value: Box::new(expr) }, ty, span }
}
