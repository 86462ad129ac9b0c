//! Data and statements.

pub(crate) mod agree;
pub(crate) mod curves;
pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod known;
pub(crate) mod rows;
pub(crate) mod runs;
pub(crate) mod sample;
pub(crate) mod settings;
pub(crate) mod statements;
pub(crate) mod sweep;
pub(crate) mod train;

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
