//! Tokens: what the text consists of.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use logos::{FilterResult, Lexer, Logos};

use super::errors;
use crate::diag::Diagnostic;
use crate::source::{FileId, Span};

/// What a token is. It carries no text: that is the slice of the source at its place.
#[derive(Logos, Clone, Copy, PartialEq, Eq, Debug)]
#[logos(skip r"[ \t\r\u{feff}]+", extras = Vec<Range<u32>>)]
pub enum TokenKind {
    /// Any word that is not a keyword.
    #[regex(r"[\p{L}_][\p{L}\p{N}_]*")]
    Name,
    /// `1`, `2.5`, `1e-3`, `1_000`
    #[regex(r"[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9][0-9_]*)?")]
    Number,
    /// `"text {expr}"`
    #[token("\"", string)]
    Str,
    /// `/// text`, which documents the next item.
    #[token("///", doc)]
    Doc,
    /// A line end that ends a statement.
    #[token("\n")]
    Newline,
    /// A line that could not be read; a diagnostic has been given.
    BadLine,
    /// The word `vjp` where a rule for the derivative follows: `vjp dy => ...`.
    Rule,
    /// Characters that begin no token, or an operator of another language.
    #[regex(r"&&|\|\||\*\*|\+=|-=|\*=|/=|\+\+|!|;|&|~|\?|\$|#|'|`|\\|:=|==>|=<|<>|≤|≥|×|→|←|“|”|−")]
    Foreign,

    /// `real`
    #[token("real")]
    Real,
    /// `data`
    #[token("data")]
    Data,
    /// `fn`
    #[token("fn")]
    Fn,
    /// `model`
    #[token("model")]
    Model,
    /// `stage`
    #[token("stage")]
    Stage,
    /// `let`
    #[token("let")]
    Let,
    /// The word of an [`Act`](super::Act) on expressions.
    #[token("print")]
    #[token("assert")]
    Act,
    /// The word of an act that ends in `to` and a path.
    #[token("plot")]
    #[token("save")]
    ActTo,
    /// `to`
    #[token("to")]
    To,
    /// `param`
    #[token("param")]
    Param,
    /// `layer`
    #[token("layer")]
    Layer,
    /// `state`
    #[token("state")]
    State,
    /// `train`
    #[token("train")]
    Train,
    /// `eval`
    #[token("eval")]
    Eval,
    /// `predict`
    #[token("predict")]
    Predict,
    /// `on`
    #[token("on")]
    On,
    /// `metric`
    #[token("metric")]
    Metric,
    /// `match`
    #[token("match")]
    Match,
    /// `true`
    #[token("true")]
    True,
    /// `false`
    #[token("false")]
    False,
    /// `and`
    #[token("and")]
    And,
    /// `or`
    #[token("or")]
    Or,
    /// `not`
    #[token("not")]
    Not,
    /// `wrap`
    #[token("wrap")]
    Wrap,
    /// `pipeline`
    #[token("pipeline")]
    Pipeline,
    /// `in`
    #[token("in")]
    In,
    /// `use`
    #[token("use")]
    Use,
    /// `div`
    #[token("div")]
    Div,
    /// `for`
    #[token("for")]
    For,
    /// `sweep`
    #[token("sweep")]
    Sweep,
    /// `scan`
    #[token("scan")]
    Scan,
    /// `by` between a series and a variable of a sweep; elsewhere a name.
    #[token("by")]
    By,

    /// `(`
    #[token("(")]
    LParen,
    /// `)`
    #[token(")")]
    RParen,
    /// `[`
    #[token("[")]
    LBracket,
    /// `]`
    #[token("]")]
    RBracket,
    /// `{`
    #[token("{")]
    LBrace,
    /// `}`
    #[token("}")]
    RBrace,
    /// `,`
    #[token(",")]
    Comma,
    /// `:`
    #[token(":")]
    Colon,
    /// `.`
    #[token(".")]
    Dot,
    /// `..`
    #[token("..")]
    DotDot,
    /// `=`
    #[token("=")]
    Assign,
    /// `<-`
    #[token("<-")]
    LeftArrow,
    /// `->`
    #[token("->")]
    Arrow,
    /// `=>`
    #[token("=>")]
    FatArrow,
    /// `|>`
    #[token("|>")]
    Pipe,
    /// `|`
    #[token("|")]
    Bar,
    /// `+`
    #[token("+")]
    Plus,
    /// `-`
    #[token("-")]
    Minus,
    /// `*`
    #[token("*")]
    Star,
    /// `/`
    #[token("/")]
    Slash,
    /// `//` between operands that touch it, as whole division was written: no comment looks like that by
    /// accident, so it is an error, and read as `div`.
    #[token("//", slashes)]
    SlashSlash,
    /// `%`
    #[token("%")]
    Percent,
    /// `@`
    #[token("@")]
    At,
    /// `^`
    #[token("^")]
    Caret,
    /// `==`
    #[token("==")]
    EqEq,
    /// `!=`
    #[token("!=")]
    NotEq,
    /// `<`
    #[token("<")]
    Less,
    /// `<=`
    #[token("<=")]
    LessEq,
    /// `>`
    #[token(">")]
    Greater,
    /// `>=`
    #[token(">=")]
    GreaterEq,
}

