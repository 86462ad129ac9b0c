//! Names, shapes, types and pipelines: the last place where a user can be wrong.
//!
//! Comes in: the trees of the script and of the library. Goes out: a typed program and all
//! diagnostics. If none of them is an error, every later stage is total.
//! Invariant: every operator's operands have exactly the types that its rules ask for; what the
//! script left implicit (broadcasting, casts, means, `argmax`) is written out.
//!
//! ```text
//! fn mse(prediction: f32[..1], target: f32[..1]) -> f32[]
//!   base = sub(prediction, target) : f32[..1]
//!   return div(reduce(mul(base, base)) [sum, axes = 0], ..1)
//! ```
//!
//! | folder | what it knows |
//! | --- | --- |
//! | `env` | declarations, findings, functions in use: what all others are given |
//! | `expr` | the types of expressions |
//! | `builtins` | builtin functions: how each is called and what it gives |
//! | `functions` | bodies of functions and models |
//! | `optim` | stages, pipelines, parameter groups |
//! | `script` | data and statements |
//! | `limits` | what cannot be once all sizes are known |

pub mod builtins;
mod called;
mod codes;
mod env;
pub mod errors;
mod expr;
mod foreign;
mod functions;
mod limits;
pub(crate) mod optim;
mod script;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::env::{Declaration, Env, Global, PipelineDef, Scope, StageDef, WILDCARD};
use self::errors::at;
use self::expr::{targets, typer};
use self::optim::external;
use self::optim::stages::Stages;
use self::script::Statements;
use crate::algebra::types::DType;
use crate::ast::{self, ItemKind, Script};
use crate::data::Catalog;
use crate::diag::Diagnostic;
use crate::source::Sources;
use crate::typed::{self, DataId};

pub(crate) use self::called::{Called, StaticValue};
pub(crate) use self::limits::limits;
pub use self::optim::external::ExternalParam;

/// What is checked.
#[derive(Clone, Copy)]
pub struct Parsed<'a> {
    /// The script.
    pub script: &'a Script,
    /// The library.
    pub library: &'a [Script],
    /// The texts of both, which messages quote.
    pub sources: &'a Sources,
    /// What is in files.
    pub catalog: &'a dyn Catalog,
    /// What `real` means.
    pub real: DType,
}

/// Checks a script against the library. The program may be run only if no diagnostic is an error.
pub fn check(parsed: Parsed<'_>) -> (typed::Program, Vec<Diagnostic>) {
    let mut checker = Checker::declared(parsed);
    for item in &parsed.script.items {
        let mut cx = typer(&mut checker.env);
        script::statements::statement(&mut cx, &mut checker.stages, &mut checker.statements, item);
    }
    let used = checker.check_declarations();
    optim::groups::check_groups(&mut checker.env, &mut checker.statements.made);
    optim::groups::check_states(&mut checker.env, &checker.statements.made);
    script::curves::check_curves(&mut checker.env, &checker.statements.made);
    functions::sizes::check_model_sizes(&mut checker.env);
    checker.finish(used)
}

/// Checks the declarations of a script, and a call that stands in none. The program has no statements; the call
/// is not there if it is in error.
pub(crate) fn check_call(
    parsed: Parsed<'_>,
    called: &Called<'_>,
) -> (typed::Program, Option<typed::Expr>, Vec<Diagnostic>) {
    let mut checker = Checker::declared(parsed);
    let call = called::call(&mut typer(&mut checker.env), called).ok();
    let used = checker.check_declarations();
    functions::sizes::check_model_sizes(&mut checker.env);
    let (program, found) = checker.finish(used);
    (program, call, found)
}

/// Checks declarations of stages and functions with a pipeline as the last line. The result is a
/// program of one optimizer, of a model that is nothing but its parameters.
pub fn check_pipeline(parsed: Parsed<'_>, params: &[ExternalParam]) -> (typed::Program, Vec<Diagnostic>) {
    let Parsed { script, library, .. } = parsed;
    let mut checker = Checker::new(parsed);
    let only_stages = external::only_stages(&mut checker.env, script);
    for (script, of_library) in library.iter().map(|script| (script, true)).chain([(script, false)]) {
        if of_library || only_stages.is_ok() {
            checker.declare(script, of_library);
        }
    }
    let only_stages =
        only_stages.and_then(|pipeline| external::only_names(&mut checker.env, script).map(|()| pipeline));
    let mut cx = typer(&mut checker.env);
    let made = only_stages.and_then(|pipeline| {
        let made = external::pipeline_for(&mut cx, &mut checker.stages, pipeline, params)?;
        Ok((made, pipeline.span))
    });
    let used = checker.check_declarations();
    let (mut program, found) = checker.finish(used);
    if let Ok((pipeline, span)) = made {
        external::add(&mut program, pipeline, params, span);
    }
    (program, found)
}

/// What the parts of the checker work on.
struct Checker<'a> {
    catalog: &'a dyn Catalog,
    env: Env<'a>,
    stages: Stages,
    statements: Statements<'a>,
}

/// How many functions and stages a program uses: they come first.
#[derive(Clone, Copy)]
struct Used {
    functions: usize,
    stages: usize,
}

