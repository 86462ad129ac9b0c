//! How an expression asks for the types of its parts.
//!
//! The forms of expressions, calls and builtins are files of their own. Each types its parts through
//! [`Typer`], and knows none of the others.

use super::convert;
use crate::algebra::types::Type;
use crate::ast;
use crate::check::env::{CallTarget, Checked, Env, Scope, Value};
use crate::check::errors;
use crate::source::Span;
use crate::typed::Expr;

/// An argument as written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrittenArg<'a> {
    /// Its name, if given.
    pub name: Option<&'a ast::Ident>,
    /// Its value.
    pub value: &'a ast::Expr,
}

/// A call as written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenCall<'a, 'e> {
    /// The name called, as written.
    pub name: String,
    /// What stands in square brackets.
    pub statics: &'a [ast::Expr],
    /// The arguments.
    pub args: Vec<WrittenArg<'a>>,
    /// The axes that have been taken out of the arguments: they are static.
    pub axes: Vec<WrittenArg<'a>>,
    /// The whole call.
    pub span: Span,
    /// The type that its place asks for, if known.
    pub expected: Option<&'e Type>,
}

/// What types expressions: the environment, and the language's forms.
pub(crate) struct Typer<'c, 'a> {
    /// What is known.
    pub env: &'c mut Env<'a>,
    forms: &'static dyn Forms,
}

/// All forms of expressions, and all that can be called.
pub(super) trait Forms {
    /// Types an expression, which may have several values. `expected` helps where nothing else tells a
    /// size; it is no demand.
    fn expr<'a>(
        &self,
        cx: &mut Typer<'_, 'a>,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value>;

    /// Types a call of who has been found.
    fn call<'a>(
        &self,
        cx: &mut Typer<'_, 'a>,
        scope: &mut Scope,
        target: CallTarget,
        call: &WrittenCall<'a, '_>,
    ) -> Checked<Value>;
}

impl<'c, 'a> Typer<'c, 'a> {
    /// Types expressions of these forms.
    pub(super) fn new(env: &'c mut Env<'a>, forms: &'static dyn Forms) -> Typer<'c, 'a> {
        Typer { env, forms }
    }

    /// Types an expression of one value. `expected` helps where nothing else tells a size; it is no
    /// demand.
    pub(crate) fn expr(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let value = self.any_expr(scope, expr, expected)?;
        match self.env.instances.results(&value.expr).len() {
            1 => Ok(value),
            several => {
                Err(self.env.report(errors::several_values(several, &self.env.quote(expr.span), expr.span)))
            }
        }
    }

    /// Types an expression, which may have several values.
    pub(crate) fn any_expr(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        self.forms.expr(self, scope, expr, expected)
    }

    /// Types an expression whose type must be definite.
    pub(crate) fn definite(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Expr> {
        let value = self.expr(scope, expr, None)?;
        convert::settle(self.env, value)
    }

    /// Types a call of who has been found.
    pub(crate) fn call_target(
        &mut self,
        scope: &mut Scope,
        target: CallTarget,
        call: &WrittenCall<'a, '_>,
    ) -> Checked<Value> {
        self.forms.call(self, scope, target, call)
    }
}