/// A token and its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Its text in the file it was read from.
    pub fn text(self, file: &str) -> &str {
        &file[self.start as usize..self.end as usize]
    }

    /// Its place in `file`.
    pub fn span(self, file: FileId) -> Span {
        Span { file, start: self.start, end: self.end }
    }
}

impl TokenKind {
    /// Whether it is a word with a meaning of its own.
    pub fn is_keyword(self) -> bool {
        (TokenKind::Real as u8..=TokenKind::Scan as u8).contains(&(self as u8))
    }

    /// Whether an operand may end with it.
    pub fn ends_operand(self) -> bool {
        use TokenKind::*;
        matches!(self, Name | By | Number | Str | True | False | RParen | RBracket | RBrace)
    }

    /// Whether a line cannot end after it: something must follow.
    pub fn continues(self) -> bool {
        use TokenKind::*;
        matches!(
            self,
            Comma
                | Assign
                | LeftArrow
                | Arrow
                | FatArrow
                | Pipe
                | Bar
                | Plus
                | Minus
                | Star
                | Slash
                | Div
                | Percent
                | At
                | Caret
                | EqEq
                | NotEq
                | Less
                | LessEq
                | Greater
                | GreaterEq
                | And
                | Or
                | Not
        )
    }
}

/// The string that the lexer stands in, up to its closing quote or the end of its line.
fn string(lexer: &mut Lexer<'_, TokenKind>) -> bool {
    let rest = lexer.remainder();
    let length = string_length(rest, true);
    lexer.bump(length.unwrap_or_else(|| rest.find('\n').unwrap_or(rest.len())));
    length.is_some()
}

/// How far from its brace an expression in a string is looked for quotes of its own: files of nothing but
/// braces and quotes take no longer for it than others.
const LONGEST_HOLE: usize = 1000;

/// How long a string is whose text begins here, with its closing quote. With `holes`, quotes between braces
/// do not close it, unless the braces are not closed either.
fn string_length(text: &str, mut holes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(c) = bytes.get(at) {
        let hole = *c == b'{' && bytes.get(at + 1) != Some(&b'{') && holes;
        at += match c {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => 2,
            b'{' if bytes.get(at + 1) == Some(&b'{') => 2,
            b'{' if hole => closing_brace(&text[at..], LONGEST_HOLE).map_or(1, |length| length + 1),
            _ => 1,
        };
        holes &= !hole || bytes[at - 1] == b'}';
    }
    None
}

/// Where the brace that `text` begins with is closed, at most so far on; braces in strings do not count.
pub(super) fn closing_brace(text: &str, limit: usize) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while let Some(c) = text.as_bytes().get(at).filter(|c| **c != b'\n' && at < limit) {
        depth += i32::from(*c == b'{') - i32::from(*c == b'}');
        if depth == 0 {
            return Some(at);
        }
        at += 1;
        if *c == b'"' {
            at += string_length(&text[at..], false)?;
        }
    }
    None
}

/// Begins a comment, unless it touches what stands on both its sides, as in `a//b`.
fn slashes(lexer: &mut Lexer<'_, TokenKind>) -> FilterResult<(), ()> {
    let before = lexer.source()[..lexer.span().start].chars().next_back();
    let after = lexer.remainder().chars().next();
    let ends = |c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']');
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '_' | '(' | '-');
    if before.is_some_and(ends) && after.is_some_and(begins) {
        return FilterResult::Emit(());
    }
    skip_line(lexer);
    FilterResult::Skip
}

/// `///` documents; four slashes or more are a comment.
fn doc(lexer: &mut Lexer<'_, TokenKind>) -> FilterResult<(), ()> {
    let comment = lexer.remainder().starts_with('/');
    skip_line(lexer);
    if comment { FilterResult::Skip } else { FilterResult::Emit(()) }
}

/// Goes to the end of the line and remembers the comment.
fn skip_line(lexer: &mut Lexer<'_, TokenKind>) {
    let rest = lexer.remainder();
    let line = rest.find('\n').unwrap_or(rest.len());
    lexer.bump(line);
    let span = lexer.span();
    lexer.extras.push(span.start as u32..span.end as u32);
}

/// All tokens of `text`, which begins at byte `base` of `file`. Text that is no token becomes
/// [`TokenKind::BadLine`] and a diagnostic.
pub fn lex(file: FileId, text: &str, base: usize, found: &mut Vec<Diagnostic>) -> Vec<Token> {
    lex_with_comments(file, text, base, found).0
}

