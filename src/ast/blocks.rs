//! What may stand in which block: lines become the members of functions, stages and runs.

use super::build::{Clause, Line, LineKind, TreeBuilder};
use super::errors;
use super::{
    Act, Arg, Argument, Data, Expr, ExprKind, Function, Hyper, Ident, Let, Loop, Member, Rule, Run, Stage,
    StageLine, StateExtent, Static, TypeExpr,
};
use crate::source::Span;

/// Longest vector that is a state.
const MAX_VECTOR: f64 = 1024.0;

impl Line {
    /// The word for it in messages.
    fn word(&self) -> &str {
        match &self.kind {
            LineKind::Item(kind) => super::parse::item_word(kind),
            LineKind::Let(_) => "let",
            LineKind::Param(_) => "param",
            LineKind::Layer(_) => "layer",
            LineKind::Metric(_) => "metric",
            LineKind::State(_) => "state",
            LineKind::Eval(_) => "eval",
            LineKind::Set(_) => "=",
            LineKind::Assign(..) => "<-",
            LineKind::Expr(_) => "an expression",
            LineKind::Bad => "",
        }
    }

    /// What a line that does not belong where it stands binds, so that its name is known all the same.
    fn in_error(self) -> Option<Let> {
        use LineKind::{Layer, Let, Metric, Param, Set, State};
        let (Let(line) | Layer(line) | Metric(line) | Param(line) | Set(line) | State(line)) = self.kind
        else {
            return None;
        };
        let value = Expr { kind: ExprKind::Error, span: line.value.span, depth: 1 };
        Some(super::Let { ty: None, value, ..line })
    }
}

