//! What the models of runs have, by dotted names: `fit.hidden.w`, `fit.blocks[2]`, `net.decoder(z)`.

use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Binding, Callee, Checked, Env, Global, Poison, Scope, Sizes, StaticArg, Value};
use crate::check::errors::{self, at};
use crate::source::Span;
use crate::typed::{Expr, ExprKind, Extent, FunctionId, Member, Part, StatementId};

/// Most names that a message lists.
const LISTED: usize = 12;

/// `fit.blocks[2].w`: what is named first, and the names after it with their positions.
struct Dotted<'e> {
    root: &'e str,
    steps: Vec<Step<'e>>,
}

struct Step<'e> {
    name: &'e ast::Ident,
    position: Option<&'e ast::Expr>,
}

/// What a dotted name leads to.
enum Found {
    /// A parameter or a state.
    Tensor(Part, Type),
    /// A layer, or repeated layers.
    Layer(Part, Callee),
}

/// A model in a run with its sizes.
struct Model {
    function: FunctionId,
    sizes: Sizes,
}

/// A dotted name as a value, if what is named first is a model with its parameters.
pub(super) fn value(env: &mut Env<'_>, scope: &Scope, expr: &ast::Expr) -> Option<Checked<Value>> {
    let dotted = dotted(expr)?;
    let start = start(env, scope, dotted.root)?;
    Some(start.and_then(|start| find(env, start, &dotted)).and_then(|found| match found {
        Found::Tensor(part, ty) => {
            Ok(Value::strong(Expr { kind: ExprKind::Part(part), ty, span: expr.span }))
        }
        Found::Layer(part, _) => Err(layer_as_value(env, &part, expr)),
    }))
}

/// A dotted name as what is called, if what is named first is a model with its parameters.
pub(super) fn callee(env: &mut Env<'_>, scope: &Scope, expr: &ast::Expr) -> Option<Checked<Callee>> {
    let dotted = dotted(expr)?;
    let start = start(env, scope, dotted.root)?;
    Some(start.and_then(|start| find(env, start, &dotted)).and_then(|found| match found {
        Found::Layer(_, callee) => Ok(callee),
        Found::Tensor(..) => {
            let message = format!("`{}` is a tensor", env.quote(expr.span));
            let found = at(&errors::NOT_A_FUNCTION, message, expr.span, "cannot be called");
            Err(env.report(found.help("call the layer that it is in, or multiply with `*` or `@`")))
        }
    }))
}

/// Whether a dotted name begins with a declared model, which has no parameters by itself.
pub(super) fn names_model(env: &Env<'_>, scope: &Scope, expr: &ast::Expr) -> bool {
    let Some(Dotted { root, .. }) = dotted(expr) else { return false };
    let model = |def| env.decls.functions[def].model;
    scope.get(root).is_none() && env.decls.find_function(root, scope.library).is_some_and(model)
}

/// A part of a declared model.
pub(super) fn whose(env: &mut Env<'_>, expr: &ast::Expr) -> Poison {
    let root = dotted(expr).map_or("", |dotted| dotted.root);
    let message =
        format!("model `{root}` has no parameters by itself, and this does not say whose are meant");
    let found = at(&errors::MODEL_WITHOUT_INSTANCE, message, expr.span, "a part of a declared model");
    let help = format!("name a fit, or take the model as an argument: `fn f[{root}: model](...)`");
    env.report(found.help(help))
}

/// Whether an expression is a dotted name of which the first is a model with its parameters.
pub(super) fn is_part(env: &Env<'_>, scope: &Scope, expr: &ast::Expr) -> bool {
    dotted(expr).is_some_and(|dotted| start(env, scope, dotted.root).is_some())
}

/// Whether the model of a run has something of this name.
pub(super) fn has(env: &Env<'_>, of: &Part, name: &str) -> bool {
    model_at(env, of).is_some_and(|model| member_names(env, &model).iter().any(|have| have == name))
}

/// The layers that a part stands for: itself, or each of repeated ones.
pub(super) fn each(env: &Env<'_>, part: &Part) -> Vec<Part> {
    let (outer, last) = part.path.rsplit_once('.').unwrap_or(("", &part.path));
    let inside = Part { path: outer.to_string(), ..part.clone() };
    let count = model_at(env, &inside).map_or(0, |model| repeats(env, &model, last));
    match count {
        0 => vec![part.clone()],
        n => (0..n).map(|k| inside.member(&format!("{last}[{k}]"))).collect(),
    }
}