impl<'a> Checker<'a> {
    fn new(parsed: Parsed<'a>) -> Checker<'a> {
        Checker {
            catalog: parsed.catalog,
            env: Env::new(parsed.real, parsed.sources),
            stages: Stages::default(),
            statements: Statements::default(),
        }
    }

    /// One that knows the declarations of a script and of the library.
    fn declared(parsed: Parsed<'a>) -> Checker<'a> {
        let mut checker = Checker::new(parsed);
        parsed.library.iter().for_each(|script| checker.declare(script, true));
        checker.declare(parsed.script, false);
        checker
    }

    /// Takes in all declarations of a file; statements follow in their order.
    fn declare(&mut self, script: &'a Script, library: bool) {
        self.names(script, library);
        script.items.iter().for_each(|item| self.declaration(&item.kind, library));
        for item in &script.items {
            match &item.kind {
                ItemKind::Let(line) if !library && names_one(line) => self.made_by_let(line),
                ItemKind::Data(data) => {
                    let made = script::data::data(&mut typer(&mut self.env), self.catalog, data).ok();
                    let id = made.map(|made| {
                        self.env.data.push(made);
                        DataId(self.env.data.len() - 1)
                    });
                    self.env.decls.data.insert(&data.name.name, id);
                }
                _ => {}
            }
        }
    }

    /// The names that a file declares, each once.
    fn names(&mut self, script: &'a Script, library: bool) {
        let mut seen: BTreeMap<&'a str, crate::source::Span> = BTreeMap::new();
        let names = script.items.iter().flat_map(|item| declared(&item.kind));
        for name in names.filter(|name| name.name != WILDCARD) {
            if !library {
                self.statements.declared.insert(&name.name);
            }
            if let Some(before) = seen.insert(&name.name, name.span) {
                self.env.report(errors::duplicate(&name.name, name.span, Some(before)));
            }
        }
    }

    fn declaration(&mut self, item: &'a ItemKind, library: bool) {
        let decls = &mut self.env.decls;
        match item {
            ItemKind::Real(name) => self.known_real(name),
            ItemKind::Fn(ast) => {
                decls.functions.add(library, &ast.name.name, Declaration { ast, model: false, library });
            }
            ItemKind::Model(ast) => {
                decls.functions.add(library, &ast.name.name, Declaration { ast, model: true, library });
            }
            ItemKind::Stage(ast) => decls.stages.add(library, &ast.name.name, StageDef { ast, library }),
            ItemKind::Pipeline(ast) => {
                decls.pipelines.add(library, &ast.name.name, PipelineDef { ast, library });
            }
            ItemKind::Let(line) if !library && names_one(line) => {
                if let Some(constant) = decls.constant(&line.value) {
                    decls.constants.insert(&line.name().name, constant);
                }
            }
            ItemKind::Broken(names) => {
                for name in names {
                    decls.broken.insert(&name.name);
                    decls.data.insert(&name.name, None);
                    self.env.globals.values.insert(&name.name, Global::Error);
                }
            }
            _ => {}
        }
    }

    /// A `let` may name a pipeline, or a function made of a function.
    fn made_by_let(&mut self, line: &'a ast::Let) {
        let env = &mut self.env;
        if optim::pipelines::is_pipeline(env, &line.value) {
            env.decls.pipeline_lets.insert(&line.name().name, line);
        }
        let scope = Scope::statement(env.real);
        if targets::makes_function(env, &scope, &line.value) {
            env.decls.function_lets.insert(&line.name().name, line);
        }
    }

    /// What a script says of `real` has been heeded already, unless the command line says otherwise.
    fn known_real(&mut self, name: &ast::Ident) {
        if !["f32", "f64"].contains(&name.name.as_str()) {
            let message = format!("`real` is `f32` or `f64`, not `{}`", name.name);
            let found = at(&errors::UNKNOWN_TYPE, message, name.span, "no such floating type");
            self.env.report(found.help("write `real f64`"));
        }
    }

    /// Checks the bodies of everything that is used, then what nothing uses.
    fn check_declarations(&mut self) -> Used {
        let mut cx = typer(&mut self.env);
        functions::check_all_bodies(&mut cx);
        let used = Used { functions: cx.env.instances.made.len(), stages: self.stages.made.len() };
        functions::check_unused(&mut cx);
        optim::stages::check_unused_stages(&mut cx, &mut self.stages);
        functions::check_all_bodies(&mut cx);
        optim::pipelines::check_unused_pipelines(&mut cx, &mut self.stages);
        functions::recursion::check_recursion(&mut self.env);
        used
    }

    /// The program and its diagnostics, each once, in the order of their places.
    fn finish(self, used: Used) -> (typed::Program, Vec<Diagnostic>) {
        let Env { real, mut found, data, instances, .. } = self.env;
        let place = |found: &Diagnostic| found.labels.first().map(|label| label.span);
        found.sort_by_key(place);
        found.dedup_by(|a, b| a.message == b.message && place(a) == place(b));
        let functions = instances.made.into_iter().take(used.functions);
        let mut stages = self.stages.made;
        stages.truncate(used.stages);
        let program = typed::Program {
            real,
            data,
            functions: functions.filter_map(|instance| instance.function).collect(),
            stages,
            statements: self.statements.made,
            limit: typed::LIMIT,
            unroll: typed::UNROLL,
        };
        if !found.iter().any(Diagnostic::is_error) {
            found.extend(limits::limits(&program));
        }
        (program, found)
    }
}

/// Whether a `let` is of one name, whose type is not written.
fn names_one(line: &ast::Let) -> bool {
    line.ty.is_none() && line.names.len() == 1
}

/// The names that an item declares.
fn declared(item: &ItemKind) -> Vec<&ast::Ident> {
    match item {
        ItemKind::Data(data) => vec![&data.name],
        ItemKind::Fn(function) | ItemKind::Model(function) => vec![&function.name],
        ItemKind::Stage(stage) => vec![&stage.name],
        ItemKind::Pipeline(pipeline) => vec![&pipeline.name],
        ItemKind::Let(line) => line.names.iter().collect(),
        _ => Vec::new(),
    }
}
