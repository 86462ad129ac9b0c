//! The forms of expressions, each handed to the file that knows it.

use super::typer::{Typer, WrittenArg};
use super::{
    arith, calls, columns, convert, indexing, lets, loops, matches, names, parts, recorded, several, targets,
};
use crate::algebra::concat::Concat;
use crate::algebra::op::Op;
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Env, Poison, Scope, Value, Weak, value};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, build};

/// Checks an expression, which may have several values.
pub(super) fn any_expr<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
    expected: Option<&Type>,
) -> Checked<Value> {
    let span = expr.span;
    if let Some((_, known)) = scope.known.iter().rev().find(|(place, _)| *place == span) {
        return Ok(known.clone());
    }
    match &expr.kind {
        Ast::Error => Err(Poison),
        Ast::Number { value, integer } => Ok(value::literal(*value, *integer, scope.float, span)),
        Ast::Bool(value) => {
            let ty = Type::scalar(DType::Bool);
            Ok(Value::strong(build::constant(f64::from(u8::from(*value)), ty, span)))
        }
        Ast::Name(name) => names::name(cx.env, scope, name, span),
        Ast::Field(of, field) => match columns::vocab(cx.env, of, field) {
            Some(size) => Ok(value::size(&size?, span)),
            None => recorded::field(cx.env, scope, of, field, span),
        },
        Ast::Call(callee, args) => {
            let args =
                args.iter().map(|arg| WrittenArg { name: arg.name.as_ref(), value: &arg.value }).collect();
            calls::call(cx, scope, callee, args, span, expected)
        }
        Ast::Pipe(value, callee) => pipe(cx, scope, value, callee, span, expected),
        Ast::Bracket(of, indices) => bracket(cx, scope, of, indices, span, expected),
        Ast::List(items) => list(cx, scope, items, span),
        Ast::Tuple(_) => Ok(Value::strong(several::several(cx, scope, expr, &[], "")?)),
        Ast::Loop(parts) => loops::repeat(cx, scope, parts, span),
        Ast::Unary(op, x) => arith::unary(cx, scope, *op, x, span, expected),
        Ast::Binary(op, a, b) => arith::binary(cx, scope, *op, a, b, span, expected),
        Ast::Match(word, arms) => {
            let arm = matches::match_arm(cx.env, scope, word, arms, span)?;
            cx.any_expr(scope, arm, expected)
        }
        Ast::Block(lets, body) => lets::block(cx, scope, lets, body, expected),
        Ast::Str(_)
        | Ast::Groups(_)
        | Ast::Train(_)
        | Ast::Eval(_)
        | Ast::Predict(_)
        | Ast::Sweep(_)
        | Ast::By(..)
        | Ast::Every(..)
        | Ast::Best(..)
        | Ast::Rest
        | Ast::Named(..)
        | Ast::Slice(_) => Err(no_value(cx.env, expr)),
    }
}

/// What stands somewhere else only.
fn no_value(env: &mut Env<'_>, expr: &ast::Expr) -> Poison {
    let (source, span) = (format!("`{}`", env.quote(expr.span)), expr.span);
    let (what, help) = match &expr.kind {
        Ast::Train(_) | Ast::Eval(_) | Ast::Sweep(_) => {
            let message = "`train`, `sweep` and `eval` stand by themselves or after `let NAME =`";
            return env.report(at(&errors::NOT_A_VALUE, message, span, "not inside of an expression"));
        }
        Ast::By(..) => {
            let message = "`by` makes a table or a curve of a sweep, which is no value";
            let found = at(&errors::WRONG_SWEEP, message, span, "not inside of an expression");
            return env.report(found.help("write `print runs.loss by lr`, or plot it"));
        }
        Ast::Every(..) => (
            source.as_str(),
            "it says when a training run writes files: `checkpoint = every 500 to \"checkpoints\"`",
        ),
        Ast::Str(_) => ("text", "text is for `print` and for paths"),
        Ast::Groups(_) => ("an optimizer", "groups of parameters are for `optimizer = { ... }` in `train`"),
        Ast::Rest => ("`..`", "`..` stands in types and among the positions of a tensor"),
        Ast::Named(..) => (
            source.as_str(),
            "names stand in the brackets of what is called or made a layer: `conv2d[1, 8, 3, stride = 2]`",
        ),
        _ => (source.as_str(), "slices stand in the brackets of a tensor: `x[1:5]`"),
    };
    env.report(errors::not_a_value(what, span, help))
}

