use super::*;

#[test]
fn messages_say_what_was_expected() {
    let cases = [
        ("let a = ", "syntax: expected an expression after `=`, found the end"),
        ("let a = 1 +\nlet b = 2", "syntax: expected an expression after `+`, found the end of the line"),
        ("let a 1", "syntax: expected `:` or `=` after `a`, found `1`"),
        ("let state = 1", "syntax: expected a name after `let`, found the keyword `state`"),
        ("let a = 1 2", "syntax: expected an operator or the end of the line, found `2`"),
        ("let a = (1 2)", "syntax: expected an operator or `)`, found `2`"),
        ("let a = [1 2]", "syntax: expected an operator or `]`, found `2`"),
        ("assert a = b", "syntax: expected an operator or the end of the line, found `=`"),
        ("let a = b && c", "syntax: expected an operator or the end of the line, found `&&`"),
        ("let a = !b", "syntax: expected an expression after `=`, found `!`"),
        ("let a = b ** c", "syntax: expected an operator or the end of the line, found `**`"),
        ("let a = 1;", "syntax: expected an operator or the end of the line, found `;`"),
        ("# comment", "syntax: expected a statement, found `#`"),
        ("fn f(x) -> real = x", "syntax: expected `:` after `x`, found `)`"),
        ("fn f(x: real) = x", "syntax: expected `->` after `)`, found `=`"),
        ("model f(x: real) { x }", "syntax: expected `->` after `)`, found `{`"),
        ("stage s(lr) -> real { u }", "syntax: expected `{` after `)`, found `->`"),
        (
            "fn f(x: real) -> real\n{ x }",
            "syntax: expected `{` or `=` after `real`, found the end of the line",
        ),
        ("train m { loss = 1 }", "syntax: expected `on` and the data, found `{`"),
        ("save fit", "syntax: expected `to` and a path, found the end"),
        ("plot a, b", "syntax: expected `to` and a path, found the end"),
        ("let a = scan[1] x in y { x }", "scan-axis: the brackets of `scan` say its axis"),
        ("wrap stage s(k = 1) { u }", "syntax: expected `(` after `)`, found `{`"),
        ("stage s(k = 1) {\n  eval m = u\n  u\n}", "eval-target: `eval` gives `w`, not `m`"),
        (
            "let a = match s { x => 1 y => 2 }",
            "syntax: expected an operator or the end of the line, found `y`",
        ),
        ("let a = .5", "syntax: expected an expression after `=`, found `.`"),
        ("let a = 1.", "syntax: expected a name after `.`, found the end"),
        ("let a = 0..n", "syntax: expected an operator or the end of the line, found `..`"),
        ("let a = 2x", "bad-number: `2x` is not a number"),
        ("let a = 1e999", "bad-number: this number is larger than 1.8e308"),
        ("let a = 99999999999999999", "bad-number: this number is larger than 2^53"),
        ("let a = € + 1", "bad-character: `€` means nothing here"),
        ("print \"abc", "unterminated-string: this string has no closing quote"),
        ("print \"a\\qb\"", "bad-string: `\\q` is not an escape"),
        ("print \"a}b\"", "bad-string: `}` in a string closes nothing"),
        ("print \"{a:q}\"", "bad-string: this is not a format"),
        ("print \"{a:.99}\"", "bad-string: this is not a format"),
        ("print \"{}\"", "bad-string: braces in a string hold one expression"),
        ("print \"{let a = 1}\"", "bad-string: braces in a string hold one expression"),
        ("print \"{a\"", "unmatched-bracket: `{` is never closed"),
        ("print \"{a +}\"", "syntax: expected an expression after `+`, found the end"),
        ("let a = (1", "unmatched-bracket: `(` is never closed"),
        ("let a = 1)", "unmatched-bracket: `)` closes nothing"),
        ("let a = 1 < 2 < 3", "comparison-chain: comparisons do not chain"),
        ("let a = b + c |> f", "pipe-needs-parentheses: `+` before `|>` needs parentheses"),
        ("let a = b |> f + c", "pipe-needs-parentheses: `+` after `|>` needs parentheses"),
        ("let a = b |> f * c", "pipe-needs-parentheses: `*` after `|>` needs parentheses"),
        ("let a = not b |> f", "pipe-needs-parentheses: `not` before `|>` needs parentheses"),
        ("let a = b < c |> f", "pipe-needs-parentheses: `<` before `|>` needs parentheses"),
        ("let a: real[B, ..] = 1", "rest-not-first: `..` can only come first in a shape"),
        ("fn f() -> real { let a = 1 }", "no-value: this `fn` has no value"),
        ("model f() -> real { }", "no-value: this `model` has no value"),
        ("stage f() { state m = 0 }", "no-value: this `stage` has no value"),
        ("let a = { let b = 1 }", "no-value: this block has no value"),
        ("fn f() -> real {\nparam w: real = 1\nw }", "misplaced-line: a `param` line cannot stand in `fn`"),
        ("fn f() -> real {\n  fn g() -> real = 1\n1 }", "misplaced-line: a `fn` line cannot stand in `fn`"),
        ("fn f() -> real {\na = 1\na }", "misplaced-line: a `=` line cannot stand in `fn`"),
        ("stage f() {\nparam w = 0\nu }", "misplaced-line: a `param` line cannot stand in `stage`"),
        ("train m on d { param a: real = 1 }", "misplaced-line: a `param` line cannot stand in `train`"),
        ("data d = csv(\"a\") { x }", "misplaced-line: an expression cannot stand in `data`"),
        ("param w: real = 1", "misplaced-line: a `param` line cannot stand outside all blocks"),
        ("a = 1", "misplaced-line: a `=` line cannot stand outside all blocks"),
        ("m <- 1", "misplaced-line: a `<-` line cannot stand outside all blocks"),
        ("stage f() {\nstate s: real[3] = 0\ns }", "state-type: a state has no such type"),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), [expected], "{text}");
    }
}

