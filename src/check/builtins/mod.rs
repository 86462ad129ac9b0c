//! Builtin functions: a table of names, how each is written, and how it is typed.

mod arrange;
mod convolutions;
mod index;
mod order;
mod random;
mod reductions;
mod shapes;

use crate::algebra::map::Map;
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::scalar::{Scalar, Typing};
use crate::algebra::types::{DType, Shape, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::arith;
use super::calls::Call;
use super::errors::{self, at};
use super::ops;
use super::scope::{Checked, Poison, Scope, Value, Weak};
use super::text;
use crate::typed::{Expr, ExprKind};
use arrange::*;
use convolutions::*;
use index::*;
use order::*;
use random::*;
use reductions::*;
use shapes::*;

/// A builtin function.
pub(super) struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// How it is called and what it gives.
    pub doc: &'static str,
    check: for<'a> fn(&mut Checker<'a>, &mut Scope, &Call<'a, '_>) -> Checked<Value>,
}

/// All builtins that are more than a scalar row.
pub(super) static BUILTINS: &[Builtin] = &[
    Builtin {
        name: "sum",
        doc: "sum(x, axis = all, keep = false): sum along axes; booleans count as 0 and 1",
        check: sum,
    },
    Builtin {
        name: "mean",
        doc: "mean(x, axis = all, keep = false): arithmetic mean along axes",
        check: mean,
    },
    Builtin { name: "prod", doc: "prod(x, axis = all, keep = false): product along axes", check: prod },
    Builtin {
        name: "max",
        doc: "max(a, b): the greater; max(x, axis = all, keep = false): greatest along axes",
        check: max,
    },
    Builtin {
        name: "min",
        doc: "min(a, b): the smaller; min(x, axis = all, keep = false): least along axes",
        check: min,
    },
    Builtin {
        name: "var",
        doc: "var(x, axis = all, keep = false): mean squared distance from the mean along axes",
        check: var,
    },
    Builtin {
        name: "std",
        doc: "std(x, axis = all, keep = false): square root of `var`; its derivative is not finite where that is 0",
        check: std,
    },
    Builtin {
        name: "cumsum",
        doc: "cumsum(x, axis = -1): sums of everything up to each position",
        check: cumsum,
    },
    Builtin { name: "any", doc: "any(x, axis = all, keep = false): whether one is true", check: any },
    Builtin { name: "all", doc: "all(x, axis = all, keep = false): whether all are true", check: all },
    Builtin {
        name: "argmax",
        doc: "argmax(x, axis = -1): first position of the greatest along an axis, i32",
        check: argmax,
    },
    Builtin {
        name: "argmin",
        doc: "argmin(x, axis = -1): first position of the least along an axis, i32",
        check: argmin,
    },
    Builtin {
        name: "sort",
        doc: "sort(x, axis = -1, descending = false): in order; equal ones stay as they were, NaN comes last",
        check: sort,
    },
    Builtin {
        name: "argsort",
        doc: "argsort(x, axis = -1, descending = false): positions in the order of `sort`, i32",
        check: argsort,
    },
    Builtin {
        name: "top_k",
        doc: "top_k[K](x, axis = -1): the K greatest, the greatest first, and their positions, i32",
        check: top_k,
    },
    Builtin { name: "split", doc: "split[N](x, axis = 0): N parts of one size, as N values", check: split },
    Builtin { name: "where", doc: "where(c, a, b): a where c is true, else b", check: select },
    Builtin { name: "clamp", doc: "clamp(x, lo, hi): x, but not below lo and not above hi", check: clamp },
    Builtin { name: "iota", doc: "iota[N, ...]: row-major positions from 0, real", check: iota },
    Builtin {
        name: "one_hot",
        doc: "one_hot[C](y): 1 at position y of a new last axis of size C, else 0",
        check: one_hot,
    },
    Builtin {
        name: "random.uniform",
        doc: "random.uniform[N, ...](low = 0, high = 1): uniform random numbers",
        check: uniform,
    },
    Builtin {
        name: "random.normal",
        doc: "random.normal[N, ...](mean = 0, std = 1): normal random numbers",
        check: normal,
    },
    Builtin {
        name: "random.bernoulli",
        doc: "random.bernoulli[N, ...](p = 0.5): true with probability p, bool; without sizes one for each of p",
        check: bernoulli,
    },
    Builtin {
        name: "random.permutation",
        doc: "random.permutation[N](): the numbers from 0 to N - 1 in random order, i32",
        check: permutation,
    },
    Builtin {
        name: "reshape",
        doc: "reshape[N, ...](x): the same elements under another shape",
        check: reshape,
    },
    Builtin {
        name: "broadcast",
        doc: "broadcast[N, ...](x): repeated along new axes in front and along axes of size 1",
        check: broadcast,
    },
    Builtin { name: "transpose", doc: "transpose(x, a = -2, b = -1): swaps two axes", check: transpose },
    Builtin {
        name: "permute",
        doc: "permute[1, 0, 2](x): axis k of the result is the k-th axis named",
        check: permute,
    },
    Builtin { name: "flip", doc: "flip(x, axis): the positions of an axis in reverse", check: flip },
    Builtin {
        name: "concat",
        doc: "concat(a, b, ..., axis = 0): tensors end to end along an axis",
        check: concat,
    },
    Builtin {
        name: "stack",
        doc: "stack(a, b, ..., axis = 0): tensors of one shape along a new axis",
        check: stack,
    },
    Builtin {
        name: "pad",
        doc: "pad(x, axis, before = 0, after = 0, value = 0): more positions along an axis",
        check: pad,
    },
    Builtin { name: "squeeze", doc: "squeeze(x, axis): without an axis of size 1", check: squeeze },
    Builtin { name: "expand", doc: "expand(x, axis): with a new axis of size 1", check: expand },
    Builtin {
        name: "take",
        doc: "take(table, index, axis = 0): the elements at positions along an axis; positions outside become the nearest inside",
        check: take,
    },
    Builtin {
        name: "einsum",
        doc: "einsum[\"bij, bjk -> bik\"](a, b): products summed over the axes that the result lacks",
        check: einsum,
    },
    Builtin {
        name: "conv1d",
        doc: "conv1d(x, w, stride = 1, padding = 0, dilation = 1, groups = 1): series `[B, C, T]` by kernels `[O, C, K]`",
        check: conv1d,
    },
    Builtin {
        name: "conv2d",
        doc: "conv2d(x, w, stride = 1, padding = 0, dilation = 1, groups = 1): images `[B, C, H, W]` by kernels `[O, C, K, L]`; options are a number or one for each axis, `stride = [2, 1]`",
        check: conv2d,
    },
    Builtin {
        name: "max_pool",
        doc: "max_pool[K](x, stride = K, padding = 0): greatest in each window of the axes after the first two; padding never wins",
        check: max_pool,
    },
    Builtin {
        name: "avg_pool",
        doc: "avg_pool[K](x, stride = K, padding = 0): mean of each window of the axes after the first two; padding counts as zeros",
        check: avg_pool,
    },
    Builtin {
        name: "upsample",
        doc: "upsample[N](x): each position N times along the axes after the first two",
        check: upsample,
    },
    Builtin {
        name: "windows",
        doc: "windows[K](x, axis = -1, stride = 1, dilation = 1): windows of K positions along an axis, which becomes two",
        check: windows,
    },
    Builtin {
        name: "stop_gradient",
        doc: "stop_gradient(x): x, as a constant for derivatives",
        check: stop_gradient,
    },
    Builtin {
        name: "grad",
        doc: "grad(f, wrt = x)(x, ...): the derivative of a number by an argument, the first unless `wrt` names others",
        check: function_maker,
    },
    Builtin {
        name: "value_and_grad",
        doc: "let (v, g) = value_and_grad(f, wrt = x)(x, ...): the number and its derivative",
        check: function_maker,
    },
    Builtin {
        name: "vjp",
        doc: "vjp(f, wrt = x)(x, ..., dy): the derivative of sum(dy * f(x, ...)) by x, of the shape of x",
        check: function_maker,
    },
    Builtin {
        name: "jvp",
        doc: "jvp(f, wrt = x)(x, ..., dx): how fast f(x, ...) changes where x moves along dx, of the shape of f(x, ...)",
        check: function_maker,
    },
    Builtin {
        name: "hvp",
        doc: "hvp(f, wrt = x)(x, ..., v): the second derivatives of a number times v, of the shape of x",
        check: function_maker,
    },
    Builtin {
        name: "checkpoint",
        doc: "checkpoint(f)(x, ...): f(x, ...); what its derivative needs is computed again instead of kept",
        check: function_maker,
    },
    Builtin {
        name: "sample",
        doc: "sample(fit, prompt, count, temperature = 1): text that a fit continues, in `print`; a temperature of 0 takes the likeliest character each time",
        check: sample_elsewhere,
    },
    Builtin { name: "dot", doc: "dot[over](a, b): sum of products, in optimizer stages", check: extent_only },
    Builtin { name: "norm", doc: "norm[over](a): Euclidean length, in optimizer stages", check: extent_only },
    Builtin {
        name: "cosine",
        doc: "cosine[over](a, b): cosine of the angle between, in optimizer stages",
        check: extent_only,
    },
    Builtin { name: "real", doc: "real(x): x as real", check: cast_real },
    Builtin { name: "f32", doc: "f32(x): x in single precision", check: cast_f32 },
    Builtin { name: "f64", doc: "f64(x): x in double precision", check: cast_f64 },
    Builtin { name: "i32", doc: "i32(x): x without its fraction", check: cast_i32 },
    Builtin { name: "i64", doc: "i64(x): x without its fraction", check: cast_i64 },
    Builtin { name: "bool", doc: "bool(x): whether x is not 0", check: cast_bool },
];

