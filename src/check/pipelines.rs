//! Optimizer pipelines: which stages, with which hyperparameters.

use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::{Arg, Call};
use super::errors::{self, at};
use super::scope::{Binding, Checked, Place, Poison, Scope, nearest};
use super::stages::StageDef;
use super::text;
use super::typed::{Expr, StageUse};

/// A stage as written in a pipeline.
struct Written<'a> {
    name: &'a str,
    name_span: Span,
    args: &'a [ast::Argument],
    span: Span,
}

impl<'a> Checker<'a> {
    /// `adam(lr = 1e-3) |> eg_gain |> eg_scale`
    pub(super) fn pipeline(&mut self, expr: &'a ast::Expr) -> Checked<Vec<StageUse>> {
        let mut parts = Vec::new();
        let mut rest = expr;
        while let Ast::Pipe(before, last) = &rest.kind {
            parts.push(&**last);
            rest = before;
        }
        parts.push(rest);
        let mut uses: Vec<Checked<StageUse>> = Vec::new();
        for part in parts.into_iter().rev() {
            let made = self.stage_use(part).map(|made| {
                let taken = |name: &str| uses.iter().flatten().any(|other: &StageUse| other.name == name);
                let name = unique(&made.name, taken);
                StageUse { name, ..made }
            });
            uses.push(made);
        }
        let uses = uses.into_iter().collect::<Checked<Vec<StageUse>>>()?;
        self.learning_rates(&uses, expr)?;
        self.one_eval(&uses)?;
        Ok(uses)
    }

    fn learning_rates(&mut self, uses: &[StageUse], expr: &ast::Expr) -> Checked<()> {
        let sets = |of: &&StageUse| {
            let stage = &self.stages[of.stage.0];
            stage.hypers.iter().any(|local| stage.locals[local.0].name == "lr")
        };
        let setting: Vec<StageUse> = uses.iter().filter(sets).cloned().collect();
        match setting.as_slice() {
            [] => {
                let message = "no stage of this optimizer sets a learning rate";
                let found = at(&errors::PIPELINE_NO_LEARNING_RATE, message, expr.span, "no stage has `lr`");
                Err(self.report(
                    found.help(format!(
                        "put `sgd(lr = 0.1)` first: `sgd(lr = 0.1) |> {}`",
                        text::source(expr)
                    )),
                ))
            }
            [_] => Ok(()),
            [first, second, ..] => {
                let message = format!(
                    "`{}` and `{}` both set a learning rate: their product acts",
                    first.name, second.name
                );
                let found = Diagnostic::warning(&errors::PIPELINE_TWO_LEARNING_RATES, message);
                let found =
                    found.label(second.span, "sets a learning rate").label(first.span, "and so does this");
                self.report(found.help("keep one of them"));
                Ok(())
            }
        }
    }

    fn stage_use(&mut self, part: &'a ast::Expr) -> Checked<StageUse> {
        let (callee, args): (&'a ast::Expr, &'a [ast::Argument]) = match &part.kind {
            Ast::Call(callee, args) => (callee, args),
            _ => (part, &[]),
        };
        let name = match &callee.kind {
            Ast::Name(name) => name,
            Ast::Error => return Err(Poison),
            _ => return Err(self.not_a_stage(&text::source(callee), callee.span)),
        };
        let Some(def) = self.find_stage(name) else {
            let known = self.find_def(name, false).is_some()
                || self.is_builtin(name)
                || self.globals.contains_key(name.as_str());
            if known
                || self.constants.contains_key(name.as_str())
                || self.data_ids.contains_key(name.as_str())
            {
                return Err(self.not_a_stage(name, callee.span));
            }
            let stages = self.stage_names();
            let near = nearest(name, stages.iter().map(String::as_str));
            let found =
                at(&errors::UNKNOWN_NAME, format!("unknown stage `{name}`"), callee.span, "no such stage");
            return Err(self.report(errors::suggest(found, near)));
        };
        self.known_stage(def, Written { name, name_span: callee.span, args, span: part.span })
    }

