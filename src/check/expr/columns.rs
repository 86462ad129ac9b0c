//! What expressions know of data: the size of a vocabulary, and what a column holds.

use crate::algebra::types::{DType, Dim};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope};
use crate::check::errors;
use crate::typed::{Expr, ExprKind, LocalId};

/// `poem.vocab`: how many different characters a text has. `None`: this is no field of data.
pub(super) fn vocab(env: &mut Env<'_>, of: &ast::Expr, field: &ast::Ident) -> Option<Checked<Dim>> {
    if let Ast::Field(data, column) = &of.kind {
        return words(env, data, column, field);
    }
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

/// `d.work.words`: how many different words a column has. `None`: this is no field of a column of data.
fn words(
    env: &mut Env<'_>,
    data: &ast::Expr,
    column: &ast::Ident,
    field: &ast::Ident,
) -> Option<Checked<Dim>> {
    let Ast::Name(name) = &data.kind else { return None };
    let id = match env.decls.data.get(name.as_str())? {
        Some(id) => *id,
        None => return Some(Err(Poison)),
    };
    let of = &env.data[id.0];
    if !of.columns.iter().any(|known| known.name == column.name) {
        let names: Vec<String> = of.columns.iter().map(|column| column.name.clone()).collect();
        let found = errors::none_of(&errors::UNKNOWN_COLUMN, "column", &column.name, column.span, &names);
        return Some(Err(env.report(found)));
    }
    let count = of.words.iter().find(|(known, _)| *known == column.name).map(|(_, count)| *count);
    let (Some(count), "words") = (count, field.name.as_str()) else {
        let known: &[String] = if count.is_some() { &["words".to_owned()] } else { &[] };
        let found = errors::none_of(&errors::UNKNOWN_FIELD, "size", &field.name, field.span, known);
        let found = match count {
            None => found.note(format!("`{}` is no column of words of a file", column.name)),
            Some(_) => found,
        };
        return Some(Err(env.report(found)));
    };
    Some(Ok(Dim::from(count)))
}

/// How many words the column has that an expression is, if it is one of words.
pub(crate) fn words_of(env: &Env<'_>, scope: &Scope, expr: &Expr) -> Option<Dim> {
    let ExprKind::Local(LocalId(local)) = expr.kind else { return None };
    let data = env.data.iter().find(|data| data.span == scope.origins[local])?;
    let count = data.words.iter().find(|(known, _)| *known == scope.locals[local].name);
    count.map(|(_, count)| Dim::from(*count))
}

/// What to do about a column of files that is real where class numbers are needed.
pub(super) fn help_for_labels(env: &Env<'_>, scope: &Scope, expr: &Expr, wanted: DType) -> Option<String> {
    let ExprKind::Local(LocalId(local)) = expr.kind else { return None };
    let data = env.data.iter().find(|data| data.span == scope.origins[local])?;
    let reader = data.source.files()?.reader();
    (wanted == DType::I32).then(|| reader.help_for_labels(&scope.locals[local].name)).flatten()
}
