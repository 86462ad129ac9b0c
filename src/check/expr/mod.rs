//! The types of expressions.
//!
//! Comes in: a tree, and the scope that it stands in. Goes out: a typed expression, whose operators have
//! operands of exactly the types that their rules ask for. Each form of expressions is a file; all of
//! them meet in [`typer::Forms`].

pub(crate) mod args;
pub(crate) mod arith;
pub(crate) mod axes;
pub(crate) mod calls;
pub(crate) mod columns;
pub(crate) mod convert;
mod derive;
pub(crate) mod derived;
pub(crate) mod dims;
pub(crate) mod elementwise;
pub(crate) mod extents;
mod fixes;
mod forms;
mod indexing;
pub(crate) mod instances;
pub(crate) mod kinds;
mod layers;
pub(crate) mod lets;
mod loops;
mod matches;
pub(crate) mod names;
pub(crate) mod origin;
pub(crate) mod parts;
pub(crate) mod recorded;
pub(crate) mod several;
mod solve;
pub(crate) mod statics;
pub(crate) mod targets;
pub(crate) mod typer;

use self::typer::{Forms, Typer, WrittenCall};
use crate::algebra::types::Type;
use crate::ast;
use crate::check::env::{CallTarget, Checked, Env, Scope, Value};

/// All forms of expressions.
struct Language;

impl Forms for Language {
    fn expr<'a>(
        &self,
        cx: &mut Typer<'_, 'a>,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        forms::any_expr(cx, scope, expr, expected)
    }

    fn call<'a>(
        &self,
        cx: &mut Typer<'_, 'a>,
        scope: &mut Scope,
        target: CallTarget,
        call: &WrittenCall<'a, '_>,
    ) -> Checked<Value> {
        calls::call_target(cx, scope, target, call)
    }
}

/// What types expressions where these things are known.
pub(super) fn typer<'c, 'a>(env: &'c mut Env<'a>) -> Typer<'c, 'a> {
    Typer::new(env, &Language)
}
