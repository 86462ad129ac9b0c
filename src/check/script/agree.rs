//! Data that a model sees: all in the same units, and not what it is to find.

use std::collections::BTreeSet;

use crate::check::env::{Checked, Env};
use crate::check::errors::{self, at};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::typed::{Data, DataId, Expr, LocalId};

/// The columns that expressions of a run read: the first locals are the columns.
pub(super) fn columns_read<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> BTreeSet<usize> {
    let mut found = Vec::new();
    exprs.into_iter().for_each(|expr| expr.locals(&mut found));
    found.into_iter().map(|LocalId(column)| column).collect()
}

/// As [`other_units`], of columns by their numbers.
pub(super) fn same_units(
    env: &mut Env<'_>,
    trained: DataId,
    seen: DataId,
    read: &BTreeSet<usize>,
    span: Span,
) -> Checked<()> {
    let other = &env.data[seen.0];
    let names = read.iter().filter_map(|column| other.columns.get(*column)).map(|column| &column.name);
    match other_units(&env.data[trained.0], other, &names.collect::<Vec<_>>(), span) {
        Some(found) => Err(env.report(found)),
        None => Ok(()),
    }
}

/// A column that is standardized for training is so in other data that the model sees, and the other
/// way round. `span` is where the script asks for those. Computed data say themselves what they hold.
pub(super) fn other_units(known: &Data, other: &Data, read: &[&String], span: Span) -> Option<Diagnostic> {
    known.source.files().and(other.source.files())?;
    let mut names = read.iter().filter(|name| known.columns.iter().any(|column| column.name == ***name));
    let differs = |name: &&&String| known.standardize.contains(name) != other.standardize.contains(name);
    let name = names.find(differs)?;
    let (with, without) = match known.standardize.contains(name) {
        true => (known, other),
        false => (other, known),
    };
    let message = format!("`{}` standardizes `{name}`, and `{}` does not", with.name, without.name);
    let found = at(&errors::OTHER_UNITS, message, span, "a model sees both")
        .label(with.span, "standardized here")
        .label(without.span, "and here as in the file");
    Some(
        found.help(format!("write `{{ {name} = standardize({name}) }}` behind both sources, or behind none")),
    )
}

/// Warns where features and another column are used together though no target is named: the features
/// are all columns then.
pub(super) fn target_among_features(env: &mut Env<'_>, data: DataId, read: &BTreeSet<usize>, span: Span) {
    let of = &env.data[data.0];
    if !of.source.files().is_some_and(|source| source.reader().features_are_all()) {
        return;
    }
    let names = read.iter().filter_map(|column| of.columns.get(*column)).map(|column| &column.name);
    let [features, other, ..] = names.collect::<Vec<_>>()[..] else { return };
    if features != "x" {
        return;
    }
    let message = format!("`x` is all columns of `{}`, `{other}` among them", of.name);
    let found = Diagnostic::warning(&errors::TARGET_AMONG_FEATURES, message)
        .label(span, format!("`x` and `{other}` are used together"))
        .label(of.span, "no target is named here")
        .help(format!("if `{other}` is what the model learns, write `target = \"{other}\"`"));
    env.report(found);
}
