//! `save fit to "fit.safetensors"`

use std::path::Path;
use std::rc::Rc;

use super::{CheckedAct, one, path, runs};
use crate::ast;
use crate::check::env::{Global, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Act, Host, Printer, StatementId};

/// Its word.
pub(super) const WORD: &str = "save";

#[derive(Debug)]
struct Save {
    /// The fit or the sweep.
    of: StatementId,
    /// The file, relative to the working directory.
    path: String,
}

/// Checks it.
pub(super) fn check<'a>(cx: &mut Typer<'_, 'a>, _: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    let value = one(cx.env, act)?;
    let path = path(cx.env, act);
    let Some(Global::Sweep { id, .. }) =
        runs::name_of(value).and_then(|name| cx.env.globals.values.get(name))
    else {
        return Ok(Rc::new(Save { of: runs::fit(cx.env, value)?.0, path: path? }));
    };
    let (of, path) = (*id, path?);
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