/// The model of a run, or a layer in it, as it is called: its function, and its sizes as far as its parameters
/// need them.
pub(crate) fn layer(env: &Env<'_>, part: &Part) -> Option<(FunctionId, Vec<Dim>)> {
    let Model { function, sizes } = model_at(env, part)?;
    let vars = env.instances.made[function.0].signature.sizes.iter();
    let dims = vars.map(|var| sizes.get(var).cloned().unwrap_or_else(|| Dim::var(var.clone())));
    Some((function, dims.collect()))
}

fn dotted(expr: &ast::Expr) -> Option<Dotted<'_>> {
    let (mut steps, mut position, mut at) = (Vec::new(), None, expr);
    loop {
        match &at.kind {
            Ast::Field(of, name) => {
                steps.push(Step { name, position: position.take() });
                at = of;
            }
            Ast::Bracket(of, items) if position.is_none() && matches!(of.kind, Ast::Field(..)) => {
                let [item] = &items[..] else { return None };
                position = Some(item);
                at = of;
            }
            Ast::Name(root) if !steps.is_empty() => {
                steps.reverse();
                return Some(Dotted { root, steps });
            }
            _ => return None,
        }
    }
}

/// The model that a name stands for, with its parameters; nothing if it is none.
fn start(env: &Env<'_>, scope: &Scope, name: &str) -> Option<Checked<Part>> {
    match scope.get(name) {
        Some(Binding::Function(Callee::Model(.., part))) => Some(Ok(part.clone())),
        None if !scope.library => match env.globals.values.get(name)? {
            Global::Fit { id, .. } => Some(Ok(Part::fit(*id))),
            Global::Error => Some(Err(Poison)),
            _ => None,
        },
        _ => None,
    }
}

/// What is found step by step.
fn find(env: &mut Env<'_>, start: Part, dotted: &Dotted<'_>) -> Checked<Found> {
    let mut part = start;
    for (k, step) in dotted.steps.iter().enumerate() {
        let Some(model) = model_at(env, &part) else {
            // Once bodies are checked, and the loss has called its model, it is known.
            env.globals.awaited = true;
            return Err(Poison);
        };
        let last = k + 1 == dotted.steps.len();
        part = match member(env, &model, &part, step)? {
            Some(Found::Layer(part, callee)) if last => return Ok(Found::Layer(part, callee)),
            Some(Found::Layer(part, _)) => one_layer(env, part, step)?,
            Some(tensor) if last && step.position.is_none() => return Ok(tensor),
            Some(_) => {
                let after = dotted.steps.get(k + 1).map_or(step.name.span, |next| next.name.span);
                return Err(no_fields(env, dotted, k, after));
            }
            None => return Err(no_member(env, &model, &part, (dotted.root, k), step)),
        };
    }
    Err(Poison)
}

/// What a model has of this name.
fn member(env: &mut Env<'_>, model: &Model, of: &Part, step: &Step<'_>) -> Checked<Option<Found>> {
    let name = &step.name.name;
    let count = repeats(env, model, name);
    let name = match step.position {
        Some(written) if count > 0 => format!("{name}[{}]", position(env, written, count)?),
        _ if count > 0 => {
            let callee = layer_callee(env, model, &format!("{name}[0]"), of.member(name))?;
            return Ok(Some(Found::Layer(of.member(name), callee)));
        }
        _ => name.clone(),
    };
    let part = of.member(&name);
    let members = env.instances.made[model.function.0].function.iter().flat_map(|function| &function.members);
    Ok(match members.into_iter().find(|member| member.name() == name) {
        None => None,
        Some(Member::Param { ty, .. } | Member::State { ty, .. }) => {
            Some(Found::Tensor(part, ty.substitute(&model.sizes)))
        }
        Some(Member::Layer { .. }) => {
            let callee = layer_callee(env, model, &name, part.clone())?;
            Some(Found::Layer(part, callee))
        }
    })
}

/// A layer as who is called.
fn layer_callee(env: &Env<'_>, model: &Model, name: &str, part: Part) -> Checked<Callee> {
    let layers = &env.instances.made[model.function.0].layers;
    let Some((_, layer)) = layers.iter().find(|(_, layer)| layer.name == name) else { return Err(Poison) };
    let Callee::Def(def, statics) = &layer.callee else { return Err(Poison) };
    let statics = statics.iter().map(|value| substituted(value, &model.sizes)).collect();
    Ok(Callee::Model(*def, statics, part))
}

/// A static argument where the sizes of who gives it are known.
fn substituted(value: &StaticArg, sizes: &Sizes) -> StaticArg {
    match value {
        StaticArg::Size(dim) => StaticArg::Size(dim.substitute(sizes)),
        StaticArg::Function(Callee::Def(def, given)) => {
            let given = given.iter().map(|value| substituted(value, sizes)).collect();
            StaticArg::Function(Callee::Def(*def, given))
        }
        other => other.clone(),
    }
}

