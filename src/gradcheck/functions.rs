//! Functions and models by themselves, at random arguments.
//!
//! A function becomes the loss of a training run of its own, whose parameters are the arguments. A model is a
//! layer of the model that is trained.

use super::loss::{self, LAYER, varies};
use super::sizes::{Sizes, bind, polynomial, shape};
use super::{Checked, Compared, differences};
use crate::algebra::types::{DType, Type};
use crate::ast::{self, Function, StaticKind};
use crate::check::{Called, StaticValue};
use crate::diag::Diagnostic;
use crate::pipeline::{Program, Report};
use crate::run::errors;
use crate::typed::Instance;

/// Where arguments lie: of both signs, or positive, for not all functions are defined everywhere.
const RANGES: [(f64, f64); 2] = [(-1.5, 1.5), (0.3, 1.3)];

/// Compares the gradients of one function or model.
pub(super) fn check(program: &Program, function: &Function, is_model: bool) -> Checked {
    let done = |name, compared, skipped| Checked { name, compared, compiled: Vec::new(), skipped };
    let name = &function.name.name;
    let skipped = |why| done(name.clone(), Vec::new(), Some(why));
    let trial = match Trial::new(function, is_model) {
        Ok(trial) => trial,
        Err(why) => return skipped(why),
    };
    match trial.compare_at_random(program) {
        Ok(Some(mut compared)) => {
            compared.iter_mut().for_each(without_layer);
            done(trial.signature(), compared, None)
        }
        Ok(None) => skipped("its value is not finite at random arguments".into()),
        Err(message) if trial.brackets().is_empty() => skipped(message),
        Err(message) => skipped(format!("as `{name}{}`: {message}", trial.brackets())),
    }
}

/// A function or a model with what it is given.
struct Trial<'a> {
    function: &'a Function,
    is_model: bool,
    /// One for each static parameter; nothing where its default is taken.
    statics: Vec<Option<StaticValue>>,
    /// Types of the arguments.
    args: Vec<Type>,
}

impl<'a> Trial<'a> {
    /// What a function is given, or why it is not checked.
    fn new(function: &'a Function, is_model: bool) -> Result<Trial<'a>, String> {
        let (statics, mut sizes) = statics(function)?;
        let float = |ty: &ast::TypeExpr| varies(dtype(ty));
        if !(is_model || function.args.iter().any(|arg| float(&arg.ty)))
            || !function.results.iter().any(float)
        {
            return Err("it is not a function from `real` to `real`".into());
        }
        function.args.iter().for_each(|arg| bind(&arg.ty, &mut sizes));
        let argument = |arg: &ast::Arg| {
            let shape = shape(&arg.ty, &sizes).ok_or("a size of it cannot be inferred")?;
            Ok(Type::of(dtype(&arg.ty), &shape))
        };
        let args = function.args.iter().map(argument).collect::<Result<_, String>>()?;
        Ok(Trial { function, is_model, statics, args })
    }

    /// The arguments that vary, with their names.
    fn params(&self) -> Vec<(String, Type)> {
        let args = self.function.args.iter().zip(&self.args).filter(|(_, ty)| varies(ty.dtype));
        args.map(|(arg, ty)| (arg.name.name.clone(), ty.clone())).collect()
    }

    /// Compares at random arguments. None if the value is not finite wherever they lie; an error if there is
    /// something wrong with the call.
    fn compare_at_random(&self, program: &Program) -> Result<Option<Vec<Compared>>, String> {
        let params = self.params();
        let called = Called {
            name: &self.function.name.name,
            instance: if self.is_model { Instance::Layer(params.len()) } else { Instance::None },
            statics: &self.statics,
            args: loss::arguments(&self.args, self.function.name.span),
        };
        for range in RANGES {
            let program = program.with_call(&called, |typed, call| loss::add(typed, call, &params, range));
            match program.and_then(|program| differences::compare(&program, 0)) {
                Ok(compared) => return Ok(Some(compared)),
                Err(report) if failed(&report) => {}
                Err(report) => return Err(first_message(&report)),
            }
        }
        Ok(None)
    }

    /// `f[n = 2](x: real[2, 3])`
    fn signature(&self) -> String {
        let arg = |(arg, ty): (&ast::Arg, &Type)| {
            let shape: Vec<String> = ty.shape.iter().map(ToString::to_string).collect();
            let shape = if shape.is_empty() { String::new() } else { format!("[{}]", shape.join(", ")) };
            format!("{}: {}{shape}", arg.name.name, arg.ty.dtype.name)
        };
        let args: Vec<String> = self.function.args.iter().zip(&self.args).map(arg).collect();
        format!("{}{}({})", self.function.name.name, self.brackets(), args.join(", "))
    }

    /// `[n = 2]`
    fn brackets(&self) -> String {
        let given = self.function.statics.iter().zip(&self.statics);
        let given: Vec<String> =
            given.filter_map(|(of, value)| Some(format!("{} = {}", of.name.name, value.as_ref()?))).collect();
        if given.is_empty() { String::new() } else { format!("[{}]", given.join(", ")) }
    }
}

/// What stands in square brackets, and the sizes among it. Words and what else has a default are left out, and
/// axes are the last.
fn statics(function: &Function) -> Result<(Vec<Option<StaticValue>>, Sizes), String> {
    let (mut statics, mut sizes) = (Vec::new(), Sizes::new());
    for given in &function.statics {
        let name = &given.name.name;
        statics.push(match (&given.kind, &given.default) {
            (StaticKind::Size, default) => {
                let default = default.as_ref().and_then(|default| polynomial(default, &sizes));
                let size = default.and_then(|n| usize::try_from(n).ok()).unwrap_or(2);
                sizes.insert(name.clone(), size);
                Some(StaticValue::Size(size))
            }
            (StaticKind::Axis, _) => Some(StaticValue::Axis(-1)),
            (StaticKind::Words(_) | StaticKind::Error, _) | (_, Some(_)) => None,
            (StaticKind::Number, None) => Some(StaticValue::Number(0.5)),
            (StaticKind::Fn, None) => Some(StaticValue::Builtin("tanh")),
            (StaticKind::Model, None) => return Err(format!("`{name}` may be any model")),
        });
    }
    Ok((statics, sizes))
}

/// An element type where `real` is `f64`.
fn dtype(ty: &ast::TypeExpr) -> DType {
    match ty.dtype.name.as_str() {
        "bool" => DType::Bool,
        "i32" => DType::I32,
        "i64" => DType::I64,
        "f32" => DType::F32,
        _ => DType::F64,
    }
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

fn failed(report: &Report) -> bool {
    report.diagnostics.iter().any(|found| found.code.name == errors::TRAINING_FAILED.name)
}

fn first_message(report: &Report) -> String {
    let first = report.diagnostics.iter().find(|found: &&Diagnostic| found.is_error());
    first.map_or_else(|| "it does not compile".to_string(), |found| found.message.clone())
}
