//! What parses how, what does not and with which words, and that formatting keeps meaning.

mod broken;
mod formatting;
mod forms;
mod limits;

use super::{Expr, ExprKind, ItemKind, Script, parse};
use crate::source::{FileId, Sources};

/// The tree of a text that must have no errors.
fn tree(text: &str) -> Script {
    let (script, found) = parse(FileId(0), text);
    let mut sources = Sources::default();
    sources.add("test.eg", text);
    let errors = found.iter().any(crate::diag::Diagnostic::is_error);
    assert!(!errors, "{}", crate::diag::render(&found, &sources, false));
    script
}

/// `code: message` of each diagnostic.
fn errors(text: &str) -> Vec<String> {
    let (_, found) = parse(FileId(0), text);
    let mut sources = Sources::default();
    sources.add("test.eg", text);
    let rendered = crate::diag::render(&found, &sources, false);
    assert_eq!(rendered.is_empty(), found.is_empty());
    for diagnostic in &found {
        assert!(diagnostic.help.is_some() || diagnostic.labels.is_empty(), "{rendered}");
        assert!(!rendered.contains("\"name\""), "{rendered}");
    }
    found.iter().map(|diagnostic| format!("{}: {}", diagnostic.code.name, diagnostic.message)).collect()
}

/// The value of `let a = TEXT` with all parentheses.
fn shape(text: &str) -> String {
    let script = tree(&format!("let a = {text}"));
    let [item] = &script.items[..] else { panic!("one item: {script}") };
    match &item.kind {
        ItemKind::Let(binding) => parenthesised(&binding.value),
        _ => panic!("a let: {script}"),
    }
}

fn parenthesised(expr: &Expr) -> String {
    let all = |items: &[Expr]| items.iter().map(parenthesised).collect::<Vec<_>>().join(" ");
    match &expr.kind {
        ExprKind::Number { value, .. } => value.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Unary(op, x) => format!("({op} {})", parenthesised(x)),
        ExprKind::Binary(op, x, y) => format!("({} {op} {})", parenthesised(x), parenthesised(y)),
        ExprKind::Pipe(x, f) => format!("({} |> {})", parenthesised(x), parenthesised(f)),
        ExprKind::Field(of, name) => format!("{}.{}", parenthesised(of), name.name),
        ExprKind::Bracket(f, items) => format!("{}[{}]", parenthesised(f), all(items)),
        ExprKind::Slice(parts) => {
            let part = |part: &Option<Expr>| part.as_ref().map_or("_".to_string(), parenthesised);
            parts.iter().map(part).collect::<Vec<_>>().join(":")
        }
        ExprKind::List(items) => format!("[{}]", all(items)),
        ExprKind::Call(f, arguments) => {
            let named =
                |name: &Option<super::Ident>| name.as_ref().map_or(String::new(), |n| format!("{}=", n.name));
            let arguments = arguments.iter().map(|a| named(&a.name) + &parenthesised(&a.value));
            format!("{}({})", parenthesised(f), arguments.collect::<Vec<_>>().join(" "))
        }
        _ => expr.to_string().replace('\n', ";"),
    }
}
