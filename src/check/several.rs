//! Expressions of several values: `(a, b)`, loops, calls of functions with several results. There are no
//! tensors of tuples: several values are taken apart where they are made, `let (a, b) = f(x)`.

use crate::algebra::types::Type;
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;

use super::Checker;
use super::errors::{self, at};
use super::exprs::with_lets;
use super::scope::{Checked, Scope, Value};
use super::text;
use crate::typed::{Expr, ExprKind};

/// The type that a value must have, and the place that says so.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The type.
    pub ty: Type,
    /// Where it is written, and in what words.
    pub place: (Span, String),
}

impl<'a> Checker<'a> {
    /// The types of the values of an expression.
    pub(super) fn results(&self, expr: &Expr) -> Vec<Type> {
        match &expr.kind {
            ExprKind::Tuple(items) => items.iter().map(|item| item.ty.clone()).collect(),
            ExprKind::Let { body, .. } | ExprKind::Unpack { body, .. } => self.results(body),
            ExprKind::Loop(parts) => parts.types(),
            ExprKind::Derive(derive) => derive.results(),
            ExprKind::Call { function, sizes, .. } => {
                let signature = &self.instances[function.0].signature;
                let sizes = signature.sizes.iter().cloned().zip(sizes.iter().cloned()).collect();
                let more = signature.more.iter().map(|ty| ty.substitute(&sizes));
                std::iter::once(expr.ty.clone()).chain(more).collect()
            }
            _ => vec![expr.ty.clone()],
        }
    }

    /// An expression of one or several values, each as what is wanted of it. If anything is wanted, it
    /// is wanted of all of them: `owner` says for messages whose values they are.
    pub(super) fn several(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        wanted: &[Wanted],
        owner: &str,
    ) -> Checked<Expr> {
        let expr = self.next_values(scope, expr, wanted)?;
        let have = self.results(&expr).len();
        if wanted.is_empty() || have == wanted.len() {
            return Ok(expr);
        }
        let message =
            format!("{owner} gives {}, and this is {}", errors::values(wanted.len()), errors::values(have));
        let found = at(&errors::SEVERAL_VALUES, message, expr.span, errors::values(have));
        let found = found.label(wanted[0].place.0, wanted[0].place.1.clone());
        Err(self.report(found.help("write as many values as are declared: `(a, b)`")))
    }

    /// An expression of one or several values; the first ones as what is wanted of them.
    pub(super) fn next_values(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        wanted: &[Wanted],
    ) -> Checked<Expr> {
        match &expr.kind {
            Ast::Block(lets, body) => {
                let before = scope.names.len();
                let values: Vec<_> = lets.iter().map(|line| self.let_line(scope, line, before)).collect();
                let body = self.next_values(scope, body, wanted);
                scope.names.truncate(before);
                let values = values.into_iter().collect::<Checked<Vec<_>>>()?;
                Ok(with_lets(values, Value::strong(body?)).expr)
            }
            Ast::Match(word, arms) => {
                let arm = self.match_arm(scope, word, arms, expr.span)?;
                self.next_values(scope, arm, wanted)
            }
            Ast::Tuple(items) => self.tuple(scope, items, wanted, expr.span),
            _ => {
                let value = self.any_expr(scope, expr, wanted.first().map(|wanted| &wanted.ty))?;
                match (self.results(&value.expr).as_slice(), wanted) {
                    ([_], []) => self.settle(value),
                    ([_], [wanted, ..]) => self.coerce(scope, value, &wanted.ty, wanted.place.clone()),
                    (types, wanted) => self.all_fit(types, wanted, value.expr),
                }
            }
        }
    }

    fn tuple(
        &mut self,
        scope: &mut Scope,
        items: &'a [ast::Expr],
        wanted: &[Wanted],
        span: Span,
    ) -> Checked<Expr> {
        let mut values = Vec::new();
        let mut failed = Ok(());
        for (k, item) in items.iter().enumerate() {
            let value = self.expr(scope, item, wanted.get(k).map(|wanted| &wanted.ty));
            let value = value.and_then(|value| match wanted.get(k) {
                Some(wanted) => self.coerce(scope, value, &wanted.ty, wanted.place.clone()),
                None => self.settle(value),
            });
            match value {
                Ok(value) => values.push(value),
                Err(poison) => failed = Err(poison),
            }
        }
        failed?;
        let ty = values[0].ty.clone();
        Ok(Expr { kind: ExprKind::Tuple(values), ty, span })
    }

    /// Several values that are made elsewhere.
    fn all_fit(&mut self, types: &[Type], wanted: &[Wanted], expr: Expr) -> Checked<Expr> {
        for (k, (have, want)) in types.iter().zip(wanted).enumerate() {
            if *have != want.ty {
                let (have, want_ty) = (text::show(have, self.real), text::show(&want.ty, self.real));
                let message = format!("expected `{want_ty}` as value {}, found `{have}`", k + 1);
                let found = errors::shapes(message, (expr.span, have), want.place.clone());
                return Err(self.report(found.help("make the value fit, or change what is declared")));
            }
        }
        Ok(expr)
    }
}
