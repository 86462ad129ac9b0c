//! Functions: one instance for each combination of what is static but no size.

use std::collections::BTreeMap;

use crate::algebra::types::{Dim, SizeVar, Type};
use crate::ast;
use crate::diag::Label;
use crate::source::Span;

use super::Checker;
use super::calls::has_rest;
use super::dims::Sizes;
use super::errors::{self, at};
use super::exprs::with_lines;
use super::scope::{Binding, Callee, Checked, Place, Poison, Scope, Static};
use super::several::Wanted;
use super::text;
use crate::typed::{Function, FunctionId, Instance, Rule};

/// How often a function may stand in the chain of callers that made an instance.
const MAX_NESTED: usize = 32;

/// A function or model as declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Def<'a> {
    pub ast: &'a ast::Function,
    pub model: bool,
    pub library: bool,
}

/// What tells instances of one function apart. Sizes do not: instances are generic in them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    def: usize,
    statics: Vec<Option<Static>>,
    rank: usize,
}

/// Types of a function in its own size variables.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    /// Its size variables, in the order in which calls give them.
    pub sizes: Vec<SizeVar>,
    /// The size variable of each static argument that is a size.
    pub statics: Vec<Option<SizeVar>>,
    /// Types of its arguments, their names, and how and where they are written.
    pub args: Vec<Type>,
    pub names: Vec<String>,
    pub written: Vec<String>,
    pub spans: Vec<Span>,
    /// Type of its result.
    pub result: Type,
    /// Types of its results after the first.
    pub more: Vec<Type>,
}

impl Signature {
    /// The sizes that static arguments give.
    pub(super) fn static_sizes(&self, statics: &[Static]) -> Sizes {
        let pairs = self.statics.iter().zip(statics);
        pairs
            .filter_map(|(var, value)| match (var, value) {
                (Some(var), Static::Size(dim)) => Some((var.clone(), dim.clone())),
                _ => None,
            })
            .collect()
    }
}

/// A function that is in use.
#[derive(Clone, Debug)]
pub(super) struct InstanceOf {
    pub def: usize,
    pub name: String,
    pub signature: Signature,
    /// Its scope with everything that the signature declares, until its body is checked.
    scope: Option<Scope>,
    /// Who asked for it first.
    parent: Option<usize>,
}

/// A call of a function or model, for what can be said only when all bodies are known.
#[derive(Clone, Debug)]
pub(super) struct CallSite {
    pub caller: Place,
    pub callee: FunctionId,
    pub sizes: Vec<Dim>,
    pub instance: Instance,
    pub span: Span,
}

impl<'a> Checker<'a> {
    /// The function in whose body `scope` is.
    pub(super) fn caller(&self, scope: &Scope) -> Option<usize> {
        match scope.place {
            Place::Function(id) => Some(id.0),
            _ => None,
        }
    }

    pub(super) fn record_call(
        &mut self,
        scope: &Scope,
        callee: FunctionId,
        sizes: &[Dim],
        instance: &Instance,
        span: Span,
    ) {
        let each = match instance {
            Instance::LayerAt { first, count, .. } => (*first..first + count).map(Instance::Layer).collect(),
            one => vec![one.clone()],
        };
        for instance in each {
            let (caller, sizes) = (scope.place.clone(), sizes.to_vec());
            self.calls.push(CallSite { caller, callee, sizes, instance, span });
        }
    }

    /// The instance of a function for these statics and this many leading axes.
    pub(super) fn instance(
        &mut self,
        def: usize,
        statics: &[Static],
        rank: usize,
        parent: Option<usize>,
    ) -> Checked<FunctionId> {
        let erased = statics.iter().map(|value| match value {
            Static::Size(_) => None,
            other => Some(other.clone()),
        });
        let key = Key { def, statics: erased.collect(), rank };
        if let Some(known) = self.memo.get(&key) {
            return *known;
        }
        let made =
            self.nested_too_deep(def, parent).and_then(|()| self.new_instance(def, statics, rank, parent));
        self.memo.insert(key, made);
        made
    }

