//! `csv("d.csv", target = "y")`: tables whose columns hold numbers or words.

use std::any::Any;
use std::io::BufReader;
use std::rc::Rc;

use super::table::OpenTable;
use crate::algebra::types::{DType, Dim};
use crate::data::arguments::{Arguments, SourceArgument, TEST, Takes};
use crate::data::errors;
use crate::data::fill::{CellFill, CellFills};
use crate::data::formats::Cells;
use crate::data::formats::csv::{self, Reading};
use crate::data::recorded::{RecordedCells, RecordedColumn};
use crate::data::split::{SplitFault, SplitPlan, SplitRule};
use crate::data::values::Unfit;
use crate::data::{Columns, Files, Reader, RecordedTable, Schema, SourceKind, Trained, Values, WantedColumn};
use crate::diag::Diagnostic;
use crate::input;

pub(crate) static CSV: SourceKind = SourceKind {
    name: "csv",
    doc: "A comma-separated file with a header.",
    example: "csv(\"file.csv\", target = \"column\")",
    arguments: &[
        &PATH, &TARGET, &TEST, &WINDOWS, &WORDS, &COLUMNS, &DROP, &MISSING, &FILL, &SEPARATOR, &DECIMAL,
        &STRATIFY, &GROUP, &ORDER, &SEED, &GROUPS, &DATES,
    ],
    exclusive: &[&["stratify", "group", "order", "windows"], &["seed", "order", "windows"]],
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

static STRATIFY: SourceArgument = SourceArgument {
    name: "stratify",
    takes: Takes::Column,
    doc: "the column of whose classes the test split has the same share each",
};
static GROUP: SourceArgument = SourceArgument {
    name: "group",
    takes: Takes::Column,
    doc: "the column whose equal cells are all in the test split or none; it is no part of `x`",
};
static ORDER: SourceArgument = SourceArgument {
    name: "order",
    takes: Takes::Column,
    doc: "the column by which the test split comes last",
};
static DATES: SourceArgument = SourceArgument {
    name: "dates",
    takes: Takes::Columns,
    doc: "columns of dates, such as `2014-12-31 23:00`, which become numbers of days",
};
static GROUPS: SourceArgument = SourceArgument {
    name: "groups",
    takes: Takes::Groups,
    doc: "names for several columns as one tensor, which are columns beside the others",
};
static SEED: SourceArgument = SourceArgument {
    name: "seed",
    takes: Takes::Whole(0),
    doc: "what the draw of the test split is a function of",
};

/// How the test split is chosen, if more is said of it than its share.
fn split_of(given: &Arguments) -> Option<SplitPlan> {
    let rules = [
        (&STRATIFY, SplitRule::Stratified as fn(String) -> SplitRule),
        (&GROUP, SplitRule::Grouped),
        (&ORDER, SplitRule::Ordered),
    ];
    let named = rules.into_iter().find_map(|(argument, rule)| Some(rule(given.text(argument)?.to_owned())));
    let seed = given.whole(&SEED);
    let rule = named.or(seed.map(|_| SplitRule::Drawn))?;
    // Without a share the test split is empty, which is said when the script is checked.
    let share = given.share(&TEST).unwrap_or(0.0);
    Some(SplitPlan { rule, share, seed: seed.unwrap_or(0) as u64 })
}

/// How to read a comma-separated file.
#[derive(Debug)]
struct CsvTable {
    path: String,
    windows: Option<usize>,
    split: Option<SplitPlan>,
    /// Several columns as one.
    groups: Vec<(String, Vec<String>)>,
    reading: Reading,
}

impl CsvTable {
    fn of(given: &Arguments) -> CsvTable {
        let names = |argument| given.names(argument).to_vec();
        let usual = Reading::default();
        let windows = given.whole(&WINDOWS);
        let split = split_of(given);
        let grouped = given.text(&GROUP).map(str::to_owned);
        let reading = Reading {
            separator: given.text(&SEPARATOR).map_or(usual.separator, |text| text.as_bytes()[0]),
            decimal: given.text(&DECIMAL).and_then(|text| text.chars().next()).unwrap_or(usual.decimal),
            columns: names(&COLUMNS),
            drop: names(&DROP).into_iter().chain(grouped).collect(),
            key: split.as_ref().and_then(|split| split.rule.column().cloned()),
            words: names(&WORDS),
            dates: names(&DATES),
            missing: names(&MISSING),
            fills: given.per_column(&FILL).map(CellFills::of).unwrap_or_default(),
            target: given.text(&TARGET).map(str::to_owned),
            consecutive: windows.is_some(),
            predicting: false,
        };
        let path = given.text(&PATH).unwrap_or_default().to_owned();
        CsvTable { path, windows, split, groups: given.groups(&GROUPS).to_vec(), reading }
    }

    /// The table with the rows of the file that are in these training rows.
    fn open(&self, files: &Files, train: Vec<u32>) -> Result<OpenTable, Diagnostic> {
        let csv = files.once(self.key(), &self.path, |path| {
            let file = input::open(path).map_err(|error| errors::unreadable(path, &error))?;
            csv::read(path, BufReader::new(file), &self.reading)
        })?;
        let (path, groups) = (files.path(&self.path), self.groups.clone());
        Ok(OpenTable { csv, path, target: self.reading.target.clone(), groups, train })
    }

    /// The test rows of a table, where more is said of them than their share.
    fn test_of(&self, open: &OpenTable) -> Result<Option<Vec<u32>>, Diagnostic> {
        let Some(split) = &self.split else { return Ok(None) };
        let column = split.rule.column().map_or("", String::as_str);
        let test = split.test(open.csv.rows, &open.csv.keys, self.reading.decimal);
        test.map(Some).map_err(|fault| match fault {
            SplitFault::NoOrder(row) => {
                errors::no_order(&open.path, (open.csv.lines[row], column), &open.csv.keys[row])
            }
            SplitFault::ManyClasses(classes, rows) => errors::many_classes(&open.path, column, classes, rows),
        })
    }

    /// What tells its table from others: all that there is to say about reading is in its text.
    fn key(&self) -> (String, String) {
        (self.path.clone(), format!("{:?}", self.reading))
    }

    /// How to read these columns of another table for predictions.
    fn reading_like(&self, columns: &[&str], table: &RecordedTable) -> Reading {
        let wanted = |column: &&RecordedColumn| {
            let name = column.name.as_str();
            let mut groups = self.groups.iter().filter(|(group, _)| columns.contains(&group.as_str()));
            let grouped = groups.any(|(_, group)| group.iter().any(|of| of == name));
            let all = columns.contains(&"x");
            Some(name) != self.reading.target.as_deref() && (all || grouped || columns.contains(&name))
        };
        let recorded = |name: &str| table.0.iter().any(|column| column.name == name);
        let indicated = |name: &str| recorded(&format!("{name}_missing"));
        let rule = |name: &str| self.reading.fills.rule(name, false).fill;
        // Columns that say where cells were missing are made, not read.
        let made = |name: &str| {
            let of = name.strip_suffix("_missing").filter(|of| recorded(of));
            of.is_some_and(|of| rule(of) == Some(CellFill::Indicator))
        };
        let read: Vec<&RecordedColumn> =
            table.0.iter().filter(wanted).filter(|column| !made(&column.name)).collect();
        let words = |column: &&&RecordedColumn| matches!(column.holds, RecordedCells::Words(_));
        let fill = |column: &&RecordedColumn| {
            let numbers = matches!(column.holds, RecordedCells::Numbers(_));
            let fill = match (rule(&column.name)?, numbers) {
                (CellFill::Drop, _) | (CellFill::Word(_), true) => return None,
                (CellFill::Mean | CellFill::Median | CellFill::Number(_), false) => return None,
                (CellFill::Indicator, true) if !indicated(&column.name) => CellFill::Mean,
                (other, _) => other,
            };
            Some((column.name.clone(), fill))
        };
        let name = |column: &&RecordedColumn| column.name.clone();
        Reading {
            words: read.iter().filter(words).map(name).collect(),
            fills: CellFills { named: read.iter().filter_map(fill).collect(), others: None },
            columns: read.iter().map(name).collect(),
            dates: self
                .reading
                .dates
                .iter()
                .filter(|name| read.iter().any(|of| of.name == **name))
                .cloned()
                .collect(),
            drop: Vec::new(),
            key: None,
            target: None,
            predicting: true,
            ..self.reading.clone()
        }
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
        let chosen = self.test_of(&open)?.map(|test| test.len());
        let columns = open.columns(real)?;
        let words = open.words();
        let mut schema = Schema { columns, rows: open.csv.rows, chosen, words, ..Schema::default() };
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

    fn test(&self, files: &Files) -> Result<Option<Vec<u32>>, Diagnostic> {
        match self.split {
            Some(_) => self.test_of(&self.open(files, Vec::new())?),
            None => Ok(None),
        }
    }

    fn features_are_all(&self) -> bool {
        self.reading.target.is_none()
    }

    fn target(&self) -> Option<&str> {
        self.reading.target.as_deref()
    }

    fn words(&self, files: &Files, column: &str) -> Result<Option<Vec<String>>, Diagnostic> {
        let open = self.open(files, Vec::new())?;
        let grouped = self.groups.iter().any(|(group, _)| group == column);
        let place = open.places(column).first().copied().filter(|_| column != "x" && !grouped);
        Ok(place.and_then(|place| match &open.csv.columns[place] {
            Cells::Words { classes, .. } => Some(classes.clone()),
            Cells::Numbers(_) => None,
        }))
    }

    /// Of windows the row after each, which is what they are to say.
    fn lines(&self, files: &Files) -> Result<Option<Vec<u64>>, Diagnostic> {
        let open = self.open(files, Vec::new())?;
        Ok(Some(open.csv.lines[self.windows.unwrap_or(0)..].to_vec()))
    }

    fn record(&self, files: &Files, train: &[u32]) -> Result<Option<RecordedTable>, Diagnostic> {
        let open = self.open(files, self.train(train))?;
        let csv = &open.csv;
        let column = |place: usize| {
            let (cells, rule) = (&csv.columns[place], &csv.rules[place]);
            let numbers = open.train.iter().map(|row| cells.number(*row as usize));
            let fill = rule.fill.as_ref().filter(|_| rule.is_statistic());
            let holds = match cells {
                Cells::Words { classes, .. } => RecordedCells::Words(classes.clone()),
                Cells::Numbers(_) => RecordedCells::Numbers(
                    fill.and_then(|fill| fill.statistic(numbers.filter(|number| !number.is_nan()))),
                ),
            };
            RecordedColumn { name: csv.header[place].clone(), holds }
        };
        Ok(Some(RecordedTable((0..csv.header.len()).map(column).collect())))
    }

    fn recall(&self, files: &Files, table: &RecordedTable) -> Result<(), Diagnostic> {
        let Reading { fills, target, .. } = &self.reading;
        let rows = 1 + self.windows.unwrap_or(0);
        files.once(self.key(), &self.path, |_| Ok(table.stand_in(rows, fills, target.as_ref()))).map(|_| ())
    }

    fn like(&self, path: &str, columns: &[&str], table: &RecordedTable) -> Option<Rc<dyn Reader>> {
        let reading = self.reading_like(columns, table);
        let (path, groups) = (path.to_owned(), self.groups.clone());
        Some(Rc::new(CsvTable { path, windows: self.windows, split: None, groups, reading }))
    }

    /// Of windows also the one at the end of the file, after which comes no row.
    fn rows_to_predict(&self, files: &Files, _: DType) -> Result<usize, Diagnostic> {
        let open = self.open(files, Vec::new())?;
        let before = self.windows.map_or(0, |rows| rows - 1);
        match open.csv.rows.checked_sub(before) {
            None | Some(0) => Err(errors::no_window(&open.path, open.csv.rows, before + 1)),
            Some(rows) => Ok(rows),
        }
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
