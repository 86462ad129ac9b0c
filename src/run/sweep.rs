//! Sweeps: one compiled training run, repeated for each choice of values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io;
use std::path::Path;

use super::execute::Script;
use super::fit::History;
use super::plot::{self, Curve};
use super::save::write_atomically;
use super::train::{Run, at_run};
use super::{Events, Progress, errors};
use crate::diag::Diagnostic;
use crate::print;
use crate::source::Span;
use crate::typed::{Swept, Train};

/// One run of a sweep: what is not as the script says.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// What it is called.
    pub(super) label: String,
    /// What its checkpoints are called.
    pub(super) file: String,
    /// The values of its variables.
    pub(super) values: Vec<f64>,
    /// The seed, where the sweep is over seeds.
    pub(super) seed: Option<u64>,
}

impl Choice {
    /// The only one of a run that is not repeated.
    pub(super) fn only(train: &Train) -> Choice {
        let name = &train.optimizer.name;
        Choice { label: name.clone(), file: name.clone(), ..Choice::default() }
    }

    fn of(train: &Train, number: usize, values: &[f64]) -> Choice {
        let named = |(swept, value): (&Swept, &f64)| format!("{} = {}", swept.name, print::number(*value));
        let names: Vec<String> = train.sweep.iter().zip(values).map(named).collect();
        Choice {
            label: format!("{}({})", train.optimizer.name, names.join(", ")),
            file: format!("{}.{number}", train.optimizer.name),
            values: values.to_vec(),
            seed: train.swept_seed.map(|k| values[k] as u64),
        }
    }
}

/// A finished sweep.
#[derive(Debug)]
pub struct Sweep {
    /// Its name.
    pub(super) name: String,
    variables: Vec<Swept>,
    /// Which of them is the seed.
    seed: Option<usize>,
    /// Everything that its runs record, in the order of a table.
    keys: Vec<String>,
    runs: Vec<Entry>,
}

/// One of its runs.
#[derive(Debug)]
struct Entry {
    /// A value for each variable.
    values: Vec<f64>,
    history: History,
    /// Whether its loss stayed finite.
    sound: bool,
}

impl Entry {
    /// The last value of a series; NaN where training failed.
    fn last(&self, key: &str) -> f64 {
        let last = self.history.get(key).and_then(|points| points.last()).map(|point| point.1);
        last.filter(|_| self.sound).unwrap_or(f64::NAN)
    }
}

/// Shows only how each run ends.
struct Ends<'e>(&'e mut dyn Events);

impl Events for Ends<'_> {
    fn print(&mut self, text: &str) -> io::Result<()> {
        self.0.print(text)
    }

    fn note(&mut self, text: &str) {
        self.0.note(text);
    }

    fn warn(&mut self, text: &str) {
        self.0.warn(text);
    }

    fn begin(&mut self, done: usize) {
        self.0.begin(done);
    }

    fn step(&mut self, progress: &Progress<'_>) {
        self.0.step(progress);
    }

    fn measured(&mut self, progress: &Progress<'_>) {
        if progress.step == progress.total {
            self.0.measured(progress);
        } else {
            self.0.step(progress);
        }
    }

    fn end(&mut self) {
        self.0.end();
    }
}

/// Runs all of a sweep. A run whose loss stops being finite ends, and counts as one.
///
/// # Errors
/// As [`super::train::train`], but for a loss that is not finite.
pub(super) fn sweep<'a>(
    script: &mut Script<'a>,
    index: usize,
    train: &'a Train,
    span: Span,
    events: &mut dyn Events,
) -> Result<Sweep, Diagnostic> {
    let mut runs = Vec::new();
    for (number, values) in choices(&train.sweep).into_iter().enumerate() {
        let choice = Choice::of(train, number, &values);
        let mut run = Run::chosen(script, index, train, choice).map_err(|error| at_run(error, span))?;
        let sound = match run.all(script, index, &mut Ends(events)) {
            Ok(()) => true,
            Err(error) if error.code.name == errors::TRAINING_FAILED.name => false,
            Err(error) => return Err(at_run(error, span)),
        };
        runs.push(Entry { values, history: run.finish().history, sound });
    }
    let names = ["loss", "batch_loss", "val_loss"].into_iter().map(str::to_owned);
    let metrics = train.metrics.iter().map(|(name, _)| name.clone());
    let mut keys: Vec<String> = names.chain(metrics).collect();
    let others: BTreeSet<&String> = runs.iter().flat_map(|entry| entry.history.keys()).collect();
    let others: Vec<String> = others.into_iter().filter(|key| !keys.contains(key)).cloned().collect();
    keys.extend(others);
    keys.retain(|key| runs.iter().any(|entry| entry.history.contains_key(key)));
    Ok(Sweep {
        name: train.optimizer.name.clone(),
        variables: train.sweep.clone(),
        seed: train.swept_seed,
        keys,
        runs,
    })
}