/// One of repeated layers.
fn position(env: &mut Env<'_>, written: &ast::Expr, count: usize) -> Checked<usize> {
    let count = count as i64;
    match env.decls.constant(written) {
        Some((n, true)) if (-count..count).contains(&(n as i64)) => Ok((n as i64).rem_euclid(count) as usize),
        Some((n, true)) => {
            let (n, size) = (crate::print::number(n), count.to_string());
            Err(env.report(errors::outside(&n, &size, Some(count - 1), written.span)))
        }
        _ => {
            let message = "the position of a layer must be a whole number known at compile time";
            let found = at(&errors::NOT_CONSTANT, message, written.span, "not a whole number");
            Err(env.report(found.help(format!("write one of 0 to {}", count - 1))))
        }
    }
}

/// How many layers are repeated under a name; 0 if it is none of repeated layers.
fn repeats(env: &Env<'_>, model: &Model, name: &str) -> usize {
    let one_of = |name_of: &str| name_of.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
    let layers = &env.instances.made[model.function.0].layers;
    layers.iter().filter(|(_, layer)| one_of(&layer.name)).count()
}

/// The model of a run, or the layer at a path; `None` if it is not known yet or in error.
fn model_at(env: &Env<'_>, part: &Part) -> Option<Model> {
    let (function, dims) = env.globals.roots.get(&part.run)?;
    let vars = &env.instances.made[function.0].signature.sizes;
    let mut model =
        Model { function: *function, sizes: vars.iter().cloned().zip(dims.iter().cloned()).collect() };
    for name in part.path.split('.').filter(|name| !name.is_empty()) {
        let members = &env.instances.made[model.function.0].function.as_ref()?.members;
        let Member::Layer { function, sizes, .. } = members.iter().find(|member| member.name() == name)?
        else {
            return None;
        };
        let sizes = sizes.iter().map(|(var, dim)| (var.clone(), dim.substitute(&model.sizes))).collect();
        model = Model { function: *function, sizes };
    }
    env.instances.made[model.function.0].function.is_some().then_some(model)
}

/// The names of what a model has, repeated layers once.
fn member_names(env: &Env<'_>, model: &Model) -> Vec<String> {
    let members = env.instances.made[model.function.0].function.iter().flat_map(|function| &function.members);
    let mut names: Vec<String> =
        members.map(|member| member.name().split('[').next().unwrap_or_default().to_string()).collect();
    names.dedup();
    names
}

/// A part that there is not; of a fit itself, what it records is named as well.
fn no_member(
    env: &mut Env<'_>,
    model: &Model,
    of: &Part,
    (root, depth): (&str, usize),
    step: &Step<'_>,
) -> Poison {
    let mut names = member_names(env, model);
    if let (0, Some(Global::Fit { series, .. })) = (depth, env.globals.values.get(root)) {
        names.extend(series.iter().map(|(name, _)| name.clone()));
    }
    let name = &step.name.name;
    let shown = if of.path.is_empty() { root.to_string() } else { format!("{root}.{}", of.path) };
    let near = errors::nearest(name, names.iter().map(String::as_str));
    let more = names.len() > LISTED;
    names.truncate(LISTED);
    let list = format!("{}{}", errors::there_is(&names), if more { " and others" } else { "" });
    let found = at(
        &errors::UNKNOWN_FIELD,
        format!("`{shown}` has no `{name}`"),
        step.name.span,
        "no such parameter, layer or series",
    );
    env.report(match near {
        None => found.help(list),
        near => errors::suggest(found.note(list), near),
    })
}

/// A layer to look into, which is one.
fn one_layer(env: &mut Env<'_>, part: Part, step: &Step<'_>) -> Checked<Part> {
    let several = each(env, &part).len();
    if several == 1 {
        return Ok(part);
    }
    let name = &step.name.name;
    let message = format!("`{name}` is {several} layers, and each has parameters of its own");
    let found = at(&errors::UNKNOWN_FIELD, message, step.name.span, "which of them?");
    Err(env.report(found.help(format!("name one of them: `{name}[0]` to `{name}[{}]`", several - 1))))
}

fn no_fields(env: &mut Env<'_>, dotted: &Dotted<'_>, k: usize, span: Span) -> Poison {
    let names = dotted.steps[..=k].iter().map(|step| step.name.name.as_str());
    let name = [dotted.root].into_iter().chain(names).collect::<Vec<_>>().join(".");
    let found =
        at(&errors::UNKNOWN_FIELD, format!("`{name}` is a tensor"), span, "has no fields and no layers");
    env.report(found.help(format!("it is a value by itself: `{name}`, `{name}[0]`")))
}

