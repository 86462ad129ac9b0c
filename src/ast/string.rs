//! Strings: escapes, and the expressions in their braces.

use super::build::{LineKind, TreeBuilder};
use super::errors;
use super::parse::{MAX_ERRORS, parse_line};
use super::token::closing_brace;
use super::{Expr, ExprKind, StrPart};
use crate::print::NumberFormat;

/// The pieces of the string whose text lies between `start` and `end`.
pub(super) fn parts(b: &mut TreeBuilder<'_>, start: usize, end: usize) -> Vec<StrPart> {
    let (mut parts, mut text, mut at) = (Vec::new(), String::new(), start);
    while at < end && b.found.len() < MAX_ERRORS {
        let rest = &b.text[at..end];
        let c = rest.chars().next().expect("text is left");
        if rest.starts_with("{{") || rest.starts_with("}}") {
            text.push(c);
            at += 2;
        } else if c == '{' {
            if !text.is_empty() {
                parts.push(StrPart::Text(std::mem::take(&mut text)));
            }
            at = hole(b, &mut parts, at, end);
        } else if c == '}' {
            b.report(errors::brace_in_string(b.span(at as u32, at as u32 + 1)));
            at += 1;
        } else if c == '\\' {
            at += escape(b, &mut text, at, end);
        } else {
            text.push(c);
            at += c.len_utf8();
        }
    }
    if !text.is_empty() {
        parts.push(StrPart::Text(text));
    }
    parts
}

/// One escape; returns how many bytes it took.
fn escape(b: &mut TreeBuilder<'_>, text: &mut String, at: usize, end: usize) -> usize {
    let c = b.text[at + 1..end].chars().next().unwrap_or('\\');
    match c {
        'n' => text.push('\n'),
        't' => text.push('\t'),
        '"' | '\\' => text.push(c),
        _ => b.report(errors::bad_escape(b.span(at as u32, (at + 1 + c.len_utf8()) as u32), c)),
    }
    1 + c.len_utf8()
}

/// One `{expr:.3}` whose brace is at `at`; returns where it ends.
fn hole(b: &mut TreeBuilder<'_>, parts: &mut Vec<StrPart>, at: usize, end: usize) -> usize {
    let Some(close) = closing_brace(&b.text[at..end], usize::MAX).map(|length| at + length) else {
        b.report(errors::unclosed(b.span(at as u32, at as u32 + 1), "{"));
        return end;
    };
    let inner = &b.text[at + 1..close];
    let colon = format_colon(inner).map(|colon| at + 1 + colon);
    let format = match colon {
        None => None,
        Some(colon) => NumberFormat::parse(&b.text[colon + 1..close]).or_else(|| {
            b.report(errors::bad_format(b.span(colon as u32, close as u32)));
            None
        }),
    };
    let expr = inside(b, at + 1, colon.unwrap_or(close));
    parts.push(StrPart::Expr { expr, format });
    close + 1
}

/// Where the format begins: at the last colon that is not inside of brackets.
fn format_colon(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.bytes().enumerate().rev().find_map(|(at, c)| {
        depth += i32::from(matches!(c, b']' | b')')) - i32::from(matches!(c, b'[' | b'('));
        (c == b':' && depth <= 0).then_some(at)
    })
}

/// The expression between two bytes.
fn inside(b: &mut TreeBuilder<'_>, start: usize, end: usize) -> Expr {
    let span = b.span(start as u32 - 1, end as u32 + 1);
    match parse_line(b, start, end).map(|line| line.kind) {
        Some(LineKind::Expr(expr)) => expr,
        Some(LineKind::Bad) => Expr { kind: ExprKind::Error, span, depth: 1 },
        _ => {
            b.report(errors::not_an_expression(span));
            Expr { kind: ExprKind::Error, span, depth: 1 }
        }
    }
}
