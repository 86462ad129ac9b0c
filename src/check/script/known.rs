//! What settings hold: numbers and text that are known now.

use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::arith;
use crate::check::expr::typer::Typer;

/// A number that is known now.
pub(crate) fn known_number<'a>(cx: &mut Typer<'_, 'a>, expr: &'a ast::Expr, what: &str) -> Checked<f64> {
    let mut scope = Scope::statement(cx.env.real);
    let value = cx.expr(&mut scope, expr, None)?;
    match arith::number(&value) {
        Some(number) => Ok(number),
        None => {
            let message = format!("`{what}` must be a number known at compile time");
            Err(cx
                .env
                .report(at(&errors::NOT_CONSTANT, message, expr.span, "not a number").help("write a number")))
        }
    }
}

/// A whole number that is known now and not below `least`.
pub(crate) fn whole<'a>(
    cx: &mut Typer<'_, 'a>,
    expr: &'a ast::Expr,
    what: &str,
    least: i64,
) -> Checked<usize> {
    let number = known_number(cx, expr, what)?;
    if number.fract() == 0.0 && number >= least as f64 {
        return Ok(number as usize);
    }
    let message = format!("`{what}` is a whole number from {least}, not {}", crate::print::number(number));
    let found = at(&errors::WRONG_SETTING, message, expr.span, "not such a number");
    Err(cx.env.report(found.help(format!("write `{what} = {}`", number.ceil().max(least as f64)))))
}

/// Text without `{...}`.
pub(crate) fn plain_text(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<String> {
    if let Ast::Str(parts) = &expr.kind {
        let plain = parts.iter().map(|part| match part {
            ast::StrPart::Text(text) => Some(text.as_str()),
            ast::StrPart::Expr { .. } => None,
        });
        if let Some(text) = plain.collect::<Option<String>>() {
            return Ok(text);
        }
    }
    if matches!(expr.kind, Ast::Error) {
        return Err(Poison);
    }
    let found = at(&errors::NOT_TEXT, "plain text is needed", expr.span, "not plain text");
    Err(env.report(found.help("write it in double quotes, without `{...}`")))
}
