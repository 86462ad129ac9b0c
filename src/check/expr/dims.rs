//! Sizes and types as written, and finding size variables from the shapes of arguments.

use super::{args, columns};
use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, BinaryOp, ExprKind, UnaryOp};
use crate::check::env::{Binding, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at, nearest};
use crate::source::Span;

/// Names of element types in other languages, and ours.
const FOREIGN: [(&str, &str); 8] = [
    ("float", "real"),
    ("float32", "f32"),
    ("float64", "f64"),
    ("double", "f64"),
    ("int", "i32"),
    ("int32", "i32"),
    ("int64", "i64"),
    ("boolean", "bool"),
];

/// Names of element types.
const DTYPES: [&str; 6] = ["real", "f32", "f64", "i32", "i64", "bool"];

/// An element type by its name.
fn dtype(env: &mut Env<'_>, name: &ast::Ident) -> Checked<DType> {
    Ok(match name.name.as_str() {
        "real" => env.real,
        "f32" => DType::F32,
        "f64" => DType::F64,
        "i32" => DType::I32,
        "i64" => DType::I64,
        "bool" => DType::Bool,
        "bf16" => return Err(env.report(errors::not_supported("`bf16`", name.span, "write `f32`"))),
        other => {
            let found =
                at(&errors::UNKNOWN_TYPE, format!("unknown type `{other}`"), name.span, "no such type");
            let list = errors::there_is(&DTYPES);
            let foreign = FOREIGN.iter().find(|(name, _)| *name == other).map(|(_, ours)| *ours);
            let found = match foreign.map(str::to_string).or_else(|| nearest(other, DTYPES)) {
                None => found.help(list),
                near => errors::suggest(found.note(list), near),
            };
            return Err(env.report(found));
        }
    })
}

/// A type as written. In a signature (`fresh`) names met first become size variables.
pub(super) fn type_expr(
    env: &mut Env<'_>,
    scope: &mut Scope,
    ty: &ast::TypeExpr,
    fresh: bool,
) -> Checked<Type> {
    let dtype = dtype(env, &ty.dtype);
    let mut shape = Ok(Vec::new());
    let mut along = None;
    for (k, size) in ty.shape.iter().enumerate() {
        let sizes = match &size.kind {
            ExprKind::Rest if k == 0 => rest(env, scope, size.span),
            ExprKind::Named(axis, size) if along.is_none() => {
                let (axis, size) = (named_axis(env, scope, axis), one_size(env, scope, size, fresh));
                along = Some(axis.and_then(|axis| Ok((axis, size?))));
                continue;
            }
            ExprKind::Named(..) => Err(second_axis(env, size.span)),
            _ => one_size(env, scope, size, fresh).map(|size| vec![size]),
        };
        shape = shape.and_then(|shape| Ok([shape, sizes?].concat()));
    }
    let mut shape = shape?;
    if let Some(along) = along {
        insert(env, &mut shape, along?, ty)?;
    }
    Ok(Type::new(dtype?, shape))
}

/// What `..` stands for.
fn rest(env: &mut Env<'_>, scope: &Scope, span: Span) -> Checked<Vec<Dim>> {
    if let Some(rest) = scope.rest() {
        return Ok(rest.to_vec());
    }
    let found = at(&errors::REST_UNKNOWN, "`..` stands for nothing here", span, "any leading axes");
    Err(env.report(found.help("use `..` in the type of an argument as well")))
}

/// The size of one axis.
fn one_size(env: &mut Env<'_>, scope: &mut Scope, size: &ast::Expr, fresh: bool) -> Checked<Dim> {
    let dim = dim(env, scope, size, fresh)?;
    positive(env, dim, size.span)
}

/// The axis that a type names: `axis` of `real[.., axis = N]`.
fn named_axis(env: &mut Env<'_>, scope: &Scope, name: &ast::Ident) -> Checked<i64> {
    match scope.get(&name.name) {
        Some(Binding::Number(axis, true)) => Ok(*axis as i64),
        Some(Binding::Error) => Err(Poison),
        _ => {
            let message = format!("`{}` is no axis", name.name);
            let found = at(&errors::NOT_A_SIZE, message, name.span, "a static parameter that is an axis");
            Err(env.report(found.help(format!("declare it in square brackets: `{}: axis`", name.name))))
        }
    }
}

fn second_axis(env: &mut Env<'_>, span: Span) -> Poison {
    let found = at(&errors::NOT_A_SIZE, "a type names one axis", span, "another one");
    env.report(found.help("name the other sizes in their order"))
}

