//! What can be wrong with a text: one constructor per error, and what the parser's states mean in words.

use super::token::{Token, TokenKind};
use crate::diag::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// The parser met something that does not fit.
pub static SYNTAX: Code = Code {
    name: "syntax",
    explain: "The text does not follow the grammar. The message says what stands there and what was expected.\n\n\
        A statement ends at the end of its line. It goes on when the line ends in an operator, in `=`, `->`, `=>`, \
        `<-` or in a comma, inside `(` and `[`, and when the next line begins with `|>`.\n\n\
        Wrong:  let a = 1 2\n\
        Right:  let a = 1 * 2",
};

/// Characters that begin no token.
pub static BAD_CHARACTER: Code = Code {
    name: "bad-character",
    explain: "These characters mean nothing in Egret outside strings and comments.\n\n\
        Wrong:  let a = 3 € 4\n\
        Right:  let a = 3 * 4",
};

/// A string without its closing quote.
pub static UNTERMINATED_STRING: Code = Code {
    name: "unterminated-string",
    explain: "A string ends at the next `\"` of its line; a line break in it is written `\\n`, a quote `\\\"`.\n\n\
        Wrong:  print \"loss\n\
        Right:  print \"loss\"",
};

/// A string with an unknown escape, a lone brace or a malformed format.
pub static BAD_STRING: Code = Code {
    name: "bad-string",
    explain: "In a string, `\\n \\t \\\" \\\\` are the escapes, `{expr}` prints a value, `{expr:.3}` prints it with three \
        digits after the point, `{expr:>8}` in eight characters (`<` left, `^` in the middle), `{expr:.2e}` with an \
        exponent, `{expr:.1%}` in percent, and `{{` and `}}` are braces.\n\n\
        Wrong:  print \"{fit.loss:,3}\"\n\
        Right:  print \"{fit.loss:.3}\"",
};

/// A number that is malformed or out of range.
pub static BAD_NUMBER: Code = Code {
    name: "bad-number",
    explain: "Numbers are written `1`, `2.5`, `1e-3` and `1_000`. Integers up to 2^53 and numbers up to 1.8e308 \
        exist. A product needs its `*`.\n\n\
        Wrong:  let a = 2x\n\
        Right:  let a = 2 * x",
};

/// An opening bracket without its partner, or a closing one.
pub static UNMATCHED_BRACKET: Code = Code {
    name: "unmatched-bracket",
    explain: "Every `(`, `[` and `{` needs its `)`, `]` or `}`.\n\n\
        Wrong:  let a = (1 + 2\n\
        Right:  let a = (1 + 2)",
};

/// Too many brackets or operators inside each other.
pub static NESTING_TOO_DEEP: Code = Code {
    name: "nesting-too-deep",
    explain: "Expressions and blocks may nest 256 deep. A long sum `a + b + c + ...` counts one level per operator.\n\n\
        Name a part of the expression with `let` and use the name.",
};

/// A file that is too large to be a script.
pub static SOURCE_TOO_LARGE: Code = Code {
    name: "source-too-large",
    explain: "Scripts larger than 16 MiB are not read. Data belongs in a file of its own:\n\n\
        data d = csv(\"points.csv\", target = \"y\")",
};

/// `a < b < c`
pub static COMPARISON_CHAIN: Code = Code {
    name: "comparison-chain",
    explain: "Comparisons do not chain, since `a < b < c` would compare a truth value with `c`.\n\n\
        Wrong:  a < b < c\n\
        Right:  a < b and b < c",
};

/// `a + b |> f`
pub static PIPE_NEEDS_PARENTHESES: Code = Code {
    name: "pipe-needs-parentheses",
    explain: "`|>` binds loosest of all operators, which is easy to misread next to a sum, a comparison or logic; \
        such an operand takes parentheses. A product or a power may stand bare on the left.\n\n\
        Wrong:  a + b |> f\n\
        Right:  (a + b) |> f    or    a + (b |> f)",
};

/// `real[B, ..]`
pub static REST_NOT_FIRST: Code = Code {
    name: "rest-not-first",
    explain: "`..` stands for any leading sizes, so it can only come first in a shape.\n\n\
        Wrong:  real[B, ..]\n\
        Right:  real[.., B]",
};

