//! `plot fit.loss, runs.accuracy by lr to "a.svg"`

use std::path::Path;
use std::rc::Rc;

use super::{CheckedAct, curves, path};
use crate::ast;
use crate::check::env::Scope;
use crate::check::expr::typer::Typer;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Act, Curve, Host, Printer};

/// Its word.
pub(super) const WORD: &str = "plot";

#[derive(Debug)]
struct Plot {
    curves: Vec<Curve>,
    /// The file, relative to the working directory.
    path: String,
}

/// Checks it.
pub(super) fn check<'a>(cx: &mut Typer<'_, 'a>, _: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    let curves = curves::curves(cx.env, &act.on);
    let path = path(cx.env, act);
    Ok(Rc::new(Plot { curves: curves?, path: path? }))
}

impl Act for Plot {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        format!("{WORD} {} to {:?}", printer.curves(&self.curves), self.path)
    }

    fn curves(&self) -> &[Curve] {
        &self.curves
    }

    fn run(&self, host: &mut dyn Host, span: Span) -> Result<(), Diagnostic> {
        host.plot(&self.curves, Path::new(&self.path)).map_err(|error| error.label(span, "this plot"))
    }
}
