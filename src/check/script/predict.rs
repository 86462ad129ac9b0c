//! `predict fit on d.test to "predictions.csv"`: what is written for each row, as the script says it, or else as
//! the loss of the fit says it.
//!
//! A loss that compares its model with a column says what the model predicts: logits of the classes of that
//! column, or the column itself. It is looked for once all functions are known.

use std::collections::BTreeSet;

use super::agree;
use super::runs::{self, subject_name};
use super::settings::{self, complete};
use super::{known, rows};
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, product};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Callee, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};
use crate::typed::{
    Data, Expr, ExprKind, Instance, LocalId, Part, Predict, Predicted, PredictedForm, Program, StatementId,
    StatementKind, Train, free_locals,
};

/// Its word.
pub(super) const WORD: &str = "predict";

/// Losses of the library that compare their first argument with their second, and what the first one is.
const COMPARISONS: [(&str, PredictedForm); 8] = [
    ("cross_entropy", PredictedForm::Logits),
    ("smooth_cross_entropy", PredictedForm::Logits),
    ("soft_cross_entropy", PredictedForm::Logits),
    ("kl", PredictedForm::Logits),
    ("binary_cross_entropy", PredictedForm::Logit),
    ("mse", PredictedForm::Numbers),
    ("mae", PredictedForm::Numbers),
    ("huber", PredictedForm::Numbers),
];

/// Checks one that becomes statement `index`. What it does not say itself is found by [`resolve`].
pub(super) fn predict<'a>(cx: &mut Typer<'_, 'a>, act: &'a ast::Act, index: usize) -> Checked<Predict> {
    let Some(ast::Expr { kind: Ast::Predict(run), .. }) = act.on.first() else { return Err(Poison) };
    let no_metrics = no_metrics(cx.env, run);
    let (fit, rows_of) = (runs::fit(cx.env, &run.subject), rows::data_rows(cx.env, &run.data));
    let path = known::plain_text(cx.env, act.to.as_ref().ok_or(Poison)?);
    let ((fit, callee, trained), (data, split), path) = (fit?, rows_of?, path?);
    path_of_table(cx.env, &path, act)?;
    no_metrics?;
    complete(run)?;
    cx.env.globals.evaluations.insert(index);
    let (mut scope, rows) = runs::run_scope(cx.env, data, index);
    let Callee::Def(def, given) = callee else { return Err(Poison) };
    let model = &cx.env.decls.functions[def].ast.name.name;
    for subject in subject_name(&run.subject).into_iter().chain([model.as_str()]) {
        let callee = Callee::Model(def, given.clone(), Part::fit(fit));
        scope.bind(subject, Binding::Function(callee), run.subject.span);
    }
    let names: Vec<String> = run.settings.iter().map(|line| line.name().name.clone()).collect();
    settings::known_settings(cx.env, &run.settings, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let lets = runs::run_lets(cx, &mut scope, &run.lets)?;
    let made: Vec<_> =
        run.settings.iter().map(|line| column(cx, &mut scope, line, &Dim::var(rows.clone()))).collect();
    let mut columns = made.into_iter().collect::<Checked<Vec<_>>>()?;
    let of = &cx.env.data[trained.0];
    for column in &mut columns {
        column.target = target_of_this_name(of, column);
        column.value = runs::inside(&lets, column.value.clone());
    }
    let width = cx.env.data[data.0].columns.len();
    let reads = columns_read(&columns, width).into_iter().map(|column| (LocalId(column), column)).collect();
    Ok(Predict { fit, data, split, rows, locals: scope.locals, reads, columns, path })
}

fn no_metrics(env: &mut Env<'_>, run: &ast::Run) -> Checked<()> {
    if let (Some(line), []) = (run.lets.first(), &run.settings[..]) {
        let message = "`predict` has a `let`, and no line that says what is written";
        let found = at(&errors::WRONG_SETTING, message, line.name().span, "only this");
        return Err(env.report(found.help("add one: `p = sigmoid(net(x))`")));
    }
    let Some(metric) = run.metrics.first() else { return Ok(()) };
    let message = "`predict` gives something for each row, and a metric is one number for all of them";
    let found = at(&errors::WRONG_SETTING, message, metric.name().span, "a metric");
    Err(env.report(found.help("leave out `metric`: `{ p = sigmoid(net(x)) }`; `eval` has metrics")))
}

/// Predictions are a table.
fn path_of_table(env: &mut Env<'_>, path: &str, act: &ast::Act) -> Checked<()> {
    if path.ends_with(".csv") {
        return Ok(());
    }
    let span = act.to.as_ref().map_or(act.word.span, |path| path.span);
    let found = at(&errors::WRONG_SETTING, "predictions are written as a table", span, "no `.csv`");
    Err(env.report(found.help("write `to \"predictions.csv\"`: a line for each row")))
}

/// A line of the block: a value for each row.
fn column<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    rows: &Dim,
) -> Checked<Predicted> {
    let name = line.name().name.clone();
    let value = cx.definite(scope, &line.value)?;
    if value.ty.shape.first() == Some(rows) {
        return Ok(Predicted { name, value, form: PredictedForm::Numbers, target: None });
    }
    let shown = text::show(&value.ty, cx.env.real);
    let message = format!("`{name}` is `{shown}`, which has no entry for each row");
    let found = at(&errors::UNCLEAR_PREDICTION, message, line.value.span, format!("this is `{shown}`"));
    Err(cx.env.report(found.help("its first size is the number of rows, as that of `x`")))
}