/// A line in a block that cannot have it.
pub static MISPLACED_LINE: Code = Code {
    name: "misplaced-line",
    explain: "Each block has its own lines: `param`, `layer` and `let` in a `model`; `let` in a `fn`; `state`, `<-` and \
        `let` in a `stage`; `name = value`, `let` and `metric` in `train` and `eval`; declarations and statements in the \
        script itself.\n\n\
        Wrong:  fn f(x: real) -> real { param w: real = 1\n                                w * x }\n\
        Right:  model f(x: real) -> real { ... }",
};

/// A block without a value.
pub static NO_VALUE: Code = Code {
    name: "no-value",
    explain: "The last line of a function, a model, a stage or a block is an expression: its value.\n\n\
        Wrong:  fn f(x: real) -> real { let y = x + 1 }\n\
        Right:  fn f(x: real) -> real = x + 1",
};

/// `state s: real[3] = 0`
pub static STATE_TYPE: Code = Code {
    name: "state-type",
    explain: "A state is one number per coordinate, one per extent with `scalar[...]`, or a few for the whole model with `vector[...]`.\n\n\
        Wrong:  state s: real = 1\n\
        Right:  state s: scalar[over] = 1    or    state s: scalar[model] = 1",
};

/// `eval m = ...`
pub static EVAL_TARGET: Code = Code {
    name: "eval-target",
    explain: "In a stage, `eval` gives the parameters to evaluate with, which are called `w`.\n\n\
        Wrong:  eval ema = ema\n\
        Right:  eval w = ema",
};

/// `scan[1]`
pub static SCAN_AXIS: Code = Code {
    name: "scan-axis",
    explain: "The brackets of a `scan` say along which axis of its sequences it goes: by number, or by the size that \
        the axis has. Without them it goes along the first one.\n\n\
        Wrong:  scan[1] xt in x, h = start { ... }\n\
        Right:  scan[axis = 1] xt in x, h = start { ... }",
};

/// `fn f[p: real]`
pub static STATIC_KIND: Code = Code {
    name: "static-kind",
    explain: "A name alone in the square brackets of a declaration is a size. All else says its kind: `number`, \
        `axis`, `fn`, `model`, or the words that it is one of.\n\n\
        Wrong:  fn f[n, p: real = 0.5, g: function](x: real[n]) -> real[n] = g(p * x)\n\
        Right:  fn f[n, p: number = 0.5, g: fn](x: real[n]) -> real[n] = g(p * x)",
};

/// `n // 2`
pub static COMMENT_LOOKS_LIKE_DIVISION: Code = Code {
    name: "comment-looks-like-division",
    explain: "`//` begins a comment, and whole numbers and sizes are divided by `div`, which rounds down. \
        A comment that is just a number or a name of the script, or that touches what stands on both its sides, looks \
        as if a division was meant.\n\n\
        Wrong:  let half = n // 2     // is `n`\n\
        Wrong:  let half = n//2\n\
        Right:  let half = n div 2\n\n\
        For a remark, leave a space before it and write more than one word, or put it on a line of its own.",
};

/// A parser's codes.
pub const CODES: &[&Code] = &[
    &SYNTAX,
    &BAD_CHARACTER,
    &UNTERMINATED_STRING,
    &BAD_STRING,
    &BAD_NUMBER,
    &UNMATCHED_BRACKET,
    &NESTING_TOO_DEEP,
    &SOURCE_TOO_LARGE,
    &COMPARISON_CHAIN,
    &PIPE_NEEDS_PARENTHESES,
    &REST_NOT_FIRST,
    &MISPLACED_LINE,
    &NO_VALUE,
    &STATE_TYPE,
    &EVAL_TARGET,
    &SCAN_AXIS,
    &STATIC_KIND,
    &COMMENT_LOOKS_LIKE_DIVISION,
];

/// Pushes a diagnostic unless there are enough already.
pub(super) fn report(found: &mut Vec<Diagnostic>, make: impl FnOnce() -> Diagnostic) {
    if found.len() < super::parse::MAX_ERRORS {
        found.push(make());
    }
}

/// A piece of the source as it fits into one line of a message.
fn short(text: &str) -> String {
    let line = text.chars().take(40).take_while(|c| *c != '\n');
    let cut: String = line.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut.len() < text.len() { format!("{cut}...") } else { cut }
}

pub(super) fn source_too_large() -> Diagnostic {
    Diagnostic::error(&SOURCE_TOO_LARGE, "this file has more than the 16 MiB that a script may have")
        .help("keep data in a file of its own and read it with `data`")
}

