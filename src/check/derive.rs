//! Derivatives: `grad(f)(x)`, `vjp(f)(x, dy)` and the like, functions made of functions.
//!
//! `grad(f)(x)` becomes `f` applied to a name that stands for `x` in this place only, and the request to
//! differentiate by that name. So whatever can be called can be differentiated: builtins, models with
//! their parameters, derivatives.

use crate::algebra::types::{DType, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::builtins;
use super::calls::{Arg, Call};
use super::errors::{self, at};
use super::exprs::Bound;
use super::scope::{Binding, Callee, Checked, Poison, Scope, Static, Target, Value, Weak};
use super::text;
use crate::typed::{Derive, DeriveKind, Expr, ExprKind, StageUse};

/// `grad(f, wrt = x)`: a function made of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Derived {
    pub kind: DeriveKind,
    /// The function.
    pub of: Target,
    /// Its text.
    pub name: String,
    /// The arguments by which it is differentiated.
    pub wrt: Vec<usize>,
}

impl Derived {
    /// Its own text: `grad(f)`.
    pub(super) fn text(&self) -> String {
        format!("{}({})", self.kind.name(), self.name)
    }

    /// Names of the arguments that it takes after those of its function.
    fn seeds(&self, names: &[String]) -> Vec<String> {
        let of = |prefix: &str| self.wrt.iter().map(|k| format!("{prefix}{}", names[*k])).collect();
        match (self.kind, &self.wrt[..]) {
            (DeriveKind::Vjp, _) => vec!["dy".to_string()],
            (DeriveKind::Jvp, _) => of("d"),
            (DeriveKind::Hvp, [_]) => vec!["v".to_string()],
            (DeriveKind::Hvp, _) => of("v_"),
            _ => Vec::new(),
        }
    }
}

/// Whether this is `grad` or the like.
pub(crate) fn is_derivative(name: &str) -> bool {
    kind(name).is_some()
}

