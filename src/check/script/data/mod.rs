//! Data sets: how to read them and what they hold.

mod arguments;
mod source;
mod synthetic;

use self::arguments::WrittenArguments;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::text;
use crate::data::{Catalog, FileSource, SOURCES, Schema, SourceKind};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Column, Data, DataSource};

/// `data d = csv("d.csv", target = "y", test = 0.2) { x = standardize(x) }`
pub(crate) fn data<'a>(cx: &mut Typer<'_, 'a>, catalog: &dyn Catalog, item: &'a ast::Data) -> Checked<Data> {
    let call = source::source_call(&item.source);
    if let Some(call) = call.as_ref().filter(|call| call.name == synthetic::NAME) {
        return synthetic::synthetic(cx, item, call);
    }
    let kind = call.and_then(|call| Some((kind(&call.name)?, call)));
    let Some((kind, call)) = kind else { return Err(no_source(cx.env, &item.source)) };
    files(cx, catalog, item, kind, &call)
}

/// The kind of source of this name.
fn kind(name: &str) -> Option<&'static SourceKind> {
    SOURCES.iter().find(|kind| kind.name == name).copied()
}

/// Data in files.
fn files<'a>(
    cx: &mut Typer<'_, 'a>,
    catalog: &dyn Catalog,
    item: &'a ast::Data,
    kind: &'static SourceKind,
    call: &WrittenCall<'a, '_>,
) -> Checked<Data> {
    let written = arguments::arguments(cx, kind, call)?;
    let source = FileSource::new(kind, written.given.clone());
    let Schema { columns, rows, test_rows, chosen, words, characters } = catalog
        .schema(&source, cx.env.real)
        .map_err(|found| cx.env.report(placed(found, &written, call.span)))?;
    let columns: Vec<Column> = columns.into_iter().map(|(name, ty)| Column { name, ty }).collect();
    let rows = source::split_rows(cx.env, written.test, (rows, chosen), test_rows, item.source.span)?;
    let standardize = transforms(cx.env, &item.transforms, &columns)?;
    Ok(Data {
        name: item.name.name.clone(),
        source: DataSource::Files(source),
        columns,
        words,
        characters,
        standardize,
        rows,
        span: item.name.span,
    })
}

/// What is wrong with files, at the place where the script asks for it.
fn placed(found: Diagnostic, written: &WrittenArguments, call: Span) -> Diagnostic {
    let column = found.code.name == errors::UNKNOWN_COLUMN.name;
    let asked = |(name, _): &&(String, Span)| column && found.message.ends_with(&format!("`{name}`"));
    let span = written.names.iter().find(asked).map(|(_, span)| *span).or(written.path).unwrap_or(call);
    found.label(span, if column { "no such column" } else { "read here" })
}

/// What is no source.
fn no_source(env: &mut Env<'_>, source: &ast::Expr) -> Poison {
    if matches!(source.kind, Ast::Error) {
        return Poison;
    }
    let message = format!("`{}` is not a data source", env.quote(source.span));
    let found = at(&errors::DATA_SOURCE, message, source.span, "not a source");
    let help = format!("write `{}` or `{}`", SOURCES[0].example, synthetic::EXAMPLE);
    let files: Vec<String> = SOURCES.iter().map(|kind| format!("`{}`", kind.name)).collect();
    let note = format!("sources are {} and `{}`", files.join(", "), synthetic::NAME);
    env.report(found.help(help).note(note))
}

/// Columns to standardize.
fn transforms<'a>(env: &mut Env<'a>, lines: &'a [ast::Let], columns: &[Column]) -> Checked<Vec<String>> {
    let made: Vec<_> = lines.iter().map(|line| transform(env, line, columns)).collect();
    made.into_iter().collect()
}

fn transform<'a>(env: &mut Env<'a>, line: &'a ast::Let, columns: &[Column]) -> Checked<String> {
    let name = &line.name().name;
    let Some(column) = columns.iter().find(|column| column.name == *name) else {
        return Err(unknown_column(env, name, line.name().span, columns));
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