/// Puts the size of a named axis in its place among the others.
fn insert(
    env: &mut Env<'_>,
    shape: &mut Vec<Dim>,
    (axis, size): (i64, Dim),
    ty: &ast::TypeExpr,
) -> Checked<()> {
    let rank = shape.len() + 1;
    match args::in_range(axis, rank) {
        Some(k) => {
            shape.insert(k, size);
            Ok(())
        }
        None => {
            let message = format!("there is no axis {axis} in this type, which has {}", errors::axes(rank));
            let found = at(&errors::SHAPE_MISMATCH, message, ty.span, "too few axes");
            Err(env.report(found.help("give it more sizes, or `..`")))
        }
    }
}

/// A size as written.
pub(crate) fn dim(env: &mut Env<'_>, scope: &mut Scope, expr: &ast::Expr, fresh: bool) -> Checked<Dim> {
    match &expr.kind {
        ExprKind::Number { value, integer: true } => Ok(Dim::constant(*value as i64)),
        ExprKind::Name(name) => named_dim(env, scope, name, expr.span, fresh),
        ExprKind::Unary(UnaryOp::Neg, x) => Ok(Dim::default().sub(&dim(env, scope, x, fresh)?)),
        ExprKind::Binary(op, a, b) => {
            let (a, b) = (dim(env, scope, a, fresh), dim(env, scope, b, fresh));
            dim_binary(env, *op, &a?, &b?, expr.span)
        }
        ExprKind::Error => Err(Poison),
        ExprKind::Field(of, field) => match columns::vocab(env, of, field) {
            Some(size) => size,
            None => Err(not_a_size(env, expr.span)),
        },
        _ => Err(not_a_size(env, expr.span)),
    }
}

fn named_dim(env: &mut Env<'_>, scope: &mut Scope, name: &str, span: Span, fresh: bool) -> Checked<Dim> {
    match scope.get(name) {
        Some(Binding::Size(dim)) => return Ok(dim.clone()),
        Some(Binding::Number(value, _)) if value.fract() == 0.0 => {
            return Ok(Dim::constant(*value as i64));
        }
        Some(Binding::Error) => return Err(Poison),
        Some(_) if !fresh => return Err(not_a_size(env, span)),
        _ => {}
    }
    if let Some((value, true)) = env.decls.constants.get(name) {
        return Ok(Dim::constant(*value as i64));
    }
    if env.decls.broken.contains(name) {
        return Err(Poison);
    }
    if !fresh {
        let known: Vec<&str> = scope.names.iter().map(|(name, ..)| name.as_str()).collect();
        return Err(env.report(errors::unknown_name(name, span, nearest(name, known))));
    }
    let var = env.fresh(name);
    scope.of_function().sizes.push(var.clone());
    scope.bind(name, Binding::Size(Dim::var(var.clone())), span);
    Ok(Dim::var(var))
}

fn dim_binary(env: &mut Env<'_>, op: BinaryOp, a: &Dim, b: &Dim, span: Span) -> Checked<Dim> {
    match op {
        BinaryOp::Add => Ok(a.add(b)),
        BinaryOp::Sub => Ok(a.sub(b)),
        BinaryOp::Mul => Ok(a.mul(b)),
        BinaryOp::FloorDiv => match b.as_constant().filter(|by| *by < 1) {
            Some(by) => Err(env.report(errors::size_divided(by, span))),
            None => Ok(a.div_floor(b)),
        },
        BinaryOp::Div => match a.div_exact(b) {
            Some(dim) => Ok(dim),
            None => {
                let found = at(
                    &errors::NOT_A_SIZE,
                    format!("`{a}` is not a multiple of `{b}`"),
                    span,
                    "not a whole number",
                );
                Err(env.report(found.help("sizes are whole numbers: `div` leaves the remainder out")))
            }
        },
        _ => Err(not_a_size(env, span)),
    }
}

/// A size of a shape: a known one is at least 1.
pub(crate) fn positive(env: &mut Env<'_>, dim: Dim, span: Span) -> Checked<Dim> {
    match dim.as_constant() {
        Some(n) if n < 1 => {
            let found = at(&errors::NOT_A_SIZE, format!("a size is {n} here"), span, format!("size {n}"));
            Err(env.report(found.help("sizes of tensors are at least 1")))
        }
        _ => Ok(dim),
    }
}

fn not_a_size(env: &mut Env<'_>, span: Span) -> Poison {
    env.report(
        at(&errors::NOT_A_SIZE, "this is not a size", span, "a whole number or a size variable is needed")
            .help("sizes are known at compile time: write a number, or a name from a type"),
    )
}
