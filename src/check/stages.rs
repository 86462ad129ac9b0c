//! Optimizer stages with their words chosen.

use crate::algebra::form::Combine;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::ops;
use super::scope::{Binding, Checked, Place, Poison, Scope, Value};
use crate::typed::{Expr, ExprKind, Extent, LocalId, Stage, StageId, StageScope, State};

/// A stage as declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct StageDef<'a> {
    pub ast: &'a ast::Stage,
    pub library: bool,
}

/// The words chosen for a stage, by hyperparameter.
pub(super) type Words = Vec<(String, String)>;

/// Names of extents.
pub(super) const EXTENTS: [&str; 5] = ["tensor", "group", "model", "row", "col"];

/// Names of reductions over extents.
const REDUCTIONS: [&str; 7] = ["sum", "mean", "norm", "max", "min", "dot", "cosine"];

/// Added to lengths, so that the cosine with a zero vector is 0.
const TINY: f64 = 1e-10;

impl<'a> Checker<'a> {
    /// Where numbers of a step stand that belong to no stage.
    pub(super) fn stage_place(&mut self) -> Place {
        let [coordinates, rows, columns, tensors] =
            ["coordinates", "rows", "columns", "tensors"].map(|name| Dim::var(self.fresh(name)));
        Place::Stage { coordinates, rows, columns, tensors }
    }

    /// The stage with these words; `words` has one for each hyperparameter that is a word.
    pub(super) fn stage(&mut self, def: usize, words: Words) -> Checked<StageId> {
        let key = (def, words.clone());
        if let Some(known) = self.stage_memo.get(&key) {
            return *known;
        }
        let made = self.new_stage(def, words).map(|stage| {
            self.stages.push(stage);
            StageId(self.stages.len() - 1)
        });
        self.stage_memo.insert(key, made);
        made
    }

    fn new_stage(&mut self, def: usize, words: Words) -> Checked<Stage> {
        let StageDef { ast, library } = self.stage_defs[def];
        let [coordinates, rows, columns, tensors] =
            ["coordinates", "rows", "columns", "tensors"].map(|name| self.fresh(name));
        let place = Place::Stage {
            coordinates: Dim::var(coordinates.clone()),
            rows: Dim::var(rows.clone()),
            columns: Dim::var(columns.clone()),
            tensors: Dim::var(tensors.clone()),
        };
        let mut scope = Scope::new(place, library, DType::F64);
        self.fixed_names(&mut scope, ast);
        let own = scope.names.len();
        let hypers = self.hypers(&mut scope, ast, &words, own);
        let mut states = Vec::new();
        let mut lines = Vec::new();
        let mut eval = None;
        let mut failed = Ok(());
        for line in &ast.body {
            scope.line = (lines.len(), scope.locals.len());
            let result = match line {
                ast::StageLine::State { name, extent, init } => {
                    self.state(&mut scope, name, extent.as_ref(), init, own).map(|state| states.push(state))
                }
                ast::StageLine::Assign { name, value } => {
                    self.assign(&mut scope, name, value, &states).map(|line| lines.push(line))
                }
                ast::StageLine::Let(line) => self
                    .let_line(&mut scope, line, own)
                    .map(|bound| lines.extend(stage_lines(&mut scope, bound))),
                ast::StageLine::Eval { name, value } => self.eval_point(&mut scope, name, value, &mut eval),
            };
            failed = failed.and(result);
        }
        scope.line = (lines.len(), scope.locals.len());
        let result = self.update(&mut scope, &ast.result);
        failed?;
        let result = result?;
        self.eval_scope(&scope, eval.as_ref(), &states, &lines)?;
        self.inner_once(&scope, ast)?;
        self.never_assigned(&states, &lines, &scope);
        let name = ast.name.name.clone();
        let (locals, inner, span) = (scope.locals, scope.inner, ast.name.span);
        Ok(Stage {
            name,
            words,
            coordinates,
            rows,
            columns,
            tensors,
            locals,
            hypers,
            states,
            lines,
            inner,
            eval,
            result,
            span,
        })
    }

