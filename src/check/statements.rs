//! What happens at the top level, and the names of recorded numbers.

use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast, ItemKind};
use crate::source::Span;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::pipelines::unique;
use super::scope::{Checked, Global, Place, Poison, Scope, Value};
use super::sweeps;
use super::text;
use crate::typed::{Expr, ExprKind, GlobalId, Local, Part, Series, Statement, StatementKind, Statistic};

/// A statement with the names bound inside its expressions.
type Made = Checked<(StatementKind, Vec<Local>)>;

impl<'a> Checker<'a> {
    /// Checks one statement; declarations have been seen already.
    pub(super) fn statement(&mut self, item: &'a ast::Item) {
        let mut scope = Scope::new(Place::Statement, false, self.real);
        let made = match &item.kind {
            ItemKind::Let(line) if self.constants.contains_key(line.name.name.as_str()) => return,
            ItemKind::Let(line) if self.pipeline_lets.contains_key(line.name.name.as_str()) => {
                return self.check_pipeline(&line.value);
            }
            ItemKind::Let(line) if self.function_lets.contains_key(line.name.name.as_str()) => {
                let _ = self.function_value(&mut scope, &line.value);
                return;
            }
            ItemKind::Let(line) => self.top_let(&mut scope, line, item.span),
            ItemKind::Expr(expr) => self.bare(expr, item.span),
            ItemKind::Print(text) => self.print(&mut scope, text),
            ItemKind::Table(columns) => self.table(columns),
            ItemKind::Plot { series, path } => self.plot(series, path),
            ItemKind::Save { value, path } => self.save(value, path),
            ItemKind::Assert(condition) => self.assert(&mut scope, condition),
            ItemKind::Real(_)
            | ItemKind::Use(_)
            | ItemKind::Data(_)
            | ItemKind::Fn(_)
            | ItemKind::Model(_)
            | ItemKind::Stage(_)
            | ItemKind::Pipeline(_) => return,
        };
        if let Ok((kind, locals)) = made {
            let locals = if locals.is_empty() { scope.locals } else { locals };
            self.statements.push(Statement { kind, locals, span: item.span });
            if let ItemKind::Let(line) = &item.kind {
                let also = |name: &ast::Ident| StatementKind::Also { name: name.name.clone() };
                let also = |name| Statement { kind: also(name), locals: Vec::new(), span: item.span };
                self.statements.extend(line.more.iter().map(also));
            }
        }
    }

    fn top_let(&mut self, scope: &mut Scope, line: &'a ast::Let, span: Span) -> Made {
        let name = &line.name.name;
        let index = self.statements.len();
        if let (Ast::Train(_) | Ast::Sweep(_) | Ast::Eval(_), Some(second)) =
            (&line.value.kind, line.more.first())
        {
            let found = at(&errors::SEVERAL_VALUES, "a run gives one value", second.span, "a second name");
            self.report(found.help("write one name: `let fit = ...`; its numbers are `fit.loss` and others"));
        }
        let made = match &line.value.kind {
            Ast::Train(run) => self
                .train(run, name, index, span)
                .map(|(train, global)| (StatementKind::Train(train), global)),
            Ast::Sweep(parts) => self
                .sweep(parts, name, index, line.value.span)
                .map(|(train, global)| (StatementKind::Train(train), global)),
            Ast::Eval(run) => {
                self.eval(run, name, index).map(|(eval, global)| (StatementKind::Eval(eval), global))
            }
            _ => return self.top_values(scope, line),
        };
        let global = made.as_ref().map_or(Global::Error, |(_, global)| global.clone());
        self.globals.insert(name, global);
        made.map(|(kind, _)| (kind, Vec::new()))
    }

    /// `let a = ...`, `let (a, b) = ...`
    fn top_values(&mut self, scope: &mut Scope, line: &'a ast::Let) -> Made {
        let names: Vec<&ast::Ident> = std::iter::once(&line.name).chain(&line.more).collect();
        let index = self.statements.len();
        match self.let_values(scope, line) {
            Err(poison) => {
                names.iter().for_each(|name| drop(self.globals.insert(&name.name, Global::Error)));
                Err(poison)
            }
            Ok((value, types)) => {
                for (k, (name, ty)) in names.iter().zip(types).enumerate() {
                    self.globals.insert(&name.name, Global::Value(GlobalId(index + k), ty));
                }
                Ok((StatementKind::Let { name: line.name.name.clone(), value }, Vec::new()))
            }
        }
    }

