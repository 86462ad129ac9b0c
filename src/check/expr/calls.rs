//! Calls: who is called, with which static and other arguments.

use super::dims;
use super::instances;
use super::typer::{Typer, WrittenArg, WrittenCall};
use super::{args, axes, convert, derive, fixes, layers, origin, parts, recorded, solve, statics, targets};
use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins::{self, points, stage};
use crate::check::env::{
    CallTarget, Callee, Checked, Declaration, Env, Global, Poison, STEPS, Scope, ScopeKind, Signature, Sizes,
    StaticArg, Value,
};
use crate::check::errors::{self, at};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, ExprKind, FunctionId, Instance, LocalId, Part, build};

/// `f(x)`, `f[n](x)`.
pub(super) fn call<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    callee: &'a ast::Expr,
    args: Vec<WrittenArg<'a>>,
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    match &callee.kind {
        Ast::Bracket(inner, statics) if !parts::is_part(cx.env, scope, callee) => {
            call_with(cx, scope, inner, statics, args, span, expected)
        }
        _ => call_with(cx, scope, callee, &[], args, span, expected),
    }
}

/// A call of `callee[statics](args)`.
pub(super) fn call_with<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    callee: &'a ast::Expr,
    statics: &'a [ast::Expr],
    args: Vec<WrittenArg<'a>>,
    span: Span,
    expected: Option<&Type>,
) -> Checked<Value> {
    let target = match stage::extent_reduction_name(scope, callee, statics) {
        Some(name) => Ok(CallTarget::Callee(Callee::Builtin(name))),
        None => targets::target(cx, scope, callee),
    };
    let call =
        WrittenCall { name: cx.env.quote(callee.span), statics, args, axes: Vec::new(), span, expected };
    match target {
        Err(poison) => {
            args::check_args(cx, scope, &call);
            Err(poison)
        }
        Ok(target) => cx.call_target(scope, target, &call),
    }
}

/// A call of who has been found.
pub(super) fn call_target<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    target: CallTarget,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    match target {
        CallTarget::Callee(Callee::Builtin(name)) => match recorded::of_series(cx, scope, &name, call) {
            Some(number) => number,
            None => builtins::builtin(cx, scope, &name, call),
        },
        CallTarget::Callee(Callee::Def(def, given)) => {
            if cx.env.decls.functions[def].model {
                // `conv2d(x, w)` is the function, `layer a = conv2d[1, 8, 3]` the layer with its kernel.
                if cx.env.decls.functions[def].library
                    && call.statics.is_empty()
                    && builtins::is_builtin(&call.name)
                {
                    return builtins::builtin(cx, scope, &call.name.clone(), call);
                }
                return Err(model_without_instance(cx.env, def, scope, call));
            }
            let given = statics::statics(cx, scope, def, given, call)?;
            let call = statics::without_axes(cx.env, def, call);
            call_def(cx, scope, def, given, Instance::None, None, &call)
        }
        CallTarget::Callee(Callee::Derived(derived)) => derive::call_derived(cx, scope, &derived, call),
        CallTarget::Layer { index, .. } => layers::call_layer(cx, scope, index, None, call),
        CallTarget::Layers { first, count, .. } => layers::call_layers(cx, scope, first, count, call),
        CallTarget::LayerAt { first, count, position, .. } => {
            layers::call_one_of(cx, scope, first, count, (position, call.span), call)
        }
        CallTarget::Inner => points::call_inner(cx, scope, call),
        CallTarget::Loss => points::call_loss(cx, scope, call),
        CallTarget::Callee(Callee::Model(def, given, part)) => {
            args::no_more_statics(cx.env, call)?;
            call_model(cx, scope, (def, given), &part, None, call)
        }
    }
}

/// A call of a model of a run, or of layers in it; `first` takes the place of the first argument.
pub(crate) fn call_model<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    (def, given): (usize, Vec<StaticArg>),
    part: &Part,
    mut first: Option<Value>,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let mut value = Err(Poison);
    for part in parts::each(cx.env, part) {
        value = call_def(cx, scope, def, given.clone(), Instance::Part(part), first, call);
        first = Some(value.clone()?);
    }
    value
}

/// A call of a function or model that is declared in a script or in the library; `first` takes the
/// place of the first argument.
pub(crate) fn call_def<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    def: usize,
    statics: Vec<StaticArg>,
    instance: Instance,
    mut first: Option<Value>,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let function = cx.env.decls.functions[def].ast;
    let names: Vec<&str> = function.args.iter().map(|arg| arg.name.name.as_str()).collect();
    let written = args::match_args(cx.env, call, &names, 0, Some(function.name.span));
    let written = written.and_then(|written| all_given(cx.env, scope, function, call, written));
    let Ok(written) = written else {
        args::check_args(cx, scope, call);
        return Err(Poison);
    };
    let mut values: Vec<Checked<Value>> = Vec::new();
    for (k, arg) in written.into_iter().enumerate() {
        values.push(match arg {
            Some(_) if k == 0 && first.is_some() => first.take().ok_or(Poison),
            Some(arg) => cx.expr(scope, arg, None),
            None => left_out(cx, def, k, call.span),
        });
    }
    let values = values.into_iter().collect::<Checked<Vec<Value>>>()?;
    apply(cx.env, scope, def, statics, values, instance, call)
}

