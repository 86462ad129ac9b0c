//! Builtins with labels and positions: `take`, `einsum`, `cumsum`.

use std::collections::BTreeMap;

use crate::algebra::contract::Contract;
use crate::algebra::form::Reducer;
use crate::algebra::gather::Gather;
use crate::algebra::op::Op;
use crate::algebra::prefix_sum::PrefixSum;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim};
use crate::algebra::view::View;
use crate::ast::{ExprKind as Ast, StrPart};
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::typer::{Call, Typer};
use crate::check::expr::{convert, origin};
use crate::check::text;
use crate::typed::{Expr, Numbered, build};

/// `take(table, index, axis = 0)`. Positions outside of the axis stop the script; no program reads there.
pub(super) fn take<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let span = call.span;
    let mut given = args::given(cx, scope, call, &["table", "index", "axis"], 2)?.into_iter();
    let table = given.next().flatten().ok_or(Poison)?;
    let index = given.next().flatten().ok_or(Poison)?;
    let first = value::literal(0.0, true, scope.float, span);
    let axis = args::axis(cx.env, &given.next().flatten().unwrap_or(first), &table.expr.ty)?;
    convert::expect_number(cx.env, scope, &table, "`take`")?;
    let table = convert::settle(cx.env, table)?;
    let index = convert::converted(cx.env, scope, index, DType::I32, "a position")?;
    let size = table.ty.shape[axis].clone();
    let last = size.sub(&Dim::constant(1));
    let index = build::position(index, size, Numbered::Positions);
    let last = build::retype(value::size(&last, span).expr, DType::I32);
    let last = build::broadcast(last, &index.ty.shape);
    let zero = build::constant(0.0, index.ty.clone(), span);
    let inside =
        build::map(&scalar::MIN, vec![build::map(&scalar::MAX, vec![index, zero], span), last], span);
    Ok(Value::strong(build::op(Op::Gather(Gather::Take { axis }), vec![table, inside], span)))
}

