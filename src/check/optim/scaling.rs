//! What a stage does when its incoming update is multiplied by a number, found from its text.
//!
//! A value has degree `d` if it is then multiplied by the number to the power of `d`: `u` has degree 1,
//! Adam's `v` degree 2, its direction degree 0. A stage whose update has degree 0 forgets every gain
//! before it. Small constants and what is called `eps` count as zero.

use crate::algebra::fill::Fill;
use crate::algebra::map::Map;
use crate::algebra::op::Op;
use crate::algebra::scalar::{self, Scalar};
use crate::typed::{Expr, ExprKind, LocalId, Stage, StageScope, StageUse};

/// What there is to say about the order of two stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// The second is scale invariant: the gain that the first applies has no effect.
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

    /// Whether it stays as it is.
    fn is_steady(self) -> bool {
        matches!(self, Degree::Zero | Degree::Of(0.0))
    }

    /// Of what follows only the sign or the order of its operands.
    fn steady(self) -> Degree {
        if self == Degree::Unknown { self } else { Degree::Of(0.0) }
    }
}

/// How the degree of a result follows from those of the operands.
type Follows = fn(&[Degree]) -> Degree;

/// The rows that are linear in something, or follow an order. Of others the result is steady if all
/// operands are.
static RULES: [(&[&Scalar], Follows); 8] = [
    (&[&scalar::ADD, &scalar::SUB, &scalar::MAX, &scalar::MIN], |of| of[0].with(of[1])),
    (&[&scalar::SELECT], |of| of[1].with(of[2])),
    (&[&scalar::MUL], |of| of[0].map2(of[1], |a, b| a + b)),
    (&[&scalar::DIV], |of| of[0].map2(of[1], |a, b| a - b)),
    (&[&scalar::SQRT], |of| of[0].scaled(0.5)),
    (&[&scalar::NEG, &scalar::ABS], |of| of[0]),
    (&[&scalar::SIGN], |of| of[0].steady()),
    (&[&scalar::LT, &scalar::LE, &scalar::GT, &scalar::GE, &scalar::EQ, &scalar::NE], |of| {
        of[0].with(of[1]).steady()
    }),
];

fn rule(row: &'static Scalar) -> Option<Follows> {
    let found = RULES.iter().find(|(rows, _)| rows.iter().any(|known| std::ptr::eq(*known, row)));
    found.map(|(_, follows)| *follows)
}

/// Of a power, whose exponent must be known unless all is steady.
fn power(base: Degree, degree: Degree, exponent: &Expr) -> Degree {
    match (base, &exponent.kind) {
        (Degree::Of(0.0), _) if degree != Degree::Unknown => Degree::Of(0.0),
        (base, ExprKind::Const(power)) => base.scaled(*power),
        _ => Degree::Unknown,
    }
}

fn is_one_of(map: &Map, rows: &[&'static Scalar]) -> bool {
    rows.iter().any(|row| *map == Map(row))
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
            | ExprKind::StageBroadcast { value, .. }
            | ExprKind::StopGradient(value)
            | ExprKind::Position { value, .. } => self.degree(value),
            ExprKind::Call { args, .. } => match args.iter().all(|arg| self.degree(arg).is_steady()) {
                true => Degree::Of(0.0),
                false => Degree::Unknown,
            },
            _ => Degree::Unknown,
        }
    }

    fn operator(&self, op: &Op, args: &[Expr]) -> Degree {
        let of: Vec<Degree> = args.iter().map(|arg| self.degree(arg)).collect();
        match op {
            Op::Map(Map(row)) => match rule(row) {
                Some(follows) => follows(&of),
                None if std::ptr::eq(*row, &scalar::POW) => power(of[0], of[1], &args[1]),
                None if of.iter().all(|degree| degree.is_steady()) => Degree::Of(0.0),
                None => Degree::Unknown,
            },
            Op::Cast(_) | Op::View(_) | Op::Reduce(_) => of[0],
            Op::Fill(Fill::Const { value, .. }) if value.0 == 0.0 => Degree::Zero,
            Op::Fill(_) => Degree::Of(0.0),
            _ => Degree::Unknown,
        }
    }

    /// The factors of a product, in its numerator and its denominator.
    fn factors(&self, expr: &'a Expr, found: &mut Vec<&'a Expr>) {
        match &expr.kind {
            ExprKind::Op(Op::Map(map), args) if is_one_of(map, &[&scalar::MUL, &scalar::DIV]) => {
                args.iter().for_each(|arg| self.factors(arg, found));
            }
            ExprKind::Op(Op::Cast(_) | Op::View(_), args) => self.factors(&args[0], found),
            ExprKind::StageBroadcast { value, .. } => self.factors(value, found),
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
            ExprKind::Op(Op::Map(map), args) if is_one_of(map, &[&scalar::MIN, &scalar::MAX]) => {
                let of = [self.degree(&args[0]), self.degree(&args[1])];
                let both = !of.contains(&Degree::Unknown);
                both && of[0].with(of[1]) == Degree::Unknown || args.iter().any(|arg| self.is_bounded(arg))
            }
            ExprKind::Op(Op::Cast(_) | Op::View(_), args) => self.is_bounded(&args[0]),
            ExprKind::StageBroadcast { value, .. } => self.is_bounded(value),
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
