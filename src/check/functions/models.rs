//! Models by name.

use crate::ast::{self, ExprKind as Ast};
use crate::check::builtins;
use crate::check::env::{Binding, Callee, Checked, Env, Poison, Scope};
use crate::check::errors::{self, at};
use crate::check::expr::typer::{Typer, WrittenCall};
use crate::check::expr::{kinds, names, statics};
use crate::check::foreign;
use crate::source::Span;

/// `dense[64, 32]`: a model with its statics.
pub(crate) fn model_value<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    expr: &'a ast::Expr,
) -> Checked<Callee> {
    let (of, statics): (&'a ast::Expr, &'a [ast::Expr]) = match &expr.kind {
        Ast::Bracket(of, statics) => (of, statics),
        Ast::Binary(ast::BinaryOp::Mul, ..) => {
            return Err(cx.env.report(errors::not_supported(
                "repeating a model here",
                expr.span,
                "repeat it as a layer: `layer blocks = block[64] * 6`",
            )));
        }
        Ast::Error => return Err(Poison),
        _ => (expr, &[]),
    };
    let Ast::Name(name) = &of.kind else { return Err(not_a_model(cx.env, scope, of, None)) };
    let found = match scope.get(name) {
        Some(Binding::Function(Callee::Def(def, given))) => Some((*def, given.clone())),
        Some(Binding::Error) => return Err(Poison),
        Some(_) => None,
        None => cx.env.decls.find_function(name, scope.library).map(|def| (def, Vec::new())),
    };
    let Some((def, given)) = found else {
        if cx.env.decls.broken.contains(name.as_str()) {
            return Err(Poison);
        }
        let known = scope.get(name).is_some() || builtins::is_builtin(name);
        if known
            || cx.env.decls.find_stage(name).is_some()
            || cx.env.globals.values.contains_key(name.as_str())
        {
            return Err(not_a_model(cx.env, scope, of, None));
        }
        let near = names::nearest_name(cx.env, scope, name);
        return Err(cx.env.report(errors::unknown_name(name, of.span, near)));
    };
    if !cx.env.decls.functions[def].model {
        return Err(not_a_model(cx.env, scope, of, Some(cx.env.decls.functions[def].ast.name.span)));
    }
    let call = WrittenCall {
        name: name.clone(),
        statics,
        args: Vec::new(),
        span: expr.span,
        expected: None,
        axes: Vec::new(),
    };
    Ok(Callee::Def(def, statics::statics(cx, scope, def, given, &call)?))
}

fn not_a_model(env: &mut Env<'_>, scope: &Scope, expr: &ast::Expr, declared: Option<Span>) -> Poison {
    let name = env.quote(expr.span);
    let found = at(&errors::NOT_A_MODEL, format!("`{name}` is not a model"), expr.span, "a model is needed");
    let found = match declared {
        Some(span) => found.label(span, "declared as a function here"),
        None => found,
    };
    let help = foreign::layer(env, expr).or_else(|| kinds::declare_as(env, scope, &name, "model"));
    let help = help.unwrap_or_else(|| {
        "name a `model`; functions own nothing and are called where they are used".to_string()
    });
    env.report(found.help(help))
}