/// How a builtin is called and what it gives; `None` for other names.
pub fn doc(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.doc)
}

/// The names of a builtin's arguments, as far as its description lists them.
pub(super) fn arg_names(name: &str) -> Vec<String> {
    if let Some(row) = public_row(name) {
        return row.args.iter().map(|arg| arg.to_string()).collect();
    }
    let listed = doc(name).and_then(|doc| doc.split_once('(')?.1.split_once(')'));
    let args = listed.map_or("", |(args, _)| args).split(", ");
    let name = |arg: &str| arg.split(" =").next().unwrap_or_default().to_string();
    args.map(name).filter(|arg| !arg.is_empty() && arg != "...").collect()
}

fn sample_elsewhere<'a>(cx: Cx<'_, 'a>, _: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    Err(cx.report(errors::not_a_value("a sampled text", call.span, "print it: `print sample(...)`")))
}

type Cx<'c, 'a> = &'c mut Checker<'a>;

impl<'a> Checker<'a> {
    /// Whether this is the name of a builtin or of a scalar row.
    pub(super) fn is_builtin(&self, name: &str) -> bool {
        BUILTINS.iter().any(|builtin| builtin.name == name) || public_row(name).is_some()
    }

    /// A call of a builtin.
    pub(super) fn builtin(&mut self, scope: &mut Scope, name: &str, call: &Call<'a, '_>) -> Checked<Value> {
        if scope.in_stage()
            && let Some(result) = self.stage_reduction(scope, name, call)
        {
            return result;
        }
        match BUILTINS.iter().find(|builtin| builtin.name == name) {
            Some(builtin) => (builtin.check)(self, scope, call),
            None => {
                let Some(row) = public_row(name) else { return Err(Poison) };
                no_statics(self, call)?;
                let written = self.match_args(call, row.args, row.args.len(), None);
                let values = self.values(scope, call, written)?;
                self.elementwise(scope, row, values, call.span)
            }
        }
    }

