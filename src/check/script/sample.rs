//! `sample`: text that a fit writes.

use super::{known, runs};
use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Callee, Checked, Env, Poison, Scope, Value};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenArg, WrittenCall};
use crate::check::expr::{args, calls};
use crate::check::text;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{DataId, Expr, ExprKind, Instance, Part, Sample};

/// The name of the builtin.
const NAME: &str = "sample";

/// `sample(fit, "Once", 400, temperature = 0.8)`, if an expression is that.
pub(super) fn sample<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Option<Checked<Sample>> {
    let Ast::Call(callee, args) = &expr.kind else { return None };
    let named = matches!(&callee.kind, Ast::Name(name) if name == NAME);
    if !named || cx.env.decls.find_function(NAME, false).is_some() {
        return None;
    }
    let args = args.iter().map(|arg| WrittenArg { name: arg.name.as_ref(), value: &arg.value }).collect();
    let call = WrittenCall {
        name: NAME.to_string(),
        statics: &[],
        args,
        span: expr.span,
        expected: None,
        axes: Vec::new(),
    };
    Some(called(cx, scope, &call))
}

fn called<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &WrittenCall<'a, '_>) -> Checked<Sample> {
    let args = args::match_args(cx.env, call, &["fit", "prompt", "count", "temperature"], 3, None)?;
    let [Some(fit), Some(prompt), Some(count), temperature] = args[..] else { return Err(Poison) };
    let (id, callee, data) = runs::fit(cx.env, fit)?;
    let context = window_of(cx.env, data, fit)?;
    let prompt = characters(cx.env, data, prompt);
    let count = known::whole(cx, count, "count", 1);
    let temperature = temperature.map_or(Ok(1.0), |written| self::temperature(cx, written));
    let window = Type::new(DType::I32, vec![Dim::constant(1), Dim::from(context)]);
    let local = scope.local("window", window.clone(), call.span);
    let value = Expr { kind: ExprKind::Local(local), ty: window, span: fit.span };
    let Callee::Def(def, statics) = callee else { return Err(Poison) };
    let name = cx.env.quote(fit.span);
    let inner = WrittenCall {
        name,
        statics: &[],
        args: vec![WrittenArg { name: None, value: fit }],
        span: call.span,
        expected: None,
        axes: Vec::new(),
    };
    let first = Some(Value::strong(value));
    let logits = calls::call_def(cx, scope, def, statics, Instance::Part(Part::fit(id)), first, &inner)?.expr;
    expect_logits(cx.env, &logits, context, data, call.span)?;
    let (prompt, count, temperature) = (prompt?, count?, temperature?);
    Ok(Sample { fit: id, data, window: local, logits, prompt, count, temperature })
}

/// The size of the windows of the text that a fit was trained on.
fn window_of(env: &mut Env<'_>, data: DataId, expr: &ast::Expr) -> Checked<usize> {
    if let [first, ..] = &env.data[data.0].columns[..]
        && !env.data[data.0].characters.is_empty()
    {
        return Ok(first.ty.count());
    }
    let message = format!("`{}` was not trained on a text", env.quote(expr.span));
    let found = at(&errors::WRONG_ARGUMENT, message, expr.span, "cannot write text");
    let found = found.label(env.data[data.0].span, "its data");
    Err(env.report(found.help("train on `data poem = text(\"poem.txt\")`")))
}

/// The characters to begin with, as numbers.
fn characters<'a>(env: &mut Env<'a>, data: DataId, expr: &'a ast::Expr) -> Checked<Vec<i32>> {
    let prompt = known::plain_text(env, expr)?;
    let known = &env.data[data.0].characters;
    let codes = prompt.chars().map(|c| known.binary_search(&c).map(|code| code as i32).map_err(|_| c));
    let found: Diagnostic = match codes.collect::<Result<Vec<i32>, char>>() {
        Ok(codes) if codes.is_empty() => {
            at(&errors::WRONG_ARGUMENT, "there is nothing to continue", expr.span, "no characters")
                .help("begin with a character at least")
        }
        Ok(codes) => return Ok(codes),
        Err(c) => {
            at(&errors::WRONG_ARGUMENT, format!("the text has no `{c}`"), expr.span, "never seen in training")
                .help("begin with characters that the text has")
        }
    };
    Err(env.report(found))
}

fn temperature<'a>(cx: &mut Typer<'_, 'a>, expr: &'a ast::Expr) -> Checked<f64> {
    let temperature = known::known_number(cx, expr, "temperature")?;
    if temperature >= 0.0 {
        return Ok(temperature);
    }
    let found = at(&errors::WRONG_ARGUMENT, "a temperature is not below 0", expr.span, "below 0");
    Err(cx.env.report(found.help("write `temperature = 0.8`; 0 takes the likeliest character each time")))
}

/// Logits of each character after each place of a window.
fn expect_logits(env: &mut Env<'_>, logits: &Expr, context: usize, data: DataId, span: Span) -> Checked<()> {
    let vocab = env.data[data.0].characters.len();
    let wanted = Type::of(env.real, &[1, context, vocab]);
    if logits.ty == wanted {
        return Ok(());
    }
    let (have, want) = (text::show(&logits.ty, env.real), text::show(&wanted, env.real));
    let message = format!("sampling needs `{want}`, logits of the next character; this model gives `{have}`");
    let found = at(&errors::SHAPE_MISMATCH, message, span, format!("this is `{have}`"));
    Err(env.report(found.help("let the model give `real[B, T, V]` for `i32[B, T]`")))
}
