//! How diagnostics look: the only code that knows ariadne.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display, Write};
use std::ops::Range;

use ariadne::{Cache, Color, Config, Fmt, IndexType, Label as Mark, Report, ReportKind, Source};

use super::{Diagnostic, Label, Severity};
use crate::source::{FileId, Sources, Span};

/// How many diagnostics are shown.
const SHOWN: usize = 20;

/// Longest source line, in bytes, that is shown as an excerpt.
const LONGEST_LINE: usize = 400;

/// Renders diagnostics in order of their places, as a person reads them. Errors go before warnings
/// only in the choice of which to show when there are very many.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    shown.sort_by_key(|diagnostic| (!diagnostic.is_error(), place(diagnostic)));
    shown.truncate(SHOWN);
    shown.sort_by_key(|diagnostic| place(diagnostic));
    let mut files = PreparedFiles { sources, read: BTreeMap::new() };
    let mut out = String::new();
    for diagnostic in &shown {
        let excerpt = !diagnostic.labels.is_empty()
            && diagnostic.labels.iter().all(|label| line_around(sources, label.span).len() <= LONGEST_LINE);
        match excerpt {
            true => out.push_str(&with_excerpt(diagnostic, &mut files, color)),
            false => out.push_str(&plain(diagnostic, sources)),
        }
    }
    if diagnostics.len() > shown.len() {
        let _ = writeln!(out, "... and {} more", diagnostics.len() - shown.len());
    }
    out
}

/// By what diagnostics are sorted; those without a place come first.
fn place(diagnostic: &Diagnostic) -> Option<Span> {
    diagnostic.labels.first().map(|label| label.span)
}

fn head(diagnostic: &Diagnostic) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{word}[{}]", diagnostic.code.name)
}

/// One line per remark, without excerpts.
fn plain(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let at = |label: &Label| {
        let (line, column) = sources.line_column(label.span.file, label.span.start);
        format!("{}:{line}:{column}: ", sources.get(label.span.file).name)
    };
    let place = diagnostic.labels.first().map(at).unwrap_or_default();
    let mut out = format!("{place}{}: {}\n", head(diagnostic), visible(&diagnostic.message));
    for label in &diagnostic.labels {
        let _ = writeln!(out, "  {}{}", at(label), visible(&label.text));
    }
    for note in &diagnostic.notes {
        let _ = writeln!(out, "  note: {}", visible(note));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "  help: {}", visible(help));
    }
    out
}

fn with_excerpt(diagnostic: &Diagnostic, files: &mut PreparedFiles<'_>, color: bool) -> String {
    let (first, paint) = (&diagnostic.labels[0], [Color::Red, Color::Yellow]);
    let paint = paint[usize::from(!diagnostic.is_error())];
    let config = Config::default().with_color(color).with_index_type(IndexType::Byte);
    let mut report = Report::build(ReportKind::Error, range(files.sources, first.span)).with_config(config);
    report.with_notes(diagnostic.notes.iter().map(|note| visible(note)));
    report.with_helps(diagnostic.help.iter().map(|help| visible(help)));
    for (order, label) in in_order(diagnostic).into_iter().enumerate() {
        let color = if std::ptr::eq(label, first) { paint } else { Color::Blue };
        let mark = Mark::new(range(files.sources, label.span)).with_message(visible(&label.text));
        report = report.with_label(mark.with_color(color).with_order(order as i32));
    }
    let mut bytes = Vec::new();
    report.finish().write(files, &mut bytes).expect("a vector takes all bytes");
    let text = String::from_utf8_lossy(&bytes);
    // Ariadne's first line has its own idea of a head, in color even where color is off.
    let excerpt = text.lines().skip(1).flat_map(|line| [line.trim_end(), "\n"]);
    excerpt.fold(colored_head(diagnostic, paint, color), |out, piece| out + piece)
}

fn colored_head(diagnostic: &Diagnostic, paint: Color, color: bool) -> String {
    let (head, message) = (head(diagnostic), visible(&diagnostic.message));
    match color {
        true => format!("{}: {message}\n", head.fg(paint)),
        false => format!("{head}: {message}\n"),
    }
}

/// The labels as one reads a file from top to bottom, the file of the first label first.
fn in_order(diagnostic: &Diagnostic) -> Vec<&Label> {
    let main = diagnostic.labels[0].span.file;
    let mut labels: Vec<&Label> = diagnostic.labels.iter().collect();
    labels.sort_by_key(|label| (label.span.file != main, label.span));
    labels
}

/// The bytes of a label: whole characters, inside the file, and not beyond the line it begins on.
fn range(sources: &Sources, span: Span) -> (FileId, Range<usize>) {
    let text = &sources.get(span.file).text;
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary((span.end as usize).min(text.len())).max(start);
    let line = text[start..end].find('\n').map_or(end, |newline| start + newline);
    (span.file, start..line)
}

