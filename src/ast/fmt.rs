//! The tree as source again, in the one style of `egret fmt`.
//!
//! Comes in: a text without errors. Goes out: a text with the same tree and the same comments, in lines
//! of at most [`WIDTH`] where that can be. Formatting twice changes nothing more. A comment stays on
//! its line of a block; one inside an expression moves before the next line.

mod expr;
mod flat;
mod items;

use std::collections::BTreeSet;
use std::ops::Range;

use super::lines::arrange;
use super::token::{Kind, comments, lex};
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

/// Where lines are broken.
const WIDTH: usize = 100;

/// Formats a text; gives its diagnostics back if it has errors.
pub fn format(file: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (script, found) = super::parse(file, text);
    if found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    let mut printer =
        Printer { text, comments: own_comments(text), next: 0, out: String::new(), indent: 0, last: 0 };
    printer.script(&script);
    Ok(printer.out)
}

/// All comments but the documentation that the tree holds.
fn own_comments(text: &str) -> Vec<Range<u32>> {
    let file = FileId::default();
    let tokens = arrange(file, text, lex(file, text, 0, &mut Vec::new()), &mut Vec::new());
    let docs = tokens.iter().filter(|token| token.kind == Kind::Doc).map(|token| token.start);
    let docs: BTreeSet<u32> = docs.collect();
    comments(text).into_iter().filter(|comment| !docs.contains(&comment.start)).collect()
}

/// The text so far, and which comments are still to come.
struct Printer<'a> {
    text: &'a str,
    comments: Vec<Range<u32>>,
    /// The first comment that is not printed yet.
    next: usize,
    out: String,
    indent: usize,
    /// Where in the source the last printed line ends.
    last: u32,
}

impl Printer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// How wide the line is so far.
    fn column(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        self.out[start..].chars().count()
    }

    fn fits(&self, text: &str) -> bool {
        self.column() + text.chars().count() <= WIDTH
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.margin();
    }

    fn margin(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', 2 * self.indent));
    }

    /// Begins a line for what stands at byte `start`: comments before it come first, and one empty
    /// line stays if there were some, or if there must be one.
    fn begin(&mut self, start: u32, mut apart: bool) {
        apart = self.flush(start, apart);
        self.gap(start, apart);
        self.margin();
    }

    /// Ends a line whose source ends at `end`, with the comment behind it.
    fn end(&mut self, end: u32) {
        self.last = self.last.max(end);
        if let Some(comment) = self.comments.get(self.next).cloned()
            && comment.start >= end
            && self.text[end as usize..comment.start as usize].trim_matches([' ', '\t', ',']).is_empty()
        {
            self.push(" ");
            self.comment(comment);
        }
        self.push("\n");
    }

    /// Prints the comments before byte `before`, each on its line. Returns whether the empty line that
    /// was asked for is still to come.
    fn flush(&mut self, before: u32, mut apart: bool) -> bool {
        while let Some(comment) =
            self.comments.get(self.next).cloned().filter(|comment| comment.start < before)
        {
            self.gap(comment.start, std::mem::take(&mut apart));
            self.margin();
            self.comment(comment);
            self.push("\n");
        }
        apart
    }

    fn comment(&mut self, comment: Range<u32>) {
        let text = self.text;
        self.push(text[comment.start as usize..comment.end as usize].trim_end());
        self.last = self.last.max(comment.end);
        self.next += 1;
    }

    fn gap(&mut self, start: u32, apart: bool) {
        let between = self.text.get(self.last as usize..start as usize).unwrap_or("");
        let lines: Vec<&str> = between.split('\n').collect();
        let was = lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty());
        let first = self.out.is_empty() || self.out.ends_with("{\n");
        if (apart || was) && !first {
            self.push("\n");
        }
    }

    /// Whether a comment that is not printed yet stands inside `span`.
    fn has_comment(&self, span: Span) -> bool {
        let at = self.comments.partition_point(|comment| comment.start < span.start);
        self.comments.get(at.max(self.next)).is_some_and(|comment| comment.start < span.end)
    }

    /// Prints the lines of a block between braces; `end` is where it ends in the source.
    fn braces(&mut self, end: u32, lines: impl FnOnce(&mut Self)) {
        self.push("{\n");
        self.indent += 1;
        lines(self);
        self.flush(end, false);
        self.indent -= 1;
        self.margin();
        self.push("}");
    }
}
