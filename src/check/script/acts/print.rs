//! `print "text {value:.3}"`, and `print runs.accuracy by lr`, a table.

use std::rc::Rc;

use super::{CheckedAct, curves, one, sample};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::diag::Diagnostic;
use crate::print::NumberFormat;
use crate::source::Span;
use crate::typed::{Act, Curve, Expr, Host, LocalId, Printer, Sample};

/// Its word.
pub(super) const WORD: &str = "print";

/// Text with values in it.
#[derive(Debug)]
struct Print(Vec<Fragment>);

/// A piece of printed text.
#[derive(Debug)]
enum Fragment {
    /// Plain text.
    Text(String),
    /// A value, and how it is printed.
    Value(Expr, Option<NumberFormat>),
    /// Text that a fit writes, one character after the other.
    Sample(Sample),
}

/// Columns over one variable of a sweep.
#[derive(Debug)]
struct SweepTable(Vec<Curve>);

/// Checks it.
pub(super) fn check<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    if act.on.iter().any(|expr| matches!(expr.kind, Ast::By(..))) {
        return table(cx, act);
    }
    let written = one(cx.env, act)?;
    if let Ast::Tuple(items) = &written.kind {
        return Err(in_parentheses(cx, items, written.span));
    }
    let Ast::Str(parts) = &written.kind else {
        return Ok(Rc::new(Print(vec![part(cx, scope, written, None)?])));
    };
    let parts: Vec<Checked<Fragment>> = parts
        .iter()
        .map(|written| match written {
            ast::StrPart::Text(text) => Ok(Fragment::Text(text.clone())),
            ast::StrPart::Expr { expr, format } => part(cx, scope, expr, *format),
        })
        .collect();
    Ok(Rc::new(Print(parts.into_iter().collect::<Checked<_>>()?)))
}

/// `print("a", b)`
fn in_parentheses(cx: &mut Typer<'_, '_>, items: &[ast::Expr], span: Span) -> Poison {
    let inside = |item: &ast::Expr| match &item.kind {
        Ast::Str(_) => cx.env.quote(item.span).trim_matches('"').to_string(),
        _ => format!("{{{}}}", cx.env.quote(item.span)),
    };
    let text: Vec<String> = items.iter().map(inside).collect();
    let found = at(&errors::NOT_A_VALUE, "`print` takes one text or one value", span, "several of them");
    cx.env.report(found.help(format!("values stand in the text: `print \"{}\"`", text.join(" "))))
}

/// A value in printed text, which alone may be a sample.
fn part<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
    format: Option<NumberFormat>,
) -> Checked<Fragment> {
    match sample::sample(cx, scope, expr) {
        Some(_) if format.is_some() => {
            let found = at(&errors::NOT_A_VALUE, "text has no format of numbers", expr.span, "this is text");
            Err(cx.env.report(found.help("leave out what stands after the colon")))
        }
        Some(sample) => Ok(Fragment::Sample(sample?)),
        None => Ok(Fragment::Value(cx.definite(scope, expr)?, format)),
    }
}

/// `print a.loss by lr, b.loss by lr`
fn table<'a>(cx: &mut Typer<'_, 'a>, act: &'a ast::Act) -> CheckedAct {
    let curves = curves::curves(cx.env, &act.on)?;
    let Some(Curve { span, .. }) = curves.iter().find(|curve| curve.by != curves[0].by) else {
        return Ok(Rc::new(SweepTable(curves)));
    };
    let found =
        at(&errors::WRONG_SWEEP, "the columns of a table share their rows", *span, "by another variable");
    Err(cx.env.report(found.help("print two tables")))
}

impl Fragment {
    /// The expression in it.
    fn value(&self) -> Option<&Expr> {
        match self {
            Fragment::Value(expr, _) => Some(expr),
            Fragment::Sample(sample) => Some(&sample.logits),
            Fragment::Text(_) => None,
        }
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        match self {
            Fragment::Text(text) => format!("{text:?}"),
            Fragment::Sample(Sample { count, prompt, logits, .. }) => {
                format!("sample {count} after {prompt:?} by {}", printer.expr(logits))
            }
            Fragment::Value(value, None) => printer.expr(value),
            Fragment::Value(value, Some(format)) => format!("{} {format}", printer.expr(value)),
        }
    }
}

impl Act for Print {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        let parts: Vec<String> = self.0.iter().map(|part| part.text(printer)).collect();
        format!("{WORD} {}", parts.join(", "))
    }

    fn values(&self) -> Vec<&Expr> {
        self.0.iter().filter_map(Fragment::value).collect()
    }

    fn windows(&self) -> Vec<LocalId> {
        let window = |part: &Fragment| match part {
            Fragment::Sample(sample) => Some(sample.window),
            Fragment::Text(_) | Fragment::Value(..) => None,
        };
        self.0.iter().filter_map(window).collect()
    }

    fn run(&self, host: &mut dyn Host, _: Span) -> Result<(), Diagnostic> {
        let values = match self.0.iter().any(|part| matches!(part, Fragment::Value(..))) {
            true => host.values()?,
            false => Vec::new(),
        };
        let (mut text, mut value, mut window) = (String::new(), 0, 0);
        for part in &self.0 {
            match part {
                Fragment::Text(plain) => text.push_str(plain),
                Fragment::Value(_, format) => text.push_str(&values[value].text(format.unwrap_or_default())),
                Fragment::Sample(sample) => {
                    text.push_str(&host.sample(sample, value, window)?);
                    window += 1;
                }
            }
            value += usize::from(part.value().is_some());
        }
        host.print(&text)
    }
}

impl Act for SweepTable {
    fn word(&self) -> &'static str {
        WORD
    }

    fn text(&self, printer: &Printer<'_>) -> String {
        format!("{WORD} {}", printer.curves(&self.0))
    }

    fn curves(&self) -> &[Curve] {
        &self.0
    }

    fn run(&self, host: &mut dyn Host, _: Span) -> Result<(), Diagnostic> {
        let text = host.table(&self.0);
        host.print(&text)
    }
}
