//! Bodies of functions and models, and what can be said when all of them are known.

mod members;
pub(crate) mod models;
pub(crate) mod recursion;
mod rules;
pub(crate) mod sizes;
mod states;

use crate::algebra::types::{Dim, Type};
use crate::ast::{self, StaticKind};
use crate::check::env::{Caller, Checked, Declaration, Env, Poison, Scope, Signature, StaticArg};
use crate::check::expr::lets::with_lines;
use crate::check::expr::several::{self, ExpectedType};
use crate::check::expr::typer::Typer;
use crate::check::expr::{calls, convert, instances, kinds};
use crate::diag::Label;
use crate::typed::{Function, FunctionId};

/// Checks bodies until no instance waits for it.
pub(crate) fn check_bodies(cx: &mut Typer<'_, '_>) {
    while let Some(id) = cx.env.instances.pending.pop_front() {
        let before = cx.env.found.len();
        let scope = cx.env.instances.made[id.0].scope.clone();
        let awaited = std::mem::take(&mut cx.env.globals.awaited);
        let function = body(cx, id);
        cx.env.instances.made[id.0].function = function.ok();
        if cx.env.globals.awaited {
            cx.env.found.truncate(before);
            cx.env.instances.made[id.0].scope = scope;
            cx.env.instances.waiting.push(id);
        }
        cx.env.globals.awaited |= awaited;
        label_script(cx.env, id, before);
    }
}

/// What is found in the library is said of the call in the script that led there.
fn label_script(env: &mut Env<'_>, id: FunctionId, from: usize) {
    if from == env.found.len() {
        return;
    }
    let (mut at, mut span) = (id, None);
    while env.decls.functions[env.instances.made[at.0].def].library {
        let Some(call) = env.instances.calls.iter().find(|call| call.callee == at) else { return };
        span = Some(call.span);
        match call.caller {
            Caller::Function(caller) if caller != at => at = caller,
            _ => break,
        }
    }
    for found in &mut env.found[from..] {
        if let Some(span) = span {
            found.labels.insert(0, Label { span, text: "required by this call".into() });
        }
    }
}

/// Checks all bodies, those that ask for parts of models after those models.
pub(super) fn check_all_bodies(cx: &mut Typer<'_, '_>) {
    loop {
        settle(cx);
        let waiting = std::mem::take(&mut cx.env.instances.waiting);
        let count = waiting.len();
        cx.env.instances.pending.extend(waiting);
        check_bodies(cx);
        if cx.env.instances.waiting.len() == count {
            return;
        }
    }
}

/// Checks bodies, and gives layers the sizes that their calls so far say: parts of models are known then.
pub(crate) fn settle(cx: &mut Typer<'_, '_>) {
    check_bodies(cx);
    sizes::complete(cx.env);
}

fn body(cx: &mut Typer<'_, '_>, id: FunctionId) -> Checked<Function> {
    let instance = &mut cx.env.instances.made[id.0];
    let Some(mut scope) = instance.scope.take() else { return Err(Poison) };
    let instance_def = instance.def;
    let (name, signature, def) =
        (instance.name.clone(), instance.signature.clone(), cx.env.decls.functions[instance_def]);
    check_defaults(cx, instance_def, &scope, &signature);
    let from = scope.names.len() - signature.args.len();
    let (members, lets) = members::members(cx, &mut scope, def.ast, from);
    let wanted = result_types(cx.env, def.ast, &signature);
    let value = several::several(cx, &mut scope, &def.ast.body, &wanted, &format!("`{}`", def.ast.name.name));
    let layers = members::finish_layers(cx.env, &mut scope, value.is_ok() && lets.is_ok());
    let (mut members, lets, layers) = (members?, lets?, layers?);
    let body = with_lines(lets, value?);
    scope.names.truncate(from + signature.args.len());
    let rule = match &def.ast.rule {
        Some(rule) => Some(rules::rule(cx, &mut scope, def, rule, &signature)?),
        None => None,
    };
    for (k, layer) in layers {
        members[k] = Some(layer);
    }
    cx.env.instances.made[id.0].layers = scope.layers().to_vec();
    Ok(Function {
        name,
        sizes: signature.sizes,
        n_args: signature.args.len(),
        locals: scope.locals,
        members: members.into_iter().flatten().collect(),
        body,
        results: signature.results,
        rule,
        span: def.ast.name.span,
    })
}

/// Defaults that no call needs are checked as well.
fn check_defaults(cx: &mut Typer<'_, '_>, def: usize, scope: &Scope, signature: &Signature) {
    for (k, arg) in cx.env.decls.functions[def].ast.args.iter().enumerate() {
        let Some(default) = &arg.default else { continue };
        if let Ok(value) = calls::default_value(cx, def, k, default) {
            let written = format!("argument `{}` is declared `{}`", arg.name.name, signature.written[k]);
            let _ = convert::coerce(cx.env, scope, value, &signature.args[k], (arg.ty.span, written));
        }
    }
}

/// What functions of the script declare in square brackets is checked, and the body of those that nothing uses.
pub(super) fn check_unused(cx: &mut Typer<'_, '_>) {
    let used: Vec<usize> = cx.env.instances.made.iter().map(|instance| instance.def).collect();
    for def in 0..cx.env.decls.functions.len() {
        let Declaration { ast, library, .. } = cx.env.decls.functions[def];
        if library {
            continue;
        }
        kinds::check_declared(cx, def);
        if used.contains(&def) {
            continue;
        }
        let statics: Option<Vec<_>> = (0..ast.statics.len()).map(|k| stand_in(cx, def, k)).collect();
        let statics = statics.map(|statics| statics.into_iter().collect::<Checked<Vec<StaticArg>>>());
        if let Some(Ok(statics)) = statics {
            let _ = instances::uncalled(cx.env, def, &statics, 1, None);
            check_bodies(cx);
        }
    }
}

/// What a static parameter is where nothing calls the function; nothing stands for any function or model.
fn stand_in(cx: &mut Typer<'_, '_>, def: usize, k: usize) -> Option<Checked<StaticArg>> {
    kinds::default_static(cx, def, k).or_else(|| match cx.env.decls.functions[def].ast.statics[k].kind {
        StaticKind::Size => Some(Ok(StaticArg::Size(Dim::constant(1)))),
        StaticKind::Number => Some(Ok(StaticArg::Number(0.5_f64.to_bits()))),
        StaticKind::Axis => Some(Ok(StaticArg::Axis(-1))),
        StaticKind::Fn | StaticKind::Model | StaticKind::Words(_) | StaticKind::Error => None,
    })
}

/// What the results of a function are declared as.
fn result_types(env: &Env<'_>, function: &ast::Function, signature: &Signature) -> Vec<ExpectedType> {
    let name = &function.name.name;
    let wanted = |(written, ty): (&ast::TypeExpr, &Type)| ExpectedType {
        ty: ty.clone(),
        place: (written.span, format!("`{name}` is declared to give `{}`", env.quote(written.span))),
    };
    function.results.iter().zip(&signature.results).map(wanted).collect()
}