/// What `grad` and the like are in calls: `grad` of `grad(f)(x)`.
pub(super) fn kind(name: &str) -> Option<DeriveKind> {
    DeriveKind::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

impl<'a> Checker<'a> {
    /// Whether an expression makes a function of a function: `grad(f)`.
    pub(super) fn makes_function(&self, scope: &Scope, expr: &ast::Expr) -> bool {
        let Ast::Call(callee, _) = &expr.kind else { return false };
        let Ast::Name(name) = &callee.kind else { return false };
        kind(name).is_some() && scope.get(name).is_none() && self.find_def(name, scope.library).is_none()
    }

    /// What an expression that stands for a function stands for.
    pub(super) fn function_value(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Target> {
        match &expr.kind {
            Ast::Call(callee, args) if self.makes_function(scope, expr) => {
                let Ast::Name(name) = &callee.kind else { return Err(Poison) };
                let kind = kind(name).ok_or(Poison)?;
                let made = self.derived(scope, kind, args, expr.span)?;
                Ok(Target::Callee(Callee::Derived(Box::new(made))))
            }
            Ast::Bracket(of, statics) => match self.target(scope, of)? {
                Target::Callee(Callee::Def(def, given)) => {
                    let (name, span) = (text::source(of), expr.span);
                    let call = Call { name, statics, args: Vec::new(), span, expected: None };
                    let given = self.statics(scope, def, given, &call)?;
                    Ok(Target::Callee(Callee::Def(def, given)))
                }
                Target::Layers { first, count, arguments } if statics.len() == 1 => {
                    let position = self.dim(scope, &statics[0], false)?;
                    Ok(Target::LayerAt { first, count, position, arguments })
                }
                _ => Err(self.report(errors::not_supported(
                    &format!("`{}` as a function", text::source(expr)),
                    expr.span,
                    "write a `fn` that calls it",
                ))),
            },
            Ast::Name(_) | Ast::Field(..) | Ast::Error => self.target(scope, expr),
            _ => {
                let source = text::source(expr);
                let message = format!("`{source}` is a value, and a function is needed");
                let found = at(&errors::NOT_A_FUNCTION, message, expr.span, "not a function");
                Err(self
                    .report(found.help(format!(
                        "write a function and name it: `fn f(x: real[N]) -> real = {source}`"
                    ))))
            }
        }
    }

    /// `f, wrt = x` in the parentheses of `grad`.
    fn derived(
        &mut self,
        scope: &mut Scope,
        kind: DeriveKind,
        args: &'a [ast::Argument],
        span: Span,
    ) -> Checked<Derived> {
        let name = kind.name();
        let mut functions = args.iter().filter(|arg| arg.name.is_none());
        let (function, second) = (functions.next(), functions.next());
        let Some(function) = function.filter(|_| second.is_none()) else {
            let message = format!("`{name}` takes one function");
            let place = second.map_or(span, |second| second.value.span);
            let found = at(&errors::WRONG_ARGUMENT, message, place, "not one function");
            return Err(self.report(found.help(format!(
                "write `{name}(f)(x)`: `{name}(f)` is a function that takes what `f` takes"
            ))));
        };
        let of = self.function_value(scope, &function.value)?;
        if of == Target::Inner {
            let found = errors::not_supported(
                "a derivative of the pipeline before a stage",
                span,
                "take that of `loss`",
            );
            return Err(self.report(found));
        }
        let names = self.arg_names(&of);
        let mut wrt = None;
        for arg in args {
            match &arg.name {
                Some(word) if word.name == "wrt" && kind != DeriveKind::Checkpoint => {
                    wrt = Some(self.wrt(&names, &arg.value, &text::source(&function.value))?);
                }
                Some(word) => {
                    let message = format!("`{name}` has no argument `{}`", word.name);
                    let found = at(&errors::WRONG_ARGUMENT, message, word.span, "no such argument");
                    return Err(self.report(found.help(match kind {
                        DeriveKind::Checkpoint => "it is `checkpoint(f)`".to_string(),
                        _ => format!("it is `{name}(f, wrt = x)`"),
                    })));
                }
                None => {}
            }
        }
        if names.is_empty() {
            let message = format!("`{}` takes no arguments", text::source(&function.value));
            let found =
                at(&errors::NO_DERIVATIVE, message, function.value.span, "nothing to differentiate by");
            return Err(self.report(found.help("make what varies an argument of the function")));
        }
        let wrt = wrt.unwrap_or_else(|| match kind {
            DeriveKind::Checkpoint => (0..names.len()).collect(),
            _ => vec![0],
        });
        Ok(Derived { kind, of, name: text::source(&function.value), wrt })
    }

    /// `x`, or `[x, y]`: numbers of arguments.
    fn wrt(&mut self, names: &[String], written: &ast::Expr, of: &str) -> Checked<Vec<usize>> {
        let items: Vec<&ast::Expr> = match &written.kind {
            Ast::List(items) => items.iter().collect(),
            _ => vec![written],
        };
        let mut found: Vec<usize> = Vec::new();
        for item in items {
            let name = text::source(item);
            match names.iter().position(|have| *have == name) {
                Some(k) if found.contains(&k) => {
                    return Err(self.report(errors::duplicate(&name, item.span, None).help("name it once")));
                }
                Some(k) => found.push(k),
                None => {
                    let mut found =
                        errors::none_of(&errors::UNKNOWN_WRT, "argument", &name, item.span, names);
                    found.message = format!("`{of}` has no argument `{name}`");
                    return Err(self.report(found));
                }
            }
        }
        match found.is_empty() {
            false => Ok(found),
            true => {
                let found = at(&errors::UNKNOWN_WRT, "`wrt` names no argument", written.span, "nothing");
                Err(self.report(found.help(format!("of `{of}` {}", errors::there_is(names)))))
            }
        }
    }

    /// Names of the arguments that a function takes; of a builtin those that its description lists.
    fn arg_names(&self, of: &Target) -> Vec<String> {
        match of {
            Target::Callee(Callee::Def(def, _)) | Target::Model(Callee::Def(def, _), _) => {
                self.defs[*def].ast.args.iter().map(|arg| arg.name.name.clone()).collect()
            }
            Target::Callee(Callee::Builtin(name)) | Target::Model(Callee::Builtin(name), _) => {
                builtins::arg_names(name)
            }
            Target::Callee(Callee::Derived(derived)) | Target::Model(Callee::Derived(derived), _) => {
                let mut names = self.arg_names(&derived.of);
                names.extend(derived.seeds(&names));
                names
            }
            Target::Layer { arguments, .. }
            | Target::Layers { arguments, .. }
            | Target::LayerAt { arguments, .. } => arguments.clone(),
            Target::Loss => vec!["w".to_string()],
            Target::Inner => Vec::new(),
        }
    }

    /// `grad(f)(x, ...)`
    pub(super) fn call_derived(
        &mut self,
        scope: &mut Scope,
        of: &Derived,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        self.no_statics(call)?;
        let names = self.arg_names(&of.of);
        let (args, seeds) = self.seeds_apart(of, &names, call)?;
        let before = scope.known.len();
        let wrt = self.by(scope, of, &names, &args, call);
        let body = wrt.and_then(|wrt| {
            let inner = Call { name: of.name.clone(), statics: &[], args, span: call.span, expected: None };
            Ok((wrt, self.call_target(scope, of.of.clone(), &inner)?))
        });
        scope.known.truncate(before);
        let (wrt, body) = body?;
        let body = self.settle(body)?;
        self.can_be_derived(of, &body, call)?;
        let seeds = self.seed_values(scope, of, &wrt, &body, seeds)?;
        let derive = Derive { kind: of.kind, wrt, body, seeds };
        let ty = derive.results()[0].clone();
        Ok(Value::strong(Expr { kind: ExprKind::Derive(Box::new(derive)), ty, span: call.span }))
    }

    /// The arguments of the function, and those that come after them.
    #[allow(clippy::type_complexity, reason = "two lists, as they come")]
    fn seeds_apart(
        &mut self,
        of: &Derived,
        names: &[String],
        call: &Call<'a, '_>,
    ) -> Checked<(Vec<Arg<'a>>, Vec<&'a ast::Expr>)> {
        let wanted = of.seeds(names);
        let mut args = call.args.clone();
        let mut seeds: Vec<Option<&'a ast::Expr>> = vec![None; wanted.len()];
        args.retain(|arg| {
            let own =
                |name: &String| arg.name.is_some_and(|given| given.name == *name && !names.contains(name));
            let slot = wanted.iter().position(own).filter(|slot| seeds[*slot].is_none());
            slot.is_none_or(|slot| {
                seeds[slot] = Some(arg.value);
                false
            })
        });
        for slot in seeds.iter_mut().rev().filter(|slot| slot.is_none()) {
            if args.last().is_none_or(|arg| arg.name.is_some()) {
                break;
            }
            *slot = args.pop().map(|arg| arg.value);
        }
        let given = seeds.iter().flatten().count();
        let fixed = !matches!(of.of, Target::Callee(Callee::Builtin(_)));
        let least = self.least_args(&of.of);
        if given < wanted.len() || fixed && (args.len() < least || args.len() > names.len()) {
            let all: Vec<&str> = names.iter().chain(&wanted).map(String::as_str).collect();
            let message = format!("`{}` takes {}, not {}", of.text(), arguments(all.len()), call.args.len());
            let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this call");
            return Err(self.report(found.help(format!("it is `{}({})`", of.text(), all.join(", ")))));
        }
        Ok((args, seeds.into_iter().flatten().collect()))
    }

    /// How many arguments a function needs.
    fn least_args(&self, of: &Target) -> usize {
        match of {
            Target::Callee(Callee::Def(def, _)) | Target::Model(Callee::Def(def, _), _) => {
                self.defs[*def].ast.args.iter().filter(|arg| arg.default.is_none()).count()
            }
            Target::Callee(Callee::Derived(derived)) => {
                self.least_args(&derived.of) + derived.seeds(&self.arg_names(&derived.of)).len()
            }
            Target::Callee(Callee::Builtin(_)) | Target::Inner => 0,
            _ => self.arg_names(of).len(),
        }
    }

    /// Gives each argument that is differentiated by a name, which then stands for it.
    fn by(
        &mut self,
        scope: &mut Scope,
        of: &Derived,
        names: &[String],
        args: &[Arg<'a>],
        call: &Call<'a, '_>,
    ) -> Checked<Vec<(crate::typed::LocalId, Expr)>> {
        let mut wrt = Vec::new();
        for k in &of.wrt {
            let named = args.iter().find(|arg| arg.name.is_some_and(|name| name.name == names[*k]));
            let arg = named.or_else(|| args.get(*k).filter(|arg| arg.name.is_none()));
            let Some(arg) = arg else {
                if of.kind == DeriveKind::Checkpoint {
                    continue;
                }
                let message =
                    format!("`{}` lacks argument `{}`, by which it is differentiated", of.text(), names[*k]);
                return Err(
                    self.report(at(&errors::WRONG_ARGUMENT, message, call.span, "this call").help("give it"))
                );
            };
            let value = self.expr(scope, arg.value, None)?;
            let Some(value) = self.varying(scope, of, (*k, &names[*k]), value)? else { continue };
            let (ty, span) = (value.ty.clone(), arg.value.span);
            let local = scope.local(&names[*k], ty.clone(), span);
            let name = Expr { kind: ExprKind::Local(local), ty, span };
            wrt.push((local, value));
            scope.known.push((span, Value::strong(name)));
        }
        Ok(wrt)
    }

    /// An argument to differentiate by, which must be of floats; a checkpoint leaves out others.
    fn varying(
        &mut self,
        scope: &Scope,
        of: &Derived,
        (k, name): (usize, &str),
        value: Value,
    ) -> Checked<Option<Expr>> {
        let checkpoint = of.kind == DeriveKind::Checkpoint;
        let declared = self.float_of(of, k);
        if value.weak != Weak::No {
            let dtype = declared.unwrap_or(self.real);
            return match checkpoint {
                true => Ok(None),
                false => self.converted(scope, value, dtype, &format!("`{name}`")).map(Some),
            };
        }
        match (value.expr.ty.dtype.is_float(), declared) {
            (true, _) => Ok(Some(value.expr)),
            // What the call makes real is real for its derivative.
            (false, Some(dtype)) if value.expr.ty.dtype.is_int() => Ok(Some(build::cast(value.expr, dtype))),
            _ if checkpoint => Ok(None),
            _ => {
                let shown = text::show(&value.expr.ty, self.real);
                let message = format!("there is no derivative by `{name}`, which is `{shown}`");
                let found =
                    at(&errors::NO_DERIVATIVE, message, value.expr.span, format!("this is `{shown}`"));
                let found = self.label_origin(scope, &value.expr, found);
                Err(self.report(found.help(format!(
                    "name another argument: `{}({}, wrt = ...)`, or pass `real({name})`",
                    of.kind.name(),
                    of.name
                ))))
            }
        }
    }

    /// The floats that argument `k` is declared as, if it is.
    fn float_of(&self, of: &Derived, k: usize) -> Option<DType> {
        let (Target::Callee(Callee::Def(def, _)) | Target::Model(Callee::Def(def, _), _)) = &of.of else {
            return None;
        };
        match self.defs[*def].ast.args.get(k)?.ty.dtype.name.as_str() {
            "real" => Some(self.real),
            "f64" => Some(DType::F64),
            "f32" => Some(DType::F32),
            _ => None,
        }
    }

    /// Whether a value can be differentiated as is asked.
    fn can_be_derived(&mut self, of: &Derived, body: &Expr, call: &Call<'a, '_>) -> Checked<()> {
        let shown = text::show(&body.ty, self.real);
        let count = self.results(body).len();
        if count > 1 {
            let message =
                format!("`{}` gives {}, and `{}` takes one", of.name, errors::values(count), of.kind.name());
            let found = at(&errors::SEVERAL_VALUES, message, call.span, "taken as one value");
            return Err(self.report(found.help("write a function that gives one of them")));
        }
        if of.kind == DeriveKind::Checkpoint {
            return Ok(());
        }
        if !body.ty.dtype.is_float() {
            let message = format!("`{}` gives `{shown}`, which has no derivative", of.name);
            let found = at(&errors::NO_DERIVATIVE, message, call.span, format!("differentiates a `{shown}`"));
            return Err(self.report(found.help("differentiate what gives `real` numbers")));
        }
        let scalar = matches!(of.kind, DeriveKind::Grad | DeriveKind::ValueAndGrad | DeriveKind::Hvp);
        if scalar && body.ty.rank() > 0 {
            let message = format!("`{}` is of one number, and `{}` gives `{shown}`", of.kind.name(), of.name);
            let found =
                at(&errors::GRADIENT_NOT_SCALAR, message, call.span, format!("the value is `{shown}`"));
            return Err(self.report(found.help(format!(
                "sum the result of `{0}`, or weigh it: `vjp({0})(x, dy)` with `dy` of its shape",
                of.name
            ))));
        }
        Ok(())
    }

    /// The gradient that `vjp` starts from, or the directions of `jvp` and `hvp`. One number stands for
    /// itself everywhere.
    fn seed_values(
        &mut self,
        scope: &mut Scope,
        of: &Derived,
        wrt: &[(crate::typed::LocalId, Expr)],
        body: &Expr,
        seeds: Vec<&'a ast::Expr>,
    ) -> Checked<Vec<Expr>> {
        let mut values = Vec::new();
        for (k, seed) in seeds.into_iter().enumerate() {
            let (ty, of_what): (Type, String) = match of.kind {
                DeriveKind::Vjp => (body.ty.clone(), format!("the value of `{}`", of.name)),
                _ => (wrt[k].1.ty.clone(), format!("`{}`", scope.locals[wrt[k].0.0].name)),
            };
            let value = self.expr(scope, seed, None)?;
            let number = value.expr.ty.rank() == 0 && !scope.in_stage();
            let expected = (body.span, format!("{of_what} is `{}`", text::show(&ty, self.real)));
            values.push(match number {
                true => {
                    let expr = self.converted(scope, value, ty.dtype, "what is expected")?;
                    build::broadcast(expr, &ty.shape)
                }
                false => self.coerce(scope, value, &ty, expected)?,
            });
        }
        Ok(values)
    }

    /// `let df = grad(f)`
    pub(super) fn let_function(&mut self, scope: &mut Scope, line: &'a ast::Let) -> Checked<Bound> {
        let binding = match self.function_value(scope, &line.value) {
            Ok(Target::Callee(callee)) => Binding::Function(callee),
            _ => Binding::Error,
        };
        let failed = matches!(binding, Binding::Error);
        scope.bind(&line.name.name, binding, line.name.span);
        let nothing = build::constant(0.0, Type::scalar(self.real), line.value.span);
        if failed { Err(Poison) } else { Ok((Vec::new(), nothing)) }
    }

    /// `grad(f)` as a static argument: it must not depend on where it stands.
    pub(super) fn static_function(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Static> {
        let Target::Callee(callee) = self.function_value(scope, expr)? else { return Err(Poison) };
        self.closed(&callee, expr.span)?;
        Ok(Static::Function(callee))
    }

    /// Whether a function means the same wherever it is called.
    pub(super) fn closed(&mut self, callee: &Callee, span: Span) -> Checked<()> {
        let what = match callee {
            Callee::Builtin(_) => return Ok(()),
            Callee::Def(_, given) => {
                let open = |s: &Static| matches!(s, Static::Size(dim) if dim.as_constant().is_none());
                match given.iter().any(open) {
                    true => "a function with size variables as a static argument",
                    false => return Ok(()),
                }
            }
            Callee::Derived(derived) => match &derived.of {
                Target::Callee(inner) => return self.closed(inner, span),
                _ => "a derivative of a model as a static argument",
            },
        };
        let help = match callee {
            Callee::Def(..) => "give it sizes that are numbers",
            _ => "call it where it is made",
        };
        Err(self.report(errors::not_supported(what, span, help)))
    }

    /// What a `let` of the script that names a function stands for: `let df = grad(f)`.
    pub(super) fn global_function(&mut self, name: &str) -> Option<Checked<Callee>> {
        // A function that is made of itself has no name while it is made.
        let (name, line) = self.function_lets.remove_entry(name)?;
        let mut scope = Scope::new(super::scope::Place::Statement, false, self.real);
        let made = self.function_value(&mut scope, &line.value);
        self.function_lets.insert(name, line);
        Some(made.and_then(|target| match target {
            Target::Callee(callee) => Ok(callee),
            _ => Err(Poison),
        }))
    }

    /// Whether there is a loss of the step where an expression asks for it.
    pub(super) fn no_loss(&mut self, expr: Option<&Expr>, when: &str) -> Checked<()> {
        let Some(span) = expr.and_then(Expr::asks_for_loss) else { return Ok(()) };
        let found = at(&errors::STAGE_LOSS, format!("there is no loss {when}"), span, "asks for the loss");
        Err(self.report(found.help("keep it as a `state` in the step")))
    }

    /// Whether stages ask for the loss of the step where `why` there is none.
    pub(super) fn uses_no_loss(&mut self, uses: &[StageUse], why: &str, help: &str) -> Checked<()> {
        let asks = |used: &&StageUse| self.stages[used.stage.0].asks_for_loss().is_some();
        let Some(used) = uses.iter().find(asks) else { return Ok(()) };
        let message = format!("`{}` asks for the loss at other parameters, and {why}", used.name);
        let found = at(&errors::STAGE_LOSS, message, used.span, "needs the loss of the batch");
        Err(self.report(found.help(help)))
    }

    /// The loss of this step where the parameters are others.
    pub(super) fn call_loss(&mut self, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Value> {
        let point = self.point(scope, call)?;
        let kind = ExprKind::StageLoss(Box::new(point));
        Ok(Value::strong(Expr { kind, ty: Type::scalar(DType::F64), span: call.span }))
    }
}

fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}
