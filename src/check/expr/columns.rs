//! What expressions know of data: the size of a vocabulary, and what a column holds.

use crate::algebra::types::{DType, Dim};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope};
use crate::check::errors;
use crate::typed::{Expr, ExprKind, LocalId};

/// `poem.vocab`: how many different characters a text has. `None`: this is no field of data.
pub(super) fn vocab(env: &mut Env<'_>, of: &ast::Expr, field: &ast::Ident) -> Option<Checked<Dim>> {
    let Ast::Name(name) = &of.kind else { return None };
    let id = match env.decls.data.get(name.as_str())? {
        Some(id) => *id,
        None => return Some(Err(Poison)),
    };
    let count = env.data[id.0].characters.len();
    if field.name == "vocab" && count > 0 {
        return Some(Ok(Dim::from(count)));
    }
    let known: &[String] = if count > 0 { &["vocab".to_string()] } else { &[] };
    let found = errors::none_of(&errors::UNKNOWN_FIELD, "size", &field.name, field.span, known);
    let found = match count {
        0 => found.help("the size of its vocabulary is known of `text(...)` only"),
        _ => found,
    };
    Some(Err(env.report(found)))
}

/// What to do about a column of files that is real where class numbers are needed.
pub(super) fn help_for_labels(env: &Env<'_>, scope: &Scope, expr: &Expr, wanted: DType) -> Option<String> {
    let ExprKind::Local(LocalId(local)) = expr.kind else { return None };
    let data = env.data.iter().find(|data| data.span == scope.origins[local])?;
    let reader = data.source.files()?.reader();
    (wanted == DType::I32).then(|| reader.help_for_labels(&scope.locals[local].name)).flatten()
}
