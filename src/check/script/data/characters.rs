//! `text(...)`.

use super::source::{self, Written};
use crate::check::env::{Checked, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::args;
use crate::check::expr::typer::{Call, Typer};
use crate::check::script::known;
use crate::typed::DataSource;

/// `text("poem.txt", context = 64, test = 0.1)`
pub(super) fn text_source<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Checked<Written> {
    let args = args::match_args(cx.env, call, &["path", "context", "test"], 1, None)?;
    let path_expr = args[0].ok_or(Poison)?;
    let path = known::plain_text(cx.env, path_expr);
    let context = args[1].map_or(Ok(64), |context| known::whole(cx, context, "context", 1));
    let share = args[2].map(|test| source::test_share(cx, test)).transpose()?;
    if let Some((share, span)) = share.filter(|(share, _)| !(*share > 0.0 && *share < 1.0)) {
        let message = format!("`test = {share}` is no share of a text");
        let found = at(&errors::DATA_SHARE, message, span, "not between 0 and 1");
        return Err(cx.env.report(found.help("write a fraction: `test = 0.1`")));
    }
    let source = DataSource::Text { path: path?, context: context?, test: share.map(|(share, _)| share) };
    Ok(Written { source, test: None, path: path_expr.span, names: Vec::new() })
}