    fn fixed_names(&mut self, scope: &mut Scope, ast: &ast::Stage) {
        let span = ast.name.span;
        for (name, text) in StageScope::ALL {
            let per_coordinate = matches!(
                name,
                StageScope::Gradient | StageScope::Update | StageScope::Weights | StageScope::Initial
            );
            let ty = match per_coordinate {
                _ if name == StageScope::Trained => {
                    self.extent_type(scope, Extent::Coordinate).with_dtype(DType::Bool)
                }
                true => self.extent_type(scope, Extent::Coordinate),
                false => Type::scalar(DType::F64),
            };
            // In a `wrap stage` the incoming update is what running the pipeline before it gives.
            match (&ast.inner, name) {
                (Some(_), StageScope::Update) => scope.local(text, ty, span),
                _ => scope.bind_local(text, ty, span),
            };
        }
        if let Some(inner) = &ast.inner {
            if scope.get(&inner.name).is_some() {
                self.report(errors::duplicate(&inner.name, inner.span, None));
            }
            scope.bind(&inner.name, Binding::Inner, inner.span);
        }
    }

    /// The type of one number per extent.
    pub(super) fn extent_type(&self, scope: &Scope, extent: Extent) -> Type {
        let dtype = if extent == Extent::Coordinate { self.real } else { DType::F64 };
        Type::new(dtype, ops::extent_shape(scope, extent))
    }

    fn claim_in_stage(&mut self, scope: &Scope, name: &ast::Ident, own: usize) {
        let taken = scope.names.iter().enumerate().find(|(_, (have, ..))| *have == name.name);
        if let Some((k, (.., span))) = taken {
            let before = (k >= own).then_some(*span);
            self.report(errors::duplicate(&name.name, name.span, before));
        }
    }

    fn hypers(
        &mut self,
        scope: &mut Scope,
        ast: &ast::Stage,
        words: &[(String, String)],
        own: usize,
    ) -> Vec<LocalId> {
        let mut hypers = Vec::new();
        for hyper in &ast.hypers {
            let (name, span) = (&hyper.name.name, hyper.name.span);
            self.claim_in_stage(scope, &hyper.name, own);
            match &hyper.kind {
                ast::HyperKind::Number(_) => {
                    hypers.push(scope.bind_local(name, Type::scalar(DType::F64), span))
                }
                ast::HyperKind::Words(all) => {
                    let all = all.iter().map(|word| word.name.clone()).collect();
                    let chosen = words.iter().find(|(have, _)| have == name);
                    let chosen = chosen.map(|(_, word)| word.clone()).unwrap_or_default();
                    scope.bind(name, Binding::Word(chosen, all), span);
                }
            }
        }
        hypers
    }

    fn state(
        &mut self,
        scope: &mut Scope,
        name: &ast::Ident,
        extent: Option<&ast::StateExtent>,
        init: &'a ast::Expr,
        own: usize,
    ) -> Checked<State> {
        self.claim_in_stage(scope, name, own);
        let extent = match extent {
            None => Ok(Extent::Coordinate),
            Some(ast::StateExtent::Scalar(word)) => self.extent_word(scope, &word.name, word.span),
            Some(ast::StateExtent::Vector(count, _)) => Ok(Extent::Vector(*count)),
        };
        let ty = extent.map(|extent| self.extent_type(scope, extent));
        let init = self.expr(scope, init, None).and_then(|value| {
            let ty = ty.clone()?;
            let init = self.extended(scope, value, &ty, &name.name, name.span)?;
            self.no_loss(Some(&init), "before the first step")?;
            Ok(init)
        });
        match (ty, init) {
            (Ok(ty), Ok(init)) => {
                let local = scope.bind_local(&name.name, ty, name.span);
                Ok(State { name: name.name.clone(), local, extent: extent?, init })
            }
            (Err(poison), _) | (_, Err(poison)) => {
                scope.bind(&name.name, Binding::Error, name.span);
                Err(poison)
            }
        }
    }

    /// `value` as numbers of the extent of `ty`, which must not be narrower.
    pub(super) fn extended(
        &mut self,
        scope: &Scope,
        value: Value,
        ty: &Type,
        name: &str,
        declared: Span,
    ) -> Checked<Expr> {
        let (have, want) = (ops::extent(scope, &value.expr.ty), ops::extent(scope, ty));
        if !have.spreads_to(want) {
            let message =
                format!("`{name}` holds one number per {}, this is one per {}", want.name(), have.name());
            let found =
                at(&errors::STAGE_EXTENT, message, value.expr.span, format!("one per {}", have.name()));
            let found = self
                .label_origin(scope, &value.expr, found)
                .label(declared, format!("`{name}` is declared here"));
            return Err(self.report(found.help(match have {
                Extent::Vector(_) => "make one number of it: `sum(...)`".to_string(),
                _ => format!("reduce it: `norm[{0}](...)`, `sum[{0}](...)`", want.name()),
            })));
        }
        let expr = self.converted(scope, value, ty.dtype, &format!("`{name}`"))?;
        Ok(ops::spread(scope, expr, &ty.shape))
    }

