//! The newline rule, and which bracket closes which.
//!
//! A newline ends a statement unless it stands inside `(` or `[`, after something that must go on,
//! or before a line that begins with `|>` or with the rule of a derivative. After this pass every newline that is left separates two
//! lines of a block or two items, and all brackets match.

use super::MAX_DEPTH;
use super::errors;
use super::token::{Token, TokenKind};
use crate::diag::Diagnostic;
use crate::source::FileId;

/// Applies the newline rule. Where brackets do not match, a [`TokenKind::BadLine`] marks the line.
pub(super) fn layout(
    file: FileId,
    text: &str,
    tokens: Vec<Token>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let out = Vec::with_capacity(tokens.len());
    let mut lines = Lines { file, text, out, open: Vec::new(), braces: 0, too_deep: false, upcoming: 0 };
    for (at, token) in tokens.iter().enumerate() {
        lines.token(*token, &tokens, at, found);
    }
    let end = tokens.last().map_or(0, |token| token.end);
    while lines.out.last().is_some_and(|token| token.kind == TokenKind::Newline) {
        lines.out.pop();
    }
    lines.close_down_to(0, end, found);
    lines.out
}

struct Lines<'a> {
    file: FileId,
    text: &'a str,
    out: Vec<Token>,
    /// Brackets that are open.
    open: Vec<Token>,
    /// How many of them are braces.
    braces: usize,
    too_deep: bool,
    /// The next token that is neither a newline nor documentation.
    upcoming: usize,
}

