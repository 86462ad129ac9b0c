//! That all uses of a model agree about its sizes.

use std::collections::{BTreeMap, BTreeSet};

use crate::algebra::types::{Dim, SizeVar};
use crate::check::env::{CallSite, Caller, Env, Sizes};
use crate::check::errors::{self, at};
use crate::check::expr::parts;
use crate::typed::{FunctionId, Instance, Member, Part, StatementId};

/// The size variables that the parameters of each function need.
type Needed = BTreeMap<usize, BTreeSet<SizeVar>>;

/// What can be said of models only when all bodies are known: which sizes their parameters need,
/// that all calls of one layer agree on them, and that none is the number of rows.
pub(crate) fn check_model_sizes(env: &mut Env<'_>) {
    let needed = complete(env);
    let mut first: BTreeMap<Part, CallSite> = BTreeMap::new();
    for call in part_calls(env) {
        let Instance::Part(part) = &call.instance else { continue };
        check_rows(env, &call, &needed);
        let part = Part { finished: true, ..part.clone() };
        match first.get(&part).cloned().or_else(|| as_layer(env, &part)) {
            Some(before) => agree(env, &before, &call, &needed),
            None => drop(first.insert(part, call)),
        }
    }
}

/// A layer of the model of a run, as a call of it that gives the sizes it is made with.
fn as_layer(env: &Env<'_>, part: &Part) -> Option<CallSite> {
    if part.path.is_empty() {
        return None;
    }
    let (callee, sizes) = parts::layer(env, part)?;
    let span = env.decls.functions[env.instances.made[callee.0].def].ast.name.span;
    Some(CallSite { caller: Caller::Elsewhere, callee, sizes, instance: Instance::None, span })
}

/// The model that a run trains with its sizes: as its loss calls it first, perhaps in a function.
pub(crate) fn root(env: &Env<'_>, run: StatementId) -> Option<(FunctionId, Vec<Dim>)> {
    let wanted = Instance::Part(Part::training(run));
    let first =
        part_calls(env).into_iter().find(|call| call.caller == Caller::Run(run.0) && call.instance == wanted);
    first.map(|call| (call.callee, call.sizes))
}

/// The calls of models of runs from where no function is: those in functions with the sizes that each of the
/// functions' calls gives them.
fn part_calls(env: &Env<'_>) -> Vec<CallSite> {
    let mut inside: BTreeMap<usize, Vec<CallSite>> = BTreeMap::new();
    let is_part = |call: &CallSite| matches!(call.instance, Instance::Part(_));
    let through = |call: &CallSite, inside: &BTreeMap<usize, Vec<CallSite>>| {
        let vars = env.instances.made[call.callee.0].signature.sizes.iter().cloned();
        let sizes: Sizes = vars.zip(call.sizes.iter().cloned()).collect();
        let given = |inner: &CallSite| CallSite {
            caller: call.caller,
            sizes: inner.sizes.iter().map(|dim| dim.substitute(&sizes)).collect(),
            ..inner.clone()
        };
        let own = is_part(call).then(|| call.clone());
        own.into_iter().chain(inside.get(&call.callee.0).into_iter().flatten().map(given)).collect::<Vec<_>>()
    };
    let mut by_caller: BTreeMap<usize, Vec<&CallSite>> = BTreeMap::new();
    for call in &env.instances.calls {
        if let Caller::Function(id) = call.caller {
            by_caller.entry(id.0).or_default().push(call);
        }
    }
    for id in callees_first(env) {
        let mut calls: Vec<CallSite> = Vec::new();
        for call in by_caller.get(&id).into_iter().flatten().flat_map(|call| through(call, &inside)) {
            let same = |have: &CallSite| {
                have.callee == call.callee && have.instance == call.instance && have.sizes == call.sizes
            };
            if !calls.iter().any(same) {
                calls.push(call);
            }
        }
        inside.insert(id, calls);
    }
    let outside = env.instances.calls.iter().filter(|call| !matches!(call.caller, Caller::Function(_)));
    outside.flat_map(|call| through(call, &inside)).collect()
}

/// Gives layers all sizes that their parameters need.
pub(crate) fn complete(env: &mut Env<'_>) -> Needed {
    let mut needed = Needed::new();
    for id in callees_first(env) {
        let vars = complete_layers(env, id, &needed);
        needed.insert(id, vars);
    }
    needed
}

/// Function ids, callees before callers.
fn callees_first(env: &Env<'_>) -> Vec<usize> {
    let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (id, instance) in env.instances.made.iter().enumerate() {
        let members = instance.function.iter().flat_map(|function| &function.members);
        let layers = members.filter_map(|member| match member {
            Member::Layer { function, .. } => Some(function.0),
            Member::Param { .. } | Member::State { .. } => None,
        });
        out.insert(id, layers.collect());
    }
    for call in &env.instances.calls {
        if let Caller::Function(id) = call.caller {
            out.entry(id.0).or_default().push(call.callee.0);
        }
    }
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for root in 0..env.instances.made.len() {
        let mut stack = vec![(root, 0)];
        while let Some((id, next)) = stack.pop() {
            if next == 0 && !seen.insert(id) {
                continue;
            }
            match out.get(&id).and_then(|out| out.get(next)) {
                Some(to) => {
                    stack.push((id, next + 1));
                    stack.push((*to, 0));
                }
                None => order.push(id),
            }
        }
    }
    order
}

