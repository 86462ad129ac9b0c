//! Documents in lines of at most [`WIDTH`], with the comments of the source between their rows.

use std::ops::Range;

use super::doc::{BracedBlock, Doc, DocKind, DocLine};

/// Where lines are broken.
const WIDTH: usize = 100;

/// Lays out rows as the lines of a file that has these comments.
pub(super) fn render(rows: &[DocLine], source: &str, comments: &[Range<u32>]) -> String {
    let mut renderer = Renderer { source, comments, out: String::new(), indent: 0, last: 0 };
    rows.iter().for_each(|row| renderer.row(row));
    renderer.flush(u32::MAX, false);
    renderer.out
}

/// The text so far, and which comments are still to come.
struct Renderer<'a> {
    source: &'a str,
    /// Those that are not printed yet.
    comments: &'a [Range<u32>],
    out: String,
    indent: usize,
    /// Where in the source the last printed line ends.
    last: u32,
}

impl Renderer<'_> {
    /// Lays out a document whose group is broken.
    fn broken(&mut self, doc: &Doc) {
        match &doc.kind {
            DocKind::Text(text) => self.out.push_str(text),
            DocKind::Concat(docs) => docs.iter().for_each(|doc| self.broken(doc)),
            DocKind::Line(_) => self.newline(),
            DocKind::Nest(doc) => {
                self.indent += 1;
                self.broken(doc);
                self.indent -= 1;
            }
            DocKind::Group(doc) if self.fits(doc) => doc.write_flat(&mut self.out),
            DocKind::Group(doc) => self.broken(doc),
            DocKind::Fill(doc) => {
                match self.fits(doc) || self.column() < WIDTH / 2 {
                    true => self.out.push(' '),
                    false => self.newline(),
                }
                self.broken(doc);
            }
            DocKind::Choice { broken, .. } => self.broken(broken),
            DocKind::Block(block) => self.block(block),
        }
    }

    /// How wide the line is so far.
    fn column(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        self.out[start..].chars().count()
    }

    /// Whether a document fits on this line.
    fn fits(&self, doc: &Doc) -> bool {
        doc.width.is_some_and(|width| self.column() + width <= WIDTH)
    }

    fn newline(&mut self) {
        self.out.push('\n');
        self.margin();
    }

    fn margin(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', 2 * self.indent));
    }

    fn block(&mut self, block: &BracedBlock) {
        self.out.push_str("{\n");
        self.indent += 1;
        block.rows.iter().for_each(|row| self.row(row));
        self.flush(block.end, false);
        self.indent -= 1;
        self.margin();
        self.out.push('}');
    }

    /// A line: comments before it come first, and one empty line stays if there were some, or if there must be
    /// one. The comment behind it stays behind it.
    fn row(&mut self, row: &DocLine) {
        let apart = self.flush(row.start, row.apart);
        self.gap(row.start, apart);
        self.margin();
        self.broken(&row.doc);
        self.last = self.last.max(row.end);
        if let [comment, ..] = self.comments
            && comment.start >= row.end
            && self.source[row.end as usize..comment.start as usize].trim_matches([' ', '\t', ',']).is_empty()
        {
            self.out.push(' ');
            self.comment();
        }
        self.out.push('\n');
    }

    /// Prints the comments before byte `before`, each on its line. Returns whether the empty line that was asked
    /// for is still to come.
    fn flush(&mut self, before: u32, mut apart: bool) -> bool {
        while let Some(start) = self.comments.first().map(|comment| comment.start).filter(|at| *at < before) {
            self.gap(start, std::mem::take(&mut apart));
            self.margin();
            self.comment();
            self.out.push('\n');
        }
        apart
    }

    /// Prints the next comment.
    fn comment(&mut self) {
        let Some((comment, later)) = self.comments.split_first() else { return };
        self.out.push_str(self.source[comment.start as usize..comment.end as usize].trim_end());
        self.last = self.last.max(comment.end);
        self.comments = later;
    }

    /// An empty line before what begins at `start`, if there must be one or was one.
    fn gap(&mut self, start: u32, apart: bool) {
        let between = self.source.get(self.last as usize..start as usize).unwrap_or("");
        let lines: Vec<&str> = between.split('\n').collect();
        let was = lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty());
        let first = self.out.is_empty() || self.out.ends_with("{\n");
        if (apart || was) && !first {
            self.out.push('\n');
        }
    }
}
