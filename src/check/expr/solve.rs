//! The sizes of a callee, found from the shapes of the arguments.

use super::instances::has_rest;
use crate::algebra::types::{DType, Dim, SizeVar, Type};
use crate::ast;
use crate::check::env::{Signature, Sizes, Value};
use crate::typed::ExprKind;

/// How many axes `..` stands for in this call.
pub(super) fn rest_rank(function: &ast::Function, values: &[Value], expected: Option<&Type>) -> usize {
    let fixed = |ty: &ast::TypeExpr| has_rest(ty).then(|| ty.shape.len() - 1);
    let of_args = function.args.iter().zip(values).filter_map(|(arg, value)| {
        let literal = matches!(value.expr.kind, ExprKind::Const(_) | ExprKind::Size(_));
        let rank = value.expr.ty.rank().checked_sub(fixed(&arg.ty)?)?;
        Some((!literal, rank))
    });
    let of_args: Vec<(bool, usize)> = of_args.collect();
    let firm = of_args.iter().max();
    let of_result = || expected.and_then(|ty| ty.rank().checked_sub(fixed(&function.results[0])?));
    firm.map(|(_, rank)| *rank).or_else(of_result).unwrap_or(0)
}

/// Finds the callee's sizes from the arguments' shapes; the argument that cannot be.
pub(super) fn solve(signature: &Signature, values: &[Value], sizes: &mut Sizes) -> Option<usize> {
    let mut pending: Vec<(usize, usize)> = Vec::new();
    for (k, (ty, value)) in signature.args.iter().zip(values).enumerate() {
        let have = &value.expr.ty;
        let literal = matches!(value.expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) && have.rank() == 0;
        if literal {
            continue;
        }
        if have.rank() != ty.rank() {
            // A stage's narrower numbers spread later; all else is a mismatch.
            match have.rank() {
                0 if ty.rank() == 1 && value.expr.ty.dtype == DType::F64 => continue,
                _ => return Some(k),
            }
        }
        pending.extend((0..ty.rank()).map(|axis| (k, axis)));
    }
    while !pending.is_empty() {
        let before = pending.len();
        let mut left = Vec::new();
        for (k, axis) in pending {
            let (want, have) = (&signature.args[k].shape[axis], &values[k].expr.ty.shape[axis]);
            match unify(want, have, sizes, &signature.sizes) {
                Some(true) => {}
                Some(false) => return Some(k),
                None => left.push((k, axis)),
            }
        }
        if left.len() == before {
            break;
        }
        pending = left;
    }
    None
}

/// Finds sizes that occur in the result only.
pub(super) fn solve_result(signature: &Signature, expected: &Type, sizes: &mut Sizes) {
    let result = &signature.results[0];
    if result.rank() != expected.rank() {
        return;
    }
    for (want, have) in result.shape.iter().zip(&expected.shape) {
        let open: Vec<&SizeVar> = want.vars().filter(|var| !sizes.contains_key(var)).collect();
        if !open.is_empty() {
            unify(want, have, sizes, &signature.sizes);
        }
    }
}

/// Makes `want`, a size of a callee, equal to `have`, by giving a value to a variable that has none.
/// `None`: it cannot be done yet (two or more unknown variables); `Some(false)`: never.
fn unify(want: &Dim, have: &Dim, sizes: &mut Sizes, open: &[SizeVar]) -> Option<bool> {
    let known = want.substitute(sizes);
    let mut unknown: Vec<SizeVar> =
        known.vars().filter(|var| open.contains(var) && !sizes.contains_key(var)).cloned().collect();
    unknown.sort();
    unknown.dedup();
    match unknown.as_slice() {
        [] => Some(known == *have),
        [var] => match known.solve(var, have) {
            Some(value) => {
                sizes.insert(var.clone(), value);
                Some(true)
            }
            None => Some(false),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn var(id: u32, name: &str) -> SizeVar {
        SizeVar { id, name: Rc::from(name) }
    }

    #[test]
    fn unify_solves_linear_sizes() {
        let (d, n) = (var(1, "D"), var(2, "n"));
        let want = Dim::var(d.clone()).mul(&Dim::constant(3)).add(&Dim::constant(1));
        let mut sizes = Sizes::new();
        assert_eq!(unify(&want, &Dim::constant(13), &mut sizes, std::slice::from_ref(&d)), Some(true));
        assert_eq!(sizes[&d], Dim::constant(4));
        let have = Dim::var(n).mul(&Dim::constant(3));
        assert_eq!(unify(&Dim::var(d.clone()), &have, &mut sizes, std::slice::from_ref(&d)), Some(false));
        assert_eq!(unify(&want, &Dim::constant(12), &mut Sizes::new(), &[d]), Some(false));
    }

    #[test]
    fn unify_waits_for_two_unknowns() {
        let (a, b) = (var(1, "a"), var(2, "b"));
        let want = Dim::var(a.clone()).mul(&Dim::var(b.clone()));
        assert_eq!(unify(&want, &Dim::constant(12), &mut Sizes::new(), &[a, b]), None);
    }
}