impl Lines<'_> {
    fn token(&mut self, token: Token, all: &[Token], at: usize, found: &mut Vec<Diagnostic>) {
        match token.kind {
            TokenKind::Newline => self.newline(token, all, at, found),
            TokenKind::Doc => self.doc(token),
            TokenKind::LParen | TokenKind::LBracket | TokenKind::LBrace => self.open(token, found),
            TokenKind::RParen | TokenKind::RBracket | TokenKind::RBrace => self.close(token, found),
            // Keywords where an item begins, ordinary words elsewhere.
            TokenKind::Real | TokenKind::Model | TokenKind::Pipeline | TokenKind::Predict
                if !(self.at_item_start() && names(&all[at + 1..])) =>
            {
                self.push(Token { kind: TokenKind::Name, ..token });
            }
            TokenKind::Name if self.is_rule(all, at) => self.push(Token { kind: TokenKind::Rule, ..token }),
            _ => self.push(token),
        }
    }

    /// Whether a rule for a derivative begins here: `vjp dy =>`, `vjp y, dy =>`.
    fn is_rule(&self, all: &[Token], at: usize) -> bool {
        use TokenKind::{Comma, FatArrow, Name};
        let kinds = || all[at + 1..].iter().map(|token| token.kind);
        let follows = |kinds: &mut dyn Iterator<Item = TokenKind>, rule: &[TokenKind]| {
            kinds.take(rule.len()).eq(rule.iter().copied())
        };
        all[at].kind == Name
            && all[at].text(self.text) == "vjp"
            && (follows(&mut kinds(), &[Name, FatArrow])
                || follows(&mut kinds(), &[Name, Comma, Name, FatArrow]))
    }

    fn push(&mut self, token: Token) {
        if self.open.len() <= MAX_DEPTH as usize {
            self.out.push(token);
        }
    }

    fn last(&self) -> Option<TokenKind> {
        self.out.last().map(|token| token.kind)
    }

    /// Whether an item begins here.
    fn at_item_start(&self) -> bool {
        self.open.is_empty() && matches!(self.last(), None | Some(TokenKind::Newline | TokenKind::Doc))
    }

    fn doc(&mut self, token: Token) {
        if self.at_item_start() {
            self.push(token);
        }
    }

    fn newline(&mut self, token: Token, all: &[Token], at: usize, found: &mut Vec<Diagnostic>) {
        self.upcoming = self.upcoming.max(at + 1);
        let skipped = |token: &Token| matches!(token.kind, TokenKind::Newline | TokenKind::Doc);
        while all.get(self.upcoming).is_some_and(skipped) {
            self.upcoming += 1;
        }
        let (next, after) = (all.get(self.upcoming).copied(), all.get(self.upcoming + 1).copied());
        let begins = next.is_some_and(|next| begins_line(next.kind, after.map(|after| after.kind)));
        if begins {
            self.close_forgotten(next.expect("a line begins"), token.start, found);
        }
        let inside = self.open.last().is_some_and(|open| open.kind != TokenKind::LBrace);
        let last = self.last();
        let first = matches!(last, None | Some(TokenKind::Newline | TokenKind::Doc | TokenKind::LBrace));
        let goes_on = !begins && last.is_some_and(TokenKind::continues);
        let before = matches!(next.map(|next| next.kind), None | Some(TokenKind::Pipe | TokenKind::RBrace))
            || self.is_rule(all, self.upcoming);
        if !(inside || first || goes_on || before) {
            self.push(token);
        }
    }

    /// A line that can only begin a statement closes the brackets that somebody forgot.
    fn close_forgotten(&mut self, next: Token, at: u32, found: &mut Vec<Diagnostic>) {
        let braces = self.open.iter().rposition(|open| open.kind == TokenKind::LBrace).map_or(0, |at| at + 1);
        self.close_down_to(braces, at, found);
        let column_0 = next.start == 0 || self.text.as_bytes()[next.start as usize - 1] == b'\n';
        let item = matches!(
            next.kind,
            TokenKind::Fn
                | TokenKind::Model
                | TokenKind::Stage
                | TokenKind::Wrap
                | TokenKind::Pipeline
                | TokenKind::Data
        );
        if column_0 && item {
            self.close_down_to(0, at, found);
        }
    }

    fn open(&mut self, token: Token, found: &mut Vec<Diagnostic>) {
        if self.open.len() == MAX_DEPTH as usize && !self.too_deep {
            self.too_deep = true;
            self.out.push(Token { kind: TokenKind::BadLine, ..token });
            errors::report(found, || errors::nesting_too_deep(token.span(self.file)));
        }
        self.braces += usize::from(token.kind == TokenKind::LBrace);
        self.open.push(token);
        if self.open.len() <= MAX_DEPTH as usize {
            self.out.push(token);
        }
    }

    fn close(&mut self, token: Token, found: &mut Vec<Diagnostic>) {
        match self.partner(token.kind) {
            Some(at) => {
                self.close_down_to(at + 1, token.start, found);
                self.push(token);
                self.open.pop();
                self.braces -= usize::from(token.kind == TokenKind::RBrace);
                self.too_deep &= !self.open.is_empty();
            }
            _ => {
                errors::report(found, || errors::stray_closer(token.span(self.file), token.text(self.text)));
                self.push(Token { kind: TokenKind::BadLine, ..token });
            }
        }
    }

    /// Which open bracket this closes. A `)` does not close what lies outside its block, and nothing
    /// is looked for so far that a file of brackets would take long.
    fn partner(&self, close: TokenKind) -> Option<usize> {
        if close == TokenKind::RBrace {
            if self.braces == 0 {
                return None;
            }
            return self.open.iter().rposition(|open| open.kind == TokenKind::LBrace);
        }
        let near = self.open.iter().enumerate().rev().take(MAX_DEPTH as usize);
        let mut near = near.take_while(|(_, open)| open.kind != TokenKind::LBrace);
        near.find(|(_, open)| closer(open.kind) == close).map(|(at, _)| at)
    }

    /// Closes all but the first `keep` open brackets at byte `at`, each with a diagnostic.
    fn close_down_to(&mut self, keep: usize, at: u32, found: &mut Vec<Diagnostic>) {
        if self.open.len() > MAX_DEPTH as usize {
            let gone = self.open.drain(keep.max(MAX_DEPTH as usize).min(self.open.len())..);
            self.braces -= gone.filter(|open| open.kind == TokenKind::LBrace).count();
        }
        while self.open.len() > keep {
            let open = *self.open.last().expect("more than `keep` are open");
            if !self.too_deep {
                errors::report(found, || errors::unclosed(open.span(self.file), open.text(self.text)));
            }
            self.push(Token { kind: TokenKind::BadLine, start: at, end: at });
            self.push(Token { kind: closer(open.kind), start: at, end: at });
            self.open.pop();
            self.braces -= usize::from(open.kind == TokenKind::LBrace);
        }
        self.too_deep &= !self.open.is_empty();
    }
}

/// Whether a name comes next.
fn names(rest: &[Token]) -> bool {
    rest.first().is_some_and(|token| token.kind == TokenKind::Name || token.kind.is_keyword())
}

fn closer(open: TokenKind) -> TokenKind {
    match open {
        TokenKind::LParen => TokenKind::RParen,
        TokenKind::LBracket => TokenKind::RBracket,
        _ => TokenKind::RBrace,
    }
}

/// Whether a line that begins so can only be a new statement, never the rest of an expression.
fn begins_line(first: TokenKind, second: Option<TokenKind>) -> bool {
    use TokenKind::*;
    match first {
        Fn | Data | Stage | Let | Act | ActTo | Param | Layer | State | Metric => true,
        Model | Real | Pipeline | Predict => second == Some(Name),
        _ => false,
    }
}
