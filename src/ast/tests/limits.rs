use std::time::{Duration, Instant};

use super::*;
use crate::ast::MAX_DEPTH;

fn one_error(text: &str, code: &str) {
    let start = Instant::now();
    let (script, found) = parse(FileId(0), text);
    let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.name).collect();
    assert_eq!(codes, [code], "{}", &text[..text.len().min(60)]);
    let _ = script.to_string();
    drop(script);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn deep_nesting_is_one_error() {
    let deep = |open: &str, close: &str, n: usize| format!("let a = {}x{}", open.repeat(n), close.repeat(n));
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(", ")"), ("x[", "]"), ("{", "}"), ("{\n", "\n}"), ("(", ""), ("[({", "")]
    {
        let text = deep(open, close, 10_000);
        let (_, found) = parse(FileId(0), &text);
        assert!(found.iter().any(|d| d.code.name == "nesting-too-deep"), "{open} {found:?}");
        assert!(found.len() <= 3, "{open}: {found:?}");
        if close.len() == open.trim().len().min(1) {
            one_error(&text, "nesting-too-deep");
        }
    }
    for text in [
        deep("-", "", 10_000),
        deep("not ", "", 10_000),
        deep("2^", "", 10_000),
        deep("x - ", "", 100_000),
        deep("x |> ", "", 100_000),
        deep("x and ", "", 100_000),
        deep("", ".y", 10_000),
        deep("", "(1)", 10_000),
        deep("match a { b => ", "}", 10_000),
        deep("for i in 0..", " { 1 }", 10_000),
    ] {
        one_error(&text, "nesting-too-deep");
        let after = format!("{text}\nlet b = 1");
        assert!(parse(FileId(0), &after).0.to_string().ends_with("let b\n  number 1\n"));
    }
}

#[test]
fn allowed_nesting_parses() {
    let n = MAX_DEPTH as usize - 1;
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("-", ""), ("x + ", ""), ("{", "}")] {
        tree(&format!("let a = {}x{}", open.repeat(n), close.repeat(n)));
    }
}

#[test]
fn wide_sources_parse_quickly() {
    let start = Instant::now();
    tree(&format!("let a = [{}]", "1, ".repeat(40_000)));
    tree(&"let a = 1\n".repeat(20_000));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn large_files_are_refused_and_garbage_is_quick() {
    one_error(&" ".repeat((16 << 20) + 1), "source-too-large");
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u8
    };
    let bytes: Vec<u8> = (0..1_000_000).map(|_| random()).collect();
    let ascii: String = bytes.iter().map(|byte| char::from(byte % 95 + 32)).collect();
    let symbols: String =
        bytes.iter().map(|byte| char::from(b"(){}[]\n\"x=+|>."[*byte as usize % 14])).collect();
    let fives = 200_000;
    for text in [
        String::from_utf8_lossy(&bytes[..1_000_000]).into_owned(),
        ascii,
        symbols,
        "\u{0}".repeat(1_000_000),
        "(".repeat(1_000_000),
        "({".repeat(500_000),
        format!("{}{}", "({".repeat(fives), ")}".repeat(fives)),
        format!("{}{}", "{".repeat(fives), ")".repeat(fives)),
        "\"".repeat(1_000_001),
        "\"{".repeat(500_001),
        "x ".repeat(500_000),
        "1+".repeat(500_000),
        format!("fn f() -> real {{\n{}}}", "a b\n".repeat(200_000)),
    ] {
        let start = Instant::now();
        let (script, found) = parse(FileId(0), &text);
        let took = start.elapsed();
        let name = &text[..text.ceil_char_boundary(20)];
        assert!(!found.is_empty() && found.len() <= 110, "{name}: {}", found.len());
        assert!(took < Duration::from_secs(30), "{name:?} took {took:?}");
        println!("{name:?} {} {took:?}", found.len());
        let mut sources = Sources::default();
        sources.add("g.eg", text.as_str());
        let rendered = crate::diag::render(&found, &sources, false);
        assert!(rendered.len() < 60_000, "{name:?} {}", rendered.len());
        assert!(start.elapsed() < Duration::from_secs(30), "{name:?} took {:?} to render", start.elapsed());
        drop(script);
    }
}

#[test]
fn no_prefix_and_no_missing_piece_panics() {
    let text = "/// D\nmodel m[n](x: real[.., n]) -> real {\n  param w: real = 1\n  match a { b => \"{x:.3}\" }\n}\n\
        stage s(a = b | c) {\n  state m: scalar[over] = 0\n  m <- m div 2\n  u |> f\n}\nlet é = train m on d { metric a = 1 }\n";
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        for end in [at, (at + 1).min(text.len()), (at + 7).min(text.len()), text.len()] {
            let end = text.ceil_char_boundary(end);
            let broken = format!("{}{}", &text[..at], &text[end..]);
            let (_, found) = parse(FileId(0), &broken);
            let mut sources = Sources::default();
            sources.add("a.eg", broken.as_str());
            crate::diag::render(&found, &sources, false);
        }
    }
}