/// Integers under the name of a column of words are its words.
fn target_of_this_name(of: &Data, column: &Predicted) -> Option<usize> {
    let target = of.source.files().and_then(|source| source.reader().target());
    let is_named = |name: &str| name == column.name || (name == "y" && target == Some(&column.name));
    let found = of.columns.iter().position(|known| is_named(&known.name))?;
    (column.value.ty.dtype == DType::I32).then_some(found)
}

/// The columns that values read: the first locals are columns.
fn columns_read(columns: &[Predicted], width: usize) -> BTreeSet<usize> {
    let read = columns.iter().flat_map(|column| free_locals(&column.value));
    read.map(|(LocalId(local), _)| local).filter(|local| *local < width).collect()
}

/// Fills in what statements that predict do not say themselves, and checks that their data have it.
pub(crate) fn resolve(program: &mut Program, is_library: &dyn Fn(FileId) -> bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for index in 0..program.statements.len() {
        let StatementKind::Predict(predict) = &program.statements[index].kind else { continue };
        let span = program.statements[index].span;
        match resolved(program, predict, span, is_library) {
            Ok(predict) => program.statements[index].kind = StatementKind::Predict(predict),
            Err(wrong) => found.push(wrong),
        }
    }
    found
}

fn resolved(
    program: &Program,
    predict: &Predict,
    span: Span,
    is_library: &dyn Fn(FileId) -> bool,
) -> Result<Predict, Diagnostic> {
    let StatementKind::Train(train) = &program.statements[predict.fit.0].kind else {
        return Ok(predict.clone());
    };
    let mut made = predict.clone();
    if made.columns.is_empty() {
        made.columns = LossReader { program, train, run: made.fit, is_library }.predicted(span)?;
        made.locals.clone_from(&train.locals);
        made.rows = train.rows.clone();
        made.reads = reads(program, train, &made, span)?;
    }
    let names: Vec<&String> =
        made.reads.iter().map(|(_, column)| &program.data[made.data.0].columns[*column].name).collect();
    match agree::other_units(&program.data[train.data.0], &program.data[made.data.0], &names, span) {
        Some(found) => Err(found),
        None => Ok(made),
    }
}

