//! Makes a failing case smaller while it still fails.

use super::generator::{Function, Kind};
use super::script::Case;

/// The smallest case found that still fails.
pub(crate) fn shrink(case: Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut case = case;
    'again: loop {
        for smaller in candidates(&case) {
            if fails(&smaller) {
                case = smaller;
                continue 'again;
            }
        }
        return case;
    }
}

/// Smaller cases, the most promising first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut smaller = Vec::new();
    for k in 0..case.uses.len() {
        if case.uses.len() > 1 {
            let uses = vec![case.uses[k]];
            smaller.push(Case { uses, ..case.clone() });
        }
    }
    let function = &case.function;
    let with = |function: Function| Case { function, ..case.clone() };
    let n = function.lines.len();
    // The last half, the last quarter, .. and the last line away.
    let mut cut = n / 2;
    while cut > 0 {
        smaller.push(with(Function { lines: function.lines[..n - cut].to_vec(), ..function.clone() }));
        cut /= 2;
    }
    for line in (0..n).rev() {
        smaller.extend(without(function, line).map(with));
        smaller.extend(replaced(function, line).into_iter().map(with));
    }
    if case.wrt.len() > 1 {
        smaller.extend(case.wrt.iter().map(|k| Case { wrt: vec![*k], ..case.clone() }));
    }
    smaller.extend((case.loss != "sum(tanh(r))").then(|| Case { loss: "sum(tanh(r))", ..case.clone() }));
    smaller
}

/// A function without a line that nothing reads.
fn without(function: &Function, line: usize) -> Option<Function> {
    let value = function.inputs.len() + line;
    if function.lines.iter().any(|line| line.args.contains(&value)) {
        return None;
    }
    let mut function = function.clone();
    function.lines.remove(line);
    let renumber = |arg: &mut usize| *arg -= usize::from(*arg > value);
    function.lines.iter_mut().flat_map(|line| &mut line.args).for_each(renumber);
    Some(function)
}

/// Functions in which readers of a line read an earlier value of its type, or in which it is a constant.
fn replaced(function: &Function, line: usize) -> Vec<Function> {
    let value = function.inputs.len() + line;
    let ty = function.ty(value);
    let instead = |by: usize| {
        let mut function = function.clone();
        for arg in function.lines.iter_mut().flat_map(|line| &mut line.args) {
            if *arg == value {
                *arg = by;
            }
        }
        function
    };
    let is_read = function.lines.iter().any(|line| line.args.contains(&value));
    let mut found = Vec::new();
    if is_read {
        found.extend((0..value).filter(|by| function.ty(*by) == ty).take(2).map(instead));
    }
    let shape = &ty.shape;
    let simple =
        if shape.is_empty() { "0.5".to_owned() } else { format!("iota[{}] / 8", super::shapes::list(shape)) };
    if ty.kind == Kind::Real && function.lines[line].text != simple {
        let mut function = function.clone();
        function.lines[line].text = simple;
        function.lines[line].args = Vec::new();
        found.push(function);
    }
    found
}