    /// A run whose result nobody keeps.
    fn bare(&mut self, expr: &'a ast::Expr, span: Span) -> Made {
        let index = self.statements.len();
        let kind = match &expr.kind {
            Ast::Train(run) => {
                let name = self.run_name("fit");
                StatementKind::Train(self.train(run, &name, index, span)?.0)
            }
            Ast::Eval(run) => {
                let name = self.run_name("eval");
                StatementKind::Eval(self.eval(run, &name, index)?.0)
            }
            Ast::Error => return Err(Poison),
            _ => {
                let message = format!("nobody keeps the value of `{}`", text::source(expr));
                let found = at(&errors::NOT_A_VALUE, message, expr.span, "an expression by itself");
                return Err(self.report(found.help("print it, or bind it: `let a = ...`")));
            }
        };
        Ok((kind, Vec::new()))
    }

    fn run_name(&self, base: &str) -> String {
        let used = |name: &str| {
            self.declared.contains(name)
                || self.statements.iter().any(|statement| match &statement.kind {
                    StatementKind::Train(train) => train.optimizer.name == name,
                    StatementKind::Eval(eval) => eval.name == name,
                    _ => false,
                })
        };
        unique(base, used)
    }

    fn print(&mut self, scope: &mut Scope, text: &'a ast::Expr) -> Made {
        let Ast::Str(parts) = &text.kind else {
            let part = self.printed(scope, text, None)?;
            return Ok((StatementKind::Print(vec![part]), Vec::new()));
        };
        let parts: Vec<Checked<Part>> = parts
            .iter()
            .map(|part| match part {
                ast::StrPart::Text(text) => Ok(Part::Text(text.clone())),
                ast::StrPart::Expr { expr, digits } => self.printed(scope, expr, *digits),
            })
            .collect();
        Ok((StatementKind::Print(parts.into_iter().collect::<Checked<_>>()?), Vec::new()))
    }

    fn save(&mut self, value: &ast::Expr, path: &ast::Expr) -> Made {
        let text = self.plain_text(path);
        if let Some(Global::Sweep { id, .. }) = self.globals.get(text::source(value).as_str()) {
            let (fit, text) = (*id, text?);
            if !text.ends_with(".csv") {
                let found = at(&errors::WRONG_SWEEP, "a sweep is saved as a table", path.span, "no `.csv`");
                return Err(self.report(found.help("write `to \"runs.csv\"`: a row for each run")));
            }
            return Ok((StatementKind::Save { fit, path: text }, Vec::new()));
        }
        Ok((StatementKind::Save { fit: self.fit(value)?.0, path: text? }, Vec::new()))
    }

    fn assert(&mut self, scope: &mut Scope, condition: &'a ast::Expr) -> Made {
        let value = self.expr(scope, condition, None)?;
        let expr = self.expect_bool(scope, value, "`assert`")?;
        if expr.ty.rank() > 0 {
            let shown = text::show(&expr.ty, self.real);
            let source = text::source(condition);
            let found = at(
                &errors::TYPE_MISMATCH,
                format!("`assert` takes one `bool`, not `{shown}`"),
                expr.span,
                format!("this is `{shown}`"),
            );
            return Err(self.report(found.help(format!("ask for all of them: `all({source})`"))));
        }
        Ok((StatementKind::Assert { condition: expr, text: text::source(condition) }, Vec::new()))
    }

