//! Drives the grammar: item by item, and again without a line that could not be read.

use lalrpop_util::ParseError;

use super::build::{Line, LineKind, TreeBuilder};
use super::errors;
use super::lines::layout;
use super::token::{Token, TokenKind, comments_like_divisions, lex_with_comments};
use super::{Ident, Item, ItemKind, Script};
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    unused,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod grammar {
    lalrpop_util::lalrpop_mod!(egret);
    pub(super) use self::egret::LineParser;
}

/// Largest source that is read.
pub const MAX_SOURCE: usize = 16 << 20;

/// After so many errors the rest of a file is not read.
pub(super) const MAX_ERRORS: usize = 100;

/// Most lines of one item that are left out in order to read the others.
const MAX_LEFT_OUT: usize = 10;

/// Parses one file. There is always a tree; what could not be read is missing in it and in the
/// diagnostics.
pub fn parse(file: FileId, text: &str) -> (Script, Vec<Diagnostic>) {
    if text.len() > MAX_SOURCE {
        return (Script::default(), vec![errors::source_too_large()]);
    }
    let mut found = Vec::new();
    let (tokens, comments) = lex_with_comments(file, text, 0, &mut found);
    found.extend(comments_like_divisions(file, text, &tokens, comments).into_iter().take(MAX_ERRORS));
    let tokens = layout(file, text, tokens, &mut found);
    let mut b = TreeBuilder { file, text, found, too_deep: false };
    let mut script = Script::default();
    for tokens in items(&tokens) {
        if b.found.len() >= MAX_ERRORS {
            break;
        }
        script.items.extend(item(&mut b, tokens));
    }
    (script, b.found)
}

/// Parses what lies between two bytes as one line.
pub(super) fn parse_line(b: &mut TreeBuilder<'_>, start: usize, end: usize) -> Option<Line> {
    let (tokens, comments) = lex_with_comments(b.file, &b.text[start..end], start, &mut b.found);
    for comment in comments {
        let at = start + comment.start as usize;
        let (operand, rest) = (b.text[start..at].trim(), b.text[at..end].trim_start_matches('/').trim());
        b.report(errors::comment_in_braces(b.span(at as u32, end as u32), operand, rest));
    }
    let tokens = layout(b.file, b.text, tokens, &mut b.found);
    (!tokens.is_empty()).then(|| recover(b, tokens))
}

/// The tokens of each item: cut at the newlines outside all braces.
fn items(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let mut depth = 0usize;
    tokens
        .split(move |token| {
            match token.kind {
                TokenKind::LBrace => depth += 1,
                TokenKind::RBrace => depth = depth.saturating_sub(1),
                _ => {}
            }
            token.kind == TokenKind::Newline && depth == 0
        })
        .filter(|tokens| !tokens.is_empty())
}

fn item(b: &mut TreeBuilder<'_>, tokens: &[Token]) -> Option<Item> {
    let docs = tokens.iter().take_while(|token| token.kind == TokenKind::Doc).count();
    let (docs, tokens) = tokens.split_at(docs);
    let doc = docs.iter().map(|token| doc_text(token.text(b.text))).collect::<Vec<_>>().join("\n");
    let (first, last) = (tokens.first()?, tokens.last()?);
    let span = Span { file: b.file, start: first.start, end: last.end };
    b.too_deep = b.found.iter().any(|found| errors::is_too_deep_in(found, span));
    let line = recover(b, tokens.to_vec());
    let kind = match line.kind {
        LineKind::Item(kind) => kind,
        LineKind::Let(binding) => ItemKind::Let(binding),
        LineKind::Expr(expr) => ItemKind::Expr(expr),
        LineKind::Bad => ItemKind::Broken(declared(b, tokens)),
        _ => {
            b.misplaced(&line, "script");
            ItemKind::Broken(Vec::new())
        }
    };
    Some(Item { doc, kind, span })
}

/// The names that an item declares which could not be read.
fn declared(b: &mut TreeBuilder<'_>, tokens: &[Token]) -> Vec<Ident> {
    use TokenKind::{Assign, Comma, Data, Fn, LParen, Let, Model, Name, Pipeline, RParen, Stage, Wrap};
    let word = tokens.iter().position(|token| token.kind != Wrap).unwrap_or(0);
    let names = match tokens[word].kind {
        Fn | Model | Stage | Pipeline | Data => tokens.get(word + 1..word + 2).unwrap_or_default(),
        Let => &tokens[1..],
        _ => &[],
    };
    let names = names.iter().take_while(|token| matches!(token.kind, Name | Comma | LParen | RParen));
    let names = names.take_while(|token| token.kind != Assign).filter(|token| token.kind == Name);
    names.map(|token| b.ident(token.start, token.end)).collect()
}

