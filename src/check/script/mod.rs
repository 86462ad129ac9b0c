//! Data and statements: what happens, in order.
//!
//! Comes in: the items of a script, whose declarations are known. Goes out: data sets with their schemas,
//! and the statements of the typed program. Each kind of statement is a file, in
//! `acts` if it leaves nothing for others.

mod acts;
mod agree;
mod checkpoints;
pub(crate) mod curves;
pub(crate) mod data;
mod eval;
mod known;
pub(crate) mod predict;
mod rows;
mod runs;
mod sample;
mod settings;
mod start;
pub(crate) mod statements;
mod stop;
mod sweep;
mod train;

use std::collections::BTreeSet;

use crate::typed::Statement;

/// The statements so far.
#[derive(Debug, Default)]
pub(crate) struct Statements<'a> {
    /// Every name that the script declares.
    pub declared: BTreeSet<&'a str>,
    /// Those that are in order.
    pub made: Vec<Statement>,
}
