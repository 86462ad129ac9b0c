//! What models own: parameters, states and layers; and the lines before their value.

use super::{models, states};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Callee, Checked, Env, Layer, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::lets::{self, Line};
use crate::check::expr::typer::Typer;
use crate::check::expr::{dims, instances};
use crate::check::text;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Expr, Member};

/// The most layers that one line declares.
const MOST_LAYERS: i64 = 1000;

/// The members of a model, a place left for each layer, which its first call completes.
type Members = Checked<Vec<Option<Member>>>;

/// Checks the lines before a function's value; `from`: where its own names start.
pub(super) fn members<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    function: &'a ast::Function,
    from: usize,
) -> (Members, Checked<Vec<(Line, Expr)>>) {
    let (mut members, mut lets) = (Ok(Vec::new()), Ok(Vec::new()));
    for line in &function.members {
        match line {
            ast::Member::Let(line) => {
                let line = lets::let_line(cx, scope, line, from);
                push(&mut lets, line.map(|(locals, value)| (Line::Let(locals), value)));
            }
            ast::Member::State(line) => {
                let member = states::model_state(cx, scope, line, from, len(&members));
                push(&mut members, member.map(Some));
            }
            ast::Member::Assign { name, value } => {
                push(&mut lets, states::assign_state(cx, scope, name, value, from));
            }
            ast::Member::Param(line) => {
                let member = param(cx, scope, line, from, len(&members));
                push(&mut members, member.map(Some));
            }
            ast::Member::Layer(line) => {
                let count = layer(cx, scope, line, from, len(&members));
                for _ in 0..*count.as_ref().unwrap_or(&1) {
                    push(&mut members, count.map(|_| None));
                }
            }
        }
    }
    states::states_assigned(cx.env, scope, function);
    (members, lets)
}

fn claim(env: &mut Env<'_>, scope: &Scope, name: &ast::Ident, from: usize) {
    if let Some((.., span)) = scope.names[from..].iter().find(|(have, ..)| *have == name.name) {
        let span = *span;
        env.report(errors::duplicate(&name.name, name.span, Some(span)));
    }
}

/// `param w: real[I, O] = glorot_uniform()`
fn param<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    from: usize,
    k: usize,
) -> Checked<Member> {
    let init = initial(cx, scope, line, from).and_then(|init| float_param(cx.env, init, line));
    let binding = match &init {
        Ok(init) => Binding::Param(k, init.ty.clone()),
        Err(_) => Binding::Error,
    };
    scope.bind(&line.name().name, binding, line.name().span);
    let init = init?;
    Ok(Member::Param { name: line.name().name.clone(), ty: init.ty.clone(), init, span: line.name().span })
}

/// A value before training.
pub(super) fn initial<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    from: usize,
) -> Checked<Expr> {
    claim(cx.env, scope, line.name(), from);
    let locals = scope.locals.len();
    scope.of_function().hidden = Some(locals);
    let init = lets::let_value(cx, scope, line);
    scope.of_function().hidden = None;
    init
}

fn float_param(env: &mut Env<'_>, init: Expr, line: &ast::Let) -> Checked<Expr> {
    if init.ty.dtype == env.real {
        return Ok(init);
    }
    let shown = text::show(&init.ty, env.real);
    let message = format!("parameter `{}` is `{shown}`; parameters are `real`", line.name().name);
    let found = at(&errors::TYPE_MISMATCH, message, line.name().span, format!("this is `{shown}`"));
    Err(env.report(found.help(format!("write its type: `param {}: real = ...`", line.name().name))))
}

/// `layer hidden = dense[64, 32]`, `layer blocks = block[64] * 6`; how many members that makes.
fn layer<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    line: &'a ast::Let,
    from: usize,
    k: usize,
) -> Checked<usize> {
    claim(cx.env, scope, line.name(), from);
    let (name, span) = (line.name().name.clone(), line.name().span);
    let (model, count) = match &line.value.kind {
        Ast::Binary(ast::BinaryOp::Mul, model, count) => (&**model, Some(repeats(cx.env, scope, count))),
        _ => (&line.value, None),
    };
    let made = models::model_value(cx, scope, model).and_then(|callee| Ok((callee, count.transpose()?)));
    match made {
        Ok((callee, None)) => {
            let index = scope.layers().len();
            let layer = Layer { name: name.clone(), callee, span, function: None };
            scope.of_function().layers.push((k, layer));
            scope.bind(&name, Binding::Layer(index), span);
            Ok(1)
        }
        Ok((callee, Some(count))) => {
            let first = scope.layers().len();
            for j in 0..count {
                let (name, callee) = (format!("{name}[{j}]"), callee.clone());
                scope.of_function().layers.push((k + j, Layer { name, callee, span, function: None }));
            }
            scope.bind(&name, Binding::Layers(first, count), span);
            Ok(count)
        }
        Err(poison) => {
            scope.bind(&name, Binding::Error, span);
            Err(poison)
        }
    }
}

/// How many times a layer is repeated.
fn repeats<'a>(env: &mut Env<'a>, scope: &mut Scope, count: &'a ast::Expr) -> Checked<usize> {
    match dims::dim(env, scope, count, false)?.as_constant() {
        Some(n) if (1..=MOST_LAYERS).contains(&n) => Ok(n as usize),
        _ => {
            let message = format!("a layer is repeated 1 to {MOST_LAYERS} times");
            let found = at(&errors::NOT_CONSTANT, message, count.span, "not such a number");
            Err(env.report(found.help("write how many layers there are: `block[64] * 6`")))
        }
    }
}

/// The layers as members; those never called are instances all the same.
pub(super) fn finish_layers(
    env: &mut Env<'_>,
    scope: &mut Scope,
    sound: bool,
) -> Checked<Vec<(usize, Member)>> {
    let caller = instances::caller(scope);
    let mut members = Vec::new();
    for (k, layer) in scope.layers().to_vec() {
        let Callee::Def(def, statics) = layer.callee else { continue };
        let function = match layer.function {
            Some(function) => function,
            None => {
                if sound {
                    unused_layer(env, scope, &layer.name, layer.span);
                }
                instances::uncalled(env, def, &statics, 0, caller)?
            }
        };
        let sizes = env.instances.made[function.0].signature.static_sizes(&statics);
        members.push((k, Member::Layer { name: layer.name, function, sizes }));
    }
    Ok(members)
}

fn unused_layer(env: &mut Env<'_>, scope: &Scope, name: &str, span: Span) {
    if scope.library {
        return;
    }
    let found = Diagnostic::warning(&errors::UNUSED_LAYER, format!("layer `{name}` is never used"));
    env.report(found.label(span, "declared here").help("apply it, or remove it"));
}

fn len(members: &Members) -> usize {
    members.as_ref().map_or(0, Vec::len)
}

/// Adds to what is there, unless either is in error.
fn push<T>(all: &mut Checked<Vec<T>>, next: Checked<T>) {
    match (all.as_mut(), next) {
        (Ok(all), Ok(next)) => all.push(next),
        _ => *all = Err(Poison),
    }
}
