//! The optimizer of a training run that compares and never moves.
//!
//! It has one stage. In each step one coordinate is tried: states keep its gradient, and the differences of the
//! loss of the step's batch ahead of it and behind it. As a script it would be
//!
//! ```text
//! stage still(width = 1e-5) {
//!   state exact = 0
//!   state ahead = 0
//!   state behind = 0
//!   let at = ...                                  // which coordinate, by `t`
//!   let hit = iota == at
//!   let here = where(hit, 1, 0)
//!   exact <- exact + where(hit, g, 0)
//!   ahead <- ahead + here * (loss(w + width * here) - loss) / width
//!   behind <- behind + here * (loss - loss(w - width * here)) / width
//!   0 * w0
//! }
//! ```

use std::rc::Rc;

use super::differences::Tried;
use crate::algebra::fill::Fill;
use crate::algebra::op::Op;
use crate::algebra::scalar::{ADD, AND, DIV, EQ, FLOOR, GT, LE, MUL, SELECT, SUB, Scalar};
use crate::algebra::types::{DType, Dim, Shape, SizeVar, Type};
use crate::source::Span;
use crate::typed::{
    Cell, Expr, ExprKind, Extent, Local, LocalId, Optimizer, Program, Stage, StageId, StageScope, StageUse,
    State, build,
};

/// How far a parameter moves: the hyperparameter. Those of scripts begin with `opt.` or `sweep.`.
pub(super) const WIDTH: &str = "gradcheck.width";
/// The states: the gradient, and the differences ahead and behind.
pub(super) const STATES: [&str; 3] = ["exact", "ahead", "behind"];
/// Added before coordinates are rounded down.
const ROUNDED: f64 = 1e-6;

/// What a fit calls a state of the stage.
pub(super) fn state(name: &str) -> String {
    format!("still.{name}")
}

/// The stage, the next one of the program, and the optimizer of one stage in place of another.
pub(super) fn optimizer(program: &Program, before: &Optimizer, tried: &[Tried]) -> (Stage, Optimizer) {
    let span = before.span;
    let number = Type::scalar(DType::F64);
    // `t` and `T` come first.
    let width = LocalId(2);
    let cell = Cell {
        name: WIDTH.to_string(),
        local: width,
        value: build::constant(1e-5, number.clone(), span),
        range: None,
        swept: None,
    };
    let only = StageUse {
        stage: StageId(program.stages.len()),
        name: "still".to_string(),
        hypers: vec![build::local(width, number, span)],
        span,
    };
    let optimizer = Optimizer { uses: vec![only], cells: vec![cell], groups: Vec::new(), ..before.clone() };
    (stage(span, tried), optimizer)
}

/// The stage, in double precision.
fn stage(span: Span, tried: &[Tried]) -> Stage {
    // Sizes of a stage are its own: no other expression mentions them.
    let size = |(id, name): (u32, &str)| SizeVar { id, name: Rc::from(name) };
    let [coordinates, rows, columns, tensors] =
        [(0, "coordinates"), (1, "rows"), (2, "columns"), (3, "tensors")].map(size);
    let mut scope = Scope { locals: Vec::new(), wide: vec![Dim::var(coordinates.clone())], span };
    let fixed = StageScope::ALL.map(|(name, text)| scope.fixed(name, text));
    let width = scope.number("width");
    let kept = STATES.map(|name| scope.coordinate(name));
    let states = STATES.iter().zip(&kept).map(|(name, local)| State {
        name: (*name).to_string(),
        local: id(local),
        extent: Extent::Coordinate,
        init: scope.everywhere(0.0),
    });
    let states = states.collect();
    let (at, mut lines) = place(&mut scope, &fixed[StageScope::Step as usize], tried);
    lines.extend(comparison(&mut scope, &fixed, &width, &kept, at));
    let result = map(&MUL, [scope.everywhere(0.0), fixed[StageScope::Initial as usize].clone()]);
    Stage {
        name: "still".to_string(),
        words: Vec::new(),
        coordinates,
        rows,
        columns,
        tensors,
        locals: scope.locals,
        hypers: vec![id(&width)],
        states,
        lines,
        inner: None,
        eval: None,
        result,
        span,
    }
}

/// Which coordinate a step tries: those of each parameter in turn. A line for each parameter.
fn place(scope: &mut Scope, t: &Expr, tried: &[Tried]) -> (Expr, Vec<(LocalId, Expr)>) {
    let (mut at, mut lines) = (scope.constant(0.0), Vec::new());
    let mut first = 0;
    for Tried { start, len, count } in tried {
        let stride = *len as f64 / *count as f64;
        let [from, to] = [first, first + count].map(|step| scope.constant(step as f64));
        let [start, one, stride, rounded, zero] =
            [*start as f64, 1.0, stride, ROUNDED, 0.0].map(|number| scope.constant(number));
        first += count;
        let has_begun = map(&GT, [t.clone(), from.clone()]);
        let is_turn = map(&AND, [has_begun, map(&LE, [t.clone(), to])]);
        let along = map(&MUL, [map(&SUB, [map(&SUB, [t.clone(), from]), one]), stride]);
        let element = map(&FLOOR, [map(&ADD, [along, rounded])]);
        let here = map(&SELECT, [is_turn, map(&ADD, [start, element]), zero]);
        let sum = map(&ADD, [at, here]);
        at = scope.number("at");
        lines.push((id(&at), sum));
    }
    (at, lines)
}