    /// `fit.accuracy` as a number: the last value recorded.
    pub(super) fn field(
        &mut self,
        scope: &mut Scope,
        of: &'a ast::Expr,
        field: &ast::Ident,
        span: Span,
    ) -> Checked<Value> {
        let whole =
            ast::Expr { kind: Ast::Field(Box::new(of.clone()), field.clone()), span, depth: of.depth + 1 };
        let inside = matches!(scope.place, Place::Function(_) | Place::Stage { .. });
        match self.series(&whole) {
            Some(_) if inside => {
                let help = "numbers of a fit are known when the script runs; pass them as arguments";
                Err(self.report(errors::not_a_value(&format!("`{}`", text::source(&whole)), span, help)))
            }
            Some(found) => {
                let (series, state) = found?;
                let dtype = if state { DType::F64 } else { self.real };
                Ok(Value::strong(Expr { kind: ExprKind::Recorded(series), ty: Type::scalar(dtype), span }))
            }
            None => {
                let found = at(
                    &errors::UNKNOWN_FIELD,
                    format!("`{}` has no fields", text::source(of)),
                    field.span,
                    "no such field",
                );
                Err(self.report(found.help("fits and evaluations have fields: `fit.loss`")))
            }
        }
    }

    /// A function of numbers of a tensor, where its only argument is a recorded series: of all its values.
    /// `None`: it is none.
    pub(super) fn of_series(
        &mut self,
        scope: &mut Scope,
        name: &str,
        call: &Call<'a, '_>,
    ) -> Option<Checked<Value>> {
        let [only] = &call.args[..] else { return None };
        let (root, ..) = path(only.value).filter(|_| REDUCTIONS.contains(&name))?;
        if !matches!(only.value.kind, Ast::Field(..))
            || !matches!(self.globals.get(root), Some(Global::Fit { .. }))
        {
            return None;
        }
        let value = self.expr(scope, only.value, None);
        let known = Statistic::NAMED.iter().find(|(have, _)| *have == name);
        Some(value.and_then(|mut value| match (known, &mut value.expr.kind) {
            (Some((_, statistic)), ExprKind::Recorded(series)) => {
                series.statistic = *statistic;
                value.expr.span = call.span;
                Ok(value)
            }
            _ => {
                let what = format!("`{name}` of a recorded series");
                Err(self.report(errors::not_a_value(
                    &what,
                    call.span,
                    "there are `min`, `max` and `mean` of one",
                )))
            }
        }))
    }

    /// A recorded curve, and whether it is a state of an optimizer. `None`: not of a fit or evaluation.
    pub(super) fn series(&mut self, expr: &ast::Expr) -> Option<Checked<(Series, bool)>> {
        let (root, key, span) = path(expr)?;
        let (of, known): (GlobalId, Vec<(String, bool)>) = match self.globals.get(root)? {
            Global::Fit { id, series, .. } => (*id, series.clone()),
            Global::Eval { id, series } => (*id, series.iter().map(|name| (name.clone(), false)).collect()),
            Global::Sweep { series, by, .. } => {
                let help = sweeps::table_help(root, series, by);
                let what = format!("`{}` of a sweep", text::source(expr));
                return Some(Err(self.report(errors::not_a_value(&what, expr.span, &help))));
            }
            Global::Error => return Some(Err(Poison)),
            Global::Value(..) => return None,
        };
        if let Some((_, state)) = known.iter().find(|(name, _)| *name == key) {
            return Some(Ok((Series { of, key, statistic: Statistic::Last }, *state)));
        }
        let names: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
        let found = errors::none_of(&errors::UNKNOWN_FIELD, "field", &key, span, &names);
        let found = if key.starts_with("opt.") {
            found.note("of an optimizer, states with one number per tensor or model are recorded")
        } else {
            found
        };
        Some(Err(self.report(found)))
    }
}

/// Functions that make one number of many.
const REDUCTIONS: [&str; 12] =
    ["min", "max", "mean", "sum", "prod", "var", "std", "argmin", "argmax", "cumsum", "sort", "argsort"];

/// `fit.opt.eg_scale.s` as `fit`, `opt.eg_scale.s` and the place of the fields.
pub(super) fn path(expr: &ast::Expr) -> Option<(&str, String, Span)> {
    let mut fields = Vec::new();
    let mut at = expr;
    while let Ast::Field(of, field) = &at.kind {
        fields.push(field);
        at = of;
    }
    let Ast::Name(root) = &at.kind else { return None };
    let (last, first) = (fields.first()?, fields.last()?);
    let key: Vec<&str> = fields.iter().rev().map(|field| field.name.as_str()).collect();
    Some((root, key.join("."), first.span.to(last.span)))
}
