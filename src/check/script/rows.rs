//! Rows of data by name: `digits`, `digits.train`, `digits.test`.

use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at, nearest};
use crate::check::expr::names;
use crate::source::Span;
use crate::typed::{DataId, Split};

/// `digits`, `digits.train`, `digits.test`
pub(super) fn data_rows(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<(DataId, Split)> {
    let (of, split) = match &expr.kind {
        Ast::Field(of, field) => (&**of, Some(field)),
        Ast::Error => return Err(Poison),
        _ => (expr, None),
    };
    let Ast::Name(name) = &of.kind else { return Err(not_data(env, &env.quote(expr.span), expr.span)) };
    let id = match env.decls.data.get(name.as_str()) {
        Some(Some(id)) => *id,
        Some(None) => return Err(Poison),
        None => {
            let near = nearest(name, env.decls.data.keys().copied());
            if names::is_known(env, name) {
                return Err(not_data(env, name, of.span));
            }
            let found = at(&errors::UNKNOWN_NAME, format!("unknown data `{name}`"), of.span, "no such data");
            return Err(env.report(errors::suggest(found, near)));
        }
    };
    let Some(split) = split else { return Ok((id, Split::All)) };
    match split.name.as_str() {
        "train" => Ok((id, Split::Train)),
        "test" if env.data[id.0].rows.test == 0 => {
            let message = format!("`{name}` has no test split");
            let found = at(&errors::SPLIT_MISSING, message, split.span, "no such rows");
            let found = found.label(env.data[id.0].span, "declared here, without `test`");
            Err(env.report(found.help("add `test = 0.2` to the source")))
        }
        "test" => Ok((id, Split::Test)),
        other => {
            let known = ["train".to_string(), "test".to_string()];
            Err(env.report(errors::none_of(&errors::UNKNOWN_FIELD, "split", other, split.span, &known)))
        }
    }
}

fn not_data(env: &mut Env<'_>, name: &str, span: Span) -> Poison {
    let found = at(&errors::NOT_DATA, format!("`{name}` is not a data set"), span, "data is needed");
    env.report(found.help("name what `data` declares, or one of its splits: `d.train`"))
}

/// Number of rows of a split.
pub(super) fn row_count(env: &Env<'_>, id: DataId, split: Split) -> usize {
    let rows = env.data[id.0].rows;
    match split {
        Split::All => rows.all,
        Split::Train => rows.train,
        Split::Test => rows.test,
    }
}
