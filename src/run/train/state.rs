//! Everything that a run has changed so far, as tensors in a file and back.

use crate::algebra::types::DType;
use crate::graph::Role;
use crate::run::fit::History;
use crate::run::machine::Memory;
use crate::run::record::{Quantiles, SHARES};
use crate::run::save::{self, SavedTensor, TensorLayout};
use crate::run::saved::{Misfit, Saved};

use super::TrainingRun;

/// What the names of recorded values begin with; no parameter has a slash before its first name.
const TRACK: &str = "/step/";
const HISTORY: &str = "/series/";
const SPREAD: &str = "/spread/";
const MEASURES: &str = "/measures";

/// The names of the newest values, in the metadata.
const MEASURED: &str = "measures";

impl TrainingRun<'_> {
    /// Parameters, states of the model and of the optimizer, as in a saved fit.
    fn flats<'m>(&'m self, evaluated: Option<&'m Memory>) -> Vec<TensorLayout<'m>> {
        let stepped = evaluated.is_some().then_some(&self.params);
        save::trained(self.layout, evaluated.unwrap_or(&self.params), stepped, &self.memory, &self.states)
    }

    /// All of it, with what is recorded.
    pub(super) fn tensors(&mut self) -> (Vec<SavedTensor>, (String, String)) {
        let evaluated = self.evaluated();
        let mut tensors = save::named(&self.flats(evaluated.as_ref()));
        let pairs = |points: &[(f64, f64)]| points.iter().map(|(t, value)| [*t, *value]).collect::<Vec<_>>();
        for track in &self.tracks {
            tensors.push(rows(format!("{TRACK}{}", track.name), &pairs(&track.points)));
        }
        for (name, points) in &self.history {
            tensors.push(rows(format!("{HISTORY}{name}"), &pairs(points)));
        }
        for spread in &self.spreads {
            let row = |(t, [a, b, c, d, e]): &Quantiles| [*t, *a, *b, *c, *d, *e];
            let points: Vec<_> = spread.points.iter().map(row).collect();
            tensors.push(rows(spread_name(&spread.key), &points));
        }
        let measures: Vec<[f64; 1]> = self.measures.iter().map(|(_, value)| [*value]).collect();
        tensors.push(rows(MEASURES.to_owned(), &measures));
        tensors.extend(self.best_tensors());
        let names: Vec<&str> = self.measures.iter().map(|(name, _)| name.as_str()).collect();
        (tensors, (MEASURED.to_owned(), names.join(",")))
    }

    /// Puts all of it back, or nothing. Gives the keys of distributions that are recorded now and were not then.
    pub(super) fn restore(&mut self, saved: &Saved, step: usize) -> Result<Vec<String>, String> {
        let evaluated = self.weights.as_ref().map(|machine| machine.given(&Role::Params));
        let flats = self.flats(evaluated.as_ref());
        let bytes = flats.iter().map(|flat| saved.flat(flat)).collect::<Result<Vec<_>, Misfit>>();
        let bytes = bytes.map_err(|misfit| misfit.to_string())?;
        let points =
            |name: String| points(saved, &name).ok_or_else(|| format!("it lacks the series `{name}`"));
        let tracks = self.tracks.iter().map(|track| points(format!("{TRACK}{}", track.name)));
        let tracks = tracks.collect::<Result<Vec<_>, _>>()?;
        let history =
            saved.names().filter_map(|name| Some((name.strip_prefix(HISTORY)?.to_owned(), name.to_owned())));
        let history =
            history.map(|(key, name)| Ok((key, points(name)?))).collect::<Result<History, String>>()?;
        let values = saved.rows(MEASURES, 1).unwrap_or_default().concat();
        let names = saved.metadata.get(MEASURED).map_or("", String::as_str).split(',').map(str::to_owned);
        let best = self.best_of(saved);
        // All of it is there: from here on nothing fails.
        for (flat, bytes) in flats.iter().zip(bytes) {
            flat.memory.set_bytes(&bytes);
        }
        self.tracks.iter_mut().zip(tracks).for_each(|(track, points)| track.points = points);
        self.history = history;
        self.best = best;
        self.measures = names.zip(values).collect();
        self.done = step;
        Ok(self.restore_spreads(saved))
    }

    fn restore_spreads(&mut self, saved: &Saved) -> Vec<String> {
        let mut missing = Vec::new();
        for spread in &mut self.spreads {
            let quantiles = |row: Vec<f64>| Some((row[0], <[f64; SHARES.len()]>::try_from(&row[1..]).ok()?));
            match saved.rows(&spread_name(&spread.key), 1 + SHARES.len()) {
                Some(rows) => spread.points = rows.into_iter().filter_map(quantiles).collect(),
                None => missing.push(spread.key.0.clone()),
            }
        }
        missing.dedup();
        missing
    }
}

fn points(saved: &Saved, name: &str) -> Option<Vec<(f64, f64)>> {
    Some(saved.rows(name, 2)?.into_iter().map(|row| (row[0], row[1])).collect())
}

fn spread_name((key, param): &(String, Option<String>)) -> String {
    let param = param.as_ref().map(|param| format!("/{param}")).unwrap_or_default();
    format!("{SPREAD}{key}{param}")
}

/// Rows of numbers as a tensor.
pub(super) fn rows<const N: usize>(name: String, rows: &[[f64; N]]) -> SavedTensor {
    let bytes = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    SavedTensor { name, dtype: DType::F64, sizes: vec![rows.len(), N], bytes }
}
