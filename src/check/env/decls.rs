//! What the script and the library declare.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use crate::ast::{self, BinaryOp, ExprKind, UnaryOp};
use crate::typed::DataId;

/// A function or model as declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration<'a> {
    pub ast: &'a ast::Function,
    pub model: bool,
    pub library: bool,
}

/// A pipeline as declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipelineDef<'a> {
    pub ast: &'a ast::Pipeline,
    pub library: bool,
}

/// A stage as declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageDef<'a> {
    pub ast: &'a ast::Stage,
    pub library: bool,
}

/// Declarations of one kind, of the library and of the script, which may use the same name.
#[derive(Debug)]
pub(crate) struct Declarations<'a, T> {
    all: Vec<T>,
    names: BTreeMap<(bool, &'a str), usize>,
}

impl<T> Default for Declarations<'_, T> {
    fn default() -> Self {
        Declarations { all: Vec::new(), names: BTreeMap::new() }
    }
}

impl<'a, T> Declarations<'a, T> {
    /// Adds one.
    pub(crate) fn add(&mut self, library: bool, name: &'a str, def: T) {
        self.names.insert((library, name), self.all.len());
        self.all.push(def);
    }

    /// That of this name in the library or in the script.
    pub(crate) fn get(&self, library: bool, name: &str) -> Option<usize> {
        self.names.get(&(library, name)).copied()
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.names.keys().map(|(_, name)| *name)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All in the order of their declarations.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.all.iter()
    }
}

impl<T> Index<usize> for Declarations<'_, T> {
    type Output = T;

    fn index(&self, def: usize) -> &T {
        &self.all[def]
    }
}

/// What is declared.
#[derive(Debug, Default)]
pub(crate) struct Decls<'a> {
    /// Functions and models.
    pub functions: Declarations<'a, Declaration<'a>>,
    /// Stages.
    pub stages: Declarations<'a, StageDef<'a>>,
    /// Pipelines.
    pub pipelines: Declarations<'a, PipelineDef<'a>>,
    /// Pipelines that a `let` of the script names.
    pub pipeline_lets: BTreeMap<&'a str, &'a ast::Let>,
    /// Functions that a `let` of the script names.
    pub function_lets: BTreeMap<&'a str, &'a ast::Let>,
    /// Data sets; `None` for those in error.
    pub data: BTreeMap<&'a str, Option<DataId>>,
    /// Names of declarations that could not be read.
    pub broken: BTreeSet<&'a str>,
    /// Top-level numbers known at compile time, and whether they are written as integers.
    pub constants: BTreeMap<&'a str, (f64, bool)>,
}

impl<'a> Decls<'a> {
    /// The function or model of this name; library code sees the library first.
    pub(crate) fn find_function(&self, name: &str, from_library: bool) -> Option<usize> {
        let find = |library: bool| self.functions.get(library, name);
        if from_library { find(true) } else { find(false).or_else(|| find(true)) }
    }

    /// The stage of this name.
    pub(crate) fn find_stage(&self, name: &str) -> Option<usize> {
        self.stages.get(false, name).or_else(|| self.stages.get(true, name))
    }

    /// Names of stages and pipelines.
    pub(crate) fn optimizer_names(&self) -> impl Iterator<Item = &'a str> {
        self.stages.names().chain(self.pipelines.names()).chain(self.pipeline_lets.keys().copied())
    }

    /// The value of an expression of numbers only.
    pub(crate) fn constant(&self, expr: &ast::Expr) -> Option<(f64, bool)> {
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
}
