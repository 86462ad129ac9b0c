//! `idx(...)`.

use super::source::{self, Written};
use crate::check::env::{Checked, Poison};
use crate::check::expr::args;
use crate::check::expr::typer::{Call, Typer};
use crate::check::script::known;
use crate::typed::DataSource;

pub(super) fn idx<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Checked<Written> {
    let args = args::match_args(cx.env, call, &["x", "y", "test_x", "test_y", "test"], 1, None)?;
    let x_expr = args[0].ok_or(Poison)?;
    let texts: Vec<_> =
        args[..4].iter().map(|arg| arg.map(|arg| known::plain_text(cx.env, arg)).transpose()).collect();
    let test = args[4].map(|test| source::test_share(cx, test)).transpose();
    let mut texts = texts.into_iter().collect::<Checked<Vec<Option<String>>>>()?.into_iter();
    let mut next = || texts.next().flatten();
    let x = next().ok_or(Poison)?;
    let source = DataSource::Idx { x, y: next(), test_x: next(), test_y: next() };
    Ok(Written { source, test: test?, path: x_expr.span, names: Vec::new() })
}
