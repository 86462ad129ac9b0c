//! `keep = best val_loss` and `stop_when = patience(val_loss, 5)`.

use super::known;
use super::settings::RunSettings;
use crate::ast::{self, BinaryOp, ExprKind as Ast, UnaryOp};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::source::Span;
use crate::typed::{Measured, Stop};

/// What to write.
const KEEP: &str = "write `keep = best val_loss`, `keep = greatest accuracy` or `keep = least error`";
const STOP: &str =
    "write `stop_when = patience(val_loss, 5)` or `stop_when = val_loss < 0.1`, perhaps with `or`";

/// Which parameters a run keeps: those with which a series is least. `series` are those that are measured.
pub(super) fn keep(
    env: &mut Env<'_>,
    settings: &RunSettings<'_>,
    series: &[String],
) -> Checked<Option<Measured>> {
    let Some(setting) = settings.get("keep") else { return Ok(None) };
    let Ast::Best(word, of) = &setting.value.kind else {
        return Err(wrong(env, setting.value.span, "`keep` says which parameters a run leaves", KEEP));
    };
    let measured = measured(env, of, series)?;
    let is_loss = ["loss", "val_loss"].contains(&measured.series.as_str());
    match word.name.as_str() {
        "best" if is_loss => Ok(Some(measured)),
        "least" => Ok(Some(measured)),
        "greatest" => Ok(Some(Measured { negated: true, ..measured })),
        "best" => {
            let name = &measured.series;
            let message = format!("`{name}` may be best where it is least, or where it is greatest");
            let help = format!("write `greatest {name}` or `least {name}`");
            Err(wrong(env, setting.value.span, &message, &help))
        }
        _ => Err(wrong(env, word.span, "a run keeps what is `best`, `least` or `greatest`", KEEP)),
    }
}

/// When a run ends before its last step.
pub(super) fn stop<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &RunSettings<'a>,
    series: &[String],
) -> Checked<Option<Stop>> {
    settings.get("stop_when").map(|setting| condition(cx, &setting.value, series)).transpose()
}

fn condition<'a>(cx: &mut Typer<'_, 'a>, expr: &'a ast::Expr, series: &[String]) -> Checked<Stop> {
    match &expr.kind {
        Ast::Binary(BinaryOp::Or, a, b) => {
            Ok(Stop::Any(Box::new([condition(cx, a, series)?, condition(cx, b, series)?])))
        }
        Ast::Binary(BinaryOp::And, a, b) => {
            Ok(Stop::All(Box::new([condition(cx, a, series)?, condition(cx, b, series)?])))
        }
        Ast::Binary(BinaryOp::Lt, of, bound) => {
            Ok(Stop::Below(measured(cx.env, of, series)?, known::known_number(cx, bound, "stop_when")?))
        }
        Ast::Binary(BinaryOp::Gt, of, bound) => {
            let of = measured(cx.env, of, series)?;
            let bound = known::known_number(cx, bound, "stop_when")?;
            Ok(Stop::Below(Measured { negated: !of.negated, ..of }, -bound))
        }
        Ast::Call(f, arguments) if matches!(&f.kind, Ast::Name(name) if name == "patience") => {
            let [of, count] = &arguments[..] else {
                return Err(wrong(cx.env, expr.span, "`patience` takes a series and a number", STOP));
            };
            let of = measured(cx.env, &of.value, series)?;
            Ok(Stop::Patience(of, known::whole(cx, &count.value, "patience", 1)?))
        }
        Ast::Error => Err(Poison),
        _ => Err(wrong(cx.env, expr.span, "`stop_when` is a condition on what is measured", STOP)),
    }
}

/// `val_loss`, `-accuracy`
fn measured(env: &mut Env<'_>, expr: &ast::Expr, series: &[String]) -> Checked<Measured> {
    if let Ast::Unary(UnaryOp::Neg, inner) = &expr.kind {
        let of = measured(env, inner, series)?;
        return Ok(Measured { negated: !of.negated, ..of });
    }
    let name = env.quote(expr.span);
    match &expr.kind {
        Ast::Name(_) if series.contains(&name) => Ok(Measured { series: name, negated: false }),
        Ast::Error => Err(Poison),
        _ => {
            let found = errors::none_of(&errors::UNKNOWN_FIELD, "series", &name, expr.span, series);
            let found = match name.as_str() {
                "val_loss" => found.help("it is measured on the rows of `validate = d.test`"),
                _ => found,
            };
            Err(env.report(found))
        }
    }
}

fn wrong(env: &mut Env<'_>, span: Span, message: &str, help: &str) -> Poison {
    env.report(at(&errors::WRONG_SETTING, message, span, "not this").help(help))
}
