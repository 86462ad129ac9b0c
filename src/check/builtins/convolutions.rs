//! Builtins that walk images and series by windows: convolutions, pooling, upsampling.
//!
//! The first two axes are rows of the batch and channels; the others, one or more, are walked.

use crate::algebra::convolve::{Convolve, Window};
use crate::algebra::form::Reducer;
use crate::algebra::number::Number;
use crate::algebra::op::Op;
use crate::algebra::scalar;
use crate::algebra::types::{Dim, Shape};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast};
use crate::check::env::{Checked, Poison, Scope, Value, value};
use crate::check::errors::{self, at};
use crate::check::expr::args::{self, no_statics};
use crate::check::expr::typer::{Call, Typer};
use crate::check::expr::{arith, convert, dims, origin};
use crate::check::text;
use crate::source::Span;
use crate::typed::{Expr, build};

/// How one axis is walked.
struct Walk {
    taps: Dim,
    stride: Dim,
    dilation: Dim,
    padding: Dim,
}

impl Walk {
    /// How many positions a window reaches over.
    fn span(&self) -> Dim {
        self.taps.sub(&Dim::constant(1)).mul(&self.dilation).add(&Dim::constant(1))
    }
}

/// A size for each walked axis: one for all, or a list of them.
fn per_axis<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    written: Option<&'a ast::Expr>,
    (name, least, default): (&str, i64, &[Dim]),
) -> Checked<Vec<Dim>> {
    let Some(written) = written else { return Ok(default.to_vec()) };
    let parts = match &written.kind {
        Ast::List(parts) => parts.as_slice(),
        _ => std::slice::from_ref(written),
    };
    let mut sizes = Vec::new();
    for part in parts {
        let dim = dims::dim(cx.env, scope, part, false)?;
        if dim.as_constant().is_some_and(|n| n < least) {
            let found = at(&errors::NOT_A_SIZE, format!("`{name}` is {dim}"), part.span, "too small");
            return Err(cx.env.report(found.help(format!("`{name}` is at least {least}"))));
        }
        sizes.push(dim);
    }
    let n = default.len();
    match sizes.len() {
        1 => Ok(vec![sizes.swap_remove(0); n]),
        given if given == n => Ok(sizes),
        given => {
            let message = format!("`{name}` has {given} sizes for {}", errors::axes(n));
            let found = at(&errors::WRONG_ARGUMENT, message, written.span, "one for each axis is needed");
            Err(cx.env.report(found.help(format!("write one for all axes: `{name} = 2`"))))
        }
    }
}

/// Whether an operand has this many axes.
fn expect_rank<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &Scope,
    x: &Expr,
    rank: usize,
    form: &str,
    what: &str,
) -> Checked<()> {
    if x.ty.rank() == rank {
        return Ok(());
    }
    let shown = text::show(&x.ty, cx.env.real);
    let message = format!("{what} is `{form}`, and this is `{shown}`");
    let found =
        at(&errors::SHAPE_MISMATCH, message, x.span, format!("this has {}", errors::axes(x.ty.rank())));
    let found = origin::label_origin(cx.env, scope, x, found);
    Err(cx.env.report(
        found.help("an axis of size 1 is added by `expand(x, 1)`, axes are cut and joined by `reshape`"),
    ))
}

/// Whether at least one window fits along each walked axis.
fn expect_room(cx: &mut Typer<'_, '_>, scope: &Scope, x: &Expr, walks: &[Walk], span: Span) -> Checked<()> {
    for (k, walk) in walks.iter().enumerate() {
        let size = &x.ty.shape[k + 2];
        let padded = size.add(&walk.padding).add(&walk.padding);
        if padded.sub(&walk.span()).as_constant().is_some_and(|n| n < 0) {
            let shown = text::show(&x.ty, cx.env.real);
            let padding = match walk.padding.as_constant() {
                Some(0) => String::new(),
                _ => format!(" with its padding of {}", walk.padding),
            };
            let message = format!(
                "a window of {} does not fit into axis {} of size {size}{padding}",
                walk.span(),
                k + 2
            );
            let found = at(&errors::SHAPE_MISMATCH, message, span, "this call");
            let found = found.label(x.span, format!("this is `{shown}`"));
            let found = origin::label_origin(cx.env, scope, x, found);
            return Err(cx
                .env
                .report(found.help("take a smaller kernel or dilation, or pad: `padding = 1`")));
        }
    }
    Ok(())
}

/// More positions on both sides of each walked axis.
fn padded(mut x: Expr, walks: &[Walk], value: f64, span: Span) -> Expr {
    for (k, walk) in walks.iter().enumerate() {
        if walk.padding.as_constant() != Some(0) {
            let (before, after) = (walk.padding.clone(), walk.padding.clone());
            let pad = View::Pad { axis: k + 2, before, after, value: Number(value) };
            x = build::op(Op::View(pad), vec![x], span);
        }
    }
    x
}

