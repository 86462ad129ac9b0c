//! `match`: the arm that a word chooses.

use super::kinds;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::source::Span;

/// The arm that a word chooses.
pub(super) fn match_arm<'a, T>(
    env: &mut Env<'a>,
    scope: &Scope,
    word: &ast::Expr,
    arms: &'a [(ast::Ident, T)],
    span: Span,
) -> Checked<&'a T> {
    let Ast::Name(name) = &word.kind else {
        return Err(env.report(at(&errors::MATCH_ARMS, "`match` takes a word", word.span, "not a word")));
    };
    let (chosen, words) = match scope.get(name) {
        Some(Binding::Word(chosen, words)) => (chosen.clone(), words.clone()),
        Some(Binding::Error) => return Err(Poison),
        Some(_) => {
            let found = at(
                &errors::MATCH_ARMS,
                format!("`{name}` is not a word"),
                word.span,
                "`match` chooses by a word",
            );
            let declared = kinds::declare_as(env, scope, name, "first | second");
            let help =
                declared.unwrap_or_else(|| "words are declared as `name = first | second`".to_string());
            return Err(env.report(found.help(help)));
        }
        None => return Err(env.report(errors::unknown_name(name, word.span, None))),
    };
    check_arms(env, arms, &words, span)?;
    match arms.iter().find(|(arm, _)| arm.name == chosen) {
        Some((_, value)) => Ok(value),
        None => {
            let found = at(&errors::MATCH_ARMS, format!("no arm for `{chosen}`"), span, "this `match`");
            Err(env.report(found.help(format!("add `{chosen} => ...`"))))
        }
    }
}

/// Every arm is a word that can be, every such word has an arm.
fn check_arms<T>(env: &mut Env<'_>, arms: &[(ast::Ident, T)], words: &[String], span: Span) -> Checked<()> {
    let mut result = Ok(());
    for (k, (arm, _)) in arms.iter().enumerate() {
        if !words.contains(&arm.name) {
            result =
                Err(env.report(errors::none_of(&errors::UNKNOWN_WORD, "word", &arm.name, arm.span, words)));
        }
        if let Some((before, _)) = arms[..k].iter().find(|(before, _)| before.name == arm.name) {
            result = Err(env.report(errors::duplicate(&arm.name, arm.span, Some(before.span))));
        }
    }
    if let Some(missing) = words.iter().find(|word| !arms.iter().any(|(arm, _)| arm.name == **word)) {
        let found = at(&errors::MATCH_ARMS, format!("no arm for `{missing}`"), span, "this `match`");
        result = Err(env.report(found.help(format!("add `{missing} => ...`"))));
    }
    result
}