/// The columns of the data that stand for those of the data trained on: by name, and of the same type.
fn reads(
    program: &Program,
    train: &Train,
    predict: &Predict,
    span: Span,
) -> Result<Vec<(LocalId, usize)>, Diagnostic> {
    let (trained, of) = (&program.data[train.data.0], &program.data[predict.data.0]);
    let read = columns_read(&predict.columns, trained.columns.len()).into_iter().map(|local| {
        let wanted = &trained.columns[local];
        match of.columns.iter().position(|column| column.name == wanted.name) {
            Some(column) if of.columns[column].ty == wanted.ty => Ok((LocalId(local), column)),
            found => {
                let have = found.map(|column| &of.columns[column].ty);
                let [want, have] =
                    [Some(&wanted.ty), have].map(|ty| ty.map(|ty| text::show(ty, program.real)));
                let have = have.map_or("does not have it".to_owned(), |have| format!("has `{have}`"));
                let want = want.unwrap_or_default();
                let message = format!("the model reads `{}: {want}`, and `{}` {have}", wanted.name, of.name);
                Err(at(&errors::WRONG_SETTING, message, span, "for these rows")
                    .label(of.span, "these data")
                    .label(trained.span, "and those trained on")
                    .help("name data with the same features; leave out others with `drop = [..]`"))
            }
        }
    });
    read.collect()
}

/// What a loss compares its model with.
struct LossReader<'p> {
    program: &'p Program,
    train: &'p Train,
    run: StatementId,
    is_library: &'p dyn Fn(FileId) -> bool,
}

/// Values in a loss, with the `let`s that they stand in.
#[derive(Default)]
struct Found<'p> {
    /// What is compared with a column, or with something else that says what it is.
    compared: Vec<Predicted>,
    /// Calls of the model.
    calls: Vec<Expr>,
    /// The `let`s around the place that is looked at, the outermost first.
    lets: Vec<&'p Expr>,
}

impl<'p> LossReader<'p> {
    /// What is predicted for each row.
    fn predicted(&self, span: Span) -> Result<Vec<Predicted>, Diagnostic> {
        let mut found = Found::default();
        self.walk(&self.train.loss, &mut found);
        let mut columns = found.compared;
        if columns.is_empty() {
            let call = |value| Predicted {
                name: "prediction".to_owned(),
                value,
                form: PredictedForm::Numbers,
                target: None,
            };
            columns = found.calls.into_iter().map(call).collect();
        }
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert((column.name.clone(), self.text(&column.value))));
        let names: BTreeSet<&String> = columns.iter().map(|column| &column.name).collect();
        match (columns.len(), names.len()) {
            (0, _) => Err(self.unclear("does not show what the model predicts", span)),
            (several, named) if several > named => Err(self.unclear("calls the model in several ways", span)),
            _ => {
                columns.iter().try_for_each(|column| self.by_row(column, span))?;
                Ok(columns)
            }
        }
    }

    fn text(&self, value: &Expr) -> String {
        self.program.text_of(&self.train.locals, value)
    }

    fn unclear(&self, why: &str, span: Span) -> Diagnostic {
        let message = format!("the loss of `{}` {why}", self.train.optimizer.name);
        at(&errors::UNCLEAR_PREDICTION, message, span, "not known what to predict")
            .label(self.train.loss.span, "this loss")
            .help("say what is written: `predict fit on d.test { p = sigmoid(net(x)) } to \"p.csv\"`")
    }

    /// There is something for each row.
    fn by_row(&self, column: &Predicted, span: Span) -> Result<(), Diagnostic> {
        let shape = &column.value.ty.shape;
        let rest = shape.get(1..).unwrap_or_default();
        let fits = match column.form {
            PredictedForm::Numbers => true,
            PredictedForm::Logits => rest.len() == 1,
            PredictedForm::Logit => product(rest) == Dim::constant(1),
        };
        match fits && shape.first() == Some(&Dim::var(self.train.rows.clone())) {
            true => Ok(()),
            false => Err(self.unclear("does not compare one value for each row", span)),
        }
    }

    /// Goes through an expression, except where it is differentiated or repeated.
    fn walk(&self, expr: &'p Expr, found: &mut Found<'p>) {
        match &expr.kind {
            ExprKind::Let { value, body, .. } | ExprKind::Unpack { value, body, .. } => {
                self.walk(value, found);
                found.lets.push(expr);
                self.walk(body, found);
                found.lets.pop();
            }
            ExprKind::Derive(_) | ExprKind::Loop(_) => {}
            _ => {
                self.note(expr, found);
                expr.children().into_iter().for_each(|child| self.walk(child, found));
            }
        }
    }

    fn note(&self, expr: &'p Expr, found: &mut Found<'p>) {
        match &expr.kind {
            ExprKind::Call { instance: Instance::Part(part), .. }
                if part.run == self.run && part.path.is_empty() && self.program.types(expr).len() == 1 =>
            {
                found.calls.push(wrapped(expr, &found.lets));
            }
            ExprKind::Call { function, args, instance: Instance::None, .. } => {
                let function = &self.program.functions[function.0];
                let name = function.name.split('[').next().unwrap_or_default();
                let row = COMPARISONS.iter().find(|(known, _)| *known == name);
                if let (Some((_, form)), [value, with, ..], true) =
                    (row, &args[..], (self.is_library)(function.span.file))
                {
                    self.compared(value, with, *form, found);
                }
            }
            ExprKind::Op(Op::Map(map), args) if std::ptr::eq(map.0, &scalar::SUB) => {
                let [a, b] = &args[..] else { return };
                self.compared(a, b, PredictedForm::Numbers, found);
                self.compared(b, a, PredictedForm::Numbers, found);
            }
            _ => {}
        }
    }

    /// Notes what is compared with a column, if it is something of the model. Classes may be compared with what is
    /// computed from a column.
    fn compared(&self, value: &'p Expr, with: &'p Expr, form: PredictedForm, found: &mut Found<'p>) {
        let (value, column) = (plain(value, &[]), plain(with, &found.lets));
        let target = match column.kind {
            ExprKind::Local(LocalId(k)) if k < self.program.data[self.train.data.0].columns.len() => Some(k),
            _ => None,
        };
        let of_column = target.is_some() && product(&column.ty.shape) == product(&value.ty.shape);
        if form == PredictedForm::Numbers && !of_column {
            return;
        }
        let value = wrapped(value, &found.lets);
        if calls_model(&value, self.run) {
            let name = target.map_or_else(|| "class".to_owned(), |target| self.name(target));
            found.compared.push(Predicted { name, value, form, target });
        }
    }

    /// What a column is called in its file.
    fn name(&self, column: usize) -> String {
        let data = &self.program.data[self.train.data.0];
        let target = data.source.files().and_then(|source| source.reader().target());
        match (data.columns[column].name.as_str(), target) {
            ("y", Some(target)) => target.to_owned(),
            (name, _) => name.to_owned(),
        }
    }
}

