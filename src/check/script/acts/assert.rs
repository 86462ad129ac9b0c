//! `assert condition`

use std::rc::Rc;

use super::{CheckedAct, one};
use crate::ast;
use crate::check::env::Scope;
use crate::check::errors::{self, at};
use crate::check::expr::convert;
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Act, Expr, Host, Printer};

/// Its word.
pub(super) const WORD: &str = "assert";

#[derive(Debug)]
struct Assert {
    /// `bool[]`
    condition: Expr,
    /// Its text, for the message.
    text: String,
}

/// Checks it.
pub(super) fn check<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    let written = one(cx.env, act)?;
    let value = cx.expr(scope, written, None)?;
    let condition = convert::expect_bool(cx.env, scope, value, "`assert`")?;
    let text = cx.env.quote(written.span);
    if condition.ty.rank() == 0 {
        return Ok(Rc::new(Assert { condition, text }));
    }
    let shown = text::show(&condition.ty, cx.env.real);
    let found = at(
        &errors::TYPE_MISMATCH,
        format!("`assert` takes one `bool`, not `{shown}`"),
        condition.span,
        format!("this is `{shown}`"),
    );
    Err(cx.env.report(found.help(format!("ask for all of them: `all({text})`"))))
}

impl Act for Assert {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        format!("{WORD} {} : {:?}", printer.expr(&self.condition), self.text)
    }

    fn values(&self) -> Vec<&Expr> {
        vec![&self.condition]
    }

    fn run(&self, host: &mut dyn Host, span: Span) -> Result<(), Diagnostic> {
        if host.values()?.iter().all(|value| value.number() != 0.0) {
            return Ok(());
        }
        let message = format!("assertion failed: `{}`", self.text);
        let found = at(&errors::ASSERTION_FAILED, message, span, "this is false");
        Err(found.help("print the values in it to see why"))
    }
}
