//! Builtin functions: a table of names, how each is written, and how it is typed.

mod arrange;
mod basic;
mod convolutions;
mod index;
mod order;
pub(crate) mod points;
mod random;
mod reductions;
mod shapes;
pub(crate) mod stage;

use self::arrange::*;
use self::basic::*;
use self::convolutions::*;
use self::index::*;
use self::order::*;
use self::random::*;
use self::reductions::*;
use self::shapes::*;
use crate::algebra::scalar::{self, Scalar, Typing};
use crate::check::env::{Checked, Poison, Scope, Value};
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::elementwise;
use crate::check::expr::typer::{Typer, WrittenCall};

/// A builtin function.
struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// How it is called and what it gives.
    pub doc: &'static str,
    check: for<'a> fn(&mut Typer<'_, 'a>, &mut Scope, &WrittenCall<'a, '_>) -> Checked<Value>,
}

/// All builtins that are more than a scalar row.
static BUILTINS: &[Builtin] = &[
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
pub(crate) fn arg_names(name: &str) -> Vec<String> {
    if let Some(row) = public_row(name) {
        return row.args.iter().map(|arg| arg.to_string()).collect();
    }
    let listed = doc(name).and_then(|doc| doc.split_once('(')?.1.split_once(')'));
    let args = listed.map_or("", |(args, _)| args).split(", ");
    let name = |arg: &str| arg.split(" =").next().unwrap_or_default().to_string();
    args.map(name).filter(|arg| !arg.is_empty() && arg != "...").collect()
}

/// Whether this is the name of a builtin or of a scalar row.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.iter().any(|builtin| builtin.name == name) || public_row(name).is_some()
}

/// A call of a builtin.
pub(super) fn builtin<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    name: &str,
    call: &WrittenCall<'a, '_>,
) -> Checked<Value> {
    if scope.in_stage()
        && let Some(result) = stage::stage_reduction(cx, scope, name, call)
    {
        return result;
    }
    match BUILTINS.iter().find(|builtin| builtin.name == name) {
        Some(builtin) => (builtin.check)(cx, scope, call),
        None => {
            let Some(row) = public_row(name) else { return Err(Poison) };
            no_statics(cx.env, call)?;
            let written = args::match_args(cx.env, call, row.args, row.args.len(), None);
            let values = args::values(cx, scope, call, written)?;
            elementwise::elementwise(cx.env, scope, row, values, call.span)
        }
    }
}

/// A scalar row that scripts may call by its name.
fn public_row(name: &str) -> Option<&'static Scalar> {
    scalar::find(name).filter(|row| {
        use Typing::*;
        matches!(row.typing, Number | Float | Compare)
    })
}

/// Names of all builtins.
pub(crate) fn names<'n>() -> impl Iterator<Item = &'n str> {
    let rows = scalar::ALL.iter().map(|row| -> &'n str { row.name });
    BUILTINS.iter().map(|builtin| -> &'n str { builtin.name }).chain(rows)
}
