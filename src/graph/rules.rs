//! Rewrites, as data: a name, a remark and either a pair of terms or a function on one operator.
//!
//! A rewrite keeps every bit of the result for finite operands, or its remark says what may change.

use super::builder::Builder;
use crate::algebra::contract::Contract;
use crate::algebra::fill::Fill;
use crate::algebra::map::{Cast, Map};
use crate::algebra::op::{Build, Op, Val};
use crate::algebra::reduce::Reduce;
use crate::algebra::scalar;
use crate::algebra::segment::Segment;
use crate::algebra::term::{Term, c, call, x};
use crate::algebra::types::DType;
use crate::algebra::view::View;

/// A rewrite of scalar functions: wherever `from` is found, `to` has the same value.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Its name.
    pub name: &'static str,
    /// What is found. Holes match any value, a hole met twice the same one.
    pub from: fn() -> Term,
    /// What takes its place, over the holes of `from`.
    pub to: fn() -> Term,
    /// What may change; empty: nothing.
    pub remark: &'static str,
}

const fn same(name: &'static str, from: fn() -> Term, to: fn() -> Term) -> Identity {
    Identity { name, from, to, remark: "" }
}

const ZERO: &str = "the sign of a result that is zero";

/// The rewrites of scalar functions, tried in order.
pub static IDENTITIES: &[Identity] = &[
    same("mul-one", || x(0) * c(1.0), || x(0)),
    same("one-mul", || c(1.0) * x(0), || x(0)),
    same("mul-minus-one", || x(0) * c(-1.0), || -x(0)),
    same("minus-one-mul", || c(-1.0) * x(0), || -x(0)),
    same("div-one", || x(0) / c(1.0), || x(0)),
    same("sub-zero", || x(0) - c(0.0), || x(0)),
    Identity { remark: ZERO, ..same("add-zero", || x(0) + c(0.0), || x(0)) },
    Identity { remark: ZERO, ..same("zero-add", || c(0.0) + x(0), || x(0)) },
    Identity { remark: ZERO, ..same("zero-sub", || c(0.0) - x(0), || -x(0)) },
    same("neg-neg", || -(-x(0)), || x(0)),
    same("add-neg", || x(0) + (-x(1)), || x(0) - x(1)),
    same("neg-add", || (-x(0)) + x(1), || x(1) - x(0)),
    same("sub-neg", || x(0) - (-x(1)), || x(0) + x(1)),
    Identity { remark: ZERO, ..same("neg-sub", || -(x(0) - x(1)), || x(1) - x(0)) },
    same("neg-mul-neg", || (-x(0)) * (-x(1)), || x(0) * x(1)),
    same("neg-div-neg", || (-x(0)) / (-x(1)), || x(0) / x(1)),
    same("where-true", || call(&scalar::SELECT, [c(1.0), x(0), x(1)]), || x(0)),
    same("where-false", || call(&scalar::SELECT, [c(0.0), x(0), x(1)]), || x(1)),
    same("where-same", || call(&scalar::SELECT, [x(0), x(1), x(1)]), || x(1)),
];

/// A rewrite of one operator on values of the new graph. It returns what takes the operator's place.
#[derive(Clone, Copy, Debug)]
pub struct Rewrite {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The rewrite. Values that it makes are simplified themselves.
    pub apply: fn(&mut dyn Rewriter, &Op, &[Val]) -> Option<Val>,
}

/// What a rewrite can see and do.
pub trait Rewriter: Build {
    /// The graph so far.
    fn graph(&mut self) -> &mut Builder;
}