pub(super) fn nesting_too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(&NESTING_TOO_DEEP, format!("this nests deeper than {} levels", super::MAX_DEPTH))
        .label(span, "too deep from here on")
        .help("name parts of it with `let`")
}

/// Whether a diagnostic says that something in `span` nests too deeply.
pub(super) fn is_too_deep_in(found: &Diagnostic, span: Span) -> bool {
    let inside = |place: Span| span.start <= place.start && place.start < span.end;
    found.code.name == NESTING_TOO_DEEP.name && found.labels.iter().any(|label| inside(label.span))
}

pub(super) fn bad_text(span: Span, text: &str) -> Diagnostic {
    if text.starts_with('"') {
        return Diagnostic::error(&UNTERMINATED_STRING, "this string has no closing quote")
            .label(span, "begins here")
            .help("add `\"`; a line break in a string is written `\\n`");
    }
    Diagnostic::error(&BAD_CHARACTER, format!("`{}` means nothing here", short(text)))
        .label(span, "not a part of the language")
        .help("remove it")
}

pub(super) fn bad_number(span: Span, text: &str) -> Diagnostic {
    let digits =
        text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_')).len();
    let (number, rest) = text.split_at(digits);
    Diagnostic::error(&BAD_NUMBER, format!("`{}` is not a number", short(text)))
        .label(span, "a number runs into a word")
        .help(format!("write `{} * {}` for a product", short(number), short(rest)))
}

pub(super) fn number_too_large(span: Span, integer: bool) -> Diagnostic {
    let (most, help) = match integer {
        true => ("2^53", "write a point, as in `1e20`, for an approximate number"),
        false => ("1.8e308", "use a smaller number"),
    };
    Diagnostic::error(&BAD_NUMBER, format!("this number is larger than {most}"))
        .label(span, "too large")
        .help(help)
}

pub(super) fn unclosed(span: Span, open: &str) -> Diagnostic {
    let close = match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    Diagnostic::error(&UNMATCHED_BRACKET, format!("`{open}` is never closed"))
        .label(span, "opened here")
        .help(format!("add `{close}` where it ends"))
}

pub(super) fn stray_closer(span: Span, close: &str) -> Diagnostic {
    Diagnostic::error(&UNMATCHED_BRACKET, format!("`{close}` closes nothing"))
        .label(span, "nothing is open here that it could close")
        .help("remove it, or add what opens it")
}

pub(super) fn comment_looks_like_division(span: Span, operand: &str, comment: &str) -> Diagnostic {
    let message = format!("`// {comment}` is a comment, not a division");
    Diagnostic::warning(&COMMENT_LOOKS_LIKE_DIVISION, message)
        .label(span, "from here on the line is a comment")
        .help(format!("write `{operand} div {comment}` to divide, or a longer remark"))
}

/// `n//2`, with its operands if they are words.
pub(super) fn slashes_divide(span: Span, operands: Option<(&str, &str)>) -> Diagnostic {
    let written = match operands {
        Some((a, b)) => format!("`{} div {}`", short(a), short(b)),
        None => "`div` in its place".to_string(),
    };
    Diagnostic::error(&COMMENT_LOOKS_LIKE_DIVISION, "`//` begins a comment, and looks like a division here")
        .label(span, "touches what stands on both sides")
        .help(format!("write {written} to divide, rounding down; leave a space before a comment"))
}

pub(super) fn comment_in_braces(span: Span, operand: &str, rest: &str) -> Diagnostic {
    Diagnostic::error(&COMMENT_LOOKS_LIKE_DIVISION, "a comment inside of braces")
        .label(span, "from here on the braces hold a comment")
        .help(format!("write `{{{operand} div {rest}}}` to divide, rounding down"))
}

pub(super) fn comparison_chain(span: Span, mended: Option<String>) -> Diagnostic {
    let help = match mended.filter(|mended| !mended.contains('\n')) {
        Some(mended) => format!("write `{mended}`"),
        None => "join two comparisons with `and`".to_string(),
    };
    Diagnostic::error(&COMPARISON_CHAIN, "comparisons do not chain")
        .label(span, "two comparisons in a row")
        .help(help)
}