/// A call of a function or model with the values of all its arguments.
pub(crate) fn apply<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    def: usize,
    statics: Vec<StaticArg>,
    values: Vec<Value>,
    instance: Instance,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let rank = solve::rest_rank(env.decls.functions[def].ast, &values, call.expected);
    let statics = axes::counted(env, def, statics, rank, &values, call)?;
    let id = instances::instance(env, def, &statics, rank, instances::caller(scope))?;
    call_instance(env, scope, id, &statics, values, instance, call)
}

fn call_instance<'a>(
    env: &mut Env<'a>,
    scope: &mut Scope,
    id: FunctionId,
    statics: &[StaticArg],
    values: Vec<Value>,
    instance: Instance,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    let signature = env.instances.made[id.0].signature.clone();
    let mut sizes = signature.static_sizes(statics);
    let given = sizes.clone();
    let conflict = solve::solve(&signature, &values, &mut sizes);
    if let Some(k) = conflict {
        let mended = fixes::mend(scope, &values[k].expr, |shape| {
            let mut values = values.clone();
            values[k].expr.ty.shape = shape.clone();
            solve::solve(&signature, &values, &mut given.clone()).is_none()
        });
        return Err(argument_mismatch(env, scope, &signature, (&values, k), (&sizes, mended), call));
    }
    if let Some(expected) = call.expected {
        solve::solve_result(&signature, expected, &mut sizes);
    }
    if let Some(open) = signature.sizes.iter().find(|var| !sizes.contains_key(var)) {
        let message = format!("cannot infer size `{}` of `{}`", open.name, call.name);
        let found = at(&errors::SIZE_UNKNOWN, message, call.span, "not enough is known");
        return Err(env.report(match signature.statics.contains(&Some(open.clone())) {
            true => {
                found.help(format!("write it in square brackets: `{}[{} = 8](...)`", call.name, open.name))
            }
            false => found.help("write the type of what it is assigned to: `let a: real[...] = ...`"),
        }));
    }
    let mut args = Vec::new();
    let mut failed = Ok(());
    for (k, value) in values.into_iter().enumerate() {
        let ty = signature.args[k].substitute(&sizes);
        let expected = (signature.spans[k], expectation(&signature, k));
        match convert::coerce(env, scope, value, &ty, expected) {
            Ok(arg) => args.push(as_cell(scope, &signature.names[k], arg)),
            Err(poison) => failed = Err(poison),
        }
    }
    failed?;
    let ordered: Vec<_> = signature.sizes.iter().map(|var| sizes[var].clone()).collect();
    instances::record_call(env, scope, id, &ordered, &instance, call.span);
    let ty = signature.results[0].substitute(&sizes);
    for dim in ty.shape.iter().chain(args.iter().flat_map(|arg: &Expr| &arg.ty.shape)) {
        dims::positive(env, dim.clone(), call.span)?;
    }
    let kind = ExprKind::Call { function: id, sizes: ordered, args, instance };
    Ok(Value::strong(Expr { kind, ty, span: call.span }))
}

/// Whether everything that a call leaves out has a default, or is the step in a hyperparameter.
fn all_given<'a>(
    env: &mut Env<'a>,
    scope: &Scope,
    function: &ast::Function,
    call: &WrittenCall<'a, '_>,
    written: Vec<Option<&'a ast::Expr>>,
) -> Checked<Vec<Option<&'a ast::Expr>>> {
    let lacks = |(arg, written): (&ast::Arg, &Option<&ast::Expr>)| {
        let step = matches!(scope.kind, ScopeKind::Hypers(..)) && STEPS.contains(&arg.name.name.as_str());
        (written.is_none() && arg.default.is_none() && !step).then(|| arg.name.name.clone())
    };
    let Some(missing) = function.args.iter().zip(&written).find_map(lacks) else { return Ok(written) };
    let names: Vec<&str> = function.args.iter().map(|arg| arg.name.name.as_str()).collect();
    Err(args::missing_argument(env, call, &missing, &names, Some(function.name.span)))
}

/// The value of argument `k` where a call leaves it out.
fn left_out(cx: &mut Typer<'_, '_>, def: usize, k: usize, span: Span) -> Checked<Value> {
    let arg = &cx.env.decls.functions[def].ast.args[k];
    match (&arg.default, STEPS.iter().position(|step| *step == arg.name.name)) {
        (Some(default), _) => default_value(cx, def, k, default),
        (None, Some(step)) => {
            let ty = Type::scalar(DType::F64);
            Ok(Value::strong(Expr { kind: ExprKind::Local(LocalId(step)), ty, span }))
        }
        (None, None) => Err(Poison),
    }
}