/// The rewrites of operators, tried in order.
pub static REWRITES: &[Rewrite] = &[
    Rewrite { name: "identity", doc: "A view, cast or reduction that changes nothing.", apply: identity },
    Rewrite { name: "view-of-view", doc: "Two views of one kind are one.", apply: view_of_view },
    Rewrite {
        name: "view-of-broadcast",
        doc: "A broadcast scalar looks alike from all sides.",
        apply: view_of_broadcast,
    },
    Rewrite {
        name: "cast-of-cast",
        doc: "A first cast that loses nothing is left out.",
        apply: cast_of_cast,
    },
    Rewrite {
        name: "scalar-first",
        doc: "What is computed from broadcast scalars alone is broadcast afterwards.",
        apply: scalar_first,
    },
    Rewrite {
        name: "sum-of-pieces",
        doc: "A sum of many tensors that are 0 where the others are not lays them end to end.",
        apply: super::concat_sum::concat_sum,
    },
    Rewrite {
        name: "cast-of-iota",
        doc: "Positions have the element type that they are needed in from the start: a float of 32 bits does \
              not hold those above 2^24, an integer does.",
        apply: cast_of_iota,
    },
    Rewrite {
        name: "never-equal",
        doc: "An integer of 32 bits equals no number that needs more.",
        apply: never_equal,
    },
    Rewrite { name: "div-power", doc: "Division by a power of two is multiplication.", apply: div_power },
    Rewrite {
        name: "div-wide",
        doc: "Division of each coordinate by one double that is cast down multiplies with its reciprocal, \
              taken before the cast: rounded as often, so the bound on the error is the same.",
        apply: div_wide,
    },
    Rewrite {
        name: "mul-wide",
        doc: "Two doubles that are cast down and multiplied with each coordinate are multiplied first: \
              rounded less often. Their product must lie in the range of the narrow type.",
        apply: mul_wide,
    },
    Rewrite {
        name: "one-piece",
        doc: "A flat tensor of one segment is reduced and broadcast as a whole.",
        apply: one_piece,
    },
    Rewrite {
        name: "contract-transposed",
        doc: "A contraction reads transposed operands in place.",
        apply: contract_transposed,
    },
    Rewrite {
        name: "slice-of-pad",
        doc: "Only the padding that is asked for.",
        apply: super::convolutions::slice_of_pad,
    },
    Rewrite {
        name: "slice-of-convolve",
        doc: "Only the windows that are asked for, where padding is convolved.",
        apply: super::convolutions::slice_of_convolve,
    },
];

/// Rewrites that come after all others are done: what they make does not look like what it was.
pub static LAST: &[Rewrite] = &[Rewrite {
    name: "convolve-as-product",
    doc: "Windows are laid out for a product of matrices, where that is faster than loops and they cannot \
              be read in place: sums in another order.",
    apply: super::convolutions::convolve_as_product,
}];

/// The argument of a value that is made by this kind of operator.
fn made_by<T>(cx: &mut dyn Rewriter, value: Val, kind: fn(&Op) -> Option<T>) -> Option<(T, Val)> {
    let (op, args) = cx.graph().op(value)?;
    Some((kind(op)?, *args.first()?))
}

fn view(op: &Op) -> Option<View> {
    match op {
        Op::View(view) => Some(view.clone()),
        _ => None,
    }
}

fn identity(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let arg = *args.first()?;
    let ty = cx.ty(arg);
    let same = match op {
        Op::View(View::Reshape { to }) => *to == ty.shape,
        Op::View(View::Broadcast { to, axes }) => *to == ty.shape && axes.iter().copied().eq(0..ty.rank()),
        Op::View(View::Transpose { axes }) => axes.iter().copied().eq(0..ty.rank()),
        Op::View(View::Pad { before, after, .. }) => {
            before.as_constant() == Some(0) && after.as_constant() == Some(0)
        }
        Op::Cast(Cast(dtype)) => *dtype == ty.dtype,
        Op::Reduce(Reduce { axes, .. }) => axes.is_empty(),
        _ => false,
    };
    same.then_some(arg)
}

fn cast_of_iota(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let Op::Cast(Cast(dtype)) = op else { return None };
    match cx.graph().op(args[0])? {
        (Op::Fill(Fill::Iota { to, .. }), _) if *dtype != DType::Bool => {
            let to = to.clone();
            Some(cx.emit(Op::Fill(Fill::Iota { dtype: *dtype, to }), &[]))
        }
        (Op::View(view), below) if !matches!(view, View::Pad { .. }) => {
            let (view, below) = (view.clone(), below[0]);
            let cast = cast_of_iota(cx, op, &[below])?;
            Some(cx.emit(Op::View(view), &[cast]))
        }
        _ => None,
    }
}

