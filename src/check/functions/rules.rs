//! Derivatives that functions say themselves.

use crate::ast;
use crate::check::env::{Checked, Declaration, Env, Poison, Scope, Signature, Weak};
use crate::check::errors::{self, at};
use crate::check::expr::convert;
use crate::check::expr::typer::Typer;
use crate::check::text;
use crate::typed::Rule;

/// `vjp y, dy => ...`: a gradient for each argument that is not an integer.
pub(super) fn rule<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    def: Declaration<'a>,
    rule: &'a ast::Rule,
    signature: &Signature,
) -> Checked<Rule> {
    let name = &def.ast.name.name;
    let floats: Vec<usize> =
        (0..signature.args.len()).filter(|k| signature.args[*k].dtype.is_float()).collect();
    if def.model
        || signature.results.len() > 1
        || !signature.results[0].dtype.is_float()
        || floats.len() != rule.gradients.len()
    {
        return Err(wrong_rule(cx.env, def, rule, &floats, signature));
    }
    for ident in rule.result.iter().chain([&rule.seed]) {
        if let Some(before) = scope.declared(&ident.name) {
            cx.env.report(errors::duplicate(&ident.name, ident.span, Some(before)));
        }
    }
    let result = match &rule.result {
        Some(ident) => scope.bind_local(&ident.name, signature.results[0].clone(), ident.span),
        None => scope.local("y", signature.results[0].clone(), rule.seed.span),
    };
    let seed = scope.bind_local(&rule.seed.name, signature.results[0].clone(), rule.seed.span);
    let mut gradients = vec![None; signature.args.len()];
    for (k, gradient) in floats.into_iter().zip(&rule.gradients) {
        let (ty, span) = (&signature.args[k], signature.spans[k]);
        let value = cx.expr(scope, gradient, Some(ty))?;
        let written = &signature.names[k];
        let expected =
            (span, format!("the gradient by `{written}` has its type, `{}`", signature.written[k]));
        if value.expr.ty.dtype != ty.dtype || value.expr.ty.shape != ty.shape {
            let literal = value.weak != Weak::No;
            if !literal {
                let have = text::show(&value.expr.ty, cx.env.real);
                let message = format!("the gradient of `{name}` by `{written}` is `{have}`");
                let found =
                    at(&errors::DERIVATIVE_RULE, message, value.expr.span, format!("this is `{have}`"));
                return Err(cx.env.report(
                    found
                        .label(expected.0, expected.1)
                        .help("sum over what was repeated, or repeat what was summed"),
                ));
            }
        }
        gradients[k] = Some(convert::coerce(cx.env, scope, value, ty, expected)?);
    }
    Ok(Rule { result, seed, gradients })
}

fn wrong_rule<'a>(
    env: &mut Env<'a>,
    def: Declaration<'a>,
    rule: &ast::Rule,
    floats: &[usize],
    signature: &Signature,
) -> Poison {
    let name = &def.ast.name;
    let (message, help) = if def.model {
        let message = format!("model `{}` owns parameters, and a rule says nothing of them", name.name);
        (message, "write a `fn` with a rule and call it in the model".to_string())
    } else if signature.results.len() > 1 {
        let message = format!("`{}` gives several values, and a rule is for one", name.name);
        (message, "give one value".to_string())
    } else if !signature.results[0].dtype.is_float() || floats.is_empty() {
        (
            format!("`{}` has no derivative", name.name),
            "a rule is for a function from `real` to `real`: leave it out".to_string(),
        )
    } else {
        let names: Vec<String> = floats.iter().map(|k| format!("`{}`", signature.names[*k])).collect();
        let (wanted, given) = (gradients(floats.len()), rule.gradients.len());
        let message = format!("the rule of `{}` gives {}, not {wanted}", name.name, gradients(given));
        (message, format!("give one for each argument that is not an integer: {}", names.join(", ")))
    };
    let found = at(&errors::DERIVATIVE_RULE, message, rule.seed.span, "this rule");
    env.report(found.label(name.span, "declared here").help(help))
}

fn gradients(n: usize) -> String {
    if n == 1 { "1 gradient".into() } else { format!("{n} gradients") }
}