    /// Instances that keep asking for new instances of themselves.
    fn nested_too_deep(&mut self, def: usize, parent: Option<usize>) -> Checked<()> {
        let chain = std::iter::successors(parent, |at| self.instances[*at].parent);
        if chain.filter(|at| self.instances[*at].def == def).count() < MAX_NESTED {
            return Ok(());
        }
        let name = &self.defs[def].ast.name;
        let found = at(&errors::RECURSION, format!("`{}` calls itself", name.name), name.span, "without end");
        Err(self.report(found.help("functions are inlined: write it without recursion")))
    }

    fn new_instance(
        &mut self,
        def: usize,
        statics: &[Static],
        rank: usize,
        parent: Option<usize>,
    ) -> Checked<FunctionId> {
        let Def { ast, library, .. } = self.defs[def];
        let id = FunctionId(self.instances.len());
        let mut scope = Scope::new(Place::Function(id), library, self.real);
        let static_vars = self.bind_statics(&mut scope, ast, statics);
        if ast.args.iter().any(|arg| has_rest(&arg.ty)) {
            let vars: Vec<SizeVar> = (1..=rank).map(|k| self.fresh(&format!("..{k}"))).collect();
            scope.sizes.extend(vars.iter().cloned());
            scope.rest = Some(vars.into_iter().map(Dim::var).collect());
        }
        let args: Vec<Checked<Type>> =
            ast.args.iter().map(|arg| self.type_expr(&mut scope, &arg.ty, true)).collect();
        let result = self.type_expr(&mut scope, &ast.result, true);
        let more: Vec<Checked<Type>> =
            ast.more.iter().map(|ty| self.type_expr(&mut scope, ty, true)).collect();
        let args = args.into_iter().collect::<Checked<Vec<Type>>>()?;
        let result = result?;
        let more = more.into_iter().collect::<Checked<Vec<Type>>>()?;
        self.bind_args(&mut scope, ast, &args);
        let signature = Signature {
            sizes: scope.sizes.to_vec(),
            statics: static_vars,
            args,
            names: ast.args.iter().map(|arg| arg.name.name.clone()).collect(),
            written: ast.args.iter().map(|arg| text::type_source(&arg.ty)).collect(),
            spans: ast.args.iter().map(|arg| arg.ty.span).collect(),
            result,
            more,
        };
        let name = self.instance_name(ast, statics);
        self.instances.push(InstanceOf { def, name, signature, scope: Some(scope), parent });
        self.functions.push(None);
        self.pending.push_back(id);
        Ok(id)
    }

    fn bind_statics(
        &mut self,
        scope: &mut Scope,
        ast: &ast::Function,
        statics: &[Static],
    ) -> Vec<Option<SizeVar>> {
        let mut vars = Vec::new();
        for (given, value) in ast.statics.iter().zip(statics) {
            let name = &given.name;
            if let Some(before) = scope.declared(&name.name) {
                self.report(errors::duplicate(&name.name, name.span, Some(before)));
            }
            let (binding, var) = match value {
                Static::Size(_) => {
                    let var = self.fresh(&name.name);
                    scope.sizes.push(var.clone());
                    (Binding::Size(Dim::var(var.clone())), Some(var))
                }
                Static::Number(bits) => (Binding::Number(f64::from_bits(*bits), false), None),
                Static::Function(callee) => (Binding::Function(callee.clone()), None),
                Static::Word(word) => (Binding::Word(word.clone(), Vec::new()), None),
            };
            scope.bind(&name.name, binding, name.span);
            vars.push(var);
        }
        vars
    }

    fn bind_args(&mut self, scope: &mut Scope, ast: &ast::Function, args: &[Type]) {
        for (arg, ty) in ast.args.iter().zip(args) {
            if let Some(before) = scope.declared(&arg.name.name) {
                self.report(errors::duplicate(&arg.name.name, arg.name.span, Some(before)));
            }
            scope.bind_local(&arg.name.name, ty.clone(), arg.name.span);
        }
    }

