//! What calls are given: in square brackets and in parentheses.

use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::Call;
use super::errors::{self, at};
use super::scope::{Binding, Callee, Checked, Place, Poison, Scope, Static, Weak, nearest};
use super::text;
use crate::typed::ExprKind;

impl<'a> Checker<'a> {
    /// What stands in square brackets, one for each static of `def`; those `given` come first.
    pub(super) fn statics(
        &mut self,
        scope: &mut Scope,
        def: usize,
        given: Vec<Static>,
        call: &Call<'a, '_>,
    ) -> Checked<Vec<Static>> {
        let wanted = &self.defs[def].ast.statics;
        let mut positional = given;
        let mut slots: Vec<Option<Static>> = vec![None; wanted.len()];
        let mut failed = Ok(());
        for expr in call.statics {
            let placed = match &expr.kind {
                Ast::Named(name, value) => {
                    let slot = self.static_slot(def, name, &slots);
                    let value = self.static_arg(scope, value);
                    slot.and_then(|slot| value.map(|value| slots[slot] = Some(value)))
                }
                _ => self.static_arg(scope, expr).map(|value| positional.push(value)),
            };
            failed = failed.and(placed);
        }
        failed?;
        let count = positional.len() + slots.iter().flatten().count();
        if let Some(slot) = slots.iter().take(positional.len()).position(Option::is_some) {
            return Err(self.static_twice(&wanted[slot].name.name, call.span));
        }
        if positional.len() <= wanted.len() {
            positional.into_iter().enumerate().for_each(|(k, value)| slots[k] = Some(value));
            for (slot, given) in slots.iter_mut().zip(wanted) {
                if let (Some(value), Some(default)) = (slot.as_mut(), &given.default) {
                    as_number(value, default);
                }
                if let (None, Some(default)) = (&slot, &given.default) {
                    *slot = Some(self.default_static(def, default)?);
                }
            }
            match slots.iter().position(Option::is_none) {
                Some(slot) if wanted.iter().any(|given| given.default.is_some()) => {
                    return Err(self.lacks_static(def, &wanted[slot].name.name, call.span));
                }
                Some(_) => {}
                None => return Ok(slots.into_iter().flatten().collect()),
            }
        }
        Err(self.static_count(def, count, call.span))
    }

    /// Too few or too many in square brackets.
    fn static_count(&mut self, def: usize, count: usize, span: Span) -> Poison {
        let ast::Function { name, statics, .. } = self.defs[def].ast;
        let message =
            format!("`{}` has {} in square brackets, not {count}", name.name, amount(statics.len()));
        self.wrong_statics(def, at(&errors::WRONG_STATIC, message, span, format!("{} given", amount(count))))
    }

    fn lacks_static(&mut self, def: usize, missing: &str, span: Span) -> Poison {
        let message = format!("`{}` lacks `{missing}` in square brackets", self.defs[def].ast.name.name);
        self.wrong_statics(def, at(&errors::WRONG_STATIC, message, span, "this call"))
    }

    /// Adds how the function is declared.
    fn wrong_statics(&mut self, def: usize, found: Diagnostic) -> Poison {
        let (form, name) = (self.with_statics(def), &self.defs[def].ast.name);
        self.report(found.label(name.span, format!("declared as `{form}`")).help(format!("write `{form}`")))
    }

    /// The name of a function, with what it takes in square brackets.
    fn with_statics(&self, def: usize) -> String {
        let ast::Function { name, statics, .. } = self.defs[def].ast;
        let written = |given: &ast::Static| match &given.default {
            Some(default) => format!("{} = {}", given.name.name, text::source(default)),
            None => given.name.name.clone(),
        };
        let names: Vec<String> = statics.iter().map(written).collect();
        if names.is_empty() { name.name.clone() } else { format!("{}[{}]", name.name, names.join(", ")) }
    }

