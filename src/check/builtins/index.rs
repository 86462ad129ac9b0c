//! Builtins with labels and positions: `take`, `einsum`, `cumsum`.

use std::collections::BTreeMap;

use crate::algebra::contract::Contract;
use crate::algebra::form::Combine;
use crate::algebra::gather::Gather;
use crate::algebra::op::Op;
use crate::algebra::prefix_sum::PrefixSum;
use crate::algebra::types::{DType, Dim};
use crate::algebra::view::View;
use crate::ast::{ExprKind as Ast, StrPart};

use super::super::calls::Call;
use super::super::errors::{self, at};
use super::super::scope::{Checked, Poison, Scope, Value};
use super::super::typed::{Expr, Numbered};
use super::super::{ops, text};
use super::{Cx, no_statics};

/// `take(table, index, axis = 0)`. Positions outside of the axis stop the script; no program reads there.
pub(super) fn take<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let span = call.span;
    let mut given = cx.given(scope, call, &["table", "index", "axis"], 2)?.into_iter();
    let table = given.next().flatten().ok_or(Poison)?;
    let index = given.next().flatten().ok_or(Poison)?;
    let first = ops::literal(0.0, true, scope.float, span);
    let axis = cx.axis(&given.next().flatten().unwrap_or(first), &table.expr.ty)?;
    cx.expect_number(scope, &table, "`take`")?;
    let table = cx.settle(table)?;
    let index = cx.converted(scope, index, DType::I32, "a position")?;
    let size = table.ty.shape[axis].clone();
    let last = size.sub(&Dim::constant(1));
    let index = ops::position(index, size, Numbered::Positions);
    let last = ops::retype(ops::size(&last, span).expr, DType::I32);
    let last = ops::broadcast(last, &index.ty.shape);
    let zero = ops::constant(0.0, index.ty.clone(), span);
    let inside = ops::map("min", vec![ops::map("max", vec![index, zero], span), last], span);
    Ok(Value::strong(ops::op(Op::Gather(Gather::Take { axis }), vec![table, inside], span)))
}

pub(super) fn cumsum<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let mut given = cx.given(scope, call, &["x", "axis"], 1)?.into_iter();
    let x = given.next().flatten().ok_or(Poison)?;
    let last = ops::literal(-1.0, true, scope.float, call.span);
    let axis = cx.axis(&given.next().flatten().unwrap_or(last), &x.expr.ty)?;
    let x = match x.expr.ty.dtype {
        DType::Bool => ops::cast(x.expr, scope.float),
        _ => cx.settle(x)?,
    };
    Ok(Value::strong(ops::op(Op::PrefixSum(PrefixSum { axis, reverse: false }), vec![x], call.span)))
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
pub(super) fn einsum<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
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
        let help = "for example `einsum[\"bij, bjk -> bik\"](a, b)`; no letter stands twice in one operand";
        return Err(cx.report(found.help(help)));
    };
    let names = &["a", "b"][..labels.operands.len()];
    let written = cx.match_args(call, names, names.len(), None);
    let values = cx.values(scope, call, written)?;
    for value in &values {
        cx.expect_number(scope, value, "`einsum`")?;
    }
    let dtype = match values.as_slice() {
        [a, b] => cx.joint_dtype(scope, a, b)?,
        [a, ..] => a.expr.ty.dtype,
        [] => return Err(Poison),
    };
    let operands: Vec<_> =
        values.into_iter().map(|value| cx.converted(scope, value, dtype, "the other operand")).collect();
    let operands = operands.into_iter().collect::<Checked<Vec<Expr>>>()?;
    expect_labels(cx, scope, &labels, &operands)?;
    Ok(Value::strong(contracted(labels, operands, call.span)))
}

/// Whether each letter has one size, and each axis a letter.
fn expect_labels(cx: Cx<'_, '_>, scope: &Scope, labels: &Labels, operands: &[Expr]) -> Checked<()> {
    let mut sizes: BTreeMap<char, (&Dim, &Expr)> = BTreeMap::new();
    for (letters, operand) in labels.operands.iter().zip(operands) {
        let shown = text::show(&operand.ty, cx.real);
        if letters.len() != operand.ty.rank() {
            let letters: String = letters.iter().collect();
            let message = format!("`{letters}` names {} of `{shown}`", errors::axes(letters.len()));
            let found = at(&errors::SHAPE_MISMATCH, message, operand.span, format!("this is `{shown}`"));
            let found = cx.label_origin(scope, operand, found);
            return Err(cx.report(found.help(format!("it has {}", errors::axes(operand.ty.rank())))));
        }
        for (letter, size) in letters.iter().zip(&operand.ty.shape) {
            match sizes.get(letter) {
                Some((have, first)) if *have != size => {
                    let message = format!("axis `{letter}` has size {have} and size {size}");
                    let found = cx.two_shapes(scope, message, first, operand);
                    return Err(cx.report(found.help("axes with one letter have one size")));
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
            let x = std::mem::replace(&mut operands[k], ops::literal(0.0, true, DType::F32, span).expr);
            operands[k] = ops::reduce(Combine::Sum, x, &axes, false, span);
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
            false => ops::op(Op::View(View::Transpose { axes }), vec![x], span),
        };
    }
    let numbers = |letters: &[char]| letters.iter().map(|letter| *letter as usize).collect::<Vec<_>>();
    let contract = Contract { left: numbers(&letters[0]), right: numbers(&letters[1]), out: numbers(&out) };
    ops::op(Op::Contract(contract.renumbered()), operands, span)
}
