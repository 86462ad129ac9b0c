//! `csv("d.csv", target = "y")`: tables whose columns hold numbers or words.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Files, Wanted};
use crate::algebra::types::{DType, Dim, Type};
use crate::check::Schema;
use crate::diag::Diagnostic;
use crate::input;
use crate::run::column::Cells;
use crate::run::csv::{self, Csv};
use crate::run::dataset::{Unfit, Values};
use crate::run::errors::{self, Cell};
use crate::typed::{DataSource, Table};

/// A table, and what messages call it.
struct Open {
    csv: Rc<Csv>,
    path: PathBuf,
    target: Option<String>,
}

/// A column of the file in a column of the data.
struct Feature<'a> {
    /// Where it stands in the file.
    place: usize,
    cells: &'a Cells,
    /// What words are numbered by, if not by the file itself.
    numbers: Option<Vec<i32>>,
}

impl Files {
    fn table(&self, table: &Table) -> Result<Open, Diagnostic> {
        let key = (table.path.clone(), table.words.clone());
        let csv = self.once(&self.tables, key, &table.path, |path| {
            let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
            csv::read(path, BufReader::new(file), &table.words)
        })?;
        Ok(Open { csv, path: self.folder.join(&table.path), target: table.target.clone() })
    }

    /// The columns of a table; of windows, each but `y` with an axis for the rows of a window.
    pub(super) fn table_schema(&self, table: &Table, real: DType) -> Result<Schema, Diagnostic> {
        let open = self.table(table)?;
        let mut schema = Schema { columns: open.columns(real)?, rows: open.csv.rows, ..Schema::default() };
        if let Some(rows) = table.windows {
            if schema.rows <= rows {
                return Err(errors::few_rows(&open.path, schema.rows, rows));
            }
            schema.rows -= rows;
            let windowed = schema.columns.iter_mut().filter(|(name, _)| name != "y");
            windowed.for_each(|(_, ty)| ty.shape.insert(0, Dim::from(rows)));
        }
        Ok(schema)
    }

    /// A column, with the numbers of words, the order of features, and the statistics of the data trained
    /// on.
    pub(super) fn table_column(&self, wanted: &Wanted<'_>, table: &Table) -> Result<Values, Diagnostic> {
        let open = self.table(table)?;
        let name = &wanted.declared().name;
        let trained = match wanted.trained.map(|(data, _)| &data.source) {
            None => None,
            Some(DataSource::Csv(trained)) => Some(Some(self.table(trained)?)),
            Some(_) => Some(None),
        };
        // Of windows the rows of the file are in their order, and the test is what comes last.
        let ahead = table.windows.unwrap_or(0);
        let train: Vec<u32> = match ahead {
            0 => wanted.rows.train.clone(),
            _ => (0..(wanted.data.rows.train + ahead) as u32).collect(),
        };
        if *name == "y" && trained.is_none() {
            open.check_classes(&train)?;
        }
        let features = open.features(name, trained.as_ref().map(Option::as_ref))?;
        let number = |row: usize, k: usize| features[k].number(row);
        let scales = wanted.scales(features.len(), &train, number);
        let size = (open.csv.rows, features.len());
        let values =
            Values::scaled(size, wanted.dtype(), scales, number).map_err(|failure| match failure {
                Unfit::Memory(bytes) => errors::no_memory(&open.path, bytes),
                Unfit::Number { row, feature, number } => {
                    errors::too_large_for(&open.cell(row, features[feature].place), number, wanted.dtype())
                }
            })?;
        Ok(match ahead {
            0 => values,
            rows if *name == "y" => values.after(rows),
            rows => values.windows(rows),
        })
    }
}

impl Open {
    fn cell(&self, row: usize, place: usize) -> Cell<'_> {
        Cell { path: &self.path, line: self.csv.lines[row], column: &self.csv.header[place] }
    }

    fn is_target(&self, name: &str) -> bool {
        self.target.as_deref() == Some(name)
    }

    /// Columns with their types: all but the target as `x`, the target as `y`, and the others by their names.
    fn columns(&self, real: DType) -> Result<Vec<(String, Type)>, Diagnostic> {
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
        Ok(columns)
    }

    /// Without a target `x` is all columns: a column of that name would be hidden behind it, and one named
    /// `y` would be learned from itself.
    fn names_no_target(&self) -> Result<(), Diagnostic> {
        let mut names = ["y", "x"].into_iter().filter(|name| self.csv.position(name).is_some());
        names.next().map_or(Ok(()), |name| Err(errors::no_target(&self.path, name)))
    }

    /// The places in the file of what a column of the data is made of.
    fn places(&self, name: &str) -> Vec<usize> {
        let csv = &self.csv;
        match (name, &self.target) {
            ("x", _) => (0..csv.header.len()).filter(|place| !self.is_target(&csv.header[*place])).collect(),
            ("y", Some(target)) => csv.position(target).into_iter().collect(),
            (name, _) => csv.position(name).into_iter().collect(),
        }
    }

    /// What a column of the data is made of. `trained`: the data trained on, and its table if it is one.
    fn features(&self, name: &str, trained: Option<Option<&Open>>) -> Result<Vec<Feature<'_>>, Diagnostic> {
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
            Ok(Feature { place, cells, numbers })
        };
        places.into_iter().map(feature).collect()
    }

    /// Features in the order in which the table trained on has them, if it has the same.
    fn in_the_order_of(&self, trained: &Open, places: Vec<usize>) -> Result<Vec<usize>, Diagnostic> {
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

    /// The numbers that the words of a column have in the table trained on.
    fn renumbered(&self, place: usize, name: &str, trained: &Open) -> Result<Option<Vec<i32>>, Diagnostic> {
        let at = match name {
            "y" => trained.places("y").first().copied(),
            _ => trained.csv.position(&self.csv.header[place]),
        };
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
        let cell = self.cell(0, place);
        match &self.csv.columns[place] {
            Cells::Numbers(numbers) => errors::other_cells(&cell, "a word", &numbers[0].to_string(), trained),
            Cells::Words { classes, codes } => {
                errors::other_cells(&cell, "a number", &classes[codes[0] as usize], trained)
            }
        }
    }

    /// Words of the target that no training row has cannot be learned.
    fn check_classes(&self, train: &[u32]) -> Result<(), Diagnostic> {
        let Some(place) = self.target.as_ref().and_then(|target| self.csv.position(target)) else {
            return Ok(());
        };
        let Cells::Words { classes, codes } = &self.csv.columns[place] else { return Ok(()) };
        let seen: BTreeSet<i32> = train.iter().map(|row| codes[*row as usize]).collect();
        match codes.iter().find(|code| !seen.contains(code)) {
            Some(code) => {
                Err(errors::unseen_class(&self.path, &self.csv.header[place], &classes[*code as usize]))
            }
            None => Ok(()),
        }
    }
}

impl Feature<'_> {
    fn number(&self, row: usize) -> f64 {
        match (self.cells, &self.numbers) {
            (Cells::Words { codes, .. }, Some(numbers)) => f64::from(numbers[codes[row] as usize]),
            (cells, _) => cells.number(row),
        }
    }
}