#[test]
fn helps_know_other_languages() {
    let help = |text: &str| parse(FileId(0), text).1[0].help.clone().expect("there is a help");
    assert_eq!(help("let a = b && c"), "write `and`");
    assert_eq!(help("assert a = b"), "write `==` to compare");
    assert_eq!(help("def f(x)"), "write `fn`");
    assert_eq!(
        help("fn f(x: real) -> real {\n  return x\n}"),
        "leave it out: the last line of a block is its value"
    );
    assert_eq!(help("fn f(x) -> real = x"), "give it a type: `x: real[...]`");
    assert_eq!(help("fn f(x: real) = x"), "write the type of the result: `-> real[...]`");
    assert_eq!(help("let a = 1 < 2 < 3"), "write `1 < 2 and 2 < 3`");
    assert_eq!(help("let a = b + c |> f"), "write `(b + c) |> ...`");
    assert_eq!(help("a = 1"), "write `let` before it");
    assert_eq!(help("let state = 1"), "`state` is a keyword; choose another name");
    assert_eq!(help("let a = b <-1"), "write `< -` to compare with a negative; `<-` sets a state");
    assert_eq!(help("let a = \"**.b\": sgd"), "groups of parameters stand in braces: `optimizer = { ... }`");
    assert_eq!(help("let a = if b"), "write `where(condition, a, b)`, or `match` for a choice among words");
}

#[test]
fn one_run_finds_several_errors_and_keeps_the_rest() {
    let text = "\
let a = 1 +
let b = 2
model m(x: real[B, 4]) -> real[B, 3] {
  param w: real[4, 3] = = 1
  layer out = dense[4 3]
  let ok = x
  out |>
}
print \"{b +} {b}\"
assert b == 2 3
fn g(x: real) -> real = (x
let z = 5
";
    let (script, found) = parse(FileId(0), text);
    let lines: Vec<usize> =
        found.iter().map(|d| text[..d.labels[0].span.start as usize].matches('\n').count() + 1).collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 4, 5, 7, 9, 10, 11], "{found:#?}");
    let printed = script.to_string();
    assert!(printed.contains("let b\n") && printed.contains("let z\n"), "{printed}");
    assert!(printed.contains("model m\n") && printed.contains("let ok\n"), "{printed}");
}

#[test]
fn a_forgotten_bracket_does_not_swallow_the_file() {
    for text in [
        "let a = f(1, 2\nlet b = 2\nlet c = 3",
        "let a = [1, 2\nlet b = 2\nlet c = 3",
        "model m(x: real) -> real {\n  x\n\nmodel n(x: real) -> real {\n  x\n}\nlet c = 3",
        "fn f(x: real) -> real {\n  let a = g(x\n  a\n}\nlet b = 1\nlet c = 3",
    ] {
        let (script, found) = parse(FileId(0), text);
        let codes: Vec<_> = found.iter().map(|d| d.code.name).collect();
        assert_eq!(codes, ["unmatched-bracket"], "{text}\n{script}");
        assert!(script.to_string().ends_with("let c\n  number 3\n"), "{text}\n{script}");
    }
}

#[test]
fn brackets_that_do_not_match_are_both_named() {
    let expected = ["unmatched-bracket: `]` closes nothing", "unmatched-bracket: `(` is never closed"];
    assert_eq!(errors("let a = (1]"), expected);
}

#[test]
fn every_code_is_listed_once_and_explained() {
    let codes = crate::ast::errors::CODES;
    for code in codes {
        assert!(code.explain.len() > 60, "{}", code.name);
        assert_eq!(codes.iter().filter(|other| other.name == code.name).count(), 1);
    }
}
