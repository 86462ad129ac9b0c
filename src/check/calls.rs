//! Calls: who is called, with which static and other arguments.

use crate::algebra::types::{DType, SizeVar, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::dims::{Sizes, unify};
use super::errors::{self, at};
use super::functions::Signature;
use super::scope::{Binding, Callee, Checked, Global, Poison, Scope, Static, Target, Value};
use super::text;
use crate::typed::{Expr, ExprKind, FunctionId, Instance, LocalId};

/// What a call in a hyperparameter may leave out: the step, and the number of steps.
pub(super) const STEPS: [&str; 2] = ["t", "T"];

/// An argument as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg<'a> {
    /// Its name, if given.
    pub name: Option<&'a ast::Ident>,
    /// Its value.
    pub value: &'a ast::Expr,
}

/// A call as written.
#[derive(Clone, Debug)]
pub(super) struct Call<'a, 'e> {
    /// The name called, as written.
    pub name: String,
    /// What stands in square brackets.
    pub statics: &'a [ast::Expr],
    /// The arguments.
    pub args: Vec<Arg<'a>>,
    /// The whole call.
    pub span: Span,
    /// The type that its place asks for, if known.
    pub expected: Option<&'e Type>,
}

impl<'a> Checker<'a> {
    pub(super) fn call(
        &mut self,
        scope: &mut Scope,
        callee: &'a ast::Expr,
        args: Vec<Arg<'a>>,
        span: Span,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        match &callee.kind {
            Ast::Bracket(inner, statics) => self.call_with(scope, inner, statics, args, span, expected),
            _ => self.call_with(scope, callee, &[], args, span, expected),
        }
    }

    /// A call of `callee[statics](args)`.
    pub(super) fn call_with(
        &mut self,
        scope: &mut Scope,
        callee: &'a ast::Expr,
        statics: &'a [ast::Expr],
        args: Vec<Arg<'a>>,
        span: Span,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let target = match self.extent_reduction_name(scope, callee, statics) {
            Some(name) => Ok(Target::Callee(Callee::Builtin(name))),
            None => self.target(scope, callee),
        };
        let call = Call { name: text::source(callee), statics, args, span, expected };
        match target {
            Err(poison) => {
                self.check_args(scope, &call);
                Err(poison)
            }
            Ok(target) => self.call_target(scope, target, &call),
        }
    }

    /// A call of who has been found.
    pub(super) fn call_target(
        &mut self,
        scope: &mut Scope,
        target: Target,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        match target {
            Target::Callee(Callee::Builtin(name)) => match self.of_series(scope, &name, call) {
                Some(number) => number,
                None => self.builtin(scope, &name, call),
            },
            Target::Callee(Callee::Def(def, given)) => {
                if self.defs[def].model {
                    // `conv2d(x, w)` is the function, `layer a = conv2d[1, 8, 3]` the layer with its kernel.
                    if self.defs[def].library && call.statics.is_empty() && self.is_builtin(&call.name) {
                        return self.builtin(scope, &call.name.clone(), call);
                    }
                    return Err(self.model_without_instance(call));
                }
                if self.says_axis(def, call) {
                    return self.along_axis(scope, def, call);
                }
                let given = self.statics(scope, def, given, call)?;
                self.call_def(scope, def, given, Instance::None, None, call)
            }
            Target::Callee(Callee::Derived(derived)) => self.call_derived(scope, &derived, call),
            Target::Layer { index, .. } => self.call_layer(scope, index, None, call),
            Target::Layers { first, count, .. } => self.call_layers(scope, first, count, call),
            Target::LayerAt { first, count, position, .. } => {
                self.call_one_of(scope, first, count, (position, call.span), call)
            }
            Target::Inner => self.call_inner(scope, call),
            Target::Loss => self.call_loss(scope, call),
            Target::Model(Callee::Def(def, given), instance) => {
                self.no_statics(call)?;
                self.call_def(scope, def, given, instance, None, call)
            }
            Target::Model(Callee::Builtin(_) | Callee::Derived(_), _) => Err(Poison),
        }
    }

