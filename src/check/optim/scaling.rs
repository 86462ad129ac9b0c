//! What a stage does when its incoming update is multiplied by a number, found from its text.
//!
//! A value has degree `d` if it is then multiplied by the number to the power of `d`: `u` has degree 1,
//! Adam's `v` degree 2, its direction degree 0. A stage whose update has degree 0 forgets every gain
//! before it. Small constants and what is called `eps` count as zero.

use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::typed::{Expr, ExprKind, LocalId, Stage, StageScope, StageUse};

/// What there is to say about the order of two stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// The second forgets the gain that the first applies.
    Cancelled,
    /// The second scales what the first has bounded.
    Undone,
}

/// Pairs of stages whose order makes one of them useless.
pub(super) fn orders(stages: &[Stage], uses: &[StageUse]) -> Vec<(Order, usize, usize)> {
    let facts: Vec<Facts> = uses.iter().map(|of| Facts::of(&stages[of.stage.0])).collect();
    let mut found = Vec::new();
    for (first, fact) in facts.iter().enumerate() {
        let later =
            || (first + 1..facts.len()).take_while(|k| facts[first + 1..*k].iter().all(Facts::is_linear));
        if fact.gain
            && let Some(second) = later().find(|k| facts[*k].forgets())
        {
            found.push((Order::Cancelled, first, second));
        }
        let sets_rate = facts[..=first].iter().any(|fact| fact.rate);
        if fact.bounded
            && sets_rate
            && let Some(second) = later().find(|k| facts[*k].gain)
        {
            found.push((Order::Undone, first, second));
        }
    }
    found
}

/// What matters of one stage.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// Its result is the update times a state.
    gain: bool,
    /// Its result is bounded by a hyperparameter.
    bounded: bool,
    /// It sets a learning rate.
    rate: bool,
    /// The degree of its result.
    degree: Degree,
    /// Whether it looks at more than one coordinate at a time.
    reduces: bool,
}

impl Facts {
    fn of(stage: &Stage) -> Facts {
        let degrees = Degrees::of(stage);
        let mut factors = Vec::new();
        degrees.factors(&stage.result, &mut factors);
        let is_update = |expr: &Expr| is_local(expr, UPDATE);
        let others: Vec<&Expr> = factors.iter().copied().filter(|factor| !is_update(factor)).collect();
        let once = others.len() + 1 == factors.len();
        let plain = !others.iter().any(|factor| degrees.mentions(factor, UPDATE));
        let state = |factor: &&Expr| stage.states.iter().any(|state| degrees.mentions(factor, state.local));
        let wraps = stage.inner.is_some();
        let whole = degrees.mentions(&stage.result, UPDATE);
        Facts {
            gain: !wraps && once && plain && others.iter().any(state),
            bounded: !wraps
                && (once && others.iter().any(|factor| degrees.is_bounded(factor))
                    || whole && degrees.is_bounded(&stage.result)),
            rate: stage.hypers.iter().any(|local| stage.locals[local.0].name == "lr"),
            degree: if wraps { Degree::Unknown } else { degrees.degree(&stage.result) },
            reduces: stage.lines.iter().map(|(_, expr)| expr).chain([&stage.result]).any(reduces),
        }
    }

    fn is_linear(&self) -> bool {
        self.degree == Degree::Of(1.0)
    }

    /// Whether a gain of each coordinate before it has no effect.
    fn forgets(&self) -> bool {
        self.degree == Degree::Of(0.0) && !self.reduces
    }
}

const UPDATE: LocalId = LocalId(StageScope::Update as usize);

/// How a value follows the update.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Degree {
    /// It is zero, or next to it.
    Zero,
    /// By this power.
    Of(f64),
    /// In another way.
    Unknown,
}

impl Degree {
    /// Of a sum, or of a choice.
    fn with(self, other: Degree) -> Degree {
        match (self, other) {
            (Degree::Zero, any) | (any, Degree::Zero) => any,
            (Degree::Of(a), Degree::Of(b)) if a == b => self,
            _ => Degree::Unknown,
        }
    }

    fn map2(self, other: Degree, of: impl Fn(f64, f64) -> f64) -> Degree {
        match (self, other) {
            (Degree::Of(a), Degree::Of(b)) => Degree::Of(of(a, b)),
            (Degree::Zero, Degree::Of(_) | Degree::Zero) | (Degree::Of(_), Degree::Zero) => Degree::Zero,
            _ => Degree::Unknown,
        }
    }

    fn scaled(self, by: f64) -> Degree {
        if let Degree::Of(degree) = self { Degree::Of(degree * by) } else { self }
    }

    /// Of what follows only the sign or the order of its operands.
    fn steady(self) -> Degree {
        if self == Degree::Unknown { self } else { Degree::Of(0.0) }
    }
}

/// Degrees of the locals of a stage.
struct Degrees<'a> {
    stage: &'a Stage,
    of: Vec<Degree>,
}