    /// How a function is called: with what it takes in square brackets, and along an axis if it can be.
    fn call_form(&self, call: &Call<'a, '_>, names: &[&str], declared: Option<Span>) -> String {
        let def = self.defs.iter().position(|def| Some(def.ast.name.span) == declared);
        let name = def.map_or(call.name.clone(), |def| self.with_statics(def));
        let names = names.join(", ");
        match def.is_some_and(|def| self.has_axis(def)) {
            true => format!("`{name}({names})` or `{name}({names}, axis = k)`"),
            false => format!("`{name}({names})`"),
        }
    }

    /// The place of what is given by name.
    fn static_slot(&mut self, def: usize, name: &ast::Ident, slots: &[Option<Static>]) -> Checked<usize> {
        let known: Vec<String> = self.defs[def].ast.statics.iter().map(|of| of.name.name.clone()).collect();
        match known.iter().position(|have| *have == name.name) {
            Some(slot) if slots[slot].is_none() => Ok(slot),
            Some(_) => Err(self.static_twice(&name.name, name.span)),
            None => {
                let what = "name in square brackets";
                Err(self.report(errors::none_of(&errors::WRONG_STATIC, what, &name.name, name.span, &known)))
            }
        }
    }

    fn static_twice(&mut self, name: &str, span: Span) -> Poison {
        let message = format!("`{name}` is given twice in square brackets");
        let found = at(&errors::WRONG_STATIC, message, span, "given by place and by name, or twice by name");
        self.report(found.help("give it once"))
    }

    /// What a static is where it is left out.
    pub(super) fn default_static(&mut self, def: usize, default: &'a ast::Expr) -> Checked<Static> {
        let mut scope = Scope::new(Place::Statement, self.defs[def].library, self.real);
        self.static_arg(&mut scope, default)
    }

    pub(super) fn no_statics(&mut self, call: &Call<'a, '_>) -> Checked<()> {
        if call.statics.is_empty() {
            return Ok(());
        }
        let message = format!("what is static in `{}` has been given where it was declared", call.name);
        Err(self.report(
            at(&errors::WRONG_STATIC, message, call.span, "given again").help("remove the square brackets"),
        ))
    }

    /// One static argument.
    pub(super) fn static_arg(&mut self, scope: &mut Scope, expr: &'a ast::Expr) -> Checked<Static> {
        if let Ast::Name(name) = &expr.kind {
            match scope.get(name) {
                Some(Binding::Function(callee)) => {
                    let callee = callee.clone();
                    self.closed(&callee, expr.span)?;
                    return Ok(Static::Function(callee));
                }
                Some(Binding::Word(word, _)) => return Ok(Static::Word(word.clone())),
                Some(_) => {}
                None => {
                    if let Some(def) = self.find_def(name, scope.library) {
                        return Ok(Static::Function(Callee::Def(def, Vec::new())));
                    }
                    if !scope.library
                        && let Some(made) = self.global_function(name)
                    {
                        return made.map(Static::Function);
                    }
                    if self.is_builtin(name) && !self.constants.contains_key(name.as_str()) {
                        return Ok(Static::Function(Callee::Builtin(name.clone())));
                    }
                }
            }
        }
        if self.makes_function(scope, expr) {
            return self.static_function(scope, expr);
        }
        if let Ast::Bracket(of, statics) = &expr.kind
            && let Ast::Name(name) = &of.kind
            && let Some(def) = self.find_def(name, scope.library)
        {
            let call =
                Call { name: name.clone(), statics, args: Vec::new(), span: expr.span, expected: None };
            let given = self.statics(scope, def, Vec::new(), &call)?;
            let callee = Callee::Def(def, given);
            self.closed(&callee, expr.span)?;
            return Ok(Static::Function(callee));
        }
        if sizes_only(scope, expr) {
            return Ok(Static::Size(self.dim(scope, expr, false)?));
        }
        let value = self.expr(scope, expr, None)?;
        let integer = value.weak == Weak::Int;
        match value.expr.kind {
            ExprKind::Size(dim) => Ok(Static::Size(dim)),
            ExprKind::Const(n) if integer => Ok(Static::Size(crate::algebra::types::Dim::constant(n as i64))),
            ExprKind::Const(n) if value.expr.ty.rank() == 0 => Ok(Static::Number(n.to_bits())),
            _ => {
                let found =
                    at(&errors::NOT_CONSTANT, "this is not known at compile time", expr.span, "not constant");
                Err(self.report(found.help("square brackets take sizes, numbers, functions and words")))
            }
        }
    }

