use super::*;
use crate::ast::token::print_tokens;

#[test]
fn operators_bind_as_documented() {
    let cases = [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a * b / c % d @ e", "((((a * b) / c) % d) @ e)"),
        ("a div b * c", "((a div b) * c)"),
        ("(a)div(b)", "(a div b)"),
        ("a div -b", "(a div (- b))"),
        ("-a^2", "(- (a ^ 2))"),
        ("a^-b", "(a ^ (- b))"),
        ("a^-b^c", "(a ^ (- (b ^ c)))"),
        ("a^b^c", "(a ^ (b ^ c))"),
        ("-a * b", "((- a) * b)"),
        ("a * -b", "(a * (- b))"),
        ("- -a", "(- (- a))"),
        ("--a", "(- (- a))"),
        ("a - -b", "(a - (- b))"),
        ("a < b and c == d or not e", "(((a < b) and (c == d)) or (not e))"),
        ("not a == b", "(not (a == b))"),
        ("not not a", "(not (not a))"),
        ("a or b and c or d", "((a or (b and c)) or d)"),
        ("a + b < c * d", "((a + b) < (c * d))"),
        ("(a < b) == c", "((a < b) == c)"),
        ("a != b", "(a != b)"),
        ("a >= b and c <= d", "((a >= b) and (c <= d))"),
        ("f(x).y[0](z)", "f(x).y[0](z)"),
        ("-f(x)^2", "(- (f(x) ^ 2))"),
        ("2 * (a + b)", "(2 * (a + b))"),
        ("x |> f |> g(y) |> h[3]", "(((x |> f) |> g(y)) |> h[3])"),
        ("x / 16 |> hidden |> relu", "(((x / 16) |> hidden) |> relu)"),
        ("x^2 |> f", "((x ^ 2) |> f)"),
        ("-x |> f", "((- x) |> f)"),
        ("(a + b) |> f", "((a + b) |> f)"),
        ("a + (b |> f)", "(a + (b |> f))"),
        ("x |> (f * 2)", "(x |> (f * 2))"),
        ("x @ w + b", "((x @ w) + b)"),
        ("a <b", "(a < b)"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn every_kind_of_operand() {
    let cases = [
        ("1", "1"),
        ("2.5", "2.5"),
        ("1e-3", "0.001"),
        ("1_000", "1000"),
        ("1_0.5_0e+1", "105"),
        ("true and false", "(true and false)"),
        ("f()", "f()"),
        ("f(x, axis = -1, keep = true)", "f(x axis=(- 1) keep=true)"),
        ("f(a, b,)", "f(a b)"),
        ("[]", "[]"),
        ("[1, 2, [3]]", "[1 2 [3]]"),
        ("dense[64, 3 * D]", "dense[64 (3 * D)]"),
        ("norm[model](u)", "norm[model](u)"),
        ("eg_scale(over = model)", "eg_scale(over=model)"),
        ("real(x) + real", "(real(x) + real)"),
        ("digits.train.state.match", "digits.train.state.match"),
        ("fit.opt.eg_scale.s", "fit.opt.eg_scale.s"),
        ("größe + β1 + _x", "((größe + β1) + _x)"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn strings_hold_text_and_expressions() {
    let cases = [
        (r#""""#, "string;"),
        (r#""a b""#, r#"string;  text "a b";"#),
        (r#""{{x}} \n \t \" \\""#, r#"string;  text "{x} \n \t \" \\";"#),
        (r#""a {x:.3} b{y}""#, r#"string;  text "a ";  hole .3;    name x;  text " b";  hole;    name y;"#),
        (
            r#""{ match a { b => 1, c => 2 } }""#,
            "string;  hole;    match;      name a;      arm b;        number 1;      arm c;        number 2;",
        ),
        (r#""é {é}""#, r#"string;  text "é ";  hole;    name é;"#),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn expressions_in_strings_have_their_places() {
    let text = "print \"é {fit.loss + β:.3}\"";
    let script = tree(text);
    let ItemKind::Act(act) = &script.items[0].kind else { panic!("an act") };
    let [Expr { kind: ExprKind::Str(parts), .. }] = &act.on[..] else { panic!("{script}") };
    let crate::ast::StrPart::Expr { expr, format: Some(format) } = &parts[1] else { panic!("{script}") };
    assert_eq!(format.to_string(), ".3");
    assert_eq!(&text[expr.span.start as usize..expr.span.end as usize], "fit.loss + β");
    let ExprKind::Binary(_, _, y) = &expr.kind else { panic!("{script}") };
    assert_eq!(&text[y.span.start as usize..y.span.end as usize], "β");
}

#[test]
fn newlines_end_statements_where_they_must() {
    let same = [
        ("let a = b +\n c", "let a = b + c"),
        ("let a =\n\n b", "let a = b"),
        ("let a = b\n  |> f\n\n  |> g", "let a = b |> f |> g"),
        ("let a = b // why\n  // because\n  |> f", "let a = b |> f"),
        ("let a = f(\n b,\n c\n)", "let a = f(b, c)"),
        ("let a = [\n1,\n\n2,\n]", "let a = [1, 2]"),
        ("let a = b and\n not\n c", "let a = b and not c"),
        ("let a = match s {\n x => 1\n y => 2\n}", "let a = match s { x => 1, y => 2 }"),
        ("let a = match s {\n x => 1,\n y =>\n 2,\n}", "let a = match s { x => 1, y => 2 }"),
        ("fn f(\n x: real,\n) ->\n real =\n x", "fn f(x: real) -> real = x"),
        ("fn f(x: real) -> real {\n\n x\n\n}", "fn f(x: real) -> real = x"),
        ("let a = f({\n let b = 1\n b\n})", "let a = f({\nlet b = 1\n\n b })"),
        ("\n\n\nlet a = 1\r\n\r\n", "let a = 1"),
        ("\u{feff}let a = 1", "let a = 1"),
    ];
    for (one, other) in same {
        assert_eq!(tree(one).to_string(), tree(other).to_string(), "{one}");
    }
    assert_eq!(tree("let a = b\n-c").items.len(), 2);
    assert_eq!(tree("let a = b\n[c]").items.len(), 2);
    assert_eq!(tree("f\n(c)").items.len(), 2);
}

#[test]
fn two_slashes_begin_a_comment() {
    assert_eq!(shape("n div 2"), "(n div 2)");
    assert_eq!(shape("n div // two\n  2"), "(n div 2)");
    assert_eq!(shape("n // 2"), "n");
    assert_eq!(shape("n //2"), "n");
    assert_eq!(shape("f(n) div f(m) // half"), "(f(n) div f(m))");
    assert_eq!(shape("f(a, // first\n  b // second\n )"), "f(a b)");
    assert_eq!(
        tree("//// no doc\n// c\n/// A doc\n///  line.\n///\nlet a = 1 /// late").items[0].doc,
        "A doc\n line.\n"
    );
}

#[test]
fn items_of_every_kind() {
    let text = r#"real f64
data d = csv("p.csv", target = "y", test = 0.2)
data e = idx(x = "a.gz", y = "b.gz") {
  x = standardize(x)
}
fn f[n, p: number = 0.5, g: fn, l: model, k: axis, mode: a | b | c = b](x: real[.., n], y: i32) -> real[.., 2 * n] = g(x)
fn h() -> real { 1 }
model m(x: real[B, 64]) -> real[B, 10] {
  param w: real[64, 10] = glorot_uniform()
  layer out = dense[64, 10]
  let z: real[B, 10] = out(x)
  z |> relu
}
/// Adam.
stage adam(lr, b1 = 0.9, over = model | group | tensor) {
  state m = 0
  state s: scalar[over] = 1
  let k = lr
  m <- b1 * m
  m
}
let fit = train m on d.train {
  loss = mean(x)
  metric acc = y
  batch = full
}
print "loss {fit.loss:.3}"
plot fit.loss, fit.acc to "a.svg"
save fit to "a.safetensors"
assert fit.acc > 0.9
eval fit on d { metric a = 1 }
train m on d { loss = 1 }
"#;
    let script = tree(text);
    assert_eq!(script.items.len(), 14);
    for item in &script.items {
        let start = text[..item.span.start as usize].chars().next_back();
        assert!(matches!(start, None | Some('\n')), "an item begins its line");
    }
    let expected = "\
stage adam
  hyper lr
  hyper b1
    number 0.9 real
  hyper over = model | group | tensor
  state m
    number 0
  state s : scalar[over]
    number 1
  let k
    name lr
  assign m
    binary *
      name b1
      name m
  value
    name m
";
    let printed = script.to_string();
    assert!(printed.contains(&format!("doc \"Adam.\"\n{expected}")), "{printed}");
    let statics = "static n\n  static p: number\n  default\n    number 0.5 real\n  static g: fn\n  static l: model\n  \
        static k: axis\n  static mode: a | b | c\n  default\n    name b\n";
    assert!(printed.contains(statics), "{printed}");
    assert!(
        printed.contains("arg x : real[.., n]\n  arg y : i32\n  result real\n    ..\n    binary *\n"),
        "{printed}"
    );
}

#[test]
fn the_library_parses() {
    for name in ["loss", "math", "nn", "optim"] {
        let path = format!("{}/src/std/{name}.eg", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the library is there");
        assert!(tree(&text).items.len() > 2, "{name}");
    }
}

#[test]
fn tokens_print_one_a_line() {
    let expected = "0..3 let let\n4..5 name a\n6..7 assign =\n8..12 name real\n12..13 newline \\n\n13..18 act print\n19..22 str \\\"x\\\"\n";
    assert_eq!(print_tokens("let a = real\nprint \"x\"\n"), expected);
}