/// `x |> f(y)` is `f(x, y)`.
fn pipe<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    value: &'a ast::Expr,
    callee: &'a ast::Expr,
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    let mut args = vec![WrittenArg { name: None, value }];
    let made = targets::makes_function(cx.env, scope, callee);
    let callee = match &callee.kind {
        Ast::Call(callee, rest) if !made => {
            args.extend(rest.iter().map(|arg| WrittenArg { name: arg.name.as_ref(), value: &arg.value }));
            callee
        }
        _ => callee,
    };
    calls::call(cx, scope, callee, args, span, expected)
}

/// `f[...]` alone, or a part `x[0, 1:3]`.
fn bracket<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    of: &'a ast::Expr,
    indices: &'a [ast::Expr],
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    if targets::is_callable(cx.env, scope, of) {
        let made = matches!(&of.kind, Ast::Name(name) if name == "iota");
        if made {
            return calls::call_with(cx, scope, of, indices, Vec::new(), span, expected);
        }
        return names::no_value(
            cx.env,
            &format!("function `{}`", cx.env.quote(of.span)),
            span,
            "call it: add `(...)`",
        );
    }
    if let Some(state) = parts::state_of(cx.env, scope, of, indices) {
        return state;
    }
    let value = cx.definite(scope, of)?;
    indexing::part_of(cx.env, scope, value, indices, span)
}

/// `[a, b, c]`: values of one shape along a new first axis.
fn list<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, items: &'a [ast::Expr], span: Span) -> Checked<Value> {
    let values: Vec<Checked<Value>> = items.iter().map(|item| cx.expr(scope, item, None)).collect();
    let values = values.into_iter().collect::<Checked<Vec<Value>>>()?;
    let Some(first) = values.first().cloned() else {
        let found = at(&errors::SIZE_UNKNOWN, "an empty list has no type", span, "no elements");
        return Err(cx.env.report(found.help("tensors have at least one element: write one here")));
    };
    let mut widest = first;
    for value in &values[1..] {
        let dtype = convert::joint_dtype(cx.env, scope, &widest, value)?;
        if dtype != widest.expr.ty.dtype || value.weak == Weak::No {
            widest = Value {
                expr: Expr { ty: widest.expr.ty.with_dtype(dtype), ..widest.expr },
                weak: value.weak,
            };
        }
    }
    let ty = widest.expr.ty.clone();
    if ty.dtype == DType::Bool {
        let found = at(&errors::TYPE_MISMATCH, "a list holds numbers, not `bool`", span, "a list of `bool`");
        return Err(cx.env.report(found.help("list 0 and 1, and compare: `[1, 0] == 1`")));
    }
    let expected = (values[0].expr.span, format!("the first element is `{}`", text::show(&ty, cx.env.real)));
    let parts: Vec<_> = values
        .into_iter()
        .map(|value| convert::coerce(cx.env, scope, value, &ty, expected.clone()))
        .collect();
    let parts = parts.into_iter().collect::<Checked<Vec<Expr>>>()?;
    let mut to = vec![Dim::from(parts.len())];
    to.extend(ty.shape);
    let packed = build::op(Op::Concat(Concat), parts, span);
    let packed =
        if to.len() == 1 { packed } else { build::op(Op::View(View::Reshape { to }), vec![packed], span) };
    Ok(Value::strong(packed))
}
