//! A finished training run: parameters, optimizer state, and what was recorded.

use std::collections::BTreeMap;
use std::path::Path;

use super::machine::Memory;
use super::save::{self, Named};
use crate::algebra::types::Type;
use crate::diag::Diagnostic;
use crate::graph::{Layout, Param};
use crate::print;

/// Recorded values by name: pairs of training step and value, in order.
pub(super) type History = BTreeMap<String, Vec<(f64, f64)>>;

/// A finished training run.
#[derive(Debug)]
pub struct Fit {
    pub(super) layout: Layout,
    /// The parameters to evaluate with.
    pub(super) params: Memory,
    /// Those that were trained, where the optimizer evaluates with others.
    pub(super) trained: Option<Memory>,
    pub(super) states: Vec<Memory>,
    pub(super) history: History,
    pub(super) cells: Vec<(String, f64)>,
    pub(super) steps: usize,
    pub(super) seed: u64,
}

impl Fit {
    /// A recorded series, as pairs of training step and value: `loss`, a metric's name, `val_loss`,
    /// `opt.eg_scale.s`. Empty if there is none of that name.
    pub fn series(&self, key: &str) -> &[(f64, f64)] {
        self.history.get(key).map_or(&[], Vec::as_slice)
    }

    /// A trained parameter by its path, row-major: what the optimizer evaluates with. With `/train`
    /// behind it the one that was stepped, where that is another.
    pub fn param(&self, name: &str) -> Option<Vec<f64>> {
        let (name, memory) = match name.strip_suffix("/train") {
            Some(name) => (name, self.trained.as_ref()?),
            None => (name, &self.params),
        };
        let param = self.layout.params.iter().find(|param| param.name == name)?;
        Some(memory.to_f64()[param.start..][..param.ty.count()].to_vec())
    }

    /// An optimizer state by its name, `adam.m`: one number per coordinate in the order of the
    /// parameters, one per tensor, or one.
    pub fn state(&self, name: &str) -> Option<Vec<f64>> {
        let slot = self.layout.states.iter().position(|slot| slot.name == name)?;
        Some(self.states[slot].to_f64())
    }

    /// Writes parameters to evaluate with (`hidden.w`), those that were trained if they are others
    /// (`hidden.w/train`), states per coordinate (`hidden.w/adam.m`) and other states
    /// (`eg_scale.s`), with the step, the seed and the hyperparameters as metadata.
    pub(super) fn save(&self, path: &Path) -> Result<(), Diagnostic> {
        let mut tensors = self.pieces(&self.params, "");
        tensors.extend(self.trained.iter().flat_map(|trained| self.pieces(trained, "/train")));
        for (slot, memory) in self.layout.states.iter().zip(&self.states) {
            if self.layout.is_per_coordinate(slot) {
                tensors.extend(self.pieces(memory, &format!("/{}", slot.name)));
            } else {
                tensors.push(named(slot.name.clone(), &slot.ty, &memory.to_bytes()));
            }
        }
        let fixed = [
            ("format", "egret 1".to_owned()),
            ("step", self.steps.to_string()),
            ("seed", self.seed.to_string()),
        ];
        let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
        let cells = self.cells.iter().map(|(name, value)| (name.clone(), print::number(*value)));
        save::write(&tensors, &fixed.chain(cells).collect::<Vec<_>>(), path)
    }

    /// A flat tensor cut into the parameters' shapes.
    fn pieces(&self, flat: &Memory, suffix: &str) -> Vec<Named> {
        let bytes = flat.to_bytes();
        let piece = |param: &Param| {
            let size = param.ty.dtype.bytes();
            let piece = &bytes[param.start * size..][..param.ty.count() * size];
            named(format!("{}{suffix}", param.name), &param.ty, piece)
        };
        self.layout.params.iter().map(piece).collect()
    }
}

fn named(name: String, ty: &Type, bytes: &[u8]) -> Named {
    Named { name, dtype: ty.dtype, sizes: ty.sizes(), bytes: bytes.to_vec() }
}
