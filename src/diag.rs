//! Diagnostics: what went wrong, as plain data, and the one place that renders it.
//!
//! Every stage that can find fault with a user's input has an `errors.rs` with one constructor per
//! error. Messages are lower case without a final dot; names stand in backquotes. A diagnostic says
//! what was found, what was expected, where both came from, and one thing to try.

mod render;
pub mod suggest;

use crate::source::Span;

pub use render::render;

/// What a diagnostic is about: a stable word and its long explanation (`egret explain CODE`).
#[derive(Debug)]
pub struct Code {
    /// A stable word such as `shape-mismatch`.
    pub name: &'static str,
    /// One or more paragraphs with a small example of the mistake and of its mend.
    pub explain: &'static str,
}

impl Code {
    /// The explanation as it is shown: without the blank that begins each line if it was a comment.
    pub fn text(&self) -> String {
        let lines = || self.explain.trim_end().lines();
        let comment = lines().all(|line| line.is_empty() || line.starts_with(' '));
        lines()
            .map(|line| if comment { line.get(1..).unwrap_or("") } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The program cannot run.
    Error,
    /// The program runs; its author may not mean what it says.
    Warning,
}

/// A place with a remark.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What there is to say about it.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What it is about.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// The finding in one line.
    pub message: String,
    /// Places: the first is where the finding is reported. Empty when there is no place in a script.
    pub labels: Vec<Label>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// One thing to try.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// Adds a place with a remark.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// Sets the one thing to try.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Stops on a mistake of the compiler itself: names the pass and asks for a report.
#[macro_export]
macro_rules! ice {
    ($pass:expr, $($message:tt)+) => {
        panic!(
            "egret internal error in {}: {}\nthis is a bug in egret, not in your script: please report it together with the script",
            $pass,
            format_args!($($message)+)
        )
    };
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "egret internal error in share: node 3 of 2\nthis is a bug in egret")]
    fn an_internal_error_names_the_pass() {
        crate::ice!("share", "node {} of {}", 3, 2);
    }
}