fn never_equal(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let Op::Map(Map(row)) = op else { return None };
    let differs = match row.name {
        "eq" => 0.0,
        "ne" => 1.0,
        _ => return None,
    };
    let number = cx.graph().as_constant(args[1])?;
    let (_, narrow) = made_by(cx, args[0], |op| matches!(op, Op::Cast(_)).then_some(()))?;
    let fits = f64::from(i32::MIN) <= number && number <= f64::from(i32::MAX);
    if fits || cx.ty(narrow).dtype != DType::I32 || cx.ty(args[0]).dtype != DType::I64 {
        return None;
    }
    let ty = cx.ty(args[0]).with_dtype(DType::Bool);
    Some(cx.graph().constant(differs, &ty))
}

fn view_of_view(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let outer = view(op)?;
    let (inner, source) = made_by(cx, args[0], view)?;
    let both = match (outer, inner) {
        (View::Reshape { to }, View::Reshape { .. }) => View::Reshape { to },
        (View::Reshape { to }, View::Window { start, .. }) => View::Window { start, to },
        (View::Transpose { axes }, View::Transpose { axes: inner }) => {
            View::Transpose { axes: axes.iter().map(|axis| inner[*axis]).collect() }
        }
        (View::Broadcast { to, axes }, View::Broadcast { axes: inner, .. }) => {
            View::Broadcast { to, axes: inner.iter().map(|axis| axes[*axis]).collect() }
        }
        _ => return None,
    };
    Some(cx.emit(Op::View(both), &[source]))
}

/// The scalar of which a value is copies.
pub(super) fn broadcast_scalar(cx: &Builder, value: Val) -> Option<Val> {
    match cx.op(value)? {
        (Op::View(View::Broadcast { axes, .. }), [scalar]) if axes.is_empty() => Some(*scalar),
        _ => None,
    }
}

fn broadcast(cx: &mut dyn Rewriter, scalar: Val, to: &[crate::algebra::types::Dim]) -> Val {
    cx.emit(Op::View(View::Broadcast { to: to.to_vec(), axes: Vec::new() }), &[scalar])
}

fn view_of_broadcast(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let view = view(op)?;
    if matches!(view, View::Pad { .. }) {
        return None;
    }
    let scalar = broadcast_scalar(cx.graph(), args[0])?;
    let ty = op.rules().infer(&[cx.ty(args[0])]).ok()?;
    Some(broadcast(cx, scalar, &ty.shape))
}

/// Whether every value of a type is a value of another.
fn holds(wide: DType, narrow: DType) -> bool {
    match narrow {
        DType::Bool => true,
        DType::I32 => matches!(wide, DType::I32 | DType::I64 | DType::F64),
        DType::F32 => matches!(wide, DType::F32 | DType::F64),
        DType::I64 | DType::F64 => wide == narrow,
    }
}

fn cast_of_cast(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let Op::Cast(_) = op else { return None };
    let (middle, source) = made_by(cx, args[0], |op| match op {
        Op::Cast(Cast(dtype)) => Some(*dtype),
        _ => None,
    })?;
    let from = cx.ty(source).dtype;
    holds(middle, from).then(|| cx.emit(op.clone(), &[source]))
}

fn scalar_first(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if !matches!(op, Op::Map(_) | Op::Cast(_)) {
        return None;
    }
    let shape = cx.ty(args[0]).shape.clone();
    let broadcasts = args.iter().filter(|arg| broadcast_scalar(cx.graph(), **arg).is_some()).count();
    let constants = args.iter().filter(|arg| cx.graph().as_constant(**arg).is_some()).count();
    if shape.is_empty() || broadcasts == 0 || broadcasts + constants < args.len() {
        return None;
    }
    let scalars: Vec<Val> = args.iter().map(|arg| scalar_of(cx, *arg)).collect();
    let scalar = cx.emit(op.clone(), &scalars);
    Some(broadcast(cx, scalar, &shape))
}

fn scalar_of(cx: &mut dyn Rewriter, value: Val) -> Val {
    if let Some(scalar) = broadcast_scalar(cx.graph(), value) {
        return scalar;
    }
    let number = cx.graph().as_constant(value).unwrap_or(0.0);
    let ty = crate::algebra::types::Type::scalar(cx.ty(value).dtype);
    cx.graph().constant(number, &ty)
}

fn div_power(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if *op != Op::Map(Map(&scalar::DIV)) {
        return None;
    }
    let divisor = cx.graph().as_constant(args[1])?;
    let power = divisor.is_normal() && divisor.to_bits().trailing_zeros() >= 52;
    if !power || divisor == 1.0 || !(1e-30..1e30).contains(&divisor.abs()) {
        return None;
    }
    let ty = cx.ty(args[1]).clone();
    let factor = cx.graph().constant(1.0 / divisor, &ty);
    Some(cx.emit(Op::Map(Map(&scalar::MUL)), &[args[0], factor]))
}