    fn assign(
        &mut self,
        scope: &mut Scope,
        name: &ast::Ident,
        value: &'a ast::Expr,
        states: &[State],
    ) -> Checked<(LocalId, Expr)> {
        let value = self.expr(scope, value, None);
        if let Some(Binding::Error) = scope.get(&name.name) {
            return Err(Poison);
        }
        let Some(state) = states.iter().find(|state| state.name == name.name) else {
            let near = super::scope::nearest(&name.name, states.iter().map(|state| state.name.as_str()));
            let message = format!("`{}` is not a state of this stage", name.name);
            let found = at(&errors::NOT_A_STATE, message, name.span, "assigned here");
            let found = match near {
                _ if scope.get(&name.name).is_some() => {
                    found.help("names other than states never change: use a `let` with a new name")
                }
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.help(format!("declare it: `state {} = 0`", name.name)),
            };
            return Err(self.report(found));
        };
        let ty = scope.locals[state.local.0].ty.clone();
        let declared = scope.origins[state.local.0];
        let expr = self.extended(scope, value?, &ty, &name.name, declared)?;
        Ok((state.local, expr))
    }

    /// The outgoing update: one number per coordinate.
    fn update(&mut self, scope: &mut Scope, result: &'a ast::Expr) -> Checked<Expr> {
        let value = self.expr(scope, result, None)?;
        let ty = self.extent_type(scope, Extent::Coordinate);
        self.extended(scope, value, &ty, "the outgoing update", result.span)
    }

    fn never_assigned(&mut self, states: &[State], lines: &[(LocalId, Expr)], scope: &Scope) {
        for state in states {
            if !scope.library && !lines.iter().any(|(local, _)| *local == state.local) {
                let message =
                    format!("state `{}` is never assigned: it stays what it is at first", state.name);
                let found = Diagnostic::warning(&errors::STATE_NEVER_ASSIGNED, message);
                let span = scope.origins[state.local.0];
                self.report(
                    found.label(span, "declared here").help(format!("assign it: `{} <- ...`", state.name)),
                );
            }
        }
    }