    fn not_a_stage(&mut self, name: &str, span: Span) -> Poison {
        let found = at(
            &errors::NOT_A_STAGE,
            format!("`{name}` is not an optimizer stage"),
            span,
            "a stage is needed",
        );
        self.report(found.help("stages are declared by `stage`; the library has `sgd`, `momentum`, `adam`, `eg_gain`, `eg_scale` and more"))
    }

    fn known_stage(&mut self, def: usize, written: Written<'a>) -> Checked<StageUse> {
        let StageDef { ast, .. } = self.stage_defs[def];
        let names: Vec<&str> = ast.hypers.iter().map(|hyper| hyper.name.name.as_str()).collect();
        let args =
            written.args.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }).collect();
        let call =
            Call { name: written.name.to_string(), statics: &[], args, span: written.span, expected: None };
        let given = self.match_args(&call, &names, 0, Some(ast.name.span))?;
        let (mut words, mut hypers) = (Vec::new(), Vec::new());
        let mut failed = Ok(());
        for (hyper, given) in ast.hypers.iter().zip(given) {
            let name = &hyper.name.name;
            let result = match &hyper.kind {
                ast::HyperKind::Words(all) => {
                    self.word(all, given).map(|word| words.push((name.clone(), word)))
                }
                ast::HyperKind::Number(default) => match given.or(default.as_ref()) {
                    Some(value) => self.hyper(value, name, hyper.name.span).map(|expr| hypers.push(expr)),
                    None => Err(self.hyper_missing(&written, &hyper.name)),
                },
            };
            failed = failed.and(result);
        }
        failed?;
        let stage = self.stage(def, words)?;
        Ok(StageUse { stage, name: written.name.to_string(), hypers, span: written.span })
    }

    fn hyper_missing(&mut self, written: &Written<'a>, hyper: &ast::Ident) -> Poison {
        let message = format!("stage `{}` lacks `{}`, which has no default", written.name, hyper.name);
        let found = at(&errors::WRONG_ARGUMENT, message, written.name_span, "in this pipeline");
        let found = found.label(hyper.span, "declared here");
        self.report(found.help(format!("give it: `{}({} = 0.1)`", written.name, hyper.name)))
    }

    fn word(&mut self, all: &[ast::Ident], given: Option<&ast::Expr>) -> Checked<String> {
        let Some(given) = given else {
            return all.first().map(|word| word.name.clone()).ok_or(Poison);
        };
        let known: Vec<String> = all.iter().map(|word| word.name.clone()).collect();
        let text = text::source(given);
        match &given.kind {
            Ast::Name(word) if known.contains(word) => Ok(word.clone()),
            _ => Err(self.report(errors::none_of(&errors::UNKNOWN_WORD, "word", &text, given.span, &known))),
        }
    }

    /// The value of a numeric hyperparameter: a number, or an expression of `t` and `T`.
    fn hyper(&mut self, value: &'a ast::Expr, name: &str, declared: Span) -> Checked<Expr> {
        let (coordinates, tensors) = (self.fresh("coordinates"), self.fresh("tensors"));
        let place = Place::Stage { coordinates: Dim::var(coordinates), tensors: Dim::var(tensors) };
        let mut scope = Scope::new(place, false, DType::F64);
        for fixed in ["t", "T"] {
            let local = scope.local(fixed, Type::scalar(DType::F64), declared);
            scope.bind(fixed, Binding::Local(local), declared);
        }
        let value = self.expr(&mut scope, value, None)?;
        let ty = Type::scalar(DType::F64);
        self.coerce(&scope, value, &ty, (declared, format!("hyperparameter `{name}` is one number")))
    }
}

/// `name`, or with a number behind it if that is taken.
pub(super) fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_string();
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}