pub(super) fn pipe_needs_parentheses(span: Span, op: String, text: &str, left: bool) -> Diagnostic {
    let text = short(text);
    let place = if left { "before" } else { "after" };
    let help = if left { format!("write `({text}) |> ...`") } else { format!("write `... |> ({text})`") };
    Diagnostic::error(&PIPE_NEEDS_PARENTHESES, format!("`{op}` {place} `|>` needs parentheses"))
        .label(span, format!("`|>` binds looser than `{op}`"))
        .help(help)
}

pub(super) fn rest_not_first(span: Span) -> Diagnostic {
    Diagnostic::error(&REST_NOT_FIRST, "`..` can only come first in a shape")
        .label(span, "other sizes stand before it")
        .help("name this size, or move `..` to the front")
}

pub(super) fn state_type(span: Span) -> Diagnostic {
    Diagnostic::error(&STATE_TYPE, "a state has no such type")
        .label(span, "expected `scalar[...]` with one extent, or `vector[...]` with a number")
        .note("without a type, a state is one number per coordinate")
        .help("write `scalar[tensor]`, `scalar[model]`, `scalar[row]`, `scalar[col]`, `scalar[over]` or `vector[6]`")
}

pub(super) fn eval_target(name: &super::Ident) -> Diagnostic {
    Diagnostic::error(&EVAL_TARGET, format!("`eval` gives `w`, not `{}`", name.name))
        .label(name.span, "expected `w`")
        .help("write `eval w = ...`: the parameters to evaluate with")
}

pub(super) fn scan_axis(span: Span) -> Diagnostic {
    Diagnostic::error(&SCAN_AXIS, "the brackets of `scan` say its axis")
        .label(span, "no axis")
        .help("write `scan[axis = 1]`, or `scan[axis = T]` for the axis of size `T`")
}

pub(super) fn static_kind(span: Span, name: &str) -> Diagnostic {
    let help = match FOREIGN_KINDS.iter().find(|(names, _)| names.contains(&name)) {
        Some((_, kind)) => format!("write `{kind}`"),
        None if name == "size" => "leave it out: a name alone is a size".to_string(),
        None => format!("write two words or more to choose from, such as `{} | other`", short(name)),
    };
    Diagnostic::error(&STATIC_KIND, format!("`{}` is no kind of a static parameter", short(name)))
        .label(span, "expected `number`, `axis`, `fn`, `model` or words to choose from")
        .help(help)
}

/// What a kind of a static parameter is called elsewhere.
const FOREIGN_KINDS: [(&[&str], &str); 2] = [
    (&["real", "f32", "f64", "float", "num", "i32", "i64", "int", "bool"], "number"),
    (&["function", "func", "def"], "fn"),
];

pub(super) fn bad_escape(span: Span, c: char) -> Diagnostic {
    Diagnostic::error(&BAD_STRING, format!("`\\{}` is not an escape", short(&c.to_string())))
        .label(span, "unknown escape")
        .help("the escapes are `\\n`, `\\t`, `\\\"` and `\\\\`")
}

pub(super) fn brace_in_string(span: Span) -> Diagnostic {
    Diagnostic::error(&BAD_STRING, "`}` in a string closes nothing")
        .label(span, "no `{` before it")
        .help("write `}}` for a brace")
}

pub(super) fn bad_format(span: Span) -> Diagnostic {
    Diagnostic::error(&BAD_STRING, "this is not a format")
        .label(span, "expected a width up to 200, digits up to 17 after a point, `e` or `%`")
        .help("write `:.3` for three digits after the point, `:>8.3` for eight characters, `:.2e`, `:.1%`")
}

pub(super) fn not_an_expression(span: Span) -> Diagnostic {
    Diagnostic::error(&BAD_STRING, "braces in a string hold one expression")
        .label(span, "not an expression")
        .help("write `{{` and `}}` for braces that are printed")
}

pub(super) fn no_value(span: Span, word: &str, last: Option<&str>) -> Diagnostic {
    let what = if word == "block" { "this block".to_string() } else { format!("this `{word}`") };
    let label = match last {
        None => "it is empty".to_string(),
        Some(last) => format!("its last line is {}", quoted(last)),
    };
    Diagnostic::error(&NO_VALUE, format!("{what} has no value"))
        .label(span, label)
        .help("end it with an expression on a line of its own")
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { word.to_string() } else { format!("a `{word}` line") }
}