/// Every choice of values, the last variable fastest.
fn choices(variables: &[Swept]) -> Vec<Vec<f64>> {
    variables.iter().fold(vec![Vec::new()], |all, swept| {
        let longer = |before: &Vec<f64>| {
            let before = before.clone();
            swept.values.iter().map(move |value| [before.as_slice(), &[*value]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

impl Sweep {
    /// The last values of a series by the values of a variable, which ascend.
    fn by(&self, key: &str, variable: &str) -> Vec<(f64, Vec<f64>)> {
        let Some(k) = self.variables.iter().position(|swept| swept.name == variable) else {
            return Vec::new();
        };
        let mut values = self.variables[k].values.clone();
        values.sort_by(f64::total_cmp);
        let with = |value: f64| {
            let runs = self.runs.iter().filter(|entry| entry.values[k] == value);
            (value, runs.map(|entry| entry.last(key)).collect())
        };
        values.into_iter().map(with).collect()
    }

    /// The number of runs.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The recorded series of run `run`, in the order of the sweep: the last variable changes fastest.
    /// Empty if there is none of that name.
    pub fn series(&self, run: usize, key: &str) -> &[(f64, f64)] {
        self.runs.get(run).and_then(|entry| entry.history.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The names of its variables, and of what its runs record.
    pub(crate) fn recorded(&self) -> (Vec<&str>, Vec<&str>) {
        let variables = self.variables.iter().map(|swept| swept.name.as_str());
        (variables.collect(), self.keys.iter().map(String::as_str).collect())
    }

    /// The names of the variables that a reader compares: a seed only where it is the only one.
    pub(crate) fn varied(&self) -> impl Iterator<Item = &str> {
        let shown = |k: &usize| self.seed != Some(*k) || self.variables.len() == 1;
        (0..self.variables.len()).filter(shown).map(|k| self.variables[k].name.as_str())
    }

    /// Means over runs with a standard deviation to both sides: of last values over a variable, or at each
    /// step.
    pub(crate) fn curve(&self, key: &str, by: Option<&str>) -> Curve {
        let points = match by {
            Some(by) => self.by(key, by).iter().map(|(x, values)| plot::spread(*x, values)).collect(),
            None => self.over_steps(key, |_| true),
        };
        Sweep::drawn(&self.name, key, by.unwrap_or(plot::STEPS), points)
    }

    /// The same at each step, with a curve for each choice of values, whatever the seed.
    pub(crate) fn curves_of_choices(&self, key: &str) -> Vec<Curve> {
        let of_runs: Vec<String> = self.runs.iter().map(|entry| self.choice(entry)).collect();
        let mut choices: Vec<&String> = Vec::new();
        for choice in &of_runs {
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        let curve = |choice: &String| {
            let points = self.over_steps(key, |run| of_runs[run] == *choice);
            Sweep::drawn(choice, key, plot::STEPS, points)
        };
        choices.into_iter().map(curve).collect()
    }

    /// The values of a run by their variables, but for the seed.
    fn choice(&self, entry: &Entry) -> String {
        let named = |(k, value): (usize, &f64)| match self.seed == Some(k) {
            true => None,
            false => Some(format!("{} = {}", self.variables[k].name, print::number(*value))),
        };
        let names: Vec<String> = entry.values.iter().enumerate().filter_map(named).collect();
        if names.is_empty() { self.name.clone() } else { names.join(", ") }
    }

    fn drawn(name: &str, key: &str, over: &str, points: Vec<plot::Point>) -> Curve {
        let name = if key == "val_loss" { format!("{name} {key}") } else { name.to_owned() };
        Curve { name, quantity: plot::quantity(key).to_owned(), over: over.to_owned(), points }
    }

    fn over_steps(&self, key: &str, of: impl Fn(usize) -> bool) -> Vec<plot::Point> {
        let mut at: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for run in (0..self.runs.len()).filter(|run| of(*run)) {
            for (step, value) in self.series(run, key) {
                at.entry(*step as u64).or_default().push(*value);
            }
        }
        plot::thinned(at.iter().map(|(step, values)| plot::spread(*step as f64, values)).collect())
    }

    /// A row for each run: the values of the variables, and what is last in each series. Where training
    /// failed, `nan`.
    pub(super) fn save(&self, path: &Path) -> Result<(), Diagnostic> {
        let names = self.variables.iter().map(|swept| swept.name.clone());
        let mut text = names.chain(self.keys.iter().cloned()).collect::<Vec<_>>().join(",") + "\n";
        for entry in &self.runs {
            let values = entry.values.iter().copied();
            let all = values.chain(self.keys.iter().map(|key| entry.last(key)));
            text += &(all.map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        write_atomically(path, text.as_bytes()).map_err(|error| errors::unwritable(path, &error))
    }
}

fn cell(value: f64) -> String {
    if value.is_finite() { print::number(value) } else { "nan".to_owned() }
}

/// A table of last values by a variable, with a column for each of these sweeps and series: means, and
/// standard deviations where several runs share a row.
pub(crate) fn table(columns: &[(&Sweep, &str)], by: &str) -> String {
    let made: Vec<_> = columns.iter().map(|(sweep, key)| sweep.by(key, by)).collect();
    let mut rows: Vec<f64> = made.iter().flatten().map(|(value, _)| *value).collect();
    rows.sort_by(f64::total_cmp);
    rows.dedup();
    let mut cells = vec![vec![by.to_owned()]];
    cells.extend(rows.iter().map(|value| vec![print::number(*value)]));
    for ((sweep, key), column) in columns.iter().zip(&made) {
        cells[0].push(format!("{}.{key}", sweep.name));
        for (row, cells) in rows.iter().zip(&mut cells[1..]) {
            let found = column.iter().find(|(value, _)| value == row);
            cells.push(found.map_or_else(|| "-".to_owned(), |(_, values)| summary(values)));
        }
    }
    aligned(&cells)
}

/// `0.912 +- 0.004`, to four digits of the mean; runs that failed are counted beside it.
fn summary(values: &[f64]) -> String {
    let (mean, deviation, n) = plot::moments(values);
    let failed = values.len() - n;
    let mut text = String::new();
    if n > 0 {
        let before = if mean == 0.0 { 0.0 } else { mean.abs().log10().floor() };
        match (before as i64).clamp(-12, 12) {
            before @ -4..=6 => {
                let digits = (3 - before).max(0) as usize;
                text = format!("{mean:.digits$}");
                if values.len() > 1 && n > 1 {
                    let _ = write!(text, " +- {deviation:.digits$}");
                }
            }
            _ => text = format!("{mean:.3e}"),
        }
    }
    match (failed, n) {
        (0, _) => text,
        (_, 0) => "diverged".to_owned(),
        _ => format!("{text} ({failed} diverged)"),
    }
}

fn aligned(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |k: usize| cells.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{aligned, choices, summary};
    use crate::typed::Swept;

    #[test]
    fn the_last_variable_changes_fastest() {
        let swept = |name: &str, values: &[f64]| Swept { name: name.into(), values: values.to_vec() };
        let all = choices(&[swept("a", &[1.0, 2.0]), swept("b", &[3.0, 4.0])]);
        assert_eq!(all, [[1.0, 3.0], [1.0, 4.0], [2.0, 3.0], [2.0, 4.0]]);
    }

    #[test]
    fn summaries_have_four_digits_and_say_what_failed() {
        assert_eq!(summary(&[0.5]), "0.5000");
        assert_eq!(summary(&[0.25, 0.75]), "0.5000 +- 0.3536");
        assert_eq!(summary(&[1234.5, f64::NAN, f64::NAN]), "1234 (2 diverged)");
        assert_eq!(summary(&[f64::NAN]), "diverged");
        assert_eq!(summary(&[1e-9, 1e-9]), "1.000e-9");
    }

    #[test]
    fn columns_are_aligned() {
        let cells = [vec!["lr".to_owned(), "loss".to_owned()], vec!["0.001".to_owned(), "2".to_owned()]];
        assert_eq!(aligned(&cells), "lr     loss\n0.001  2");
    }
}
