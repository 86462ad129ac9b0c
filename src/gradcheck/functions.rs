//! Functions and models by themselves, at random arguments.
//!
//! A function becomes the loss of a script of its own: of a model whose parameters are the arguments. A model is
//! a layer of that model.

use std::fmt::Write;
use std::path::Path;

use super::sizes::{NamedSizes, bind, polynomial, shape};
use super::{Compared, GradientCheck, differences, options};
use crate::ast::{self, ExprKind, Function, Item, ItemKind, StaticKind};
use crate::check::is_derivative;
use crate::diag::Diagnostic;
use crate::pipeline::{Program, Report};
use crate::run::errors;

/// Where arguments lie: of both signs, or positive, for not all functions are defined everywhere.
const RANGES: [(f64, f64); 2] = [(-1.5, 1.5), (0.3, 1.3)];
/// The layer that a model becomes.
const LAYER: &str = "gradcheck_layer";
/// Data of one row, and a training run whose optimizer will be another.
const RUN: &str = "\
data gradcheck_data = synthetic(rows = 1) {
  x = random.uniform[rows, 1](0, 1)
}
stage gradcheck_update(lr = 1) { lr * u }
train gradcheck_model on gradcheck_data {
  loss = gradcheck_model(x)
  batch = full
  optimizer = gradcheck_update
  steps = 1
}
";

/// Compares the gradients of one function or model.
///
/// # Errors
/// What is wrong with the script.
pub(super) fn check(
    program: &Program,
    folder: &Path,
    function: &Function,
    is_model: bool,
) -> Result<GradientCheck, Report> {
    let done = |name, compared, skipped| Ok(GradientCheck { name, compared, compiled: Vec::new(), skipped });
    let skipped = |why| done(function.name.name.clone(), Vec::new(), Some(why));
    let declarations = declarations(program)?;
    let made = match made(function, is_model) {
        Ok(made) => made,
        Err(why) => return skipped(why),
    };
    match compare_at_random(&declarations, &made.text, folder) {
        Ok(Some(mut compared)) => {
            compared.iter_mut().for_each(without_layer);
            done(signature(function, &made), compared, None)
        }
        Ok(None) => skipped("its value is not finite at random arguments".into()),
        Err(message) if made.brackets.is_empty() => skipped(message),
        Err(message) => skipped(format!("as `{}{}`: {message}", function.name.name, made.brackets)),
    }
}

/// Declarations and named numbers, as written: what functions see.
fn declarations(program: &Program) -> Result<String, Report> {
    let seen = |item: &&Item| match &item.kind {
        ItemKind::Fn(_)
        | ItemKind::Model(_)
        | ItemKind::Stage(_)
        | ItemKind::Pipeline(_)
        | ItemKind::Use(_) => true,
        ItemKind::Let(line) => fixed(&line.value),
        _ => false,
    };
    let items = program.script()?.items.iter().filter(seen);
    let slice = |item: &Item| &program.source()[item.span.start as usize..item.span.end as usize];
    Ok(items.map(|item| format!("{}\n", slice(item))).collect())
}

/// Compares at random arguments. None if the value is not finite wherever they lie; an error if there is something
/// wrong with the model.
fn compare_at_random(
    declarations: &str,
    model: &str,
    folder: &Path,
) -> Result<Option<Vec<Compared>>, String> {
    for (low, high) in RANGES {
        let range = format!("let gradcheck_low = {low:?}\nlet gradcheck_high = {high:?}\n");
        let text = [declarations, &range, model, RUN].concat();
        let program = Program::new("gradcheck", &text, options(folder));
        let run = program.typed().map(|typed| typed.statements.len() - 1);
        match run.and_then(|run| differences::compare(&program, run)) {
            Ok(compared) => return Ok(Some(compared)),
            Err(report) if failed(&report) => {}
            Err(report) => return Err(first_message(&report)),
        }
    }
    Ok(None)
}

/// `f(x: real[2, 3])`
fn signature(function: &Function, made: &Made) -> String {
    let arg = |arg: &ast::Arg| {
        let shape = shape(&arg.ty, &made.sizes);
        let shape: Vec<String> = shape.iter().flatten().map(ToString::to_string).collect();
        let shape = if shape.is_empty() { String::new() } else { format!("[{}]", shape.join(", ")) };
        format!("{}: {}{shape}", arg.name.name, arg.ty.dtype.name)
    };
    let args: Vec<String> = function.args.iter().map(arg).collect();
    format!("{}{}({})", function.name.name, made.brackets, args.join(", "))
}

/// A function as a model, with what stands in its square brackets and the sizes of its arguments.
struct Made {
    text: String,
    brackets: String,
    sizes: NamedSizes,
}