/// The gradient and the differences at coordinate `at`, added to what is kept.
fn comparison(
    scope: &mut Scope,
    fixed: &[Expr; 8],
    width: &Expr,
    [exact, ahead, behind]: &[Expr; 3],
    at: Expr,
) -> Vec<(LocalId, Expr)> {
    let [gradient, weights, loss] = [StageScope::Gradient, StageScope::Weights, StageScope::Loss]
        .map(|name| fixed[name as usize].clone());
    let is_here = map(&EQ, [scope.positions(), scope.spread(at)]);
    let hit = scope.local("hit", is_here.ty.clone());
    let here = scope.coordinate("here");
    let [zero, one] = [0.0, 1.0].map(|number| scope.everywhere(number));
    let width = scope.spread(width.clone());
    let moved = map(&MUL, [width.clone(), here.clone()]);
    let before = scope.loss(map(&SUB, [weights.clone(), moved.clone()]));
    let after = scope.loss(map(&ADD, [weights, moved]));
    let slope = |from: Expr, to: Expr| {
        let difference = scope.spread(map(&SUB, [to, from]));
        map(&DIV, [map(&MUL, [here.clone(), difference]), width.clone()])
    };
    let gradient = map(&SELECT, [hit.clone(), gradient, zero.clone()]);
    vec![
        (id(&hit), is_here),
        (id(&here), map(&SELECT, [hit, one, zero])),
        (id(exact), map(&ADD, [exact.clone(), gradient])),
        (id(ahead), map(&ADD, [ahead.clone(), slope(loss.clone(), after)])),
        (id(behind), map(&ADD, [behind.clone(), slope(before, loss)])),
    ]
}

/// The names of the stage so far, and how expressions over them are made.
struct Scope {
    locals: Vec<Local>,
    /// The shape of a number per coordinate.
    wide: Shape,
    span: Span,
}

impl Scope {
    fn local(&mut self, name: &str, ty: Type) -> Expr {
        self.locals.push(Local { name: name.to_string(), ty: ty.clone() });
        build::local(LocalId(self.locals.len() - 1), ty, self.span)
    }

    /// A name for a number.
    fn number(&mut self, name: &str) -> Expr {
        self.local(name, Type::scalar(DType::F64))
    }

    /// A name for a number per coordinate.
    fn coordinate(&mut self, name: &str) -> Expr {
        self.local(name, Type::new(DType::F64, self.wide.clone()))
    }

    /// A name that every stage has.
    fn fixed(&mut self, name: StageScope, text: &str) -> Expr {
        match name {
            StageScope::Gradient | StageScope::Update | StageScope::Weights | StageScope::Initial => {
                self.coordinate(text)
            }
            StageScope::Trained => self.local(text, Type::new(DType::Bool, self.wide.clone())),
            StageScope::Step | StageScope::Total | StageScope::Loss => self.number(text),
        }
    }

    fn constant(&self, value: f64) -> Expr {
        build::constant(value, Type::scalar(DType::F64), self.span)
    }

    /// A constant for each coordinate.
    fn everywhere(&self, value: f64) -> Expr {
        build::constant(value, Type::new(DType::F64, self.wide.clone()), self.span)
    }

    /// A number, repeated for each coordinate.
    fn spread(&self, number: Expr) -> Expr {
        build::broadcast(number, &self.wide)
    }

    /// The number of each coordinate.
    fn positions(&self) -> Expr {
        let iota = Fill::Iota { dtype: DType::F64, to: self.wide.clone() };
        build::op(Op::Fill(iota), Vec::new(), self.span)
    }

    /// The loss of the step at other parameters.
    fn loss(&self, weights: Expr) -> Expr {
        let kind = ExprKind::StageLoss(Box::new(weights));
        Expr { kind, ty: Type::scalar(DType::F64), span: self.span }
    }
}

/// A scalar function where its operands are.
fn map<const N: usize>(row: &'static Scalar, args: [Expr; N]) -> Expr {
    let span = args[0].span;
    build::map(row, args.into(), span)
}

/// The local that an expression is.
fn id(local: &Expr) -> LocalId {
    match local.kind {
        ExprKind::Local(id) => id,
        _ => crate::ice!("gradcheck", "a name was expected"),
    }
}
