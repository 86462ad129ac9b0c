//! `npz(...)` and `npy(...)`.

use super::source::{self, Written};
use crate::check::env::Checked;
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Arg, Call, Typer};
use crate::check::script::known;
use crate::source::Span;
use crate::typed::DataSource;

/// Columns with what they are read from, and the share of the test split with its place.
type Columns = (Vec<(String, String)>, Option<(f64, Span)>);

/// `npz("d.npz", x = "images", y = "labels", test = 0.2)`
pub(super) fn npz<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Checked<Written> {
    let Some((path, rest)) = call.args.split_first().filter(|(path, _)| path.name.is_none()) else {
        let message = "`npz` takes the path of the file first";
        let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this source");
        return Err(cx.env.report(found.help("write `npz(\"d.npz\", x = \"images\", y = \"labels\")`")));
    };
    let archive = known::plain_text(cx.env, path.value);
    let (columns, test) = named_columns(cx, rest, "npz")?;
    let source = DataSource::Arrays { archive: Some(archive?), columns };
    let named = |arg: &Arg<'a>| Some((known::plain_text(cx.env, arg.value).ok()?, arg.value.span));
    let columns = rest.iter().filter(|arg| arg.name.is_none_or(|name| name.name != "test"));
    let names = columns.filter_map(named).collect();
    Ok(Written { source, test, path: path.value.span, names })
}

/// `npy(x = "x.npy", y = "y.npy", test = 0.2)`
pub(super) fn npy<'a>(cx: &mut Typer<'_, 'a>, call: &Call<'a, '_>) -> Checked<Written> {
    let (columns, test) = named_columns(cx, &call.args, "npy")?;
    if columns.is_empty() {
        let found = at(&errors::WRONG_ARGUMENT, "`npy` takes a file for each column", call.span, "none");
        return Err(cx.env.report(found.help("write `npy(x = \"x.npy\", y = \"y.npy\")`")));
    }
    let source = DataSource::Arrays { archive: None, columns };
    Ok(Written { source, test, path: call.span, names: Vec::new() })
}

/// Columns by name, `x` and `y` first, and the share of the test split.
fn named_columns<'a>(cx: &mut Typer<'_, 'a>, args: &[Arg<'a>], source: &str) -> Checked<Columns> {
    let (mut columns, mut test) = (Vec::new(), None);
    for arg in args {
        let Some(name) = arg.name else {
            let message = format!("a column of `{source}` has a name");
            let found = at(&errors::WRONG_ARGUMENT, message, arg.value.span, "which column is this?");
            return Err(cx.env.report(found.help("name it: `x = ...`")));
        };
        if name.name == "test" {
            test = Some(source::test_share(cx, arg.value)?);
            continue;
        }
        if columns.iter().any(|(have, _)| *have == name.name) {
            return Err(cx.env.report(errors::duplicate(&name.name, name.span, None)));
        }
        columns.push((name.name.clone(), known::plain_text(cx.env, arg.value)?));
    }
    columns.sort_by_key(|(name, _)| (name != "x", name != "y"));
    Ok((columns, test))
}