/// The tokens, and where the comments are.
pub(super) fn lex_with_comments(
    file: FileId,
    text: &str,
    base: usize,
    found: &mut Vec<Diagnostic>,
) -> (Vec<Token>, Vec<Range<u32>>) {
    let mut tokens: Vec<Token> = Vec::new();
    let mut lexer = TokenKind::lexer(text).spanned();
    for (kind, range) in lexer.by_ref() {
        let (start, end) = ((base + range.start) as u32, (base + range.end) as u32);
        let last = tokens.last().copied();
        let touches = last.is_some_and(|last| last.end == start);
        let kind = match kind {
            Ok(kind) if kind.is_keyword() && last.is_some_and(|last| last.kind == TokenKind::Dot) => {
                TokenKind::Name
            }
            Ok(TokenKind::Name) if touches && last.is_some_and(|last| last.kind == TokenKind::Number) => {
                let number = last.expect("a number stands before");
                tokens.pop();
                let whole = Token { start: number.start, ..Token { kind: TokenKind::BadLine, start, end } };
                errors::report(found, || {
                    errors::bad_number(whole.span(file), &text[number.start as usize - base..range.end])
                });
                tokens.push(whole);
                continue;
            }
            Ok(kind) => kind,
            Err(()) => {
                if let Some(bad) = tokens.last_mut().filter(|bad| touches && bad.kind == TokenKind::BadLine) {
                    bad.end = end;
                    continue;
                }
                let span = Span { file, start, end };
                errors::report(found, || errors::bad_text(span, &text[range]));
                TokenKind::BadLine
            }
        };
        tokens.push(Token { kind, start, end });
    }
    let comments = std::mem::take(&mut lexer.extras);
    slashes_divide(file, text, base, &mut tokens, found);
    (tokens, comments)
}

/// Reports each `a//b`, and reads it as `a div b`.
fn slashes_divide(file: FileId, text: &str, base: usize, tokens: &mut [Token], found: &mut Vec<Diagnostic>) {
    for at in 0..tokens.len() {
        if tokens[at].kind != TokenKind::SlashSlash {
            continue;
        }
        tokens[at].kind = TokenKind::Div;
        let word = |token: &Token| {
            let simple = matches!(token.kind, TokenKind::Name | TokenKind::Number);
            simple.then(|| &text[token.start as usize - base..token.end as usize - base])
        };
        let operand = |at: Option<usize>| at.and_then(|at| tokens.get(at)).and_then(word);
        let (a, b) = (operand(at.checked_sub(1)), operand(Some(at + 1)));
        errors::report(found, || errors::slashes_divide(tokens[at].span(file), a.zip(b)));
    }
}

/// Comments that look like a division: one number or one name of the text, right after an operand.
pub(super) fn comments_like_divisions(
    file: FileId,
    text: &str,
    tokens: &[Token],
    comments: Vec<Range<u32>>,
) -> Vec<Diagnostic> {
    if comments.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&str> =
        tokens.iter().filter(|token| token.kind == TokenKind::Name).map(|token| token.text(text)).collect();
    let looks = |comment: Range<u32>| {
        let body = text[comment.start as usize..comment.end as usize].strip_prefix("//")?.trim();
        let number = body.starts_with(|c: char| c.is_ascii_digit()) && body.parse::<f64>().is_ok();
        let before = tokens.partition_point(|token| token.start < comment.start).checked_sub(1)?;
        let operand = tokens[before];
        let between = &text[operand.end as usize..comment.start as usize];
        let meant = (number || names.contains(body))
            && operand.kind.ends_operand()
            && operand.kind != TokenKind::RBrace;
        let span = Span { file, start: comment.start, end: comment.end };
        (meant && !between.contains('\n'))
            .then(|| errors::comment_looks_like_division(span, operand.text(text), body))
    };
    comments.into_iter().filter_map(looks).collect()
}

/// Where the comments of a text are, `///` lines among them.
pub(super) fn comments(text: &str) -> Vec<Range<u32>> {
    let mut lexer = TokenKind::lexer(text);
    while lexer.next().is_some() {}
    lexer.extras
}

/// The tokens of a text as `egret emit tokens` prints them: `start..end KIND text`, one a line.
pub fn print_tokens(text: &str) -> String {
    let mut out = String::new();
    for token in
        super::lines::layout(FileId(0), text, lex(FileId(0), text, 0, &mut Vec::new()), &mut Vec::new())
    {
        let Token { kind, start, end } = token;
        let text = token.text(text).escape_debug();
        out.push_str(&format!("{start}..{end} {kind} {text}\n"));
    }
    out
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        let mut out = String::new();
        for (at, c) in name.char_indices() {
            if at > 0 && c.is_uppercase() {
                out.push('-');
            }
            out.extend(c.to_lowercase());
        }
        f.write_str(&out)
    }
}
