//! Every rule agrees with central differences; so does the rule's own derivative.

use super::*;
use crate::algebra::term::{Node, c, call, x};

/// Where the row is smooth.
fn points(row: &Scalar) -> Vec<Vec<f64>> {
    let positive = ["log", "sqrt", "rsqrt", "pow", "log1p"].contains(&row.name);
    let first: &[f64] = if positive { &[0.3, 1.7, 4.2] } else { &[-2.3, -0.6, 0.4, 1.3, 3.7] };
    let others = [0.9, -1.6];
    let point = |a: &f64, turn: usize| {
        let mut point = vec![*a];
        point.extend((1..row.args.len()).map(|k| others[(turn + k) % 2] + 0.01 * k as f64));
        if row.typing == Typing::Select {
            point[0] = (turn % 2) as f64;
        }
        point
    };
    first.iter().flat_map(|a| (0..2).map(move |turn| point(a, turn))).collect()
}

/// Central difference of fourth order by argument `k`.
fn difference(f: &dyn Fn(&[f64]) -> f64, at: &[f64], k: usize) -> f64 {
    let h = 1e-3;
    let shifted = |by: f64| {
        let mut at = at.to_vec();
        at[k] += by * h;
        f(&at)
    };
    (8.0 * (shifted(1.0) - shifted(-1.0)) - (shifted(2.0) - shifted(-2.0))) / (12.0 * h)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-7 * (1.0 + a.abs().max(b.abs()))
}

fn differentiable() -> impl Iterator<Item = &'static Scalar> {
    ALL.iter().copied().filter(|row| row.typing != Typing::Compare && row.typing != Typing::Logic)
}

/// The rule's value by argument `k` with incoming gradient 1.
fn slope(row: &Scalar, rule: &Term, at: &[f64]) -> f64 {
    rule.eval(at, 1.0, (row.eval)(at), &[])
}

#[test]
fn rules_agree_with_differences() {
    for row in differentiable().filter(|row| row.typing != Typing::IntToFloat) {
        let rules = (row.vjp)();
        assert!(rules.is_empty() || rules.len() == row.args.len(), "{}", row.name);
        for at in points(row) {
            for k in (0..row.args.len()).filter(|k| row.typing.arg(DType::F64, *k) == DType::F64) {
                let expected = difference(&|at| (row.eval)(at), &at, k);
                let rule = rules.get(k).and_then(Option::as_ref);
                let got = rule.map_or(0.0, |rule| slope(row, rule, &at));
                assert!(close(got, expected), "{} by {k} at {at:?}: {got} not {expected}", row.name);
            }
        }
    }
}

#[test]
fn rules_are_linear_in_the_gradient() {
    for row in differentiable() {
        for rule in (row.vjp)().iter().flatten() {
            for at in points(row) {
                let y = (row.eval)(&at);
                let [once, thrice] = [1.0, 3.0].map(|g| rule.eval(&at, g, y, &[]));
                assert!(close(thrice, 3.0 * once), "{} at {at:?}", row.name);
            }
        }
    }
}

/// The derivative of a term by hole `by`, by the rules of the rows in it: forward, as a number.
fn forward(term: &Term, at: &[f64], y: (f64, f64), by: usize) -> (f64, f64) {
    match &*term.0 {
        Node::X(k) => (at[*k], if *k == by { 1.0 } else { 0.0 }),
        Node::Y => y,
        Node::G => (1.0, 0.0),
        Node::Axis(_) => unreachable!("a rule of a row has no loop axes"),
        Node::Const(value) => (*value, 0.0),
        Node::Call(row, args) => {
            let args: Vec<(f64, f64)> = args.iter().map(|arg| forward(arg, at, y, by)).collect();
            let values: Vec<f64> = args.iter().map(|arg| arg.0).collect();
            let value = (row.eval)(&values);
            let rules = (row.vjp)();
            let slopes = rules.iter().zip(&args).filter_map(|(rule, (_, moved))| {
                let rule = rule.as_ref()?;
                Some(rule.eval(&values, 1.0, value, &[]) * moved)
            });
            (value, slopes.sum())
        }
    }
}

#[test]
fn second_derivatives_agree_with_differences() {
    for row in differentiable() {
        let rules = (row.vjp)();
        let rules: Vec<(usize, &Term)> =
            rules.iter().enumerate().filter_map(|(k, rule)| Some((k, rule.as_ref()?))).collect();
        for at in points(row) {
            for (first, rule) in &rules {
                for (second, own) in &rules {
                    let y = ((row.eval)(&at), slope(row, own, &at));
                    let got = forward(rule, &at, y, *second).1;
                    let expected = difference(&|at| slope(row, rule, at), &at, *second);
                    let name = row.name;
                    assert!(
                        close(got, expected),
                        "{name} by {first}, {second} at {at:?}: {got} not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_branch_not_taken_has_derivative_zero() {
    let root = call(&SELECT, [call(&GT, [x(0), c(0.0)]), call(&SQRT, [x(0)]), c(0.0)]);
    let to_root = (SELECT.vjp)().remove(1).expect("a rule");
    assert_eq!(to_root.eval(&[0.0, f64::NAN, 0.0], f64::NAN, 0.0, &[]), 0.0);
    assert_eq!(root.eval(&[-1.0], 0.0, 0.0, &[]), 0.0);
    let slopes = (MAX.vjp)();
    let at_zero = slopes.iter().flatten().map(|rule| rule.eval(&[0.0, 0.0], 1.0, 0.0, &[]));
    assert_eq!(at_zero.collect::<Vec<_>>(), [0.0, 1.0]);
}
