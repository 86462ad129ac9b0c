//! Trees and types as the user wrote them, for messages.

use crate::algebra::types::{DType, Type};
use crate::ast::{BinaryOp, Expr, ExprKind, StrPart, TypeExpr, UnaryOp};
use crate::print::number;

/// How tightly an expression binds, loosest 0.
fn level(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Pipe(..) => 0,
        ExprKind::Binary(op, ..) => match op {
            BinaryOp::Or => 1,
            BinaryOp::And => 2,
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => 4,
            BinaryOp::Add | BinaryOp::Sub => 5,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Rem | BinaryOp::MatMul => 6,
            BinaryOp::Pow => 8,
        },
        ExprKind::Unary(UnaryOp::Not, _) => 3,
        ExprKind::Unary(UnaryOp::Neg, _) => 7,
        _ => 9,
    }
}

/// `expr`, in parentheses if it binds more loosely than `least`.
fn nested(expr: &Expr, least: u8) -> String {
    if level(expr) < least { format!("({})", source(expr)) } else { source(expr) }
}

/// How to divide `a` by `b` rounding down, and as reals.
pub(super) fn quotients(a: &Expr, b: &Expr) -> (String, String) {
    let (left, right) = (nested(a, 6), nested(b, 7));
    (format!("{left}//{right}"), format!("real({}) / {right}", source(a)))
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
        ExprKind::Field(of, name) => format!("{}.{}", nested(of, 9), name.name),
        ExprKind::Call(f, args) => {
            let args: Vec<String> = args
                .iter()
                .map(|arg| match &arg.name {
                    Some(name) => format!("{} = {}", name.name, source(&arg.value)),
                    None => source(&arg.value),
                })
                .collect();
            format!("{}({})", nested(f, 9), args.join(", "))
        }
        ExprKind::Bracket(f, items) => format!("{}[{}]", nested(f, 9), list(items)),
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
        ExprKind::Loop(parts) => if parts.scan { "scan ... { ... }" } else { "for ... { ... }" }.into(),
        ExprKind::Unary(UnaryOp::Neg, x) => format!("-{}", nested(x, 7)),
        ExprKind::Unary(UnaryOp::Not, x) => format!("not {}", nested(x, 3)),
        ExprKind::Binary(op, a, b) => {
            let least = level(expr);
            let (left, right) = if *op == BinaryOp::Pow { (9, 7) } else { (least, least + 1) };
            let space = if *op == BinaryOp::FloorDiv { "" } else { " " };
            format!("{}{space}{op}{space}{}", nested(a, left), nested(b, right))
        }
        ExprKind::Pipe(a, b) => format!("{} |> {}", source(a), nested(b, 9)),
        ExprKind::Match(word, _) => format!("match {} {{ ... }}", source(word)),
        ExprKind::Groups(_) | ExprKind::Block(..) => "{ ... }".into(),
        ExprKind::Train(run) => format!("train {} on {} {{ ... }}", source(&run.subject), source(&run.data)),
        ExprKind::Eval(run) => format!("eval {} on {} {{ ... }}", source(&run.subject), source(&run.data)),
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
