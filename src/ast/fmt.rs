//! The tree as source again, in the one style of `egret fmt`.
//!
//! Comes in: a text without errors. Goes out: a text with the same tree and the same comments, in lines
//! of at most 100 characters where that can be. Formatting twice changes nothing more. A comment stays on
//! its line of a block; one inside an expression moves before the next line.
//!
//! `items` and `expr` say once of each form how it is laid out, as a document of `doc`; `render` chooses the
//! lines.

mod doc;
mod expr;
mod items;
mod render;

use std::collections::BTreeSet;
use std::ops::Range;

use super::lines::layout;
use super::token::{TokenKind, comments, lex};
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

/// Formats a text; gives its diagnostics back if it has errors.
pub fn format(file: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (script, found) = super::parse(file, text);
    if found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    let source = SourceText { text, comments: own_comments(text) };
    Ok(render::render(&source.script(&script), text, &source.comments))
}

/// All comments but the documentation that the tree holds.
fn own_comments(text: &str) -> Vec<Range<u32>> {
    let file = FileId::default();
    let tokens = layout(file, text, lex(file, text, 0, &mut Vec::new()), &mut Vec::new());
    let docs = tokens.iter().filter(|token| token.kind == TokenKind::Doc).map(|token| token.start);
    let docs: BTreeSet<u32> = docs.collect();
    comments(text).into_iter().filter(|comment| !docs.contains(&comment.start)).collect()
}

/// The text that is formatted: it has what the tree does not.
struct SourceText<'a> {
    text: &'a str,
    comments: Vec<Range<u32>>,
}

impl SourceText<'_> {
    /// What stands at `span`.
    fn slice(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Whether a comment stands inside `span`: then it takes several lines.
    fn has_comment(&self, span: Span) -> bool {
        let at = self.comments.partition_point(|comment| comment.start < span.start);
        self.comments.get(at).is_some_and(|comment| comment.start < span.end)
    }
}
