//! Instances of functions: their signatures, and the calls of them.

use super::{axes, dims};
use crate::algebra::types::{Dim, SizeVar, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{
    Binding, CallSite, Callee, Caller, Checked, Declaration, Env, InstanceOf, Key, Scope, Signature,
    StaticArg,
};
use crate::check::errors::{self, at};
use crate::source::Span;
use crate::typed::{FunctionId, Instance};

/// How often a function may stand in the chain of callers that made an instance.
const MAX_NESTED: usize = 32;

/// The instance of a function for these statics and this many leading axes.
pub(crate) fn instance(
    env: &mut Env<'_>,
    def: usize,
    statics: &[StaticArg],
    rank: usize,
    parent: Option<usize>,
) -> Checked<FunctionId> {
    let erased = statics.iter().map(|value| match value {
        StaticArg::Size(_) | StaticArg::Inferred => None,
        other => Some(other.clone()),
    });
    let key = Key { def, statics: erased.collect(), rank };
    if let Some(known) = env.instances.memo.get(&key) {
        return *known;
    }
    let made = nested_too_deep(env, def, parent).and_then(|()| new_instance(env, def, statics, rank, parent));
    env.instances.memo.insert(key, made);
    made
}

/// The instance of a function that nothing calls, with `rank` leading axes, or as many as it needs.
pub(crate) fn uncalled(
    env: &mut Env<'_>,
    def: usize,
    statics: &[StaticArg],
    rank: usize,
    parent: Option<usize>,
) -> Checked<FunctionId> {
    let least = axes::least_rest(env.decls.functions[def].ast, statics);
    instance(env, def, statics, rank.max(least), parent)
}

/// Instances that keep asking for new instances of themselves.
fn nested_too_deep(env: &mut Env<'_>, def: usize, parent: Option<usize>) -> Checked<()> {
    let chain = std::iter::successors(parent, |at| env.instances.made[*at].parent);
    if chain.filter(|at| env.instances.made[*at].def == def).count() < MAX_NESTED {
        return Ok(());
    }
    let name = &env.decls.functions[def].ast.name;
    let found = at(&errors::RECURSION, format!("`{}` calls itself", name.name), name.span, "without end");
    Err(env.report(found.help("functions are inlined: write it without recursion")))
}

fn new_instance(
    env: &mut Env<'_>,
    def: usize,
    statics: &[StaticArg],
    rank: usize,
    parent: Option<usize>,
) -> Checked<FunctionId> {
    let Declaration { ast, library, .. } = env.decls.functions[def];
    let id = FunctionId(env.instances.made.len());
    let mut scope = Scope::function(id, library, env.real);
    let static_vars = bind_statics(env, &mut scope, ast, statics);
    if ast.args.iter().any(|arg| has_rest(&arg.ty)) {
        let vars: Vec<SizeVar> = (1..=rank).map(|k| env.fresh(&format!("..{k}"))).collect();
        scope.of_function().sizes.extend(vars.iter().cloned());
        scope.of_function().rest = Some(vars.into_iter().map(Dim::var).collect());
    }
    let args: Vec<Checked<Type>> =
        ast.args.iter().map(|arg| dims::type_expr(env, &mut scope, &arg.ty, true)).collect();
    let results: Vec<Checked<Type>> =
        ast.results.iter().map(|ty| dims::type_expr(env, &mut scope, ty, true)).collect();
    let args = args.into_iter().collect::<Checked<Vec<Type>>>()?;
    let results = results.into_iter().collect::<Checked<Vec<Type>>>()?;
    bind_args(env, &mut scope, ast, &args);
    let signature = Signature {
        sizes: scope.of_function().sizes.clone(),
        statics: static_vars,
        args,
        names: ast.args.iter().map(|arg| arg.name.name.clone()).collect(),
        written: ast.args.iter().map(|arg| env.quote(arg.ty.span)).collect(),
        spans: ast.args.iter().map(|arg| arg.ty.span).collect(),
        results,
    };
    let name = instance_name(env, ast, statics);
    env.instances.made.push(InstanceOf {
        def,
        name,
        signature,
        scope: Some(scope),
        function: None,
        layers: Vec::new(),
        parent,
    });
    env.instances.pending.push_back(id);
    Ok(id)
}

fn bind_statics(
    env: &mut Env<'_>,
    scope: &mut Scope,
    ast: &ast::Function,
    statics: &[StaticArg],
) -> Vec<Option<SizeVar>> {
    let mut vars = Vec::new();
    for (given, value) in ast.statics.iter().zip(statics) {
        let name = &given.name;
        if let Some(before) = scope.declared(&name.name) {
            env.report(errors::duplicate(&name.name, name.span, Some(before)));
        }
        let (binding, var) = match value {
            StaticArg::Size(_) | StaticArg::Inferred => {
                let var = env.fresh(&name.name);
                scope.of_function().sizes.push(var.clone());
                (Binding::Size(Dim::var(var.clone())), Some(var))
            }
            StaticArg::Number(bits) => (Binding::Number(f64::from_bits(*bits), false), None),
            StaticArg::Function(callee) => (Binding::Function(callee.clone()), None),
            StaticArg::Axis(axis) => (Binding::Number(*axis as f64, true), None),
            StaticArg::Word(word) => (Binding::Word(word.clone(), given.kind.words()), None),
        };
        scope.bind(&name.name, binding, name.span);
        vars.push(var);
    }
    vars
}

fn bind_args(env: &mut Env<'_>, scope: &mut Scope, ast: &ast::Function, args: &[Type]) {
    for (arg, ty) in ast.args.iter().zip(args) {
        if let Some(before) = scope.declared(&arg.name.name) {
            env.report(errors::duplicate(&arg.name.name, arg.name.span, Some(before)));
        }
        scope.bind_local(&arg.name.name, ty.clone(), arg.name.span);
    }
}

/// `twice[tanh]`: sizes stay variables, so they are not part of the name.
fn instance_name(env: &Env<'_>, ast: &ast::Function, statics: &[StaticArg]) -> String {
    let resolved: Vec<String> = statics
        .iter()
        .zip(&ast.statics)
        .filter_map(|(value, of)| match value {
            StaticArg::Size(_) | StaticArg::Inferred => None,
            StaticArg::Axis(axis) => Some(format!("{} = {axis}", of.name.name)),
            StaticArg::Number(bits) => Some(crate::print::number(f64::from_bits(*bits))),
            StaticArg::Function(callee) => Some(callee_name(env, callee)),
            StaticArg::Word(word) => Some(word.clone()),
        })
        .collect();
    if resolved.is_empty() {
        ast.name.name.clone()
    } else {
        format!("{}[{}]", ast.name.name, resolved.join(", "))
    }
}

pub(super) fn callee_name(env: &Env<'_>, callee: &Callee) -> String {
    match callee {
        Callee::Builtin(name) => name.clone(),
        Callee::Def(def, _) => env.decls.functions[*def].ast.name.name.clone(),
        Callee::Model(.., part) if !part.path.is_empty() => part.path.clone(),
        Callee::Model(def, ..) => env.decls.functions[*def].ast.name.name.clone(),
        Callee::Derived(derived) => derived.text(),
    }
}

/// Whether a type begins with `..`.
pub(super) fn has_rest(ty: &ast::TypeExpr) -> bool {
    ty.shape.first().is_some_and(|first| matches!(first.kind, Ast::Rest))
}

/// The function in whose body `scope` is.
pub(crate) fn caller(scope: &Scope) -> Option<usize> {
    match scope.caller() {
        Caller::Function(id) => Some(id.0),
        _ => None,
    }
}

/// Notes a call of a function; one of a layer at an unknown position is one of each.
pub(super) fn record_call(
    env: &mut Env<'_>,
    scope: &Scope,
    callee: FunctionId,
    sizes: &[Dim],
    instance: &Instance,
    span: Span,
) {
    let each = match instance {
        Instance::LayerAt { first, count, .. } => (*first..first + count).map(Instance::Layer).collect(),
        one => vec![one.clone()],
    };
    for instance in each {
        let (caller, sizes) = (scope.caller(), sizes.to_vec());
        env.instances.calls.push(CallSite { caller, callee, sizes, instance, span });
    }
}
