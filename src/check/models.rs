//! Models: what they own, and that all uses agree about its sizes.

use std::collections::{BTreeMap, BTreeSet};

use crate::algebra::types::{Dim, SizeVar};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::exprs::Line;
use super::functions::CallSite;
use super::scope::{Binding, Callee, Checked, Layer, Place, Poison, Scope, Value};
use super::text;
use crate::typed::{Expr, FunctionId, Instance, Member};

/// The most layers that one line declares.
const MOST_LAYERS: i64 = 1000;

/// The members of a model, a place left for each layer, which its first call completes.
type Members = Checked<Vec<Option<Member>>>;

impl<'a> Checker<'a> {
    /// Checks the lines before a function's value; `from`: where its own names start.
    pub(super) fn members(
        &mut self,
        scope: &mut Scope,
        function: &'a ast::Function,
        from: usize,
    ) -> (Members, Checked<Vec<(Line, Expr)>>) {
        let (mut members, mut lets) = (Ok(Vec::new()), Ok(Vec::new()));
        for line in &function.members {
            match line {
                ast::Member::Let(line) => {
                    let line = self.let_line(scope, line, from);
                    push(&mut lets, line.map(|(locals, value)| (Line::Let(locals), value)));
                }
                ast::Member::State(line) => {
                    let member = self.model_state(scope, line, from, len(&members));
                    push(&mut members, member.map(Some));
                }
                ast::Member::Assign { name, value } => {
                    push(&mut lets, self.assign_state(scope, name, value, from));
                }
                ast::Member::Param(line) => {
                    let member = self.param(scope, line, from, len(&members));
                    push(&mut members, member.map(Some));
                }
                ast::Member::Layer(line) => {
                    let count = self.layer(scope, line, from, len(&members));
                    for _ in 0..*count.as_ref().unwrap_or(&1) {
                        push(&mut members, count.map(|_| None));
                    }
                }
            }
        }
        self.states_assigned(scope, function);
        (members, lets)
    }

    fn claim(&mut self, scope: &Scope, name: &ast::Ident, from: usize) {
        if let Some((.., span)) = scope.names[from..].iter().find(|(have, ..)| *have == name.name) {
            let span = *span;
            self.report(errors::duplicate(&name.name, name.span, Some(span)));
        }
    }

    /// `param w: real[I, O] = glorot_uniform()`
    fn param(&mut self, scope: &mut Scope, line: &'a ast::Let, from: usize, k: usize) -> Checked<Member> {
        let init = self.initial(scope, line, from).and_then(|init| self.float_param(init, line));
        let binding = match &init {
            Ok(init) => Binding::Param(k, init.ty.clone()),
            Err(_) => Binding::Error,
        };
        scope.bind(&line.name.name, binding, line.name.span);
        let init = init?;
        Ok(Member::Param { name: line.name.name.clone(), ty: init.ty.clone(), init, span: line.name.span })
    }

    /// A value before training.
    pub(super) fn initial(&mut self, scope: &mut Scope, line: &'a ast::Let, from: usize) -> Checked<Expr> {
        self.claim(scope, &line.name, from);
        let before = scope.hidden.replace(scope.locals.len());
        let init = self.let_value(scope, line);
        scope.hidden = before;
        init
    }

    fn float_param(&mut self, init: Expr, line: &ast::Let) -> Checked<Expr> {
        if init.ty.dtype == self.real {
            return Ok(init);
        }
        let shown = text::show(&init.ty, self.real);
        let message = format!("parameter `{}` is `{shown}`; parameters are `real`", line.name.name);
        let found = at(&errors::TYPE_MISMATCH, message, line.name.span, format!("this is `{shown}`"));
        Err(self.report(found.help(format!("write its type: `param {}: real = ...`", line.name.name))))
    }