    /// `twice[tanh]`: sizes stay variables, so they are not part of the name.
    fn instance_name(&self, ast: &ast::Function, statics: &[Static]) -> String {
        let resolved: Vec<String> = statics
            .iter()
            .filter_map(|value| match value {
                Static::Size(_) => None,
                Static::Number(bits) => Some(crate::print::number(f64::from_bits(*bits))),
                Static::Function(callee) => Some(self.callee_name(callee)),
                Static::Word(word) => Some(word.clone()),
            })
            .collect();
        if resolved.is_empty() {
            ast.name.name.clone()
        } else {
            format!("{}[{}]", ast.name.name, resolved.join(", "))
        }
    }

    fn callee_name(&self, callee: &Callee) -> String {
        match callee {
            Callee::Builtin(name) => name.clone(),
            Callee::Def(def, _) => self.defs[*def].ast.name.name.clone(),
            Callee::Derived(derived) => derived.text(),
        }
    }

    /// Checks the bodies of everything that is used, then what nothing uses. Gives how many functions
    /// and stages are used: they come first.
    pub(super) fn check_declarations(&mut self) -> (usize, usize) {
        self.check_bodies();
        let used = (self.functions.len(), self.stages.len());
        self.check_unused();
        self.check_unused_stages();
        self.check_unused_pipelines();
        self.check_recursion();
        used
    }

    /// Checks bodies until no instance waits for it.
    pub(super) fn check_bodies(&mut self) {
        while let Some(id) = self.pending.pop_front() {
            let before = self.diagnostics.len();
            let function = self.body(id);
            self.functions[id.0] = function.ok();
            self.label_script(id, before);
        }
    }

    /// What is found in the library is said of the call in the script that led there.
    fn label_script(&mut self, id: FunctionId, from: usize) {
        if from == self.diagnostics.len() {
            return;
        }
        let (mut at, mut span) = (id, None);
        while self.defs[self.instances[at.0].def].library {
            let Some(call) = self.calls.iter().find(|call| call.callee == at) else { return };
            span = Some(call.span);
            match call.caller {
                Place::Function(caller) if caller != at => at = caller,
                _ => break,
            }
        }
        for found in &mut self.diagnostics[from..] {
            if let Some(span) = span {
                found.labels.insert(0, Label { span, text: "asked for by this".into() });
            }
        }
    }

    fn body(&mut self, id: FunctionId) -> Checked<Function> {
        let instance = &mut self.instances[id.0];
        let Some(mut scope) = instance.scope.take() else { return Err(Poison) };
        let instance_def = instance.def;
        let (name, signature, def) =
            (instance.name.clone(), instance.signature.clone(), self.defs[instance_def]);
        self.check_defaults(instance_def, &scope, &signature);
        let from = scope.names.len() - signature.args.len();
        let (members, lets) = self.members(&mut scope, def.ast, from);
        let wanted = result_types(def.ast, &signature);
        let value = self.several(&mut scope, &def.ast.body, &wanted, &format!("`{}`", def.ast.name.name));
        let layers = self.finish_layers(&mut scope, value.is_ok() && lets.is_ok());
        let (mut members, lets, layers) = (members?, lets?, layers?);
        let body = with_lines(lets, value?);
        scope.names.truncate(from + signature.args.len());
        let rule = match &def.ast.rule {
            Some(rule) => Some(self.rule(&mut scope, def, rule, &signature)?),
            None => None,
        };
        for (k, layer) in layers {
            members[k] = Some(layer);
        }
        Ok(Function {
            name,
            sizes: signature.sizes,
            n_args: signature.args.len(),
            locals: scope.locals,
            members: members.into_iter().flatten().collect(),
            body,
            more: signature.more,
            rule,
            span: def.ast.name.span,
        })
    }

