//! Expressions: names, literals, blocks, choices, elements.

use crate::algebra::op::Op;
use crate::algebra::pack::Pack;
use crate::algebra::scalar;
use crate::algebra::types::{DType, Dim, Type};
use crate::algebra::view::View;
use crate::ast::{self, ExprKind as Ast, UnaryOp};
use crate::source::Span;
use crate::typed::build;

use super::Checker;
use super::calls::Arg;
use super::errors::{self, at};
use super::ops;
use super::scope::{Binding, Checked, Global, Place, Poison, Scope, Value, Weak};
use super::sweeps;
use super::text;
use crate::typed::{Counter, Expr, ExprKind, LocalId};

/// The name of a value that nobody needs.
pub(super) const NOBODY: &str = "_";

impl<'a> Checker<'a> {
    /// Checks an expression of one value. `expected` helps where nothing else tells a size; it is no
    /// demand.
    pub(super) fn expr(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let value = self.any_expr(scope, expr, expected)?;
        match self.results(&value.expr).len() {
            1 => Ok(value),
            several => Err(self.report(errors::several_values(several, &text::source(expr), expr.span))),
        }
    }

    /// Checks an expression, which may have several values.
    pub(super) fn any_expr(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let span = expr.span;
        if let Some((_, known)) = scope.known.iter().rev().find(|(place, _)| *place == span) {
            return Ok(known.clone());
        }
        match &expr.kind {
            Ast::Error => Err(Poison),
            Ast::Number { value, integer } => Ok(ops::literal(*value, *integer, scope.float, span)),
            Ast::Bool(value) => {
                let ty = Type::scalar(DType::Bool);
                Ok(Value::strong(build::constant(f64::from(u8::from(*value)), ty, span)))
            }
            Ast::Str(_) => {
                Err(self.report(errors::not_a_value("text", span, "text is for `print` and for paths")))
            }
            Ast::Name(name) => self.name(scope, name, span),
            Ast::Field(of, field) => match self.vocab(of, field) {
                Some(size) => Ok(ops::size(&size?, span)),
                None => self.field(scope, of, field, span),
            },
            Ast::Call(callee, args) => {
                let args =
                    args.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }).collect();
                self.call(scope, callee, args, span, expected)
            }
            Ast::Pipe(value, callee) => self.pipe(scope, value, callee, span, expected),
            Ast::Bracket(of, indices) => self.bracket(scope, of, indices, span, expected),
            Ast::List(items) => self.list(scope, items, span),
            Ast::Tuple(_) => Ok(Value::strong(self.several(scope, expr, &[], "")?)),
            Ast::Loop(parts) => self.repeat(scope, parts, span),
            Ast::Unary(op, x) => self.unary(scope, *op, x, span, expected),
            Ast::Binary(op, a, b) => self.binary(scope, *op, a, b, span, expected),
            Ast::Match(word, arms) => {
                let arm = self.match_arm(scope, word, arms, span)?;
                self.any_expr(scope, arm, expected)
            }
            Ast::Groups(_) => {
                let help = "groups of parameters are for `optimizer = { ... }` in `train`";
                Err(self.report(errors::not_a_value("an optimizer", span, help)))
            }
            Ast::Block(lets, body) => self.block(scope, lets, body, expected),
            Ast::Train(_) | Ast::Eval(_) | Ast::Sweep(_) => {
                let message = "`train`, `sweep` and `eval` stand by themselves or after `let NAME =`";
                Err(self.report(at(&errors::NOT_A_VALUE, message, span, "not inside of an expression")))
            }
            Ast::By(..) => {
                let message = "`by` makes a table or a curve of a sweep, which is no value";
                let found = at(&errors::WRONG_SWEEP, message, span, "not inside of an expression");
                Err(self.report(found.help("write `print runs.loss by lr`, or plot it")))
            }
            Ast::Rest => {
                let help = "`..` stands in types and among the positions of a tensor";
                Err(self.report(errors::not_a_value("`..`", span, help)))
            }
            Ast::Named(..) => {
                let help = "names stand in the brackets of what is called or made a layer: `conv2d[1, 8, 3, stride = 2]`";
                Err(self.report(errors::not_a_value(&format!("`{}`", text::source(expr)), span, help)))
            }
            Ast::Slice(_) => {
                let help = "slices stand in the brackets of a tensor: `x[1:5]`";
                Err(self.report(errors::not_a_value(&format!("`{}`", text::source(expr)), span, help)))
            }
        }
    }

    /// Checks an expression whose type must be definite.
    pub(super) fn definite(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Expr> {
        let value = self.expr(scope, expr, None)?;
        self.settle(value)
    }

    /// `x |> f(y)` is `f(x, y)`.
    fn pipe(
        &mut self,
        scope: &mut Scope,
        value: &'a ast::Expr,
        callee: &'a ast::Expr,
        span: Span,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let mut args = vec![Arg { name: None, value }];
        let made = self.makes_function(scope, callee);
        let callee = match &callee.kind {
            Ast::Call(callee, rest) if !made => {
                args.extend(rest.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }));
                callee
            }
            _ => callee,
        };
        self.call(scope, callee, args, span, expected)
    }

    fn name(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
        let value = |kind, ty: &Type| Ok(Value::strong(Expr { kind, ty: ty.clone(), span }));
        match scope.get(name) {
            Some(Binding::Local(id)) if scope.hidden.is_some_and(|first| id.0 < first) => {
                Err(self.hidden(scope, name, span))
            }
            Some(Binding::Param(..) | Binding::State(..)) if scope.hidden.is_some() => {
                Err(self.hidden(scope, name, span))
            }
            Some(Binding::Local(id)) => value(ExprKind::Local(*id), &scope.locals[id.0].ty),
            Some(Binding::Param(k, ty)) => value(ExprKind::Param(*k), ty),
            Some(Binding::State(k, ty)) => value(ExprKind::State(*k), ty),
            Some(Binding::Size(dim)) => Ok(ops::size(dim, span)),
            Some(Binding::Number(number, integer)) => Ok(ops::literal(*number, *integer, scope.float, span)),
            Some(Binding::Error) => Err(Poison),
            Some(Binding::Layer(_) | Binding::Layers(..)) => {
                self.no_value(&format!("layer `{name}`"), span, &format!("apply it: `x |> {name}`"))
            }
            Some(Binding::Function(_)) => {
                self.no_value(&format!("function `{name}`"), span, &format!("call it: `{name}(...)`"))
            }
            Some(Binding::Model(..)) => {
                self.no_value(&format!("model `{name}`"), span, &format!("call it: `{name}(x)`"))
            }
            Some(Binding::Inner) => self.no_value(
                &format!("`{name}`, the pipeline before this stage,"),
                span,
                &format!("run it on parameters: `{name}(w)` is its update"),
            ),
            Some(Binding::Word(..)) => self.no_value(
                &format!("word `{name}`"),
                span,
                "choose by it: `match` or `[...]` of a reduction",
            ),
            None if !scope.library && self.swept.iter().any(|swept| swept.name.name == name) => {
                self.swept_value(scope, name, span)
            }
            None => self.outer_name(scope, name, span),
        }
    }

    fn no_value(&mut self, what: &str, span: Span, help: &str) -> Checked<Value> {
        Err(self.report(errors::not_a_value(what, span, help)))
    }

    /// A name that is none of the scope's own.
    fn outer_name(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
        if !scope.library
            && let Some((value, integer)) = self.constants.get(name)
        {
            return Ok(ops::literal(*value, *integer, scope.float, span));
        }
        let global = if scope.library { None } else { self.globals.get(name).cloned() };
        match global {
            Some(Global::Error) => Err(Poison),
            Some(Global::Fit { .. }) => self.no_value(
                &format!("fit `{name}`"),
                span,
                &format!("name one of its numbers: `{name}.loss`"),
            ),
            Some(Global::Sweep { by, series, .. }) => {
                self.no_value(&format!("sweep `{name}`"), span, &sweeps::table_help(name, &series, &by))
            }
            Some(Global::Eval { series, .. }) => {
                let help = series.first().map(|first| format!("name one of its numbers: `{name}.{first}`"));
                self.no_value(&format!("evaluation `{name}`"), span, &help.unwrap_or_default())
            }
            Some(Global::Value(..)) if matches!(scope.place, Place::Function(_) | Place::Stage { .. }) => {
                let help =
                    format!("pass `{name}` as an argument; only numbers known at compile time are seen here");
                self.no_value(&format!("`{name}`, computed when the script runs,"), span, &help)
            }
            Some(Global::Value(id, ty)) => {
                Ok(Value::strong(Expr { kind: ExprKind::Global(id), ty: ty.clone(), span }))
            }
            None => self.other_name(scope, name, span),
        }
    }

    /// A name that is no value, or unknown.
    fn other_name(&mut self, scope: &Scope, name: &str, span: Span) -> Checked<Value> {
        if name == "training" {
            let ty = Type::scalar(DType::Bool);
            return Ok(Value::strong(Expr { kind: ExprKind::Training, ty, span }));
        }
        if let Some((counter, _)) = Counter::ALL.into_iter().find(|(_, counter)| *counter == name)
            && let Place::Run(run) = scope.place
        {
            return self.counter(counter, run, scope.float, span);
        }
        if self.data_ids.contains_key(name) {
            return self.no_value(
                &format!("data `{name}`"),
                span,
                "its columns are in scope inside of `train` and `eval`",
            );
        }
        let named = !scope.library && self.function_lets.contains_key(name);
        if named || self.find_def(name, scope.library).is_some() || self.is_builtin(name) {
            return self.no_value(&format!("function `{name}`"), span, &format!("call it: `{name}(...)`"));
        }
        if self.find_stage(name).is_some() {
            return self.no_value(&format!("stage `{name}`"), span, "stages stand in `optimizer = ...`");
        }
        if name == "u" && scope.in_stage() {
            return Err(self.no_update(scope, span));
        }
        let near = self.nearest_name(scope, name);
        Err(self.report(errors::unknown_name(name, span, near)))
    }

    /// `t` or `T` of a training run as a `real`.
    fn counter(&mut self, counter: Counter, run: usize, real: DType, span: Span) -> Checked<Value> {
        if self.evaluated.contains_key(&run) {
            let what = format!("`{}`, a number of a training run,", counter.name());
            let help = "an evaluation is no step: call the function with a number in its place";
            return self.no_value(&what, span, help);
        }
        let ty = Type::scalar(DType::F64);
        let number = Expr { kind: ExprKind::Counter(counter), ty, span };
        Ok(Value::strong(build::cast(number, real)))
    }

    /// Something that has no value before training.
    pub(super) fn hidden(&mut self, scope: &Scope, name: &str, span: Span) -> Poison {
        let message = format!("an initial value cannot depend on `{name}`");
        let found = at(&errors::PARAM_INIT, message, span, "not known before training");
        let found = match scope.declared(name) {
            Some(declared) => found.label(declared, format!("`{name}` is declared here")),
            None => found,
        };
        self.report(found.help("use sizes, numbers and `random`"))
    }

    /// `let` lines and a value.
    fn block(
        &mut self,
        scope: &mut Scope,
        lets: &'a [ast::Let],
        body: &'a ast::Expr,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let before = scope.names.len();
        let values: Vec<_> = lets.iter().map(|line| self.let_line(scope, line, before)).collect();
        let body = self.any_expr(scope, body, expected);
        scope.names.truncate(before);
        let values = values.into_iter().collect::<Checked<Vec<_>>>()?;
        Ok(with_lets(values, body?))
    }

    /// Checks `let name: type = value` and binds the names; `from`: where this block's names start.
    pub(super) fn let_line(&mut self, scope: &mut Scope, line: &'a ast::Let, from: usize) -> Checked<Bound> {
        let names: Vec<&ast::Ident> = std::iter::once(&line.name).chain(&line.more).collect();
        for (k, name) in names.iter().enumerate().filter(|(_, name)| name.name != NOBODY) {
            let before = scope.names[from..].iter().find(|(have, ..)| *have == name.name);
            let before = before.map(|(.., span)| *span);
            let twice = names[..k].iter().find(|before| before.name == name.name).map(|name| name.span);
            if let Some(span) = before.or(twice) {
                self.report(errors::duplicate(&name.name, name.span, Some(span)));
            }
        }
        if line.ty.is_none() && line.more.is_empty() && self.makes_function(scope, &line.value) {
            return self.let_function(scope, line);
        }
        match self.let_values(scope, line) {
            Ok((expr, types)) => {
                let bind = |(name, ty): (&&ast::Ident, Type)| match name.name.as_str() {
                    NOBODY => scope.local(NOBODY, ty, name.span),
                    name_of => scope.bind_local(name_of, ty, name.span),
                };
                Ok((names.iter().zip(types).map(bind).collect(), expr))
            }
            Err(poison) => {
                names.iter().for_each(|name| scope.bind(&name.name, Binding::Error, name.span));
                Err(poison)
            }
        }
    }

    /// What a `let` gives to its names, with the type of each.
    pub(super) fn let_values(&mut self, scope: &mut Scope, line: &'a ast::Let) -> Checked<(Expr, Vec<Type>)> {
        if line.more.is_empty() {
            let expr = self.let_value(scope, line)?;
            let ty = expr.ty.clone();
            return Ok((expr, vec![ty]));
        }
        let expr = self.several(scope, &line.value, &[], "")?;
        let (types, names) = (self.results(&expr), line.more.len() + 1);
        if types.len() != names {
            let source = text::source(&line.value);
            return Err(self.report(errors::taken_apart(names, types.len(), &source, line.value.span)));
        }
        Ok((expr, types))
    }

    /// The value of a `let`, of the type written if there is one.
    pub(super) fn let_value(&mut self, scope: &mut Scope, line: &'a ast::Let) -> Checked<Expr> {
        let Some(written) = &line.ty else { return self.definite(scope, &line.value) };
        let ty = self.type_expr(scope, written, false);
        let value = self.expr(scope, &line.value, ty.as_ref().ok());
        let (ty, value) = (ty?, value?);
        let expected =
            (written.span, format!("`{}` is declared `{}`", line.name.name, text::type_source(written)));
        self.coerce(scope, value, &ty, expected)
    }

    /// The arm that a word chooses.
    pub(super) fn match_arm<T>(
        &mut self,
        scope: &Scope,
        word: &ast::Expr,
        arms: &'a [(ast::Ident, T)],
        span: Span,
    ) -> Checked<&'a T> {
        let Ast::Name(name) = &word.kind else {
            return Err(self.report(at(
                &errors::MATCH_ARMS,
                "`match` takes a word",
                word.span,
                "not a word",
            )));
        };
        let (chosen, words) = match scope.get(name) {
            Some(Binding::Word(chosen, words)) => (chosen.clone(), words.clone()),
            Some(Binding::Error) => return Err(Poison),
            Some(_) => {
                let found = at(
                    &errors::MATCH_ARMS,
                    format!("`{name}` is not a word"),
                    word.span,
                    "`match` chooses by a word",
                );
                return Err(self.report(found.help("words are declared as `name = first | second`")));
            }
            None => return Err(self.report(errors::unknown_name(name, word.span, None))),
        };
        self.check_arms(arms, &words, span)?;
        match arms.iter().find(|(arm, _)| arm.name == chosen) {
            Some((_, value)) => Ok(value),
            None => {
                let found = at(&errors::MATCH_ARMS, format!("no arm for `{chosen}`"), span, "this `match`");
                Err(self.report(found.help(format!("add `{chosen} => ...`"))))
            }
        }
    }

    /// Every arm is a word that can be, every such word has an arm. Statics bring no list of words.
    fn check_arms<T>(&mut self, arms: &[(ast::Ident, T)], words: &[String], span: Span) -> Checked<()> {
        let mut result = Ok(());
        for (k, (arm, _)) in arms.iter().enumerate() {
            if !words.is_empty() && !words.contains(&arm.name) {
                result = Err(self.report(errors::none_of(
                    &errors::UNKNOWN_WORD,
                    "word",
                    &arm.name,
                    arm.span,
                    words,
                )));
            }
            if let Some((before, _)) = arms[..k].iter().find(|(before, _)| before.name == arm.name) {
                result = Err(self.report(errors::duplicate(&arm.name, arm.span, Some(before.span))));
            }
        }
        if let Some(missing) = words.iter().find(|word| !arms.iter().any(|(arm, _)| arm.name == **word)) {
            let found = at(&errors::MATCH_ARMS, format!("no arm for `{missing}`"), span, "this `match`");
            result = Err(self.report(found.help(format!("add `{missing} => ...`"))));
        }
        result
    }

    fn unary(
        &mut self,
        scope: &mut Scope,
        op: UnaryOp,
        x: &'a ast::Expr,
        span: Span,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        let value = self.expr(scope, x, expected)?;
        match op {
            UnaryOp::Not => {
                let expr = self.expect_bool(scope, value, "`not`")?;
                Ok(Value::strong(build::map(&scalar::NOT, vec![expr], span)))
            }
            UnaryOp::Neg => self.negate(scope, value, span),
        }
    }

    fn negate(&mut self, scope: &Scope, value: Value, span: Span) -> Checked<Value> {
        if let (ExprKind::Const(number), true) = (&value.expr.kind, value.weak != Weak::No) {
            return Ok(Value { expr: build::constant(-number, value.expr.ty, span), weak: value.weak });
        }
        if let (ExprKind::Size(dim), Weak::Int) = (&value.expr.kind, value.weak) {
            return Ok(ops::size(&Dim::default().sub(dim), span));
        }
        self.expect_number(scope, &value, "`-`")?;
        Ok(Value { expr: build::map(&scalar::NEG, vec![value.expr], span), weak: value.weak })
    }

    /// A number, not a boolean.
    pub(super) fn expect_number(&mut self, scope: &Scope, value: &Value, what: &str) -> Checked<()> {
        if value.expr.ty.dtype != DType::Bool {
            return Ok(());
        }
        let found = at(
            &errors::TYPE_MISMATCH,
            format!("{what} takes numbers, not `bool`"),
            value.expr.span,
            "this is `bool`",
        );
        let found = self.label_origin(scope, &value.expr, found);
        Err(self.report(found.help("convert it: `real(...)` is 0 or 1")))
    }

    /// A boolean.
    pub(super) fn expect_bool(&mut self, scope: &Scope, value: Value, what: &str) -> Checked<Expr> {
        if value.expr.ty.dtype == DType::Bool {
            return Ok(value.expr);
        }
        let shown = text::show(&value.expr.ty, self.real);
        let message = format!("{what} takes `bool`, not `{shown}`");
        let found = at(&errors::TYPE_MISMATCH, message, value.expr.span, format!("this is `{shown}`"));
        let found = self.label_origin(scope, &value.expr, found);
        Err(self.report(found.help("compare it: `x != 0`")))
    }

    /// `f[...]` alone, or a part `x[0, 1:3]`.
    fn bracket(
        &mut self,
        scope: &mut Scope,
        of: &'a ast::Expr,
        indices: &'a [ast::Expr],
        span: Span,
        expected: Option<&Type>,
    ) -> Checked<Value> {
        if self.is_callable(scope, of) {
            let made = matches!(&of.kind, Ast::Name(name) if name == "iota");
            if made {
                return self.call_with(scope, of, indices, Vec::new(), span, expected);
            }
            return self.no_value(&format!("function `{}`", text::source(of)), span, "call it: add `(...)`");
        }
        let value = self.definite(scope, of)?;
        self.part_of(scope, value, indices, span)
    }

    /// `[a, b, c]`: values of one shape along a new first axis.
    fn list(&mut self, scope: &mut Scope, items: &'a [ast::Expr], span: Span) -> Checked<Value> {
        let values: Vec<Checked<Value>> = items.iter().map(|item| self.expr(scope, item, None)).collect();
        let values = values.into_iter().collect::<Checked<Vec<Value>>>()?;
        let Some(first) = values.first().cloned() else {
            let found = at(&errors::SIZE_UNKNOWN, "an empty list has no type", span, "no elements");
            return Err(self.report(found.help("tensors have at least one element: write one here")));
        };
        let mut widest = first;
        for value in &values[1..] {
            let dtype = self.joint_dtype(scope, &widest, value)?;
            if dtype != widest.expr.ty.dtype || value.weak == Weak::No {
                widest = Value {
                    expr: Expr { ty: widest.expr.ty.with_dtype(dtype), ..widest.expr },
                    weak: value.weak,
                };
            }
        }
        let ty = widest.expr.ty.clone();
        if ty.dtype == DType::Bool {
            let found =
                at(&errors::TYPE_MISMATCH, "a list holds numbers, not `bool`", span, "a list of `bool`");
            return Err(self.report(found.help("list 0 and 1, and compare: `[1, 0] == 1`")));
        }
        let expected =
            (values[0].expr.span, format!("the first element is `{}`", text::show(&ty, self.real)));
        let parts: Vec<_> =
            values.into_iter().map(|value| self.coerce(scope, value, &ty, expected.clone())).collect();
        let parts = parts.into_iter().collect::<Checked<Vec<Expr>>>()?;
        let mut to = vec![Dim::from(parts.len())];
        to.extend(ty.shape);
        let packed = build::op(Op::Pack(Pack), parts, span);
        let packed = if to.len() == 1 {
            packed
        } else {
            build::op(Op::View(View::Reshape { to }), vec![packed], span)
        };
        Ok(Value::strong(packed))
    }
}

