//! A call that stands in no script, of a function or a model of a script.

use std::fmt;

use super::env::{Callee, Checked, Poison, Scope, Static, Value};
use super::expr::typer::{Call, Typer};
use super::expr::{calls, kinds};
use crate::algebra::types::Dim;
use crate::typed::{Expr, Instance};

/// What is given for a static parameter.
#[derive(Clone, Debug)]
pub(crate) enum StaticValue {
    /// A size.
    Size(usize),
    /// A number.
    Number(f64),
    /// An axis, from the end where negative.
    Axis(i64),
    /// A builtin function.
    Builtin(&'static str),
}

impl fmt::Display for StaticValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StaticValue::Size(size) => write!(f, "{size}"),
            StaticValue::Number(number) => f.write_str(&crate::print::number(*number)),
            StaticValue::Axis(axis) => write!(f, "{axis}"),
            StaticValue::Builtin(name) => f.write_str(name),
        }
    }
}

impl StaticValue {
    fn checked(&self) -> Static {
        match self {
            StaticValue::Size(size) => Static::Size(Dim::from(*size)),
            StaticValue::Number(number) => Static::Number(number.to_bits()),
            StaticValue::Axis(axis) => Static::Axis(*axis),
            StaticValue::Builtin(name) => Static::Function(Callee::Builtin((*name).to_string())),
        }
    }
}

/// A call with everything that it gives.
#[derive(Debug)]
pub(crate) struct Called<'s> {
    /// Who is called.
    pub name: &'s str,
    /// Whose parameters a model uses.
    pub instance: Instance,
    /// One for each static parameter; `None`: its default.
    pub statics: &'s [Option<StaticValue>],
    /// One for each argument.
    pub args: Vec<Expr>,
}

/// The call with its sizes.
pub(super) fn call(cx: &mut Typer<'_, '_>, called: &Called<'_>) -> Checked<Expr> {
    let def = cx.env.decls.find_function(called.name, false).ok_or(Poison)?;
    let given = called.statics.iter().enumerate().map(|(k, given)| match given {
        Some(given) => Ok(given.checked()),
        None => kinds::default_static(cx, def, k).unwrap_or(Err(Poison)),
    });
    let statics = given.collect::<Checked<Vec<Static>>>()?;
    let values = called.args.iter().cloned().map(Value::strong).collect();
    let name = &cx.env.decls.functions[def].ast.name;
    let call = Call {
        name: name.name.clone(),
        statics: &[],
        args: Vec::new(),
        axes: Vec::new(),
        span: name.span,
        expected: None,
    };
    let mut scope = Scope::statement(cx.env.real);
    let instance = called.instance.clone();
    Ok(calls::apply(cx.env, &mut scope, def, statics, values, instance, &call)?.expr)
}
