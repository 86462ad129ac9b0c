//! Typed expressions from typed expressions: element types, shapes and repetition made explicit.

use crate::algebra::types::{DType, Dim, Shape, Type};
use crate::source::Span;

use super::Checker;
use super::errors::{self, at};
use super::scope::{Checked, Place, Scope, Value, Weak};
use super::text;
use crate::typed::{Expr, ExprKind, Extent, Instance, build};

/// A literal that takes its context's type.
pub(super) fn literal(value: f64, integer: bool, float: DType, span: Span) -> Value {
    let dtype = if integer { DType::I32 } else { float };
    let weak = if integer { Weak::Int } else { Weak::Real };
    Value { expr: build::constant(value, Type::scalar(dtype), span), weak }
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
            Weak::Int if dtype != DType::Bool => return self.fits(build::retype(value.expr, dtype), dtype),
            Weak::Real | Weak::Ratio(_) if dtype.is_float() => return Ok(build::retype(value.expr, dtype)),
            Weak::Ratio(span) => return Err(self.report(self.int_division(span))),
            _ => {}
        }
        let widens = have.is_int() && dtype.is_float() || have == DType::I32 && dtype == DType::I64;
        let in_stage = scope.in_stage() && have.is_float() && dtype.is_float();
        if have == dtype || widens || in_stage {
            return Ok(build::cast(value.expr, dtype));
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
        match build::joint_shape(&a.ty.shape, &b.ty.shape) {
            Some(shape) => Ok((build::broadcast(a, &shape), build::broadcast(b, &shape))),
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
        let joins = |a: &Shape, b: &Shape| build::joint_shape(a, b).is_some_and(|shape| shape.len() == rank);
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
            return Ok(if literal {
                build::broadcast(expr, &ty.shape)
            } else {
                spread(scope, expr, &ty.shape)
            });
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
        return build::broadcast(expr, to);
    }
    let (ty, span) = (Type::new(expr.ty.dtype, to.clone()), expr.span);
    let to = extent(scope, &ty);
    Expr { kind: ExprKind::StageSpread { extent: from, to, value: Box::new(expr) }, ty, span }
}
