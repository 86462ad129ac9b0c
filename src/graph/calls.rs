//! Calls: a function that is called again with equal arguments gives the values that it gave before. So a
//! chain of functions, each of which calls the one before it twice, is as long as it is written.

use std::collections::BTreeMap;

use crate::algebra::fill::Fill;
use crate::algebra::op::{Op, Val};
use crate::algebra::types::Dim;
use crate::typed::{Expr, ExprKind, FunctionId, Instance, Program};

/// A call: the function, its sizes, its arguments, and whether a training step is computed.
pub(super) type CallKey = (FunctionId, Vec<Dim>, Vec<Val>, bool);

/// What calls gave.
#[derive(Debug, Default)]
pub(super) struct CallCache {
    given: BTreeMap<CallKey, Vec<Val>>,
    /// Whether a function's values depend on nothing but the call.
    closed: BTreeMap<FunctionId, bool>,
}

impl CallCache {
    /// Whether a function's values depend on its arguments only: it draws no random numbers, and has no
    /// parameters and no states. Nor does it say its own derivative: a rule sees the gradient of its own call,
    /// and need not be linear in it.
    pub(super) fn is_closed(&mut self, program: &Program, id: FunctionId) -> bool {
        if let Some(known) = self.closed.get(&id) {
            return *known;
        }
        let function = &program.functions[id.0];
        let closed = function.rule.is_none() && self.is_closed_in(program, &function.body);
        self.closed.insert(id, closed);
        closed
    }

    fn is_closed_in(&mut self, program: &Program, expr: &Expr) -> bool {
        let own = match &expr.kind {
            ExprKind::Op(Op::Fill(Fill::Random { .. }), _)
            | ExprKind::Key
            | ExprKind::Param(_)
            | ExprKind::State(_)
            | ExprKind::Part(_)
            | ExprKind::Assign { .. }
            | ExprKind::StageLoss(_)
            | ExprKind::StageReduce { .. }
            | ExprKind::StageBroadcast { .. } => false,
            ExprKind::Call { function, instance, .. } => {
                *instance == Instance::None && self.is_closed(program, *function)
            }
            _ => true,
        };
        own && expr.children().into_iter().all(|child| self.is_closed_in(program, child))
    }

    /// What an equal call gave.
    pub(super) fn before(&self, call: &CallKey) -> Option<Vec<Val>> {
        self.given.get(call).cloned()
    }

    /// Keeps what a call gave.
    pub(super) fn keep(&mut self, call: CallKey, values: &[Val]) {
        self.given.insert(call, values.to_vec());
    }
}
