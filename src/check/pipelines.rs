//! Optimizer pipelines: which stages, with which hyperparameters.

use crate::algebra::types::{DType, Dim, Type};
use crate::ast::{self, ExprKind as Ast};
use crate::diag::Diagnostic;
use crate::source::Span;

use super::Checker;
use super::calls::{Arg, Call, STEPS};
use super::errors::{self, at};
use super::scaling::{self, Order};
use super::scope::{Binding, Cells, Checked, Poison, Scope, nearest};
use super::stages::{StageDef, Words};
use super::text;
use crate::typed::{Cell, Expr, ExprKind, FunctionId, Group, LocalId, Optimizer, Range, StageUse};

/// A stage as written in a pipeline.
struct Written<'a> {
    name: &'a str,
    name_span: Span,
    args: &'a [ast::Argument],
    span: Span,
}

/// What a name in a pipeline stands for.
enum Part<'a> {
    Stage(usize),
    Pipeline(usize),
    Let(&'a ast::Expr),
}

/// A pipeline as declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct PipelineDef<'a> {
    pub ast: &'a ast::Pipeline,
    pub library: bool,
}

/// An optimizer that does not know yet what it trains.
pub(super) struct Pipeline {
    /// Its stages in order.
    pub uses: Vec<StageUse>,
    /// The numbers that its hyperparameters are made of.
    pub cells: Vec<Cell>,
    /// Its groups, which do not know their parameters yet; none without `{ ... }`.
    pub groups: Vec<Group>,
}

impl Pipeline {
    /// The optimizer of a model's parameters.
    pub(super) fn of(self, name: &str, model: FunctionId, sizes: Vec<Dim>, span: Span) -> Optimizer {
        let Pipeline { uses, cells, groups } = self;
        Optimizer { name: name.to_string(), model, sizes, uses, cells, groups, span }
    }
}

/// An optimizer while it is checked.
struct Draft<'a> {
    /// Names in hyperparameters: `t`, `T`, and those of the pipeline whose stages are looked at.
    scope: Scope,
    uses: Vec<StageUse>,
    /// Names of stages and pipelines so far.
    taken: Vec<String>,
    /// Pipelines whose stages are looked at, outermost first.
    inside: Vec<&'a str>,
    /// Whether there were too many stages.
    refused: bool,
}

/// The most stages of an optimizer.
const MOST_STAGES: usize = 500;

impl<'a> Draft<'a> {
    fn name(&mut self, name: &str) -> String {
        let name = unique(name, |name| self.taken.iter().any(|taken| taken == name));
        self.taken.push(name.clone());
        name
    }
}

impl<'a> Checker<'a> {
    /// `adam(lr = 1e-3) |> eg_gain |> eg_scale`, or `{ "**.b": sgd(lr = 0.1), else: adam }`
    pub(super) fn optimizer(&mut self, expr: &'a ast::Expr) -> Checked<Pipeline> {
        let mut draft = self.draft(expr.span);
        let groups = match &expr.kind {
            Ast::Groups(arms) => self.group_arms(&mut draft, arms)?,
            _ => self.arm(&mut draft, expr).map(|_| Vec::new())?,
        };
        let cells = draft.scope.cells.map(|cells| cells.made).unwrap_or_default();
        Ok(Pipeline { uses: draft.uses, cells, groups })
    }

    /// A group for each arm, whose stages have names of their own.
    fn group_arms(
        &mut self,
        draft: &mut Draft<'a>,
        arms: &'a [(ast::Expr, ast::Expr)],
    ) -> Checked<Vec<Group>> {
        let mut made = Vec::new();
        for (pattern, body) in arms {
            let pattern = self.group_pattern(pattern);
            let stages = self.arm(draft, body);
            made.push(pattern.and_then(|(pattern, span)| {
                Ok(Group { pattern, span, stages: stages?, params: Vec::new() })
            }));
        }
        made.into_iter().collect()
    }

    /// All stages that act on the same parameters; how many they are.
    fn arm(&mut self, draft: &mut Draft<'a>, expr: &'a ast::Expr) -> Checked<usize> {
        let first = draft.uses.len();
        self.parts(draft, expr)?;
        let uses = &draft.uses[first..];
        self.learning_rates(uses, expr)?;
        self.one_eval(uses)?;
        self.orders(uses);
        Ok(uses.len())
    }

