//! Data sets: how to read them and what they hold.

use crate::algebra::types::{DType, Dim};
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;

use super::Checker;
use super::calls::{Arg, Call};
use super::errors::{self, at};
use super::scope::{Checked, Place, Poison, Scope, nearest};
use super::text;
use crate::typed::{Column, Data, DataId, DataSource, Expr, ExprKind, LocalId, Rows, Split, Table};

/// A source as written, with the places that messages about it need.
struct Written {
    source: DataSource,
    test: Option<(f64, Span)>,
    path: Span,
    /// Names of columns that it asks for.
    names: Vec<(String, Span)>,
}

/// The call that a source is, if it is one.
fn source_call(source: &ast::Expr) -> Option<Call<'_, 'static>> {
    let Ast::Call(callee, args) = &source.kind else { return None };
    let Ast::Name(name) = &callee.kind else { return None };
    let args = args.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }).collect();
    Some(Call { name: name.clone(), statics: &[], args, span: source.span, expected: None })
}

/// The places of the items of a list.
fn list_spans(list: &ast::Expr) -> Vec<Span> {
    match &list.kind {
        Ast::List(items) => items.iter().map(|item| item.span).collect(),
        _ => Vec::new(),
    }
}

/// Columns with what they are read from, and the share of the test split with its place.
type Columns = (Vec<(String, String)>, Option<(f64, Span)>);