fn layer_as_value(env: &mut Env<'_>, part: &Part, expr: &ast::Expr) -> Poison {
    let source = env.quote(expr.span);
    let one = each(env, part);
    let inside = model_at(env, &one[0]).map(|model| member_names(env, &model)).unwrap_or_default();
    let help = match inside.first() {
        Some(first) => format!("call it: `{source}(x)`, or name what it has: `{source}.{first}`"),
        None => format!("call it: `{source}(x)`"),
    };
    env.report(errors::not_a_value(&format!("layer `{source}`"), expr.span, &help))
}

/// `fit.opt.adam.m["hidden.w"]`: a state of the optimizer of a fit for one parameter. `None`: it is none.
pub(super) fn state_of<'a>(
    env: &mut Env<'a>,
    scope: &Scope,
    of: &'a ast::Expr,
    indices: &'a [ast::Expr],
) -> Option<Checked<Value>> {
    let Dotted { root, steps } = dotted(of)?;
    let ([index], Some(Global::Fit { id, states, .. })) = (indices, env.globals.values.get(root)) else {
        return None;
    };
    let (Ast::Str(parts), None) = (&index.kind, scope.get(root)) else { return None };
    if scope.library || steps[0].name.name != "opt" {
        return None;
    }
    let path: Vec<&str> = steps[1..].iter().map(|step| step.name.name.as_str()).collect();
    let (id, state) = (*id, path.join("."));
    let Some((_, extent)) = states.iter().find(|(name, _)| *name == state).cloned() else {
        let known: Vec<String> = states.iter().map(|(name, _)| name.clone()).collect();
        let span = steps[steps.len() - 1].name.span;
        return Some(Err(env.report(errors::none_of(&errors::UNKNOWN_FIELD, "state", &state, span, &known))));
    };
    let [ast::StrPart::Text(param)] = &parts[..] else {
        let found = at(&errors::NOT_TEXT, "plain text is needed", index.span, "not the path of a parameter");
        return Some(Err(env.report(found.help("write the path of a parameter: `[\"hidden.w\"]`"))));
    };
    let span = of.span.to(index.span);
    Some(state_type(env, id, (&state, extent), (param, index.span)).map(|ty| {
        env.globals.states_asked.push((id, state.clone(), param.clone(), index.span));
        let param = Some(param.clone());
        let kind = ExprKind::FitState { fit: id, state, param };
        Value::strong(Expr { kind, ty, span })
    }))
}

/// The type of a state of an optimizer for one parameter.
fn state_type(
    env: &mut Env<'_>,
    fit: StatementId,
    (state, extent): (&str, Extent),
    (param, span): (&str, Span),
) -> Checked<Type> {
    let Some(tensors) = params(env, &Part::fit(fit)) else {
        env.globals.awaited = true;
        return Err(Poison);
    };
    let Some((_, ty)) = tensors.iter().find(|(path, _)| path == param) else {
        let known: Vec<String> = tensors.into_iter().map(|(path, _)| path).collect();
        return Err(env.report(errors::none_of(&errors::UNKNOWN_FIELD, "parameter", param, span, &known)));
    };
    let columns = ty.shape.last().cloned().unwrap_or(Dim::constant(1));
    let rows = || ty.shape.split_last().map_or(Vec::new(), |(_, rows)| rows.to_vec());
    Ok(match extent {
        Extent::Coordinate => ty.clone(),
        Extent::Row => Type::new(DType::F64, vec![crate::algebra::types::product(&rows())]),
        Extent::Column => Type::new(DType::F64, vec![columns]),
        Extent::Tensor => Type::scalar(DType::F64),
        Extent::Group | Extent::Model | Extent::Vector(_) => {
            let message = format!("`{state}` is no state of one parameter");
            let found = at(&errors::UNKNOWN_FIELD, message, span, format!("one for each {}", extent.name()));
            return Err(env.report(found.help(format!("leave out the brackets: `opt.{state}`"))));
        }
    })
}

/// The parameters of a model with their types, by path.
fn params(env: &Env<'_>, of: &Part) -> Option<Vec<(String, Type)>> {
    let model = model_at(env, of)?;
    let mut found = Vec::new();
    for member in &env.instances.made[model.function.0].function.as_ref()?.members {
        match member {
            Member::Param { name, ty, .. } => found.push((of.member(name).path, ty.substitute(&model.sizes))),
            Member::Layer { name, .. } => found.extend(params(env, &of.member(name))?),
            Member::State { .. } => {}
        }
    }
    Some(found)
}