/// Adds to each layer the sizes that its calls give to its parameters; the variables of the model
/// that its own parameters need.
fn complete_layers(
    env: &mut Env<'_>,
    id: usize,
    needed: &BTreeMap<usize, BTreeSet<SizeVar>>,
) -> BTreeSet<SizeVar> {
    let Some(mut function) = env.instances.made[id].function.take() else { return BTreeSet::new() };
    let mut vars = BTreeSet::new();
    for k in 0..function.members.len() {
        match &mut function.members[k] {
            Member::Param { ty, .. } | Member::State { ty, .. } => {
                vars.extend(ty.shape.iter().flat_map(Dim::vars).cloned())
            }
            Member::Layer { function: callee, sizes, .. } => {
                let callee = *callee;
                let needs = needed.get(&callee.0).cloned().unwrap_or_default();
                complete_layer(env, id, k, callee, sizes, &needs, needed);
                let fixed = sizes.iter().filter(|(var, _)| needs.contains(var));
                vars.extend(fixed.flat_map(|(_, dim)| dim.vars().cloned().collect::<Vec<_>>()));
            }
        }
    }
    env.instances.made[id].function = Some(function);
    vars
}

fn complete_layer(
    env: &mut Env<'_>,
    id: usize,
    member: usize,
    callee: FunctionId,
    sizes: &mut BTreeMap<SizeVar, Dim>,
    needs: &BTreeSet<SizeVar>,
    needed: &BTreeMap<usize, BTreeSet<SizeVar>>,
) {
    let here = |call: &&CallSite| {
        call.caller == Caller::Function(FunctionId(id)) && call.instance == Instance::Layer(member)
    };
    let calls: Vec<CallSite> = env.instances.calls.iter().filter(here).cloned().collect();
    let Some(first) = calls.iter().find(|call| call.callee == callee) else { return };
    let signature = &env.instances.made[callee.0].signature;
    for (var, dim) in signature.sizes.iter().zip(&first.sizes) {
        if needs.contains(var) {
            sizes.entry(var.clone()).or_insert_with(|| dim.clone());
        }
    }
    for call in &calls {
        steady(env, id, call, needs);
        agree(env, first, call, needed);
    }
}

/// Parameters have the same sizes in every iteration of a loop.
fn steady(env: &mut Env<'_>, id: usize, call: &CallSite, needs: &BTreeSet<SizeVar>) {
    let own = &env.instances.made[id].signature.sizes;
    let callee = &env.instances.made[call.callee.0];
    let mut pairs = callee.signature.sizes.iter().zip(&call.sizes).filter(|(var, _)| needs.contains(var));
    let Some((var, dim)) = pairs.find(|(_, dim)| dim.vars().any(|var| !own.contains(var))) else {
        return;
    };
    let message = format!(
        "`{}` has parameters of size `{}` = {dim}, another one in each iteration",
        callee.name, var.name
    );
    let found = at(&errors::MODEL_SIZES, message, call.span, format!("`{}` is {dim} here", var.name));
    env.report(
        found.help("its parameters can have one shape only: give it the same sizes in each iteration"),
    );
}

/// Two uses of one instance need its parameters in the same sizes.
fn agree(env: &mut Env<'_>, a: &CallSite, b: &CallSite, needed: &BTreeMap<usize, BTreeSet<SizeVar>>) {
    let param_sizes = |call: &CallSite| -> Vec<(String, Dim)> {
        let vars = &env.instances.made[call.callee.0].signature.sizes;
        let needs = needed.get(&call.callee.0);
        let pairs =
            vars.iter().zip(&call.sizes).filter(|(var, _)| needs.is_some_and(|needs| needs.contains(var)));
        pairs.map(|(var, dim)| (var.name.to_string(), dim.clone())).collect()
    };
    let (x, y) = (param_sizes(a), param_sizes(b));
    let same_statement = a.caller == b.caller;
    let differs =
        x.iter().zip(&y).find(|(x, y)| x.1 != y.1 && (same_statement || constant(&x.1) && constant(&y.1)));
    let Some(((name, one), (_, other))) = differs else { return };
    let model = &env.instances.made[a.callee.0].name;
    let message = format!("`{model}` is used with `{name}` = {one} and with `{name}` = {other}");
    let found = at(&errors::MODEL_SIZES, message, b.span, format!("`{name}` is {other} here"));
    let found = found.label(a.span, format!("`{name}` is {one} here"));
    env.report(found.help("its parameters can have one shape only: use two instances"));
}

/// The number of rows is no size of a parameter.
fn check_rows(env: &mut Env<'_>, call: &CallSite, needed: &BTreeMap<usize, BTreeSet<SizeVar>>) {
    let instance = &env.instances.made[call.callee.0];
    let needs = needed.get(&call.callee.0).cloned().unwrap_or_default();
    let pairs = instance.signature.sizes.iter().zip(&call.sizes);
    let bad = pairs.filter(|(var, _)| needs.contains(var)).find(|(_, dim)| dim.as_constant().is_none());
    let Some((var, dim)) = bad else { return };
    let message = format!(
        "the parameters of `{}` have size `{}`, which is the number of rows here",
        instance.name, var.name
    );
    let found =
        at(&errors::PARAM_ROWS, message, call.span, format!("`{}` is `{dim}` in this call", var.name));
    let declared = env.decls.functions[instance.def].ast.name.span;
    env.report(
        found
            .label(declared, "the model is declared here")
            .help("give parameters sizes that do not depend on rows"),
    );
}

fn constant(dim: &Dim) -> bool {
    dim.as_constant().is_some()
}
