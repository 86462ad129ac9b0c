//! Tables with what messages call them: which of their columns make a column of the data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::algebra::types::{DType, Type};
use crate::data::errors::{self, CellPlace};
use crate::data::formats::Cells;
use crate::data::formats::csv::Csv;
use crate::diag::Diagnostic;

/// A table, and what messages call it.
pub(super) struct OpenTable {
    pub(super) csv: Rc<Csv>,
    pub(super) path: PathBuf,
    pub(super) target: Option<String>,
    /// Several columns as one.
    pub(super) groups: Vec<(String, Vec<String>)>,
    /// The rows of the file that are in training rows, ascending; none before there are any.
    pub(super) train: Vec<u32>,
}

/// A column of the file in a column of the data.
pub(super) struct Feature<'a> {
    /// Where it stands in the file.
    pub(super) place: usize,
    cells: &'a Cells,
    /// What words are numbered by, if not by the file itself.
    numbers: Option<Vec<i32>>,
    /// What stands for missing numbers; NaN if none is missing.
    fill: f64,
}

impl OpenTable {
    pub(super) fn cell(&self, row: usize, place: usize) -> CellPlace<'_> {
        CellPlace { path: &self.path, line: self.csv.lines[row], column: &self.csv.header[place] }
    }

    fn is_target(&self, name: &str) -> bool {
        self.target.as_deref() == Some(name)
    }

    /// Columns with their types: all but the target as `x`, the target as `y`, and the others by their names.
    pub(super) fn columns(&self, real: DType) -> Result<Vec<(String, Type)>, Diagnostic> {
        let csv = &self.csv;
        let mut columns = Vec::new();
        let label = |cells: &Cells| Type::scalar(if cells.is_label() { DType::I32 } else { real });
        let features = csv.header.len() - usize::from(self.target.is_some());
        if features > 0 {
            columns.push(("x".to_owned(), Type::of(real, &[features])));
        }
        match &self.target {
            Some(target) => {
                let cells = &csv.columns[csv.find(&self.path, target)?];
                columns.push(("y".to_owned(), label(cells)));
            }
            None => self.names_no_target()?,
        }
        for (name, cells) in csv.header.iter().zip(&csv.columns) {
            let words = matches!(cells, Cells::Words { .. });
            if self.is_target(name) && name != "y" {
                columns.push((name.clone(), label(cells)));
            } else if !["x", "y"].contains(&name.as_str()) {
                columns.push((name.clone(), Type::scalar(if words { DType::I32 } else { real })));
            }
        }
        for (name, group) in &self.groups {
            if columns.iter().any(|(known, _)| known == name) || group.is_empty() {
                return Err(errors::wrong_group(&self.path, name, group.is_empty()));
            }
            group.iter().try_for_each(|of| csv.find(&self.path, of).map(|_| ()))?;
            columns.push((name.clone(), Type::of(real, &[group.len()])));
        }
        Ok(columns)
    }

    /// How many words there are in each column that holds words.
    pub(super) fn words(&self) -> Vec<(String, usize)> {
        let csv = &self.csv;
        let target = self.target.as_ref().and_then(|target| csv.position(target));
        let named = target.map(|place| ("y", place)).into_iter();
        let all = named.chain(csv.header.iter().map(String::as_str).zip(0..));
        let count = |(name, place): (&str, usize)| match &csv.columns[place] {
            Cells::Words { classes, .. } => Some((name.to_owned(), classes.len())),
            Cells::Numbers(_) => None,
        };
        all.filter_map(count).collect()
    }

    /// Without a target `x` is all columns: a column of that name would be hidden behind it, and one named
    /// `y` would be learned from itself.
    fn names_no_target(&self) -> Result<(), Diagnostic> {
        let mut names = ["y", "x"].into_iter().filter(|name| self.csv.position(name).is_some());
        names.next().map_or(Ok(()), |name| Err(errors::no_target(&self.path, name)))
    }

    /// The places in the file of what a column of the data is made of.
    pub(super) fn places(&self, name: &str) -> Vec<usize> {
        let csv = &self.csv;
        if let Some((_, group)) = self.groups.iter().find(|(group, _)| group == name) {
            return group.iter().filter_map(|of| csv.position(of)).collect();
        }
        match (name, &self.target) {
            ("x", _) => (0..csv.header.len()).filter(|place| !self.is_target(&csv.header[*place])).collect(),
            ("y", Some(target)) => csv.position(target).into_iter().collect(),
            (name, _) => csv.position(name).into_iter().collect(),
        }
    }

    /// What a column of the data is made of. `trained`: the data trained on, and its table if it is one.
    pub(super) fn features(
        &self,
        name: &str,
        trained: Option<Option<&OpenTable>>,
    ) -> Result<Vec<Feature<'_>>, Diagnostic> {
        let mut places = self.places(name);
        if let (Some(Some(trained)), "x") = (trained, name) {
            places = self.in_the_order_of(trained, places)?;
        }
        let feature = |place: usize| {
            let cells = &self.csv.columns[place];
            let numbers = match (trained, cells) {
                (None, _) | (Some(None), Cells::Numbers(_)) => None,
                (Some(Some(trained)), _) => self.renumbered(place, name, trained)?,
                (Some(None), Cells::Words { .. }) => return Err(self.other_cells(place, None)),
            };
            let fill = self.fill(place, name, trained.flatten())?;
            Ok(Feature { place, cells, numbers, fill })
        };
        places.into_iter().map(feature).collect()
    }

    /// Features in the order in which the table trained on has them, if it has the same.
    fn in_the_order_of(&self, trained: &OpenTable, places: Vec<usize>) -> Result<Vec<usize>, Diagnostic> {
        let names: Vec<&String> =
            trained.places("x").iter().map(|place| &trained.csv.header[*place]).collect();
        if names.len() != places.len() {
            return Ok(places);
        }
        let find = |name: &&String| {
            let place = self.csv.position(name).filter(|_| !self.is_target(name));
            place.ok_or_else(|| errors::lacks_column(&self.path, &trained.path, name))
        };
        names.iter().map(find).collect()
    }

    /// Where the table trained on has what stands at this place in a column of the data.
    fn place_in(&self, trained: &OpenTable, place: usize, name: &str) -> Option<usize> {
        match name {
            "y" => trained.places("y").first().copied(),
            _ => trained.csv.position(&self.csv.header[place]),
        }
    }

    /// What stands for missing numbers: a statistic of the training rows, which are those of the table trained
    /// on if there is one.
    fn fill(&self, place: usize, name: &str, trained: Option<&OpenTable>) -> Result<f64, Diagnostic> {
        let (rule, cells) = (&self.csv.rules[place], &self.csv.columns[place]);
        let (Some(fill), Cells::Numbers(numbers)) = (&rule.fill, cells) else { return Ok(f64::NAN) };
        if !rule.is_statistic() || !numbers.iter().any(|number| number.is_nan()) {
            return Ok(f64::NAN);
        }
        let known = trained.and_then(|trained| Some((trained, self.place_in(trained, place, name)?)));
        let (table, place) = known.unwrap_or((self, place));
        let cells = &table.csv.columns[place];
        let numbers = table.train.iter().map(|row| cells.number(*row as usize));
        let fill = fill.statistic(numbers.filter(|number| !number.is_nan()));
        fill.ok_or_else(|| errors::no_statistic(&table.path, &table.csv.header[place]))
    }

    /// The numbers that the words of a column have in the table trained on.
    fn renumbered(
        &self,
        place: usize,
        name: &str,
        trained: &OpenTable,
    ) -> Result<Option<Vec<i32>>, Diagnostic> {
        let at = self.place_in(trained, place, name);
        let Some(known) = at.map(|at| &trained.csv.columns[at]) else { return Ok(None) };
        match (&self.csv.columns[place], known) {
            (Cells::Words { classes, codes }, Cells::Words { classes: known, .. }) => {
                let number = |word: &String| known.binary_search(word).map(|number| number as i32);
                let numbers: Vec<Result<i32, usize>> = classes.iter().map(number).collect();
                if let Some(row) = codes.iter().position(|code| numbers[*code as usize].is_err()) {
                    let word = &classes[codes[row] as usize];
                    return Err(errors::unseen_word(&self.cell(row, place), word, &trained.path, known));
                }
                Ok(Some(numbers.into_iter().flatten().collect()))
            }
            (Cells::Numbers(_), Cells::Numbers(_)) => Ok(None),
            _ => Err(self.other_cells(place, Some(&trained.path))),
        }
    }

    /// A column that holds words where the data trained on hold numbers, or the other way round.
    fn other_cells(&self, place: usize, trained: Option<&Path>) -> Diagnostic {
        let is_there = |row: &usize| match &self.csv.columns[place] {
            Cells::Numbers(numbers) => !numbers[*row].is_nan(),
            Cells::Words { classes, codes } => !classes[codes[*row] as usize].is_empty(),
        };
        let row = (0..self.csv.rows).find(is_there).unwrap_or(0);
        let cell = self.cell(row, place);
        match &self.csv.columns[place] {
            Cells::Numbers(numbers) => {
                errors::other_cells(&cell, "a word", &numbers[row].to_string(), trained)
            }
            Cells::Words { classes, codes } => {
                errors::other_cells(&cell, "a number", &classes[codes[row] as usize], trained)
            }
        }
    }

    /// Words of the target that no training row has cannot be learned.
    pub(super) fn check_classes(&self) -> Result<(), Diagnostic> {
        let Some(place) = self.target.as_ref().and_then(|target| self.csv.position(target)) else {
            return Ok(());
        };
        let Cells::Words { classes, codes } = &self.csv.columns[place] else { return Ok(()) };
        let seen: BTreeSet<i32> = self.train.iter().map(|row| codes[*row as usize]).collect();
        match codes.iter().find(|code| !seen.contains(code)) {
            Some(code) => {
                Err(errors::unseen_class(&self.path, &self.csv.header[place], &classes[*code as usize]))
            }
            None => Ok(()),
        }
    }
}

impl Feature<'_> {
    pub(super) fn number(&self, row: usize) -> f64 {
        match (self.cells, &self.numbers) {
            (Cells::Words { codes, .. }, Some(numbers)) => f64::from(numbers[codes[row] as usize]),
            (cells, _) => match cells.number(row) {
                missing if missing.is_nan() => self.fill,
                number => number,
            },
        }
    }
}