/// The line on which a span begins.
fn line_around(sources: &Sources, span: Span) -> &str {
    let text = &sources.get(span.file).text;
    let at = text.floor_char_boundary(span.start as usize);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    &text[start..end]
}

/// Text without control characters, which could move the cursor of a terminal.
fn visible(text: &str) -> String {
    let hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || is_direction(c);
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// Characters that change the direction of the text after them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same text with the same bytes per character, in which only `\n` ends a line.
fn printable(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => c,
        '\u{2028}' | '\u{2029}' => '\u{2003}',
        c if is_direction(c) => '\u{fffd}',
        c if c.is_control() && c.len_utf8() == 1 => ' ',
        c if c.is_control() => '\u{a0}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// The files as ariadne wants them, each prepared once.
struct PreparedFiles<'a> {
    sources: &'a Sources,
    read: BTreeMap<FileId, Source<String>>,
}

impl Cache<FileId> for &mut PreparedFiles<'_> {
    type Storage = String;

    fn fetch(&mut self, id: &FileId) -> Result<&Source<String>, impl Debug> {
        let text = || Source::from(printable(&self.sources.get(*id).text));
        Ok::<_, std::fmt::Error>(&*self.read.entry(*id).or_insert_with(text))
    }

    fn display<'b>(&self, id: &'b FileId) -> Option<impl Display + 'b> {
        Some(self.sources.get(*id).name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;

    static CODE: Code = Code { name: "shape-mismatch", explain: "" };

    fn error(message: &str) -> Diagnostic {
        Diagnostic::error(&CODE, message)
    }

    fn one(text: &str, start: usize, end: usize) -> String {
        let mut sources = Sources::default();
        let file = sources.add("a.eg", text);
        let diagnostic = error("shapes differ").label(Span::new(file, start, end), "here");
        render(&[diagnostic], &sources, false)
    }

    #[test]
    fn shows_labels_notes_and_help() {
        let mut sources = Sources::default();
        let file = sources.add("a.eg", "let α = x\nlet b = α + y\n");
        let diagnostic = error("`α + y` has no shape")
            .label(Span::new(file, 19, 25), "these do not fit")
            .label(Span::new(file, 4, 6), "of `real[3]`")
            .note("sizes are compared by name")
            .help("rename one");
        let expected = "\
error[shape-mismatch]: `α + y` has no shape
   ╭─[ a.eg:2:9 ]
   │
 1 │ let α = x
   │     ┬
   │     ╰── of `real[3]`
 2 │ let b = α + y
   │         ──┬──
   │           ╰──── these do not fit
   │
   │ Help: rename one
   │
   │ Note: sizes are compared by name
───╯
";
        assert_eq!(render(std::slice::from_ref(&diagnostic), &sources, false), expected);
        assert!(render(&[diagnostic], &sources, true).contains("\u{1b}["));
    }

    #[test]
    fn renders_without_labels_as_lines() {
        let text = render(&[error("no data").note("why").help("do")], &Sources::default(), false);
        assert_eq!(text, "error[shape-mismatch]: no data\n  note: why\n  help: do\n");
    }

    #[test]
    fn any_span_renders() {
        for text in ["", "a", "a\n", "é", "é\r\nб\r", "\u{2028}\u{85}x\u{b}\n\ty", "a\nb\nc", "\u{1b}[31m"]
        {
            for start in 0..=text.len() + 2 {
                for end in start..=text.len() + 2 {
                    let shown = one(text, start, end);
                    assert!(
                        shown.contains("here") && shown.contains("a.eg:"),
                        "{text:?} {start} {end}: {shown}"
                    );
                    assert!(!shown.contains('\u{1b}'));
                }
            }
        }
    }

    #[test]
    fn long_lines_are_not_shown() {
        let text = format!("x\n{}", "ab ".repeat(5_000_000));
        let shown = one(&text, 302, 304);
        assert_eq!(shown, "a.eg:2:301: error[shape-mismatch]: shapes differ\n  a.eg:2:301: here\n");
    }

    #[test]
    fn sorts_and_cuts() {
        let mut sources = Sources::default();
        let file = sources.add("a.eg", "x\n".repeat(100));
        let at = |line: usize| Span::new(file, 2 * line, 2 * line + 1);
        let mut all: Vec<_> =
            (0..30).rev().map(|line| Diagnostic::warning(&CODE, "w").label(at(line), "here")).collect();
        all.push(error("e").label(at(99), "last"));
        let shown = render(&all, &sources, false);
        assert!(shown.ends_with("... and 11 more\n"));
        assert!(shown.starts_with("warning[shape-mismatch]: w\n"));
        assert!(shown.contains("a.eg:1:1") && shown.contains("a.eg:19:1") && shown.contains("a.eg:100:1"));
        assert!(!shown.contains("a.eg:20:1"));
    }
}