    /// An extent by name, or by a word that stands for one. Groups are the whole model so far.
    pub(super) fn extent_word(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Extent> {
        let word = match scope.get(name) {
            Some(Binding::Word(chosen, _)) => chosen.clone(),
            _ => name.to_string(),
        };
        match word.as_str() {
            "tensor" => Ok(Extent::Tensor),
            "row" => Ok(Extent::Row),
            "col" => Ok(Extent::Column),
            "group" | "model" => Ok(Extent::Model),
            _ => {
                let known = EXTENTS.map(String::from);
                Err(self.report(errors::none_of(&errors::UNKNOWN_WORD, "extent", &word, span, &known)))
            }
        }
    }

    /// Whether a name is an extent, or a word that may stand for one.
    pub(super) fn is_extent(&self, scope: &Scope, name: &str) -> bool {
        EXTENTS.contains(&name) || matches!(scope.get(name), Some(Binding::Word(..)))
    }

    /// The name of `norm` in `norm[model]`, which is no function that happens to have that name.
    pub(super) fn extent_reduction_name(
        &self,
        scope: &Scope,
        callee: &ast::Expr,
        statics: &[ast::Expr],
    ) -> Option<String> {
        let (Ast::Name(name), [ast::Expr { kind: Ast::Name(over), .. }]) = (&callee.kind, statics) else {
            return None;
        };
        (scope.in_stage() && self.is_extent(scope, over) && REDUCTIONS.contains(&name.as_str()))
            .then(|| name.clone())
    }

    /// A reduction that names its extent: `norm[model](u)`. `None`: it is none.
    pub(super) fn stage_reduction(
        &mut self,
        scope: &mut Scope,
        name: &str,
        call: &Call<'a, '_>,
    ) -> Option<Checked<Value>> {
        let operands: &[&str] = match name {
            "sum" | "mean" | "norm" | "max" | "min" => &["a"],
            "dot" | "cosine" => &["a", "b"],
            _ => return None,
        };
        let [over] = call.statics else { return None };
        Some(self.extent_reduction(scope, name, over, operands, call))
    }

    fn extent_reduction(
        &mut self,
        scope: &mut Scope,
        name: &str,
        over: &'a ast::Expr,
        operands: &[&str],
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        let extent = match &over.kind {
            Ast::Name(word) => self.extent_word(scope, word, over.span),
            _ => Err(self.report(
                at(&errors::UNKNOWN_WORD, "an extent is a word", over.span, "not a word")
                    .help("write `tensor` or `model`"),
            )),
        };
        let given = self.given(scope, call, operands, operands.len())?;
        let extent = extent?;
        let mut parts = Vec::new();
        for value in given.into_iter().flatten() {
            self.expect_number(scope, &value, &format!("`{name}`"))?;
            let expr = self.converted(scope, value, DType::F64, &format!("an operand of `{name}`"))?;
            if let Extent::Vector(_) = ops::extent(scope, &expr.ty) {
                let message = format!("`{name}[...]` is over coordinates, and this is a vector");
                let found = at(&errors::STAGE_EXTENT, message, expr.span, "a vector");
                return Err(self.report(found.help(format!("write `{name}(...)`"))));
            }
            parts.push(ops::spread(scope, expr, &ops::extent_shape(scope, Extent::Coordinate)));
        }
        let over =
            Over { extent, ty: Type::new(DType::F64, ops::extent_shape(scope, extent)), span: call.span };
        let (first, last) = match (parts.first().cloned(), parts.pop()) {
            (Some(first), Some(last)) => (first, last),
            _ => return Err(Poison),
        };
        Ok(Value::strong(match name {
            "sum" => over.reduce(Combine::Sum, first),
            "max" => over.reduce(Combine::Max, first),
            "min" => over.reduce(Combine::Min, first),
            "mean" => {
                let ones = build::constant(1.0, first.ty.clone(), call.span);
                let (sum, count) = (over.reduce(Combine::Sum, first), over.reduce(Combine::Sum, ones));
                build::map(&scalar::DIV, vec![sum, count], call.span)
            }
            _ => self.share(scope, "a", first, |checker, scope, a| match name {
                "norm" => over.norm(a),
                _ => checker.share(scope, "b", last, |_, _, b| match name {
                    "dot" => over.dot(a, b),
                    _ => over.cosine(a, b),
                }),
            }),
        }))
    }
}

/// What a reduction of a stage ranges over.
struct Over {
    extent: Extent,
    ty: Type,
    span: Span,
}

impl Over {
    fn reduce(&self, combine: Combine, value: Expr) -> Expr {
        let kind = ExprKind::StageReduce { combine, extent: self.extent, value: Box::new(value) };
        Expr { kind, ty: self.ty.clone(), span: self.span }
    }

    fn dot(&self, a: Expr, b: Expr) -> Expr {
        self.reduce(Combine::Sum, build::map(&scalar::MUL, vec![a, b], self.span))
    }

    fn norm(&self, a: Expr) -> Expr {
        build::map(&scalar::SQRT, vec![self.dot(a.clone(), a)], self.span)
    }

    /// `dot(a, b) / ((norm(a) + tiny) * (norm(b) + tiny))`
    fn cosine(&self, a: Expr, b: Expr) -> Expr {
        let length = |x: Expr| {
            let tiny = build::constant(TINY, self.ty.clone(), self.span);
            build::map(&scalar::ADD, vec![self.norm(x), tiny], self.span)
        };
        let lengths = build::map(&scalar::MUL, vec![length(a.clone()), length(b.clone())], self.span);
        build::map(&scalar::DIV, vec![self.dot(a, b), lengths], self.span)
    }
}

/// The lines that a `let` makes: names of several values have a line each, with the same value, which
/// is computed once.
fn stage_lines(scope: &mut Scope, (locals, value): (Vec<LocalId>, Expr)) -> Vec<(LocalId, Expr)> {
    if let [local] = locals.as_slice() {
        return vec![(*local, value)];
    }
    let types: Vec<Type> = locals.iter().map(|local| scope.locals[local.0].ty.clone()).collect();
    let parts: Vec<LocalId> = types.iter().map(|ty| scope.local("value", ty.clone(), value.span)).collect();
    let line = |((local, part), ty): ((LocalId, &LocalId), Type)| {
        let body = Expr { kind: ExprKind::Local(*part), ty: ty.clone(), span: value.span };
        let (value, body) = (Box::new(value.clone()), Box::new(body));
        let span = value.span;
        (local, Expr { kind: ExprKind::Unpack { locals: parts.clone(), value, body }, ty, span })
    };
    locals.into_iter().zip(&parts).zip(types).map(line).collect()
}
