//! Trees and types as the user wrote them, for messages.

use super::env::Env;
use crate::algebra::types::{DType, Type};
use crate::ast::{BinaryOp, Expr, Level, Static, token};
use crate::source::FileId;

/// Bytes after which a quotation ends.
const LONGEST_QUOTE: usize = 100;

/// `expr`, in parentheses if it binds more loosely than `least`.
fn nested(env: &Env<'_>, expr: &Expr, least: Level) -> String {
    let text = env.quote(expr.span);
    if expr.level() < least { format!("({text})") } else { text }
}

/// How to divide `a` by `b` rounding down, and as reals.
pub(super) fn quotients(env: &Env<'_>, a: &Expr, b: &Expr) -> (String, String) {
    let [left, right] = BinaryOp::FloorDiv.operands();
    let (left, right) = (nested(env, a, left), nested(env, b, right));
    (format!("{left} div {right}"), format!("real({}) / {right}", env.quote(a.span)))
}

/// The text of a place on one line, without its comments. A long one is cut.
pub(super) fn quoted(text: &str) -> String {
    let mut line = String::new();
    let mut end = 0;
    for token in token::lex(FileId::default(), text, 0, &mut Vec::new()) {
        let (start, word) = (token.start as usize, token.text(text));
        if word.trim().is_empty() {
            continue;
        }
        if line.len() > LONGEST_QUOTE {
            return line + " ...";
        }
        if word.starts_with([')', ']']) {
            // Where the text was broken into lines.
            line.truncate(line.trim_end_matches(',').len());
        } else if start > end && !line.is_empty() && !line.ends_with(['(', '[']) {
            line.push(' ');
        }
        line.push_str(word);
        end = token.end as usize;
    }
    line
}

/// A static parameter as written: `p: number = 0.5`.
pub(super) fn static_source(env: &Env<'_>, of: &Static) -> String {
    match &of.default {
        Some(default) => format!("{} = {}", of.head(), env.quote(default.span)),
        None => of.head(),
    }
}

/// An element type in the user's words: `real` for what `real` is.
pub(super) fn dtype(dtype: DType, real: DType) -> String {
    if dtype == real { "real".into() } else { dtype.to_string() }
}

/// A type in the user's words.
pub(super) fn show(ty: &Type, real: DType) -> String {
    let name = dtype(ty.dtype, real);
    if ty.shape.is_empty() {
        return name;
    }
    format!("{name}[{}]", ty.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
