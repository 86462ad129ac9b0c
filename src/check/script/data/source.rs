//! A data source as written.

use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{WrittenArg, WrittenCall};
use crate::source::Span;
use crate::typed::Rows;

/// The call that a source is, if it is one.
pub(super) fn source_call(source: &ast::Expr) -> Option<WrittenCall<'_, 'static>> {
    let Ast::Call(callee, args) = &source.kind else { return None };
    let Ast::Name(name) = &callee.kind else { return None };
    let args = args.iter().map(|arg| WrittenArg { name: arg.name.as_ref(), value: &arg.value }).collect();
    Some(WrittenCall {
        name: name.clone(),
        statics: &[],
        args,
        span: source.span,
        expected: None,
        axes: Vec::new(),
    })
}

/// How many rows each split has. The test split is the share of all rows, rounded to the nearest, if it is not
/// chosen in another way.
pub(super) fn split_rows(
    env: &mut Env<'_>,
    test: Option<(f64, Span)>,
    (rows, chosen): (usize, Option<usize>),
    own: Option<usize>,
    span: Span,
) -> Checked<Rows> {
    if let (Some(_), None) = (chosen, test) {
        let found =
            at(&errors::DATA_SHARE, "how to split is said, and not how large the test is", span, "no `test`");
        return Err(env.report(found.help("add `test = 0.2`")));
    }
    match (test, own) {
        (None, None) => Ok(Rows { all: rows, train: rows, test: 0 }),
        (None, Some(test)) => Ok(Rows { all: rows + test, train: rows, test }),
        (Some((_, at_share)), Some(_)) => {
            let found =
                at(&errors::DATA_SHARE, "this data has a test split of its own", at_share, "asked for again");
            Err(env.report(found.help("leave `test` out")))
        }
        (Some((share, at_share)), None) => {
            let test = chosen.unwrap_or((rows as f64 * share).round() as usize);
            if share > 0.0 && share < 1.0 && test > 0 && test < rows {
                return Ok(Rows { all: rows, train: rows - test, test });
            }
            let message = format!("`test = {share}` of {rows} rows leaves a split without rows");
            let found = at(&errors::DATA_SHARE, message, at_share, "a share between 0 and 1")
                .label(span, format!("{rows} rows"));
            Err(env.report(found.help("write a fraction: `test = 0.2`")))
        }
    }
}
