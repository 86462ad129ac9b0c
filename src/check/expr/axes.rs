//! Axes as static parameters: of which argument they are axes, and which there are.

use super::instances::has_rest;
use super::typer::Call;
use super::{args, statics};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Static, Value};
use crate::check::errors::{self, at};

/// Static arguments with the axes among them counted from the first; `rank`: what `..` stands for.
pub(super) fn counted<'a>(
    env: &mut Env<'a>,
    def: usize,
    statics: Vec<Static>,
    rank: usize,
    values: &[Value],
    call: &Call<'a, '_>,
) -> Checked<Vec<Static>> {
    let declared = &env.decls.functions[def].ast.statics;
    let pairs = statics.into_iter().zip(declared).enumerate();
    let counted = pairs.map(|(k, (value, of))| match value {
        Static::Axis(axis) => one(env, def, (k, &of.name, axis), rank, values, call).map(Static::Axis),
        other => Ok(other),
    });
    counted.collect::<Vec<_>>().into_iter().collect()
}

/// One axis, counted from the first.
fn one<'a>(
    env: &mut Env<'a>,
    def: usize,
    (place, name, axis): (usize, &ast::Ident, i64),
    rank: usize,
    values: &[Value],
    call: &Call<'a, '_>,
) -> Checked<i64> {
    let function = env.decls.functions[def].ast;
    let k = argument(function, &name.name);
    let Some(value) = values.get(k) else { return Err(of_nothing(env, function, name)) };
    let ty = &function.args[k].ty;
    let rank = if names_axis(ty, &name.name) { total(ty, rank) } else { value.expr.ty.rank() };
    args::in_range(axis, rank).map(|axis| axis as i64).ok_or_else(|| {
        let what = format!("`{}` goes along axis {axis} of", call.name);
        args::no_such_axis(env, &what, &value.expr.ty, rank, statics::place(call, place, &name.name))
    })
}

/// Which argument an axis is one of: the first whose type names it, or the first of all.
fn argument(function: &ast::Function, axis: &str) -> usize {
    function.args.iter().position(|arg| names_axis(&arg.ty, axis)).unwrap_or(0)
}

/// Whether a type says the size of this axis: `real[.., axis = N]`.
fn names_axis(ty: &ast::TypeExpr, axis: &str) -> bool {
    ty.shape.iter().any(|size| matches!(&size.kind, Ast::Named(name, _) if name.name == axis))
}

/// How many axes a type has.
fn total(ty: &ast::TypeExpr, rest: usize) -> usize {
    if has_rest(ty) { ty.shape.len() - 1 + rest } else { ty.shape.len() }
}

fn of_nothing(env: &mut Env<'_>, function: &ast::Function, axis: &ast::Ident) -> Poison {
    let message = format!("`{}` of `{}` is an axis of no argument", axis.name, function.name.name);
    let found = at(&errors::WRONG_STATIC, message, axis.span, "an axis of the first argument");
    env.report(found.help("give the function an argument, or make it a number: `k: number`"))
}

/// The most axes that `..` stands for in a function that nothing calls.
const MOST_AXES: usize = 16;

/// The fewest axes that `..` stands for where all axes exist: for a function that nothing calls.
pub(crate) fn least_rest(function: &ast::Function, statics: &[Static]) -> usize {
    let needs = |(of, value): (&ast::Static, &Static)| {
        let Static::Axis(axis) = value else { return 0 };
        let needed = if *axis < 0 { axis.unsigned_abs() } else { axis.unsigned_abs() + 1 };
        let needed = usize::try_from(needed).unwrap_or(MOST_AXES).min(MOST_AXES);
        let ty = function.args.get(argument(function, &of.name.name)).map(|arg| &arg.ty);
        needed.saturating_sub(ty.map_or(0, |ty| total(ty, 0)))
    };
    function.statics.iter().zip(statics).map(needs).max().unwrap_or(0)
}