pub(super) fn misplaced_line(span: Span, word: &str, place: &str) -> Diagnostic {
    let allowed = match place {
        "data" => "a `data` block holds lines `column = expression`",
        "fn" => "a `fn` holds `let` lines and ends in an expression",
        "model" => {
            "a `model` holds `param`, `state`, `<-`, `layer` and `let` lines and ends in an expression"
        }
        "stage" => "a `stage` holds `state`, `<-`, `let` and `eval w` lines and ends in an expression",
        "block" => "a block holds `let` lines and ends in an expression",
        "train" | "eval" => "a run holds `let` lines and lines `name = value` and `metric name = value`",
        _ => "a script holds declarations and statements",
    };
    let where_ = match place {
        "script" => "outside all blocks".to_string(),
        "block" => "in a block".to_string(),
        _ => format!("in `{place}`"),
    };
    let what = if word == "an expression" { word.to_string() } else { format!("a `{word}` line") };
    Diagnostic::error(&MISPLACED_LINE, format!("{what} cannot stand {where_}"))
        .label(span, "does not belong here")
        .note(allowed)
        .help(misplaced_help(word, place))
}

fn misplaced_help(word: &str, place: &str) -> &'static str {
    match (word, place) {
        ("param" | "layer", "fn") => "make it a `model`, which has parameters",
        ("state" | "<-", "fn") => "make it a `model`, which has states",
        ("state" | "<-", _) => "move it into a `model` or a `stage`, before its value",
        ("=", "fn" | "model" | "block" | "stage" | "script") => "write `let` before it",
        ("param" | "layer", _) => "move it into a `model`",
        ("metric", _) => "move it into `train` or `eval`",
        ("let", "data") => "leave out `let`",
        ("an expression", "fn" | "model" | "block" | "stage") => "give it a name with `let`",
        ("an expression", _) => "give it a name, as in `loss = ...`",
        _ => "move it out of the block",
    }
}

/// The parser met token `at`, or the end, where one of `expected` had to come.
pub(super) fn unexpected(
    file: FileId,
    text: &str,
    tokens: &[Token],
    at: usize,
    expected: &[String],
) -> Diagnostic {
    let state = ParserState::new(text, tokens, at, expected);
    let end = tokens.last().map_or(0, |token| token.end);
    let span = match tokens.get(at) {
        Some(_) if state.kind == Some(TokenKind::Newline) => {
            let end = at.checked_sub(1).map_or(0, |before| tokens[before].end);
            Span { file, start: end, end }
        }
        Some(token) => token.span(file),
        None => Span { file, start: end, end },
    };
    let (found, wanted) = (state.found(), state.wanted());
    let mut diagnostic = Diagnostic::error(&SYNTAX, format!("expected {wanted}, found {found}"));
    diagnostic = diagnostic.label(span, format!("expected {wanted}"));
    diagnostic.help(state.help())
}

