//! The arguments of a source, as the row of its kind says.

use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env};
use crate::check::errors::{self, at};
use crate::check::expr::args;
use crate::check::expr::typer::{Typer, WrittenArg, WrittenCall};
use crate::check::script::known;
use crate::data::{
    ArgumentValue, Arguments, ColumnChoice, Columns, PerColumn, SourceArgument, SourceKind, Takes,
};
use crate::source::Span;

/// Arguments, with the places that messages about files need.
#[derive(Default)]
pub(super) struct WrittenArguments {
    /// The arguments.
    pub given: Arguments,
    /// The share of the rows that is the test split.
    pub test: Option<(f64, Span)>,
    /// The path of the first file.
    pub path: Option<Span>,
    /// Names of columns that it asks for.
    pub names: Vec<(String, Span)>,
}

/// An argument with what is written for it.
type Matched<'a> = (&'static SourceArgument, &'a ast::Expr);

/// What a call gives to a source of this kind.
pub(super) fn arguments<'a>(
    cx: &mut Typer<'_, 'a>,
    kind: &'static SourceKind,
    call: &WrittenCall<'a, '_>,
) -> Checked<WrittenArguments> {
    let (matched, columns) = match kind.columns {
        Columns::Unnamed => (by_place(cx.env, kind, call)?, Vec::new()),
        Columns::Named | Columns::Needed => beside_columns(cx.env, kind, call)?,
    };
    let mut written = WrittenArguments::default();
    let given = matched.into_iter().map(|matched| written.take(cx, kind, matched));
    let given: Vec<Checked<()>> = given.collect();
    given.into_iter().collect::<Checked<()>>()?;
    columns.into_iter().try_for_each(|column| written.take_column(cx.env, column))?;
    exclusive(cx.env, kind, call, &written.given)?;
    Ok(written)
}

/// Of arguments that contradict each other only one is given.
fn exclusive(
    env: &mut Env<'_>,
    kind: &SourceKind,
    call: &WrittenCall<'_, '_>,
    given: &Arguments,
) -> Checked<()> {
    let names = |list: &[&'static str]| -> Vec<&'static str> {
        list.iter().copied().filter(|name| given.gives(name)).collect()
    };
    for exclusive in kind.exclusive {
        let [first, second, ..] = names(exclusive)[..] else { continue };
        let message = format!("`{first}` and `{second}` cannot be said of the same data");
        let span = call.args.iter().find(|arg| arg.name.is_some_and(|name| name.name == second));
        let span = span.map_or(call.span, |arg| arg.value.span);
        let found = at(&errors::WRONG_ARGUMENT, message, span, "contradicts the other");
        return Err(env.report(found.help(format!("keep one of them: `{first}` or `{second}`"))));
    }
    Ok(())
}

fn by_place<'a>(
    env: &mut Env<'a>,
    kind: &'static SourceKind,
    call: &WrittenCall<'a, '_>,
) -> Checked<Vec<Matched<'a>>> {
    let names: Vec<&str> = kind.arguments.iter().map(|argument| argument.name).collect();
    let found = args::match_args(env, call, &names, kind.needed, None)?;
    let given = kind.arguments.iter().zip(found);
    Ok(given.filter_map(|(argument, expr)| Some((*argument, expr?))).collect())
}

/// Arguments of a source whose other names are those of columns: only those that it needs have no name.
fn beside_columns<'a, 'c>(
    env: &mut Env<'a>,
    kind: &'static SourceKind,
    call: &'c WrittenCall<'a, '_>,
) -> Checked<(Vec<Matched<'a>>, Vec<&'c WrittenArg<'a>>)> {
    let first = call.args.iter().take_while(|arg| arg.name.is_none()).take(kind.needed);
    let mut matched: Vec<_> = kind.arguments.iter().copied().zip(first.map(|arg| arg.value)).collect();
    if let Some(missing) = kind.arguments[..kind.needed].get(matched.len()) {
        let message = format!("`{}` takes {} first", kind.name, missing.doc);
        let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this source");
        return Err(env.report(found.help(format!("write `{}`", kind.example))));
    }
    let mut columns = Vec::new();
    for arg in &call.args[matched.len()..] {
        let named = |argument: &&&SourceArgument| arg.name.is_some_and(|name| name.name == argument.name);
        match kind.arguments[kind.needed..].iter().find(named) {
            Some(argument) => matched.push((*argument, arg.value)),
            None => columns.push(arg),
        }
    }
    if columns.is_empty() && kind.columns == Columns::Needed {
        let message = format!("`{}` takes a file for each column", kind.name);
        let found = at(&errors::WRONG_ARGUMENT, message, call.span, "none");
        return Err(env.report(found.help(format!("write `{}`", kind.example))));
    }
    unnamed(env, kind, &columns).map(|()| (matched, columns))
}