    /// `layer hidden = dense[64, 32]`, `layer blocks = block[64] * 6`; how many members that makes.
    fn layer(&mut self, scope: &mut Scope, line: &'a ast::Let, from: usize, k: usize) -> Checked<usize> {
        self.claim(scope, &line.name, from);
        let (name, span) = (line.name.name.clone(), line.name.span);
        let (model, count) = match &line.value.kind {
            Ast::Binary(ast::BinaryOp::Mul, model, count) => (&**model, Some(self.repeats(scope, count))),
            _ => (&line.value, None),
        };
        let made = self.model_value(scope, model).and_then(|callee| Ok((callee, count.transpose()?)));
        match made {
            Ok((callee, None)) => {
                scope.layers.push((k, Layer { name: name.clone(), callee, span, function: None }));
                let index = scope.layers.len() - 1;
                scope.bind(&name, Binding::Layer(index), span);
                Ok(1)
            }
            Ok((callee, Some(count))) => {
                let first = scope.layers.len();
                for j in 0..count {
                    let name = format!("{name}[{j}]");
                    scope.layers.push((k + j, Layer { name, callee: callee.clone(), span, function: None }));
                }
                scope.bind(&name, Binding::Layers(first, count), span);
                Ok(count)
            }
            Err(poison) => {
                scope.bind(&name, Binding::Error, span);
                Err(poison)
            }
        }
    }

    /// How many times a layer is repeated.
    fn repeats(&mut self, scope: &mut Scope, count: &'a ast::Expr) -> Checked<usize> {
        match self.dim(scope, count, false)?.as_constant() {
            Some(n) if (1..=MOST_LAYERS).contains(&n) => Ok(n as usize),
            _ => {
                let message = format!("a layer is repeated 1 to {MOST_LAYERS} times");
                let found = at(&errors::NOT_CONSTANT, message, count.span, "not such a number");
                Err(self.report(found.help("write how many layers there are: `block[64] * 6`")))
            }
        }
    }

