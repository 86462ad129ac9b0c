//! What of a script can be checked.

use crate::ast::{Function, ItemKind, Script};
use crate::typed::{Program, StatementKind};

/// What can be checked.
pub(super) enum Subject<'a> {
    /// A `fn`.
    Function(&'a Function),
    /// A `model`.
    Model(&'a Function),
    /// The loss of a training run, which is a statement of the program.
    Loss { name: &'a str, statement: usize },
}

impl Subject<'_> {
    /// What it is called.
    pub(super) fn name(&self) -> &str {
        match self {
            Subject::Function(function) | Subject::Model(function) => &function.name.name,
            Subject::Loss { name, .. } => name,
        }
    }
}

/// Everything that can be checked, in the order written.
pub(super) fn all<'a>(script: &'a Script, program: &'a Program) -> Vec<Subject<'a>> {
    let declared = script.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Fn(function) => Some((item.span.start, Subject::Function(function))),
        ItemKind::Model(function) => Some((item.span.start, Subject::Model(function))),
        _ => None,
    });
    let runs = program.statements.iter().enumerate().filter_map(|(k, statement)| match &statement.kind {
        StatementKind::Train(train) if train.sweep.is_empty() => {
            Some((statement.span.start, Subject::Loss { name: &train.optimizer.name, statement: k }))
        }
        _ => None,
    });
    let mut all: Vec<_> = declared.chain(runs).collect();
    all.sort_by_key(|(start, _)| *start);
    all.into_iter().map(|(_, subject)| subject).collect()
}