    /// Checks arguments for their own errors only.
    fn check_args(&mut self, scope: &mut Scope, call: &Call<'a, '_>) {
        for arg in &call.args {
            let _ = self.expr(scope, arg.value, None);
        }
    }

    fn model_without_instance(&mut self, call: &Call<'a, '_>) -> Poison {
        let message = format!("model `{}` owns parameters, and this call does not say whose", call.name);
        let found = at(&errors::MODEL_WITHOUT_INSTANCE, message, call.span, "called without an instance");
        self.report(found.help(format!("in a model, declare `layer a = {}[...]` and call `a`", call.name)))
    }

    /// Whether an expression names something that can be called.
    pub(super) fn is_callable(&self, scope: &Scope, callee: &ast::Expr) -> bool {
        match &callee.kind {
            Ast::Name(name) => match scope.get(name) {
                Some(
                    Binding::Layer(_)
                    | Binding::Layers(..)
                    | Binding::Function(_)
                    | Binding::Model(..)
                    | Binding::Inner,
                ) => true,
                Some(_) => false,
                // A value of the script hides a function of the library.
                None if !scope.library
                    && matches!(self.globals.get(name.as_str()), Some(Global::Value(..))) =>
                {
                    false
                }
                None => {
                    self.find_def(name, scope.library).is_some()
                        || self.is_builtin(name)
                        || !scope.library && self.function_lets.contains_key(name.as_str())
                }
            },
            Ast::Call(..) => self.makes_function(scope, callee),
            Ast::Field(of, _) => matches!(&of.kind, Ast::Name(name) if name == "random"),
            _ => false,
        }
    }

    pub(super) fn target(&mut self, scope: &mut Scope, callee: &'a ast::Expr) -> Checked<Target> {
        match &callee.kind {
            Ast::Call(..) if self.makes_function(scope, callee) => self.function_value(scope, callee),
            Ast::Name(name) => self.named_target(scope, name, callee.span),
            Ast::Field(of, field) if matches!(&of.kind, Ast::Name(name) if name == "random") => {
                let name = format!("random.{}", field.name);
                if self.is_builtin(&name) {
                    return Ok(Target::Callee(Callee::Builtin(name)));
                }
                let known = ["random.uniform".to_string(), "random.normal".to_string()];
                Err(self.report(errors::none_of(
                    &errors::UNKNOWN_NAME,
                    "function",
                    &name,
                    callee.span,
                    &known,
                )))
            }
            Ast::Error => Err(Poison),
            _ => Err(self.not_callable(&format!("`{}`", text::source(callee)), callee.span)),
        }
    }

    fn not_callable(&mut self, what: &str, span: Span) -> Poison {
        let found =
            at(&errors::NOT_A_FUNCTION, format!("{what} is not a function"), span, "cannot be called");
        self.report(found.help("call a function, a layer or a model; multiply with `*`"))
    }

