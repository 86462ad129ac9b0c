//! Parameter groups: which parameter is trained by which arm of an optimizer.
//!
//! Patterns are over the paths of parameters, which are known once all models are checked.

use crate::ast::{self, ExprKind as Ast, StrPart};
use crate::check::env::{Checked, Env, Instances};
use crate::check::errors::{self, at, nearest};
use crate::source::Span;
use crate::typed::pattern::matches;
use crate::typed::{FunctionId, Group, Member, Statement, StatementKind};

/// Most paths that a message lists.
const LISTED: usize = 8;

/// What stands before the `:` of a group: `None` is `else`.
pub(super) fn group_pattern(env: &mut Env<'_>, expr: &ast::Expr) -> Checked<(Option<String>, Span)> {
    match &expr.kind {
        Ast::Name(name) if name == "else" => Ok((None, expr.span)),
        Ast::Str(parts) => match &parts[..] {
            [StrPart::Text(pattern)] => Ok((Some(pattern.clone()), expr.span)),
            _ => {
                let found = at(&errors::NOT_TEXT, "plain text is needed", expr.span, "not plain text");
                Err(env.report(found.help("write a pattern of parameter paths: `\"**.b\"`")))
            }
        },
        _ => {
            let name = env.quote(expr.span);
            let message = "a group is a pattern in quotes, or `else`";
            let found = at(&errors::NOT_TEXT, message, expr.span, "neither");
            Err(env.report(found.help(format!("quote it: `\"{name}\"`"))))
        }
    }
}

/// Gives each group of each training run its parameters. With errors there may be models that
/// contain themselves.
pub(crate) fn check_groups(env: &mut Env<'_>, statements: &mut [Statement]) {
    if env.failed() {
        return;
    }
    for statement in statements {
        if let StatementKind::Train(train) = &mut statement.kind
            && !train.optimizer.groups.is_empty()
        {
            let mut paths = Vec::new();
            if walk(&env.instances, train.optimizer.model, "", &mut paths).is_some() {
                fill_groups(env, &mut train.optimizer.groups, &paths);
            }
        }
    }
}

/// A state that is asked for by parameter is one of a stage that trains it.
pub(crate) fn check_states(env: &mut Env<'_>, statements: &[Statement]) {
    for (fit, state, param, span) in std::mem::take(&mut env.globals.states_asked) {
        let Some(StatementKind::Train(train)) = statements.get(fit.0).map(|statement| &statement.kind) else {
            continue;
        };
        let optimizer = &train.optimizer;
        let mut uses = optimizer.uses.iter();
        for group in &optimizer.groups {
            let stages: Vec<&str> =
                uses.by_ref().take(group.stages).map(|stage| stage.name.as_str()).collect();
            let of_group = stages
                .iter()
                .any(|stage| state.strip_prefix(stage).is_some_and(|rest| rest.starts_with('.')));
            if of_group && !group.params.contains(&param) {
                let message = format!("`{param}` has no state `{state}`");
                let found = at(&errors::UNKNOWN_FIELD, message, span, "trained by other stages");
                let found = found.label(group.span, format!("`{state}` is of this group"));
                let states = errors::there_is(&group.params);
                env.report(found.help(format!("of parameters with this state {states}")));
            }
        }
    }
}

