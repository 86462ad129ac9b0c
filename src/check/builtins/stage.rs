//! Reductions of optimizer stages, which name their extent: `norm[model](u)`.

use crate::algebra::form::Reducer;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Checked, Env, Poison, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Call, Typer};
use crate::check::expr::{args, convert, extents};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Extent, build};

/// Names of extents.
const EXTENTS: [&str; 5] = ["tensor", "group", "model", "row", "col"];

/// Names of reductions over extents.
const REDUCTIONS: [&str; 7] = ["sum", "mean", "norm", "max", "min", "dot", "cosine"];

/// Added to lengths, so that the cosine with a zero vector is 0.
const TINY: f64 = 1e-10;

/// The name of `norm` in `norm[model]`, which is no function that happens to have that name.
pub(crate) fn extent_reduction_name(
    scope: &Scope,
    callee: &ast::Expr,
    statics: &[ast::Expr],
) -> Option<String> {
    let (Ast::Name(name), [ast::Expr { kind: Ast::Name(over), .. }]) = (&callee.kind, statics) else {
        return None;
    };
    (scope.in_stage() && is_extent(scope, over) && REDUCTIONS.contains(&name.as_str())).then(|| name.clone())
}

/// A reduction that names its extent: `norm[model](u)`. `None`: it is none.
pub(super) fn stage_reduction<'a>(
    cx: &mut Typer<'_, 'a>,
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
    Some(extent_reduction(cx, scope, name, over, operands, call))
}

fn extent_reduction<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &str,
    over: &'a ast::Expr,
    operands: &[&str],
    call: &Call<'a, '_>,
) -> Checked<Value> {
    let extent = match &over.kind {
        Ast::Name(word) => extent_word(cx.env, scope, word, over.span),
        _ => Err(cx.env.report(
            at(&errors::UNKNOWN_WORD, "an extent is a word", over.span, "not a word")
                .help("write `tensor` or `model`"),
        )),
    };
    let given = args::given(cx, scope, call, operands, operands.len())?;
    let extent = extent?;
    let mut parts = Vec::new();
    for value in given.into_iter().flatten() {
        convert::expect_number(cx.env, scope, &value, &format!("`{name}`"))?;
        let expr = convert::converted(cx.env, scope, value, DType::F64, &format!("an operand of `{name}`"))?;
        if let Extent::Vector(_) = extents::extent(scope, &expr.ty) {
            let message = format!("`{name}[...]` is over coordinates, and this is a vector");
            let found = at(&errors::STAGE_EXTENT, message, expr.span, "a vector");
            return Err(cx.env.report(found.help(format!("write `{name}(...)`"))));
        }
        parts.push(extents::broadcast_to(scope, expr, &extents::extent_shape(scope, Extent::Coordinate)));
    }
    let over =
        Over { extent, ty: Type::new(DType::F64, extents::extent_shape(scope, extent)), span: call.span };
    let (first, last) = match (parts.first().cloned(), parts.pop()) {
        (Some(first), Some(last)) => (first, last),
        _ => return Err(Poison),
    };
    Ok(Value::strong(match name {
        "sum" => over.reduce(Reducer::Sum, first),
        "max" => over.reduce(Reducer::Max, first),
        "min" => over.reduce(Reducer::Min, first),
        "mean" => {
            let ones = build::constant(1.0, first.ty.clone(), call.span);
            let (sum, count) = (over.reduce(Reducer::Sum, first), over.reduce(Reducer::Sum, ones));
            build::map(&scalar::DIV, vec![sum, count], call.span)
        }
        _ => scope.share("a", first, |scope, a| match name {
            "norm" => over.norm(a),
            _ => scope.share("b", last, |_, b| match name {
                "dot" => over.dot(a, b),
                _ => over.cosine(a, b),
            }),
        }),
    }))
}

/// What a reduction of a stage ranges over.
struct Over {
    extent: Extent,
    ty: Type,
    span: Span,
}

impl Over {
    fn reduce(&self, combine: Reducer, value: Expr) -> Expr {
        let kind = ExprKind::StageReduce { combine, extent: self.extent, value: Box::new(value) };
        Expr { kind, ty: self.ty.clone(), span: self.span }
    }

    fn dot(&self, a: Expr, b: Expr) -> Expr {
        self.reduce(Reducer::Sum, build::map(&scalar::MUL, vec![a, b], self.span))
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

/// An extent by name, or by a word that stands for one. Groups are the whole model so far.
pub(crate) fn extent_word(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) -> Checked<Extent> {
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
            Err(env.report(errors::none_of(&errors::UNKNOWN_WORD, "extent", &word, span, &known)))
        }
    }
}

/// Whether a name is an extent, or a word that may stand for one.
pub(super) fn is_extent(scope: &Scope, name: &str) -> bool {
    EXTENTS.contains(&name) || matches!(scope.get(name), Some(Binding::Word(..)))
}
