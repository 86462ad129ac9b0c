//! What is said about the order of stages.

use super::scaling::{self, OrderFinding};
use super::stages::Stages;
use crate::ast;
use crate::check::env::{Checked, Env};
use crate::check::errors::{self, at};
use crate::diag::Diagnostic;
use crate::typed::{ExprKind, StageUse};

/// One stage sets a learning rate, unless the update is a constant.
pub(super) fn learning_rates(
    env: &mut Env<'_>,
    stages: &Stages,
    uses: &[StageUse],
    expr: &ast::Expr,
) -> Checked<()> {
    let sets = |of: &&StageUse| {
        let stage = &stages.made[of.stage.0];
        stage.hypers.iter().any(|local| stage.locals[local.0].name == "lr")
    };
    // Where parameters stay as they are, no rate counts.
    let constant = |of: &StageUse| matches!(stages.made[of.stage.0].result.kind, ExprKind::Const(_));
    if uses.iter().any(constant) {
        return Ok(());
    }
    let setting: Vec<StageUse> = uses.iter().filter(sets).cloned().collect();
    match setting.as_slice() {
        [] => {
            let message = "no stage of this optimizer sets a learning rate";
            let found = at(&errors::PIPELINE_NO_LEARNING_RATE, message, expr.span, "no stage has `lr`");
            Err(env.report(
                found.help(format!("put `sgd(lr = 0.1)` first: `sgd(lr = 0.1) |> {}`", env.quote(expr.span))),
            ))
        }
        [_] => Ok(()),
        [first, second, ..] => {
            let message = format!(
                "`{}` and `{}` both set a learning rate: their product acts",
                first.name, second.name
            );
            let found = Diagnostic::warning(&errors::PIPELINE_TWO_LEARNING_RATES, message);
            let found =
                found.label(second.span, "sets a learning rate").label(first.span, "and so does this");
            env.report(found.help("keep one of them"));
            Ok(())
        }
    }
}

/// Stages that another one makes useless.
pub(super) fn orders(env: &mut Env<'_>, stages: &Stages, uses: &[StageUse]) {
    for (order, first, second) in scaling::orders(&stages.made, uses) {
        let [a, b] = [&uses[first], &uses[second]];
        let found = match order {
            OrderFinding::Cancelled => {
                let message = format!(
                    "`{}` is scale invariant: the gain of `{}` before it has no effect",
                    b.name, a.name
                );
                Diagnostic::warning(&errors::PIPELINE_GAIN_CANCELLED, message)
                    .label(a.span, "multiplies the update")
                    .label(b.span, "gives the same update whatever it is multiplied by")
            }
            OrderFinding::Undone => {
                let message = format!("`{}` scales what `{}` before it has clipped", b.name, a.name);
                Diagnostic::warning(&errors::PIPELINE_CLIP_UNDONE, message)
                    .label(a.span, "bounds the update")
                    .label(b.span, "moves it out of the bound")
            }
        };
        let help = match order {
            OrderFinding::Cancelled => format!("write `{}` after `{}`", a.name, b.name),
            OrderFinding::Undone => format!("write `{}` last, or before the learning rate is set", a.name),
        };
        env.report(found.help(help));
    }
}
