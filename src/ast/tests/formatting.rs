use super::*;
use crate::ast::format;

/// Formats twice; the tree and the second text must not change.
fn formatted(text: &str) -> String {
    let before = tree(text).to_string();
    let once = format(FileId(0), text).expect("no errors");
    assert_eq!(tree(&once).to_string(), before, "{text}\nbecame\n{once}");
    let twice = format(FileId(0), &once).expect("no errors");
    assert_eq!(twice, once);
    once
}

#[test]
fn expressions_keep_their_trees() {
    let operands = [
        "a",
        "-a",
        "not a",
        "(a)",
        "f(x)",
        "a.b",
        "x[0]",
        "1",
        "2.0",
        "[1]",
        "\"s\"",
        "match w { k => 1 }",
        "{ a }",
        "real(x)",
    ];
    let operators = ["+", "-", "*", "/", "div", "%", "@", "^", "==", "<", "and", "or", "|>"];
    for x in operands {
        for op in operators {
            for y in operands {
                for other in operators {
                    for text in [
                        format!("let r = (({x}) {op} ({y})) {other} (z)"),
                        format!("let r = (z) {other} (({x}) {op} ({y}))"),
                    ] {
                        formatted(&text);
                    }
                }
                formatted(&format!("let r = -(({x}) {op} ({y}))"));
                formatted(&format!("let r = not (({x}) {op} ({y}))"));
                formatted(&format!("let r = (({x}) {op} ({y})).f(({x}) {op} ({y}))[({x}) {op} ({y})]"));
            }
        }
    }
}

#[test]
fn needless_parentheses_go() {
    let cases = [
        ("(a) + (b*c)", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("(a^b)^c", "(a^b)^c"),
        ("a^(b^c)", "a^b^c"),
        ("(-a)^2", "(-a)^2"),
        ("-(a^2)", "-a^2"),
        ("-(-a)", "-(-a)"),
        ("(x|>f)|>g", "x |> f |> g"),
        ("x|>(f|>g)", "x |> (f |> g)"),
        ("(a+b)|>f", "(a + b) |> f"),
        ("(a*b)|>f", "a * b |> f"),
        ("(a<b)==c", "(a < b) == c"),
        ("not(a and b)", "not (a and b)"),
        ("f( x,axis=-1 )", "f(x, axis = -1)"),
        ("1_000+1e-3 + (2.50)", "1_000 + 1e-3 + 2.50"),
        ("a div(b)", "a div b"),
        ("(a*b)div(c*d)", "a * b div (c * d)"),
        ("\"{{ {a+b:.2} \\n\\\"\"", "\"{{ {a + b:.2} \\n\\\"\""),
        ("match s {a=>1\nb=>2}", "match s { a => 1, b => 2 }"),
    ];
    for (text, expected) in cases {
        assert_eq!(formatted(&format!("let r = {text}")), format!("let r = {expected}\n"));
    }
}

#[test]
fn comments_blank_lines_and_docs_stay() {
    let text = "\
// What this is.


/// Doubles.
///  Twice.
fn double(x:real[..])->real[..]{ x*2 }
// before a
let a=1 // behind a
let b   = 2

let c = f(1, // inside
  2)
model m(x: real) -> real { // head
  // first
  param w: real = 1   // weight

  w*x // value
  // last
}
let d = match s {
  // arm
  p => 1 // one
  q => 2
}
// end";
    let expected = "\
// What this is.

/// Doubles.
///  Twice.
fn double(x: real[..]) -> real[..] = x * 2

// before a
let a = 1 // behind a
let b = 2

let c = f(1, 2)

// inside
model m(x: real) -> real {
  // head
  // first
  param w: real = 1 // weight

  w * x // value
  // last
}

let d = match s {
  // arm
  p => 1 // one
  q => 2
}
// end
";
    assert_eq!(formatted(text), expected);
}

#[test]
fn long_lines_are_broken() {
    let name = "a_rather_long_name_for_a_value";
    let text = format!(
        "let a = {name} |> {name}({name}) |> {name}\nlet b = {name}({name}, {name}, k = {name}, {name})\n\
         let c = {name} + {name} * {name} + {name} - {name}\nfn f(x: real) -> real = {name} + {name} + {name}\n\
         let d = [{name}, {name}, {name}, {name}]\nlet e = {name} div {name} div {name} div {name} div {name}\n\
         let f = match {name} {{ {name} => {name}, b => {name} }}\n"
    );
    let out = formatted(&text);
    assert!(out.lines().all(|line| line.len() <= 100 || line.starts_with("let e")), "{out}");
    assert!(out.starts_with(&format!(
        "let a = {name}\n  |> {name}({name})\n  |> {name}\nlet b = {name}(\n  {name},\n"
    )));
}

#[test]
fn runs_keep_the_order_of_their_lines() {
    let text = "let fit = train m on d.train {\n  metric a = 1\n  loss = b\n\n  metric c = 2 // c\n  batch = full\n}\n";
    assert_eq!(formatted(text), text);
    assert_eq!(formatted("eval fit on d { metric a = 1 }"), "eval fit on d {\n  metric a = 1\n}\n");
    assert_eq!(formatted("(match a { b => 1 }).c"), "(match a { b => 1 }).c\n");
    formatted("print \"{ {a} } { match a { b => 1 }}\"");
    formatted("let a = f({\n let b: real[.., n] = 1\n b\n}, train m on d {})");
}

#[test]
fn what_takes_several_lines_stays_where_it_is_inside_of_a_head() {
    let block = "{\n  let k = 1\n  k\n}";
    for text in [
        format!("let a = for h = {block} {{ h }}"),
        format!("let a = for i in 0..{block}, h = 1 {{ h }}"),
        format!("fn f(x: real, k: real = {block}) -> real = x"),
        format!("fn f[n = {block}](x: real[{block}]) -> real = x"),
        format!("stage s(k = {block}) {{ k }}"),
        format!("let a = x[{block}:2]"),
    ] {
        formatted(&text);
    }
}

#[test]
fn the_library_keeps_its_meaning() {
    for name in ["loss", "math", "nn", "optim"] {
        let path = format!("{}/src/std/{name}.eg", env!("CARGO_MANIFEST_DIR"));
        formatted(&std::fs::read_to_string(path).expect("the library is there"));
    }
}

#[test]
fn errors_come_back() {
    assert_eq!(format(FileId(0), "let a =").expect_err("an error").len(), 1);
}