pub(super) fn conv1d<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    convolution(cx, scope, call, 1)
}

pub(super) fn conv2d<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    convolution(cx, scope, call, 2)
}

const CONVOLUTION: [&str; 6] = ["x", "w", "stride", "padding", "dilation", "groups"];

/// `conv2d(x, w, stride = 1, padding = 0, dilation = 1, groups = 1)` along `n` axes.
fn convolution<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    n: usize,
) -> Checked<Value> {
    no_statics(cx.env, call)?;
    let written = args::match_args(cx.env, call, &CONVOLUTION, 2, None);
    let Ok(written) = written else { return args::values(cx, scope, call, Err(Poison)).and(Err(Poison)) };
    let mut operand = |k: usize| {
        let value = cx.expr(scope, written[k].ok_or(Poison)?, None)?;
        convert::expect_number(cx.env, scope, &value, &format!("`{}`", call.name))?;
        Ok(arith::real(value, scope))
    };
    let (x, w) = (operand(0), operand(1));
    let (x, w) = (x?, w?);
    let dtype = convert::joint_dtype(cx.env, scope, &x, &w)?;
    let x = convert::converted(cx.env, scope, x, dtype, "the kernel")?;
    let w = convert::converted(cx.env, scope, w, dtype, "the input")?;
    let (input, kernel) =
        [("real[B, C, T]", "real[O, C, K]"), ("real[B, C, H, W]", "real[O, C, K, L]")][n - 1];
    expect_rank(cx, scope, &x, n + 2, input, &format!("the input of `{}`", call.name))?;
    expect_rank(cx, scope, &w, n + 2, kernel, &format!("the kernel of `{}`", call.name))?;
    let one = vec![Dim::constant(1); n];
    let stride = per_axis(cx, scope, written[2], ("stride", 1, &one))?;
    let padding = per_axis(cx, scope, written[3], ("padding", 0, &vec![Dim::default(); n]))?;
    let dilation = per_axis(cx, scope, written[4], ("dilation", 1, &one))?;
    let groups = per_axis(cx, scope, written[5], ("groups", 1, &one[..1]))?.swap_remove(0);
    let walk = |k: usize| Walk {
        taps: w.ty.shape[k + 2].clone(),
        stride: stride[k].clone(),
        dilation: dilation[k].clone(),
        padding: padding[k].clone(),
    };
    let walks: Vec<Walk> = (0..n).map(walk).collect();
    let per_group = expect_channels(cx, scope, (&x, &w), &groups, call.span)?;
    expect_room(cx, scope, &x, &walks, call.span)?;
    let grouped = (groups.as_constant() != Some(1)).then_some((groups, per_group));
    Ok(Value::strong(convolved(padded(x, &walks, 0.0, call.span), w, &walks, grouped, call.span)))
}

/// Whether channels of input and kernel fit the groups; how many results each group has.
fn expect_channels(
    cx: &mut Typer<'_, '_>,
    scope: &Scope,
    (x, w): (&Expr, &Expr),
    groups: &Dim,
    span: Span,
) -> Checked<Dim> {
    let (channels, out, each) = (&x.ty.shape[1], &w.ty.shape[0], &w.ty.shape[1]);
    let wanted = each.mul(groups);
    if *channels != wanted {
        let in_groups = match groups.as_constant() {
            Some(1) => String::new(),
            _ => format!(" in each of {groups} groups"),
        };
        let message = format!("the input has {channels} channels, the kernel wants {each}{in_groups}");
        let found = origin::two_shapes(cx.env, scope, message, x, w);
        let help = match (channels.div_exact(each), groups.as_constant()) {
            (Some(fits), _) if fits.as_constant().is_some_and(|n| n > 1) => {
                format!("for kernels that see {each} of the channels each, write `groups = {fits}`")
            }
            (_, Some(1)) => "axis 1 of the input and axis 1 of the kernel are its channels".to_string(),
            _ => format!(
                "the kernel is `real[O, {channels} / {groups}, ..]`, the input `real[B, {channels}, ..]`"
            ),
        };
        return Err(cx.env.report(found.help(help)));
    }
    match out.div_exact(groups) {
        Some(per_group) => Ok(per_group),
        None => {
            let shown = text::show(&w.ty, cx.env.real);
            let message = format!("{out} results cannot be shared out evenly among {groups} groups");
            let found = at(&errors::SHAPE_MISMATCH, message, span, "this call");
            let found = found.label(w.span, format!("this is `{shown}`"));
            let found = origin::label_origin(cx.env, scope, w, found);
            Err(cx.env.report(found.help(format!("axis 0 of the kernel is a multiple of {groups}"))))
        }
    }
}

