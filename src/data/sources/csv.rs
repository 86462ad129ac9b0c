//! `csv("d.csv", target = "y")`: tables whose columns hold numbers or words.

use std::any::Any;
use std::io::BufReader;
use std::rc::Rc;

use super::table::OpenTable;
use crate::algebra::types::{DType, Dim};
use crate::data::arguments::{Arguments, SourceArgument, TEST, Takes};
use crate::data::errors;
use crate::data::fill::{CellFill, CellFills};
use crate::data::formats::csv::{self, Reading};
use crate::data::values::Unfit;
use crate::data::{Columns, Files, Reader, Schema, SourceKind, Trained, Values, WantedColumn};
use crate::diag::Diagnostic;
use crate::input;

pub(crate) static CSV: SourceKind = SourceKind {
    name: "csv",
    doc: "A comma-separated file with a header.",
    example: "csv(\"file.csv\", target = \"column\")",
    arguments: &[
        &PATH, &TARGET, &TEST, &WINDOWS, &WORDS, &COLUMNS, &DROP, &MISSING, &FILL, &SEPARATOR, &DECIMAL,
    ],
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

static COLUMNS: SourceArgument = SourceArgument {
    name: "columns",
    takes: Takes::Columns,
    doc: "the columns that are read beside the target, in the order that `x` has them in",
};
static DROP: SourceArgument =
    SourceArgument { name: "drop", takes: Takes::Columns, doc: "columns that are not read" };
static MISSING: SourceArgument = SourceArgument {
    name: "missing",
    takes: Takes::Texts,
    doc: "what a missing cell may hold; an empty one is always missing",
};
static FILL: SourceArgument = SourceArgument {
    name: "fill",
    takes: Takes::PerColumn(CellFill::WORDS),
    doc: "what becomes of missing cells, of all columns or of each",
};
static SEPARATOR: SourceArgument = SourceArgument {
    name: "separator",
    takes: Takes::OneOf(&[",", ";", "\t", "|"]),
    doc: "what stands between cells",
};
static DECIMAL: SourceArgument = SourceArgument {
    name: "decimal",
    takes: Takes::OneOf(&[".", ","]),
    doc: "what stands before the fraction of a number",
};

/// How to read a comma-separated file.
#[derive(Debug)]
struct CsvTable {
    path: String,
    windows: Option<usize>,
    reading: Reading,
}

impl CsvTable {
    fn of(given: &Arguments) -> CsvTable {
        let names = |argument| given.names(argument).to_vec();
        let usual = Reading::default();
        let windows = given.whole(&WINDOWS);
        let reading = Reading {
            separator: given.text(&SEPARATOR).map_or(usual.separator, |text| text.as_bytes()[0]),
            decimal: given.text(&DECIMAL).and_then(|text| text.chars().next()).unwrap_or(usual.decimal),
            columns: names(&COLUMNS),
            drop: names(&DROP),
            words: names(&WORDS),
            missing: names(&MISSING),
            fills: given.per_column(&FILL).map(CellFills::of).unwrap_or_default(),
            target: given.text(&TARGET).map(str::to_owned),
            consecutive: windows.is_some(),
        };
        CsvTable { path: given.text(&PATH).unwrap_or_default().to_owned(), windows, reading }
    }

    /// The table with the rows of the file that are in these training rows.
    fn open(&self, files: &Files, train: Vec<u32>) -> Result<OpenTable, Diagnostic> {
        // All that there is to say about reading is in its text.
        let key = (self.path.clone(), format!("{:?}", self.reading));
        let csv = files.once(key, &self.path, |path| {
            let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
            csv::read(path, BufReader::new(file), &self.reading)
        })?;
        Ok(OpenTable { csv, path: files.path(&self.path), target: self.reading.target.clone(), train })
    }

    /// The table that a model was trained on, if that was one.
    fn trained(files: &Files, trained: Trained<'_>) -> Result<Option<OpenTable>, Diagnostic> {
        let reader = trained.source.map(|source| source.reader() as &dyn Any);
        let table = reader.and_then(|reader| reader.downcast_ref::<CsvTable>());
        table.map(|table| table.open(files, table.train(trained.train))).transpose()
    }

    /// The rows of the file that are in training rows. Of windows the rows of the file are in their order, and
    /// the test is what comes last.
    fn train(&self, train: &[u32]) -> Vec<u32> {
        match self.windows {
            None => train.to_vec(),
            Some(ahead) => (0..(train.len() + ahead) as u32).collect(),
        }
    }
}

impl Reader for CsvTable {
    /// Of windows, each column but `y` has an axis for the rows of a window.
    fn schema(&self, files: &Files, real: DType) -> Result<Schema, Diagnostic> {
        let open = self.open(files, Vec::new())?;
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
        self.reading.target.is_none()
    }

    fn help_for_labels(&self, column: &str) -> Option<String> {
        let name = match (column, &self.reading.target) {
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
        let open = self.open(files, self.train(wanted.train))?;
        let trained = wanted.trained.map(|trained| CsvTable::trained(files, trained)).transpose()?;
        if wanted.name == "y" && trained.is_none() {
            open.check_classes()?;
        }
        let features = open.features(wanted.name, trained.as_ref().map(Option::as_ref))?;
        let number = |row: usize, k: usize| features[k].number(row);
        let scales = wanted.scales(features.len(), &open.train, number);
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