/// Where the parser stands, in the words that messages use.
struct ParserState<'a> {
    /// The text of what was found.
    text: &'a str,
    /// Its kind; `None` at the end.
    kind: Option<TokenKind>,
    /// Texts and kinds of the two tokens before it.
    before: [(&'a str, Option<TokenKind>); 2],
    /// Text and kind of the first token of the item.
    first: (&'a str, Option<TokenKind>),
    /// What the grammar allows here.
    expected: Vec<&'a str>,
}

impl<'a> ParserState<'a> {
    fn new(text: &'a str, tokens: &[Token], at: usize, expected: &'a [String]) -> ParserState<'a> {
        let look = |index: Option<usize>| {
            let token = index.and_then(|index| tokens.get(index));
            (token.map_or("", |token| token.text(text)), token.map(|token| token.kind))
        };
        let (found, mut kind) = look(Some(at));
        let before = at.checked_sub(1).map(|before| tokens[before].end as usize);
        if let (Some(before), Some(token)) = (before, tokens.get(at))
            && text[before..token.start as usize].contains('\n')
        {
            kind = Some(TokenKind::Newline);
        }
        // The end of an item that is not the last one.
        let after = text[before.unwrap_or(0)..].trim_start_matches([' ', '\t', '\r']);
        if kind.is_none() && (after.starts_with('\n') || after.starts_with("//")) && !after.trim().is_empty()
        {
            kind = Some(TokenKind::Newline);
        }
        let line = tokens[..at.min(tokens.len())]
            .iter()
            .rposition(|t| matches!(t.kind, TokenKind::Newline | TokenKind::LBrace));
        let first = look(Some(line.map_or(0, |line| line + 1)));
        let before = [look(at.checked_sub(1)), look(at.checked_sub(2))];
        let mut expected: Vec<&str> = expected.iter().map(|name| name.trim_matches('"')).collect();
        // It is a name wherever names stand.
        if expected.contains(&"name") {
            expected.retain(|name| *name != "by");
        }
        ParserState { text: found, kind, before, first, expected }
    }

    fn allows(&self, name: &str) -> bool {
        self.expected.contains(&name)
    }

    /// What stands there.
    fn found(&self) -> String {
        match self.kind {
            None => "the end".to_string(),
            Some(TokenKind::Newline) => "the end of the line".to_string(),
            Some(TokenKind::Str) => "a string".to_string(),
            Some(kind) if kind.is_keyword() => format!("the keyword `{}`", self.text),
            Some(_) => format!("`{}`", short(self.text)),
        }
    }

    /// What had to come.
    fn wanted(&self) -> String {
        let after = |text: &str| match text {
            "" | "\n" => String::new(),
            text => format!(" after `{}`", short(text)),
        };
        if self.allows("number") {
            let what =
                if self.allows("let") && self.allows("name") { "a statement" } else { "an expression" };
            return format!("{what}{}", after(self.before[0].0));
        }
        for (name, words) in [("on", "`on` and the data"), ("to", "`to` and a path"), ("=>", "`=>`")] {
            if self.allows(name) {
                return words.to_string();
            }
        }
        if self.allows("+") {
            return self.wanted_after_operand();
        }
        // What could go on a name is not worth mentioning when something else must come.
        let goes_on = |name: &&str| matches!(*name, "(" | "[" | ".");
        let (_, rest): (Vec<&str>, Vec<&str>) = self.expected.iter().partition(|name| goes_on(name));
        let expected = if rest.is_empty() { &self.expected } else { &rest };
        match expected.as_slice() {
            ["name"] => format!("a name{}", after(self.before[0].0)),
            [] => "nothing more".to_string(),
            [one] => format!("{}{}", in_words(one), after(self.before[0].0)),
            [all @ .., last] if all.len() < 4 => {
                let all = all.iter().map(|name| in_words(name)).collect::<Vec<_>>().join(", ");
                format!("{all} or {}{}", in_words(last), after(self.before[0].0))
            }
            _ => format!("something else{}", after(self.before[0].0)),
        }
    }

    /// An operand has ended: what may follow it?
    fn wanted_after_operand(&self) -> String {
        for name in [")", "]", "{"] {
            if self.allows(name) {
                return format!("an operator or `{name}`");
            }
        }
        "an operator or the end of the line".to_string()
    }

    /// One thing to try.
    fn help(&self) -> String {
        self.help_for_foreign().map(str::to_string).or_else(|| self.help_for_place()).unwrap_or_else(|| {
            match self.kind {
                Some(TokenKind::Newline) | None => "complete the line".to_string(),
                Some(kind) if kind.is_keyword() && self.allows("name") => {
                    format!("`{}` is a keyword; choose another name", self.text)
                }
                Some(_) if self.allows("+") => "put an operator before it, or begin a new line".to_string(),
                Some(_) if self.allows("number") => "write a name, a number or a call here".to_string(),
                Some(_) => "remove it, or complete what stands before it".to_string(),
            }
        })
    }

    /// Habits from other languages.
    fn help_for_foreign(&self) -> Option<&'static str> {
        let words = [self.text, self.before[0].0];
        FOREIGN.iter().find(|(foreign, _)| words.contains(foreign)).map(|(_, help)| *help)
    }

    /// Places where people go wrong in the same way.
    fn help_for_place(&self) -> Option<String> {
        let text = match (self.kind, self.before[0].1) {
            (Some(TokenKind::Str), Some(TokenKind::Name)) if ["f", "r"].contains(&self.before[0].0) => {
                "leave out the letter: every string has `{...}`"
            }
            (Some(TokenKind::LBrace), Some(TokenKind::Name))
                if self.before[1].1 == Some(TokenKind::Stage) =>
            {
                return Some(format!("a stage without hyperparameters is `stage {}() {{`", self.before[0].0));
            }
            (Some(TokenKind::Assign), _) if self.allows("==") => "write `==` to compare",
            (Some(TokenKind::LBrace | TokenKind::Assign), Some(TokenKind::RParen)) if self.allows("->") => {
                "write the type of the result: `-> real[...]`"
            }
            (Some(TokenKind::Comma | TokenKind::RParen), Some(TokenKind::Name))
                if self.allows(":") && !self.allows("=") =>
            {
                return Some(format!("give it a type: `{}: real[...]`", self.before[0].0));
            }
            (Some(TokenKind::Name), Some(TokenKind::Name)) if self.allows(":") && !self.allows("=") => {
                return Some(format!("write `{}: {}`", self.before[0].0, short(self.text)));
            }
            (Some(TokenKind::Newline) | None, _) if self.allows("to") => "say where: `to \"file\"`",
            (Some(TokenKind::Newline) | None, _) if self.first.0 == "print" => {
                "write what to print: `print \"loss {fit.loss}\"`"
            }
            (
                Some(
                    TokenKind::Number
                    | TokenKind::Str
                    | TokenKind::True
                    | TokenKind::False
                    | TokenKind::Minus,
                ),
                Some(TokenKind::Name),
            ) if self.allows("=") => "write `=` between the name and its value",
            (Some(TokenKind::Newline) | None, _) if self.allows("{") && !self.allows("number") => {
                "put `{` on the same line"
            }
            (Some(TokenKind::LeftArrow), _) => "write `< -` to compare with a negative; `<-` sets a state",
            (Some(TokenKind::Bar), _)
                if self.allows("]") && matches!(self.first.1, Some(TokenKind::Fn | TokenKind::Model)) =>
            {
                "words to choose from are the kind of a parameter: `[mode: first | second]`"
            }
            (Some(TokenKind::Bar), _) => {
                "words to choose from stand in the heads of stages and functions only; write `or` for logic"
            }
            (Some(TokenKind::DotDot), _) => "`..` stands in types only",
            (Some(TokenKind::Number), Some(TokenKind::Dot)) => "write a digit before the point, as in `0.5`",
            (_, Some(TokenKind::Dot)) if self.before[1].1 == Some(TokenKind::Number) => {
                "write a digit after the point, as in `1.0`"
            }
            (Some(TokenKind::Colon), Some(TokenKind::Str)) => {
                "groups of parameters stand in braces: `optimizer = { ... }`"
            }
            (Some(TokenKind::Colon), _) if self.first.1 != Some(TokenKind::Fn) => {
                "a type is written after `let name:` only"
            }
            _ => return None,
        };
        Some(text.to_string())
    }
}

