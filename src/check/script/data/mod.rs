//! Data sets: how to read them and what they hold.

mod arrays;
mod characters;
mod csv;
mod idx;
mod source;
mod synthetic;

use self::source::Written;
use crate::ast::{self, ExprKind as Ast};
use crate::check::catalog::Catalog;
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::source::Span;
use crate::typed::{Column, Data};

/// `data d = csv("d.csv", target = "y", test = 0.2) { x = standardize(x) }`
pub(crate) fn data<'a>(cx: &mut Typer<'_, 'a>, catalog: &dyn Catalog, item: &'a ast::Data) -> Checked<Data> {
    if let Some(call) = source::source_call(&item.source).filter(|call| call.name == "synthetic") {
        return synthetic::synthetic(cx, item, &call);
    }
    let written = data_source(cx, &item.source)?;
    let schema = match catalog.schema(&written.source, cx.env.real) {
        Ok(schema) => schema,
        Err(found) => {
            let column = found.code.name == errors::UNKNOWN_COLUMN.name;
            let asked = |(name, _): &&(String, Span)| column && found.message.ends_with(&format!("`{name}`"));
            let span = written.names.iter().find(asked).map_or(written.path, |(_, span)| *span);
            let text = if column { "no such column" } else { "read here" };
            return Err(cx.env.report(found.label(span, text)));
        }
    };
    let columns: Vec<Column> = schema.columns.into_iter().map(|(name, ty)| Column { name, ty }).collect();
    let rows = source::split_rows(cx.env, written.test, schema.rows, schema.test_rows, item.source.span)?;
    let standardize = transforms(cx.env, &item.transforms, &columns)?;
    let test = written.test.map(|(share, _)| share);
    Ok(Data {
        name: item.name.name.clone(),
        source: written.source,
        test,
        columns,
        characters: schema.characters,
        standardize,
        rows,
        span: item.name.span,
    })
}

fn data_source<'a>(cx: &mut Typer<'_, 'a>, source: &'a ast::Expr) -> Checked<Written> {
    if let Some(call) = source::source_call(source) {
        match call.name.as_str() {
            "csv" => return csv::csv(cx, &call),
            "idx" => return idx::idx(cx, &call),
            "npz" => return arrays::npz(cx, &call),
            "npy" => return arrays::npy(cx, &call),
            "text" => return characters::text_source(cx, &call),
            _ => {}
        }
    }
    if matches!(source.kind, Ast::Error) {
        return Err(Poison);
    }
    let message = format!("`{}` is not a data source", text::source(source));
    let found = at(&errors::DATA_SOURCE, message, source.span, "not a source");
    let help = "write `csv(\"file.csv\", target = \"column\")` or `synthetic(rows = 100) { x = random.normal[rows, 4]() }`";
    Err(cx
        .env
        .report(found.help(help).note("sources are `csv`, `idx`, `npz`, `npy`, `text` and `synthetic`")))
}

/// Columns to standardize.
fn transforms<'a>(env: &mut Env<'a>, lines: &'a [ast::Let], columns: &[Column]) -> Checked<Vec<String>> {
    let made: Vec<_> = lines.iter().map(|line| transform(env, line, columns)).collect();
    made.into_iter().collect()
}

fn transform<'a>(env: &mut Env<'a>, line: &'a ast::Let, columns: &[Column]) -> Checked<String> {
    let name = &line.name.name;
    let Some(column) = columns.iter().find(|column| column.name == *name) else {
        return Err(unknown_column(env, name, line.name.span, columns));
    };
    let same = match &line.value.kind {
        Ast::Call(callee, args) => match (&callee.kind, args.as_slice()) {
            (Ast::Name(f), [arg]) if f == "standardize" => {
                matches!(&arg.value.kind, Ast::Name(of) if of == name)
            }
            _ => false,
        },
        _ => false,
    };
    if !same {
        let help = format!("write `{name} = standardize({name})`");
        let found = errors::not_supported("this transform of a column", line.value.span, &help);
        return Err(env.report(found));
    }
    if column.ty.dtype.is_float() {
        return Ok(name.clone());
    }
    let shown = text::show(&column.ty, env.real);
    let message = format!("`standardize` takes reals, and column `{name}` is `{shown}`");
    Err(env.report(
        at(&errors::TYPE_MISMATCH, message, line.value.span, format!("`{name}` is `{shown}`"))
            .help("standardize real columns only"),
    ))
}

fn unknown_column(env: &mut Env<'_>, name: &str, span: Span, columns: &[Column]) -> Poison {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    env.report(errors::none_of(&errors::UNKNOWN_COLUMN, "column", name, span, &names))
}