/// The convolution of an input that is padded already. Groups, and the results of each, are axes of
/// their own meanwhile.
fn convolved(x: Expr, w: Expr, walks: &[Walk], grouped: Option<(Dim, Dim)>, span: Span) -> Expr {
    let n = walks.len();
    let (image, taps) = (x.ty.shape[2..].to_vec(), w.ty.shape[2..].to_vec());
    let each = w.ty.shape[1].clone();
    let [row, group, channel, result] = [0, 1, 2, 3];
    let labels = |first: &[usize], k: usize| -> Vec<usize> {
        first.iter().copied().chain(4 + k * n..4 + (k + 1) * n).collect()
    };
    let window = |(k, walk): (usize, &Walk)| {
        let (stride, dilation) = (walk.stride.clone(), walk.dilation.clone());
        let steps = image[k].sub(&walk.span()).div_floor(&stride).add(&Dim::constant(1));
        Window { at: 4 + k, step: 4 + n + k, steps, stride, tap: 4 + 2 * n + k, dilation }
    };
    let windows = walks.iter().enumerate().map(window).collect();
    let Some((groups, per_group)) = grouped else {
        let (left, right) = (labels(&[row, channel], 0), labels(&[result, channel], 2));
        let convolve = Convolve { left, right, out: labels(&[row, result], 1), windows };
        return build::op(Op::Convolve(convolve), vec![x, w], span);
    };
    let out = w.ty.shape[0].clone();
    let shape = |first: &[&Dim], rest: &[Dim]| -> Shape {
        first.iter().map(|dim| (*dim).clone()).chain(rest.iter().cloned()).collect()
    };
    let rows = x.ty.shape[0].clone();
    let x = build::reshape(x, shape(&[&rows, &groups, &each], &image), span);
    let w = build::reshape(w, shape(&[&groups, &per_group, &each], &taps), span);
    let (left, right) = (labels(&[row, group, channel], 0), labels(&[group, result, channel], 2));
    let convolve = Convolve { left, right, out: labels(&[row, group, result], 1), windows };
    let y = build::op(Op::Convolve(convolve), vec![x, w], span);
    let sizes = y.ty.shape[3..].to_vec();
    build::reshape(y, shape(&[&rows, &out], &sizes), span)
}

/// `x` and the sizes in square brackets, one for each axis after the first two.
fn over_axes<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    x: Option<&'a ast::Expr>,
) -> Checked<(Expr, Vec<Dim>)> {
    let sizes = args::sizes(cx.env, scope, call);
    let x = cx.expr(scope, x.ok_or(Poison)?, None)?;
    convert::expect_number(cx.env, scope, &x, &format!("`{}`", call.name))?;
    let x = convert::settle(cx.env, arith::real(x, scope))?;
    let mut sizes = sizes?;
    let n = x.ty.rank().saturating_sub(2);
    if n == 0 {
        let message = format!("`{}` walks the axes after the first two, rows and channels", call.name);
        let found =
            at(&errors::SHAPE_MISMATCH, message, x.span, format!("this has {}", errors::axes(x.ty.rank())));
        let found = origin::label_origin(cx.env, scope, &x, found);
        return Err(cx.env.report(found.help("it takes `real[B, C, T]` or `real[B, C, H, W]`")));
    }
    if sizes.len() == 1 {
        sizes = vec![sizes.swap_remove(0); n];
    }
    if sizes.len() != n {
        let message =
            format!("`{}` has {} sizes in square brackets for {}", call.name, sizes.len(), errors::axes(n));
        let found = at(&errors::WRONG_STATIC, message, call.span, "this call");
        return Err(cx.env.report(found.help(format!("write one for all axes: `{}[2](x)`", call.name))));
    }
    Ok((x, sizes))
}