pub(super) fn cumsum<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let mut given = args::given(cx, scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = value::literal(-1.0, true, scope.float, call.span);
    let axis = args::axis(cx.env, &given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    let x = match x.expr.ty.dtype {
        DType::Bool => build::cast(x.expr, scope.float),
        _ => convert::settle(cx.env, x)?,
    };
    Ok(Value::strong(build::op(Op::PrefixSum(PrefixSum { axis, reverse: false }), vec![x], call.span)))
}

/// Axes by letters: those of each operand, and of the result.
struct Labels {
    operands: Vec<Vec<char>>,
    out: Vec<char>,
}

/// `bij, bjk -> bik`
fn labels(text: &str) -> Option<Labels> {
    let (operands, out) = text.split_once("->")?;
    let letters = |part: &str| {
        let part: Vec<char> = part.trim().chars().collect();
        let once = (1..part.len()).all(|k| !part[..k].contains(&part[k]));
        (once && part.iter().all(char::is_ascii_alphabetic)).then_some(part)
    };
    let operands = operands.split(',').map(letters).collect::<Option<Vec<_>>>()?;
    let out = letters(out)?;
    let known = out.iter().all(|letter| operands.iter().any(|operand| operand.contains(letter)));
    (known && operands.len() <= 2).then_some(Labels { operands, out })
}

/// `einsum["bij, bjk -> bik"](a, b)`
pub(super) fn einsum<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let written = match call.statics {
        [one] => match &one.kind {
            Ast::Str(parts) => match parts.as_slice() {
                [StrPart::Text(text)] => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let Some(labels) = written.and_then(labels) else {
        let message = "`einsum` takes letters for the axes of one or two operands and of the result";
        let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
        let help = "for example `einsum[\"bij, bjk -> bik\"](a, b)`; no letter is repeated in one operand";
        return Err(cx.env.report(found.help(help)));
    };
    let names = &["a", "b"][..labels.operands.len()];
    let written = args::match_args(cx.env, call, names, names.len(), None);
    let values = args::values(cx, scope, call, written)?;
    for value in &values {
        convert::expect_number(cx.env, scope, value, "`einsum`")?;
    }
    let dtype = match values.as_slice() {
        [a, b] => convert::joint_dtype(cx.env, scope, a, b)?,
        [a, ..] => a.expr.ty.dtype,
        [] => return Err(Poison),
    };
    let operands: Vec<_> = values
        .into_iter()
        .map(|value| convert::converted(cx.env, scope, value, dtype, "the other operand"))
        .collect();
    let operands = operands.into_iter().collect::<Checked<Vec<Expr>>>()?;
    expect_labels(cx, scope, &labels, &operands)?;
    Ok(Value::strong(contracted(labels, operands, call.span)))
}

/// Whether each letter has one size, and each axis a letter.
fn expect_labels(cx: &mut Typer<'_, '_>, scope: &Scope, labels: &Labels, operands: &[Expr]) -> Checked<()> {
    let mut sizes: BTreeMap<char, (&Dim, &Expr)> = BTreeMap::new();
    for (letters, operand) in labels.operands.iter().zip(operands) {
        let shown = text::show(&operand.ty, cx.env.real);
        if letters.len() != operand.ty.rank() {
            let letters: String = letters.iter().collect();
            let message = format!("`{letters}` names {} of `{shown}`", errors::axes(letters.len()));
            let found = at(&errors::SHAPE_MISMATCH, message, operand.span, format!("this is `{shown}`"));
            let found = origin::label_origin(cx.env, scope, operand, found);
            return Err(cx.env.report(found.help(format!("it has {}", errors::axes(operand.ty.rank())))));
        }
        for (letter, size) in letters.iter().zip(&operand.ty.shape) {
            match sizes.get(letter) {
                Some((have, first)) if *have != size => {
                    let message = format!("axis `{letter}` has size {have} and size {size}");
                    let found = origin::two_shapes(cx.env, scope, message, first, operand);
                    return Err(cx.env.report(found.help("axes with one letter have one size")));
                }
                Some(_) => {}
                None => {
                    sizes.insert(*letter, (size, operand));
                }
            }
        }
    }
    Ok(())
}

/// Sums what one operand alone has, then contracts both, or permutes the only one.
fn contracted(labels: Labels, operands: Vec<Expr>, span: crate::source::Span) -> Expr {
    let Labels { operands: mut letters, out } = labels;
    let mut operands = operands;
    for k in 0..operands.len() {
        let lonely = |letter: &char| {
            !out.contains(letter)
                && !letters.iter().enumerate().any(|(j, all)| j != k && all.contains(letter))
        };
        let axes: Vec<usize> = (0..letters[k].len()).filter(|axis| lonely(&letters[k][*axis])).collect();
        if !axes.is_empty() {
            let x = std::mem::replace(&mut operands[k], value::literal(0.0, true, DType::F32, span).expr);
            operands[k] = build::reduce(Reducer::Sum, x, &axes, false, span);
            let kept = letters[k].iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
            letters[k] = kept.map(|(_, letter)| *letter).collect();
        }
    }
    if let [only] = letters.as_slice() {
        let place = |letter: &char| only.iter().position(|have| have == letter).unwrap_or(0);
        let axes: Vec<usize> = out.iter().map(place).collect();
        let x = operands.swap_remove(0);
        return match axes.iter().copied().eq(0..axes.len()) {
            true => x,
            false => build::op(Op::View(View::Transpose { axes }), vec![x], span),
        };
    }
    let numbers = |letters: &[char]| letters.iter().map(|letter| *letter as usize).collect::<Vec<_>>();
    let contract = Contract { left: numbers(&letters[0]), right: numbers(&letters[1]), out: numbers(&out) };
    build::op(Op::Contract(contract.renumbered()), operands, span)
}