    /// Arguments by position and name, in the order of `names`; the first `needed` must be there.
    pub(super) fn match_args(
        &mut self,
        call: &Call<'a, '_>,
        names: &[&str],
        needed: usize,
        declared: Option<Span>,
    ) -> Checked<Vec<Option<&'a ast::Expr>>> {
        let mut found: Vec<Option<&'a ast::Expr>> = vec![None; names.len()];
        let mut result = Ok(());
        for (k, arg) in call.args.iter().enumerate() {
            let slot = match arg.name {
                None => (k < names.len()).then_some(k),
                Some(name) => names.iter().position(|have| *have == name.name),
            };
            let diagnostic = match (slot, arg.name) {
                (Some(slot), _) if found[slot].is_none() => {
                    found[slot] = Some(arg.value);
                    continue;
                }
                (Some(slot), _) => {
                    let message = format!("argument `{}` of `{}` is given twice", names[slot], call.name);
                    at(&errors::WRONG_ARGUMENT, message, arg.value.span, "given again").help("give it once")
                }
                (None, Some(name)) => {
                    let message = format!("`{}` has no argument `{}`", call.name, name.name);
                    let found = at(&errors::WRONG_ARGUMENT, message, name.span, "no such argument");
                    match nearest(&name.name, names.iter().copied()) {
                        Some(near) => found.help(format!("did you mean `{near}`?")),
                        None => found.help(format!("it is {}", self.call_form(call, names, declared))),
                    }
                }
                (None, None) => {
                    let message =
                        format!("`{}` takes {}, not {}", call.name, arguments(names.len()), call.args.len());
                    at(&errors::WRONG_ARGUMENT, message, arg.value.span, "one too many")
                        .help(format!("it is {}", self.call_form(call, names, declared)))
                }
            };
            result = Err(self.report(declared_at(diagnostic, declared)));
        }
        if let (Some(missing), Ok(())) = (found[..needed].iter().position(Option::is_none), result) {
            result = Err(self.lacks_argument(call, names[missing], names, declared));
        }
        result.map(|()| found)
    }

    /// A call without an argument that must be there.
    pub(super) fn lacks_argument(
        &mut self,
        call: &Call<'a, '_>,
        missing: &str,
        names: &[&str],
        declared: Option<Span>,
    ) -> Poison {
        let message = format!("`{}` lacks argument `{missing}`", call.name);
        let found = at(&errors::WRONG_ARGUMENT, message, call.span, "this call");
        let found = found.help(format!("it is {}", self.call_form(call, names, declared)));
        self.report(declared_at(found, declared))
    }
}

/// A whole number is no size where the default, such as `0.5`, is none.
fn as_number(value: &mut Static, default: &ast::Expr) {
    let number = matches!(default.kind, Ast::Number { integer: false, .. });
    if let (true, Static::Size(dim)) = (number, &*value)
        && let Some(n) = dim.as_constant()
    {
        *value = Static::Number((n as f64).to_bits());
    }
}

fn declared_at(found: crate::diag::Diagnostic, declared: Option<Span>) -> crate::diag::Diagnostic {
    match declared {
        Some(span) => found.label(span, "declared here"),
        None => found,
    }
}

fn amount(n: usize) -> String {
    if n == 0 { "nothing".into() } else { n.to_string() }
}

fn arguments(n: usize) -> String {
    if n == 1 { "1 argument".into() } else { format!("{n} arguments") }
}

/// Whether an expression is made of whole numbers and size variables only.
fn sizes_only(scope: &Scope, expr: &ast::Expr) -> bool {
    match &expr.kind {
        Ast::Number { integer, .. } => *integer,
        Ast::Name(name) => matches!(scope.get(name), Some(Binding::Size(_))),
        Ast::Binary(_, a, b) => sizes_only(scope, a) && sizes_only(scope, b),
        _ => false,
    }
}
