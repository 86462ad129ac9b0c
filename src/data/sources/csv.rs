//! `csv("d.csv", target = "y")`: tables whose columns hold numbers or words.

use std::any::Any;
use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::algebra::types::{DType, Dim, Type};
use crate::data::arguments::{Arguments, SourceArgument, TEST, Takes};
use crate::data::errors::{self, CellPlace};
use crate::data::formats::Cells;
use crate::data::formats::csv::{self, Csv};
use crate::data::values::Unfit;
use crate::data::{Columns, Files, Reader, Schema, SourceKind, Trained, Values, WantedColumn};
use crate::diag::Diagnostic;
use crate::input;

pub(crate) static CSV: SourceKind = SourceKind {
    name: "csv",
    doc: "A comma-separated file with a header.",
    example: "csv(\"file.csv\", target = \"column\")",
    arguments: &[&PATH, &TARGET, &TEST, &WINDOWS, &WORDS],
    needed: 1,
    columns: Columns::Unnamed,
    reader: |given| Rc::new(CsvTable::of(given)),
};

pub(crate) static PATH: SourceArgument =
    SourceArgument { name: "path", takes: Takes::Path, doc: "the path of the file" };
pub(crate) static TARGET: SourceArgument = SourceArgument {
    name: "target",
    takes: Takes::Column,
    doc: "the column that is `y`; all others are `x`",
};
static WINDOWS: SourceArgument = SourceArgument {
    name: "windows",
    takes: Takes::Whole(1),
    doc: "how many consecutive rows of the file a row is; its `y` is that of the row after them",
};
static WORDS: SourceArgument = SourceArgument {
    name: "words",
    takes: Takes::Columns,
    doc: "columns whose cells are words, whatever they look like",
};

/// How to read a comma-separated file.
#[derive(Debug)]
struct CsvTable {
    path: String,
    target: Option<String>,
    windows: Option<usize>,
    words: Vec<String>,
}

impl CsvTable {
    fn of(given: &Arguments) -> CsvTable {
        CsvTable {
            path: given.text(&PATH).unwrap_or_default().to_owned(),
            target: given.text(&TARGET).map(str::to_owned),
            windows: given.whole(&WINDOWS),
            words: given.names(&WORDS).to_vec(),
        }
    }

    fn open(&self, files: &Files) -> Result<OpenTable, Diagnostic> {
        let key = (self.path.clone(), self.words.clone());
        let csv = files.once(key, &self.path, |path| {
            let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
            csv::read(path, BufReader::new(file), &self.words)
        })?;
        Ok(OpenTable { csv, path: files.path(&self.path), target: self.target.clone() })
    }

    /// The table that a model was trained on, if that was one.
    fn trained(files: &Files, trained: Trained<'_>) -> Result<Option<OpenTable>, Diagnostic> {
        let reader = trained.source.map(|source| source.reader() as &dyn Any);
        reader.and_then(|reader| reader.downcast_ref::<CsvTable>()).map(|table| table.open(files)).transpose()
    }

    /// The rows of the file that are in training rows. Of windows the rows of the file are in their order, and
    /// the test is what comes last.
    fn train(&self, wanted: &WantedColumn<'_>) -> Vec<u32> {
        match self.windows {
            None => wanted.train.to_vec(),
            Some(ahead) => (0..(wanted.train.len() + ahead) as u32).collect(),
        }
    }
}

impl Reader for CsvTable {
    /// Of windows, each column but `y` has an axis for the rows of a window.
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic> {
        let open = self.open(files)?;
        let mut schema = Schema { columns: open.columns(real)?, rows: open.csv.rows, ..Schema::default() };
        if let Some(rows) = self.windows {
            if schema.rows <= rows {
                return Err(errors::few_rows(&open.path, schema.rows, rows));
            }
            schema.rows -= rows;
            let windowed = schema.columns.iter_mut().filter(|(name, _)| name != "y");
            windowed.for_each(|(_, ty)| ty.shape.insert(0, Dim::from(rows)));
        }
        Ok(schema)
    }

    fn test_is_last(&self) -> bool {
        self.windows.is_some()
    }

    fn features_are_all(&self) -> bool {
        self.target.is_none()
    }

    fn help_for_labels(&self, column: &str) -> Option<String> {
        let name = match (column, &self.target) {
            ("x", _) => return None,
            ("y", Some(target)) => target.as_str(),
            (name, _) => name,
        };
        Some(format!(
            "class numbers are whole and at most 2147483647; if these are codes, write `words = [\"{name}\"]`"
        ))
    }

    /// A column, with the numbers of words, the order of features, and the statistics of the data trained
    /// on.
    fn column(&self, files: &Files, wanted: &WantedColumn<'_>) -> Result<Values, Diagnostic> {
        let open = self.open(files)?;
        let trained = wanted.trained.map(|trained| CsvTable::trained(files, trained)).transpose()?;
        let train = self.train(wanted);
        if wanted.name == "y" && trained.is_none() {
            open.check_classes(&train)?;
        }
        let features = open.features(wanted.name, trained.as_ref().map(Option::as_ref))?;
        let number = |row: usize, k: usize| features[k].number(row);
        let scales = wanted.scales(features.len(), &train, number);
        let (size, dtype) = ((open.csv.rows, features.len()), wanted.ty.dtype);
        let values = Values::scaled(size, dtype, scales, number).map_err(|failure| match failure {
            Unfit::Memory(bytes) => errors::no_memory(&open.path, bytes),
            Unfit::Number { row, feature, number } => {
                errors::too_large_for(&open.cell(row, features[feature].place), number, dtype)
            }
        })?;
        Ok(match self.windows {
            None => values,
            Some(rows) if wanted.name == "y" => values.after(rows),
            Some(rows) => values.windows(rows),
        })
    }
}

/// A table, and what messages call it.
struct OpenTable {
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

impl OpenTable {
    fn cell(&self, row: usize, place: usize) -> CellPlace<'_> {
        CellPlace { path: &self.path, line: self.csv.lines[row], column: &self.csv.header[place] }
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
    fn features(
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
            Ok(Feature { place, cells, numbers })
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

    /// The numbers that the words of a column have in the table trained on.
    fn renumbered(
        &self,
        place: usize,
        name: &str,
        trained: &OpenTable,
    ) -> Result<Option<Vec<i32>>, Diagnostic> {
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