/// What people write from habit, and what to write instead.
const FOREIGN: &[(&str, &str)] = &[
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("!", "write `not`"),
    ("**", "write `^` for a power"),
    (";", "end the statement with a new line instead"),
    ("#", "comments begin with `//`"),
    ("'", "strings stand in double quotes"),
    ("+=", "names are never changed; give the sum a new name with `let`"),
    ("-=", "names are never changed; give the difference a new name with `let`"),
    ("*=", "names are never changed; give the product a new name with `let`"),
    ("/=", "names are never changed; give the quotient a new name with `let`"),
    ("++", "write `+ 1`"),
    (":=", "write `=`, or `<-` for a state"),
    ("?", "write `where(condition, a, b)`"),
    ("≤", "write `<=`"),
    ("≥", "write `>=`"),
    ("×", "write `*`"),
    ("→", "write `->`"),
    ("←", "write `<-`"),
    ("−", "write `-`"),
    ("“", "strings stand in plain double quotes"),
    ("=<", "write `<=`"),
    ("<>", "write `!=`"),
    ("==>", "write `=>`"),
    ("if", "write `where(condition, a, b)`, or `match` for a choice among words"),
    ("else", "write `where(condition, a, b)`, or `match` for a choice among words"),
    ("return", "leave it out: the last line of a block is its value"),
    ("def", "write `fn`"),
    ("function", "write `fn`"),
    ("func", "write `fn`"),
    ("var", "write `let`"),
    ("const", "write `let`"),
    ("mut", "leave it out: names are never changed"),
    ("while", "there are no loops that run an unknown number of times"),
    ("import", "leave it out: the library is always there"),
    ("lambda", "declare a `fn` and use its name"),
    ("class", "write `model` for a function with parameters"),
];

fn in_words(name: &str) -> String {
    match name {
        "name" => "a name".to_string(),
        "newline" => "the end of the line".to_string(),
        "string" => "a string".to_string(),
        name => format!("`{name}`"),
    }
}
