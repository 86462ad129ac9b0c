//! Documents: texts with the places where their lines may be broken.
//!
//! The algebra is that of Wadler ("A prettier printer") with a difference: whether a group fits depends on it
//! alone, not on what comes after it on its line. Each document knows from its parts how wide it is on one line.

/// A text that may be laid out on one line or on several.
#[derive(Clone, Debug)]
pub(super) struct Doc {
    pub(super) kind: DocKind,
    /// Its characters on one line; `None` if it takes several.
    pub(super) width: Option<usize>,
}

/// What a document is made of.
#[derive(Clone, Debug)]
pub(super) enum DocKind {
    /// Never broken.
    Text(String),
    /// One after the other.
    Concat(Vec<Doc>),
    /// A new line where the group around it is broken, else this text.
    Line(&'static str),
    /// Its new lines are indented.
    Nest(Box<Doc>),
    /// On one line if that fits, whatever the group around it is.
    Group(Box<Doc>),
    /// A space and an operand: a new line instead where the group around it is broken and the operand neither fits
    /// nor has half a line left.
    Fill(Box<Doc>),
    /// One text on one line, another where the group around it is broken.
    Choice {
        flat: Box<Doc>,
        broken: Box<Doc>,
    },
    Block(BracedBlock),
}

/// `{ a, b }`, or the rows between braces on lines of their own, with the comments among them.
#[derive(Clone, Debug)]
pub(super) struct BracedBlock {
    pub(super) rows: Vec<DocLine>,
    /// Where it ends in the source: comments before come before its brace.
    pub(super) end: u32,
}

/// What stands on a line by itself.
#[derive(Clone, Debug)]
pub(super) struct DocLine {
    /// Where it begins in the source: comments before come before it.
    pub(super) start: u32,
    /// Where it ends: a comment behind stays there.
    pub(super) end: u32,
    pub(super) doc: Doc,
    /// Whether an empty line must stand before it.
    pub(super) apart: bool,
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Doc {
        let text = text.into();
        Doc { width: Some(text.chars().count()), kind: DocKind::Text(text) }
    }

    pub(super) fn concat(docs: impl IntoIterator<Item = Doc>) -> Doc {
        let docs: Vec<Doc> = docs.into_iter().collect();
        Doc { width: docs.iter().map(|doc| doc.width).sum(), kind: DocKind::Concat(docs) }
    }

    /// A space or a new line.
    pub(super) fn line() -> Doc {
        Doc { kind: DocKind::Line(" "), width: Some(1) }
    }

    /// Nothing or a new line.
    pub(super) fn softline() -> Doc {
        Doc { kind: DocKind::Line(""), width: Some(0) }
    }

    pub(super) fn nest(doc: Doc) -> Doc {
        Doc { width: doc.width, kind: DocKind::Nest(Box::new(doc)) }
    }

    pub(super) fn group(doc: Doc) -> Doc {
        Doc { width: doc.width, kind: DocKind::Group(Box::new(doc)) }
    }

    pub(super) fn fill(doc: Doc) -> Doc {
        Doc { width: doc.width.map(|width| width + 1), kind: DocKind::Fill(Box::new(doc)) }
    }

    pub(super) fn choice(flat: Doc, broken: Doc) -> Doc {
        Doc { width: flat.width, kind: DocKind::Choice { flat: Box::new(flat), broken: Box::new(broken) } }
    }

    /// A block that takes several lines.
    pub(super) fn block(rows: Vec<DocLine>, end: u32) -> Doc {
        Doc { kind: DocKind::Block(BracedBlock { rows, end }), width: None }
    }

    /// A block that may stand on one line.
    pub(super) fn braces(rows: Vec<DocLine>, end: u32) -> Doc {
        let width: Option<usize> = rows.iter().map(|row| row.doc.width).sum();
        let between = 2 * rows.len().saturating_sub(1) + 4;
        Doc { width: width.map(|width| width + between), kind: DocKind::Block(BracedBlock { rows, end }) }
    }

    /// `(a, b)`, or each item on a line of its own with a comma behind it.
    pub(super) fn list(open: &str, items: impl IntoIterator<Item = Doc>, close: &str) -> Doc {
        let mut inner = Vec::new();
        for item in items {
            let before =
                if inner.is_empty() { Doc::softline() } else { Doc::concat([Doc::text(","), Doc::line()]) };
            inner.extend([before, item]);
        }
        if !inner.is_empty() {
            inner.push(Doc::choice(Doc::text(""), Doc::text(",")));
        }
        Doc::concat([Doc::text(open), Doc::nest(Doc::concat(inner)), Doc::softline(), Doc::text(close)])
    }

    /// The items with a text between them.
    pub(super) fn joined(items: impl IntoIterator<Item = Doc>, between: &str) -> Doc {
        let mut docs = Vec::new();
        for item in items {
            docs.extend((!docs.is_empty()).then(|| Doc::text(between)));
            docs.push(item);
        }
        Doc::concat(docs)
    }

    /// The same on one line however long that is, if it can be.
    pub(super) fn unbroken(self) -> Doc {
        match self.one_line() {
            Some(text) => Doc { kind: DocKind::Text(text), width: self.width },
            None => self,
        }
    }

    /// The text on one line; `None` if it takes several.
    pub(super) fn one_line(&self) -> Option<String> {
        self.width?;
        let mut out = String::new();
        self.write_flat(&mut out);
        Some(out)
    }

    /// Writes it on one line, which it must be able to stand on.
    pub(super) fn write_flat(&self, out: &mut String) {
        match &self.kind {
            DocKind::Text(text) => out.push_str(text),
            DocKind::Concat(docs) => docs.iter().for_each(|doc| doc.write_flat(out)),
            DocKind::Line(text) => out.push_str(text),
            DocKind::Nest(doc) | DocKind::Group(doc) => doc.write_flat(out),
            DocKind::Fill(doc) => {
                out.push(' ');
                doc.write_flat(out);
            }
            DocKind::Choice { flat, .. } => flat.write_flat(out),
            DocKind::Block(block) => {
                for (k, row) in block.rows.iter().enumerate() {
                    out.push_str(if k == 0 { "{ " } else { ", " });
                    row.doc.write_flat(out);
                }
                out.push_str(" }");
            }
        }
    }
}