    /// `vjp y, dy => ...`: a gradient for each argument that is not an integer.
    fn rule(
        &mut self,
        scope: &mut Scope,
        def: Def<'a>,
        rule: &'a ast::Rule,
        signature: &Signature,
    ) -> Checked<Rule> {
        let name = &def.ast.name.name;
        let floats: Vec<usize> =
            (0..signature.args.len()).filter(|k| signature.args[*k].dtype.is_float()).collect();
        if def.model
            || !signature.more.is_empty()
            || !signature.result.dtype.is_float()
            || floats.len() != rule.gradients.len()
        {
            return Err(self.wrong_rule(def, rule, &floats, signature));
        }
        for ident in rule.result.iter().chain([&rule.seed]) {
            if let Some(before) = scope.declared(&ident.name) {
                self.report(errors::duplicate(&ident.name, ident.span, Some(before)));
            }
        }
        let result = match &rule.result {
            Some(ident) => scope.bind_local(&ident.name, signature.result.clone(), ident.span),
            None => scope.local("y", signature.result.clone(), rule.seed.span),
        };
        let seed = scope.bind_local(&rule.seed.name, signature.result.clone(), rule.seed.span);
        let mut gradients = vec![None; signature.args.len()];
        for (k, gradient) in floats.into_iter().zip(&rule.gradients) {
            let (ty, span) = (&signature.args[k], signature.spans[k]);
            let value = self.expr(scope, gradient, Some(ty))?;
            let written = &signature.names[k];
            let expected =
                (span, format!("the gradient by `{written}` has its type, `{}`", signature.written[k]));
            if value.expr.ty.dtype != ty.dtype || value.expr.ty.shape != ty.shape {
                let literal = value.weak != super::scope::Weak::No;
                if !literal {
                    let have = text::show(&value.expr.ty, self.real);
                    let message = format!("the gradient of `{name}` by `{written}` is `{have}`");
                    let found =
                        at(&errors::DERIVATIVE_RULE, message, value.expr.span, format!("this is `{have}`"));
                    return Err(self.report(
                        found
                            .label(expected.0, expected.1)
                            .help("sum over what was repeated, or repeat what was summed"),
                    ));
                }
            }
            gradients[k] = Some(self.coerce(scope, value, ty, expected)?);
        }
        Ok(Rule { result, seed, gradients })
    }

    fn wrong_rule(
        &mut self,
        def: Def<'a>,
        rule: &ast::Rule,
        floats: &[usize],
        signature: &Signature,
    ) -> Poison {
        let name = &def.ast.name;
        let (message, help) = if def.model {
            let message = format!("model `{}` owns parameters, and a rule says nothing of them", name.name);
            (message, "write a `fn` with a rule and call it in the model".to_string())
        } else if !signature.more.is_empty() {
            let message = format!("`{}` gives several values, and a rule is for one", name.name);
            (message, "give one value".to_string())
        } else if !signature.result.dtype.is_float() || floats.is_empty() {
            (
                format!("`{}` has no derivative", name.name),
                "a rule is for a function from `real` to `real`: leave it out".to_string(),
            )
        } else {
            let names: Vec<String> = floats.iter().map(|k| format!("`{}`", signature.names[*k])).collect();
            let (wanted, given) = (gradients(floats.len()), rule.gradients.len());
            let message = format!("the rule of `{}` gives {}, not {wanted}", name.name, gradients(given));
            (message, format!("give one for each argument that is not an integer: {}", names.join(", ")))
        };
        let found = at(&errors::DERIVATIVE_RULE, message, rule.seed.span, "this rule");
        self.report(found.label(name.span, "declared here").help(help))
    }

    /// Defaults that no call needs are checked as well.
    fn check_defaults(&mut self, def: usize, scope: &Scope, signature: &Signature) {
        for (k, arg) in self.defs[def].ast.args.iter().enumerate() {
            let Some(default) = &arg.default else { continue };
            if let Ok(value) = self.default_value(def, k, default) {
                let written = format!("argument `{}` is declared `{}`", arg.name.name, signature.written[k]);
                let _ = self.coerce(scope, value, &signature.args[k], (arg.ty.span, written));
            }
        }
    }

    /// Functions of the script that nothing uses are checked as well, with plain sizes.
    pub(super) fn check_unused(&mut self) {
        let used: Vec<usize> = self.instances.iter().map(|instance| instance.def).collect();
        for def in 0..self.defs.len() {
            let Def { ast, library, .. } = self.defs[def];
            let plain = !ast.statics.iter().any(|given| called(ast, &given.name.name));
            if !library && plain && !used.contains(&def) {
                let sizes = ast.statics.iter().map(|given| match &given.default {
                    Some(default) => self.default_static(def, default),
                    None => Ok(Static::Size(Dim::constant(1))),
                });
                let sizes: Checked<Vec<Static>> = sizes.collect::<Vec<_>>().into_iter().collect();
                let _ = sizes.and_then(|sizes| self.instance(def, &sizes, 1, None));
                self.check_bodies();
            }
        }
    }