impl TreeBuilder<'_> {
    /// Reports a line that does not belong where it stands, unless it was reported already.
    pub(super) fn misplaced(&mut self, line: &Line, place: &str) {
        if !matches!(line.kind, LineKind::Bad) {
            self.report(errors::misplaced_line(line.span, line.word(), place));
        }
    }

    /// `data d = csv(...) { ... }`
    pub(super) fn data(&mut self, name: Ident, source: Expr, lines: Option<Vec<Line>>) -> Data {
        let mut transforms = Vec::new();
        for line in lines.into_iter().flatten() {
            match line.kind {
                LineKind::Set(set) => transforms.push(set),
                _ => self.misplaced(&line, "data"),
            }
        }
        Data { name, source, transforms }
    }

    /// `fn` and `model`
    #[allow(clippy::too_many_arguments, reason = "the grammar passes the parts one by one")]
    pub(super) fn function(
        &mut self,
        word: &'static str,
        name: Ident,
        statics: Vec<Static>,
        args: Vec<Arg>,
        results: Vec<TypeExpr>,
        mut lines: Vec<Line>,
        rule: Option<Rule>,
    ) -> Function {
        let body = self.value(&mut lines, word, name.span);
        let mut members = Vec::new();
        for line in lines {
            match line.kind {
                LineKind::Param(param) if word == "model" => members.push(Member::Param(param)),
                LineKind::Layer(layer) if word == "model" => members.push(Member::Layer(layer)),
                LineKind::State(state) if word == "model" => members.push(Member::State(state)),
                LineKind::Assign(name, value) if word == "model" => {
                    members.push(Member::Assign { name, value });
                }
                LineKind::Let(binding) => members.push(Member::Let(binding)),
                _ => {
                    self.misplaced(&line, word);
                    members.extend(line.in_error().map(Member::Let));
                }
            }
        }
        Function { name, statics, args, results, members, body, rule }
    }

    /// `stage`, and `wrap stage` where `inner` is given.
    pub(super) fn stage(
        &mut self,
        name: Ident,
        hypers: Vec<Hyper>,
        inner: Option<Ident>,
        mut lines: Vec<Line>,
    ) -> Stage {
        let result = self.value(&mut lines, "stage", name.span);
        let mut body = Vec::new();
        for line in lines {
            match line.kind {
                LineKind::State(state) => body.push(self.state(state)),
                LineKind::Assign(name, value) => body.push(StageLine::Assign { name, value }),
                LineKind::Let(binding) => body.push(StageLine::Let(binding)),
                LineKind::Eval(line) => {
                    let name = line.name().clone();
                    if name.name != "w" {
                        self.report(errors::eval_target(&name));
                    }
                    body.push(StageLine::Eval { name, value: line.value });
                }
                _ => {
                    self.misplaced(&line, "stage");
                    body.extend(line.in_error().map(StageLine::Let));
                }
            }
        }
        Stage { name, hypers, inner, body, result }
    }

    fn state(&mut self, state: Let) -> StageLine {
        let name = state.name().clone();
        let extent = state.ty.and_then(|ty| match &ty.shape[..] {
            [Expr { kind: ExprKind::Name(name), span, .. }] if ty.dtype.name == "scalar" => {
                Some(StateExtent::Scalar(Ident { name: name.clone(), span: *span }))
            }
            [Expr { kind: ExprKind::Number { value, integer: true }, span, .. }]
                if ty.dtype.name == "vector" && (1.0..=MAX_VECTOR).contains(value) =>
            {
                Some(StateExtent::Vector(*value as usize, *span))
            }
            _ => {
                self.report(errors::state_type(ty.span));
                None
            }
        });
        StageLine::State { name, extent, init: state.value }
    }

    /// `{ let a = 1 ... a + 1 }`
    pub(super) fn block(&mut self, mut lines: Vec<Line>, start: u32, end: u32) -> Expr {
        let span = self.span(start, end);
        let value = self.value(&mut lines, "block", span);
        let mut lets = Vec::new();
        for line in lines {
            match line.kind {
                LineKind::Let(binding) => lets.push(binding),
                _ => {
                    self.misplaced(&line, "block");
                    lets.extend(line.in_error());
                }
            }
        }
        self.node(ExprKind::Block(lets, Box::new(value)), span)
    }

    /// `for` and `scan`
    pub(super) fn repeat(
        &mut self,
        scan: bool,
        axis: Option<Argument>,
        clauses: Vec<Clause>,
        lines: Vec<Line>,
        start: u32,
        end: u32,
    ) -> Expr {
        let at = lines.first().map_or(start, |line| line.span.start);
        let body = self.block(lines, at, end);
        let axis = axis.and_then(|axis| match axis.name {
            Some(name) if name.name == "axis" => Some(axis.value),
            _ => {
                self.report(errors::scan_axis(axis.value.span));
                None
            }
        });
        let (mut ranges, mut sequences, mut carried) = (Vec::new(), Vec::new(), Vec::new());
        for clause in clauses {
            match clause {
                Clause::Over(name, over) => sequences.push((name, over)),
                Clause::Range(name, range) => ranges.push((name, range)),
                Clause::Carried(line) => carried.push(line),
            }
        }
        let parts = Loop { scan, axis, ranges, sequences, carried, body };
        self.node(ExprKind::Loop(Box::new(parts)), self.span(start, end))
    }

    /// `sweep`
    pub(super) fn sweep(&mut self, clauses: Vec<Clause>, lines: Vec<Line>, start: u32, end: u32) -> Expr {
        let made = self.repeat(false, None, clauses, lines, start, end);
        match made.kind {
            ExprKind::Loop(parts) => Expr { kind: ExprKind::Sweep(parts), ..made },
            kind => Expr { kind, ..made },
        }
    }

    /// `train m on d { ... }`
    pub(super) fn train(
        &mut self,
        subject: Expr,
        data: Expr,
        lines: Vec<Line>,
        start: u32,
        end: u32,
    ) -> Expr {
        let run = self.run("train", subject, data, lines);
        self.node(ExprKind::Train(Box::new(run)), self.span(start, end))
    }

    /// `eval fit on d { ... }`
    pub(super) fn eval(&mut self, subject: Expr, data: Expr, lines: Vec<Line>, start: u32, end: u32) -> Expr {
        let run = self.run("eval", subject, data, lines);
        self.node(ExprKind::Eval(Box::new(run)), self.span(start, end))
    }

    /// `predict fit on d { ... } to "file"`
    pub(super) fn predict(
        &mut self,
        (start, end): (u32, u32),
        subject: Expr,
        data: Expr,
        lines: Option<Vec<Line>>,
        to: Expr,
    ) -> Act {
        let word = self.ident(start, end);
        let span = subject.span.to(data.span);
        let run = self.run("predict", subject, data, lines.unwrap_or_default());
        Act { word, on: vec![self.node(ExprKind::Predict(Box::new(run)), span)], to: Some(to) }
    }

    fn run(&mut self, word: &'static str, subject: Expr, data: Expr, lines: Vec<Line>) -> Run {
        let mut run =
            Run { subject, data, settings: Vec::new(), metrics: Vec::new(), lets: Vec::new(), broken: false };
        for line in lines {
            match line.kind {
                LineKind::Set(set) => run.settings.push(set),
                LineKind::Metric(metric) => run.metrics.push(metric),
                LineKind::Let(binding) => run.lets.push(binding),
                _ => {
                    self.misplaced(&line, word);
                    run.broken = true;
                }
            }
        }
        run
    }

    /// Takes the last line, which is the value of a block.
    fn value(&mut self, lines: &mut Vec<Line>, word: &'static str, owner: Span) -> Expr {
        match lines.pop() {
            Some(Line { kind: LineKind::Expr(value), .. }) => value,
            Some(Line { kind: LineKind::Bad, span }) => Expr { kind: ExprKind::Error, span, depth: 1 },
            last => {
                let span = last.as_ref().map_or(owner, |line| line.span);
                if !lines.iter().any(|line| matches!(line.kind, LineKind::Bad)) {
                    let line = last.as_ref().map(|line| line.word());
                    self.report(errors::no_value(span, word, line));
                }
                lines.extend(last);
                Expr { kind: ExprKind::Error, span, depth: 1 }
            }
        }
    }
}