fn fill_groups(env: &mut Env<'_>, groups: &mut [Group], paths: &[(String, Span)]) {
    if let [first, second, ..] = groups.iter().filter(|group| group.pattern.is_none()).collect::<Vec<_>>()[..]
    {
        let found = at(&errors::GROUP_TWICE, "there are two `else`", second.span, "the second");
        env.report(found.label(first.span, "the first").help("keep one of them"));
        return;
    }
    for (path, span) in paths {
        let matching = |group: &Group| group.pattern.as_ref().is_some_and(|pattern| matches(pattern, path));
        let mut of = (0..groups.len()).filter(|k| matching(&groups[*k]));
        match (of.next(), of.next()) {
            (Some(first), Some(second)) => {
                let (first, second) = (&groups[first], &groups[second]);
                let message = format!("parameter `{path}` is in two groups");
                let found = at(&errors::GROUP_TWICE, message, second.span, "matches it");
                let found = found.label(first.span, "and so does this");
                let help = "make one pattern narrower: a parameter is in exactly one group";
                env.report(found.help(help));
            }
            (Some(only), None) => groups[only].params.push(path.clone()),
            _ => match groups.iter_mut().find(|group| group.pattern.is_none()) {
                Some(rest) => rest.params.push(path.clone()),
                None => uncovered(env, groups, path, *span),
            },
        }
    }
    for group in groups.iter() {
        let any = |path: &(String, Span)| group.pattern.as_ref().is_some_and(|of| matches(of, &path.0));
        if group.params.is_empty() && !paths.iter().any(any) {
            no_match(env, group, paths);
        }
    }
}

/// The paths of a model's parameters; `None` if it has errors.
pub(crate) fn param_paths(env: &Env<'_>, model: FunctionId) -> Option<Vec<String>> {
    let mut paths = Vec::new();
    walk(&env.instances, model, "", &mut paths)?;
    Some(paths.into_iter().map(|(path, _)| path).collect())
}

fn uncovered(env: &mut Env<'_>, groups: &[Group], path: &str, declared: Span) {
    let message = format!("parameter `{path}` is in no group");
    let Some(last) = groups.last() else { return };
    let found = at(&errors::GROUP_UNCOVERED, message, last.span, "no pattern up to this one matches it");
    let found = found.label(declared, "declared here");
    env.report(found.help("add an arm for all others: `else: adam`"));
}

fn no_match(env: &mut Env<'_>, group: &Group, paths: &[(String, Span)]) {
    let Some(pattern) = &group.pattern else {
        let message = "no parameter is left for `else`";
        let found = at(&errors::GROUP_NO_MATCH, message, group.span, "the patterns match all of them");
        env.report(found.help("leave it out"));
        return;
    };
    let message = format!("no parameter matches `{pattern}`");
    let found = at(&errors::GROUP_NO_MATCH, message, group.span, "nothing to train");
    let found = match near(pattern, paths) {
        Some(near) => found.help(format!("did you mean `\"{near}\"`?")),
        None => {
            let names = paths.iter().take(LISTED).map(|(path, _)| format!("`{path}`"));
            let more = if paths.len() > LISTED { ", ..." } else { "" };
            let names = names.collect::<Vec<_>>().join(", ");
            found.help(format!("the parameters are {names}{more}"))
        }
    };
    env.report(found);
}

/// The path, or the pattern for one of its names, that is nearest to a pattern.
fn near(pattern: &str, paths: &[(String, Span)]) -> Option<String> {
    let mut candidates = Vec::new();
    for (path, _) in paths {
        let names: Vec<&str> = path.split('.').collect();
        candidates.push(path.clone());
        candidates.extend(names.iter().map(|name| format!("**.{name}")));
        candidates.extend(names.iter().map(|name| format!("{name}.**")));
    }
    let candidates = candidates.iter().map(String::as_str);
    nearest(pattern, candidates.filter(|candidate| paths.iter().any(|(path, _)| matches(candidate, path))))
}

/// The parameters of a model in the order of their declarations; `None` if it has errors.
fn walk(
    instances: &Instances,
    model: FunctionId,
    outer: &str,
    found: &mut Vec<(String, Span)>,
) -> Option<()> {
    let join = |name: &str| if outer.is_empty() { name.to_string() } else { format!("{outer}.{name}") };
    for member in &instances.made.get(model.0)?.function.as_ref()?.members {
        match member {
            Member::Param { name, span, .. } => found.push((join(name), *span)),
            Member::Layer { name, function, .. } => walk(instances, *function, &join(name), found)?,
            Member::State { .. } => {}
        }
    }
    Some(())
}
