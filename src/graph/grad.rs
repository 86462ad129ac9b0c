//! Reverse mode: the gradient of one number by values that it is computed from.

use super::Def;
use super::builder::{Builder, add};
use crate::algebra::op::{Build, Val};

/// The gradients of `loss`, a scalar, by each of `wrt`, written down after what is there. A value on
/// which the loss does not depend gets zeros.
///
/// Walks backwards once, so the work grows with the number of values, whatever the depth.
pub fn grad(builder: &mut Builder, loss: Val, wrt: &[Val]) -> Vec<Val> {
    let active = active(builder, loss, wrt);
    let mut grads: Vec<Option<Val>> = vec![None; builder.len()];
    let seed = builder.ty(loss).clone();
    grads[loss.0 as usize] = Some(builder.constant(1.0, &seed));
    for index in (0..=loss.0).rev() {
        if let (Path::Through, Some(grad)) = (active[index as usize], grads[index as usize]) {
            propagate(builder, &active, &mut grads, Val(index), grad);
        }
    }
    builder.at(None);
    wrt.iter().map(|value| grads[value.0 as usize].unwrap_or_else(|| zeros(builder, *value))).collect()
}

/// How a derivative passes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// No value that is asked for lies behind it.
    Blocked,
    /// It is asked for.
    Ends,
    /// It is computed from values that are asked for.
    Through,
}

/// How the derivative passes each value up to the loss.
fn active(builder: &Builder, loss: Val, wrt: &[Val]) -> Vec<Path> {
    let mut paths = vec![Path::Blocked; builder.len()];
    for value in wrt {
        paths[value.0 as usize] = Path::Ends;
    }
    for index in 0..=loss.0 {
        let open = |arg: &Val| paths[arg.0 as usize] != Path::Blocked;
        let through = match &builder.node(Val(index)).def {
            Def::Input(_) => false,
            Def::Op(_, args) => !builder.is_stopped(Val(index)) && args.iter().any(open),
        };
        if through && paths[index as usize] == Path::Blocked {
            paths[index as usize] = Path::Through;
        }
    }
    paths
}

/// Adds what `value` contributes to the gradients of its arguments.
fn propagate(builder: &mut Builder, paths: &[Path], grads: &mut [Option<Val>], value: Val, grad: Val) {
    let node = builder.node(value);
    let (op, args) = match &node.def {
        Def::Input(_) => return,
        Def::Op(op, args) => (op.clone(), args.clone()),
    };
    builder.at(node.span);
    let contributions = op.rules().vjp(builder, &args, value, grad);
    for (arg, contribution) in args.iter().zip(contributions) {
        let (true, Some(new)) = (paths[arg.0 as usize] != Path::Blocked, contribution) else { continue };
        let slot = &mut grads[arg.0 as usize];
        *slot = Some(slot.map_or(new, |old| add(builder, old, new)));
    }
}

fn zeros(builder: &mut Builder, value: Val) -> Val {
    let ty = builder.ty(value).clone();
    builder.constant(0.0, &ty)
}
