//! Settings of `train` about checkpoints.

use super::known;
use super::settings::{Settings, flag};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::print;
use crate::typed::Checkpoints;

/// How many checkpoints are kept if the script does not say it.
const KEEP: usize = 3;

/// When a run writes checkpoints, and where.
pub(super) fn checkpoints<'a>(
    cx: &mut Typer<'_, 'a>,
    settings: &Settings<'a>,
) -> Checked<Option<Checkpoints>> {
    let keep = settings.get("checkpoints").map(|keep| known::whole(cx, &keep.value, "checkpoints", 1));
    let strict = settings.get("checkpoint_errors").map(|choice| strict(cx, &choice.value));
    let resume = flag(cx.env, settings, "resume");
    let Some(setting) = settings.get("checkpoint") else {
        return alone(cx, settings).map(|()| None);
    };
    let (every, folder) = every(cx, &setting.value)?;
    let keep = keep.transpose()?.unwrap_or(KEEP);
    let strict = strict.transpose()?.unwrap_or(false);
    Ok(Some(Checkpoints { every, folder, keep, resume: resume?.unwrap_or(false), strict }))
}

/// Settings about checkpoints need that there are any.
fn alone(cx: &mut Typer<'_, '_>, settings: &Settings<'_>) -> Checked<()> {
    let others = ["checkpoints", "checkpoint_errors", "resume"];
    let Some(other) = others.iter().find_map(|name| settings.get(name)) else { return Ok(()) };
    let name = &other.name().name;
    let message = format!("`{name}` is about checkpoints, and the run writes none");
    let found = at(&errors::WRONG_SETTING, message, other.name().span, "without `checkpoint`");
    Err(cx.env.report(found.help(EXAMPLE)))
}

/// What to write.
const EXAMPLE: &str = "write `checkpoint = every 500 to \"checkpoints\"`: steps, and a folder";

/// `every 500 to "folder"`.
fn every<'a>(cx: &mut Typer<'_, 'a>, expr: &'a ast::Expr) -> Checked<(usize, String)> {
    match &expr.kind {
        Ast::Every(word, parts) if word.name == "every" => {
            let [count, path] = &**parts;
            let (number, at_count) = (known::known_number(cx, count, "every"), count.span);
            let path = known::plain_text(cx.env, path)?;
            match number? {
                steps if steps >= 1.0 && steps.fract() == 0.0 => Ok((steps as usize, path)),
                other => {
                    let message = format!(
                        "checkpoints are a whole number of steps apart, not {}",
                        print::number(other)
                    );
                    let found = at(&errors::WRONG_SETTING, message, at_count, "not such a number");
                    Err(cx.env.report(found.help(EXAMPLE)))
                }
            }
        }
        Ast::Error => Err(Poison),
        _ => {
            let message = "`checkpoint` says how often, and where";
            let found = at(&errors::WRONG_SETTING, message, expr.span, "not of that form");
            Err(cx.env.report(found.help(EXAMPLE)))
        }
    }
}

/// `stop` or `go_on`.
fn strict(cx: &mut Typer<'_, '_>, expr: &ast::Expr) -> Checked<bool> {
    match &expr.kind {
        Ast::Name(word) if word == "stop" => Ok(true),
        Ast::Name(word) if word == "go_on" => Ok(false),
        _ => {
            let message =
                "`checkpoint_errors` is `stop` or `go_on`: what to do when a checkpoint cannot be written";
            let found = at(&errors::WRONG_SETTING, message, expr.span, "neither");
            Err(cx.env.report(found.help("write `checkpoint_errors = stop`")))
        }
    }
}