fn doc_text(text: &str) -> &str {
    let text = text.strip_prefix("///").unwrap_or(text).trim_end();
    text.strip_prefix(' ').unwrap_or(text)
}

/// Parses a line; leaves out the lines of its blocks that cannot be read.
fn recover(b: &mut TreeBuilder<'_>, mut tokens: Vec<Token>) -> Line {
    let all = b.span(tokens[0].start, tokens[tokens.len() - 1].end);
    for _ in 0..=MAX_LEFT_OUT {
        let marked =
            (0..tokens.len()).find(|at| tokens[*at].kind == TokenKind::BadLine && !alone(&tokens, *at));
        let at = match marked {
            Some(at) => at,
            None => match attempt(b, &tokens) {
                Ok(line) => return line,
                Err(at) => at,
            },
        };
        if !leave_out(&mut tokens, at) {
            break;
        }
    }
    Line { kind: LineKind::Bad, span: all }
}

/// Parses once. On failure reports it and returns the index of the token that does not fit.
fn attempt(b: &mut TreeBuilder<'_>, tokens: &[Token]) -> Result<Line, usize> {
    let before = (b.found.len(), b.too_deep);
    let input = tokens.iter().map(|token| Ok((token.start, token.kind, token.end)));
    let error = match grammar::LineParser::new().parse(b, input) {
        Ok(line) => return Ok(line),
        Err(error) => error,
    };
    b.found.truncate(before.0);
    b.too_deep = before.1;
    let (at, expected) = match error {
        ParseError::UnrecognizedToken { token: (start, kind, end), expected } => {
            let found = Token { start, kind, end };
            (tokens.iter().position(|token| *token == found).unwrap_or(0), expected)
        }
        ParseError::UnrecognizedEof { expected, .. } => (tokens.len(), expected),
        _ => (0, Vec::new()),
    };
    b.report(errors::unexpected(b.file, b.text, tokens, at, &expected));
    Err(at)
}

/// Whether a token is a whole line of a block.
fn alone(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|at| tokens[at].kind);
    let after = tokens.get(at + 1).map(|token| token.kind);
    matches!(before, Some(TokenKind::LBrace | TokenKind::Newline))
        && matches!(after, Some(TokenKind::RBrace | TokenKind::Newline))
}

/// Replaces the line around token `at` in its block by a mark. False if it is in no block.
fn leave_out(tokens: &mut Vec<Token>, at: usize) -> bool {
    let Some(start) = line_start(tokens, at) else { return false };
    let end = line_end(tokens, at.min(tokens.len()));
    let Some(first) = tokens.get(start).copied() else { return false };
    let last = if end > start { tokens[end - 1].end } else { first.start };
    let mark = Token { kind: TokenKind::BadLine, start: first.start, end: last };
    if tokens[start..end] == [mark] {
        return false;
    }
    tokens.splice(start..end, [mark]);
    true
}

/// Where the line of the innermost block around token `at` begins; `None` outside all blocks.
fn line_start(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0;
    let mut start = None;
    for index in (0..at.min(tokens.len())).rev() {
        match tokens[index].kind {
            TokenKind::RBrace => depth += 1,
            TokenKind::LBrace if depth == 0 => return Some(start.unwrap_or(index + 1)),
            TokenKind::LBrace => depth -= 1,
            TokenKind::Newline if depth == 0 && start.is_none() => start = Some(index + 1),
            _ => {}
        }
    }
    None
}

fn line_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            TokenKind::LBrace => depth += 1,
            TokenKind::RBrace if depth == 0 => return index,
            TokenKind::RBrace => depth -= 1,
            TokenKind::Newline if depth == 0 => return index,
            _ => {}
        }
    }
    tokens.len()
}

/// The word an item begins with.
pub(super) fn item_word(kind: &ItemKind) -> &str {
    match kind {
        ItemKind::Real(_) => "real",
        ItemKind::Use(_) => "use",
        ItemKind::Data(_) => "data",
        ItemKind::Fn(_) => "fn",
        ItemKind::Model(_) => "model",
        ItemKind::Stage(_) => "stage",
        ItemKind::Pipeline(_) => "pipeline",
        ItemKind::Let(_) => "let",
        ItemKind::Act(act) => &act.word.name,
        ItemKind::Expr(_) => "an expression",
        ItemKind::Broken(_) => "",
    }
}
