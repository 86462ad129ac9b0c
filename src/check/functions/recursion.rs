//! Functions that call themselves.

use std::collections::BTreeMap;

use crate::check::env::{Caller, Env};
use crate::check::errors::{self, at};
use crate::source::Span;

/// Cycles among functions.
pub(crate) fn check_recursion(env: &mut Env<'_>) {
    let mut edges: BTreeMap<usize, Vec<(usize, Span)>> = BTreeMap::new();
    for call in &env.instances.calls {
        if let Caller::Function(id) = call.caller {
            edges.entry(id.0).or_default().push((call.callee.0, call.span));
        }
    }
    let mut state = vec![0u8; env.instances.made.len()];
    for root in 0..env.instances.made.len() {
        let mut stack = vec![(root, 0)];
        while let Some((at, next)) = stack.pop() {
            state[at] = state[at].max(1);
            match edges.get(&at).and_then(|out| out.get(next)).copied() {
                None => state[at] = 2,
                Some((to, span)) => {
                    stack.push((at, next + 1));
                    match state[to] {
                        0 => stack.push((to, 0)),
                        1 => recursion(env, to, span),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn recursion(env: &mut Env<'_>, to: usize, span: Span) {
    let name = &env.decls.functions[env.instances.made[to].def].ast.name;
    let message = format!("`{}` calls itself", name.name);
    let found = at(&errors::RECURSION, message, span, "by this call").label(name.span, "declared here");
    env.report(found.help("functions are inlined: write it without recursion"));
}