/// Every column has a name.
fn unnamed(env: &mut Env<'_>, kind: &SourceKind, columns: &[&WrittenArg<'_>]) -> Checked<()> {
    let Some(arg) = columns.iter().find(|arg| arg.name.is_none()) else { return Ok(()) };
    let message = format!("a column of `{}` has a name", kind.name);
    let found = at(&errors::WRONG_ARGUMENT, message, arg.value.span, "which column is this?");
    Err(env.report(found.help("name it: `x = ...`")))
}

impl WrittenArguments {
    /// Takes in what is written for an argument.
    fn take<'a>(
        &mut self,
        cx: &mut Typer<'_, 'a>,
        kind: &SourceKind,
        (argument, expr): Matched<'a>,
    ) -> Checked<()> {
        let value = match argument.takes {
            Takes::Path | Takes::Column => ArgumentValue::Text(known::plain_text(cx.env, expr)?),
            Takes::Columns => ArgumentValue::Names(self.columns(cx.env, argument, expr)?),
            Takes::Texts => ArgumentValue::Names(texts(cx.env, argument, expr)?),
            Takes::OneOf(known) => ArgumentValue::Text(one_of(cx.env, argument, known, expr)?),
            Takes::PerColumn(words) => ArgumentValue::PerColumn(self.per_column(cx, argument, words, expr)?),
            Takes::Groups => ArgumentValue::Groups(self.groups(cx.env, argument, expr)?),
            Takes::Whole(least) => ArgumentValue::Whole(known::whole(cx, expr, argument.name, least)?),
            Takes::Share => ArgumentValue::Share(known::known_number(cx, expr, argument.name)?),
            Takes::OwnShare => ArgumentValue::Share(own_share(cx, kind, argument, expr)?),
        };
        match (&value, argument.takes) {
            (ArgumentValue::Text(_), Takes::Path) => drop(self.path.get_or_insert(expr.span)),
            (ArgumentValue::Text(name), Takes::Column) => self.names.push((name.clone(), expr.span)),
            (ArgumentValue::Share(share), Takes::Share) => self.test = Some((*share, expr.span)),
            _ => {}
        }
        self.given.give(argument, value);
        Ok(())
    }

    /// Names of columns: `["zip", "code"]`.
    fn columns<'a>(
        &mut self,
        env: &mut Env<'a>,
        argument: &SourceArgument,
        expr: &'a ast::Expr,
    ) -> Checked<Vec<String>> {
        let Ast::List(items) = &expr.kind else {
            let found = at(&errors::NOT_TEXT, "a list of column names is needed", expr.span, "not a list");
            return Err(env.report(found.help(format!("write `{} = [\"zip\"]`", argument.name))));
        };
        let names = items.iter().map(|item| known::plain_text(env, item)).collect::<Checked<Vec<_>>>()?;
        self.names.extend(names.iter().cloned().zip(items.iter().map(|item| item.span)));
        Ok(names)
    }

    /// `groups = { "sizes": ["width", "height"] }`.
    fn groups<'a>(
        &mut self,
        env: &mut Env<'a>,
        argument: &SourceArgument,
        expr: &'a ast::Expr,
    ) -> Checked<Vec<(String, Vec<String>)>> {
        let Ast::Groups(arms) = &expr.kind else {
            let message = format!("`{}` has names, each with a list of columns", argument.name);
            let found = at(&errors::NOT_TEXT, message, expr.span, "not of that form");
            let help = format!("write `{} = {{ \"sizes\": [\"width\", \"height\"] }}`", argument.name);
            return Err(env.report(found.help(help)));
        };
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for (name, columns) in arms {
            let named = column_name(env, name)?;
            if groups.iter().any(|(known, _)| *known == named) {
                return Err(env.report(errors::duplicate(&named, name.span, None)));
            }
            groups.push((named, self.columns(env, argument, columns)?));
        }
        Ok(groups)
    }

    /// `fill = median`, `fill = { "age": median, else: drop }`.
    fn per_column<'a>(
        &mut self,
        cx: &mut Typer<'_, 'a>,
        argument: &SourceArgument,
        words: &'static [&'static str],
        expr: &'a ast::Expr,
    ) -> Checked<PerColumn> {
        let mut chosen = PerColumn::default();
        let Ast::Groups(arms) = &expr.kind else {
            return Ok(PerColumn { others: Some(choice(cx, argument, words, expr)?), ..chosen });
        };
        for (column, value) in arms {
            let known = choice(cx, argument, words, value)?;
            let before = match &column.kind {
                Ast::Name(name) if name == "else" => chosen.others.replace(known).map(drop),
                _ => {
                    let name = column_name(cx.env, column)?;
                    let before = chosen.named.iter().find(|(have, _)| *have == name).map(drop);
                    self.names.push((name.clone(), column.span));
                    chosen.named.push((name, known));
                    before
                }
            };
            if before.is_some() {
                let message = format!("`{}` stands here twice", cx.env.quote(column.span));
                let found = at(&errors::DUPLICATE_NAME, message, column.span, "again");
                return Err(cx.env.report(found.help("write one arm for each column")));
            }
        }
        Ok(chosen)
    }

    /// Takes in a column by its name.
    fn take_column(&mut self, env: &mut Env<'_>, arg: &WrittenArg<'_>) -> Checked<()> {
        let Some(name) = arg.name else { return Ok(()) };
        if self.given.columns().iter().any(|(have, _)| *have == name.name) {
            return Err(env.report(errors::duplicate(&name.name, name.span, None)));
        }
        let of = known::plain_text(env, arg.value)?;
        self.names.push((of.clone(), arg.value.span));
        self.given.name_column(name.name.clone(), of);
        Ok(())
    }
}