/// A default sees numbers and functions only.
pub(crate) fn default_value<'a>(
    cx: &mut Typer<'_, 'a>,
    def: usize,
    k: usize,
    default: &'a ast::Expr,
) -> Checked<Value> {
    let Declaration { ast, library, .. } = cx.env.decls.functions[def];
    let extents = cx.env.extents();
    let double = ast.args[k].ty.dtype.name == "f64";
    let float = if double { DType::F64 } else { cx.env.real };
    cx.expr(&mut Scope::new(ScopeKind::Default(extents), library, float), default, None)
}

/// A number that a function is given inside of a hyperparameter becomes a cell under the name of the
/// function's argument.
fn as_cell(scope: &mut Scope, name: &str, arg: Expr) -> Expr {
    let Some(cells) = scope.cells() else { return arg };
    let mut locals = Vec::new();
    arg.locals(&mut locals);
    if !locals.is_empty() || arg.ty.rank() > 0 || !arg.ty.dtype.is_float() {
        return arg;
    }
    let name = format!("{}.{name}", cells.prefix);
    let dtype = arg.ty.dtype;
    build::cast(scope.cell(&name, build::cast(arg, DType::F64), None), dtype)
}

/// What argument `k` is declared as.
fn expectation(signature: &Signature, k: usize) -> String {
    format!("argument `{}` is declared `{}`", signature.names[k], signature.written[k])
}

/// What to write where labels are no class numbers, or are.
const SOFT: &str = "for one-hot rows and probabilities write `soft_cross_entropy`; `cross_entropy` takes class numbers, \
    one for each row";
const CLASSES: &str =
    "for class numbers and a logit for each class write `cross_entropy`; here both have the same shape";

/// The loss for targets of another kind than those that this one takes.
fn fitting_loss(call: &WrittenCall<'_, '_>, values: &[Value]) -> Option<&'static str> {
    let target = &values.get(1)?.expr.ty.dtype;
    match call.name.as_str() {
        "cross_entropy" | "smooth_cross_entropy" if target.is_float() => Some(SOFT),
        "binary_cross_entropy" | "soft_cross_entropy" if target.is_int() => Some(CLASSES),
        _ => None,
    }
}

fn argument_mismatch<'a>(
    env: &mut Env<'a>,
    scope: &Scope,
    signature: &Signature,
    (values, k): (&[Value], usize),
    (sizes, mended): (&Sizes, Option<String>),
    call: &WrittenCall<'a, '_>,
) -> Poison {
    let value = &values[k];
    let have = text::show(&value.expr.ty, env.real);
    let want = text::show(&signature.args[k].substitute(sizes), env.real);
    let layer = layers::layer_span(scope, &call.name);
    // What a layer takes is decided where it is declared.
    let expected = match layer {
        Some(span) => (span, format!("layer `{}` takes `{want}`", call.name)),
        None => (signature.spans[k], expectation(signature, k)),
    };
    let found = errors::shapes(
        format!("`{}` takes `{want}` as `{}`, and this is `{have}`", call.name, signature.names[k]),
        (value.expr.span, have),
        expected,
    );
    let found = origin::label_origin(env, scope, &value.expr, found);
    let help = match layer {
        None if fitting_loss(call, values).is_some() => {
            fitting_loss(call, values).unwrap_or_default().to_string()
        }
        _ if mended.is_some() => mended.unwrap_or_default(),
        Some(_) => format!("change the sizes of layer `{}`, or the value it is applied to", call.name),
        None => "make the sizes equal".to_string(),
    };
    env.report(found.help(help))
}

fn model_without_instance<'a>(
    env: &mut Env<'a>,
    def: usize,
    scope: &Scope,
    call: &WrittenCall<'a, '_>,
) -> Poison {
    let message = format!("model `{}` owns parameters, and this call does not say whose", call.name);
    let found = at(&errors::MODEL_WITHOUT_INSTANCE, message, call.span, "called without an instance");
    let of = |global: &Global| matches!(global, Global::Fit { callee: Callee::Def(of, _), .. } if *of == def);
    let fit = env.globals.values.iter().find(|(_, global)| of(global)).map(|(name, _)| *name);
    let name = &call.name;
    let help = match (fit, &scope.kind) {
        (Some(fit), ScopeKind::Statement | ScopeKind::Run(_)) => format!("call the fit: `{fit}(...)`"),
        (None, ScopeKind::Statement) => {
            format!("train it, and call the fit: `let fit = train {name} on ...`")
        }
        (_, ScopeKind::Function(function))
            if !env.decls.functions[env.instances.made[function.id.0].def].model
                && !env.decls.functions[def].library =>
        {
            format!(
                "take the model as an argument, `fn f[{name}: model](...)`, and call `f[{name}](...)` in a loss"
            )
        }
        _ => format!("in a model, declare `layer a = {name}[...]` and call `a`"),
    };
    env.report(found.help(help))
}
