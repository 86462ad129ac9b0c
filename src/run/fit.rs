//! A finished training run: parameters, optimizer state, and what was recorded.

use std::collections::BTreeMap;
use std::path::Path;

use super::errors;
use super::machine::Memory;
use super::plot::{self, PlotCurve, PlotPoint};
use super::record::Quantiles;
use super::save::{self, SavedTensor};
use super::saved::Saved;
use crate::algebra::types::{DType, Type};
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
    /// Distributions of states, whole and by parameters.
    pub(super) spreads: BTreeMap<(String, Option<String>), Vec<Quantiles>>,
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

    /// All parameters, to evaluate with: the tensors in the order of the model, consecutive.
    pub fn parameters(&self) -> Vec<f64> {
        self.params.to_f64()
    }

    /// A trained parameter or a state of the model by its path, row-major: what is evaluated with. With `/train`
    /// behind it the one that was stepped, where that is another.
    pub fn param(&self, name: &str) -> Option<Vec<f64>> {
        if let Some(k) = self.layout.model_states.iter().position(|(path, _)| path == name) {
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

    /// The names of its optimizer's states, in the order of the pipeline.
    pub fn states(&self) -> impl Iterator<Item = &str> {
        self.layout.states.iter().map(|slot| slot.name.as_str())
    }

    /// How a state is distributed over the run: pairs of training step and the numbers below which 5, 25,
    /// 50, 75 and 95 % of its values lie; of one parameter or of all. Empty unless a plot shows it.
    pub fn spread(&self, key: &str, param: Option<&str>) -> &[(f64, [f64; 5])] {
        self.spreads.get(&(key.to_owned(), param.map(str::to_owned))).map_or(&[], Vec::as_slice)
    }

    /// A series, or a distribution: the median, with half and nine tenths of the values shaded.
    pub(crate) fn curve(&self, key: &str, param: Option<&str>) -> PlotCurve {
        let name = param.map_or_else(|| key.to_owned(), |param| format!("{param}/{key}"));
        let spread = self.spread(key, param);
        if spread.is_empty() {
            return PlotCurve::series(&name, plot::quantity(key), self.series(key));
        }
        let point =
            |(x, q): &Quantiles| PlotPoint { x: *x, y: q[2], bands: vec![(q[0], q[4]), (q[1], q[3])] };
        let (quantity, over) = (key.to_owned(), plot::STEPS.to_owned());
        PlotCurve { name, quantity, over, points: spread.iter().map(point).collect() }
    }

    /// The names of its series, and of the distributions with their parameters.
    pub(crate) fn recorded(&self) -> (Vec<&str>, Vec<(&str, Option<&str>)>) {
        let spreads = self.spreads.keys().map(|(key, param)| (key.as_str(), param.as_deref()));
        (self.history.keys().map(String::as_str).collect(), spreads.collect())
    }

    /// Where its parameters and states lie, its hyperparameters, the number of steps, and the seed.
    pub(crate) fn facts(&self) -> (&Layout, &[(String, f64)], usize, u64) {
        (&self.layout, &self.cells, self.steps, self.seed)
    }

    /// Everything recorded as lines of series, step and value.
    pub(super) fn save_history(&self, path: &Path) -> Result<(), Diagnostic> {
        let mut text = "series,step,value\n".to_owned();
        for (name, points) in &self.history {
            for (step, value) in points {
                text += &format!("{name},{},{}\n", print::number(*step), print::number(*value));
            }
        }
        save::write_atomically(path, text.as_bytes()).map_err(|error| errors::unwritable(path, &error))
    }

    /// Writes parameters and states, and other tensors; with the step, the seed, the hyperparameters and other entries
    /// as metadata.
    pub(super) fn save(
        &self,
        others: Vec<SavedTensor>,
        entries: impl Iterator<Item = (String, String)>,
        path: &Path,
    ) -> Result<(), Diagnostic> {
        let flats =
            save::trained(&self.layout, &self.params, self.trained.as_ref(), &self.memory, &self.states);
        let about = about(&self.layout, self.steps, self.seed, &self.cells).chain(entries);
        let tensors: Vec<SavedTensor> = save::named(&flats).into_iter().chain(others).collect();
        save::write(&tensors, &about.collect::<Vec<_>>(), path)
    }

    /// A fit as a file has it, without what was recorded and without states of the optimizer.
    ///
    /// # Errors
    /// No memory, or a file without these parameters.
    pub(super) fn of_file(layout: &Layout, saved: &Saved, path: &Path) -> Result<Fit, Diagnostic> {
        let memory = |ty: &Type| Memory::new(ty.dtype, ty.count()).map_err(errors::out_of_memory);
        let count = layout.params.iter().map(|param| param.ty.count()).sum();
        let dtype = layout.params.first().map_or(DType::F32, |param| param.ty.dtype);
        let fit = Fit {
            params: memory(&Type::of(dtype, &[count]))?,
            memory: layout.model_states.iter().map(|(_, ty)| memory(ty)).collect::<Result<_, _>>()?,
            layout: layout.clone(),
            trained: None,
            states: Vec::new(),
            history: History::new(),
            spreads: BTreeMap::new(),
            cells: Vec::new(),
            steps: saved.metadata.get(STEP).and_then(|step| step.parse().ok()).unwrap_or(0),
            seed: 0,
        };
        for flat in save::trained(layout, &fit.params, None, &fit.memory, &[]) {
            let bytes = saved.flat(&flat);
            let bytes = bytes.map_err(|misfit| {
                let from = format!("`{}`", path.display());
                errors::other_tensors(&from, &[misfit.to_string()], "save the fit again")
            })?;
            flat.memory.set_bytes(&bytes);
        }
        Ok(fit)
    }
}

/// What the metadata of a file call the number of steps.
const STEP: &str = "step";

/// What the metadata of a file call the names of the optimizer's states, those with a number for each coordinate
/// apart, whose names have a slash.
pub(super) const OPTIMIZER_STATES: &str = "optimizer states";

/// What the metadata of a file say: its format, steps, the seed and the hyperparameters.
pub(super) fn about(
    layout: &Layout,
    steps: usize,
    seed: u64,
    cells: &[(String, f64)],
) -> impl Iterator<Item = (String, String)> {
    let states = layout.states.iter().filter(|slot| !layout.is_per_coordinate(slot));
    let states = states.map(|slot| save::state_name(layout, slot));
    let fixed = [
        ("format", "egret 1".to_owned()),
        (STEP, steps.to_string()),
        ("seed", seed.to_string()),
        (OPTIMIZER_STATES, states.collect::<Vec<_>>().join(",")),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_owned(), value));
    fixed.chain(cells.iter().map(|(name, value)| (name.clone(), print::number(*value))))
}