impl<'a> Checker<'a> {
    /// `data d = csv("d.csv", target = "y", test = 0.2) { x = standardize(x) }`
    pub(super) fn data(&mut self, item: &'a ast::Data) -> Checked<Data> {
        if let Some(call) = source_call(&item.source).filter(|call| call.name == "synthetic") {
            return self.synthetic(item, &call);
        }
        let written = self.data_source(&item.source)?;
        let schema = match self.catalog.schema(&written.source, self.real) {
            Ok(schema) => schema,
            Err(found) => {
                let column = found.code.name == errors::UNKNOWN_COLUMN.name;
                let asked =
                    |(name, _): &&(String, Span)| column && found.message.ends_with(&format!("`{name}`"));
                let span = written.names.iter().find(asked).map_or(written.path, |(_, span)| *span);
                let text = if column { "no such column" } else { "read here" };
                return Err(self.report(found.label(span, text)));
            }
        };
        let columns: Vec<Column> = schema.columns.into_iter().map(|(name, ty)| Column { name, ty }).collect();
        let rows = self.split_rows(written.test, schema.rows, schema.test_rows, item.source.span)?;
        let standardize = self.transforms(&item.transforms, &columns)?;
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

    /// How many rows each split has. The test split is the share of all rows, rounded to the nearest.
    pub(super) fn split_rows(
        &mut self,
        test: Option<(f64, Span)>,
        rows: usize,
        own: Option<usize>,
        span: Span,
    ) -> Checked<Rows> {
        match (test, own) {
            (None, None) => Ok(Rows { all: rows, train: rows, test: 0 }),
            (None, Some(test)) => Ok(Rows { all: rows + test, train: rows, test }),
            (Some((_, at_share)), Some(_)) => {
                let found = at(
                    &errors::DATA_SHARE,
                    "this data has a test split of its own",
                    at_share,
                    "asked for again",
                );
                Err(self.report(found.help("leave `test` out")))
            }
            (Some((share, at_share)), None) => {
                let test = (rows as f64 * share).round() as usize;
                if share > 0.0 && share < 1.0 && test > 0 && test < rows {
                    return Ok(Rows { all: rows, train: rows - test, test });
                }
                let message = format!("`test = {share}` of {rows} rows leaves a split without rows");
                let found = at(&errors::DATA_SHARE, message, at_share, "a share between 0 and 1")
                    .label(span, format!("{rows} rows"));
                Err(self.report(found.help("write a fraction: `test = 0.2`")))
            }
        }
    }

    fn data_source(&mut self, source: &'a ast::Expr) -> Checked<Written> {
        if let Some(call) = source_call(source) {
            match call.name.as_str() {
                "csv" => return self.csv(&call),
                "idx" => return self.idx(&call),
                "npz" => return self.npz(&call),
                "npy" => return self.npy(&call),
                "text" => return self.text_source(&call),
                _ => {}
            }
        }
        if matches!(source.kind, Ast::Error) {
            return Err(Poison);
        }
        let message = format!("`{}` is not a data source", text::source(source));
        let found = at(&errors::DATA_SOURCE, message, source.span, "not a source");
        let help = "write `csv(\"file.csv\", target = \"column\")` or `synthetic(rows = 100) { x = random.normal[rows, 4]() }`";
        Err(self
            .report(found.help(help).note("sources are `csv`, `idx`, `npz`, `npy`, `text` and `synthetic`")))
    }

    fn csv(&mut self, call: &Call<'a, '_>) -> Checked<Written> {
        let args = self.match_args(call, &["path", "target", "test", "windows", "words"], 1, None)?;
        let path_expr = args[0].ok_or(Poison)?;
        let path = self.plain_text(path_expr);
        let target = args[1].map(|target| self.plain_text(target)).transpose();
        let test = args[2].map(|test| self.test_share(test)).transpose();
        let windows = args[3].map(|windows| self.whole(windows, "windows", 1)).transpose();
        let words = args[4].map_or(Ok(Vec::new()), |words| self.names(words));
        let words_spans = args[4].iter().flat_map(|words| list_spans(words)).collect::<Vec<_>>();
        let table = Table { path: path?, target: target?, windows: windows?, words: words? };
        let target = table.target.clone().zip(args[1].map(|target| target.span));
        let names = target.into_iter().chain(table.words.iter().cloned().zip(words_spans)).collect();
        Ok(Written { source: DataSource::Csv(table), test: test?, path: path_expr.span, names })
    }

    /// Names of columns: `["zip", "code"]`.
    fn names(&mut self, expr: &'a ast::Expr) -> Checked<Vec<String>> {
        let Ast::List(items) = &expr.kind else {
            let found = at(&errors::NOT_TEXT, "a list of column names is needed", expr.span, "not a list");
            return Err(self.report(found.help("write `words = [\"zip\"]`")));
        };
        items.iter().map(|item| self.plain_text(item)).collect()
    }

    fn idx(&mut self, call: &Call<'a, '_>) -> Checked<Written> {
        let args = self.match_args(call, &["x", "y", "test_x", "test_y", "test"], 1, None)?;
        let x_expr = args[0].ok_or(Poison)?;
        let texts: Vec<_> =
            args[..4].iter().map(|arg| arg.map(|arg| self.plain_text(arg)).transpose()).collect();
        let test = args[4].map(|test| self.test_share(test)).transpose();
        let mut texts = texts.into_iter().collect::<Checked<Vec<Option<String>>>>()?.into_iter();
        let mut next = || texts.next().flatten();
        let x = next().ok_or(Poison)?;
        let source = DataSource::Idx { x, y: next(), test_x: next(), test_y: next() };
        Ok(Written { source, test: test?, path: x_expr.span, names: Vec::new() })
    }

    /// `npz("d.npz", x = "images", y = "labels", test = 0.2)`
    fn npz(&mut self, call: &Call<'a, '_>) -> Checked<Written> {
        let Some((path, rest)) = call.args.split_first().filter(|(path, _)| path.name.is_none()) else {
            let message = "`npz` takes the path of the file first";
            let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this source");
            return Err(self.report(found.help("write `npz(\"d.npz\", x = \"images\", y = \"labels\")`")));
        };
        let archive = self.plain_text(path.value);
        let (columns, test) = self.named_columns(rest, "npz")?;
        let source = DataSource::Arrays { archive: Some(archive?), columns };
        let named = |arg: &Arg<'a>| Some((self.plain_text(arg.value).ok()?, arg.value.span));
        let columns = rest.iter().filter(|arg| arg.name.is_none_or(|name| name.name != "test"));
        let names = columns.filter_map(named).collect();
        Ok(Written { source, test, path: path.value.span, names })
    }

    /// `npy(x = "x.npy", y = "y.npy", test = 0.2)`
    fn npy(&mut self, call: &Call<'a, '_>) -> Checked<Written> {
        let (columns, test) = self.named_columns(&call.args, "npy")?;
        if columns.is_empty() {
            let found = at(&errors::WRONG_ARGUMENT, "`npy` takes a file for each column", call.span, "none");
            return Err(self.report(found.help("write `npy(x = \"x.npy\", y = \"y.npy\")`")));
        }
        let source = DataSource::Arrays { archive: None, columns };
        Ok(Written { source, test, path: call.span, names: Vec::new() })
    }

    /// Columns by name, `x` and `y` first, and the share of the test split.
    fn named_columns(&mut self, args: &[Arg<'a>], source: &str) -> Checked<Columns> {
        let (mut columns, mut test) = (Vec::new(), None);
        for arg in args {
            let Some(name) = arg.name else {
                let message = format!("a column of `{source}` has a name");
                let found = at(&errors::WRONG_ARGUMENT, message, arg.value.span, "which column is this?");
                return Err(self.report(found.help("name it: `x = ...`")));
            };
            if name.name == "test" {
                test = Some(self.test_share(arg.value)?);
                continue;
            }
            if columns.iter().any(|(have, _)| *have == name.name) {
                return Err(self.report(errors::duplicate(&name.name, name.span, None)));
            }
            columns.push((name.name.clone(), self.plain_text(arg.value)?));
        }
        columns.sort_by_key(|(name, _)| (name != "x", name != "y"));
        Ok((columns, test))
    }

    /// `text("poem.txt", context = 64, test = 0.1)`
    fn text_source(&mut self, call: &Call<'a, '_>) -> Checked<Written> {
        let args = self.match_args(call, &["path", "context", "test"], 1, None)?;
        let path_expr = args[0].ok_or(Poison)?;
        let path = self.plain_text(path_expr);
        let context = args[1].map_or(Ok(64), |context| self.whole(context, "context", 1));
        let share = args[2].map(|test| self.test_share(test)).transpose()?;
        if let Some((share, span)) = share.filter(|(share, _)| !(*share > 0.0 && *share < 1.0)) {
            let message = format!("`test = {share}` is no share of a text");
            let found = at(&errors::DATA_SHARE, message, span, "not between 0 and 1");
            return Err(self.report(found.help("write a fraction: `test = 0.1`")));
        }
        let source = DataSource::Text { path: path?, context: context?, test: share.map(|(share, _)| share) };
        Ok(Written { source, test: None, path: path_expr.span, names: Vec::new() })
    }

    pub(super) fn test_share(&mut self, expr: &'a ast::Expr) -> Checked<(f64, Span)> {
        Ok((self.known_number(expr, "test")?, expr.span))
    }

    /// Text without `{...}`.
    pub(super) fn plain_text(&mut self, expr: &ast::Expr) -> Checked<String> {
        if let Ast::Str(parts) = &expr.kind {
            let plain = parts.iter().map(|part| match part {
                ast::StrPart::Text(text) => Some(text.as_str()),
                ast::StrPart::Expr { .. } => None,
            });
            if let Some(text) = plain.collect::<Option<String>>() {
                return Ok(text);
            }
        }
        if matches!(expr.kind, Ast::Error) {
            return Err(Poison);
        }
        let found = at(&errors::NOT_TEXT, "plain text is needed", expr.span, "not plain text");
        Err(self.report(found.help("write it in double quotes, without `{...}`")))
    }

    /// A number that is known now.
    pub(super) fn known_number(&mut self, expr: &'a ast::Expr, what: &str) -> Checked<f64> {
        let mut scope = Scope::new(Place::Statement, false, self.real);
        let value = self.expr(&mut scope, expr, None)?;
        match super::arith::number(&value) {
            Some(number) => Ok(number),
            None => {
                let message = format!("`{what}` must be a number known at compile time");
                Err(self.report(
                    at(&errors::NOT_CONSTANT, message, expr.span, "not a number").help("write a number"),
                ))
            }
        }
    }

    /// Columns to standardize.
    fn transforms(&mut self, lines: &'a [ast::Let], columns: &[Column]) -> Checked<Vec<String>> {
        let made: Vec<_> = lines.iter().map(|line| self.transform(line, columns)).collect();
        made.into_iter().collect()
    }

    fn transform(&mut self, line: &'a ast::Let, columns: &[Column]) -> Checked<String> {
        let name = &line.name.name;
        let Some(column) = columns.iter().find(|column| column.name == *name) else {
            return Err(self.unknown_column(name, line.name.span, columns));
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
            return Err(self.report(found));
        }
        if column.ty.dtype.is_float() {
            return Ok(name.clone());
        }
        let shown = text::show(&column.ty, self.real);
        let message = format!("`standardize` takes reals, and column `{name}` is `{shown}`");
        Err(self.report(
            at(&errors::TYPE_MISMATCH, message, line.value.span, format!("`{name}` is `{shown}`"))
                .help("standardize real columns only"),
        ))
    }

    /// `poem.vocab`: how many different characters a text has. `None`: this is no field of data.
    pub(super) fn vocab(&mut self, of: &ast::Expr, field: &ast::Ident) -> Option<Checked<Dim>> {
        let Ast::Name(name) = &of.kind else { return None };
        let id = match self.data_ids.get(name.as_str())? {
            Some(id) => *id,
            None => return Some(Err(Poison)),
        };
        let count = self.data[id.0].characters.len();
        if field.name == "vocab" && count > 0 {
            return Some(Ok(Dim::from(count)));
        }
        let known: &[String] = if count > 0 { &["vocab".to_string()] } else { &[] };
        let found = errors::none_of(&errors::UNKNOWN_FIELD, "size", &field.name, field.span, known);
        let found = match count {
            0 => found.help("the size of its vocabulary is known of `text(...)` only"),
            _ => found,
        };
        Some(Err(self.report(found)))
    }

    /// What to do about a column of a csv file that is real where class numbers are needed.
    pub(super) fn help_for_labels(&self, scope: &Scope, expr: &Expr, wanted: DType) -> Option<String> {
        let ExprKind::Local(LocalId(local)) = expr.kind else { return None };
        let data = self.data.iter().find(|data| data.span == scope.origins[local])?;
        let DataSource::Csv(table) = &data.source else { return None };
        let name = match (scope.locals[local].name.as_str(), &table.target) {
            ("x", _) => return None,
            ("y", Some(target)) => target,
            (name, _) => name,
        };
        (wanted == DType::I32).then(|| {
            format!("class numbers are whole and at most 2147483647; if these are codes, write `words = [\"{name}\"]`")
        })
    }

    pub(super) fn unknown_column(&mut self, name: &str, span: Span, columns: &[Column]) -> Poison {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        self.report(errors::none_of(&errors::UNKNOWN_COLUMN, "column", name, span, &names))
    }

    /// `digits`, `digits.train`, `digits.test`
    pub(super) fn data_rows(&mut self, expr: &ast::Expr) -> Checked<(DataId, Split)> {
        let (of, split) = match &expr.kind {
            Ast::Field(of, field) => (&**of, Some(field)),
            Ast::Error => return Err(Poison),
            _ => (expr, None),
        };
        let Ast::Name(name) = &of.kind else { return Err(self.not_data(&text::source(expr), expr.span)) };
        let id = match self.data_ids.get(name.as_str()) {
            Some(Some(id)) => *id,
            Some(None) => return Err(Poison),
            None => {
                let near = nearest(name, self.data_ids.keys().copied());
                if self.is_known(name) {
                    return Err(self.not_data(name, of.span));
                }
                let found =
                    at(&errors::UNKNOWN_NAME, format!("unknown data `{name}`"), of.span, "no such data");
                return Err(self.report(errors::suggest(found, near)));
            }
        };
        let Some(split) = split else { return Ok((id, Split::All)) };
        match split.name.as_str() {
            "train" => Ok((id, Split::Train)),
            "test" if self.data[id.0].rows.test == 0 => {
                let message = format!("`{name}` has no test split");
                let found = at(&errors::SPLIT_MISSING, message, split.span, "no such rows");
                let found = found.label(self.data[id.0].span, "declared here, without `test`");
                Err(self.report(found.help("add `test = 0.2` to the source")))
            }
            "test" => Ok((id, Split::Test)),
            other => {
                let known = ["train".to_string(), "test".to_string()];
                Err(self.report(errors::none_of(&errors::UNKNOWN_FIELD, "split", other, split.span, &known)))
            }
        }
    }

    fn not_data(&mut self, name: &str, span: Span) -> Poison {
        let found = at(&errors::NOT_DATA, format!("`{name}` is not a data set"), span, "data is needed");
        self.report(found.help("name what `data` declares, or one of its splits: `d.train`"))
    }

    /// Number of rows of a split.
    pub(super) fn row_count(&self, id: DataId, split: Split) -> usize {
        let rows = self.data[id.0].rows;
        match split {
            Split::All => rows.all,
            Split::Train => rows.train,
            Split::Test => rows.test,
        }
    }
}