/// Windows of `x` along each axis after the first two: the windows, and the axes of positions in them.
fn pooled<'a>(
    cx: &mut Typer<'_, 'a>,
    scope: &mut Scope,
    call: &Call<'a, '_>,
    outside: f64,
) -> Checked<(Expr, Vec<usize>)> {
    let written = args::match_args(cx.env, call, &["x", "stride", "padding"], 1, None);
    let Ok(written) = written else { return args::values(cx, scope, call, Err(Poison)).and(Err(Poison)) };
    let (x, taps) = over_axes(cx, scope, call, written[0])?;
    let n = taps.len();
    let stride = per_axis(cx, scope, written[1], ("stride", 1, &taps))?;
    let padding = per_axis(cx, scope, written[2], ("padding", 0, &vec![Dim::default(); n]))?;
    let mut walks = Vec::new();
    for ((taps, stride), padding) in taps.into_iter().zip(stride).zip(padding) {
        if padding.sub(&taps).as_constant().is_some_and(|n| n >= 0) {
            let message = format!("with `padding = {padding}` a window of {taps} may hold padding only");
            let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call");
            return Err(cx.env.report(found.help("pad by less than a window")));
        }
        walks.push(Walk { taps, stride, dilation: Dim::constant(1), padding });
    }
    expect_room(cx, scope, &x, &walks, call.span)?;
    let mut x = padded(x, &walks, outside, call.span);
    for (k, walk) in walks.iter().enumerate().rev() {
        let (taps, stride, dilation) = (walk.taps.clone(), walk.stride.clone(), walk.dilation.clone());
        let view = View::Unfold { axis: k + 2, taps, stride, dilation };
        x = build::op(Op::View(view), vec![x], call.span);
    }
    Ok((x, (0..n).map(|k| 2 * k + 3).collect()))
}

pub(super) fn max_pool<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes) = pooled(cx, scope, call, f64::NEG_INFINITY)?;
    Ok(Value::strong(build::reduce(Reducer::Max, x, &axes, false, call.span)))
}

pub(super) fn avg_pool<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let (x, axes) = pooled(cx, scope, call, 0.0)?;
    let taps: Shape = axes.iter().map(|axis| x.ty.shape[*axis].clone()).collect();
    let total = build::reduce(Reducer::Sum, x, &axes, false, call.span);
    let count = build::broadcast(build::count(&taps, total.ty.dtype, call.span), &total.ty.shape);
    Ok(Value::strong(build::map(&scalar::DIV, vec![total, count], call.span)))
}

/// `upsample[2](x)`: each position becomes several equal ones along every axis after the first two.
pub(super) fn upsample<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let written = args::match_args(cx.env, call, &["x"], 1, None);
    let Ok(written) = written else { return args::values(cx, scope, call, Err(Poison)).and(Err(Poison)) };
    let (x, times) = over_axes(cx, scope, call, written[0])?;
    let mut to = x.ty.shape.clone();
    for (k, times) in times.iter().enumerate().rev() {
        to.insert(k + 3, times.clone());
    }
    let axes = [0, 1].into_iter().chain((0..times.len()).map(|k| 2 * k + 2)).collect();
    let mut shape = x.ty.shape.clone();
    for (size, times) in shape[2..].iter_mut().zip(&times) {
        *size = size.mul(times);
    }
    Ok(Value::strong(build::reshape(build::repeat(x, &to, axes), shape, call.span)))
}

/// `windows[3](x, axis = -1, stride = 1, dilation = 1)`: the axis becomes that of windows, and one of
/// positions in each after it.
pub(super) fn windows<'a>(cx: &mut Typer<'_, 'a>, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
    let taps = args::sizes(cx.env, scope, call);
    let written = args::match_args(cx.env, call, &["x", "axis", "stride", "dilation"], 1, None);
    let Ok(written) = written else { return args::values(cx, scope, call, Err(Poison)).and(Err(Poison)) };
    let x = cx.expr(scope, written[0].ok_or(Poison)?, None)?;
    let axis = match written[1] {
        Some(axis) => cx.expr(scope, axis, None)?,
        None => value::literal(-1.0, true, scope.float, call.span),
    };
    let axis = args::axis(cx.env, &axis, &x.expr.ty)?;
    let x = convert::settle(cx.env, x)?;
    let one = [Dim::constant(1)];
    let stride = per_axis(cx, scope, written[2], ("stride", 1, &one))?.swap_remove(0);
    let dilation = per_axis(cx, scope, written[3], ("dilation", 1, &one))?.swap_remove(0);
    let mut taps = taps?;
    if taps.len() != 1 {
        let found =
            at(&errors::WRONG_STATIC, "`windows` takes one size: that of a window", call.span, "this call");
        return Err(cx.env.report(found.help("write `windows[3](x)`")));
    }
    let walk = Walk { taps: taps.swap_remove(0), stride, dilation, padding: Dim::default() };
    let size = &x.ty.shape[axis];
    if size.sub(&walk.span()).as_constant().is_some_and(|n| n < 0) {
        let message = format!("a window of {} does not fit into axis {axis} of size {size}", walk.span());
        let found = at(&errors::SHAPE_MISMATCH, message, call.span, "this call");
        let found = origin::label_origin(cx.env, scope, &x, found);
        return Err(cx.env.report(found.help("take fewer positions, or `pad` the axis")));
    }
    let Walk { taps, stride, dilation, .. } = walk;
    Ok(Value::strong(build::op(Op::View(View::Unfold { axis, taps, stride, dilation }), vec![x], call.span)))
}
