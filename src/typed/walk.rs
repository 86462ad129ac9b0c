//! Walks through expressions.

use super::expr::{Expr, ExprKind};
use super::ids::LocalId;
use super::stage::Stage;
use crate::source::Span;

impl Expr {
    /// The expressions in it, in the order in which they are evaluated. Walks that treat most kinds
    /// alike go through here.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Op(_, args) | ExprKind::Call { args, .. } | ExprKind::Tuple(args) => {
                args.iter().collect()
            }
            ExprKind::Let { value, body, .. }
            | ExprKind::Unpack { value, body, .. }
            | ExprKind::Assign { value, body, .. } => vec![value, body],
            ExprKind::Derive(derive) => {
                let wrt = derive.wrt.iter().map(|(_, value)| value);
                wrt.chain(&derive.seeds).chain([&derive.body]).collect()
            }
            ExprKind::Loop(parts) => {
                parts.carried.iter().map(|(_, start)| start).chain([&parts.body]).collect()
            }
            ExprKind::StageReduce { value, .. }
            | ExprKind::StageBroadcast { value, .. }
            | ExprKind::StageLoss(value)
            | ExprKind::StopGradient(value)
            | ExprKind::Position { value, .. } => vec![value],
            ExprKind::Const(_)
            | ExprKind::Local(_)
            | ExprKind::Global(_)
            | ExprKind::Param(_)
            | ExprKind::State(_)
            | ExprKind::Part(_)
            | ExprKind::FitState { .. }
            | ExprKind::Recorded(_)
            | ExprKind::Size(_)
            | ExprKind::Key
            | ExprKind::Training
            | ExprKind::Counter(_)
            | ExprKind::Swept(_) => Vec::new(),
        }
    }

    /// Where it asks for the loss of the step at other parameters, if it does.
    pub fn asks_for_loss(&self) -> Option<Span> {
        match self.kind {
            ExprKind::StageLoss(_) => Some(self.span),
            _ => self.children().into_iter().find_map(Expr::asks_for_loss),
        }
    }

    /// Adds the locals that it mentions.
    pub fn locals(&self, found: &mut Vec<LocalId>) {
        if let ExprKind::Local(local) = &self.kind {
            found.push(*local);
        }
        self.children().into_iter().for_each(|child| child.locals(found));
    }
}

impl Stage {
    /// Where it asks for the loss of the step at other parameters, if it does.
    pub fn asks_for_loss(&self) -> Option<Span> {
        let lines = self.lines.iter().map(|(_, line)| line);
        let inner = self.inner.iter().map(|inner| &inner.point);
        lines.chain(inner).chain([&self.result]).find_map(Expr::asks_for_loss)
    }
}

fn free(expr: &Expr, bound: &mut Vec<LocalId>, found: &mut Vec<(LocalId, Span)>) {
    match &expr.kind {
        ExprKind::Local(local) if !bound.contains(local) => found.push((*local, expr.span)),
        ExprKind::Let { local, value, body } => {
            free(value, bound, found);
            bound.push(*local);
            free(body, bound, found);
            bound.pop();
        }
        ExprKind::Unpack { locals, value, body } => {
            free(value, bound, found);
            bound.extend(locals);
            free(body, bound, found);
            bound.truncate(bound.len() - locals.len());
        }
        ExprKind::Loop(parts) => {
            parts.carried.iter().for_each(|(_, start)| free(start, bound, found));
            bound.extend(parts.carried.iter().map(|(local, _)| *local));
            free(&parts.body, bound, found);
            bound.truncate(bound.len() - parts.carried.len());
        }
        ExprKind::Derive(derive) => {
            derive.wrt.iter().for_each(|(_, value)| free(value, bound, found));
            derive.seeds.iter().for_each(|seed| free(seed, bound, found));
            bound.extend(derive.wrt.iter().map(|(local, _)| *local));
            free(&derive.body, bound, found);
            bound.truncate(bound.len() - derive.wrt.len());
        }
        _ => expr.children().into_iter().for_each(|child| free(child, bound, found)),
    }
}

/// Every local that an expression reads and does not bind itself, with its place.
pub fn free_locals(expr: &Expr) -> Vec<(LocalId, Span)> {
    let mut found = Vec::new();
    free(expr, &mut Vec::new(), &mut found);
    found
}
