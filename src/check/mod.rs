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

mod agree;
mod arith;
pub mod builtins;
mod calls;
mod codes;
mod data;
mod derive;
mod dims;
pub mod errors;
mod exprs;
mod fixes;
mod functions;
pub mod given;
mod groups;
mod limits;
mod loops;
mod memory;
mod models;
mod ops;
mod pipelines;
mod points;
mod positions;
mod runs;
mod sample;
mod scaling;
mod scope;
mod several;
mod stages;
mod statements;
mod statics;
mod sweeps;
mod synthetic;
mod text;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::algebra::types::{DType, Type};
use crate::ast::{self, ItemKind, Script};
use crate::diag::Diagnostic;

pub(crate) use derive::is_derivative;
pub(crate) use functions::called as calls_static;
pub use given::{Given, check_pipeline};

use crate::typed::{self, DataId, FunctionId, StageId};
use functions::{CallSite, Def, InstanceOf, Key};
use pipelines::PipelineDef;
use scope::{Checked, Global, Poison, Scope, nearest};
use stages::{StageDef, Words};

/// What a data file holds, as far as types and shapes go.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Columns in scope with their types without the row axis, `x` and `y` first.
    pub columns: Vec<(String, Type)>,
    /// Number of rows, without those of the file's own test split.
    pub rows: usize,
    /// Rows of the file's own test split, if it has one.
    pub test_rows: Option<usize>,
    /// Of a text, its different characters, sorted.
    pub characters: Vec<char>,
}

/// What `check` asks about data files. Diagnostics come without labels; `check` adds the place.
pub trait Catalog {
    /// The schema of a source, or why it cannot be read.
    fn schema(&self, source: &typed::DataSource, real: DType) -> Result<Schema, Diagnostic>;
}

/// Checks a script against the library. The program may be run only if no diagnostic is an error.
/// A script's `real f64` line wins over `real`.
pub fn check(
    script: &Script,
    library: &[Script],
    catalog: &dyn Catalog,
    real: DType,
) -> (typed::Program, Vec<Diagnostic>) {
    let mut checker = Checker::new(catalog, real);
    for (script, of_library) in library.iter().map(|script| (script, true)).chain([(script, false)]) {
        checker.declare(script, of_library);
    }
    for item in &script.items {
        checker.statement(item);
    }
    let used = checker.check_declarations();
    checker.check_groups();
    checker.check_curves();
    checker.check_model_sizes();
    checker.finish(used)
}