    /// Checks arguments that are all there.
    fn values(
        &mut self,
        scope: &mut Scope,
        call: &Call<'a, '_>,
        written: Checked<Vec<Option<&'a ast::Expr>>>,
    ) -> Checked<Vec<Value>> {
        let Ok(written) = written else {
            for arg in &call.args {
                let _ = self.expr(scope, arg.value, None);
            }
            return Err(Poison);
        };
        let values: Vec<_> = written.into_iter().flatten().map(|arg| self.expr(scope, arg, None)).collect();
        values.into_iter().collect()
    }

    /// Arguments by name, of which the first `needed` must be there.
    pub(super) fn given(
        &mut self,
        scope: &mut Scope,
        call: &Call<'a, '_>,
        names: &[&str],
        needed: usize,
    ) -> Checked<Vec<Option<Value>>> {
        let written = match self.match_args(call, names, needed, None) {
            Ok(written) => written,
            Err(poison) => {
                let _ = self.values(scope, call, Err(poison));
                return Err(poison);
            }
        };
        let values: Vec<Checked<Option<Value>>> =
            written.into_iter().map(|arg| arg.map(|arg| self.expr(scope, arg, None)).transpose()).collect();
        values.into_iter().collect()
    }

    /// A scalar function at every position.
    pub(super) fn elementwise(
        &mut self,
        scope: &Scope,
        row: &'static Scalar,
        mut values: Vec<Value>,
        span: Span,
    ) -> Checked<Value> {
        let what = format!("`{}`", row.name);
        let numeric = matches!(row.typing, Typing::Number | Typing::Float | Typing::Integer);
        for value in &mut values {
            if numeric {
                self.expect_number(scope, value, &what)?;
            }
            if row.typing == Typing::Float {
                *value = arith::real(value.clone(), scope);
            }
        }
        let weak = if row.typing == Typing::Number { weakest(&values) } else { Weak::No };
        let args = self.join_all(scope, values)?;
        Ok(Value { expr: build::op(Op::Map(Map(row)), args, span), weak })
    }