    fn named_target(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Target> {
        match scope.get(name) {
            Some(Binding::Layer(index)) => {
                let arguments = self.layer_arguments(scope, *index);
                return Ok(Target::Layer { index: *index, arguments });
            }
            Some(Binding::Layers(first, count)) => {
                let (first, count) = (*first, *count);
                return Ok(Target::Layers { first, count, arguments: self.layer_arguments(scope, first) });
            }
            Some(Binding::Local(_)) if scope.in_stage() && name == "loss" => return Ok(Target::Loss),
            Some(Binding::Function(callee)) => return Ok(Target::Callee(callee.clone())),
            Some(Binding::Model(callee, instance)) => {
                return Ok(Target::Model(callee.clone(), instance.clone()));
            }
            Some(Binding::Inner) => return Ok(Target::Inner),
            Some(Binding::Error) => return Err(Poison),
            _ => {}
        }
        if let Some(def) = self.find_def(name, scope.library) {
            return Ok(Target::Callee(Callee::Def(def, Vec::new())));
        }
        if self.is_builtin(name) {
            return Ok(Target::Callee(Callee::Builtin(name.to_string())));
        }
        if !scope.library
            && let Some(made) = self.global_function(name)
        {
            return made.map(Target::Callee);
        }
        match self.globals.get(name) {
            Some(Global::Fit { id, callee, .. }) if !scope.library => {
                return Ok(Target::Model(callee.clone(), Instance::Fit(*id)));
            }
            Some(Global::Error) => return Err(Poison),
            _ => {}
        }
        let known =
            scope.get(name).is_some() || self.constants.contains_key(name) || self.globals.contains_key(name);
        if known || self.find_stage(name).is_some() || self.data_ids.contains_key(name) {
            return Err(self.not_callable(&format!("`{name}`"), span));
        }
        let near = self.nearest_name(scope, name);
        Err(self.report(errors::unknown_name(name, span, near)))
    }

    /// Names of the arguments of a layer.
    fn layer_arguments(&self, scope: &Scope, index: usize) -> Vec<String> {
        match &scope.layers[index].1.callee {
            Callee::Def(def, _) => self.defs[*def].ast.args.iter().map(|arg| arg.name.name.clone()).collect(),
            Callee::Builtin(_) | Callee::Derived(_) => Vec::new(),
        }
    }

    /// A call of a function or model that is declared in a script or in the library; `first` takes the
    /// place of the first argument.
    pub(super) fn call_def(
        &mut self,
        scope: &mut Scope,
        def: usize,
        statics: Vec<Static>,
        instance: Instance,
        mut first: Option<Value>,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        let function = self.defs[def].ast;
        let names: Vec<&str> = function.args.iter().map(|arg| arg.name.name.as_str()).collect();
        let written = self.match_args(call, &names, 0, Some(function.name.span));
        let written = written.and_then(|written| self.all_given(scope, function, call, written));
        let Ok(written) = written else {
            self.check_args(scope, call);
            return Err(Poison);
        };
        let mut values: Vec<Checked<Value>> = Vec::new();
        for (k, arg) in written.into_iter().enumerate() {
            values.push(match arg {
                Some(_) if k == 0 && first.is_some() => first.take().ok_or(Poison),
                Some(arg) => self.expr(scope, arg, None),
                None => self.left_out(def, k, call.span),
            });
        }
        let values = values.into_iter().collect::<Checked<Vec<Value>>>()?;
        let rank = rest_rank(function, &values, call.expected);
        let id = self.instance(def, &statics, rank, self.caller(scope))?;
        self.call_instance(scope, id, &statics, values, instance, call)
    }

    /// Whether everything that a call leaves out has a default, or is the step in a hyperparameter.
    fn all_given(
        &mut self,
        scope: &Scope,
        function: &ast::Function,
        call: &Call<'a, '_>,
        written: Vec<Option<&'a ast::Expr>>,
    ) -> Checked<Vec<Option<&'a ast::Expr>>> {
        let lacks = |(arg, written): (&ast::Arg, &Option<&ast::Expr>)| {
            let step = scope.cells.is_some() && STEPS.contains(&arg.name.name.as_str());
            (written.is_none() && arg.default.is_none() && !step).then(|| arg.name.name.clone())
        };
        let Some(missing) = function.args.iter().zip(&written).find_map(lacks) else { return Ok(written) };
        let names: Vec<&str> = function.args.iter().map(|arg| arg.name.name.as_str()).collect();
        Err(self.lacks_argument(call, &missing, &names, Some(function.name.span)))
    }

    /// The value of argument `k` where a call leaves it out.
    fn left_out(&mut self, def: usize, k: usize, span: Span) -> Checked<Value> {
        let arg = &self.defs[def].ast.args[k];
        match (&arg.default, STEPS.iter().position(|step| *step == arg.name.name)) {
            (Some(default), _) => self.default_value(def, k, default),
            (None, Some(step)) => {
                let ty = Type::scalar(DType::F64);
                Ok(Value::strong(Expr { kind: ExprKind::Local(LocalId(step)), ty, span }))
            }
            (None, None) => Err(Poison),
        }
    }

