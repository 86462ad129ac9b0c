//! `csv(...)`.

use super::source::{self, Written};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::args;
use crate::check::expr::typer::{Call, Typer};
use crate::check::script::known;
use crate::source::Span;
use crate::typed::{DataSource, Table};

/// `csv("d.csv", target = "y", test = 0.2)`
pub(super) fn csv<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Checked<Written> {
    let args = args::match_args(cx.env, call, &["path", "target", "test", "windows", "words"], 1, None)?;
    let path_expr = args[0].ok_or(Poison)?;
    let path = known::plain_text(cx.env, path_expr);
    let target = args[1].map(|target| known::plain_text(cx.env, target)).transpose();
    let test = args[2].map(|test| source::test_share(cx, test)).transpose();
    let windows = args[3].map(|windows| known::whole(cx, windows, "windows", 1)).transpose();
    let words = args[4].map_or(Ok(Vec::new()), |words| names(cx.env, words));
    let words_spans = args[4].iter().flat_map(|words| list_spans(words)).collect::<Vec<_>>();
    let table = Table { path: path?, target: target?, windows: windows?, words: words? };
    let target = table.target.clone().zip(args[1].map(|target| target.span));
    let names = target.into_iter().chain(table.words.iter().cloned().zip(words_spans)).collect();
    Ok(Written { source: DataSource::Csv(table), test: test?, path: path_expr.span, names })
}

/// Names of columns: `["zip", "code"]`.
fn names<'a>(env: &mut Env<'a>, expr: &'a ast::Expr) -> Checked<Vec<String>> {
    let Ast::List(items) = &expr.kind else {
        let found = at(&errors::NOT_TEXT, "a list of column names is needed", expr.span, "not a list");
        return Err(env.report(found.help("write `words = [\"zip\"]`")));
    };
    items.iter().map(|item| known::plain_text(env, item)).collect()
}

/// The places of the items of a list.
fn list_spans(list: &ast::Expr) -> Vec<Span> {
    match &list.kind {
        Ast::List(items) => items.iter().map(|item| item.span).collect(),
        _ => Vec::new(),
    }
}
