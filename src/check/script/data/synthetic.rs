//! Data that is computed: `data d = synthetic(rows = 512, seed = 1) { x = random.normal[rows, 4]() ... }`.

use super::source;
use crate::algebra::types::{DType, Dim, Type};
use crate::ast;
use crate::check::env::{Binding, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{args, lets};
use crate::check::script::known;
use crate::check::text;
use crate::source::Span;
use crate::typed::{Column, Data, DataSource, Expr, LocalId};

/// What the source is called.
pub(super) const NAME: &str = "synthetic";

/// How it is written, for messages.
pub(super) const EXAMPLE: &str = "synthetic(rows = 100) { x = random.normal[rows, 4]() }";

/// What the size of the rows is called in expressions of columns.
const ROWS: &str = "rows";

/// A data set whose columns are expressions over all of its rows, each of which sees those before it.
pub(super) fn synthetic<'a>(
    cx: &mut Typer<'_, 'a>,
    item: &'a ast::Data,
    call: &WrittenCall<'a, '_>,
) -> Checked<Data> {
    let args = args::match_args(cx.env, call, &[ROWS, "seed", "test"], 1, None)?;
    let rows_expr = args[0].ok_or(Poison)?;
    let rows = known::whole(cx, rows_expr, ROWS, 1);
    let seed = args[1].map_or(Ok(0), |seed| known::whole(cx, seed, "seed", 0));
    let test = args[2].map(|test| Ok((known::known_number(cx, test, "test")?, test.span))).transpose();
    let (rows, seed, test) = (rows?, seed?, test?);
    let counts = source::split_rows(cx.env, test, (rows, None), None, call.span)?;
    let mut scope = Scope::statement(cx.env.real);
    scope.bind(ROWS, Binding::Size(Dim::from(rows)), rows_expr.span);
    let made: Vec<_> =
        item.transforms.iter().map(|line| synthetic_column(cx, &mut scope, line, rows)).collect();
    let made: Vec<(Column, (LocalId, Expr))> = made.into_iter().collect::<Checked<_>>()?;
    if made.is_empty() {
        let found = at(&errors::SYNTHETIC_COLUMN, "synthetic data has no columns", call.span, "only rows");
        return Err(cx.env.report(found.help("give it some: `{ x = random.normal[rows, 4]() }`")));
    }
    let (columns, exprs) = made.into_iter().unzip();
    Ok(Data {
        name: item.name.name.clone(),
        source: DataSource::Synthetic { seed: seed as u64, locals: scope.locals, columns: exprs },
        words: Vec::new(),
        characters: Vec::new(),
        columns,
        standardize: Vec::new(),
        rows: counts,
        span: item.name.span,
    })
}

/// One column, bound to its name for those after it.
fn synthetic_column<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    rows: usize,
) -> Checked<(Column, (LocalId, Expr))> {
    let name = line.name();
    if let Some(before) = scope.declared(&name.name) {
        return Err(cx.env.report(errors::duplicate(&name.name, name.span, Some(before))));
    }
    let value = lets::let_value(cx, scope, line);
    let Ok(value) = value else {
        scope.bind(&name.name, Binding::Error, name.span);
        return Err(Poison);
    };
    let local = scope.bind_local(&name.name, value.ty.clone(), name.span);
    let ty = row_type(cx.env, &value.ty, rows, &name.name, line.value.span)?;
    Ok((Column { name: name.name.clone(), ty }, (local, value)))
}

/// The type of a row of a column.
fn row_type(env: &mut Env<'_>, ty: &Type, rows: usize, name: &str, span: Span) -> Checked<Type> {
    let shown = text::show(ty, env.real);
    let is_rows = ty.shape.first().is_some_and(|dim| *dim == Dim::from(rows));
    if is_rows && ty.dtype != DType::Bool {
        return Ok(Type::new(ty.dtype, ty.shape[1..].to_vec()));
    }
    let (message, help) = match is_rows {
        true => {
            (format!("column `{name}` is `{shown}`; columns are numbers"), format!("write `i32({name})`"))
        }
        false => (
            format!("column `{name}` is `{shown}`, which has no entry for each of the {rows} rows"),
            "let its first size be `rows`: `random.normal[rows, 4]()`".to_owned(),
        ),
    };
    Err(env.report(at(&errors::SYNTHETIC_COLUMN, message, span, format!("`{shown}`")).help(help)))
}