    /// Cycles among functions.
    pub(super) fn check_recursion(&mut self) {
        let mut edges: BTreeMap<usize, Vec<(usize, Span)>> = BTreeMap::new();
        for call in &self.calls {
            if let Place::Function(id) = call.caller {
                edges.entry(id.0).or_default().push((call.callee.0, call.span));
            }
        }
        let mut state = vec![0u8; self.instances.len()];
        for root in 0..self.instances.len() {
            let mut stack = vec![(root, 0)];
            while let Some((at, next)) = stack.pop() {
                state[at] = state[at].max(1);
                match edges.get(&at).and_then(|out| out.get(next)).copied() {
                    None => state[at] = 2,
                    Some((to, span)) => {
                        stack.push((at, next + 1));
                        match state[to] {
                            0 => stack.push((to, 0)),
                            1 => self.recursion(to, span),
                            _ => {}
                        }
                    }
                }
            }
        }
    }

    fn recursion(&mut self, to: usize, span: Span) {
        let name = &self.defs[self.instances[to].def].ast.name;
        let message = format!("`{}` calls itself", name.name);
        let found = at(&errors::RECURSION, message, span, "by this call").label(name.span, "declared here");
        self.report(found.help("functions are inlined: write it without recursion"));
    }
}

fn gradients(n: usize) -> String {
    if n == 1 { "1 gradient".into() } else { format!("{n} gradients") }
}

/// What the results of a function are declared as.
fn result_types(function: &ast::Function, signature: &Signature) -> Vec<Wanted> {
    let written = std::iter::once(&function.result).chain(&function.more);
    let types = std::iter::once(&signature.result).chain(&signature.more);
    let name = &function.name.name;
    let wanted = |(written, ty): (&ast::TypeExpr, &Type)| Wanted {
        ty: ty.clone(),
        place: (written.span, format!("`{name}` is declared to give `{}`", text::type_source(written))),
    };
    written.zip(types).map(wanted).collect()
}

/// Whether a function uses its static argument as a function or a word (found by its text).
pub(crate) fn called(function: &ast::Function, name: &str) -> bool {
    let members = function.members.iter().map(ast::Member::value);
    let rule = function.rule.iter().flat_map(|rule| &rule.gradients);
    members.chain([&function.body]).chain(rule).any(|expr| calls(expr, name))
}

fn calls(expr: &ast::Expr, name: &str) -> bool {
    use ast::ExprKind::*;
    let is = |expr: &ast::Expr| matches!(&expr.kind, Name(have) if have == name);
    match &expr.kind {
        Call(f, args) => {
            let derived = matches!(&f.kind, Name(f) if super::derive::kind(f).is_some());
            let given = |arg: &ast::Argument| derived && is(&arg.value) || calls(&arg.value, name);
            is(f) || calls(f, name) || args.iter().any(given)
        }
        Pipe(a, f) => is(f) || calls(a, name) || calls(f, name),
        Bracket(f, items) => {
            is(f) || calls(f, name) || items.iter().any(|item| is(item) || calls(item, name))
        }
        Match(word, arms) => is(word) || arms.iter().any(|(_, arm)| calls(arm, name)),
        Groups(arms) => arms.iter().any(|(_, arm)| is(arm) || calls(arm, name)),
        Unary(_, x) | Field(x, _) => calls(x, name),
        Binary(_, a, b) => calls(a, name) || calls(b, name),
        Slice(parts) => parts.iter().flatten().any(|part| calls(part, name)),
        List(items) | Tuple(items) => items.iter().any(|item| calls(item, name)),
        Loop(parts) => {
            let starts = parts.carried.iter().map(|line| &line.value);
            let sequences = parts.sequences.iter().map(|(_, over)| over);
            starts.chain(sequences).chain([&parts.body]).any(|expr| calls(expr, name))
        }
        Block(lets, body) => lets.iter().any(|line| calls(&line.value, name)) || calls(body, name),
        _ => false,
    }
}