    fn draft(&mut self, span: Span) -> Draft<'a> {
        let place = self.stage_place();
        let mut scope = Scope::new(place, false, DType::F64);
        scope.cells = Some(Cells::default());
        for fixed in STEPS {
            scope.bind_local(fixed, Type::scalar(DType::F64), span);
        }
        self.swept_cells(&mut scope);
        Draft { scope, uses: Vec::new(), taken: Vec::new(), inside: Vec::new(), refused: false }
    }

    /// Adds the stages of a pipeline.
    fn parts(&mut self, draft: &mut Draft<'a>, expr: &'a ast::Expr) -> Checked<()> {
        let mut parts = Vec::new();
        let mut rest = expr;
        while let Ast::Pipe(before, last) = &rest.kind {
            parts.push(&**last);
            rest = before;
        }
        parts.push(rest);
        let made: Vec<Checked<()>> = parts.into_iter().rev().map(|part| self.part(draft, part)).collect();
        made.into_iter().collect()
    }

    fn part(&mut self, draft: &mut Draft<'a>, part: &'a ast::Expr) -> Checked<()> {
        if draft.refused {
            return Err(Poison);
        }
        if draft.uses.len() >= MOST_STAGES {
            draft.refused = true;
            let message = format!("an optimizer of more than {MOST_STAGES} stages");
            let found = at(&errors::TOO_MANY_STAGES, message, part.span, "one more");
            return Err(self.report(found.help("name fewer stages, or pipelines that have fewer")));
        }
        let (callee, args): (&'a ast::Expr, &'a [ast::Argument]) = match &part.kind {
            Ast::Call(callee, args) => (callee, args),
            _ => (part, &[]),
        };
        let name = match &callee.kind {
            Ast::Name(name) => name,
            Ast::Error => return Err(Poison),
            _ => return Err(self.not_a_stage(&text::source(callee), callee.span)),
        };
        let written = Written { name, name_span: callee.span, args, span: part.span };
        match self.find_part(name, draft.scope.library) {
            Some(Part::Stage(def)) => self.known_stage(draft, def, written),
            Some(Part::Pipeline(def)) => self.known_pipeline(draft, def, written),
            Some(Part::Let(body)) => self.pipeline_value(draft, body, &written),
            None => Err(self.unknown_stage(name, callee.span)),
        }
    }

    /// The stage or pipeline of this name; library code sees the library first.
    fn find_part(&self, name: &str, from_library: bool) -> Option<Part<'a>> {
        let declared = |library: bool| {
            let stage = self.stage_names.get(&(library, name)).copied().map(Part::Stage);
            stage.or_else(|| self.pipeline_names.get(&(library, name)).copied().map(Part::Pipeline))
        };
        let bound = || self.pipeline_lets.get(name).map(|line| Part::Let(&line.value));
        if from_library {
            return declared(true);
        }
        bound().or_else(|| declared(false)).or_else(|| declared(true))
    }

    /// Whether a `let` names a pipeline: it begins with a stage.
    pub(super) fn is_pipeline(&self, expr: &ast::Expr) -> bool {
        let mut first = expr;
        while let Ast::Pipe(before, _) = &first.kind {
            first = before;
        }
        if let Ast::Call(callee, _) = &first.kind {
            first = callee;
        }
        let Ast::Name(name) = &first.kind else { return false };
        self.find_part(name, false).is_some() && self.find_def(name, false).is_none()
    }

    /// Checks a pipeline that a `let` names, for its own errors.
    pub(super) fn check_pipeline(&mut self, expr: &'a ast::Expr) {
        let mut draft = self.draft(expr.span);
        let _ = self.parts(&mut draft, expr);
    }

    /// A name that a `let` has given a pipeline.
    fn pipeline_value(
        &mut self,
        draft: &mut Draft<'a>,
        body: &'a ast::Expr,
        written: &Written<'a>,
    ) -> Checked<()> {
        if let Some(arg) = written.args.first() {
            let message = format!("pipeline `{}` has no hyperparameters of its own", written.name);
            let found = at(&errors::WRONG_ARGUMENT, message, arg.value.span, "nothing takes this");
            let help = format!("declare it with some: `pipeline {}(lr) = ...`", written.name);
            return Err(self.report(found.help(help)));
        }
        let names = draft.scope.names.split_off(STEPS.len());
        let made = self.inside(draft, written, body);
        draft.scope.names.extend(names);
        made
    }

    /// The stages of a pipeline that is used by name.
    fn inside(&mut self, draft: &mut Draft<'a>, written: &Written<'a>, body: &'a ast::Expr) -> Checked<()> {
        if draft.inside.contains(&written.name) {
            let message = format!("pipeline `{}` uses itself", written.name);
            let found = at(&errors::RECURSION, message, written.span, "by this use");
            return Err(self.report(found.help("name stages, or another pipeline")));
        }
        draft.inside.push(written.name);
        let made = self.parts(draft, body);
        draft.inside.pop();
        made
    }

    /// `egdd(lr = 0.1)`: its hyperparameters become cells, of which those of its stages are made.
    fn known_pipeline(&mut self, draft: &mut Draft<'a>, def: usize, written: Written<'a>) -> Checked<()> {
        let PipelineDef { ast, library } = self.pipeline_defs[def];
        let name = draft.name(written.name);
        let (words, values) = self.arguments(draft, &written, &name, &ast.hypers, ast.name.span, library)?;
        let names = draft.scope.names.split_off(STEPS.len());
        let outer = std::mem::replace(&mut draft.scope.library, library);
        for (hyper, value) in values {
            let local = match value.kind {
                ExprKind::Local(local) => local,
                _ => {
                    let cell = draft.scope.cell(&format!("opt.{name}.{}", hyper.name.name), value, None);
                    let ExprKind::Local(local) = cell.kind else { continue };
                    local
                }
            };
            draft.scope.bind(&hyper.name.name, Binding::Local(local), hyper.name.span);
        }
        for hyper in &ast.hypers {
            if let ast::HyperKind::Words(all) = &hyper.kind
                && let Some((_, word)) = words.iter().find(|(name, _)| *name == hyper.name.name)
            {
                let all = all.iter().map(|word| word.name.clone()).collect();
                draft.scope.bind(&hyper.name.name, Binding::Word(word.clone(), all), hyper.name.span);
            }
        }
        let made = self.inside(draft, &written, &ast.body);
        draft.scope.library = outer;
        draft.scope.names.truncate(STEPS.len());
        draft.scope.names.extend(names);
        made
    }

    fn learning_rates(&mut self, uses: &[StageUse], expr: &ast::Expr) -> Checked<()> {
        let sets = |of: &&StageUse| {
            let stage = &self.stages[of.stage.0];
            stage.hypers.iter().any(|local| stage.locals[local.0].name == "lr")
        };
        let setting: Vec<StageUse> = uses.iter().filter(sets).cloned().collect();
        match setting.as_slice() {
            [] => {
                let message = "no stage of this optimizer sets a learning rate";
                let found = at(&errors::PIPELINE_NO_LEARNING_RATE, message, expr.span, "no stage has `lr`");
                Err(self.report(
                    found.help(format!(
                        "put `sgd(lr = 0.1)` first: `sgd(lr = 0.1) |> {}`",
                        text::source(expr)
                    )),
                ))
            }
            [_] => Ok(()),
            [first, second, ..] => {
                let message = format!(
                    "`{}` and `{}` both set a learning rate: their product acts",
                    first.name, second.name
                );
                let found = Diagnostic::warning(&errors::PIPELINE_TWO_LEARNING_RATES, message);
                let found =
                    found.label(second.span, "sets a learning rate").label(first.span, "and so does this");
                self.report(found.help("keep one of them"));
                Ok(())
            }
        }
    }

    /// Stages that another one makes useless.
    fn orders(&mut self, uses: &[StageUse]) {
        for (order, first, second) in scaling::orders(&self.stages, uses) {
            let [a, b] = [&uses[first], &uses[second]];
            let found = match order {
                Order::Cancelled => {
                    let message = format!("`{}` forgets the gain of `{}` before it", b.name, a.name);
                    Diagnostic::warning(&errors::PIPELINE_GAIN_CANCELLED, message)
                        .label(a.span, "multiplies the update")
                        .label(b.span, "gives the same update whatever it is multiplied by")
                }
                Order::Undone => {
                    let message = format!("`{}` scales what `{}` before it has clipped", b.name, a.name);
                    Diagnostic::warning(&errors::PIPELINE_CLIP_UNDONE, message)
                        .label(a.span, "bounds the update")
                        .label(b.span, "moves it out of the bound")
                }
            };
            let help = match order {
                Order::Cancelled => format!("write `{}` after `{}`", a.name, b.name),
                Order::Undone => format!("write `{}` last, or before the learning rate is set", a.name),
            };
            self.report(found.help(help));
        }
    }

    fn unknown_stage(&mut self, name: &str, span: Span) -> Poison {
        let known = self.find_def(name, false).is_some()
            || self.is_builtin(name)
            || self.globals.contains_key(name)
            || self.constants.contains_key(name)
            || self.data_ids.contains_key(name);
        if known {
            return self.not_a_stage(name, span);
        }
        let stages = self.stage_names();
        let near = nearest(name, stages.iter().map(String::as_str));
        let found = at(&errors::UNKNOWN_NAME, format!("unknown stage `{name}`"), span, "no such stage");
        self.report(errors::suggest(found, near))
    }

    fn not_a_stage(&mut self, name: &str, span: Span) -> Poison {
        let found = at(
            &errors::NOT_A_STAGE,
            format!("`{name}` is not an optimizer stage"),
            span,
            "a stage is needed",
        );
        self.report(found.help("stages are declared by `stage`; the library has `sgd`, `momentum`, `adam`, `eg_gain`, `eg_scale` and more"))
    }

    fn known_stage(&mut self, draft: &mut Draft<'a>, def: usize, written: Written<'a>) -> Checked<()> {
        let StageDef { ast, library } = self.stage_defs[def];
        let name = draft.name(written.name);
        let (words, values) = self.arguments(draft, &written, &name, &ast.hypers, ast.name.span, library)?;
        let stage = self.stage(def, words)?;
        let hypers = values.into_iter().map(|(_, value)| value).collect();
        draft.uses.push(StageUse { stage, name, hypers, span: written.span });
        Ok(())
    }

    /// The words and the numbers that a stage or a pipeline is given.
    #[allow(clippy::type_complexity, reason = "named nowhere else")]
    fn arguments(
        &mut self,
        draft: &mut Draft<'a>,
        written: &Written<'a>,
        name: &str,
        declared: &'a [ast::Hyper],
        span: Span,
        library: bool,
    ) -> Checked<(Words, Vec<(&'a ast::Hyper, Expr)>)> {
        let names: Vec<&str> = declared.iter().map(|hyper| hyper.name.name.as_str()).collect();
        let args =
            written.args.iter().map(|arg| Arg { name: arg.name.as_ref(), value: &arg.value }).collect();
        let call =
            Call { name: written.name.to_string(), statics: &[], args, span: written.span, expected: None };
        let given = self.match_args(&call, &names, 0, Some(span))?;
        let (mut words, mut numbers) = (Vec::new(), Vec::new());
        let mut failed = Ok(());
        for (hyper, given) in declared.iter().zip(given) {
            let result = match &hyper.kind {
                ast::HyperKind::Words(all) => {
                    self.word(draft, all, given).map(|word| words.push((hyper.name.name.clone(), word)))
                }
                ast::HyperKind::Number(default) => {
                    let value = match (given, default) {
                        (Some(given), _) => self.hyper(draft, given, hyper, name),
                        (None, Some(default)) => self.hyper_default(draft, default, hyper, name, library),
                        (None, None) => Err(self.hyper_missing(written, &hyper.name)),
                    };
                    value.map(|value| numbers.push((hyper, value)))
                }
            };
            failed = failed.and(result);
        }
        failed.map(|()| (words, numbers))
    }

    fn hyper_missing(&mut self, written: &Written<'a>, hyper: &ast::Ident) -> Poison {
        let message = format!("stage `{}` lacks `{}`, which has no default", written.name, hyper.name);
        let found = at(&errors::WRONG_ARGUMENT, message, written.name_span, "in this pipeline");
        let found = found.label(hyper.span, "declared here");
        self.report(found.help(format!("give it: `{}({} = 0.1)`", written.name, hyper.name)))
    }

    fn word(&mut self, draft: &Draft<'a>, all: &[ast::Ident], given: Option<&ast::Expr>) -> Checked<String> {
        let Some(given) = given else {
            return all.first().map(|word| word.name.clone()).ok_or(Poison);
        };
        let known: Vec<String> = all.iter().map(|word| word.name.clone()).collect();
        let text = text::source(given);
        let bound = match &given.kind {
            Ast::Name(name) => draft.scope.get(name),
            _ => None,
        };
        match &given.kind {
            Ast::Name(_)
                if let Some(Binding::Word(word, _)) = bound
                    && known.contains(word) =>
            {
                Ok(word.clone())
            }
            Ast::Name(word) if known.contains(word) => Ok(word.clone()),
            _ => Err(self.report(errors::none_of(&errors::UNKNOWN_WORD, "word", &text, given.span, &known))),
        }
    }

    /// A hyperparameter's default, which sees none of the names around its use.
    fn hyper_default(
        &mut self,
        draft: &mut Draft<'a>,
        default: &'a ast::Expr,
        hyper: &'a ast::Hyper,
        name: &str,
        library: bool,
    ) -> Checked<Expr> {
        let names = draft.scope.names.split_off(STEPS.len());
        let outer = std::mem::replace(&mut draft.scope.library, library);
        let value = self.hyper(draft, default, hyper, name);
        draft.scope.library = outer;
        draft.scope.names.extend(names);
        value
    }

    /// The value of a numeric hyperparameter: a cell if it is a number, or an expression of `t`, `T`
    /// and cells.
    fn hyper(
        &mut self,
        draft: &mut Draft<'a>,
        value: &'a ast::Expr,
        hyper: &'a ast::Hyper,
        stage: &str,
    ) -> Checked<Expr> {
        let ast::Ident { name, span } = &hyper.name;
        let range = hyper.range.as_ref().map(|range| self.range(range)).transpose()?;
        let cell = format!("opt.{stage}.{name}");
        let scope = &mut draft.scope;
        if let Some(cells) = &mut scope.cells {
            cells.prefix.clone_from(&cell);
        }
        let found = self.expr(scope, value, None)?;
        let expected = (*span, format!("hyperparameter `{name}` is one number"));
        let expr = self.coerce(scope, found, &Type::scalar(DType::F64), expected)?;
        let known = self.constant(value).map(|(number, _)| number);
        if let (Some(range), Some(number)) = (range, known)
            && !range.contains(number)
        {
            let found = errors::out_of_range(&cell, number, range);
            let found = found.label(value.span, format!("not in {range}"));
            return Err(self.report(found.label(*span, "the range is declared here")));
        }
        let mut locals = Vec::new();
        expr.locals(&mut locals);
        if locals.is_empty() {
            return Ok(draft.scope.cell(&cell, expr, range));
        }
        if let (ExprKind::Local(local), Some(range)) = (&expr.kind, range) {
            return self.narrowed(draft, *local, range, (&cell, value.span)).map(|()| expr);
        }
        Ok(expr)
    }

    /// A cell that is a hyperparameter of a stage keeps to the range that the stage declares.
    fn narrowed(
        &mut self,
        draft: &mut Draft<'a>,
        local: LocalId,
        range: Range,
        (name, span): (&str, Span),
    ) -> Checked<()> {
        let cells = draft.scope.cells.iter_mut().flat_map(|cells| &mut cells.made);
        let Some(cell) = cells.into_iter().find(|cell| cell.local == local) else { return Ok(()) };
        let own = cell.range.unwrap_or(range);
        cell.range = Some(Range { low: own.low.max(range.low), high: own.high.min(range.high) });
        match cell.value.kind {
            ExprKind::Const(number) if !range.contains(number) => {
                let found = errors::out_of_range(name, number, range);
                let given = cell.value.span;
                let found = found.label(given, format!("not in {range}")).label(span, "it goes here");
                Err(self.report(found))
            }
            _ => Ok(()),
        }
    }

    fn range(&mut self, range: &'a ast::Range) -> Checked<Range> {
        let low = self.bound(&range.low)?;
        let high = range.high.as_ref().map(|high| self.bound(high)).transpose()?;
        Ok(Range { low, high: high.unwrap_or(f64::INFINITY) })
    }

    fn bound(&mut self, bound: &'a ast::Expr) -> Checked<f64> {
        if let Some((number, _)) = self.constant(bound) {
            return Ok(number);
        }
        let message = "the bounds of a range are numbers known at compile time";
        let found = at(&errors::NOT_CONSTANT, message, bound.span, "not a number");
        Err(self.report(found.help("write a number: `in 0..1`")))
    }

    /// Pipelines of the script that nothing uses are checked as well.
    pub(super) fn check_unused_pipelines(&mut self) {
        for def in 0..self.pipeline_defs.len() {
            let PipelineDef { ast, library } = self.pipeline_defs[def];
            if library {
                continue;
            }
            let mut draft = self.draft(ast.name.span);
            for hyper in &ast.hypers {
                let (name, span) = (&hyper.name.name, hyper.name.span);
                match &hyper.kind {
                    ast::HyperKind::Words(all) => {
                        let all: Vec<String> = all.iter().map(|word| word.name.clone()).collect();
                        let first = all.first().cloned().unwrap_or_default();
                        draft.scope.bind(name, Binding::Word(first, all), span);
                    }
                    ast::HyperKind::Number(default) => {
                        draft.scope.bind_local(name, Type::scalar(DType::F64), span);
                        if let Some(default) = default {
                            let _ = self.hyper_default(&mut draft, default, hyper, &ast.name.name, false);
                        }
                    }
                }
            }
            draft.inside.push(&ast.name.name);
            let _ = self.parts(&mut draft, &ast.body);
        }
    }
}

/// `name`, or with a number behind it if that is taken.
pub(super) fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_string();
    }
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    numbered.into_iter().find(|name| !taken(name)).unwrap_or_default()
}