    /// `dense[64, 32]`: a model with its statics.
    pub(super) fn model_value(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Callee> {
        let (of, statics): (&'a ast::Expr, &'a [ast::Expr]) = match &expr.kind {
            Ast::Bracket(of, statics) => (of, statics),
            Ast::Binary(ast::BinaryOp::Mul, ..) => {
                return Err(self.report(errors::not_supported(
                    "repeating a model here",
                    expr.span,
                    "repeat it as a layer: `layer blocks = block[64] * 6`",
                )));
            }
            Ast::Error => return Err(Poison),
            _ => (expr, &[]),
        };
        let Ast::Name(name) = &of.kind else { return Err(self.not_a_model(of, None)) };
        let found = match scope.get(name) {
            Some(Binding::Function(Callee::Def(def, given))) => Some((*def, given.clone())),
            Some(Binding::Error) => return Err(Poison),
            Some(_) => None,
            None => self.find_def(name, scope.library).map(|def| (def, Vec::new())),
        };
        let Some((def, given)) = found else {
            let known = scope.get(name).is_some() || self.is_builtin(name);
            if known || self.find_stage(name).is_some() || self.globals.contains_key(name.as_str()) {
                return Err(self.not_a_model(of, None));
            }
            let near = self.nearest_name(scope, name);
            return Err(self.report(errors::unknown_name(name, of.span, near)));
        };
        if !self.defs[def].model {
            return Err(self.not_a_model(of, Some(self.defs[def].ast.name.span)));
        }
        let call = Call { name: name.clone(), statics, args: Vec::new(), span: expr.span, expected: None };
        Ok(Callee::Def(def, self.statics(scope, def, given, &call)?))
    }

    fn not_a_model(&mut self, expr: &ast::Expr, declared: Option<Span>) -> Poison {
        let name = text::source(expr);
        let found =
            at(&errors::NOT_A_MODEL, format!("`{name}` is not a model"), expr.span, "a model is needed");
        let found = match declared {
            Some(span) => found.label(span, "declared as a function here"),
            None => found,
        };
        self.report(found.help("name a `model`; functions own nothing and are called where they are used"))
    }

    /// A call of repeated layers: of one of them, `blocks[2](x)`, or of all in turn, `x |> blocks`.
    pub(super) fn call_layers(
        &mut self,
        scope: &mut Scope,
        first: usize,
        count: usize,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        if let [position] = call.statics {
            let at = (self.dim(scope, position, false)?, position.span);
            return self.call_one_of(scope, first, count, at, call);
        }
        self.no_statics(call)?;
        let mut value = None;
        for k in first..first + count {
            value = Some(self.call_layer(scope, k, value, call)?);
        }
        value.ok_or(Poison)
    }

    /// A call of one of repeated layers: `blocks[2](x)`.
    pub(super) fn call_one_of(
        &mut self,
        scope: &mut Scope,
        first: usize,
        count: usize,
        (position, span): (Dim, Span),
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        match position.as_constant() {
            Some(n) if (-(count as i64)..count as i64).contains(&n) => {
                let k = n.rem_euclid(count as i64) as usize;
                self.call_layer(scope, first + k, None, call)
            }
            Some(n) => {
                let (size, last) = (count.to_string(), Some(count as i64 - 1));
                Err(self.report(errors::outside(&n.to_string(), &size, last, span)))
            }
            None => self.call_layer_at(scope, first, count, position, call),
        }
    }

    /// A call of the layer at a position that differs between the turns of a loop: `blocks[i](x)`.
    fn call_layer_at(
        &mut self,
        scope: &mut Scope,
        index: usize,
        count: usize,
        position: Dim,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        let (first, layer) = scope.layers[index].clone();
        let Callee::Def(def, statics) = layer.callee else { return Err(Poison) };
        let instance = Instance::LayerAt { first, count, position };
        let value = self.call_def(scope, def, statics, instance, None, call)?;
        if let crate::typed::ExprKind::Call { function, .. } = &value.expr.kind {
            for (_, layer) in &mut scope.layers[index..index + count] {
                layer.function.get_or_insert(*function);
            }
        }
        Ok(value)
    }

    /// A call of a layer, on `first` in place of its first argument if there is one.
    pub(super) fn call_layer(
        &mut self,
        scope: &mut Scope,
        index: usize,
        first: Option<Value>,
        call: &Call<'a, '_>,
    ) -> Checked<Value> {
        let (member, layer) = scope.layers[index].clone();
        if scope.hidden.is_some() {
            return Err(self.hidden(scope, &layer.name, call.span));
        }
        let Callee::Def(def, statics) = layer.callee else { return Err(Poison) };
        let value = self.call_def(scope, def, statics, Instance::Layer(member), first, call)?;
        if let crate::typed::ExprKind::Call { function, .. } = &value.expr.kind {
            scope.layers[index].1.function.get_or_insert(*function);
        }
        Ok(value)
    }

    /// Where a layer of this name is declared.
    pub(super) fn layer_span(&self, scope: &Scope, name: &str) -> Option<Span> {
        match scope.get(name) {
            Some(Binding::Layer(index) | Binding::Layers(index, _)) => Some(scope.layers[*index].1.span),
            _ => None,
        }
    }

    /// The layers as members; those never called are instances all the same.
    pub(super) fn finish_layers(&mut self, scope: &mut Scope, sound: bool) -> Checked<Vec<(usize, Member)>> {
        let caller = self.caller(scope);
        let mut members = Vec::new();
        for (k, layer) in scope.layers.clone() {
            let Callee::Def(def, statics) = layer.callee else { continue };
            let function = match layer.function {
                Some(function) => function,
                None => {
                    if sound {
                        self.unused_layer(scope, &layer.name, layer.span);
                    }
                    self.instance(def, &statics, 0, caller)?
                }
            };
            let sizes = self.instances[function.0].signature.static_sizes(&statics);
            members.push((k, Member::Layer { name: layer.name, function, sizes }));
        }
        Ok(members)
    }

    fn unused_layer(&mut self, scope: &Scope, name: &str, span: Span) {
        if scope.library {
            return;
        }
        let found = Diagnostic::warning(&errors::UNUSED_LAYER, format!("layer `{name}` is never used"));
        self.report(found.label(span, "declared here").help("apply it, or remove it"));
    }

    /// What can be said of models only when all bodies are known: which sizes their parameters need,
    /// that all calls of one layer agree on them, and that none is the number of rows.
    pub(super) fn check_model_sizes(&mut self) {
        let mut needed: BTreeMap<usize, BTreeSet<SizeVar>> = BTreeMap::new();
        for id in self.callees_first() {
            let vars = self.complete_layers(id, &needed);
            needed.insert(id, vars);
        }
        let mut first: BTreeMap<usize, CallSite> = BTreeMap::new();
        for call in self.calls.clone() {
            let group = match (&call.instance, &call.caller) {
                (Instance::Root, Place::Run(statement)) => {
                    *self.evaluated.get(statement).unwrap_or(statement)
                }
                (Instance::Fit(fit), _) => fit.0,
                _ => continue,
            };
            self.check_rows(&call, &needed);
            match first.get(&group) {
                Some(before) => self.agree(&before.clone(), &call, &needed),
                None => drop(first.insert(group, call)),
            }
        }
    }

    /// Function ids, callees before callers.
    fn callees_first(&self) -> Vec<usize> {
        let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (id, function) in self.functions.iter().enumerate() {
            let members = function.iter().flat_map(|function| &function.members);
            let layers = members.filter_map(|member| match member {
                Member::Layer { function, .. } => Some(function.0),
                Member::Param { .. } | Member::State { .. } => None,
            });
            out.insert(id, layers.collect());
        }
        for call in &self.calls {
            if let Place::Function(id) = call.caller {
                out.entry(id.0).or_default().push(call.callee.0);
            }
        }
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for root in 0..self.functions.len() {
            let mut stack = vec![(root, 0)];
            while let Some((id, next)) = stack.pop() {
                if next == 0 && !seen.insert(id) {
                    continue;
                }
                match out.get(&id).and_then(|out| out.get(next)) {
                    Some(to) => {
                        stack.push((id, next + 1));
                        stack.push((*to, 0));
                    }
                    None => order.push(id),
                }
            }
        }
        order
    }

    /// Adds to each layer the sizes that its calls give to its parameters; the variables of the model
    /// that its own parameters need.
    fn complete_layers(
        &mut self,
        id: usize,
        needed: &BTreeMap<usize, BTreeSet<SizeVar>>,
    ) -> BTreeSet<SizeVar> {
        let Some(mut function) = self.functions[id].take() else { return BTreeSet::new() };
        let mut vars = BTreeSet::new();
        for k in 0..function.members.len() {
            match &mut function.members[k] {
                Member::Param { ty, .. } | Member::State { ty, .. } => {
                    vars.extend(ty.shape.iter().flat_map(Dim::vars).cloned())
                }
                Member::Layer { function: callee, sizes, .. } => {
                    let callee = *callee;
                    let needs = needed.get(&callee.0).cloned().unwrap_or_default();
                    self.complete_layer(id, k, callee, sizes, &needs, needed);
                    let fixed = sizes.iter().filter(|(var, _)| needs.contains(var));
                    vars.extend(fixed.flat_map(|(_, dim)| dim.vars().cloned().collect::<Vec<_>>()));
                }
            }
        }
        self.functions[id] = Some(function);
        vars
    }

    fn complete_layer(
        &mut self,
        id: usize,
        member: usize,
        callee: FunctionId,
        sizes: &mut BTreeMap<SizeVar, Dim>,
        needs: &BTreeSet<SizeVar>,
        needed: &BTreeMap<usize, BTreeSet<SizeVar>>,
    ) {
        let here = |call: &&CallSite| {
            call.caller == Place::Function(FunctionId(id)) && call.instance == Instance::Layer(member)
        };
        let calls: Vec<CallSite> = self.calls.iter().filter(here).cloned().collect();
        let Some(first) = calls.iter().find(|call| call.callee == callee) else { return };
        let signature = &self.instances[callee.0].signature;
        for (var, dim) in signature.sizes.iter().zip(&first.sizes) {
            if needs.contains(var) {
                sizes.entry(var.clone()).or_insert_with(|| dim.clone());
            }
        }
        for call in &calls {
            self.steady(id, call, needs);
            self.agree(first, call, needed);
        }
    }

    /// Parameters have the same sizes in every turn of a loop.
    fn steady(&mut self, id: usize, call: &CallSite, needs: &BTreeSet<SizeVar>) {
        let own = &self.instances[id].signature.sizes;
        let callee = &self.instances[call.callee.0];
        let mut pairs = callee.signature.sizes.iter().zip(&call.sizes).filter(|(var, _)| needs.contains(var));
        let Some((var, dim)) = pairs.find(|(_, dim)| dim.vars().any(|var| !own.contains(var))) else {
            return;
        };
        let message = format!(
            "`{}` has parameters of size `{}` = {dim}, another one in each turn",
            callee.name, var.name
        );
        let found = at(&errors::MODEL_SIZES, message, call.span, format!("`{}` is {dim} here", var.name));
        self.report(
            found.help("its parameters can have one shape only: give it the same sizes in each turn"),
        );
    }

    /// Two uses of one instance need its parameters in the same sizes.
    fn agree(&mut self, a: &CallSite, b: &CallSite, needed: &BTreeMap<usize, BTreeSet<SizeVar>>) {
        let param_sizes = |call: &CallSite| -> Vec<(String, Dim)> {
            let vars = &self.instances[call.callee.0].signature.sizes;
            let needs = needed.get(&call.callee.0);
            let pairs = vars
                .iter()
                .zip(&call.sizes)
                .filter(|(var, _)| needs.is_some_and(|needs| needs.contains(var)));
            pairs.map(|(var, dim)| (var.name.to_string(), dim.clone())).collect()
        };
        let (x, y) = (param_sizes(a), param_sizes(b));
        let same_statement = a.caller == b.caller;
        let differs = x
            .iter()
            .zip(&y)
            .find(|(x, y)| x.1 != y.1 && (same_statement || constant(&x.1) && constant(&y.1)));
        let Some(((name, one), (_, other))) = differs else { return };
        let model = &self.instances[a.callee.0].name;
        let message = format!("`{model}` is used with `{name}` = {one} and with `{name}` = {other}");
        let found = at(&errors::MODEL_SIZES, message, b.span, format!("`{name}` is {other} here"));
        let found = found.label(a.span, format!("`{name}` is {one} here"));
        self.report(found.help("its parameters can have one shape only: use two instances"));
    }

    /// The number of rows is no size of a parameter.
    fn check_rows(&mut self, call: &CallSite, needed: &BTreeMap<usize, BTreeSet<SizeVar>>) {
        let instance = &self.instances[call.callee.0];
        let needs = needed.get(&call.callee.0).cloned().unwrap_or_default();
        let pairs = instance.signature.sizes.iter().zip(&call.sizes);
        let bad = pairs.filter(|(var, _)| needs.contains(var)).find(|(_, dim)| dim.as_constant().is_none());
        let Some((var, dim)) = bad else { return };
        let message = format!(
            "the parameters of `{}` have size `{}`, which is the number of rows here",
            instance.name, var.name
        );
        let found =
            at(&errors::PARAM_ROWS, message, call.span, format!("`{}` is `{dim}` in this call", var.name));
        let declared = self.defs[instance.def].ast.name.span;
        self.report(
            found
                .label(declared, "the model is declared here")
                .help("give parameters sizes that do not depend on rows"),
        );
    }
}

fn constant(dim: &Dim) -> bool {
    dim.as_constant().is_some()
}

fn len(members: &Members) -> usize {
    members.as_ref().map_or(0, Vec::len)
}

/// Adds to what is there, unless either is in error.
fn push<T>(all: &mut Checked<Vec<T>>, next: Checked<T>) {
    match (all.as_mut(), next) {
        (Ok(all), Ok(next)) => all.push(next),
        _ => *all = Err(Poison),
    }
}
