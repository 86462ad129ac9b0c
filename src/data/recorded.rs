//! What is known of a table without its rows: enough to read others as a model sees them that was trained on it.

use serde_json::{Value, json};

use super::fill::CellFills;
use super::formats::Cells;
use super::formats::csv::Csv;
use crate::print::number;

/// A table without its rows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RecordedTable(pub(super) Vec<RecordedColumn>);

/// A column of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct RecordedColumn {
    /// Its name in the file.
    pub(super) name: String,
    /// What it holds.
    pub(super) holds: RecordedCells,
}

/// What a column holds.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum RecordedCells {
    /// These words, sorted.
    Words(Vec<String>),
    /// Numbers, and what stands for missing ones if that is a statistic of them.
    Numbers(Option<f64>),
}

impl RecordedTable {
    /// A table with the same words, and the same statistics of its only row.
    pub(super) fn stand_in(&self, rows: usize, fills: &CellFills, target: Option<&String>) -> Csv {
        let columns = self.0.iter().map(|RecordedColumn { name, holds }| {
            let cells = match holds {
                RecordedCells::Words(classes) => {
                    Cells::Words { classes: classes.clone(), codes: vec![0; rows] }
                }
                RecordedCells::Numbers(fill) => {
                    let mut numbers = vec![f64::NAN; rows];
                    numbers[0] = fill.unwrap_or(0.0);
                    Cells::Numbers(numbers)
                }
            };
            (name.clone(), cells, fills.rule(name, target == Some(name)))
        });
        Csv::of(vec![0; rows], columns)
    }

    /// As text in a file.
    pub(crate) fn to_json(&self) -> Value {
        let column = |column: &RecordedColumn| match &column.holds {
            RecordedCells::Words(words) => json!({ "name": column.name, "words": words }),
            // As text: numbers of JSON are read with the last digit in doubt.
            RecordedCells::Numbers(fill) => json!({ "name": column.name, "fill": fill.map(number) }),
        };
        self.0.iter().map(column).collect()
    }

    /// And back, if it is one.
    pub(crate) fn of_json(json: &Value) -> Option<RecordedTable> {
        let column = |column: &Value| {
            let name = column["name"].as_str()?.to_owned();
            let word = |word: &Value| Some(word.as_str()?.to_owned());
            let words = |list: &[Value]| list.iter().map(word).collect::<Option<Vec<String>>>();
            let holds = match (column["words"].as_array(), column["fill"].as_str()) {
                (Some(list), _) => RecordedCells::Words(words(list)?),
                (None, fill) => RecordedCells::Numbers(fill.map(str::parse).transpose().ok()?),
            };
            Some(RecordedColumn { name, holds })
        };
        Some(RecordedTable(json.as_array()?.iter().map(column).collect::<Option<_>>()?))
    }
}