/// A text, or a list of texts.
fn texts(env: &mut Env<'_>, argument: &SourceArgument, expr: &ast::Expr) -> Checked<Vec<String>> {
    match &expr.kind {
        Ast::List(items) => items.iter().map(|item| known::plain_text(env, item)).collect(),
        Ast::Str(_) => Ok(vec![known::plain_text(env, expr)?]),
        _ => {
            let message = format!("`{}` is a text, or a list of texts", argument.name);
            let found = at(&errors::NOT_TEXT, message, expr.span, "neither");
            Err(env.report(found.help(format!("write `{} = [\"?\", \"NA\"]`", argument.name))))
        }
    }
}

/// One of some texts.
fn one_of(env: &mut Env<'_>, argument: &SourceArgument, known: &[&str], expr: &ast::Expr) -> Checked<String> {
    let found = known::plain_text(env, expr)?;
    if known.contains(&found.as_str()) {
        return Ok(found);
    }
    let known: Vec<String> = known.iter().map(|text| format!("{text:?}")).collect();
    let message = format!("`{}` cannot be {found:?}", argument.name);
    let found = at(&errors::WRONG_ARGUMENT, message, expr.span, "none of those that there are");
    Err(env.report(found.help(errors::there_is(&known))))
}

/// The column that an arm is about.
fn column_name(env: &mut Env<'_>, column: &ast::Expr) -> Checked<String> {
    if let Ast::Str(_) = &column.kind {
        return known::plain_text(env, column);
    }
    let name = env.quote(column.span);
    let found = at(&errors::NOT_TEXT, "a column is named in quotes, or `else`", column.span, "neither");
    Err(env.report(found.help(format!("quote it: `\"{name}\"`"))))
}

/// One of some words, a text or a number.
fn choice<'a>(
    cx: &mut Typer<'_, 'a>,
    argument: &SourceArgument,
    words: &'static [&'static str],
    expr: &'a ast::Expr,
) -> Checked<ColumnChoice> {
    match &expr.kind {
        Ast::Str(_) => Ok(ColumnChoice::Text(known::plain_text(cx.env, expr)?)),
        Ast::Name(name) => match words.iter().find(|word| *word == name) {
            Some(word) => Ok(ColumnChoice::Word(word)),
            None => {
                let known: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                Err(cx.env.report(errors::none_of(&errors::UNKNOWN_WORD, "word", name, expr.span, &known)))
            }
        },
        _ => match known::known_number(cx, expr, argument.name)? {
            number if number.is_finite() => Ok(ColumnChoice::Number(number)),
            number => {
                let message = format!("`{}` cannot be {number}", argument.name);
                let found = at(&errors::WRONG_ARGUMENT, message, expr.span, "not finite");
                Err(cx.env.report(found.help("write a finite number")))
            }
        },
    }
}

/// A share that the source itself divides by.
fn own_share<'a>(
    cx: &mut Typer<'_, 'a>,
    kind: &SourceKind,
    argument: &SourceArgument,
    expr: &'a ast::Expr,
) -> Checked<f64> {
    let share = known::known_number(cx, expr, argument.name)?;
    if share > 0.0 && share < 1.0 {
        return Ok(share);
    }
    let message = format!("`{} = {share}` is no share of a {}", argument.name, kind.name);
    let found = at(&errors::DATA_SHARE, message, expr.span, "not between 0 and 1");
    Err(cx.env.report(found.help(format!("write a fraction: `{} = 0.1`", argument.name))))
}
