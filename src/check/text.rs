//! Trees and types as the user wrote them, for messages.

use crate::algebra::types::{DType, Type};
use crate::ast::{BinaryOp, Expr, ExprKind, Level, Static, StrPart, TypeExpr, UnaryOp};
use crate::print::number;

/// `expr`, in parentheses if it binds more loosely than `least`.
fn nested(expr: &Expr, least: Level) -> String {
    if expr.level() < least { format!("({})", source(expr)) } else { source(expr) }
}

/// How to divide `a` by `b` rounding down, and as reals.
pub(super) fn quotients(a: &Expr, b: &Expr) -> (String, String) {
    let [left, right] = BinaryOp::FloorDiv.operands();
    let (left, right) = (nested(a, left), nested(b, right));
    (format!("{left} div {right}"), format!("real({}) / {right}", source(a)))
}

/// An expression as source text on one line.
pub(super) fn source(expr: &Expr) -> String {
    let list = |items: &[Expr]| items.iter().map(source).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Error => "?".into(),
        ExprKind::Number { value, .. } => number(*value),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Str(parts) => format!("\"{}\"", parts.iter().map(part).collect::<String>()),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Field(of, name) => format!("{}.{}", nested(of, Level::Postfix), name.name),
        ExprKind::Call(f, args) => {
            let args: Vec<String> = args
                .iter()
                .map(|arg| match &arg.name {
                    Some(name) => format!("{} = {}", name.name, source(&arg.value)),
                    None => source(&arg.value),
                })
                .collect();
            format!("{}({})", nested(f, Level::Postfix), args.join(", "))
        }
        ExprKind::Bracket(f, items) => format!("{}[{}]", nested(f, Level::Postfix), list(items)),
        ExprKind::Named(name, value) => format!("{} = {}", name.name, source(value)),
        ExprKind::Slice(parts) => {
            let [first, last, step] = parts.as_ref();
            let part = |part: &Option<Expr>| part.as_ref().map(source).unwrap_or_default();
            let step = step.as_ref().map(|step| format!(":{}", source(step))).unwrap_or_default();
            format!("{}:{}{step}", part(first), part(last))
        }
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Tuple(items) => format!("({})", list(items)),
        ExprKind::Sweep(_) => "sweep ... { ... }".into(),
        ExprKind::By(of, by) => format!("{} by {}", source(of), by.name),
        ExprKind::Best(word, of) => format!("{} {}", word.name, source(of)),
        ExprKind::Every(word, parts) => {
            let [count, path] = &**parts;
            format!("{} {} to {}", word.name, source(count), source(path))
        }
        ExprKind::Loop(parts) => if parts.scan { "scan ... { ... }" } else { "for ... { ... }" }.into(),
        ExprKind::Unary(UnaryOp::Neg, x) => format!("-{}", nested(x, UnaryOp::Neg.operand())),
        ExprKind::Unary(UnaryOp::Not, x) => format!("not {}", nested(x, UnaryOp::Not.operand())),
        ExprKind::Binary(op, a, b) => {
            let [left, right] = op.operands();
            format!("{} {op} {}", nested(a, left), nested(b, right))
        }
        ExprKind::Pipe(a, b) => format!("{} |> {}", source(a), nested(b, Level::Operand)),
        ExprKind::Match(word, _) => format!("match {} {{ ... }}", source(word)),
        ExprKind::Groups(_) | ExprKind::Block(..) => "{ ... }".into(),
        ExprKind::Train(run) => format!("train {} on {} {{ ... }}", source(&run.subject), source(&run.data)),
        ExprKind::Eval(run) => format!("eval {} on {} {{ ... }}", source(&run.subject), source(&run.data)),
        ExprKind::Predict(run) => format!("{} on {}", source(&run.subject), source(&run.data)),
        ExprKind::Rest => "..".into(),
    }
}

fn part(part: &StrPart) -> String {
    match part {
        StrPart::Text(text) => text.clone(),
        StrPart::Expr { expr, digits: Some(digits) } => format!("{{{}:.{digits}}}", source(expr)),
        StrPart::Expr { expr, digits: None } => format!("{{{}}}", source(expr)),
    }
}

/// A static parameter as written: `p: number = 0.5`.
pub(super) fn static_source(of: &Static) -> String {
    match &of.default {
        Some(default) => format!("{} = {}", of.head(), source(default)),
        None => of.head(),
    }
}

/// A type as written: `real[B, 64]`.
pub(super) fn type_source(ty: &TypeExpr) -> String {
    if ty.shape.is_empty() {
        return ty.dtype.name.clone();
    }
    format!("{}[{}]", ty.dtype.name, ty.shape.iter().map(source).collect::<Vec<_>>().join(", "))
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
