//! Sharing: equal functions are one, across programs too, so compile time does not grow with depth.

use super::Function;
use super::build::{Map, hash_of};

/// Functions, each once.
#[derive(Default)]
pub(super) struct Shared {
    functions: Vec<Function>,
    by_hash: Map<u64, Vec<usize>>,
}

impl Shared {
    /// The index of this function or of one equal to it.
    pub(super) fn add(&mut self, function: Function) -> usize {
        let same = self.by_hash.entry(hash_of(&function)).or_default();
        if let Some(known) = same.iter().find(|k| self.functions[**k] == function) {
            return *known;
        }
        same.push(self.functions.len());
        self.functions.push(function);
        self.functions.len() - 1
    }

    /// All functions by index.
    pub(super) fn finish(self) -> Vec<Function> {
        self.functions
    }
}