    /// A default sees numbers and functions only.
    pub(super) fn default_value(&mut self, def: usize, k: usize, default: &'a ast::Expr) -> Checked<Value> {
        let super::functions::Def { ast, library, .. } = self.defs[def];
        let place = self.stage_place();
        let double = ast.args[k].ty.dtype.name == "f64";
        let float = if double { DType::F64 } else { self.real };
        self.expr(&mut Scope::new(place, library, float), default, None)
    }

    fn call_instance(
        &mut self,
        scope: &mut Scope,
        id: FunctionId,
        statics: &[Static],
        values: Vec<Value>,
        instance: Instance,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        let signature = self.instances[id.0].signature.clone();
        let mut sizes = signature.static_sizes(statics);
        let given = sizes.clone();
        let conflict = solve(&signature, &values, &mut sizes);
        if let Some(k) = conflict {
            let mended = self.mend(scope, &values[k].expr, |shape| {
                let mut values = values.clone();
                values[k].expr.ty.shape = shape.clone();
                solve(&signature, &values, &mut given.clone()).is_none()
            });
            return Err(self.argument_mismatch(scope, &signature, &values[k], k, (&sizes, mended), call));
        }
        if let Some(expected) = call.expected {
            solve_result(&signature, expected, &mut sizes);
        }
        if let Some(open) = signature.sizes.iter().find(|var| !sizes.contains_key(var)) {
            let message = format!("size `{}` of `{}` follows from nothing here", open.name, call.name);
            let found = at(&errors::SIZE_UNKNOWN, message, call.span, "not enough is known");
            return Err(
                self.report(found.help("write the type of what it is assigned to: `let a: real[...] = ...`"))
            );
        }
        let mut args = Vec::new();
        let mut failed = Ok(());
        for (k, value) in values.into_iter().enumerate() {
            let ty = signature.args[k].substitute(&sizes);
            let expected = (signature.spans[k], self.expectation(&signature, k));
            match self.coerce(scope, value, &ty, expected) {
                Ok(arg) => args.push(as_cell(scope, &signature.names[k], arg)),
                Err(poison) => failed = Err(poison),
            }
        }
        failed?;
        let ordered: Vec<_> = signature.sizes.iter().map(|var| sizes[var].clone()).collect();
        self.record_call(scope, id, &ordered, &instance, call.span);
        let ty = signature.result.substitute(&sizes);
        for dim in ty.shape.iter().chain(args.iter().flat_map(|arg: &Expr| &arg.ty.shape)) {
            self.positive(dim.clone(), call.span)?;
        }
        let kind = ExprKind::Call { function: id, sizes: ordered, args, instance };
        Ok(Value::strong(Expr { kind, ty, span: call.span }))
    }

    /// What argument `k` is declared as.
    fn expectation(&self, signature: &Signature, k: usize) -> String {
        format!("argument `{}` is declared `{}`", signature.names[k], signature.written[k])
    }

    fn argument_mismatch(
        &mut self,
        scope: &Scope,
        signature: &Signature,
        value: &Value,
        k: usize,
        (sizes, mended): (&Sizes, Option<String>),
        call: &Call<'a, '_>,
    ) -> Poison {
        let have = text::show(&value.expr.ty, self.real);
        let want = text::show(&signature.args[k].substitute(sizes), self.real);
        let layer = self.layer_span(scope, &call.name);
        // What a layer takes is decided where it is declared.
        let expected = match layer {
            Some(span) => (span, format!("layer `{}` takes `{want}`", call.name)),
            None => (signature.spans[k], self.expectation(signature, k)),
        };
        let found = errors::shapes(
            format!("`{}` takes `{want}` as `{}`, and this is `{have}`", call.name, signature.names[k]),
            (value.expr.span, have),
            expected,
        );
        let found = self.label_origin(scope, &value.expr, found);
        let help = match layer {
            _ if mended.is_some() => mended.unwrap_or_default(),
            Some(_) => format!("change the sizes of layer `{}`, or the value it is applied to", call.name),
            None => "make the sizes equal".to_string(),
        };
        self.report(found.help(help))
    }
}