/// A function as a model whose parameters are its arguments, or a model as its layer, or why it is not checked.
fn made(function: &Function, is_model: bool) -> Result<Made, String> {
    let (statics, mut sizes) = statics(function)?;
    let varies = is_model || function.args.iter().any(|arg| is_float(&arg.ty));
    if !varies || !function.results.iter().any(is_float) {
        return Err("it is not a function from `real` to `real`".into());
    }
    function.args.iter().for_each(|arg| bind(&arg.ty, &mut sizes));
    let brackets = if statics.is_empty() { String::new() } else { format!("[{}]", statics.join(", ")) };
    let callee = format!("{}{brackets}", function.name.name);
    let (mut params, mut args) = (String::new(), Vec::new());
    for arg in &function.args {
        let name = &arg.name.name;
        let shape = shape(&arg.ty, &sizes).ok_or("a size of it cannot be inferred")?;
        args.push(argument(arg, &shape));
        if is_float(&arg.ty) {
            let ty = if shape.is_empty() { String::new() } else { format!("{shape:?}") };
            let init = format!("random.uniform{ty}(gradcheck_low, gradcheck_high)");
            let _ = writeln!(params, "  param {name}: real{ty} = {init}");
        }
    }
    let (layer, callee) = match is_model {
        true => (format!("  layer {LAYER} = {callee}\n"), LAYER.to_string()),
        false => (String::new(), callee),
    };
    let names: Vec<String> = (0..function.results.len()).map(|k| format!("gradcheck_y{k}")).collect();
    let bound = if names.len() == 1 { names[0].clone() } else { format!("({})", names.join(", ")) };
    let call = format!("  let {bound} = {callee}({})\n", args.join(", "));
    let value = weighted(function, &names, &sizes)?;
    let head = "model gradcheck_model(gradcheck_x: real[B, 1]) -> real {\n";
    let text = format!("{head}{params}{layer}{call}  {value}\n}}\n");
    Ok(Made { text, brackets, sizes })
}

/// What stands in square brackets by name, and the sizes among it. Words and what else has a default are left out,
/// and axes are the last.
fn statics(function: &Function) -> Result<(Vec<String>, NamedSizes), String> {
    let (mut statics, mut sizes) = (Vec::new(), NamedSizes::new());
    for given in &function.statics {
        let name = &given.name.name;
        let value = match (&given.kind, &given.default) {
            (StaticKind::Size, default) => {
                let default = default.as_ref().and_then(|default| polynomial(default, &sizes));
                let size = default.and_then(|n| usize::try_from(n).ok()).unwrap_or(2);
                sizes.insert(name.clone(), size);
                size.to_string()
            }
            (StaticKind::Axis, _) => "-1".to_string(),
            (StaticKind::Words(_) | StaticKind::Error, _) | (_, Some(_)) => continue,
            (StaticKind::Number, None) => "0.5".to_string(),
            (StaticKind::Fn, None) => "tanh".to_string(),
            (StaticKind::Model, None) => return Err(format!("`{name}` may be any model")),
        };
        statics.push(format!("{name} = {value}"));
    }
    Ok((statics, sizes))
}

/// The sum of the results with weights that no symmetry of the function cancels.
fn weighted(function: &Function, names: &[String], sizes: &NamedSizes) -> Result<String, String> {
    let mut value = "0 * sum(gradcheck_x)".to_string();
    for (name, ty) in names.iter().zip(&function.results).filter(|(_, ty)| is_float(ty)) {
        let result = shape(ty, sizes).ok_or("a size of its result cannot be inferred")?;
        let _ = match result.is_empty() {
            true => write!(value, " + {name}"),
            false => write!(value, " + sum({name} * (0.3 + sin(1 + 1.7 * iota{result:?})))"),
        };
    }
    Ok(value)
}

/// A parameter, or for integers and truth values a tensor of small ones.
fn argument(arg: &ast::Arg, shape: &[usize]) -> String {
    let name = &arg.name.name;
    let brackets = if shape.is_empty() { "1".to_string() } else { format!("iota{shape:?} % 2") };
    match arg.ty.dtype.name.as_str() {
        "bool" => format!("{name} = ({brackets}) == 1"),
        "i32" | "i64" => format!("{name} = {}({brackets})", arg.ty.dtype.name),
        _ => format!("{name} = {name}"),
    }
}

fn is_float(ty: &ast::TypeExpr) -> bool {
    ["real", "f64"].contains(&ty.dtype.name.as_str())
}

/// Names as the model itself says them.
fn without_layer(compared: &mut Compared) {
    let own = |name: &mut String| {
        if let Some(own) = name.strip_prefix(LAYER).and_then(|rest| rest.strip_prefix('.')) {
            *name = own.to_string();
        }
    };
    own(&mut compared.name);
    if let Some(worst) = &mut compared.worst {
        own(&mut worst.coordinate);
    }
}

/// Whether a `let` of the script is a number or a function: functions see it.
fn fixed(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ExprKind::Number { .. } | ExprKind::Name(_) => true,
        ExprKind::Unary(_, x) => fixed(x),
        ExprKind::Binary(_, a, b) => fixed(a) && fixed(b),
        ExprKind::Call(f, args) => {
            matches!(&f.kind, ExprKind::Name(name) if is_derivative(name))
                && args.iter().all(|arg| fixed(&arg.value))
        }
        _ => false,
    }
}

fn failed(report: &Report) -> bool {
    report.diagnostics.iter().any(|found| found.code.name == errors::TRAINING_FAILED.name)
}

fn first_message(report: &Report) -> String {
    let first = report.diagnostics.iter().find(|found: &&Diagnostic| found.is_error());
    first.map_or_else(|| "it does not compile".to_string(), |found| found.message.clone())
}