/// What a value is but for its element type and the form that its elements have; behind names of these `let`s.
fn plain<'p>(mut expr: &'p Expr, lets: &[&'p Expr]) -> &'p Expr {
    loop {
        let inner = match &expr.kind {
            ExprKind::Op(Op::Cast(_) | Op::View(View::Reshape { .. } | View::Broadcast { .. }), args) => {
                &args[0]
            }
            ExprKind::Local(name) => {
                let bound = lets.iter().rev().find_map(|line| match &line.kind {
                    ExprKind::Let { local, value, .. } if local == name => Some(&**value),
                    _ => None,
                });
                match bound {
                    Some(value) => value,
                    None => return expr,
                }
            }
            _ => return expr,
        };
        expr = inner;
    }
}

/// A value within those of some `let`s that it needs.
fn wrapped(expr: &Expr, lets: &[&Expr]) -> Expr {
    let mut made = expr.clone();
    for line in lets.iter().rev() {
        let read = free_locals(&made);
        let reads = |local: &LocalId| read.iter().any(|(known, _)| known == local);
        let (ty, span) = (made.ty.clone(), made.span);
        let kind = match &line.kind {
            ExprKind::Let { local, value, .. } if reads(local) => {
                ExprKind::Let { local: *local, value: value.clone(), body: Box::new(made) }
            }
            ExprKind::Unpack { locals, value, .. } if locals.iter().any(reads) => {
                ExprKind::Unpack { locals: locals.clone(), value: value.clone(), body: Box::new(made) }
            }
            _ => continue,
        };
        made = Expr { kind, ty, span };
    }
    made
}

/// Whether something is computed by the model of a run, or by a part of it.
fn calls_model(expr: &Expr, run: StatementId) -> bool {
    matches!(&expr.kind, ExprKind::Call { instance: Instance::Part(part), .. } if part.run == run)
        || expr.children().into_iter().any(|child| calls_model(child, run))
}
