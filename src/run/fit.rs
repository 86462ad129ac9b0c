//! A finished training run: parameters, optimizer state, and what was recorded.

use std::collections::BTreeMap;
use std::path::Path;

use super::machine::Memory;
use super::save;
use crate::diag::Diagnostic;
use crate::graph::Layout;
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
    /// States of the model.
    pub(super) memory: Vec<Memory>,
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

    /// All parameters, to evaluate with: the tensors in the order of the model, one behind the other.
    pub fn parameters(&self) -> Vec<f64> {
        self.params.to_f64()
    }

    /// A trained parameter or a state of the model by its path, row-major: what is evaluated with. With `/train`
    /// behind it the one that was stepped, where that is another.
    pub fn param(&self, name: &str) -> Option<Vec<f64>> {
        if let Some(k) = self.layout.memory.iter().position(|(path, _)| path == name) {
            return Some(self.memory[k].to_f64());
        }
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
    /// (`hidden.w/train`), states of the model (`norm.mean`), states per coordinate (`hidden.w/adam.m`) and other states
    /// (`eg_scale.s`), with the step, the seed and the hyperparameters as metadata.
    pub(super) fn save(&self, path: &Path) -> Result<(), Diagnostic> {
        let mut tensors = save::pieces(&self.layout.params, &self.params, "");
        let trained =
            self.trained.iter().flat_map(|trained| save::pieces(&self.layout.params, trained, "/train"));
        tensors.extend(trained);
        tensors.extend(save::memory(&self.layout, &self.memory));
        tensors.extend(save::states(&self.layout, &self.states));
        let fixed = [
            ("format", "egret 1".to_owned()),
            ("step", self.steps.to_string()),
            ("seed", self.seed.to_string()),
        ];
        let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
        let cells = self.cells.iter().map(|(name, value)| (name.clone(), print::number(*value)));
        save::write(&tensors, &fixed.chain(cells).collect::<Vec<_>>(), path)
    }
}
