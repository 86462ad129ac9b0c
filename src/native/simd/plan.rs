//! Which loops can be wide, and what they take from around them.

use std::collections::HashMap;

use crate::algebra::types::DType;
use crate::loops::{Address, Carried, Expr, Function, LoopBound, Stmt, Ty, Value};

/// What is known about a function's values.
pub(super) struct ValueFacts<'a, 'm> {
    pub(super) function: &'a Function,
    /// The expression behind each value that has one.
    definitions: Vec<Option<&'a Expr>>,
    /// Pairs of pointers whose memory may be the same.
    pub(super) may_alias: &'m [(usize, usize)],
}

impl<'a, 'm> ValueFacts<'a, 'm> {
    pub(super) fn of(function: &'a Function, may_alias: &'m [(usize, usize)]) -> ValueFacts<'a, 'm> {
        let mut definitions = vec![None; function.values.len()];
        define(&function.body, &mut definitions);
        ValueFacts { function, definitions, may_alias }
    }

    pub(super) fn ty(&self, value: Value) -> Ty {
        self.function.values[value.0 as usize]
    }

    pub(super) fn definition(&self, value: Value) -> Option<&'a Expr> {
        self.definitions[value.0 as usize]
    }

    /// Whether all lanes of a value are surely the same.
    fn is_uniform(&self, value: Value) -> bool {
        match self.definition(value) {
            Some(Expr::Const(_) | Expr::Immediate(_) | Expr::Splat(_)) => true,
            Some(Expr::Machine(_, args)) => args.iter().all(|arg| self.is_uniform(*arg)),
            Some(Expr::Cast(arg)) => self.is_uniform(*arg),
            _ => self.ty(value).lanes == 1,
        }
    }
}

fn define<'a>(body: &'a [Stmt], definitions: &mut [Option<&'a Expr>]) {
    for stmt in body {
        match stmt {
            Stmt::Let(value, expr) => definitions[value.0 as usize] = Some(expr),
            Stmt::For { body, .. } => define(body, definitions),
            Stmt::Store { .. } | Stmt::Product(_) | Stmt::Ranks(_) => {}
        }
    }
}

/// Where a loop's accesses start: what does not change in the loop, and how far a position moves them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::native) struct Base {
    pub(in crate::native) pointer: usize,
    /// Bytes of an element.
    pub(super) size: usize,
    pub(in crate::native) terms: Vec<(Value, i64)>,
    /// Elements from one position of the loop to the next.
    pub(in crate::native) step: i64,
}

/// Elements that an instruction reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Access {
    pub(super) base: usize,
    /// In bytes.
    pub(super) offset: i32,
    /// Bytes of an element.
    pub(super) size: usize,
}

/// How a value from before the loop comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::native) enum LiveIn {
    /// One number, for each lane.
    Scalar,
    /// All lanes, one after another.
    Vector,
}

/// An address by its parts that do not change in the loop, its step and its offset in elements.
type FlatAddress = (Vec<(Value, i64)>, i64, i64);

/// A loop that can be wide.
pub(in crate::native) struct Plan<'a> {
    pub(super) var: Value,
    pub(in crate::native) start: LoopBound,
    pub(in crate::native) stop: LoopBound,
    pub(in crate::native) step: i64,
    pub(super) body: &'a [Stmt],
    pub(super) lanes: usize,
    /// Whether iterations do not depend on each other, so that several can be done as one.
    pub(in crate::native) free: bool,
    /// Where the last iteration starts at most, plus one: it then overlaps the one before.
    pub(in crate::native) clamp: Option<i64>,
    pub(in crate::native) bases: Vec<Base>,
    /// Values from before the loop.
    pub(in crate::native) live_ins: Vec<(Value, LiveIn)>,
    pub(in crate::native) carried: &'a [Carried],
    /// Bytes of a lane of each.
    pub(super) carried_sizes: Vec<usize>,
    /// Whether the loop defines each value.
    inside: Vec<bool>,
}