    /// All operands with one element type and one shape.
    pub(super) fn join_all(&mut self, scope: &Scope, values: Vec<Value>) -> Checked<Vec<Expr>> {
        let Some(mut widest) = values.first().cloned() else { return Ok(Vec::new()) };
        for value in &values[1..] {
            let weak = weakest(&[widest.clone(), value.clone()]);
            let (a, _) = self.join(scope, widest, value.clone())?;
            widest = Value { expr: a, weak };
        }
        let shape = widest.expr.ty.shape.clone();
        let dtype = widest.expr.ty.dtype;
        let exprs: Vec<_> = values
            .into_iter()
            .map(|value| {
                let expr = self.converted(scope, value, dtype, "the other operand")?;
                Ok(ops::spread(scope, expr, &shape))
            })
            .collect();
        exprs.into_iter().collect()
    }

    /// A number that must be known: `axis = -1`.
    fn known_int(&mut self, value: &Value, what: &str) -> Checked<i64> {
        match arith::number(value) {
            Some(n) if n.fract() == 0.0 => Ok(n as i64),
            _ => {
                let message = format!("`{what}` must be a whole number known at compile time");
                Err(self.report(
                    at(&errors::NOT_CONSTANT, message, value.expr.span, "not a whole number")
                        .help(format!("write a number: `{what} = 0`")),
                ))
            }
        }
    }

    /// An axis of a tensor, counted from the end when negative.
    fn axis(&mut self, value: &Value, of: &Type) -> Checked<usize> {
        let n = self.known_int(value, "axis")?;
        let rank = of.rank() as i64;
        let axis = if n < 0 { n + rank } else { n };
        if (0..rank).contains(&axis) {
            return Ok(axis as usize);
        }
        let shown = text::show(of, self.real);
        let message = format!("axis {n} of `{shown}`, which has {}", errors::axes(of.rank()));
        Err(self.report(
            at(&errors::SHAPE_MISMATCH, message, value.expr.span, "no such axis").help(axes_help(rank)),
        ))
    }

    /// The sizes in square brackets.
    fn sizes(&mut self, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Shape> {
        let mut sizes = Ok(Vec::new());
        for size in call.statics {
            let more = match (&size.kind, &scope.rest) {
                (Ast::Rest, Some(rest)) => Ok(rest.clone()),
                _ => self.dim(scope, size, false).and_then(|dim| Ok(vec![self.positive(dim, size.span)?])),
            };
            match (sizes.as_mut(), more) {
                (Ok(sizes), Ok(more)) => sizes.extend(more),
                _ => sizes = Err(Poison),
            }
        }
        sizes
    }
}

fn axes_help(rank: i64) -> String {
    match rank {
        0 => "a single number has no axes: leave `axis` out".into(),
        1 => "its only axis is 0, or -1 for the last".into(),
        _ => format!("axes are 0 to {}, or -1 for the last", rank - 1),
    }
}

/// A scalar row that scripts may call by its name.
fn public_row(name: &str) -> Option<&'static Scalar> {
    scalar::find(name).filter(|row| {
        use Typing::*;
        matches!(row.typing, Number | Float | Compare)
    })
}

