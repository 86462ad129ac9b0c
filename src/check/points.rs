//! Parameters other than `w`: those a `wrap stage` gives the pipeline before it, and those to evaluate
//! with.

use crate::ast;
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::scope::{Binding, Checked, Poison, Scope, Value};
use crate::typed::{Expr, ExprKind, Extent, Inner, LocalId, StageScope, StageUse, State, free_locals};

impl<'a> Checker<'a> {
    /// The parameters that a call in a stage is given: one number per coordinate.
    pub(super) fn point(&mut self, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Expr> {
        self.no_statics(call)?;
        let given = self.given(scope, call, &["w"], 1)?;
        let value = given.into_iter().flatten().next().ok_or(Poison)?;
        let ty = self.extent_type(scope, Extent::Coordinate);
        self.extended(scope, value, &ty, "w", call.span)
    }

    /// `inner(w)`: the update of the pipeline before a `wrap stage` where its `w` is the argument.
    pub(super) fn call_inner(&mut self, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
        let point = self.point(scope, call)?;
        if let Some(before) = &scope.inner {
            let message = format!("`{}` runs twice", call.name);
            let found = at(&errors::INNER_ONCE, message, call.span, "runs again");
            let found = found.label(before.point.span, "runs here already");
            return Err(self.report(found.help(format!("keep its update: `let u = {}(w)`", call.name))));
        }
        let (line, known) = scope.line;
        if let Some((local, span)) = free_locals(&point).into_iter().find(|(local, _)| local.0 >= known) {
            let message = format!("`{}` is only known inside of this line", scope.locals[local.0].name);
            let found = at(&errors::INNER_ONCE, message, span, "given to the pipeline before this stage");
            return Err(self.report(found.help("give it a line of its own with `let`")));
        }
        scope.inner = Some(Inner { line, point: Expr { span: call.span, ..point } });
        let local = LocalId(StageScope::Update as usize);
        let ty = self.extent_type(scope, Extent::Coordinate);
        Ok(Value::strong(Expr { kind: ExprKind::Local(local), ty, span: call.span }))
    }

    /// A `wrap stage` without its pipeline would be a stage.
    pub(super) fn inner_once(&mut self, scope: &Scope, ast: &ast::Stage) -> Checked<()> {
        let Some(inner) = &ast.inner else { return Ok(()) };
        if scope.inner.is_some() {
            return Ok(());
        }
        let message = format!("`{}` never runs", inner.name);
        let found = at(&errors::INNER_ONCE, message, inner.span, "the pipeline before this stage");
        let help = format!("its update is `{0}(w)`: the next parameters may be `w - {0}(w)`", inner.name);
        Err(self.report(found.help(help)))
    }

    /// `u` in a `wrap stage`.
    pub(super) fn no_update(&mut self, scope: &Scope, span: Span) -> Poison {
        let inner = scope.names.iter().find(|(_, binding, _)| matches!(binding, Binding::Inner));
        let inner = inner.map_or("inner", |(name, ..)| name).to_string();
        let found = at(&errors::UNKNOWN_NAME, "a `wrap stage` has no `u`", span, "no such name");
        self.report(found.help(format!("run the pipeline before it: `{inner}(w)` is its update")))
    }

    /// `eval w = ...`
    pub(super) fn eval_point(
        &mut self,
        scope: &mut Scope,
        name: &ast::Ident,
        value: &'a ast::Expr,
        eval: &mut Option<Expr>,
    ) -> Checked<()> {
        let made = self.expr(scope, value, None)?;
        let ty = self.extent_type(scope, Extent::Coordinate);
        let made = self.extended(scope, made, &ty, "`w`", name.span)?;
        if let Some(before) = eval {
            let found = at(&errors::EVAL_TWICE, "`eval w` is said twice", name.span, "said again");
            return Err(self.report(found.label(before.span, "said here already").help("keep one of them")));
        }
        *eval = Some(Expr { span: value.span, ..made });
        Ok(())
    }

    /// What `eval w` reads must still be there after the step.
    pub(super) fn eval_scope(
        &mut self,
        scope: &Scope,
        eval: Option<&Expr>,
        states: &[State],
        lines: &[(LocalId, Expr)],
    ) -> Checked<()> {
        self.no_loss(eval, "after the step, when `eval w` is computed")?;
        let gone = |local: &LocalId| {
            let fixed = [StageScope::Gradient, StageScope::Update, StageScope::Loss, StageScope::Trained];
            let fixed = fixed.iter().any(|name| *name as usize == local.0);
            let line = lines.iter().any(|(assigned, _)| assigned == local);
            fixed || line && !states.iter().any(|state| state.local == *local)
        };
        let found = eval.map(free_locals).unwrap_or_default();
        let Some((local, span)) = found.into_iter().find(|(local, _)| gone(local)) else { return Ok(()) };
        let name = match StageScope::Update as usize == local.0 {
            true => "an update".to_string(),
            false => format!("`{}`", scope.locals[local.0].name),
        };
        let message = format!("{name} belongs to the step, and `eval w` is computed after it");
        let found = at(&errors::EVAL_POINT, message, span, "gone after the step");
        Err(self.report(found.help("keep what it needs as a `state`")))
    }

    /// At most one stage of a pipeline says what to evaluate with.
    pub(super) fn one_eval(&mut self, uses: &[StageUse]) -> Checked<()> {
        let mut sets = uses.iter().filter(|of| self.stages[of.stage.0].eval.is_some());
        let (Some(first), Some(second)) = (sets.next(), sets.next()) else { return Ok(()) };
        let message = format!("`{}` and `{}` both say what to evaluate with", first.name, second.name);
        let found: Diagnostic = at(&errors::EVAL_TWICE, message, second.span, "has `eval w`");
        let found = found.label(first.span, "and so has this");
        Err(self.report(found.help("keep one of them")))
    }
}