/// The names that a `let` binds, and their value or values.
pub(super) type Bound = (Vec<LocalId>, Expr);

/// A value inside of the `let`s it refers to.
pub(super) fn with_lets(lets: Vec<Bound>, body: Value) -> Value {
    let weak = if lets.is_empty() { body.weak } else { Weak::No };
    let lines = lets.into_iter().map(|(locals, value)| (Line::Let(locals), value));
    Value { expr: with_lines(lines.collect(), body.expr), weak }
}

/// What a line before a value sets.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// Names.
    Let(Vec<LocalId>),
    /// The state that is this member of a model.
    Assign(usize),
}

/// A value after the lines before it.
pub(super) fn with_lines(lines: Vec<(Line, Expr)>, body: Expr) -> Expr {
    lines.into_iter().rev().fold(body, |body, (line, value)| {
        let (ty, span) = (body.ty.clone(), body.span);
        let (value, body) = (Box::new(value), Box::new(body));
        let kind = match line {
            Line::Let(locals) => match locals.as_slice() {
                [] => return *body,
                [local] => ExprKind::Let { local: *local, value, body },
                _ => ExprKind::Unpack { locals, value, body },
            },
            Line::Assign(member) => ExprKind::Assign { member, value, body },
        };
        Expr { kind, ty, span }
    })
}