/// How firm the result of several operands is.
fn weakest(values: &[Value]) -> Weak {
    let mut weak = Weak::Int;
    for value in values {
        weak = match (weak, value.weak) {
            (_, Weak::No) | (Weak::No, _) => Weak::No,
            (_, Weak::Ratio(span)) | (Weak::Ratio(span), _) => Weak::Ratio(span),
            (Weak::Int, Weak::Int) => Weak::Int,
            _ => Weak::Real,
        };
    }
    weak
}

fn no_statics<'a>(cx: Cx<'_, 'a>, call: &Call<'a, '_>) -> Checked<()> {
    if call.statics.is_empty() {
        return Ok(());
    }
    let message = format!("`{}` has nothing in square brackets", call.name);
    Err(cx.report(
        at(&errors::WRONG_STATIC, message, call.span, "this call").help("remove the square brackets"),
    ))
}

fn select<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let written = cx.match_args(call, &["c", "a", "b"], 3, None);
    let mut values = cx.values(scope, call, written)?.into_iter();
    let (Some(c), Some(a), Some(b)) = (values.next(), values.next(), values.next()) else {
        return Err(Poison);
    };
    let c = cx.expect_bool(scope, c, "the condition of `where`")?;
    let weak = weakest(&[a.clone(), b.clone()]);
    let (a, b) = cx.join(scope, a, b)?;
    let scalar = c.ty.rank() == 0;
    let (c, a) = cx.join_shapes(scope, c, a)?;
    let b = ops::spread(scope, b, &a.ty.shape.clone());
    let weak = if scalar { weak } else { Weak::No };
    Ok(Value {
        expr: build::map(&scalar::SELECT, vec![c, a, b], call.span),
        weak: if weak == Weak::No { weak } else { Weak::No },
    })
}

fn clamp<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let written = cx.match_args(call, &["x", "lo", "hi"], 3, None);
    let mut values = cx.values(scope, call, written)?.into_iter();
    let (Some(x), Some(lo), Some(hi)) = (values.next(), values.next(), values.next()) else {
        return Err(Poison);
    };
    let raised = cx.elementwise(scope, &scalar::MAX, vec![x, lo], call.span)?;
    cx.elementwise(scope, &scalar::MIN, vec![raised, hi], call.span)
}

/// `grad(f)` where a value is needed.
fn function_maker<'a>(cx: Cx<'_, 'a>, _: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let of = call.args.first().map_or("f".into(), |arg| text::source(arg.value));
    let help = format!("call it: `{}({of})(x)`", call.name);
    Err(cx.report(errors::not_a_value(&format!("`{}({of})`, a function,", call.name), call.span, &help)))
}

fn stop_gradient<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let written = cx.match_args(call, &["x"], 1, None);
    let x = cx.values(scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let x = cx.settle(x)?;
    let ty = x.ty.clone();
    Ok(Value::strong(Expr { kind: ExprKind::StopGradient(Box::new(x)), ty, span: call.span }))
}

fn cast<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>, dtype: DType) -> Checked<Value> {
    no_statics(cx, call)?;
    let written = cx.match_args(call, &["x"], 1, None);
    let x = cx.values(scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let weak = x.weak != Weak::No && dtype.is_float() || x.weak == Weak::Int && dtype.is_int();
    let expr = if weak { build::retype(x.expr, dtype) } else { build::cast(cx.settle(x)?, dtype) };
    Ok(Value::strong(Expr { span: call.span, ..expr }))
}

fn cast_real<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let dtype = cx.real;
    cast(cx, scope, call, dtype)
}

fn cast_f32<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    cast(cx, scope, call, DType::F32)
}

fn cast_f64<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    cast(cx, scope, call, DType::F64)
}

fn cast_i32<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    cast(cx, scope, call, DType::I32)
}

fn cast_i64<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    cast(cx, scope, call, DType::I64)
}

/// `bool(x)` is `x != 0`, not a cast: a fraction is true.
fn cast_bool<'a>(cx: Cx<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    no_statics(cx, call)?;
    let written = cx.match_args(call, &["x"], 1, None);
    let x = cx.values(scope, call, written)?.into_iter().next().ok_or(Poison)?;
    let x = cx.settle(x)?;
    let zero = build::constant(0.0, x.ty.clone(), call.span);
    Ok(Value::strong(build::map(&scalar::NE, vec![x, zero], call.span)))
}
