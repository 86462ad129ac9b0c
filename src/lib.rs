//! Egret: a small language for models and optimizer pipelines, and its compiler.

pub mod diag;
pub mod print;
pub mod source;

pub mod algebra;
pub mod ast;
pub mod check;
pub mod graph;
pub mod kernel;
pub mod loops;
pub mod native;
pub mod run;
