//! Statements that do something with values and with what runs left. Each is a file, which says what it takes,
//! what its program computes, how it is printed and what it does, and a row of [`ACTS`]; its word is a token.

mod assert;
mod plot;
mod print;
mod save;

use std::rc::Rc;

use super::{curves, known, runs, sample};
use crate::ast;
use crate::check::env::{Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::ice;
use crate::typed::Act;

/// What an act is in a typed program.
type CheckedAct = Checked<Rc<dyn Act>>;

/// A kind of act.
struct ActKind {
    word: &'static str,
    check: for<'a> fn(&mut Typer<'_, 'a>, &mut Scope, &'a ast::Act) -> CheckedAct,
}

/// Every kind of act.
const ACTS: &[ActKind] = &[
    ActKind { word: print::WORD, check: print::check },
    ActKind { word: assert::WORD, check: assert::check },
    ActKind { word: plot::WORD, check: plot::check },
    ActKind { word: save::WORD, check: save::check },
];

/// Checks an act.
pub(super) fn act<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, act: &'a ast::Act) -> CheckedAct {
    match ACTS.iter().find(|row| row.word == act.word.name) {
        Some(row) => (row.check)(cx, scope, act),
        None => ice!("check", "no act `{}`", act.word.name),
    }
}

/// What an act is done with that takes one expression.
fn one<'a>(env: &mut Env<'a>, act: &'a ast::Act) -> Checked<&'a ast::Expr> {
    if let Some(second) = act.on.get(1) {
        let message = format!("`{}` takes one expression, not {}", act.word.name, act.on.len());
        let found = at(&errors::WRONG_ARGUMENT, message, second.span, "one too many");
        return Err(env.report(found.help(format!("write `{}` on a line of its own", act.word.name))));
    }
    act.on.first().ok_or(Poison)
}

/// The file that an act writes.
fn path<'a>(env: &mut Env<'a>, act: &'a ast::Act) -> Checked<String> {
    known::plain_text(env, act.to.as_ref().ok_or(Poison)?)
}
