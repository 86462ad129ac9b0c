//! `save fit to "fit.safetensors"`, `save fit.hidden.w to "w.npy"`

use std::path::Path;
use std::rc::Rc;

use super::{CheckedAct, one, path, runs};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Global, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Act, Expr, Host, Printer, StatementId};

/// Its word.
pub(super) const WORD: &str = "save";

#[derive(Debug)]
struct Save {
    /// The fit or the sweep.
    of: StatementId,
    /// The file, relative to the working directory.
    path: String,
}

#[derive(Debug)]
struct SaveTensor {
    value: Expr,
    /// The file, relative to the working directory.
    path: String,
}

/// Checks it.
pub(super) fn check<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    let value = one(cx.env, act)?;
    let path = path(cx.env, act);
    match runs::name_of(value).and_then(|name| cx.env.globals.values.get(name)) {
        Some(Global::Sweep { id, .. }) => save_sweep(cx, *id, path?, act),
        Some(Global::Value(..)) => save_tensor(cx, scope, value, path?, act),
        None if !matches!(value.kind, Ast::Name(_)) => save_tensor(cx, scope, value, path?, act),
        _ => Ok(Rc::new(Save { of: runs::fit(cx.env, value)?.0, path: path? })),
    }
}

/// A value, as a file of NumPy.
fn save_tensor<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    value: &'a ast::Expr,
    path: String,
    act: &'a ast::Act,
) -> CheckedAct {
    let value = cx.definite(scope, value)?;
    if path.ends_with(".npy") {
        return Ok(Rc::new(SaveTensor { value, path }));
    }
    let span = act.to.as_ref().map_or(act.word.span, |path| path.span);
    let found = at(&errors::NOT_A_FIT, "a tensor is saved as a file of NumPy", span, "no `.npy`");
    Err(cx.env.report(found.help("write `to \"w.npy\"`; a fit as a whole is saved as `.safetensors`")))
}

/// The runs of a sweep, as a table.
fn save_sweep(cx: &mut Typer<'_, '_>, of: StatementId, path: String, act: &ast::Act) -> CheckedAct {
    if path.ends_with(".csv") {
        return Ok(Rc::new(Save { of, path }));
    }
    let span = act.to.as_ref().map_or(act.word.span, |path| path.span);
    let found = at(&errors::WRONG_SWEEP, "a sweep is saved as a table", span, "no `.csv`");
    Err(cx.env.report(found.help("write `to \"runs.csv\"`: a row for each run")))
}

impl Act for Save {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        format!("{WORD} {} to {:?}", printer.run(self.of), self.path)
    }

    fn run(&self, host: &mut dyn Host, span: Span) -> Result<(), Diagnostic> {
        host.save(self.of, Path::new(&self.path)).map_err(|error| error.label(span, "this file"))
    }
}

impl Act for SaveTensor {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        format!("{WORD} {} to {:?}", printer.expr(&self.value), self.path)
    }

    fn values(&self) -> Vec<&Expr> {
        vec![&self.value]
    }

    fn run(&self, host: &mut dyn Host, span: Span) -> Result<(), Diagnostic> {
        let values = host.values()?;
        host.write(&values[0].npy(), Path::new(&self.path)).map_err(|error| error.label(span, "this file"))
    }
}