/// The double of which a value is copies in single precision, and how it is copied.
fn wide(cx: &Builder, value: Val) -> Option<(Op, Val)> {
    let scalar = broadcast_scalar(cx, value).or_else(|| broadcast_segments(cx, value))?;
    match cx.op(scalar)? {
        (Op::Cast(Cast(DType::F32)), [double]) if cx.ty(*double).dtype == DType::F64 => {
            Some((cx.op(value)?.0.clone(), *double))
        }
        _ => None,
    }
}

fn narrow(cx: &mut dyn Rewriter, broadcast: Op, double: Val) -> Val {
    let single = cx.emit(Op::Cast(Cast(DType::F32)), &[double]);
    cx.emit(broadcast, &[single])
}

fn div_wide(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if *op != Op::Map(Map(&scalar::DIV)) {
        return None;
    }
    let (broadcast, double) = wide(cx.graph(), args[1])?;
    let ty = cx.ty(double).clone();
    let one = cx.graph().constant(1.0, &ty);
    let reciprocal = cx.emit(op.clone(), &[one, double]);
    let factor = narrow(cx, broadcast, reciprocal);
    Some(cx.emit(Op::Map(Map(&scalar::MUL)), &[args[0], factor]))
}

fn mul_wide(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    if *op != Op::Map(Map(&scalar::MUL)) {
        return None;
    }
    for (outer, product) in [(args[0], args[1]), (args[1], args[0])] {
        let Some((broadcast, a)) = wide(cx.graph(), outer) else { continue };
        let Some(&[left, right]) = cx.graph().call(product, &scalar::MUL) else { continue };
        for (inner, rest) in [(left, right), (right, left)] {
            let Some((same, b)) = wide(cx.graph(), inner) else { continue };
            if same == broadcast {
                let both = cx.emit(op.clone(), &[a, b]);
                let factor = narrow(cx, broadcast, both);
                return Some(cx.emit(op.clone(), &[rest, factor]));
            }
        }
    }
    None
}

fn one_piece(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    match op {
        Op::Segment(Segment::Reduce { combine, segments }) if segments.count() == 1 => {
            let reduce = Reduce { combine: *combine, axes: vec![0] };
            let number = cx.emit(Op::Reduce(reduce), args);
            Some(broadcast(cx, number, &[1.into()]))
        }
        Op::Segment(Segment::Broadcast { segments }) if segments.count() == 1 => {
            let number = cx.emit(Op::View(View::Reshape { to: Vec::new() }), args);
            Some(broadcast(cx, number, &[segments.total().into()]))
        }
        _ => None,
    }
}

fn contract_transposed(cx: &mut dyn Rewriter, op: &Op, args: &[Val]) -> Option<Val> {
    let Op::Contract(Contract { left, right, out }) = op else { return None };
    let transposed = |op: &Op| match op {
        Op::View(View::Transpose { axes }) => Some(axes.clone()),
        _ => None,
    };
    let [from_left, from_right] = [args[0], args[1]].map(|arg| made_by(cx, arg, transposed));
    if from_left.is_none() && from_right.is_none() {
        return None;
    }
    let (left, a) = untransposed(left, args[0], from_left);
    let (right, b) = untransposed(right, args[1], from_right);
    Some(cx.emit(Op::Contract(Contract { left, right, out: out.clone() }), &[a, b]))
}

/// Labels of the tensor that an operand is the transpose of.
fn untransposed(labels: &[usize], arg: Val, from: Option<(Vec<usize>, Val)>) -> (Vec<usize>, Val) {
    let Some((axes, source)) = from else { return (labels.to_vec(), arg) };
    let mut inner = labels.to_vec();
    for (label, axis) in labels.iter().zip(axes) {
        inner[axis] = *label;
    }
    (inner, source)
}

/// Whether a value is the same for every coordinate of a model or of a tensor.
pub(super) fn broadcast_segments(cx: &Builder, value: Val) -> Option<Val> {
    match cx.op(value)? {
        (Op::Segment(Segment::Broadcast { .. }), [pieces]) => Some(*pieces),
        _ => None,
    }
}
