//! `sample`: text that a fit writes.

use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::{Arg, Call};
use super::errors::{self, at};
use super::scope::{Callee, Checked, Poison, Scope, Value};
use super::text;
use crate::typed::{DataId, Expr, ExprKind, GlobalId, Instance, Part, Sample, StatementKind};

/// The name of the builtin.
const NAME: &str = "sample";

impl<'a> Checker<'a> {
    /// A value in printed text, which alone may be `sample(fit, "Once", 400, temperature = 0.8)`.
    pub(super) fn printed(
        &mut self,
        scope: &mut Scope,
        expr: &'a ast::Expr,
        digits: Option<u32>,
    ) -> Checked<Part> {
        match &expr.kind {
            Ast::Call(callee, args)
                if matches!(&callee.kind, Ast::Name(name) if name == NAME)
                    && self.find_def(NAME, false).is_none() =>
            {
                let args =
                    args.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }).collect();
                let name = NAME.to_string();
                let call = Call { name, statics: &[], args, span: expr.span, expected: None };
                Ok(Part::Sample(self.sample(scope, &call)?))
            }
            _ => Ok(Part::Value(self.definite(scope, expr)?, digits)),
        }
    }

    fn sample(&mut self, scope: &mut Scope, call: &Call<'a, '_>) -> Checked<Sample> {
        let args = self.match_args(call, &["fit", "prompt", "count", "temperature"], 3, None)?;
        let [Some(fit), Some(prompt), Some(count), temperature] = args[..] else { return Err(Poison) };
        let (id, callee) = self.fit(fit)?;
        let (data, context) = self.text_of(id, fit)?;
        let prompt = self.prompt(data, prompt);
        let count = self.whole(count, "count", 1);
        let temperature = temperature.map_or(Ok(1.0), |temperature| self.temperature(temperature));
        let window = Type::new(DType::I32, vec![Dim::constant(1), Dim::from(context)]);
        let local = scope.local("window", window.clone(), call.span);
        let value = Expr { kind: ExprKind::Local(local), ty: window, span: fit.span };
        let Callee::Def(def, statics) = callee else { return Err(Poison) };
        let name = text::source(fit);
        let inner = Call {
            name,
            statics: &[],
            args: vec![Arg { name: None, value: fit }],
            span: call.span,
            expected: None,
        };
        let first = Some(Value::strong(value));
        let logits = self.call_def(scope, def, statics, Instance::Fit(id), first, &inner)?.expr;
        self.logits(&logits, context, data, call.span)?;
        let (prompt, count, temperature) = (prompt?, count?, temperature?);
        Ok(Sample { fit: id, data, window: local, logits, prompt, count, temperature })
    }

    /// The text that a fit was trained on, and the size of its windows.
    fn text_of(&mut self, fit: GlobalId, expr: &ast::Expr) -> Checked<(DataId, usize)> {
        let StatementKind::Train(train) = &self.statements[fit.0].kind else { return Err(Poison) };
        let data = train.data;
        if let [first, ..] = &self.data[data.0].columns[..]
            && !self.data[data.0].characters.is_empty()
        {
            return Ok((data, first.ty.count()));
        }
        let message = format!("`{}` was not trained on a text", text::source(expr));
        let found = at(&errors::WRONG_ARGUMENT, message, expr.span, "cannot write text");
        let found = found.label(self.data[data.0].span, "its data");
        Err(self.report(found.help("train on `data poem = text(\"poem.txt\")`")))
    }

    /// The characters to begin with, as numbers.
    fn prompt(&mut self, data: DataId, expr: &'a ast::Expr) -> Checked<Vec<i32>> {
        let prompt = self.plain_text(expr)?;
        let known = &self.data[data.0].characters;
        let codes = prompt.chars().map(|c| known.binary_search(&c).map(|code| code as i32).map_err(|_| c));
        let found: Diagnostic = match codes.collect::<Result<Vec<i32>, char>>() {
            Ok(codes) if codes.is_empty() => {
                at(&errors::WRONG_ARGUMENT, "there is nothing to continue", expr.span, "no characters")
                    .help("begin with a character at least")
            }
            Ok(codes) => return Ok(codes),
            Err(c) => at(
                &errors::WRONG_ARGUMENT,
                format!("the text has no `{c}`"),
                expr.span,
                "never seen in training",
            )
            .help("begin with characters that the text has"),
        };
        Err(self.report(found))
    }

    fn temperature(&mut self, expr: &'a ast::Expr) -> Checked<f64> {
        let temperature = self.known_number(expr, "temperature")?;
        if temperature >= 0.0 {
            return Ok(temperature);
        }
        let found = at(&errors::WRONG_ARGUMENT, "a temperature is not below 0", expr.span, "below 0");
        Err(self.report(found.help("write `temperature = 0.8`; 0 takes the likeliest character each time")))
    }

    /// Logits of each character after each place of a window.
    fn logits(&mut self, logits: &Expr, context: usize, data: DataId, span: Span) -> Checked<()> {
        let vocab = self.data[data.0].characters.len();
        let wanted = Type::of(self.real, &[1, context, vocab]);
        if logits.ty == wanted {
            return Ok(());
        }
        let (have, want) = (text::show(&logits.ty, self.real), text::show(&wanted, self.real));
        let message =
            format!("sampling needs `{want}`, logits of the next character; this model gives `{have}`");
        let found = at(&errors::SHAPE_MISMATCH, message, span, format!("this is `{have}`"));
        Err(self.report(found.help("let the model give `real[B, T, V]` for `i32[B, T]`")))
    }
}