impl<'a> Plan<'a> {
    /// The plan of a loop, if it is innermost, straight and of whole vectors.
    pub(super) fn of(facts: &ValueFacts<'a, '_>, stmt: &'a Stmt) -> Option<Plan<'a>> {
        let Stmt::For { var, start, stop, step, carried, body } = stmt else { return None };
        let mut plan = Plan {
            var: *var,
            start: *start,
            stop: *stop,
            step: *step,
            body,
            lanes: lanes(facts, body)?,
            free: false,
            clamp: None,
            bases: Vec::new(),
            live_ins: Vec::new(),
            carried,
            carried_sizes: carried.iter().map(|carry| facts.ty(carry.init).dtype.bytes()).collect(),
            inside: vec![false; facts.function.values.len()],
        };
        body.iter().for_each(|stmt| plan.mark(stmt));
        plan.clamp = plan.clamp(facts)?;
        plan.free = carried.is_empty() && *step == plan.lanes as i64 && plan.moves_by_one(facts)?;
        let allowed = match plan.free {
            true => plan.is_independent(facts)?,
            false => plan.clamp.is_none() && (plan.lanes <= 8 || plan.is_independent(facts)?),
        };
        let lanes = plan.lanes;
        let vectors = |carry: &Carried| {
            let ty = facts.ty(carry.init);
            usize::from(ty.lanes) == lanes && ty.dtype != DType::Bool
        };
        (allowed && carried.iter().all(vectors)).then_some(plan)
    }

    /// The clamped position that an iteration may use, if it does. None if that is something else than the loop's own.
    fn clamp(&self, facts: &ValueFacts) -> Option<Option<i64>> {
        let mut clamp = None;
        for stmt in self.body {
            if let Stmt::Let(_, Expr::Clamp(of, n)) = stmt {
                if *of != self.var || clamp.is_some() || !facts.starts_at_a_position(self.start) {
                    return None;
                }
                clamp = Some(*n);
            }
        }
        Some(clamp)
    }

    /// An address in its parts.
    fn flat(&self, facts: &ValueFacts, at: &Address) -> Option<FlatAddress> {
        let (mut terms, mut step, mut offset) = (Vec::new(), 0, at.offset);
        for (value, by) in &at.terms {
            match facts.definition(*value) {
                _ if *value == self.var && self.clamp.is_none() => step += by,
                _ if *value == self.var => return None,
                Some(expr) if self.defines(*value) => match expr {
                    Expr::Clamp(..) => step += by,
                    Expr::Position(inner) => {
                        let (more, inner_step, inner_offset) = self.flat(facts, inner)?;
                        terms.extend(more.into_iter().map(|(value, inner)| (value, inner * by)));
                        (step, offset) = (step + inner_step * by, offset + inner_offset * by);
                    }
                    _ => return None,
                },
                _ => terms.push((*value, *by)),
            }
        }
        Some((terms, step, offset))
    }

    fn mark(&mut self, stmt: &Stmt) {
        if let Stmt::Let(value, _) = stmt {
            self.inside[value.0 as usize] = true;
        }
    }

    /// Whether a value is defined in the loop.
    pub(super) fn defines(&self, value: Value) -> bool {
        self.inside[value.0 as usize]
    }

    /// Where an access goes.
    pub(super) fn access(&mut self, facts: &ValueFacts, pointer: usize, at: &Address) -> Option<Access> {
        let (terms, step, offset) = self.flat(facts, at)?;
        let size = facts.function.pointers[pointer].bytes();
        let base = Base { pointer, size, terms, step };
        let known = self.bases.iter().position(|have| *have == base);
        let index = known.unwrap_or_else(|| {
            self.bases.push(base);
            self.bases.len() - 1
        });
        let offset = i32::try_from(offset.checked_mul(size as i64)?).ok().filter(|n| n.abs() < 1 << 30)?;
        Some(Access { base: index, offset, size })
    }

    /// The position that a value is, as an offset from the loop's: of a position used as a number.
    pub(super) fn position(&self, facts: &ValueFacts, value: Value) -> Option<i64> {
        let (terms, step, offset) = self.flat(facts, &Address { offset: 0, terms: vec![(value, 1)] })?;
        (terms.is_empty() && step == 1).then_some(offset)
    }

    /// The number of a live-in.
    pub(super) fn live_in(&mut self, facts: &ValueFacts, value: Value) -> Option<usize> {
        let kind = if facts.is_uniform(value) { LiveIn::Scalar } else { LiveIn::Vector };
        if kind == LiveIn::Vector && self.free || self.defines(value) {
            return None;
        }
        let known = self.live_ins.iter().position(|have| have.0 == value);
        Some(known.unwrap_or_else(|| {
            self.live_ins.push((value, kind));
            self.live_ins.len() - 1
        }))
    }

    /// Each access: pointer, address and whether it writes.
    fn accesses(&self) -> impl Iterator<Item = (usize, &'a Address, bool)> {
        self.body.iter().filter_map(|stmt| match stmt {
            Stmt::Let(_, Expr::Load { pointer, at, .. }) => Some((*pointer, at, false)),
            Stmt::Store { pointer, at, .. } => Some((*pointer, at, true)),
            _ => None,
        })
    }

    /// Whether each access goes to the next element with the next position.
    fn moves_by_one(&self, facts: &ValueFacts) -> Option<bool> {
        let steps: Option<Vec<i64>> =
            self.accesses().map(|(_, at, _)| Some(self.flat(facts, at)?.1)).collect();
        Some(steps?.iter().all(|step| *step == 1))
    }

    /// Whether nothing that is written is read elsewhere in the loop, so that lanes do not depend on
    /// each other.
    fn is_independent(&self, facts: &ValueFacts) -> Option<bool> {
        let accesses: Vec<_> = self.accesses().collect();
        for (pointer, at, _) in accesses.iter().filter(|(.., store)| *store) {
            for (other, other_at, _) in &accesses {
                let independent = match pointer == other {
                    true => self.flat(facts, at)? == self.flat(facts, other_at)?,
                    false => !facts.may_alias.contains(&(*pointer.min(other), *pointer.max(other))),
                };
                if !independent {
                    return Some(false);
                }
            }
        }
        Some(true)
    }
}

/// The lanes that all vectors of a body have, if it is straight.
fn lanes(facts: &ValueFacts, body: &[Stmt]) -> Option<usize> {
    let mut lanes = 1;
    for stmt in body {
        let value = match stmt {
            Stmt::Let(value, Expr::Load { step: 1, .. }) => *value,
            Stmt::Let(_, Expr::Load { .. } | Expr::Horizontal(..)) => return None,
            Stmt::Let(value, _) => *value,
            Stmt::Store { step: 1, value, .. } => *value,
            Stmt::Store { .. } | Stmt::For { .. } | Stmt::Product(_) | Stmt::Ranks(_) => return None,
        };
        match usize::from(facts.ty(value).lanes) {
            1 if !matches!(stmt, Stmt::Store { .. }) => {}
            have if (lanes == 1 || lanes == have) && have.is_power_of_two() && have > 1 => lanes = have,
            _ => return None,
        }
    }
    (lanes > 1).then_some(lanes)
}

impl ValueFacts<'_, '_> {
    /// All that a limit of a loop can be, if that is known.
    fn numbers(&self, bound: LoopBound) -> Option<Vec<i64>> {
        match bound {
            LoopBound::Const(n) => Some(vec![n]),
            LoopBound::Value(value) => match self.definition(value) {
                Some(Expr::Table(table, _)) => Some(self.function.tables[*table].clone()),
                _ => None,
            },
        }
    }

    /// Whether a loop surely starts at a position that is not negative.
    fn starts_at_a_position(&self, start: LoopBound) -> bool {
        self.numbers(start).is_some_and(|numbers| numbers.iter().all(|n| *n >= 0))
    }

    /// How often a loop iterates at most, if that is known.
    pub(super) fn iterations(&self, plan: &Plan) -> Option<i64> {
        let (starts, stops) = (self.numbers(plan.start)?, self.numbers(plan.stop)?);
        // One that does not change goes with each of the others.
        let count = starts.len().max(stops.len());
        let of = |all: &[i64], k: usize| all[k.min(all.len() - 1)];
        let spans = (0..count).map(|k| of(&stops, k) - of(&starts, k));
        Some((spans.max()? + plan.step - 1).div_euclid(plan.step))
    }
}

/// Values by number, for lookups only.
pub(super) type ByValue<T> = HashMap<Value, T>;