/// A number that a function is given inside of a hyperparameter becomes a cell under the name of the
/// function's argument.
fn as_cell(scope: &mut Scope, name: &str, arg: Expr) -> Expr {
    let Some(cells) = &scope.cells else { return arg };
    let mut locals = Vec::new();
    arg.locals(&mut locals);
    if !locals.is_empty() || arg.ty.rank() > 0 || !arg.ty.dtype.is_float() {
        return arg;
    }
    let name = format!("{}.{name}", cells.prefix);
    let dtype = arg.ty.dtype;
    build::cast(scope.cell(&name, build::cast(arg, DType::F64), None), dtype)
}

/// How many axes `..` stands for in this call.
fn rest_rank(function: &ast::Function, values: &[Value], expected: Option<&Type>) -> usize {
    let fixed = |ty: &ast::TypeExpr| has_rest(ty).then(|| ty.shape.len() - 1);
    let of_args = function.args.iter().zip(values).filter_map(|(arg, value)| {
        let literal = matches!(value.expr.kind, ExprKind::Const(_) | ExprKind::Size(_));
        let rank = value.expr.ty.rank().checked_sub(fixed(&arg.ty)?)?;
        Some((!literal, rank))
    });
    let of_args: Vec<(bool, usize)> = of_args.collect();
    let firm = of_args.iter().max();
    let of_result = || expected.and_then(|ty| ty.rank().checked_sub(fixed(&function.result)?));
    firm.map(|(_, rank)| *rank).or_else(of_result).unwrap_or(0)
}

/// Whether a type begins with `..`.
pub(super) fn has_rest(ty: &ast::TypeExpr) -> bool {
    ty.shape.first().is_some_and(|first| matches!(first.kind, Ast::Rest))
}

/// Finds the callee's sizes from the arguments' shapes; the argument that cannot be.
fn solve(signature: &Signature, values: &[Value], sizes: &mut Sizes) -> Option<usize> {
    let mut pending: Vec<(usize, usize)> = Vec::new();
    for (k, (ty, value)) in signature.args.iter().zip(values).enumerate() {
        let have = &value.expr.ty;
        let literal = matches!(value.expr.kind, ExprKind::Const(_) | ExprKind::Size(_)) && have.rank() == 0;
        if literal {
            continue;
        }
        if have.rank() != ty.rank() {
            // A stage's narrower numbers spread later; all else is a mismatch.
            match have.rank() {
                0 if ty.rank() == 1 && value.expr.ty.dtype == DType::F64 => continue,
                _ => return Some(k),
            }
        }
        pending.extend((0..ty.rank()).map(|axis| (k, axis)));
    }
    while !pending.is_empty() {
        let before = pending.len();
        let mut left = Vec::new();
        for (k, axis) in pending {
            let (want, have) = (&signature.args[k].shape[axis], &values[k].expr.ty.shape[axis]);
            match unify(want, have, sizes, &signature.sizes) {
                Some(true) => {}
                Some(false) => return Some(k),
                None => left.push((k, axis)),
            }
        }
        if left.len() == before {
            break;
        }
        pending = left;
    }
    None
}

/// Finds sizes that occur in the result only.
fn solve_result(signature: &Signature, expected: &Type, sizes: &mut Sizes) {
    if signature.result.rank() != expected.rank() {
        return;
    }
    for (want, have) in signature.result.shape.iter().zip(&expected.shape) {
        let open: Vec<&SizeVar> = want.vars().filter(|var| !sizes.contains_key(var)).collect();
        if !open.is_empty() {
            unify(want, have, sizes, &signature.sizes);
        }
    }
}
