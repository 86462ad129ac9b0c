//! Static parameters: how their kinds are written.

use std::fmt;

use super::{Static, StaticKind};

impl Static {
    /// Its name and kind: `p: number`.
    pub(crate) fn head(&self) -> String {
        match &self.kind {
            StaticKind::Size | StaticKind::Error => self.name.name.clone(),
            kind => format!("{}: {kind}", self.name.name),
        }
    }

    /// Whether square brackets may leave it out.
    pub(crate) fn may_be_left_out(&self) -> bool {
        self.default.is_some() || matches!(self.kind, StaticKind::Words(_))
    }
}

impl StaticKind {
    /// The words to choose from.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            StaticKind::Words(all) => all.iter().map(|word| word.name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// The kind of this name.
    pub(super) fn named(name: &str) -> Option<StaticKind> {
        let kinds = [StaticKind::Number, StaticKind::Axis, StaticKind::Model];
        kinds.into_iter().find(|kind| kind.to_string() == name)
    }
}

impl fmt::Display for StaticKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StaticKind::Size => "size",
            StaticKind::Number => "number",
            StaticKind::Axis => "axis",
            StaticKind::Fn => "fn",
            StaticKind::Model => "model",
            StaticKind::Error => "unknown",
            StaticKind::Words(_) => return f.write_str(&self.words().join(" | ")),
        })
    }
}
