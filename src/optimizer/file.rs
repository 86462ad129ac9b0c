//! States in a safetensors file: one tensor for each parameter and state (`hidden.w/adam.m`), those of a
//! wider extent by their own names (`eg_scale.s`).

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, Optimizer};
use crate::print;
use crate::run::save::{self, TensorLayout};
use crate::run::saved::Saved;

/// What the metadata says first.
const FORMAT: &str = "egret optimizer 1";

/// The parameters before the first step.
const INITIAL: &str = "w0";

impl Optimizer {
    /// Writes states, steps taken and hyperparameters. The file is there whole or not at all.
    /// Parameters are the caller's, and are not written.
    ///
    /// # Errors
    /// If nothing has started yet, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        if !self.ready {
            return Err(Error::NotStarted);
        }
        let mut metadata = vec![("format".to_owned(), FORMAT.to_owned())];
        metadata.extend(self.identity().map(|(what, here)| (what.to_owned(), here)));
        metadata.push(("step".to_owned(), self.t.to_string()));
        let cells = self.hypers.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        metadata.extend(cells.map(|(name, value)| (format!("opt.{name}"), print::number(value))));
        let path = path.as_ref();
        save::write(&save::named(&self.flats()), &metadata, path).map_err(|found| failed(path, found.message))
    }

    /// Continues where a file was saved: its states, steps and hyperparameters.
    ///
    /// # Errors
    /// If the file cannot be read, or is for other parameters or another pipeline; the error names both.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let file = Saved::read(path).map_err(|error| failed(path, error.to_string()))?;
        let metadata = &file.metadata;
        let entry = |key: &str| {
            metadata
                .get(key)
                .map(String::as_str)
                .ok_or_else(|| failed(path, "it is not a file of optimizer states"))
        };
        if entry("format")? != FORMAT {
            return Err(failed(path, "it is not a file of optimizer states"));
        }
        for (what, here) in self.identity() {
            let there = entry(what)?;
            if there != here {
                let path = path.display().to_string();
                let what = match what {
                    "parameters" => "other parameters",
                    "pipeline" => "another pipeline",
                    _ => "another element type",
                };
                return Err(Error::Mismatch { path, what, file: there.to_owned(), here });
            }
        }
        let t =
            entry("step")?.parse().map_err(|_| failed(path, "it does not say how many steps were taken"))?;
        let hypers = self.saved_hypers(path, metadata)?;
        self.keep_initial()?;
        let flats = self.flats();
        let loaded = flats.iter().map(|flat| file.flat(flat)).collect::<Result<Vec<_>, _>>();
        let loaded = loaded.map_err(|misfit| failed(path, misfit.to_string()))?;
        for (flat, bytes) in flats.iter().zip(loaded) {
            flat.memory.set_bytes(&bytes);
        }
        self.hypers = hypers;
        self.give_cells();
        (self.t, self.ready) = (t, true);
        Ok(())
    }

    /// What must agree between a file and the optimizer that reads it.
    fn identity(&self) -> impl Iterator<Item = (&'static str, String)> {
        let params = self.layout.params.iter().map(|param| format!("{} {:?}", param.name, param.ty.sizes()));
        let params = params.collect::<Vec<_>>().join(", ");
        let pipeline = self.pipeline.clone();
        [("pipeline", pipeline), ("parameters", params), ("element type", self.real.to_string())].into_iter()
    }

    /// The states, and the initial parameters where a stage looks at them.
    fn flats(&self) -> Vec<TensorLayout<'_>> {
        let initial = self.initial.as_ref();
        let initial =
            initial.map(|initial| save::params(&self.layout.params, initial, &format!("/{INITIAL}")));
        save::states(&self.layout, &self.states).into_iter().chain(initial).collect()
    }

    fn saved_hypers(
        &self,
        path: &Path,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, Option<f64>)>, Error> {
        let saved = |(name, value): &(String, Option<f64>)| {
            let text = metadata.get(format!("opt.{name}").as_str());
            let number = match (value, text) {
                (Some(_), Some(text)) => {
                    let range = self.layout.ranges.get(&format!("opt.{name}"));
                    let right = |number: &f64| {
                        number.is_finite() && range.is_none_or(|range| range.contains(*number))
                    };
                    let number = text.parse().ok().filter(right);
                    Some(number.ok_or_else(|| failed(path, format!("`opt.{name}` is `{text}`")))?)
                }
                _ => *value,
            };
            Ok((name.clone(), number))
        };
        self.hypers.iter().map(saved).collect()
    }
}

fn failed(path: &Path, reason: impl Into<String>) -> Error {
    Error::File { path: path.display().to_string(), reason: reason.into() }
}