/// What is known while a script is checked.
struct Checker<'a> {
    catalog: &'a dyn Catalog,
    real: DType,
    diagnostics: Vec<Diagnostic>,
    /// Functions and models, and their names in the script and in the library.
    defs: Vec<Def<'a>>,
    def_names: BTreeMap<(bool, &'a str), usize>,
    stage_defs: Vec<StageDef<'a>>,
    stage_names: BTreeMap<(bool, &'a str), usize>,
    pipeline_defs: Vec<PipelineDef<'a>>,
    pipeline_names: BTreeMap<(bool, &'a str), usize>,
    /// Pipelines that a `let` of the script names.
    pipeline_lets: BTreeMap<&'a str, &'a ast::Let>,
    /// Functions that a `let` of the script names.
    function_lets: BTreeMap<&'a str, &'a ast::Let>,
    /// Data sets; `None` for those in error.
    data_ids: BTreeMap<&'a str, Option<DataId>>,
    /// Top-level numbers known at compile time, and whether they are written as integers.
    constants: BTreeMap<&'a str, (f64, bool)>,
    globals: BTreeMap<&'a str, Global>,
    /// Every name that the script declares.
    declared: BTreeSet<&'a str>,
    instances: Vec<InstanceOf>,
    memo: BTreeMap<Key, Checked<FunctionId>>,
    /// Instances whose bodies are still to be checked.
    pending: VecDeque<FunctionId>,
    calls: Vec<CallSite>,
    stage_memo: BTreeMap<(usize, Words), Checked<StageId>>,
    /// The fit that each evaluation is about, by statements.
    evaluated: BTreeMap<usize, usize>,
    /// What is written for quotients rounded down and of reals, by their place.
    quotients: BTreeMap<crate::source::Span, (String, String)>,
    /// The variables of the sweep whose run is checked.
    swept: Vec<sweeps::Variable<'a>>,
    n_sizes: u32,
    n_sites: u32,
    data: Vec<typed::Data>,
    functions: Vec<Option<typed::Function>>,
    stages: Vec<typed::Stage>,
    statements: Vec<typed::Statement>,
}

impl<'a> Checker<'a> {
    fn new(catalog: &'a dyn Catalog, real: DType) -> Checker<'a> {
        Checker {
            catalog,
            real,
            diagnostics: Vec::new(),
            defs: Vec::new(),
            def_names: BTreeMap::new(),
            stage_defs: Vec::new(),
            stage_names: BTreeMap::new(),
            pipeline_defs: Vec::new(),
            pipeline_names: BTreeMap::new(),
            pipeline_lets: BTreeMap::new(),
            function_lets: BTreeMap::new(),
            data_ids: BTreeMap::new(),
            constants: BTreeMap::new(),
            globals: BTreeMap::new(),
            declared: BTreeSet::new(),
            instances: Vec::new(),
            memo: BTreeMap::new(),
            pending: VecDeque::new(),
            calls: Vec::new(),
            stage_memo: BTreeMap::new(),
            evaluated: BTreeMap::new(),
            swept: Vec::new(),
            quotients: BTreeMap::new(),
            n_sizes: 0,
            n_sites: 0,
            data: Vec::new(),
            functions: Vec::new(),
            stages: Vec::new(),
            statements: Vec::new(),
        }
    }

    /// Adds a diagnostic.
    fn report(&mut self, diagnostic: Diagnostic) -> Poison {
        self.diagnostics.push(diagnostic);
        Poison
    }

    /// Takes in all declarations of a file; statements follow in their order.
    fn declare(&mut self, script: &'a Script, library: bool) {
        let mut seen: BTreeMap<&'a str, crate::source::Span> = BTreeMap::new();
        for item in &script.items {
            for name in declared(&item.kind).into_iter().filter(|name| name.name != exprs::NOBODY) {
                if !library {
                    self.declared.insert(&name.name);
                }
                if let Some(before) = seen.insert(&name.name, name.span) {
                    self.report(errors::duplicate(&name.name, name.span, Some(before)));
                }
            }
            match &item.kind {
                ItemKind::Real(name) => self.known_real(name),
                ItemKind::Fn(ast) => self.define(ast, false, library),
                ItemKind::Model(ast) => self.define(ast, true, library),
                ItemKind::Stage(ast) => {
                    self.stage_names.insert((library, &ast.name.name), self.stage_defs.len());
                    self.stage_defs.push(StageDef { ast, library });
                }
                ItemKind::Pipeline(ast) => {
                    self.pipeline_names.insert((library, &ast.name.name), self.pipeline_defs.len());
                    self.pipeline_defs.push(PipelineDef { ast, library });
                }
                ItemKind::Let(line) if line.ty.is_none() && line.more.is_empty() && !library => {
                    if let Some(constant) = self.constant(&line.value) {
                        self.constants.insert(&line.name.name, constant);
                    }
                }
                _ => {}
            }
        }
        for item in &script.items {
            if let ItemKind::Let(line) = &item.kind
                && !library
                && line.ty.is_none()
                && line.more.is_empty()
                && self.is_pipeline(&line.value)
            {
                self.pipeline_lets.insert(&line.name.name, line);
            }
            if let ItemKind::Let(line) = &item.kind
                && !library
                && line.ty.is_none()
                && line.more.is_empty()
                && self.makes_function(&Scope::new(scope::Place::Statement, false, self.real), &line.value)
            {
                self.function_lets.insert(&line.name.name, line);
            }
            if let ItemKind::Data(data) = &item.kind {
                let made = self.data(data).ok();
                let id = made.map(|made| {
                    self.data.push(made);
                    DataId(self.data.len() - 1)
                });
                self.data_ids.insert(&data.name.name, id);
            }
        }
    }

    fn define(&mut self, ast: &'a ast::Function, model: bool, library: bool) {
        self.def_names.insert((library, &ast.name.name), self.defs.len());
        self.defs.push(Def { ast, model, library });
    }

    /// What a script says of `real` has been heeded already, unless the command line says otherwise.
    fn known_real(&mut self, name: &ast::Ident) {
        if !["f32", "f64"].contains(&name.name.as_str()) {
            let message = format!("`real` is `f32` or `f64`, not `{}`", name.name);
            let found = errors::at(&errors::UNKNOWN_TYPE, message, name.span, "no such floating type");
            self.report(found.help("write `real f64`"));
        }
    }

    /// The value of an expression of numbers only.
    fn constant(&self, expr: &ast::Expr) -> Option<(f64, bool)> {
        use ast::{BinaryOp, ExprKind, UnaryOp};
        match &expr.kind {
            ExprKind::Number { value, integer } => Some((*value, *integer)),
            ExprKind::Name(name) => self.constants.get(name.as_str()).copied(),
            ExprKind::Unary(UnaryOp::Neg, x) => self.constant(x).map(|(value, integer)| (-value, integer)),
            ExprKind::Binary(op, a, b) => {
                let ((a, x), (b, y)) = (self.constant(a)?, self.constant(b)?);
                let value = match op {
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div if !(x && y) => a / b,
                    _ => return None,
                };
                Some((value, x && y))
            }
            _ => None,
        }
    }

    /// The function or model of this name; library code sees the library first.
    fn find_def(&self, name: &str, from_library: bool) -> Option<usize> {
        let find = |library: bool| self.def_names.get(&(library, name)).copied();
        if from_library { find(true) } else { find(false).or_else(|| find(true)) }
    }

    /// The stage of this name.
    fn find_stage(&self, name: &str) -> Option<usize> {
        let find = |library: bool| self.stage_names.get(&(library, name)).copied();
        find(false).or_else(|| find(true))
    }

    fn stage_names(&self) -> Vec<String> {
        let declared = self.stage_names.keys().chain(self.pipeline_names.keys()).map(|(_, name)| *name);
        declared.chain(self.pipeline_lets.keys().copied()).map(String::from).collect()
    }

    /// Whether anything at the top level has this name.
    fn is_known(&self, name: &str) -> bool {
        self.find_def(name, false).is_some()
            || self.find_stage(name).is_some()
            || self.is_builtin(name)
            || self.globals.contains_key(name)
            || self.function_lets.contains_key(name)
            || self.constants.contains_key(name)
            || self.data_ids.contains_key(name)
    }

    /// The name in reach that is nearest to a misspelled one.
    fn nearest_name(&self, scope: &Scope, name: &str) -> Option<String> {
        let own = scope.names.iter().map(|(name, ..)| name.as_str());
        let defs = self.def_names.keys().map(|(_, name)| *name);
        let outer = self
            .constants
            .keys()
            .chain(self.globals.keys())
            .chain(self.function_lets.keys())
            .chain(self.data_ids.keys())
            .copied();
        let builtin = builtins::BUILTINS.iter().map(|builtin| builtin.name);
        let rows = crate::algebra::scalar::ALL.iter().map(|row| row.name);
        nearest(name, own.chain(defs).chain(outer).chain(builtin).chain(rows))
    }

    /// Stages of the script that no pipeline uses are checked as well, with their default words.
    fn check_unused_stages(&mut self) {
        let used: Vec<usize> = self.stage_memo.keys().map(|(def, _)| *def).collect();
        for def in 0..self.stage_defs.len() {
            let StageDef { ast, library } = self.stage_defs[def];
            if !library && !used.contains(&def) {
                let words = ast.hypers.iter().filter_map(|hyper| match &hyper.kind {
                    ast::HyperKind::Words(all) => Some((hyper.name.name.clone(), all.first()?.name.clone())),
                    ast::HyperKind::Number(_) => None,
                });
                let _ = self.stage(def, words.collect());
            }
        }
        self.check_bodies();
    }

    /// The program and its diagnostics, each once, in the order of their places.
    fn finish(mut self, used: (usize, usize)) -> (typed::Program, Vec<Diagnostic>) {
        self.diagnostics.sort_by_key(|found| found.labels.first().map(|label| label.span));
        self.diagnostics.dedup_by(|a, b| {
            let place = |found: &Diagnostic| found.labels.first().map(|label| label.span);
            a.message == b.message && place(a) == place(b)
        });
        self.functions.truncate(used.0);
        self.stages.truncate(used.1);
        let program = typed::Program {
            real: self.real,
            data: self.data,
            functions: self.functions.into_iter().flatten().collect(),
            stages: self.stages,
            statements: self.statements,
            limit: typed::LIMIT,
        };
        let mut found = self.diagnostics;
        if !found.iter().any(Diagnostic::is_error) {
            found.extend(limits::limits(&program));
        }
        (program, found)
    }
}

/// The names that an item declares.
fn declared(item: &ItemKind) -> Vec<&ast::Ident> {
    match item {
        ItemKind::Data(data) => vec![&data.name],
        ItemKind::Fn(function) | ItemKind::Model(function) => vec![&function.name],
        ItemKind::Stage(stage) => vec![&stage.name],
        ItemKind::Pipeline(pipeline) => vec![&pipeline.name],
        ItemKind::Let(line) => std::iter::once(&line.name).chain(&line.more).collect(),
        _ => Vec::new(),
    }
}