impl<'a> Degrees<'a> {
    fn of(stage: &'a Stage) -> Degrees<'a> {
        let mut degrees = Degrees { stage, of: vec![Degree::Of(0.0); stage.locals.len()] };
        degrees.of[UPDATE.0] = Degree::Of(1.0);
        for local in stage.hypers.iter().filter(|local| stage.locals[local.0].name == "eps") {
            degrees.of[local.0] = Degree::Zero;
        }
        for state in &stage.states {
            degrees.of[state.local.0] = degrees.degree(&state.init);
        }
        // Few rounds reach every state through every other: more states are rare, and then unknown.
        for _ in 0..=stage.states.len() {
            let before: Vec<Degree> = stage.states.iter().map(|state| degrees.of[state.local.0]).collect();
            for (local, expr) in &stage.lines {
                degrees.of[local.0] = degrees.degree(expr);
            }
            for (state, before) in stage.states.iter().zip(before) {
                degrees.of[state.local.0] = degrees.of[state.local.0].with(before);
            }
        }
        degrees
    }

    fn degree(&self, expr: &Expr) -> Degree {
        match &expr.kind {
            ExprKind::Const(value) if value.abs() <= 1e-6 => Degree::Zero,
            ExprKind::Const(_) | ExprKind::Size(_) => Degree::Of(0.0),
            ExprKind::Local(local) => self.of[local.0],
            ExprKind::Op(op, args) => self.operator(op, args),
            ExprKind::Let { local, value, body } => {
                let mut inner = Degrees { stage: self.stage, of: self.of.clone() };
                inner.of[local.0] = self.degree(value);
                inner.degree(body)
            }
            ExprKind::StageReduce { value, .. }
            | ExprKind::StageSpread { value, .. }
            | ExprKind::StopGradient(value)
            | ExprKind::Position { value, .. } => self.degree(value),
            ExprKind::Call { args, .. } => match args.iter().all(|arg| self.is_steady(arg)) {
                true => Degree::Of(0.0),
                false => Degree::Unknown,
            },
            _ => Degree::Unknown,
        }
    }

    fn is_steady(&self, expr: &Expr) -> bool {
        matches!(self.degree(expr), Degree::Zero | Degree::Of(0.0))
    }

    fn operator(&self, op: &Op, args: &[Expr]) -> Degree {
        let row = match op {
            Op::Map(map) => map.0.name,
            Op::Cast(_) | Op::View(_) | Op::Reduce(_) => "neg",
            Op::Fill(Fill::Const { value: 0.0, .. }) => return Degree::Zero,
            Op::Fill(_) => return Degree::Of(0.0),
            _ => return Degree::Unknown,
        };
        let of: Vec<Degree> = args.iter().map(|arg| self.degree(arg)).collect();
        match (row, of.as_slice()) {
            ("add" | "sub" | "max" | "min", [a, b]) => a.with(*b),
            ("select", [_, a, b]) => a.with(*b),
            ("mul", [a, b]) => a.map2(*b, |a, b| a + b),
            ("div", [a, b]) => a.map2(*b, |a, b| a - b),
            ("sqrt", [a]) => a.scaled(0.5),
            ("neg" | "abs", [a]) => *a,
            ("sign", [a]) => a.steady(),
            ("lt" | "le" | "gt" | "ge" | "eq" | "ne", [a, b]) => a.with(*b).steady(),
            ("pow", [a, b]) => match (a, &args[1].kind) {
                (Degree::Of(0.0), _) if *b != Degree::Unknown => Degree::Of(0.0),
                (a, ExprKind::Const(power)) => a.scaled(*power),
                _ => Degree::Unknown,
            },
            _ if args.iter().all(|arg| self.is_steady(arg)) => Degree::Of(0.0),
            _ => Degree::Unknown,
        }
    }

    /// The factors of a product, in its numerator and its denominator.
    fn factors(&self, expr: &'a Expr, found: &mut Vec<&'a Expr>) {
        match &expr.kind {
            ExprKind::Op(Op::Map(map), args) if matches!(map.0.name, "mul" | "div") => {
                args.iter().for_each(|arg| self.factors(arg, found));
            }
            ExprKind::Op(Op::Cast(_) | Op::View(_), args) => self.factors(&args[0], found),
            ExprKind::StageSpread { value, .. } => self.factors(value, found),
            _ => found.push(expr),
        }
    }

    /// Whether the value of a local goes into an expression, through the `let`s of the stage.
    fn mentions(&self, expr: &Expr, local: LocalId) -> bool {
        let mut locals = Vec::new();
        expr.locals(&mut locals);
        locals.iter().any(|found| {
            let line = || self.stage.lines.iter().find(|(local, _)| local == found);
            let is_state = self.stage.states.iter().any(|state| state.local == *found);
            *found == local || !is_state && line().is_some_and(|(_, line)| self.mentions(line, local))
        })
    }

    /// Whether an expression is the least or the greatest of values that follow the update differently.
    fn is_bounded(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Op(Op::Map(map), args) if matches!(map.0.name, "min" | "max") => {
                let of = [self.degree(&args[0]), self.degree(&args[1])];
                let both = !of.contains(&Degree::Unknown);
                both && of[0].with(of[1]) == Degree::Unknown || args.iter().any(|arg| self.is_bounded(arg))
            }
            ExprKind::Op(Op::Cast(_) | Op::View(_), args) => self.is_bounded(&args[0]),
            ExprKind::StageSpread { value, .. } => self.is_bounded(value),
            _ => false,
        }
    }
}

fn is_local(expr: &Expr, local: LocalId) -> bool {
    matches!(expr.kind, ExprKind::Local(found) if found == local)
}

fn reduces(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::StageReduce { .. }) || expr.children().into_iter().any(reduces)
}
